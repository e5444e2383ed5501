/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Print styles that the .isa files name: operands as assemblers write them. */
#include "guest/arm64/arm64.h"
#include "guest/arm64/constants.h"
#include "guest/arm64/float.h"
#include <inttypes.h>

static const char *base_name(int64_t n)
{
    static const char *const names[] = {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
                                        "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
                                        "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp"};
    return names[n & 31];
}

static void hex(struct arm64_text *t, uint64_t v) { arm64_text_put(t, "#0x%" PRIx64, v); }

/* ---- immediates ---- */

void arm64_show_pcpage(struct arm64_text *t, int64_t page) { arm64_text_put(t, "0x%" PRIx64, (t->pc & ~UINT64_C(4095)) + (uint64_t)page); }

void arm64_show_mask(struct arm64_text *t, int64_t sf, int64_t k, int64_t r, int64_t s)
{
    uint64_t mask = arm64_mask((unsigned)k, (unsigned)r, (unsigned)s);
    hex(t, sf ? mask : (uint32_t)mask);
}

void arm64_show_movz(struct arm64_text *t, int64_t sf, int64_t h, int64_t i)
{
    (void)sf;
    hex(t, (uint64_t)i << 16 * h);
}

void arm64_show_movn(struct arm64_text *t, int64_t sf, int64_t h, int64_t i)
{
    uint64_t v = ~((uint64_t)i << 16 * h);
    hex(t, sf ? v : (uint32_t)v);
}

void arm64_show_bit(struct arm64_text *t, int64_t h, int64_t i) { arm64_text_put(t, "#%u", (unsigned)(32 * h + i)); }

void arm64_show_fpimm(struct arm64_text *t, int64_t i)
{
    union {
        uint64_t bits;
        double value;
    } v = {.bits = arm64_fpimm(3, (unsigned)i)};
    arm64_text_put(t, "#%.8f", v.value);
}

/* Bits behind the point, by the width of the number. */
void arm64_show_fbits16(struct arm64_text *t, int64_t c) { arm64_text_put(t, "#%u", 16 - (unsigned)c); }
void arm64_show_fbits32(struct arm64_text *t, int64_t c) { arm64_text_put(t, "#%u", 32 - (unsigned)c); }
void arm64_show_fbits64(struct arm64_text *t, int64_t c) { arm64_text_put(t, "#%u", 64 - (unsigned)c); }

/* ---- bit fields: position and width of what moves up, down, and left shifts ---- */

void arm64_show_bfiz(struct arm64_text *t, int64_t sf, int64_t r, int64_t s)
{
    unsigned width = 32u << sf;
    arm64_text_put(t, "#%u, #%u", (width - (unsigned)r) & (width - 1), (unsigned)s + 1);
}

void arm64_show_bfx(struct arm64_text *t, int64_t r, int64_t s) { arm64_text_put(t, "#%u, #%u", (unsigned)r, (unsigned)(s - r + 1)); }
void arm64_show_lsl(struct arm64_text *t, int64_t sf, int64_t s) { arm64_text_put(t, "#%u", (32u << sf) - 1 - (unsigned)s); }

/* ---- registers, shifted and extended ---- */

void arm64_show_shift(struct arm64_text *t, int64_t k, int64_t i)
{
    static const char *const names[] = {"lsl", "lsr", "asr", "ror"};
    if (k || i)
        arm64_text_put(t, ", %s #%u", names[k & 3], (unsigned)i);
}

static const char *const extensions[] = {"uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"};

static void general(struct arm64_text *t, bool wide, int64_t n)
{
    if (n == 31)
        arm64_text_put(t, wide ? "xzr" : "wzr");
    else
        arm64_text_put(t, "%c%u", wide ? 'x' : 'w', (unsigned)n);
}

/* Of an addition: the extension that does nothing is written as a shift beside the stack pointer. */
void arm64_show_extended(struct arm64_text *t, int64_t sf, int64_t o, int64_t m, int64_t i, int64_t n, int64_t d)
{
    general(t, sf && (o & 3) == 3, m);
    bool plain = (n == 31 || d == 31) && o == (sf ? 3 : 2);
    if (plain && !i)
        return;
    arm64_text_put(t, ", %s", plain ? "lsl" : extensions[o & 7]);
    if (i)
        arm64_text_put(t, " #%u", (unsigned)i);
}

/* ---- addresses ---- */

static void offset(struct arm64_text *t, int64_t n, int64_t bytes)
{
    if (bytes)
        arm64_text_put(t, "[%s, #%" PRId64 "]", base_name(n), bytes);
    else
        arm64_text_put(t, "[%s]", base_name(n));
}

void arm64_show_offset(struct arm64_text *t, int64_t n, int64_t i) { offset(t, n, i); }
void arm64_show_post(struct arm64_text *t, int64_t n, int64_t i) { arm64_text_put(t, "[%s], #%" PRId64, base_name(n), i); }
void arm64_show_pre(struct arm64_text *t, int64_t n, int64_t i) { arm64_text_put(t, "[%s, #%" PRId64 "]!", base_name(n), i); }

static void indexed(struct arm64_text *t, int64_t n, int64_t m, int64_t o, int64_t h, unsigned shift)
{
    arm64_text_put(t, "[%s, ", base_name(n));
    general(t, o & 1, m);
    if (o != 3)
        arm64_text_put(t, ", %s", extensions[o & 7]);
    else if (h)
        arm64_text_put(t, ", lsl");
    if (h)
        arm64_text_put(t, " #%u", shift);
    arm64_text_put(t, "]");
}

#define SCALED(shift)                                                                                            \
    void arm64_show_offset##shift(struct arm64_text *t, int64_t n, int64_t i) { offset(t, n, i *(1 << shift)); } \
    void arm64_show_indexed##shift(struct arm64_text *t, int64_t n, int64_t m, int64_t o, int64_t h) { indexed(t, n, m, o, h, shift); }
#define PAIR(shift)                                                                                                     \
    void arm64_show_post##shift(struct arm64_text *t, int64_t n, int64_t i) { arm64_show_post(t, n, i *(1 << shift)); } \
    void arm64_show_pre##shift(struct arm64_text *t, int64_t n, int64_t i) { arm64_show_pre(t, n, i *(1 << shift)); }

SCALED(0)
SCALED(1)
SCALED(2)
SCALED(3)
SCALED(4)
PAIR(2)
PAIR(3)
PAIR(4)

/* ---- operations ---- */

void arm64_show_prfop(struct arm64_text *t, int64_t op)
{
    static const char *const types[] = {"pld", "pli", "pst"};
    if (op >> 3 > 2 || (op >> 1 & 3) == 3)
        arm64_text_put(t, "#0x%02x", (unsigned)op);
    else
        arm64_text_put(t, "%sl%u%s", types[op >> 3], ((unsigned)op >> 1 & 3) + 1, op & 1 ? "strm" : "keep");
}

void arm64_show_barrier(struct arm64_text *t, int64_t m)
{
    static const char *const names[] = {NULL, "oshld", "oshst", "osh", NULL, "nshld", "nshst", "nsh",
                                        NULL, "ishld", "ishst", "ish", NULL, "ld",    "st",    "sy"};
    if (names[m & 15])
        arm64_text_put(t, "%s", names[m & 15]);
    else
        arm64_text_put(t, "#0x%02x", (unsigned)m);
}

void arm64_show_isb(struct arm64_text *t, int64_t m)
{
    if (m != 15)
        arm64_text_put(t, " #0x%x", (unsigned)m);
}

void arm64_show_hint(struct arm64_text *t, int64_t m, int64_t o) { arm64_text_put(t, "0x%x", (unsigned)(m << 3 | o)); }
