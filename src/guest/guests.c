/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list of guest architectures that are built in: guests.def as a table. */
#include "guest/guest.h"
#include <string.h>

#define GUEST(name) extern const struct guest guest_##name;
#include "guest/guests.def"
#undef GUEST

const struct guest *const guests[] = {
#define GUEST(name) &guest_##name,
#include "guest/guests.def"
#undef GUEST
    NULL,
};

const struct guest *guest_find(const char *name)
{
    for (const struct guest *const *g = guests; *g; g++)
        if (!strcmp((*g)->name, name))
            return *g;
    return NULL;
}
