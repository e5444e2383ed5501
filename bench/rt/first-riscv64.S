# SPDX-License-Identifier: MIT OR Apache-2.0
# The shortest program that shows a machine is alive: one character on the UART, then sleep for ever.
    .globl _start
_start:
    li t0, 0x10000000
    li t1, '.'
    sb t1, 0(t0)
1:  wfi
    j 1b
