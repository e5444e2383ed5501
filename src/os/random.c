/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Random bytes of cryptographic quality from the system. */
#include "os/os.h"
#include <errno.h>
#include <sys/random.h>

int os_random(void *buf, size_t len, struct err *err)
{
    char *at = buf;

    while (len) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set_errno(err, n ? errno : EIO, "the system gives no random bytes");
        at += n;
        len -= (size_t)n;
    }
    return 0;
}
