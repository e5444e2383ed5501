#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares decoder, encoder and printer of a guest with LLVM's disassembler.

    encodings.py GUEST PATH/TO/random_insns [--count N] [--seed S] [--llvm-mc PROGRAM]

Every instruction with random fields must be the same instruction to both, and of random words the same must be undefined. LLVM prints
each word twice, with and without aliases; our text must be one of the two. What LLVM 19 is known to see differently is in `different`.
Exits with 77 (skipped) where there is no llvm-mc of version 19 or later.
"""
import argparse
import random
import re
import shutil
import subprocess
import sys

RISCV64 = {
    "triple": "riscv64",
    "features": "m a f d c zba zbb zbc zbs zbkb zbkc zbkx zfa zfhmin zicond zicbom zicbop zicboz zawrs experimental-zacas zacas zabha zcb "
                "zimop zcmop zihintpause zihintntl zknd zkne zknh zksed zksh svinval zkr zifencei zicsr smstateen sstc sscofpmf",
    "mark": (0x7f000013, r"(addi\s+zero, zero|li\s+zero), 2032"),
    # (our text, LLVM's text), regular expressions, "-": undefined; and why they may differ.
    "different": [
        (r"c\.lui zero, \d+", r"c\.lui zero, -\d+"),  # a hint, whose operand LLVM prints with its sign
        (r"-", r"c\.lui \w+, 0"),                      # reserved
        (r"fence|fence [iorw0]+, [iorw0]+|fence\.i", "-"),  # the other fields not 0: reserved, but to be taken as if they were
        (r"-", r"hinval\..*"),                         # of the hypervisor extension, which LLVM gives away with Svinval
        (r"-", r"unimp"),                              # undefined for ever, which LLVM has a name for
        (r"-", r"fcvtmod\.w\.d \w+, \w+(, (?!rtz)\w+)?"),  # which has one rounding mode; the others are reserved
        (r"-", r"aes64ks1i \w+, \w+, 1[1-5]"),       # rounds above 10 are reserved
        (r"zext\.b \w+, \w+", r"andi \w+, \w+, 255"),  # the manual's alias, which LLVM reads only
        (r"csr.*", "unimp"),                           # the 32-bit one: a write to a read-only CSR
    ],
}
ARM64 = {
    "triple": "aarch64",
    "features": "v8.2a bti tracev8.4 crc lse rdm rcpc rcpc-immo pauth flagm altnzcv sb ssbs ccpp ccdp cssc wfxt lor fullfp16 fp16fml "
                "complxnum jsconv fptoint bf16 aes sha2 sha3 sm4 dotprod i8mm mops spe",
    "mark": (0xd2efe231, r"movz?\s+x17, #(32529, lsl #48|9156099517420929024)( +//.*)?"),
    # LLVM has other names of two conditions, and signs numbers by their width.
    "rewrite": [(r"\s*//.*", ""), (r"#", ""), (r"\bhs\b", "cs"), (r"\blo\b", "cc"), (r"^b\.hs\b", "b.cs"), (r"^b\.lo\b", "b.cc")],
    "different": [
        (r"-", r"(cpy|set).*"),            # with one register for two, or of tags
        (r"-", "udf .*"),                    # undefined for ever, which LLVM has a name for
        (r"ld[axn]*p(sw)? (\w+), \2, .*", "-"),  # unpredictable: a pair into one register
        (r"(ld|st)\w* (.*, )?[wx](\d+), .*\[x\3(\]|, -?\d+\]!).*", "-"),  # write-back to an operand
        (r"ldtr\w* [wx](\d+), \[x\1.*", "-"),  # where there is no write-back
        (r"lda?xr[bh]? .*", "-"),           # ignored bits that are not 1: as QEMU has it
        (r"-", r"[us]mulh .*"),             # likewise
        (r"-", r"(pac|aut|xpac|bl?ra|ret|eret|ldra).*"),  # of pointer authentication, of which only hints are there
        (r"bfc .*", r"bfi \w+, [wx]zr, .*"),  # its alias since Armv8.2
        (r"bfxil \w+, [wx]zr, 0, .*", r"bfc .*"),  # is none of that alias
        (r"[us]xtl2? .*", r"[us]shll2? .*, 0"),  # whose alias it does not prefer
        (r"prfm .*", r"rprfm .*"),          # the hint for ranges
        (r"-", r"(mrs|msr|sysl?|dcps[123]) .*"),  # without a register, or not of any program
        (r"(tlbi|at) .*", r"(tlbi|at|sys) .*"),  # a gate says which there are
        (r"(mrs|msr) .*", r"(mrs|msr) .*"),  # it knows more names, and which registers are read-only
    ],
}
GUESTS = {"riscv64": RISCV64, "arm64": ARM64}


def disassemble(program, guest, words, *options):
    """A text for each word, "-" for undefined ones. LLVM goes on inside of what it refuses: brackets stop it, a mark follows."""
    def line(w, size):
        return "[" + " ".join(f"0x{w >> 8 * i & 255:02x}" for i in range(size)) + "]\n"
    mark, text_of_mark = guest["mark"]
    lines = "".join(line(w, size) + line(mark, 4) for w, size in words)
    command = [program, "-disassemble", "-triple=" + guest["triple"], "-mattr=" + ",".join(f if f[0] == "-" else "+" + f for f in guest["features"].split()), *options]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    bad = {int(m[1]) // 2 for m in re.finditer(r"^<stdin>:(\d+):2: warning", done.stderr, re.M)}
    texts, parts = [line.strip() for line in done.stdout.splitlines() if line.strip()], [[]]
    for text in texts:
        if re.fullmatch(text_of_mark, text):
            parts.append([])
        elif text != ".text":
            parts[-1].append(text)
    if len(parts) != len(words) + 1:
        sys.exit(f"{program}: {len(parts) - 1} answers for {len(words)} words\n{done.stderr[-1000:]}")
    return ["-" if n in bad else parts[n][0] for n in range(len(words))]


def normal(guest, text):
    """Numbers in decimal, one space, CSRs by no name: LLVM knows others."""
    for pattern, by in guest.get("rewrite", []):
        text = re.sub(pattern, by, text)
    text = re.sub(r"\s+", " ", text.strip())
    if "rewrite" in guest:  # lists of registers in full
        text = re.sub(r"v(\d+)\.(\w+)-v(\d+)\.\2", lambda m: ", ".join(f"v{n}.{m[2]}" for n in range(int(m[1]), int(m[3]) + 1)), text)
        text = re.sub(r"\{ (.*) \}", r"{\1}", text)
    bits = 32 if re.match(r"(mov|and|orr|eor|ands|tst) w", text) and "rewrite" in guest else 64

    def number(m):
        v = int(m[0], 0) % (1 << bits)
        return str(v - (1 << bits) if v >> bits - 1 else v)
    text = re.sub(r"(?<![\w.-])-?(0x[0-9a-f]+|\d+)\b", number, text)
    return re.sub(r"^(csrr\S* \w+, |csr[wsc]i? )\w+", r"\1CSR", text)


def known(guest, ours, theirs):
    return any(re.fullmatch(mine, ours) and re.fullmatch(llvm, theirs) for mine, llvm in guest["different"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("guest", choices=GUESTS)
    parser.add_argument("tool")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--llvm-mc")
    args = parser.parse_args()
    program = args.llvm_mc or next((p for p in ("llvm-mc-20", "llvm-mc-19", "llvm-mc") if shutil.which(p)), None)
    about = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout if program else ""
    version = re.search(r"LLVM version (\d+)", about)
    if not version or int(version[1]) < 19:
        print("SKIP: needs llvm-mc of LLVM 19 or later (Debian's package llvm-19)")
        return 77
    print(f"seed {args.seed}")
    guest = GUESTS[args.guest]
    wrong = total = 0
    for kind, count in (("insns", args.count), ("words", 20000)):
        done = subprocess.run([args.tool, kind, str(args.seed), str(count)], capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr, end="")
            wrong += 1
        rows = [line.split(" ", 1) for line in done.stdout.splitlines()]
        words = [(int(w, 16), len(w) // 2) for w, _ in rows]
        texts_of = [disassemble(program, guest, words, *options) for options in (["-M", "no-aliases"], [])]
        for (word, _), (_, ours), plain, alias in zip(words, rows, *texts_of):
            total += 1
            mine, texts = normal(guest, ours), [normal(guest, plain), normal(guest, alias)]
            if mine not in texts and not any(known(guest, mine, t) for t in texts):
                wrong += 1
                if wrong <= 40:
                    print(f"{word:08x}: \"{mine}\", LLVM: \"{texts[0]}\" or \"{texts[1]}\"")
    print(f"{total - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
