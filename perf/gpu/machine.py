"""What a measurement ran on."""

import datetime
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path


def output(*command, seconds=60):
    """What a program prints, or "" where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def package_folders():
    """Folders of CUDA's libraries: those of Python packages first, which go together, then of an installed toolkit."""
    folders = []
    found = importlib.util.find_spec("nvidia")
    for root in list(found.submodule_search_locations) if found else []:
        folders += sorted(str(path) for path in Path(root).glob("*/lib") if any(path.glob("*.so*")))
    folders += [path for path in ("/usr/local/cuda/lib64", "/usr/local/cuda/lib") if Path(path).is_dir()]
    return folders


def tool(*names):
    """The path of the first of these programs, which may lie in CUDA's folders and not in PATH."""
    for name in names:
        found = shutil.which(name) or next((str(path) for pattern in (f"bin/{name}", f"compute-sanitizer/{name}")
                                            for path in Path("/usr/local/cuda").glob(pattern)), None)
        if found:
            return found
    return None


def facts():
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    gpu = output("nvidia-smi", "--query-gpu=name,memory.total,driver_version,clocks.max.sm,power.limit", "--format=csv,noheader")
    versions = {}
    for package in ("torch", "triton", "numpy", "onnxruntime", "nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-cuda-runtime"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return {"date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M"), "gpu": gpu or "none found by nvidia-smi",
            "cpu": f"{cpu[1] if cpu else platform.processor()}, {os.cpu_count()} CPUs", "system": platform.platform(),
            "versions": versions}
