#!/usr/bin/env python3
"""Time of each node of a model on a GPU: from Nsight Systems, where it is installed and works, else as `onda profile` sees it.

    nsys.sh [--json] [--keep FILE.nsys-rep] MODEL [ARGUMENTS OF `onda bench`: --random, --input NAME=FILE, ...]
    nsys.sh [--json] REPORT.sqlite

Nodes are found by the NVTX ranges that Onda opens around their launches; so CUDA graphs are off here. Standard library only.
In a bundle, in a build tree (build/release), or with $ONDA_BUNDLE naming a bundle. --simulate: the simulated device.
"""

import argparse
import bisect
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import machine  # noqa: E402

NODE = re.compile(r"node(?: '(?P<name>.*)')? \((?P<op>[^,]+), ")
RUNS = 20


def tables(base):
    return {row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}


def columns(base, table):
    return {row[1] for row in base.execute(f"PRAGMA table_info({table})")}


def node_ranges(base, strings):
    """{thread: [(start, end, text)]} of the ranges of nodes, by their start."""
    if "NVTX_EVENTS" not in tables(base):
        return {}
    ids = "textId" if "textId" in columns(base, "NVTX_EVENTS") else "NULL"
    ranges = defaultdict(list)
    query = f"SELECT start, end, text, {ids}, globalTid FROM NVTX_EVENTS WHERE end IS NOT NULL ORDER BY start, end DESC"
    for start, end, text, text_id, thread in base.execute(query):
        text = text if text is not None else strings.get(text_id, "")
        if NODE.match(text):
            ranges[thread].append((start, end, text))
    return ranges


def node_at(ranges, starts, time):
    """The text of the innermost of one thread's ranges at a time; None outside of all. Nodes are nested a few deep."""
    last = bisect.bisect_right(starts, time) - 1
    return next((ranges[at][2] for at in range(last, max(-1, last - 64), -1) if ranges[at][1] >= time), None)


def sum_report(path):
    """[{"name", "op", "count", "total_ms", "kernels"}] of an SQLite export of nsys, longest first. count: launches of the
    node, kernels: the names of what ran for it, copies and fills included."""
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    present = tables(base)
    strings = dict(base.execute("SELECT id, value FROM StringIds")) if "StringIds" in present else {}
    ranges = node_ranges(base, strings)
    starts = {thread: [entry[0] for entry in list_] for thread, list_ in ranges.items()}
    calls = {}
    if "CUPTI_ACTIVITY_KIND_RUNTIME" in present:
        for correlation, start, thread in base.execute("SELECT correlationId, start, globalTid FROM CUPTI_ACTIVITY_KIND_RUNTIME"):
            calls[correlation] = (start, thread)
    sums = defaultdict(lambda: {"launches": set(), "ns": 0, "kernels": defaultdict(int)})
    for table, label in (("KERNEL", None), ("MEMCPY", "copy"), ("MEMSET", "fill")):
        table = f"CUPTI_ACTIVITY_KIND_{table}"
        if table not in present:
            continue
        what = "NULL" if label else "shortName" if "shortName" in columns(base, table) else "demangledName"
        for start, end, correlation, kernel in base.execute(f"SELECT start, end, correlationId, {what} FROM {table}"):
            called, thread = calls.get(correlation, (None, None))
            text = None if called is None else node_at(ranges.get(thread, []), starts.get(thread, []), called)
            entry = sums[text]
            entry["launches"].add((called, thread))
            entry["ns"] += end - start
            entry["kernels"][label or strings.get(kernel, str(kernel))] += end - start
    base.close()
    counts = defaultdict(int)
    for list_ in ranges.values():
        for _, _, text in list_:
            counts[text] += 1
    rows = []
    for text, entry in sums.items():
        found = NODE.match(text) if text else None
        kernels = sorted(entry["kernels"], key=entry["kernels"].get, reverse=True)
        rows.append({"name": (found["name"] or "") if found else "(outside of nodes)", "op": found["op"] if found else "",
                     "count": counts[text] if text else len(entry["launches"]), "total_ms": entry["ns"] / 1e6,
                     "kernels": kernels})
    rows.sort(key=lambda row: -row["total_ms"])
    total = sum(row["total_ms"] for row in rows)
    for row in rows:
        row["share"] = 100 * row["total_ms"] / total if total else 0.0
    return rows


class Setup:
    """Where the command and the provider's library are."""

    def __init__(self, simulate):
        bundle = Path(os.environ.get("ONDA_BUNDLE") or HERE.parents[1])
        name = f"libonda_provider_cuda{'_sim' if simulate else ''}.so"
        build = HERE.parents[1] / "build" / "release"
        places = [(bundle / "bin" / "onda", bundle / "lib" / name), (build / "cli" / "onda", build / name),
                  (build / "cli" / "onda", build / "tests" / "cuda_sim" / name)]
        found = next((place for place in places if all(path.exists() for path in place)), None)
        if not found:
            sys.exit(f"neither a bundle nor a build with the command and {name} is here; name one in ONDA_BUNDLE")
        self.onda, self.library = map(str, found)
        folders = [str(bundle / "lib"), *machine.package_folders(), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        self.environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}

    def provider(self, **options):
        return ["--provider-library", self.library, "--provider",
                "cuda" + "".join(f",{key}={value}" for key, value in options.items())]

    def call(self, *command):
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", env=self.environment)


def with_nsys(setup, model, arguments, keep):
    """Rows, or a reason why there are none."""
    nsys = machine.tool("nsys") or next((str(path) for path in Path("/opt/nvidia").glob("*/*/**/nsys") if path.is_file()), None)
    if not nsys:
        return None, "Nsight Systems is not installed"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(keep) if keep else Path(folder) / "report.nsys-rep"
        done = setup.call(nsys, "profile", "--trace=cuda,nvtx", "--sample=none", "--cpuctxsw=none", "--force-overwrite=true", "-o",
                          report.with_suffix(""), setup.onda, "bench", model, "--warmup", "5", "--runs", str(RUNS), "--set",
                          "profiling_ranges=1", *arguments, *setup.provider(cuda_graphs=0))
        if done.returncode != 0 or not report.exists():
            return None, f"nsys profile failed: {(done.stderr or done.stdout).strip()[-300:]}"
        export = Path(folder) / "report.sqlite"
        done = setup.call(nsys, "export", "--type", "sqlite", "--force-overwrite=true", "-o", export, report)
        if done.returncode != 0 or not export.exists():
            return None, f"nsys export failed: {(done.stderr or done.stdout).strip()[-300:]}"
        return sum_report(export), ""


def with_profile(setup, model, arguments):
    done = setup.call(setup.onda, "profile", model, "--json", "--warmup", "5", "--runs", str(RUNS), *arguments,
                      *setup.provider(cuda_graphs=0))
    if done.returncode != 0:
        sys.exit(f"onda profile ended with code {done.returncode}: {done.stderr.strip()[-600:]}")
    keys = ("name", "op", "provider", "count", "total_ms", "share")
    return [{key: node.get(key) for key in keys} for node in json.loads(done.stdout)["nodes"]]


def show(result, top=40):
    print(f"from {result['source']}" + (f" ({result['note']})" if result["note"] else ""))
    if "simulated" in result:
        print(result["simulated"])
    print(f"{'ms':>10} {'share':>6} {'count':>6}  node")
    for row in result["nodes"][:top]:
        kernels = f"  [{', '.join(row['kernels'][:3])}]" if row.get("kernels") else ""
        print(f"{row['total_ms']:10.3f} {row['share']:5.1f}% {row['count']:6d}  {row['op']} {row['name']}{kernels}")


def main():
    parser = argparse.ArgumentParser(prog="nsys.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--keep", help="where the report of Nsight Systems is kept")
    parser.add_argument("model")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    result = {"source": "Nsight Systems", "note": ""}
    if arguments.model.endswith(".sqlite"):
        result["nodes"] = sum_report(arguments.model)
    else:
        setup = Setup(arguments.simulate)
        if arguments.simulate:
            result["simulated"] = "simulated, times mean nothing"
            rows, result["note"] = None, "Nsight Systems sees no simulated device"
        else:
            rows, result["note"] = with_nsys(setup, arguments.model, arguments.arguments, arguments.keep)
        if rows is None:
            result["source"] = "onda profile"
            rows = with_profile(setup, arguments.model, arguments.arguments)
        result["nodes"] = rows
    print(json.dumps(result)) if arguments.json else show(result)


if __name__ == "__main__":
    main()
