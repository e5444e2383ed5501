/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The PLIC. Sources are level-sensitive: a gateway passes one request on and the next only after completion, and once a request is
 * pending it stays so even if the line falls (specification, chapter 5). A claim ignores the threshold; source and priority 0 never
 * interrupt; of equal priorities the lowest number wins; a completion by a context that has not enabled the source is ignored.
 */
#include "device/irqchip/plic.h"
#include "base/bits.h"
#include <stdlib.h>

enum { WORDS = (PLIC_SOURCES_MAX + 1) / 32, PRIORITY_MASK = 7 };
enum { R_PRIORITY = 0, R_PENDING = 0x1000, R_ENABLE = 0x2000, ENABLE_STRIDE = 0x80, R_CONTEXT = 0x200000, CONTEXT_STRIDE = 0x1000 };
enum { CONTEXT_THRESHOLD = 0, CONTEXT_CLAIM = 4 };

struct plic {
    struct device device;
    struct plic_config config;
    uint32_t valid[WORDS]; /* sources that exist */
    uint32_t level[WORDS], pending[WORDS], claimed[WORDS];
    uint32_t enable[PLIC_CONTEXTS_MAX * WORDS];
    uint8_t priority[PLIC_SOURCES_MAX + 1];
    uint8_t threshold[PLIC_CONTEXTS_MAX];
    bool out[PLIC_CONTEXTS_MAX];
};

/* The pending and enabled source that comes first, of a priority above the threshold; 0: none. */
static unsigned plic_best(const struct plic *p, unsigned context, unsigned threshold)
{
    unsigned best = 0, priority = threshold;

    for (unsigned w = 0; w < WORDS; w++) {
        for (uint32_t bits = p->pending[w] & p->enable[context * WORDS + w]; bits; bits &= bits - 1) {
            unsigned source = w * 32 + (unsigned)__builtin_ctz(bits);

            if (p->priority[source] > priority) {
                best = source;
                priority = p->priority[source];
            }
        }
    }
    return best;
}

static void plic_update(struct plic *p)
{
    for (unsigned c = 0; c < p->config.contexts; c++) {
        bool out = plic_best(p, c, p->threshold[c]) != 0;

        if (out != p->out[c]) {
            p->out[c] = out;
            p->config.out(p->config.arg, c, out);
        }
    }
}

/* The gateways: lines that are up and whose last request is done make a new one. */
static void plic_gate(struct plic *p)
{
    for (unsigned w = 0; w < WORDS; w++)
        p->pending[w] |= p->level[w] & ~p->claimed[w];
}

void plic_set(void *self, unsigned source, bool level)
{
    struct plic *p = self;
    uint32_t bit = 1u << source % 32;

    if (!source || source > p->config.sources)
        return;
    os_mutex_lock(&p->device.lock);
    if (level)
        p->level[source / 32] |= bit;
    else
        p->level[source / 32] &= ~bit;
    if (level) {
        plic_gate(p);
        plic_update(p);
    }
    os_mutex_unlock(&p->device.lock);
}

static uint32_t plic_claim(struct plic *p, unsigned context)
{
    unsigned source = plic_best(p, context, 0);

    if (source) {
        p->pending[source / 32] &= ~(1u << source % 32);
        p->claimed[source / 32] |= 1u << source % 32;
        plic_update(p);
    }
    return source;
}

static void plic_complete(struct plic *p, unsigned context, uint32_t source)
{
    uint32_t bit = 1u << source % 32;

    if (!source || source > p->config.sources || !(p->enable[context * WORDS + source / 32] & bit))
        return;
    p->claimed[source / 32] &= ~bit;
    plic_gate(p);
    plic_update(p);
}

static bool plic_bad(struct plic *p, const char *what, uint64_t offset)
{
    log_guest(p->device.log, p->device.id, "%s of offset 0x%llx, where no register is", what, (unsigned long long)offset);
    return true; /* reserved: reads zero, ignores writes */
}

static bool plic_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    struct plic *p = self;
    uint64_t context = (offset - R_CONTEXT) / CONTEXT_STRIDE, at;

    (void)size;
    *value = 0;
    if (offset < R_PENDING && offset / 4 <= p->config.sources) {
        *value = p->priority[offset / 4];
    } else if (offset >= R_PENDING && offset < R_PENDING + WORDS * 4) {
        *value = p->pending[(offset - R_PENDING) / 4];
    } else if (offset >= R_ENABLE && offset < R_ENABLE + p->config.contexts * (uint64_t)ENABLE_STRIDE) {
        at = (offset - R_ENABLE) % ENABLE_STRIDE / 4;
        if (at < WORDS)
            *value = p->enable[(offset - R_ENABLE) / ENABLE_STRIDE * WORDS + at];
    } else if (offset >= R_CONTEXT && context < p->config.contexts) {
        at = (offset - R_CONTEXT) % CONTEXT_STRIDE;
        if (at == CONTEXT_THRESHOLD)
            *value = p->threshold[context];
        else if (at == CONTEXT_CLAIM)
            *value = plic_claim(p, (unsigned)context);
        else
            return plic_bad(p, "read", offset);
    } else {
        return plic_bad(p, "read", offset);
    }
    return true;
}

static bool plic_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct plic *p = self;
    uint64_t context = (offset - R_CONTEXT) / CONTEXT_STRIDE, at;

    (void)size;
    if (offset < R_PENDING && offset / 4 <= p->config.sources) {
        if (offset)
            p->priority[offset / 4] = value & PRIORITY_MASK;
    } else if (offset >= R_PENDING && offset < R_PENDING + WORDS * 4) {
        return plic_bad(p, "write", offset); /* read-only */
    } else if (offset >= R_ENABLE && offset < R_ENABLE + p->config.contexts * (uint64_t)ENABLE_STRIDE) {
        at = (offset - R_ENABLE) % ENABLE_STRIDE / 4;
        if (at < WORDS)
            p->enable[(offset - R_ENABLE) / ENABLE_STRIDE * WORDS + at] = (uint32_t)value & p->valid[at];
        plic_gate(p); /* a line that was up when the chip was reset is seen now */
    } else if (offset >= R_CONTEXT && context < p->config.contexts) {
        at = (offset - R_CONTEXT) % CONTEXT_STRIDE;
        if (at == CONTEXT_THRESHOLD)
            p->threshold[context] = value & PRIORITY_MASK;
        else if (at == CONTEXT_CLAIM)
            plic_complete(p, (unsigned)context, (uint32_t)value);
        else
            return plic_bad(p, "write", offset);
    } else {
        return plic_bad(p, "write", offset);
    }
    plic_update(p);
    return true;
}

const struct mem_ops plic_ops = {.read = plic_read, .write = plic_write, .sizes = 4};

static void plic_reset(void *self)
{
    struct plic *p = self;

    memset(p->pending, 0, sizeof(p->pending));
    memset(p->claimed, 0, sizeof(p->claimed));
    memset(p->enable, 0, sizeof(p->enable));
    memset(p->priority, 0, sizeof(p->priority));
    memset(p->threshold, 0, sizeof(p->threshold));
    plic_update(p);
}

static int plic_after_load(void *self)
{
    struct plic *p = self;

    for (unsigned w = 0; w < WORDS; w++) {
        p->level[w] &= p->valid[w];
        p->pending[w] &= p->valid[w];
        p->claimed[w] &= p->valid[w];
        for (unsigned c = 0; c < PLIC_CONTEXTS_MAX; c++)
            p->enable[c * WORDS + w] &= c < p->config.contexts ? p->valid[w] : 0;
    }
    for (unsigned i = 0; i <= PLIC_SOURCES_MAX; i++)
        if (p->priority[i] > PRIORITY_MASK)
            return -STATUS_corrupt;
    for (unsigned c = 0; c < PLIC_CONTEXTS_MAX; c++)
        if (p->threshold[c] > PRIORITY_MASK)
            return -STATUS_corrupt;
    plic_update(p);
    return 0;
}

static const struct state_field plic_fields[] = {
    STATE_FIELD(1, struct plic, level, u32, WORDS),
    STATE_FIELD(2, struct plic, pending, u32, WORDS),
    STATE_FIELD(3, struct plic, claimed, u32, WORDS),
    STATE_FIELD(4, struct plic, enable, u32, PLIC_CONTEXTS_MAX *WORDS),
    STATE_FIELD(5, struct plic, priority, u8, PLIC_SOURCES_MAX + 1),
    STATE_FIELD(6, struct plic, threshold, u8, PLIC_CONTEXTS_MAX),
};

static const struct state_desc plic_state = {"plic", plic_fields, ARRAY_LEN(plic_fields), plic_after_load};

static void plic_free_self(void *self) { plic_free(self); }

const struct device_class plic_class = {
    .name = "plic",
    .doc = "RISC-V platform-level interrupt controller",
    .state = &plic_state,
    .reset = plic_reset,
    .free = plic_free_self,
    .rank = OS_RANK_irqchip,
};

int plic_new(struct plic **out, const char *id, const struct device_env *env, const struct plic_config *config, struct err *err)
{
    struct plic *p;

    if (!config->sources || config->sources > PLIC_SOURCES_MAX || !config->contexts || config->contexts > PLIC_CONTEXTS_MAX)
        return err_set(err, STATUS_config, "interrupt controller %s cannot have %u sources and %u contexts", id, config->sources,
                       config->contexts);
    p = calloc(1, sizeof(*p));
    if (!p)
        return err_set(err, STATUS_resource, "no memory for interrupt controller %s", id);
    device_init(&p->device, &plic_class, id, env);
    p->config = *config;
    for (unsigned i = 1; i <= config->sources; i++)
        p->valid[i / 32] |= 1u << i % 32;
    *out = p;
    return 0;
}

void plic_free(struct plic *p)
{
    if (!p)
        return;
    device_fini(&p->device);
    free(p);
}

struct device *plic_device(struct plic *p) { return &p->device; }
