#!/usr/bin/env python3
"""Sums made-up reports of Nsight Systems with perf/gpu/nodes.py. Standard library only."""

import json
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODES = ROOT / "perf" / "gpu" / "nodes.py"
CONV, BODY = "node 'conv1' (Conv, ai.onnx opset 17)", "node (If, ai.onnx opset 17)"
NORM = """node 'it's a (norm)' (LayerNormalization, ai.onnx)"""


def report(path, texts_by_id, ranges, calls, kernels, copies):
    """ranges (start, end, text, thread), calls (correlation, start, thread), kernels and copies (start, end, correlation)."""
    base = sqlite3.connect(path)
    strings = ["gemm", "norm_kernel", *(text for _, _, text, _ in ranges)]
    base.execute("CREATE TABLE StringIds (id INTEGER, value TEXT)")
    base.executemany("INSERT INTO StringIds VALUES (?, ?)", enumerate(strings))
    base.execute("CREATE TABLE NVTX_EVENTS (start INTEGER, end INTEGER, eventType INTEGER, text TEXT, textId INTEGER, globalTid INTEGER)")
    for start, end, text, thread in ranges:
        row = (start, end, 59, None, strings.index(text), thread) if texts_by_id else (start, end, 59, text, None, thread)
        base.execute("INSERT INTO NVTX_EVENTS VALUES (?, ?, ?, ?, ?, ?)", row)
    base.execute("INSERT INTO NVTX_EVENTS VALUES (1, NULL, 34, 'a mark', NULL, 7)")
    base.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INTEGER, end INTEGER, globalTid INTEGER, correlationId INTEGER)")
    base.executemany("INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (?, ?, ?, ?)", [(s, s + 1, t, c) for c, s, t in calls])
    base.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER, end INTEGER, correlationId INTEGER, shortName INTEGER)")
    base.executemany("INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (?, ?, ?, ?)", kernels)
    if copies:
        base.execute("CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INTEGER, end INTEGER, correlationId INTEGER)")
        base.executemany("INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (?, ?, ?)", copies)
    base.commit()
    base.close()


class Reports(unittest.TestCase):
    def sum(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.sqlite"
            report(path, *arguments)
            for option in ([], ["--json"]):
                done = subprocess.run([sys.executable, NODES, *option, path], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
        return {row["name"] or row["op"]: row for row in json.loads(done.stdout)["nodes"]}

    def test_kernels_belong_to_the_range_that_launched_them(self):
        for by_id in (False, True):
            # Two runs of a session with two nodes on thread 7; kernels run long after they were launched, and overlap.
            ranges = [(0, 100, "cuda:0: main", 7), (10, 20, CONV, 7), (30, 40, NORM, 7),
                      (200, 300, "cuda:0: main", 7), (210, 220, CONV, 7), (230, 240, NORM, 7),
                      (10, 290, CONV.replace("conv1", "other"), 8)]
            calls = [(1, 11, 7), (2, 15, 7), (3, 31, 7), (4, 211, 7), (5, 231, 7), (6, 50, 7), (7, 60, 8)]
            kernels = [(1000, 2000, 1, 0), (2000, 2500, 2, 0), (2500, 2600, 3, 1), (3000, 4000, 4, 0), (4000, 4100, 5, 1),
                       (5000, 5300, 7, 0), (6000, 6007, 99, 0)]
            nodes = self.sum(by_id, ranges, calls, kernels, [(4100, 4150, 6)])
            self.assertEqual(set(nodes), {"conv1", "it's a (norm)", "other", "(outside of nodes)"})
            self.assertAlmostEqual(nodes["conv1"]["total_ms"], 2500e-6)
            self.assertEqual((nodes["conv1"]["op"], nodes["conv1"]["count"], nodes["conv1"]["kernels"]), ("Conv", 2, ["gemm"]))
            self.assertAlmostEqual(nodes["it's a (norm)"]["total_ms"], 200e-6)
            self.assertEqual(nodes["it's a (norm)"]["op"], "LayerNormalization")
            self.assertAlmostEqual(nodes["other"]["total_ms"], 300e-6)
            self.assertAlmostEqual(nodes["(outside of nodes)"]["total_ms"], 57e-6)
            self.assertEqual(sorted(nodes["(outside of nodes)"]["kernels"]), ["copy", "gemm"])
            self.assertAlmostEqual(sum(row["share"] for row in nodes.values()), 100)

    def test_nodes_of_a_body_are_found_inside_their_node(self):
        ranges = [(0, 100, BODY, 1), (10, 20, CONV, 1)]
        nodes = self.sum(False, ranges, [(1, 12, 1), (2, 30, 1)], [(50, 60, 1, 0), (60, 90, 2, 1)], [])
        self.assertAlmostEqual(nodes["conv1"]["total_ms"], 10e-6)
        self.assertAlmostEqual(nodes["If"]["total_ms"], 30e-6)

    def test_a_report_without_kernels_is_empty(self):
        self.assertEqual(self.sum(False, [(0, 100, BODY, 1)], [], [], []), {})


if __name__ == "__main__":
    unittest.main()
