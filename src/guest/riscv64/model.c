/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which vCPU it is: models ("max", "rva23", "rva22", "rv64") with features added and taken away ("rva22,+zacas,-zbc"), what the device
 * tree says of them, reset, and the state in which firmware hands over to a supervisor.
 */
#include "base/bits.h"
#include "guest/riscv64/csr.h"
#include <stdio.h>
#include <stdlib.h>

struct feature {
    const char *name, *models, *needs;
    bool shown;
};

static const struct feature features[RISCV64_OPTIONS] = {
#define FEATURE(name, models, needs, shown) {#name, models, needs, shown},
#include "guest/riscv64/features.def"
#undef FEATURE
};

static const struct {
    const char *name;
    char letter;
} models[] = {{"max", 'x'}, {"rva23", '3'}, {"rva22", '2'}, {"rv64", 'g'}};

/* ---- sets of features ---- */

struct set {
    bool has[RISCV64_OPTIONS];
};

static int find(const char *name, size_t len)
{
    for (int i = 0; i < RISCV64_OPTIONS; i++)
        if (strlen(features[i].name) == len && !memcmp(features[i].name, name, len))
            return i;
    return -1;
}

/* Is name one of the words of the list? */
static bool lists(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += len)
        if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
            return true;
    return false;
}

static void add(struct set *set, int f)
{
    set->has[f] = true;
    for (int i = 0; i < RISCV64_OPTIONS; i++)
        if (!set->has[i] && lists(features[f].needs, features[i].name))
            add(set, i);
}

/* Takes along what needs it, and of a letter the parts that have no name of their own to a user (zca of c). */
static void take(struct set *set, int f)
{
    bool letter = !features[f].name[1];

    set->has[f] = false;
    for (int i = 0; i < RISCV64_OPTIONS; i++)
        if (set->has[i] &&
            (lists(features[i].needs, features[f].name) || (letter && !features[i].shown && lists(features[f].needs, features[i].name))))
            take(set, i);
}

/* Names that only say that all of their parts are there. */
static void derive(struct set *set)
{
    set->has[RISCV64_HAS_zcd] = set->has[RISCV64_HAS_zca] && set->has[RISCV64_HAS_d];
    if (set->has[RISCV64_HAS_zba] && set->has[RISCV64_HAS_zbb] && set->has[RISCV64_HAS_zbs])
        set->has[RISCV64_HAS_b] = true;
}

static void choose(struct set *set, char letter)
{
    for (int i = 0; i < RISCV64_OPTIONS; i++)
        set->has[i] = features[i].models[0] == '*' || strchr(features[i].models, letter);
}

static int parse(struct set *set, const char *text, struct err *err)
{
    bool first = true;

    choose(set, models[0].letter);
    for (const char *at = text; *at; first = false) {
        size_t len = strcspn(at, ",");
        if (*at == '+' || *at == '-') {
            int f = find(at + 1, len - 1);
            if (f < 0)
                return err_set(err, STATUS_config, "riscv64 model \"%s\": no feature is called \"%.*s\"", text, (int)len - 1, at + 1);
            if (*at == '-' && features[f].models[0] == '*')
                return err_set(err, STATUS_config, "riscv64 model \"%s\": \"%s\" cannot be taken away", text, features[f].name);
            (*at == '+' ? add : take)(set, f);
        } else {
            size_t m = 0;
            while (m < ARRAY_LEN(models) && (strlen(models[m].name) != len || memcmp(models[m].name, at, len)))
                m++;
            if (m == ARRAY_LEN(models))
                return err_set(err, STATUS_config,
                               "riscv64 model \"%s\": \"%.*s\" is no model (max, rva23, rva22, rv64); features are +name, -name", text,
                               (int)len, at);
            if (!first)
                return err_set(err, STATUS_config, "riscv64 model \"%s\": the model \"%s\" must stand first", text, models[m].name);
            choose(set, models[m].letter);
        }
        at += len + (at[len] == ',');
    }
    derive(set);
    return 0;
}

/* ---- what it is called ---- */

static uint64_t misa_of(const struct set *set)
{
    static const char letters[] = "abcdfim";
    uint64_t misa = 2ull << 62 | 1 << ('s' - 'a') | 1 << ('u' - 'a');

    for (const char *c = letters; *c; c++)
        if (set->has[find(c, 1)])
            misa |= 1ull << (*c - 'a');
    return misa;
}

static int describe(struct riscv64_arch *arch, const struct set *set)
{
    size_t len = sizeof "rv64", list = 0, at, end = 0;

    for (int i = 0; i < RISCV64_OPTIONS; i++)
        if (set->has[i] && features[i].shown)
            len += strlen(features[i].name) + 1, list += strlen(features[i].name) + 1;
    arch->isa = malloc(len);
    arch->extensions = malloc(list);
    arch->extensions_len = list;
    if (!arch->isa || !arch->extensions)
        return -STATUS_resource;
    at = (size_t)snprintf(arch->isa, len, "rv64");
    for (int i = 0; i < RISCV64_OPTIONS; i++) {
        const char *name = features[i].name;
        if (!set->has[i] || !features[i].shown)
            continue;
        at += (size_t)snprintf(arch->isa + at, len - at, "%s%s", name[1] ? "_" : "", name);
        memcpy(arch->extensions + end, name, strlen(name) + 1);
        end += strlen(name) + 1;
    }
    return 0;
}

const char *riscv64_isa_string(const struct cpu *cpu) { return riscv64_arch(cpu)->isa; }

const char *riscv64_isa_extensions(const struct cpu *cpu, size_t *len)
{
    *len = riscv64_arch(cpu)->extensions_len;
    return riscv64_arch(cpu)->extensions;
}

const char *riscv64_mmu_type(const struct cpu *cpu)
{
    return riscv64_has(cpu, RISCV64_HAS_sv57) ? "riscv,sv57" : riscv64_has(cpu, RISCV64_HAS_sv48) ? "riscv,sv48" : "riscv,sv39";
}

/* ---- life ---- */

int riscv64_init(struct cpu *cpu, const char *model, struct err *err)
{
    struct set set;
    int rc = parse(&set, model ? model : models[0].name, err);

    if (rc < 0)
        return rc;
    struct riscv64_arch *arch = calloc(1, sizeof *arch);
    if (!arch)
        return err_set(err, STATUS_resource, "out of memory for a vCPU");
    cpu->arch = arch;
    arch->tick_ns = 100;
    arch->misa = misa_of(&set);
    for (int i = 0; i < RISCV64_OPTIONS; i++)
        if (set.has[i])
            arch->has[i / 64] |= 1ull << i % 64;
    for (unsigned i = 0; i < RISCV64_FEATURES; i++) {
        int f = find(riscv64_feature_names[i], strlen(riscv64_feature_names[i]));
        if (f >= 0 && set.has[f])
            arch->insns |= 1ull << i;
    }
    rc = describe(arch, &set);
    if (rc < 0) {
        riscv64_fini(cpu);
        return err_set(err, STATUS_resource, "out of memory for a vCPU");
    }
    return 0;
}

void riscv64_fini(struct cpu *cpu)
{
    struct riscv64_arch *arch = riscv64_arch(cpu);

    if (!arch)
        return;
    free(arch->isa);
    free(arch->extensions);
    free(arch);
    cpu->arch = NULL;
}

/* Cells from outside may hold what no CSR write would leave there. */
static void legalise(struct cpu *cpu)
{
    uint64_t mode = bits_get(RV(cpu, satp), 60, 4), interrupts = 1 << IRQ_SSI | 1 << IRQ_STI | 1 << IRQ_SEI | 1 << IRQ_LCOFI;

    RV(cpu, priv) &= 3;
    if (RV(cpu, priv) == 2)
        RV(cpu, priv) = PRIV_M;
    RV(cpu, mstatus) &= STATUS_M;
    if (bits_get(RV(cpu, mstatus), STATUS_MPP_pos, 2) == 2)
        RV(cpu, mstatus) &= ~(uint64_t)STATUS_MPP;
    if ((mode && mode < 8) || mode > 10)
        RV(cpu, satp) = 0;
    RV(cpu, mip) &= interrupts;
    RV(cpu, mideleg) &= interrupts;
    RV(cpu, mie) &= interrupts | IRQ_INPUTS;
    RV(cpu, frm) &= 7;
}

void riscv64_restored(struct cpu *cpu)
{
    legalise(cpu);
    riscv64_pmp_decode(cpu);
    riscv64_counters_restored(cpu);
    cpu->ops->tlb_flush(cpu, -1);
    cpu->ops->context_changed(cpu);
    riscv64_update_deadline(cpu);
    riscv64_irq_update(cpu);
}

/*
 * Firmware older than the extensions leaves their enables alone, and a kernel that finds them in the device tree uses them: page types
 * and entropy for S mode are on from the start, hardware A/D updates too where Svade does not ask for faults. All three may be set or not
 * at reset by the specifications.
 */
void riscv64_reset(struct cpu *cpu)
{
    memset(cpu->cell, 0, RISCV64_CELLS * sizeof cpu->cell[0]);
    cpu->pc = 0;
    cpu->fx = 0;
    cpu->waiting = false;
    cpu->trapped = false;
    cpu->wait_until = UINT64_MAX;
    cpu->reservation.valid = RESERVED_no;
    atomic_fetch_and(&cpu->lines, ~(1ull << IRQ_SSI)); /* a message, not a level */
    RV(cpu, priv) = PRIV_M;
    RV(cpu, stimecmp) = UINT64_MAX;
    if (riscv64_has(cpu, RISCV64_HAS_zkr))
        RV(cpu, mseccfg) = SECCFG_SSEED;
    if (riscv64_has(cpu, RISCV64_HAS_svpbmt))
        RV(cpu, menvcfg) |= ENVCFG_PBMTE;
    if (riscv64_has(cpu, RISCV64_HAS_svadu) && !riscv64_has(cpu, RISCV64_HAS_svade))
        RV(cpu, menvcfg) |= ENVCFG_ADUE;
    RV(cpu, mcycle) = 0 - os_vclock_ns(cpu->clock); /* they run from 0: held as value minus source (counter.c) */
    RV(cpu, minstret) = 0 - cpu->insns;
    riscv64_restored(cpu);
}

void riscv64_enter_supervisor(struct cpu *cpu, gva pc, uint64_t a0, uint64_t a1)
{
    enum { ECALL_S = 1 << 9, DELEGABLE = 0xb3ff, INTERRUPTS = 1 << IRQ_SSI | 1 << IRQ_STI | 1 << IRQ_SEI };

    riscv64_reset(cpu);
    RV(cpu, priv) = PRIV_S;
    RV(cpu, medeleg) = DELEGABLE & ~ECALL_S;
    RV(cpu, mideleg) = INTERRUPTS | (riscv64_has(cpu, RISCV64_HAS_sscofpmf) ? 1 << IRQ_LCOFI : 0);
    RV(cpu, mcounteren) = UINT32_MAX;
    RV(cpu, scounteren) = 7; /* Linux takes user-level time for granted */
    riscv64_csr_poke(cpu, 0x30a, RV(cpu, menvcfg) | ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE);
    RV(cpu, menvcfg) |= ENVCFG_STCE; /* also without Sstc: the machine's own calls set the timer then */
    RVN(cpu, mstateen, 0) = STATEEN_SE | STATEEN_ENVCFG;
    for (unsigned i = 1; i < 4; i++)
        RVN(cpu, mstateen, i) = STATEEN_SE;
    RVN(cpu, pmpaddr, 0) = (1ull << 54) - 1;
    RVN(cpu, pmpcfg, 0) = PMP_NAPOT | PMP_R | PMP_W | PMP_X;
    RVN(cpu, x, 10) = a0;
    RVN(cpu, x, 11) = a1;
    cpu->pc = pc;
    riscv64_restored(cpu);
}

void riscv64_enter_user(struct cpu *cpu)
{
    riscv64_enter_supervisor(cpu, 0, 0, 0);
    RV(cpu, senvcfg) = ENVCFG_CBZE | ENVCFG_CBCFE;
    RV(cpu, mstatus) |= STATUS_FS;
    RV(cpu, priv) = PRIV_U;
    riscv64_restored(cpu);
}
