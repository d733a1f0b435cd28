"""Runs `onda test` over folders of cases and holds the results to a list of cases that are known not to pass.

The list has one line per case: name, tab, reason. A listed case that passes is reported like an unlisted one that does
not: the list stays exact. Only a case whose reason begins with "varies:" may pass now and then. Standard library only.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

VARIES = "varies:"

# The reason that --update gives a case which was not in the list, from the status and message of its result.
CATEGORIES = (
    (r"unknown operator|no schema|not a known operator", "unknown operator"),
    (r"no kernel|not implemented|no provider|cannot run|not supported|unsupported", "not implemented"),
    (r"infer|declared shape|declared type|incompatible", "type or shape inference"),
    (r"parse|truncated|wire|invalid protobuf", "reading the model or its data"),
    (r"shape|rank", "wrong shape"),
    (r"dtype|element type|type", "wrong type"),
    (r"mismatch|differ|expected|tolerance|elements", "wrong values"),
)


def find_onda(given=None):
    """The `onda` program: given, else $ONDA, else the newest of the builds."""
    candidates = [given or os.environ.get("ONDA")]
    if candidates == [None]:
        builds = [ROOT / "build" / preset / "cli" / "onda" for preset in ("release", "dev", "debug")]
        candidates = sorted((path for path in builds if path.exists()), key=lambda path: -path.stat().st_mtime)
    if not candidates or not Path(candidates[0]).exists():
        sys.exit("no onda program found: build it, or name it with --onda or the variable ONDA")
    return str(Path(candidates[0]).resolve())


def case_name(path, depth):
    """The last `depth` components of a case's folder: its name in the list."""
    return "/".join(Path(path).parts[-depth:])


def run_cases(onda, folders, scratch, options=(), depth=2):
    """Results of `onda test` as {name: (status, message)}, and the exit code of the run."""
    scratch = Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    report = scratch / "report.json"
    report.unlink(missing_ok=True)
    command = [onda, "test", "--json", str(report), *map(str, options), *map(str, folders)]
    with open(scratch / "log.txt", "w") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
    if not report.exists():
        tail = (scratch / "log.txt").read_text(errors="replace")[-2000:]
        sys.exit(f"{' '.join(command)}: exit code {code} and no report\n{tail}")
    results = {}
    for entry in json.loads(report.read_text()):
        name = case_name(entry["case"].rstrip("/"), depth)
        if name in results:
            sys.exit(f"case {name} was reported twice")
        results[name] = (entry["status"], " ".join(entry.get("message", "").split()))
    return results


def read_list(path):
    listed = {}
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, tab, reason = line.partition("\t")
        if not tab or not reason.strip():
            sys.exit(f"{path}:{number}: expected name, tab, reason")
        listed[name] = reason.strip()
    return listed


def category(status, message):
    if status in ("crash", "timeout"):
        return status
    for pattern, reason in CATEGORIES:
        if re.search(pattern, message, re.IGNORECASE):
            return reason
    return status


def update_list(path, results, listed, partial):
    """Rewrites the list: reasons of cases that still do not pass are kept, new ones get a category to be made precise."""
    header = [line for line in Path(path).read_text().splitlines() if line.startswith("#")] if Path(path).exists() else []
    lines = {}
    for name, (status, message) in results.items():
        if status != "pass":
            lines[name] = listed.get(name) or f"{category(status, message)}: {message[:160]}".rstrip(": ")
    if partial:
        lines.update({name: reason for name, reason in listed.items() if name not in results})
    text = "".join(f"{name}\t{reason}\n" for name, reason in sorted(lines.items()))
    Path(path).write_text("".join(line + "\n" for line in header) + text)
    print(f"{path}: {len(lines)} cases, {sum(name not in listed for name in lines)} of them new: make their reasons precise")


def compare(results, listed, partial=False):
    """Failures of the run: (name, what) for unlisted cases that do not pass, listed ones that do, and missing ones."""
    failures = []
    for name, (status, message) in sorted(results.items()):
        if status == "pass" and not listed.get(name, VARIES).startswith(VARIES):
            failures.append((name, f"passes, but is listed as: {listed[name]}"))
        elif status != "pass" and name not in listed:
            failures.append((name, f"{status}: {message[:300]}"))
    if not partial:
        failures += [(name, "is listed, but there is no such case") for name in sorted(set(listed) - set(results))]
    return failures


def report_and_exit(title, results, listed, failures, seconds):
    counts = Counter(status for status, _ in results.values())
    for name, what in failures[:200]:
        print(f"  {name}: {what}")
    if len(failures) > 200:
        print(f"  ... and {len(failures) - 200} more")
    print(f"{title}: {counts['pass']} of {len(results)} cases pass ("
          + ", ".join(f"{count} {status}" for status, count in sorted(counts.items()) if status != "pass")
          + f"{'; ' if len(counts) > 1 else ''}{len(listed)} listed as not passing) in {seconds:.0f} s")
    print(f"{len(results) - len(failures)} passed, {len(failures)} failed")
    sys.exit(1 if failures or not results else 0)


def main(title, folders, list_path, scratch, options=(), depth=2, doc=None, extra_arguments=None, prepare=None):
    """The whole command line of a suite. `folders` are what is run when none is named on the command line;
    `prepare(arguments)` may return more options for `onda test`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onda", help="the onda program (default: $ONDA, else the newest build)")
    parser.add_argument("--update", action="store_true", help="rewrite the list from this run's results")
    parser.add_argument("--by-operator", action="store_true", help="also count what does not pass per operator")
    parser.add_argument("--provider", help="passed on to onda test")
    parser.add_argument("folders", nargs="*", help="only these folders")
    if extra_arguments:
        extra_arguments(parser)
    arguments = parser.parse_args()
    onda = find_onda(arguments.onda)
    options = list(options) + (list(prepare(arguments)) if prepare else [])
    if arguments.provider:
        options += ["--provider", arguments.provider]
    begin = time.monotonic()
    results = run_cases(onda, arguments.folders or folders, scratch, options, depth)
    seconds = time.monotonic() - begin
    listed = read_list(list_path) if Path(list_path).exists() else {}
    if arguments.by_operator:
        print_by_operator(arguments.folders or folders, results, depth)
    if arguments.update:
        update_list(list_path, results, listed, partial=bool(arguments.folders))
        listed = read_list(list_path)
    report_and_exit(title, results, listed, compare(results, listed, bool(arguments.folders)), seconds)


def print_by_operator(folders, results, depth):
    """Counts per operator of the cases that do not pass (needs the onnx package)."""
    import onnx

    paths = {}
    for folder in folders:
        for model in Path(folder).rglob("model.onnx"):
            paths[case_name(model.parent, depth)] = model
    total, bad, sample = Counter(), Counter(), {}
    for name, (status, message) in results.items():
        graph = onnx.load(paths[name], load_external_data=False).graph
        operators = {f"{node.domain or 'ai.onnx'}.{node.op_type}" for node in graph.node if node.op_type != "Constant"}
        key = operators.pop() if len(operators) == 1 else "(several operators)"
        total[key] += 1
        if status != "pass":
            bad[key] += 1
            sample.setdefault(key, []).append(f"{name}: {status}: {message[:200]}")
    for key, count in bad.most_common():
        print(f"{key}: {count} of {total[key]} do not pass")
        for line in sample[key][:6]:
            print(f"    {line}")
