/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Scalar SSE instructions as bytes, and which xmm registers are whose; for the files that lower floating point. */
#pragma once
#include "jit/host/x86_64/x86_64.h"
#include <string.h>

/* For temporaries, the second of them otherwise as mirror.c says; scratch within one op. */
enum { XTEMP0, XMIRROR, XWORK0, XWORK1, XWORK2 };

enum sse_op {
    SSE_ucomi = 0x0f2e,
    SSE_comi = 0x0f2f,
    SSE_sqrt = 0x0f51,
    SSE_and = 0x0f54,
    SSE_or = 0x0f56,
    SSE_xor = 0x0f57,
    SSE_add = 0x0f58,
    SSE_mul = 0x0f59,
    SSE_cvt = 0x0f5a, /* between formats, from the prefix's */
    SSE_sub = 0x0f5c,
    SSE_min = 0x0f5d,
    SSE_div = 0x0f5e,
    SSE_max = 0x0f5f,
    SSE_from_int = 0x0f2a,
    SSE_to_int_rtz = 0x0f2c,
    SSE_to_int = 0x0f2d,
};

static inline unsigned sse_scalar(bool single) { return single ? 0xf3 : 0xf2; } /* the prefix of scalar instructions */
static inline unsigned sse_compare(bool single) { return single ? 0 : 0x66; }   /* of comparisons */

static inline void sse_rr(struct code_buf *c, unsigned prefix, unsigned op, unsigned d, unsigned s)
{
    x86_prr(c, prefix, op, false, d, (enum x86_reg)s);
}

static inline void sse_constant(struct code_buf *c, unsigned prefix, unsigned op, unsigned d, const uint8_t *constant)
{
    x86_prip(c, prefix, op, false, d, constant);
}

/* d = f(a, b); what is above the result comes from a. Without AVX: XWORK2 may be lost. */
static inline void sse_3(struct emit *e, unsigned prefix, unsigned op, unsigned d, unsigned a, unsigned b)
{
    if (e->avx) {
        x86_vrr(&e->c, prefix, op, false, d, a, b);
        return;
    }
    if (d == b && d != a) {
        sse_rr(&e->c, 0, 0x0f28, XWORK2, b);
        b = XWORK2;
    }
    if (d != a)
        sse_rr(&e->c, 0, 0x0f28, d, a);
    sse_rr(&e->c, prefix, op, d, b == a ? d : b);
}

/* Likewise with a cell in memory, */
static inline void sse_3m(struct emit *e, unsigned prefix, unsigned op, unsigned d, unsigned a, struct x86_mem b)
{
    if (!e->avx && d != a)
        sse_rr(&e->c, 0, 0x0f28, d, a);
    if (e->avx)
        x86_vrm(&e->c, prefix, op, false, d, a, b);
    else
        x86_prm(&e->c, prefix, op, false, d, b, false);
}

/* with a constant. */
static inline void sse_3c(struct emit *e, unsigned prefix, unsigned op, unsigned d, unsigned a, const uint8_t *b)
{
    if (!e->avx && d != a)
        sse_rr(&e->c, 0, 0x0f28, d, a);
    if (e->avx)
        x86_vrip(&e->c, prefix, op, false, d, a, b);
    else
        x86_prip(&e->c, prefix, op, false, d, b);
}

static inline void sse_move(struct code_buf *c, unsigned d, unsigned s)
{
    if (d != s)
        sse_rr(c, 0, 0x0f28, d, s);
}

static inline void sse_load(struct code_buf *c, bool single, unsigned d, struct x86_mem m)
{
    x86_prm(c, sse_scalar(single), 0x0f10, false, d, m, false);
}

static inline void sse_store(struct code_buf *c, bool single, struct x86_mem m, unsigned s)
{
    x86_prm(c, sse_scalar(single), 0x0f11, false, s, m, false);
}

static inline void sse_ones(struct code_buf *c, unsigned d) { sse_rr(c, 0x66, 0x0f76, d, d); } /* pcmpeqd */
static inline void sse_zero(struct code_buf *c, unsigned d) { sse_rr(c, 0, SSE_xor, d, d); }
