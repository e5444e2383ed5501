/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The shortest program that shows a machine is alive: one character on the UART, then sleep for ever. */
    .globl _start
_start:
    mov x0, #0x9000000
    mov w1, #'.'
    str w1, [x0]
1:  wfi
    b 1b
