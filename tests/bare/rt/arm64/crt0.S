/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Start of vCPUs, the vectors of EL1 and EL2, and calls into other levels. See rt.h. */
#include "rt.h"

.section .text.start, "ax"
.globl _start
_start:
    mov x0, #0
.globl secondary_start
secondary_start: /* x0: its number */
    msr daifset, #15
    msr spsel, #1
    mrs x1, currentel
    cmp x1, #8
    b.ne 1f
    movz x1, #0x4, lsl #32 /* E2H */
    movk x1, #0x8000, lsl #16 /* RW */
    msr hcr_el2, x1
    isb
1:  adrp x18, harts
    add x18, x18, :lo12:harts
    mov x2, #HART_SIZE
    madd x18, x0, x2, x18
    adrp x1, stacks
    add x1, x1, :lo12:stacks
    add x3, x0, #1
    mov x2, #STACK_SIZE
    madd x1, x3, x2, x1
    mov sp, x1
    bl rt_start
2:  b 2b

.text
/* The registers go to a frame below trap_sp, which is the hart's stack pointer of traps at all levels. */
.macro vectors el
.balign 2048
.globl vectors_el\el
vectors_el\el:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .balign 128
    stp x0, x1, [x18, #HART_scratch]
    mov x0, #\n
    b trap_el\el
    .endr
    .balign 128
trap_el\el:
    ldr x1, [x18, #HART_trap_sp]
    sub x1, x1, #FRAME_SIZE
    sub x1, x1, #HANDLER_SIZE
    str x1, [x18, #HART_trap_sp]
    add x1, x1, #HANDLER_SIZE
    .irp r, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    str x\r, [x1, #8 * \r]
    .endr
    ldp x2, x3, [x18, #HART_scratch]
    stp x2, x3, [x1]
    mov x2, sp
    str x2, [x1, #FRAME_sp]
    mrs x2, elr_el\el
    mrs x3, spsr_el\el
    stp x2, x3, [x1, #FRAME_elr]
    mov sp, x1
    mov x2, x0
    mov x3, #\el
    mov x0, x18
    bl trap_taken
    mov x1, sp
    add x0, x1, #FRAME_SIZE
    str x0, [x18, #HART_trap_sp]
    ldp x2, x3, [x1, #FRAME_elr]
    msr elr_el\el, x2
    msr spsr_el\el, x3
    ldr x0, [x1, #FRAME_sp]
    mov sp, x0
    .irp r, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    ldr x\r, [x1, #8 * \r]
    .endr
    ldp x0, x1, [x1]
    eret
.endm
vectors 1
vectors 2

/* call_in(pstate, fn, arg, sp, arg2) */
.globl call_in
call_in:
    sub sp, sp, #144
    .irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    str x\r, [sp, #8 * (\r - 19)]
    .endr
    ldr x5, [x18, #HART_call_sp]
    mrs x6, daif
    ldr x7, [x18, #HART_trap_sp]
    stp x5, x6, [sp, #96]
    ldr x5, [x18, #HART_call_el]
    stp x7, x5, [sp, #112]
    mrs x7, currentel
    lsr x7, x7, #2
    str x7, [x18, #HART_call_el]
    mov x5, sp
    str x5, [x18, #HART_call_sp]
    cbnz x3, 1f
    mov x3, sp
1:  adrp x30, lower_return
    add x30, x30, :lo12:lower_return
    and x6, x0, #0xf
    mrs x7, currentel
    cmp x7, #8
    b.eq 2f
    cmp x6, #EL1h
    b.eq 4f
    msr sp_el0, x3
    b 4f
2:  cmp x6, #EL2h /* from EL2 */
    b.eq 5f
    cmp x6, #EL1h
    b.eq 3f
    msr sp_el0, x3
    cmp x6, #EL1t
    b.ne 5f
3:  msr sp_el1, x3
    adrp x30, lower_return_hvc
    add x30, x30, :lo12:lower_return_hvc
5:  msr elr_el2, x1
    msr spsr_el2, x0
    b 6f
4:  msr elr_el1, x1
    msr spsr_el1, x0
6:  mov x0, x2
    mov x1, x4
    eret

.balign 4096 /* what lower levels execute in spaces of their own */
.globl lower_return
lower_return:
    svc #CALL_MAGIC
    b lower_return
.globl lower_return_hvc
lower_return_hvc:
    hvc #CALL_MAGIC
    b lower_return_hvc

/* The trap handler comes here with sp as call_in left it and the result in x0. */
.globl call_done
call_done:
    ldp x5, x6, [sp, #96]
    str x5, [x18, #HART_call_sp]
    ldp x7, x5, [sp, #112]
    str x7, [x18, #HART_trap_sp]
    str x5, [x18, #HART_call_el]
    msr daif, x6
    .irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    ldr x\r, [sp, #8 * (\r - 19)]
    .endr
    add sp, sp, #144
    ret

.bss
.balign 16
.globl stacks
stacks:
    .space STACK_SIZE * HART_MAX
.globl trap_stacks
trap_stacks:
    .space STACK_SIZE * HART_MAX
