#!/usr/bin/env python3
"""Serves another engine to compare.py, by the protocol of `onda bench --serve`:

    peer.py onnxruntime|openvino MODEL FEEDS.npz THREADS

Prints {"ready": true, "create_ms": C} once the model is loaded and has run; then, for each line on standard input,
"run N" prints a JSON list of N times in milliseconds, "memory" prints {"peak_rss_kb": P}: the peak less what the
interpreter and the engine's library took before the model was loaded. "quit" or end of input ends it.
"""

import json
import sys
import time

import numpy as np


def status_kb(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key + ":"))


def onnxruntime_runner(threads):
    import onnxruntime

    def create(model, feeds):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        for name, value in feeds.items():
            binding.bind_cpu_input(name, value)
        for output in session.get_outputs():
            binding.bind_output(output.name)
        return lambda: session.run_with_iobinding(binding)

    return create


def openvino_runner(threads):
    import openvino

    def create(model, feeds):
        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
                    "NUM_STREAMS": 1}
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        request = compiled.create_infer_request()
        tensors = {name: openvino.Tensor(value) for name, value in feeds.items()}
        for port in compiled.inputs:
            for name in port.get_names() & tensors.keys():
                request.set_tensor(port, tensors[name])
        return request.infer

    return create


def main():
    engine, model, data, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    create = {"onnxruntime": onnxruntime_runner, "openvino": openvino_runner}[engine](threads)
    with np.load(data) as stored:
        feeds = {name: np.array(value, order="C") for name, value in stored.items()}
    before = status_kb("VmRSS")
    begin = time.perf_counter()
    run = create(model, feeds)
    create_ms = (time.perf_counter() - begin) * 1e3
    run()
    print(json.dumps({"ready": True, "create_ms": create_ms}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "run":
            times = []
            for _ in range(int(words[1])):
                begin = time.perf_counter_ns()
                run()
                times.append((time.perf_counter_ns() - begin) / 1e6)
            print(json.dumps(times), flush=True)
        elif words[0] == "memory":
            print(json.dumps({"peak_rss_kb": status_kb("VmHWM") - before}), flush=True)
        else:
            break


if __name__ == "__main__":
    main()
