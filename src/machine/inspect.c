/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What --perf-map and --dump-block write, each time a block becomes machine code; the compiler's lock keeps vCPUs apart. The bytes of the
 * guest's insns are read at that moment: the guest may have changed them since they were translated.
 */
#include "machine/inspect.h"
#include "base/bits.h"
#include "ir/text.h"
#include "os/file.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { HEX_LINE = 16 /* bytes of host code on a line */ };

/* A full disk must not be told for every block. */
static void check(const struct inspect *in, FILE **file, const char *what)
{
    if (!ferror(*file))
        return;
    log_write(in->log, LOG_warn, "machine", "cannot write %s any more: %s", what, strerror(errno));
    if (*file != stderr)
        fclose(*file);
    *file = NULL;
}

/* ---- the map: address, size and name a line, numbers in hexadecimal ---- */

static void map_line(struct inspect *in, const uint8_t *code, size_t size, const char *name)
{
    fprintf(in->map, "%" PRIxPTR " %zx %s\n", (uintptr_t)code, size, name);
    check(in, &in->map, "the map for perf");
}

static void map_block(struct inspect *in, const struct cpu *cpu, const struct jit_block *block, const uint8_t *code, size_t size)
{
    char name[96];
    snprintf(name, sizeof name, "%s 0x%" PRIx64 " at=0x%" PRIx64 " key=0x%" PRIx64, cpu->guest->name, cpu->pc, block->at, block->key);
    map_line(in, code, size, name);
}

/* ---- dumps ---- */

/* Has it an insn at one of the addresses, virtual or physical? */
static bool wanted(const struct inspect *in, gva pc, const struct jit_block *block)
{
    for (size_t i = 0; i < in->count; i++)
        for (unsigned n = 0; n < block->ir.ninsns; n++) {
            uint64_t offset = (uint64_t)(int64_t)block->ir.insns[n].offset;
            if (pc + offset == in->addresses[i] || block->at + offset == in->addresses[i])
                return true;
        }
    return in->all;
}

/* The bytes of the block from offset on, of two pages if need be. */
static bool read_insn(const struct inspect *in, const struct jit_block *block, int offset, uint8_t *out, unsigned len)
{
    gpa at = block->at + (gpa)(int64_t)offset;
    unsigned room = MEM_PAGE - (unsigned)(at & (MEM_PAGE - 1)), first = len < room ? len : room;
    if (align_down(at, MEM_PAGE) != align_down(block->at, MEM_PAGE))
        return mem_read(in->space, block->second + (at & (MEM_PAGE - 1)), out, len);
    return mem_read(in->space, at, out, first) && (first == len || mem_read(in->space, block->second, out + first, len - first));
}

static void dump_insns(struct inspect *in, const struct cpu *cpu, const struct jit_block *block)
{
    const struct ir_block *ir = &block->ir;
    for (unsigned i = 0; i < ir->ninsns; i++) {
        int offset = ir->insns[i].offset;
        gva pc = cpu->pc + (uint64_t)(int64_t)offset;
        struct guest_text text = {"?"};
        uint8_t bytes[4] = {0};
        unsigned len = 0;
        if (read_insn(in, block, offset, bytes, 4) || read_insn(in, block, offset, bytes, 2)) /* memory may end behind a short one */
            len = cpu->guest->print(cpu, le32_get(bytes), pc, &text);
        uint32_t word = len < 4 ? le32_get(bytes) & ((1u << 8 * len) - 1) : le32_get(bytes);
        fprintf(in->dump, "  0x%016" PRIx64 "  %0*" PRIx32 "%*s  %s\n", pc, len < 4 ? (int)len * 2 : 8, word,
                len < 4 ? (int)(8 - len * 2) : 0, "", text.text);
    }
}

static void dump_bytes(FILE *out, const uint8_t *code, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fprintf(out, "%s%02x%s", i % HEX_LINE ? " " : "  ", code[i], i % HEX_LINE == HEX_LINE - 1 || i == size - 1 ? "\n" : "");
}

static void dump_block(struct inspect *in, const struct cpu *cpu, const struct jit_block *block, const uint8_t *code, size_t size)
{
    fprintf(in->dump, "block %s 0x%" PRIx64 " at 0x%" PRIx64 " key 0x%" PRIx64 " vcpu %u\n", cpu->guest->name, cpu->pc, block->at,
            block->key, cpu->id);
    fprintf(in->dump, "guest: %u insns\n", block->ir.ninsns);
    dump_insns(in, cpu, block);
    fprintf(in->dump, "ir: %u ops\n", block->ir.nops);
    ir_print(in->dump, &block->ir);
    fprintf(in->dump, "host: %s 0x%" PRIxPTR " %zu bytes\n", jit_host->name, (uintptr_t)code, size);
    dump_bytes(in->dump, code, size);
    fputs("end\n", in->dump);
    check(in, &in->dump, "blocks");
}

/* ---- the watch ---- */

static void on_routine(void *arg, const char *name, const uint8_t *code, size_t size)
{
    struct inspect *in = arg;
    char text[64];
    snprintf(text, sizeof text, "vm %s", name);
    if (in->map)
        map_line(in, code, size, text);
}

static void on_block(void *arg, struct cpu *cpu, const struct jit_block *block, const uint8_t *code, size_t size)
{
    struct inspect *in = arg;
    if (in->map)
        map_block(in, cpu, block, code, size);
    if (in->dump && wanted(in, cpu->pc, block))
        dump_block(in, cpu, block, code, size);
}

static int open_map(struct inspect *in, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid()); /* where perf looks */
    int rc = os_file_create(&in->map, path, true, err);
    return rc ? err_prefix(err, "perf-map") : 0;
}

static int open_dump(struct inspect *in, const struct vm_config *config, struct err *err)
{
    const char *path = config_text(config, CONFIG_dump_file, 0);
    for (size_t i = 0; i < config_count(config, CONFIG_dump_block); i++) {
        const char *text = config_text(config, CONFIG_dump_block, i);
        if (!strcmp(text, "all"))
            in->all = true;
        else if (!config_parse_number(text, &in->addresses[in->count], err))
            in->count++;
    }
    in->dump = path ? NULL : stderr;
    return path && os_file_create(&in->dump, path, false, err) ? err_prefix(err, "dump-file") : 0;
}

int inspect_init(struct inspect *in, const struct vm_config *config, struct mem_space *space, struct log *log, struct err *err)
{
    bool map = config_switch(config, CONFIG_perf_map), dump = config_count(config, CONFIG_dump_block);
    int rc = 0;
    *in = (struct inspect){.watch = {on_routine, on_block, in, map}, .space = space, .log = log};
    if (config_text(config, CONFIG_dump_file, 0) && !dump)
        return err_set(err, STATUS_config, "dump-file is given without dump-block");
    if ((map || dump) && !jit_host)
        return err_set(err, STATUS_unavailable, "perf-map and dump-block show machine code, which vm cannot make on this host");
    if ((map || dump) && !strcmp(config_text(config, CONFIG_mode, 0), "interpreter"))
        return err_set(err, STATUS_config, "perf-map and dump-block show machine code, and mode interpreter makes none");
    if (dump)
        rc = open_dump(in, config, err);
    return rc || !map ? rc : open_map(in, err);
}

void inspect_fini(struct inspect *in)
{
    if (in->map)
        fclose(in->map);
    if (in->dump && in->dump != stderr)
        fclose(in->dump);
    *in = (struct inspect){0};
}

const struct jit_watch *inspect_watch(const struct inspect *in) { return in->map || in->dump ? &in->watch : NULL; }
