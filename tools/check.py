#!/usr/bin/env python3
"""Runs everything a change must pass, times each step and sums up what passed and failed.

    check.py [--long [--resume]] [--jobs N] [STEP...]     STEP: only steps whose name contains one of these words

--resume keeps what passed before at the same commit, where neither then nor now a tracked file differs from it.

A failing step does not stop the others, except those that need what it builds. Each step's output is in
build/results/check/. Test corpora that do not come from a package are looked for in $ONDA_CORPORA.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / "build" / "results" / "check"
PYTHON = str(ROOT / ".venv" / "bin" / "python")
SKIPPED = 77
PASSED = LOGS / "passed.json"
# Tests of programs that the sanitizer builds do not have.
UNSANITIZED = "^example_classify$"
# Tests of what several threads share: sessions, plans, memory, devices.
CONCURRENT = ("^(api|binding|branches|capture|carried|concurrency|determinism|dlpack|memory|placement|plan_cache|provider_class|race_check|"
              "regions|services|stop|thread_pool)_test$")


@dataclass(frozen=True)
class Step:
    """One command. `needs` names the step that must have succeeded before; `counts` says that its output has test counts
    (ctest's or a closing 'N passed, N failed'), otherwise the step counts as one test."""
    name: str
    command: tuple
    minutes: float
    needs: str = ""
    counts: bool = False
    long: bool = False


def steps(jobs):
    def build(preset, *targets):
        target = f" --target {' '.join(targets)}" if targets else ""
        return ("bash", "-c", f"cmake --preset {preset} --log-level=WARNING && cmake --build --preset {preset} --parallel {jobs}{target}")

    def ctest(preset, *options):
        return ("ctest", "--preset", preset, "--timeout", "300", "--parallel", str(jobs), *options)

    def mix(first, last):
        return ("build/release/tests/onda_mix", "--quiet", "--jobs", str(jobs), "--seeds", f"{first}:{last}",
                "build/conformance", "build/model_cases")

    today = int(os.environ.get("ONDA_TEST_SEED", time.time() // 86400))
    onda = str(ROOT / "build" / "release" / "cli" / "onda")
    suite = ("--onda", onda)
    return [
        Step("format", ("bash", "-c", "git ls-files '*.cpp' '*.h' '*.cu' | xargs -r clang-format-16 --dry-run -Werror"), 2),
        Step("include graph", ("python3", "tests/structure/include_graph.py"), 1),
        Step("build release", build("release"), 20),
        Step("unit tests", ctest("release"), 10, "build release", counts=True),
        Step("faults", ("build/release/tests/faults/onda_faults", "--plugin", "build/release/tests/faults/libfault_plugin.so"), 5,
             "build release", counts=True),
        Step("cuda build", ("python3", "tests/cuda/build.py", "--jobs", str(jobs)), 15, counts=True),
        Step("cuda library", ("python3", "tests/cuda/library_test.py", onda), 2, "build release"),
        Step("demo", ("python3", "examples/digits/demo.py", onda), 2, "build release"),
        Step("conformance data", (PYTHON, "tests/conformance/generate.py"), 5),
        Step("conformance", (PYTHON, "tests/conformance/run.py", *suite), 10, "build release", counts=True),
        Step("gpu scripts", (PYTHON, "tests/perf/scripts_test.py", "build/release"), 4, "build release"),
        Step("model data", (PYTHON, "tests/models/make_cases.py"), 10),
        Step("models", (PYTHON, "tests/models/run.py", *suite), 5, "build release", counts=True),
        Step("memory of models", (PYTHON, "tests/models/memory.py", *suite), 5, "build release", counts=True),
        Step("use of models", (PYTHON, "tests/models/use.py", *suite), 5, "build release", counts=True),
        Step("mixes of providers", mix(today, today), 10, "build release", counts=True),
        Step("simulated cuda", (PYTHON, "tests/cuda_sim/run.py", *suite, "--jobs", str(jobs)), 12, "build release", counts=True),
        Step("simulated cuda, 4 seeds", (PYTHON, "tests/cuda_sim/run.py", *suite, "--jobs", str(jobs), "--seeds", "1:4"), 40,
             "build release", counts=True, long=True),
        Step("simulated cuda, all models", (PYTHON, "tests/cuda_sim/run.py", *suite, "--jobs", str(jobs), "--seeds", "1", "--models", "all"),
             100, "build release", counts=True, long=True),
        Step("corpora", (PYTHON, "tests/corpora/run.py", *suite), 10, "build release", counts=True),
        Step("onnx's own suites", (PYTHON, "tests/replay/run.py", *suite), 10, "build release", counts=True),
        Step("hostile models", (PYTHON, "tests/hostile/run.py", *suite), 5, "build release", counts=True),
        Step("build fuzz", build("fuzz", "onda_fuzz_formats"), 15),
        Step("fuzz", ("python3", "tests/fuzz/run.py", "--fuzz", "build/fuzz/tests/fuzz/onda_fuzz_formats", "import", "text"), 5, "build fuzz",
             counts=True),
        Step("build fuzz, all", build("fuzz"), 60, long=True),
        Step("fuzz, all", ("python3", "tests/fuzz/run.py", "--seconds", "150"), 30, "build fuzz, all", counts=True, long=True),
        Step("package", ("tests/package/run.sh", "build/release"), 3, "build release"),
        Step("mixes of providers, 20 seeds", mix(1, 20), 120, "build release", counts=True, long=True),
        Step("clang-tidy", ("tools/tidy.sh", "build/release", str(jobs)), 30, "build release", long=True),
        Step("build asan-ubsan", build("fuzz", "onda_tests"), 40, long=True),
        Step("unit tests asan-ubsan", ctest("fuzz", "--exclude-regex", UNSANITIZED), 20, "build asan-ubsan", counts=True, long=True),
        Step("build tsan", build("tsan", "onda_tests"), 20),
        Step("unit tests tsan", ctest("tsan", "--tests-regex", CONCURRENT), 10, "build tsan", counts=True),
        Step("unit tests tsan, all", ctest("tsan", "--exclude-regex", UNSANITIZED), 20, "build tsan", counts=True, long=True),
    ]


def count(step, code, output):
    """(passed, failed) of a finished step."""
    if step.counts:
        closing = re.findall(r"^(\d+) passed, (\d+) failed", output, re.MULTILINE)
        if closing:
            return int(closing[-1][0]), int(closing[-1][1])
        total = re.search(r"(\d+)% tests passed, (\d+) tests failed out of (\d+)", output)
        if total:
            return int(total[3]) - int(total[2]), int(total[2])
        return 0, 1
    return (1, 0) if code == 0 else (0, 1)


def clean_commit():
    """The commit that the tracked files are at; None where one differs from it."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return None if git("status", "--porcelain", "--untracked-files=no") else git("rev-parse", "HEAD") or None


class Earlier:
    """Steps that passed before, for --resume: name -> [passed, seconds]. Steps of another commit are forgotten."""

    def __init__(self, keep):
        self.commit = clean_commit()
        known = json.loads(PASSED.read_text()) if keep and PASSED.exists() else {}
        self.steps = known["steps"] if known and self.commit == known["commit"] else {}

    def add(self, step, good, seconds):
        if self.commit is not None and self.commit == clean_commit():
            self.steps[step.name] = [good, seconds]
            PASSED.write_text(json.dumps({"commit": self.commit, "steps": self.steps}))


def run(step):
    """Runs one step: (exit code, output, seconds)."""
    begin = time.monotonic()
    log = LOGS / (step.name.replace(" ", "_") + ".log")
    with open(log, "wb") as file:
        process = subprocess.Popen(step.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try:
            code = process.wait(step.minutes * 60 * float(os.environ.get("ONDA_CHECK_PATIENCE", "1")))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            code = 124
    return code, log.read_text(errors="replace"), time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("steps", nargs="*")
    arguments = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / "summary.txt").unlink(missing_ok=True)
    print(f"ONDA_CORPORA={os.environ.get('ONDA_CORPORA', '')}; {arguments.jobs} jobs; logs in {LOGS.relative_to(ROOT)}", flush=True)
    earlier = Earlier(arguments.resume)
    done, lines, passed, failed, skipped = {}, [], 0, 0, 0
    begin = time.monotonic()
    for step in steps(arguments.jobs):
        if (step.long and not arguments.long) or (arguments.steps and not any(word in step.name for word in arguments.steps)):
            continue
        if step.name in earlier.steps:
            good, seconds = earlier.steps[step.name]
            passed += good
            lines.append(f"kept     {step.name:24s} {seconds:7.1f} s  {good} passed, 0 failed (earlier, at this commit)")
            print(lines[-1], flush=True)
            continue
        if done.get(step.needs, 0) != 0:
            failed += 1
            lines.append(f"FAILED   {step.name:24s} not run: '{step.needs}' failed")
            print(lines[-1], flush=True)
            continue
        print(f"running  {step.name}: {' '.join(step.command)[:150]}", flush=True)
        code, output, seconds = run(step)
        done[step.name] = 0 if code == SKIPPED else code
        if code == SKIPPED:
            skipped += 1
            lines.append(f"skipped  {step.name:24s} {output.strip().splitlines()[-1] if output.strip() else ''}")
            print(lines[-1], flush=True)
            continue
        good, bad = count(step, code, output)
        if code != 0 and bad == 0:
            bad = 1
        passed, failed = passed + good, failed + bad
        if not bad:
            earlier.add(step, good, seconds)
        else:
            print("\n".join(f"    {line}" for line in output.splitlines()[-60:]))
        verdict = "FAILED" if bad else "passed"
        why = " (out of time)" if code == 124 else f" (exit code {code})" if code else ""
        lines.append(f"{verdict:8s} {step.name:24s} {seconds:7.1f} s  {good} passed, {bad} failed{why}")
        print(lines[-1], flush=True)
    summary = "\n".join([f"Summary, {(time.monotonic() - begin) / 60:.1f} minutes:", *lines,
                         f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")])
    (LOGS / "summary.txt").write_text(summary + "\n")
    print("\n" + summary, flush=True)
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
