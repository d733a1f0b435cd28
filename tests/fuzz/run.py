#!/usr/bin/env python3
"""Fuzzes the targets of onda_fuzz (cmake --preset fuzz), each from the cases of the operator families, from what earlier
runs found worth keeping, and from the findings in regressions/.

    run.py --fuzz PATH [--seconds N] [--corpus FOLDER] [--log FILE] [--rss MIB] [TARGET...]

A finding ends its target, leaves its input in FOLDER/findings, and fails. --log appends a line for each target: date,
commit, target, executions, seconds, findings. Regressions are run first, once each. The seed is that of the day.
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
    environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1:quarantine_size_mb=16",
                       UBSAN_OPTIONS="print_stacktrace=1")
    done = subprocess.run([fuzz, f"--target={target}", *arguments], capture_output=True, env=environment)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


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
        begin = time.monotonic()
        code, log = call(arguments.fuzz, target, f"-seed={seed}", f"-max_total_time={arguments.seconds}", "-timeout=30",
                         f"-rss_limit_mb={arguments.rss}", "-malloc_limit_mb=512", "-max_len=2000", "-len_control=0",
                         "-print_final_stats=1", "-reload=0", f"-artifact_prefix={findings}/{target}-", str(corpus), *known)
        done = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log) or re.findall(r"^#(\d+)", log, re.MULTILINE)
        executions = int(done[-1]) if done else 0
        seconds = time.monotonic() - begin
        good = code == 0 and executions > 0
        passed, failed = passed + good, failed + (not good)
        print(f"{target}: {executions} executions in {seconds:.0f} s{'' if good else ', a FINDING'}", flush=True)
        if not good:
            print("\n".join(log.splitlines()[-60:]))
        if arguments.log:
            date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
            found = "" if good else (re.findall(r"(SUMMARY: .*|finding: .*|internal error: .*)", log) or ["?"])[0][:200]
            with open(arguments.log, "a") as file:
                file.write(f"{date}\t{commit()}\t{target}\t{executions}\t{seconds:.0f}\t{found}\n")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
