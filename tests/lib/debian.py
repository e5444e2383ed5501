# SPDX-License-Identifier: MIT OR Apache-2.0
"""A Debian guest (tools/make-rootfs) for the slow tests: boots it to its login prompt, logs in, asks its shell, judges its logs, powers
it off. Used by tools/test-rootfs and tools/test-debian; tests/lib/vmrun.py says what a case is.
"""
import re
import subprocess
import sys
import time

import vmrun
from vmrun import Failed, Points

ARCH = "riscv64"  # of the guest
PROMPT = r"root@vm:~# \Z"
BOOT_S = 900  # the interpreter alone needs that long on a busy machine
# Never all right, whatever the distribution; other complaints are shown only.
BAD = r"BUG:|WARNING:|Oops|Call Trace|stall|hung task|soft lockup|Unhandled|unhandled signal|illegal instruction|I/O error|EXT4-fs error|segfault|not syncing"


def base_image(vm):
    """Path of the file system that packages' own scripts have configured; made the first time."""
    made = subprocess.run([vmrun.TOP / "tools/make-rootfs", vm, ARCH], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        raise Failed("tools/make-rootfs failed")
    return made.stdout.strip()


def copy(image, target):
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", image, target], check=True)
    return target


def boot(rig, image, *options):
    kernel, _, initrd = vmrun.guest_files(ARCH)
    return rig.start("run", "--arch", ARCH, "--kernel", kernel, "--initrd", initrd, "--append", f"console={vmrun.CONSOLES[ARCH]} vm.root=/dev/vda",
                     "--disk", image, "--net", "user", *options)


def log_in(vm, start):
    """From power-on to root's prompt; start: when the machine was started."""
    for what, pattern in (("the kernel", "Linux version"), ("the initramfs", "Run /init"), ("systemd", r"Welcome to .*Debian"), ("the prompt", r"login: \Z")):
        vm.expect(pattern, BOOT_S)
        Points.note(f"{what} after {time.monotonic() - start:.1f} s, {vm.cpu_seconds():.1f} s of CPU time")
    vm.send("root\n")
    vm.expect(PROMPT)
    # Lines must not break where a terminal's would, and the kernel must not talk in between.
    vm.shell("stty cols 999; dmesg -n 1; unset PROMPT_COMMAND; bind 'set enable-bracketed-paste off'; export TERM=dumb PAGER=cat SYSTEMD_COLORS=0", prompt=PROMPT)
    Points.note(f"logged in after {time.monotonic() - start:.1f} s, {vm.cpu_seconds():.1f} s of CPU time")
    failed = re.findall(r"^\[FAILED\].*|^\[DEPEND\].*|^\[ *TIME *\].*", vm.text, re.M)
    if failed:
        raise Failed(f"while booting: {failed}")


def ask(vm, command, pattern=None, seconds=vmrun.LIMIT_S, code=0):
    """Runs a command in the guest; returns its output, in which the pattern must be found."""
    said = vm.shell(command, seconds, PROMPT, code).strip()
    if pattern and not re.search(pattern, said):
        raise Failed(f"{command}: {pattern!r} expected: {said[-500:]!r}")
    return said


def complaints(vm):
    """What the kernel and systemd found worth a warning; some of it ends the test."""
    said = ask(vm, "dmesg --level=emerg,alert,crit,err,warn", code=None)
    Points.note("the kernel's warnings:\n" + said)
    journal = ask(vm, "journalctl -b --no-pager -q -p warning -o cat _TRANSPORT=journal + _TRANSPORT=stdout + _TRANSPORT=syslog", code=None)
    Points.note("the journal's warnings:\n" + journal)
    bad = ask(vm, f"dmesg | grep -E '{BAD}'", code=None)
    if bad:
        raise Failed(f"the kernel's log: {bad}")
    yield "the kernel's log holds nothing that must not be there"


def power_off(vm, image):
    vm.send("systemctl poweroff\n")
    start = time.monotonic()
    vm.wait(0, 600)
    Points.note(f"power-off after {time.monotonic() - start:.1f} s")
    if vm.stderr():
        raise Failed(f"vm complains: {vm.stderr()}")
    done = subprocess.run(["e2fsck", "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failed(f"the file system afterwards: {done.stdout}")
    yield "powers off with exit code 0, the file system is clean"


def main(doc, cases):
    """vmrun's main(), behind options in front: --mode MODE, how every machine runs guest code; --arch ARCH, the guest's."""
    global ARCH
    while sys.argv[1:2] in (["--mode"], ["--arch"]) and len(sys.argv) > 2:
        if sys.argv[1] == "--mode":
            vmrun.MODE = sys.argv[2]
        else:
            ARCH = sys.argv[2]
        del sys.argv[1:3]
    if ARCH not in vmrun.CONSOLES:
        sys.exit(f"unknown architecture {ARCH} ({', '.join(vmrun.CONSOLES)})")
    return vmrun.main(doc, cases, summary=True)
