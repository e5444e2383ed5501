/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A hart without the C extension: insns are 4 bytes at multiples of 4, and jumps elsewhere trap at the jump. */
#include "rt.h"

static uint32_t code[64] ALIGNED(256);

/* Runs code[]; a1 = to. The site of the expected trap is its first insn. */
static uint64_t run(uint64_t to)
{
    uint64_t link;
    fence_i();
    trap_clear();
    self()->site = (uint64_t)code;
    asm volatile("mv a1, %1\n li t1, 0x77\n la t6, 9f\n sd t6, " STRING(HART_resume) "(tp)\n jr %2\n9: sd zero, " STRING(
                     HART_resume) "(tp)\n mv %0, t1"
                 : "=r"(link)
                 : "r"(to), "r"(code)
                 : "a1", "t1", "t6", "memory");
    return link;
}

static void jumps(void)
{
    uint64_t target = (uint64_t)&code[8] + 2;
    code[0] = 0x00058367;        /* jalr t1, (a1) */
    CHECK_EQ(run(target), 0x77); /* the link register is not written */
    CHECK_TRAP(CAUSE_insn_misaligned, target);
    CHECK_EQ(run(target + 1), 0x77); /* bit 0 is cleared first */
    CHECK_TRAP(CAUSE_insn_misaligned, target);
    code[0] = 0x0220036f; /* jal t1, +34 */
    CHECK_EQ(run(0), 0x77);
    CHECK_TRAP(CAUSE_insn_misaligned, (uint64_t)code + 34);
}

static void branches(void)
{
    code[0] = 0x02000163; /* beqz zero, +34 */
    run(0);
    CHECK_TRAP(CAUSE_insn_misaligned, (uint64_t)code + 34);
    code[0] = 0x02001163; /* bnez zero, +34: not taken, no trap */
    code[1] = 0xffffffff;
    run(0);
    self()->site = (uint64_t)&code[1];
    CHECK_TRAP(CAUSE_illegal, 0xffffffff);
}

static void compressed(void)
{
    code[0] = 0x00010001; /* two c.nop */
    run(0);
    CHECK_EQ(self()->m.count, 1);
    CHECK_EQ(self()->m.cause, CAUSE_illegal);
    CHECK_EQ(self()->m.epc, (uint64_t)code);
}

static void epc(void)
{
    csr_write(CSR_mepc, ~0ul);
    CHECK_EQ(csr_read(CSR_mepc), ~3ul);
    csr_write(CSR_sepc, 0x1236);
    CHECK_EQ(csr_read(CSR_sepc), 0x1234);
    CHECK_EQ(csr_read(CSR_misa) >> 2 & 1, 0);
}

const struct test tests[] = {
    TEST("jumps", jumps), TEST("branches", branches), TEST("compressed insns", compressed), TEST("mepc and sepc", epc), {NULL, NULL},
};
