/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Device trees: a builder over libfdt that remembers the first failure, so that boards describe themselves without checking each call,
 * and what is done to a tree that the user brings. The board's own tree is in boards/.
 */
#pragma once
#include "base/err.h"
#include "mem/space.h"

enum { DT_SEED = 32, DT_USER_MAX = 1 << 20, DT_NO_ROOM = -3 /* libfdt: FDT_ERR_NOSPACE */ };

struct dt_chosen {           /* what is told to the kernel */
    const char *bootargs;    /* NULL: none */
    const char *stdout_path; /* NULL: none */
    gpa initrd, initrd_end;  /* equal: none */
    const uint8_t *seed;     /* DT_SEED bytes for rng-seed and 8 more for kaslr-seed; NULL: none */
};

struct dt {
    void *blob;
    size_t room;
    int failed; /* the first libfdt error */
};

int dt_start(struct dt *dt, size_t room) NODISCARD;
void dt_node(struct dt *dt, const char *name);
void dt_node_at(struct dt *dt, const char *name, uint64_t at); /* name@hex */
void dt_close(struct dt *dt);
void dt_flag(struct dt *dt, const char *name);
void dt_text(struct dt *dt, const char *name, const char *text);
void dt_bytes(struct dt *dt, const char *name, const void *bytes, size_t len);
void dt_u32(struct dt *dt, const char *name, uint32_t value);
void dt_u64(struct dt *dt, const char *name, uint64_t value);
void dt_cells(struct dt *dt, const char *name, const uint32_t *cells, size_t count);
void dt_reg(struct dt *dt, uint64_t base, uint64_t size); /* "reg" of two address and two size cells */
void dt_put_chosen(struct dt *dt, const struct dt_chosen *chosen);
/* Ends the tree; the blob is the caller's to free(). On failure everything is freed. */
int dt_end(struct dt *dt, void **blob, size_t *len, struct err *err) NODISCARD;

/* Checks a tree from a file (hostile) and puts chosen into a copy of it; values that are not set leave the tree's own. */
int dt_adopt(const void *data, size_t data_len, const struct dt_chosen *chosen, void **blob, size_t *len, struct err *err) NODISCARD;
