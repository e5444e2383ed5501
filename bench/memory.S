/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loads and stores: adds two arrays of 256 KiB into a third, 9 insns a step, 1000 passes of 32768 steps, in user mode with Sv39. */
.globl _start
_start:
    li   t0, -1
    csrw pmpaddr0, t0
    li   t0, 0x1f
    csrw pmpcfg0, t0
    la   t0, end
    csrw mtvec, t0
    la   t0, table            # one 1 GiB leaf maps memory to itself
    srli t0, t0, 12
    li   t1, 8 << 60
    or   t0, t0, t1
    csrw satp, t0
    sfence.vma
    la   t0, user
    csrw mepc, t0
    csrw mstatus, zero
    mret
.balign 16
user:
    li   a0, 1000
2:  li   a1, 0x80400000
    li   a2, 0x80600000
    li   a3, 0x80800000
    li   a4, 32768
1:  ld   t0, (a1)
    ld   t1, (a2)
    add  t0, t0, t1
    sd   t0, (a3)
    addi a1, a1, 8
    addi a2, a2, 8
    addi a3, a3, 8
    addi a4, a4, -1
    bnez a4, 1b
    addi a0, a0, -1
    bnez a0, 2b
    ecall
.balign 16
end:
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, (t0)
    j    .
.balign 4096
table:
    .quad 0, 0
    .quad 0x80000 << 10 | 0xdf
    .skip 4096 - 24
