/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What processes see of each other below /proc. */
#pragma once
#include "user/process.h"
#include <limits.h>

void user_others_tell(const struct user_memory *m); /* others see the guest's arguments instead of this command's, if the kernel can */
/* The program that the process pid runs by this command; to: PATH_MAX bytes. false: it is none of these, or may not be looked at. */
bool user_others_exe(int pid, char *to);
