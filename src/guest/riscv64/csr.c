/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Accesses to CSRs when the guest runs: the hooks of csrs.def, the two helpers that lifted code calls, and access for debuggers.
 * Mode, read-only numbers and the model have been checked when lifting (csr_lift.c). A hook that changes what translate, block_key or
 * take_interrupt depend on tells the engine; the block ends after every write that has a hook.
 */
#include "guest/riscv64/csr.h"
#include "base/bits.h"

/* ---- permissions ---- */

static bool allow_counter(struct cpu *cpu, unsigned number)
{
    unsigned n = number & 31;
    uint64_t priv = RV(cpu, priv);
    return priv == PRIV_M || ((RV(cpu, mcounteren) >> n & 1) && (priv == PRIV_S || (RV(cpu, scounteren) >> n & 1)));
}

static bool allow_stimecmp(struct cpu *cpu, unsigned number)
{
    (void)number;
    return RV(cpu, priv) == PRIV_M || ((RV(cpu, mcounteren) & 2) && (RV(cpu, menvcfg) & ENVCFG_STCE));
}

static bool allow_satp(struct cpu *cpu, unsigned number)
{
    (void)number;
    return RV(cpu, priv) == PRIV_M || !(RV(cpu, mstatus) & STATUS_TVM);
}

static bool allow_stateen(struct cpu *cpu, unsigned number)
{
    bool sstateen = number >= 0x10c && number <= 0x10f;
    uint64_t enables = RVN(cpu, mstateen, sstateen ? number - 0x10c : 0);
    return RV(cpu, priv) == PRIV_M || !riscv64_has(cpu, RISCV64_HAS_smstateen) || (enables & (sstateen ? STATEEN_SE : STATEEN_ENVCFG));
}

static bool allow_seed(struct cpu *cpu, unsigned number)
{
    uint64_t priv = RV(cpu, priv);
    (void)number;
    return priv == PRIV_M || (RV(cpu, mseccfg) & (priv == PRIV_S ? SECCFG_SSEED : SECCFG_USEED));
}

/* ---- floating point, identity, entropy ---- */

static void dirty_fs(struct cpu *cpu) { RV(cpu, mstatus) |= STATUS_FS; }

static uint64_t read_fflags(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)number, (void)insns;
    return riscv64_fflags(cpu->fx);
}

static uint64_t read_frm(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)number, (void)insns;
    return RV(cpu, frm);
}

static uint64_t read_fcsr(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)number, (void)insns;
    return riscv64_fflags(cpu->fx) | RV(cpu, frm) << 5;
}

static void write_fflags(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number, (void)insns;
    cpu->fx = riscv64_fx(value);
    dirty_fs(cpu);
}

static void write_frm(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number, (void)insns;
    RV(cpu, frm) = value & 7;
    dirty_fs(cpu);
}

static void write_fcsr(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    write_fflags(cpu, number, value, insns);
    write_frm(cpu, number, value >> 5, insns);
}

static uint64_t read_zero(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)cpu, (void)number, (void)insns;
    return 0;
}

void riscv64_csr_ignore(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)cpu, (void)number, (void)value, (void)insns;
}

static uint64_t read_mhartid(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)number, (void)insns;
    return cpu->id;
}

static uint64_t read_misa(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)number, (void)insns;
    return riscv64_arch(cpu)->misa;
}

/* Zkr: 16 bits of entropy and their state: ES16, or WAIT while the host has none. */
static uint64_t read_seed(struct cpu *cpu, unsigned number, uint64_t insns)
{
    enum { WAIT = 1, ES16 = 2, OPST_pos = 30 };
    uint16_t entropy;

    (void)cpu, (void)number, (void)insns;
    if (os_random(&entropy, sizeof entropy, NULL) < 0)
        return (uint64_t)WAIT << OPST_pos;
    return (uint64_t)ES16 << OPST_pos | entropy;
}

/* ---- status and translation ---- */

struct riscv64_csr_view riscv64_csr_view(const struct cpu *cpu, const struct riscv64_csr *row)
{
    switch (row->number) {
    case CSR_SSTATUS: return (struct riscv64_csr_view){STATUS_S, STATUS_UXL};
    case CSR_MSTATUS: return (struct riscv64_csr_view){STATUS_M, STATUS_UXL | STATUS_SXL};
    }
    if (row->cell == RISCV64_CELL_mepc || row->cell == RISCV64_CELL_sepc)
        return (struct riscv64_csr_view){riscv64_epc_mask(cpu), 0};
    return (struct riscv64_csr_view){row->rmask, 0};
}

static void write_status(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    uint64_t mask = number == CSR_SSTATUS ? STATUS_S : STATUS_M, was = riscv64_context(cpu);

    (void)insns;
    if (bits_get(value, STATUS_MPP_pos, 2) == 2) /* no such mode */
        mask &= ~(uint64_t)STATUS_MPP;
    if (!riscv64_has(cpu, RISCV64_HAS_f))
        mask &= ~(uint64_t)STATUS_FS;
    RV(cpu, mstatus) = (RV(cpu, mstatus) & ~mask) | (value & mask);
    if (riscv64_context(cpu) != was)
        cpu->ops->context_changed(cpu);
    riscv64_irq_update(cpu);
}

/* An unknown mode makes the whole write void. The root's page number has 42 bits: see riscv64_context. */
static void write_satp(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    unsigned mode = (unsigned)bits_get(value, 60, 4);
    bool known =
        mode == 0 || mode == 8 || (mode == 9 && riscv64_has(cpu, RISCV64_HAS_sv48)) || (mode == 10 && riscv64_has(cpu, RISCV64_HAS_sv57));

    (void)number, (void)insns;
    if (!known)
        return;
    RV(cpu, satp) = value & ~(3ull << 42);
    cpu->ops->context_changed(cpu);
}

static uint64_t legal_envcfg(const struct cpu *cpu, uint64_t old, uint64_t value)
{
    uint64_t mask = ENVCFG_FIOM;

    if (riscv64_has(cpu, RISCV64_HAS_zicbom))
        mask |= ENVCFG_CBCFE | ((value & ENVCFG_CBIE) == 2ull << 4 ? 0 : ENVCFG_CBIE);
    if (riscv64_has(cpu, RISCV64_HAS_zicboz))
        mask |= ENVCFG_CBZE;
    if (riscv64_has(cpu, RISCV64_HAS_svadu))
        mask |= ENVCFG_ADUE;
    if (riscv64_has(cpu, RISCV64_HAS_svpbmt))
        mask |= ENVCFG_PBMTE;
    if (riscv64_has(cpu, RISCV64_HAS_sstc))
        mask |= ENVCFG_STCE;
    return (old & ~mask) | (value & mask);
}

static void write_menvcfg(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    uint64_t old = RV(cpu, menvcfg), new = legal_envcfg(cpu, old, value);

    (void)number, (void)insns;
    RV(cpu, menvcfg) = new;
    if ((old ^ new) & (ENVCFG_ADUE | ENVCFG_PBMTE))
        cpu->ops->tlb_flush(cpu, -1);
    riscv64_update_deadline(cpu);
    riscv64_irq_update(cpu);
}

static void write_senvcfg(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number, (void)insns;
    RV(cpu, senvcfg) = legal_envcfg(cpu, RV(cpu, senvcfg), value & 0xff);
}

static void write_pmpcfg(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)insns;
    riscv64_pmpcfg_write(cpu, number >> 1 & 1, value);
}

static void write_pmpaddr(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)insns;
    riscv64_pmpaddr_write(cpu, number & 15, value);
}

/* ---- interrupts ---- */

static uint64_t lcofi(const struct cpu *cpu) { return riscv64_has(cpu, RISCV64_HAS_sscofpmf) ? 1ull << IRQ_LCOFI : 0; }
static uint64_t supervisors(const struct cpu *cpu) { return 1ull << IRQ_SSI | 1ull << IRQ_STI | 1ull << IRQ_SEI | lcofi(cpu); }

static uint64_t read_mip(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)number;
    riscv64_counters_poll(cpu, insns);
    return riscv64_pending(cpu);
}

static uint64_t read_sip(struct cpu *cpu, unsigned number, uint64_t insns) { return read_mip(cpu, number, insns) & RV(cpu, mideleg); }

static void write_pending(struct cpu *cpu, uint64_t mask, uint64_t value)
{
    riscv64_pending(cpu); /* a message that has come already is part of what this write changes */
    RV(cpu, mip) = (RV(cpu, mip) & ~mask) | (value & mask);
    riscv64_irq_update(cpu);
}

static void write_mip(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    uint64_t mask = supervisors(cpu);

    (void)number, (void)insns;
    if (RV(cpu, menvcfg) & ENVCFG_STCE)
        mask &= ~(1ull << IRQ_STI);
    write_pending(cpu, mask, value);
}

static void write_sip(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number, (void)insns;
    write_pending(cpu, RV(cpu, mideleg) & (1ull << IRQ_SSI | lcofi(cpu)), value);
}

static void write_enables(struct cpu *cpu, uint64_t mask, uint64_t value)
{
    RV(cpu, mie) = (RV(cpu, mie) & ~mask) | (value & mask);
    riscv64_irq_update(cpu);
}

static void write_mie(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number, (void)insns;
    write_enables(cpu, supervisors(cpu) | IRQ_INPUTS, value);
}

static uint64_t read_sie(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)number, (void)insns;
    return RV(cpu, mie) & RV(cpu, mideleg);
}

static void write_sie(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number, (void)insns;
    write_enables(cpu, RV(cpu, mideleg), value);
}

static void write_mideleg(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number, (void)insns;
    RV(cpu, mideleg) = value & supervisors(cpu);
    riscv64_irq_update(cpu);
}

static void write_stimecmp(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number, (void)insns;
    riscv64_set_timer(cpu, value);
}

/* ---- counters ---- */

static uint64_t read_time(struct cpu *cpu, unsigned number, uint64_t insns)
{
    (void)number, (void)insns;
    return riscv64_time(cpu);
}

static uint64_t read_counter(struct cpu *cpu, unsigned number, uint64_t insns) { return riscv64_counter_read(cpu, number & 31, insns); }

static void write_counter(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    riscv64_counter_write(cpu, number & 31, value, insns);
}

static void write_mcountinhibit(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    (void)number;
    riscv64_counter_inhibit(cpu, value & 0xfffffffd, insns);
}

static uint64_t read_mhpmevent(struct cpu *cpu, unsigned number, uint64_t insns)
{
    riscv64_counters_poll(cpu, insns);
    return RVN(cpu, mhpmevent, (number & 31) - 3);
}

static void write_mhpmevent(struct cpu *cpu, unsigned number, uint64_t value, uint64_t insns)
{
    riscv64_counter_event(cpu, number & 31, value, insns);
}

static uint64_t read_scountovf(struct cpu *cpu, unsigned number, uint64_t insns)
{
    uint64_t overflows = 0;

    (void)number;
    riscv64_counters_poll(cpu, insns);
    for (unsigned n = 3; n < RISCV64_COUNTERS; n++)
        overflows |= RVN(cpu, mhpmevent, n - 3) >> 63 << n;
    return RV(cpu, priv) == PRIV_M ? overflows : overflows & RV(cpu, mcounteren);
}

/* ---- the table ---- */

#define allow_no          NULL
#define read_no           NULL
#define write_no          NULL
#define write_ignore      riscv64_csr_ignore
#define RISCV64_CELL_none CSR_NO_CELL

enum row {
#define CSR(number, count, name, ...) ROW_##name,
#include "guest/riscv64/csrs.def"
#undef CSR
};

static const struct riscv64_csr rows[] = {
#define CSR(number, count, name, feature, slot, n, rmask, wmask, may, get, put)                                          \
    [ROW_##name] = {#name,       number,     count,      RISCV64_CELL_##slot + (n), RISCV64_HAS_##feature, rmask, wmask, \
                    allow_##may, read_##get, write_##put},
#include "guest/riscv64/csrs.def"
#undef CSR
};

const struct riscv64_csr *riscv64_csr_row(unsigned number)
{
    static const uint8_t row_of[4096] = {
#define CSR(first, count, name, ...) [first...(first) + (count)-1] = ROW_##name + 1,
#include "guest/riscv64/csrs.def"
#undef CSR
    };
    unsigned row = number < ARRAY_LEN(row_of) ? row_of[number] : 0;
    return row ? &rows[row - 1] : NULL;
}

static uint64_t get(struct cpu *cpu, const struct riscv64_csr *row, unsigned number, uint64_t insns)
{
    if (row->read)
        return row->read(cpu, number, insns);
    uint64_t value = cpu->cell[riscv64_csr_cell(row, number)];
    struct riscv64_csr_view view = riscv64_csr_view(cpu, row);
    bool dirty = row->cell == RISCV64_CELL_mstatus && (value & STATUS_FS) == STATUS_FS;
    return (value & view.mask) | view.ones | (dirty ? STATUS_SD : 0);
}

static void put(struct cpu *cpu, const struct riscv64_csr *row, unsigned number, uint64_t value, uint64_t insns)
{
    if (row->write) {
        row->write(cpu, number, value, insns);
        return;
    }
    uint64_t *cell = &cpu->cell[riscv64_csr_cell(row, number)];
    *cell = (*cell & ~row->wmask) | (value & row->wmask);
}

/* ---- helpers ---- */

static const struct riscv64_csr *permitted(struct cpu *cpu, unsigned number, uint64_t insn)
{
    const struct riscv64_csr *row = riscv64_csr_row(number);

    if (row && (!row->allow || row->allow(cpu, number)))
        return row;
    cpu_trap(cpu, RISCV64_TRAP_illegal, insn);
    return NULL;
}

uint64_t riscv64_hlp_csr_read(struct cpu *cpu, uint64_t number, uint64_t insn, uint64_t insns)
{
    const struct riscv64_csr *row = permitted(cpu, (unsigned)number, insn);
    return row ? get(cpu, row, (unsigned)number, insns) : 0;
}

uint64_t riscv64_hlp_csr_write(struct cpu *cpu, uint64_t number, uint64_t value, uint64_t how, uint64_t insn, uint64_t insns)
{
    enum { WRITE, SET, CLEAR };
    const struct riscv64_csr *row = permitted(cpu, (unsigned)number, insn);

    if (!row)
        return 0;
    if (how != WRITE) {
        uint64_t old = get(cpu, row, (unsigned)number, insns);
        if (row->read == read_mip) /* of SEIP only the bit that software writes is modified, not the input */
            old = (old & ~(1ull << IRQ_SEI)) | (RV(cpu, mip) & 1ull << IRQ_SEI);
        value = how == SET ? old | value : old & ~value;
    }
    put(cpu, row, (unsigned)number, value, insns);
    return 0;
}

/* csrrs, csrrc and their immediate forms of sstatus, as a whole: what lifted code does not do itself. */
void riscv64_finish_status(struct cpu *cpu, uint32_t insn)
{
    enum { SET = 1, CLEAR = 2 };
    unsigned d = insn >> 7 & 31, s = insn >> 15 & 31, funct = insn >> 12 & 7;
    uint64_t old = get(cpu, riscv64_csr_row(CSR_SSTATUS), CSR_SSTATUS, cpu->insns), value = funct & 4 ? s : RVN(cpu, x, s);

    riscv64_hlp_csr_write(cpu, CSR_SSTATUS, value, funct & 1 ? CLEAR : SET, insn, cpu->insns);
    if (d)
        RVN(cpu, x, d) = old;
    cpu->pc += 4;
    cpu->insns++;
}

/* ---- debuggers and the machine ---- */

static const struct riscv64_csr *existing(const struct cpu *cpu, unsigned number)
{
    const struct riscv64_csr *row = riscv64_csr_row(number);
    return row && riscv64_has(cpu, row->feature) ? row : NULL;
}

bool riscv64_csr_peek(struct cpu *cpu, unsigned number, uint64_t *value)
{
    const struct riscv64_csr *row = existing(cpu, number);

    if (!row)
        return false;
    *value = get(cpu, row, number, cpu->insns);
    return true;
}

bool riscv64_csr_poke(struct cpu *cpu, unsigned number, uint64_t value)
{
    const struct riscv64_csr *row = existing(cpu, number);

    if (!row || number >> 10 == 3)
        return false;
    put(cpu, row, number, value, cpu->insns - 1); /* counters: no insn does it */
    return true;
}
