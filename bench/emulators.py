# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command lines of what is compared, for a bare program and for a kernel: vm as it is by default, its tier 0 alone, QEMU."""
import subprocess

MIB = 1 << 20
BARE_MEMORY, KERNEL_MEMORY = 128 * MIB, 512 * MIB


class Vm:
    def __init__(self, path, name="vm", options=()):
        self.path, self.name, self.options = path, name, options

    def version(self):
        return subprocess.run([self.path, "version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]

    def bare(self, elf, harts=1):
        return [self.path, "run", "--bios", "none", "--kernel", elf, "--memory", f"{BARE_MEMORY // MIB}M", "--vcpus", harts,
                "--exit-from-guest", *self.options]

    def kernel(self, image, initrd, append):
        return [self.path, "run", "--kernel", image, "--initrd", initrd, "--append", append, "--memory", f"{KERNEL_MEMORY // MIB}M",
                *self.options]


def tier0(path):
    return Vm(path, "tier0", ("--mode", "interpreter"))


class Qemu:
    name = "qemu"
    path = "qemu-system-riscv64"

    def version(self):
        return subprocess.run([self.path, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]

    def common(self, memory):
        return [self.path, "-M", "virt", "-m", f"{memory // MIB}M", "-nodefaults", "-display", "none", "-serial", "stdio"]

    def bare(self, elf, harts=1):
        return [*self.common(BARE_MEMORY), "-bios", "none", "-kernel", elf, "-smp", harts]

    def kernel(self, image, initrd, append):
        return [*self.common(KERNEL_MEMORY), "-kernel", image, "-initrd", initrd, "-append", append]
