#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Random accesses to the GICv3 and its ITS, by our device and by a bare program under QEMU: after each, what was read and the outputs.

    run.py PATH/TO/gic_device GUEST.c [--count N] [--seed S] [--qemu PROGRAM]

Exits with 77 (skipped) where there is no qemu-system-aarch64 or no cross compiler. Not compared, because QEMU is another implementation
there: ICC_CTLR_EL1.IDbits, the lowest bits of priorities, and interrupts of a group that the CPU interface has disabled (in QEMU they hide
less urgent ones of the other group; the specification has the redistributor pass only what is enabled).
"""
import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

READ4, WRITE4, WRITE1, WRITE8, GET, SET, TIMER, READ8 = range(8)
(PMR, IAR0, EOIR0, HPPIR0, BPR0, AP0R0, AP1R0, DIR, RPR, SGI1R, ASGI1R, SGI0R, IAR1, EOIR1, HPPIR1, BPR1, CTLR, SRE, IGRPEN0,
 IGRPEN1) = range(20)
DIST, ITS, REDIST, RAM = 0x8000000, 0x8080000, 0x80a0000, 0x42000000
PRIVATE = REDIST + 0x10000
VALID = 1 << 63


def start(ops):
    ops += [(WRITE4, DIST, 3), (WRITE4, REDIST + 0x14, 0), (SET, PMR, 0xf8), (SET, IGRPEN0, 1), (SET, IGRPEN1, 1)]


def lines(r, count):
    """Shared and private interrupts: states, groups, priorities, routes, messages, ends in both modes."""
    shared, private = [*range(40, 48), 70, 71, 100, 287], [0, 1, 5, 15, 27]
    ops = []
    start(ops)
    for n in shared:
        ops += [(WRITE1, DIST + 0x400 + n, r.randrange(32) << 3), (WRITE4, DIST + 0x100 + n // 32 * 4, 1 << n % 32)]
    ops += [(WRITE1, PRIVATE + 0x400 + n, r.randrange(32) << 3) for n in private]
    ops.append((WRITE4, PRIVATE + 0x100, sum(1 << n for n in private)))
    while len(ops) < count:
        n, p = r.choice(shared), r.choice(private)
        word, bit = n // 32 * 4, 1 << n % 32
        kinds = [
            (10, lambda: (WRITE4, DIST + 0x200 + word, bit)),
            (4, lambda: (WRITE4, DIST + 0x280 + word, bit)),
            (4, lambda: (WRITE4, PRIVATE + r.choice([0x200, 0x280]), 1 << (5 if p == 27 else p))),
            (4, lambda: (WRITE4, DIST + r.choice([0x100, 0x100, 0x100, 0x180]) + word, bit)),
            (2, lambda: (WRITE4, PRIVATE + r.choice([0x100, 0x100, 0x180]), 1 << p)),
            (4, lambda: (WRITE1, DIST + 0x400 + n, r.randrange(32) << 3)),
            (2, lambda: (WRITE1, PRIVATE + 0x400 + p, r.randrange(32) << 3)),
            (3, lambda: (WRITE4, DIST + 0x80 + word, r.getrandbits(32))),
            (2, lambda: (WRITE4, PRIVATE + 0x80, r.getrandbits(32))),
            (2, lambda: (WRITE4, DIST + 0xc00 + n // 16 * 4, r.getrandbits(32) & 0xaaaaaaaa)),
            (2, lambda: (WRITE4, DIST + r.choice([0x300, 0x380]) + word, bit)),
            (1, lambda: (WRITE4, PRIVATE + r.choice([0x300, 0x380]), 1 << p)),
            (3, lambda: (SET, PMR, r.choice([0xf8, 0xf8, r.randrange(32) << 3]))),
            (2, lambda: (SET, r.choice([BPR0, BPR1]), r.randrange(8))),
            (2, lambda: (SET, CTLR, r.choice([0, 0, 1, 2, 3]))),
            (1, lambda: (WRITE4, DIST, r.choice([3, 3, 3, 1, 2, 0]))),
            (4, lambda: (SET, r.choice([SGI1R, SGI1R, SGI0R, ASGI1R]), r.choice([0, 1, 5, 15]) << 24 | r.choice([1, 1, 1, 2, 3, 0, 1 << 40]))),
            (3, lambda: (WRITE8, DIST + 0x6000 + 8 * n, r.choice([0, 0, 0, 1, 5]))),
            (4, lambda: (TIMER, 0, r.randrange(2))),
            (12, lambda: (GET, r.choice([IAR0, IAR1, IAR1]), 0)),
            (8, lambda: (SET, r.choice([EOIR0, EOIR1, EOIR1]), r.choice([n, p, n, 1023, 600]))),
            (3, lambda: (SET, DIR, r.choice([n, p]))),
            (7, lambda: (GET, r.choice([HPPIR0, HPPIR1, RPR, AP0R0, AP1R0, PMR, BPR0, BPR1, IGRPEN0, IGRPEN1, SRE]), 0)),
            (3, lambda: (READ4, DIST + r.choice([0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380]) + word, 0)),
            (3, lambda: (READ4, PRIVATE + r.choice([0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380]), 0)),
            (3, lambda: r.choice([(READ4, DIST + 0x400 + n // 4 * 4, 0), (READ4, DIST + 0xc00 + n // 16 * 4, 0),
                                  (READ8, DIST + 0x6000 + 8 * n, 0), (READ4, DIST, 0)])),
        ]
        ops.append(r.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]())
    return ops


def messages(r, count):
    """LPIs: commands of the ITS, with tables of two devices and three collections. An LPI belongs to one event, as it must."""
    queue, devices, collections, itt, config, pending = (RAM + n * 0x100000 for n in range(6))
    ops, tail, owner = [], 0, {}

    def command(code, device, event, word2, word3=0, intid=0):
        nonlocal tail
        for i, word in enumerate((device << 32 | code, intid << 32 | event, word2, word3)):
            ops.append((WRITE8, queue + tail + 8 * i, word))
        tail = (tail + 32) % 0x1000
        ops.append((WRITE8, ITS + 0x88, tail))

    def configure():
        for i in range(2):
            ops.append((WRITE8, config + 8 * i, sum((r.randrange(32) << 3 | r.choice([2, 3, 3])) << 8 * k for k in range(8))))

    configure()
    for cpu in range(2):
        frame = REDIST + 0x20000 * cpu
        ops += [(WRITE8, frame + 0x70, config | 15), (WRITE8, frame + 0x78, pending + 0x10000 * cpu | 1 << 62), (WRITE4, frame, 1)]
    start(ops)
    ops += [(WRITE8, ITS + 0x100, VALID | devices), (WRITE8, ITS + 0x108, VALID | collections), (WRITE8, ITS + 0x80, VALID | queue)]
    ops.append((WRITE4, ITS, 1))
    for n in range(2):
        command(0x09, 0, 0, VALID | n << 16 | n)
        command(0x08, n, 2, VALID | itt + 0x1000 * n)
    while len(ops) < count:
        k, device, event, lpi = r.randrange(100), r.choice([0, 0, 1, 1, 2]), r.choice([0, 1, 2, 3, 0, 1, 2, 3, 7, 8]), 8192 + r.randrange(16)
        if k < 20:
            if device < 2 and event < 8 and owner.get(lpi, (device, event)) == (device, event):
                owner = {number: who for number, who in owner.items() if who != (device, event)}
                owner[lpi] = (device, event)
                command(0x0f, device, event, 0)
                command(0x0a, device, event, r.choice([0, 0, 1, 2]), 0, lpi)
        elif k < 45:
            command(0x03, device, event, 0)
        elif k < 50:
            command(r.choice([0x04, 0x04, 0x0f]), device, event, 0)
        elif k < 56:
            command(0x01, device, event, r.choice([0, 0, 1, 2]))
        elif k < 58:
            command(0x0e, 0, 0, r.randrange(2) << 16, r.randrange(2) << 16)
        elif k < 60:
            command(0x09, 0, 0, r.choice([VALID, VALID, 0]) | r.randrange(2) << 16 | 2)
        elif k < 64:
            configure()
            command(0x0d, 0, 0, 0)
            command(0x0d, 0, 0, 1)
        elif k < 66:
            command(r.choice([0x0c, 0x05, 0x1f]), device, event, 0)
        elif k < 85:
            ops.append((GET, r.choice([IAR1, IAR1, IAR0]), 0))
        elif k < 93:
            ops.append((SET, EOIR1, 8192 + r.randrange(16)))
        else:
            ops.append(r.choice([(GET, HPPIR1, 0), (GET, RPR, 0), (GET, AP1R0, 0), (READ8, ITS + 0x90, 0), (SET, PMR, r.choice([0xf8, 0x80]))]))
    return ops


def compare(args, name, ops, folder):
    """Returns the number of the first access with another result, or None."""
    rows = ",\n".join(f"    {{{kind}, {where:#x}, {value:#x}ul}}" for kind, where, value in ops)
    source = f'#include "op.h"\nconst struct gic_op ops[] = {{\n{rows}}};\nconst unsigned nops = sizeof ops / sizeof *ops;\n'
    (folder / "ops.c").write_text(source)
    subprocess.run([args.compiler, "-O1", "-ffreestanding", "-nostdlib", "-static", "-mgeneral-regs-only", "-mstrict-align", "-Wl,-N",
                    "-Wl,-Ttext=0x40080000,--build-id=none,--no-warn-rwx-segments", "-I", pathlib.Path(args.guest).parent, "-o", folder / "guest",
                    args.guest, folder / "ops.c"], check=True)
    ours = subprocess.run([args.device], input="".join(f"{k:x} {w:x} {v:x}\n" for k, w, v in ops), stdout=subprocess.PIPE, text=True,
                          check=True).stdout.split("\n")
    theirs = subprocess.run([args.qemu, "-M", "virt,gic-version=3,its=on", "-cpu", "cortex-a57", "-smp", "2", "-nographic", "-nic", "none",
                             "-kernel", folder / "guest"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            check=True).stdout.decode().replace("\r", "").split("\n")
    for i, (kind, where, value) in enumerate(ops):
        a, b = ours[i], theirs[i] if i < len(theirs) else "nothing"
        if a != b:
            print(f"{name}: access {i} (kind {kind}, {where:#x}, {value:#x}): ours {a}, QEMU {b}")
            return i
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("device")
    parser.add_argument("guest")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--qemu", default="qemu-system-aarch64")
    parser.add_argument("--compiler", default="aarch64-linux-gnu-gcc")
    args = parser.parse_args()
    for program in (args.qemu, args.compiler):
        if not shutil.which(program):
            print(f"skipped: {program} is not here")
            return 77
    print(f"seed {args.seed}")
    r = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        bad = [compare(args, make.__name__, make(r, args.count), pathlib.Path(folder)) for make in (lines, messages)]
    return any(n is not None for n in bad)


if __name__ == "__main__":
    sys.exit(main())
