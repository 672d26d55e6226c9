#!/usr/bin/env python3
"""Makes the archive of a release: program, manual pages, completions, documents, bill of materials, checksums.

Owns what is in an archive and how it is named. Two runs over the same program give the same bytes. Needs Python 3.9 and cargo; the
bill of materials needs cargo-cyclonedx.

    python3 data/dist/package.py                                  # builds for this machine, writes below target/archives
    python3 data/dist/package.py --target aarch64-apple-darwin
    python3 data/dist/package.py --program FILE --out DIR         # packs a program that is built already
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "README.zh-CN.md", "CHANGELOG.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE", "models/NOTICE"]
SHELLS = {"bash": "claude-memory.bash", "zsh": "_claude-memory", "fish": "claude-memory.fish", "powershell": "claude-memory.ps1"}
CYCLONEDX = "cargo install cargo-cyclonedx --locked --version 0.5.9"


def run(*command, **how):
    return subprocess.run([str(part) for part in command], check=True, cwd=ROOT, **how)


def host():
    said = run("rustc", "-vV", stdout=subprocess.PIPE, text=True).stdout
    return re.search(r"^host: (.*)$", said, re.M).group(1)


def version():
    return re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M).group(1)


def runtime_of(target):
    """The part of the file name of the runtime that this target embeds, as src/embed/assets.rs chooses it."""
    machine = "arm64" if target.startswith("aarch64") else "x64"
    for system, name in [("linux", "linux"), ("darwin", "macos"), ("windows", "windows")]:
        if system in target:
            return f"{name}-{machine}"
    return ""


def bill(target, folder):
    """What is inside: every crate, and the encoder and the runtime, which are no crates. CycloneDX 1.5."""
    name = "bill-of-materials"
    try:
        run("cargo", "cyclonedx", "--format", "json", "--spec-version", "1.5", "--target", target,
            "--override-filename", name, "-q")
    except subprocess.CalledProcessError:
        sys.exit(f"package: the bill of materials needs cargo-cyclonedx; run `{CYCLONEDX}`, or leave it out: --without-bill")
    for other in ROOT.glob(f"src/**/{name}.json"):  # Of the package inside, whose crates are in the other one too.
        other.unlink()
    made = ROOT / f"{name}.json"
    content = json.loads(made.read_text())
    made.unlink()
    manifest = re.split(r'^\["(.*)"\]$', (ROOT / "models/manifest.toml").read_text(), flags=re.M)[1:]
    for file, about in zip(manifest[::2], manifest[1::2]):
        field = dict(re.findall(r'^(\w+) = "?(.*?)"?$', about, re.M))
        if file.startswith("runtime/onnx") and runtime_of(target) not in file:
            continue
        if file in ("e5-small-zhen-int8.onnx.zst", "e5-small-zhen.tokenizer.json.zst"):  # What the others are made from.
            continue
        content["components"].append({
            "type": "machine-learning-model" if file.startswith("e5") else "file",
            "bom-ref": f"file:models/{file}",
            "name": file,
            "description": field.get("source", ""),
            "licenses": [{"license": {"id": field["licence"]}}] if field.get("licence") else [],
            "hashes": [{"alg": "SHA-256", "content": field["sha256"]}],
        })
    # Who made it on which day is in the history, not in here: equal programs have equal bills.
    content.pop("serialNumber", None)
    content.get("metadata", {}).pop("timestamp", None)
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (folder / "sbom.cdx.json").write_text(text.replace(str(ROOT), "."), encoding="utf-8")


def stage(program, target, folder, with_bill):
    (folder / "bin").mkdir()
    binary = folder / "bin" / ("claude-memory.exe" if "windows" in target else "claude-memory")
    shutil.copyfile(program, binary)
    binary.chmod(0o755)
    for document in DOCUMENTS:
        shutil.copyfile(ROOT / document, folder / pathlib.Path(document).name)
    shutil.copyfile(ROOT / "data/dist/install.sh", folder / "install.sh")
    (folder / "install.sh").chmod(0o755)
    # Whose release this is, so that install.sh can ask for its attestation.
    if os.environ.get("GITHUB_REPOSITORY"):
        (folder / "REPOSITORY").write_text(os.environ["GITHUB_REPOSITORY"] + "\n")
    # They are asked of the program itself. A program for another machine cannot answer: they are then those of this machine's.
    asked = program if target == host() else ROOT / "target/dist/claude-memory"
    if asked.exists():
        run(asked, "man", folder / "man", "--quiet")
        (folder / "completions").mkdir()
        for shell, name in SHELLS.items():
            said = run(asked, "completions", shell, stdout=subprocess.PIPE).stdout
            (folder / "completions" / name).write_bytes(said)
    if with_bill:
        bill(target, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))


def packed(folder, out, moment):
    """The archive: .zip where Windows opens it, else .tar.gz. Order, owners and times do not depend on who packs."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    named = [(f"{folder.name}/{path.relative_to(folder).as_posix()}", path) for path in files]
    executable = lambda path: path.parent.name == "bin" or path.name == "install.sh"
    if "windows" in folder.name:
        archive = out / f"{folder.name}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as pack:
            for name, path in named:
                pack.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), path.read_bytes(), zipfile.ZIP_DEFLATED)
        return archive
    archive = out / f"{folder.name}.tar.gz"
    with open(archive, "wb") as file, gzip.GzipFile("", "wb", 6, file, moment) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as pack:
            for name, path in named:
                content = path.read_bytes()
                entry = tarfile.TarInfo(name)
                entry.size, entry.mtime, entry.mode = len(content), moment, 0o755 if executable(path) else 0o644
                pack.addfile(entry, io.BytesIO(content))
    return archive


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", help="triple of the machine it is for (default: this one)")
    parser.add_argument("--program", type=pathlib.Path, help="a program that is built already")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target/archives", help="where the archive goes")
    parser.add_argument("--without-bill", action="store_true", help="leave the bill of materials out")
    asked = parser.parse_args()
    target = asked.target or host()
    program = asked.program
    if program is None:
        run("cargo", "build", "--profile", "dist", "--locked", *(["--target", target] if asked.target else []))
        built = ROOT / "target" / (target if asked.target else "") / "dist"
        program = built / ("claude-memory.exe" if "windows" in target else "claude-memory")
    moment = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / f"claude-memory-{version()}-{target}"
        folder.mkdir()
        stage(program.resolve(), target, folder, not asked.without_bill)
        archive = packed(folder, asked.out, moment)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (asked.out / f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")
    print(archive)


if __name__ == "__main__":
    main()
