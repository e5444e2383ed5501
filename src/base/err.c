/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Building the text of errors. Whatever is formatted in (file names, bytes of a guest) comes out as one printable line:
 * control characters become '?', too long text is cut. With err == NULL only the status travels.
 */
#include "base/err.h"
#include "base/bits.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
    int errnum;
    enum status status;
} errnos[] = {
    {ENOENT, STATUS_not_found},    {ENOTDIR, STATUS_not_found}, {ENXIO, STATUS_not_found},    {EACCES, STATUS_permission},
    {EPERM, STATUS_permission},    {EROFS, STATUS_permission},  {ENOMEM, STATUS_resource},    {ENOSPC, STATUS_resource},
    {EMFILE, STATUS_resource},     {ENFILE, STATUS_resource},   {EDQUOT, STATUS_resource},    {EFBIG, STATUS_resource},
    {EEXIST, STATUS_conflict},     {EBUSY, STATUS_conflict},    {ETXTBSY, STATUS_conflict},   {EAGAIN, STATUS_conflict},
    {EADDRINUSE, STATUS_conflict}, {ETIMEDOUT, STATUS_timeout}, {ENOSYS, STATUS_unavailable}, {EOPNOTSUPP, STATUS_unavailable},
    {ENODEV, STATUS_unavailable},  {EINVAL, STATUS_config},     {EISDIR, STATUS_config},      {ENAMETOOLONG, STATUS_config},
    {ELOOP, STATUS_config},
};

static void err_clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

int err_set(struct err *err, enum status status, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -(int)status;
    err->status = -(int)status;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    err_clean(err->text);
    return err->status;
}

int err_set_errno(struct err *err, int errnum, const char *fmt, ...)
{
    enum status status = STATUS_failed;
    char buf[128];
    size_t len;
    va_list ap;

    for (size_t i = 0; i < ARRAY_LEN(errnos); i++)
        if (errnos[i].errnum == errnum)
            status = errnos[i].status;
    if (!err)
        return -(int)status;
    err->status = -(int)status;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror_r(errnum, buf, sizeof(buf)));
    err_clean(err->text);
    return err->status;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
    char old[sizeof(err->text)];
    size_t len;
    va_list ap;

    if (!err)
        return -STATUS_failed;
    memcpy(old, err->text, sizeof(old));
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", old);
    err_clean(err->text);
    return err->status;
}
