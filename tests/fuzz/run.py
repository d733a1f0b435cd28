#!/usr/bin/env python3
"""Fuzzes the targets of onda_fuzz (cmake --preset fuzz), each from the cases of the operator families, from what earlier
runs found worth keeping, and from the findings in regressions/.

    run.py --fuzz PATH [--seconds N] [--corpus FOLDER] [--log FILE] [--rss MIB] [TARGET...]

A finding leaves its input in FOLDER/findings and fails; its target goes on until its time is over. Regressions
are run first, once each. --log appends a line for each target: date, commit, target, executions, seconds, findings; the
line of sums at the head is computed from these. The seed is that of the day.
"""

import argparse
import datetime
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REGRESSIONS = Path(__file__).resolve().parent / "regressions"
TARGETS = ("import", "text", "run", "reference", "providers")


def commit():
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def call(fuzz, target, *arguments):
    """libFuzzer's exit code and its log."""
    asan = ("allocator_may_return_null=1", "quarantine_size_mb=4", "thread_local_quarantine_size_kb=256", "malloc_context_size=3")
    environment = dict(os.environ, ASAN_OPTIONS=":".join(asan), UBSAN_OPTIONS="print_stacktrace=1")
    done = subprocess.run([fuzz, f"--target={target}", *arguments], capture_output=True, env=environment)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def append(path, line):
    """Adds a row, and says at the head what all rows sum to."""
    rows = [row for row in path.read_text().splitlines() if not row.startswith("#")] if path.exists() else []
    rows.append(line)
    sums = dict.fromkeys(TARGETS, 0)
    for row in rows:
        sums[row.split("\t")[2]] += int(row.split("\t")[3])
    head = ["# Logged runs of tests/fuzz/run.py: date (UTC), commit of the program, target, executions, seconds, findings.",
            "# Sums, of which five million each are asked for: " + ", ".join(f"{t} {n:,}" for t, n in sums.items()) + "."]
    path.write_text("\n".join(head + rows) + "\n")


def fuzz(arguments, target, seed, corpus, findings):
    """Executions, seconds, and the log of each finding by its summary. A finding ends a process; while time is left,
    another goes on from the corpus, with another seed. What is read to begin with is not counted."""
    begin = time.monotonic()
    executions, found, starts = 0, {}, 0
    regressions = [str(REGRESSIONS / target)] if (REGRESSIONS / target).is_dir() else []
    while (left := arguments.seconds - (time.monotonic() - begin)) > 1 or not starts:
        code, log = call(arguments.fuzz, target, f"-seed={seed + 1000003 * starts}", f"-max_total_time={max(1, int(left))}",
                         "-timeout=30", f"-rss_limit_mb={arguments.rss}", "-malloc_limit_mb=512", "-max_len=2000",
                         "-len_control=0", "-entropic=0", "-print_final_stats=1", "-reload=0",
                         f"-artifact_prefix={findings}/{target}-", str(corpus), *regressions)
        done = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log) or re.findall(r"^#(\d+)", log, re.MULTILINE)
        again = re.findall(r"^#(\d+)\s+INITED", log, re.MULTILINE)
        if done and again:
            executions += int(done[-1]) - int(again[0])
        starts += 1
        if code:
            summary = re.findall(r"(finding: .*|internal error: .*|SUMMARY: .*)", log) or ["?"]
            found.setdefault(re.sub(r"/\S*/\.\./", "", summary[0])[:200], log)
        if not done or not again:
            break
    return executions, time.monotonic() - begin, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fuzz", default=str(ROOT / "build/fuzz/tests/fuzz/onda_fuzz"))
    parser.add_argument("--seconds", type=int, default=25, help="of each target")
    parser.add_argument("--corpus", default=str(ROOT / "build/fuzz/corpus"))
    parser.add_argument("--log")
    parser.add_argument("--rss", type=int, default=2500, help="MiB that a target may take")
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    seed = os.environ.get("ONDA_TEST_SEED") or str(int(time.time()) // 86400)
    print(f"ONDA_TEST_SEED={seed}")
    passed = failed = 0
    for target in arguments.targets or TARGETS:
        corpus, findings = Path(arguments.corpus) / target, Path(arguments.corpus) / "findings"
        corpus.mkdir(parents=True, exist_ok=True)
        findings.mkdir(parents=True, exist_ok=True)
        known = sorted(str(f) for f in (REGRESSIONS / target).glob("*")) if (REGRESSIONS / target).is_dir() else []
        for path in known:
            code, log = call(arguments.fuzz, target, "-timeout=30", f"-rss_limit_mb={arguments.rss}", path)
            passed, failed = passed + (code == 0), failed + (code != 0)
            if code:
                print(f"FAILED {target}: {path}\n" + "\n".join(log.splitlines()[-40:]))
        if not any(corpus.iterdir()):
            code, log = call(arguments.fuzz, target, f"--seeds={corpus}")
            if code:
                sys.exit(f"no seeds: {log}")
        executions, seconds, found = fuzz(arguments, target, int(seed), corpus, findings)
        good = not found and executions > 0
        passed, failed = passed + good, failed + (not good)
        print(f"{target}: {executions} executions in {seconds:.0f} s{'' if good else ', FINDINGS'}", flush=True)
        for line, log in found.items():
            print(f"FAILED {target}: {line}\n" + "\n".join(log.splitlines()[-60:]))
        if arguments.log:
            date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
            line = "; ".join(found) if executions > 0 else "nothing was run"
            append(Path(arguments.log), f"{date}\t{commit()}\t{target}\t{executions}\t{seconds:.0f}\t{line}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
