# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command lines of what is compared, for a bare program and for a kernel: vm as it is by default, its tier 0 alone, QEMU."""
import subprocess

MIB = 1 << 20
BARE_MEMORY, KERNEL_MEMORY = 128 * MIB, 512 * MIB


class Vm:
    def __init__(self, guest, path, name="vm", options=()):
        self.guest, self.path, self.name, self.options = guest, path, name, options

    def version(self):
        return subprocess.run([self.path, "version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]

    def bare(self, elf, harts=1):
        return [self.path, "run", *self.guest.bare_vm, "--kernel", elf, "--memory", f"{BARE_MEMORY // MIB}M", "--vcpus", harts,
                "--exit-from-guest", *self.options]

    def kernel(self, image, initrd, append):
        return [self.path, "run", "--arch", self.guest.name, "--kernel", image, "--initrd", initrd, "--append", append,
                "--memory", f"{KERNEL_MEMORY // MIB}M", *self.options]


def tier0(guest, path):
    return Vm(guest, path, "tier0", ("--mode", "interpreter"))


class Qemu:
    name = "qemu"

    def __init__(self, guest):
        self.guest, self.path = guest, f"qemu-system-{guest.qemu}"

    def version(self):
        return subprocess.run([self.path, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]

    def common(self, memory):
        return [self.path, *self.guest.machine, "-m", f"{memory // MIB}M", "-nodefaults", "-display", "none", "-serial", "stdio"]

    def bare(self, elf, harts=1):
        return [*self.common(BARE_MEMORY), *self.guest.bare_qemu, "-kernel", elf, "-smp", harts]

    def kernel(self, image, initrd, append):
        return [*self.common(KERNEL_MEMORY), "-kernel", image, "-initrd", initrd, "-append", append]
