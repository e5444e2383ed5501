/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Atomic ops on guest RAM, by the host's own atomics.
 *
 * LL/SC: comparing the value alone would take A-B-A for "nothing happened". So every 64-byte line has a version (ir/monitor.h) that
 * each successful SC, AMO and CAS of any vCPU advances; SC succeeds only if version and value are both what LL saw. A plain store by
 * another vCPU is seen by its value.
 */
#include "base/bits.h"
#include "ir/eval.h"
#include "ir/monitor.h"
#include <stdlib.h>
#include <string.h>

struct cpu_monitor *cpu_monitor_new(void) { return calloc(1, sizeof(struct cpu_monitor)); }

static const void *line_of(const void *host) { return (const void *)((uintptr_t)host >> MONITOR_LINE_BITS << MONITOR_LINE_BITS); }

static _Atomic uint32_t *version_of(struct cpu *cpu, const void *line) { return &cpu->monitor->version[monitor_index((uintptr_t)line)]; }

/* The operand sizes, once: X(bytes, C type). */
#define SIZES(X)   \
    X(1, uint8_t)  \
    X(2, uint16_t) \
    X(4, uint32_t) \
    X(8, uint64_t) \
    X(16, u128)

/* Clang warns of 16-byte atomics that are a library's call where the processor may lack them: that is what is wanted here. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Watomic-alignment"
#endif

/* The C library's way writes (it compares and swaps), which memory that may only be read does not take. With AVX an aligned load of 16 bytes
 * is one access. */
static bool load_16(const void *host, u128 *v)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx")) {
        long long both __attribute__((vector_size(16)));
        __asm__ volatile("vmovdqa %1, %0" : "=x"(both) : "m"(*(const u128 *)host));
        memcpy(v, &both, sizeof *v);
        return true;
    }
#endif
    (void)host;
    (void)v;
    return false;
}

/* The aligned 16 bytes around what is not aligned by itself, and where in them it is. */
enum { WINDOW = 16 };

static u128 *window_of(const void *host, unsigned *shift)
{
    *shift = (unsigned)((uintptr_t)host & (WINDOW - 1)) * 8;
    return (u128 *)((uintptr_t)host & ~(uintptr_t)(WINDOW - 1));
}

static u128 low_bytes(u128 v, unsigned size) { return v & (~(u128)0 >> (128 - size * 8)); }

static u128 host_load(const void *host, unsigned size)
{
    unsigned shift;
    u128 wide;
    if (size == WINDOW && load_16(host, &wide))
        return wide;
    if ((uintptr_t)host & (size - 1)) {
        const u128 *window = window_of(host, &shift);
        if (!load_16(window, &wide))
            wide = __atomic_load_n(window, __ATOMIC_SEQ_CST);
        return low_bytes(wide >> shift, size);
    }
    switch (size) {
#define X(n, type)                                               \
    case n: {                                                    \
        type v;                                                  \
        __atomic_load((const type *)host, &v, __ATOMIC_SEQ_CST); \
        return v;                                                \
    }
        SIZES(X)
#undef X
    }
    __builtin_unreachable();
}

/* Stores desired if *expected stands there, else puts what stands there into *expected. */
static bool window_cas(void *host, unsigned size, u128 *expected, u128 desired)
{
    unsigned shift;
    u128 *window = window_of(host, &shift), mask = low_bytes(~(u128)0, size) << shift, old = host_load(window, WINDOW);
    do {
        u128 found = low_bytes(old >> shift, size);
        if (found != low_bytes(*expected, size)) {
            *expected = found;
            return false;
        }
    } while (
        !__atomic_compare_exchange_n(window, &old, (old & ~mask) | (desired << shift & mask), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return true;
}

static bool host_cas(void *host, unsigned size, u128 *expected, u128 desired)
{
    if ((uintptr_t)host & (size - 1))
        return window_cas(host, size, expected, desired);
    switch (size) {
#define X(n, type)                                                                                              \
    case n: {                                                                                                   \
        type e = (type)*expected, d = (type)desired;                                                            \
        bool done = __atomic_compare_exchange((type *)host, &e, &d, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        *expected = e;                                                                                          \
        return done;                                                                                            \
    }
        SIZES(X)
#undef X
    }
    __builtin_unreachable();
}

static u128 get(const struct cpu *cpu, unsigned cell, unsigned size)
{
    return size == 16 ? (u128)cpu->cell[cell + 1] << 64 | cpu->cell[cell] : bits_get(cpu->cell[cell], 0, size * 8);
}

static void put(struct cpu *cpu, unsigned cell, unsigned size, u128 v)
{
    cpu->cell[cell] = (uint64_t)v;
    if (size == 16)
        cpu->cell[cell + 1] = (uint64_t)(v >> 64);
}

/* What stands there, and the version that it has: seen before and after. */
static u128 load_versioned(_Atomic uint32_t *version, const void *host, unsigned size, uint32_t *seen)
{
    uint32_t before;
    u128 v;
    do {
        before = atomic_load(version);
        if (!(before & (MONITOR_HELD | MONITOR_ARMED)) && atomic_compare_exchange_strong(version, &before, before + MONITOR_ARMED))
            before += MONITOR_ARMED;
        v = host_load(host, size);
    } while ((before & (MONITOR_HELD | MONITOR_ARMED)) != MONITOR_ARMED || atomic_load(version) != before);
    *seen = before;
    return v;
}

static bool load_linked(struct cpu *cpu, const struct ir_op *op)
{
    unsigned size = op->s[0] / 8;
    gpa at;
    cpu->reservation.valid = RESERVED_no;
    cpu->reservation.strict -= cpu->reservation.strict > 0;
    const void *host = cpu_host(cpu, cpu->cell[op->a] + op->imm, size, ACCESS_read, op->s[1] | MEM_natural, &at);
    if (!host)
        return false;
    const void *line = line_of(host);
    uint32_t version = 0;
    u128 v = cpu->monitor->alone ? host_load(host, size) : load_versioned(version_of(cpu, line), host, size, &version);
    cpu->reservation.line = line;
    cpu->reservation.value[0] = (uint64_t)v;
    cpu->reservation.value[1] = (uint64_t)(v >> 64);
    cpu->reservation.version = version;
    cpu->reservation.size = (uint8_t)size;
    cpu->reservation.valid = RESERVED_armed;
    put(cpu, op->d, size, v);
    return true;
}

/* Others' reservations of the line end. */
static void advance(struct cpu *cpu, const void *host)
{
    _Atomic uint32_t *version = version_of(cpu, line_of(host));
    if (!cpu->monitor->alone && (atomic_load(version) & MONITOR_ARMED))
        atomic_fetch_add(version, MONITOR_ARMED);
}

/* By the version, which is held meanwhile, and the value. */
static bool store_armed(struct cpu *cpu, void *host, unsigned size, u128 expected, u128 desired)
{
    uint32_t version = cpu->reservation.version;
    _Atomic uint32_t *held = version_of(cpu, cpu->reservation.line);
    if (!atomic_compare_exchange_strong(held, &version, version + MONITOR_HELD))
        return false;
    bool done = host_cas(host, size, &expected, desired);
    /* Not a plain store: others that have written the line meanwhile have advanced it. Armed still: the next LL need not do it. */
    if (done)
        atomic_fetch_add(held, 2 * MONITOR_ARMED - MONITOR_HELD);
    else
        atomic_fetch_sub(held, MONITOR_HELD);
    return done;
}

static bool store_value(struct cpu *cpu, void *host, unsigned size, u128 expected, u128 desired)
{
    bool done = host_cas(host, size, &expected, desired);
    if (done)
        advance(cpu, host);
    return done;
}

static bool store_conditional(struct cpu *cpu, const struct ir_op *op)
{
    unsigned size = op->s[0] / 8;
    gpa at;
    void *host = cpu_host(cpu, cpu->cell[op->a] + op->imm, size, ACCESS_write, op->s[1] | MEM_natural, &at);
    u128 desired = get(cpu, op->b, size);
    unsigned valid = cpu->reservation.valid;
    if (!host)
        return false;
    cpu->reservation.valid = RESERVED_no;
    cpu->cell[op->d] = 0;
    if (valid == RESERVED_open)
        cpu->reservation.strict = RESERVED_STRICT;
    if (valid == RESERVED_no || valid == RESERVED_open || cpu->reservation.line != line_of(host) || cpu->reservation.size != size)
        return true;
    u128 expected = (u128)cpu->reservation.value[1] << 64 | cpu->reservation.value[0];
    bool done = (valid == RESERVED_pair || cpu->monitor->alone ? store_value : store_armed)(cpu, host, size, expected, desired);
    if (done)
        mem_note_write(cpu->space, at, size);
    cpu->cell[op->d] = done;
    return true;
}

static u128 combine(unsigned amo, unsigned size, u128 old, u128 operand)
{
    int64_t a = bits_sext((uint64_t)old, size * 8), b = bits_sext((uint64_t)operand, size * 8);
    switch (amo) {
    case IR_AMO_swap: return operand;
    case IR_AMO_add: return old + operand;
    case IR_AMO_and: return old & operand;
    case IR_AMO_or: return old | operand;
    case IR_AMO_xor: return old ^ operand;
    case IR_AMO_clr: return old & ~operand;
    case IR_AMO_smin: return a < b ? old : operand;
    case IR_AMO_smax: return a > b ? old : operand;
    case IR_AMO_umin: return old < operand ? old : operand;
    default: return old > operand ? old : operand;
    }
}

static bool read_modify_write(struct cpu *cpu, const struct ir_op *op)
{
    bool cas = op->op == IR_CAS;
    unsigned size = op->s[cas ? 0 : 1] / 8;
    gpa at;
    void *host = cpu_host(cpu, cpu->cell[op->a] + op->imm, size, ACCESS_write, op->s[cas ? 1 : 2] | MEM_natural, &at);
    if (!host)
        return false;
    u128 operand = get(cpu, op->b, size), old;
    bool wrote;
    if (cas) {
        old = operand;
        wrote = host_cas(host, size, &old, get(cpu, op->c, size));
    } else {
        old = host_load(host, size);
        while (!host_cas(host, size, &old, combine(op->s[0], size, old, operand)))
            ;
        wrote = true;
    }
    if (wrote) {
        advance(cpu, host);
        mem_note_write(cpu->space, at, size);
    }
    put(cpu, op->d, size, old);
    return true;
}

bool ir_op_atomic(struct cpu *cpu, const struct ir_op *op)
{
    switch (op->op) {
    case IR_LL: return load_linked(cpu, op);
    case IR_SC: return store_conditional(cpu, op);
    default: return read_modify_write(cpu, op);
    }
}
