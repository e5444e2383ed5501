# SPDX-License-Identifier: MIT OR Apache-2.0
"""The page of supported insns, and the coverage table."""
from pattern import coverage


def asks(insn):
    return " ".join(insn.features) or "always"


def page(gen):
    spec = gen.spec
    o = [f"# Instructions of {gen.guest}", "", "Made by `tools/isagen` from the `.isa` files: change them, not this page.", "",
         f"{len(gen.patterns)} instructions from {len(spec.stanzas)} stanzas.", ""]
    groups = {}
    for p in gen.patterns:
        groups.setdefault(asks(p.insn), []).append(p)
    for name, patterns in groups.items():
        o += [f"## {name}", "", "| instruction | encoding | section |", "|---|---|---|"]
        for p in patterns:
            text = p.insn.text[0].replace("|", "\\|")
            bits = " ".join(p.insn.bits).replace("|", "\\|")
            choice = "".join(f"; our choice: `{t}`" for _, t in p.insn.unpred).replace("|", "\\|")
            o.append(f"| `{text}` | `{bits}` | {p.insn.ref}{choice} |")
        o.append("")
    return o


def coverage_rows(gen):
    o = [f"{'bits':4} {'opcode':8} {'defined':>12} {'words':>12}"]
    for width, low, defined, words in coverage(gen.patterns, gen.wider):
        o.append(f"{width:4} {low:>8} {defined:12} {words:12} {100 * defined / words:5.1f} %")
    return o
