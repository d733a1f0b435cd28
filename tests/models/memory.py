#!/usr/bin/env python3
"""Checks the memory plans of the real models: where activations take more than 1 MiB, an arena has at most 5 % more than
the largest set of values that are in use at once (make_cases.py writes the models and their inputs).

    memory.py [--onda PROGRAM]
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import case_runner  # noqa: E402

ARENA = re.compile(r"^  arena of \S+ (\d+) bytes, of which (\d+) are in use at once$", re.MULTILINE)
MIB = 1 << 20
MOST = 1.05


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onda")
    onda = case_runner.find_onda(parser.parse_args().onda)
    passed = failed = 0
    print("     arena, MiB  in use, MiB  ratio")
    for model in sorted((ROOT / "build" / "model_cases").rglob("model.onnx")):
        data = sorted(model.parent.glob("test_data_set_*"))
        if not data:
            continue
        done = subprocess.run([onda, "dump", "--plan", str(model), "--data-set", str(data[0])], capture_output=True,
                              text=True, timeout=300)
        if done.returncode:
            sys.exit(f"{model}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")
        plans = [(int(total), int(live)) for total, live in ARENA.findall(done.stdout)]
        for total, live in plans:
            if live <= MIB:
                continue
            good = total <= live * MOST
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok  ' if good else 'FAIL'} {total / MIB:10.2f} {live / MIB:12.2f} {total / live:6.3f}  {model.parent.parent.name}/{model.parent.name}")
    if passed + failed == 0:
        sys.exit("no plan with more than 1 MiB: are the models there?")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
