/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `vm doctor`: what this host offers, item by item, in words; each item that is missing says what to do. */
#include "app/cli/cli.h"
#include "app/text.h"
#include "base/err.h"
#include "jit/host/host.h"
#include "os/os.h"
#include "os/tty.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

enum finding { FINE, LIMITED /* works, with less */, BROKEN };

struct item {
    const char *name;
    enum finding (*look)(char *text, size_t size);
};

static enum finding look_host(char *text, size_t size)
{
    struct utsname u;
    uname(&u);
    snprintf(text, size, "%s %s on %s, %u CPUs", u.sysname, u.release, u.machine, os_cpu_count());
    return FINE;
}

static enum finding look_memory(char *text, size_t size)
{
    uint64_t limit = os_memory_limit();
    snprintf(text, size, "%llu MiB may be used", (unsigned long long)(limit >> 20));
    return limit < 256ull << 20 ? LIMITED : FINE;
}

static enum finding look_shared(char *text, size_t size)
{
    struct os_memory memory;
    struct err err = {0};
    if (os_memory_new(&memory, "doctor", 1 << 20, &err)) {
        snprintf(text, size, "%s", err.text);
        return BROKEN;
    }
    snprintf(text, size, memory.fd >= 0 ? "guest memory can be shared (memfd)" : "no memfd: guest memory is private to the process");
    enum finding finding = memory.fd >= 0 ? FINE : LIMITED;
    os_memory_free(&memory);
    return finding;
}

static enum finding look_execution(char *text, size_t size)
{
    size_t n = jit_host ? (size_t)snprintf(text, size, "interpreter and code generator for %s", jit_host->name)
                        : (size_t)snprintf(text, size, "interpreter; there is no code generator for this host yet");
    bool kvm = access("/dev/kvm", R_OK | W_OK) == 0;
    snprintf(text + n, size - n, kvm ? "; /dev/kvm is there, this version does not use it" : "; no /dev/kvm, not needed");
    return FINE;
}

static enum finding look_guests(char *text, size_t size)
{
    size_t count;
    const struct vm_option *o = vm_options(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(o[i].name, "arch"))
            snprintf(text, size, "%s", o[i].value && strcmp(o[i].value, "ARCH") ? o[i].value : o[i].initial);
    return FINE;
}

static enum finding look_network(char *text, size_t size)
{
#if VM_HAVE_SLIRP
    snprintf(text, size, "user mode networking is built in (--net user)");
    return FINE;
#else
    snprintf(text, size, "built without libslirp: --net user is missing; install libslirp-dev and build again");
    return LIMITED;
#endif
}

static enum finding look_tap(char *text, size_t size)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    snprintf(text, size,
             fd >= 0 ? "tap interfaces can be used (--net tap,name=tap0)" : "no tap interfaces: /dev/net/tun: %s; --net user needs none",
             strerror(errno));
    return fd >= 0 ? FINE : LIMITED;
}

static enum finding look_packed(char *text, size_t size)
{
    snprintf(text, size, "kernels packed by gzip: %s, by zstd: %s", VM_HAVE_ZLIB ? "yes" : "no (build with zlib)",
             VM_HAVE_ZSTD ? "yes" : "no (build with libzstd)");
    return VM_HAVE_ZLIB && VM_HAVE_ZSTD ? FINE : LIMITED;
}

static const struct item items[] = {
    {"host", look_host},
    {"memory", look_memory},
    {"shared-memory", look_shared},
    {"execution", look_execution},
    {"guests", look_guests},
    {"network", look_network},
    {"tap", look_tap},
    {"kernels", look_packed},
};

int cli_doctor(int argc, char **argv)
{
    static const char *const words[] = {"ok", "limited", "broken"};
    int json = cli_json_flag("doctor", argc, argv), code = 0;
    if (json < 0)
        return STATUS_usage;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        char text[300];
        enum finding finding = items[i].look(text, sizeof text);
        if (finding == BROKEN)
            code = STATUS_unavailable;
        if (json) {
            printf("{\"item\":\"%s\",\"state\":\"%s\",\"text\":", items[i].name, words[finding]);
            app_print_json_string(stdout, text);
            puts("}");
        } else {
            printf("%-14s %-8s %s\n", items[i].name, words[finding], text);
        }
    }
    return code;
}
