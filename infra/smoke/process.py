"""A program that ends with this one, however this one ends."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The output of what was started, and the files that it reads.
FILES = ROOT / "target/smoke"


class Failed(Exception):
    """A check did not find what it expects. The text is shown, so it holds no secret."""


def free_port():
    """A port that is free now. What is to listen there is a program of its own, and cannot be given a socket."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(found, seconds, what, every=0.2):
    """The first true result of `found()`; fails after this time."""
    deadline = time.monotonic() + seconds
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(every)


class Process:
    """A running program with its output in a file."""

    def __init__(self, name, command, environment=None):
        FILES.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.output = FILES / f"{name}.log"
        with open(self.output, "wb") as output:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent,
            )

    def text(self):
        return self.output.read_text(errors="replace")

    def starts(self, ready, seconds):
        """Waits until `ready()` is true; fails with the end of the output."""

        def look():
            if self.child.poll() is not None:
                raise Failed(f"{self.name} ended with {self.child.returncode}:\n{self.text()[-2000:]}")
            return ready()

        return until(look, seconds, f"{self.name} does not start")

    def stop(self):
        """Asks it to end, and kills it if it does not. Only this process, by its id."""
        if self.child.poll() is not None:
            return
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(5)


def end_with_parent():
    """For the case that this program is killed and stops nothing. Only Linux supports it."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(set_death_signal, signal.SIGTERM, 0, 0, 0)
    os.setpgid(0, 0)  # Ctrl-C is for the smoke test alone, which then stops its programs in order.
