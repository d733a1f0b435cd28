#!/usr/bin/env python3
"""Uses the real models as a person would, through `onda run`, and checks that the answers are right.

    use.py [--onda PROGRAM] [--reference]     --reference answers with ONNX Runtime, to try the checks themselves

Speech is found where espeak-ng speaks, lines of text are found, turned and read, files are recognised, names are spelled,
notes are heard.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(HERE)]
import case_runner  # noqa: E402
import fetch  # noqa: E402
import inputs  # noqa: E402


class Onda:
    """Runs a model of tests/models through the command: inputs and outputs travel as .npy files."""

    def __init__(self, program):
        self.program = program

    def __call__(self, name, feeds):
        path = fetch.model_path(name)
        outputs = [value.name for value in onnx.load(path, load_external_data=False).graph.output]
        with tempfile.TemporaryDirectory() as folder:
            command = [self.program, "run", str(path), "--output-dir", f"{folder}/out"]
            for index, (key, value) in enumerate(feeds.items()):
                np.save(f"{folder}/{index}.npy", value)
                command += ["--input", f"{key}={folder}/{index}.npy"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            if done.returncode:
                raise AssertionError(f"onda run {path.name}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")
            return [np.load(self.output_file(Path(folder) / "out", key)) for key in outputs]

    @staticmethod
    def output_file(folder, key):
        """The file of an output: its name, with characters that do not belong into file names replaced by '_'."""
        safe = "".join(char if char.isalnum() or char in "._-" else "_" for char in key)
        for stem in (key, safe):
            if "/" not in stem and (folder / f"{stem}.npy").exists():
                return folder / f"{stem}.npy"
        raise AssertionError(f"no file for the output {key!r} among {sorted(path.name for path in folder.iterdir())}")


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def find_speech(run):
    samples, spans = inputs.recording()
    zeros = np.zeros((1, 1, 128), np.float32)
    speech = run("silero_vad_16k_sequence", {"input": inputs.frames(samples), "h": zeros, "c": zeros})[0] > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speech.astype(np.int8), [0]]))).reshape(-1, 2) * 512 / 16000
    joined = [edges[0].tolist()]
    for begin, end in edges[1:]:
        if begin - joined[-1][1] < 0.3:
            joined[-1][1] = end
        else:
            joined.append([begin, end])
    expect(len(joined) == len(spans), f"spoken at {spans}, heard at {joined}")
    for heard, spoken in zip(joined, spans):
        expect(np.abs(np.subtract(heard, spoken)).max() < 0.35, f"spoken at {spans}, heard at {joined}")
    return ", ".join(f"{begin:.2f}-{end:.2f} s" for begin, end in joined)


def follow_speech(run):
    windows, spans = inputs.frames(inputs.recording()[0]), inputs.recording()[1]
    state, heard = np.zeros((2, 1, 128), np.float32), []
    first = int(spans[0][0] * 16000 / 512) - 4
    for window in windows[first:first + 14]:
        value, state = run("silero_vad", {"input": window[None], "state": state, "sr": np.array(16000, np.int64)})
        heard.append(float(value[0, 0]))
    expect(max(heard[:4]) < 0.3 and max(heard) > 0.7, f"probabilities around the first word: {np.round(heard, 2)}")
    return " ".join(f"{value:.2f}" for value in heard)


def find_lines(run):
    image = inputs.page(640, 640)
    chance = run("ocr_detection", {"x": inputs.planar(image, 0.5, 2)[None]})[0][0, 0]
    inked = np.flatnonzero(np.diff(np.concatenate([[0], ((chance > 0.3).sum(1) > 20).astype(np.int8), [0]])))
    bands = inked.reshape(-1, 2)
    expect(len(bands) == 2 * len(inputs.OCR_LINES), f"lines at rows {bands.tolist()}")
    return f"{len(bands)} lines"


def read_lines(run):
    alphabet = onnx.load(fetch.model_path("ocr_recognition"), load_external_data=False).metadata_props[0].value.split("\n")
    alphabet = [""] + alphabet[:-1] + [" "] if alphabet[-1] == "" else [""] + alphabet + [" "]
    lines = [inputs.line_tensor(inputs.text_line(text), 480) for text in inputs.OCR_LINES]
    best = run("ocr_recognition", {"x": np.stack(lines)})[0].argmax(2)
    read = []
    for row in best.tolist():
        read.append("".join(alphabet[token] for before, token in zip([0] + row, row) if token and token != before).strip())
    expect(read == list(inputs.OCR_LINES), f"read {read}")
    return " | ".join(read)


def turn_lines(run):
    lines = [inputs.text_line(text) for text in inputs.OCR_LINES]
    tensors = [inputs.line_tensor(image, 192) for line in lines for image in (line, line.rotate(180))]
    turned = run("ocr_orientation", {"x": np.stack(tensors)})[0].argmax(1).tolist()
    expect(turned == [0, 1] * len(lines), f"turned: {turned}")
    return f"{turned}"


def know_files(run):
    labels = json.loads((fetch.model_path("magika").parent / "config.min.json").read_text())["target_labels_space"]
    files = inputs.documents()
    best = run("magika", {"bytes": np.stack([inputs.file_features(content) for content in files.values()])})[0].argmax(1)
    said = [labels[index] for index in best]
    expect(said == list(files), f"took {list(files)} for {said}")
    return " ".join(said)


def spell_names(run):
    said = []
    for prefix in ("", "persian_"):
        texts = inputs.spell(prefix, run, inputs.NAMES[prefix][:3])[0]
        expect(all(texts), f"spelled {texts}")
        said += texts
    expect(said[0].lower().startswith(("moham", "muham")), f"spelled {said}")
    return " ".join(said)


def hear_notes(run):
    heard = run("basic_pitch", {"serving_default_input_2:0": inputs.notes(1)})[1][0]
    keys = sorted((np.argsort(heard.max(0))[-4:] + 21).tolist())
    expect(keys == [60, 64, 67, 72], f"keys {keys}")
    return " ".join(map(str, keys))


def look(run):
    images = np.stack([inputs.planar(inputs.scene(320, 320, seed), 0, 1) for seed in range(2)])
    boxes = run("nudenet", {"images": images})[0]
    expect(boxes.shape == (2, 22, 2100) and np.isfinite(boxes).all(), f"shape {boxes.shape}")
    expect((boxes[:, 4:] >= 0).all() and (boxes[:, 4:] <= 1).all(), "scores outside [0, 1]")
    return f"best score {boxes[:, 4:].max():.2f}"


TASKS = (find_speech, follow_speech, find_lines, read_lines, turn_lines, know_files, spell_names, hear_notes, look)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onda")
    parser.add_argument("--reference", action="store_true")
    arguments = parser.parse_args()
    fetch.fetch()
    if arguments.reference:
        from make_cases import run_reference as run
    else:
        run = Onda(case_runner.find_onda(arguments.onda))
    failed = 0
    for task in TASKS:
        begin = time.monotonic()
        try:
            answer, verdict = task(run), "ok"
        except (AssertionError, subprocess.TimeoutExpired) as error:
            answer, verdict = str(error), "FAILED"
            failed += 1
        print(f"{verdict:6s} {task.__name__.replace('_', ' '):14s} {time.monotonic() - begin:5.1f} s  {answer}", flush=True)
    print(f"{len(TASKS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
