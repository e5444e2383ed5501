# SPDX-License-Identifier: MIT OR Apache-2.0
"""Patterns: the bits of an insn as mask, match, fields and condition; features; the proof that patterns do not collide; coverage.

A 16-bit pattern has its bits in the low half of the word; the upper half is then not part of it.
"""
import re
from dataclasses import dataclass

from expr import Expr, both, c_text, fold, leaves, py_function
from source import IsaError

PROOF_BITS = 20  # conditions are compared by trying every value of at most this many bits


@dataclass
class Field:
    name: str
    width: int
    signed: bool
    pieces: list  # (bit of the value, bit of the word, bits)

    @property
    def word_bits(self):
        return sum(((1 << n) - 1) << dst for _, dst, n in self.pieces)

    @property
    def value_bits(self):
        return sum(((1 << n) - 1) << src for src, _, n in self.pieces)

    def extract(self, word):
        v = sum((word >> dst & (1 << n) - 1) << src for src, dst, n in self.pieces)
        return v - (1 << self.width) if self.signed and v >> self.width - 1 & 1 else v

    def insert(self, value):
        return sum((value >> src & (1 << n) - 1) << dst for src, dst, n in self.pieces)

    def c(self, word):
        parts = []
        for src, dst, n in self.pieces:
            text = f"{word} >> {dst}" if dst else word
            if dst + n < 32:
                text = f"({text} & {hex((1 << n) - 1)})"
            elif dst:
                text = f"({text})"
            if src:
                text = f"{'(uint64_t)' if src + n > 32 else ''}{text} << {src}"
                text = f"({text})"
            parts.append(text)
        value = parts[0] if len(parts) == 1 else "(" + " | ".join(parts) + ")"
        value = f"(int64_t){value}"
        if self.signed:
            sign = 1 << self.width - 1
            value = f"(({value} ^ {hex(sign)}) - {hex(sign)})"
        return value

    def py(self):
        parts = " | ".join(f"(w >> {dst} & {(1 << n) - 1}) << {src}" for src, dst, n in self.pieces)
        return f"((({parts}) ^ {1 << self.width - 1}) - {1 << self.width - 1})" if self.signed else f"({parts})"


class Pattern:
    def __init__(self, spec, insn):
        self.insn, self.fields, self.mask, self.match, self.where = insn, {}, 0, 0, None
        place, ignored = insn.bits_place, 0
        pieces = []  # (length, literal bits or None, field name, source low bit)
        for raw in insn.bits:
            if re.fullmatch("[01]+", raw):
                pieces.append((len(raw), int(raw, 2), None, 0))
            elif m := re.fullmatch(r"([A-Za-z_]\w*):(s?)(\d+)", raw):
                name, n = m[1], int(m[3])
                if name == "_":
                    name, ignored = f"_{ignored}", ignored + 1
                else:
                    spec.check_name(name, place, "field")
                if name in spec.keys:
                    raise IsaError(place, f"field `{name}` is named like a key")
                if name in self.fields:
                    raise IsaError(place, f"field `{name}` stands twice")
                if not 0 < n <= 32:
                    raise IsaError(place, f"field `{name}`: 1 to 32 bits")
                self.fields[name] = Field(name, n, bool(m[2]), [])
                pieces.append((n, None, name, 0))
            elif m := re.fullmatch(r"([A-Za-z_]\w*)\[([\d:|]+)\]", raw):
                if m[1] not in spec.fields:
                    raise IsaError(place, f"`{m[1]}` is no scattered field")
                if m[1] in spec.keys:
                    raise IsaError(place, f"field `{m[1]}` is named like a key")
                width, signed = spec.fields[m[1]]
                f = self.fields.setdefault(m[1], Field(m[1], width, signed, []))
                for piece in m[2].split("|"):
                    ends = [int(x) for x in piece.split(":") if x]
                    if not 1 <= len(ends) <= 2 or not 0 <= ends[-1] <= ends[0] < f.width:
                        raise IsaError(place, f"field `{m[1]}` has no bits [{piece}]")
                    pieces.append((ends[0] - ends[-1] + 1, None, m[1], ends[-1]))
            else:
                raise IsaError(place, f"`{raw}` is no piece of bits")
        self.width = sum(p[0] for p in pieces)
        if self.width not in (16, 32):
            raise IsaError(place, f"the bits of `{insn.name}` sum to {self.width}, not 16 or 32")
        at = self.width
        for n, literal, name, low in pieces:
            at -= n
            if literal is not None:
                self.mask |= ((1 << n) - 1) << at
                self.match |= literal << at
            else:
                f = self.fields[name]
                if f.value_bits & ((1 << n) - 1) << low:
                    raise IsaError(place, f"a bit of field `{name}` stands twice")
                f.pieces.append((low, at, n))
        for e in insn.where:
            self.where = both(self.where, self.resolve(e, "where"))
        if self.where is not None and self.where.op == "num":
            if not self.where.value:
                raise IsaError(place, f"`{insn.name}`: `where` never holds")
            self.where = None
        self.where_bits = sum({self.fields[n].word_bits for n in leaves(self.where, "field")}) if self.where else 0
        self.test = self.function(self.where) if self.where else lambda w: True

    def resolve(self, e, what):
        """A condition over fields only."""
        if e.op == "num":
            return e
        if e.op == "name":
            if e.value not in self.fields:
                raise IsaError(e.place, f"`{e.value}` is no field of `{self.insn.name}`; `{what}` knows nothing else")
            return Expr("field", e.value, (), e.place)
        if e.op == "call":
            raise IsaError(e.place, f"`{e.value}(…)`: `{what}` knows fields only")
        return fold(Expr(e.op, e.value, tuple(self.resolve(a, what) for a in e.args), e.place))

    def function(self, e):
        return py_function(e, lambda name: self.fields[name].py(), "w")

    def c_where(self, word):
        return c_text(self.where, lambda name: self.fields[name].c(word), top=True)

    def matches(self, word):
        return word & self.mask == self.match and (self.width == 32 or word < 1 << 16) and self.test(word)

    def insert(self, values):
        return self.match | sum(self.fields[n].insert(v) for n, v in values.items())

    def where_fields(self):
        return leaves(self.where, "field")

    def count(self):
        """Words of its own width that it defines."""
        free = ((1 << self.width) - 1) & ~self.mask
        rest = 1 << bin(free & ~self.where_bits).count("1")
        if not self.where:
            return rest
        bits = free & self.where_bits
        if bin(bits).count("1") > PROOF_BITS:
            return rest << bin(bits).count("1")
        return rest * sum(1 for v in subsets(bits) if self.test(self.match | v))


def subsets(bits):
    v = 0
    while True:
        yield v
        v = (v - bits) & bits
        if not v:
            return


# ---- features ----

class Features:
    """Numbers of the features and what a stanza asks of them: (need, never, any) masks."""

    def __init__(self, spec, names):
        self.number, self.about, self.names = {}, {}, names
        self.closed = "feature" in spec.lists
        if self.closed:
            for row in spec.lists["feature"]:
                self.number[row[0]] = len(self.number)
                self.about[row[0]] = " ".join(row[1:])

    def bit(self, name, place):
        if not re.fullmatch(r"[a-z]\w*", name):
            raise IsaError(place, f"`{name}` is no feature's name")
        if name not in self.number:
            if self.closed or self.names is not None and name not in self.names:
                raise IsaError(place, f"unknown feature `{name}`")
            self.number[name] = len(self.number)
            self.about[name] = ""
        if self.number[name] > 63:
            raise IsaError(place, "more than 64 features")
        return 1 << self.number[name]

    def masks(self, insn):
        need = never = some = 0
        for f in insn.features:
            if "|" in f:
                if some:
                    raise IsaError(insn.place, "only one group of alternative features")
                for name in f.split("|"):
                    some |= self.bit(name, insn.place)
            elif f[0] == "!":
                never |= self.bit(f[1:], insn.place)
            else:
                need |= self.bit(f, insn.place)
        if need & never:
            raise IsaError(insn.place, "a feature is needed and excluded")
        return need, never, some


def exclusive(a, b):
    """No set of features admits both."""
    for x, y in ((a, b), (b, a)):
        if x[0] & y[1] or x[2] and not x[2] & ~y[1]:
            return True
    return False


# ---- collisions ----

def satisfiable(a, b, inverse, place):
    """Is there a word of both masks for which a's condition holds and b's holds (inverse: does not)?"""
    mask, match = a.mask | b.mask, a.match | b.match
    bits = (a.where_bits | b.where_bits) & ~mask
    if inverse and not b.where:
        return False
    if bin(bits).count("1") > PROOF_BITS:
        raise IsaError(place, f"the conditions of `{a.insn.name}` and `{b.insn.name}` look at too many bits to compare them")
    return any(a.test(w) and bool(b.test(w)) != inverse for w in (match | v for v in subsets(bits)))


def contains(a, b):
    """Every word of b is one of a."""
    return not a.mask & ~b.mask and b.match & a.mask == a.match and not satisfiable(b, a, True, b.insn.place)


def order(patterns, masks):
    """Refuses collisions; gives for each pattern the set of those that contain it (they are tried after it)."""
    wider, errors = {p: [] for p in patterns}, []
    rows = [(p.mask, p.match, p) for p in patterns]
    for i, (mask, match, p) in enumerate(rows):
        for mask2, match2, q in rows[:i]:
            if (match ^ match2) & mask & mask2:
                continue
            try:
                if exclusive(masks[p], masks[q]) or not satisfiable(p, q, False, p.insn.place):
                    continue
                up, down = contains(p, q), contains(q, p)
            except IsaError as e:
                errors.append(e)
                continue
            if up == down:
                how = "are the same pattern" if up else "overlap, none contains the other"
                other = f"`{q.insn.name}` ({q.insn.place[0]}:{q.insn.place[1]})"
                errors.append(IsaError(p.insn.bits_place, f"`{p.insn.name}` and {other} {how}"))
            else:
                wider[q if up else p].append(p if up else q)
    return wider, errors


def coverage(patterns, wider, low=7):
    """(low bits, words defined, words) by the low bits of the word; contained patterns are counted in what contains them."""
    rows = {}
    for p in patterns:
        if any(q.width == p.width for q in wider[p]):
            continue
        bits = low if p.width == 32 else 2
        major = (1 << bits) - 1
        for v in subsets(major & ~p.mask):
            key = (p.width, p.match & major | v)
            if p.width == 16:  # with the three top bits: the major opcodes of 16-bit insns
                key = (16, p.match & major | v, None)
            rows[key] = rows.get(key, 0) + p.count() / (1 << bin(major & ~p.mask).count("1"))
    out = []
    for key in sorted(rows, key=lambda k: k[:2]):
        bits = low if key[0] == 32 else 2
        out.append((key[0], format(key[1], f"0{bits}b"), int(rows[key]), 1 << key[0] - bits))
    return out

