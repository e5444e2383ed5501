/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Dependent 64-bit arithmetic and logic in registers; no memory. */
#include "bench.h"

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t a = 0x123456789abcdef + hart, b = 0xfedcba987654321, c = 1;
    for (uint64_t i = 0; i < rounds; i++) {
        a = (a ^ a >> 23) * 0x2127599bf4325c37;
        b += a << 5 | a >> 59;
        c = (c - b) ^ (i << 3);
        a += c & 0xffff;
        if (c >> 63)
            b ^= 0x5555;
    }
    return a ^ b ^ c;
}
