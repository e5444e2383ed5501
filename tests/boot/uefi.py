#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Debian's UEFI firmware for arm64: its shell, variables that outlive the machine, GRUB and a kernel from a disk.

    uefi.py VM [CASE...]
"""
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from vmrun import TOP, Failed, Skipped, cases_of, guest_files, main  # noqa: E402

VARIABLE = "11111111-2222-3333-4444-555555555555"
EFI_SHELL = r"Shell> \Z"


def efi_files():
    """Paths of the firmware and of a disk."""
    out = subprocess.run([TOP / "tools/guest-efi", "arm64"], capture_output=True, text=True, check=False)
    if out.returncode:
        raise Skipped("no UEFI firmware: " + (out.stderr.strip().splitlines() or ["tools/guest-efi failed"])[-1])
    return out.stdout.split()


def start(rig, *args, **options):
    return rig.start("run", "--arch", "arm64", "--bios", efi_files()[0], *args, **options)


def at_shell(vm):
    vm.expect(r"UEFI firmware \(version")
    vm.expect(r"Press ESC in \d seconds")
    vm.send("\x1b")
    vm.expect(EFI_SHELL)


def ask(vm, command, answer=None):
    vm.send(command + "\r")
    found = vm.expect(answer) if answer else None
    vm.expect(EFI_SHELL)
    return found


def case_shell(rig):
    """Without a disk the firmware ends in its shell; what it keeps is in a file that it makes itself."""
    file = rig.folder / "vars.fd"
    vm = start(rig, "--firmware-vars", file, "--vcpus", "2", "--memory", "256M")
    at_shell(vm)
    yield "reaches its shell"
    ask(vm, "ver", r"UEFI v2\.\d+ \(Debian")
    ask(vm, "memmap", r"Total Memory: +256 MB")
    ask(vm, f"setvar Probe -guid {VARIABLE} -bs -rt -nv =L\"kept\"")
    vm.send("reset\r")
    at_shell(vm)
    ask(vm, f"setvar Probe -guid {VARIABLE}", r"6B 00 65 00 70 00 74 00")
    yield "a variable outlives a reset"
    vm.send("reset -s\r")
    vm.wait(0)
    if not file.exists() or not file.stat().st_size:
        raise Failed("nothing is in the file of variables")
    vm = start(rig, "--firmware-vars", file, "--memory", "256M")
    at_shell(vm)
    ask(vm, f"setvar Probe -guid {VARIABLE}", r"6B 00 65 00 70 00 74 00")
    vm.send("reset -s\r")
    vm.wait(0)
    yield "and the machine"


def case_grub(rig):
    """Firmware, GRUB, the kernel's EFI stub, and the firmware's services while the kernel runs."""
    disk = pathlib.Path(shutil.copy(efi_files()[1], rig.folder / "disk.img"))
    vm = start(rig, "--firmware-vars", rig.folder / "vars.fd", "--disk", disk, "--net", "user", "--vcpus", "4")
    vm.expect("GRUB for arm64-efi")
    yield "the firmware starts GRUB from a disk"
    vm.expect("EFI stub: Booting Linux Kernel")
    vm.reach_shell()
    yield "GRUB starts the kernel"
    said = vm.shell("dmesg | grep -E 'ACPI.*(rror|arning|nvalid|BUG)|ACPI: (APIC|GTDT|SPCR|FACP)|Power Button'")
    if said.count("v0") != 4 or "rror" in said or "Power Button" not in said:
        raise Failed(f"of ACPI the kernel says: {said}")
    said = vm.shell("nproc; dmesg | grep -c 'efi: EFI v2'; dmesg | grep -c 'Registered efivars operations'; cat /sys/class/rtc/rtc0/name").split()
    if said[:3] != ["4", "1", "1"] or "efi" not in said[3]:
        raise Failed(f"processors, EFI, variables, clock: {said}")
    mount = "insmod /efivarfs.ko; mkdir -p /tmp/e && mount -t efivarfs none /tmp/e && ls /tmp/e | grep -q BootCurrent"
    vm.shell(mount)
    vm.shell(f"printf '\\7\\0\\0\\0kept' >/tmp/e/Probe-{VARIABLE}; tail -c 4 /tmp/e/Probe-{VARIABLE} | grep -q kept")
    vm.shell("hwclock -r")
    yield "four processors; the kernel reads and writes variables, tells the time by the firmware"
    said = vm.shell("dmesg | grep -E 'BUG:|WARNING:|Oops|Call Trace|stall|not syncing|Firmware Bug'", code=None)
    if said.strip():
        raise Failed(f"the kernel's log: {said}")
    vm.send("reboot -f\n")
    vm.expect("GRUB for arm64-efi")
    vm.reach_shell()
    vm.shell(f"{mount} && tail -c 4 /tmp/e/Probe-{VARIABLE} | grep -q kept")
    yield "reboots through the firmware; the variable is there"
    vm.send("poweroff -f\n")
    vm.wait(0)
    if vm.stderr():
        raise Failed(f"vm complains: {vm.stderr()}")
    yield "powers off with exit code 0"


def case_kernel(rig):
    """The firmware starts the kernel of the command line, with the device tree."""
    kernel, initrd = guest_files("arm64")[:2]
    vm = start(rig, "--no-acpi", "--gic-version", "2", "--vcpus", "2", "--kernel", kernel, "--initrd", initrd, "--append", "console=ttyAMA0 probe=1")
    vm.expect("EFI stub: Booting Linux Kernel")
    vm.reach_shell()
    yield "the firmware starts a kernel that comes by fw_cfg"
    said = vm.shell("dmesg | grep -c 'efi: EFI v2'; grep -c probe=1 /proc/cmdline; dmesg | grep -c 'ACPI: Interpreter disabled'; cat /sys/firmware/devicetree/base/fw-cfg@9020000/compatible")
    if said.split()[:3] != ["1", "1", "1"] or "qemu,fw-cfg-mmio" not in said:
        raise Failed(f"EFI, command line, no ACPI, device tree: {said}")
    vm.send("poweroff -f\n")
    vm.wait(0)
    yield "by the device tree"


def case_button(rig):
    """The power button, as ACPI tells it to the kernel."""
    kernel, initrd = guest_files("arm64")[:2]
    vm = start(rig, "--kernel", kernel, "--initrd", initrd, "--append", "console=ttyAMA0", tty=True)
    vm.reach_shell()
    pressed = "awk '/ACPI:Event/ { print $2 }' /proc/interrupts"
    before = int(vm.shell(pressed).split()[-1])
    vm.send("\1p")
    vm.shell(f"while [ $({pressed}) = {before} ]; do sleep 0.1; done")
    yield "Ctrl-A p presses the power button"
    vm.send("poweroff -f\n")
    vm.wait(0)


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
