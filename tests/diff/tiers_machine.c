/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The machine of tiers_machine.h. The program's end is a wfi in the handler: the run loop returns there, or the thread sleeps. Code pages
 * are shared by the vCPUs and, when paged, mapped in reverse order, so that virtual neighbours are not physical ones.
 */
#include "tiers_machine.h"
#include "accel/emu/emu.h"
#include "base/bits.h"
#include "tiers_code.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int add_memory(struct machine *m, struct err *err)
{
    uint64_t each = (uint64_t)m->vcpus * PRIVATE_STEP;
    int rc = mem_space_add_ram(m->space, "code", CODE_AT, CODE_SIZE, err);
    rc = rc ? rc : mem_space_add_ram(m->space, "data", DATA_AT, each, err);
    rc = rc ? rc : mem_space_add_ram(m->space, "private", PRIVATE_AT, each, err);
    rc = rc ? rc : mem_space_add_ram(m->space, "tables", TABLES_AT, each, err);
    return rc ? rc : mem_space_add_ram(m->space, "handler", HANDLER_AT, 2 * MEM_PAGE, err);
}

int machine_init(struct machine *m, const struct machine_setup *setup, struct err *err)
{
    *m = (struct machine){.vcpus = setup->vcpus};
    os_vclock_init(&m->clock);
    if (mem_space_new(&m->space))
        return err_set(err, STATUS_resource, "out of memory");
    int rc = add_memory(m, err);
    struct accel_config config = {
        .guest = state_guest,
        .model = "max",
        .vcpus = setup->vcpus,
        .space = m->space,
        .clock = &m->clock,
        .mode = setup->threshold ? ACCEL_jit : ACCEL_interpreter,
        .jit_threshold = setup->threshold,
        .jit_cache = setup->code_memory,
    };
    return rc ? rc : accel_vm_new(&m->vm, &config, err);
}

void machine_fini(struct machine *m)
{
    accel_vm_free(m->vm);
    mem_space_free(m->space);
}

uint64_t machine_features(const struct machine *m) { return state_features(accel_vm_cpu(m->vm, 0)); }

/* ---- loading ---- */

static void poke(struct machine *m, gpa at, const void *bytes, size_t len)
{
    if (!mem_write(m->space, at, bytes, len))
        fprintf(stderr, "tiers: no memory at 0x%" PRIx64 "\n", at);
}

void machine_poke64(struct machine *m, gpa at, uint64_t v)
{
    uint8_t bytes[8];
    le64_put(bytes, v);
    poke(m, at, bytes, sizeof bytes);
}

gpa machine_code_page(unsigned n, bool paged) { return CODE_AT + (uint64_t)(paged ? CODE_PAGES - 1 - n : n) * MEM_PAGE; }

void machine_load(struct machine *m, unsigned n, const struct program *p, bool paged)
{
    uint32_t handler[HANDLER_WORDS];
    uint64_t tables = paged ? state_tables(m, n) : 0, each = (uint64_t)n * PRIVATE_STEP;
    for (unsigned i = 0; i < CODE_PAGES; i++)
        poke(m, machine_code_page(i, paged), p->code + i * MEM_PAGE, MEM_PAGE);
    poke(m, PRIVATE_AT + each, p->private_code, sizeof p->private_code);
    for (unsigned i = 0; i < DATA_SIZE / 8; i++)
        machine_poke64(m, DATA_AT + each + 8 * i, case_pattern(i));
    unsigned words = code_handler(handler);
    for (unsigned i = 0; i < words; i++) {
        uint8_t bytes[4];
        le32_put(bytes, handler[i]);
        poke(m, HANDLER_AT + code_handler_at + 4 * i, bytes, sizeof bytes);
    }
    machine_poke64(m, HANDLER_AT + MEM_PAGE + 8 * n, 0);
    state_set(accel_vm_cpu(m->vm, n), p, tables);
    accel_vm_memory_changed(m->vm);
}

/* ---- running ---- */

void machine_run(struct machine *m, unsigned n)
{
    struct cpu *cpu = accel_vm_cpu(m->vm, n);
    do { /* wrs returns too */
        cpu->waiting = false;
        m->vm->accel->run(cpu->accel, UINT64_MAX, false);
    } while (!cpu->waiting || !state_ended(cpu));
}

/* Leaves them paused if so. */
static bool all_done(struct machine *m)
{
    bool done = true;
    accel_vm_pause(m->vm);
    for (unsigned i = 0; i < m->vcpus; i++) {
        const struct cpu *cpu = accel_vm_cpu(m->vm, i);
        done &= cpu->waiting && state_ended(cpu);
    }
    if (!done)
        accel_vm_resume(m->vm);
    return done;
}

static bool flags_set(struct machine *m)
{
    for (unsigned i = 0; i < m->vcpus; i++)
        if (!__atomic_load_n((uint64_t *)(void *)mem_ram(m->space, HANDLER_AT + MEM_PAGE + 8 * i, 8), __ATOMIC_ACQUIRE))
            return false;
    return true;
}

void machine_run_all(struct machine *m)
{
    struct err err = {0};
    if (accel_vm_start(m->vm, &err)) {
        fprintf(stderr, "tiers: %s\n", err.text);
        return;
    }
    while (!flags_set(m) || !all_done(m))
        usleep(200);
    accel_vm_stop(m->vm);
}

struct jit_counts machine_counts(const struct machine *m)
{
    struct jit_counts counts;
    accel_vm_counts(m->vm, &counts);
    return counts;
}

/* ---- comparing ---- */

unsigned machine_differ(const char *what, unsigned i, uint64_t a, uint64_t b)
{
    if (a != b)
        printf("  %s%u: 0x%" PRIx64 " interpreted, 0x%" PRIx64 " compiled\n", what, i, a, b);
    return a != b;
}

static unsigned memory_differs(const struct machine *a, const struct machine *b, const char *name, gpa at, unsigned size)
{
    unsigned bad = 0;
    const uint8_t *ma = mem_ram(a->space, at, size), *mb = mem_ram(b->space, at, size);
    for (unsigned i = 0; i < size && bad < 4; i += 8)
        if (memcmp(ma + i, mb + i, 8) != 0)
            bad += machine_differ(name, i, le64_get(ma + i), le64_get(mb + i));
    return bad;
}

bool machine_differs(const struct machine *interpreted, const struct machine *compiled, unsigned n)
{
    struct cpu *a = accel_vm_cpu(interpreted->vm, n), *b = accel_vm_cpu(compiled->vm, n);
    uint64_t each = (uint64_t)n * PRIVATE_STEP;
    unsigned bad = 0;
    bad += state_differs(a, b);
    bad += machine_differ("insns", 0, a->insns, b->insns);
    bad += memory_differs(interpreted, compiled, "data + ", DATA_AT + each, DATA_SIZE);
    bad += memory_differs(interpreted, compiled, "code + ", CODE_AT, CODE_SIZE);
    return bad + memory_differs(interpreted, compiled, "private code + ", PRIVATE_AT + each, MEM_PAGE);
}
