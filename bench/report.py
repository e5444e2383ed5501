# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rows of figures, the tables that people read, and the goals. A class is a group of rows with one goal for their mean."""
import math
import os
import platform
from statistics import median

CLASSES = ["integer", "calls", "float", "loops", "memory", "atomic", "code", "harts", "kernel", "boot", "real",
           *(f"user-{c}" for c in ("integer", "calls", "float", "loops", "memory", "code", "threads", "kernel", "start", "real"))]
TIER0_GOAL = 250  # million guest instructions per second, on every integer program


class Row:
    """One figure: samples by who was measured ("vm", "tier0", "qemu", "native"), in the order of the rounds. `timed` rows are
    times of the same work; they count in their class."""

    def __init__(self, group, name, unit, goal=None, timed=False):
        self.group, self.name, self.unit, self.goal, self.timed = group, name, unit, goal, timed
        self.ratio_goal = None  # at most that part of QEMU's figure
        self.native_goal = None  # (a, b): at most a times the native figure plus b
        self.tier0_insns = None  # guest instructions of the samples of tier 0
        self.samples = {}

    def add(self, who, value):
        self.samples.setdefault(who, []).append(value)

    def median(self, who):
        return median(self.samples[who]) if self.samples.get(who) else None

    def ratio(self, who, other):
        """Of one to the other: the median of the rounds' own ratios, because what disturbs a round disturbs both."""
        pairs = [(v, o) for v, o in zip(self.samples.get(who, []), self.samples.get(other, [])) if o > 0]
        return median(v / o for v, o in pairs) if pairs else None

    def faster(self):
        """How many times QEMU's figure is vm's, where less is better."""
        return None if self.unit == "speed-up" else self.ratio("qemu", "vm")

    def mips(self):
        """Guest instructions a microsecond of CPU time of tier 0."""
        return self.tier0_insns / self.median("tier0") / 1e6 if self.tier0_insns and self.median("tier0") else None

    def as_json(self):
        return {"class": self.group, "name": self.name, "unit": self.unit, "timed": self.timed, "samples": self.samples,
                "median": {who: self.median(who) for who in self.samples}, "qemu_to_vm": self.faster(),
                "vm_to_native": self.ratio("vm", "native"), "qemu_to_native": self.ratio("qemu", "native"),
                "tier0_million_insns_per_s": self.mips()}


def geometric(values):
    values = [v for v in values if v and v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


class Summary:
    """Of the timed rows of a class."""

    def __init__(self, guest, group, rows):
        self.group, self.goal = group, guest.goals.get(group)
        self.rows = [r for r in rows if r.group == group and r.timed and r.faster()]
        self.faster = geometric(r.faster() for r in self.rows)
        self.slowest = min(self.rows, key=Row.faster) if self.rows else None
        self.to_native, self.qemu_to_native = (geometric(r.ratio(who, "native") for r in self.rows) for who in ("vm", "qemu"))

    def as_json(self):
        return {"class": self.group, "rows": len(self.rows), "qemu_to_vm": self.faster, "goal": self.goal, "slowest": self.slowest.name,
                "slowest_qemu_to_vm": self.slowest.faster(), "vm_to_native": self.to_native, "qemu_to_native": self.qemu_to_native}


def summaries(guest, rows):
    return [s for s in (Summary(guest, group, rows) for group in CLASSES) if s.rows]


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


def aligned(lines, left):
    """Columns as wide as their widest cell; the first `left` begin at their left."""
    lines = [lines[0], tuple("-" * len(h) for h in lines[0]), *lines[1:]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))).rstrip() for line in lines]


def table(rows):
    lines = [("class", "measure", "unit", "vm", "QEMU", "native", "tier 0", "QEMU/vm", "vm/native", "tier 0, M insns/s")]
    for row in rows:
        lines.append((row.group, row.name, row.unit, *(number(row.median(who)) for who in ("vm", "qemu", "native", "tier0")),
                      number(row.faster()), number(row.ratio("vm", "native")), number(row.mips())))
    return aligned(lines, 3)


def class_table(guest, rows):
    lines = [("class", "slowest", "its QEMU/vm", "rows", "QEMU/vm", "goal", "vm/native", "QEMU/native")]
    for s in summaries(guest, rows):
        lines.append((s.group, s.slowest.name, number(s.slowest.faster()), str(len(s.rows)), number(s.faster), number(s.goal),
                      number(s.to_native), number(s.qemu_to_native)))
    return aligned(lines, 2)


def goals(guest, rows):
    """(text, met) of each goal that was measured."""
    found = summaries(guest, rows)
    for s in found:
        if s.goal is not None:
            yield f"{s.group}: {number(s.faster)} of at least {s.goal} times QEMU's speed", s.faster >= s.goal
    slower = sorted((r for s in found for r in s.rows if r.faster() < 1), key=Row.faster)
    if found:
        names = ", ".join(f"{r.group} {r.name} {number(r.faster())}" for r in slower)
        yield "no single program slower than QEMU" + (f": {names}" if names else ""), not slower
    tier0 = [r for r in rows if r.group == "integer" and r.mips()]
    if tier0:
        slowest = min(tier0, key=Row.mips)
        speed = slowest.mips()
        yield f"integer programs, tier 0, slowest ({slowest.name}): {number(speed)} of {TIER0_GOAL} M insns/s", speed >= TIER0_GOAL
    for row in rows:
        if row.goal is not None and row.median("vm") is not None:
            yield f"{row.group}, {row.name}: {number(row.median('vm'))} of at most {row.goal} {row.unit}", row.median("vm") <= row.goal
        if row.native_goal and row.median("vm") is not None and row.median("native") is not None:
            most = row.native_goal[0] * row.median("native") + row.native_goal[1]
            yield (f"{row.group}, {row.name}: {number(row.median('vm'))} of at most {number(most)} {row.unit}, "
                   f"{row.native_goal[0]} times the native one and {row.native_goal[1]}", row.median("vm") <= most)
        part = row.ratio("vm", "qemu")
        if row.ratio_goal is not None and part is not None:
            yield f"{row.group}, {row.name}: {number(part)} of at most {row.ratio_goal} of QEMU's", part <= row.ratio_goal
