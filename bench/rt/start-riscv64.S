# SPDX-License-Identifier: MIT OR Apache-2.0
# Start of a bare benchmark program: every hart begins here in M mode; run_user leaves it for U mode, and the first trap
# comes back, for good, to guest_end(result, retired insns, cause, address).
    .section .start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, stacks_end
    slli t0, a0, 16
    sub sp, sp, t0
    la t0, trapped
    csrw mtvec, t0
    call guest_main

# run_user(hart, rounds): calls work in U mode; instructions are counted from the entry to the ecall.
    .globl run_user
run_user:
    csrw mscratch, sp
    la t0, user
    csrw mepc, t0
    li t0, 0x1800 # mstatus.MPP: U
    csrc mstatus, t0
    li t0, 0x2000 # FS: initial
    csrs mstatus, t0
    csrw minstret, zero
    mret
user:
    call work
    ecall

    .balign 4
trapped:
    csrr a1, minstret
    csrr a2, mcause
    csrr a3, mepc
    csrr sp, mscratch
    call guest_end
