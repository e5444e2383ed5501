/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The host side of disks: a backend is an array of bytes of fixed size. A disk device owns one and calls its operations on the thread
 * pool, several at once; they may block. Offsets and lengths that the device passes lie inside the disk.
 */
#pragma once
#include "base/err.h"
#include "base/log.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum { BLOCK_SECTOR = 512, BLOCK_SERIAL_MAX = 20 };

struct block_backend;

struct block_ops { /* all but free return 0 or a negative errno */
    int (*transfer)(struct block_backend *backend, bool write, uint64_t offset, const struct iovec *iov, unsigned n);
    int (*flush)(struct block_backend *backend);                                  /* what was written is on the medium afterwards */
    int (*discard)(struct block_backend *backend, uint64_t offset, uint64_t len); /* a hint; never an error where it cannot be done */
    int (*zero)(struct block_backend *backend, uint64_t offset, uint64_t len, bool unmap); /* unmap: may give the space back */
    void (*free)(struct block_backend *backend);
};

struct block_backend { /* every backend's struct starts with this */
    const struct block_ops *ops;
    uint64_t size; /* bytes, a multiple of BLOCK_SECTOR, not 0 */
    bool read_only;
};

static inline void block_free(struct block_backend *backend) /* NULL is allowed */
{
    if (backend)
        backend->ops->free(backend);
}

/* A disk as the user writes it: "FILE[,ro][,serial=TEXT][,block=512|4096][,discard=off]"; a comma in the file's name is written twice. */
struct disk_config {
    char path[4096];
    char serial[BLOCK_SERIAL_MAX + 1]; /* empty: none given */
    unsigned block_size;               /* of the logical blocks that the guest sees */
    bool read_only, discard;
};
int disk_config_parse(struct disk_config *out, const char *text, struct err *err) NODISCARD;

/* A file or a block device, byte for byte, locked against use by others. A last sector that is not whole reads as if followed by zeros. */
int block_raw_open(struct block_backend **out, const char *path, bool read_only, struct log *log, struct err *err) NODISCARD;

/* Locks an open disk (shared if read_only) until fd is closed; the error names who has it. Also held against other uses in this process. */
int disk_lock(int fd, bool read_only, const char *path, struct log *log, struct err *err) NODISCARD;
