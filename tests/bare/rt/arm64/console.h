/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a program's output goes, and how it ends: the UART (PL011), and semihosting's exit, because PSCI knows no exit codes. */
#pragma once
#include <stdint.h>

static inline void console_put(char c)
{
    volatile uint32_t *uart = (volatile uint32_t *)0x9000000;
    while (uart[6] & 0x20) /* FR.TXFF */
        ;
    uart[0] = (uint8_t)c;
}

static inline void console_exit(unsigned code)
{
    uint64_t block[2] = {0x20026 /* ADP_Stopped_ApplicationExit */, code};
    register uint64_t w0 asm("x0") = 0x18 /* SYS_EXIT */;
    register uint64_t *x1 asm("x1") = block;
    asm volatile("hlt #0xf000" : "+r"(w0) : "r"(x1) : "memory");
}
