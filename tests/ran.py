"""Fails if a test that docs/spec-map.md names did not pass in the runs that `make test` has kept in target/ran/.

tests/drift/spec_map.rs checks that each of them exists and names its rule.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The line that Cargo prints before it starts a test program, with the program's file, and the program's line for each test.
STARTED = re.compile(r"^ +Running .*\(.*/(\w[\w-]*)-[0-9a-f]{16}(?:\.exe)?\)$")
PASSED = re.compile(r"^test (\S+)(?: - should panic)? \.\.\. ok$")
# What tests/browser.sh prints if there is no browser.
NO_BROWSER = "SKIPPED: the tests in a browser"

ROW = re.compile(r"^\| (?P<id>[A-Z]+-[0-9.-]+)°? \|.*\| (?P<proof>[^|]*) \|$")
NAMED = re.compile(r"`([^`]+)::(\w+)`")


def passed(kept):
    """The program and full name of each test that passed."""
    found, program = set(), None
    for line in kept.splitlines():
        if started := STARTED.match(line):
            program = started[1].replace("-", "_")
        elif test := PASSED.match(line):
            found.add((program, test[1]))
    return found


def named(document):
    """The file and name of each test that a row names, with the ids of its rules."""
    found = {}
    for line in document.splitlines():
        if row := ROW.match(line):
            for test in NAMED.findall(row["proof"]):
                found.setdefault(test, []).append(row["id"])
    return found


def place(path, root=ROOT):
    """The program that contains a file's tests, and the module prefix of their full names."""
    room, _, rest = path.partition("/")
    below = [f"tests/{path}", f"shared/core/src/{path}", f"shared/aws/src/{path}", f"shared/{room}/src/{rest}"]
    path = next((it for it in below if (root / it).is_file()), path)
    # tests/provider/token.rs, infra/admin/tests/commands/client.rs, shared/core/src/domain/client.rs
    package, kind, inside = re.fullmatch(r"(?:(.+?)/)?(tests|src)/(.+)\.rs", path).groups()
    module = inside.split("/")
    if kind == "tests":
        program = module.pop(0)
    else:
        manifest = (root / package / "Cargo.toml").read_text()
        program = re.search(r'^name = "(.+)"$', manifest, re.MULTILINE)[1].replace("-", "_")
    if module and module[-1] in ("lib", "main"):
        module.pop()
    return program, "".join(f"{name}::" for name in module)


def missing(document, kept, root=ROOT):
    """The named tests that did not pass, with their rules: first those that were skipped, then the others."""
    ran = passed(kept)
    skipped, failed = [], []
    for (path, name), ids in sorted(named(document).items()):
        program, module = place(path, root)
        if any(it == program and test.startswith(module) and test.split("::")[-1] == name for it, test in ran):
            continue
        where = skipped if program == "browser" and NO_BROWSER in kept else failed
        where.append(f"{path}::{name} ({', '.join(ids)})")
    return skipped, failed


def main():
    document = (ROOT / "docs/spec-map.md").read_text()
    runs = sorted((ROOT / "target/ran").glob("*.txt"))
    kept = "\n".join(run.read_text(errors="replace") for run in runs)
    tests = named(document)
    if not tests or not runs:
        sys.exit("docs/spec-map.md names no tests, or there are no kept runs: run make test")
    skipped, failed = missing(document, kept)
    for test in skipped:
        print(f"SKIPPED: {test}")
    for test in failed:
        print(f"did not pass: {test}", file=sys.stderr)
    if failed:
        sys.exit(f"{len(failed)} of the {len(tests)} tests that docs/spec-map.md names did not pass in these runs")
    print(f"{len(tests) - len(skipped)} tests that docs/spec-map.md names passed, {len(skipped)} were skipped")


if __name__ == "__main__":
    main()
