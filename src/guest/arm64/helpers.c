/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Instructions whose meaning is a computation in C. */
#include "base/bits.h"
#include "guest/arm64/arm64.h"

/* The sum over the low 8 << size bits of value; the polynomials are written with their lowest power in the highest bit. */
static uint64_t crc(uint32_t sum, uint64_t value, unsigned size, uint32_t polynomial)
{
    for (unsigned i = 0; i < 8u << size; i++) {
        uint32_t low = (sum ^ (uint32_t)(value >> i)) & 1;
        sum = sum >> 1 ^ (low ? polynomial : 0);
    }
    return sum;
}

uint64_t arm64_hlp_crc32(struct cpu *cpu, uint64_t sum, uint64_t value, uint64_t size)
{
    (void)cpu;
    return crc((uint32_t)sum, value, (unsigned)size, 0xedb88320);
}

uint64_t arm64_hlp_crc32c(struct cpu *cpu, uint64_t sum, uint64_t value, uint64_t size)
{
    (void)cpu;
    return crc((uint32_t)sum, value, (unsigned)size, 0x82f63b78);
}
