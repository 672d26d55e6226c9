#!/usr/bin/env python3
"""Trains the zstd dictionary of stored texts (src/store/frames.dict) from texts of this project only: the sample
conversations and the source. A dictionary holds raw snippets, so nobody's conversations may be in it.

    python3 models/dictionary.py          needs the zstd command

Run it only for a new dictionary number: every stored frame refers to the dictionary that packed it.
"""

import glob
import json
import os
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BYTES = 32 << 10


def texts():
    for path in sorted(glob.glob(f"{ROOT}/data/demo/*.jsonl")):
        for line in open(path, encoding="utf8"):
            content = json.loads(line).get("message", {}).get("content", [])
            for block in [{"text": content}] if isinstance(content, str) else content:
                fields = block.get("input")
                if fields:
                    yield "\n".join(f"{name}: {value}" for name, value in fields.items())
                yield block.get("text") or block.get("content") or block.get("thinking") or ""
    for path in sorted(glob.glob(f"{ROOT}/src/**/*.rs", recursive=True) + glob.glob(f"{ROOT}/**/*.md", recursive=True)):
        if "/target/" not in path and "/.real/" not in path:
            text = open(path, encoding="utf8").read()
            # As a tool prints a file: numbered lines, in pieces.
            lines = [f"{number:6}→{line}" for number, line in enumerate(text.split("\n"), 1)]
            for start in range(0, len(lines), 25):
                yield "\n".join(lines[start:start + 25])


with tempfile.TemporaryDirectory() as folder:
    names = []
    for number, text in enumerate(text for text in texts() if len(text) > 20):
        names.append(f"{folder}/{number}")
        open(names[-1], "w", encoding="utf8").write(text)
    target = f"{ROOT}/src/store/frames.dict"
    subprocess.run(["zstd", "-q", "--train", *names, f"--maxdict={BYTES}", "--dictID=1", "-f", "-o", target], check=True)
    print(len(names), "texts,", os.path.getsize(target), "bytes")
