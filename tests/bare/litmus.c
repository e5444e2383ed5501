/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Litmus tests of the guest's memory model. Every round has locations of its own; the harts run through all rounds without meeting, and
 * the results are looked at in the end. What is forbidden must never be seen; what is allowed need not be.
 */
#include "rt.h"

enum { ROUNDS = 2048, HARTS = 4 };

struct place {
    volatile uint64_t x, y;
    uint64_t pad[6];
};
static struct place places[ROUNDS] ALIGNED(64);
static uint64_t r[HARTS][ROUNDS][2];
static volatile uint64_t ready, go;

static void (*body)(unsigned hart, unsigned round);
static unsigned parties;

/* A round is entered when all have come to its neighbourhood, so that the harts stay close. */
static void run(void *arg)
{
    unsigned hart = (unsigned)(uint64_t)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 256 == 0) {
            uint64_t n = __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
            if (n == parties * (i / 256 + 1))
                __atomic_store_n(&go, i / 256 + 1, __ATOMIC_SEQ_CST);
            while (__atomic_load_n(&go, __ATOMIC_ACQUIRE) < i / 256 + 1)
                relax();
        }
        body(hart, i);
    }
}

static bool start(unsigned count, void (*what)(unsigned hart, unsigned round))
{
    if (!harts_need(count))
        return false;
    memset(places, 0, sizeof places);
    memset(r, 0, sizeof r);
    ready = go = 0;
    body = what;
    parties = count;
    fence();
    hart_run_all(run, count);
    return true;
}

static unsigned seen(bool (*forbidden)(unsigned round))
{
    unsigned n = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        n += forbidden(i);
    return n;
}

/* ---- message passing ---- */

static void mp_fences(unsigned hart, unsigned i)
{
    if (!hart) {
        put_plain(&places[i].x, 1);
        fence_stores();
        put_plain(&places[i].y, 1);
    } else {
        r[1][i][0] = get_plain(&places[i].y);
        fence_loads();
        r[1][i][1] = get_plain(&places[i].x);
    }
}
static void mp_acquire(unsigned hart, unsigned i)
{
    if (!hart) {
        put_plain(&places[i].x, 1);
        put_release(&places[i].y, 1);
    } else {
        r[1][i][0] = get_acquire(&places[i].y);
        r[1][i][1] = get_plain(&places[i].x);
    }
}
static void mp_address(unsigned hart, unsigned i)
{
    if (!hart) {
        put_plain(&places[i].x, 1);
        fence_stores();
        put_plain(&places[i].y, 1);
    } else {
        r[1][i][0] = get_plain(&places[i].y);
        r[1][i][1] = get_plain(&places[i].x + zero_of(r[1][i][0]));
    }
}
static bool mp_bad(unsigned i) { return r[1][i][0] == 1 && r[1][i][1] == 0; }

static void message_passing(void)
{
    static void (*const kinds[])(unsigned, unsigned) = {mp_fences, mp_acquire, mp_address};
    for (unsigned k = 0; k < ARRAY_LEN(kinds); k++) {
        row("kind %d", (uint64_t)k);
        if (!start(2, kinds[k]))
            return;
        CHECK_EQ(seen(mp_bad), 0);
    }
}

/* ---- store buffering: both loads see the old value ---- */

static void sb_fences(unsigned hart, unsigned i)
{
    put_plain(hart ? &places[i].y : &places[i].x, 1);
    fence_full();
    r[hart][i][0] = get_plain(hart ? &places[i].x : &places[i].y);
}
static void sb_ordered(unsigned hart, unsigned i)
{
    put_ordered(hart ? &places[i].y : &places[i].x, 1);
    r[hart][i][0] = get_ordered(hart ? &places[i].x : &places[i].y);
}
static void sb_plain(unsigned hart, unsigned i)
{
    put_plain(hart ? &places[i].y : &places[i].x, 1);
    r[hart][i][0] = get_plain(hart ? &places[i].x : &places[i].y);
}
static bool sb_bad(unsigned i) { return !r[0][i][0] && !r[1][i][0]; }

static void sb_forbidden(const char *what, void (*kind)(unsigned hart, unsigned round))
{
    row("%s", what);
    start(2, kind);
    CHECK_EQ(seen(sb_bad), 0);
}

/* Where the host lets one vCPU run at a time there is nothing to be seen: again, until some turns have shown that there would be. */
static void store_buffering(void)
{
    enum { TURNS = 24, OPEN = 4 };
    uint64_t open = 0, plain = 0, turns = 0;
    if (!harts_need(2))
        return;
    for (; turns < TURNS && open < OPEN; turns++) {
        start(2, sb_plain);
        unsigned n = seen(sb_bad);
        open += n != 0;
        plain += n;
        sb_forbidden("fences", sb_fences);
        sb_forbidden("ordered accesses", sb_ordered);
    }
    print("# store buffering without fences: %d of %d rounds\n", plain, turns * ROUNDS);
}

/* ---- load buffering with dependencies: values out of nowhere ---- */

static void lb(unsigned hart, unsigned i)
{
    r[hart][i][0] = get_plain(hart ? &places[i].y : &places[i].x);
    put_plain(hart ? &places[i].x : &places[i].y, zero_of(r[hart][i][0]) + 1);
}
static bool lb_bad(unsigned i) { return r[0][i][0] && r[1][i][0]; }

static void load_buffering(void)
{
    if (start(2, lb))
        CHECK_EQ(seen(lb_bad), 0);
}

/* ---- coherence: two loads of one place never go back ---- */

static void corr(unsigned hart, unsigned i)
{
    if (hart) {
        uint64_t first = get_plain(&places[i].x), second = get_plain(&places[i].x);
        r[1][i][0] = first;
        r[1][i][1] = second;
    } else {
        places[i].x = 1;
    }
}
static bool corr_bad(unsigned i) { return r[1][i][0] > r[1][i][1]; }

static void coherence(void)
{
    if (start(2, corr))
        CHECK_EQ(seen(corr_bad), 0);
}

/* ---- independent reads of independent writes: everybody sees one order ---- */

static void iriw(unsigned hart, unsigned i)
{
    volatile uint64_t *x = &places[i].x, *y = &places[i].y;
    switch (hart) {
    case 0: *x = 1; break;
    case 1: *y = 1; break;
    case 2:
        r[2][i][0] = get_plain(x);
        fence_loads();
        r[2][i][1] = get_plain(y);
        break;
    case 3:
        r[3][i][0] = get_plain(y);
        fence_loads();
        r[3][i][1] = get_plain(x);
        break;
    }
}
static void iriw_acquire(unsigned hart, unsigned i)
{
    volatile uint64_t *x = &places[i].x, *y = &places[i].y;
    switch (hart) {
    case 0: put_release(x, 1); break;
    case 1: put_release(y, 1); break;
    case 2:
        r[2][i][0] = get_acquire(x);
        r[2][i][1] = get_acquire(y);
        break;
    case 3:
        r[3][i][0] = get_acquire(y);
        r[3][i][1] = get_acquire(x);
        break;
    }
}
static bool iriw_bad(unsigned i) { return r[2][i][0] && !r[2][i][1] && r[3][i][0] && !r[3][i][1]; }

static void independent(void)
{
    row("fences");
    if (!start(4, iriw))
        return;
    CHECK_EQ(seen(iriw_bad), 0);
    row("acquire");
    start(4, iriw_acquire);
    CHECK_EQ(seen(iriw_bad), 0);
}

/* ---- write to read causality over three harts ---- */

static void wrc(unsigned hart, unsigned i)
{
    volatile uint64_t *x = &places[i].x, *y = &places[i].y;
    switch (hart) {
    case 0: *x = 1; break;
    case 1:
        r[1][i][0] = get_plain(x);
        fence_load_store();
        put_plain(y, r[1][i][0]);
        break;
    case 2:
        r[2][i][0] = get_plain(y);
        fence_loads();
        r[2][i][1] = get_plain(x);
        break;
    }
}
static bool wrc_bad(unsigned i) { return r[2][i][0] && !r[2][i][1]; }

static void causality(void)
{
    if (start(3, wrc))
        CHECK_EQ(seen(wrc_bad), 0);
}

/* ---- aligned accesses are never torn, of any size ---- */

static void torn(unsigned hart, unsigned i)
{
    int64_t v[3];
    if (!hart) {
        put_sizes(&places[i], -1ul);
        return;
    }
    get_sizes(&places[i], v);
    for (unsigned n = 0; n < 3; n++)
        r[1][i][0] |= v[n] && v[n] != -1;
}
static bool torn_bad(unsigned i) { return r[1][i][0]; }

static void tearing(void)
{
    if (start(2, torn))
        CHECK_EQ(seen(torn_bad), 0);
}

const struct test tests[] = {
    TEST("message passing", message_passing),
    TEST("store buffering", store_buffering),
    TEST("load buffering", load_buffering),
    TEST("coherence of reads", coherence),
    TEST("independent reads of independent writes", independent),
    TEST("write to read causality", causality),
    TEST("no torn accesses", tearing),
    {NULL, NULL},
};
