/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Vector float ops by packed SSE. */
#include "jit/host/x86_64/sse.h"

bool x86_vector_float_native(const struct emit *e, const struct ir_op *op)
{
    (void)e, (void)op;
    return false;
}

void x86_vector_float(struct emit *e, const struct ir_op *op) { (void)e, (void)op; }
