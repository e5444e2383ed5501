/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loads and stores of every size, each the one insn it names. */
#pragma once
#include <stdint.h>

#define LOAD(name, insn)                                           \
    static inline uint64_t name(const void *p)                     \
    {                                                              \
        uint64_t v;                                                \
        asm volatile(insn ", [%1]" : "=r"(v) : "r"(p) : "memory"); \
        return v;                                                  \
    }
#define STORE(name, insn) \
    static inline void name(void *p, uint64_t v) { asm volatile(insn ", [%0]" ::"r"(p), "r"(v) : "memory"); }
LOAD(load_s8, "ldrsb %0")
LOAD(load_u8, "ldrb %w0")
LOAD(load_s16, "ldrsh %0")
LOAD(load_u16, "ldrh %w0")
LOAD(load_s32, "ldrsw %0")
LOAD(load_u32, "ldr %w0")
LOAD(load_64, "ldr %0")
STORE(store_8, "strb %w1")
STORE(store_16, "strh %w1")
STORE(store_32, "str %w1")
STORE(store_64, "str %1")
#undef LOAD
#undef STORE
