/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The RISC-V platform-level interrupt controller (PLIC specification 1.0). Devices' lines go to plic_set; each context (a hart in one
 * privilege mode; the board numbers them, as 2h for M and 2h+1 for S of hart h) has one output. The board maps it with plic_ops, the
 * chip as self and its device.lock; device locks may be held when plic_set is called.
 */
#pragma once
#include "device/device.h"

enum { PLIC_SIZE = 0x600000, PLIC_SOURCES_MAX = 127, PLIC_CONTEXTS_MAX = 64 };

struct plic_config {
    unsigned sources;  /* the highest source number, 1..PLIC_SOURCES_MAX (QEMU's virt: 95, "riscv,ndev") */
    unsigned contexts; /* 1..PLIC_CONTEXTS_MAX */
    void (*out)(void *arg, unsigned context, bool level); /* told changes; the chip's lock is held: it must not call the chip */
    void *arg;
};

struct plic;
extern const struct mem_ops plic_ops;
int plic_new(struct plic **out, const char *id, const struct device_env *env, const struct plic_config *config, struct err *err) NODISCARD;
void plic_free(struct plic *plic); /* NULL is allowed */
struct device *plic_device(struct plic *plic);
void plic_set(void *plic, unsigned source, bool level); /* for irq_line.set; any thread */
