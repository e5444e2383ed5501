/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fake guest of jit_rig.h: its memory, its helpers, and the comparison of the two ways to run a block. */
#include "jit_rig.h"
#include "base/bits.h"
#include "ir/eval.h"
#include "ir/monitor.h"
#include "jit_rest.h"
#include "os/fault.h"
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PHYSICAL UINT64_C(0x40000000)
enum { CODE_SIZE = 1 << 20, START_INSNS = 1000, DEVICE_PAGE = 64, ROM_PAGE = 65 };
static const uint8_t physical_page[RIG_PAGES] = {
    [RIG_ram0] = 2,       [RIG_ram1] = 0, [RIG_ram2] = 3, [RIG_ram3] = 1, [RIG_readonly] = 4, [RIG_device] = DEVICE_PAGE,
    [RIG_rom] = ROM_PAGE, [RIG_half] = 5};

/* ---- the guest ---- */

/* In the second address space the pages of RAM are in another order. */
static bool translate(struct cpu *cpu, gva va, enum mem_access access, struct tlb_page *out, struct trap *trap)
{
    static const uint32_t kinds[] = {TRAP_load, TRAP_store, TRAP_fetch};
    const struct rig_side *side = cpu->machine;
    uint64_t page = (va - RIG_VA) / MEM_PAGE;
    if (page >= RIG_PAGES || page == RIG_hole || (page == RIG_readonly && access == ACCESS_write)) {
        *trap = (struct trap){kinds[access], va};
        return false;
    }
    if (cpu->tlb == side->tlb[1] && page <= RIG_ram3)
        page ^= 1;
    *out = (struct tlb_page){.page = PHYSICAL + (uint64_t)physical_page[page] * MEM_PAGE,
                             .readable = true,
                             .writable = page != RIG_readonly,
                             .whole = page != RIG_half,
                             .last = page == RIG_half ? MEM_PAGE / 2 - 1 : MEM_PAGE - 1,
                             .span = MEM_PAGE};
    return true;
}

static struct trap bus_error(struct cpu *cpu, gva va, enum mem_access access)
{
    (void)cpu;
    return (struct trap){TRAP_bus + (unsigned)access * 16, va};
}

static struct trap misaligned(struct cpu *cpu, gva va, enum mem_access access)
{
    (void)cpu;
    return (struct trap){TRAP_misaligned + (unsigned)access * 16, va};
}

static uint64_t helper_sum(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    (void)cpu;
    return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f;
}

/* C may use them as it likes. */
static void lose_registers(void)
{
#ifdef __x86_64__
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movaps %%xmm0, %%xmm1; movaps %%xmm0, %%xmm2; movaps %%xmm0, %%xmm3; movaps %%xmm0, %%xmm4;"
                     "movaps %%xmm0, %%xmm5; movaps %%xmm0, %%xmm6; movaps %%xmm0, %%xmm15"
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm15");
#endif
}

static uint64_t helper_put(struct cpu *cpu, uint64_t a, uint64_t b)
{
    lose_registers();
    cpu->cell[0] ^= a;
    cpu->cell[1] += b;
    return a - b;
}

static uint64_t helper_trap(struct cpu *cpu, uint64_t a)
{
    cpu->cell[2] = ~a;
    if (a & 1)
        cpu_trap(cpu, TRAP_helper, a);
    return a >> 1;
}

static uint64_t helper_tlb(struct cpu *cpu)
{
    const struct rig_side *side = cpu->machine;
    cpu->tlb = cpu->tlb == side->tlb[0] ? side->tlb[1] : side->tlb[0];
    return 0;
}

static uint64_t helper_mix(struct cpu *cpu, uint64_t *out, const uint64_t *a, uint64_t n, const uint64_t *b)
{
    (void)cpu;
    out[0] = a[0] + n;
    out[1] = a[1] ^ b[0];
    out[0] += 3 * b[1];
    return n;
}

static uint64_t helper_goto(struct cpu *cpu, uint64_t pc)
{
    cpu->pc = pc;
    return 0;
}

#define FN(f) ((uint64_t(*)(void *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))(void (*)(void))(f))
const struct ir_helper rig_helpers[HELPERS] = {
    [HELPER_sum] = {.name = "sum", .fn = FN(helper_sum), .args = 6, .result = IR_i64, .pure = true},
    [HELPER_put] = {.name = "put", .fn = FN(helper_put), .args = 2, .result = IR_i32},
    [HELPER_trap] = {.name = "trap", .fn = FN(helper_trap), .args = 1, .result = IR_i64, .traps = true},
    [HELPER_tlb] = {.name = "tlb", .fn = FN(helper_tlb)},
    [HELPER_mix] = {.name = "mix", .fn = FN(helper_mix), .args = 3, .result = IR_v128, .pure = true, .vectors = 5},
    [HELPER_goto] = {.name = "goto", .fn = FN(helper_goto), .args = 1, .writes_pc = true, .exits = true},
};

void rig_guest(struct guest *guest, const uint16_t *pins, unsigned npins)
{
    *guest = (struct guest){.name = "rig",
                            .cells = RIG_CELLS,
                            .min_insn = 2,
                            .max_insn = 4,
                            .pins = pins,
                            .npins = npins,
                            .helpers = rig_helpers,
                            .nhelpers = HELPERS,
                            .translate = translate,
                            .bus_error = bus_error,
                            .misaligned = misaligned};
}

/* ---- memory ---- */

static bool device_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    const struct rig_side *side = self;
    *value = (offset + side->device) * 0x9e3779b97f4a7c15 >> (64 - 8 * size);
    return offset < MEM_PAGE - 16;
}

static bool device_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct rig_side *side = self;
    side->device = (side->device + offset * 8 + size) * 31 + value;
    return offset < MEM_PAGE - 16;
}

static const struct mem_ops device_ops = {device_read, device_write, 15};

gpa rig_translate(unsigned page) { return PHYSICAL + (uint64_t)physical_page[page] * MEM_PAGE; }

static int space_init(struct rig_side *side)
{
    uint8_t rom[MEM_PAGE];
    struct err err = {0};
    for (unsigned i = 0; i < sizeof rom; i++)
        rom[i] = (uint8_t)(i * 7 + (i >> 8));
    if (mem_space_new(&side->space) || mem_space_add_ram(side->space, "ram", PHYSICAL, RIG_RAM_PAGES * MEM_PAGE, &err) ||
        mem_space_add_device(side->space, "device", PHYSICAL + DEVICE_PAGE * MEM_PAGE, MEM_PAGE, &device_ops, side, NULL, &err) ||
        mem_space_add_rom(side->space, "rom", PHYSICAL + ROM_PAGE * MEM_PAGE, MEM_PAGE, rom, sizeof rom, &err))
        return -1;
    side->ram = mem_ram(side->space, PHYSICAL, RIG_RAM_PAGES * MEM_PAGE);
    for (unsigned i = 0; i < RIG_RAM_PAGES * MEM_PAGE; i++)
        side->ram[i] = (uint8_t)(i * 37 + (i >> 7));
    return 0;
}

void rig_tlb_forget(struct rig_side *side, struct tlb *tlb)
{
    memset(tlb, 0xff, sizeof *tlb);
    if (side->tlb_ids == TLB2_IDS) {
        memset(side->tlb2, 0, TLB2_SIZE * sizeof *side->tlb2);
        side->tlb_ids = 0;
    }
    tlb->id = ++side->tlb_ids;
    tlb->salt = tlb->id * 77;
}

static struct tlb *user_tlb(struct cpu *cpu) { return cpu->user_tlb; }

int rig_side_init(struct rig_side *side, const struct guest *guest)
{
    static const struct cpu_ops ops = {.user_tlb = user_tlb};
    size_t size = align_up(sizeof *side->cpu + (RIG_CELLS + IR_FRAME_EXTRA) * sizeof(uint64_t), 64);
    *side = (struct rig_side){.cpu = aligned_alloc(64, size), .monitor = cpu_monitor_new()};
    for (unsigned i = 0; i < 2; i++)
        side->tlb[i] = aligned_alloc(64, align_up(sizeof(struct tlb), 64));
    side->tlb2 = calloc(TLB2_SIZE, sizeof *side->tlb2);
    if (!side->cpu || !side->monitor || !side->tlb[0] || !side->tlb[1] || !side->tlb2 || space_init(side))
        return -1;
    memset(side->cpu, 0, size);
    side->cpu->guest = guest;
    side->cpu->helpers = guest->helpers;
    side->cpu->space = side->space;
    side->cpu->monitor = side->monitor;
    side->cpu->tlb = side->tlb[0];
    side->cpu->tlb2 = side->tlb2;
    for (unsigned i = 0; i < 2; i++)
        rig_tlb_forget(side, side->tlb[i]);
    side->cpu->user_tlb = side->tlb[1];
    side->cpu->ops = &ops;
    side->cpu->machine = side;
    return 0;
}

void rig_side_fini(struct rig_side *side)
{
    free(side->cpu);
    free(side->monitor);
    free(side->tlb[0]);
    free(side->tlb[1]);
    free(side->tlb2);
    mem_space_free(side->space);
}

/* ---- emitting ---- */

/* Some registers that are not pinned already, as if they were for floating point. */
static void choose_fpins(struct rig *rig, unsigned npins)
{
    bool taken[RIG_CELLS] = {false};
    unsigned n = 0;
    for (unsigned i = 0; i < npins; i++)
        taken[rig->pins[i]] = true;
    for (unsigned i = 0; i < RIG_WIDE && n < ARRAY_LEN(rig->fpins); i++)
        if (!taken[i] && i % 3)
            rig->fpins[n++] = (uint16_t)i;
    rig->guest.fpins = rig->fpins;
    rig->guest.nfpins = n;
}

static int init(struct rig *rig, const uint16_t *pins, unsigned npins, bool flat)
{
    static const struct os_vclock stopped = {1ull << 63 | 12345};
    struct err err = {0};
    memset(rig, 0, sizeof *rig);
    rig->flat = flat;
    memcpy(rig->pins, pins, npins * sizeof *pins);
    rig_guest(&rig->guest, rig->pins, npins);
    choose_fpins(rig, npins);
    rig->jumps = calloc(JIT_JUMPS, sizeof *rig->jumps);
    rig->scratch = calloc(1, jit_host->scratch);
    if (!rig->jumps || !rig->scratch || os_code_new(&rig->memory, CODE_SIZE, OS_CODE_file, &err) ||
        rig_side_init(&rig->native, &rig->guest) || rig_side_init(&rig->oracle, &rig->guest))
        return -1;
    rig->native.cpu->clock = rig->oracle.cpu->clock = &stopped;
    rig->native.cpu->flat = rig->oracle.cpu->flat = flat;
    rig->native.cpu->jumps = rig->jumps;
    for (unsigned i = 0; i < JIT_JUMPS; i++)
        rig->jumps[i].pc = jit_jump_none(i);
    rig->routines = rig->at =
        jit_host->routines(rig->memory.write, rig->memory.exec, CODE_SIZE, rig->pins, npins, rig->fpins, rig->guest.nfpins, flat);
    return rig->routines ? 0 : -1;
}

int rig_init(struct rig *rig, const uint16_t *pins, unsigned npins) { return init(rig, pins, npins, false); }

static struct rig *flat_rig;

static uintptr_t resume(uintptr_t pc)
{
    const struct rig *rig = flat_rig;
    size_t at = pc - (uintptr_t)rig->memory.exec;
    for (unsigned i = 0; i < rig->nfaults; i++)
        if (at >= rig->faults[i].from && at < rig->faults[i].to)
            return (uintptr_t)rig->memory.exec + rig->faults[i].stub;
    return 0;
}

static void other(int signal, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    fprintf(stderr, "# signal %d where none was expected\n", signal);
    abort();
}

int rig_init_flat(struct rig *rig, const uint16_t *pins, unsigned npins)
{
    static const struct os_fault_hooks hooks = {resume, other};
    void *pages = (void *)(uintptr_t)RIG_VA;
    flat_rig = rig;
    os_fault_init(&hooks);
    if (mmap(pages, (RIG_readonly + 1) * MEM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
            pages ||
        mprotect((uint8_t *)pages + RIG_readonly * MEM_PAGE, MEM_PAGE, PROT_READ))
        return -1;
    return init(rig, pins, npins, true);
}

/* The one memory there is becomes the side's, and what was done to it the side's again. */
static void flat_memory(const struct rig *rig, const struct rig_side *side, bool begin)
{
    for (unsigned page = RIG_ram0; rig->flat && page <= RIG_ram3; page++) {
        uint8_t *own = side->ram + (rig_translate(page) - PHYSICAL), *at = (uint8_t *)(uintptr_t)(RIG_VA + page * MEM_PAGE);
        memcpy(begin ? at : own, begin ? own : at, MEM_PAGE);
    }
}

void rig_fini(struct rig *rig)
{
    if (rig->flat)
        munmap((void *)(uintptr_t)RIG_VA, (RIG_readonly + 1) * MEM_PAGE);
    rig_side_fini(&rig->native);
    rig_side_fini(&rig->oracle);
    os_code_free(&rig->memory);
    free(rig->jumps);
    free(rig->scratch);
}

/* Both sides follow the rules for a vCPU that is alone, or those for several. */
static bool choose_alone(struct rig *rig)
{
    enum { RUN = 32 };
    bool alone = !rig->shared && (rig->emitted++ / RUN & 1);
    if (alone != rig->native.monitor->alone)
        rig->native.cpu->reservation.valid = rig->oracle.cpu->reservation.valid = RESERVED_no;
    rig->native.monitor->alone = rig->oracle.monitor->alone = alone;
    return alone;
}

bool rig_emit(struct rig *rig, const struct ir_block *block, unsigned page_offset)
{
    if (rig->at + jit_host->code_max > CODE_SIZE)
        rig->at = rig->routines;
    struct jit_emit_request request = {.ir = block,
                                       .round = block,
                                       .covers = true,
                                       .page_offset = page_offset,
                                       .pins = rig->guest.pins,
                                       .npins = rig->guest.npins,
                                       .zero_cell = RIG_CELLS,
                                       .fpins = rig->guest.fpins,
                                       .nfpins = rig->guest.nfpins,
                                       .fp_host = rig->chosen ? FP_HOST_chosen : FP_HOST_canonical,
                                       .alone = choose_alone(rig),
                                       .out = rig->memory.write + rig->at,
                                       .exec = rig->memory.exec + rig->at,
                                       .offset = (uint32_t)rig->at,
                                       .room = jit_host->code_max,
                                       .scratch = rig->scratch,
                                       .flat = rig->flat,
                                       .page = rig->page,
                                       .max_faults = ARRAY_LEN(rig->faults),
                                       .faults = rig->faults,
                                       .max_exits = ARRAY_LEN(rig->exits),
                                       .exits = rig->exits};
    rig->code = rig->at;
    rig->code_size = jit_host->emit(rig->memory.exec, &request);
    rig->nexits = request.nexits;
    rig->nfaults = request.nfaults;
    os_code_flush(&rig->memory, rig->at, rig->code_size);
    rig->at += rig->code_size;
    return rig->code_size;
}

/* ---- comparing ---- */

void rig_finish_trap(struct cpu *cpu)
{
    const struct ir_op *op = cpu->jit_op;
    unsigned info = op->op == IR_TRAP ? op->a : op->b;
    if (op->op == IR_TRAP || op->op == IR_TRAP_IF)
        cpu_trap(cpu, op->s[0], info == IR_CONST ? op->imm : cpu->cell[info]);
    ir_eval_trapped(cpu, cpu->jit_ir, op);
}

static bool in_exits(const struct rig *rig, const struct jit_exit *exit) { return exit >= rig->exits && exit < rig->exits + rig->nexits; }

/* The evaluator's reason for a native one; -1: emitted code came back with nonsense. */
static int reason(struct rig *rig, enum jit_why why, const struct ir_block *block)
{
    struct cpu *cpu = rig->native.cpu;
    switch (why) {
    case JIT_EXIT_link: /* not of a block whose insn ends in another page: what that is may change */
        if (!in_exits(rig, cpu->jit_exit) || cpu->page + (uint64_t)(int64_t)cpu->jit_exit->target != cpu->pc)
            return -1;
        return rig->flat || (!block->straddles && !((cpu->pc ^ cpu->page) & ~(gva)(MEM_PAGE - 1))) ? IR_EXIT_branch : -1;
    case JIT_EXIT_branch:
    case JIT_EXIT_poll: return IR_EXIT_branch;
    case JIT_EXIT_end: return IR_EXIT_end;
    case JIT_EXIT_trap:
        if (cpu->jit_ir != block || cpu->jit_op < block->ops || cpu->jit_op >= block->ops + block->nops)
            return -1;
        rig_finish_trap(cpu);
        return IR_EXIT_trap;
    case JIT_EXIT_uncovered: return cpu->jit_ir == block && cpu->insns == START_INSNS ? (int)ir_eval(cpu, block) : -1;
    }
    return -1;
}

static void start(struct cpu *cpu, const uint64_t *frame, gva pc, uint32_t events)
{
    memcpy(cpu->cell, frame, RIG_CELLS * sizeof *frame);
    memset(cpu->cell + RIG_CELLS + 1, 0xa5, IR_MAX_TEMPS * sizeof *frame);
    cpu->cell[RIG_CELLS] = 0;
    cpu->pc = pc;
    cpu->page = align_down(pc, MEM_PAGE);
    cpu->events = events;
    cpu->fx = 0;
    cpu->insns = START_INSNS;
    cpu->trapped = false;
    cpu->trap = (struct trap){0};
    cpu->jit_op = NULL;
    cpu->jit_ir = NULL;
    cpu->jit_exit = NULL;
}

static bool differs(const char *what, uint64_t native, uint64_t oracle)
{
    if (native != oracle)
        fprintf(stderr, "# %s: native 0x%" PRIx64 ", evaluator 0x%" PRIx64 "\n", what, native, oracle);
    return native != oracle;
}

static bool compare(const struct rig *rig, int native, int oracle)
{
    const struct cpu *n = rig->native.cpu, *o = rig->oracle.cpu;
    bool bad = differs("exit", (uint64_t)native, (uint64_t)oracle);
    bad |= differs("pc", n->pc, o->pc);
    bad |= differs("insns", n->insns, o->insns);
    bad |= differs("trapped", n->trapped, o->trapped);
    bad |= differs("trap kind", n->trap.kind, o->trap.kind);
    bad |= differs("trap info", n->trap.info, o->trap.info);
    bad |= differs("fx", n->fx, o->fx);
    bad |= differs("reservation", n->reservation.valid != RESERVED_no, o->reservation.valid != RESERVED_no);
    if (n->reservation.valid && o->reservation.valid) {
        bad |= differs("reserved value", n->reservation.value[0], o->reservation.value[0]);
        bad |= differs("reserved size", n->reservation.size, o->reservation.size);
    }
    bad |= differs("device", rig->native.device, rig->oracle.device);
    bad |= differs("which tlb", n->tlb == rig->native.tlb[1], o->tlb == rig->oracle.tlb[1]);
    for (unsigned i = 0; i <= RIG_CELLS; i++) {
        char name[16];
        snprintf(name, sizeof name, "%%%u", i);
        bad |= differs(name, n->cell[i], o->cell[i]);
    }
    if (memcmp(rig->native.ram, rig->oracle.ram, RIG_RAM_PAGES * MEM_PAGE)) {
        fprintf(stderr, "# memory differs\n");
        memcpy(rig->native.ram, rig->oracle.ram, RIG_RAM_PAGES * MEM_PAGE);
        bad = true;
    }
    return bad;
}

static void explain(const struct rig *rig, const struct ir_block *block, const uint64_t *frame, gva pc)
{
    fprintf(stderr, "# pc 0x%" PRIx64 ", pins:", pc);
    for (unsigned i = 0; i < rig->guest.npins; i++)
        fprintf(stderr, " %%%u", rig->pins[i]);
    fprintf(stderr, "\n");
    ir_print(stderr, block);
    for (unsigned i = 0; i < RIG_CELLS; i++)
        fprintf(stderr, "%s%%%u=%" PRIx64, i % 8 ? " " : "\n# ", i, frame[i]);
    fprintf(stderr, "\n# code:");
    for (size_t i = 0; i < rig->code_size; i++)
        fprintf(stderr, " %02x", rig->memory.write[rig->code + i]);
    fprintf(stderr, "\n");
}

bool rig_check(struct rig *rig, struct ir_block *block, const uint64_t frame[RIG_CELLS], gva pc, uint32_t events)
{
    rig->page = align_down(pc, MEM_PAGE);
    rig->chosen = rig->checked++ >> 1 & 1;
    rig->native.cpu->fp_nan = rig->oracle.cpu->fp_nan = rig->chosen ? FP_NAN_arm : FP_NAN_default;
    rig->native.cpu->fp_tiny_before = rig->oracle.cpu->fp_tiny_before = rig->chosen;
    if (!rig_emit(rig, block, (unsigned)(pc & (MEM_PAGE - 1)))) {
        fprintf(stderr, "# the block did not fit\n");
        return false;
    }
    start(rig->native.cpu, frame, pc, events);
    start(rig->oracle.cpu, frame, pc, events);
    flat_memory(rig, &rig->oracle, true);
    int oracle = (int)ir_eval(rig->oracle.cpu, block);
    flat_memory(rig, &rig->oracle, false);
    flat_memory(rig, &rig->native, true);
    enum jit_why why = jit_host->enter(rig->memory.exec, rig->native.cpu, rig->memory.exec + rig->code);
    int native = reason(rig, why, block);
    bool elsewhere = native != oracle || rig->native.cpu->pc != rig->oracle.cpu->pc || rig->native.cpu->insns != rig->oracle.cpu->insns;
    enum ir_exit rest;
    if (why == JIT_EXIT_branch && elsewhere && jit_rest(rig->native.cpu, block, pc, START_INSNS, &rest))
        native = (int)rest;
    flat_memory(rig, &rig->native, false);
    if (!compare(rig, native, oracle))
        return true;
    explain(rig, block, frame, pc);
    return false;
}
