#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The shared library shows what the public header declares, under its name and SONAME, and nothing else. Speaks TAP.

    symbols.py LIBVM.SO VM.H NM READELF
"""
import re
import subprocess
import sys


def main():
    library, header, nm, readelf = sys.argv[1:]
    out = subprocess.run([nm, "-D", "--defined-only", "--format=posix", library], capture_output=True, text=True, check=True).stdout
    shown = {line.split()[0].split("@")[0] for line in out.splitlines()}
    text = re.sub(r"/\*.*?\*/", "", open(header, encoding="utf-8").read(), flags=re.S)
    declared = set(re.findall(r"VM_API[^;]*?\b(vm_\w+)\s*\(", text))
    dynamic = subprocess.run([readelf, "-d", library], capture_output=True, text=True, check=True).stdout
    soname = re.search(r"SONAME.*\[(.*)\]", dynamic)
    points = [
        (bool(declared), "the header declares functions"),
        (not shown - declared, f"shown but not declared: {sorted(shown - declared)}"),
        (not declared - shown, f"declared but not shown: {sorted(declared - shown)}"),
        (soname and soname[1] == "libvm.so.1", f"the SONAME is {soname and soname[1]}"),
    ]
    print(f"1..{len(points)}")
    for n, (good, what) in enumerate(points, 1):
        print(f"{'ok' if good else 'not ok'} {n} - {what}")
    return 0 if all(good for good, _ in points) else 1


if __name__ == "__main__":
    sys.exit(main())
