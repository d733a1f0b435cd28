#!/usr/bin/env python3
"""Tests and measures Onda on the GPU of this machine, from a bundle that make_bundle.sh wrote, in stages of a few minutes.

    gpu_session.sh --list
    gpu_session.sh --stage N [--seconds 500] [--results FOLDER] [--only PATTERN] [--again]
    gpu_session.sh --all

A stage is a list of items. Each item's result is kept when it is done: a stage that is run again does what failed or was not
reached. An item that fails is named, and the others go on. The results are a JSON file per stage and table.md. --only takes
items whose name has a match of it; --again does those too that are done. --simulate: small sizes on the simulated device of
the tests instead of a GPU, for trying the scripts; its times mean nothing. Needs numpy; PyTorch for what is compared with it.
"""

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent)]
import machine  # noqa: E402

NETWORKS = ("resnet50", "mobilenet_v2", "bert_base", "bert_large", "vit_b16", "gpt2_decode", "lstm")
COMPILED = ("resnet50", "bert_base", "vit_b16")
# Relative distance of two results, as norms, above which they count as different.
TOLERANCE = {"fp32": 1e-4, "tf32": 1e-2, "fp16": 2e-2}
# Tests of one item, and the seconds after which a process of kernel cases is taken to hang.
CHUNK, PATIENCE = 200, 180


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


class Session:
    def __init__(self, arguments):
        self.simulate, self.again, self.only = arguments.simulate, arguments.again, arguments.only
        self.every = max(1, arguments.every)
        self.results = Path(arguments.results)
        self.work = Path(arguments.work or self.results / "work")
        self.seconds = arguments.seconds
        self.deadline = time.monotonic() + self.seconds
        self.onda, self.cases = ROOT / "bin" / "onda", ROOT / "bin" / "onda_kernel_cases"
        self.library = ROOT / "lib" / f"libonda_provider_cuda{'_sim' if self.simulate else ''}.so"
        for path in (self.onda, self.library):
            if not path.exists():
                sys.exit(f"{path} is missing: make a bundle with perf/make_bundle.sh{' --simulate' if self.simulate else ''}")
        if self.simulate and "perf/results" in str(self.results.resolve()):
            sys.exit("results of the simulator do not belong into perf/results")
        self.results.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(parents=True, exist_ok=True)
        folders = [str(ROOT / "lib"), *([] if self.simulate else machine.package_folders()),
                   *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        self.environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}
        self.has_torch = importlib.util.find_spec("torch") is not None
        self.batches = (1, 2) if self.simulate else (1, 8, 64)

    def left(self):
        return self.deadline - time.monotonic()

    def provider(self, **options):
        """Arguments of `onda` for the provider with these options."""
        text = "".join(f",{key}={value}" for key, value in options.items())
        return ["--provider-library", str(self.library), "--provider", "cuda" + text]

    def call(self, *command, seconds=None, codes=(0,), environment=None):
        """A program's output; its end is the reason where it fails or takes longer than the stage has left."""
        seconds = min(seconds or 1e9, max(self.left(), 5))
        try:
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace",
                                  timeout=seconds, env=environment or self.environment)
        except subprocess.TimeoutExpired:
            raise Failed(f"{Path(command[0]).name} was not done in {seconds:.0f} s") from None
        if done.returncode not in codes:
            raise Failed(f"{Path(command[0]).name} ended with code {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
        return done.stdout

    def plans(self):
        return self.results / "plans"


# Stage 1: correctness

def unpack_conformance(s):
    folder, archive = s.work / "conformance", ROOT / "conformance.tar.xz"
    if folder.exists():
        return folder
    if not archive.exists():
        raise Skipped("the bundle has no official tests")
    partial = s.work / "conformance.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", partial], check=True)
    partial.rename(folder)
    return folder


def conformance_cases(s):
    names = ROOT / "conformance.txt"
    cases = names.read_text().split() if names.exists() else []
    return cases[::s.every]


def run_conformance(s, cases):
    folder = unpack_conformance(s)
    listed = {line.split("\t")[0] for line in (ROOT / "not_passing.txt").read_text().splitlines() if line and line[0] != "#"}
    report = s.work / "conformance.json"
    report.unlink(missing_ok=True)
    s.call(s.onda, "test", "--quiet", "--json", report, "--rtol", "1e-3", "--atol", "1e-7", "--timeout", "60", "--jobs",
           str(min(8, os.cpu_count())), "--set", "place_by_cost=0", *s.provider(), *(folder / case for case in cases), codes=(0, 1))
    results = json.loads(report.read_text())
    bad = {"/".join(Path(r["case"]).parts[-2:]): r.get("message", r["status"])[:300] for r in results if r["status"] != "pass"}
    unexpected = {name: why for name, why in bad.items() if name not in listed}
    data = {"passed": len(results) - len(bad), "known": len(bad) - len(unexpected), "failed": unexpected}
    if unexpected:
        raise Failed(f"{len(unexpected)} of {len(results)} official tests fail: {', '.join(list(unexpected)[:8])}", data)
    return data


def run_kernel_cases(s, first, last, prefix=(), step=1):
    """Every step-th of the cases [first, last) on the device. A process that ends in the middle of one is followed by
    another. prefix: a program that they run under, which ends with code 9 where it finds something."""
    if not s.cases.exists():
        raise Skipped("the bundle has no onda_kernel_cases")
    data, index, log = {"ok": 0, "off": 0, "failed": {}}, first, ""
    while index < last:
        command = [*prefix, s.cases, s.library, "--first", index, "--last", last, "--every", step]
        try:
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace",
                                  env=s.environment, timeout=max(min(s.left(), PATIENCE), 5))
            out, code, log = done.stdout, done.returncode, done.stderr
        except subprocess.TimeoutExpired as late:
            out, code, log = late.stdout or "", None, "out of time"
            out = out.decode(errors="replace") if isinstance(out, bytes) else out
        lines = []
        for line in out.splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
        lines = [line for line in lines if isinstance(line, dict) and "state" in line]
        for line in lines:
            if line["state"] in ("ok", "off"):
                data[line["state"]] += 1
            elif line["state"] == "failed":
                data["failed"][line["case"]] = line["message"][:400]
        if code == 9 or prefix and re.search(r"========= (Invalid|Error|Warning: Race)", out):
            raise Failed("reports: " + " ".join(out.split("=========")[-12:])[:900], data)
        if code in (0, 1):
            break
        if code == 2 or not lines:
            raise Failed(f"the cases do not run (code {code}): {log.strip()[-600:]}", data)
        if lines[-1]["state"] == "start":
            data["failed"][lines[-1]["case"]] = "not done in time" if code is None else f"the process ended with code {code}"
        if code is None and s.left() < 10:
            raise Failed(f"out of time after case {lines[-1]['index']}", data)
        index = lines[-1]["index"] + step
    if data["failed"]:
        raise Failed(f"{len(data['failed'])} kernel cases fail: {', '.join(list(data['failed'])[:8])}", data)
    return data


def stage_correctness(s):
    count = int(s.call(s.cases, "--count")) if s.cases.exists() else 0
    step = CHUNK * s.every
    for first in range(0, count, step):
        yield f"kernel cases {first}-{min(first + step, count) - 1}", \
            lambda first=first: run_kernel_cases(s, first, min(first + step, count), step=s.every)
    cases = conformance_cases(s)
    if not cases:
        yield "official tests", lambda: unpack_conformance(s)
    for begin in range(0, len(cases), CHUNK):
        chunk = cases[begin:begin + CHUNK]
        yield f"official tests {begin}-{begin + len(chunk) - 1}", lambda chunk=chunk: run_conformance(s, chunk)


# Stage 2: compute-sanitizer

def stage_sanitizer(s):
    sanitizer = machine.tool("compute-sanitizer")
    count = int(s.call(s.cases, "--count")) if s.cases.exists() else 0

    def run(tool, first, last):
        if s.simulate or not sanitizer:
            raise Skipped("the simulator checks memory itself" if s.simulate else "compute-sanitizer is not installed")
        return run_kernel_cases(s, first, last, step=23,
                                prefix=[sanitizer, "--tool", tool, "--error-exitcode", "9", "--print-limit", "5"])

    for tool in ("memcheck", "racecheck"):
        for part in range(4):
            first, last = count * part // 4, count * (part + 1) // 4
            yield f"{tool} {part + 1} of 4", lambda tool=tool, first=first, last=last: run(tool, first, last)


# Networks

def model_of(s, network, precision):
    import gpu_networks

    return gpu_networks.write(s.work / "networks", network, "fp16" if precision == "fp16" else "fp32", s.simulate)


def feeds_of(s, model, batch):
    """A folder with a file for each input, and the same as arguments of `onda`."""
    import numpy as np
    import onnx_file

    made = onnx_file.feeds(model, {"batch": batch})
    folder = s.work / "feeds" / f"{model.stem}_{batch}"
    folder.mkdir(parents=True, exist_ok=True)
    arguments = []
    for name, value in made.items():
        np.save(folder / f"{name}.npy", value)
        arguments += ["--input", f"{name}={folder / name}.npy"]
    return folder, arguments


def drop_feeds(s, model, batch):
    shutil.rmtree(s.work / "feeds" / f"{model.stem}_{batch}", ignore_errors=True)


def options_of(s, precision):
    options = {"plan_cache": s.plans()}
    if precision == "tf32":
        options["tf32"] = 1
    return options


# Stage 3: tuning

def tune(s, network, precision, batch):
    model = model_of(s, network, precision)
    _, feeds = feeds_of(s, model, batch)
    before = s.plans().stat().st_size if s.plans().exists() else 0
    text = s.call(s.onda, "bench", model, "--json", "--runs", "3", "--warmup", "1", *feeds,
                  *s.provider(**options_of(s, precision), tuning=1))
    drop_feeds(s, model, batch)
    return {"median_ms": json.loads(text)["median_ms"], "cache_bytes": s.plans().stat().st_size, "cache_bytes_before": before}


def stage_tuning(s):
    for network in NETWORKS:
        for precision in ("fp16", "tf32", "fp32"):
            for batch in s.batches:
                yield f"{network} {precision} batch {batch}", \
                    lambda network=network, precision=precision, batch=batch: tune(s, network, precision, batch)


# Stages 4 to 6: times

def distance(one, other):
    import numpy as np

    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if one.shape != other.shape:
        return float("inf")
    worst = float(np.linalg.norm(one - other) / max(np.linalg.norm(other), 1e-30))
    return worst if np.isfinite(worst) else float("inf")


def summary(rounds):
    import numpy as np

    times = np.concatenate([np.array(part) for part in rounds])
    middles = np.array([np.median(part) for part in rounds])
    return {"median": float(np.median(times)), "low": float(np.percentile(middles, 10)),
            "high": float(np.percentile(middles, 90)), "runs": len(times)}


def bench(s, network, precision, batch, modes):
    """Onda beside PyTorch in these modes, interleaved."""
    import floors
    import numpy as np
    from peer_process import Peer, interleave

    model = model_of(s, network, precision)
    folder, feeds = feeds_of(s, model, batch)
    data = {"network": network, "precision": precision, "batch": batch, "results": {},
            "floor_ms": floors.floor_ms(network, precision, batch)}
    notes, peers = [], {}
    try:
        torch_command = [sys.executable, str(HERE / "serve_torch.py"), network, str(model), str(folder)]
        torch_command += ["--tf32"] * (precision == "tf32") + ["--small", "--cpu"] * s.simulate
        commands = {"onda": ([str(s.onda), "bench", "--serve", "--device-memory", "cuda", str(model), *feeds,
                              *s.provider(**options_of(s, precision))], s.environment)}
        for mode in modes:
            if not s.has_torch:
                data["results"][f"torch {mode}"] = {"skipped": "PyTorch is not installed"}
            elif s.simulate and mode != "eager":
                data["results"][f"torch {mode}"] = {"skipped": "needs a GPU"}
            else:
                commands[f"torch {mode}"] = ([*torch_command, mode], None)
        for name, (command, environment) in commands.items():
            try:
                peers[name] = Peer(name, command, environment, seconds=max(s.left(), 5))
            except RuntimeError as error:
                data["results"][name] = {"error": str(error)}
                notes.append(str(error))
        if "torch eager" in peers and "onda" in peers:
            ours, theirs = s.work / "ours", s.work / "theirs.npz"
            shutil.rmtree(ours, ignore_errors=True)
            names = [output["name"] for output in json.loads(s.call(s.onda, "info", model, "--json"))["outputs"]][:2]
            chosen = [word for name in names for word in ("--output", name)]
            s.call(s.onda, "run", model, *feeds, *chosen, "--output-dir", ours, *s.provider(**options_of(s, precision)))
            peers["torch eager"].ask(f"save {theirs}")
            with np.load(theirs) as stored:
                data["distance"] = max(distance(np.load(ours / f"{name}.npy"), stored[f"arr_{index}"])
                                       for index, name in enumerate(names))
            if data["distance"] > TOLERANCE[precision]:
                notes.append(f"results differ from PyTorch's by {data['distance']:.2g} of their norm")
        seconds = 0.3 if s.simulate else 2
        for name, rounds in interleave(peers, seconds, 5 if s.simulate else 200).items():
            data["results"][name] = {**summary(rounds), "create_ms": peers[name].create_ms}
    finally:
        for peer in peers.values():
            peer.close()
        drop_feeds(s, model, batch)
    if notes:
        raise Failed("; ".join(notes), data)
    return data


def stage_times(precisions):
    def items(s):
        for network in NETWORKS:
            for precision in precisions:
                for batch in s.batches:
                    yield f"{network} {precision} batch {batch}", \
                        lambda network=network, precision=precision, batch=batch: bench(s, network, precision, batch,
                                                                                        ("eager", "graph"))
    return items


def stage_compile(s):
    for network in COMPILED:
        for batch in (s.batches[0], s.batches[-1]):
            yield f"{network} fp16 batch {batch}", \
                lambda network=network, batch=batch: bench(s, network, "fp16", batch, ("eager", "compile"))


# Stage 7: where the time goes

def stage_nodes(s):
    def run(network, batch):
        model = model_of(s, network, "fp16")
        _, feeds = feeds_of(s, model, batch)
        text = s.call("bash", HERE.parent / "nsys.sh", *(["--simulate"] if s.simulate else []), "--json", model, *feeds,
                      environment={**s.environment, "ONDA_BUNDLE": str(ROOT), "ONDA_PYTHON": sys.executable})
        drop_feeds(s, model, batch)
        return json.loads(text)

    for network in NETWORKS:
        for batch in (s.batches[0], s.batches[-1]):
            yield f"{network} fp16 batch {batch}", lambda network=network, batch=batch: run(network, batch)


STAGES = {
    1: ("kernel cases and official tests, against double precision", stage_correctness),
    2: ("compute-sanitizer on a part of the kernel cases", stage_sanitizer),
    3: ("tuning: library plans of every network, kept in `plans`", stage_tuning),
    4: ("times beside PyTorch, fp16", stage_times(("fp16",))),
    5: ("times beside PyTorch, TF32 and fp32", stage_times(("tf32", "fp32"))),
    6: ("times beside torch.compile, fp16", stage_compile),
    7: ("time of each node", stage_nodes),
}


def run_stage(s, number):
    """Whether everything of the stage is done and well."""
    title, make = STAGES[number]
    print(f"stage {number}: {title}" + (" [simulated]" if s.simulate else ""), flush=True)
    path = s.results / f"stage{number}.json"
    stored = json.loads(path.read_text()) if path.exists() else {"items": {}}
    items, s.deadline = stored["items"], time.monotonic() + s.seconds
    counts = dict.fromkeys(("ok", "done before", "skipped", "failed", "not reached"), 0)
    for name, work in make(s):
        if s.only and not re.search(s.only, name):
            continue
        if items.get(name, {}).get("state") in ("ok", "skipped") and not s.again:
            counts["done before"] += 1
            continue
        if s.left() < 10:
            counts["not reached"] += 1
            continue
        begin, entry = time.monotonic(), {}
        try:
            entry = {"state": "ok", "data": work()}
        except Skipped as reason:
            entry = {"state": "skipped", "reason": str(reason)}
        except Failed as reason:
            entry = {"state": "failed", "reason": str(reason.args[0]), "data": reason.args[1] if len(reason.args) > 1 else None}
        except Exception as error:  # a defect of this script, or of the machine: the other items go on
            entry = {"state": "failed", "reason": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()[-2000:]}
        entry["seconds"] = round(time.monotonic() - begin, 2)
        items[name] = entry
        counts[entry["state"]] += 1
        print(f"  {entry['state']:8s} {name} ({entry['seconds']:.1f} s) {entry.get('reason', '')}", flush=True)
        stored = {"stage": number, "title": title, **mark(s), "machine": s.machine, "bundle": s.bundle, "items": items}
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(stored, indent=1) + "\n")
        temporary.rename(path)
    write_table(s)
    print(f"stage {number}: " + ", ".join(f"{count} {what}" for what, count in counts.items() if count), flush=True)
    if counts["not reached"]:
        print(f"stage {number}: out of time; run it again for the rest", flush=True)
    return counts["failed"] + counts["not reached"] == 0


def mark(s):
    return {"simulated": "simulated, times mean nothing"} if s.simulate else {}


def number(value):
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def cell(result):
    if result is None:
        return ""
    if "median" in result:
        return f"{number(result['median'])} ({number(result['low'])}-{number(result['high'])})"
    return "failed" if "error" in result else "-"


def write_table(s):
    """table.md from all stages' files."""
    stages = {n: json.loads((s.results / f"stage{n}.json").read_text()) for n in STAGES if (s.results / f"stage{n}.json").exists()}
    facts = next((stage["machine"] for stage in stages.values()), s.machine)
    lines = ["# Onda on a GPU", ""]
    if s.simulate:
        lines += ["**Simulated: this ran on the simulated device of the tests, and its times mean nothing.**", ""]
    lines += [f"{facts['date']}. GPU (name, memory, driver, clock, power): {facts['gpu']}. CPU: {facts['cpu']}.",
              "Versions: " + ", ".join(f"{key} {value}" for key, value in {**facts["versions"], **s.bundle}.items()) + ".", "",
              "| stage | ok | skipped | failed |", "|---|---|---|---|"]
    for n, stage in stages.items():
        states = [item["state"] for item in stage["items"].values()]
        lines.append(f"| {n} {stage['title']} | {states.count('ok')} | {states.count('skipped')} | {states.count('failed')} |")
    tests = [item["data"] for item in stages.get(1, {"items": {}})["items"].values() if item.get("data")]
    lines += ["", f"Kernel cases on the device: {sum(t.get('ok', 0) for t in tests)} pass, "
              f"{sum(len(t['failed']) for t in tests if 'ok' in t)} fail. Official tests: "
              f"{sum(t.get('passed', 0) for t in tests)} pass, {sum(len(t['failed']) for t in tests if 'passed' in t)} fail.", ""]
    rows = {}
    for n in (4, 5, 6):
        for name, item in stages.get(n, {"items": {}})["items"].items():
            if item.get("data"):
                row = rows.setdefault(name, {"results": {}})
                row["results"].update({k: v for k, v in item["data"]["results"].items()
                                       if "median" not in row["results"].get(k, {})})
                row.update({k: v for k, v in item["data"].items() if k != "results"})
    if rows:
        lines += ["Milliseconds of a run: medians of interleaved rounds, in brackets the 10th to 90th percentile of the rounds' "
                  "medians. Inputs and outputs stay on the GPU; every run is waited for. floor: all multiplications at the "
                  "GPU's rate, or the weights and inputs read once, whichever is longer. distance: of Onda's results from "
                  "PyTorch's, as norms.", "",
                  "| network | Onda | PyTorch eager | PyTorch CUDA graph | torch.compile | floor (H100) | Onda / best PyTorch | distance |",
                  "|---|---|---|---|---|---|---|---|"]
    for name, row in rows.items():
        r = row["results"]
        best = [result["median"] for key, result in r.items() if key != "onda" and "median" in result]
        ratio = f"{r['onda']['median'] / min(best):.2f}" if best and "median" in r.get("onda", {}) else ""
        lines.append("| " + " | ".join([name, *(cell(r.get(key)) for key in ("onda", "torch eager", "torch graph", "torch compile")),
                                        "-" if s.simulate else number(row["floor_ms"]), ratio, f"{row['distance']:.1e}" if "distance" in row else ""]) + " |")
    failures = [f"- stage {n}, {name}: {item['reason']}" for n, stage in stages.items() for name, item in stage["items"].items()
                if item["state"] == "failed"]
    skips = [f"- stage {n}, {name}: {item['reason']}" for n, stage in stages.items() for name, item in stage["items"].items()
             if item["state"] == "skipped"]
    for title, entries in (("Failed", failures), ("Skipped", skips)):
        if entries:
            lines += ["", f"## {title}", "", *(re.sub(r"\s+", " ", entry) for entry in entries)]
    (s.results / "table.md").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="gpu_session.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="the stages")
    parser.add_argument("--stage", type=int, action="append", choices=sorted(STAGES))
    parser.add_argument("--all", action="store_true", help="every stage, one after the other")
    parser.add_argument("--seconds", type=float, default=500, help="that a stage may take")
    parser.add_argument("--results", default="gpu_results")
    parser.add_argument("--work", help="folder for models and inputs, a few GiB (default: work in the results)")
    parser.add_argument("--only", help="a regular expression for names of items")
    parser.add_argument("--every", type=int, default=1, help="only every Nth test and kernel case of stage 1")
    parser.add_argument("--again", action="store_true", help="what is done already too")
    parser.add_argument("--simulate", action="store_true")
    arguments = parser.parse_args()
    if arguments.list or not (arguments.stage or arguments.all):
        for n, (title, _) in STAGES.items():
            print(f"{n}  {title}")
        return 0
    s = Session(arguments)
    s.machine = machine.facts()
    about = ROOT / "bundle.json"
    s.bundle = json.loads(about.read_text()) if about.exists() else {}
    try:
        print(s.call(s.onda, "providers", s.library).strip(), flush=True)
    except Failed as reason:
        print(f"the provider's library cannot be looked at: {reason}", flush=True)
    good = [run_stage(s, n) for n in (arguments.stage or STAGES)]
    print(f"results: {s.results / 'table.md'}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
