# SPDX-License-Identifier: MIT OR Apache-2.0
"""C tables that describe the insns (fields and their bits, features, tests) and the encoder, which works from them."""
import math
import re
import struct

from ctext import c_string, filled
from source import IsaError

FX = {"nv": 1, "dz": 2, "of": 4, "uf": 8, "nx": 16, "dn": 32}
FLOATS = {"h": ("<e", 2, 0x7e00, 0x7d00), "s": ("<f", 4, 0x7fc00000, 0x7fa00000), "d": ("<d", 8, 0x7ff8 << 48, 0x7ff4 << 48)}

CODE = """
uint32_t G_encode(unsigned id, const int64_t *values)
{
    const struct G_insn *insn = &G_insns[id];
    uint32_t word = insn->match;
    for (unsigned i = 0; i < insn->nfields; i++) {
        const struct G_field *f = &G_fields[insn->first_field + i];
        for (unsigned j = 0; j < f->npieces; j++) {
            const struct G_piece *p = &G_pieces[f->first_piece + j];
            word |= (uint32_t)((uint64_t)values[i] >> p->from & ((1ull << p->bits) - 1)) << p->to;
        }
    }
    return word;
}

void G_extract(unsigned id, uint32_t word, int64_t *values)
{
    const struct G_insn *insn = &G_insns[id];
    for (unsigned i = 0; i < insn->nfields; i++) {
        const struct G_field *f = &G_fields[insn->first_field + i];
        uint64_t value = 0;
        for (unsigned j = 0; j < f->npieces; j++) {
            const struct G_piece *p = &G_pieces[f->first_piece + j];
            value |= ((uint64_t)word >> p->to & ((1ull << p->bits) - 1)) << p->from;
        }
        uint64_t sign = f->is_signed ? 1ull << (f->width - 1) : 0;
        values[i] = (int64_t)((value ^ sign) - sign);
    }
}
"""


def tables(gen):
    g, gu, spec = gen.guest, gen.upper, gen.spec
    pieces, fields, tests, cells, insns, errors = [], [], [], [], [], []
    for p in gen.patterns:
        first = len(fields)
        for f in p.fields.values():
            fields.append(f'{{"{f.name}", {f.width}, {str(f.signed).lower()}, {hex(f.value_bits)}, {len(pieces)}, {len(f.pieces)}}}')
            pieces += [f"{{{src}, {dst}, {n}}}" for src, dst, n in f.pieces]
        first_test = len(tests)
        for t in p.insn.tests:
            try:
                before, after = ([cell(gen, c, t.place) for c in state] for state in (t.before, t.after))
            except IsaError as e:
                errors.append(e)
                continue
            tests.append(f"{{{hex(t.word)}, {c_string(gen.printed(p, t.word) or t.text)}, {len(cells)}, {len(before)}, {len(after)}}}")
            cells += before + after
        need, never, some = gen.masks[p]
        row_of = [c_string(p.insn.name), p.width // 8, str(p.insn.partial).lower(), len(p.fields), first,
                  len(tests) - first_test, first_test, hex(p.mask), hex(p.match), hex(need), hex(never), hex(some), c_string(p.insn.ref)]
        insns.append(f"[{gen.id(p)}] = {{{', '.join(map(str, row_of))}}}")
    if max(len(pieces), len(fields), len(tests), len(cells)) > 0xffff:
        errors.append(IsaError(("", 0), "more fields or tests than 16 bits number"))
    out = []
    for kind, name, rows in (("piece", "pieces", pieces), ("field", "fields", fields), ("cell", "cells", cells), ("test", "tests", tests),
                             ("insn", "insns", insns)):
        size = f"{gu}_INSNS" if kind == "insn" else max(len(rows), 1)
        out += ["", f"const struct {g}_{kind} {g}_{name}[{size}] = {{", *(f"    {r}," for r in rows or ["{0}"]), "};"]
    names = [f'    [{gu}_FEATURE_{n}] = "{n}",' for n in gen.features.number]
    out += ["", f"const char *const {g}_feature_names[{gu}_FEATURES + 1] = {{", *names, "};"]
    out += filled(gen, CODE)
    return out, errors


def cell(gen, pair, place):
    """A test's name=value as the text of a struct G_cell row: {kind, bytes, number, relative, value}."""
    name, text = pair
    gu = gen.upper
    if m := re.fullmatch(r"m(?:\+(\w+))?:(\w+)", name):
        size = number(m[2], place)
        if size not in (1, 2, 4, 8, 16):
            raise IsaError(place, f"test: `{name}`: m:SIZE or m+OFFSET:SIZE with size 1 2 4 8 16")
        return row(gu, "mem", size, number(m[1] or "0", place), text, place)
    if name == "pc":
        return row(gu, "pc", 8, 0, text.lstrip("+"), place)
    if name == "fflags":
        if text.strip("0"):
            for f in re.split("[+|]", text):
                if f not in FX:
                    raise IsaError(place, f"test: `{f}` is no sticky flag")
        bits = sum(FX[f] for f in re.split("[+|]", text)) if text.strip("0") else 0
        return row(gu, "fx", 1, 0, str(bits), place)
    if name == "trap":
        return f"{{{gu}_AT_trap, 4, 0, false, {gu}_TRAP_{text}}}"
    if name in gen.spec.keys and name not in gen.spec.slots:
        return row(gu, "key", 2, list(gen.spec.keys).index(name), text, place)
    m = re.fullmatch(r"(\w*?)(\d*)", name)
    whole, (base, index) = gen.spec.slots.get(name), m.groups()
    slot, n = (whole, 0) if whole else (gen.spec.slots.get(base), int(index or 0))
    if not slot or n >= slot.count or slot.array and not whole and not index or slot.array and whole:
        raise IsaError(place, f"test: no slot, key or cell `{name}`")
    return row(gu, "cell", 8 * slot.cells, slot.cell + n * slot.cells, text, place, slot.type == "f64")


def row(gu, kind, size, n, text, place, boxed=False):
    relative = text.startswith("@m")
    if relative:
        value = number(text[2:].lstrip("+") or "0", place)
    elif m := re.fullmatch(r"([hsd]):(\S+)", text):
        value = floating(m[1], m[2], place, boxed)
    else:
        value = number(text, place)
    if size == 16 and not -1 << 63 <= value < 1 << 64:
        raise IsaError(place, f"test: {text}: the low half only, the high half is 0")
    if not -1 << 63 <= value < 1 << 64:
        raise IsaError(place, f"test: {text} does not fit")
    return f"{{{gu}_AT_{kind}, {size}, {n}, {str(relative).lower()}, {hex(value & (1 << 64) - 1)}}}"


def floating(kind, text, place, boxed):
    pack, size, quiet, signalling = FLOATS[kind]
    sign = text.startswith("-")
    if text.lstrip("+-") in ("nan", "qnan", "snan"):
        bits = signalling if text.endswith("snan") else quiet
        bits |= sign << 8 * size - 1
    else:
        try:
            v = float.fromhex(text) if "0x" in text else float(text)
            bits = int.from_bytes(struct.pack(pack, v), "little")
        except (ValueError, OverflowError):
            raise IsaError(place, f"test: {kind}:{text} is no float") from None
        if not math.isfinite(v) and "inf" not in text:
            raise IsaError(place, f"test: {kind}:{text} does not fit")
    return bits | ((1 << 64) - 1 & ~((1 << 8 * size) - 1) if boxed else 0)


def number(text, place):
    try:
        return int(text, 0)
    except ValueError:
        raise IsaError(place, f"test: `{text}` is no number") from None
