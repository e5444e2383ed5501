#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the command tells about its engine: --stats.

    inside.py VM [CASE...]
"""
import json
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import bare  # noqa: E402
from vmrun import TOP, Failed, cases_of, main  # noqa: E402

ROUNDS = 5000
NUMBER = r"[\d,]+"


def rows(path):
    return re.findall(r"^STAT\((\w+),", (TOP / path).read_text(encoding="utf-8"), re.M)


def counting(end):
    """A loop of two instructions."""
    return [*bare.li(bare.A0, ROUNDS), "loop", bare.addi(bare.A0, bare.A0, -1), bare.bne(bare.A0, bare.ZERO, "loop"), *end]


def run(rig, *args, end=None):
    path = rig.file("program.elf", bare.elf(counting(end or bare.finish(bare.PASS))))
    return rig.run("run", "--bios", "none", "--memory", "16M", *args, path)


def counters(text):
    """The JSON object on the last line."""
    answer = json.loads(text.rstrip("\n").split("\n")[-1])
    for name, objects, path in (("shared", [answer["shared"]], "src/jit/stats.def"), ("vcpus", answer["vcpus"], "src/ir/stats.def")):
        for one in objects:
            missing = [row for row in rows(path) if not isinstance(one.get(row), int)]
            if missing:
                raise Failed(f"{name}: {missing} is not there: {one}")
    return answer


def case_stats_json(rig):
    result = run(rig, "--stats=json", "--vcpus", "2")
    answer = counters(result.err)
    if result.code or result.out or result.err.count("\n") != 1 or len(answer["vcpus"]) != 2:
        raise Failed(f"one line expected: {result}")
    for vcpu in answer["vcpus"]:
        if vcpu["insns"] != vcpu["tier0_insns"] + vcpu["tier1_insns"]:
            raise Failed(f"insns: {vcpu}")
    if max(vcpu["insns"] for vcpu in answer["vcpus"]) < 2 * ROUNDS:  # the other one may not have come far
        raise Failed(f"insns: {answer}")
    if sum(vcpu["device_writes"] for vcpu in answer["vcpus"]) not in (1, 2):
        raise Failed(f"one or two writes to the finisher: {answer}")
    yield "all rows of all vCPUs"
    vcpu = counters(run(rig, "--stats=json", "--mode", "interpreter").err)["vcpus"][0]
    if vcpu["tier1_insns"] or vcpu["tier0_blocks"] < ROUNDS:
        raise Failed(f"not in the interpreter: {vcpu}")
    yield "the interpreter's"
    trapped = run(rig, "--stats=json", end=[bare.ILLEGAL])
    if trapped.code != 11 or "illegal instruction" not in counters(trapped.err)["vcpus"][0]["trap"]:
        raise Failed(f"a trap: {trapped}")
    yield "traps by name, and the end of a run by one"


def case_stats_text(rig):
    result = run(rig, "--stats")
    for pattern in ("^vm: counters", rf"^  insns +{NUMBER}  insns retired$", rf"^  tier0_insns +{NUMBER} .*: [\d.]+ %$",
                    r"^  device_writes +1 ", rf"^  translate_ns +{NUMBER} .* for each insn$"):
        if not re.search(pattern, result.err, re.M):
            raise Failed(f"{pattern!r} is not there: {result}")
    if result.code or result.out or re.search(r" 0  ", result.err):
        raise Failed(f"something on standard output, or a row of zero: {result}")
    yield "a table"
    if run(rig).err or run(rig, "--no-stats").err or run(rig, "--stats", "--stats=off").err:
        raise Failed("something is printed without --stats")
    yield "off"


def case_ways_out(rig):
    path = rig.file("idle.elf", bare.elf(bare.idle()))
    args = ["run", "--bios", "none", "--memory", "16M", "--stats=json", path]
    machine = rig.start(*args)
    machine.expect("^on$")
    machine.process.send_signal(signal.SIGTERM)
    machine.wait(128 + signal.SIGTERM)
    if not counters(machine.stderr())["vcpus"][0]["device_writes"]:
        raise Failed(machine.stderr())
    yield "a signal"
    machine = rig.start(*args, tty=True)
    machine.expect("^on$")
    machine.send("\x01x")
    machine.wait(0)
    if not counters(machine.stderr())["vcpus"][0]["device_writes"]:
        raise Failed(machine.stderr())
    yield "the escape key"


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
