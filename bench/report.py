# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rows of figures, the table that people read, and the goals."""
import math
import os
import platform
from statistics import median


class Row:
    """One figure: samples by who was measured ("vm", "qemu", "native"), in the order of the rounds."""

    def __init__(self, group, name, unit, goal=None, insns=None):
        self.group, self.name, self.unit, self.goal, self.insns = group, name, unit, goal, insns
        self.ratio_goal = None
        self.samples = {}

    def add(self, who, value):
        self.samples.setdefault(who, []).append(value)

    def median(self, who):
        return median(self.samples[who]) if self.samples.get(who) else None

    def ratio(self, other="qemu"):
        """Of vm to the other: the median of the rounds' own ratios, because what disturbs a round disturbs both."""
        pairs = [(v, o) for v, o in zip(self.samples.get("vm", []), self.samples.get(other, [])) if o > 0]
        return median(v / o for v, o in pairs) if pairs else None

    def mips(self, who="vm"):
        """Guest instructions a microsecond of CPU time, if the figure is a program's time."""
        return self.insns / self.median(who) / 1e6 if self.insns and self.median(who) else None

    def as_json(self):
        return {"group": self.group, "name": self.name, "unit": self.unit, "guest_insns": self.insns, "samples": self.samples,
                "median": {who: self.median(who) for who in self.samples}, "vm_to_qemu": self.ratio(), "million_insns_per_s": self.mips()}


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


HEAD = ("group", "measure", "unit", "vm", "QEMU", "vm/QEMU", "native", "vm, M insns/s")


def table(rows):
    lines = [HEAD, tuple("-" * len(h) for h in HEAD)]
    for row in rows:
        lines.append((row.group, row.name, row.unit, number(row.median("vm")), number(row.median("qemu")), number(row.ratio()),
                      number(row.median("native")), number(row.mips())))
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    for line in lines:
        yield "  ".join(cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))).rstrip()


def timed(rows):
    """Rows whose ratio says how much slower vm is: times of programs and of the boot."""
    return [r for r in rows if r.unit == "CPU s" and r.ratio() is not None]


def summary(rows):
    for group in dict.fromkeys(r.group for r in rows if r.insns):
        members = [r for r in rows if r.group == group and r.insns]
        speed, ratio = geometric(r.mips() for r in members), geometric(r.ratio() for r in members)
        native = geometric(r.ratio("native") for r in members)
        yield f"{group}: geometric mean {number(speed)} M insns/s, {number(ratio)} times QEMU's time, {number(native)} times native time"
    if timed(rows):
        worst = max(timed(rows), key=lambda r: r.ratio())
        yield f"slowest against QEMU: {worst.group} {worst.name}, {number(worst.ratio())} times its time"


TIER0_GOAL = 250  # million guest instructions per second, on every integer program


def goals(rows):
    """(text, met) of each goal that was measured."""
    integer = [r for r in rows if r.group == "integer" and r.mips()]
    if integer:
        slowest = min(integer, key=lambda r: r.mips())
        yield f"integer programs, slowest ({slowest.name}): {number(slowest.mips())} of {TIER0_GOAL} M insns/s", slowest.mips() >= TIER0_GOAL
    for row in rows:
        if row.goal is not None and row.median("vm") is not None:
            yield f"{row.group}, {row.name}: {number(row.median('vm'))} of at most {row.goal} {row.unit}", row.median("vm") <= row.goal
        if row.ratio_goal is not None and row.ratio() is not None:
            yield f"{row.group}, {row.name}: {number(row.ratio())} of at most {row.ratio_goal} times QEMU's time", row.ratio() <= row.ratio_goal
