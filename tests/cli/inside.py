#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the command tells about its engine: --stats, --dump-block, --perf-map.

    inside.py VM [CASE...]
"""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import bare  # noqa: E402
from vmrun import LIMIT_S, TOP, Failed, Skipped, cases_of, main  # noqa: E402

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
    if vcpu["tier1_insns"] or vcpu["tier0_insns"] < 2 * ROUNDS:
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


LOOP = bare.RAM + 8  # of counting()
BLOCK = re.compile(r"""block riscv64 (0x[0-9a-f]+) at (0x[0-9a-f]+) key 0x[0-9a-f]+ vcpu 0
guest: (\d+) insns
((?:  0x[0-9a-f]{16}  [0-9a-f]+ +\S.*
)+)ir: (\d+) ops
((?:@.*
|  [A-Z].*
)+)host: \S+ (0x[0-9a-f]+) (\d+) bytes
((?:  [0-9a-f]{2}(?: [0-9a-f]{2})*
)+)end
""")


def has_tier_1(rig):
    """Otherwise there is nothing to see."""
    if "code generator for" not in rig.run("doctor").out:
        raise Skipped("no code generator")


def blocks(text):
    """The blocks of a dump by address: (insns, IR, host code)."""
    found = {}
    for match in BLOCK.finditer(text):
        insns, code = match[4].splitlines(), bytes.fromhex(match[9])
        ir = [line for line in match[6].splitlines() if line.startswith("  ")]
        if int(match[3]) != len(insns) or int(match[5]) != len(ir) or int(match[8]) != len(code) or match[1] != match[2]:
            raise Failed(f"numbers that do not agree: {match[0]}")
        found[int(match[1], 16)] = (insns, ir, int(match[7], 16), code)
    if BLOCK.sub("", text):
        raise Failed(f"not blocks alone: {text}")
    return found


def case_dump_block(rig):
    has_tier_1(rig)
    one = blocks(run(rig, "--dump-block", hex(LOOP)).err)
    if list(one) != [LOOP]:
        raise Failed(f"the loop's block expected, not {one}")
    insns, ir, _, code = one[LOOP]
    if "fff50513  addi a0, a0, -1" not in insns[0] or not ir[0].startswith("  ADD.i64"):
        raise Failed(f"{insns} {ir}")
    yield "guest, IR and host of one block"
    if list(blocks(run(rig, "--dump-block", str(LOOP + 4), "--dump-block", "0x1234").err)) != [LOOP] or run(rig, "--dump-block", hex(LOOP - 8)).err:
        raise Failed("an address inside the block, or one outside")
    yield "an address inside a block"
    out = rig.folder / "blocks.txt"
    result = run(rig, "--jit-threshold", "1", "--dump-block", "all", "--dump-file", out)
    every = blocks(out.read_text(encoding="ascii"))
    if result.err or not {bare.RAM, LOOP} <= set(every):
        raise Failed(f"{result}, blocks at {[hex(at) for at in every]}")
    yield "all blocks, to a file"
    if not shutil.which("objdump"):
        raise Skipped("there is no objdump")
    binary = rig.file("code.bin", code)
    text = subprocess.run(["objdump", "-D", "-b", "binary", "-m", "i386:x86-64", binary], capture_output=True, text=True, check=True).stdout
    if "(bad)" in text or not re.search(r"\bj(ne|e)\b", text):
        raise Failed(text)
    yield "objdump reads the host's code"


def case_perf_map(rig):
    has_tier_1(rig)
    path = rig.file("on.elf", bare.elf(counting(bare.idle())))
    args = ["run", "--bios", "none", "--memory", "16M", "--mode", "auto", "--perf-map", path]
    machine = rig.start(*args)
    file = pathlib.Path(f"/tmp/perf-{machine.process.pid}.map")
    try:
        machine.expect("^on$")
        maps = pathlib.Path(f"/proc/{machine.process.pid}/maps").read_text(encoding="ascii")
        machine.process.send_signal(signal.SIGTERM)
        machine.wait(128 + signal.SIGTERM)
        text = file.read_text(encoding="ascii")
        mode = file.stat().st_mode & 0o777
    finally:
        file.unlink(missing_ok=True)
    code = [tuple(int(n, 16) for n in m.groups()) for m in re.finditer(r"^([0-9a-f]+)-([0-9a-f]+) r-xs .*/dev/zero", maps, re.M)]
    lines = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) (.+)$", text, re.M)
    if len(code) != 1 or len(lines) != text.count("\n") or mode != 0o600:
        raise Failed(f"{code} {mode:o}: {text}")
    spans = sorted((int(at, 16), int(at, 16) + int(size, 16)) for at, size, _ in lines)
    if spans[0][0] < code[0][0] or spans[-1][1] > code[0][1] or any(a[1] > b[0] for a, b in zip(spans, spans[1:])):
        raise Failed(f"outside of code memory, or on each other: {text}")
    names = [name for _, _, name in lines]
    if not any(name.startswith(f"riscv64 {LOOP:#x} ") for name in names) or "vm enter" not in names:
        raise Failed(text)
    yield "blocks and routines, inside code memory"
    for make in ("touch", "ln -s /nonexistent/file"):
        result = subprocess.run(["sh", "-c", f"{make} /tmp/perf-$$.map; echo $$; exec \"$@\"", "sh", rig.vm, *args], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=LIMIT_S, check=False)
        pathlib.Path(f"/tmp/perf-{int(result.stdout)}.map").unlink()
        if result.returncode != 5 or "exists already" not in result.stderr or result.stderr.count("\n") != 1:
            raise Failed(f"{make}: {result}")
    yield "a file or a link of that name is not touched"


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
