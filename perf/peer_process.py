"""A program that serves measurements on standard input and output, stopped except while it is asked something."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time


class Peer:
    """The protocol is that of `onda bench --serve`: a line of JSON with "create_ms" first, then a line for each asked."""

    def __init__(self, name, command, environment=None, seconds=None):
        """seconds: after which an answer that has not come is an error; None: never."""
        self.name, self.seconds = name, seconds
        environment = dict(os.environ if environment is None else environment)
        environment = {key: value for key, value in environment.items() if not key.startswith(("OPENBLAS_", "OMP_"))}
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        env=environment)
        self.pending = b""
        try:
            self.ready = self.read()
        except BaseException:
            self.close()
            raise
        self.create_ms = self.ready["create_ms"]
        self.process.send_signal(signal.SIGSTOP)

    def line(self):
        begin = time.monotonic()
        while b"\n" not in self.pending:
            left = None if self.seconds is None else self.seconds - (time.monotonic() - begin)
            if left is not None and (left <= 0 or not select.select([self.process.stdout], [], [], left)[0]):
                raise RuntimeError(f"{self.name} gave no answer in {self.seconds:.0f} s")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                self.process.wait()
                self.errors.seek(0)
                message = self.errors.read().decode(errors="replace").strip()[-400:]
                raise RuntimeError(f"{self.name} ended with code {self.process.returncode}: {message}")
            self.pending += part
        found, _, self.pending = self.pending.partition(b"\n")
        return found

    def read(self):
        """The next line of JSON; others, which libraries may print, are passed over."""
        while True:
            found = self.line()
            try:
                return json.loads(found)
            except ValueError:
                continue

    def ask(self, line):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.read()
        self.process.send_signal(signal.SIGSTOP)
        return answer

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()


def interleave(peers, seconds, rounds, slice_ms=50):
    """{name: list of rounds, each a list of times in ms} of {name: Peer}, which take turns; each round of one lasts about
    slice_ms. Ends after `rounds` rounds, or after at least five when `seconds` for each are over."""
    batch, samples = {}, {}
    for name, peer in peers.items():
        slowest = max(peer.ask("run 3"))
        batch[name] = max(1, min(1000, int(slice_ms / max(slowest, 1e-3))))
        peer.ask(f"run {batch[name]}")
        samples[name] = []
    order, begin, count = list(peers), time.monotonic(), 0
    while order and (count < 5 or time.monotonic() - begin < seconds * len(order)) and count < rounds:
        for name in order:
            samples[name].append(peers[name].ask(f"run {batch[name]}"))
        order = order[1:] + order[:1]
        count += 1
    return samples
