/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fw_cfg: items that the machine's maker hands to firmware and kernels, by number or by name, as QEMU's devices of this name do (its
 * docs/specs/fw_cfg.rst), with registers in memory and by DMA. Guests only read. The board maps it with fw_cfg_ops, the device as self
 * and its device.lock.
 */
#pragma once
#include "device/device.h"

enum { FW_CFG_SIZE = 0x18, FW_CFG_NAME = 56 /* bytes of a name, with its end */ };
enum fw_cfg_key { /* items with a number of their own; those with names follow from 0x20 on */
                  FW_CFG_signature = 0x00,
                  FW_CFG_id = 0x01,
                  FW_CFG_cpus = 0x05, /* u16 */
                  FW_CFG_kernel_size = 0x08,
                  FW_CFG_initrd_size = 0x0b,
                  FW_CFG_cpus_max = 0x0f, /* u16 */
                  FW_CFG_kernel = 0x11,
                  FW_CFG_initrd = 0x12,
                  FW_CFG_append_size = 0x14,
                  FW_CFG_append = 0x15,
                  FW_CFG_directory = 0x19,
                  FW_CFG_files = 0x20
};

struct fw_cfg;
extern const struct mem_ops fw_cfg_ops;
int fw_cfg_new(struct fw_cfg **out, const char *id, const struct device_env *env, struct err *err) NODISCARD;
void fw_cfg_free(struct fw_cfg *fw_cfg); /* NULL is allowed */
struct device *fw_cfg_device(struct fw_cfg *fw_cfg);

/* Copies the data; what was there under the number or name goes. No vCPU runs. */
int fw_cfg_put(struct fw_cfg *fw_cfg, unsigned key, const void *data, size_t len, struct err *err) NODISCARD;
int fw_cfg_put_number(struct fw_cfg *fw_cfg, unsigned key, uint64_t value, unsigned size, struct err *err) NODISCARD; /* little-endian */
int fw_cfg_put_file(struct fw_cfg *fw_cfg, const char *name, const void *data, size_t len, struct err *err) NODISCARD;
