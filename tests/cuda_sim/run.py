#!/usr/bin/env python3
"""Runs official tests and small real models partitioned over the simulated CUDA device and the CPU.

    run.py [--onda PROGRAM] [--seeds FIRST:LAST] [--models all] [--jobs N]

For each seed once with every kernel on one device, and once over two devices that each take their own random part of
the operators. Every data set runs three times, so that what is captured at the second run is replayed. The simulator
reports races, bounds and reads of what was never written as errors. Lists of cases that do not pass on the CPU hold here
as well.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import case_runner  # noqa: E402

CONFORMANCE = ROOT / "build" / "conformance"
MODELS = ROOT / "build" / "model_cases"
# Whole networks take the simulator minutes.
KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")
SMALL_MODELS = ("silero_vad", "silero_vad_half", "silero_vad_op18_ifless", "romanizer_encoder", "romanizer_decoder")


def suites(all_models):
    models = [MODELS] if all_models else [MODELS / name for name in SMALL_MODELS]
    networks = [CONFORMANCE / "light"] if all_models else []
    yield ("official", [CONFORMANCE / kind for kind in KINDS] + networks, ROOT / "tests" / "conformance" / "not_passing.txt",
           ["--rtol", "1e-3", "--atol", "1e-7"])
    # Sums in another order than on the CPU.
    yield "models", models, ROOT / "tests" / "models" / "not_passing.txt", ["--rtol", "1e-3", "--atol", "1e-4"]


def check_bench(onda, library):
    """What `onda bench` tells of a device whose events measure; "" where it is as it should be."""
    done = subprocess.run([onda, "bench", str(ROOT / "examples" / "digits" / "digits.onnx"), "--random", "--runs", "3",
                           "--json", "--provider-library", str(library), "--provider", "cuda,plan_cache=none"],
                          capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    times = json.loads(done.stdout).get("devices", {}).get("cuda", {})
    return "" if 0 < times.get("min_ms", 0) <= times["median_ms"] <= times["max_ms"] else f"times {times}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onda")
    parser.add_argument("--seeds", default=os.environ.get("ONDA_TEST_SEED", str(int(time.time()) // 86400)))
    parser.add_argument("--models", choices=["small", "all"], default="small")
    parser.add_argument("--jobs", type=int, default=0)
    arguments = parser.parse_args()
    onda = case_runner.find_onda(arguments.onda)
    library = Path(onda).parents[1] / "tests" / "cuda_sim" / "libonda_provider_cuda_sim.so"
    if not library.exists():
        print(f"{library} is not built (needs clang++-16)")
        sys.exit(77)
    first, _, last = arguments.seeds.partition(":")
    everything = arguments.models == "all"
    passed = failed = 0
    wrong = check_bench(onda, library)
    passed, failed = (passed, failed + 1) if wrong else (passed + 1, failed)
    print("onda bench: " + (wrong or "a device's own times"), flush=True)
    for seed in range(int(first), int(last or first) + 1):
        for devices in (1, 2):
            options = ["--provider-library", library, "--repeat", "3", "--jobs", arguments.jobs, "--quiet",
                       "--timeout", "3600" if everything else "300"]
            for number in range(devices):
                share = 1000 if devices == 1 else 700
                options += ["--provider", f"cuda,seed={seed},device_id={number},share={share},plan_cache=none"]
            for name, folders, listed, tolerances in suites(everything):
                begin = time.monotonic()
                results = case_runner.run_cases(onda, folders, ROOT / "build" / "results" / "cuda_sim", options + tolerances)
                failures = case_runner.compare(results, case_runner.read_list(listed), partial=True)
                for case, what in failures[:50]:
                    print(f"  {case}: {what}")
                print(f"seed {seed}, {devices} device{'s'[:devices - 1]}: {name}: {len(results) - len(failures)} of {len(results)} "
                      f"in {time.monotonic() - begin:.0f} s", flush=True)
                passed += len(results) - len(failures)
                failed += len(failures)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
