#!/usr/bin/env python3
"""Reads the pictures of images/ with `onda run`, and shows where each node of the model runs: demo.py PATH_OF_ONDA

The file name of a picture is the digit on it. On a GPU where Onda can use one, else on the CPU. Standard library only.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = HERE / "digits.onnx"


def find_gpu(onda):
    """Arguments of `onda` for the GPU that a small trial ran on, and what it is; or no arguments, and why there is none."""
    done = subprocess.run([onda, "doctor", "--json"], capture_output=True, text=True)
    trials = {finding["what"]: finding for finding in json.loads(done.stdout)}
    if "cuda" not in trials:
        return [], "this build has no CUDA provider"
    if not trials["cuda"]["good"]:
        return [], trials["cuda"]["text"]
    listed = json.loads(subprocess.run([onda, "providers", "--json"], check=True, capture_output=True, text=True).stdout)
    machine = next(provider["machine"] for provider in listed["details"] if provider["name"] == "cuda")
    return ["--provider", "cuda"], next((text for what, text in machine if what == "device"), "a GPU")


def main():
    onda = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[1] / "build" / "release" / "cli" / "onda")
    provider, device = find_gpu(onda)
    print(f"on the GPU: {device}" if provider else f"on the CPU: {device}")
    wrong = 0
    pictures = sorted((HERE / "images").glob("*.png"))
    for picture in pictures:
        done = subprocess.run([onda, "run", str(MODEL), "--input", f"image={picture}", "--json", *provider], check=True,
                              capture_output=True, text=True)
        answer = json.loads(done.stdout)
        chances = answer["outputs"][0]["value"]["data"]
        digit = max(range(len(chances)), key=chances.__getitem__)
        wrong += str(digit) != picture.stem
        print(f"{picture.name}: {digit}  probability {chances[digit]:.4f}  "
              f"loaded in {answer['load_ms']:.2f} ms, ran in {answer['run_ms']:.3f} ms")
    print(flush=True)
    subprocess.run([onda, "info", str(MODEL), "--placement", *provider], check=True)
    print(f"\n{len(pictures) - wrong} of {len(pictures)} pictures read right")
    sys.exit(1 if wrong or not pictures else 0)


if __name__ == "__main__":
    main()
