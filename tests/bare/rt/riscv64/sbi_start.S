/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Start and traps of programs in S mode: sbi_rt.h. */
#include "sbi_rt.h"

.section .text.start, "ax"
.globl _start
_start:
    la t0, boot_hart
    sd a0, (t0)
    la t0, boot_dt
    sd a1, (t0)
    la t0, sbi_main
    j common
.balign 4
.globl secondary_start
secondary_start:
    la t0, sbi_secondary
common:
    li t1, SHART_SIZE
    mul t1, t1, a0
    la tp, sharts
    add tp, tp, t1
    li t1, SSTACK
    addi t2, a0, 1
    mul t1, t1, t2
    la sp, sstacks
    add sp, sp, t1
    csrr a2, satp
    csrr a3, sstatus
    csrr a4, sie
    csrw sscratch, tp
    la t1, strap
    csrw stvec, t1
    jr t0

.balign 4
.globl strap
strap:
    csrrw tp, sscratch, tp
    .irp r, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\r, SHART_frame + 8 * \r(tp)
    .endr
    csrrw t0, sscratch, tp
    sd t0, SHART_frame + 8 * 4(tp)
    ld sp, SHART_sp(tp)
    mv a0, tp
    call strap_c
    .irp r, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld x\r, SHART_frame + 8 * \r(tp)
    .endr
    ld tp, SHART_frame + 8 * 4(tp)
    sret

.bss
.balign 16
sstacks:
    .space SSTACK * SHART_MAX
.globl strap_stacks
strap_stacks:
    .space SSTACK * SHART_MAX
