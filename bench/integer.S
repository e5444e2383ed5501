/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Integer loop: 10 insns of shifts, additions and a taken branch, 100 million times, in user mode without paging. */
.globl _start
_start:
    li   t0, -1
    csrw pmpaddr0, t0
    li   t0, 0x1f
    csrw pmpcfg0, t0
    la   t0, end
    csrw mtvec, t0
    la   t0, user
    csrw mepc, t0
    csrw mstatus, zero
    mret
.balign 16
user:
    li   a0, 100000000
    li   a1, 88172645463325252
    li   a2, 0
1:  slli t0, a1, 13
    xor  a1, a1, t0
    srli t0, a1, 7
    xor  a1, a1, t0
    slli t0, a1, 17
    xor  a1, a1, t0
    add  a2, a2, a1
    andi t1, a1, 255
    addi a0, a0, -1
    bnez a0, 1b
    ecall
.balign 16
end:
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, (t0)
    j    .
