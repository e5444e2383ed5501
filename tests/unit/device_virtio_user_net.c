/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The user network (libslirp) behind a virtio card: DHCP and TCP connections both ways, their packets made by hand. */
#include "device_virtio_net_rig.h"

#if VM_HAVE_SLIRP
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture *user_fixture(const char *text)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct net_config config;
    struct net_backend *backend;
    struct err err = {0};
    rig_init(&f->rig);
    assert_int_equal(net_config_parse(&config, text, &err), 0);
    assert_int_equal(net_open(&backend, &config, &err), 0);
    int rc = plug(f, backend, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_int_equal(rc, 0);
    start(f, F_COMMON | F_MRG | F_EVENT, 32, 1600);
    return f;
}

static uint16_t sum(const uint8_t *data, size_t len, uint32_t start_value)
{
    uint32_t total = start_value;
    for (size_t i = 0; i < len; i += 2)
        total += (uint32_t)(data[i] << 8 | (i + 1 < len ? data[i + 1] : 0));
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)~total;
}

static uint16_t be16_get(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

enum { ETH = 14, IP = 20 };
#define GUEST_IP 0x0a00020fu
#define HOST_IP  0x0a000202u

static void ip_header(uint8_t *frame, uint8_t protocol, uint32_t from, uint32_t to, size_t payload)
{
    static const uint8_t gateway[6] = {0x52, 0x55, 10, 0, 2, 2};
    memcpy(frame, to == 0xffffffff ? (const uint8_t *)"\xff\xff\xff\xff\xff\xff" : gateway, 6);
    memcpy(frame + 6, guest_mac, 6);
    be16_put(frame + 12, 0x0800);
    uint8_t *ip = frame + ETH;
    memset(ip, 0, IP);
    ip[0] = 0x45;
    be16_put(ip + 2, (uint16_t)(IP + payload));
    ip[8] = 64;
    ip[9] = protocol;
    be32_put(ip + 12, from);
    be32_put(ip + 16, to);
    be16_put(ip + 10, sum(ip, IP, 0));
}

/* The next frame that wanted() likes; ARP requests for our address are answered on the way. */
static size_t next_frame(struct fixture *f, uint8_t *got, bool (*wanted)(const uint8_t *frame, size_t len))
{
    for (unsigned i = 0; i < 1000; i++) {
        size_t len = receive_frame(f, got, NULL);
        if (wanted(got, len))
            return len;
        if (len >= 42 && be16_get(got + 12) == 0x0806 && be16_get(got + 20) == 1 && be32_get(got + 38) == GUEST_IP) {
            uint8_t reply[42];
            memcpy(reply, got, 42);
            memcpy(reply, got + 6, 6);
            memcpy(reply + 6, guest_mac, 6);
            be16_put(reply + 20, 2);
            memcpy(reply + 22, guest_mac, 6);
            memcpy(reply + 28, got + 38, 4);
            memcpy(reply + 32, got + 22, 10);
            send_frame(f, reply, 42);
        }
    }
    fail_msg("the frame does not come");
    return 0;
}

static bool is_dhcp_reply(const uint8_t *frame, size_t len)
{
    return len > 282 && be16_get(frame + 12) == 0x0800 && frame[ETH + 9] == 17 && be16_get(frame + ETH + IP) == 67 && frame[42] == 2;
}

static void dhcp(struct fixture *f, uint8_t kind, uint8_t expected)
{
    uint8_t frame[ETH + IP + 8 + 300] = {0}, got[BUFFER * 2];
    uint8_t *udp = frame + ETH + IP, *d = udp + 8;
    size_t payload = 8 + 300;
    d[0] = 1; /* request, Ethernet */
    d[1] = 1;
    d[2] = 6;
    be32_put(d + 4, 0x12345678);
    memcpy(d + 28, guest_mac, 6);
    memcpy(d + 236, "\x63\x82\x53\x63\x35\x01", 6);
    d[242] = kind;
    uint8_t *option = d + 243;
    if (kind == 3) { /* the address that was offered */
        memcpy(option, "\x32\x04\x0a\x00\x02\x0f", 6);
        option += 6;
    }
    *option = 0xff;
    be16_put(udp, 68);
    be16_put(udp + 2, 67);
    be16_put(udp + 4, (uint16_t)payload);
    ip_header(frame, 17, 0, 0xffffffff, payload);
    send_frame(f, frame, sizeof frame);
    next_frame(f, got, is_dhcp_reply);
    const uint8_t *reply = got + ETH + IP + 8;
    assert_int_equal(be32_get(reply + 4), 0x12345678);
    assert_int_equal(be32_get(reply + 16), GUEST_IP);
    assert_memory_equal(reply + 236, "\x63\x82\x53\x63\x35\x01", 6);
    assert_int_equal(reply[242], expected);
}

static void test_user_dhcp(void **state)
{
    (void)state;
    struct fixture *f = user_fixture("user");
    dhcp(f, 1, 2); /* DISCOVER, OFFER */
    dhcp(f, 3, 5); /* REQUEST, ACK */
    rig_fini(&f->rig);
    free(f);
}

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct tcp {
    struct fixture *f;
    uint32_t peer;
    uint16_t port, peer_port;
    uint32_t seq, ack;
};

static void tcp_send(struct tcp *t, uint8_t flags, const void *data, size_t len)
{
    uint8_t frame[ETH + IP + 20 + 1400] = {0}, *tcp = frame + ETH + IP;
    be16_put(tcp, t->port);
    be16_put(tcp + 2, t->peer_port);
    be32_put(tcp + 4, t->seq);
    be32_put(tcp + 8, t->ack);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    be16_put(tcp + 14, 0x7fff);
    if (len)
        memcpy(tcp + 20, data, len);
    ip_header(frame, 6, GUEST_IP, t->peer, 20 + len);
    const uint8_t *ip = frame + ETH;
    uint32_t pseudo = 6 + 20 + (uint32_t)len + be16_get(ip + 12) + be16_get(ip + 14) + be16_get(ip + 16) + be16_get(ip + 18);
    be16_put(tcp + 16, sum(tcp, 20 + len, pseudo));
    t->seq += (uint32_t)len + (flags & (SYN | FIN) ? 1 : 0);
    send_frame(t->f, frame, ETH + IP + 20 + len);
}

static bool is_tcp(const uint8_t *frame, size_t len)
{
    return len >= ETH + IP + 20 && be16_get(frame + 12) == 0x0800 && frame[ETH + 9] == 6;
}

/* The next segment; its flags, its data into out (len may be NULL). */
static uint8_t tcp_receive(struct tcp *t, uint8_t *out, size_t *len)
{
    uint8_t got[BUFFER * 2];
    next_frame(t->f, got, is_tcp);
    const uint8_t *tcp = got + ETH + IP;
    size_t header = (size_t)(tcp[12] >> 4) * 4, data = be16_get(got + ETH + 2) - IP - header;
    uint8_t flags = tcp[13];
    t->peer_port = be16_get(tcp);
    t->peer = be32_get(got + ETH + 12);
    t->port = be16_get(tcp + 2);
    if (data)
        memcpy(out, tcp + header, data);
    t->ack = be32_get(tcp + 4) + (uint32_t)data + (flags & (SYN | FIN) ? 1 : 0);
    if (len)
        *len = data;
    return flags;
}

static int listener(uint16_t *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *port = ntohs(addr.sin_port);
    return fd;
}

/* Bytes both ways over an established connection; fd is the host's end. */
static void talk(struct tcp *t, int fd)
{
    uint8_t buf[4096], data[BUFFER * 2];
    size_t len, total = 0;
    tcp_send(t, ACK | PSH, "from the guest", 14);
    assert_int_equal(recv(fd, buf, 14, MSG_WAITALL), 14);
    assert_memory_equal(buf, "from the guest", 14);
    for (size_t i = 0; i < sizeof buf; i++)
        buf[i] = (uint8_t)(i * 13);
    assert_int_equal(send(fd, buf, sizeof buf, 0), sizeof buf);
    while (total < sizeof buf) {
        tcp_receive(t, data, &len);
        if (!len)
            continue;
        assert_true(total + len <= sizeof buf);
        assert_memory_equal(data, buf + total, len);
        total += len;
        tcp_send(t, ACK, NULL, 0);
    }
    shutdown(fd, SHUT_WR);
    while (!(tcp_receive(t, data, &len) & FIN))
        ;
    tcp_send(t, ACK | FIN, NULL, 0);
    assert_int_equal(recv(fd, buf, 1, 0), 0);
    close(fd);
}

static void test_user_connect_out(void **state)
{
    uint8_t data[BUFFER];
    size_t len;
    uint16_t port;
    (void)state;
    struct fixture *f = user_fixture("user");
    int server = listener(&port);
    for (unsigned i = 0; i < 20; i++) { /* descriptor numbers come again */
        struct tcp t = {f, HOST_IP, (uint16_t)(40000 + i), port, 1000 * i, 0};
        tcp_send(&t, SYN, NULL, 0);
        while (!(tcp_receive(&t, data, &len) & SYN))
            ;
        tcp_send(&t, ACK, NULL, 0);
        int fd = accept(server, NULL, NULL);
        assert_true(fd >= 0);
        talk(&t, fd);
    }
    close(server);
    rig_fini(&f->rig);
    free(f);
}

static void test_user_connect_in(void **state)
{
    uint8_t data[BUFFER];
    size_t len;
    uint16_t port;
    char text[64];
    (void)state;
    close(listener(&port)); /* a port that is free */
    snprintf(text, sizeof text, "user,forward=tcp:127.0.0.1:%u:22", port);
    struct fixture *f = user_fixture(text);
    dhcp(f, 1, 2);
    dhcp(f, 3, 5);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    struct tcp t = {.f = f, .seq = 5000};
    while (!(tcp_receive(&t, data, &len) & SYN))
        ;
    assert_int_equal(t.port, 22);
    tcp_send(&t, SYN | ACK, NULL, 0);
    talk(&t, fd);

    struct net_config config; /* the port is taken now */
    struct net_backend *backend;
    struct err err = {0};
    struct fixture *second = calloc(1, sizeof *second);
    rig_init(&second->rig);
    assert_int_equal(net_config_parse(&config, text, &err), 0);
    assert_int_equal(net_open(&backend, &config, &err), 0);
    assert_int_equal(plug(second, backend, &err), -STATUS_conflict);
    assert_non_null(strstr(err.text, "another program listens there"));
    net_free(backend);
    rig_fini(&second->rig);
    free(second);
    rig_fini(&f->rig);
    free(f);
}

/* Frames that are not worth sending; nothing crashes, and the network still works. */
static void test_user_garbage(void **state)
{
    uint8_t frame[1514];
    uint32_t seed = 7;
    (void)state;
    struct fixture *f = user_fixture("user");
    gpa mark = f->rig.next_page;
    for (unsigned i = 0; i < 300; i++) {
        size_t len = 2 + i * 5;
        for (size_t k = 0; k < len; k++)
            frame[k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        if (i & 1 && len > 14)
            be16_put(frame + 12, i & 2 ? 0x0806 : 0x0800);
        f->rig.next_page = mark;
        send_frame(f, frame, len);
    }
    gpa at = rig_alloc(&f->rig, 4000);
    uint16_t head;
    uint32_t used;
    ring_add(&f->tx, &(struct piece){at, 4000}, 1, 0); /* a giant */
    ring_kick(&f->tx);
    ring_wait(&f->tx, &head, &used);
    dhcp(f, 1, 2);
    rig_fini(&f->rig);
    free(f);
}

/* No buffers for a while: frames wait, and come when there is room. */
static void test_user_back_pressure(void **state)
{
    uint8_t data[BUFFER * 2], *sent = malloc(1 << 20);
    size_t len, total = 0;
    uint16_t port;
    (void)state;
    struct fixture *f = user_fixture("user");
    int server = listener(&port);
    struct tcp t = {f, HOST_IP, 41000, port, 77, 0};
    tcp_send(&t, SYN, NULL, 0);
    while (!(tcp_receive(&t, data, &len) & SYN))
        ;
    tcp_send(&t, ACK, NULL, 0);
    int fd = accept(server, NULL, NULL);
    for (size_t i = 0; i < 1 << 20; i++)
        sent[i] = (uint8_t)(i * 31 + (i >> 8));
    size_t queued = 0;
    gpa mark = f->rig.next_page;
    while (total < 300000) {
        ssize_t n = send(fd, sent + queued, (1 << 20) - queued, MSG_DONTWAIT);
        if (n > 0)
            queued += (size_t)n;
        uint32_t before = t.ack;
        f->rig.next_page = mark;
        tcp_receive(&t, data, &len);
        if (!len)
            continue;
        if (t.ack - (uint32_t)len != before) { /* a repetition */
            t.ack = before;
        } else {
            assert_memory_equal(data, sent + total, len);
            total += len;
        }
        tcp_send(&t, ACK, NULL, 0);
    }
    close(fd);
    close(server);
    rig_fini(&f->rig);
    free(f);
    free(sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_dhcp),    cmocka_unit_test(test_user_connect_out),   cmocka_unit_test(test_user_connect_in),
        cmocka_unit_test(test_user_garbage), cmocka_unit_test(test_user_back_pressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_absent(void **state)
{
    struct net_config config;
    struct net_backend *backend;
    (void)state;
    assert_int_equal(net_config_parse(&config, "user", NULL), 0);
    assert_int_equal(net_open(&backend, &config, NULL), -STATUS_unavailable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_absent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
