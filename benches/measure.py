"""Measures the program on a folder of Claude Code transcripts and prints the table of docs/measurements.md.

    python3 benches/measure.py TRANSCRIPTS [--program target/release/claude-memory] [--seconds 20] [--runs 5]

Works in a temporary data folder and removes it. Takes about two minutes, most of it embedding. Needs only Python. The load
of the machine is printed with the table: above 0.5 other work had its share of the processor.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import time

QUERY = "why did the tests fail on the build server"


class Program:
    """The program with a data folder of its own."""

    def __init__(self, path, folder):
        self.path = os.path.abspath(path)
        self.environment = {"HOME": folder, "CLAUDE_MEMORY_HOME": f"{folder}/memory", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def run(self, *arguments, seconds=None):
        """Returns the output, seconds, seconds of CPU and the peak of memory in MB of one run, which may be interrupted."""
        begin = time.monotonic()
        child = subprocess.Popen([self.path, *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        if seconds is not None:
            time.sleep(seconds)
            child.send_signal(signal.SIGINT)
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1) and seconds is None:
            raise SystemExit(f"{arguments} ended with {child.returncode}: {output.decode()}")
        return output.decode(), time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def json(self, *arguments, **options):
        output, *figures = self.run(*arguments, "--json", **options)
        return json.loads(output), *figures

    def median(self, runs, *arguments):
        """Returns the medians of milliseconds, milliseconds of CPU and MB at peak of so many runs, after one that warms."""
        self.run(*arguments)
        figures = [self.run(*arguments)[1:] for _ in range(runs)]
        wall, cpu, peak = (statistics.median(column) for column in zip(*figures))
        return wall * 1000, cpu * 1000, peak


def size(path):
    """Returns the bytes of a file or of all files below a folder."""
    path = pathlib.Path(path)
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def measure(arguments, folder):
    """Yields a row of the table (what, command, figure) at a time."""
    program = Program(arguments.program, folder)
    load = "import claude-code TRANSCRIPTS"
    report, wall, cpu, peak = program.json("import", "claude-code", arguments.transcripts)
    damaged = report["ledger"]["damaged"]
    yield ("import, ready for keyword search", load,
           f"{wall:.1f} s, {cpu:.1f} s of CPU, {peak:.0f} MB at peak; {report['messages']:,} messages of "
           f"{report['ledger']['records']:,} records, {damaged} damaged")
    report, wall, cpu, _ = program.json("import", "claude-code", arguments.transcripts)
    yield "the same again", load, f"{wall:.2f} s, {report['new']} new messages"
    wall, cpu, peak = program.median(arguments.runs, "search", "--mode", "keyword", QUERY)
    yield "keyword search, a process of its own", "search --mode keyword", f"{wall:.0f} ms, {cpu:.0f} ms of CPU, {peak:.0f} MB at peak"
    for threads in (1, 2):
        report, wall, cpu, peak = program.json("embed", "--threads", str(threads), seconds=arguments.seconds)
        yield (f"embedding, {threads} {'worker' if threads == 1 else 'workers'}", f"embed --threads {threads}, interrupted",
               f"{report['vectors'] / wall:.0f} embeddings and {report['characters'] / wall:,.0f} characters a second, {peak:.0f} MB at peak")
    wall, cpu, peak = program.median(arguments.runs, "search", QUERY)
    yield "hybrid search, a process of its own", "search", f"{wall:.0f} ms, {cpu:.0f} ms of CPU, {peak:.0f} MB at peak"
    report, *_ = program.json("bench", "latency")
    yield ("searches in one process, median and 95th percentile", "bench latency",
           ", ".join(f"{mode} {report['modes'][mode]['p50']:.1f} / {report['modes'][mode]['p95']:.1f} ms" for mode in ("lexical", "semantic", "hybrid")))
    yield "searches a second in one process, 1 and 4 threads", "bench latency", \
        f"{report['searches_per_second']['1']:.0f} and {report['searches_per_second']['4']:.0f}"
    yield "start of a process", "bench latency", f"{report['start_ms']:.1f} ms"
    yield "memory after the searches", "bench latency", f"{report['rss_mb']:.0f} MB resident, {report['private_mb']:.0f} MB private"
    yield "data folder", "status", f"{size(folder + '/memory') / 1e6:.1f} MB for {size(arguments.transcripts) / 1e6:.0f} MB of transcripts"
    yield "the program, model and runtime inside", "", f"{size(arguments.program) / 1e6:.1f} MB"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transcripts")
    parser.add_argument("--program", default="target/release/claude-memory")
    parser.add_argument("--seconds", type=float, default=20, help="seconds of embedding per row")
    parser.add_argument("--runs", type=int, default=5, help="runs whose median counts")
    arguments = parser.parse_args()
    version = subprocess.run([arguments.program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}, {time.strftime('%Y-%m-%d')}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the beginning\n")
    print("| what | command | figure |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for what, command, figure in measure(arguments, folder):
            print(f"| {what} | {f'`{command}`' if command else ''} | {figure} |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


main()
