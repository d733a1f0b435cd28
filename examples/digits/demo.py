#!/usr/bin/env python3
"""Reads the pictures of images/ with `onda run`, and shows where each node of the model runs: demo.py PATH_OF_ONDA

The file name of a picture is the digit on it. Standard library only.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = HERE / "digits.onnx"


def main():
    onda = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[1] / "build" / "release" / "cli" / "onda")
    wrong = 0
    pictures = sorted((HERE / "images").glob("*.png"))
    for picture in pictures:
        done = subprocess.run([onda, "run", str(MODEL), "--input", f"image={picture}", "--json"], check=True,
                              capture_output=True, text=True)
        answer = json.loads(done.stdout)
        chances = answer["outputs"][0]["value"]["data"]
        digit = max(range(len(chances)), key=chances.__getitem__)
        wrong += str(digit) != picture.stem
        print(f"{picture.name}: {digit}  probability {chances[digit]:.4f}  "
              f"loaded in {answer['load_ms']:.2f} ms, ran in {answer['run_ms']:.3f} ms")
    print(flush=True)
    subprocess.run([onda, "info", str(MODEL), "--placement"], check=True)
    print(f"\n{len(pictures) - wrong} of {len(pictures)} pictures read right")
    sys.exit(1 if wrong or not pictures else 0)


if __name__ == "__main__":
    main()
