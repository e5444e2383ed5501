/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Start of a bare benchmark program: every hart begins here at EL1; run_user leaves it for EL0, and the first exception from there comes
 * back, for good, to guest_end(result, 0 instructions, exception class, address). */
    .section .start, "ax"
    .globl _start
_start:
    mrs x0, mpidr_el1
    and x0, x0, #0xff
    adrp x1, stacks_end
    add x1, x1, :lo12:stacks_end
    sub x1, x1, x0, lsl #16
    mov sp, x1
    adrp x1, vectors
    add x1, x1, :lo12:vectors
    msr vbar_el1, x1
    mov x1, #3 << 20 /* CPACR_EL1.FPEN */
    msr cpacr_el1, x1
    isb
    bl guest_main

/* run_user(hart, rounds): calls work at EL0. */
    .globl run_user
run_user:
    mov x2, sp
    msr sp_el0, x2
    adr x2, user
    msr elr_el1, x2
    mov x2, #0x3c0 /* EL0, interrupts masked */
    msr spsr_el1, x2
    eret
user:
    bl work
    svc 0

/* An exception of EL1 itself is one of the first eight. */
    .balign 2048
vectors:
    .rept 16
    .balign 128
    mov x1, xzr
    mrs x2, esr_el1
    lsr x2, x2, #26
    mrs x3, elr_el1
    b guest_end
    .endr
