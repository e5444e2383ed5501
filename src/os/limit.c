/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How much memory this process may use: what the machine has, and the limits of its control groups, version 1, version 2 or both
 * mounted at once. Limits of all ancestors count. What cannot be read does not limit.
 */
#include "base/bits.h"
#include "base/text.h"
#include "os/file.h"
#include "os/os.h"
#include <stdlib.h>
#include <unistd.h>

static uint64_t limit_read(const char *path)
{
    uint64_t limit = UINT64_MAX;
    void *data;
    size_t len;

    if (os_file_read(path, 64, &data, &len, NULL))
        return UINT64_MAX;
    if (len && ((char *)data)[0] >= '0' && ((char *)data)[0] <= '9') /* else "max" */
        limit = strtoull(data, NULL, 10);
    free(data);
    return limit;
}

/* group: "/a/b"; looks at root/mount/a/b/file, root/mount/a/file, root/mount/file. */
static uint64_t limit_group(const char *root, const char *mount, const char *group, size_t len, const char *file)
{
    uint64_t limit = UINT64_MAX;
    struct text path;

    text_init(&path, 4096);
    for (;;) {
        uint64_t here;

        while (len && group[len - 1] == '/')
            len--;
        text_clear(&path);
        text_printf(&path, "%s%s%.*s/%s", root, mount, (int)len, group, file);
        here = text_ok(&path) ? limit_read(text_str(&path)) : UINT64_MAX;
        if (here < limit)
            limit = here;
        if (!len)
            break;
        while (len && group[len - 1] != '/')
            len--;
    }
    text_fini(&path);
    return limit;
}

/* Is `memory` one of the comma separated names? */
static bool limit_has_memory(const char *names, size_t len)
{
    static const char memory[] = "memory";

    while (len) {
        const char *comma = memchr(names, ',', len);
        size_t one = comma ? (size_t)(comma - names) : len;

        if (one == sizeof(memory) - 1 && !memcmp(names, memory, one))
            return true;
        if (!comma)
            break;
        names += one + 1;
        len -= one + 1;
    }
    return false;
}

uint64_t os_cgroup_memory_limit(const char *cgroup_text, const char *root)
{
    uint64_t limit = UINT64_MAX;

    /* Lines are "number:controllers:/path"; version 2 has number 0 and no controllers. */
    for (const char *line = cgroup_text; *line;) {
        const char *end = strchrnul(line, '\n');
        const char *names = memchr(line, ':', (size_t)(end - line));
        const char *group = names ? memchr(names + 1, ':', (size_t)(end - names - 1)) : NULL;
        uint64_t here = UINT64_MAX;

        if (group && end - group < 2048) {
            size_t len = (size_t)(end - group - 1);

            if (group == names + 1)
                here = limit_group(root, "", group + 1, len, "memory.max");
            else if (limit_has_memory(names + 1, (size_t)(group - names - 1)))
                here = limit_group(root, "/memory", group + 1, len, "memory.limit_in_bytes");
        }
        if (here < limit)
            limit = here;
        line = *end ? end + 1 : end;
    }
    return limit;
}

uint64_t os_memory_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t limit = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX, group;
    void *text;
    size_t len;

    if (os_file_read("/proc/self/cgroup", 65536, &text, &len, NULL))
        return limit;
    group = os_cgroup_memory_limit(text, "/sys/fs/cgroup");
    free(text);
    return group < limit ? group : limit;
}
