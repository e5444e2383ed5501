#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""How the command ends when its guest ends: power-off, codes of the test finisher and of semihosting, panics, unhandled traps.

    exits.py VM [CASE...]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import bare  # noqa: E402
from vmrun import Failed, cases_of, main  # noqa: E402


def ends(rig, program, code, *args, out="", err=None, image=None):
    """Runs a bare program; err: what the one line on standard error holds, None: nothing is there."""
    path = rig.file("program.elf", image or bare.elf(program))
    result = rig.run("run", "--bios", "none", "--memory", "16M", *args, path)
    if result.code != code:
        raise Failed(f"{code} expected: {result}")
    if result.out != out:
        raise Failed(f"the output is {result.out!r}, not {out!r}")
    if err is None and result.err:
        raise Failed(f"nothing should be said: {result}")
    if err is not None and (err not in result.err or result.err.count("\n") != 1 or not result.err.startswith("vm: ")):
        raise Failed(f"one line with {err!r} expected: {result}")


def case_finisher(rig):
    for code in (0, 1, 42, 255):
        ends(rig, [*bare.say("hi\n"), *bare.finish(code << 16 | bare.FAIL)], code, "--exit-from-guest", out="hi\n")
    yield "a code of the finisher is the command's"
    ends(rig, bare.finish(bare.PASS), 0, "--exit-from-guest")
    ends(rig, bare.finish(bare.PASS), 0)
    yield "pass is 0"
    ends(rig, bare.finish(258 << 16 | bare.FAIL), 2, "--exit-from-guest")
    ends(rig, bare.finish(256 << 16 | bare.FAIL), 1, "--exit-from-guest")
    yield "of a larger code the low eight bits are kept, unless that makes it a success"
    ends(rig, bare.finish(42 << 16 | bare.FAIL), 1, err="42")
    yield "without --exit-from-guest a failure is 1, and its code is told"
    ends(rig, bare.finish(42 << 16 | bare.FAIL), 1, "--exit-from-guest", "--exit-from-guest=off", err="42")
    yield "the last of repeated options counts"


def case_finisher_reset(rig):
    again = rig.start("run", "--bios", "none", rig.file("a.elf", bare.elf([*bare.say("round\n"), *bare.get(), *bare.finish(bare.RESET)])))
    again.expect("^round$")
    for _ in range(3):
        again.send("x")
        again.expect("^round$")
    ends(rig, bare.finish(bare.RESET), 0, "--no-reboot")
    ends(rig, bare.finish(bare.RESET), 0, "--no-reboot", "--exit-from-guest")


def case_semihosting(rig):
    on = ["--semihosting", "--exit-from-guest"]
    exited, extended, run_time_error = 0x18, 0x20, 0x20023
    stopped = [bare.WFI, bare.jump("stop")]
    for code in (0, 7, 255):
        ends(rig, [*bare.semihosting(extended, [0x20026, code]), "stop", *stopped], code, *on)
        ends(rig, [*bare.semihosting(exited, [0x20026, code]), "stop", *stopped], code, *on)
    yield "exit calls give their code"
    ends(rig, [*bare.semihosting(exited, [run_time_error, 0]), "stop", *stopped], 1, *on)
    yield "any other reason is 1"
    ends(rig, [*bare.semihosting(3, argument=bare.RAM + 0x700), "stop", *bare.semihosting(extended, [0x20026, 0]), *stopped], 0, *on, out="\0")
    yield "a character is written"
    ends(rig, [*bare.semihosting(4, argument=0), *bare.semihosting(0x77, argument=0), *bare.semihosting(extended, [0x20026, 3]), "stop", *stopped],
         3, *on)
    yield "bad addresses and unknown calls do no harm"
    ends(rig, [*bare.semihosting(extended, [0x20026, 3]), "stop", *stopped], 11, "--exit-from-guest", err="vcpu 0")
    yield "without --semihosting the call is an unhandled trap"


def case_traps(rig):
    ends(rig, [bare.ILLEGAL], 11, err="vcpu 0")
    yield "an illegal instruction without a handler is 11"
    ends(rig, [*bare.li(bare.T0, 0x4000000), bare.lbu(bare.T1, bare.T0, 0)], 11, err="vcpu 0")
    yield "so is a load from nowhere"
    ends(rig, [bare.ECALL], 11, "--exit-from-guest", err="vcpu 0")
    yield "--exit-from-guest changes nothing about it"


def case_sbi(rig):
    """Programs in S mode on the built-in SBI."""
    def run(program, *args):
        return rig.run("run", "--memory", "16M", *args, rig.file("s.elf", bare.elf(program, at=bare.RAM + 0x200000)))

    for kind, reason, args, code in ((0, 0, [], 0), (0, 1, [], 10), (0, 0, ["--exit-from-guest"], 0), (1, 0, ["--no-reboot"], 0)):
        result = run(bare.sbi_reset(kind, reason), *args)
        if result.code != code or result.err.count("\n") != (code != 0):
            raise Failed(f"reset of kind {kind}, reason {reason}: {code} expected: {result}")
        yield f"reset of kind {kind}, reason {reason} {' '.join(args)} ends with {code}"


def case_no_verb(rig):
    """Options without a verb mean run, and so do the options' other forms."""
    path = rig.file("a.elf", bare.elf([*bare.say("hi\n"), *bare.finish(bare.PASS)]))
    for args in (["--bios", "none", path], ["--bios=none", f"--kernel={path}"], ["--arch", "riscv64", "--bios", "none", "--kernel", path],
                 ["run", path, "--bios", "none"]):
        result = rig.run(*args)
        if (result.code, result.out, result.err) != (0, "hi\n", ""):
            raise Failed(f"vm {' '.join(map(str, args))}: {result}")


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
