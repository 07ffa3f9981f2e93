"""Prints the parameter `Release` of a deployment: ten hex digits over the built functions, the template, and what was given for
its parameters (the variable ARGS of make). Where it differs from the last one, each function gets a new version.

Usage: ARGS=... release.py FILE...
"""

import hashlib
import os
import sys
from pathlib import Path

parts = {path: Path(path).read_bytes() for path in sorted(sys.argv[1:])}
parts["ARGS"] = os.environ.get("ARGS", "").encode()
digest = hashlib.sha256()
for name, content in parts.items():
    # With the length, so that nothing moves from one part to the next.
    digest.update(f"{name} {len(content)}\n".encode())
    digest.update(content)
print(digest.hexdigest()[:10])
