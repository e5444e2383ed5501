/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Writing a flash's blocks back to its file, off the vCPU's path: blocks are noted as changed and go out together a little later.
 * Used by cfi.c only; calls come with the device's lock held, except new and free.
 */
#pragma once
#include "device/device.h"

struct cfi_file;
/* memory holds the complement of the file. The file must be writable, exist and be as large as memory; with grow it may be missing or short, and
 * becomes as long as the last block that was written. */
int cfi_file_new(struct cfi_file **out, const char *path, struct device *device, const struct os_memory *memory, size_t block, bool grow,
                 struct err *err) NODISCARD;
void cfi_file_free(struct cfi_file *file); /* writes what is left; NULL is allowed */
void cfi_file_changed(struct cfi_file *file, uint64_t block);
void cfi_file_flush(struct cfi_file *file); /* writes everything now; blocks */
