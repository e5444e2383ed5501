/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Code memory, and the life of a block's code: made, linked, unlinked, recycled. The compiler's lock guards all of it; it is taken inside
 * the cache's. Freed is what the cache frees with the block, and only when no vCPU can be inside.
 */
#include "jit/compile.h"
#include "base/bits.h"
#include "ir/eval.h"
#include "jit/pool.h"
#include "jit/unroll.h"
#include "os/code.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 20, STEP = 1 << 16 /* bytes of code memory that get their pages at once */ };

struct chunk {
    struct jit_code *codes;
    uint64_t free_epoch; /* may be written when all readers have seen it */
};

struct jit_compiler {
    struct jit_cache *cache;
    const struct guest *guest;
    const uint8_t *routines; /* where they run */
    struct os_code memory;
    struct os_mutex lock; /* all below */
    void *scratch;
    struct chunk *chunks;
    struct jit_code *limbo; /* of recycled chunks, until all readers have seen it */
    size_t routines_size;
    unsigned nchunks, chunk; /* the one being filled */
    size_t at, ready;        /* in memory; what has pages */
    struct jit_pool pool;    /* of struct jit_code */
    struct jit_counts counts;
    bool alone, timed, flat;
    const struct jit_watch *watch; /* NULL: nobody */
};

static size_t code_size(unsigned exits, unsigned faults)
{
    return sizeof(struct jit_code) + exits * sizeof(struct jit_exit) + faults * sizeof(struct jit_fault);
}

static void free_code(struct jit_compiler *c, struct jit_code *code)
{
    free(code->unrolled);
    jit_pool_give(&c->pool, code, code_size(code->max_exits, code->max_faults));
}

static void free_codes(struct jit_compiler *c, struct jit_code *code)
{
    for (struct jit_code *next; code; code = next) {
        next = code->chunk_next;
        free_code(c, code);
    }
}

/* They lie one behind the other, in any order. */
static void tell_routines(const struct jit_compiler *c)
{
    for (unsigned i = 0; c->watch && jit_host->routine_names[i]; i++) {
        size_t at = le32_get(c->routines + 4 * i), end = c->routines_size;
        for (unsigned j = 0; jit_host->routine_names[j]; j++) {
            size_t other = le32_get(c->routines + 4 * j);
            end = other > at && other < end ? other : end;
        }
        c->watch->routine(c->watch->arg, jit_host->routine_names[i], c->routines + at, end - at);
    }
}

static enum os_code_kind kind_of(const struct jit_compiler *c)
{
    return c->flat ? OS_CODE_private : c->watch && c->watch->perf ? OS_CODE_anonymous : OS_CODE_file;
}

int jit_compiler_new(struct jit_compiler **out, struct jit_cache *cache, const struct guest *guest, const struct jit_setup *setup,
                     struct err *err)
{
    if (!jit_host)
        return err_set(err, STATUS_unavailable, "there is no code generator for this host; the interpreter works");
    struct jit_compiler *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, STATUS_resource, "out of memory for the compiler");
    os_mutex_init(&c->lock, OS_RANK_emit);
    c->cache = cache;
    c->guest = guest;
    c->alone = setup->alone;
    c->flat = c->pool.large = setup->flat;
    c->timed = setup->timed;
    c->watch = setup->watch;
    c->nchunks = setup->size < 2 * CHUNK ? 2 : (unsigned)(setup->size / CHUNK); /* one is filled while the next one empties */
    c->scratch = calloc(1, jit_host->scratch);
    c->chunks = calloc(c->nchunks, sizeof *c->chunks);
    int rc = c->scratch && c->chunks ? os_code_new(&c->memory, (size_t)c->nchunks * CHUNK, kind_of(c), err)
                                     : err_set(err, STATUS_resource, "out of memory for the compiler");
    if (!rc) {
        os_code_populate(&c->memory, 0, STEP);
        c->ready = STEP;
        c->routines = c->memory.exec;
        c->at = jit_host->routines(c->memory.write, c->memory.exec, CHUNK, guest->pins, guest->npins, guest->fpins, guest->nfpins, c->flat);
        c->routines_size = c->at;
        os_code_flush(&c->memory, 0, c->at);
        jit_cache_set_compiler(cache, c);
        tell_routines(c);
        *out = c;
        return 0;
    }
    jit_compiler_free(c);
    return rc;
}

void jit_compiler_free(struct jit_compiler *c)
{
    if (!c)
        return;
    jit_cache_set_compiler(c->cache, NULL);
    for (unsigned i = 0; c->chunks && i < c->nchunks; i++)
        free_codes(c, c->chunks[i].codes);
    free_codes(c, c->limbo);
    jit_pool_fini(&c->pool);
    os_code_free(&c->memory);
    os_mutex_fini(&c->lock);
    free(c->scratch);
    free(c->chunks);
    free(c);
}

/* ---- links ---- */

static void point(struct jit_compiler *c, const struct jit_exit *exit, size_t to)
{
    jit_host->patch(c->memory.write + exit->site, (int32_t)((int64_t)to - (int64_t)exit->site - 4));
    os_code_flush(&c->memory, exit->site, 4);
}

static void unlink_exit(struct jit_compiler *c, struct jit_exit *exit)
{
    struct jit_exit **link = &exit->to->in;
    while (*link != exit)
        link = &(*link)->next;
    *link = exit->next;
    exit->to = NULL;
    point(c, exit, exit->stub);
    c->counts.unlinked += !exit->round;
}

static void unlink_all(struct jit_compiler *c, struct jit_code *code)
{
    while (code->in)
        unlink_exit(c, code->in);
    for (unsigned i = 0; i < code->nexits; i++) {
        if (code->exits[i].to)
            unlink_exit(c, &code->exits[i]);
        code->exits[i].from = NULL;
    }
}

/* By one address wherever both blocks stand: in one page, or because they stand nowhere else. */
static bool leads_to(const struct jit_compiler *c, const struct jit_exit *exit, gpa from, gpa to)
{
    gpa page = align_down(from, MEM_PAGE);
    return page + (gpa)(int64_t)exit->target == to && (c->flat || align_down(to, MEM_PAGE) == page);
}

void jit_link(struct jit_compiler *c, struct jit_exit *exit, struct jit_block *to)
{
    os_mutex_lock(&c->lock);
    struct jit_code *code = atomic_load(&to->code);
    const struct jit_block *from = exit->from ? exit->from->block : NULL;
    if (from && code && !exit->to && !exit->round && !atomic_load(&to->retired) && to->key == from->key && to->second == to->at &&
        leads_to(c, exit, from->at, to->at)) {
        exit->to = code;
        exit->next = code->in;
        code->in = exit;
        point(c, exit, (size_t)(code->entry - c->memory.exec));
        c->counts.linked++;
    }
    os_mutex_unlock(&c->lock);
}

/* ---- code memory ---- */

static void free_limbo(struct jit_compiler *c)
{
    for (struct jit_code *code, **link = &c->limbo; (code = *link);) {
        if (!jit_cache_seen(c->cache, code->free_epoch)) {
            link = &code->chunk_next;
            continue;
        }
        *link = code->chunk_next;
        free_code(c, code);
    }
}

/*
 * The blocks of a chunk lose their code; it may be overwritten when no vCPU can be inside any more. The epoch is opened last: who has seen it
 * can have found none of the code after that.
 */
static void recycle(struct jit_compiler *c, struct chunk *chunk)
{
    free_limbo(c);
    if (!chunk->codes)
        return;
    for (struct jit_code *code = chunk->codes; code; code = code->chunk_next) {
        unlink_all(c, code);
        if (code->block) {
            atomic_store(&code->block->code, NULL);
            jit_policy_cool(&code->block->heat);
        }
    }
    chunk->free_epoch = jit_cache_open_epoch(c->cache);
    for (struct jit_code *code = chunk->codes, *next; code; code = next) {
        next = code->chunk_next;
        code->free_epoch = chunk->free_epoch;
        code->chunk_next = c->limbo;
        c->limbo = code;
    }
    chunk->codes = NULL;
    c->counts.recycled++;
}

/* Room for one more block, whatever its size; 0: not now. */
static size_t make_room(struct jit_compiler *c)
{
    if (c->at + jit_host->code_max <= (size_t)(c->chunk + 1) * CHUNK)
        return c->at;
    unsigned next = (c->chunk + 1) % c->nchunks;
    if (!jit_cache_seen(c->cache, c->chunks[next].free_epoch))
        return 0;
    c->chunk = next;
    c->at = (size_t)next * CHUNK;
    if (next == 0)
        c->at += c->routines_size;
    uint64_t start = c->timed ? os_clock_ns() : 0;
    recycle(c, &c->chunks[(next + 1) % c->nchunks]);
    uint64_t took = c->timed ? os_clock_ns() - start : 0;
    if (took > c->counts.recycle_longest_ns)
        c->counts.recycle_longest_ns = took;
    return c->at;
}

/* ---- compiling ---- */

static struct jit_code *new_code(struct jit_compiler *c, unsigned nexits, unsigned nfaults)
{
    struct jit_code *code = jit_pool_take(&c->pool, code_size(nexits, nfaults));
    if (!code)
        return NULL;
    *code = (struct jit_code){.max_exits = nexits, .max_faults = nfaults, .faults = (struct jit_fault *)(void *)&code->exits[nexits]};
    memset(code->exits, 0, nexits * sizeof code->exits[0]);
    code->chunk_next = c->chunks[c->chunk].codes;
    c->chunks[c->chunk].codes = code;
    return code;
}

/* The exits are addressed by the emitted code, so they get their final place before it is written: as many as the block can have. */
static unsigned count_exits(const struct ir_block *ir)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ir->nops; i++)
        n += ir->ops[i].op == IR_BRANCH || ir->ops[i].op == IR_BRANCH_IF || ir->ops[i].op == IR_BRANCH_CMP;
    return n;
}

static unsigned count_accesses(const struct ir_block *ir)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ir->nops; i++)
        n += (ir_sigs[ir->ops[i].op].flags & (IR_F_R | IR_F_W)) != 0;
    return n;
}

static bool emit(struct jit_compiler *c, struct jit_block *block)
{
    size_t at = make_room(c);
    struct ir_block *unrolled = at ? jit_unroll(&block->ir, c->guest->cells) : NULL;
    const struct ir_block *ir = unrolled ? unrolled : &block->ir;
    unsigned nexits =
        count_exits(ir) + (c->flat ? 0 : count_exits(&block->ir)); /* the second round is of covers, which flat memory has none of */
    struct jit_code *code = at ? new_code(c, nexits, c->flat ? count_accesses(ir) : 0) : NULL;
    if (!code) {
        free(unrolled);
        return false;
    }
    code->unrolled = unrolled;
    code->covers = jit_policy_covers(&block->uncovered);
    struct jit_emit_request request = {
        .ir = ir,
        .round = &block->ir,
        .page_offset = block->at & (MEM_PAGE - 1),
        .pins = c->guest->pins,
        .npins = c->guest->npins,
        .fpins = c->guest->fpins,
        .nfpins = c->guest->nfpins,
        .fp_host = c->guest->fp_host ? (uint8_t)c->guest->fp_host(block->key) : FP_HOST_none,
        .alone = c->alone,
        .covers = code->covers,
        .flat = c->flat,
        .page = align_down(block->at, MEM_PAGE),
        .zero_cell = (uint16_t)c->guest->cells,
        .out = c->memory.write + at,
        .exec = c->memory.exec + at,
        .offset = (uint32_t)at,
        .room = jit_host->code_max,
        .scratch = c->scratch,
        .max_exits = code->max_exits,
        .exits = code->exits,
        .max_faults = code->max_faults,
        .faults = code->faults,
    };
    for (; c->ready < at + STEP / 2 && c->ready < c->memory.size; c->ready += STEP) /* most blocks end in there */
        os_code_populate(&c->memory, c->ready, STEP);
    size_t size = jit_host->emit(c->routines, &request);
    code->nexits = request.nexits;
    code->nfaults = request.nfaults;
    if (!size) {
        c->chunks[c->chunk].codes = code->chunk_next;
        free_code(c, code);
        jit_policy_cool(&block->heat); /* too long: not tried at every run */
        return false;
    }
    os_code_flush(&c->memory, at, size);
    c->at = align_up(c->at + size, 16);
    code->entry = c->memory.exec + at;
    code->block = block;
    for (unsigned i = 0; i < code->nexits; i++) {
        struct jit_exit *exit = &code->exits[i];
        exit->from = code;
        if (exit->round) {
            exit->to = code;
            exit->next = code->in;
            code->in = exit;
        }
    }
    atomic_store(&block->code, code);
    c->counts.compiled++;
    c->counts.compiled_insns += ir->ninsns;
    c->counts.code_bytes += size;
    if (c->at > c->counts.code_peak)
        c->counts.code_peak = c->at;
    return true;
}

static bool compile(struct jit_compiler *c, struct cpu *cpu, struct jit_block *block)
{
    uint64_t start = c->timed ? os_clock_ns() : 0;
    bool done = emit(c, block);
    if (c->timed)
        c->counts.compile_ns += os_clock_ns() - start;
    c->counts.refused += !done;
    if (done && c->watch) {
        const uint8_t *code = atomic_load(&block->code)->entry;
        c->watch->block(c->watch->arg, cpu, block, code, (size_t)(c->memory.exec + c->at - code));
    }
    return done;
}

bool jit_compile(struct jit_compiler *c, struct cpu *cpu, struct jit_block *block)
{
    os_mutex_lock(&c->lock);
    bool done = atomic_load(&block->code) || (!atomic_load(&block->retired) && compile(c, cpu, block));
    os_mutex_unlock(&c->lock);
    return done;
}

const uint8_t *jit_compile_undo(struct jit_compiler *c, struct jit_block *block)
{
    os_mutex_lock(&c->lock);
    struct jit_code *code = atomic_load(&block->code);
    const uint8_t *entry = code ? code->entry : NULL;
    if (code) {
        unlink_all(c, code);
        code->block = NULL;
        atomic_store(&block->code, NULL);
        c->counts.undone++;
    }
    os_mutex_unlock(&c->lock);
    return entry;
}

const uint8_t *jit_compile_uncover(struct jit_compiler *c, struct jit_block *block)
{
    os_mutex_lock(&c->lock);
    const struct jit_code *code = atomic_load(&block->code);
    bool covers = code && code->covers;
    os_mutex_unlock(&c->lock);
    return covers ? jit_compile_undo(c, block) : NULL;
}

const uint8_t *jit_compile_hide(struct jit_compiler *c, struct jit_block *block)
{
    os_mutex_lock(&c->lock);
    struct jit_code *code = atomic_load(&block->code);
    const uint8_t *entry = code ? code->entry : NULL;
    bool rounds = false;
    for (const struct jit_exit *exit = code ? code->in : NULL; exit; exit = exit->next)
        rounds |= exit->from == code;
    while (code && !rounds && code->in)
        unlink_exit(c, code->in);
    os_mutex_unlock(&c->lock);
    return rounds ? jit_compile_undo(c, block) : entry;
}

static uintptr_t fault_stub(const struct jit_compiler *c, const struct jit_code *code, size_t at)
{
    for (unsigned i = 0; i < code->nfaults; i++)
        if (at >= code->faults[i].from && at < code->faults[i].to)
            return (uintptr_t)(c->memory.exec + code->faults[i].stub);
    return 0;
}

uintptr_t jit_compiler_fault(struct jit_compiler *c, uintptr_t pc)
{
    size_t at = pc - (uintptr_t)c->memory.exec;
    uintptr_t to = 0;
    if (at >= c->memory.size)
        return 0;
    os_mutex_lock(&c->lock);
    for (const struct jit_code *code = c->chunks[at / CHUNK].codes; code && !to; code = code->chunk_next)
        to = fault_stub(c, code, at);
    for (const struct jit_code *code = c->limbo; code && !to; code = code->chunk_next) /* still running */
        to = fault_stub(c, code, at);
    os_mutex_unlock(&c->lock);
    return to;
}

bool jit_compiler_share(struct jit_compiler *c)
{
    os_mutex_lock(&c->lock);
    bool was_alone = c->alone;
    c->alone = false;
    os_mutex_unlock(&c->lock);
    return was_alone;
}

void jit_compiler_fork(struct jit_compiler *c, bool begin)
{
    if (begin)
        os_mutex_lock(&c->lock);
    else
        os_mutex_unlock(&c->lock);
}

bool jit_op_run(struct cpu *cpu, const struct ir_op *op)
{
    if (cpu->stats) {
        cpu->stats->ops[op->op]++;
        if (op->op == IR_CALL && op->imm >> 48 < CPU_STATS_HELPERS)
            cpu->stats->helpers[op->imm >> 48]++;
    }
    return ir_op_run(cpu, op);
}

enum jit_why jit_enter(const struct jit_compiler *c, struct cpu *cpu, const uint8_t *entry)
{
    cpu->page = align_down(cpu->pc, MEM_PAGE);
    return jit_host->enter(c->routines, cpu, entry);
}

void jit_compiler_counts(struct jit_compiler *c, struct jit_counts *out)
{
    os_mutex_lock(&c->lock);
    *out = c->counts;
    os_mutex_unlock(&c->lock);
}
