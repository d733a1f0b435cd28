#!/usr/bin/env python3
"""Serves a PyTorch twin to session.py, by the protocol of `onda bench --serve`:

    serve_torch.py NETWORK MODEL.onnx FOLDER eager|graph|compile [--tf32] [--small] [--cpu]

FOLDER has a .npy file for each input. Prints {"ready": true, "create_ms": C} once the network is on the GPU and has run; then
answers lines on standard input: "run N" with N times in milliseconds, each until the GPU is done, inputs and outputs staying
on it; "save FILE.npz" with the first two outputs as fp32 in a file. fp16 convolutional networks run channels-last, which is
PyTorch's fastest layout for them.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import numpy as np  # noqa: E402
import torch  # noqa: E402
from gpu_networks import SIZES, SMALL  # noqa: E402
from twins import twin  # noqa: E402


def as_tuple(values):
    return values if isinstance(values, tuple) else (values,)


def runner(mode, network, inputs):
    """A function that runs once and gives the outputs."""
    if mode == "compile":
        compiled = torch.compile(network, mode="max-autotune")
        return lambda: compiled(*inputs)
    if mode == "eager":
        return lambda: network(*inputs)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            network(*inputs)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = network(*inputs)

    def replay():
        graph.replay()
        return outputs

    return replay


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("model")
    parser.add_argument("feeds")
    parser.add_argument("mode", choices=("eager", "graph", "compile"))
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = arguments.tf32
    torch.backends.cudnn.benchmark = True
    device = "cpu" if arguments.cpu else "cuda"
    network = twin(arguments.network, arguments.model, (SMALL if arguments.small else SIZES)[arguments.network]).to(device)
    if arguments.network == "lstm":
        network.lstm.flatten_parameters()
    names = [entry["name"] for entry in json.loads(Path(arguments.model).with_suffix(".json").read_text())["inputs"]]
    inputs = [torch.from_numpy(np.load(Path(arguments.feeds) / f"{name}.npy")).to(device) for name in names]
    if inputs[0].dtype == torch.float16 and inputs[0].dim() == 4:
        network, inputs[0] = network.to(memory_format=torch.channels_last), inputs[0].to(memory_format=torch.channels_last)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    run = runner(arguments.mode, network, inputs)
    for _ in range(3):
        run()
    wait()
    print(json.dumps({"ready": True, "create_ms": (time.perf_counter() - begin) * 1e3, "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "run":
            times = []
            for _ in range(int(rest)):
                begin = time.perf_counter_ns()
                run()
                wait()
                times.append((time.perf_counter_ns() - begin) / 1e6)
            print(json.dumps(times), flush=True)
        elif word == "save":
            np.savez(rest, *[value.float().cpu().numpy() for value in as_tuple(run())[:2]])
            print(json.dumps({"saved": rest}), flush=True)
        else:
            break


if __name__ == "__main__":
    main()
