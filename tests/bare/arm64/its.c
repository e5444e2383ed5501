/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * LPIs by the ITS: messages of a device (made by INT), their configuration in memory, priorities, collections and moves, commands that make no
 * sense. LPIs stay enabled once they are, so the tables are given once. Source: IHI 0069, chapters 5 and 6.
 */
#include "gic.h"

#define ITS(offset)   (*(volatile uint32_t *)(0x8080000ul + (offset)))
#define ITS64(offset) (*(volatile uint64_t *)(0x8080000ul + (offset)))
#define VALID         (1ul << 63)
enum { CTLR = 0, TYPER = 8, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90, BASER = 0x100 };
enum { R_CTLR = 0, R_PROPBASER = 0x70, R_PENDBASER = 0x78 };
enum {
    MOVI = 1,
    INT = 3,
    CLEAR = 4,
    SYNC = 5,
    MAPD = 8,
    MAPC = 9,
    MAPTI = 0xa,
    MAPI = 0xb,
    INV = 0xc,
    INVALL = 0xd,
    MOVALL = 0xe,
    DISCARD = 0xf
};
enum { LPI = 8192, ID_BITS = 14, QUEUE = 4096, DEVICE = 5, EVENT_BITS = 5, ON = 1, TABLE = 65536 };

static uint8_t tables[2][TABLE] ALIGNED(65536), pending[2][TABLE] ALIGNED(65536), configuration[1 << ID_BITS] ALIGNED(4096);
static uint64_t queue[QUEUE / 8] ALIGNED(65536), itt[512] ALIGNED(4096);
static uint64_t at;

static void command(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t *to = queue + at / 8;
    to[0] = a, to[1] = b, to[2] = c, to[3] = d;
    at = (at + 32) % QUEUE;
    fence();
    ITS64(CWRITER) = at;
    for (uint64_t end = now() + PATIENCE / 10; ITS64(CREADR) != at && now() < end;)
        relax();
    CHECK_EQ(ITS64(CREADR), at);
}

static void collection(uint64_t number, uint64_t vcpu)
{
    command(MAPC, 0, VALID | vcpu << 16 | number, 0);
    command(SYNC, 0, vcpu << 16, 0);
}
static void event(uint64_t code, uint64_t number) { command((uint64_t)DEVICE << 32 | code, number, 0, 0); }
static void map(uint64_t number, uint64_t lpi, uint64_t of) { command((uint64_t)DEVICE << 32 | MAPTI, lpi << 32 | number, of, 0); }
static void configure(uint64_t lpi, uint8_t value)
{
    configuration[lpi - LPI] = value;
    fence();
}

static void lpis_on(void)
{
    uint64_t id = self()->id;
    gic_start();
    if (GICR(id, R_CTLR) & 1)
        return;
    GICR64(id, R_PROPBASER) = (uint64_t)configuration | (ID_BITS - 1);
    GICR64(id, R_PENDBASER) = (uint64_t)pending[id] | 1ul << 62; /* all zero */
    fence();
    GICR(id, R_CTLR) = 1;
}

static void give_tables(void)
{
    for (unsigned n = 0; n < 8; n++) {
        uint64_t type = ITS64(BASER + 8 * n) >> 56 & 7;
        if (type == 1 || type == 4)
            ITS64(BASER + 8 * n) = VALID | (uint64_t)tables[type == 4] | 2 << 8; /* one page of 64 KiB */
    }
    ITS64(CBASER) = VALID | (uint64_t)queue; /* 4 KiB */
    ITS64(CWRITER) = 0;
    ITS(CTLR) = 1;
}

/* The device anew, without events; collection 0 to this vCPU. */
static void begin(void)
{
    lpis_on();
    if (!(ITS(CTLR) & 1))
        give_tables();
    memset(configuration, 0xa0, sizeof configuration);
    command((uint64_t)DEVICE << 32 | MAPD, 0, 0, 0);
    memset(itt, 0, sizeof itt);
    collection(0, 0);
    command((uint64_t)DEVICE << 32 | MAPD, EVENT_BITS - 1, VALID | (uint64_t)itt, 0);
    command(INVALL, 0, 0, 0);
}

/* The next interrupt, ended at once. */
static uint64_t taken(void)
{
    uint64_t lpi = SPURIOUS;
    fence();
    for (uint64_t end = now() + PATIENCE / 100; lpi == SPURIOUS && now() < end;)
        lpi = sys_read(ICC_IAR1);
    if (lpi != SPURIOUS)
        sys_write(ICC_EOIR1, lpi);
    return lpi;
}
static uint64_t pending_now(void)
{
    fence();
    isb();
    return sys_read(ICC_IAR1);
}

static void messages(void)
{
    begin();
    CHECK_EQ(ITS64(TYPER) & 1, 1);
    map(3, LPI + 10, 0);
    configure(LPI + 10, 0x40 | ON);
    event(INV, 3);
    CHECK_EQ(pending_now(), SPURIOUS);
    event(INT, 3);
    CHECK_EQ(sys_read("isr_el1"), 0x80);
    CHECK_EQ(sys_read(ICC_HPPIR1), LPI + 10);
    CHECK_EQ(pending_now(), LPI + 10);
    CHECK_EQ(sys_read(ICC_RPR), 0x40);
    event(INT, 3); /* it has no active state: pending again */
    CHECK_EQ(pending_now(), SPURIOUS);
    sys_write(ICC_EOIR1, LPI + 10);
    CHECK_EQ(taken(), LPI + 10);
    event(INT, 3);
    event(INT, 3);
    CHECK_EQ(taken(), LPI + 10); /* once */
    CHECK_EQ(pending_now(), SPURIOUS);
    event(INT, 3);
    event(CLEAR, 3);
    CHECK_EQ(pending_now(), SPURIOUS);
    event(INT, 3);
    event(DISCARD, 3);
    CHECK_EQ(pending_now(), SPURIOUS);
    event(INT, 3); /* not mapped any more */
    CHECK_EQ(pending_now(), SPURIOUS);
    command((uint64_t)DEVICE << 32 | MAPTI, (uint64_t)(LPI + 11) << 32 | 4, 0, 0);
    configure(LPI + 11, ON);
    event(INV, 4);
    event(INT, 4);
    CHECK_EQ(taken(), LPI + 11);
}

static void configurations(void)
{
    begin();
    for (unsigned i = 0; i < 4; i++) {
        map(i, LPI + 20 + i, 0);
        configure(LPI + 20 + i, (uint8_t)(0xc0 - 0x20 * i));
        event(INV, i);
        event(INT, i);
    }
    CHECK_EQ(pending_now(), SPURIOUS); /* disabled, but remembered */
    configure(LPI + 21, 0xa0 | ON);
    event(INV, 1);
    CHECK_EQ(sys_read(ICC_HPPIR1), LPI + 21);
    for (unsigned i = 0; i < 4; i++)
        configure(LPI + 20 + i, (uint8_t)(0xc0 - 0x20 * i) | ON);
    command(INVALL, 0, 0, 0);
    sys_write(ICC_PMR, 0x60);
    CHECK_EQ(pending_now(), SPURIOUS);
    sys_write(ICC_PMR, 0xf0);
    for (unsigned i = 4; i--;)
        CHECK_EQ(taken(), LPI + 20 + i); /* the most urgent first */
    CHECK_EQ(pending_now(), SPURIOUS);
}

/* A shared interrupt beside an LPI: what is more urgent comes first. */
static void beside_others(void)
{
    enum { SPI = 40 };
    begin();
    map(0, LPI + 30, 0);
    gic_enable(SPI);
    for (unsigned i = 0; i < 2; i++) {
        configure(LPI + 30, (i ? 0x20 : 0x80) | ON);
        event(INV, 0);
        gic_priority(SPI, 0x50);
        event(INT, 0);
        gic_pend(SPI);
        CHECK_EQ(taken(), i ? LPI + 30 : SPI);
        CHECK_EQ(taken(), i ? SPI : LPI + 30);
    }
}

static volatile uint64_t got, quit, ready, held, holding;
static void listen(void *arg)
{
    (void)arg;
    lpis_on();
    ready = 1;
    while (!quit) {
        holding = held;
        if (held)
            continue;
        uint64_t lpi = sys_read(ICC_IAR1);
        if (lpi == SPURIOUS)
            continue;
        sys_write(ICC_EOIR1, lpi);
        got = lpi;
    }
}
static bool other_gets(uint64_t lpi)
{
    for (uint64_t end = now() + PATIENCE / 10; got != lpi && now() < end;)
        relax();
    bool ok = got == lpi;
    got = 0;
    return ok;
}

static void other_vcpus(void)
{
    if (!harts_need(2))
        return;
    begin();
    got = quit = ready = held = holding = 0;
    hart_start(1, listen, NULL);
    while (!ready)
        relax();
    collection(1, 1);
    map(0, LPI + 40, 1);
    map(1, LPI + 41, 0);
    for (unsigned i = 0; i < 2; i++) {
        configure(LPI + 40 + i, 0x50 | ON);
        event(INV, i);
    }
    event(INT, 0);
    CHECK(other_gets(LPI + 40));
    event(INT, 1);
    CHECK_EQ(sys_read(ICC_HPPIR1), LPI + 41);
    command((uint64_t)DEVICE << 32 | MOVI, 1, 1, 0); /* pending: it moves along */
    CHECK(other_gets(LPI + 41));
    CHECK_EQ(pending_now(), SPURIOUS);
    event(INT, 1);
    CHECK(other_gets(LPI + 41));
    held = 1;
    while (!holding)
        relax();
    event(INT, 0); /* it stays pending there, until all of those come here */
    CHECK_EQ(pending_now(), SPURIOUS);
    command(MOVALL, 0, 1ul << 16, 0);
    CHECK_EQ(taken(), LPI + 40);
    held = 0;
    collection(1, 0); /* the collection comes here, with its events */
    event(INT, 1);
    CHECK_EQ(taken(), LPI + 41);
    event(INT, 0);
    CHECK_EQ(taken(), LPI + 40);
    quit = 1;
    hart_join(1);
}

/* What makes no sense is passed over, and the queue, which comes round here, goes on. */
static void nonsense(void)
{
    begin();
    map(0, LPI + 50, 0);
    configure(LPI + 50, ON);
    event(INV, 0);
    for (unsigned i = 0; i < 200; i++)
        command(SYNC, 0, 0, 0);
    event(INT, 1 << EVENT_BITS); /* beyond the device's events */
    event(INT, 7);               /* not mapped */
    command((uint64_t)77 << 32 | INT, 0, 0, 0);
    map(9, 9, 0); /* no LPI */
    event(INT, 9);
    CHECK_EQ(pending_now(), SPURIOUS);
    event(INT, 0);
    CHECK_EQ(taken(), LPI + 50);
}

const struct test tests[] = {
    TEST("messages", messages),
    TEST("configurations", configurations),
    TEST("beside shared interrupts", beside_others),
    TEST("other vCPUs", other_vcpus),
    TEST("nonsense", nonsense),
    {NULL, NULL},
};
