#!/usr/bin/env python3
"""Loads the provider's real library, as build.py linked it, on a machine without a GPU: library_test.py ONDA

What is missing must be told by name and version. Exits 77 where there is no library, or where there is a GPU.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ROOT / "build" / "cuda_library"
NAME = "libonda_provider_cuda.so"
ONDA = ""
MODEL = '<ir_version: 10, opset_import: ["" : 21]> g (float[4] x) => (float[4] y) { y = Relu(x) }'


def onda(*arguments):
    done = subprocess.run([ONDA, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


class LibraryTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.model = self.folder / "model.onnxtxt"
        self.model.write_text(MODEL)

    def ask(self, library, *options):
        """What the commands say of a library that cannot be used: run, doctor and providers."""
        given = ("--provider-library", library, "--provider", ",".join(["cuda", *options]))
        code, text = onda("run", self.model, "--random", *given)
        self.assertEqual(code, 14, text)
        self.assertIn("cuda", text)
        code, report = onda("doctor", "--json", *given)
        self.assertEqual(code, 1, report)
        found = {line["what"]: line for line in json.loads(report)}
        cuda = found[given[-1]]
        self.assertFalse(cuda["good"])
        self.assertTrue(cuda["advice"])
        self.assertTrue(found["cpu"]["good"])
        self.assertIn(cuda["text"], text)
        code, providers = onda("providers", library)
        self.assertEqual(code, 0)
        self.assertIn("missing: ", providers)
        return text, providers

    def test_without_a_driver(self):
        for text in self.ask(LIBRARIES / NAME):
            for part in ("no NVIDIA driver (libcuda.so.1)", "CUDA runtime 13", "cuDNN 9", "cuBLASLt 13",
                         "needed: a driver for CUDA 13", "compute capability 8.0 or later"):
                self.assertIn(part, text)

    def test_without_a_library_of_cuda(self):
        for text in self.ask(LIBRARIES / "lacking" / NAME):
            for part in ("libnowhere.so.9", "no NVIDIA driver", "cuDNN 9.", "a driver for CUDA 13"):
                self.assertIn(part, text)

    def test_without_the_providers_own_library(self):
        shutil.copy(LIBRARIES / NAME, self.folder)
        for text in self.ask(self.folder / NAME):
            self.assertIn("libonda_cuda.so: cannot open shared object file", text)

    def test_options_are_checked(self):
        code, text = onda("run", self.model, "--random", "--provider-library", LIBRARIES / NAME, "--provider", "cuda,tf32=yes")
        self.assertEqual(code, 12, text)
        self.assertIn("option 'tf32' takes an integer, not 'yes'", text)
        code, text = onda("providers", LIBRARIES / NAME)
        for key in ("device_id", "memory_limit", "tf32", "cuda_graphs"):
            self.assertIn(f"option {key}: ", text)

    def test_that_is_not_installed(self):
        code, text = onda("run", self.model, "--random", "--provider", "cuda")
        self.assertEqual(code, 14, text)
        self.assertIn("execution provider 'cuda' is not there; registered are: cpu; there is no '", text)
        self.assertIn(NAME, text)

    def test_that_lies_beside_onda(self):
        for library in Path(ONDA).resolve().parents[1].glob("libonda.so*"):
            shutil.copy(library, self.folder)
        shutil.copy(LIBRARIES / NAME, self.folder)
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.folder)}
        shutil.copy(ONDA, self.folder / "onda")
        done = subprocess.run([self.folder / "onda", "providers", "--json"], capture_output=True, text=True, env=environment)
        report = json.loads(done.stdout)
        self.assertEqual(report["providers"], ["cuda", "cpu"], done.stderr)


if __name__ == "__main__":
    ONDA = sys.argv.pop(1)
    if not (LIBRARIES / NAME).exists():
        print("the provider's library is not built: run tests/cuda/build.py")
        sys.exit(77)
    if Path("/dev/nvidia0").exists():
        print("this machine has a GPU")
        sys.exit(77)
    unittest.main()
