/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The emulating accelerator's run loop: block after block through the jump cache, traps and interrupts between them. The table at the end
 * is what accel/vm.c calls.
 */
#include "accel/emu/emu.h"
#include "ir/eval.h"
#include "ir/monitor.h"
#include <stdio.h>
#include <stdlib.h>

_Static_assert(CPU_STAT_exit_uncovered - CPU_STAT_exit_branch == (int)JIT_EXIT_uncovered, "the rows exit_* follow enum jit_why");

enum {
    CACHE_LIMIT = 128 << 20,
    FLAT_ROOM = 32 << 20 /* for a program's blocks that ran in tier 0 only */,
    CODE_SIZE = 64 << 20,
    ROUNDS = 15 /* of a loop in tier 0, before it is looked at again */
};

/* The trap handler's first insn traps, over and over: nothing in this vCPU can change that. */
static void check_stuck(struct emu_cpu *emu)
{
    struct cpu *cpu = emu->cpu;
    const struct accel_config *config = &((struct vcpu *)cpu->accel)->vm->config;
    if (cpu->insns != emu->trap_insns) {
        emu->trap_insns = cpu->insns;
        emu->trap_repeats = 0;
    } else if (++emu->trap_repeats == STUCK) {
        char text[160];
        snprintf(text, sizeof text, "vCPU %u: %s at 0x%llx (0x%llx), and the trap handler at that address does the same", cpu->id,
                 cpu->guest->trap_name(cpu->trap.kind), (unsigned long long)cpu->pc, (unsigned long long)cpu->trap.info);
        accel_cpu_park(cpu);
        if (config->callbacks && config->callbacks->stuck)
            config->callbacks->stuck(config->machine, cpu, text);
    }
}

/* Mode and interrupts may have changed. */
static void settle(struct emu_cpu *emu)
{
    struct cpu *cpu = emu->cpu;
    cpu->guest->take_interrupt(cpu);
    if (!cpu->guest->announces)
        emu_view_update(emu);
}

static void deliver(struct emu_cpu *emu)
{
    struct cpu *cpu = emu->cpu;
    const struct accel_config *config = &emu->vm->vm->config;
    if (!cpu->flat)
        check_stuck(emu);
    cpu->stats->traps[cpu->trap.kind < CPU_STATS_KINDS ? cpu->trap.kind : CPU_STATS_KINDS - 1]++;
    cpu->trapped = false;
    cpu->reservation.valid = RESERVED_no;
    if (cpu->flat) {
        if (config->callbacks->trap(config->machine, cpu))
            emu_view_update(emu);
        return;
    }
    cpu->guest->enter_trap(cpu, cpu->trap);
    settle(emu);
}

/* Between blocks, when an event stands. true: leave the run loop. */
static bool attend(struct emu_cpu *emu, uint32_t events)
{
    struct cpu *cpu = emu->cpu;
    if (events & CPU_EVENT_code)
        emu_serve_shots(emu);
    if (events & CPU_EVENT_order)
        vcpu_obey(emu->cpu->accel);
    if (events & CPU_EVENT_irq) {
        atomic_fetch_and(&cpu->events, (uint32_t)~CPU_EVENT_irq);
        cpu->guest->clock_event(cpu);
        if (cpu->guest->take_interrupt(cpu) || cpu->unshared == CPU_UNSHARED_MAX)
            emu_view_update(emu);
    }
    return events & (CPU_EVENT_stop | CPU_EVENT_request);
}

static void renew_epoch(struct emu_cpu *emu)
{
    uint64_t epoch = jit_cache_epoch(emu->vm->cache);
    if (epoch != emu->epoch)
        emu_forget_gone(emu);
    emu->exit = NULL; /* its code may go when this epoch is acknowledged */
    emu->epoch = epoch;
    jit_reader_quiet(emu->vm->cache, &emu->reader, epoch);
}

static struct jit_block *land(struct emu_cpu *emu)
{
    gva pc = emu->cpu->pc;
    struct jump *jump = emu_jump(emu, pc);
    enum guest_landing landing = emu_land(emu);
    if (landing == LAND_trap)
        return NULL;
    bool known = jump->pc == pc && jump->view == emu->view->id;
    struct jit_block *block = known ? jump->block : emu_block(emu);
    emu->unkept = (!known && emu->unkept) || landing == LAND_once;
    return block;
}

static inline struct jit_block *next_block(struct emu_cpu *emu)
{
    gva pc = emu->cpu->pc;
    struct jump *jump = emu_jump(emu, pc);
    if (__builtin_expect(emu->cpu->landing, 0))
        return land(emu);
    if (__builtin_expect(jump->pc == pc && jump->view == emu->view->id, 1))
        emu->unkept = false;
    else
        return emu_block(emu);
    return jump->block;
}

/* Tier 0 beside tier 1: rare, so that counting costs nothing. */
static enum ir_exit evaluate(struct cpu *cpu, const struct ir_block *ir, unsigned again)
{
    uint64_t before = cpu->insns;
    enum ir_exit exit = ir_eval_loop(cpu, ir, again);
    cpu->stats->n[CPU_STAT_tier0_blocks]++;
    cpu->stats->n[CPU_STAT_tier0_insns] += cpu->insns - before;
    return exit;
}

static enum ir_exit run_single(struct emu_cpu *emu)
{
    cpu_count(emu->cpu, CPU_STAT_singles);
    if (emu->cpu->landing && emu_land(emu) == LAND_trap)
        return IR_EXIT_trap;
    struct ir_block *ir = emu_single(emu);
    return ir ? evaluate(emu->cpu, ir, 0) : IR_EXIT_trap;
}

/* The info word of a TRAP op is where the evaluator would have found it. */
static void raise_trap(struct cpu *cpu)
{
    const struct ir_op *op = cpu->jit_op;
    unsigned info = op->op == IR_TRAP ? op->a : op->b;
    if (op->op == IR_TRAP || op->op == IR_TRAP_IF)
        cpu_trap(cpu, op->s[0], info == IR_CONST ? op->imm : cpu->cell[info]);
    ir_eval_trapped(cpu, cpu->jit_ir, op);
}

/* Where that happens often the block gets other code. */
static enum ir_exit run_uncovered(struct emu_cpu *emu)
{
    struct cpu *cpu = emu->cpu;
    struct jit_block *block = jit_block_of(cpu->jit_ir);
    if (jit_policy_uncovered(&block->uncovered, cpu->insns))
        jit_cache_uncover(emu->vm->cache, block);
    return evaluate(cpu, &block->ir, ROUNDS);
}

static enum ir_exit run_code(struct emu_cpu *emu, const uint8_t *entry)
{
    struct cpu *cpu = emu->cpu;
    enum jit_why why = jit_enter(emu->vm->compiler, cpu, entry);
    cpu->stats->n[CPU_STAT_exit_branch + why]++;
    switch (why) {
    case JIT_EXIT_link: emu->exit = cpu->jit_exit; return IR_EXIT_branch;
    case JIT_EXIT_end: return IR_EXIT_end;
    case JIT_EXIT_trap: raise_trap(cpu); return IR_EXIT_trap;
    case JIT_EXIT_uncovered: return run_uncovered(emu);
    default: return IR_EXIT_branch;
    }
}

/* The block has no code yet: tier 0, and tier 1 from the next time on if it has become hot. */
static enum ir_exit run_cold(struct emu_cpu *emu, struct jit_block *block)
{
    jit_policy_used(&block->use);
    if (!emu->vm->compiler)
        return ir_eval_loop(emu->cpu, &block->ir, ROUNDS);
    uint64_t before = emu->cpu->insns;
    if (jit_policy_run(&block->heat, emu->vm->threshold, before) && jit_compile(emu->vm->compiler, emu->cpu, block)) {
        struct jit_code *code = atomic_load(&block->code);
        if (code)
            return run_code(emu, code->entry);
    }
    unsigned insns = block->ir.ninsns;
    enum ir_exit exit = evaluate(emu->cpu, &block->ir, ROUNDS);
    if (emu->cpu->insns - before > insns)
        jit_policy_rounds(&block->heat, (emu->cpu->insns - before) / insns);
    return exit;
}

static inline enum ir_exit run_block(struct emu_cpu *emu)
{
    gva pc = emu->cpu->pc;
    unsigned landing = emu->cpu->landing;
    struct jump *jump = emu_jump(emu, pc);
    if (!emu->exit && !landing) {
        bool known = jump->pc == pc && jump->view == emu->view->id;
        const uint8_t *entry = known ? jump->entry : emu_known_jump(emu, pc);
        if (entry)
            return run_code(emu, entry);
    }
    struct jit_block *block = next_block(emu);
    struct jit_exit *exit = emu->exit;
    emu->exit = NULL;
    if (__builtin_expect(!block, 0))
        return emu->cpu->trapped ? IR_EXIT_trap : run_single(emu);
    struct jit_code *code = atomic_load_explicit(&block->code, memory_order_acquire);
    if (!code)
        return run_cold(emu, block);
    if (exit)
        jit_link(emu->vm->compiler, exit, block);
    if (!emu->unkept)
        emu_note_jump(emu, pc, landing, code->entry);
    if (!emu->unkept && !landing && jump->pc == pc && jump->view == emu->view->id)
        jump->entry = code->entry;
    return run_code(emu, code->entry);
}

static void run(struct vcpu *vcpu, uint64_t max, bool exact)
{
    struct emu_cpu *emu = vcpu->impl;
    struct cpu *cpu = emu->cpu;
    uint64_t end = max > UINT64_MAX - cpu->insns ? UINT64_MAX : cpu->insns + max;
    emu_code_enter(emu);
    renew_epoch(emu);
    cpu->guest->clock_event(cpu);
    cpu->guest->take_interrupt(cpu);
    emu_view_update(emu);
    while (cpu->insns < end) {
        uint32_t events = atomic_load_explicit(&cpu->events, memory_order_acquire);
        if (__builtin_expect(events, 0) && attend(emu, events))
            break;
        if (__builtin_expect(jit_cache_epoch(emu->vm->cache) != emu->epoch, 0))
            renew_epoch(emu);
        bool stepping = cpu->stepping;
        enum ir_exit exit = exact || stepping ? run_single(emu) : run_block(emu);
        if (__builtin_expect(exit == IR_EXIT_branch && !stepping, 1))
            continue;
        if (exit == IR_EXIT_trap) {
            deliver(emu);
        } else {
            settle(emu);
        }
        if (cpu->waiting)
            break;
    }
    emu_code_leave(emu);
}

static void context_changed(struct cpu *cpu)
{
    struct emu_cpu *emu = emu_of(cpu);
    if (emu->view || !cpu->flat) /* else before it runs for the first time: nobody looks at it */
        emu_view_update(emu);
}

static bool firmware_call(struct cpu *cpu)
{
    const struct accel_config *config = &((struct vcpu *)cpu->accel)->vm->config;
    return config->callbacks && config->callbacks->firmware_call && config->callbacks->firmware_call(config->machine, cpu);
}

static bool semihosting(struct cpu *cpu)
{
    const struct accel_config *config = &((struct vcpu *)cpu->accel)->vm->config;
    return config->callbacks && config->callbacks->semihosting && config->callbacks->semihosting(config->machine, cpu);
}

static const struct cpu_ops cpu_ops = {
    .tlb_flush = emu_tlb_flush,
    .tlb_flush_page = emu_tlb_flush_page,
    .context_changed = context_changed,
    .fetch_changed = emu_fetch_changed,
    .set_deadline = vcpu_set_deadline,
    .wake = vcpu_wake,
    .firmware_call = firmware_call,
    .semihosting = semihosting,
    .tell = vcpu_tell,
    .settle = vcpu_settle,
    .raise = vcpu_raise,
    .guarded = emu_guarded,
    .user_tlb = emu_user_tlb,
};

static int open_compiler(struct emu_vm *emu, const struct accel_config *config, struct err *err)
{
    if (config->mode == ACCEL_interpreter || (config->mode == ACCEL_auto && !jit_host))
        return 0;
    const struct jit_setup setup = {
        .size = config->jit_cache ? config->jit_cache : CODE_SIZE,
        .alone = emu->vm->monitor->alone,
        .flat = config->flat,
        .timed = config->timed,
        .watch = config->watch,
    };
    return jit_compiler_new(&emu->compiler, emu->cache, config->guest, &setup, err);
}

static int vm_open(struct accel_vm *vm, struct err *err)
{
    struct emu_vm *emu = calloc(1, sizeof *emu);
    if (!emu || jit_cache_new(&emu->cache, vm->config.space, CACHE_LIMIT)) {
        free(emu);
        return err_set(err, STATUS_resource, "out of memory for the code cache");
    }
    os_mutex_init(&emu->lock, OS_RANK_shots);
    emu->vm = vm;
    vm->impl = emu;
    emu->threshold = vm->config.jit_threshold ? vm->config.jit_threshold : JIT_THRESHOLD;
    if (vm->config.flat)
        jit_cache_keep(emu->cache, FLAT_ROOM);
    return open_compiler(emu, &vm->config, err);
}

static void vm_close(struct accel_vm *vm)
{
    struct emu_vm *emu = vm->impl;
    for (struct shot *s = emu->shots, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    jit_compiler_free(emu->compiler);
    jit_cache_free(emu->cache);
    os_mutex_fini(&emu->lock);
    free(emu);
}

static void vcpu_close(struct vcpu *vcpu)
{
    struct emu_cpu *emu = vcpu->impl;
    jit_reader_remove(emu->vm->cache, &emu->reader);
    emu_contexts_fini(emu);
    ir_build_free(emu->build);
    os_pages_free(emu, sizeof *emu);
}

static int vcpu_open(struct vcpu *vcpu, struct err *err)
{
    struct emu_cpu *emu = os_pages_new(sizeof *emu);
    const struct guest *guest = vcpu->cpu->guest;
    if (!emu)
        return err_set(err, STATUS_resource, "out of memory for a vCPU");
    if (vcpu->cpu->flat && !vcpu->cpu->id)
        os_pages_populate(emu, sizeof *emu); /* a process's first: most of it is used soon */
    emu->cpu = vcpu->cpu;
    emu->vm = vcpu->vm->impl;
    vcpu->impl = emu;
    vcpu->cpu->ops = &cpu_ops;
    vcpu->cpu->helpers = guest->helpers;
    if (emu_contexts_init(emu) || ir_build_new(&emu->build, guest->cells, guest->helpers, guest->nhelpers))
        return err_set(err, STATUS_resource, "out of memory for a vCPU");
    jit_reader_add(emu->vm->cache, &emu->reader);
    return 0;
}

static void memory_changed(struct accel_vm *vm)
{
    struct emu_vm *emu = vm->impl;
    jit_cache_renew(emu->cache, NULL, NULL);
}

/* ---- flat memory ---- */

static void away(struct vcpu *vcpu, bool is_away)
{
    struct emu_cpu *emu = vcpu->impl;
    if (is_away)
        jit_reader_quiet(emu->vm->cache, &emu->reader, UINT64_MAX);
    else
        renew_epoch(emu);
}

static void code_changed(struct accel_vm *vm, gva from, gva to)
{
    struct emu_vm *emu = vm->impl;
    jit_cache_drop(emu->cache, from, to);
}

/* Emitted code took memory for its own: it is made anew. */
static void shared(struct accel_vm *vm)
{
    struct emu_vm *emu = vm->impl;
    if (emu->compiler && jit_compiler_share(emu->compiler))
        jit_cache_drop(emu->cache, 0, MEM_FLAT_END);
}

static uintptr_t fault(struct accel_vm *vm, uintptr_t pc)
{
    struct emu_vm *emu = vm->impl;
    return emu->compiler ? jit_compiler_fault(emu->compiler, pc) : 0;
}

static void fork_around(struct accel_vm *vm, bool begin, struct vcpu *child)
{
    struct emu_vm *emu = vm->impl;
    struct emu_cpu *self = child ? child->impl : NULL;
    jit_cache_fork(emu->cache, begin, self ? &self->reader : NULL);
}

static void stats(struct vcpu *vcpu, struct cpu_stats *out)
{
    const struct emu_cpu *emu = vcpu->impl;
    uint64_t insns = vcpu->cpu->insns;
    *out = vcpu->stats;
    out->n[CPU_STAT_insns] = insns;
    if (!emu->vm->compiler)
        out->n[CPU_STAT_tier0_insns] = insns;
    out->n[CPU_STAT_tier1_insns] = insns - out->n[CPU_STAT_tier0_insns];
}

static void counts(struct accel_vm *vm, struct jit_counts *out)
{
    struct emu_vm *emu = vm->impl;
    *out = (struct jit_counts){0};
    if (emu->compiler)
        jit_compiler_counts(emu->compiler, out);
    out->dropped_pages = jit_cache_drops(emu->cache);
    out->same = jit_cache_kept(emu->cache);
    out->revived = jit_cache_revived(emu->cache);
    out->forgotten = jit_cache_forgotten(emu->cache);
    out->kept_blocks = jit_cache_blocks(emu->cache);
}

const struct accel accel_emu = {
    .name = "emu",
    .vm_open = vm_open,
    .vm_close = vm_close,
    .vcpu_open = vcpu_open,
    .vcpu_close = vcpu_close,
    .run = run,
    .memory_changed = memory_changed,
    .away = away,
    .shared = shared,
    .code_changed = code_changed,
    .fault = fault,
    .fork = fork_around,
    .stats = stats,
    .counts = counts,
};
