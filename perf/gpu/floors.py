"""How fast a network could be on an H100: the time of all its multiplications at 790 TFLOP/s (fp16) or 395 (TF32), or of
reading its weights and inputs at 3.0 TB/s, whichever is longer. fp32 without TF32: 60 TFLOP/s."""

# Multiply-adds of one item in units of 10^9, and weights in units of 10^6.
COUNTS = {
    "resnet50": (4.09, 25.5),
    "mobilenet_v2": (0.30, 3.5),
    "bert_base": (11.2, 85),
    "bert_large": (123, 302),
    "vit_b16": (17.6, 86),
    "gpt2_decode": (0.124 + 0.019, 124),
    "lstm": (0.64, 10),
}
# Bytes of one item besides the weights, in fp16: keys and values of 1,024 positions, read once.
EXTRA = {"gpt2_decode": 2 * 2 * 12 * 1024 * 768}
RATES = {"fp16": 790e12, "tf32": 395e12, "fp32": 60e12}


def floor_ms(network, precision, batch):
    giga_macs, mega_weights = COUNTS[network]
    size = 2 if precision == "fp16" else 4
    arithmetic = 2 * giga_macs * 1e9 * batch / RATES[precision]
    memory = (mega_weights * 1e6 * size + EXTRA.get(network, 0) * batch * size / 2) / 3.0e12
    return 1e3 * max(arithmetic, memory)
