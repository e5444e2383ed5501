# SPDX-License-Identifier: MIT OR Apache-2.0
"""User mode: programs of another architecture as processes, run by vm-user, by QEMU's user mode and, built for it, by the host itself, in
turns. A process is measured as a whole, by what the kernel says it cost when it has ended, its children and the emulator's start included;
from the programs of bench/programs the cost of an empty one is taken off."""
import platform
import shutil
import time
import zlib
from typing import NamedTuple

import bare
import measure
import programs
import real
import report

GROUPS = {"integer": "user-integer", "calls": "user-calls", "float": "user-float", "loops": "user-loops", "memory": "user-memory",
          "code": "user-code", "atomic": "user-threads"}
THREADS = {"locks": 5_000_000, "contended": 6_000_000, "atomics": 8_000_000, "items": 500_000, "barriers": 60_000, "readers": 2_000_000,
           "heap": 500_000}  # parts of guest/threads.c, so that QEMU needs about a second
KERNEL = {  # parts of guest/kernel.c: class, rounds
    "threads": ("user-threads", 3_000), "futex": ("user-threads", 60_000), "syscalls": ("user-kernel", 1_000_000),
    "clock": ("user-kernel", 4_000_000), "signals": ("user-kernel", 100_000), "files": ("user-kernel", 30_000),
    "faults": ("user-kernel", 80), "protection": ("user-kernel", 20_000), "fork": ("user-kernel", 150), "exec": ("user-kernel", 30),
    "pipes": ("user-kernel", 20_000), "switches": ("user-kernel", 40_000)}
GETPID, GETPID_ROUNDS = "syscalls", KERNEL["syscalls"][1]
STARTS = 20  # of a process, in a round
EMPTY = "an empty program"


class Runner:
    """Somebody who runs programs; prefix: the command line's words before the program's own."""

    def __init__(self, name, *prefix):
        self.name, self.prefix = name, [str(word) for word in prefix]

    def version(self):
        return measure.run([self.prefix[0], "--version"]).output.splitlines()[0]


class Work(NamedTuple):
    """One row: the commands that it is, for the guest's architecture and, or None, for the host's."""

    group: str
    name: str
    guest: list
    native: list
    times: int = 1
    less: bool = False  # without what an empty program costs
    sysroot: bool = False
    emulated: bool = False  # the last argument is the emulator
    cwd: object = None
    env: object = None


def cross(guest, folder, name, source, *options):
    """For the guest and for the host."""
    return tuple(str(programs.compile_to(folder / out, [*compiler, *programs.HOSTED[:4], *options], source))
                 for out, compiler in ((name, guest.compiler()), (f"{name}.native", programs.HOST)))


def program_works(guest, folder, wanted):
    native = platform.machine() in bare.CAN_WRITE_CODE
    for program in [p for p in programs.PROGRAMS if GROUPS.get(p.group) in wanted] + [programs.EMPTY]:
        job, here = programs.Job(program, user=True), native or program.group != "code"
        yield Work(GROUPS.get(program.group, EMPTY), program.name, [[programs.build_user(guest, folder, job)]],
                   [[programs.build_native(folder, job)]] if here else None, less=program is not programs.EMPTY,
                   times=5 if program is programs.EMPTY else 1)


def hosted_works(arch, folder, wanted):
    guest, native = cross(arch, folder, "user-threads", programs.HERE / "guest/threads.c", "-static", "-pthread")
    for part, rounds in THREADS.items() if "user-threads" in wanted else ():
        yield Work("user-threads", part, [[guest, part, str(rounds)]], [[native, part, str(rounds)]])
    guest, native = cross(arch, folder, "user-kernel", programs.HERE / "guest/kernel.c", "-static", "-pthread")
    for part, (group, rounds) in KERNEL.items():
        if group in wanted:
            words = ["part", part, str(rounds)]
            yield Work(group, part, [[guest, *words]], [[native, *words]], emulated=part == "exec")
    for kind, options in (("static", ["-static"]), ("dynamic", [])) if "user-start" in wanted else ():
        guest, native = cross(arch, folder, f"user-true-{kind}", programs.HERE / "guest/true.c", *options)
        yield Work("user-start", f"true, {kind}", [[guest]], [[native]], times=STARTS, sysroot=kind == "dynamic")


def real_works(arch, folder):
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise real.Skipped("real programs come from Debian's archive, which needs apt-get and dpkg-deb")
    data = folder / "real-data"
    real.write_data(arch, data)
    guest = real.HostTree(arch, folder, data, arch.name)
    native = real.HostTree(arch, folder, data) if platform.machine() in real.NATIVE_ARCH else None
    for job in real.JOBS:
        for tree in filter(None, (guest, native)):
            tree.commands = [tree.argv(command) for command in job.commands]
        yield Work("user-real", job.name, guest.commands, native.commands if native else None, cwd=data, env=guest.env())


class Processes:
    def __init__(self, guest, emulators, folder, wanted):
        self.emulators, self.wrong, self.skipped, self.costs = emulators, [], [], {}
        self.works = [*hosted_works(guest, folder, wanted), *(program_works(guest, folder, wanted) if wanted & {*GROUPS.values()} else ())]
        if "user-real" in wanted:
            try:
                self.works += real_works(guest, folder)
            except real.Skipped as why:
                self.skipped.append(f"user-real: {why}")

    def take(self, work, who):
        """Runs it; returns the check value. Costs are CPU and wall seconds of one run."""
        cpu = wall = check = 0
        prefix = [*who.prefix, *(who.sysroot if work.sysroot else ())] if who else []
        rest = [who.reference] if who and work.emulated and who.reference else []
        for command in (work.guest if who else work.native) * work.times:
            begin = time.monotonic()
            cost, output = measure.run_raw([*prefix, *(str(word) for word in command), *rest], cwd=work.cwd, env=work.env)
            cpu, wall, check = cpu + cost, wall + time.monotonic() - begin, zlib.crc32(output, check)
        self.costs.setdefault((work.group, work.name, who.name if who else "native"), []).append((cpu / work.times, wall / work.times))
        return check

    def play(self, work, number):
        checks = {"native": self.take(work, None)} if work.native else {}
        for emulator in self.emulators[:: 1 - number % 2 * 2]:
            checks[emulator.name] = self.take(work, emulator)
        right = next(iter(checks.values()))
        self.wrong += [f"{work.group}, {work.name}: {who} computed something else" for who, check in checks.items() if check != right]

    def run(self, rounds, budget):
        begin = time.monotonic()
        for number in range(rounds):
            if number and (time.monotonic() - begin) * (number + 1) / number > budget:
                break
            measure.say(f"user mode, round {number + 1}")
            for work in self.works:
                try:
                    self.play(work, number)
                except (measure.Failed, OSError) as problem:
                    self.wrong.append(str(problem))

    def samples(self, work, who, field):
        least = report.median(c[field] for c in self.costs.get((EMPTY, programs.EMPTY.name, who), [(0, 0)])) if work.less else 0
        return [max(cost[field] - least, 1e-4) for cost in self.costs.get((work.group, work.name, who), [])]

    def row(self, work, unit, factor, field=0):
        row = report.Row(work.group, work.name, unit, timed=not field)
        row.samples = {who: [factor * s for s in self.samples(work, who, field)] for who in ("vm", "qemu", "native")}
        return row

    def rows(self):
        for work in self.works:
            if work.group == "user-start":
                yield self.row(work, "CPU ms", 1e3)
                yield self.row(work, "wall ms", 1e3, field=1)
            elif work.group in report.CLASSES:
                yield self.row(work, "CPU s", 1)
            if work.name == GETPID and work.group == "user-kernel":
                row = self.row(work, "ns", 1e9 / GETPID_ROUNDS)
                row.name, row.timed, row.native_goal = "one getpid()", False, (2, 100)
                yield row


def emulators(guest, vm):
    """vm-user lies beside the command that was built."""
    reference = f"qemu-{guest.qemu}"
    found = [Runner("vm", vm.with_name("vm-user")), Runner("qemu", reference, *guest.user_qemu)]
    for runner, option in zip(found, ("--sysroot", "-L")):
        runner.sysroot, runner.reference = [option, guest.sysroot()], None
    found[1].reference = shutil.which(reference)  # it executes programs of its guest only where binfmt_misc has it
    return found
