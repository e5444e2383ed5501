/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The riscv64 guest as the engine sees it: the functions of this folder in one table, and the registers by their names. */
#include "base/bits.h"
#include "guest/riscv64/lift.h"
#include "guest/riscv64/riscv64.h"
#include "ir/softfloat.h"

static uint64_t block_key(const struct cpu *cpu) { return riscv64_keys_of((const struct riscv64_state *)(const void *)cpu->cell); }

#define X(n, abi) \
    {"x" #n, RISCV64_CELL_x + n, 64, "general"}, { abi, RISCV64_CELL_x + n, 64, "general" }
#define F(n, abi) \
    {"f" #n, RISCV64_CELL_f + n, 64, "float"}, { abi, RISCV64_CELL_f + n, 64, "float" }
#define C(name)                                  \
    {                                            \
#name, RISCV64_CELL_##name, 64, "system" \
    }
#define CN(name, n)                                     \
    {                                                   \
#name #n, RISCV64_CELL_##name + n, 64, "system" \
    }

/* The CSRs here are those whose cell is their value; the others are made up when read: riscv64_csr_peek. */
static const struct guest_reg regs[] = {
    X(0, "zero"),
    X(1, "ra"),
    X(2, "sp"),
    X(3, "gp"),
    X(4, "tp"),
    X(5, "t0"),
    X(6, "t1"),
    X(7, "t2"),
    X(8, "s0"),
    X(9, "s1"),
    X(10, "a0"),
    X(11, "a1"),
    X(12, "a2"),
    X(13, "a3"),
    X(14, "a4"),
    X(15, "a5"),
    X(16, "a6"),
    X(17, "a7"),
    X(18, "s2"),
    X(19, "s3"),
    X(20, "s4"),
    X(21, "s5"),
    X(22, "s6"),
    X(23, "s7"),
    X(24, "s8"),
    X(25, "s9"),
    X(26, "s10"),
    X(27, "s11"),
    X(28, "t3"),
    X(29, "t4"),
    X(30, "t5"),
    X(31, "t6"),
    {"fp", RISCV64_CELL_x + 8, 64, "general"},
    F(0, "ft0"),
    F(1, "ft1"),
    F(2, "ft2"),
    F(3, "ft3"),
    F(4, "ft4"),
    F(5, "ft5"),
    F(6, "ft6"),
    F(7, "ft7"),
    F(8, "fs0"),
    F(9, "fs1"),
    F(10, "fa0"),
    F(11, "fa1"),
    F(12, "fa2"),
    F(13, "fa3"),
    F(14, "fa4"),
    F(15, "fa5"),
    F(16, "fa6"),
    F(17, "fa7"),
    F(18, "fs2"),
    F(19, "fs3"),
    F(20, "fs4"),
    F(21, "fs5"),
    F(22, "fs6"),
    F(23, "fs7"),
    F(24, "fs8"),
    F(25, "fs9"),
    F(26, "fs10"),
    F(27, "fs11"),
    F(28, "ft8"),
    F(29, "ft9"),
    F(30, "ft10"),
    F(31, "ft11"),
    {"frm", RISCV64_CELL_frm, 3, "float"},
    {"priv", RISCV64_CELL_priv, 2, "system"},
    C(mstatus),
    C(mtvec),
    C(mscratch),
    C(mepc),
    C(mcause),
    C(mtval),
    C(medeleg),
    C(mideleg),
    C(mie),
    C(mcounteren),
    C(mcountinhibit),
    C(menvcfg),
    C(mseccfg),
    CN(mstateen, 0),
    CN(mstateen, 1),
    CN(mstateen, 2),
    CN(mstateen, 3),
    C(stvec),
    C(sscratch),
    C(sepc),
    C(scause),
    C(stval),
    C(scounteren),
    C(senvcfg),
    C(satp),
    C(stimecmp),
    {"pmpcfg0", RISCV64_CELL_pmpcfg, 64, "system"},
    {"pmpcfg2", RISCV64_CELL_pmpcfg + 1, 64, "system"},
    CN(pmpaddr, 0),
    CN(pmpaddr, 1),
    CN(pmpaddr, 2),
    CN(pmpaddr, 3),
    CN(pmpaddr, 4),
    CN(pmpaddr, 5),
    CN(pmpaddr, 6),
    CN(pmpaddr, 7),
    CN(pmpaddr, 8),
    CN(pmpaddr, 9),
    CN(pmpaddr, 10),
    CN(pmpaddr, 11),
    CN(pmpaddr, 12),
    CN(pmpaddr, 13),
    CN(pmpaddr, 14),
    CN(pmpaddr, 15),
};

/* sp, ra and the eight of the compressed encodings: 84 to 90 % of all operands of compiled C; then one more argument. */
static const uint16_t pins[] = {
    RISCV64_CELL_x + 15, RISCV64_CELL_x + 14, RISCV64_CELL_x + 10, RISCV64_CELL_x + 2, RISCV64_CELL_x + 11, RISCV64_CELL_x + 12,
    RISCV64_CELL_x + 13, RISCV64_CELL_x + 8,  RISCV64_CELL_x + 9,  RISCV64_CELL_x + 1, RISCV64_CELL_x + 16,
};

/* What compilers take first: loops rarely need more. */
static const uint16_t fpins[] = {
    RISCV64_CELL_f + 15, RISCV64_CELL_f + 14, RISCV64_CELL_f + 13, RISCV64_CELL_f + 12, RISCV64_CELL_f + 11, RISCV64_CELL_f + 10,
    RISCV64_CELL_f + 0,  RISCV64_CELL_f + 1,  RISCV64_CELL_f + 2,  RISCV64_CELL_f + 3,  RISCV64_CELL_f + 4,
};

static unsigned fp_host(uint64_t key)
{
    (void)key;
    return FP_HOST_canonical;
}

const struct guest guest_riscv64 = {
    .fpins = fpins,
    .nfpins = ARRAY_LEN(fpins),
    .fp_host = fp_host,
    .pins = pins,
    .npins = ARRAY_LEN(pins),
    .name = "riscv64",
    .cpu_size = sizeof(struct riscv64_cpu) + sizeof(struct riscv64_state),
    .cells = CPU_FRAME_AT(RISCV64_CELLS),
    .min_insn = 2,
    .max_insn = 4,
    .helpers = riscv64_helpers,
    .nhelpers = RISCV64_HELPERS,
    .regs = regs,
    .nregs = ARRAY_LEN(regs),
    .init = riscv64_init,
    .fini = riscv64_fini,
    .reset = riscv64_reset,
    .enter_user = riscv64_enter_user,
    .translate = riscv64_translate,
    .bus_error = riscv64_bus_error,
    .misaligned = riscv64_misaligned,
    .enter_trap = riscv64_enter_trap,
    .clock_event = riscv64_clock_event,
    .take_interrupt = riscv64_take_interrupt,
    .wakes = riscv64_wakes,
    .block_key = block_key,
    .context = riscv64_context,
    .asid = riscv64_asid,
    .code_space = riscv64_code_space,
    .lift = riscv64_lift_insn,
    .print = riscv64_print_insn,
    .trap_name = riscv64_trap_name,
    .irq_name = riscv64_irq_name,
};
