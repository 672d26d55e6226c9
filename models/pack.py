"""Writes the built-in encoder as the program maps it: `words`, `layers` and `vocabulary` (see src/embed/encoder).

Called by build.py with the quantised ONNX graph and the tokenizer that it made. Nothing is rounded here: weights change
their order only, so the program's vectors have the bits that ONNX Runtime makes of the graph.

All numbers are little endian. Each file begins with eight letters; every array begins on a multiple of 64 bytes.
"""

import base64
import json
import struct

HIDDEN, LAYERS, COLUMNS, ROWS = 384, 12, 16, 4
# A sum of products of bytes (up to 255) and weights fits 16 bits while the weights of one sign sum to no more than this.
MOST = 128
DEEPEST = 4


class Arrays:
    """Bytes of a file: a head, then arrays on multiples of 64."""

    def __init__(self, letters, *numbers):
        self.parts = [letters + struct.pack(f"<{len(numbers)}Q", *numbers)]
        self.at = len(self.parts[0])

    def add(self, value):
        raw = value if isinstance(value, bytes) else value.tobytes()
        padding = -self.at % 64
        self.parts += [b"\0" * padding, raw]
        self.at += padding + len(raw)

    def write(self, path):
        open(path, "wb").write(b"".join(self.parts))


def choose_bins(loads):
    """Groups of rows whose products may be added in 16 bits before they are widened: lists of at most DEEPEST places.

    `loads` is [groups, 64]: what each group adds at most for each column, half and sign. First fit, heaviest first.
    """
    import numpy as np
    left = np.argsort(-(loads.astype(np.int64) ** 2).sum(axis=1), kind="stable")
    bins = []
    while len(left):
        members, total, left = [left[0]], loads[left[0]].copy(), left[1:]
        start = 0
        while len(members) < DEEPEST and start < len(left):
            fits = np.flatnonzero((total + loads[left[start:]] <= MOST).all(axis=1))
            if not len(fits):
                break
            place = start + fits[0]
            members.append(left[place])
            total += loads[left[place]]
            left, start = np.delete(left, place), place
        bins.append(sorted(int(member) for member in members))
    return bins


def add_linear(out, arrays, names):
    """Adds one matrix product (several side by side): weights in panels of 16 columns, each panel in groups of 4 rows in the
    order of their bins; the first input of each group; bins by depth, 4 to 1; per column the scale, the sum of weights, the bias."""
    import numpy as np
    weights = np.concatenate([arrays[name + ".weight_quantized"] for name in names], axis=1)
    zero = np.concatenate([arrays[name + ".weight_zero_point"].reshape(-1) for name in names])
    assert weights.dtype == np.int8 and not zero.any() and weights.min() >= -64 and weights.max() <= 64
    rows, columns = weights.shape
    panels = weights.reshape(rows // ROWS, ROWS, columns // COLUMNS, COLUMNS).transpose(2, 0, 3, 1)
    packed, offsets, depths = np.empty_like(panels, order="C"), [], []
    for number, panel in enumerate(panels):
        pairs = panel.astype(np.int16).reshape(len(panel), COLUMNS, 2, 2)
        loads = np.stack([np.maximum(pairs, 0).sum(axis=3), np.maximum(-pairs, 0).sum(axis=3)], axis=3).reshape(len(panel), 64)
        bins = sorted(choose_bins(loads), key=lambda members: -len(members))
        assert all((loads[members].sum(axis=0) <= MOST).all() for members in bins)
        order = [member for members in bins for member in members]
        assert sorted(order) == list(range(len(panel)))
        packed[number] = panel[order]
        offsets += [member * ROWS for member in order]
        depths += [sum(len(members) == depth for members in bins) for depth in range(DEEPEST, 0, -1)]
    out.add(packed)
    out.add(np.array(offsets, "<u2"))
    out.add(np.array(depths, "<u2"))
    out.add(np.concatenate([arrays[name + ".weight_scale"].reshape(-1) for name in names]).astype("<f4"))
    out.add(weights.astype(np.int32).sum(axis=0).astype("<i4"))
    out.add(np.concatenate([arrays[name + ".bias"] for name in names]).astype("<f4"))


def pack_weights(model_path, words_path, layers_path):
    """Writes the embedding of words and positions to one file, the twelve layers to another."""
    import numpy as np
    import onnx
    from onnx import numpy_helper
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(model_path).graph.initializer}

    def add_norm(out, name):
        out.add(arrays[name + ".scale"].astype("<f4"))
        out.add(arrays[name + ".bias"].astype("<f4"))

    words, positions = arrays["words"], arrays["positions"]
    assert words.dtype == np.int8 and words.shape[1] == positions.shape[1] == HIDDEN
    out = Arrays(b"e5words1", len(words), len(positions))
    out.add(words)
    out.add(arrays["words.scale"].astype("<f4"))
    out.add(positions.astype("<f4"))
    add_norm(out, "emb.ln")
    out.write(words_path)
    out = Arrays(b"e5layer1")
    for layer in range(LAYERS):
        name = f"l{layer}."
        add_linear(out, arrays, [name + "q", name + "k", name + "v"])
        add_linear(out, arrays, [name + "ao"])
        add_norm(out, name + "aln")
        add_linear(out, arrays, [name + "fi"])
        add_linear(out, arrays, [name + "fo"])
        add_norm(out, name + "oln")
    out.write(layers_path)


def pack_vocabulary(tokenizer_path, path):
    """Writes the normaliser's table as SentencePiece made it, the pieces as a trie of the same form, their scores, the least
    of them."""
    import dartsclone
    import numpy as np
    tokenizer = json.load(open(tokenizer_path, encoding="utf8"))
    charsmap = base64.b64decode(tokenizer["normalizer"]["normalizers"][0]["precompiled_charsmap"])
    size, = struct.unpack_from("<I", charsmap)
    pieces = [(piece.encode(), place) for place, (piece, _) in enumerate(tokenizer["model"]["vocab"])]
    pieces.sort()
    trie = dartsclone.DoubleArray()
    trie.build([piece for piece, _ in pieces], values=[place for _, place in pieces])
    units = np.frombuffer(trie.array(), "<u4")
    replacements = charsmap[4 + size:]
    out = Arrays(b"e5vocab1", size // 4, len(replacements), len(units), len(pieces))
    out.add(charsmap[4:4 + size])
    out.add(replacements)
    out.add(units)
    scores = np.array([score for _, score in tokenizer["model"]["vocab"]], "<f8")
    out.add(scores)
    out.add(scores.min(keepdims=True))
    out.write(path)
