#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Firmware from Debian's packages: OpenSBI in its forms, U-Boot in machine mode and on OpenSBI.

    firmware.py VM [CASE...]
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from vmrun import Failed, cases_of, guest_files, main, needs  # noqa: E402

OPENSBI = pathlib.Path("/usr/lib/riscv64-linux-gnu/opensbi/generic")
UBOOT = pathlib.Path("/usr/lib/u-boot")
UBOOT_PROMPT = r"^=> \Z"


def linux_on(rig, firmware, vcpus):
    needs(firmware)
    kernel, initrd, _ = guest_files()
    vm = rig.start("run", "--bios", firmware, "--kernel", kernel, "--initrd", initrd, "--append", "console=ttyS0", "--vcpus", vcpus)
    vm.expect(r"OpenSBI v[\d.]+")
    for line in (r"Platform HART Count +: (\d+)", r"Domain0 Boot HART +: \d+"):
        found = vm.expect(line)
        if found.groups() and int(found[1]) != vcpus:
            raise Failed(f"OpenSBI counts {found[1]} harts, not {vcpus}")
    yield "OpenSBI starts and counts the harts"
    vm.reach_shell()
    said = vm.shell("nproc; dmesg | grep -c 'SBI implementation ID=0x1'").split()
    if said != [str(vcpus), "1"]:
        raise Failed(f"processors, then lines that name OpenSBI: {said}")
    yield "the kernel runs on it, on every processor"
    vm.shell("for i in 1 2 3; do sleep 0.1; done; test $(awk '/timer/ {print $2; exit}' /proc/interrupts) -gt 10")
    said = vm.shell("dmesg | grep -E 'BUG:|WARNING:|Oops|Call Trace|stall|not syncing'", code=None)
    if said.strip():
        raise Failed(f"the kernel's log: {said}")
    return vm


def case_opensbi_dynamic(rig):
    """fw_dynamic learns from the reset ROM where the kernel is; power-off and reboot go through OpenSBI."""
    vm = yield from linux_on(rig, OPENSBI / "fw_dynamic.bin", 2)
    vm.send("reboot -f\n")
    vm.expect(r"OpenSBI v[\d.]+")
    vm.expect("^~ # ")
    yield "reboots through it"
    vm.send("poweroff -f\n")
    vm.wait(0)
    yield "powers off through it"


def case_opensbi_jump(rig):
    """fw_jump, as an ELF file, jumps to where the kernel must lie."""
    vm = yield from linux_on(rig, OPENSBI / "fw_jump.elf", 1)
    vm.send("poweroff -f\n")
    vm.wait(0)
    yield "powers off through it"


def case_opensbi_alone(rig):
    """Firmware with nothing to start still shows its banner."""
    vm = rig.start("run", "--bios", needs(OPENSBI / "fw_dynamic.bin"), "--vcpus", "4", "--memory", "64M")
    vm.expect(r"OpenSBI v[\d.]+")
    vm.expect(r"Platform HART Count +: 4")
    yield "four harts in 64 MiB"


def at_prompt(vm):
    vm.expect(r"U-Boot \d{4}\.\d\d")
    vm.expect(r"Hit any key")
    vm.send("\n")
    vm.expect(UBOOT_PROMPT)


def ask(vm, command, answer):
    vm.send(command + "\n")
    found = vm.expect(answer)
    vm.expect(UBOOT_PROMPT)
    return found


def case_uboot_machine_mode(rig):
    """U-Boot as the firmware itself, without anything else."""
    vm = rig.start("run", "--bios", needs(UBOOT / "qemu-riscv64/u-boot.bin"), "--memory", "128M")
    at_prompt(vm)
    yield "reaches its prompt"
    ask(vm, "version", r"^U-Boot \d{4}\.\d\d")
    ask(vm, "bdinfo", r"size += 0x0*8000000$")
    ask(vm, "setenv a 6; setexpr b ${a} * 7; echo result ${b}", r"^result 2a$")
    yield "answers; sees 128 MiB"
    vm.send("poweroff\n")
    vm.wait(0)
    yield "powers off"


def case_uboot_on_opensbi(rig):
    """OpenSBI starts U-Boot in supervisor mode, which reads a file from a disk and asks the network for an address."""
    disk = rig.file("disk.img", b"magic words\n", size=16 << 20)
    vm = rig.start("run", "--bios", needs(OPENSBI / "fw_jump.elf"), "--kernel", needs(UBOOT / "qemu-riscv64_smode/uboot.elf"), "--vcpus", "2",
                   "--disk", disk, "--net", "user")
    vm.expect(r"OpenSBI v[\d.]+")
    at_prompt(vm)
    yield "reaches its prompt"
    ask(vm, "version", r"^U-Boot \d{4}\.\d\d")
    ask(vm, "virtio scan; virtio info", r"Capacity: 16.0 MB")
    ask(vm, "virtio read 84000000 0 1; md.b 84000000 c", r"magic words")
    yield "answers; reads the disk"
    ask(vm, "setenv autoload no; dhcp", r"DHCP client bound to address 10\.0\.2\.15")
    yield "gets an address by DHCP"
    vm.send("reset\n")
    vm.expect(r"OpenSBI v[\d.]+")
    vm.expect(r"Hit any key")
    yield "resets the machine"


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
