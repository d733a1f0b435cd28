#!/usr/bin/env python3
"""Tries perf/make_bundle.sh, gpu_session.sh and nsys.sh from end to end on the simulated device: scripts_test.py BUILD

What they report is looked at, times are not: those of the simulator mean nothing. Exit code 77 without the simulator.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


class Trial:
    def __init__(self, build, folder):
        self.bundle, self.results = folder / "bundle", folder / "results"
        self.environment = {**os.environ, "ONDA_PYTHON": sys.executable}
        out = self.run("bash", ROOT / "perf" / "make_bundle.sh", "--simulate", "--build", build, "--out", self.bundle,
                       "--no-archive", "--every", 150)
        check("MiB" in out, "the bundle says how large it is")

    def run(self, *command, code=0, errors=False):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=self.environment, timeout=200)
        if done.returncode != code:
            sys.exit(f"FAILED: {' '.join(map(str, command))} ended with code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stderr if errors else done.stdout

    def stage(self, number, *options, code=0):
        """What the stage printed, and its items."""
        out = self.run(self.bundle / "perf" / "gpu_session.sh", "--simulate", "--results", self.results, "--stage", number,
                       *options, code=code)
        stored = json.loads((self.results / f"stage{number}.json").read_text())
        check(stored["simulated"] == "simulated, times mean nothing", "a result says that it is simulated")
        return out, stored["items"]


def main():
    build = Path(sys.argv[1]).resolve()
    if not list(build.rglob("libonda_provider_cuda_sim.so")):
        print("no simulator in this build")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        t = Trial(build, Path(folder))
        session = t.bundle / "perf" / "gpu_session.sh"
        check(len(t.run(session, "--list").splitlines()) == 7, "seven stages are listed")
        check("do not belong" in t.run(session, "--simulate", "--stage", 2, "--results", ROOT / "perf" / "results" / "x", code=1,
                                       errors=True), "simulated results are kept out of perf/results")
        (ROOT / "perf" / "results" / "x").exists() and sys.exit("FAILED: a folder was made in perf/results")

        _, items = t.stage(1, "--every", 60)
        cases = [item["data"] for name, item in items.items() if name.startswith("kernel cases")]
        check(sum(data["ok"] for data in cases) >= 5, "kernel cases ran on the device")
        check(sum(item["data"]["passed"] for name, item in items.items() if name.startswith("official")) >= 1, "official tests ran")
        out, items = t.stage(2)
        check(items and all(item["state"] == "skipped" for item in items.values()), "the sanitizer is skipped and says so")
        t.stage(3, "--only", "resnet50 fp16 batch 1")
        check((t.results / "plans").read_bytes().startswith(b"ONDAPLAN"), "tuned plans are kept")

        _, items = t.stage(4, "--only", "resnet50 fp16 batch 1")
        data = items["resnet50 fp16 batch 1"]["data"]
        check(data["results"]["onda"]["runs"] > 0 and data["floor_ms"] > 0, "times are measured")
        if "median" in data["results"]["torch eager"]:
            check(data["distance"] < 2e-2, "results are those of PyTorch")
        check("1 done before" in t.stage(4, "--only", "resnet50 fp16 batch 1")[0], "what is done is not done again")
        t.stage(5, "--only", "mobilenet_v2 tf32 batch 1")

        # What fails is named, and the rest goes on.
        (t.results / "work" / "networks" / "mobilenet_v2_fp16.onnx").write_bytes(b"this is no model")
        (t.results / "work" / "networks" / "mobilenet_v2_fp16.json").write_text('{"weights": {}, "inputs": []}')
        out, items = t.stage(4, "--only", "(mobilenet_v2|lstm) fp16 batch 1", code=1)
        check(items["mobilenet_v2 fp16 batch 1"]["state"] == "failed" and items["lstm fp16 batch 1"]["state"] == "ok",
              "after a failure the others go on")
        check("out of time" in t.stage(5, "--only", "fp32 batch 1", "--seconds", 1, code=1)[0], "a stage ends in time")

        _, items = t.stage(7, "--only", "lstm fp16 batch 1")
        nodes = items["lstm fp16 batch 1"]["data"]
        check("simulated" in nodes and any(node["op"] == "LSTM" for node in nodes["nodes"]), "nodes are listed")
        shown = t.run(t.bundle / "perf" / "nsys.sh", "--simulate", t.results / "work" / "networks" / "lstm_fp16.onnx", "--random",
                      "--dim", "batch=1")
        check("times mean nothing" in shown and "LSTM" in shown, "nsys.sh prints its table")
        table = (t.results / "table.md").read_text()
        for text in ("times mean nothing", "resnet50 fp16 batch 1", "## Failed", "mobilenet_v2 fp16 batch 1", "## Skipped"):
            check(text in table, f"the table has '{text}'")
    print("the scripts for a GPU work on the simulator; PyTorch was " + ("there" if "median" in data["results"]["torch eager"] else "not there"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
