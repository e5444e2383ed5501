/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A bare arm64 program that makes the accesses of ops.c and prints after each what was read and which of the two interrupt inputs are up
 * (ISR_EL1: 2 IRQ, 1 FIQ).
 */
#include "op.h"

extern const struct gic_op ops[];
extern const unsigned nops;
void run(void);

__asm__(".globl _start\n_start:\n ldr x1, =0x40400000\n mov sp, x1\n msr daifset, #15\n bl run\n b .");

static void put(char c) { *(volatile unsigned *)0x9000000 = (unsigned char)c; }

static void put_hex(unsigned long value, char end)
{
    int shift = 60;
    while (shift && !(value >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put("0123456789abcdef"[value >> shift & 15]);
    put(end);
}

static unsigned long get(unsigned row)
{
    unsigned long value = 0;
    switch (row) {
#define ICC(row, name, n, m, op2)                                             \
    case row:                                                                 \
        __asm__ volatile("mrs %0, s3_0_c" #n "_c" #m "_" #op2 : "=r"(value)); \
        break;
#include "registers.def"
#undef ICC
    }
    return value;
}

static void set(unsigned row, unsigned long value)
{
    switch (row) {
#define ICC(row, name, n, m, op2)                                                 \
    case row:                                                                     \
        __asm__ volatile("msr s3_0_c" #n "_c" #m "_" #op2 ", %0" : : "r"(value)); \
        break;
#include "registers.def"
#undef ICC
    }
}

static unsigned long access(const struct gic_op *op)
{
    unsigned long at = op->where;
    switch (op->kind) {
    case GIC_READ4: return *(volatile unsigned *)at;
    case GIC_READ8: return *(volatile unsigned long *)at;
    case GIC_WRITE1: *(volatile unsigned char *)at = (unsigned char)op->value; break;
    case GIC_WRITE4: *(volatile unsigned *)at = (unsigned)op->value; break;
    case GIC_WRITE8: *(volatile unsigned long *)at = op->value; break;
    case GIC_GET: return get(op->where);
    case GIC_SET: set(op->where, op->value); break;
    case GIC_TIMER: __asm__ volatile("msr cntv_cval_el0, xzr\n msr cntv_ctl_el0, %0" : : "r"(op->value)); break;
    }
    return 0;
}

void run(void)
{
    for (unsigned i = 0; i < nops; i++) {
        unsigned long value = access(&ops[i]), inputs;
        __asm__ volatile("dsb sy\n isb\n mrs %0, isr_el1" : "=r"(inputs));
        put_hex(value, ' ');
        put_hex(inputs >> 6 & 3, '\n');
    }
    register unsigned long function __asm__("x0") = 0x84000008; /* SYSTEM_OFF */
    __asm__ volatile("hvc #0" : "+r"(function));
}
