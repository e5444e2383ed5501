/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list of boards. */
#include "machine/board.h"
#include <string.h>

#define BOARD(object) extern const struct board object;
#include "machine/boards/boards.def"
#undef BOARD

const struct board *const boards[] = {
#define BOARD(object) &object,
#include "machine/boards/boards.def"
#undef BOARD
    NULL,
};

const struct board *board_find(const char *arch, const char *name)
{
    for (size_t i = 0; boards[i]; i++)
        if (!strcmp(boards[i]->name, name) && (!arch || !strcmp(boards[i]->arch, arch)))
            return boards[i];
    return NULL;
}
