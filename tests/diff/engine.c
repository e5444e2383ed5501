/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vCPU runs in U mode; the first trap goes to M mode, whose handler is a wfi, at which the run loop returns: registers are then as
 * the trapping instruction found them. PMP hides the handler's page from U mode, so that both sides see the same two areas.
 */
#include "engine.h"
#include "accel/vcpu.h"
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"
#include <stdlib.h>

enum { WFI = 0x10500073, MAX_INSNS = 1000, FCSR = 3, DATA_WORDS = CASE_WORDS };

struct engine {
    struct mem_space *space;
    struct os_vclock clock;
    struct accel_vm *vm;
    struct cpu *cpu;
    uint8_t *code, *data;
};

static int build(struct engine *e, enum accel_mode mode, struct err *err)
{
    if (mem_space_new(&e->space))
        return err_set(err, STATUS_resource, "out of memory");
    int rc = mem_space_add_ram(e->space, "code", CASE_CODE, CASE_CODE_SIZE, err);
    if (!rc)
        rc = mem_space_add_ram(e->space, "data", CASE_DATA, CASE_DATA_SIZE, err);
    if (!rc)
        rc = mem_space_add_ram(e->space, "handler", CASE_HANDLER, MEM_PAGE, err);
    os_vclock_init(&e->clock);
    os_vclock_resume(&e->clock);
    struct accel_config config = {
        .guest = &guest_riscv64,
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

int engine_new(struct engine **out, enum accel_mode mode, struct err *err)
{
    uint8_t wfi[4];
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
    for (unsigned i = 0; i < CASE_CODE_SIZE; i += 2)
        le16_put(e->code + i, CASE_EBREAK);
    for (unsigned i = 0; i < CASE_WORDS; i++)
        le64_put(e->data + 8 * i, case_pattern(i));
    le32_put(wfi, WFI);
    (void)!mem_write(e->space, CASE_HANDLER, wfi, sizeof wfi);
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

uint64_t engine_features(const struct engine *e) { return riscv64_arch(e->cpu)->insns; }

/* User mode that may do all that Linux lets its programs do. */
static void set_mode(struct cpu *cpu)
{
    RV(cpu, priv) = PRIV_U;
    RV(cpu, mstatus) = STATUS_FS;
    RV(cpu, mtvec) = CASE_HANDLER;
    RV(cpu, medeleg) = 0;
    RV(cpu, menvcfg) = RV(cpu, senvcfg) = ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE;
    RVN(cpu, pmpaddr, 0) = CASE_HANDLER >> 2 | (MEM_PAGE / 8 - 1);
    RVN(cpu, pmpaddr, 1) = (1ull << 54) - 1;
    RVN(cpu, pmpcfg, 0) = PMP_NAPOT | (PMP_NAPOT | PMP_R | PMP_W | PMP_X) << 8;
    riscv64_restored(cpu);
}

static void set_state(struct engine *e, const struct case_input *c)
{
    struct cpu *cpu = e->cpu;
    set_mode(cpu);
    memcpy(&RV(cpu, x), c->before.x, sizeof c->before.x);
    memcpy(&RV(cpu, f), c->before.f, sizeof c->before.f);
    (void)!riscv64_csr_poke(cpu, FCSR, c->before.fcsr);
    cpu->pc = c->before.pc;
    cpu->waiting = cpu->trapped = false;
    memcpy(e->code + (c->before.pc - CASE_CODE), c->code, c->code_len);
    mem_note_write(e->space, CASE_CODE, CASE_CODE_SIZE);
    for (unsigned i = 0; i < c->npatches; i++)
        le64_put(e->data + 8 * c->patches[i].index, c->patches[i].value);
    accel_vm_memory_changed(e->vm);
}

static void restore_memory(struct engine *e, const struct case_input *c)
{
    for (unsigned i = 0; i < CASE_WORDS; i++)
        le64_put(e->data + 8 * i, case_pattern(i));
    for (unsigned i = 0; i < c->code_len; i += 2)
        le16_put(e->code + (c->before.pc - CASE_CODE) + i, CASE_EBREAK);
}

static uint32_t signal_of(uint64_t cause)
{
    switch (cause) {
    case RISCV64_TRAP_illegal: return CASE_SIGILL;
    case RISCV64_TRAP_breakpoint: return CASE_SIGTRAP;
    case RISCV64_TRAP_insn_misaligned:
    case RISCV64_TRAP_load_misaligned:
    case RISCV64_TRAP_store_misaligned: return CASE_SIGBUS;
    case RISCV64_TRAP_insn_access:
    case RISCV64_TRAP_load_access:
    case RISCV64_TRAP_store_access: return CASE_SIGSEGV;
    default: return 100 + (uint32_t)cause;
    }
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
    struct cpu *cpu = e->cpu;
    memset(result, 0, sizeof *result);
    memcpy(result->after.x, &RV(cpu, x), sizeof result->after.x);
    memcpy(result->after.f, &RV(cpu, f), sizeof result->after.f);
    result->after.x[0] = 0;
    (void)!riscv64_csr_peek(cpu, FCSR, &result->after.fcsr);
    result->after.pc = RV(cpu, mepc);
    result->address = RV(cpu, mtval);
    result->signal = RV(cpu, priv) == PRIV_M ? signal_of(RV(cpu, mcause)) : CASE_ENDLESS;
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
    while (RV(e->cpu, priv) == PRIV_U && e->cpu->insns < end) { /* wrs also returns */
        e->cpu->waiting = false;
        e->vm->accel->run(vcpu, end - e->cpu->insns, single);
    }
    get_state(e, c, result, changed);
    restore_memory(e, c);
}
