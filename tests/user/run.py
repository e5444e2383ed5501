#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs a program of this folder by vm-user and as the host's own, and compares what they print and how they end; prints TAP.

    run.py VM-USER FOREIGN NATIVE [OPTIONS OF VM-USER...]

Each runs in an empty directory of its own, with the same environment. With QEMU_USER=PROGRAM in the environment, that one is asked as well;
where it differs is told, but is no failure: the host's kernel is the truth.
"""
import difflib
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from vmrun import default_signals  # noqa: E402


def run(command, seconds=600):  # a slow machine is no failure
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": "/", "PATH": "/usr/bin:/bin", "LC_ALL": "C", "TEST": "1"}
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home, env=env,
                              start_new_session=True) as process:
            try:
                output = process.communicate(timeout=seconds)[0]
                ended = str(process.returncode)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                output = process.communicate()[0]
                ended = "not at all"
    return output.decode(errors="replace").splitlines() + [f"ended: {ended}"]


def differences(ours, theirs, name):
    return [line for line in difflib.unified_diff(theirs, ours, name, "vm-user", lineterm="", n=1)]


def main():
    default_signals()
    vm, foreign, native, *options = sys.argv[1:]
    vm, foreign, native = (os.path.abspath(p) for p in (vm, foreign, native))
    ours = run([vm, *options, foreign])
    theirs = run([native])
    wrong = differences(ours, theirs, "host")
    for line in wrong:
        print("# " + line)
    print(f"{'not ok' if wrong or len(theirs) < 2 else 'ok'} 1 - {len(theirs)} lines as on the host")
    if os.environ.get("QEMU_USER"):
        for line in differences(ours, run([os.environ["QEMU_USER"], foreign]), "qemu"):
            print("# " + line)
    print("1..1")


if __name__ == "__main__":
    main()
