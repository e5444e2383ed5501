#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the vDSO of a guest's Linux as a C header: an ELF library of one page that the C library, unwinders and debuggers know.

    vdso.py GUEST OUT.h

Its functions are the system calls: they cost little here, and nothing but the kernel knows the time exactly. The first one ends
signal handlers; its unwind information tells where in the frame on the stack the registers are.
"""
import dataclasses
import pathlib
import struct
import sys

SONAME = "linux-vdso.so.1"


@dataclasses.dataclass
class Arch:
    """A guest's: functions are (symbol, system call) in the order of the addresses; `pair` lists the registers that a signal's frame holds."""

    machine: int  # of the ELF header, with its flags
    flags: int
    version: str
    functions: list
    number: object  # insns: the number of a system call, the call, back to the caller, nothing
    call: int
    ret: int
    nop: int
    stack: int  # DWARF's numbers of the stack pointer and the return address
    link: int
    saved: list = dataclasses.field(default_factory=list)  # (DWARF's number, offset from the stack pointer at the end of a handler)
    pc: int = 0  # DWARF's number of the interrupted pc; 0: unwinders know the insns that end a handler


def riscv64():
    """The frame is struct frame of riscv64/abi.c: pc and x1.. follow each other, then f0.. ."""
    a7, ra, sp, pc, floats, frame_pc, frame_f = 17, 1, 2, 64, 32, 128 + 176, 128 + 176 + 256
    saved = [(i, frame_pc + 8 * i) for i in range(1, 32)] + [(floats + i, frame_f + 8 * i) for i in range(32)] + [(pc, frame_pc)]
    functions = [("__vdso_rt_sigreturn", 139), ("__vdso_gettimeofday", 169), ("__vdso_clock_gettime", 113), ("__vdso_clock_getres", 114),
                 ("__vdso_getcpu", 168), ("__vdso_flush_icache", 259), ("__vdso_riscv_hwprobe", 258)]
    return Arch(243, 5, "LINUX_4.15", functions, lambda n: n << 20 | a7 << 7 | 0x13, 0x73, ra << 15 | 0x67, 0x13, sp, ra, saved, pc)


def arm64():
    functions = [("__kernel_rt_sigreturn", 139), ("__kernel_gettimeofday", 169), ("__kernel_clock_gettime", 113), ("__kernel_clock_getres", 114)]
    return Arch(183, 0, "LINUX_2.6.39", functions, lambda n: 0xd2800008 | n << 5, 0xd4000001, 0xd65f03c0, 0xd503201f, 31, 30)


def code(arch):
    """The bytes, and (name, offset, size) of each function. rt_sigreturn stands behind a nop: unwinders look up a caller at its return address - 1."""
    words, places = [arch.nop], []
    for name, number in arch.functions:
        body = [arch.number(number), arch.call] + ([] if number == 139 else [arch.ret])
        places.append((name, 4 * len(words), 4 * len(body)))
        words += body
    return struct.pack(f"<{len(words)}I", *words), places


def uleb(n):
    out = bytearray()
    while True:
        n, low = n >> 7, n & 0x7f
        out.append(low | (0x80 if n else 0))
        if not n:
            return bytes(out)


def record(body):
    body += b"\0" * (-(len(body) + 4) % 8)
    return struct.pack("<I", len(body)) + body


def eh_frame(arch, at, text, places):
    """Addresses are relative to where they stand (DW_EH_PE_pcrel | sdata4). Returns the section and its table for binary search."""
    def cie(augmentation, column, rules):
        return record(struct.pack("<IB", 0, 1) + augmentation + b"\0" + uleb(1) + b"\x08" + uleb(column) + uleb(1) + b"\x1b" + rules)

    def fde(where, cie_at, start, size, rules):
        return record(struct.pack("<I", where + 4 - cie_at) + struct.pack("<iI", start - (at + where + 8), size) + uleb(0) + rules)

    def saved(register, offset):
        return b"\x05" + uleb(register) + uleb(offset // 8)  # DW_CFA_offset_extended: in the frame, factored by 8

    def_cfa = b"\x0c" + uleb(arch.stack) + uleb(0)
    out, table = b"", []
    plain, out = len(out), out + cie(b"zR", arch.link, def_cfa)
    (_, first, size), others = places[0], places[1:]
    if arch.pc:
        signal, out = len(out), out + cie(b"zRS", arch.pc, def_cfa + b"".join(saved(*row) for row in arch.saved))
        table.append((text + first - 4, at + len(out)))
        out += fde(len(out), signal, text + first - 4, size + 4, b"")
    table.append((text + others[0][1], at + len(out)))
    out += fde(len(out), plain, text + others[0][1], others[-1][1] + others[-1][2] - others[0][1], b"")
    return out + struct.pack("<I", 0), table


def eh_frame_hdr(at, frame_at, table):
    head = struct.pack("<BBBBiI", 1, 0x1b, 0x03, 0x3b, frame_at - (at + 4), len(table))
    return head + b"".join(struct.pack("<ii", start - at, fde - at) for start, fde in table)


def sysv(name):
    h = 0
    for c in name.encode():
        h = (h << 4) + c
        h = (h ^ (h & 0xf0000000) >> 24) & 0x0fffffff
    return h


def gnu(name):
    h = 5381
    for c in name.encode():
        h = (h * 33 + c) & 0xffffffff
    return h


class Strings:
    def __init__(self):
        self.data = b"\0"

    def add(self, text):
        at = self.data.find(b"\0" + text.encode() + b"\0")
        if at >= 0:
            return at + 1
        self.data += text.encode() + b"\0"
        return len(self.data) - len(text) - 1


def hash_table(names):
    """System V: buckets, then chains; symbol 0 is none."""
    n = len(names) + 1
    bucket, chain = [0] * n, [0] * (n + 1)
    for i, name in enumerate(names, 1):
        b = sysv(name) % n
        chain[i], bucket[b] = bucket[b], i
    return struct.pack(f"<{2 + n + n + 1}I", n, n + 1, *bucket, *chain[:n + 1])[:4 * (2 + n + n)]


def gnu_hash(names):
    """One bucket, so that any order of the symbols will do; a Bloom filter of one word."""
    hashes, shift = [gnu(name) for name in names], 6
    bloom = 0
    for h in hashes:
        bloom |= 1 << h % 64 | 1 << (h >> shift) % 64
    chain = [h & ~1 for h in hashes]
    chain[-1] |= 1
    return struct.pack("<4IQI", 1, 1, 1, shift, bloom, 1) + struct.pack(f"<{len(chain)}I", *chain)


def build(arch):
    text, places = code(arch)
    strings = Strings()
    names = [name for name, _, _ in places] + [arch.version]
    symbols = [strings.add(name) for name in names]
    soname = strings.add(SONAME)
    verdef = b""
    for i, (flags, name) in enumerate(((1, SONAME), (0, arch.version)), 1):  # VER_FLG_BASE names the library itself
        verdef += struct.pack("<HHHHIII", 1, flags, i, 1, sysv(name), 20, 28 if i == 1 else 0) + struct.pack("<II", strings.add(name), 0)
    sections = [".shstrtab", ".hash", ".gnu.hash", ".dynsym", ".dynstr", ".gnu.version", ".gnu.version_d", ".note", ".dynamic", ".eh_frame_hdr",
                ".eh_frame", ".text"]
    titles = Strings()
    title = {name: titles.add(name) for name in sections}
    nsegments = 4
    at, placed, body = 64 + 56 * nsegments, {}, {}

    def place(name, data, align=8):
        nonlocal at
        at = -(-at // align) * align
        placed[name], body[name] = at, data
        at += len(data)

    place(".hash", hash_table(names))
    place(".gnu.hash", gnu_hash(names))
    place(".dynsym", b"\0" * 24 * (len(names) + 1))  # filled in when the code has its place
    place(".dynstr", strings.data, 1)
    place(".gnu.version", struct.pack(f"<{len(names) + 1}H", 0, *[2] * len(names)), 2)
    place(".gnu.version_d", verdef)
    place(".note", struct.pack("<III", 6, 4, 0) + b"Linux\0\0\0" + struct.pack("<I", 4 << 16 | 15 << 8), 4)
    place(".dynamic", b"\0" * 16 * 11)
    place(".eh_frame_hdr", b"\0" * (20 + 8 * bool(arch.pc)), 4)
    place(".eh_frame", b"\0" * len(eh_frame(arch, 0, 0, places)[0]))
    place(".text", text, 16)
    place(".shstrtab", titles.data, 1)
    frame, table = eh_frame(arch, placed[".eh_frame"], placed[".text"], places)
    body[".eh_frame"], body[".eh_frame_hdr"] = frame, eh_frame_hdr(placed[".eh_frame_hdr"], placed[".eh_frame"], table)
    number = {name: i for i, name in enumerate(placed, 1)}
    body[".dynsym"] = b"\0" * 24 + b"".join(
        struct.pack("<IBBHQQ", symbol, 0x12, 0, number[".text"], placed[".text"] + start, size)  # global function
        for symbol, (_, start, size) in zip(symbols, places)) + struct.pack("<IBBHQQ", symbols[-1], 0x11, 0, 0xfff1, 0, 0)
    tags = [(14, soname), (4, placed[".hash"]), (0x6ffffef5, placed[".gnu.hash"]), (5, placed[".dynstr"]), (6, placed[".dynsym"]),
            (10, len(strings.data)), (11, 24), (0x6ffffff0, placed[".gnu.version"]), (0x6ffffffc, placed[".gnu.version_d"]), (0x6ffffffd, 2),
            (0, 0)]
    body[".dynamic"] = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    headers_at = -(-at // 8) * 8
    end = headers_at + 64 * (len(placed) + 1)
    segments = [(1, 5, 0, end, 4096), (2, 4, placed[".dynamic"], len(body[".dynamic"]), 8), (4, 4, placed[".note"], len(body[".note"]), 4),
                (0x6474e550, 4, placed[".eh_frame_hdr"], len(body[".eh_frame_hdr"]), 4)]
    image = bytearray(end)
    image[:64] = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3, arch.machine, 1, placed[".text"] + places[0][1], 64, headers_at, arch.flags, 64, 56, nsegments, 64, len(placed) + 1, number[".shstrtab"])
    for i, (kind, flags, offset, size, align) in enumerate(segments):
        struct.pack_into("<IIQQQQQQ", image, 64 + 56 * i, kind, flags, offset, offset, offset, size, size, align)
    # Type, flags (allocated, executable), linked section, info, size of an entry.
    strtab = number[".dynstr"]
    shape = {
        ".hash": (5, 2, number[".dynsym"], 0, 4), ".gnu.hash": (0x6ffffff6, 2, number[".dynsym"], 0, 0), ".dynsym": (11, 2, strtab, 1, 24),
        ".dynstr": (3, 2, 0, 0, 0), ".gnu.version": (0x6fffffff, 2, number[".dynsym"], 0, 2), ".gnu.version_d": (0x6ffffffd, 2, strtab, 2, 0),
        ".note": (7, 2, 0, 0, 0), ".dynamic": (6, 2, strtab, 0, 16), ".eh_frame_hdr": (1, 2, 0, 0, 0), ".eh_frame": (1, 2, 0, 0, 0),
        ".text": (1, 6, 0, 0, 0), ".shstrtab": (3, 0, 0, 0, 0),
    }
    for name, data in body.items():
        image[placed[name]:placed[name] + len(data)] = data
        kind, flags, link, info, entry = shape[name]
        struct.pack_into("<IIQQQQIIQQ", image, headers_at + 64 * number[name], title[name], kind, flags, placed[name] if flags else 0,
                         placed[name], len(data), link, info, 8 if name not in (".dynstr", ".shstrtab") else 1, entry)
    if end > 4096:
        sys.exit(f"vdso.py: {end} bytes, more than a page")
    return bytes(image), placed[".text"] + places[0][1]


def main():
    guest = sys.argv[1]
    image, sigreturn = build({"riscv64": riscv64, "arm64": arm64}[guest]())
    rows = "".join("    " + ", ".join(f"0x{byte:02x}" for byte in image[i:i + 20]) + ",\n" for i in range(0, len(image), 20))
    pathlib.Path(sys.argv[2]).write_text(
        "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n/* Made by user/vdso.py. */\n#pragma once\n#include <stdint.h>\n\n"
        f"enum {{ {guest.upper()}_VDSO_SIGRETURN = {sigreturn} }};\nstatic const uint8_t {guest}_vdso[{len(image)}] = {{\n{rows}}};\n", encoding="utf-8")
    if len(sys.argv) > 3:
        pathlib.Path(sys.argv[3]).write_bytes(image)


if __name__ == "__main__":
    main()
