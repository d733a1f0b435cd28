#!/usr/bin/env python3
"""Runs each hostile model of corpus.py in a process of its own, and demands a clear error at once.

    run.py [--onda PATH] [--keep FOLDER] [WORD...]      WORD: only cases whose name contains one of these

Demanded: an exit code of 11 to 18, a message (that names the node where the case says so), at most one second of
processor time, a peak of memory at most 256 MiB over that of a harmless model, and no more than 250 bytes of the model's
own text in one piece. Endless programs must still be running at the deadline, within the same memory, or stop with an
error. What is known not to hold is in not_passing.txt.
"""

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import case_runner  # noqa: E402
import corpus  # noqa: E402

MEMORY = 256  # MiB over a harmless model
SECONDS = 1.0
WALL = 10.0
DEADLINE = 1.5  # of endless programs
ADDRESS_SPACE = 16 << 30  # keeps the machine alive, far above what is allowed
LIST = Path(__file__).resolve().parent / "not_passing.txt"


def run(onda, path, wall, command="run", arguments=()):
    """(exit code or None where the time ran out, message, processor seconds, peak in MiB)"""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [onda, command, str(path), *(["--threads", "1"] if command == "run" else []), *arguments], stdout=subprocess.DEVNULL,
            stderr=errors,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)))
        end, late = time.monotonic() + wall, False
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if not late and time.monotonic() > end:
                late = True
                process.send_signal(signal.SIGKILL)
            time.sleep(0.002)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read(100_000).decode(errors="replace")
        return None if late else process.returncode, text, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def write(folder, model, options):
    for name, content in options.get("files", {}).items():
        (folder / name).write_bytes(content)
    for name, target in options.get("links", {}).items():
        (folder / name).symlink_to(target)
    path = folder / options.get("file", "model.onnx")
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def judge(options, outcome, base, size):
    """What is wrong with the outcome; "" where nothing is."""
    code, text, seconds, peak = outcome
    endless = options.get("endless")
    if code is None and not endless:
        return f"hangs: not done after {WALL:g} s"
    if code is not None and code < 0:
        return f"crash: signal {-code}"
    if peak - base > MEMORY + size:
        return f"memory: {peak - base:.0f} MiB over a harmless model"
    if code is None:
        return ""
    if seconds > options.get("slow", DEADLINE + 0.5 if endless else SECONDS):
        return f"slow: {seconds:.1f} s"
    if code == 0:
        return "" if options.get("legal") else "accepted"
    if not 11 <= code <= 18:
        return f"exit code {code}: {text.strip()[-200:]}"
    if len(text.strip()) < 15:
        return f"no message: '{text.strip()}'"
    if len(text) > 5_000:
        return f"a message of {len(text)} bytes"
    if re.search(r"(\w)\1{250}", text):
        return f"quotes more than 250 bytes of the model: {text[:100]}"
    if options.get("node") and options["node"] not in text:
        return f"does not name node '{options['node']}': {text.strip()[:200]}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onda")
    parser.add_argument("--keep", help="folder that gets the models")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    onda = case_runner.find_onda(arguments.onda)
    known = {}
    if LIST.exists():
        known = dict(line.split("\t", 1) for line in LIST.read_text().splitlines() if "\t" in line)

    passed, failed, listed, seen = 0, 0, 0, set()
    with tempfile.TemporaryDirectory() as scratch:
        harmless = Path(scratch) / "harmless"
        harmless.mkdir()
        outcome = run(onda, write(harmless, corpus.op("Neg", [2]), {}), WALL)
        if outcome[0] != 0:
            sys.exit(f"the harmless model fails: {outcome}")
        base = outcome[3]
        for name, model, options in corpus.cases():
            assert name not in seen, f"two cases are called {name}"
            seen.add(name)
            if arguments.words and not any(word in name for word in arguments.words):
                continue
            folder = Path(arguments.keep or scratch) / name
            folder.mkdir(parents=True)
            path = write(folder, model, options)
            outcome = run(onda, path, DEADLINE if options.get("endless") else WALL, options.get("command", "run"),
                          options.get("arguments", ()))
            wrong = judge(options, outcome, base, 4 * path.stat().st_size / 2**20)
            if arguments.verbose:
                print(f"{name}: {outcome[0]} {outcome[2]:.2f} s {outcome[3] - base:.0f} MiB {outcome[1].strip()[:200]}")
            if not arguments.keep:
                path.unlink()
            if name in known:
                listed += 1
                good = bool(wrong) or known[name].startswith(case_runner.VARIES)
                if not good:
                    print(f"FAILED {name}: passes now, take it off the list", flush=True)
            else:
                good = not wrong
                if not good:
                    print(f"FAILED {name}: {wrong}", flush=True)
            passed, failed = passed + good, failed + (not good)
    for name in known.keys() - seen:
        print(f"FAILED {name}: listed, but there is no such case")
        failed += 1
    print(f"{listed} of them known not to hold: {LIST.name}" if listed else "all hold")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
