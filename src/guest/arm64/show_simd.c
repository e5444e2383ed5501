/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Print styles of vector instructions. */
#include "guest/arm64/arm64.h"
#include "guest/arm64/constants.h"
#include <inttypes.h>

static const char *const arrangements[] = {"8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d"};

/* ---- scalars by size ---- */

void arm64_show_any(struct arm64_text *t, int64_t z, int64_t n) { arm64_text_put(t, "%c%u", "bhsd"[z & 3], (unsigned)n); }
void arm64_show_double(struct arm64_text *t, int64_t z, int64_t n) { arm64_text_put(t, "%c%u", "hsdq"[z & 3], (unsigned)n); }
void arm64_show_doubleh(struct arm64_text *t, int64_t n) { arm64_show_any(t, 2, n); }
void arm64_show_doubles(struct arm64_text *t, int64_t n) { arm64_show_any(t, 3, n); }

void arm64_show_vd(struct arm64_text *t, int64_t q, int64_t n) { arm64_text_put(t, q ? "v%u.2d" : "d%u", (unsigned)n); }

/* ---- elements ---- */

void arm64_show_elementh(struct arm64_text *t, int64_t a, int64_t b, int64_t m, int64_t c)
{
    arm64_text_put(t, "v%u.h[%u]", (unsigned)m, (unsigned)(c << 2 | a << 1 | b));
}

void arm64_show_elements(struct arm64_text *t, int64_t a, int64_t b, int64_t m, int64_t c)
{
    arm64_text_put(t, "v%u.s[%u]", (unsigned)(b << 4 | m), (unsigned)(c << 1 | a));
}

/* ---- lists of registers, and the step behind them ---- */

static void list(struct arm64_text *t, int64_t first, unsigned n, const char *arrangement)
{
    unsigned last = ((unsigned)first + n - 1) & 31;
    bool range = n > 2 && last > (unsigned)first;
    arm64_text_put(t, "{v%u.%s", (unsigned)first, arrangement);
    for (unsigned i = range ? n - 1 : 1; i < n; i++)
        arm64_text_put(t, "%sv%u.%s", range ? "-" : ", ", ((unsigned)first + i) & 31, arrangement);
    arm64_text_put(t, "}");
}

static void element(struct arm64_text *t, int64_t first, unsigned n, char size, int64_t lane)
{
    const char name[2] = {size, 0};
    list(t, first, n, name);
    arm64_text_put(t, "[%u]", (unsigned)lane);
}

static void step(struct arm64_text *t, int64_t m, unsigned bytes)
{
    if (m == 31)
        arm64_text_put(t, "#%u", bytes);
    else
        arm64_text_put(t, "x%u", (unsigned)m);
}

#define LISTS(n)                                                                                                                       \
    void arm64_show_vlist##n(struct arm64_text *t, int64_t v, int64_t q, int64_t z) { list(t, v, n, arrangements[(z << 1 | q) & 7]); } \
    void arm64_show_table##n(struct arm64_text *t, int64_t v) { list(t, v, n, "16b"); }                                                \
    void arm64_show_after##n(struct arm64_text *t, int64_t m, int64_t q) { step(t, m, n *(8u << q)); }                                 \
    void arm64_show_oneb##n(struct arm64_text *t, int64_t v, int64_t q, int64_t s, int64_t z)                                          \
    {                                                                                                                                  \
        element(t, v, n, 'b', q << 3 | s << 2 | z);                                                                                    \
    }                                                                                                                                  \
    void arm64_show_oneh##n(struct arm64_text *t, int64_t v, int64_t q, int64_t s, int64_t z)                                          \
    {                                                                                                                                  \
        element(t, v, n, 'h', q << 2 | s << 1 | z);                                                                                    \
    }                                                                                                                                  \
    void arm64_show_ones##n(struct arm64_text *t, int64_t v, int64_t q, int64_t s) { element(t, v, n, 's', q << 1 | s); }              \
    void arm64_show_oned##n(struct arm64_text *t, int64_t v, int64_t q) { element(t, v, n, 'd', q); }                                  \
    void arm64_show_stepb##n(struct arm64_text *t, int64_t m) { step(t, m, n); }                                                       \
    void arm64_show_steph##n(struct arm64_text *t, int64_t m) { step(t, m, n * 2); }                                                   \
    void arm64_show_steps##n(struct arm64_text *t, int64_t m) { step(t, m, n * 4); }                                                   \
    void arm64_show_stepd##n(struct arm64_text *t, int64_t m) { step(t, m, n * 8); }                                                   \
    void arm64_show_stepr##n(struct arm64_text *t, int64_t m, int64_t z) { step(t, m, (unsigned)n << z); }
LISTS(1)
LISTS(2)
LISTS(3)
LISTS(4)

/* ---- immediates ---- */

#define SHIFTS(e)                                                                                              \
    void arm64_show_right##e(struct arm64_text *t, int64_t i) { arm64_text_put(t, "#%u", (unsigned)(e - i)); } \
    void arm64_show_left##e(struct arm64_text *t, int64_t i) { arm64_text_put(t, "#%u", (unsigned)i); }
SHIFTS(8)
SHIFTS(16)
SHIFTS(32)
SHIFTS(64)

void arm64_show_constant(struct arm64_text *t, int64_t c, int64_t q)
{
    arm64_text_put(t, "%s", arrangements[(c >= 8 && c < 12 ? 2 : 4) | (q & 1)]);
}

void arm64_show_constshift(struct arm64_text *t, int64_t c)
{
    if (c >= 12)
        arm64_text_put(t, ", msl #%u", c == 12 ? 8 : 16);
    else if (c & 6)
        arm64_text_put(t, ", lsl #%u", (unsigned)(c & 6) * 4);
}

void arm64_show_bytes(struct arm64_text *t, int64_t m) { arm64_text_put(t, "#0x%" PRIx64, arm64_constant_bytes((unsigned)m)); }

/* ---- hashes ---- */

void arm64_show_shah(struct arm64_text *t, int64_t n) { arm64_text_put(t, "q%u", (unsigned)n); }
void arm64_show_shah2(struct arm64_text *t, int64_t n) { arm64_text_put(t, "q%u", (unsigned)n); }
void arm64_show_shasu1(struct arm64_text *t, int64_t n) { arm64_text_put(t, "v%u.2d", (unsigned)n); }

void arm64_show_element4b(struct arm64_text *t, int64_t a, int64_t m, int64_t c)
{
    arm64_text_put(t, "v%u.4b[%u]", (unsigned)m, (unsigned)(c << 1 | a));
}
