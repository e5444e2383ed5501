/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The text forms of disks and network cards, and what their backends say when they cannot be opened. */
#include "base/bits.h"
#include "device/block/block.h"
#include "device/net/net.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_disk(void **state)
{
    struct disk_config c;
    (void)state;
    assert_int_equal(disk_config_parse(&c, "root.img", NULL), 0);
    assert_string_equal(c.path, "root.img");
    assert_true(!c.read_only && c.discard && c.block_size == 512 && !c.serial[0]);
    assert_int_equal(disk_config_parse(&c, "a,,b=c.img,ro", NULL), 0);
    assert_string_equal(c.path, "a,b=c.img");
    assert_true(c.read_only);
    assert_int_equal(disk_config_parse(&c, "/dev/sdb,serial=ABC,block=4096,discard=off,ro=off", NULL), 0);
    assert_true(!c.read_only && !c.discard && c.block_size == 4096);
    assert_string_equal(c.serial, "ABC");
    static const struct {
        const char *text, *says;
    } bad[] = {{"", "no file"},
               {",ro", "no file"},
               {"a,rw", "unknown option 'rw'"},
               {"a,ro=maybe", "on or off"},
               {"a,block=1000", "512, 1024"},
               {"a,block=", "not a number"},
               {"a,block", "needs a value"},
               {"a,block=99999999999999999999999", "not a number"},
               {"a,serial=123456789012345678901", "1 to 20"},
               {"a,serial=", "1 to 20"},
               {"a,serial=a b", "ASCII"},
               {"a,", "unknown option ''"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        assert_int_equal(disk_config_parse(&c, bad[i].text, &err), -STATUS_config);
        assert_non_null(strstr(err.text, bad[i].says));
    }
    char *longer = malloc(10000);
    memset(longer, 'x', 9999);
    longer[9999] = 0;
    assert_int_equal(disk_config_parse(&c, longer, NULL), -STATUS_config);
    memcpy(longer, "a,", 2);
    assert_int_equal(disk_config_parse(&c, longer, NULL), -STATUS_config);
    free(longer);
}

static void test_net(void **state)
{
    struct net_config c;
    uint8_t mac[6];
    (void)state;
    assert_int_equal(net_config_parse(&c, "user", NULL), 0);
    assert_true(c.kind == NET_USER && !c.nforwards && !c.mac_given && !c.restricted && !c.mtu);
    assert_int_equal(net_config_mac(&c, 1, mac, NULL), 0);
    assert_memory_equal(mac, "\x52\x54\x00\x12\x34\x57", 6);
    assert_int_equal(net_config_parse(&c,
                                      "user,forward=2222:22,forward=udp:0.0.0.0:5353:10.0.2.16:53,forward=tcp:127.0.0.2:80:8080,"
                                      "forward=8443:10.0.2.20:443,mac=02:aB:03:04:05:06,mtu=1400,restrict",
                                      NULL),
                     0);
    assert_int_equal(c.nforwards, 4);
    const struct net_forward *f = c.forwards;
    assert_true(!f[0].udp && f[0].host == 0x7f000001 && f[0].host_port == 2222 && f[0].guest == 0 && f[0].guest_port == 22);
    assert_true(f[1].udp && f[1].host == 0 && f[1].host_port == 5353 && f[1].guest == 0x0a000210 && f[1].guest_port == 53);
    assert_true(!f[2].udp && f[2].host == 0x7f000002 && f[2].host_port == 80 && f[2].guest == 0 && f[2].guest_port == 8080);
    assert_true(!f[3].udp && f[3].host == 0x7f000001 && f[3].host_port == 8443 && f[3].guest == 0x0a000214 && f[3].guest_port == 443);
    assert_true(c.restricted && c.mtu == 1400);
    assert_int_equal(net_config_mac(&c, 1, mac, NULL), 0);
    assert_memory_equal(mac, "\x02\xab\x03\x04\x05\x06", 6);
    assert_int_equal(net_config_parse(&c, "user,forward=tcp::2222:22", NULL), 0); /* an empty address is the default */
    assert_true(c.forwards[0].host == 0x7f000001 && c.forwards[0].host_port == 2222);
    assert_int_equal(net_config_parse(&c, "tap,name=tap0", NULL), 0);
    assert_true(c.kind == NET_TAP);
    assert_string_equal(c.name, "tap0");
    assert_int_equal(net_config_mac(&c, 0, mac, NULL), 0);
    assert_memory_equal(mac, "\x52\x54\x00", 3);
    static const struct {
        const char *text, *says;
    } bad[] = {{"", "known are user and tap"},
               {"bridge", "known are user and tap"},
               {"user,foo", "unknown option 'foo'"},
               {"user,forward", "needs ports"},
               {"user,forward=22", "lacks the guest's port"},
               {"user,forward=:", "not a number"},
               {"user,forward=0:22", "from 1 to 65535"},
               {"user,forward=2222:65536", "from 1 to 65535"},
               {"user,forward=sctp:1:2", "'sctp' is not an IPv4 address"},
               {"user,forward=localhost:2222:22", "not an IPv4 address"},
               {"user,forward=tcp:1.2.3:2222:22", "not an IPv4 address"},
               {"user,forward=a:b", "not a number"},
               {"user,mac=52:54:00", "not an address"},
               {"user,mac=52:54:00:12:34:56:78", "not an address"},
               {"user,mac=53:54:00:12:34:56", "group address"},
               {"user,mac=0x:54:00:12:34:56", "not an address"},
               {"user,mtu=100", "from 1280"},
               {"user,mtu=9000", "to 1500"},
               {"user,name=tap0", "unknown option 'name'"},
               {"tap", "needs the interface's name"},
               {"tap,name=", "not the name of an interface"},
               {"tap,name=aaaaaaaaaaaaaaaaaaaa", "not the name of an interface"},
               {"tap,name=../x", "not the name of an interface"},
               {"tap,forward=1:2", "unknown option 'forward'"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        assert_int_equal(net_config_parse(&c, bad[i].text, &err), -STATUS_config);
        if (!strstr(err.text, bad[i].says))
            print_error("%s: %s\n", bad[i].text, err.text);
        assert_non_null(strstr(err.text, bad[i].says));
    }
    char many[2048] = "user";
    for (unsigned i = 0; i < NET_FORWARDS + 1; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), ",forward=%u:22", 2000 + i);
    assert_int_equal(net_config_parse(&c, many, NULL), -STATUS_config);
}

static void test_tap_errors(void **state)
{
    struct net_config c;
    struct net_backend *backend;
    struct err err = {0};
    (void)state;
    assert_int_equal(net_config_parse(&c, "tap,name=novmtap99", NULL), 0);
    assert_int_equal(net_open(&backend, &c, &err), -STATUS_not_found);
    assert_non_null(strstr(err.text, "ip tuntap add"));
    assert_int_equal(net_config_parse(&c, "tap,name=lo", NULL), 0);
    assert_true(net_open(&backend, &c, &err) < 0);
}

/* The message names the process that has the disk. */
static void test_disk_in_use(void **state)
{
    struct block_backend *backend;
    char path[] = "/tmp/vm-test-lock-XXXXXX", pid[32];
    struct err err = {0};
    int fd = mkstemp(path), ready[2], quit[2];
    char byte = 0;
    (void)state;
    assert_int_equal(ftruncate(fd, 4096), 0);
    close(fd);
    assert_int_equal(pipe(ready) | pipe(quit), 0);
    pid_t child = fork();
    if (!child) {
        close(quit[1]);
        if (block_raw_open(&backend, path, false, NULL, NULL))
            _exit(1);
        if (write(ready[1], "x", 1) != 1 || read(quit[0], &byte, 1) < 0)
            _exit(2);
        block_free(backend);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(block_raw_open(&backend, path, true, NULL, &err), -STATUS_conflict);
    snprintf(pid, sizeof pid, "in use by process %d ", (int)child);
    assert_non_null(strstr(err.text, pid));
    close(quit[1]);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(block_raw_open(&backend, path, false, NULL, &err), 0); /* it is free again */
    block_free(backend);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_net),
        cmocka_unit_test(test_tap_errors),
        cmocka_unit_test(test_disk_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
