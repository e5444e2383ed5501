/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For tests of device trees: what dtc says of one, and looking into it. */
#pragma once
#include "base/bits.h"
#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs dtc; what it prints on standard error is the answer. */
static inline void dtc_is_content(const void *blob, size_t len)
{
    char path[] = "/tmp/vm-fdt-XXXXXX", said[4096] = {0};
    int fd = mkstemp(path), out[2];
    assert_true(fd >= 0 && write(fd, blob, len) == (ssize_t)len && !pipe(out));
    close(fd);
    pid_t pid = fork();
    if (!pid) {
        dup2(out[1], 2);
        execlp("dtc", "dtc", "-I", "dtb", "-O", "dtb", "-o", "/dev/null", path, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    size_t n = 0;
    for (ssize_t got; (got = read(out[0], said + n, sizeof said - 1 - n)) > 0;)
        n += (size_t)got;
    int status = 0;
    waitpid(pid, &status, 0);
    close(out[0]);
    unlink(path);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return;
    if (n || status)
        fail_msg("dtc: status %d: %s", status, said);
}

static inline uint64_t reg_of(const void *blob, const char *path)
{
    int len, node = fdt_path_offset(blob, path);
    if (node < 0)
        fail_msg("no node %s", path);
    const void *reg = fdt_getprop(blob, node, "reg", &len);
    assert_true(len >= 16);
    return be64_get(reg);
}
