/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SHA-1, SHA-512 (FIPS 180-4), SM3 and SM4 (GB/T 32905, 32907) as the instructions of crypto.isa cut them: some rounds, or the words of the next
 * ones. Vectors: lane 0 first.
 */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "guest/sm4.h"

struct words { /* of a vector */
    uint32_t w[4];
};

static struct words get(const uint64_t *v)
{
    return (struct words){{(uint32_t)v[0], (uint32_t)(v[0] >> 32), (uint32_t)v[1], (uint32_t)(v[1] >> 32)}};
}

static void put(uint64_t *out, struct words v)
{
    out[0] = (uint64_t)v.w[1] << 32 | v.w[0];
    out[1] = (uint64_t)v.w[3] << 32 | v.w[2];
}

static uint32_t right(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }
static uint64_t right64(uint64_t v, unsigned n) { return v >> n | v << (64 - n); }
static uint64_t choose(uint64_t x, uint64_t y, uint64_t z) { return (x & y) | (~x & z); }
static uint64_t majority(uint64_t x, uint64_t y, uint64_t z) { return (x & y) | (x & z) | (y & z); }

/* ---- SHA-1: how 0 choose, 1 parity, 2 majority ---- */

uint64_t arm64_hlp_sha1(struct cpu *cpu, uint64_t *out, const uint64_t *hash, const uint64_t *last, const uint64_t *schedule, uint64_t how)
{
    struct words x = get(hash), m = get(schedule);
    uint32_t e = (uint32_t)last[0];
    (void)cpu;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t a = x.w[0], b = x.w[1], c = x.w[2], d = x.w[3];
        uint32_t f = how == 0 ? (uint32_t)choose(b, c, d) : how == 1 ? b ^ c ^ d : (uint32_t)majority(b, c, d);
        e += right(a, 27) + f + m.w[i];
        x = (struct words){{e, a, right(b, 2), c}};
        e = d;
    }
    put(out, x);
    return 0;
}

/* SHA1SU1. */
uint64_t arm64_hlp_sha1_update(struct cpu *cpu, uint64_t *out, const uint64_t *first, const uint64_t *next, const uint64_t *unused,
                               uint64_t how)
{
    struct words d = get(first), n = get(next);
    (void)cpu, (void)unused, (void)how;
    for (unsigned i = 0; i < 3; i++)
        d.w[i] = right(d.w[i] ^ n.w[i + 1], 31);
    d.w[3] = right(d.w[3], 31) ^ right(d.w[0], 31);
    put(out, d);
    return 0;
}

/* ---- SHA-512: how 0 H, 1 H2, 2 SU1, 3 SU0 ---- */

static uint64_t sum1(uint64_t v) { return right64(v, 14) ^ right64(v, 18) ^ right64(v, 41); }
static uint64_t sum0(uint64_t v) { return right64(v, 28) ^ right64(v, 34) ^ right64(v, 39); }

uint64_t arm64_hlp_sha512(struct cpu *cpu, uint64_t *out, const uint64_t *d, const uint64_t *n, const uint64_t *m, uint64_t how)
{
    uint64_t low = d[0], high = d[1];
    (void)cpu;
    switch (how) {
    case 0:
        high += choose(m[1], n[0], n[1]) + sum1(m[1]);
        low += choose(high + m[0], m[1], n[0]) + sum1(high + m[0]);
        break;
    case 1:
        high += sum0(m[0]) + majority(n[0], m[1], m[0]);
        low += sum0(high) + majority(high, m[0], m[1]);
        break;
    case 2:
        low += (right64(n[0], 19) ^ right64(n[0], 61) ^ n[0] >> 6) + m[0];
        high += (right64(n[1], 19) ^ right64(n[1], 61) ^ n[1] >> 6) + m[1];
        break;
    default: low += right64(d[1], 1) ^ right64(d[1], 8) ^ d[1] >> 7; high += right64(n[0], 1) ^ right64(n[0], 8) ^ n[0] >> 7;
    }
    out[0] = low;
    out[1] = high;
    return 0;
}

/* ---- SM3: a round's halves (how >> 2: TT1A, TT1B, TT2A, TT2B; how & 3: the word), and the words ---- */

static uint32_t left(uint32_t v, unsigned n) { return right(v, 32 - n); }
static uint32_t parity(uint32_t x, uint32_t y, uint32_t z) { return x ^ y ^ z; }

uint64_t arm64_hlp_sm3_round(struct cpu *cpu, uint64_t *out, const uint64_t *hash, const uint64_t *n, const uint64_t *m, uint64_t how)
{
    enum { FIRST_LATE = 1, SECOND, SECOND_LATE };
    struct words x = get(hash);
    uint32_t a = x.w[3], b = x.w[2], c = x.w[1], sum = x.w[0] + get(m).w[how & 3], sums = get(n).w[3];
    bool second = how >> 2 >= SECOND;
    (void)cpu;
    sum += how >> 2 == FIRST_LATE ? (uint32_t)majority(a, b, c) : how >> 2 == SECOND_LATE ? (uint32_t)choose(a, b, c) : parity(a, b, c);
    sum += second ? sums : sums ^ left(a, 12);
    put(out, (struct words){{c, left(b, second ? 19 : 9), a, second ? parity(sum, left(sum, 9), left(sum, 17)) : sum}});
    return 0;
}

static uint32_t spread(uint32_t v) { return parity(v, left(v, 15), left(v, 23)); }

/* SM3PARTW1 (how 0), SM3PARTW2 (1). */
uint64_t arm64_hlp_sm3_words(struct cpu *cpu, uint64_t *out, const uint64_t *first, const uint64_t *second, const uint64_t *third,
                             uint64_t how)
{
    struct words d = get(first), n = get(second), m = get(third), r;
    (void)cpu;
    if (how) {
        for (unsigned i = 0; i < 4; i++)
            r.w[i] = parity(d.w[i], n.w[i], left(m.w[i], 7));
        r.w[3] ^= spread(left(n.w[0] ^ left(m.w[0], 7), 15));
    } else {
        for (unsigned i = 0; i < 4; i++)
            r.w[i] = spread(parity(d.w[i], n.w[i], left(i < 3 ? m.w[i + 1] : r.w[0], 15)));
    }
    put(out, r);
    return 0;
}

/* ---- SM4: four rounds of text or key ---- */

static uint32_t substitute(uint32_t v)
{
    uint32_t r = 0;
    for (unsigned i = 0; i < 32; i += 8)
        r |= (uint32_t)guest_sm4_box[v >> i & 0xff] << i;
    return r;
}

/* v: the newest word of the result. */
static struct words shifted(struct words x, uint32_t v) { return (struct words){{x.w[1], x.w[2], x.w[3], v}}; }

uint64_t arm64_hlp_sm4_encrypt(struct cpu *cpu, uint64_t *out, const uint64_t *text, const uint64_t *keys)
{
    struct words x = get(text), k = get(keys);
    (void)cpu;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t v = substitute(parity(x.w[3], x.w[2], x.w[1]) ^ k.w[i]);
        x = shifted(x, x.w[0] ^ parity(v, left(v, 2), left(v, 10)) ^ left(v, 18) ^ left(v, 24));
    }
    put(out, x);
    return 0;
}

uint64_t arm64_hlp_sm4_key(struct cpu *cpu, uint64_t *out, const uint64_t *keys, const uint64_t *constants)
{
    struct words x = get(keys), k = get(constants);
    (void)cpu;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t v = substitute(parity(x.w[3], x.w[2], x.w[1]) ^ k.w[i]);
        x = shifted(x, x.w[0] ^ parity(v, left(v, 13), left(v, 23)));
    }
    put(out, x);
    return 0;
}
