/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#pragma once
#include <stdio.h>

void app_print_json_string(FILE *out, const char *text);
