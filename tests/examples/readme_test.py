#!/usr/bin/env python3
"""The C++ of the README is examples/cpp/classify.cpp, and the code that CONTRIBUTING.md shows is that of its files."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.DOTALL)


def main():
    problems = []
    example = (ROOT / "examples" / "cpp" / "classify.cpp").read_text()
    if example not in blocks(ROOT / "README.md", "cpp"):
        problems.append("README.md: the C++ example is not examples/cpp/classify.cpp")
    # A block may leave lines out, with "// ..." for them.
    text = (ROOT / "CONTRIBUTING.md").read_text()
    shown, path = 0, None
    for place, block in re.findall(r"^\((kernels/[\w/.]+)\)|^```cpp\n(.*?)```", text, re.DOTALL | re.MULTILINE):
        if place:
            path = place
            continue
        source, shown = (ROOT / path).read_text(), shown + 1
        for part in re.split(r"^\s*// \.\.\.\n", block, flags=re.MULTILINE):
            if part not in source:
                problems.append(f"CONTRIBUTING.md: not in {path}:\n{part}")
    if not shown:
        problems.append("CONTRIBUTING.md shows no code")
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text() + text):
        if "://" not in link and not (ROOT / link).exists():
            problems.append(f"a link to {link}, which is not there")
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
