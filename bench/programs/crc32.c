/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CRC-32 of a buffer, a byte at a time by table. */
#include "bench.h"

enum { SIZE = 16384 };
static uint32_t table[256];
static uint8_t data[SIZE];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 1234567 + hart;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (unsigned k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
        table[i] = c;
    }
    for (unsigned i = 0; i < SIZE; i++)
        data[i] = (uint8_t)next_random(&seed);
    uint32_t crc = 0xffffffff;
    for (uint64_t r = 0; r < rounds; r++)
        for (unsigned i = 0; i < SIZE; i++)
            crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    return crc ^ 0xffffffff;
}
