"""The table of checks."""

import re
import time
import traceback

from process import Failed

OK, FAILED, NOT_SHOWN, NOT_TRIED = "ok", "FAILED", "not shown by moto", "not tried"


class NotTried(Exception):
    """A check cannot be made; the text is the reason."""


class Report:
    """Checks, in the order in which they were made. `log` returns what the functions logged since a `mark`."""

    def __init__(self, mark, log):
        self.mark, self.log = mark, log
        self.rows = []
        self.began = time.monotonic()

    def check(self, name, run, needs=()):
        """Makes a check: `run` returns a detail, or raises. It is not tried if something that it needs is not ok."""
        missing = [it for it in needs if self.outcome(it) != OK]
        if missing:
            return self.add(name, NOT_TRIED, f"it needs: {', '.join(missing)}")
        mark = self.mark()
        try:
            self.add(name, OK, run() or "")
        except NotTried as reason:
            self.add(name, NOT_TRIED, str(reason))
        except Exception as error:
            what = str(error) if isinstance(error, Failed) else traceback.format_exc(limit=-3)
            # An error of HTTP has the URL, and that of a ticket is a secret.
            what = re.sub(r"/enroll/[^ )'\"]+", "/enroll/…", what.strip())
            self.add(name, FAILED, what.splitlines()[-1])
            print(what)
            for line in self.log(mark):
                print(f"    {line}")

    def add(self, name, outcome, detail):
        self.rows.append((name, outcome, detail))
        print(f"{time.monotonic() - self.began:6.1f} s  {outcome:<18} {name}", flush=True)

    def outcome(self, name):
        return next((outcome for row, outcome, _ in self.rows if row == name), None)

    def table(self):
        wide = max(len(name) for name, _, _ in self.rows)
        lines = [f"{name:<{wide}}  {outcome:<17}  {detail}".rstrip() for name, outcome, detail in self.rows]
        counts = [f"{sum(row[1] == it for row in self.rows)} {it}" for it in (OK, FAILED, NOT_SHOWN, NOT_TRIED)]
        return "\n".join([*lines, "", ", ".join(counts)])

    def failed(self):
        return any(outcome == FAILED for _, outcome, _ in self.rows)
