/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From guest bytes to a block of IR: on past conditional branches and along direct jumps within the page, to a loop's way back, an insn
 * that leaves for good, the page's end or the size limit.
 * Only a block of one insn may straddle two pages, so every block depends on one page, or on two by its first bytes.
 */
#include "jit/translate.h"
#include "base/bits.h"
#include "mem/ram.h"

/* ram: the bytes at `at`, or NULL. */
static unsigned fetch(const struct mem_space *space, const uint8_t *ram, gpa at, unsigned have, uint32_t *word)
{
    uint8_t bytes[4] = {0};
    unsigned n = have < 4 ? have : 4;
    if (ram && n == 4) {
        uint32_t v = ram_get_32((uintptr_t)ram);
        *word = le32_get(&v);
        return n;
    }
    if (!mem_read(space, at, bytes, n))
        return 0;
    *word = le32_get(bytes);
    return n;
}

static void note_bytes(struct jit_source *source, int offset, uint32_t word, unsigned len)
{
    struct jit_span *last = source->nspans ? &source->spans[source->nspans - 1] : NULL;
    if (!last || last->offset + last->size != offset)
        *(last = &source->spans[source->nspans++]) = (struct jit_span){.offset = (int16_t)offset};
    last->size = (uint16_t)(last->size + len);
    le32_put(source->bytes + source->nbytes, word); /* what is beyond len is written over */
    source->nbytes += len;
}

struct ir_block *jit_translate(struct ir_build *b, struct cpu *cpu, gpa at, unsigned room, uint64_t key, unsigned max_insns,
                               gpa (*second)(struct cpu *cpu), gpa *second_page, struct jit_source *source)
{
    int offset = 0, low = -(int)(at & (MEM_PAGE - 1)), high = (int)room;
    uint64_t before = key;
    const uint8_t *ram = mem_ram(cpu->space, align_down(at, MEM_PAGE), MEM_PAGE);
    *second_page = at;
    source->nspans = source->nbytes = 0;
    ir_begin_at(b, (unsigned)(at & (MEM_PAGE - 1)));
    for (unsigned n = 0; n < max_insns && !ir_ended(b) && !ir_full(b) && offset < high; n++) {
        uint32_t word;
        unsigned have = fetch(cpu->space, ram ? ram + (offset - low) : NULL, at + (gpa)(int64_t)offset, (unsigned)(high - offset), &word);
        unsigned len = have ? cpu->guest->lift(b, cpu, &key, offset, word, have) : 0;
        if (!len && n)
            break;
        if (!len) {
            gpa next = second(cpu);
            uint32_t tail;
            if (next == UINT64_MAX || !fetch(cpu->space, NULL, next, cpu->guest->max_insn - have, &tail))
                return NULL;
            *second_page = next;
            len = cpu->guest->lift(b, cpu, &key, 0, word | tail << have * 8, cpu->guest->max_insn);
            if (len && key != before)
                ir_end_key(b);
            break;
        }
        note_bytes(source, offset, word, len);
        if (key == before)
            offset = ir_follow(b, low, high);
        else /* what follows is looked up by the key that stands now */
            ir_end_key(b);
    }
    struct ir_block *block = ir_finish(b);
    block->straddles = *second_page != at;
    return block;
}
