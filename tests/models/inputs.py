"""Realistic inputs for the real models: speech from espeak-ng, rendered text, a drawn scene, notes, files, names.

`make(name, session)` gives [(label, [feeds, ...])] for one model: every label is one shape and batch size, its feeds are
consecutive calls (state that a call returns is fed to the next one). `session(name, feeds)` runs a model of this package
and is what carries state and produces the inputs of later models.
"""

import functools
import io
import json
import subprocess
import wave

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import fetch

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SENTENCES = ("Onda means wave in Italian.", "The quick brown fox jumps over the lazy dog.")
OCR_WORDS = ("hello world", "Onda", "wave 42", "total 73", "open door", "seven")
OCR_LINES = ("Onda reads this line", "Invoice 2048, total 73.50", "hello world")
SPEECH_RATE = 16000


# Sound

@functools.cache
def spoken(sentence, rate=SPEECH_RATE):
    """One sentence as float32 samples in [-1, 1] at `rate` Hz, resampled linearly from espeak-ng's rate."""
    sound = subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "--stdout", sentence], check=True,
                           capture_output=True).stdout
    with wave.open(io.BytesIO(sound)) as reader:
        source_rate = reader.getframerate()
        samples = np.frombuffer(reader.readframes(1 << 24), np.int16).astype(np.float32) / 32768
    count = int(len(samples) * rate / source_rate)
    times = np.arange(count) * source_rate / rate
    return np.interp(times, np.arange(len(samples)), samples).astype(np.float32)


def recording(rate=SPEECH_RATE):
    """Silence, a sentence, silence, a sentence, silence, with faint noise: (samples, [(begin, end) of speech in s])."""
    noise = np.random.default_rng(7)
    parts, spans, at = [], [], 0.0
    for sentence in SENTENCES:
        speech = spoken(sentence, rate)
        quiet = np.zeros(rate, np.float32)
        parts += [quiet, speech]
        spans.append((at + 1, at + 1 + len(speech) / rate))
        at = spans[-1][1]
    parts.append(np.zeros(rate, np.float32))
    samples = np.concatenate(parts)
    return samples + noise.normal(0, 1e-3, len(samples)).astype(np.float32), spans


def frames(samples, rate=SPEECH_RATE):
    """(frames, context + 32 ms) windows as silero feeds them: 64 + 512 samples at 16 kHz, 32 + 256 at 8 kHz."""
    size, context = (512, 64) if rate == 16000 else (256, 32)
    count = len(samples) // size
    padded = np.concatenate([np.zeros(context, np.float32), samples[:count * size]])
    return np.stack([padded[index * size:index * size + context + size] for index in range(count)])


def silero_stream(name, session, rate, batch, calls, first):
    """`calls` consecutive frames from each of `batch` places in the recording, the state carried from call to call."""
    windows = frames(recording(rate)[0], rate)
    state = np.zeros((2, batch, 128), np.float32)
    starts = [first + 17 * row for row in range(batch)]
    feeds = []
    for call in range(calls):
        feed = {"input": np.stack([windows[start + call] for start in starts]), "state": state}
        if name in ("silero_vad", "silero_vad_16k_op15", "silero_vad_op18_ifless"):
            feed["sr"] = np.array(rate, np.int64)
        feeds.append(feed)
        state = session(name, feed)[1]
    return feeds


def silero(name, session):
    if name == "silero_vad_16k_sequence":
        windows = frames(recording()[0])
        zeros = np.zeros((1, 1, 128), np.float32)
        result = []
        for label, first, size, calls in (("one", 40, 1, 2), ("64_frames", 20, 64, 2), ("all", 0, len(windows), 1)):
            h, c, feeds = zeros, zeros, []
            for call in range(calls):
                feeds.append({"input": windows[first + call * size:first + (call + 1) * size], "h": h, "c": c})
                h, c = session(name, feeds[-1])[1:]
            result.append((label, feeds))
        return result
    cases = [("16k_batch1", silero_stream(name, session, 16000, 1, 6, 33))]
    if name != "silero_vad_openvino_16k":
        cases.append(("16k_batch3", silero_stream(name, session, 16000, 3, 4, 30)))
        cases.append(("16k_batch8", silero_stream(name, session, 16000, 8, 2, 28)))
    if name in ("silero_vad", "silero_vad_op18_ifless"):
        cases.append(("8k_batch1", silero_stream(name, session, 8000, 1, 6, 33)))
        cases.append(("8k_batch2", silero_stream(name, session, 8000, 2, 4, 31)))
    return cases


def notes(batch):
    """(batch, 43844, 1): two seconds at 22050 Hz of decaying notes with five harmonics, another chord per row, in faint
    noise: the model takes logarithms, which in digital silence would show rounding only."""
    random = np.random.default_rng(11)
    time = np.arange(43844) / 22050
    rows = []
    for row in range(batch):
        sound = random.normal(0, 1e-2, len(time))
        for begin, key in ((0.1, 60 + row), (0.6, 64 + row), (1.1, 67 - row), (1.1, 72)):
            since = np.maximum(time - begin, 0)
            pitch = 440 * 2 ** ((key - 69) / 12)
            tone = sum(np.sin(2 * np.pi * pitch * harmonic * since) / harmonic for harmonic in range(1, 6))
            sound += (time >= begin) * tone * np.exp(-3 * since) * 0.15
        rows.append(sound)
    return np.stack(rows).astype(np.float32)[:, :, None]


# Pictures

def text_line(text, size=34, height=48, margin=8):
    """A rendered line as an RGB image of the given height."""
    font = ImageFont.truetype(FONT, size)
    width = int(font.getlength(text)) + 2 * margin
    image = Image.new("RGB", (width, height), (250, 250, 245))
    ImageDraw.Draw(image).text((margin, (height - size * 1.2) / 2), text, font=font, fill=(20, 20, 30))
    return image


def page(width, height):
    """A page with a few lines of text of several sizes."""
    image = Image.new("RGB", (width, height), (245, 244, 240))
    draw = ImageDraw.Draw(image)
    y = height // 10
    for index, text in enumerate(OCR_LINES * 2):
        size = max(14, height // (14 + 3 * index))
        draw.text((width // 12 + 9 * index, y), text, font=ImageFont.truetype(FONT, size), fill=(10 * index, 10, 40))
        y += int(size * 1.8)
    return image


def scene(width, height, seed):
    """A drawn figure (head, body, arms) before a textured background."""
    random = np.random.default_rng(seed)
    texture = random.integers(60, 200, (height // 8 + 1, width // 8 + 1, 3)).astype(np.uint8)
    image = Image.fromarray(texture).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    x, y, unit = width * (0.4 + 0.2 * random.random()), height * 0.25, height / 10
    skin = tuple(int(value) for value in random.integers(150, 230, 3))
    draw.ellipse((x - unit, y - unit, x + unit, y + 1.4 * unit), fill=skin)
    for side in (-1, 1):
        draw.ellipse((x + side * 0.4 * unit - 4, y - 4, x + side * 0.4 * unit + 4, y + 4), fill=(30, 30, 30))
        draw.line((x, y + 3 * unit, x + side * 2.4 * unit, y + 5 * unit), fill=skin, width=int(unit * 0.6))
    draw.arc((x - 0.5 * unit, y + 0.2 * unit, x + 0.5 * unit, y + unit), 20, 160, fill=(150, 40, 40), width=3)
    draw.rectangle((x - unit, y + 1.6 * unit, x + unit, y + 5.5 * unit), fill=(60, 80, 160))
    return image.filter(ImageFilter.GaussianBlur(0.7))


def planar(image, mean, scale):
    """An RGB image as (3, height, width) float32: (value / 255 - mean) * scale."""
    return (np.asarray(image, np.float32).transpose(2, 0, 1) / 255 - np.float32(mean)) * np.float32(scale)


def line_tensor(image, width):
    """A text line as (3, 48, width), zero-padded on the right, in [-1, 1]."""
    scaled = image.resize((min(width, round(image.width * 48 / image.height)), 48), Image.Resampling.BILINEAR)
    padded = np.zeros((3, 48, width), np.float32)
    padded[:, :, :scaled.width] = planar(scaled, 0.5, 2)
    return padded


def ocr(name, _):
    if name == "ocr_detection":
        shapes = (("640x640", 1, 640, 640), ("480x736", 1, 736, 480), ("batch2_320x320", 2, 320, 320))
        return [(label, [{"x": np.stack([planar(page(width, height), 0.5, 2)] * batch)
                          * np.linspace(1, 0.8, batch, dtype=np.float32)[:, None, None, None]}])
                for label, batch, width, height in shapes]
    if name == "ocr_recognition":
        shapes = (("320", OCR_WORDS[:1], 320), ("width160", OCR_WORDS[1:2], 160), ("batch3_480", OCR_LINES, 480),
                  ("batch6_320", OCR_WORDS, 320))
    else:
        shapes = (("192", OCR_WORDS[:1], 192), ("batch4_192", OCR_WORDS[1:5], 192), ("batch2_256", OCR_WORDS[:2], 256))
    turn = 180 if name == "ocr_orientation" else 0
    return [(label, [{"x": np.stack([line_tensor(text_line(text).rotate(turn * (row % 2)), width)
                                     for row, text in enumerate(texts)])}]) for label, texts, width in shapes]


def nudenet(_, __):
    shapes = (("320x320", 1, 320, 320), ("batch2_320x320", 2, 320, 320), ("256x416", 1, 416, 256), ("640x640", 1, 640, 640))
    return [(label, [{"images": np.stack([planar(scene(width, height, seed), 0, 1) for seed in range(batch)])}])
            for label, batch, width, height in shapes]


# Bytes and names

def documents():
    """Small files of several kinds."""
    picture = io.BytesIO()
    scene(64, 64, 1).save(picture, "PNG")
    sound = io.BytesIO()
    with wave.open(sound, "wb") as writer:
        writer.setparams((1, 2, 16000, 0, "NONE", ""))
        writer.writeframes((spoken(SENTENCES[0])[:4000] * 32767).astype(np.int16).tobytes())
    with open(__file__, "rb") as source:
        python = source.read()
    page_text = b"<!DOCTYPE html>\n<html><head><title>Waves</title></head>\n<body><p>" + b"Hello. " * 60 + b"</p></body></html>\n"
    shell = b"#!/bin/sh\nset -eu\nfor file in *.txt; do\n  wc -l \"$file\"\ndone\n"
    table = b"name,score\n" + b"".join(b"row%d,%d\n" % (index, index * index % 97) for index in range(120))
    listing = json.dumps({"title": "waves", "items": [{"id": index, "done": False} for index in range(30)]}, indent=2)
    return {"python": python, "html": page_text, "shell": shell, "csv": table, "png": picture.getvalue(),
            "wav": sound.getvalue(), "json": listing.encode()}


def file_features(content):
    """(2048,): the first and last 1024 bytes without outer white space, padded with 256."""
    begin, end = list(content[:4096].lstrip()[:1024]), list(content[-4096:].rstrip()[-1024:])
    return np.array(begin + [256] * (2048 - len(begin) - len(end)) + end, np.int32)


def magika(_, __):
    files = [file_features(content) for content in documents().values()]
    return [("one", [{"bytes": files[0][None]}, {"bytes": files[4][None]}]), ("batch3", [{"bytes": np.stack(files[1:4])}]),
            ("batch7", [{"bytes": np.stack(files)}])]


NAMES = {"": ("محمد", "عبد الرحمن", "فاطمة", "يوسف", "خديجة الزهراء"),
         "persian_": ("محمد", "پروین", "گلناز", "ژاله", "چنگیز")}


@functools.cache
def vocabulary(prefix):
    folder = fetch.model_path(f"romanizer_{prefix}encoder").parent
    return json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["tokens"]


def name_ids(prefix, names):
    """Source ids (batch, longest) padded with 0, and the padding mask."""
    index = {token: position for position, token in enumerate(vocabulary(prefix))}
    head = ["<UNK_COUNTRY>"] + (["<ROLE_UNKNOWN>"] if "<ROLE_UNKNOWN>" in index else [])
    rows = [[index.get(token, 3) for token in head + list(name)] + [2] for name in names]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for row, values in enumerate(rows):
        ids[row, :len(values)] = values
    return ids, ids == 0


def spell(prefix, session, names):
    """Greedy decoding of a batch of names: (texts, every feed of the decoder)."""
    ids, mask = name_ids(prefix, names)
    memory, mask, hidden = session(f"romanizer_{prefix}encoder", {"src": ids, "src_mask": mask})
    tokens = vocabulary(prefix)
    written = np.full((len(names), 1), 1, np.int64)
    finished = np.zeros(len(names), bool)
    feeds = []
    while written.shape[1] <= 32 and not finished.all():
        feeds.append({"prefix": written, "memory": memory, "src_mask": mask, "hidden": hidden})
        scores, hidden = session(f"romanizer_{prefix}decoder", feeds[-1])
        chosen = np.where(finished, 0, scores.argmax(1))
        finished |= chosen == 2
        written = np.concatenate([written, chosen[:, None]], 1)
    texts = ["".join(tokens[token] for token in row if token > 3) for row in written.tolist()]
    return texts, feeds


def romanizer(name, session):
    prefix = "persian_" if "persian" in name else ""
    names = NAMES[prefix]
    if name.endswith("encoder"):
        batches = (("one", names[:1]), ("batch2", names[1:3]), ("batch5", names))
        return [(label, [dict(zip(("src", "src_mask"), name_ids(prefix, batch)))]) for label, batch in batches]
    return [("one", spell(prefix, session, names[:1])[1]), ("batch5", spell(prefix, session, names)[1][:8])]


def make(name, session):
    if name.startswith("silero"):
        return silero(name, session)
    if name.startswith("ocr"):
        return ocr(name, session)
    if name.startswith("romanizer"):
        return romanizer(name, session)
    if name == "basic_pitch":
        return [("one", [{"serving_default_input_2:0": notes(1)}]), ("batch3", [{"serving_default_input_2:0": notes(3)}])]
    return {"magika": magika, "nudenet": nudenet}[name](name, session)
