/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Writes functions `uint64_t f(uint64_t x, uint64_t count)` at run time, for the guests (rv64i, A64) and for the host: the same operations,
 * so the check values agree. Values are 0 to 2047. Every operation has one size on an architecture, so a function can be rewritten in place.
 */
#pragma once
#include "bench.h"

typedef uint64_t code_function(uint64_t x, uint64_t count);

enum { CODE_SIZE = 1 << 17 };
static uint8_t code_memory[CODE_SIZE] __attribute__((aligned(4096)));

static inline code_function *code_at(const uint8_t *at)
{
    code_function *function;
    __builtin_memcpy(&function, &at, sizeof function);
    return function;
}

#if defined(__riscv)
enum { CODE_OP = 4, CODE_LOOP = 8, CODE_JUMP = 4 };

#if __STDC_HOSTED__
#include <stdlib.h>
#include <sys/mman.h>

static inline void code_prepare(void)
{
    if (mprotect(code_memory, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC))
        abort();
}

/* By riscv_flush_icache: under an operating system fence.i is of this CPU alone. */
static inline void code_publish(uint8_t *from, uint8_t *to) { __builtin___clear_cache((char *)from, (char *)to); }
#else
/* The pages of a bare program are executable. */
static inline void code_prepare(void) {}

/* What was written in [from, to) can be called after this. */
static inline void code_publish(const uint8_t *from, const uint8_t *to)
{
    (void)from;
    (void)to;
    asm volatile("fence.i" : : : "memory");
}
#endif

static inline uint8_t *code_word(uint8_t *at, uint32_t insn)
{
    *(volatile uint32_t *)(void *)at = insn;
    return at + 4;
}

static inline uint8_t *code_begin(uint8_t *at) { return at; }
static inline uint8_t *code_add(uint8_t *at, int32_t value) { return code_word(at, (uint32_t)value << 20 | 0x00050513); } /* addi a0, a0 */
static inline uint8_t *code_xor(uint8_t *at, int32_t value) { return code_word(at, (uint32_t)value << 20 | 0x00054513); } /* xori a0, a0 */

/* x += x << n */
static inline uint8_t *code_shift_add(uint8_t *at, unsigned n)
{
    at = code_word(at, n << 20 | 0x00051293); /* slli t0, a0 */
    return code_word(at, 0x00550533);         /* add a0, a0, t0 */
}

/* Back to `to` until count is 0. */
static inline uint8_t *code_loop(uint8_t *at, const uint8_t *to)
{
    at = code_word(at, 0xfff58593); /* addi a1, a1, -1 */
    uint32_t by = (uint32_t)(to - at);
    return code_word(at,
                     0x00059063 | (by >> 12 & 1) << 31 | (by >> 5 & 63) << 25 | (by >> 1 & 15) << 8 | (by >> 11 & 1) << 7); /* bnez a1 */
}

static inline uint8_t *code_jump(uint8_t *at, const uint8_t *to)
{
    uint32_t by = (uint32_t)(to - at);
    return code_word(at, 0x6f | (by >> 20 & 1) << 31 | (by >> 1 & 1023) << 21 | (by >> 11 & 1) << 20 | (by >> 12 & 255) << 12);
}

static inline uint8_t *code_return(uint8_t *at) { return code_word(at, 0x00008067); }

#elif defined(__aarch64__)
#if __STDC_HOSTED__
#include <stdlib.h>
#include <sys/mman.h>

static inline void code_prepare(void)
{
    if (mprotect(code_memory, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC))
        abort();
}
#else
/* The data pages of a bare program are executable. */
static inline void code_prepare(void) {}
#endif

/* What was written in [from, to) can be called after this: DC CVAU and IC IVAU for each line. */
static inline void code_publish(uint8_t *from, uint8_t *to) { __builtin___clear_cache((char *)from, (char *)to); }

static inline uint8_t *code_word(uint8_t *at, uint32_t insn)
{
    *(volatile uint32_t *)(void *)at = insn;
    return at + 4;
}

static inline uint8_t *code_begin(uint8_t *at) { return at; }
static inline uint8_t *code_add(uint8_t *at, int32_t value) { return code_word(at, 0x91000000 | (uint32_t)value << 10); } /* add x0, x0 */

static inline uint8_t *code_xor(uint8_t *at, int32_t value)
{
    at = code_word(at, 0xd2800002 | (uint32_t)value << 5); /* mov x2 */
    return code_word(at, 0xca020000);                      /* eor x0, x0, x2 */
}

/* x += x << n */
static inline uint8_t *code_shift_add(uint8_t *at, unsigned n) { return code_word(at, 0x8b000000 | n << 10); } /* add x0, x0, x0, lsl */

/* Back to `to` until count is 0. */
static inline uint8_t *code_loop(uint8_t *at, const uint8_t *to)
{
    at = code_word(at, 0xd1000421);                                               /* sub x1, x1, 1 */
    return code_word(at, 0xb5000001 | ((uint32_t)(to - at) >> 2 & 0x7ffff) << 5); /* cbnz x1 */
}

static inline uint8_t *code_jump(uint8_t *at, const uint8_t *to)
{
    return code_word(at, 0x14000000 | ((uint32_t)(to - at) >> 2 & 0x3ffffff));
}

static inline uint8_t *code_return(uint8_t *at) { return code_word(at, 0xd65f03c0); }

#elif defined(__x86_64__)
#include <stdlib.h>
#include <sys/mman.h>

static inline void code_prepare(void)
{
    if (mprotect(code_memory, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC))
        abort();
}

static inline void code_publish(const uint8_t *from, const uint8_t *to) { asm volatile("" : : "r"(from), "r"(to) : "memory"); }

static inline uint8_t *code_bytes(uint8_t *at, unsigned n, uint64_t bytes)
{
    __builtin_memcpy(at, &bytes, n);
    return at + n;
}

static inline uint8_t *code_begin(uint8_t *at) { return code_bytes(at, 3, 0xf88948); } /* mov rax, rdi */
static inline uint8_t *code_add(uint8_t *at, int32_t value) { return code_bytes(at, 6, 0x0548 | (uint64_t)(uint32_t)value << 16); }
static inline uint8_t *code_xor(uint8_t *at, int32_t value) { return code_bytes(at, 6, 0x3548 | (uint64_t)(uint32_t)value << 16); }

static inline uint8_t *code_shift_add(uint8_t *at, unsigned n)
{
    at = code_bytes(at, 7, 0xe2c148c28948 | (uint64_t)n << 48); /* mov rdx, rax; shl rdx, n */
    return code_bytes(at, 3, 0xd00148);                         /* add rax, rdx */
}

static inline uint8_t *code_loop(uint8_t *at, const uint8_t *to)
{
    at = code_bytes(at, 3, 0xceff48); /* dec rsi */
    return code_bytes(at, 6, 0x850f | (uint64_t)(uint32_t)(to - at - 6) << 16);
}

static inline uint8_t *code_jump(uint8_t *at, const uint8_t *to)
{
    return code_bytes(at, 5, 0xe9 | (uint64_t)(uint32_t)(to - at - 5) << 8);
}

static inline uint8_t *code_return(uint8_t *at) { return code_bytes(at, 1, 0xc3); }
#endif
