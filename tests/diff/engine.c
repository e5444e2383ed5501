/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vCPU runs in its guest's user mode until the first trap, which goes nowhere: a copy of the guest's table notes it and stops the run loop,
 * and registers are as the trapping instruction found them.
 */
#include "engine.h"
#include "accel/vcpu.h"
#include "base/bits.h"
#include "subject.h"
#include <stdlib.h>

enum { MAX_INSNS = 1000 };

struct engine {
    struct mem_space *space;
    struct os_vclock clock;
    struct guest guest;
    struct accel_vm *vm;
    struct cpu *cpu;
    uint8_t *code, *data;
};

static void note_trap(struct cpu *cpu, struct trap trap)
{
    cpu->trap = trap;
    cpu->trapped = true;
    cpu->waiting = true; /* the run loop returns */
}

static bool take_nothing(struct cpu *cpu)
{
    (void)cpu;
    return false;
}

static int build(struct engine *e, enum accel_mode mode, struct err *err)
{
    if (mem_space_new(&e->space))
        return err_set(err, STATUS_resource, "out of memory");
    int rc = mem_space_add_ram(e->space, "code", CASE_CODE, CASE_CODE_SIZE, err);
    if (!rc)
        rc = mem_space_add_ram(e->space, "data", CASE_DATA, CASE_DATA_SIZE, err);
    os_vclock_init(&e->clock);
    os_vclock_resume(&e->clock);
    e->guest = *subject.guest;
    e->guest.enter_trap = note_trap;
    e->guest.take_interrupt = take_nothing;
    struct accel_config config = {
        .guest = &e->guest,
        .model = "max",
        .vcpus = 1,
        .mode = mode,
        .jit_threshold = 1,
        .jit_cache = 2 << 20, /* used again all the time */
        .space = e->space,
        .clock = &e->clock,
    };
    if (!rc)
        rc = accel_vm_new(&e->vm, &config, err);
    return rc;
}

static void fill(uint8_t *code, unsigned size)
{
    for (unsigned i = 0; i < size; i += 4)
        le32_put(code + i, subject.stop);
}

int engine_new(struct engine **out, enum accel_mode mode, struct err *err)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return err_set(err, STATUS_resource, "out of memory");
    int rc = build(e, mode, err);
    if (rc) {
        engine_free(e);
        return rc;
    }
    e->cpu = accel_vm_cpu(e->vm, 0);
    e->code = mem_ram(e->space, CASE_CODE, CASE_CODE_SIZE);
    e->data = mem_ram(e->space, CASE_DATA, CASE_DATA_SIZE);
    fill(e->code, CASE_CODE_SIZE);
    for (unsigned i = 0; i < CASE_WORDS; i++)
        le64_put(e->data + 8 * i, case_pattern(i));
    *out = e;
    return 0;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    accel_vm_free(e->vm);
    mem_space_free(e->space);
    free(e);
}

const struct cpu *engine_cpu(const struct engine *e) { return e->cpu; }

static void set_state(struct engine *e, const struct case_input *c)
{
    struct cpu *cpu = e->cpu;
    subject.set_state(cpu, &c->before);
    cpu->pc = c->before.pc;
    cpu->waiting = cpu->trapped = false;
    cpu->reservation.valid = RESERVED_no;
    cpu->insns++; /* or the run loop takes traps of one case after the other for a handler that traps itself */
    memcpy(e->code + (c->before.pc - CASE_CODE), c->code, c->code_len);
    mem_note_write(e->space, CASE_CODE, CASE_CODE_SIZE);
    for (unsigned i = 0; i < c->npatches; i++)
        le64_put(e->data + 8 * c->patches[i].index, c->patches[i].value);
    accel_vm_memory_changed(e->vm);
}

static void restore_memory(struct engine *e, const struct case_input *c)
{
    uint64_t first = align_down(c->before.pc - CASE_CODE, 4), end = c->before.pc - CASE_CODE + c->code_len;
    for (unsigned i = 0; i < CASE_WORDS; i++)
        le64_put(e->data + 8 * i, case_pattern(i));
    fill(e->code + first, (unsigned)(end - first));
}

static uint64_t before_word(const struct case_input *c, unsigned index)
{
    uint64_t v = case_pattern(index);
    for (unsigned i = 0; i < c->npatches; i++)
        if (c->patches[i].index == index)
            v = c->patches[i].value;
    return v;
}

static void get_state(struct engine *e, const struct case_input *c, struct case_result *result, struct case_word *changed)
{
    memset(result, 0, sizeof *result);
    subject.get_state(e->cpu, &result->after);
    result->after.pc = e->cpu->pc;
    result->signal = e->cpu->trapped ? subject.signal(e->cpu, e->cpu->trap, &result->address) : CASE_ENDLESS;
    for (unsigned i = 0; i < CASE_WORDS; i++) {
        uint64_t v = le64_get(e->data + 8 * i);
        if (v != before_word(c, i))
            changed[result->nchanged++] = (struct case_word){i, v};
    }
}

void engine_run(struct engine *e, const struct case_input *c, bool single, struct case_result *result, struct case_word *changed)
{
    struct vcpu *vcpu = e->cpu->accel;
    set_state(e, c);
    uint64_t end = e->cpu->insns + MAX_INSNS;
    while (!e->cpu->trapped && e->cpu->insns < end) { /* waits return too */
        e->cpu->waiting = false;
        e->vm->accel->run(vcpu, end - e->cpu->insns, single);
    }
    get_state(e, c, result, changed);
    restore_memory(e, c);
}
