/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From the library's inner errors to the public struct vm_error: used by every function of vm.h. */
#pragma once
#include "base/err.h"
#include <vm/vm.h>

/* Hands rc through; copies the text out if something failed and the caller wants it. */
int public_error(int rc, const struct err *err, struct vm_error *error);
