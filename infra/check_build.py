"""Checks that Lambda can start the files: `bootstrap` for Amazon Linux 2023 on arm64, with its list of dependencies.

Usage: check_build.py FILE...
"""

import json
import re
import struct
import sys
import zlib

AARCH64 = 183
# The newest C library that a binary may require: the version in Amazon Linux 2023.
GLIBC = (2, 34)
# The section in which `cargo auditable` puts the list: JSON, compressed with zlib.
DEPENDENCIES = b".dep-v0"


def sections(binary):
    """The sections of a 64-bit little-endian ELF file, by name."""
    (table,) = struct.unpack_from("<Q", binary, 0x28)
    size, count, names = struct.unpack_from("<HHH", binary, 0x3A)
    headers = [struct.unpack_from("<II16xQQ", binary, table + index * size) for index in range(count)]
    text = headers[names][2]
    return {
        binary[text + name : binary.index(b"\0", text + name)]: binary[offset : offset + length]
        for name, _, offset, length in headers
    }


def faults(binary):
    """The reasons why a binary cannot be deployed, and how many packages it lists."""
    # Class 2 is 64 bits, data 1 is little-endian.
    if binary[:6] != b"\x7fELF\x02\x01":
        return ["not a 64-bit ELF file"], 0
    (machine,) = struct.unpack_from("<H", binary, 0x12)
    if machine != AARCH64:
        return [f"for machine {machine} instead of {AARCH64} (aarch64)"], 0
    found = []
    parts = sections(binary)
    wanted = [tuple(map(int, it.split(b"."))) for it in re.findall(rb"GLIBC_([0-9.]+)\0", parts.get(b".dynstr", b""))]
    newest = max(wanted, default=(0, 0))
    if newest > GLIBC:
        found.append(f"needs glibc {newest}, but Lambda has {GLIBC}")
    packages = []
    if DEPENDENCIES in parts:
        packages = json.loads(zlib.decompress(parts[DEPENDENCIES]))["packages"]
    # Every function depends on this crate: a list without it does not belong to this binary.
    if not any(it["name"] == "ciba" for it in packages):
        found.append("has no list of its dependencies")
    return found, len(packages)


def main(paths):
    if not paths:
        sys.exit(__doc__)
    failed = False
    for path in paths:
        with open(path, "rb") as file:
            binary = file.read()
        found, packages = faults(binary)
        failed |= bool(found)
        print(f"{path}: {'; '.join(found) or f'aarch64, {len(binary)} bytes, {packages} packages listed'}")
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
