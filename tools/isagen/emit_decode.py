# SPDX-License-Identifier: MIT OR Apache-2.0
"""C of the decoder: nested switches over the bits that most patterns of a set fix; leaves are rows of mask, features and condition.

A pattern that fixes fewer bits than its neighbours comes after them in the same node, so the narrower one is found first.
"""
from ctext import filled

MAX_LINEAR = 3


FIND = """
/* Of n rows, the first that the word is. */
static unsigned find(uint32_t word, uint64_t features, unsigned first, unsigned n)
{
    for (const struct leaf *l = &leaves[first], *end = l + n; l < end; l++) {
        const struct G_insn *insn = &G_insns[l->id];
        if ((word & insn->mask) == insn->match && (features & insn->need) == insn->need && !(features & insn->never) &&
            (!insn->any || (features & insn->any)) && (!l->where || l->where(word)))
            return l->id;
    }
    return GU_INSNS;
}
"""


def decoder(gen):
    g, gu = gen.guest, gen.upper
    code, rows, wheres = [], [], {}
    node(gen, gen.patterns, 0, 1, code, rows)
    for p in rows:
        if p.where:
            wheres.setdefault(p.c_where("word"), f"where_{len(wheres)}")
    out = []
    for text, name in wheres.items():
        out += ["", f"static bool {name}(uint32_t word)", "{", f"    return {text};", "}"]
    out += ["", "static const struct leaf {", "    uint16_t id;", "    bool (*where)(uint32_t word);", f"}} leaves[{max(len(rows), 1)}] = {{"]
    out += [f"    {{{gen.id(p)}, {wheres[p.c_where('word')] if p.where else 'NULL'}}}," for p in rows] or ["    {0, NULL},"]
    out += ["};", *filled(gen, FIND), "", f"unsigned {g}_decode(uint32_t word, uint64_t features)", "{", "    unsigned id;", *code]
    return [*out, f"    return {gu}_INSNS;", "}"]


def node(gen, patterns, tested, indent, out, rows):
    """A pattern of several nodes has a row in each."""
    pad = "    " * indent
    bits = choose(patterns, tested) if len(patterns) > MAX_LINEAR else 0
    if not bits:
        out.append(f"{pad}if ((id = find(word, features, {len(rows)}, {len(patterns)})) != {gen.upper}_INSNS)")
        out.append(f"{pad}    return id;")
        rows += sorted(patterns, key=lambda p: rank(gen, p))
        return
    inside = [p for p in patterns if not bits & ~p.mask]
    rest = [p for p in patterns if bits & ~p.mask]
    groups = {}
    for p in inside:
        groups.setdefault(p.match & bits, []).append(p)
    low = (bits & -bits).bit_length() - 1
    contiguous = (bits >> low) + 1 & bits >> low == 0
    subject = f"word >> {low} & {hex(bits >> low)}" if contiguous and low else f"word & {hex(bits)}"
    out.append(f"{pad}switch ({subject}) {{")
    for value in sorted(groups):
        out.append(f"{pad}case {hex(value >> low if contiguous else value)}:")
        node(gen, groups[value], tested | bits, indent + 1, out, rows)
        out.append(f"{pad}    break;")
    out.append(f"{pad}}}")
    if rest:
        node(gen, rest, tested, indent, out, rows)


def rank(gen, p):
    """Narrower first; what has more patterns around it is narrower."""
    return -len(gen.wider[p]), -bin(p.mask).count("1")


def choose(patterns, tested):
    """The bits that all fix; else those of the patterns that fix most (they then come before the wider ones)."""
    common = ~0
    for p in patterns:
        common &= p.mask
    common &= ~tested & 0xffffffff
    if common and len({p.match & common for p in patterns}) > 1:
        return common
    order = sorted(patterns, key=lambda p: -bin(p.mask & ~tested).count("1"))
    best, mask = 0, 0xffffffff & ~tested
    for n, p in enumerate(order, 1):
        mask &= p.mask
        if not mask:
            break
        inside = [q for q in order if not mask & ~q.mask]
        groups = len({q.match & mask for q in inside})
        score = len(inside) if groups > 1 else 0
        if score > best:
            best, chosen = score, mask
    return chosen if best > 1 else 0
