/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Four vCPUs on the same memory, by atomic insns and by pairs of linked load and conditional store: counters, locks, a stack that reuses its nodes. */
#include "atomic.h"
#include "rt.h"

enum { HARTS = 4, ROUNDS = 20000 };

static uint64_t counter[8] ALIGNED(64);

static void clear(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(counter); i++)
        counter[i] = 0;
    fence();
}

static bool all(void (*work)(void *arg))
{
    if (!harts_need(HARTS))
        return false;
    clear();
    hart_run_all(work, HARTS);
    return true;
}

static void *half(unsigned i) { return (char *)&counter[1] + (i & 4); } /* of one of two neighbours of 32 bits */

/* ---- counters ---- */

static void add_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        amo_add(&counter[0], 1);
        amo_add32(half(i), 1);
        amo_add_ordered(&counter[2], 3ul << 31);
    }
}

static void counters_are(uint64_t whole)
{
    CHECK_EQ(counter[0], whole);
    CHECK_EQ((uint32_t)counter[1], whole / 2);
    CHECK_EQ(counter[1] >> 32, whole / 2);
}

static void additions(void)
{
    if (!all(add_work))
        return;
    counters_are(HARTS * ROUNDS);
    CHECK_EQ(counter[2], HARTS * ROUNDS * (3ul << 31));
}

/* Each vCPU flips its own bit, sets and clears another, and keeps a maximum and minimum. */
static void logic_work(void *arg)
{
    uint64_t id = (uint64_t)arg, bit = 1ul << id;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        amo_xor(&counter[0], bit);
        if (amo_or(&counter[1], bit) & bit)
            amo_add(&counter[7], 1);
        if (!(amo_and(&counter[1], ~bit) & bit))
            amo_add(&counter[7], 1);
        amo_max(&counter[2], i * HARTS + id);
        amo_min32(&counter[3], -(int32_t)(i * HARTS + id));
    }
}

static void logic(void)
{
    if (!all(logic_work))
        return;
    CHECK_EQ(counter[0], 0);
    CHECK_EQ(counter[1], 0);
    CHECK_EQ(counter[2], ROUNDS * HARTS - 1);
    CHECK_EQ((int32_t)counter[3], -(ROUNDS * HARTS - 1));
    CHECK_EQ(counter[3] >> 32, 0);
    CHECK_EQ(counter[7], 0);
}

static void linked_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        linked_add(&counter[0]);
        linked_add32_ordered(half(i));
    }
}

static void linked(void)
{
    if (all(linked_work))
        counters_are(HARTS * ROUNDS);
}

/* Loops whose store the compiler of a block does not see beside the load: behind a branch, behind a load, in a function. */
static __attribute__((noinline)) uint64_t store_apart(uint64_t *at, uint64_t v) { return store_conditional(at, v); }

static void apart_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        uint64_t old;
        linked_add_branch(&counter[0]);
        linked_add32_load(&counter[1]);
        do
            old = load_linked(&counter[4]);
        while (store_apart(&counter[4], old + 1));
    }
}

static void apart(void)
{
    if (!all(apart_work))
        return;
    CHECK_EQ(counter[0], HARTS * (ROUNDS / 4));
    CHECK_EQ((uint32_t)counter[1], HARTS * (ROUNDS / 4));
    CHECK_EQ(counter[4], HARTS * (ROUNDS / 4));
}

/* Half of them in one insn, half in two, on the same words. */
static void mixed_work(void *arg) { ((uint64_t)arg & 1 ? add_work : linked_work)(arg); }

static void mixed(void)
{
    if (all(mixed_work))
        counters_are(HARTS * ROUNDS);
}

/* ---- locks ---- */

static volatile uint64_t plain[4];

static void lock_work(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        while ((uint32_t)amo_swap32_acquire(&counter[0], 1))
            ;
        plain[0]++;
        plain[1] = plain[1] + 2;
        amo_clear32_release(&counter[0]);
        linked_lock32(&counter[4]);
        plain[2]++;
        plain_unlock32(&counter[4]);
    }
}

static void locks(void)
{
    plain[0] = plain[1] = plain[2] = 0;
    if (!all(lock_work))
        return;
    CHECK_EQ(plain[0], HARTS * (ROUNDS / 4));
    CHECK_EQ(plain[1], 2 * HARTS * (ROUNDS / 4));
    CHECK_EQ(plain[2], HARTS * (ROUNDS / 4));
}

/* ---- a stack ---- */

/* Without version counters: the pair itself must see that the head has been away and come back. */
struct node {
    struct node *next;
    uint64_t owner; /* 1 while popped */
};
static struct node nodes[6];
static struct node *head ALIGNED(64);
static uint64_t faults;

static void stack_work(void *arg)
{
    uint64_t random = (uint64_t)arg * 77 + 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct node *mine[2] = {linked_pop(&head), NULL};
        random = random * 6364136223846793005 + 1442695040888963407;
        if (random >> 63)
            mine[1] = linked_pop(&head);
        for (unsigned k = 0; k < 2; k++)
            if (mine[k] && __atomic_exchange_n(&mine[k]->owner, 1, __ATOMIC_ACQ_REL))
                __atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
        for (unsigned k = 0; k < 2; k++) { /* back in the same order, so that A-B-A is frequent */
            if (!mine[k])
                continue;
            __atomic_store_n(&mine[k]->owner, 0, __ATOMIC_RELEASE);
            linked_push(&head, mine[k]);
        }
    }
}

static void stack(void)
{
    head = NULL;
    faults = 0;
    for (unsigned i = 0; i < ARRAY_LEN(nodes); i++)
        linked_push(&head, &nodes[i]);
    if (!all(stack_work))
        return;
    CHECK_EQ(faults, 0);
    unsigned count = 0;
    for (struct node *n = head; n && count <= ARRAY_LEN(nodes); n = n->next) {
        CHECK_EQ(n->owner, 0);
        count++;
    }
    CHECK_EQ(count, ARRAY_LEN(nodes));
}

/* ---- between the two ---- */

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
        case 1: amo_add_ordered(arg, 1); break;
        case 2: /* away and back: the value alone does not show it */
            amo_add_ordered(arg, 1);
            amo_add_ordered(arg, ~0ul);
            break;
        case 3: linked_touch(arg); break;
        }
        __atomic_store_n(&turn, t + 1, __ATOMIC_RELEASE);
    }
}

/* Another vCPU writes: the store fails. */
static void disturbed(void)
{
    if (!harts_need(2))
        return;
    clear();
    turn = 0;
    hart_start(1, disturb, counter);
    for (uint64_t kind = 0; kind < 4; kind++) {
        row("kind %d", kind);
        __atomic_store_n(&turn, kind * 2, __ATOMIC_RELEASE);
        CHECK(linked_store_after_turn(counter, &turn, kind * 2));
        CHECK(counter[0] != 1000);
    }
    turn = 99;
    hart_join(1);
}

const struct test tests[] = {
    TEST("counters in one insn", additions),      TEST("and, or, xor, min, max", logic),        TEST("counters in two insns", linked),
    TEST("a load far from its store", apart),     TEST("one insn and two on one word", mixed),  TEST("locks", locks),
    TEST("a stack whose nodes come back", stack), TEST("pairs that others disturb", disturbed), {NULL, NULL},
};
