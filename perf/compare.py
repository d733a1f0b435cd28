#!/usr/bin/env python3
"""Measures Onda against ONNX Runtime and OpenVINO, interleaved in one run.

    compare.py [--onda PROGRAM] [--threads 1,2] [--seconds 2] [--only PATTERN] [--groups networks,models,operators]
               [--out NAME] [--without onda,onnxruntime,openvino]

For every network and thread count each engine gets a fresh process; they take turns in short rounds, and the others are
stopped (SIGSTOP) meanwhile, so that what disturbs the machine disturbs all of them and nobody's spinning threads take a
core from another. Reported: median and spread (10th to 90th percentile) of all rounds, ratios of medians, session
creation time, peak memory. Results go to perf/results/NAME.md and NAME.json (default: the date).
"""

import argparse
import datetime
import fnmatch
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT / "tests"), str(ROOT / "tests" / "models")]
import case_runner  # noqa: E402
import networks  # noqa: E402
from peer_process import Peer, interleave  # noqa: E402


def command_of(engine, onda, model, data, folder, threads):
    if engine != "onda":
        return [sys.executable, str(HERE / "peer.py"), engine, str(model), str(data), str(threads)]
    command = [onda, "bench", "--serve", str(model), "--threads", str(threads)]
    with np.load(data) as stored:
        for index, (name, value) in enumerate(stored.items()):
            np.save(folder / f"{index}.npy", value)
            command += ["--input", f"{name}={folder / f'{index}.npy'}"]
    return command


def measure(engines, onda, model, feeds, threads, seconds):
    """{engine: {"median", "low", "high", "create_ms", "peak_mb"} or {"error"}} of one network."""
    results, peers = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = folder / "feeds.npz"
        np.savez(data, **feeds)
        try:
            for engine in engines:
                try:
                    peers[engine] = Peer(engine, command_of(engine, onda, model, data, folder, threads))
                except (RuntimeError, ValueError, KeyError) as error:
                    results[engine] = {"error": str(error)}
            samples = interleave(peers, seconds, 400)
            for engine, peer in peers.items():
                times = np.concatenate(samples[engine])
                # The spread is that of the rounds' medians: it tells how far the machine can be trusted.
                middles = np.array([np.median(part) for part in samples[engine]])
                results[engine] = {"median": float(np.median(times)), "minimum": float(times.min()),
                                   "low": float(np.percentile(middles, 10)), "high": float(np.percentile(middles, 90)),
                                   "runs": len(times), "create_ms": peer.create_ms,
                                   "peak_mb": peer.ask("memory")["peak_rss_kb"] / 1024}
        finally:
            for peer in peers.values():
                peer.close()
    return results


def subjects(groups):
    """[(group, name, function that gives (path, feeds))]."""
    chosen = []
    if "networks" in groups:
        chosen += [("networks", name, lambda name=name: networks.build(name)) for name in networks.NETWORKS]
    if "models" in groups:
        import fetch
        import inputs
        from make_cases import run_reference

        fetch.fetch()

        def real(name, label):
            feeds = dict(inputs.make(name, run_reference))[label][0]
            return fetch.model_path(name), feeds

        for name, label in (("silero_vad", "16k_batch1"), ("silero_vad_16k_sequence", "64_frames"),
                            ("silero_vad_op18_ifless", "16k_batch1"), ("ocr_detection", "640x640"),
                            ("ocr_recognition", "batch6_320"), ("ocr_orientation", "192"), ("magika", "one"),
                            ("nudenet", "320x320"), ("basic_pitch", "one"), ("romanizer_encoder", "batch5"),
                            ("romanizer_decoder", "batch5")):
            chosen.append(("models", f"{name} {label}", lambda name=name, label=label: real(name, label)))
    if "operators" in groups:
        chosen += [("operators", name, lambda name=name: networks.build(name)) for name in networks.OPERATORS]
    return chosen


def hardware():
    text = Path("/proc/cpuinfo").read_text()
    name = re.search(r"model name\s*:\s*(.*)", text)
    flags = set(re.search(r"flags\s*:\s*(.*)", text)[1].split())
    sets = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if flag in flags]
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[1]) / (1 << 20)
    return f"{name[1] if name else platform.processor()}, {os.cpu_count()} CPUs ({' '.join(sets)}), {memory:.0f} GiB"


def versions(onda):
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("onnxruntime", "openvino"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            pass
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return {"onda": commit if onda else None, **found}


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def number(value):
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def table(rows, engines, threads):
    """The markdown table of one thread count; rows are {"group", "name", "threads", "results"}."""
    peers = [engine for engine in engines if engine != "onda"]
    ratios = [f"onda / {peer}" for peer in peers] + (["onda / best"] if len(peers) > 1 else []) if "onda" in engines else []
    lines = [f"## {threads} thread{'s' if threads > 1 else ''}", ""]
    header = ["network"] + [f"{engine} ms (10-90%)" for engine in engines] + ratios
    header += [f"create ms: {' | '.join(engines)}".replace(" | ", ", "), "peak MB: " + ", ".join(engines)]
    lines += ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    gathered = {}
    for row in (row for row in rows if row["threads"] == threads):
        results = row["results"]
        cells = [row["name"]]
        for engine in engines:
            result = results[engine]
            cells.append("failed" if "error" in result else
                         f"{number(result['median'])} ({number(result['low'])}-{number(result['high'])})")
        medians = {engine: result["median"] for engine, result in results.items() if "median" in result}
        for title in ratios:
            rivals = [medians[peer] for peer in peers if peer in medians and title in (f"onda / {peer}", "onda / best")]
            if "onda" in medians and rivals:
                ratio = medians["onda"] / min(rivals)
                gathered.setdefault((row["group"], title), []).append(ratio)
                cells.append(f"{ratio:.2f}")
            else:
                cells.append("-")
        for key in ("create_ms", "peak_mb"):
            for peer in peers:
                if key in results.get("onda", {}) and key in results[peer]:
                    gathered.setdefault((row["group"], f"{key} {peer}"), []).append(results["onda"][key] / results[peer][key])
            cells.append(", ".join(f"{results[engine][key]:.0f}" if key in results[engine] else "-" for engine in engines))
        lines.append("| " + " | ".join(cells) + " |")
    for group in dict.fromkeys(group for group, _ in gathered):
        values = [gathered.get((group, title), []) for title in ratios]
        cells = [f"{geometric_mean(value):.2f} (worst {max(value):.2f})" if value else "-" for value in values]
        for key in ("create_ms", "peak_mb"):
            means = [f"{geometric_mean(gathered[(group, f'{key} {peer}')]):.2f} of {peer}" for peer in peers
                     if (group, f"{key} {peer}") in gathered]
            cells.append(", ".join(means))
        lines.append("| " + " | ".join([f"**geometric mean, {group}**"] + [""] * len(engines) + cells) + " |")
    return lines + [""]


def write_results(name, rows, engines, onda, arguments):
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    date = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    facts = {"date": date, "hardware": hardware(), "versions": versions(onda), "seconds_per_engine": arguments.seconds}
    (folder / f"{name}.json").write_text(json.dumps({**facts, "rows": rows}, indent=1) + "\n")
    lines = [f"# Onda beside its peers, {date}", "", facts["hardware"] + ".",
             ", ".join(f"{key} {value}" for key, value in facts["versions"].items() if value) + ".", "",
             "Medians of interleaved rounds, the 10th to 90th percentile of the rounds' medians in brackets; a ratio below 1 "
             "means that Onda is faster. Creation time and peak memory are those of a fresh process; of the Python peers' "
             "memory, what the interpreter and the library took before loading is taken off.", ""]
    for threads in dict.fromkeys(row["threads"] for row in rows):
        lines += table(rows, engines, threads)
    failures = [f"- {row['name']}, {engine}, {row['threads']} threads: {result['error']}"
                for row in rows for engine, result in row["results"].items() if "error" in result]
    if failures:
        lines += ["## Failures", "", *failures, ""]
    (folder / f"{name}.md").write_text("\n".join(lines))
    return folder / f"{name}.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onda")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--seconds", type=float, default=2, help="measuring time per engine and network")
    parser.add_argument("--only", default="*", help="names to measure, as a shell pattern")
    parser.add_argument("--groups", default="networks,models,operators")
    parser.add_argument("--without", default="", help="engines to leave out")
    parser.add_argument("--out", default=datetime.date.today().isoformat() + "-cpu")
    arguments = parser.parse_args()
    engines = [name for name in ("onda", "onnxruntime", "openvino") if name not in arguments.without.split(",")]
    onda = case_runner.find_onda(arguments.onda) if "onda" in engines else None
    rows = []
    for group, name, make in subjects(arguments.groups.split(",")):
        if not fnmatch.fnmatch(name, arguments.only):
            continue
        path, feeds = make()
        for threads in map(int, arguments.threads.split(",")):
            results = measure(engines, onda, path, feeds, threads, arguments.seconds)
            rows.append({"group": group, "name": name, "threads": threads, "results": results})
            shown = "  ".join(f"{engine} {number(result['median'])}" if "median" in result else f"{engine} {result['error'][:100]}"
                              for engine, result in results.items())
            print(f"{name:34s} {threads} threads  {shown}", flush=True)
    if not rows:
        sys.exit("nothing to measure")
    print(write_results(arguments.out, rows, engines, onda, arguments))


if __name__ == "__main__":
    main()
