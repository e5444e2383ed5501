/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The generated tables of one guest by names without the guest: a test that serves all guests is built once for each, with GUEST, GUEST_UPPER and
 * GUEST_INSNS_H given by its meson.build.
 */
#pragma once
#include GUEST_INSNS_H

#define INSNS_JOIN_(a, b) a##b
#define INSNS_JOIN(a, b)  INSNS_JOIN_(a, b)
#define INSNS_NAME_(a)    #a
#define INSNS_NAME(a)     INSNS_NAME_(a)

#define INSNS          INSNS_JOIN(GUEST_UPPER, _INSNS)
#define insn_table     INSNS_JOIN(GUEST, _insns)
#define insn_fields    INSNS_JOIN(GUEST, _fields)
#define insn_tests     INSNS_JOIN(GUEST, _tests)
#define insn_decode    INSNS_JOIN(GUEST, _decode)
#define insn_encode    INSNS_JOIN(GUEST, _encode)
#define insn_extract   INSNS_JOIN(GUEST, _extract)
#define insn_print     INSNS_JOIN(GUEST, _print)
#define insn_row       INSNS_JOIN(GUEST, _insn)
#define insn_field_row INSNS_JOIN(GUEST, _field)
#define insn_cell      INSNS_JOIN(GUEST, _cell)
#define insn_cells     INSNS_JOIN(GUEST, _cells)
#define insn_test      INSNS_JOIN(GUEST, _test)
#define INSN_AT(what)  INSNS_JOIN(GUEST_UPPER, _AT_##what)
