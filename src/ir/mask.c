/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Masks of VSHUF: each is a function from the result's lane to the lane, of both vectors one behind the other, that goes there. */
#include "ir/mask.h"

enum { BYTES = 16 };

static void set(struct ir_mask *mask, unsigned byte, unsigned from)
{
    mask->low |= (uint64_t)(from & 15) << 4 * byte;
    mask->second |= (uint16_t)(from / BYTES % 2 << byte);
}

/* from: a lane of both vectors, each of `count` lanes. */
static void set_lane(struct ir_mask *mask, unsigned e, unsigned lane, unsigned from, unsigned count)
{
    unsigned size = e / 8, at = from % count * size + (from / count % 2 ? BYTES : 0);
    for (unsigned i = 0; i < size; i++)
        set(mask, lane * size + i, at + i);
}

struct ir_mask ir_mask_zip(unsigned e, unsigned part, unsigned bits)
{
    struct ir_mask mask = {0};
    unsigned count = bits / e;
    for (unsigned lane = 0; lane < count; lane++)
        set_lane(&mask, e, lane, (lane & 1 ? count : 0) + (part ? count / 2 : 0) + lane / 2, count);
    return mask;
}

struct ir_mask ir_mask_uzp(unsigned e, unsigned part, unsigned bits)
{
    struct ir_mask mask = {0};
    for (unsigned lane = 0; lane < bits / e; lane++)
        set_lane(&mask, e, lane, 2 * lane + !!part, bits / e);
    return mask;
}

struct ir_mask ir_mask_trn(unsigned e, unsigned part)
{
    struct ir_mask mask = {0};
    unsigned count = 128 / e;
    for (unsigned lane = 0; lane < count; lane++)
        set_lane(&mask, e, lane, (lane & 1 ? count : 0) + (lane & ~1u) + !!part, count);
    return mask;
}

struct ir_mask ir_mask_ext(unsigned n, unsigned bits)
{
    struct ir_mask mask = {0};
    for (unsigned i = 0; i < bits / 8; i++)
        set_lane(&mask, 8, i, n + i, bits / 8);
    return mask;
}

struct ir_mask ir_mask_rev(unsigned e, unsigned group)
{
    struct ir_mask mask = {0};
    for (unsigned lane = 0; lane < 128 / e; lane++)
        set_lane(&mask, e, lane, lane ^ (group / e - 1), 128 / e);
    return mask;
}

struct ir_mask ir_mask_dup(unsigned e, unsigned n)
{
    struct ir_mask mask = {0};
    for (unsigned lane = 0; lane < 128 / e; lane++)
        set_lane(&mask, e, lane, n, 128 / e);
    return mask;
}

struct ir_mask ir_mask_ins(unsigned e, unsigned i, unsigned j)
{
    struct ir_mask mask = {0};
    unsigned count = 128 / e;
    for (unsigned lane = 0; lane < count; lane++)
        set_lane(&mask, e, lane, lane == i ? count + j : lane, count);
    return mask;
}

struct ir_mask ir_mask_raw(uint64_t low, unsigned second) { return (struct ir_mask){low, (uint16_t)second}; }
