/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Names, meanings and HTTP codes of the statuses, all from status.def. Numbers that no row has (an exit code of a guest, say)
 * answer as STATUS_failed does, so callers need not check first.
 */
#include "base/bits.h"
#include "base/err.h"

struct status_row {
    int number, http;
    const char *name, *meaning;
};

static const struct status_row rows[] = {
#define STATUS(name, number, http, text) {number, http, #name, text},
#include "base/status.def"
#undef STATUS
};

static const struct status_row *status_find(int status)
{
    const struct status_row *failed = NULL;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].number == status || -rows[i].number == status)
            return &rows[i];
        if (rows[i].number == STATUS_failed)
            failed = &rows[i];
    }
    return failed;
}

const char *status_name(int status) { return status_find(status)->name; }

const char *status_meaning(int status) { return status_find(status)->meaning; }

int status_http(int status) { return status_find(status)->http; }
