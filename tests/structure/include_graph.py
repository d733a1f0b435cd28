#!/usr/bin/env python3
"""Checks who includes whom, that no circle of includes joins folders, and how files and folders are called.

The rules are those of the design: data flows one way, and earlier stages never mention later ones. Standard library only.
"""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("*.h", "*.cpp", "*.cu", "*.cuh", "*.inc")

# (files, what they may include besides their own folder and system libraries). The first match decides.
RULES = (
    ("include/onda/*", ()),
    ("core/ir/*", ("include/onda/*",)),
    ("core/schema/*", ("include/onda/*", "core/ir/*")),
    # The stages after the graph: placement makes copy nodes, the session also starts the importer and the built-in provider.
    ("core/*", ("include/onda/*", "core/*", "kernels/op_table.h", "kernels/ops.inc", "kernels/copies/copies.h",
                "kernels/region/region.h",
                "proto/import*.h", "proto/export*.h", "proto/model*.h", "providers/cpu/*.h")),
    ("proto/*", ("include/onda/*", "core/ir/*", "core/schema/*", "onnx.pb.h")),
    # The library of the CUDA provider holds its kernels.
    ("providers/cuda/machine_devices.cpp", ("include/onda/*", "kernels/cuda_table.h")),
    ("providers/*", ("include/onda/*",)),
    # The kernel side of an operator: no graph access.
    ("kernels/simd/*", ("include/onda/*",)),
    ("kernels/device/*", ("include/onda/*", "kernels/simd/*", "providers/cuda/device.h")),
    ("kernels/*/cuda*", ("include/onda/*", "kernels/*", "providers/cuda/device.h")),
    ("kernels/*/cpu*", ("include/onda/*", "kernels/*")),
    ("kernels/*/reference*", ("include/onda/*", "kernels/*")),
    ("kernels/*-inl.h", ("include/onda/*", "kernels/*")),
    # The meaning side: parameters, parsing, inference, upgrades, cases.
    ("kernels/*", ("include/onda/*", "kernels/*", "core/ir/*")),
    ("cli/*", ("include/onda/*", "cli/*")),
    ("python/*", ("include/onda/*",)),
    ("perf/*", ("include/onda/*", "kernels/*")),
    ("examples/*", ("include/onda/*",)),
    ("tests/*", ("*",)),
)
FORBIDDEN_FOLDERS = {"utils", "util", "common", "helpers", "helper", "misc"}
SNAKE = re.compile(r"[a-z0-9_]+(-inl)?\.(inc\.)?[a-z]+")


def tracked(*patterns):
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT,
                             check=True, capture_output=True, text=True)
    return listing.stdout.splitlines()


def includes(path):
    """Paths, from the root, of what a file includes with quotes; system headers and libraries are left out."""
    found = []
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', (ROOT / path).read_text(errors="replace"), re.MULTILINE):
        for candidate in (name, f"include/{name}", str(Path(path).parent / name)):
            if (ROOT / candidate).exists():
                found.append(candidate)
                break
        else:
            if name.endswith("onnx.pb.h"):
                found.append("onnx.pb.h")
    return found


def allowed(path, target):
    if Path(target).parent == Path(path).parent:
        return True
    for files, targets in RULES:
        if fnmatch(path, files):
            return any(fnmatch(target, pattern) for pattern in targets)
    return False


def circle(edges):
    """A circle in {folder: set of folders} as a list of folders, or nothing."""
    state, trail = {}, []

    def visit(folder):
        state[folder] = "open"
        trail.append(folder)
        for other in sorted(edges.get(folder, ())):
            if state.get(other) == "open":
                return trail[trail.index(other):] + [other]
            if other not in state:
                found = visit(other)
                if found:
                    return found
        trail.pop()
        state[folder] = "done"
        return []

    for folder in sorted(edges):
        if folder not in state:
            found = visit(folder)
            if found:
                return found
    return []


def main():
    problems, edges, count = [], {}, 0
    for path in tracked(*SOURCES):
        if not (ROOT / path).exists():
            continue
        count += 1
        if not SNAKE.fullmatch(Path(path).name):
            problems.append(f"{path}: file names are snake_case")
        for target in includes(path):
            if not allowed(path, target):
                problems.append(f"{path}: may not include {target}")
            if not path.startswith("tests/") and Path(target).parent != Path(path).parent:
                edges.setdefault(str(Path(path).parent), set()).add(str(Path(target).parent))
    for path in tracked():
        bad = FORBIDDEN_FOLDERS & set(Path(path).parts[:-1])
        if bad or Path(path).stem in FORBIDDEN_FOLDERS:
            problems.append(f"{path}: a name that says nothing")
    found = circle(edges)
    if found:
        problems.append("circle of includes between folders: " + " -> ".join(found))
    for problem in sorted(set(problems)):
        print(problem)
    print(f"{count} files looked at, {len(set(problems))} problems")
    sys.exit(1 if problems or not count else 0)


if __name__ == "__main__":
    main()
