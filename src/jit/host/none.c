/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hosts without a code generator: blocks stay in tier 0. */
#include "jit/host/host.h"

const struct jit_host *const jit_host = NULL;
