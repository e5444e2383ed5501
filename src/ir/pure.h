/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The integer ops flagged P on values of up to 64 bits: one meaning for the builder's folding and the evaluator. */
#pragma once
#include "ir/ir.h"

/* Operands zero-extended by their type (source: the first operand's, for ZEXT SEXT TRUNC); the result likewise. */
uint64_t ir_aes(unsigned which, uint64_t s, uint64_t t);                                                      /* the op AES */
void ir_sha256(unsigned which, uint64_t r[2], const uint64_t a[2], const uint64_t b[2], const uint64_t c[2]); /* VSHA256 */
uint64_t ir_pure(unsigned op, unsigned type, unsigned source, uint64_t imm, uint64_t a, uint64_t b, uint64_t c);
