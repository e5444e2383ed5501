/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What all versions of Arm's generic interrupt controller have in common, for one security state: the states of interrupts with their
 * registers in the distributor, and the priorities of the CPU interfaces. Interrupts 0..31 are each vCPU's own (0..15 messages between
 * vCPUs, SGIs; 16..31 private lines, PPIs), those from 32 on (SPIs) are shared. No device by itself; the chip's lock is held throughout
 * but for gic_private_line.
 */
#pragma once
#include "base/bits.h"
#include "device/device.h"

enum {
    GIC_CPUS_MAX = 8,
    GIC_LINES_MAX = 288, /* interrupts 0..287 */
    GIC_PRIVATE = 32,
    GIC_SGIS = 16,
    GIC_SHARED_MAX = GIC_LINES_MAX - GIC_PRIVATE,
    GIC_WORDS = GIC_CPUS_MAX + GIC_SHARED_MAX / 32, /* word n below GIC_CPUS_MAX: vCPU n's own; then the shared ones */
    GIC_NONE = 1023,                                /* the number that says: no interrupt */
    GIC_IDLE = 0xff,                                /* the running priority while nothing is active */
    GIC_PRIORITY_SHIFT = 3,                         /* five bits of priority are there */
    GIC_PRIORITY_MASK = 0xf8,
};
enum gic_output { GIC_IRQ, GIC_FIQ };
/* A vCPU's input; told changes only. The chip's lock is held: it must not call the chip. */
typedef void gic_out_fn(void *arg, unsigned cpu, enum gic_output line, bool level);

/* Bit i of a word: interrupt i % 32 of it. Pending is: latched, or level where edge is clear. */
struct gic_lines {
    unsigned cpus, lines;
    uint32_t group[GIC_WORDS], enabled[GIC_WORDS], latched[GIC_WORDS], edge[GIC_WORDS], active[GIC_WORDS];
    _Atomic uint32_t level[GIC_WORDS];
    _Atomic uint32_t minded[GIC_CPUS_MAX]; /* private lines whose changes matter now; derived */
    uint8_t priority[GIC_WORDS * 32];
    uint8_t targets[GIC_SHARED_MAX]; /* bit n: vCPU n may get it */
};

/* The CPU interfaces. Index of what comes in pairs: 2 * vCPU + group. */
struct gic_cpus {
    uint8_t mask[GIC_CPUS_MAX];           /* PMR: only more urgent ones (lower numbers) pass */
    uint8_t point[2 * GIC_CPUS_MAX];      /* binary point: bits up to and with this one are no part of the group priority */
    uint32_t active[2 * GIC_CPUS_MAX];    /* bit n: an interrupt of group priority n << GIC_PRIORITY_SHIFT is active */
    uint8_t groups_enabled[GIC_CPUS_MAX]; /* bit n: group n */
    bool common_point[GIC_CPUS_MAX];      /* group 1 goes by group 0's binary point */
    bool split_end[GIC_CPUS_MAX];         /* the end of an interrupt only drops the priority; deactivation is a step of its own */
};

struct gic_pick { /* a pending interrupt; intid GIC_NONE: there is none */
    uint16_t intid;
    uint8_t priority, group;
};

static inline unsigned gic_word(unsigned cpu, unsigned intid) { return intid < GIC_PRIVATE ? cpu : GIC_CPUS_MAX + intid / 32 - 1; }
static inline uint32_t gic_pending(const struct gic_lines *l, unsigned word)
{
    return l->latched[word] | (l->level[word] & ~l->edge[word]);
}

int gic_size_check(const char *id, unsigned cpus, unsigned lines, struct err *err) NODISCARD; /* can there be such a controller? */
/* The vCPU's outputs are now those in the mask (bits GIC_IRQ, GIC_FIQ); *was: before. */
void gic_tell(uint8_t *was, uint8_t now, unsigned cpu, gic_out_fn *out, void *arg);

void gic_lines_reset(struct gic_lines *lines); /* levels stay */
int gic_lines_check(struct gic_lines *lines);  /* after a load: what does not exist goes away */
/* A device's or a vCPU's line; true: the pending interrupts may be others now. */
bool gic_line(struct gic_lines *lines, unsigned cpu, unsigned intid, bool level);
/* Notes a private line's level without a lock; true: gic_private_changed must follow under the lock. */
bool gic_private_line(struct gic_lines *lines, unsigned cpu, unsigned intid, bool level);
void gic_private_changed(struct gic_lines *lines, unsigned cpu, unsigned intid, bool level);
/* The most urgent one for the vCPU of those that are pending, enabled and not active, of the groups in the mask. */
struct gic_pick gic_best(const struct gic_lines *lines, unsigned cpu, unsigned groups);

/* The distributor's registers from 0x80 to 0xcff, but for 0x800..0xbff (targets). cpu: whose private interrupts stand in the first words
 * (GIC_CPUS_MAX: nobody's, they read as zero); shared: the other words are there. mask: the bits that are written. */
uint32_t gic_lines_read(const struct gic_lines *lines, unsigned cpu, bool shared, uint64_t offset);
void gic_lines_write(struct gic_lines *lines, unsigned cpu, bool shared, uint64_t offset, uint32_t value, uint32_t mask);

void gic_cpus_reset(struct gic_cpus *cpus);
/* Binary points as programs see them: group 1's counts one higher. */
unsigned gic_point(const struct gic_cpus *cpus, unsigned cpu, unsigned group);
void gic_point_set(struct gic_cpus *cpus, unsigned cpu, unsigned group, unsigned value);
int gic_cpus_check(struct gic_cpus *cpus);
unsigned gic_running(const struct gic_cpus *cpus, unsigned cpu); /* priority; GIC_IDLE */
bool gic_preempts(const struct gic_cpus *cpus, unsigned cpu, struct gic_pick pick);
/* The pick becomes active: its priority runs, and a latched request is served. */
void gic_activate(struct gic_cpus *cpus, struct gic_lines *lines, unsigned cpu, struct gic_pick pick);
int gic_running_group(const struct gic_cpus *cpus, unsigned cpu); /* of the running priority; -1: idle */
void gic_drop(struct gic_cpus *cpus, unsigned cpu, unsigned group);
void gic_deactivate(struct gic_lines *lines, unsigned cpu, unsigned intid);
