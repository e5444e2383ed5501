/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The block cache: finding, adding, dropping by page, insns on two pages, readers and epochs, the limit, and threads that do all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jit/cache.h"

#include <cmocka.h>

static const gpa RAM = 0x80000000;
enum { PAGES = 64, READERS = 3 };

struct rig {
    struct mem_space *space;
    struct jit_cache *cache;
};

static struct rig rig_new(size_t limit)
{
    struct rig rig;
    struct err err = {0};
    assert_int_equal(mem_space_new(&rig.space), 0);
    assert_int_equal(mem_space_add_ram(rig.space, "ram", RAM, PAGES * (uint64_t)MEM_PAGE, &err), 0);
    assert_int_equal(jit_cache_new(&rig.cache, rig.space, limit), 0);
    return rig;
}

static void rig_free(struct rig *rig)
{
    jit_cache_free(rig->cache);
    mem_space_free(rig->space);
}

static gpa page(unsigned n) { return RAM + n * (uint64_t)MEM_PAGE; }
static const struct ir_block ir;

static struct jit_block *add(struct rig *rig, gpa at, gpa second, uint64_t key)
{
    uint64_t drops = jit_cache_drops(rig->cache);
    jit_cache_watch(rig->cache, at & ~(uint64_t)(MEM_PAGE - 1));
    jit_cache_watch(rig->cache, second & ~(uint64_t)(MEM_PAGE - 1));
    return jit_cache_add(rig->cache, at, second, key, &ir, NULL, drops);
}

static void write_to(struct rig *rig, gpa at) { assert_true(mem_store(rig->space, at, 1, 1)); }

static void finds_what_was_added(void **state)
{
    struct rig rig = rig_new(1 << 20);
    (void)state;
    assert_null(jit_cache_find(rig.cache, page(0), page(0), 0));
    struct jit_block *a = add(&rig, page(0), page(0), 0), *b = add(&rig, page(0) + 2, page(0) + 2, 0), *c = add(&rig, page(0), page(0), 7);
    assert_non_null(a);
    assert_ptr_equal(jit_cache_find(rig.cache, page(0), page(0), 0), a);
    assert_ptr_equal(jit_cache_find(rig.cache, page(0) + 2, page(0) + 2, 0), b);
    assert_ptr_equal(jit_cache_find(rig.cache, page(0), page(0), 7), c);
    assert_null(jit_cache_find(rig.cache, page(0), page(0), 8));
    assert_null(jit_cache_find(rig.cache, page(0), page(1), 0));
    assert_ptr_equal(add(&rig, page(0), page(0), 0), a); /* the first one stays */
    assert_int_equal(jit_cache_blocks(rig.cache), 3);
    rig_free(&rig);
}

static void many(void **state)
{
    struct rig rig = rig_new(64 << 20);
    (void)state;
    for (unsigned i = 0; i < 20000; i++)
        assert_non_null(add(&rig, page(i % PAGES) + i / PAGES * 2, page(i % PAGES) + i / PAGES * 2, i & 3));
    for (unsigned i = 0; i < 20000; i++) {
        struct jit_block *block = jit_cache_find(rig.cache, page(i % PAGES) + i / PAGES * 2, page(i % PAGES) + i / PAGES * 2, i & 3);
        assert_non_null(block);
        assert_int_equal(block->key, i & 3);
    }
    rig_free(&rig);
}

static void drops_pages_that_were_written(void **state)
{
    struct rig rig = rig_new(1 << 20);
    (void)state;
    add(&rig, page(1), page(1), 0);
    add(&rig, page(1) + 64, page(1) + 64, 0);
    struct jit_block *other = add(&rig, page(2), page(2), 0);
    uint64_t epoch = jit_cache_epoch(rig.cache);
    jit_cache_renew(rig.cache, NULL, NULL);
    assert_int_equal(jit_cache_blocks(rig.cache), 3); /* nothing was written */
    assert_int_equal(jit_cache_epoch(rig.cache), epoch);
    write_to(&rig, page(1) + 2000);
    assert_non_null(jit_cache_find(rig.cache, page(1), page(1), 0)); /* until somebody asks */
    jit_cache_renew(rig.cache, NULL, NULL);
    assert_null(jit_cache_find(rig.cache, page(1), page(1), 0));
    assert_null(jit_cache_find(rig.cache, page(1) + 64, page(1) + 64, 0));
    assert_ptr_equal(jit_cache_find(rig.cache, page(2), page(2), 0), other);
    assert_true(jit_cache_epoch(rig.cache) > epoch);
    assert_int_equal(jit_cache_blocks(rig.cache), 1);
    assert_non_null(add(&rig, page(1), page(1), 0)); /* it is watched again */
    write_to(&rig, page(1));
    jit_cache_renew(rig.cache, NULL, NULL);
    assert_null(jit_cache_find(rig.cache, page(1), page(1), 0));
    rig_free(&rig);
}

/* An insn on two pages goes when either was written. */
static void straddlers(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        struct rig rig = rig_new(1 << 20);
        gpa at = page(5) + MEM_PAGE - 2;
        struct jit_block *block = add(&rig, at, page(9), 0), *first = add(&rig, page(5), page(5), 0),
                         *second = add(&rig, page(9), page(9), 0);
        struct jit_block *twin = add(&rig, at, page(10), 0); /* the same start, another second page */
        assert_non_null(block);
        assert_ptr_not_equal(block, twin);
        assert_ptr_equal(jit_cache_find(rig.cache, at, page(9), 0), block);
        assert_ptr_equal(jit_cache_find(rig.cache, at, page(10), 0), twin);
        write_to(&rig, which == 0 ? page(5) : which == 1 ? page(9) + 1 : page(10));
        jit_cache_renew(rig.cache, NULL, NULL);
        assert_ptr_equal(jit_cache_find(rig.cache, at, page(9), 0), which == 2 ? block : NULL);
        assert_ptr_equal(jit_cache_find(rig.cache, at, page(10), 0), which == 1 ? twin : NULL);
        assert_ptr_equal(jit_cache_find(rig.cache, page(5), page(5), 0), which == 0 ? NULL : first);
        assert_ptr_equal(jit_cache_find(rig.cache, page(9), page(9), 0), which == 1 ? NULL : second);
        for (unsigned i = 5; i <= 10; i++) /* nothing is left of them to stumble over */
            write_to(&rig, page(i));
        jit_cache_renew(rig.cache, NULL, NULL);
        assert_int_equal(jit_cache_blocks(rig.cache), 0);
        rig_free(&rig);
    }
}

/* What was read before a page was dropped must not come in afterwards: nobody watches it any more. */
static void late_blocks_are_refused(void **state)
{
    struct rig rig = rig_new(1 << 20);
    (void)state;
    uint64_t drops = jit_cache_drops(rig.cache);
    jit_cache_watch(rig.cache, page(3));    /* a vCPU begins to translate */
    write_to(&rig, page(3));                /* another one writes, */
    jit_cache_renew(rig.cache, NULL, NULL); /* and a third one asks for fresh code */
    assert_null(jit_cache_add(rig.cache, page(3), page(3), 0, &ir, NULL, drops));
    assert_null(jit_cache_find(rig.cache, page(3), page(3), 0));
    assert_non_null(add(&rig, page(3), page(3), 0));
    rig_free(&rig);
}

/* Dropped blocks stay readable until every reader has let go of them. */
static void readers_hold(void **state)
{
    struct rig rig = rig_new(1 << 20);
    struct jit_reader a = {0}, b = {0};
    (void)state;
    jit_reader_add(rig.cache, &a);
    jit_reader_add(rig.cache, &b);
    jit_reader_quiet(rig.cache, &a, jit_cache_epoch(rig.cache));
    jit_reader_quiet(rig.cache, &b, UINT64_MAX); /* holds nothing */
    struct jit_block *block = add(&rig, page(4), page(4), 5);
    write_to(&rig, page(4));
    jit_cache_renew(rig.cache, NULL, NULL);
    uint64_t epoch = jit_cache_epoch(rig.cache);
    assert_false(jit_cache_seen(rig.cache, epoch));
    jit_reader_quiet(rig.cache, &b, epoch);
    assert_int_equal(block->key, 5); /* a may still run it (a sanitizer would tell) */
    assert_int_equal(block->at, page(4));
    assert_false(jit_cache_seen(rig.cache, epoch));
    jit_reader_quiet(rig.cache, &a, epoch);
    assert_true(jit_cache_seen(rig.cache, epoch));
    assert_true(jit_cache_open_epoch(rig.cache) > epoch);
    rig_free(&rig);
}

static void limit(void **state)
{
    enum { LIMIT = 32 << 10 };
    struct rig rig = rig_new(LIMIT);
    size_t most = 0;
    (void)state;
    for (unsigned round = 0; round < 5; round++)
        for (unsigned i = 0; i < PAGES; i++)
            for (unsigned k = 0; k < 16; k++) {
                struct jit_block *block = add(&rig, page(i) + 4 * k, page(i) + 4 * k, round);
                assert_non_null(block); /* what was just added is there */
                assert_ptr_equal(jit_cache_find(rig.cache, page(i) + 4 * k, page(i) + 4 * k, round), block);
                most = jit_cache_blocks(rig.cache) > most ? jit_cache_blocks(rig.cache) : most;
            }
    assert_true(most * sizeof(struct jit_block) <= LIMIT + 64 * sizeof(struct jit_block));
    assert_true(most > 50);
    assert_null(jit_cache_find(rig.cache, page(0), page(0), 0)); /* the oldest went */
    /* Not one by one: vCPUs forget what they found at each epoch. */
    assert_true(jit_cache_drops(rig.cache) > PAGES);
    assert_true(2 * jit_cache_epoch(rig.cache) <= jit_cache_drops(rig.cache) + 2);
    rig_free(&rig);
}

/* What runs once makes room; what runs again, or has machine code, stays. */
static void forgets_what_ran_once(void **state)
{
    enum { SPACING = 64, BLOCKS = PAGES * MEM_PAGE / SPACING, HOT = 16, OPS = 100 };
    static struct ir_op ops[OPS];
    static struct jit_code *compiled = (struct jit_code *)(uintptr_t)&compiled; /* never looked into */
    const struct ir_block large = {.nops = OPS, .ops = ops};
    struct rig rig = rig_new(256 << 20);
    struct jit_block *hot[BLOCKS / HOT];
    unsigned nhot = 0, kept = 0;
    (void)state;
    for (uint64_t round = 0; round < 4; round++)
        for (unsigned i = 0; i < BLOCKS; i++) {
            gpa at = RAM + i * SPACING;
            jit_cache_watch(rig.cache, at & ~(uint64_t)(MEM_PAGE - 1));
            struct jit_block *block = jit_cache_add(rig.cache, at, at, round, &large, NULL, jit_cache_drops(rig.cache));
            assert_non_null(block);
            jit_policy_used(&block->use);
            if (!round && i % HOT == 0)
                hot[nhot++] = block;
            if (!round && i % (2 * HOT) == HOT)
                atomic_store(&block->code, compiled);
            for (unsigned n = 0; i % 32 == 0 && n < nhot; n++)
                if (!atomic_load(&hot[n]->code))
                    jit_policy_used(&hot[n]->use);
        }
    for (unsigned i = 0; i < BLOCKS; i++) {
        struct jit_block *block = jit_cache_find(rig.cache, RAM + i * SPACING, RAM + i * SPACING, 0);
        if (i % HOT == 0)
            assert_ptr_equal(block, hot[i / HOT]);
        else
            kept += block != NULL;
    }
    assert_int_equal(kept, 0);
    assert_true(jit_cache_blocks(rig.cache) < 3 * BLOCKS / 2);
    assert_int_equal(jit_cache_blocks(rig.cache) + jit_cache_forgotten(rig.cache), 4 * BLOCKS);
    for (unsigned i = 0; i < nhot; i++)
        atomic_store(&hot[i]->code, NULL);
    rig_free(&rig);
}

/* Blocks of 160 kB of IR, 16 MiB in all; how many went. */
static uint64_t forgotten_of_many(size_t keep)
{
    enum { BLOCKS = 100, OPS = (16 << 20) / BLOCKS / sizeof(struct ir_op) };
    static struct ir_op ops[OPS];
    const struct ir_block large = {.nops = OPS, .ops = ops};
    struct rig rig = rig_new(256 << 20);
    if (keep)
        jit_cache_keep(rig.cache, keep);
    for (unsigned i = 0; i < BLOCKS; i++) {
        gpa at = page(i % (PAGES - 1)) + 4 * (i / (PAGES - 1));
        jit_cache_watch(rig.cache, at & ~(uint64_t)(MEM_PAGE - 1));
        assert_non_null(jit_cache_add(rig.cache, at, at, 0, &large, NULL, jit_cache_drops(rig.cache)));
    }
    uint64_t forgotten = jit_cache_forgotten(rig.cache);
    rig_free(&rig);
    return forgotten;
}

static void keeps_what_is_asked(void **state)
{
    (void)state;
    assert_true(forgotten_of_many(0) > 0);
    assert_true(forgotten_of_many(8 << 20) > 0);
    assert_true(forgotten_of_many(8 << 20) < 60);
    assert_int_equal(forgotten_of_many(20 << 20), 0);
}

/* ---- bytes that come back ---- */

static unsigned watched;

static void watch_again(void *arg, gpa at)
{
    struct rig *rig = arg;
    watched++;
    mem_page_code_again(rig->space, at);
}

static struct jit_block *run_again(struct jit_block *block)
{
    for (unsigned i = 0; block && i < 3; i++)
        jit_policy_used(&block->use);
    return block;
}

/* Of four bytes, then four more after a gap of four; run a few times. */
static struct jit_block *add_bytes(struct rig *rig, gpa at)
{
    uint64_t drops = jit_cache_drops(rig->cache);
    jit_cache_watch(rig->cache, at & ~(uint64_t)(MEM_PAGE - 1));
    struct jit_block *block = jit_cache_revive(rig->cache, at, 0, drops);
    struct jit_source source = {.nspans = 2, .nbytes = 8, .spans = {{0, 4}, {8, 4}}};
    assert_true(mem_read(rig->space, at, source.bytes, 4) && mem_read(rig->space, at + 8, source.bytes + 4, 4));
    return run_again(block ? block : jit_cache_add(rig->cache, at, at, 0, &ir, &source, drops));
}

static struct jit_block *find(struct rig *rig, gpa at) { return jit_cache_find(rig->cache, at, at, 0); }

static void poke(struct rig *rig, gpa at, unsigned value)
{
    assert_true(mem_store(rig->space, at, 1, value));
    jit_cache_renew(rig->cache, watch_again, rig);
}

static void same_bytes_stay(void **state)
{
    struct rig rig = rig_new(1 << 20);
    gpa a = page(3) + 100, b = page(3) + 200;
    (void)state;
    add_bytes(&rig, a);
    poke(&rig, page(3), 1); /* the first time all go: nobody has remembered the bytes */
    assert_null(find(&rig, a));
    struct jit_block *first = add_bytes(&rig, a), *other = add_bytes(&rig, b);
    watched = 0;
    uint64_t epoch = jit_cache_epoch(rig.cache), drops = jit_cache_drops(rig.cache);
    poke(&rig, a + 4, 77); /* in the gap */
    poke(&rig, a + 12, 77);
    assert_int_equal(watched, 2);
    assert_ptr_equal(find(&rig, a), first);
    assert_ptr_equal(find(&rig, b), other);
    assert_int_equal(jit_cache_epoch(rig.cache), epoch);
    assert_true(jit_cache_drops(rig.cache) > drops); /* what is being translated meanwhile is refused all the same */
    for (unsigned i = 0; i < 4; i++) {
        run_again(first);
        run_again(other);
        poke(&rig, a + i + (i & 2) * 4, 5);
        assert_null(find(&rig, a));
        assert_ptr_equal(find(&rig, b), other);
        run_again(other);
        poke(&rig, a + i + (i & 2) * 4, 0);
        assert_null(find(&rig, a)); /* until it is asked for */
        assert_int_equal(first->retired, UINT64_MAX);
        assert_ptr_equal(add_bytes(&rig, a), first);
        assert_int_equal(first->retired, 0);
        assert_ptr_equal(find(&rig, a), first);
    }
    assert_int_equal(jit_cache_revived(rig.cache), 4);
    poke(&rig, a, 5);
    assert_ptr_not_equal(add_bytes(&rig, a), first); /* other bytes, another block */
    assert_int_equal(jit_cache_blocks(rig.cache), 2);
    write_to(&rig, page(3));
    jit_cache_renew(rig.cache, NULL, NULL); /* by somebody who cannot watch */
    assert_int_equal(jit_cache_blocks(rig.cache), 0);
    poke(&rig, a, 0);
    assert_ptr_not_equal(add_bytes(&rig, a), first);
    rig_free(&rig);
}

/* Blocks that are run no more go although their bytes stay; those that were run once only are not hidden. */
static void unused_ones_go(void **state)
{
    struct rig rig = rig_new(1 << 20);
    gpa a = page(3) + 100, b = page(3) + 200;
    (void)state;
    add_bytes(&rig, a);
    poke(&rig, page(3), 1);
    struct jit_block *block = add_bytes(&rig, a);
    for (unsigned left = JIT_USE_again; left > 0; left--) {
        poke(&rig, b, left);
        assert_ptr_equal(find(&rig, a), block);
    }
    poke(&rig, b, 9);
    assert_null(find(&rig, a));
    block = add_bytes(&rig, a);
    atomic_store(&block->use, JIT_USE_once);
    poke(&rig, a, 9);
    poke(&rig, a, 0);
    add_bytes(&rig, a);
    assert_int_equal(jit_cache_revived(rig.cache), 0);
    struct jit_code *code = (void *)&rig; /* one with code stays and is hidden, run or not */
    block = add_bytes(&rig, a);
    atomic_store(&block->use, JIT_USE_none);
    atomic_store(&block->code, code);
    for (unsigned i = 0; i < 4; i++) {
        poke(&rig, b, i);
        assert_ptr_equal(find(&rig, a), block);
    }
    poke(&rig, a, 9);
    poke(&rig, a, 0);
    assert_ptr_equal(add_bytes(&rig, a), block);
    atomic_store(&block->code, NULL);
    rig_free(&rig);
}

/* Many bytes one after the other; and a page where nothing is found any more is left alone. */
static void hidden_ones_are_few(void **state)
{
    struct rig rig = rig_new(1 << 20);
    struct jit_reader reader = {0};
    gpa a = page(3) + 100;
    (void)state;
    jit_reader_add(rig.cache, &reader);
    add_bytes(&rig, a);
    for (unsigned i = 1; i < 200; i++) {
        poke(&rig, a, i);
        jit_reader_quiet(rig.cache, &reader, jit_cache_epoch(rig.cache));
        assert_non_null(add_bytes(&rig, a));
    }
    unsigned before = (unsigned)jit_cache_revived(rig.cache), back = 0;
    for (unsigned i = 199; i-- > 1;) {
        poke(&rig, a, i);
        add_bytes(&rig, a);
        back = (unsigned)jit_cache_revived(rig.cache) - before;
    }
    assert_true(back >= 8 && back < 100);
    watched = 0;
    for (unsigned i = 0; i < 100; i++)
        poke(&rig, a, i);
    assert_true(watched < 20);
    rig_free(&rig);
}

/* What readers are told: each block once, in full, or that there were too many. */
static void readers_are_told(void **state)
{
    struct rig rig = rig_new(1 << 20);
    struct jit_gone gone[JIT_GONE_MAX];
    bool cold;
    uint64_t epoch = jit_cache_epoch(rig.cache);
    (void)state;
    assert_int_equal(jit_cache_gone(rig.cache, epoch, gone, &cold), 0);
    struct jit_block *a = add(&rig, page(1) + 6, page(1) + 6, 0);
    add(&rig, page(2), page(2), 0);
    write_to(&rig, page(1));
    jit_cache_renew(rig.cache, NULL, NULL);
    assert_int_equal(jit_cache_gone(rig.cache, epoch, gone, &cold), 1);
    assert_ptr_equal(gone[0].block, a);
    assert_int_equal(gone[0].at, page(1) + 6);
    assert_null(gone[0].entry);
    assert_int_equal(jit_cache_gone(rig.cache, jit_cache_epoch(rig.cache), gone, &cold), 0);
    write_to(&rig, page(2));
    jit_cache_renew(rig.cache, NULL, NULL);
    assert_int_equal(jit_cache_gone(rig.cache, epoch, gone, &cold), 2);
    jit_cache_open_epoch(rig.cache); /* code memory is used again */
    assert_true(jit_cache_gone(rig.cache, epoch, gone, &cold) < 0);
    epoch = jit_cache_epoch(rig.cache);
    assert_int_equal(jit_cache_gone(rig.cache, epoch, gone, &cold), 0);
    for (unsigned n = 1; n < 200; n++) { /* in the end more than are kept */
        uint64_t last = jit_cache_epoch(rig.cache);
        add(&rig, page(4), page(4), 0);
        write_to(&rig, page(4));
        jit_cache_renew(rig.cache, NULL, NULL);
        assert_int_equal(jit_cache_gone(rig.cache, last, gone, &cold), 1);
        assert_int_equal(jit_cache_gone(rig.cache, epoch, gone, &cold), n <= JIT_GONE_MAX ? (int)n : 0);
        assert_int_equal(cold, n > JIT_GONE_MAX); /* none of them had code */
    }
    rig_free(&rig);
}

/* ---- threads ---- */

static struct rig shared;
static _Atomic bool stop;
static _Atomic uint64_t found, wrong;

static void reader_thread(void *arg)
{
    struct jit_reader *reader = arg;
    struct jit_block *kept[16] = {0};
    uint64_t epoch = UINT64_MAX;
    for (unsigned n = 0; !atomic_load(&stop); n++) {
        uint64_t now = jit_cache_epoch(shared.cache);
        if (now != epoch) {
            memset(kept, 0, sizeof kept);
            epoch = now;
            jit_reader_quiet(shared.cache, reader, epoch);
        }
        gpa at = page(n * 7 % 16) + n % 5 * 8;
        struct jit_block *block = jit_cache_find(shared.cache, at, at, 1);
        if (!block)
            block = add(&shared, at, at, 1);
        if (block)
            kept[n % 16] = block;
        for (unsigned i = 0; i < 16; i++)
            if (kept[i] && (kept[i]->key != 1 || kept[i]->at < RAM || kept[i]->ir.nops))
                atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&found, block != NULL);
        if (n % 97 == 0) {
            write_to(&shared, page(n % 16) + 4000);
            jit_cache_renew(shared.cache, NULL, NULL);
        }
    }
    jit_reader_quiet(shared.cache, reader, UINT64_MAX);
}

static void threads(void **state)
{
    static struct jit_reader readers[READERS];
    struct os_thread *thread[READERS];
    struct err err = {0};
    (void)state;
    shared = rig_new(8 << 10);
    atomic_store(&stop, false);
    for (unsigned i = 0; i < READERS; i++) {
        jit_reader_add(shared.cache, &readers[i]);
        assert_int_equal(os_thread_start(&thread[i], "reader", reader_thread, &readers[i], &err), 0);
    }
    for (uint64_t end = os_clock_ns() + 500000000; os_clock_ns() < end || !atomic_load(&found);)
        jit_cache_renew(shared.cache, NULL, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < READERS; i++)
        os_thread_join(thread[i]);
    assert_true(atomic_load(&found) > 0);
    assert_int_equal(atomic_load(&wrong), 0);
    rig_free(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added),
        cmocka_unit_test(many),
        cmocka_unit_test(drops_pages_that_were_written),
        cmocka_unit_test(straddlers),
        cmocka_unit_test(late_blocks_are_refused),
        cmocka_unit_test(readers_hold),
        cmocka_unit_test(limit),
        cmocka_unit_test(forgets_what_ran_once),
        cmocka_unit_test(keeps_what_is_asked),
        cmocka_unit_test(same_bytes_stay),
        cmocka_unit_test(hidden_ones_are_few),
        cmocka_unit_test(unused_ones_go),
        cmocka_unit_test(readers_are_told),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
