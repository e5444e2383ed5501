/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prints one byte and ends: what a machine costs before it does anything. */
.globl _start
_start:
    li   t0, 0x10000000
    li   t1, '!'
    sb   t1, (t0)
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, (t0)
    j    .
