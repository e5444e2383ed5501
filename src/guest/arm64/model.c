/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which vCPU it is: models ("max", "armv8.0" ...) with features added and taken away ("armv8.2,+sha3,-lse"), the ID registers that tell of them,
 * and reset.
 */
#include "base/bits.h"
#include "guest/arm64/sysreg.h"
#include <stdlib.h>

enum { BOARD_TIMER_HZ = 62500000, USER_TIMER_HZ = 1000000000 };
enum { SCTLR_EL1_RESET = 0x30d00980, SCTLR_EL2_RESET = 0x30c50830, CPTR_RESET = 0x33ff & ~0x400 };

static const struct feature {
    const char *name, *models, *needs, *linux_name;
    int16_t hwcap;
    uint8_t id, shift, value;
} features[ARM64_OPTIONS] = {
#define FEATURE(name, models, needs, hwcap, linux_name, reg, shift, value) \
    {#name, models, needs, linux_name, hwcap, ARM64_ID_##reg, shift, value},
#include "guest/arm64/features.def"
#undef FEATURE
};

static const struct {
    const char *name;
    char letter;
} models[] = {{"max", 'x'}, {"armv8.2", '2'}, {"armv8.1", '1'}, {"armv8.0", '0'}};

/* ---- sets of features ---- */

static int find(const char *name, size_t len)
{
    for (int i = 0; i < ARM64_OPTIONS; i++)
        if (strlen(features[i].name) == len && !memcmp(features[i].name, name, len))
            return i;
    return -1;
}

static uint64_t add(uint64_t set, int f)
{
    int needed = find(features[f].needs, strlen(features[f].needs));
    set |= 1ull << f;
    return needed < 0 || (set >> needed & 1) ? set : add(set, needed);
}

/* With what needs it. */
static uint64_t take(uint64_t set, int f)
{
    set &= ~(1ull << f);
    for (int i = 0; i < ARM64_OPTIONS; i++)
        if ((set >> i & 1) && !strcmp(features[i].needs, features[f].name))
            set = take(set, i);
    return set;
}

static uint64_t choose(char letter)
{
    uint64_t set = 0;
    for (int i = 0; i < ARM64_OPTIONS; i++)
        if (features[i].models[0] == '*' || strchr(features[i].models, letter))
            set |= 1ull << i;
    return set;
}

static int parse_model(uint64_t *set, const char *text, const char *name, size_t len, bool first, struct err *err)
{
    size_t m = 0;
    while (m < ARRAY_LEN(models) && (strlen(models[m].name) != len || memcmp(models[m].name, name, len)))
        m++;
    if (m == ARRAY_LEN(models))
        return err_set(err, STATUS_config,
                       "arm64 model \"%s\": \"%.*s\" is no model (max, armv8.2, armv8.1, armv8.0); features are +name, -name", text,
                       (int)len, name);
    if (!first)
        return err_set(err, STATUS_config, "arm64 model \"%s\": the model \"%s\" must stand first", text, models[m].name);
    *set = choose(models[m].letter);
    return 0;
}

static int parse(uint64_t *set, const char *text, struct err *err)
{
    bool first = true;
    int rc = 0;
    *set = choose(models[0].letter);
    for (const char *at = text; !rc && *at; first = false) {
        size_t len = strcspn(at, ",");
        if (*at == '+' || *at == '-') {
            int f = find(at + 1, len - 1);
            if (f < 0)
                return err_set(err, STATUS_config, "arm64 model \"%s\": no feature is called \"%.*s\"", text, (int)len - 1, at + 1);
            if (*at == '-' && features[f].models[0] == '*')
                return err_set(err, STATUS_config, "arm64 model \"%s\": \"%s\" cannot be taken away", text, features[f].name);
            *set = *at == '+' ? add(*set, f) : take(*set, f);
        } else {
            rc = parse_model(set, text, at, len, first, err);
        }
        at += len + (at[len] == ',');
    }
    return rc;
}

/* ---- what it is called ---- */

enum { HWCAP_ASIMDHP = 10, HWCAP_CPUID = 11 }; /* what no feature of its own stands for */

const char *arm64_hwcap_name(unsigned bit)
{
    for (int i = 0; i < ARM64_OPTIONS; i++)
        if (features[i].hwcap == (int)bit)
            return features[i].linux_name;
    return bit == HWCAP_ASIMDHP ? "asimdhp" : bit == HWCAP_CPUID ? "cpuid" : NULL;
}

static void describe(struct arm64_arch *arch)
{
    arch->hwcap[0] = 1ull << HWCAP_CPUID | (arch->has >> ARM64_HAS_fp16 & 1) << HWCAP_ASIMDHP;
    for (int i = 0; i < ARM64_OPTIONS; i++) {
        const struct feature *f = &features[i];
        if (!(arch->has >> i & 1))
            continue;
        if (f->hwcap >= 0)
            arch->hwcap[f->hwcap / 64] |= 1ull << f->hwcap % 64;
        uint64_t *id = &arch->id[f->id], width = f->value > 15 ? 8 : 4;
        if (f->value > bits_get(*id, f->shift, (unsigned)width))
            *id = bits_set(*id, f->shift, (unsigned)width, f->value);
    }
}

/* ---- life ---- */

int arm64_init(struct cpu *cpu, const char *model, struct err *err)
{
    uint64_t set;
    int rc = parse(&set, model ? model : models[0].name, err);
    struct arm64_arch *arch = rc ? NULL : calloc(1, sizeof *arch);
    if (rc)
        return rc;
    if (!arch)
        return err_set(err, STATUS_resource, "out of memory for a vCPU");
    cpu->arch = arch;
    arch->has = set;
    arch->timer_frequency = BOARD_TIMER_HZ;
    arch->timer_due = UINT64_MAX;
    arch->el2 = set >> ARM64_HAS_el2 & 1;
    arch->mpidr = (cpu->id & 0xff) | (uint64_t)(cpu->id >> 8) << 8;
    for (unsigned i = 0; i < ARM64_FEATURES; i++) {
        int f = find(arm64_feature_names[i], strlen(arm64_feature_names[i]));
        if (f >= 0 && (set >> f & 1))
            arch->insns |= 1ull << i;
    }
    describe(arch);
    return 0;
}

void arm64_fini(struct cpu *cpu)
{
    free(cpu->arch);
    cpu->arch = NULL;
}

/* Cells from outside may hold what no write of a register would leave there. */
static void legalise(struct cpu *cpu)
{
    unsigned highest = arm64_arch(cpu)->el2 ? 2 : 1;
    if (arm64_el(cpu) > highest)
        A64(cpu, mode) = (A64(cpu, mode) & ~(uint64_t)MODE_EL) | highest;
    if (!arm64_el(cpu))
        A64(cpu, mode) &= ~(uint64_t)MODE_SPSEL;
    A64(cpu, pstate) &= PSTATE_DAIF | PSTATE_SSBS | PSTATE_IL | PSTATE_SS | PSTATE_PAN | PSTATE_UAO | PSTATE_DIT;
    for (unsigned t = 0; t < ARM64_TIMERS; t++)
        A64N(cpu, cnt_ctl, t) &= 3;
}

void arm64_restored(struct cpu *cpu)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    legalise(cpu);
    arm64_float_mode(cpu);
    arch->nregimes = arch->regime = 0;
    arm64_regime_update(cpu);
    cpu->ops->tlb_flush(cpu, -1);
    arch->tagged = arch->low_global = false;
    arm64_debug_update(cpu);
    arm64_mode_update(cpu);
    arm64_pmu_restored(cpu);
    arm64_timers_update(cpu);
    arm64_irq_update(cpu);
}

/* Registers that are unknown at a reset are zero, but for the fields that are fixed. */
void arm64_reset(struct cpu *cpu)
{
    struct arm64_arch *arch = arm64_arch(cpu);
    memset(cpu->cell, 0, ARM64_CELLS * sizeof cpu->cell[0]);
    cpu->pc = arch->reset_pc;
    cpu->fx = 0;
    cpu->waiting = false;
    cpu->trapped = false;
    cpu->landing = 0;
    cpu->wait_until = UINT64_MAX;
    cpu->reservation.valid = RESERVED_no;
    A64(cpu, mode) = (arch->el2 ? 2 : 1) | MODE_SPSEL;
    A64(cpu, pstate) = PSTATE_DAIF;
    A64(cpu, hcr_el2) = HCR_RW;
    A64(cpu, sctlr_el1) = SCTLR_EL1_RESET;
    A64(cpu, sctlr_el2) = SCTLR_EL2_RESET;
    A64(cpu, cptr_el2) = CPTR_RESET;
    A64(cpu, oslar_el1) = 1;
    A64(cpu, mdcr_el2) = ARM64_EVENT_COUNTERS;
    arm64_reset_id(cpu);
    arm64_restored(cpu);
}

void arm64_enter_kernel(struct cpu *cpu, gva pc, uint64_t x0, unsigned el)
{
    arm64_arch(cpu)->el2 = el == 2 && arm64_has(cpu, ARM64_HAS_el2);
    arm64_reset(cpu);
    A64N(cpu, x, 0) = x0;
    cpu->pc = pc;
    arm64_restored(cpu);
}

void arm64_enter_user(struct cpu *cpu)
{
    arm64_arch(cpu)->timer_frequency = USER_TIMER_HZ;
    arm64_arch(cpu)->el2 = false;
    arm64_reset(cpu);
    A64(cpu, mode) = 0;
    A64(cpu, pstate) = 0;
    A64(cpu, sctlr_el1) |= SCTLR_SA0 | SCTLR_DZE | SCTLR_UCT | SCTLR_UCI | SCTLR_NTWI | SCTLR_NTWE | SCTLR_MSCEN | SCTLR_BT0 | SCTLR_BT1 |
                           SCTLR_EnIA | SCTLR_EnIB | SCTLR_EnDA | SCTLR_EnDB;
    A64(cpu, cpacr_el1) = 3 << 20;
    A64(cpu, cntkctl_el1) = 3; /* both counters */
    arm64_restored(cpu);
}
