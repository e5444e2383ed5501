/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * NOR flash with the Common Flash Interface and Intel's command set, as a bank of two 16-bit chips on a 32-bit bus ("cfi-flash",
 * bank-width 4), in blocks of 256 KiB. The board maps the bank's size with cfi_flash_ops, the flash as self and its device.lock.
 */
#pragma once
#include "device/device.h"

enum { CFI_FLASH_BLOCK = 256 * 1024, CFI_FLASH_VIRT_SIZE = 32 * 1024 * 1024 /* a bank of the virt boards */ };

struct cfi_flash_config {
    uint64_t size;    /* a power of two, at least two blocks, at most 1 GiB */
    const char *file; /* what it holds at first, erased beyond the end; NULL: all erased. Read by cfi_flash_new only */
    bool readonly;    /* the guest can neither program nor erase */
    bool write_back;  /* changes go to the file within a second, and at the latest at pause and free; the file must be of the bank's size */
    bool grow;        /* of write_back: the file may be missing or shorter, and grows */
};

struct cfi_flash;
extern const struct mem_ops cfi_flash_ops;
int cfi_flash_new(struct cfi_flash **out, const char *id, const struct device_env *env, const struct cfi_flash_config *config,
                  struct err *err) NODISCARD;
void cfi_flash_free(struct cfi_flash *flash); /* NULL is allowed */
struct device *cfi_flash_device(struct cfi_flash *flash);
/* Copies what the flash holds, for whoever boots from it; false: outside of the bank. */
bool cfi_flash_peek(const struct cfi_flash *flash, uint64_t offset, void *buf, size_t len);
