/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is made from ops.def: the signature table, the builder's functions; and the names of ops and types. */
#define IR_SIGS
#include "ir/ir.h"
#undef IR_SIGS
#define IR_BUILDER_BODIES
#include "ir/build.h"

const char *ir_op_name(unsigned op) { return op < IR_OPS ? ir_sigs[op].name : "?"; }

static const char *const type_names[] = {"none", "i1", "i32", "i64", "i128", "f16", "f32", "f64", "f80", "v128", "v256", "fl"};

const char *ir_type_name(unsigned type) { return type < sizeof type_names / sizeof *type_names ? type_names[type] : "?"; }
