# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rounds over the bare programs: in each, every program runs on every emulator and natively, the emulators in turns first."""
import platform
import re
import time

import measure
import programs
import report
from programs import Job

CAN_WRITE_CODE = ("x86_64", "aarch64", "riscv64")  # hosts that rt/code.h has an assembler for


class Programs:
    def __init__(self, guest, emulators, folder, wanted):
        self.emulators, self.wrong = [e for e in emulators if e.name != "tier0"], []
        self.tier0 = [e for e in emulators if e.name == "tier0"]
        chosen = [p for p in programs.PROGRAMS if p.group in wanted]
        scaled = [p for p in programs.PROGRAMS if p.name in programs.SCALED] if "harts" in wanted else []
        self.jobs = list(dict.fromkeys([*(Job(p) for p in chosen), *(Job(p, short=True) for p in chosen if p.short),
                                        *(Job(p, h) for p in scaled for h in (1, programs.HARTS))]))
        self.guest = {job: programs.build_guest(guest, folder, job) for job in self.jobs}
        self.native = {job: programs.build_native(folder, job) for job in self.jobs
                       if job.program.group != "code" or platform.machine() in CAN_WRITE_CODE}
        empty = programs.build_native(folder, Job(programs.EMPTY))
        self.native_start = report.median(measure.run([empty]).cpu for _ in range(9))
        self.costs = {}  # (job, who) -> costs, one a round
        self.insns = {}

    def take(self, job, who, argv):
        """Runs once; returns the check value."""
        cost = measure.run(argv) if who == "native" else measure.run_bare(argv)
        self.costs.setdefault((job, who), []).append(cost)
        check = re.search(r"^check 0*([0-9a-f]+)$", cost.output, re.M)
        insns = re.search(r"^insns ([0-9a-f]+)$", cost.output, re.M)
        if who == "tier0" and insns:  # vm retires insns exactly; QEMU's counter is a clock; arm64's programs have none
            self.insns[job] = int(insns[1], 16)
        return check[1] if check else f"nothing ({cost.output[-80:].strip()!r})"

    def play(self, job, number):
        """Natively first: its check value is what the others' must be. On a host without it, vm's and QEMU's must agree."""
        checks = {"native": self.take(job, "native", [self.native[job]])} if job in self.native else {}
        everybody = self.tier0 if job.short else self.emulators
        for emulator in everybody[:: 1 - number % 2 * 2]:
            checks[emulator.name] = self.take(job, emulator.name, emulator.bare(self.guest[job], job.harts))
        right = next(iter(checks.values()))
        self.wrong += [f"{job.program.name} on {job.harts} hart(s): {who} computed {check}, not {right}"
                       for who, check in checks.items() if check != right]

    def run(self, rounds, budget):
        """A round that would end after `budget` seconds does not begin."""
        begin = time.monotonic()
        for number in range(rounds):
            if number and (time.monotonic() - begin) * (number + 1) / number > budget:
                break
            measure.say(f"programs, round {number + 1}")
            for job in self.jobs:
                self.play(job, number)

    def samples(self, job, who, field):
        """Seconds; natively without what an empty process costs."""
        least = self.native_start if who == "native" else 0
        return [max(getattr(c, field) - least, 1e-4) for c in self.costs.get((job, who), [])]

    def rows(self, wanted):
        for job in self.jobs:
            program = job.program
            if job.harts > 1:
                yield from self.scaling(job)
            elif not job.short and program.group in wanted:
                row = report.Row(program.group, program.name, "CPU s", timed=True)
                row.samples = {who: self.samples(job, who, "cpu") for who in ("vm", "qemu", "native")}
                short = Job(program, short=True)
                row.samples["tier0"], row.tier0_insns = self.samples(short, "tier0", "cpu"), self.insns.get(short)
                yield row

    def scaling(self, job):
        """Every hart does all rounds, so the ideal is the time of one hart."""
        time_row = report.Row("harts", f"{job.program.name}, {job.harts} harts", "wall s", timed=True)
        speed_up = report.Row("harts", f"{job.program.name}, {job.harts} harts", "speed-up")
        alone = Job(job.program)
        for who in ("vm", "qemu"):
            time_row.samples[who] = self.samples(job, who, "wall")
            for one, both in zip(self.samples(alone, who, "wall"), time_row.samples[who]):
                speed_up.add(who, job.harts * one / both * job.rounds() / alone.rounds())
        return [time_row, speed_up]
