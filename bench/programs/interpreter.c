/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A small bytecode interpreter: an indirect jump for every few instructions. */
#include "bench.h"

enum code { CODE_push, CODE_add, CODE_sub, CODE_mul, CODE_dup, CODE_swap, CODE_drop, CODE_load, CODE_store, CODE_loop, CODE_end };

static uint64_t interpret(const uint8_t *code, uint64_t count)
{
    uint64_t stack[16], cells[8] = {count}, *sp = stack, t;
    for (const uint8_t *at = code;;)
        switch ((enum code) * at++) {
        case CODE_push: *sp++ = *at++; break;
        case CODE_add: sp--, sp[-1] += sp[0]; break;
        case CODE_sub: sp--, sp[-1] -= sp[0]; break;
        case CODE_mul: sp--, sp[-1] *= sp[0]; break;
        case CODE_dup: *sp = sp[-1], sp++; break;
        case CODE_swap: t = sp[-1], sp[-1] = sp[-2], sp[-2] = t; break;
        case CODE_drop: sp--; break;
        case CODE_load: *sp++ = cells[*at++]; break;
        case CODE_store: cells[*at++] = *--sp; break;
        case CODE_loop: /* cells[0] counts down to 0 */
            if (--cells[0])
                at = code;
            break;
        case CODE_end: return cells[1];
        }
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    static const uint8_t code[] = {CODE_load, 1, CODE_push, 31,        CODE_mul, CODE_load,  0,         CODE_add,   CODE_dup,
                                   CODE_push, 7, CODE_mul,  CODE_swap, CODE_sub, CODE_dup,   CODE_drop, CODE_store, 1,
                                   CODE_load, 2, CODE_push, 1,         CODE_add, CODE_store, 2,         CODE_loop,  CODE_end};
    return interpret(code, rounds + hart);
}
