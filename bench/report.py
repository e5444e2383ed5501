# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rows of figures, the table that people read, and the goals."""
import math
import os
import platform
from statistics import median


class Row:
    """One figure: samples by who was measured ("vm", "tier0", "qemu", "native"), in the order of the rounds."""

    def __init__(self, group, name, unit, goal=None, insns=None):
        self.group, self.name, self.unit, self.goal, self.insns = group, name, unit, goal, insns
        self.ratio_goals = {}  # who -> times QEMU's time
        self.samples = {}

    def add(self, who, value):
        self.samples.setdefault(who, []).append(value)

    def median(self, who):
        return median(self.samples[who]) if self.samples.get(who) else None

    def ratio(self, who="vm", other="qemu"):
        """Of one to the other: the median of the rounds' own ratios, because what disturbs a round disturbs both."""
        pairs = [(v, o) for v, o in zip(self.samples.get(who, []), self.samples.get(other, [])) if o > 0]
        return median(v / o for v, o in pairs) if pairs else None

    def mips(self, who="tier0"):
        """Guest instructions a microsecond of CPU time, if the figure is a program's time."""
        return self.insns / self.median(who) / 1e6 if self.insns and self.median(who) else None

    def as_json(self):
        return {"group": self.group, "name": self.name, "unit": self.unit, "guest_insns": self.insns, "samples": self.samples,
                "median": {who: self.median(who) for who in self.samples}, "vm_to_qemu": self.ratio(),
                "tier0_to_qemu": self.ratio("tier0"), "tier0_million_insns_per_s": self.mips()}


def geometric(values):
    values = [v for v in values if v and v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def machine():
    model = "unknown"
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith(("model name", "Model", "uarch"))]
            model = names[0] if names else model
    except OSError:
        pass
    return {"cpu": model, "cpus": len(os.sched_getaffinity(0)), "arch": platform.machine(), "kernel": platform.release()}


def number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


HEAD = ("group", "measure", "unit", "vm", "tier 0", "QEMU", "native", "vm/QEMU", "tier 0/QEMU", "tier 0, M insns/s")


def table(rows):
    lines = [HEAD, tuple("-" * len(h) for h in HEAD)]
    for row in rows:
        lines.append((row.group, row.name, row.unit, *(number(row.median(who)) for who in ("vm", "tier0", "qemu", "native")),
                      number(row.ratio()), number(row.ratio("tier0")), number(row.mips())))
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    for line in lines:
        yield "  ".join(cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))).rstrip()


NAMES = {"vm": "vm", "tier0": "tier 0"}


def summary(rows):
    for group in dict.fromkeys(r.group for r in rows if r.insns):
        members = [r for r in rows if r.group == group and r.insns]
        for who, name in NAMES.items():
            speed, qemu, native = (geometric(f(r) for r in members) for f in (
                lambda r, w=who: r.mips(w), lambda r, w=who: r.ratio(w), lambda r, w=who: r.ratio(w, "native")))
            yield (f"{group}, {name}: geometric mean {number(speed)} M insns/s, {number(qemu)} times QEMU's time, "
                   f"{number(native)} times native time")
    for who, name in NAMES.items():
        timed = [r for r in rows if r.unit == "CPU s" and r.ratio(who) is not None]  # programs and the boot
        if timed:
            worst = max(timed, key=lambda r, w=who: r.ratio(w))
            yield f"{name}, slowest against QEMU: {worst.group} {worst.name}, {number(worst.ratio(who))} times its time"


TIER0_GOAL = 250  # million guest instructions per second, on every integer program


def goals(rows):
    """(text, met) of each goal that was measured."""
    integer = [r for r in rows if r.group == "integer" and r.mips()]
    if integer:
        slowest = min(integer, key=lambda r: r.mips())
        speed = slowest.mips()
        yield f"integer programs, tier 0, slowest ({slowest.name}): {number(speed)} of {TIER0_GOAL} M insns/s", speed >= TIER0_GOAL
    for row in rows:
        if row.goal is not None and row.median("vm") is not None:
            yield f"{row.group}, {row.name}: {number(row.median('vm'))} of at most {row.goal} {row.unit}", row.median("vm") <= row.goal
        for who, most in row.ratio_goals.items():
            if row.ratio(who) is not None:
                ratio = row.ratio(who)
                yield f"{row.group}, {row.name}, {NAMES[who]}: {number(ratio)} of at most {most} times QEMU's time", ratio <= most
