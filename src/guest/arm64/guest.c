/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The arm64 guest as the engine sees it: the functions of this folder in one table, and the registers by their names. */
#include "base/bits.h"
#include "guest/arm64/arm64.h"
#include "guest/arm64/lift.h"
#include "ir/softfloat.h"

static uint64_t block_key(const struct cpu *cpu) { return arm64_keys_of((const struct arm64_state *)(const void *)cpu->cell); }

/* clang-format off */
#define X(n) {"x" #n, ARM64_CELL_x + n, 64, "general"}
#define V(n) {"v" #n, ARM64_CELL_v + 2 * n, 128, "float"}, {"d" #n, ARM64_CELL_v + 2 * n, 64, "float"}

static const struct guest_reg regs[] = {
    X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9), X(10), X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18), X(19),
    X(20), X(21), X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30),
    {"fp", ARM64_CELL_x + 29, 64, "general"}, {"lr", ARM64_CELL_x + 30, 64, "general"}, {"sp", ARM64_CELL_sp, 64, "general"},
    V(0), V(1), V(2), V(3), V(4), V(5), V(6), V(7), V(8), V(9), V(10), V(11), V(12), V(13), V(14), V(15), V(16), V(17), V(18), V(19),
    V(20), V(21), V(22), V(23), V(24), V(25), V(26), V(27), V(28), V(29), V(30), V(31),
    {"fpcr", ARM64_CELL_fpcr, 32, "float"}, {"tpidr_el0", ARM64_CELL_tpidr_el0, 64, "system"},
};
/* clang-format on */

/* The first arguments, the stack and frame pointers, the registers that compilers save first: most operands of compiled C. */
static const uint16_t pins[] = {
    ARM64_CELL_x + 0,  ARM64_CELL_x + 1,  ARM64_CELL_x + 2, ARM64_CELL_sp,    ARM64_CELL_x + 3,  ARM64_CELL_x + 19,
    ARM64_CELL_x + 20, ARM64_CELL_x + 29, ARM64_CELL_x + 4, ARM64_CELL_x + 5, ARM64_CELL_x + 21,
};

static const uint16_t fpins[] = {
    ARM64_CELL_v + 0,  ARM64_CELL_v + 2,  ARM64_CELL_v + 4,  ARM64_CELL_v + 6,  ARM64_CELL_v + 8,  ARM64_CELL_v + 10,
    ARM64_CELL_v + 12, ARM64_CELL_v + 14, ARM64_CELL_v + 32, ARM64_CELL_v + 34, ARM64_CELL_v + 36,
};

/* Without flushing. The default NaN of FPCR.DN is the evaluator's, too. */
static unsigned fp_host(uint64_t key)
{
    struct arm64_keys keys;
    arm64_keys_unpack(&keys, key);
    return keys.fz ? FP_HOST_none : FP_HOST_chosen;
}

const struct guest guest_arm64 = {
    .name = "arm64",
    .cpu_size = sizeof(struct arm64_cpu) + sizeof(struct arm64_state),
    .cells = CPU_FRAME_AT(ARM64_CELLS),
    .min_insn = 4,
    .max_insn = 4,
    .pins = pins,
    .npins = ARRAY_LEN(pins),
    .fpins = fpins,
    .nfpins = ARRAY_LEN(fpins),
    .fp_host = fp_host,
    .tagged = true,
    .helpers = arm64_helpers,
    .nhelpers = ARM64_HELPERS,
    .regs = regs,
    .nregs = ARRAY_LEN(regs),
    .init = arm64_init,
    .fini = arm64_fini,
    .reset = arm64_reset,
    .enter_user = arm64_enter_user,
    .translate = arm64_translate,
    .land = arm64_land,
    .bus_error = arm64_bus_error,
    .misaligned = arm64_misaligned,
    .misaligned_devices = true,
    .watch = arm64_watch,
    .enter_trap = arm64_enter_trap,
    .clock_event = arm64_clock_event,
    .take_interrupt = arm64_take_interrupt,
    .wakes = arm64_wakes,
    .block_key = block_key,
    .context = arm64_context,
    .shared_context = arm64_shared_context,
    .user_context = arm64_user_context,
    .asid = arm64_asid,
    .code_space = arm64_code_space,
    .announces = true,
    .lift = arm64_lift_insn,
    .print = arm64_print_insn,
    .trap_name = arm64_trap_name,
    .irq_name = arm64_irq_name,
};
