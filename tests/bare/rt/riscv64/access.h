/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loads and stores of every size, each the one insn it names. */
#pragma once
#include <stdint.h>

#define LOAD(name, insn)                                           \
    static inline uint64_t name(const void *p)                     \
    {                                                              \
        uint64_t v;                                                \
        asm volatile(insn ", (%1)" : "=r"(v) : "r"(p) : "memory"); \
        return v;                                                  \
    }
#define STORE(name, insn) \
    static inline void name(void *p, uint64_t v) { asm volatile(insn ", (%0)" ::"r"(p), "r"(v) : "memory"); }
LOAD(load_s8, "lb %0")
LOAD(load_u8, "lbu %0")
LOAD(load_s16, "lh %0")
LOAD(load_u16, "lhu %0")
LOAD(load_s32, "lw %0")
LOAD(load_u32, "lwu %0")
LOAD(load_64, "ld %0")
STORE(store_8, "sb %1")
STORE(store_16, "sh %1")
STORE(store_32, "sw %1")
STORE(store_64, "sd %1")
#undef LOAD
#undef STORE
