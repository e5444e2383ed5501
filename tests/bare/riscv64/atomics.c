/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Four harts on the same memory: AMO and LR/SC counters, a lock, a stack that reuses its nodes at once, CAS, byte atomics. */
#include "rt.h"

enum { HARTS = 4, ROUNDS = 20000 };

static uint64_t counter[8] ALIGNED(64);

static void clear(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(counter); i++)
        counter[i] = 0;
    fence();
}

/* ---- counters ---- */

static void add_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t old;
        asm volatile("amoadd.d zero, %1, (%0)" ::"r"(&counter[0]), "r"(1ul) : "memory");
        asm volatile("amoadd.w %0, %2, (%1)" : "=r"(old) : "r"((char *)&counter[1] + (i & 4)), "r"(1) : "memory");
        asm volatile("amoadd.d.aqrl %0, %2, (%1)" : "=r"(old) : "r"(&counter[2]), "r"(3ul << 31) : "memory");
    }
}

static void amo_add(void)
{
    if (!harts_need(HARTS))
        return;
    clear();
    hart_run_all(add_work, HARTS);
    CHECK_EQ(counter[0], HARTS * ROUNDS);
    CHECK_EQ((uint32_t)counter[1], HARTS * ROUNDS / 2);
    CHECK_EQ(counter[1] >> 32, HARTS * ROUNDS / 2);
    CHECK_EQ(counter[2], HARTS * ROUNDS * (3ul << 31));
}

/* Each hart flips its own bit, sets and clears another, and keeps a maximum and minimum. */
static void logic_work(void *arg)
{
    uint64_t id = (uint64_t)arg, bit = 1ul << id, seen;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        asm volatile("amoxor.d zero, %1, (%0)" ::"r"(&counter[0]), "r"(bit) : "memory");
        asm volatile("amoor.d %0, %2, (%1)" : "=r"(seen) : "r"(&counter[1]), "r"(bit) : "memory");
        if (seen & bit)
            asm volatile("amoadd.d zero, %1, (%0)" ::"r"(&counter[7]), "r"(1) : "memory");
        asm volatile("amoand.d %0, %2, (%1)" : "=r"(seen) : "r"(&counter[1]), "r"(~bit) : "memory");
        if (!(seen & bit))
            asm volatile("amoadd.d zero, %1, (%0)" ::"r"(&counter[7]), "r"(1) : "memory");
        asm volatile("amomaxu.d zero, %1, (%0)" ::"r"(&counter[2]), "r"(i * HARTS + id) : "memory");
        asm volatile("amomin.w zero, %1, (%0)" ::"r"(&counter[3]), "r"(-(i * HARTS + id)) : "memory");
    }
}

static void amo_logic(void)
{
    if (!harts_need(HARTS))
        return;
    clear();
    hart_run_all(logic_work, HARTS);
    CHECK_EQ(counter[0], 0);
    CHECK_EQ(counter[1], 0);
    CHECK_EQ(counter[2], ROUNDS * HARTS - 1);
    CHECK_EQ((int32_t)counter[3], -(ROUNDS * HARTS - 1));
    CHECK_EQ(counter[7], 0);
}

static void lrsc_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        asm volatile("1: lr.d t0, (%0)\n addi t0, t0, 1\n sc.d t1, t0, (%0)\n bnez t1, 1b" ::"r"(&counter[0]) : "t0", "t1", "memory");
        asm volatile("1: lr.w.aq t0, (%0)\n addi t0, t0, 1\n sc.w.rl t1, t0, (%0)\n bnez t1, 1b" ::"r"((char *)&counter[1] + (i & 4))
                     : "t0", "t1", "memory");
    }
}

/* Loops whose SC the compiler of a block does not see beside the LR: behind a branch, behind a load, by a function. */
static __attribute__((noinline)) uint64_t store_conditional(uint64_t *at, uint64_t v)
{
    uint64_t failed;
    asm volatile("sc.d %0, %2, (%1)" : "=&r"(failed) : "r"(at), "r"(v) : "memory");
    return failed;
}

static void apart_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        asm volatile(
            "1: lr.d t0, (%0)\n andi t1, t0, 2\n beqz t1, 2f\n addi t0, t0, 1\n j 3f\n2: li t2, 100\n4: addi t2, t2, -1\n bnez t2, 4b\n"
            "addi t0, t0, 1\n3: sc.d t1, t0, (%0)\n bnez t1, 1b" ::"r"(&counter[0])
            : "t0", "t1", "t2", "memory");
        asm volatile(
            "1: lr.w t0, (%0)\n lw t1, 8(%0)\n add t0, t0, t1\n addi t0, t0, 1\n sc.w t1, t0, (%0)\n bnez t1, 1b" ::"r"(&counter[1])
            : "t0", "t1", "memory");
        uint64_t old;
        do
            asm volatile("lr.d %0, (%1)\n bltz %0, 1f\n1:" : "=r"(old) : "r"(&counter[4]) : "memory");
        while (store_conditional(&counter[4], old + 1));
    }
}

static void apart(void)
{
    if (!harts_need(HARTS))
        return;
    clear();
    hart_run_all(apart_work, HARTS);
    CHECK_EQ(counter[0], HARTS * (ROUNDS / 4));
    CHECK_EQ((uint32_t)counter[1], HARTS * (ROUNDS / 4));
    CHECK_EQ(counter[4], HARTS * (ROUNDS / 4));
}

static void lrsc(void)
{
    if (!harts_need(HARTS))
        return;
    clear();
    hart_run_all(lrsc_work, HARTS);
    CHECK_EQ(counter[0], HARTS * ROUNDS);
    CHECK_EQ((uint32_t)counter[1], HARTS * ROUNDS / 2);
    CHECK_EQ(counter[1] >> 32, HARTS * ROUNDS / 2);
}

/* Half of them by AMO, half by LR/SC, on one word. */
static void mixed_work(void *arg)
{
    if ((uint64_t)arg & 1)
        add_work(arg);
    else
        lrsc_work(arg);
}

static void mixed(void)
{
    if (!harts_need(HARTS))
        return;
    clear();
    hart_run_all(mixed_work, HARTS);
    CHECK_EQ(counter[0], HARTS * ROUNDS);
}

/* ---- locks ---- */

static volatile uint64_t plain[4];

static void lock_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        asm volatile("li t0, 1\n1: amoswap.w.aq t1, t0, (%0)\n bnez t1, 1b" ::"r"(&counter[0]) : "t0", "t1", "memory");
        plain[0]++;
        plain[1] = plain[1] + 2;
        asm volatile("amoswap.w.rl zero, zero, (%0)" ::"r"(&counter[0]) : "memory");
        asm volatile("1: lr.w.aq t0, (%0)\n bnez t0, 1b\n li t0, 1\n sc.w t1, t0, (%0)\n bnez t1, 1b" ::"r"(&counter[4])
                     : "t0", "t1", "memory");
        plain[2]++;
        asm volatile("fence rw, w\n sw zero, (%0)" ::"r"(&counter[4]) : "memory"); /* a plain store frees it */
    }
}

static void locks(void)
{
    if (!harts_need(HARTS))
        return;
    clear();
    plain[0] = plain[1] = plain[2] = 0;
    hart_run_all(lock_work, HARTS);
    CHECK_EQ(plain[0], HARTS * (ROUNDS / 4));
    CHECK_EQ(plain[1], 2 * HARTS * (ROUNDS / 4));
    CHECK_EQ(plain[2], HARTS * (ROUNDS / 4));
}

/* ---- a stack ---- */

/* Without version counters: LR/SC itself must see that the head has been away and come back. */
struct node {
    struct node *next;
    uint64_t owner; /* 1 while popped */
};
static struct node nodes[6];
static struct node *head ALIGNED(64);
static uint64_t faults;

static struct node *pop(void)
{
    struct node *node;
    uint64_t failed;
    asm volatile("1: lr.d.aq %0, (%2)\n beqz %0, 2f\n ld t0, (%0)\n sc.d %1, t0, (%2)\n bnez %1, 1b\n2:"
                 : "=&r"(node), "=&r"(failed)
                 : "r"(&head)
                 : "t0", "memory");
    return node;
}

static void push(struct node *node)
{
    asm volatile("1: lr.d t0, (%1)\n sd t0, (%0)\n fence rw, w\n sc.d.rl t1, %0, (%1)\n bnez t1, 1b" ::"r"(node), "r"(&head)
                 : "t0", "t1", "memory");
}

static void stack_work(void *arg)
{
    uint64_t random = (uint64_t)arg * 77 + 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct node *mine[2] = {pop(), NULL};
        random = random * 6364136223846793005 + 1442695040888963407;
        if (random >> 63)
            mine[1] = pop();
        for (unsigned k = 0; k < 2; k++)
            if (mine[k] && __atomic_exchange_n(&mine[k]->owner, 1, __ATOMIC_ACQ_REL))
                __atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
        for (unsigned k = 0; k < 2; k++) { /* back in the same order, so that A-B-A is frequent */
            if (!mine[k])
                continue;
            __atomic_store_n(&mine[k]->owner, 0, __ATOMIC_RELEASE);
            push(mine[k]);
        }
    }
}

static void stack(void)
{
    if (!harts_need(HARTS))
        return;
    head = NULL;
    faults = 0;
    for (unsigned i = 0; i < ARRAY_LEN(nodes); i++)
        push(&nodes[i]);
    hart_run_all(stack_work, HARTS);
    CHECK_EQ(faults, 0);
    unsigned count = 0;
    for (struct node *n = head; n && count <= ARRAY_LEN(nodes); n = n->next) {
        CHECK_EQ(n->owner, 0);
        count++;
    }
    CHECK_EQ(count, ARRAY_LEN(nodes));
}

/* ---- reservations ---- */

static void reservations(void)
{
    uint64_t failed;
    clear();
    row("lr, sc");
    asm volatile("lr.d t0, (%1)\n li t0, 7\n sc.d %0, t0, (%1)" : "=r"(failed) : "r"(counter) : "t0", "memory");
    CHECK_EQ(failed, 0);
    CHECK_EQ(counter[0], 7);
    row("sc again");
    asm volatile("sc.d %0, zero, (%1)" : "=r"(failed) : "r"(counter) : "memory");
    CHECK(failed);
    CHECK_EQ(counter[0], 7);
    row("another line");
    asm volatile("lr.d t0, (%1)\n sc.d %0, zero, (%2)" : "=r"(failed) : "r"(counter), "r"(&nodes[5]) : "t0", "memory");
    CHECK(failed);
    row("a failed sc takes the reservation along");
    asm volatile("lr.d t0, (%1)\n sc.d t0, zero, (%2)\n sc.d %0, zero, (%1)"
                 : "=r"(failed)
                 : "r"(counter), "r"(&nodes[5])
                 : "t0", "memory");
    CHECK(failed);
    row("the second lr counts");
    asm volatile("lr.d t0, (%1)\n lr.d t0, (%2)\n sc.d %0, zero, (%1)" : "=r"(failed) : "r"(counter), "r"(&nodes[5]) : "t0", "memory");
    CHECK(failed);
    CHECK_EQ(counter[0], 7);
}

static volatile uint64_t turn;
static void disturb(void *arg)
{
    for (;;) {
        uint64_t t = __atomic_load_n(&turn, __ATOMIC_ACQUIRE);
        if (t == 99)
            return;
        if (!(t & 1))
            continue;
        switch (t >> 1) {
        case 0: *(volatile uint64_t *)arg = 5; break;
        case 1: __atomic_fetch_add((uint64_t *)arg, 1, __ATOMIC_SEQ_CST); break;
        case 2: /* away and back by AMO: the value alone does not show it */
            __atomic_fetch_add((uint64_t *)arg, 1, __ATOMIC_SEQ_CST);
            __atomic_fetch_sub((uint64_t *)arg, 1, __ATOMIC_SEQ_CST);
            break;
        case 3: asm volatile("1: lr.d t0, (%0)\n sc.d t1, t0, (%0)\n bnez t1, 1b" ::"r"(arg) : "t0", "t1", "memory"); break;
        }
        __atomic_store_n(&turn, t + 1, __ATOMIC_RELEASE);
    }
}

/* Between LR and SC another hart writes: SC fails. */
static void disturbed(void)
{
    if (!harts_need(2))
        return;
    clear();
    turn = 0;
    hart_start(1, disturb, counter);
    for (uint64_t kind = 0; kind < 4; kind++) {
        uint64_t failed;
        row("kind %d", kind);
        __atomic_store_n(&turn, kind * 2, __ATOMIC_RELEASE);
        asm volatile("lr.d t0, (%1)\n addi t1, %3, 1\n fence\n sd t1, (%2)\n1: ld t2, (%2)\n beq t2, t1, 1b\n fence\n"
                     "li t0, 1000\n sc.d %0, t0, (%1)"
                     : "=&r"(failed)
                     : "r"(counter), "r"(&turn), "r"(kind * 2)
                     : "t0", "t1", "t2", "memory");
        CHECK(failed);
        CHECK(counter[0] != 1000);
    }
    turn = 99;
    hart_join(1);
}

/* ---- Zacas, Zabha ---- */

static void cas(void)
{
    bool ran;
    clear();
    insn_in(MODE_M, 0x28b5252f, (uint64_t)counter, 0, &ran); /* amocas.w a0, a1, (a0): is it there? */
    if (!ran)
        return skip("no Zacas");
    /* amocas.w/d rd, rs2, (rs1): rd holds what is expected and gets what was there */
    counter[0] = 0x1111111122222222;
    uint64_t got;
#define CAS(word, expected, desired)                                                 \
    asm volatile("mv a0, %1\n mv a1, %2\n mv a2, %3\n .4byte " word "\n mv %0, a0"   \
                 : "=r"(got)                                                         \
                 : "r"((uint64_t)(expected)), "r"((uint64_t)(desired)), "r"(counter) \
                 : "a0", "a1", "a2", "memory")
    CAS("0x28b6252f", 0x22222222, 0x33333333);
    CHECK_EQ(got, 0x22222222);
    CHECK_EQ(counter[0], 0x1111111133333333);
    CAS("0x28b6252f", 0x22222222, 0x44444444);
    CHECK_EQ(got, 0x33333333);
    CHECK_EQ(counter[0], 0x1111111133333333);
    counter[0] = 0x80000000;
    CAS("0x28b6252f", 0x0dead00080000000, 1); /* the upper half of rd is ignored; the result is sign-extended */
    CHECK_EQ(got, 0xffffffff80000000);
    counter[0] = ~0ul;
    CAS("0x28b6352f", ~0ul, 5);
    CHECK_EQ(got, ~0ul);
    CHECK_EQ(counter[0], 5);
    CAS("0x28b6352f", 4, 6);
    CHECK_EQ(got, 5);
    CHECK_EQ(counter[0], 5);
    row("16 bytes");
    counter[0] = 1, counter[1] = 2;
    uint64_t low, high;
    asm volatile("li a0, 1\n li a1, 2\n li a4, 3\n li a5, 4\n mv a6, %2\n .4byte 0x28e8452f\n mv %0, a0\n mv %1, a1"
                 : "=r"(low), "=r"(high)
                 : "r"(counter)
                 : "a0", "a1", "a4", "a5", "a6", "memory");
    CHECK_EQ(low, 1);
    CHECK_EQ(high, 2);
    CHECK_EQ(counter[0], 3);
    CHECK_EQ(counter[1], 4);
    asm volatile("li a0, 3\n li a1, 5\n li a4, 9\n li a5, 9\n mv a6, %2\n .4byte 0x28e8452f\n mv %0, a0\n mv %1, a1"
                 : "=r"(low), "=r"(high)
                 : "r"(counter)
                 : "a0", "a1", "a4", "a5", "a6", "memory");
    CHECK_EQ(low, 3);
    CHECK_EQ(high, 4);
    CHECK_EQ(counter[0], 3);
}

static uint32_t amo_word(unsigned funct5, unsigned width, unsigned rd, unsigned rs1, unsigned rs2)
{
    return funct5 << 27 | rs2 << 20 | rs1 << 15 | width << 12 | rd << 7 | 0x2f;
}

static void cas_race_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS / 2; i++)
        asm volatile("mv a2, %0\n ld a0, (a2)\n1: mv a3, a0\n addi a1, a0, 1\n .4byte 0x28b6352f\n bne a0, a3, 1b" ::"r"(&counter[2])
                     : "a0", "a1", "a2", "a3", "memory");
}

static void cas_race(void)
{
    bool ran;
    insn_in(MODE_M, 0x28b5252f, (uint64_t)counter, 0, &ran);
    if (!ran)
        return skip("no Zacas");
    if (!harts_need(HARTS))
        return;
    clear();
    hart_run_all(cas_race_work, HARTS);
    CHECK_EQ(counter[2], HARTS * (ROUNDS / 2));
}

static void byte_work(void *arg)
{
    uint8_t *at = (uint8_t *)&counter[1] + (uint64_t)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        asm volatile("mv a2, %0\n li a1, 1\n .4byte 0x00b6002f" ::"r"(at) : "a1", "a2", "memory");          /* amoadd.b */
        asm volatile("mv a2, %0\n li a1, 3\n .4byte 0x00b6102f" ::"r"(&counter[2]) : "a1", "a2", "memory"); /* amoadd.h, shared */
    }
}

static void bytes(void)
{
    bool ran;
    clear();
    insn_in(MODE_M, amo_word(0, 0, 11, 10, 11), (uint64_t)counter, 0, &ran);
    if (!ran)
        return skip("no Zabha");
    if (!harts_need(HARTS))
        return;
    hart_run_all(byte_work, HARTS);
    for (unsigned i = 0; i < HARTS; i++)
        CHECK_EQ(((uint8_t *)&counter[1])[i], ROUNDS & 255);
    CHECK_EQ(counter[1] >> 32, 0);
    CHECK_EQ(counter[2], HARTS * ROUNDS * 3 & 0xffff);
}

const struct test tests[] = {
    TEST("AMO counters", amo_add),
    TEST("AMO and, or, xor, min, max", amo_logic),
    TEST("LR/SC counters", lrsc),
    TEST("LR far from its SC", apart),
    TEST("AMO and LR/SC on one word", mixed),
    TEST("locks", locks),
    TEST("a stack whose nodes come back", stack),
    TEST("reservations of one hart", reservations),
    TEST("reservations that others disturb", disturbed),
    TEST("compare and swap", cas),
    TEST("compare and swap on several harts", cas_race),
    TEST("byte and halfword atomics", bytes),
    {NULL, NULL},
};
