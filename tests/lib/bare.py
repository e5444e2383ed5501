# SPDX-License-Identifier: MIT OR Apache-2.0
"""Small riscv64 programs without an operating system, as ELF files made here: the tests need no cross compiler.

A program is a list of words and of labels (strings); branches name labels. Only the instructions that the programs use are here.
Registers are numbers. Unprivileged manual, chapter 2 (base integer instructions) and chapter 35 (their formats).
"""
import struct

RAM, UART, FINISHER = 0x80000000, 0x10000000, 0x100000
ZERO, RA, T0, T1, T2, A0, A1, A6, A7, S0 = 0, 1, 5, 6, 7, 10, 11, 16, 17, 8
EBREAK, WFI, ECALL, ILLEGAL = 0x00100073, 0x10500073, 0x00000073, 0x00000000
PASS, FAIL, RESET = 0x5555, 0x3333, 0x7777


def i_type(opcode, funct3, rd, rs1, imm):
    return (imm & 0xfff) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def s_type(funct3, rs1, rs2, imm):
    return (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 0x1f) << 7 | 0x23


def addi(rd, rs1, imm):
    return i_type(0x13, 0, rd, rs1, imm)


def andi(rd, rs1, imm):
    return i_type(0x13, 7, rd, rs1, imm)


def slli(rd, rs1, shift):
    return i_type(0x13, 1, rd, rs1, shift)


def srli(rd, rs1, shift):
    return i_type(0x13, 5, rd, rs1, shift)


def lbu(rd, rs1, imm):
    return i_type(0x03, 4, rd, rs1, imm)


def sb(rs2, rs1, imm):
    return s_type(0, rs1, rs2, imm)


def sw(rs2, rs1, imm):
    return s_type(2, rs1, rs2, imm)


def sd(rs2, rs1, imm):
    return s_type(3, rs1, rs2, imm)


def li(rd, value):
    """A number of 32 bits without a sign: two instructions, or four where lui would set the upper half."""
    low = (value & 0xfff) - (value >> 11 & 1) * 0x1000
    high = (value - low) >> 12 & 0xfffff
    words = [high << 12 | rd << 7 | 0x37, addi(rd, rd, low)]
    return words + [slli(rd, rd, 32), srli(rd, rd, 32)] if value >> 31 else words


def branch(funct3, rs1, rs2, label):
    def encode(offset):
        return ((offset >> 12 & 1) << 31 | (offset >> 5 & 0x3f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (offset >> 1 & 0xf) << 8 |
                (offset >> 11 & 1) << 7 | 0x63)
    return encode, label


def beqz(rs, label):
    return branch(0, rs, ZERO, label)


def bne(rs1, rs2, label):
    return branch(1, rs1, rs2, label)


def jump(label):
    return beqz(ZERO, label)


def assemble(program):
    """Bytes of a list (which may hold lists) of words, (encoder, label) pairs and labels."""
    flat = []
    for item in program:
        flat += item if isinstance(item, list) else [item]
    at, labels = 0, {}
    for item in flat:
        if isinstance(item, str):
            labels[item] = at
        else:
            at += 4
    code, at = b"", 0
    for item in flat:
        if isinstance(item, str):
            continue
        word = item[0](labels[item[1]] - at) if isinstance(item, tuple) else item
        code += struct.pack("<I", word)
        at += 4
    return code


def elf(program, at=RAM, machine=243):
    """An ELF executable of one segment; machine 243 is riscv, 183 arm64, 62 x86_64."""
    code = assemble(program)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, machine, 1, at, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 120, at, at, len(code), len(code) + 4096, 8)
    return header + segment + code


def finish(value):
    """Writes to the test finisher, then waits."""
    return [*li(T0, FINISHER), *li(T1, value), sw(T1, T0, 0), "stop", WFI, jump("stop")]


def say(text):
    return li(T0, UART) + [word for byte in text.encode() for word in (addi(T1, ZERO, byte), sb(T1, T0, 0))]


def get():
    """The next byte typed into t1; t0 is left at the serial port."""
    return [*li(T0, UART), "wait", lbu(T2, T0, 5), andi(T2, T2, 1), beqz(T2, "wait"), lbu(T1, T0, 0)]


def echo():
    """Says "on", repeats every byte one higher (Ctrl-A becomes Ctrl-B) and powers off at a Q."""
    return [*say("on\n"), "again", *get(), addi(A0, ZERO, ord("Q")), bne(T1, A0, "more"), *finish(PASS), "more", addi(T1, T1, 1), sb(T1, T0, 0),
            jump("again")]


def idle(text="on\n"):
    """Says a word and waits for ever."""
    return [*say(text), "stop", WFI, jump("stop")]


def flood():
    """Says x without end."""
    return [*li(T0, UART), addi(T1, ZERO, ord("x")), "again", sb(T1, T0, 0), jump("again")]


def semihosting(operation, argument_words=None, argument=None):
    """One call: a0 names it, a1 is the argument or the address of words, which go to a free page; the magic sequence follows."""
    words = []
    if argument_words is not None:
        argument = RAM + 0x800
        words = li(S0, argument)
        for n, value in enumerate(argument_words):
            words += [*li(T1, value), sd(T1, S0, 8 * n)]
    # The three must not lie on two pages; the programs here are shorter than one.
    return [*words, *li(A0, operation), *li(A1, argument), 0x01f01013, EBREAK, 0x40705013]


def sbi_reset(kind, reason):
    """System reset extension, chapter 10 of the SBI: kind 0 powers off, 1 and 2 reboot; reason 1 is a failure of the system."""
    return [*li(A0, kind), *li(A1, reason), *li(A6, 0), *li(A7, 0x53525354), ECALL, "stop", WFI, jump("stop")]
