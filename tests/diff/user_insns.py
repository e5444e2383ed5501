#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares what user-level riscv64 instructions do with QEMU: random operands, rounding modes and memory, one instruction a case.

    user_insns.py PATH/TO/user_insns [--count N] [--seed S]

Exits with 77 (skipped) without qemu-riscv64 of version 10 or later or without riscv64-linux-gnu-gcc.
"""
import argparse
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

STATE = struct.Struct("<65QII256s")
NAMES = ["pc"] + [f"x{n}" for n in range(32)] + [f"f{n}" for n in range(32)] + ["fcsr", "trap", "data"]


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def show(name, value):
    return f"{name}={value.hex()}" if name == "data" else f"{name}=0x{value:x}"


def report(text, before, ours, theirs):
    """The insn, what its fields name, and what came out differently."""
    differs = [n for n, (a, b) in enumerate(zip(ours, theirs)) if a != b]
    named = sorted({n + 1 if kind == "x" else n + 33 for kind, n in operands(before[66])})
    print(f"{text}   [{before[66]:08x}] fcsr=0x{before[65]:x}")
    print("    before: " + " ".join(show(NAMES[n], before[n]) for n in named))
    print("    ours:   " + " ".join(show(NAMES[n], ours[n]) for n in differs))
    print("    QEMU's: " + " ".join(show(NAMES[n], theirs[n]) for n in differs))


def operands(word):
    if word & 3 != 3:
        return [("x", word >> 2 & 31), ("x", word >> 7 & 31), ("x", (word >> 2 & 7) + 8), ("x", (word >> 7 & 7) + 8)]
    kind = "f" if word & 0x7f in (0x53, 0x43, 0x47, 0x4b, 0x4f) else "x"
    return [(k, word >> at & 31) for at in (15, 20, 27) for k in {kind, "x"}]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    args = parser.parse_args()
    qemu, gcc = shutil.which("qemu-riscv64"), shutil.which("riscv64-linux-gnu-gcc")
    if not gcc:
        skip("needs riscv64-linux-gnu-gcc (Debian's package gcc-riscv64-linux-gnu)")
    about = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=True).stdout if qemu else ""
    version = re.search(r"version (\d+)", about)
    if not version or int(version[1]) < 10:
        skip("needs qemu-riscv64 10 or later (Debian's package qemu-user, bookworm-backports)")
    print(f"seed {args.seed}")
    with tempfile.TemporaryDirectory() as tmp:
        guest, cases, expected, texts = (os.path.join(tmp, name) for name in ("guest", "cases", "expected", "texts"))
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "user_insns_guest.c")
        subprocess.run([gcc, "-O1", "-static", "-o", guest, source], check=True)
        subprocess.run([args.tool, str(args.seed), str(args.count), cases, expected, texts], check=True)
        with open(cases, "rb") as f:
            done = subprocess.run([qemu, "-cpu", "max", guest], stdin=f, capture_output=True, check=False)
        with open(cases, "rb") as f, open(expected, "rb") as g, open(texts, encoding="utf-8") as h:
            befores, ours, lines = f.read(), g.read(), h.read().splitlines()
    theirs, failed, shown = done.stdout, 0, {}
    if done.returncode or len(theirs) != len(ours):
        print(f"QEMU stopped after {len(theirs) // STATE.size} of {len(lines)} cases: {done.stderr.decode()[-300:]}")
        failed = 1
        print("next: " + lines[min(len(theirs) // STATE.size, len(lines) - 1)])
    for n in range(min(len(theirs), len(ours)) // STATE.size):
        at = slice(n * STATE.size, (n + 1) * STATE.size)
        if ours[at] != theirs[at]:
            name = lines[n].split(" ")[0]
            failed += 1
            shown[name] = shown.get(name, 0) + 1
            if shown[name] <= 2 and len(shown) <= 20:
                report(lines[n], STATE.unpack(befores[at]), STATE.unpack(ours[at]), STATE.unpack(theirs[at]))
    if shown:
        print("failures: " + ", ".join(f"{n} {c}" for n, c in sorted(shown.items())))
    print(f"{len(lines) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
