# SPDX-License-Identifier: MIT OR Apache-2.0
"""The generated header: everything the guest's C and the tests use. The texts of its comments are the reference of the C contract."""
from ctext import filled
from emit_lift import helper_prototypes


HEAD = """\
/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made by tools/isagen from the .isa files of %s. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ir/build.h"

struct cpu;
"""

KEYS = """\
enum { GU_KEYS = %d };
uint64_t G_keys_pack(const struct G_keys *keys);
void G_keys_unpack(struct G_keys *keys, uint64_t packed);
/* Sets the keys that mirror a slot; the others are the caller's. */
void G_keys_read(const struct G_state *state, struct G_keys *keys);
/* Both at once: the others are 0. */
uint64_t G_keys_of(const struct G_state *state);
extern const char *const G_key_names[GU_KEYS + 1]; /* by number, for tests; NULL at the end */
"""

INSNS = """\
struct G_lift {
    struct ir_build *b;
    struct G_keys *key; /* may be changed by the insn, for those that follow */
    const struct cpu *cpu;
    uint32_t insn; /* 16-bit insns: the upper half is 0 */
    unsigned len;  /* bytes */
};
/* features: of the model. INSNS: undefined. */
unsigned G_decode(uint32_t word, uint64_t features);
/* Emits the IR of one insn; the caller wraps it in ir_insn_begin and ir_insn_end. */
void G_lift(const struct G_lift *l, unsigned id);
/* Like snprintf: the length it wants. Nothing for INSNS. */
size_t G_print(unsigned id, uint32_t word, uint64_t pc, char *buf, size_t size);
/* values: of the insn's fields, in the order of G_fields; only the bits that the encoding holds count. */
uint32_t G_encode(unsigned id, const int64_t *values);
void G_extract(unsigned id, uint32_t word, int64_t *values);

struct G_piece {
    uint8_t from, to, bits; /* bit of the value, of the word, how many */
};
struct G_field {
    const char *name; /* "_0" ...: ignored bits */
    uint8_t width;
    bool is_signed;
    uint64_t bits; /* of the value, that the encoding holds; the others are 0 */
    uint16_t first_piece;
    uint8_t npieces;
};
enum { /* where a test's cell is */
    GU_AT_cell, /* number: of the cell */
    GU_AT_mem,  /* number: offset from the test page */
    GU_AT_pc,   /* relative to the insn */
    GU_AT_fx,   /* sticky flags, FX_* */
    GU_AT_key,  /* number: of the key */
    GU_AT_trap, /* its kind: the insn must trap so */
};
struct G_cell {
    uint8_t at, bytes;
    uint16_t number;
    bool relative; /* value: offset from the test page */
    uint64_t value;
};
struct G_test {
    uint32_t word;
    const char *text;    /* printed at pc 0 */
    uint16_t first_cell; /* before, then after; none: only the text is tested */
    uint8_t nbefore, nafter;
};
struct G_insn {
    const char *name;
    uint8_t length; /* bytes */
    bool partial;
    uint8_t nfields;
    uint16_t first_field;
    uint8_t ntests;
    uint16_t first_test;
    uint32_t mask, match;
    uint64_t need, never, any; /* features: all, none, one of (0: nothing asked) */
    const char *ref;           /* the manual's section */
};
extern const struct G_piece G_pieces[];
extern const struct G_field G_fields[];
extern const struct G_cell G_cells[];
extern const struct G_test G_tests[];
extern const struct G_insn G_insns[GU_INSNS];

/* ---- printing ---- */
struct G_text {
    char *buf;
    size_t size, len; /* len: what it wants so far */
    uint64_t pc;
    uint32_t word;
};
__attribute__((format(printf, 2, 3))) void G_text_put(struct G_text *t, const char *format, ...);
"""


def header(gen, styles):
    o = filled(gen, HEAD % gen.guest)
    return o + ["", *state(gen)] + keys(gen) + features(gen) + insns(gen) + ["", *guest_part(gen, styles)]


def state(gen):
    g, gu, slots = gen.guest, gen.upper, gen.spec.slots.values()
    o = ["/* ---- state: the slots are the first cells of a vCPU ---- */", "enum {"]
    o += [f"    {gu}_CELL_{s.name} = {s.cell}," for s in slots]
    o += [f"    {gu}_CELLS = {gen.spec.cells},", "};", "", f"struct {g}_state {{"]
    at = 0
    for s in slots:
        if s.cell > at:
            o.append(f"    uint64_t pad{at};")
        at = s.cell + s.cells * s.count
        dims = f"[{s.count}]" * s.array + f"[{s.cells}]" * (s.cells > 1)
        o.append(f"    uint64_t {s.name}{dims};{'' if s.type == 'i64' else f' /* {s.type} */'}")
    return o + ["};", ""]


def keys(gen):
    o = ["/* ---- keys: mode bits known when lifting ---- */", f"struct {gen.guest}_keys {{"]
    for k in gen.spec.keys.values():
        mirrors = f" /* {k.slot}{f' >> {k.low}' if k.low else ''} */" if k.slot else ""
        o.append(f"    uint{8 if k.bits <= 8 else 16}_t {k.name};{mirrors}")
    if not gen.spec.keys:
        o.append("    uint8_t none;")
    return o + ["};", *filled(gen, KEYS % len(gen.spec.keys)), ""]


def features(gen):
    gu, f = gen.upper, gen.features
    o = ["/* ---- features of a model: bit numbers ---- */", f"enum {gen.guest}_feature {{"]
    o += [f"    {gu}_FEATURE_{n} = {i},{f' /* {f.about[n]} */' if f.about[n] else ''}" for n, i in f.number.items()]
    return o + [f"    {gu}_FEATURES = {len(f.number)},", "};",
                f"extern const char *const {gen.guest}_feature_names[{gu}_FEATURES + 1]; /* NULL at the end */", ""]


def insns(gen):
    o = ["/* ---- insns ---- */", f"enum {gen.guest}_insn_id {{"]
    return o + [f"    {gen.id(p)}," for p in gen.patterns] + [f"    {gen.upper}_INSNS,", "};", "", *filled(gen, INSNS)]


def guest_part(gen, styles):
    g, gu = gen.guest, gen.upper
    o = ["/* ---- written by the guest: print styles, functions of lower-case expressions, accessors, helpers ---- */"]
    o += [f"void {g}_show_{name}(struct {g}_text *t{', int64_t' * n});" for name, n in sorted(styles.items())]
    o += [f"int64_t {name}(const struct {g}_lift *l{', int64_t' * n});" for name, n in sorted(gen.functions.items())]
    for (how, name), kinds in sorted(gen.externs.items()):
        params = "".join(", ir_val" if k == "v" else ", int64_t" for k in kinds)
        o.append(f"ir_val {g}_get_{name}(const struct {g}_lift *l{params});" if how == "get" else
                 f"void {g}_put_{name}(const struct {g}_lift *l{params}, ir_val value);")
    o += helper_prototypes(gen)
    o += ["enum {"] + [f"    {gen.helper_id(h)}," for h in gen.spec.helpers] + [f"    {gu}_HELPERS,", "};"]
    if gen.spec.helpers:
        o.append(f"extern const struct ir_helper {g}_helpers[{gu}_HELPERS];")
    return o


def keys_runs(rows):
    """Keys that lie beside each other in a slot as in the packed number: [slot, its lowest bit, bits, where in the number]."""
    at, runs = 0, []
    for k in rows:
        if runs and k.slot == runs[-1][0] and k.low == runs[-1][1] + runs[-1][2] and at == runs[-1][3] + runs[-1][2]:
            runs[-1][2] += k.bits
        elif k.slot:
            runs.append([k.slot, k.low, k.bits, at])
        at += k.bits
    return runs


def keys_code(gen):
    g, rows = gen.guest, list(gen.spec.keys.values())
    at, terms, unpack, read = 0, [], [], []
    packed = [f"(state->{slot}{f' >> {low}' if low else ''} & {hex((1 << bits) - 1)})" + (f" << {to}" if to else "")
              for slot, low, bits, to in keys_runs(rows)]
    for k in rows:
        mask = hex((1 << k.bits) - 1)
        terms.append(f"(uint64_t)(keys->{k.name} & {mask})" + (f" << {at}" if at else ""))
        unpack.append(f"    keys->{k.name} = packed{f' >> {at}' if at else ''} & {mask};")
        if k.slot:
            read.append(f"    keys->{k.name} = state->{k.slot}{f' >> {k.low}' if k.low else ''} & {mask};")
        at += k.bits
    o, read = [], read or ["    (void)state, (void)keys;"]
    for head, body in ((f"uint64_t {g}_keys_pack(const struct {g}_keys *keys)",
                        ["    return " + " | ".join(terms) + ";"] if terms else ["    (void)keys;", "    return 0;"]),
                       (f"void {g}_keys_unpack(struct {g}_keys *keys, uint64_t packed)", unpack or ["    (void)keys, (void)packed;"]),
                       (f"void {g}_keys_read(const struct {g}_state *state, struct {g}_keys *keys)", read),
                       (f"uint64_t {g}_keys_of(const struct {g}_state *state)",
                        ["    return " + " | ".join(packed) + ";"] if packed else ["    (void)state;", "    return 0;"])):
        o += ["", head, "{", *body, "}"]
    names = ", ".join([f'"{k.name}"' for k in rows] + ["NULL"])
    return o + ["", f"const char *const {g}_key_names[{gen.upper}_KEYS + 1] = {{{names}}};"]
