#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tests of tools/isagen: what must be refused is, where and why the file says; what is accepted does in C what it should.

    run.py [--cc CC] [--keep DIR] [PROGRAM.c...]

refused/*.isa: a comment `#! words` marks every line that must be refused, with a message that has these words; no other line may be.
accepted/NAME.isa: generated, compiled and run with accepted/NAME.c, which exits 0. All are read together with base.isa. Prints TAP.
"""
import argparse
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WARNINGS = "-Wall -Wextra -Wshadow -Werror -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual".split()


def isagen(out, files, *options):
    tables = ["--ops", f"{ROOT}/src/ir/ops.def", "--words", f"{ROOT}/src/ir/words.def", "--traps", f"{HERE}/traps.def",
              "--features", f"{HERE}/features.def"]
    command = [f"{ROOT}/tools/isagen/isagen.py", "--guest", "toy", "--out", out, *tables, *options, *files]
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


def refused(path, out):
    """(case, what is wrong or "") for each marked line, and for whatever else was refused."""
    marks, name = {}, os.path.relpath(path, HERE)
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if "#! " in line and not line.startswith("#"):
                marks[number] = line.split("#! ")[1].strip()
    run = isagen(out, [f"{HERE}/base.isa", path])
    if run.returncode != 1 or "Traceback" in run.stderr:
        yield name, f"exit code {run.returncode}\n{run.stderr}"
        return
    yield f"{name} writes nothing", "something was written" if os.listdir(out) else ""
    seen = {}
    for line in run.stderr.splitlines():
        m = re.fullmatch(r"(.*?):(\d+): error: (.*)", line)
        if m:
            seen.setdefault((m[1], int(m[2])), []).append(m[3])
        else:
            yield name, f"not a message with file and line: {line}"
    for number, words in marks.items():
        texts = seen.pop((path, number), [])
        yield f"{name}:{number} {words}", "" if any(words in t for t in texts) else f"instead: {texts or 'accepted'}"
    for (file, number), texts in seen.items():
        yield f"{os.path.relpath(file, HERE)}:{number}", f"refused without a mark: {texts}"


def accepted(path, out, cc):
    """The same, for a file that is accepted, compiled and run."""
    name = os.path.relpath(path, HERE)
    run = isagen(out, [f"{HERE}/base.isa", path], "--include", "traps.h")
    yield f"{name} is accepted", run.stderr
    if run.returncode:
        return
    first = {n: read(f"{out}/{n}") for n in os.listdir(out)}
    isagen(out, [f"{HERE}/base.isa", path], "--include", "traps.h")
    yield f"{name} gives the same twice", "" if all(read(f"{out}/{n}") == text for n, text in first.items()) else "it differs"
    os.makedirs(f"{out}/ir", exist_ok=True)
    opgen = [f"{ROOT}/tools/isagen/opgen.py", f"{ROOT}/src/ir/ops.def", f"{ROOT}/src/ir/words.def", f"{out}/ir/ops.gen.h"]
    subprocess.run([sys.executable, *opgen], check=True)
    command = [*shlex.split(cc), "-std=gnu11", "-O1", "-g", *WARNINGS, "-I", out, "-I", f"{ROOT}/src", "-I", HERE, f"{path[:-4]}.c",
               f"{out}/toy_insns.gen.c", "-o", f"{out}/test"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    yield f"{name} compiles", f"{' '.join(command)}\n{run.stderr}" if run.returncode else ""
    if run.returncode == 0:
        run = subprocess.run([f"{out}/test"], capture_output=True, text=True, check=False)
        yield f"{name} runs", f"exit code {run.returncode}\n{run.stdout}{run.stderr}" if run.returncode else ""


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--cc", default=os.environ.get("CC", "cc"))
    a.add_argument("--keep", help="a directory for the outputs")
    a.add_argument("programs", nargs="*", default=sorted(glob.glob(f"{HERE}/accepted/*.c")), help="accepted/NAME.c; else all")
    args = a.parse_args()
    inputs = {"refused": sorted(glob.glob(f"{HERE}/refused/*.isa")), "accepted": [os.path.abspath(p)[:-1] + "isa" for p in args.programs]}
    cases = []
    with tempfile.TemporaryDirectory() as temp:
        for kind, paths in inputs.items():
            for path in paths:
                out = os.path.join(args.keep or temp, kind + "_" + os.path.basename(path)[:-4])
                os.makedirs(out)
                cases += refused(path, out) if kind == "refused" else accepted(path, out, args.cc)
    print(f"1..{len(cases)}")
    for n, (case, wrong) in enumerate(cases, 1):
        print(f"{'not ok' if wrong else 'ok'} {n} - {case.replace('#', '')}")
        for line in wrong.splitlines():
            print(f"# {line}")
    sys.exit(any(wrong for _, wrong in cases))


if __name__ == "__main__":
    main()
