/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Errors and the version as users of the library see them. */
#include "machine/public.h"
#include <stdio.h>
#include <string.h>

#ifndef VM_VERSION
#define VM_VERSION "0.1.0"
#endif

_Static_assert(sizeof(struct vm_error) == sizeof(struct err), "the public error carries the same text");

int public_error(int rc, const struct err *err, struct vm_error *error)
{
    if (!error)
        return rc;
    *error = (struct vm_error){.status = rc};
    if (!rc)
        return 0;
    const char *text = err && err->text[0] ? err->text : status_meaning(rc);
    snprintf(error->text, sizeof error->text, "%s", text);
    return rc;
}

const char *vm_version(void) { return VM_VERSION; }
unsigned vm_abi(void) { return VM_ABI; }
