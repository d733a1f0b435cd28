#!/usr/bin/env python3
"""Uses the command `onda` as people and programs do: command_test.py PATH_OF_ONDA [unittest's arguments]

Needs numpy, onnx and pillow; exits 77 where they are missing.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

try:
    import numpy as np
    import onnx
    import onnx.parser
    import onnx.printer
    from google.protobuf import json_format, text_format
    from onnx import numpy_helper
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

ONDA = ""
ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.onnx"


def onda(*arguments, code=0, stdin=None):
    """What the command prints, after checking how it ends."""
    done = subprocess.run([ONDA, *map(str, arguments)], capture_output=True, text=True, input=stdin, timeout=120)
    if done.returncode != code:
        raise AssertionError(f"onda {' '.join(map(str, arguments))}: exit code {done.returncode}, not {code}\n"
                             f"{done.stdout}\n{done.stderr}")
    return done.stdout if code == 0 else done.stderr + done.stdout


def parse(text, opset=21):
    return onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}]>\n{text}')


class CommandTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def save(self, model, name="model.onnx"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path)
        return path

    def test_run_ends_at_its_timeout(self):
        path = self.save(parse("""g (float x) => (float y) <bool on = {1}> { y = Loop (, on, x) <body = b (int64 i, bool go, float v) =>
            (bool more, float w) { more = Identity (go) w = Neg (v) }> }"""))
        begin = time.monotonic()
        self.assertIn("terminated", onda("run", path, "--random", "--timeout", "0.2", code=17))
        self.assertLess(time.monotonic() - begin, 10)

    def identity(self, dtype, shape="[a,b]"):
        name = "".join(c if c.isalnum() else "_" for c in dtype + shape) + ".onnx"
        return self.save(parse(f"g ({dtype}{shape} x) => ({dtype}{shape} y) {{ y = Identity (x) }}"), name)

    def run_one(self, model, *arguments, output="y"):
        onda("run", model, *arguments, "--output-dir", self.folder / "out")
        return np.load(self.folder / "out" / f"{output}.npy")


class Run(CommandTest):
    def test_numpy_files_of_every_type(self):
        types = {"f4": "float", ">f4": "float", "f8": "double", "f2": "float16", "i1": "int8", "u1": "uint8",
                 ">i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32", "i8": "int64", "u8": "uint64",
                 "b1": "bool", "c8": "complex64", "c16": "complex128"}
        for numpy_name, onnx_name in types.items():
            model = self.identity(onnx_name)
            array = (np.arange(6).reshape(2, 3) * 1.25).astype(numpy_name)
            np.save(self.folder / "c.npy", array)
            np.save(self.folder / "f.npy", np.asfortranarray(array))
            np.savez(self.folder / "stored.npz", x=array)
            np.savez_compressed(self.folder / "packed.npz", x=array, unused=array)
            for file in ("c.npy", "f.npy", "stored.npz", "packed.npz"):
                with self.subTest(type=numpy_name, file=file):
                    result = self.run_one(model, "--input", f"x={self.folder / file}")
                    np.testing.assert_array_equal(result, array)
                    self.assertEqual(result.dtype, array.dtype.newbyteorder("="))

    def test_strings(self):
        array = np.array([["a", "b\u00e9"], ["", "\u4e2d\U0001f600"]])
        np.save(self.folder / "x.npy", array)
        result = self.run_one(self.identity("string"), "-i", self.folder / "x.npy")
        np.testing.assert_array_equal(result, array)

    def test_types_without_a_numpy_name(self):
        np.save(self.folder / "x.npy", np.array([[1.5, -2, 0.25]], np.float32))
        for dtype in ("bfloat16", "float8e4m3fn", "float8e5m2"):
            result = self.run_one(self.identity(dtype), "-i", self.folder / "x.npy")
            np.testing.assert_array_equal(result, np.array([[1.5, -2, 0.25]], np.float32))
        np.save(self.folder / "i.npy", np.array([[1, -2, 7]], np.int8))
        np.testing.assert_array_equal(self.run_one(self.identity("int4"), "-i", self.folder / "i.npy"), [[1, -2, 7]])

    def test_serialized_values(self):
        tensor = numpy_helper.from_array(np.array([[1, 2]], np.float32), "x")
        (self.folder / "x.pb").write_bytes(tensor.SerializeToString())
        np.testing.assert_array_equal(self.run_one(self.identity("float"), "-i", f"x={self.folder / 'x.pb'}"), [[1, 2]])
        model = self.save(parse("g (seq(float[a]) x) => (seq(float[a]) y) { y = Identity (x) }"))
        sequence = numpy_helper.from_list([np.array([1], np.float32), np.array([2, 3], np.float32)], "x")
        (self.folder / "s.pb").write_bytes(sequence.SerializeToString())
        onda("run", model, "-i", self.folder / "s.pb", "--output-dir", self.folder, "--format", "pb")
        back = onnx.SequenceProto.FromString((self.folder / "y.pb").read_bytes())
        self.assertEqual([value.tolist() for value in numpy_helper.to_list(back)], [[1], [2, 3]])

    def test_data_set(self):
        model = self.save(parse("g (float[2] x, float[2] z) => (float[2] y) { y = Sub (x, z) }"))
        for i, values in enumerate(([5, 7], [1, 2])):
            tensor = numpy_helper.from_array(np.array(values, np.float32))
            (self.folder / f"input_{i}.pb").write_bytes(tensor.SerializeToString())
        np.testing.assert_array_equal(self.run_one(model, "--data-set", self.folder), [4, 5])
        onda("run", model, "--data-set", self.folder / "none", code=14)

    def test_pictures(self):
        pixels = np.random.default_rng(1).integers(0, 256, (6, 5, 3), np.uint8)
        Image.fromarray(pixels).save(self.folder / "p.png")
        planar = self.identity("float", "[n,3,6,5]")
        expected = pixels.transpose(2, 0, 1)[None] / 255
        picture = f"x={self.folder / 'p.png'}"
        np.testing.assert_allclose(self.run_one(planar, "-i", picture), expected, atol=1e-6)
        normalized = self.run_one(planar, "-i", picture, "--mean", "0.5,0.4,0.3", "--std", "0.2,0.2,0.1")
        wanted = (expected - np.reshape([0.5, 0.4, 0.3], (1, 3, 1, 1))) / np.reshape([0.2, 0.2, 0.1], (1, 3, 1, 1))
        np.testing.assert_allclose(normalized, wanted, atol=1e-5)
        np.testing.assert_allclose(self.run_one(planar, "-i", picture, "--bgr"), expected[:, ::-1], atol=1e-6)
        packed = self.identity("uint8", "[1,6,5,3]")
        np.testing.assert_array_equal(self.run_one(packed, "-i", picture), pixels[None])
        grey = self.run_one(self.identity("float", "[h,w]"), "-i", picture)
        np.testing.assert_allclose(grey, pixels @ [0.299, 0.587, 0.114] / 255, atol=1e-5)
        # Larger and smaller pictures are resized as pillow's bilinear filter does it, up to its rounding.
        for size in ((17, 23), (3, 2), (5, 12)):
            large = Image.fromarray(np.random.default_rng(2).integers(0, 256, (*size, 3), np.uint8))
            large.save(self.folder / "p.png")
            wanted = np.asarray(large.resize((5, 6), Image.Resampling.BILINEAR)).transpose(2, 0, 1)[None] / 255
            np.testing.assert_allclose(self.run_one(planar, "-i", picture), wanted, atol=1.2 / 255)

    def test_jpeg(self):
        ramp = np.repeat(np.linspace(0, 255, 32)[None].repeat(32, 0)[:, :, None], 3, 2).astype(np.uint8)
        Image.fromarray(ramp).save(self.folder / "p.jpg", quality=95)
        result = self.run_one(self.identity("float", "[1,3,32,32]"), "-i", f"x={self.folder / 'p.jpg'}")
        decoded = np.asarray(Image.open(self.folder / "p.jpg")).transpose(2, 0, 1)[None] / 255
        np.testing.assert_allclose(result, decoded, atol=0.02)

    def test_random_inputs_are_the_same_for_a_seed(self):
        model = self.identity("float")
        first = self.run_one(model, "--dim", "a=3", "--dim", "b=4", "--seed", 7)
        self.assertEqual(first.shape, (3, 4))
        np.testing.assert_array_equal(first, self.run_one(model, "--dim", "a=3", "--dim", "b=4", "--seed", 7))
        self.assertFalse(np.array_equal(first, self.run_one(model, "--dim", "a=3", "--dim", "b=4", "--seed", 8)))

    def test_json(self):
        np.save(self.folder / "x.npy", np.array([[1, np.nan]], np.float32))
        report = json.loads(onda("run", self.identity("float"), "-i", self.folder / "x.npy", "--json"))
        self.assertEqual(report["outputs"][0]["value"], {"dtype": "float", "shape": [1, 2], "data": [1.0, "nan"]})

    def test_mistakes_are_named(self):
        model = self.save(parse("g (float[2] x, float[2] z) => (float[2] y) { y = Add (x, z) }"))
        np.save(self.folder / "x.npy", np.zeros(2, np.float32))
        np.save(self.folder / "three.npy", np.zeros(3, np.float32))
        np.save(self.folder / "long.npy", np.zeros(2, np.int64))
        x = f"x={self.folder / 'x.npy'}"
        for arguments, code, words in (
                (["-i", x], 12, ["'z'", "float[2]", "not given"]),
                (["-i", x, "-i", x], 12, ["'x'", "twice"]),
                (["-i", f"q={self.folder / 'x.npy'}"], 12, ["'q'", "x, z"]),
                (["-i", self.folder / "x.npy"], 12, ["NAME=FILE"]),
                (["-i", x, "-i", f"z={self.folder / 'three.npy'}"], 12, ["'z'", "float[2]", "float[3]"]),
                (["-i", x, "-i", f"z={self.folder / 'long.npy'}"], 12, ["'z'", "int64"]),
                (["-i", "x=/no/such/file.npy"], 14, ["/no/such/file.npy"]),
                (["-i", f"x={model}"], 12, ["no kind that can be read"]),
                (["--no-such-option"], 2, ["--no-such-option"])):
            with self.subTest(arguments=arguments):
                message = onda("run", model, *arguments, code=code)
                for word in words:
                    self.assertIn(word, message)
        (self.folder / "bad.npy").write_bytes((self.folder / "x.npy").read_bytes()[:-3])
        self.assertIn("too few", onda("run", model, "-i", f"x={self.folder / 'bad.npy'}", code=12))
        (self.folder / "bad.onnx").write_bytes(b"\x08\x0a\x3a\xff")
        onda("run", self.folder / "bad.onnx", code=11)
        self.assertIn("no/model.onnx", onda("run", "no/model.onnx", code=14))


    def test_damaged_files_are_refused(self):
        """Random changes of files of every kind: an answer or an error, never a crash."""
        random = np.random.default_rng(5)
        array = random.random((4, 5)).astype(np.float32)
        np.save(self.folder / "x.npy", array)
        np.save(self.folder / "s.npy", np.array([["a", "bc"]]))
        np.savez_compressed(self.folder / "x.npz", x=array)
        pixels = random.integers(0, 256, (9, 8, 3), np.uint8)
        Image.fromarray(pixels).save(self.folder / "x.png")
        Image.fromarray(pixels).save(self.folder / "x.jpg")
        (self.folder / "x.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())
        model = self.identity("float")
        for name in ("x.npy", "s.npy", "x.npz", "x.png", "x.jpg", "x.pb"):
            whole = (self.folder / name).read_bytes()
            for _ in range(25):
                damaged = bytearray(whole[:random.integers(len(whole) + 1)] if random.random() < 0.2 else whole)
                for _ in range(random.integers(1, 6)):
                    if damaged:
                        damaged[random.integers(len(damaged))] = random.choice([0, 1, 127, 128, 255, random.integers(256)])
                path = self.folder / f"damaged{Path(name).suffix}"
                path.write_bytes(damaged)
                done = subprocess.run([ONDA, "run", model, "-i", f"x={path}"], capture_output=True, timeout=60)
                self.assertIn(done.returncode, (0, 11, 12, 15, 16), (name, bytes(damaged).hex(), done.stderr))


class Look(CommandTest):
    def test_help_lists_exit_codes(self):
        text = onda("--help")
        self.assertIn("11 invalid model", text)
        for name in ("run", "info", "dump", "convert", "verify", "bench", "test", "providers"):
            self.assertIn(name, text)

    def test_info(self):
        report = json.loads(onda("info", DIGITS, "--json", "--run", "--no-optimize"))
        self.assertEqual(report["inputs"][0]["shape"], ["batch", 1, 28, 28])
        self.assertGreaterEqual(report["operators"]["Conv"], 2)
        self.assertEqual({entry["provider"] for entry in report["placement"]} - {"cpu", "view"}, set())
        self.assertGreater(report["activation_bytes"], 0)
        self.assertIn("float[batch,10]", onda("info", DIGITS, "--placement"))

    def test_providers(self):
        self.assertEqual(json.loads(onda("providers", "--json"))["providers"][-1], "cpu")

    def test_dump_is_onnx_text(self):
        model = onnx.load(DIGITS)
        parsed = onnx.parser.parse_model(onda("dump", DIGITS))
        self.assertEqual([node.op_type for node in parsed.graph.node], [node.op_type for node in model.graph.node])
        for before, after in zip(model.graph.initializer, parsed.graph.initializer):
            np.testing.assert_array_equal(numpy_helper.to_array(before), numpy_helper.to_array(after))
        self.assertIn("Conv", onda("dump", DIGITS, "--upgraded"))

    def test_plan(self):
        text = onda("dump", "--plan", DIGITS, "--dim", "batch=2", "--no-optimize")
        self.assertIn("for image float[2,1,28,28]", text)
        self.assertRegex(text, r"cpu runs Conv 'conv1': .*@\d+")

    def test_rewrites_that_are_skipped(self):
        """They show in plans; a dump of the model itself, which no rewrite has touched, says so."""
        arguments = ("dump", DIGITS, "--dim", "batch=2", "--skip-rewrite", "fuse-conv-activation")
        self.assertNotEqual(onda(*arguments, "--plan"), onda(*arguments[:-2], "--plan"))
        self.assertIn("add --plan", onda(*arguments, code=12))

    def test_verify(self):
        self.assertIn("agree", onda("verify", DIGITS, "--dim", "batch=3"))
        # With a tolerance of nothing at all some node differs in the last bit, and is named.
        report = onda("verify", DIGITS, "--rtol", "0", "--atol", "0", code=1)
        self.assertRegex(report, r"node '\w+' \(\w+\)")

    def test_check_reports_names_that_bodies_define_again(self):
        path = self.save(parse("""g (float[2] x, bool c) => (float[2] z) { a = Relu(x)
            z = If(c) <then_branch = t () => (float[2] r) { a = Neg(x) r = Relu(a) },
                       else_branch = e () => (float[2] q) { q = Neg(a) }> }"""))
        text = onda("check", path, code=11)
        self.assertIn("(Neg) of body 't' defines 'a'", text)
        self.assertIn("1 error", text)
        onda("convert", path, self.folder / "renamed.onnx")
        self.assertIn("nothing is wrong", onda("check", self.folder / "renamed.onnx"))
        onnx.checker.check_model(str(self.folder / "renamed.onnx"), full_check=True)

    def test_check_reports_everything(self):
        self.assertIn("nothing is wrong", onda("check", DIGITS))
        broken = self.save(onnx.helper.make_model(onnx.helper.make_graph(
            [onnx.helper.make_node("Relu", ["x", "x"], ["a"], name="first"),
             onnx.helper.make_node("Add", ["a", "nothing"], ["b"], name="second"),
             onnx.helper.make_node("Softmax", ["x"], ["y"], name="third", axes=1)], "g",
            [onnx.helper.make_tensor_value_info("x", 1, [2, 3])],
            [onnx.helper.make_tensor_value_info("y", 1, [2, 3])]), opset_imports=[onnx.helper.make_opsetid("", 21)]))
        text = onda("check", broken, code=11)
        for part in ("'first' (Relu, ai.onnx opset 21)", "'second'", "'third'", "is 'axis' meant?", "3 errors"):
            self.assertIn(part, text)
        done = subprocess.run([ONDA, "check", "--json", broken, DIGITS], capture_output=True, text=True)
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([len(report["problems"]) for report in reports], [3, 0])
        self.assertEqual(reports[0]["problems"][0]["severity"], "error")
        self.assertIn("float[batch, 10]", onda("check", "--types", DIGITS))

    def test_inferred_shapes_are_written(self):
        onda("convert", "--infer-shapes", DIGITS, self.folder / "inferred.onnx")
        model = onnx.load(self.folder / "inferred.onnx")
        self.assertGreaterEqual(len(model.graph.value_info), len(model.graph.node) - 1)

    def rewritten(self):
        """Identity goes, then BatchNormalization into the weights of Conv, which changes the last bits."""
        rng = np.random.default_rng(1)
        initializers = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in
                        {"w": rng.normal(size=(8, 4, 3, 3)), "s": rng.uniform(1, 2, 8), "b": rng.normal(size=8),
                         "m": rng.normal(size=8), "v": rng.uniform(1, 2, 8)}.items()]
        model = parse("g (float[1,4,9,9] x) => (float[1,8,7,7] y) "
                      "{ i = Identity(x) c = Conv(i, w) y = BatchNormalization(c, s, b, m, v) }")
        model.graph.initializer.extend(initializers)
        return self.save(model, "rewritten.onnx")

    def test_rewrites_are_listed_and_skipped(self):
        def counts(*arguments):
            report = json.loads(onda("info", model, "--rewrites", "--json", *arguments))
            return {entry["name"]: entry["count"] for entry in report["rewrites"]}

        model = self.rewritten()
        self.assertEqual(counts()["fold-batch-norm"], 1)
        self.assertEqual(counts("--skip-rewrite", "fold-batch-norm", "--skip-rewrite", "drop-identity")["fold-batch-norm"], 0)
        self.assertEqual(sum(counts("--max-rewrites", 1).values()), 1)
        self.assertIn("fold-batch-norm", onda("info", model, "--skip-rewrite", "no-such-rewrite", code=12))

    def test_bisect_names_the_rewrite(self):
        model = self.rewritten()
        self.assertIn("agree", onda("bisect", model))
        text = onda("bisect", model, "--rtol", 0, "--atol", 0, code=1)
        self.assertIn("fold-batch-norm", text)
        self.assertRegex(text, r"(?s)before:.*BatchNormalization.*after:.*Conv")
        report = json.loads(subprocess.run([ONDA, "bisect", model, "--rtol", "0", "--atol", "0", "--json"],
                                           capture_output=True, text=True).stdout)
        self.assertEqual(report["rule"], "fold-batch-norm")
        self.assertEqual(report["first"], report["rewrites"])

    def test_profile(self):
        trace = self.folder / "trace.json"
        text = onda("profile", DIGITS, "--runs", 3, "--output", trace, "--dim", "batch=16")
        for part in ("loading", "by operator", "by node", "3 runs"):
            self.assertIn(part, text)
        events = json.loads(trace.read_text())["traceEvents"]
        node = next(event for event in events if event.get("cat") == "node")
        for key in ("op", "provider", "inputs", "outputs", "read_bytes", "written_bytes"):
            self.assertIn(key, node["args"])
        self.assertTrue({"load", "run", "node", "bind"} <= {event.get("cat") for event in events})
        self.assertIn("read the model", {event["name"] for event in events})
        report = json.loads(onda("profile", trace, "--json"))
        self.assertEqual(len(report["runs_ms"]), 4)  # the first, which the summary above leaves out, too
        self.assertAlmostEqual(sum(row["share"] for row in report["nodes"]) + sum(row["share"] for row in report["copies"]), 100, 3)
        self.assertIn("not a trace", onda("profile", self.save_text("x.json", '{"traceEvents": 3}'), code=12))

    def save_text(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def test_bench(self):
        report = json.loads(onda("bench", DIGITS, "--runs", 5, "--json"))
        self.assertEqual(report["runs"], 5)
        self.assertGreater(report["median_ms"], 0)

    def test_bench_on_demand(self):
        lines = onda("bench", "--serve", DIGITS, stdin="run 3\nmemory\nquit\n").splitlines()
        self.assertTrue(json.loads(lines[0])["ready"])
        self.assertEqual(len(json.loads(lines[1])), 3)
        self.assertGreater(json.loads(lines[2])["peak_rss_kb"], 0)


class Convert(CommandTest):
    def test_every_form_and_back(self):
        path = DIGITS
        for name in ("a.onnxtxt", "b.prototxt", "c.json", "d.onnx"):
            onda("convert", path, self.folder / name)
            path = self.folder / name
        before, after = onnx.load(DIGITS), onnx.load(path)
        self.assertEqual([node.op_type for node in before.graph.node], [node.op_type for node in after.graph.node])
        for one, two in zip(before.graph.initializer, after.graph.initializer):
            np.testing.assert_array_equal(numpy_helper.to_array(one), numpy_helper.to_array(two))
        self.assertEqual(onda("dump", path), onda("dump", DIGITS))

    def test_newest_opset(self):
        model = self.save(parse("g (float[a,1] x) => (float[a] y) { y = Squeeze <axes = [1]> (x) }", opset=11))
        onda("convert", "--newest-opset", model, self.folder / "new.onnx")
        new = onnx.load(self.folder / "new.onnx")
        onnx.checker.check_model(new, full_check=True)
        self.assertEqual(new.opset_import[0].version, onnx.defs.onnx_opset_version())
        self.assertEqual(len(new.graph.node[0].input), 2)

    def test_external_data(self):
        onda("convert", DIGITS, self.folder / "m.onnx", "--external", "weights.bin")
        self.assertGreater((self.folder / "weights.bin").stat().st_size, 10000)
        onnx.checker.check_model(str(self.folder / "m.onnx"))
        self.assertEqual(onda("dump", self.folder / "m.onnx"), onda("dump", DIGITS))

    def external_forms(self, location="w.bin"):
        """One model in each text form, whose weights 1, 2, 3 lie in a file of its folder."""
        model = onnx.parser.parse_model('<ir_version: 10, opset_import: ["": 21]> g (float[3] x) => (float[3] y) { y = Add(x, x) }')
        weight = model.graph.initializer.add(name="w", data_type=onnx.TensorProto.FLOAT, dims=[3],
                                             data_location=onnx.TensorProto.EXTERNAL)
        for key, value in (("location", location), ("offset", "4"), ("length", "12")):
            weight.external_data.add(key=key, value=value)
        model.graph.node[0].input[1] = "w"
        text = (f'<ir_version: 10, opset_import: ["": 21]> g (float[3] x) => (float[3] y) '
                f'<float[3] w = ["location": "{location}", "offset": "4", "length": "12"]> {{ y = Add(x, w) }}')
        forms = {"m.prototxt": text_format.MessageToString(model), "m.json": json_format.MessageToJson(model), "m.onnxtxt": text}
        for name, content in forms.items():
            (self.folder / name).write_text(content)
        return [self.folder / name for name in forms]

    def test_external_data_of_text_forms(self):
        (self.folder / "w.bin").write_bytes(np.array([9, 1, 2, 3], np.float32).tobytes())
        np.save(self.folder / "x.npy", np.array([10, 20, 30], np.float32))
        for path in self.external_forms():
            with self.subTest(path.suffix):
                onda("run", path, "-i", f"x={self.folder / 'x.npy'}", "--output-dir", self.folder)
                np.testing.assert_array_equal(np.load(self.folder / "y.npy"), [11, 22, 33])
                self.assertIn("nothing is wrong", onda("check", path))

    def test_external_data_of_text_forms_is_contained(self):
        inner = self.folder / "inner"
        inner.mkdir()
        (self.folder / "w.bin").write_bytes(bytes(16))
        (inner / "short.bin").write_bytes(bytes(15))
        (inner / "link.bin").symlink_to(self.folder / "w.bin")
        self.folder = inner
        for location, why in (("../w.bin", "leaves the model's folder"), (str(inner.parent / "w.bin"), "absolute path"),
                              ("link.bin", "symbolic link"), ("short.bin", "ends too early"), ("none.bin", "cannot be opened")):
            for path in self.external_forms(location):
                with self.subTest(f"{path.suffix} {location}"):
                    self.assertIn(why, onda("check", path, code=14 if location == "none.bin" else 11))
                    self.assertIn(why, onda("info", path, code=14 if location == "none.bin" else 11))


class Test(CommandTest):
    """onda test: results, isolation, JSON."""

    def case(self, name, model, inputs, outputs, **data):
        folder = self.folder / "cases" / name
        (folder / "test_data_set_0").mkdir(parents=True)
        onnx.save(model, folder / "model.onnx")
        for kind, arrays in (("input", inputs), ("output", outputs)):
            for i, array in enumerate(arrays):
                tensor = numpy_helper.from_array(array)
                (folder / "test_data_set_0" / f"{kind}_{i}.pb").write_bytes(tensor.SerializeToString())
        if data:
            (folder / "data.json").write_text(json.dumps(data))

    def results(self, *options, code=1):
        report = self.folder / "report.json"
        onda("test", self.folder / "cases", "--json", report, *options, code=code)
        return {Path(entry["case"]).name: entry for entry in json.loads(report.read_text())}

    def endless(self):
        return parse("""g (int64 n, bool c, float x) => (float y) {
            y = Loop (n, c, x) <body = b (int64 i, bool cond, float a) => (bool go, float r)
                { go = Identity (cond)  r = Neg (a) }> }""")

    def test_what_each_case_gives(self):
        add = parse("g (float[a] x, float[a] z) => (float[a] y) { y = Add (x, z) }")
        one, two, nan = np.ones(2, np.float32), np.full(2, 2, np.float32), np.array([np.nan, np.inf], np.float32)
        self.case("right", add, [one, one], [two])
        self.case("close", add, [one, one], [two * np.float32(1.0005)])
        self.case("wrong", add, [one, one], [two * np.float32(1.01)])
        self.case("own_tolerance", add, [one, one], [two * np.float32(1.01)], rtol=0.1, atol=0)
        self.case("nan", add, [nan, one], [nan])
        self.case("dtype", add, [one, one], [two.astype(np.float64)])
        self.case("shape", add, [one, one], [two[None]])
        self.case("count", add, [one, one], [two, two])
        self.case("error", parse("g (float[a] x) => (float[a] y) { y = Reshape (x) }"), [one], [one])
        self.case("must_fail", parse("g (float[a] x) => (float[a] y) { y = Reshape (x) }"), [one], [one], expect="failure")
        self.case("must_fail_and_runs", add, [one, one], [two], expect="failure")
        self.case("any_order", parse("g (float[a] x) => (float[a] y) { y = Neg (x) }"),
                  [np.array([1, 2, 3], np.float32)], [np.array([-2, -3, -1], np.float32)], unordered=[0])
        status = {name: entry["status"] for name, entry in self.results().items()}
        self.assertEqual(status, {
            "right": "pass", "close": "pass", "wrong": "fail", "own_tolerance": "pass", "nan": "pass", "dtype": "fail",
            "shape": "fail", "count": "fail", "error": "error", "must_fail": "pass", "must_fail_and_runs": "fail",
            "any_order": "pass"})
        entries = self.results("--rtol", "0.1")
        self.assertEqual(entries["wrong"]["status"], "pass")
        self.assertIn("Reshape", entries["error"]["message"])
        self.assertNotIn("\n", entries["error"]["message"])

    def test_a_hang_is_only_that_case(self):
        ends, runs = np.array(2**62), np.array(True)
        self.case("hangs", self.endless(), [ends, runs, np.float32(1)], [np.float32(1)])
        self.case("right", parse("g (float x) => (float y) { y = Neg (x) }"), [np.float32(1)], [np.float32(-1)])
        begin = time.monotonic()
        status = {name: entry["status"] for name, entry in self.results("--timeout", "1").items()}
        self.assertEqual(status, {"hangs": "timeout", "right": "pass"})
        self.assertLess(time.monotonic() - begin, 20)

    def test_a_crash_is_only_that_case(self):
        self.case("crashes", self.endless(), [np.array(2**62), np.array(True), np.float32(1)], [np.float32(1)])
        self.case("right", parse("g (float x) => (float y) { y = Neg (x) }"), [np.float32(1)], [np.float32(-1)])
        report = self.folder / "report.json"
        command = subprocess.Popen([ONDA, "test", str(self.folder / "cases"), "--json", str(report), "--jobs", "1"],
                                   stdout=subprocess.DEVNULL)
        # The first case never ends: its process is sent a signal, as a wild pointer would.
        for _ in range(200):
            time.sleep(0.05)
            children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
            if children:
                time.sleep(0.2)
                os.kill(int(children[0]), signal.SIGSEGV)
                break
        self.assertEqual(command.wait(timeout=60), 1)
        entries = {Path(entry["case"]).name: entry for entry in json.loads(report.read_text())}
        self.assertEqual({name: entry["status"] for name, entry in entries.items()}, {"crashes": "crash", "right": "pass"})
        self.assertIn("signal 11", entries["crashes"]["message"])

    def test_all_pass(self):
        self.case("right", parse("g (float x) => (float y) { y = Neg (x) }"), [np.float32(1)], [np.float32(-1)])
        self.assertEqual(self.results(code=0)["right"]["status"], "pass")
        onda("test", self.folder / "nothing", code=14)


class Text(CommandTest):
    def test_texts_of_the_official_models(self):
        """What onnx.printer writes is read, and what is dumped is read by onnx.parser: the same model each time."""
        import warnings

        from onnx.backend.test.case.node import collect_testcases
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cases = collect_testcases(None)
        for case in cases[::19]:
            text = self.folder / "m.onnxtxt"
            text.write_bytes(onnx.printer.to_text(case.model).encode("utf-8", "surrogateescape"))
            wanted = onnx.parser.parse_model(text.read_text(errors="surrogateescape"))
            got = onnx.parser.parse_model(onda("dump", text))
            with self.subTest(case=case.name):
                self.assertEqual(self.comparable(wanted), self.comparable(got))

    @staticmethod
    def comparable(model):
        def strip(nodes):
            for node in nodes:
                for attribute in node.attribute:
                    if attribute.HasField("t"):
                        attribute.t.name = ""
                    strip(attribute.g.node)
                    for graph in attribute.graphs:
                        strip(graph.node)
        for holder in (model, *model.functions):
            imports = sorted(holder.opset_import, key=lambda entry: entry.domain)
            del holder.opset_import[:]
            holder.opset_import.extend(imports)
        for holder in (model.graph, *model.functions):
            infos = sorted(holder.value_info, key=lambda info: info.name)
            del holder.value_info[:]
            holder.value_info.extend(infos)
            strip(holder.node)
        return model


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ONDA = sys.argv.pop(1)
    unittest.main()
