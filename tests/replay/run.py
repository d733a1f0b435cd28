#!/usr/bin/env python3
"""Replays the recorded calls of onnx's own test suites in $ONDA_CORPORA. Without ONDA_CORPORA: skipped (77).

    run.py [--onda PROGRAM] [--update] [--only WORD]

onnx_suite_replay.tar.gz records what onnx's checker, shape inference, parser, printer, version converter, inliner and
reference evaluator answered in its own tests. Each call is put to Onda: what raised must be refused, what returned
accepted, types must be equal and shapes no weaker, parsed and printed models the same, computed values equal. A model that
was converted to other operator sets or whose functions were inlined must compute what it computed before. disagreements.txt
lists where Onda does not follow, and why; it is kept exact. The shares that are demanded stand in SHARES.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import time
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import case_runner  # noqa: E402
import onnx  # noqa: E402
from evaluate import breaks_when_run, random_inputs, read_call, write_case  # noqa: E402
from plain import (compare_types, difference, known_names, plain_function, plain_graph, plain_nodes, read_type,  # noqa: E402
                   type_of, types_by_name)

OUT = ROOT / "build" / "replay"
ARCHIVE = "onnx_suite_replay.tar.gz"
# Of the calls that raise, this share must be refused; of the others, that share agree. The version converter is not held to
# it: onnx's own does not check the models of its tests, many of which break the specification. Nor is the reference
# evaluator, which is not the specification: each run in which Onda computes something else is listed.
SHARES = {"raises": 0.90, "returns": 0.98}
FREE = {"version_converter", "reference"}
# Operators of ONNX 1.0 that onnx's checker lets pass and has no signatures of.
EXPERIMENTAL = {"ATen", "Affine", "ConstantFill", "Crop", "DynamicSlice", "GRUUnit", "GivenTensorFill", "ImageScaler",
                "ParametricSoftplus", "Scale", "ScaledTanh"}
REGISTERED = "an operator that the test registers in onnx while it runs"
BATCH = 100  # models per process


class Replay:
    def __init__(self, onda, folder):
        self.onda, self.folder, self.work = onda, folder, OUT / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.results = {}  # name: (status, message)
        self.kinds = {}  # name: "raises" or "returns"
        self.checks = defaultdict(list)  # options of `onda check`: (name, path, function of the report)
        self.broken = set()  # names of what is refused and what onnx's own evaluator cannot run either
        self.runs = {}  # folder of a case of `onda test`: name
        self.models = 0

    def blob(self, key):
        return (self.folder / "blobs" / key).read_bytes()

    def new_model(self, data, suffix=".onnx"):
        self.models += 1
        path = self.work / f"{self.models}{suffix}"
        path.write_bytes(data)
        return path

    def set(self, name, status, message=""):
        self.results[name] = (status, " ".join(str(message).split()))

    def check(self, name, options, data, judge, suffix=".onnx"):
        """Has the model checked later, in a batch; judge(report) then gives (status, message)."""
        self.checks[options].append((name, self.new_model(data, suffix), judge))

    def run_checks(self):
        for options, entries in self.checks.items():
            for begin in range(0, len(entries), BATCH):
                self.run_batch(options, entries[begin:begin + BATCH])

    def run_batch(self, options, entries):
        command = [self.onda, "check", "--json", *options, *(str(path) for _, path, _ in entries)]
        process = subprocess.run(command, capture_output=True, timeout=300)
        lines = process.stdout.decode(errors="replace").splitlines()
        for index, (name, _, judge) in enumerate(entries):
            if index < len(lines):
                self.set(name, *judge(json.loads(lines[index])))
        if len(lines) == len(entries):
            return
        if len(entries) == 1:  # a crash, of this one model
            self.set(entries[0][0], "crash", f"exit code {process.returncode}")
            return
        for entry in entries[len(lines):]:
            self.run_batch(options, [entry])

    def new_run(self, name):
        """A folder in which a case of `onda test` is written now and run later."""
        folder = self.work / "runs" / str(len(self.runs))
        self.runs[folder.name] = name
        return folder

    def run_cases(self):
        folders = [self.work / "runs" / folder for folder in self.runs]
        if not folders:
            return
        outcome = case_runner.run_cases(self.onda, folders, self.work / "runs_report", ("--jobs", "2", "--quiet"), depth=1)
        for folder, (status, message) in outcome.items():
            self.set(self.runs[folder], status, message)

    def command(self, *arguments):
        """(exit code, what is on standard error)."""
        process = subprocess.run([self.onda, *map(str, arguments)], capture_output=True, timeout=60)
        return process.returncode, process.stderr.decode(errors="replace").strip()


def errors_of(report):
    return [problem for problem in report["problems"] if problem["severity"] == "error"]


def judge_refusal(raises):
    """Refused where the call raised, accepted where it returned."""
    def judge(report):
        errors = errors_of(report)
        if raises and not errors:
            return "accepted", f"onnx refuses: {raises}"
        if not raises and errors:
            return "refused", errors[0]["op"] + ": " + errors[0]["cause"]
        return "pass", ""
    return judge


# --- the checker

def wrap_graph(graph, context, functions=()):
    model = onnx.ModelProto(ir_version=context["ir_version"], graph=graph, functions=functions)
    for domain, version in context["opset_imports"].items():
        model.opset_import.add(domain=domain, version=version)
    return model.SerializeToString()


def wrap_function(function, context):
    graph = onnx.GraphProto(name="g")
    return wrap_graph(graph, context, [function])


def wrap_node(node, context):
    """As the body of a function, whose values have no types."""
    function = onnx.FunctionProto(name="replayed", domain="replayed")
    function.input.extend(sorted({name for name in node.input if name}))
    function.output.extend(sorted({name for name in node.output if name}))
    for domain, version in context["opset_imports"].items():
        function.opset_import.add(domain=domain, version=version)
    function.node.append(node)
    return wrap_function(function, context)


def wrap_tensor(tensor, sparse, context):
    graph = onnx.GraphProto(name="g")
    if sparse:
        tensor.values.name = tensor.values.name or "t"
        graph.sparse_initializer.append(tensor)
    else:
        tensor.name = tensor.name or "t"
        graph.initializer.append(tensor)
    return wrap_graph(graph, context)


def replay_checker(replay, name, call):
    what = call["fn"].split(".")[1]
    judge = judge_refusal(call.get("msg") or call.get("raises"))
    if what == "check_model_path":
        replay.set(name, "skipped", "the files that it reads were not recorded")
        return
    data = replay.blob(call["args"][0]["blob"])
    if what == "check_model" and "returns" in call and registered_by_test(onnx.ModelProto.FromString(data)):
        replay.set(name, "skipped", REGISTERED)
        return
    options = () if what == "check_model" and call["args"][1] else ("--no-inference",)
    if what != "check_model":
        context = next(a["ctx"] for a in call["args"] if isinstance(a, dict) and "ctx" in a)
        if what == "check_graph":
            data = wrap_graph(onnx.GraphProto.FromString(data), context)
        elif what == "check_node":
            data = wrap_node(onnx.NodeProto.FromString(data), context)
        elif what == "check_function":
            data = wrap_function(onnx.FunctionProto.FromString(data), context)
        elif what == "check_tensor":
            data = wrap_tensor(onnx.TensorProto.FromString(data), False, context)
        else:
            data = wrap_tensor(onnx.SparseTensorProto.FromString(data), True, context)
    replay.check(name, options, data, judge)


# --- types

# What onnx's inference looks for only where its caller asks for types to be checked, and what only its checker looks for.
TYPE_CHECKS = ("which is none of", "both must have the same type")
CHECKER_ONLY = ("deprecated since",)


def inference_errors(report, check_type):
    left_out = CHECKER_ONLY + (() if check_type else TYPE_CHECKS)
    return [problem for problem in errors_of(report) if not any(words in problem["cause"] for words in left_out)]


def judge_types(expected, errors):
    """expected: {name: types}."""
    def judge(report):
        if found := errors(report):
            return "refused", found[0]["op"] + ": " + found[0]["cause"]
        mine = defaultdict(list)
        for name, text in report["types"]:
            mine[name].append(read_type(text))
        for name, wanted in expected.items():
            for one in wanted:
                reasons = [compare_types(one, given) for given in mine.get(name, [None])]
                if all(reasons):
                    return "types", f"'{name}': {reasons[0]}"
        return "pass", ""
    return judge


def replay_inference(replay, name, call):
    if call["fn"].endswith("infer_function_output_types"):
        replay_function_inference(replay, name, call)
        return
    data = replay.blob(call["args"][0]["blob"])
    _, check_type, strict, _ = [None, *call["args"][1:]]
    if "raises" in call:
        replay.check(name, (), data, judge_refusal(call["msg"]))
        return
    if registered_by_test(onnx.ModelProto.FromString(data)):
        replay.set(name, "skipped", REGISTERED)
        return
    expected = types_by_name(onnx.ModelProto.FromString(replay.blob(call["returns"]["blob"])))
    judge = judge_types(expected, lambda report: inference_errors(report, check_type) if strict else [])

    def judge_and_run(report):
        status, message = judge(report)
        if status == "refused" and breaks_when_run(onnx.ModelProto.FromString(data)):
            replay.broken.add(name)
        return status, message

    replay.check(name, ("--types",), data, judge_and_run)


def replay_function_inference(replay, name, call):
    """A call of the function on inputs of the types, in a model of its own."""
    function = onnx.FunctionProto.FromString(replay.blob(call["args"][0]["blob"]))
    function.domain = function.domain or "replayed"
    graph = onnx.GraphProto(name="g")
    node = graph.node.add(op_type=function.name, domain=function.domain, overload=function.overload)
    for index, (input_name, given) in enumerate(zip(function.input, call["args"][1])):
        proto = onnx.TypeProto.FromString(replay.blob(given["blob"]))
        if proto.WhichOneof("value") is None:  # an omitted input
            node.input.append("")
            continue
        node.input.append(f"in{index}_{input_name}")
        graph.input.add(name=node.input[-1]).type.CopyFrom(proto)
    for attribute in call["args"][2]:
        node.attribute.add().ParseFromString(replay.blob(attribute["blob"]))
    for index, _ in enumerate(function.output):
        node.output.append(f"out{index}")
        graph.output.add(name=f"out{index}")
    versions = {entry.domain: entry.version for entry in function.opset_import}
    data = wrap_graph(graph, {"ir_version": 10, "opset_imports": {**versions, function.domain: 1}}, [function])
    if "raises" in call:
        replay.check(name, (), data, judge_refusal(call["msg"]))
        return
    expected = {f"out{index}": [type_of(onnx.TypeProto.FromString(replay.blob(entry["blob"])), known_names())]
                for index, entry in enumerate(call["returns"])}
    replay.check(name, ("--types",), data, judge_types(expected, errors_of))


# --- text

def domains_of(nodes, found):
    for node in nodes:
        found.add(node.domain)
        for attribute in node.attribute:
            for body in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
                domains_of(body.node, found)
    return found


def header(nodes):
    """What a model needs around a graph of these nodes."""
    imports = ", ".join(f'"{domain}" : {28 if domain == "" else 1}' for domain in sorted(domains_of(nodes, {""})))
    return f"<ir_version: 10, opset_import: [{imports}]>\n"


def replay_parser(replay, name, call):
    what = call["fn"].split("_")[1]
    text = call["args"][0]
    if isinstance(text, dict):
        text = replay.blob(text["text"]).decode()
    succeeds, _, blob = call["returns"]
    data = replay.blob(blob["blob"]) if isinstance(blob, dict) else b""
    kind = {"model": onnx.ModelProto, "graph": onnx.GraphProto, "function": onnx.FunctionProto, "node": onnx.NodeProto}[what]
    expected = kind.FromString(data)
    if what == "graph":
        text = header(expected.node) + text
    elif what == "function":
        text = header([]) + "g () => () {}\n" + text
    elif what == "node":
        ends = [", ".join(sorted({n for n in names if n})) for names in (expected.input, expected.output)]
        imports = ", ".join(f'"{domain}" : 1' for domain in sorted({"", expected.domain}))
        text = header([]) + f"g () => () {{}}\n<domain: \"f\", opset_import: [{imports}]> f ({ends[0]}) => ({ends[1]}) {{ {text} }}"
    path = replay.new_model(text.encode(), ".onnxtxt")
    parsed = replay.work / (path.stem + ".parsed.onnx")
    code, message = replay.command("convert", path, parsed)
    replay.kinds[name] = "returns" if succeeds else "raises"
    if not succeeds or code:
        replay.set(name, "pass" if bool(succeeds) == (code == 0) else "refused" if code else "accepted", message)
        return
    mine = onnx.load(str(parsed))
    if what == "model":
        found = difference([plain_graph(expected.graph), [plain_function(f) for f in expected.functions]],
                           [plain_graph(mine.graph), [plain_function(f) for f in mine.functions]])
    elif what == "graph":
        found = difference(plain_graph(expected), plain_graph(mine.graph))
    elif what == "function":
        found = difference(plain_function(expected), plain_function(mine.functions[0]))
    else:
        found = difference(plain_nodes([expected]), plain_nodes(mine.functions[0].node))
    replay.set(name, "differs" if found else "pass", found)


def replay_printer(replay, name, call):
    """What Onda prints, read by onnx's parser, is the same again."""
    data = replay.blob(call["args"][0]["blob"])
    if call["fn"].endswith("node_to_text"):
        node = onnx.NodeProto.FromString(data)
        expected = plain_nodes([node])
        model = wrap_node(node, {"ir_version": 10, "opset_imports": {"": 28, **({node.domain: 1} if node.domain else {})}})
    else:
        graph = onnx.GraphProto.FromString(data)
        expected = {} if "raises" in call else plain_graph(graph)
        imports = {domain: 28 if domain == "" else 1 for domain in domains_of(graph.node, {""})}
        model = wrap_graph(graph, {"ir_version": 10, "opset_imports": imports})
    path = replay.new_model(model)
    text = path.with_suffix(".onnxtxt")
    code, message = replay.command("convert", path, text)
    if "raises" in call or code:
        replay.set(name, "pass" if ("raises" in call) == (code != 0) else "refused" if code else "accepted", message)
        return
    try:
        mine = onnx.parser.parse_model(text.read_text())
    except onnx.parser.ParseError as error:
        replay.set(name, "unreadable", error)
        return
    given = plain_nodes(mine.functions[0].node) if call["fn"].endswith("node_to_text") else plain_graph(mine.graph)
    found = difference(expected, given)
    replay.set(name, "differs" if found else "pass", found)


# --- two models that say the same

def replay_pair(replay, name, call):
    """The model that was given and the one that came back give the same for the same inputs."""
    before, after = (replay.blob(entry["blob"]) for entry in (call["args"][0], call["returns"]))
    before = onnx.ModelProto.FromString(before)
    try:
        inputs = random_inputs(before)
    except (KeyError, ValueError) as error:
        replay.set(name, "skipped", f"no random inputs: {error}")
        return
    source = replay.work / "pairs" / str(len(replay.runs))
    write_case(source, before, inputs, [])
    stored = source / "outputs"
    code, message = replay.command("run", source / "model.onnx", "--data-set", source / "test_data_set_0", "--output-dir",
                                   stored, "--format", "pb")
    if code:
        replay.set(name, "skipped", f"the model does not run before it is converted either: {message}")
        return
    outputs = [onnx.TensorProto.FromString((stored / f"{value.name}.pb").read_bytes()) for value in before.graph.output]
    write_case(replay.new_run(name), onnx.ModelProto.FromString(after), inputs, outputs)


def replay_inliner(replay, name, call):
    if "raises" in call:
        replay.check(name, ("--no-inference",), replay.blob(call["args"][0]["blob"]), judge_refusal(call["msg"]))
    else:
        replay_pair(replay, name, call)


# --- the version converter

def replay_converter(replay, name, call):
    """Onda converts to the newest operator sets: the result must pass onnx's checker, with outputs of the same types."""
    if call["args"][1] != onnx.defs.onnx_opset_version():
        if "raises" in call:
            replay.set(name, "skipped", "Onda converts to the newest operator sets only")
        else:
            replay_pair(replay, name, call)
        return
    model = onnx.ModelProto.FromString(replay.blob(call["args"][0]["blob"]))
    path = replay.new_model(replay.blob(call["args"][0]["blob"]))
    newest = path.with_suffix(".newest.onnx")
    code, message = replay.command("convert", "--newest-opset", path, newest)
    if "raises" in call or code:
        replay.set(name, "pass" if ("raises" in call) == (code != 0) else "refused" if code else "accepted", message)
        return
    try:
        onnx.checker.check_model(str(newest), full_check=True)
    except Exception as error:  # noqa: BLE001: whatever onnx says against it
        replay.set(name, "differs", f"onnx refuses the result: {error}")
        return
    mine = onnx.load(str(newest))
    names = known_names()
    given = {output.name: type_of(output.type, names) for output in mine.graph.output}
    for output in model.graph.output:
        if reason := compare_types(type_of(output.type, names), given.get(output.name)):
            replay.set(name, "types", f"'{output.name}': {reason}")
            return
    replay.set(name, "pass")


# --- the reference evaluator

def replay_reference(replay, name, call):
    """What the evaluator computed, Onda computes; what it refused, Onda refuses."""
    if registered_by_test(onnx.ModelProto.FromString(replay.blob(call["model"]))):
        replay.set(name, "skipped", REGISTERED)
        return
    model, inputs, outputs, reason = read_call(call, replay.blob)
    if reason:
        replay.set(name, "skipped", reason)
    else:
        write_case(replay.new_run(name), model, inputs, outputs, "raises" in call)


SUITES = {"checker": replay_checker, "shape_inference": replay_inference, "parser": replay_parser, "printer": replay_printer,
          "version_converter": replay_converter, "reference": replay_reference, "inliner": replay_inliner}


def unpack(archive):
    stamp, wanted = OUT / "stamp.txt", str(archive.stat().st_size)
    if not stamp.exists() or stamp.read_text() != wanted:
        OUT.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as reader:
            # Debian 12's Python may not have extraction filters yet.
            reader.extractall(OUT, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        stamp.write_text(wanted)
    return OUT / "replay"


def registered_by_test(model):
    """Whether a node needs an operator that there is none of: the test registers it in onnx while it runs."""
    functions = {(f.domain, f.name) for f in model.functions}
    if any(node.domain.startswith("test.") or node.domain in ("experimental", "custom") and not functions
           for node in model.graph.node):
        return True
    return any(node.domain == "" and (node.domain, node.op_type) not in functions and not onnx.defs.has(node.op_type)
               and node.op_type not in EXPERIMENTAL for node in model.graph.node)


def shares(replay):
    """Prints how many calls agree, by suite and over all; gives (name, what) where too few do."""
    counts, failed = defaultdict(lambda: [0, 0, 0]), []
    for name, (status, _) in replay.results.items():
        suite, kind = name.split("::")[0], replay.kinds[name]
        if status == "skipped":
            continue
        for key in [(suite, kind)] + [("all", kind)] * (suite not in FREE):
            counts[key][0] += status == "pass"
            counts[key][1] += 1
            counts[key][2] += name in replay.broken
    for (suite, kind), (agree, total, broken) in sorted(counts.items()):
        print(f"{suite}, calls that {kind[:-1]}: {agree} of {total} agree ({100 * agree / total:.1f}%)"
              + (f"; {broken} of the others are models that onnx's reference evaluator cannot run either, without them "
                 f"{100 * agree / (total - broken):.1f}%" if broken else ""))
        if suite == "all" and agree < SHARES[kind] * total:
            failed.append((f"{suite}, {kind}", f"{agree} of {total} is less than {SHARES[kind]:.0%}"))
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onda")
    parser.add_argument("--update", action="store_true", help="rewrite the list from this run's results")
    parser.add_argument("--only", default="", help="calls whose name contains this")
    arguments = parser.parse_args()
    corpora = os.environ.get("ONDA_CORPORA")
    archive = Path(corpora or "") / ARCHIVE
    if not corpora or not archive.exists():
        print(f"SKIPPED: ONDA_CORPORA is {'not set' if not corpora else f'without {ARCHIVE}'}")
        sys.exit(77)
    begin = time.monotonic()
    replay = Replay(case_runner.find_onda(arguments.onda), unpack(archive))
    seen = defaultdict(int)
    for line in (replay.folder / "index.jsonl").read_text().splitlines():
        call = json.loads(line)
        suite, _, function = call["fn"].partition(".")
        if suite not in SUITES:
            continue
        key = f"{suite}::{function}::{call['test'].split('::')[-1]}"
        seen[key] += 1
        name = " ".join(key.split()) + (f"#{seen[key]}" if seen[key] > 1 else "")
        if arguments.only not in name:
            continue
        replay.kinds[name] = "raises" if "raises" in call else "returns"
        SUITES[suite](replay, name, call)
    replay.run_checks()
    replay.run_cases()
    path = HERE / "disagreements.txt"
    listed = case_runner.read_list(path) if path.exists() else {}
    results = {name: ("pass", "") if status == "skipped" else (status, message)
               for name, (status, message) in replay.results.items()}
    if arguments.update:
        case_runner.update_list(path, results, listed, partial=bool(arguments.only))
        listed = case_runner.read_list(path)
    failures = case_runner.compare(results, listed, bool(arguments.only))
    failures += shares(replay)
    reasons = Counter(message.partition(": ")[0] for status, message in replay.results.values() if status == "skipped")
    skipped = sum(status == "skipped" for status, _ in replay.results.values())
    print(f"{skipped} calls are not replayed: " + ", ".join(f"{count} {what}" for what, count in reasons.most_common()))
    case_runner.report_and_exit("onnx's own suites", results, listed, failures, time.monotonic() - begin)


if __name__ == "__main__":
    main()
