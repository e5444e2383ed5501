/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Random operands. What is random here is how a value is made; tests of the engine must not depend on any one of them. */
#include "values.h"
#include "base/bits.h"

const struct format format_half = {5, 10}, format_single = {8, 23}, format_double = {11, 52};

static uint64_t low_bits(unsigned n) { return n >= 64 ? UINT64_MAX : (1ull << n) - 1; }

/* ---- floating point ---- */

static uint64_t assemble(const struct format *f, bool sign, int64_t exponent, uint64_t fraction)
{
    int64_t max = (int64_t)low_bits(f->exponent);
    exponent = exponent < 0 ? 0 : exponent > max ? max : exponent;
    return (uint64_t)sign << (f->exponent + f->fraction) | (uint64_t)exponent << f->fraction | (fraction & low_bits(f->fraction));
}

static uint64_t special(struct random *r, const struct format *f)
{
    int64_t max = (int64_t)low_bits(f->exponent), bias = max / 2;
    uint64_t top = low_bits(f->fraction), quiet = 1ull << (f->fraction - 1);
    bool sign = random_percent(r, 50);
    switch (random_below(r, 16)) {
    case 0:
    case 1: return assemble(f, sign, 0, 0);
    case 2: return assemble(f, sign, 0, 1);
    case 3: return assemble(f, sign, 0, top);
    case 4: return assemble(f, sign, 1, random_below(r, 2));
    case 5: return assemble(f, sign, max - 1, top - random_below(r, 2));
    case 6:
    case 7: return assemble(f, sign, max, 0);
    case 8: return assemble(f, false, max, quiet);
    case 9: return assemble(f, sign, max, quiet | random_next(r));
    case 10: return assemble(f, sign, max, (random_next(r) & (quiet - 1)) | 1);
    case 11: return assemble(f, sign, max, 1);
    case 12: return assemble(f, sign, bias, 0);
    case 13: return assemble(f, sign, bias, 1);
    case 14: return assemble(f, sign, bias - 1, random_percent(r, 50) ? top : 0);
    default: return assemble(f, sign, bias + 1, random_percent(r, 50) ? top : quiet);
    }
}

/* Few bits at either end, or all of them. */
static uint64_t fraction_of(struct random *r, const struct format *f)
{
    uint64_t v = random_next(r);
    switch (random_below(r, 6)) {
    case 0: v = UINT64_MAX << random_below(r, f->fraction); break;
    case 1: v = low_bits((unsigned)random_below(r, f->fraction + 1)); break;
    case 2: v = 1ull << random_below(r, f->fraction); break;
    case 3: v &= UINT64_MAX << random_below(r, f->fraction); break;
    default: break;
    }
    return v & low_bits(f->fraction);
}

/* The low bits, which a rounding drops: nothing, a half and its neighbours, nearly the next, a quarter more or less. */
static uint64_t with_tail(struct random *r, uint64_t fraction, unsigned bits)
{
    uint64_t half = 1ull << (bits - 1), tail = random_below(r, 8);
    tail = tail == 0   ? 0
           : tail == 1 ? low_bits(bits)
           : tail == 2 ? half >> 1
           : tail == 3 ? half | half >> 1
           : tail == 4 ? 1
                       : half + tail - 6;
    return (fraction & ~low_bits(bits)) | (tail & low_bits(bits));
}

/* The sizes of integers, with what follows the point 0, about a half, or nearly 1. */
static uint64_t near_integer(struct random *r, const struct format *f)
{
    static const uint8_t limits[] = {7, 8, 15, 16, 31, 32, 63, 64};
    int64_t bias = (int64_t)low_bits(f->exponent) / 2;
    int64_t e = random_percent(r, 50) ? (int64_t)random_below(r, f->fraction + 3) - 2
                                      : (int64_t)limits[random_below(r, sizeof limits)] - (int64_t)random_below(r, 2);
    uint64_t fraction = fraction_of(r, f);
    if (e >= 0 && e < (int64_t)f->fraction)
        fraction = with_tail(r, fraction, f->fraction - (unsigned)e);
    return assemble(f, random_percent(r, 50), bias + e, fraction);
}

uint64_t value_narrowed(struct random *r, const struct format *f, const struct format *to)
{
    int64_t bias = (int64_t)low_bits(f->exponent) / 2, max = (int64_t)low_bits(to->exponent) / 2, min = 1 - max;
    int64_t e = random_percent(r, 60)   ? min - (int64_t)random_below(r, to->fraction + 3)
                : random_percent(r, 60) ? max
                                        : (int64_t)random_below(r, 8) - 4;
    int64_t keep = (int64_t)to->fraction - (e < min ? min - e : 0); /* bits of the fraction; the leading one may be dropped, too */
    uint64_t fraction = random_percent(r, 50) ? UINT64_MAX : fraction_of(r, f);
    fraction = with_tail(r, fraction, f->fraction - (unsigned)(keep < 0 ? 0 : random_percent(r, 30) ? (int64_t)to->fraction : keep));
    return assemble(f, random_percent(r, 50), bias + e, fraction);
}

uint64_t value_float(struct random *r, const struct format *f)
{
    int64_t max = (int64_t)low_bits(f->exponent), bias = max / 2, e;
    switch (random_below(r, 8)) {
    case 0:
    case 1: return special(r, f);
    case 2: return near_integer(r, f);
    case 3: e = 0; break;
    case 4: e = random_percent(r, 50) ? 1 + (int64_t)random_below(r, 4) : max - 1 - (int64_t)random_below(r, 4); break;
    case 5: e = (int64_t)random_below(r, (uint64_t)max + 1); break;
    default: e = bias - 4 + (int64_t)random_below(r, 8);
    }
    return assemble(f, random_percent(r, 50), e, fraction_of(r, f));
}

uint64_t value_box(struct random *r, const struct format *f, uint64_t bits)
{
    unsigned width = 1 + f->exponent + f->fraction;
    uint64_t above = ~low_bits(width);
    if (!above || random_percent(r, 92))
        return bits | above;
    switch (random_below(r, 4)) {
    case 0: return bits;
    case 1: return bits | (above & ~(1ull << (width + random_below(r, 64 - width)))); /* one bit of the box is missing */
    case 2: return bits | (above & 0xffff0000);
    default: return bits | (above & random_next(r));
    }
}

uint64_t value_register(struct random *r)
{
    static const struct format *const formats[] = {&format_double, &format_single, &format_half, &format_double, &format_single};
    const struct format *f = formats[random_below(r, ARRAY_LEN(formats))];
    return random_percent(r, 5) ? random_next(r) : value_box(r, f, value_float(r, f));
}

static int64_t exponent_of(const struct format *f, uint64_t v) { return (int64_t)bits_get(v, f->fraction, f->exponent); }

union number {
    double d;
    float s;
    uint64_t bits;
};

/* The host's a * b, or a / b; used to come near a wanted result. */
static uint64_t host_product(const struct format *f, uint64_t a, uint64_t b, bool divide)
{
    union number x = {.bits = a}, y = {.bits = b};
    if (f->fraction == format_double.fraction)
        x.d = divide ? x.d / y.d : x.d * y.d;
    else
        x.s = divide ? x.s / y.s : x.s * y.s;
    return x.bits;
}

/* v[0] * v[1], or v[0] / v[1], or the root of v[0], is about the least normal number, or about representable. */
static void near_result(struct random *r, const struct format *f, uint64_t v[3])
{
    int64_t bias = (int64_t)low_bits(f->exponent) / 2;
    uint64_t least = assemble(f, false, 1, 0), few = fraction_of(r, f) & ~low_bits(f->fraction / 2);
    v[0] = assemble(f, random_percent(r, 50), bias - 1 - (int64_t)random_below(r, f->fraction), fraction_of(r, f));
    v[1] = host_product(f, least, v[0], true);
    switch (random_below(r, 5)) {
    case 0:
    case 1: break;
    case 2:
    case 3:
        v[1] = assemble(f, random_percent(r, 50), bias + (int64_t)random_below(r, f->fraction), fraction_of(r, f));
        v[0] = host_product(f, least, v[1], false) - random_below(r, 2);
        break;
    default:
        v[1] = assemble(f, false, bias + (int64_t)random_below(r, 20) - 10, few);
        v[0] = host_product(f, v[1], v[1], false) + random_below(r, 3) - 1;
    }
    v[2] = random_percent(r, 50) ? 0 : assemble(f, random_percent(r, 50), (int64_t)random_below(r, 3), fraction_of(r, f));
}

void value_related(struct random *r, const struct format *f, uint64_t v[3])
{
    int64_t max = (int64_t)low_bits(f->exponent), bias = max / 2, low = -(int64_t)f->fraction - 2;
    uint64_t sign = 1ull << (f->exponent + f->fraction), flip = random_percent(r, 50) ? sign : 0;
    int64_t e0 = exponent_of(f, v[0]);
    if (f->exponent != format_half.exponent && random_percent(r, 35)) {
        near_result(r, f, v);
        return;
    }
    switch (random_below(r, 6)) {
    case 0: v[1] = (v[0] ^ flip) + random_below(r, 5) - 2; break; /* cancels, compares nearly equal */
    case 1: v[1] = assemble(f, flip, e0 - (int64_t)random_below(r, f->fraction + 4), fraction_of(r, f)); break; /* sums round */
    case 2: /* products at the lower end, from half the smallest number on, or at the upper one */
        v[1] = assemble(
            f, flip,
            bias - e0 + (random_percent(r, 70) ? low + (int64_t)random_below(r, f->fraction + 6) : max - 3 + (int64_t)random_below(r, 5)),
            fraction_of(r, f));
        break;
    case 3: /* quotients likewise */
        v[1] = assemble(
            f, flip,
            bias + e0 - (random_percent(r, 70) ? low + (int64_t)random_below(r, f->fraction + 6) : max - 3 + (int64_t)random_below(r, 5)),
            fraction_of(r, f));
        break;
    default: break;
    }
    if (f->exponent != format_half.exponent && random_percent(r, 60)) {
        uint64_t product = host_product(f, v[0], v[1], false) ^ sign;
        int64_t e = exponent_of(f, product);
        if (random_percent(r, 50))
            v[2] = product + random_below(r, 5) - 2;
        else
            v[2] = assemble(f, random_percent(r, 50), e + (int64_t)random_below(r, 2 * f->fraction + 8) - (int64_t)f->fraction - 4,
                            fraction_of(r, f));
    }
    for (unsigned i = 0; i < 3; i++)
        v[i] &= low_bits(1 + f->exponent + f->fraction);
}
