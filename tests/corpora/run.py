#!/usr/bin/env python3
"""Runs the single-operator cases of $ONDA_CORPORA and compares with disagreements.txt. Without ONDA_CORPORA: skipped (77).

    run.py [--onda PROGRAM] [--update] [--by-operator] [FOLDER...]

ort127_optester_cases.tar.gz holds cases that must give the stored outputs within the tolerances of their meta.tsv;
ort127_optester_expected_failures.tar.gz holds cases that must be refused with an error. They are unpacked into
build/corpora once. The cases encode another engine's behaviour: disagreements.txt lists where Onda does not follow, and why.
"""

import json
import os
import shutil
import sys
import tarfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import case_runner  # noqa: E402

OUT = ROOT / "build" / "corpora"
ARCHIVES = ("ort127_optester_cases", "ort127_optester_expected_failures")
# Tolerances where meta.tsv has none; for float16, whose cases were computed in float16 step by step, two units in the last
# place and as much absolutely.
RELATIVE, ABSOLUTE = 1e-4, 1e-5
HALF = 2e-3
FLOAT16 = 10


def read_meta(path):
    """(whether success is expected, [(output name, absolute, relative, order is free)])."""
    success, outputs = True, []
    for line in path.read_text(errors="replace").splitlines():
        fields = line.split("\t")
        if fields[0] == "expect":
            success = fields[1] == "success"
        elif fields[0] not in ("failure_substr", "verify") and len(fields) >= 4:
            outputs.append((fields[0], float(fields[1]), float(fields[2]), fields[3] == "1"))
    return success, outputs


def has_half_output(folder):
    import onnx

    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    return any(output.type.tensor_type.elem_type == FLOAT16 for output in graph.output)


def write_tolerance(folder):
    """data.json of a case from its meta.tsv: the widest tolerance of its outputs, and the outputs in free order."""
    success, outputs = read_meta(folder / "meta.tsv")
    given = [(absolute, relative) for _, absolute, relative, _ in outputs if absolute or relative]
    data = {"rtol": max([relative for _, relative in given] + [RELATIVE]),
            "atol": max([absolute for absolute, _ in given] + [ABSOLUTE])}
    if not given and has_half_output(folder):
        data["rtol"] = data["atol"] = HALF
    unordered = [position for position, output in enumerate(outputs) if output[3]]
    if unordered:
        data["unordered"] = unordered
    if not success:
        data["expect"] = "failure"
    (folder / "data.json").write_text(json.dumps(data) + "\n")


def unpack(corpora):
    """Unpacks the archives where they are not unpacked yet. Returns the folders of cases."""
    folders = []
    for name in ARCHIVES:
        archive, folder = corpora / f"{name}.tar.gz", OUT / name
        if not archive.exists():
            continue
        folders.append(folder)
        stamp = folder / "stamp.txt"
        wanted = f"{archive.stat().st_size} {Path(__file__).stat().st_mtime_ns}"
        if stamp.exists() and stamp.read_text() == wanted:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with tarfile.open(archive) as reader:
            # Debian 12's Python may not have extraction filters yet.
            reader.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        # Cases lie directly in the archive; a deeper layout is flattened by name.
        for meta in sorted(folder.rglob("meta.tsv")):
            if meta.parent.parent != folder:
                meta.parent.rename(folder / meta.parent.name)
        for meta in sorted(folder.glob("*/meta.tsv")):
            write_tolerance(meta.parent)
        stamp.write_text(wanted)
    return folders


def main():
    corpora = os.environ.get("ONDA_CORPORA")
    if not corpora or not Path(corpora).is_dir():
        print(f"SKIPPED: ONDA_CORPORA is {'not set' if not corpora else f'no folder: {corpora}'}")
        sys.exit(77)
    folders = unpack(Path(corpora))
    if not folders:
        print(f"SKIPPED: none of {', '.join(ARCHIVES)} in {corpora}")
        sys.exit(77)
    case_runner.main("single-operator corpora", folders, HERE / "disagreements.txt", ROOT / "build" / "results" / "corpora",
                     ["--rtol", RELATIVE, "--atol", ABSOLUTE], doc=__doc__)


if __name__ == "__main__":
    main()
