# SPDX-License-Identifier: MIT OR Apache-2.0
"""Figures of whole machines: process start, the kernel's boot to init, memory, an idle guest."""
import importlib.machinery
import pathlib
import subprocess
import time

import measure
import programs
from emulators import KERNEL_MEMORY
from report import Row

TOP = pathlib.Path(__file__).resolve().parent.parent
MARK = "bench-init"
IDLE_SETTLE_S, IDLE_S = 3, 10


def starts(guest, emulators, folder, rounds):
    """A process from its creation to the guest's first character."""
    elf = programs.build_first(guest, folder)
    cpu = Row("start", "first output", "CPU ms", goal=10)
    wall = Row("start", "first output", "wall ms")
    for number in range(rounds):
        for emulator in emulators[:: 1 - number % 2 * 2]:
            with measure.Running(emulator.bare(elf), ".") as running:
                cpu.add(emulator.name, running.cpu_at_mark * 1e3)
                wall.add(emulator.name, running.wall_at_mark * 1e3)
    return [cpu, wall]


def kernel_image(guest):
    """Debian's kernel."""
    out = subprocess.run([TOP / "tools/guest-files", guest.name], stdout=subprocess.PIPE, text=True, check=False)
    if out.returncode:
        raise measure.Failed("tools/guest-files gave no kernel")
    return out.stdout.splitlines()[0]


def archive():
    """An initramfs that has a console; its writer is part of a script without a suffix."""
    writer = importlib.machinery.SourceFileLoader("make_initramfs", str(TOP / "tools/make-initramfs")).load_module()
    cpio = writer.Cpio()
    cpio.add("dev", 0o040755)
    cpio.add("dev/console", 0o020600, device=(5, 1))
    return cpio


class Guest:
    """Debian's kernel with an initramfs of one program."""

    def __init__(self, guest, folder, init=None):
        self.image, self.console = kernel_image(guest), guest.console
        init = init or programs.build_init(guest, folder)
        self.initrd = folder / f"{init.name}.cpio"
        cpio = archive()
        cpio.add("init", 0o100755, init.read_bytes())
        self.initrd.write_bytes(cpio.finish())

    def argv(self, emulator, *append):
        return emulator.kernel(self.image, self.initrd, " ".join([f"console={self.console}", *append]))


def boots(emulators, guest, rounds):
    """Power on to power off, which init asks for at once. Tier 0 once."""
    cpu = Row("boot", "Debian's kernel to init", "CPU s", timed=True)
    wall = Row("boot", "Debian's kernel to init", "wall s")
    peak = Row("memory", "peak resident, that boot", "MiB")
    for number in range(rounds):
        for emulator in emulators[:: 1 - number % 2 * 2]:
            if emulator.name == "tier0" and number:
                continue
            cost = measure.run(guest.argv(emulator))
            if MARK not in cost.output:
                raise measure.Failed(f"{emulator.name}: the kernel did not reach init: {cost.output[-500:]}")
            cpu.add(emulator.name, cost.cpu)
            wall.add(emulator.name, cost.wall)
            peak.add(emulator.name, cost.peak / 2**20)
    return [cpu, wall, peak]


def idle(emulators, guest):
    """Each boots to an init that sleeps; all sleep at the same time. Their memory is looked at meanwhile."""
    own = Row("memory", "own, peak of a boot", "MiB", goal=16)
    resident = Row("memory", f"resident at init, {KERNEL_MEMORY >> 20} MiB guest", "MiB")
    resident.ratio_goal = 0.5
    used = Row("idle", "idle guest, 10 s", "CPU ms/s")
    running = []
    try:
        for emulator in emulators:
            peak = []
            argv = guest.argv(emulator, "-- idle")
            running.append(measure.Running(argv, MARK, lambda r, p=peak: p.append(r.own_memory(KERNEL_MEMORY))))
            peak.append(running[-1].own_memory(KERNEL_MEMORY))
            own.add(emulator.name, max(peak) / 2**20)
        for emulator, r in zip(emulators, running):
            resident.add(emulator.name, r.resident() / 2**20)
        time.sleep(IDLE_SETTLE_S)
        before = [r.cpu() for r in running]
        time.sleep(IDLE_S)
        for emulator, r, at in zip(emulators, running, before):
            used.add(emulator.name, (r.cpu() - at) * 1e3 / IDLE_S)
    finally:
        for r in running:
            r.close()
    return [resident, own, used]
