/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Start of every hart in M mode, the trap entries, and calls into other modes. See rt.h. */
#include "rt.h"

.section .text.start, "ax"
.globl _start
_start:
    csrr a0, mhartid
    li t0, HART_MAX
    bgeu a0, t0, 9f
    la t0, trap_entry
    csrw mtvec, t0
    la sp, stacks
    addi t1, a0, 1
    li t0, STACK_SIZE
    mul t1, t1, t0
    add sp, sp, t1
    call rt_start
9:  wfi
    j 9b

.text
.macro save_frame frame, scratch
    csrrw tp, \scratch, tp
    sd x1, \frame + 8 * 1(tp)
    sd x2, \frame + 8 * 2(tp)
    sd x3, \frame + 8 * 3(tp)
    .irp r, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\r, \frame + 8 * \r(tp)
    .endr
    csrrw t0, \scratch, tp
    sd t0, \frame + 8 * 4(tp)
.endm
.macro load_frame frame
    .irp r, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld x\r, \frame + 8 * \r(tp)
    .endr
    ld tp, \frame + 8 * 4(tp)
.endm

.balign 4
.globl trap_entry
trap_entry:
    save_frame HART_frame, mscratch
    ld sp, HART_trap_sp(tp)
    mv a0, tp
    call trap_taken
    load_frame HART_frame
    mret

.balign 4
.globl strap_entry
strap_entry:
    save_frame HART_sframe, sscratch
    ld sp, HART_strap_sp(tp)
    mv a0, tp
    call strap_taken
    ld t0, HART_leave(tp)
    bnez t0, lower_return
    load_frame HART_sframe
    sret

/* call_in(mode, fn, arg, sp, arg2) */
.globl call_in
call_in:
    addi sp, sp, -128
    sd ra, 0(sp)
    .irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd s\r, 8 + 8 * \r(sp)
    .endr
    ld t0, HART_call_sp(tp)
    sd t0, 112(sp)
    sd sp, HART_call_sp(tp)
    li t0, 3 << 11
    csrc mstatus, t0
    slli a0, a0, 11
    csrs mstatus, a0
    csrw mepc, a1
    mv a0, a2
    mv a1, a4
    la ra, lower_return
    beqz a3, 1f
    mv sp, a3
1:  mret

.balign 4
.globl lower_return
lower_return:
    li a7, CALL_MAGIC
    ecall
    j lower_return

/* The trap handler comes here, in M mode, with sp as call_in left it and the result in a0. */
.globl call_done
call_done:
    ld ra, 0(sp)
    .irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld s\r, 8 + 8 * \r(sp)
    .endr
    ld t0, 112(sp)
    sd t0, HART_call_sp(tp)
    addi sp, sp, 128
    ret

.bss
.balign 16
.globl stacks
stacks:
    .space STACK_SIZE * HART_MAX
.globl trap_stacks
trap_stacks:
    .space STACK_SIZE * HART_MAX
