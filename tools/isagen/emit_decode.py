# SPDX-License-Identifier: MIT OR Apache-2.0
"""C of the decoder: nested switches over the bits that most patterns of a set fix; leaves test mask, condition and features.

A pattern that fixes fewer bits than its neighbours comes after them in the same node, so the narrower one is found first.
"""
MAX_LINEAR = 3


def decoder(gen):
    g, gu = gen.guest, gen.upper
    out = ["", f"unsigned {g}_decode(uint32_t word, uint64_t features)", "{"]
    node(gen, gen.patterns, 0, 1, out)
    if not any("features" in line for line in out[3:]):
        out.append("    (void)features;")
    out += [f"    return {gu}_INSNS;", "}"]
    return out


def node(gen, patterns, tested, indent, out):
    pad = "    " * indent
    if len(patterns) <= MAX_LINEAR:
        for p in sorted(patterns, key=lambda p: rank(gen, p)):
            leaf(gen, p, tested, pad, out)
        return
    bits = choose(patterns, tested)
    if not bits:
        for p in sorted(patterns, key=lambda p: rank(gen, p)):
            leaf(gen, p, tested, pad, out)
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
        node(gen, groups[value], tested | bits, indent + 1, out)
        out.append(f"{pad}    break;")
    out.append(f"{pad}}}")
    if rest:
        node(gen, rest, tested, indent, out)


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


def leaf(gen, p, tested, pad, out):
    need, never, some = gen.masks[p]
    tests = []
    rest = p.mask & ~tested
    if rest:
        tests.append(f"(word & {hex(rest)}) == {hex(p.match & rest)}")
    if need and not need & (need - 1):
        tests.append(f"(features & {hex(need)})")
    elif need:
        tests.append(f"(features & {hex(need)}) == {hex(need)}")
    if never:
        tests.append(f"!(features & {hex(never)})")
    if some:
        tests.append(f"(features & {hex(some)})")
    if p.where:
        where = p.c_where("word")
        tests.append(f"({where})" if tests else where)
    if tests:
        out.append(f"{pad}if ({' && '.join(tests)})")
        out.append(f"{pad}    return {gen.id(p)};")
    else:
        out.append(f"{pad}return {gen.id(p)};")
