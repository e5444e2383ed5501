/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The machine of tiers_machine.h. The program's end is a wfi in machine mode: the run loop returns there, or the thread sleeps. Code pages
 * are shared by the vCPUs and, when paged, mapped in reverse order, so that virtual neighbours are not physical ones.
 */
#include "tiers_machine.h"
#include "accel/emu/emu.h"
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { PTE_ALL = 0xdf /* V R W X U A D */, PTE_POINTER = 1, FCSR = 3 };

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
        .guest = &guest_riscv64,
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

uint64_t machine_features(const struct machine *m) { return riscv64_arch(accel_vm_cpu(m->vm, 0))->insns; }

/* ---- loading ---- */

static void poke(struct machine *m, gpa at, const void *bytes, size_t len)
{
    if (!mem_write(m->space, at, bytes, len))
        fprintf(stderr, "tiers: no memory at 0x%" PRIx64 "\n", at);
}

static void poke64(struct machine *m, gpa at, uint64_t v)
{
    uint8_t bytes[8];
    le64_put(bytes, v);
    poke(m, at, bytes, sizeof bytes);
}

static gpa code_page(unsigned n, bool paged) { return CODE_AT + (uint64_t)(paged ? CODE_PAGES - 1 - n : n) * MEM_PAGE; }

/* One table of each of the upper levels, and one of the last for each area. */
static void map(struct machine *m, gpa tables, unsigned *next, gva va, gpa pa)
{
    gpa middle = tables + MEM_PAGE + (va >> 21 & 511) * 8;
    uint64_t entry = 0;
    (void)!mem_load(m->space, middle, 8, &entry);
    if (!entry) {
        entry = (tables + (uint64_t)(*next)++ * MEM_PAGE) >> 12 << 10 | PTE_POINTER;
        poke64(m, middle, entry);
    }
    poke64(m, (entry >> 10 << 12) + (va >> 12 & 511) * 8, pa >> 12 << 10 | PTE_ALL);
}

/* satp for vCPU n. */
static uint64_t make_tables(struct machine *m, unsigned n)
{
    uint64_t each = (uint64_t)n * PRIVATE_STEP;
    gpa tables = TABLES_AT + each;
    unsigned next = 2;
    memset(mem_ram(m->space, tables, 8 * MEM_PAGE), 0, 8 * MEM_PAGE);
    poke64(m, tables, (tables + MEM_PAGE) >> 12 << 10 | PTE_POINTER);
    for (unsigned i = 0; i < CODE_PAGES; i++)
        map(m, tables, &next, CODE_AT + (uint64_t)i * MEM_PAGE, code_page(i, true));
    for (unsigned i = 0; i < DATA_SIZE / MEM_PAGE; i++)
        map(m, tables, &next, DATA_AT + (uint64_t)i * MEM_PAGE, DATA_AT + each + (uint64_t)i * MEM_PAGE);
    map(m, tables, &next, PRIVATE_AT, PRIVATE_AT + each);
    return 8ull << 60 | tables >> 12;
}

static void set_state(struct cpu *cpu, const struct program *p, uint64_t satp)
{
    RV(cpu, priv) = PRIV_U;
    RV(cpu, mstatus) = STATUS_FS;
    RV(cpu, mtvec) = HANDLER_AT;
    RV(cpu, mscratch) = p->before.pc;
    RV(cpu, mcause) = RV(cpu, mepc) = RV(cpu, mtval) = RV(cpu, medeleg) = 0;
    RV(cpu, satp) = satp;
    RV(cpu, mcounteren) = RV(cpu, scounteren) = 4; /* instret: it must be exact too */
    RV(cpu, menvcfg) = RV(cpu, senvcfg) = ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE;
    RVN(cpu, pmpaddr, 0) = HANDLER_AT >> 2 | (2 * MEM_PAGE / 8 - 1);
    RVN(cpu, pmpaddr, 1) = (1ull << 54) - 1;
    RVN(cpu, pmpcfg, 0) = PMP_NAPOT | (PMP_NAPOT | PMP_R | PMP_W | PMP_X) << 8;
    riscv64_restored(cpu);
    memcpy(&RV(cpu, x), p->before.x, sizeof p->before.x);
    memcpy(&RV(cpu, f), p->before.f, 32 * sizeof p->before.f[0]);
    (void)!riscv64_csr_poke(cpu, FCSR, p->before.status[0]);
    cpu->pc = p->before.pc;
    cpu->waiting = cpu->trapped = false;
    cpu->reservation.valid = RESERVED_no;
}

void machine_load(struct machine *m, unsigned n, const struct program *p, bool paged)
{
    uint32_t handler[HANDLER_WORDS];
    uint64_t satp = paged ? make_tables(m, n) : 0, each = (uint64_t)n * PRIVATE_STEP;
    for (unsigned i = 0; i < CODE_PAGES; i++)
        poke(m, code_page(i, paged), p->code + i * MEM_PAGE, MEM_PAGE);
    poke(m, PRIVATE_AT + each, p->private_code, sizeof p->private_code);
    for (unsigned i = 0; i < DATA_SIZE / 8; i++)
        poke64(m, DATA_AT + each + 8 * i, case_pattern(i));
    program_handler(handler);
    for (unsigned i = 0; i < HANDLER_WORDS; i++) {
        uint8_t bytes[4];
        le32_put(bytes, handler[i]);
        poke(m, HANDLER_AT + 4 * i, bytes, sizeof bytes);
    }
    poke64(m, HANDLER_AT + MEM_PAGE + 8 * n, 0);
    set_state(accel_vm_cpu(m->vm, n), p, satp);
    accel_vm_memory_changed(m->vm);
}

/* ---- running ---- */

void machine_run(struct machine *m, unsigned n)
{
    struct cpu *cpu = accel_vm_cpu(m->vm, n);
    do { /* wrs returns too */
        cpu->waiting = false;
        m->vm->accel->run(cpu->accel, UINT64_MAX, false);
    } while (!cpu->waiting || RV(cpu, priv) != PRIV_M);
}

/* Leaves them paused if so. */
static bool all_done(struct machine *m)
{
    bool done = true;
    accel_vm_pause(m->vm);
    for (unsigned i = 0; i < m->vcpus; i++) {
        const struct cpu *cpu = accel_vm_cpu(m->vm, i);
        done &= cpu->waiting && RV(cpu, priv) == PRIV_M;
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

static unsigned differ(const char *what, unsigned i, uint64_t a, uint64_t b)
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
            bad += differ(name, i, le64_get(ma + i), le64_get(mb + i));
    return bad;
}

bool machine_differs(const struct machine *interpreted, const struct machine *compiled, unsigned n)
{
    struct cpu *a = accel_vm_cpu(interpreted->vm, n), *b = accel_vm_cpu(compiled->vm, n);
    uint64_t each = (uint64_t)n * PRIVATE_STEP, fa = 0, fb = 0;
    unsigned bad = 0;
    for (unsigned i = 1; i < 32; i++)
        bad += differ("x", i, RVN(a, x, i), RVN(b, x, i));
    for (unsigned i = 0; i < 32; i++)
        bad += differ("f", i, RVN(a, f, i), RVN(b, f, i));
    (void)!riscv64_csr_peek(a, FCSR, &fa);
    (void)!riscv64_csr_peek(b, FCSR, &fb);
    bad += differ("fcsr", 0, fa, fb) + differ("mcause", 0, RV(a, mcause), RV(b, mcause)) + differ("mepc", 0, RV(a, mepc), RV(b, mepc));
    bad += differ("insns", 0, a->insns, b->insns);
    bad += memory_differs(interpreted, compiled, "data + ", DATA_AT + each, DATA_SIZE);
    bad += memory_differs(interpreted, compiled, "code + ", CODE_AT, CODE_SIZE);
    return bad + memory_differs(interpreted, compiled, "private code + ", PRIVATE_AT + each, MEM_PAGE);
}
