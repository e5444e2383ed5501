/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pointer authentication (FEAT_PAuth, Arm ARM D8.10): a code of an algorithm of our own in the bits of a pointer that its address does not
 * need. A pointer whose code is wrong gets two bits by which it can lead nowhere (the first version's rule: no exception by itself).
 */
#include "base/bits.h"
#include "guest/arm64/sysreg.h"

enum { HOW_b = 1, HOW_data = 2, HOW_check = 4, KEY_generic = 4 };
enum { TSZ_MIN = 16, TSZ_MAX = 39, USER_TSZ = 16, SELECT = 55 };

/* ---- where the code stands ---- */

struct layout {
    bool two_ranges;
    bool tbi[2], tbid[2]; /* by range: the top byte is not part of addresses; but of those of insns */
    uint8_t tsz[2];
};

static struct layout layout_of(const struct cpu *cpu)
{
    bool el2 = arm64_ruler(cpu) == 2, two = !el2 || (A64(cpu, hcr_el2) & HCR_E2H);
    uint64_t tcr = el2 ? A64(cpu, tcr_el2) : A64(cpu, tcr_el1);
    if (cpu->flat) /* as Linux sets it up */
        return (struct layout){true, {true, false}, {false, false}, {USER_TSZ, USER_TSZ}};
    if (!two)
        return (struct layout){false, {tcr & TCR2_TBI, tcr & TCR2_TBI}, {tcr & TCR2_TBID, tcr & TCR2_TBID}, {tcr & 63, tcr & 63}};
    return (struct layout){true, {tcr & TCR_TBI0, tcr & TCR_TBI1}, {tcr & TCR_TBID0, tcr & TCR_TBID1}, {tcr & 63, tcr >> 16 & 63}};
}

static bool ignores_top(const struct layout *l, bool upper, bool data) { return l->tbi[upper] && (data || !l->tbid[upper]); }

/* The lowest bit of the code. */
static unsigned bottom(const struct layout *l, bool upper)
{
    unsigned tsz = l->tsz[l->two_ranges && upper];
    return 64 - (tsz < TSZ_MIN ? TSZ_MIN : tsz > TSZ_MAX ? TSZ_MAX : tsz);
}

/* The bits of the code: bit 55 tells of the range, the byte above is a tag where it is ignored. */
static uint64_t code_bits(unsigned low, bool tbi) { return bits_set(0, low, SELECT - low, ~0ull) | (tbi ? 0 : 0xffull << 56); }

/* The pointer as it was: its bits of the code are those of bit 55. */
static uint64_t without(uint64_t pointer, uint64_t code) { return pointer >> SELECT & 1 ? pointer | code : pointer & ~code; }

/* ---- the algorithm ---- */

static uint64_t mix(uint64_t v)
{
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    return v ^ v >> 31;
}

static uint64_t compute(const struct cpu *cpu, unsigned key, uint64_t value, uint64_t modifier)
{
    uint64_t low = A64N(cpu, apkey, 2 * key), high = A64N(cpu, apkey, 2 * key + 1);
    uint64_t h = mix(value ^ low) + high;
    h = mix(h ^ (modifier << 29 | modifier >> 35));
    return mix(h + low * 3 + 0x9e3779b97f4a7c15);
}

static uint64_t sign(const struct cpu *cpu, unsigned key, bool data, uint64_t pointer, uint64_t modifier)
{
    const struct layout l = layout_of(cpu);
    bool tbi = ignores_top(&l, pointer >> SELECT & 1, data), any = ignores_top(&l, false, data) || ignores_top(&l, true, data);
    bool select = pointer >> (any ? SELECT : 63) & 1;
    unsigned low = bottom(&l, select), top = tbi ? SELECT : 63;
    uint64_t code = code_bits(low, tbi), place = code | 1ull << SELECT, checked = bits_get(pointer, low, top - low + 1);
    uint64_t extended = select ? pointer | place : pointer & ~place, pac = compute(cpu, key, extended, modifier);
    if (checked && checked != bits_get(~0ull, 0, top - low + 1))
        pac ^= 1ull << (top - 1); /* its bits were not those of an address: no check is to hold */
    return (extended & ~code) | (pac & code);
}

static uint64_t check(const struct cpu *cpu, unsigned key, bool data, uint64_t pointer, uint64_t modifier)
{
    const struct layout l = layout_of(cpu);
    bool upper = pointer >> SELECT & 1, tbi = ignores_top(&l, upper, data);
    uint64_t code = code_bits(bottom(&l, upper), tbi), was = without(pointer, code);
    if (((compute(cpu, key, was, modifier) ^ pointer) & code) == 0)
        return was;
    return bits_set(was, tbi ? 53 : 61, 2, key & HOW_b ? 2 : 1);
}

uint64_t arm64_hlp_pauth_strip(struct cpu *cpu, uint64_t pointer, uint64_t data)
{
    const struct layout l = layout_of(cpu);
    bool upper = pointer >> SELECT & 1;
    return without(pointer, code_bits(bottom(&l, upper), ignores_top(&l, upper, data)));
}

/* ---- who may ---- */

/* A hypervisor must have opened it to EL1 and its EL0, or it traps. */
static bool hypervisors(struct cpu *cpu, uint64_t opened)
{
    return arm64_arch(cpu)->el2 && !cpu->flat && arm64_el(cpu) < 2 && !(!arm64_el(cpu) && arm64_host(cpu)) && !(A64(cpu, hcr_el2) & opened);
}

static bool refused(struct cpu *cpu, uint64_t insn)
{
    if (!hypervisors(cpu, HCR_API))
        return false;
    arm64_refuse(cpu, ARM64_TRAP_pauth, insn, true);
    return true;
}

uint64_t arm64_hlp_pauth(struct cpu *cpu, uint64_t how, uint64_t pointer, uint64_t modifier, uint64_t insn)
{
    static const uint64_t enables[] = {SCTLR_EnIA, SCTLR_EnIB, SCTLR_EnDA, SCTLR_EnDB};
    unsigned key = how & (HOW_b | HOW_data);
    if (!(arm64_sctlr(cpu) & enables[key]) || refused(cpu, insn))
        return pointer;
    return how & HOW_check ? check(cpu, key, how & HOW_data, pointer, modifier) : sign(cpu, key, how & HOW_data, pointer, modifier);
}

uint64_t arm64_hlp_pauth_generic(struct cpu *cpu, uint64_t value, uint64_t modifier, uint64_t insn)
{
    return refused(cpu, insn) ? 0 : compute(cpu, KEY_generic, value, modifier) & ~0xffffffffull;
}

uint64_t arm64_hlp_eret_checked(struct cpu *cpu, uint64_t how, uint64_t modifier, uint64_t insn, uint64_t insns)
{
    uint64_t pc = arm64_hlp_pauth(cpu, how, arm64_el(cpu) == 2 ? A64(cpu, elr_el2) : A64(cpu, elr_el1), modifier, insn);
    if (!cpu->trapped)
        arm64_hlp_eret(cpu, insns);
    return pc;
}

unsigned arm64_allow_keys(struct cpu *cpu, unsigned number, bool write)
{
    (void)number, (void)write;
    return arm64_el(cpu) == 1 && hypervisors(cpu, HCR_APK) ? SYSREG_WATCHED : SYSREG_ALLOWED;
}
