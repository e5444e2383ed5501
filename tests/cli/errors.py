#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a user may get wrong: one clear line on standard error, nothing on standard output, the right exit code, at once.

    errors.py VM [CASE...]
"""
import os
import pathlib
import re
import secrets
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import bare  # noqa: E402
from vmrun import LIMIT_S, Failed, Skipped, cases_of, main  # noqa: E402

USAGE, CONFIG, NOT_FOUND, CONFLICT, PERMISSION, CORRUPT = 2, 3, 4, 5, 6, 14


def refused(rig, args, code, *wanted):
    """Runs vm with the arguments; every pattern wanted must be in its one line."""
    shown = " ".join(map(str, args))[:200]
    result = rig.run(*args)
    if result.code != code:
        raise Failed(f"vm {shown}: {code} expected: {result}")
    if result.out:
        raise Failed(f"vm {shown}: something on standard output: {result.out[:200]!r}")
    if not re.fullmatch(r"vm: [^\n]{3,400}\n", result.err):
        raise Failed(f"vm {shown}: not one line of reasonable length: {result.err!r}")
    for pattern in wanted:
        if not re.search(pattern, result.err):
            raise Failed(f"vm {shown}: the line does not say {pattern!r}: {result.err!r}")


def program(rig, name="program.elf"):
    """A program that ends at once: an error that is overlooked does not hang the test."""
    return rig.file(name, bare.elf(bare.finish(bare.PASS)))


def bare_run(rig, *args):
    return ["run", "--bios", "none", program(rig), *args]


def case_verbs(rig):
    refused(rig, ["frobnicate"], USAGE, "verb 'frobnicate'", "vm help")
    refused(rig, ["help", "frobnicate"], USAGE, "verb 'frobnicate'")
    refused(rig, ["version", "--xml"], USAGE, "--xml")
    refused(rig, ["doctor", "now"], USAGE, "now")
    refused(rig, ["man", "1"], USAGE)
    refused(rig, ["completion"], USAGE, "bash, zsh or fish")
    refused(rig, ["completion", "tcsh"], USAGE, "bash, zsh or fish")
    refused(rig, [""], USAGE)


def case_options(rig):
    for given, nearest in (("--kernl", "kernel"), ("--krnel=x", "kernel"), ("--memroy=1G", "memory"), ("--vcpu", "vcpus"), ("--disks", "disk"),
                           ("--escap", "escape"), ("--exit-from-gest", "exit-from-guest")):
        refused(rig, ["run", given, "x"], USAGE, f"did you mean '{nearest}'")
    yield "an unknown option names the nearest one"
    for given in ("--frobnicate", "--no-frobnicate", "-k", "-", "--", "--=x", "--" + "x" * 5000):
        refused(rig, ["run", given], USAGE)
        refused(rig, [given], USAGE)
    yield "so far off that none is near"
    for name in ("kernel", "memory", "vcpus", "disk", "net", "bios", "initrd", "append", "dtb", "mode", "escape", "flash"):
        refused(rig, ["run", f"--{name}"], USAGE, f"{name} needs a value")
    refused(rig, ["run", "--no-kernel"], USAGE, "no-kernel")
    yield "a value is missing"
    refused(rig, ["run", program(rig), program(rig)], USAGE, "one kernel")
    refused(rig, ["run", "--kernel", program(rig), program(rig)], USAGE, "one kernel")
    yield "a second kernel"
    refused(rig, ["run", "--escape", "x", program(rig)], USAGE, "ctrl-a")
    refused(rig, ["run"], CONFIG, "nothing to boot", "kernel")
    yield "nothing to boot"


def case_values(rig):
    for memory, wanted in (("lots", "not a size"), ("", "not a size"), ("-1G", "not a size"), ("1.5G", "not a size"), ("512", "in bytes"),
                           ("8M", "least is 16M"), ("0", "too small"), ("99999T", "more than this host has"), ("18446744073709551616", "not a size"),
                           ("16777217", "multiple")):
        refused(rig, bare_run(rig, "--memory", memory), CONFIG, "memory", wanted)
    yield "memory: not a size, too small, too much"
    for vcpus in ("0", "9", "two", "", "-1", "4294967297", "1e1"):
        refused(rig, bare_run(rig, "--vcpus", vcpus), CONFIG, "vcpus")
    yield "vcpus"
    for name, value, wanted in (("mode", "fast", "interpreter"), ("console", "vga", r"uart\|virtio"), ("log", "loud", "error"), ("arch", "z80", "z80"),
                                ("board", "bread", "bread"), ("cpu", "z80", "rva23"), ("cpu", "max,-nothing", "nothing"), ("seed", "x", "number"),
                                ("rng", None, None), ("append", "x" * 20000, "append")):
        if wanted:
            refused(rig, bare_run(rig, f"--{name}", value), CONFIG, name if name != "cpu" else "model", wanted)
    refused(rig, bare_run(rig, "--stats=maybe"), CONFIG, "stats", "json")
    refused(rig, bare_run(rig, "--dump-block", "main"), CONFIG, "dump-block", "0x80000000")
    refused(rig, bare_run(rig, "--dump-file", rig.folder / "x"), CONFIG, "dump-file", "dump-block")
    for option in ("--perf-map", "--dump-block=all"):
        refused(rig, bare_run(rig, option, "--mode", "interpreter"), CONFIG, "interpreter")
    refused(rig, bare_run(rig, "--dump-block", "all", "--dump-file", rig.folder / "no" / "x"), NOT_FOUND, "dump-file", "x")
    for name in ("rng", "semihosting", "exit-from-guest", "no-reboot", "perf-map"):
        refused(rig, bare_run(rig, f"--{name}=maybe"), CONFIG, name, "on nor off")
    yield "words that are none of the possible ones"


def case_kernels(rig):
    refused(rig, ["run", rig.folder / "missing"], NOT_FOUND, "missing", "No such file")
    refused(rig, ["run", rig.folder], CONFIG, "directory")
    yield "a file that is missing, a directory"
    cpio = b"070701" + b"0" * 104
    disk = bytearray(1024)
    disk[510:512] = b"\x55\xaa"
    ext4 = bytearray(4096)
    ext4[0x438:0x43a] = b"\x53\xef"
    for name, data, wanted in (
            ("empty", b"", "empty"), ("text", b"hello, world\n" * 100, "text"), ("zeros", bytes(100000), "zeros"), ("short", b"\x13", "short"),
            ("random", secrets.token_bytes(100000), "random"), ("script", b"#!/bin/sh\nexit\n", "script"), ("cpio", cpio, "initrd"),
            ("qcow2", b"QFI\xfb" + bytes(100), "disk"), ("disk", bytes(disk), "disk"), ("ext4", bytes(ext4), "ext"),
            ("tree", b"\xd0\x0d\xfe\xed" + bytes(100), "dtb"), ("xz", b"\xfd7zXZ\0" + bytes(100), "unxz"), ("deb", b"!<arch>\n" + bytes(100), "archive"),
            ("gzip of text", subprocess.run(["gzip"], input=b"hello\n" * 99, stdout=subprocess.PIPE, check=True).stdout, "text")):
        refused(rig, ["run", rig.file(name, data)], CONFIG, re.escape(name), wanted)
    yield "files that are no kernel are told by name"
    refused(rig, ["run", rig.file("arm64.elf", bare.elf([0], machine=183))], CONFIG, "arm64|aarch64", "riscv64")
    refused(rig, ["run", rig.file("x86.elf", bare.elf([0], machine=62))], CONFIG, "x86", "riscv64")
    image = bytearray(4096)
    image[0:4] = b"\x13\0\0\0"
    struct.pack_into("<QQ", image, 8, 0, 4096)
    image[56:60] = b"ARM\x64"
    refused(rig, ["run", rig.file("arm64.image", bytes(image))], CONFIG, "arm64|aarch64", "riscv64")
    image[56:60] = b"RSC\5"
    refused(rig, ["run", "--bios", rig.file("riscv.image", bytes(image))], CONFIG, "firmware", "kernel")
    yield "kernels for another architecture, a kernel as firmware"
    whole = bare.elf(bare.finish(bare.PASS))
    for length in (64, 100, 125):
        refused(rig, ["run", "--bios", "none", rig.file("cut.elf", whole[:length])], CORRUPT, "cut.elf")
    refused(rig, ["run", rig.file("cut.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\3" + secrets.token_bytes(500))], CORRUPT, "cut.gz")
    refused(rig, ["run", rig.file("cut.zst", b"\x28\xb5\x2f\xfd" + secrets.token_bytes(500))], CORRUPT, "cut.zst")
    yield "damaged files are 14"
    refused(rig, ["run", "--bios", "none", rig.file("far.elf", bare.elf([0], at=0x200000000))], CONFIG, "0x200000000", "0x80000000")
    refused(rig, ["run", "--bios", "none", "--memory", "16M", rig.file("high.elf", bare.elf([0], at=0x81000000))], CONFIG)
    yield "programs outside the memory"


def case_initrd_and_dtb(rig):
    kernel = program(rig)
    for name in ("initrd", "dtb", "bios", "flash"):
        refused(rig, ["run", f"--{name}", rig.folder / "missing", kernel], NOT_FOUND, "missing")
    yield "files that are missing"
    refused(rig, bare_run(rig, "--initrd", rig.file("empty")), CONFIG, "empty")
    refused(rig, bare_run(rig, "--memory", "32M", "--initrd", rig.file("large", size=40 << 20)), CONFIG, "initrd", "memory")
    refused(rig, bare_run(rig, "--initrd", rig.file("huge", size=5 << 30)), CONFIG, "larger")
    yield "an initrd that is empty or too large"
    header = struct.pack(">10I", 0xd00dfeed, 200, 56, 128, 40, 17, 16, 0, 8, 72)
    for name, data in (("empty", b""), ("text", b"/dts-v1/;\n/ {};\n"), ("random", secrets.token_bytes(5000)), ("half", header),
                       ("noise", header + secrets.token_bytes(160))):
        refused(rig, bare_run(rig, "--dtb", rig.file(name, data)), CORRUPT, name, "device tree")
    yield "a corrupt device tree is 14"
    refused(rig, bare_run(rig, "--dtb", rig.file("big", b"\xd0\x0d\xfe\xed", size=8 << 20)), CONFIG, "larger")
    yield "a device tree that is too large"


def case_disks(rig):
    disk = rig.file("a.img", size=1 << 20)
    refused(rig, bare_run(rig, "--disk", rig.folder / "missing"), NOT_FOUND, "missing")
    refused(rig, bare_run(rig, "--disk", rig.folder), CONFIG, "directory")
    refused(rig, bare_run(rig, "--disk", rig.file("empty")), CONFIG, "empty")
    refused(rig, bare_run(rig, "--disk", ""), CONFIG, "disk")
    for bad in ("rw", "ro=perhaps", "serial=", "serial=" + "x" * 21, "block=3", "block=1000", "discard=x", "size=1G", "=", "ro,,"):
        refused(rig, bare_run(rig, "--disk", f"{disk},{bad}"), CONFIG, "disk")
    yield "bad forms of --disk"
    refused(rig, bare_run(rig, *["--disk", disk] * 2), CONFLICT, "in use")
    refused(rig, bare_run(rig, "--disk", disk, "--disk", f"{disk},ro"), CONFLICT, "in use")
    yield "the same disk twice"
    many = []
    for n in range(9):
        many += ["--disk", rig.file(f"{n}.img", size=4096)]
    refused(rig, bare_run(rig, *many), CONFIG)
    yield "more disks than the board has slots"
    holder = rig.start("run", "--bios", "none", "--disk", disk, rig.file("idle.elf", bare.elf(bare.idle())))
    holder.expect("^on$")
    refused(rig, bare_run(rig, "--disk", disk), CONFLICT, "a.img", "in use", str(holder.process.pid))
    refused(rig, bare_run(rig, "--disk", f"{disk},ro"), CONFLICT, "in use")
    holder.process.kill()
    holder.end()
    if rig.run(*bare_run(rig, "--disk", disk)).code:
        raise Failed("the disk is still in use after its vm was killed")
    yield "a disk in use by another vm, which is named"
    reader = rig.start("run", "--bios", "none", "--disk", f"{disk},ro", rig.folder / "idle.elf")
    reader.expect("^on$")
    if rig.run(*bare_run(rig, "--disk", f"{disk},ro")).code:
        raise Failed("two readers cannot share a disk")
    refused(rig, bare_run(rig, "--disk", disk), CONFLICT, "in use")
    yield "readers share a disk, a writer does not"


def case_permissions(rig):
    """As a user who may not: root may everything, so another user is needed."""
    if os.geteuid():
        raise Skipped("only root can become another user")
    os.chmod(rig.folder, 0o755)
    locked = rig.file("locked.img", size=1 << 20)
    os.chmod(locked, 0o400)
    kernel = program(rig)
    vm = shutil.copy(rig.vm, rig.folder / "vm") # what was built may lie where that user cannot look

    def run(*args):
        return subprocess.run([vm, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False, user=65534, group=65534,
                              extra_groups=[])

    for args in (["run", locked], ["run", "--bios", "none", "--disk", locked, kernel], ["run", "--bios", "none", "--initrd", locked, kernel]):
        done = run(*args)
        if done.returncode != PERMISSION or done.stdout or done.stderr.count(b"\n") != 1:
            raise Failed(f"{args}: {PERMISSION} expected: {done}")
    os.chmod(locked, 0o444)
    done = run("run", "--bios", "none", "--disk", locked, kernel)
    if done.returncode != PERMISSION or b"ro" not in done.stderr:
        raise Failed(f"a disk that can only be read: {done}")
    if run("run", "--bios", "none", "--disk", f"{locked},ro", kernel).returncode:
        raise Failed("a disk that can only be read is not accepted with ro")


def case_networks(rig):
    for bad in ("", "carrier-pigeon", "user,forward", "user,forward=", "user,forward=80", "user,forward=x:80", "user,forward=80:x",
                "user,forward=0:80", "user,forward=99999:80", "user,forward=1.2.3:8080:80", "user,forward=sctp:8080:80", "user,frward=1:2",
                "user,mac=52:54", "user,mac=01:00:00:00:00:00", "user,mtu=9", "user,restrict=maybe", "tap", "tap,name=", "tap,name=a/b", "tap,forward=1:2",
                "user,forward=" + "1" * 300):
        refused(rig, bare_run(rig, "--net", bad), CONFIG, "net")
    yield "bad forms of --net"
    refused(rig, bare_run(rig, "--net", "tap,name=vmnone9"), NOT_FOUND, "vmnone9")
    yield "a tap interface that does not exist"
    import socket
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(rig, bare_run(rig, "--net", f"user,forward={port}:80"), CONFLICT, str(port))
    refused(rig, bare_run(rig, *["--net", "user"] * 9), CONFIG)
    yield "a port of the host that is taken; too many cards"


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
