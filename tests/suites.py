"""Runs the suites of `make test` in parallel, keeps their output in target/ran/ for ran.py, and leaves no process behind.

Lanes run in parallel, the suites of a lane one after the other. The output of a suite is printed in one piece when it has
ended. Without a browser, or without Java, the suite prints SKIPPED; with `--require-browser` it fails instead.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RAN = ROOT / "target/ran"

# For a single package Cargo would select other features, and rebuild what `--workspace` has built.
CARGO_TEST = ["cargo", "test", "--workspace", "--no-fail-fast"]


def lanes(require_browser):
    """A lane is a priority and its suites: name, command."""
    browser = ["tests/browser.sh", *([] if require_browser else ["--or-skip"])]
    browser += [*CARGO_TEST, "--test", "browser", "--", "--test-threads=2"]
    return [
        # Programs that wait for each other over HTTP, as they will on AWS, and the longest lane: they take priority over
        # pure computation, which ends before that lane all the same.
        (0, [("stack", [*CARGO_TEST, "--test", "stack"]), ("browser", browser)]),
        (0, [("dynamodb-local", ["tests/dynamodb-local/provider.sh", "--or-skip"])]),
        (8, [("workspace", CARGO_TEST)]),
    ]


class Run:
    """One run of all suites."""

    def __init__(self):
        self.speaking = threading.Lock()
        self.failed = []
        self.running = set()

    def lane(self, priority, suites):
        for name, command in suites:
            began = time.monotonic()
            self.say(f"---- {name}: {' '.join(command)}")
            with open(RAN / f"{name}.txt", "wb") as kept:
                process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=kept,
                    stderr=subprocess.STDOUT,
                    preexec_fn=lambda: os.nice(priority),
                )
                self.running.add(process)
                code = process.wait()
                self.running.discard(process)
            took = f"{time.monotonic() - began:.0f} s"
            printed = (RAN / f"{name}.txt").read_text(errors="replace")
            self.say(f"{printed}---- {name}: {'passed' if code == 0 else f'FAILED with {code}'}, {took}")
            if code != 0:
                self.failed.append(name)

    def say(self, text):
        with self.speaking:
            print(text, flush=True)

    def end_what_is_left(self):
        """Kills and reports processes that outlived their suite: a test that leaves a process behind has failed."""
        for _ in range(50):
            left = descendants()
            if not left:
                return
            time.sleep(0.2)
        for pid, command in left.items():
            self.say(f"left behind: {pid} {command}")
            os.kill(pid, signal.SIGKILL)
        self.failed.append("processes were left behind")


def adopt_orphans():
    """Makes this process the parent of orphaned descendants, so that they are found. Only Linux supports it."""
    if sys.platform == "linux":
        set_child_subreaper = 36
        ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0)


def descendants():
    """The running descendants of this process, with their command lines."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    parents, commands = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # The name, in parentheses, may contain spaces; the parent is the second field after it.
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120]
        except OSError:
            pass  # It has just ended.
    found, new = {}, {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        found |= {pid: commands[pid] for pid in new}
    return found


def main():
    RAN.mkdir(parents=True, exist_ok=True)
    for kept in RAN.glob("*.txt"):
        kept.unlink()
    adopt_orphans()
    run = Run()
    threads = [threading.Thread(target=run.lane, args=lane, daemon=True) for lane in lanes("--require-browser" in sys.argv)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        for process in run.running.copy():
            process.terminate()
        run.end_what_is_left()
        sys.exit(130)
    run.end_what_is_left()
    if run.failed:
        sys.exit(f"failed: {', '.join(run.failed)}")


if __name__ == "__main__":
    main()
