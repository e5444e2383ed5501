/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What an xmm register still lacks of the value that the guest's register has. A NaN result keeps the payload that the host gave it, and
 * an f32 lacks the ones above it, until somebody could see that: arithmetic and comparisons cannot, since such a NaN is quiet. Stores,
 * moves, operands of the evaluator and ways out pay before; what leads to a trap or out of the block in a cold stub pays there.
 */
#include "jit/host/x86_64/sse.h"

static bool is_single(unsigned state) { return state & (X_ONES | X_UPPER); }

unsigned x86_xstate(const struct emit *e, unsigned cell)
{
    int x = x86_xreg(e, cell);
    if (x >= XPIN0)
        return e->xstate[x - XPIN0];
    for (unsigned i = 0; i < e->nxtemps; i++)
        if (e->xtemp[i].cell == cell)
            return e->xtemp[i].state;
    return 0;
}

/* Another pinned register with a NaN of that format to be looked for, as two are compared at once; else x. */
static unsigned partner(const struct emit *e, unsigned x, bool single)
{
    for (unsigned i = 0; i < XPINS; i++)
        if (i + XPIN0 != x && (e->xstate[i] & X_NAN) && is_single(e->xstate[i]) == single)
            return i + XPIN0;
    return x;
}

static void replace_nan(struct emit *e, unsigned x, bool single)
{
    sse_rr(&e->c, sse_compare(single), SSE_ucomi, x, x);
    uint8_t *number = x86_jcc(&e->c, CC_NP);
    sse_constant(&e->c, 0xf2, 0x0f10, x, single ? CONSTANT(e, nan32) : CONSTANT(e, nan64));
    x86_target(&e->c, number, e->c.at);
}

static void cold_nans(struct emit *e, const struct cold *cold)
{
    replace_nan(e, cold->reg, cold->single);
    if (cold->other != cold->reg)
        replace_nan(e, cold->other, cold->single);
}

void x86_xpay_value(struct emit *e, unsigned x, bool single)
{
    unsigned other = partner(e, x, single);
    sse_rr(&e->c, sse_compare(single), SSE_ucomi, x, other);
    uint8_t *from = x86_jcc(&e->c, CC_P);
    x86_xcold(
        e,
        (struct cold){
            .from = from, .back = e->c.at, .write = cold_nans, .reg = (uint8_t)x, .other = (uint8_t)other, .single = single, .result = -1});
    if (other != x)
        e->xstate[other - XPIN0] &= (uint8_t)~X_NAN;
}

static void pay_nan(struct emit *e, unsigned pin)
{
    if (!(e->xstate[pin] & X_NAN))
        return;
    e->xstate[pin] &= (uint8_t)~X_NAN;
    x86_xpay_value(e, XPIN0 + pin, is_single(e->xstate[pin]));
}

static void pay_box(struct emit *e, unsigned pin)
{
    if (!(e->xstate[pin] & X_UPPER))
        return;
    if (x86_xcanonical(e))
        sse_constant(&e->c, 0, SSE_or, XPIN0 + pin, CONSTANT(e, box));
    else
        sse_constant(&e->c, 0, SSE_and, XPIN0 + pin, CONSTANT(e, low32));
    e->xstate[pin] ^= X_UPPER | X_ONES;
}

void x86_xpay_nan(struct emit *e, unsigned cell)
{
    int x = x86_xreg(e, cell);
    if (x >= XPIN0) {
        pay_nan(e, (unsigned)x - XPIN0);
        return;
    }
    for (unsigned i = 0; i < e->nxtemps; i++) {
        struct xtemp *t = &e->xtemp[i];
        if (t->cell == cell && (t->state & X_NAN)) {
            x86_xpay_value(e, t->reg, t->single);
            t->state &= (uint8_t)~X_NAN;
        }
    }
}

void x86_xpay_box(struct emit *e, unsigned cell)
{
    int x = x86_xreg(e, cell);
    if (x >= XPIN0)
        pay_box(e, (unsigned)x - XPIN0);
}

void x86_xpay(struct emit *e, unsigned cell)
{
    x86_xpay_nan(e, cell);
    x86_xpay_box(e, cell);
}

/* Mostly none owes anything. */
static bool any(const uint8_t xstate[XPINS])
{
    uint64_t first, last;
    _Static_assert(XPINS >= sizeof first && XPINS <= 2 * sizeof first, "two words have all of it");
    memcpy(&first, xstate, sizeof first);
    memcpy(&last, xstate + XPINS - sizeof last, sizeof last);
    return first | last;
}

void x86_xpay_all(struct emit *e)
{
    for (unsigned pin = 0; any(e->xstate) && pin < XPINS; pin++) {
        pay_nan(e, pin);
        pay_box(e, pin);
    }
}

bool x86_xowes(const struct emit *e, const struct cold *cold)
{
    const uint8_t *xstate = x86_kept(e, cold)->xstate;
    for (unsigned pin = 0; any(xstate) && pin < XPINS; pin++)
        if (xstate[pin] & (X_NAN | X_UPPER))
            return true;
    return false;
}

/* In place: all that is owed at the branch to the stub. */
void x86_xpay_cold(struct emit *e, const struct cold *cold)
{
    memcpy(e->xstate, x86_kept(e, cold)->xstate, sizeof e->xstate);
    for (unsigned pin = 0; any(e->xstate) && pin < XPINS; pin++) {
        if (e->xstate[pin] & X_NAN)
            replace_nan(e, XPIN0 + pin, is_single(e->xstate[pin]));
        pay_box(e, pin);
    }
    memset(e->xstate, 0, sizeof e->xstate);
}
