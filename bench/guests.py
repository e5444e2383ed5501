# SPDX-License-Identifier: MIT OR Apache-2.0
"""What depends on the architecture of the guest: compilers, QEMU's command lines, what Debian calls it, the goals."""
from typing import NamedTuple


class Guest(NamedTuple):
    name: str  # vm's --arch, Debian's architecture
    triple: str  # of the cross compiler
    march: list  # programs; Debian's own are built for no more
    bare: list  # further options of programs without an operating system
    bare_vm: list
    bare_qemu: list
    start: int  # where a bare program is
    machine: list  # QEMU's options
    user_qemu: list  # and in user mode
    qemu: str  # the suffix of QEMU's commands
    console: str
    vectors: bool  # the compiler may use them in the class "loops"
    goals: dict  # class -> how many times QEMU's speed vm must have in the geometric mean; classes without one have none

    def compiler(self):
        return [f"{self.triple}-gcc", *self.march]

    def sysroot(self):
        return f"/usr/{self.triple}"


RISCV64 = Guest(
    name="riscv64", triple="riscv64-linux-gnu", march=["-march=rv64gc", "-mabi=lp64d"], bare=["-mcmodel=medany"],
    bare_vm=["--bios", "none"], bare_qemu=["-bios", "none"], start=0x80000000, machine=["-M", "virt"], user_qemu=[], qemu="riscv64", console="ttyS0",
    vectors=False,
    goals={"integer": 2.5, "calls": 4, "float": 10, "loops": 5, "memory": 2.5, "code": 5, "kernel": 2.5, "boot": 3,
           "user-integer": 2.6, "user-calls": 6, "user-float": 12, "user-loops": 4.5, "user-memory": 2.2, "user-code": 10,
           "user-threads": 3, "user-start": 4, "user-real": 3})
ARM64 = Guest(
    name="arm64", triple="aarch64-linux-gnu", march=["-march=armv8-a"], bare=["-march=armv8.1-a"],
    bare_vm=["--arch", "arm64"], bare_qemu=[], start=0x40080000, machine=["-M", "virt,gic-version=3", "-cpu", "max,pauth=off"],
    user_qemu=[], qemu="aarch64", console="ttyAMA0", vectors=True,
    goals={"integer": 2.2, "calls": 4, "float": 8, "loops": 8, "memory": 2, "kernel": 4, "boot": 3,
           "user-integer": 2.2, "user-calls": 5, "user-float": 10, "user-loops": 10, "user-memory": 2, "user-real": 3})
GUESTS = {guest.name: guest for guest in (RISCV64, ARM64)}
