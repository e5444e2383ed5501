/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The text form of a network card: see struct net_config. */
#include "base/bits.h"
#include "device/net/net.h"
#include "device/options.h"
#include "os/os.h"
#include <arpa/inet.h>
#include <stdio.h>

static int parse_mac(struct net_config *c, const char *value, struct err *err)
{
    unsigned b[NET_MAC];
    int end = 0;
    bool good = strspn(value, "0123456789abcdefABCDEF:") == strlen(value) &&
                sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) == NET_MAC && !value[end];
    if (!good)
        return err_set(err, STATUS_config, "mac=%s is not an address like 52:54:00:12:34:56", value);
    if (b[0] & 1)
        return err_set(err, STATUS_config, "mac=%s is a group address (its first byte is odd)", value);
    for (unsigned i = 0; i < NET_MAC; i++)
        c->mac[i] = (uint8_t)b[i];
    c->mac_given = true;
    return 0;
}

/* Cuts the last ":part" off text and returns the part; NULL without a colon. */
static char *cut_last(char *text)
{
    char *colon = strrchr(text, ':');
    if (!colon)
        return NULL;
    *colon = 0;
    return colon + 1;
}

static bool is_address(const char *text, uint32_t *out)
{
    struct in_addr addr;
    if (inet_pton(AF_INET, text, &addr) != 1)
        return false;
    *out = ntohl(addr.s_addr);
    return true;
}

static int parse_port(uint16_t *out, const char *what, const char *text, struct err *err)
{
    uint64_t port;
    int rc = option_number(&port, what, text, 1, 65535, err);
    if (!rc)
        *out = (uint16_t)port;
    return rc;
}

/* [tcp:|udp:][HOSTADDR:]HOSTPORT:[GUESTADDR:]GUESTPORT, read from the end. */
static int parse_forward(struct net_config *c, const char *value, struct err *err)
{
    char text[128];
    struct net_forward f = {.host = INADDR_LOOPBACK};
    if (c->nforwards == NET_FORWARDS)
        return err_set(err, STATUS_config, "more than %d forwards", NET_FORWARDS);
    if (strlen(value) >= sizeof text)
        return err_set(err, STATUS_config, "forward=%.100s... is too long", value);
    memcpy(text, value, strlen(value) + 1);
    char *rest = text;
    if (!strncmp(rest, "tcp:", 4) || !strncmp(rest, "udp:", 4)) {
        f.udp = rest[0] == 'u';
        rest += 4;
    }
    char *guest_port = cut_last(rest);
    if (!guest_port)
        return err_set(err, STATUS_config,
                       "forward=%s lacks the guest's port: write HOSTPORT:GUESTPORT or "
                       "tcp|udp:ADDRESS:HOSTPORT:GUESTPORT",
                       value);
    char *host_port = cut_last(rest);
    if (host_port && is_address(host_port, &f.guest))
        host_port = cut_last(rest);
    const char *address = host_port ? rest : NULL; /* else rest is the host's port alone */
    if (!host_port)
        host_port = rest;
    int rc = parse_port(&f.guest_port, "guest port", guest_port, err);
    if (!rc)
        rc = parse_port(&f.host_port, "host port", host_port, err);
    if (!rc && address && *address && !is_address(address, &f.host))
        rc = err_set(err, STATUS_config, "'%s' is not an IPv4 address", address);
    if (rc)
        err_prefix(err, "forward=%s", value);
    else
        c->forwards[c->nforwards++] = f;
    return rc;
}

static int parse_user(struct net_config *c, const char *name, const char *value, struct err *err)
{
    if (!strcmp(name, "restrict"))
        return option_switch(&c->restricted, name, value, err);
    if (!strcmp(name, "forward") && value)
        return parse_forward(c, value, err);
    if (!strcmp(name, "forward"))
        return err_set(err, STATUS_config, "forward needs ports: forward=HOSTPORT:GUESTPORT");
    return err_set(err, STATUS_config, "unknown option '%s': known are forward=HOSTPORT:GUESTPORT, restrict, mac=ADDRESS and mtu=BYTES",
                   name);
}

static int parse_tap(struct net_config *c, const char *name, const char *value, struct err *err)
{
    if (strcmp(name, "name") != 0 || !value)
        return err_set(err, STATUS_config, "unknown option '%s': known are name=INTERFACE, mac=ADDRESS and mtu=BYTES", name);
    if (!*value || strlen(value) >= sizeof c->name || strpbrk(value, "/% "))
        return err_set(err, STATUS_config, "name=%s is not the name of an interface", value);
    memcpy(c->name, value, strlen(value) + 1);
    return 0;
}

static int parse_option(struct net_config *c, const char *name, const char *value, struct err *err)
{
    if (!strcmp(name, "mac") && value)
        return parse_mac(c, value, err);
    if (!strcmp(name, "mtu") && value) {
        uint64_t mtu;
        int rc = option_number(&mtu, name, value, 1280, 1500, err); /* IPv6 wants 1280; the user network carries no more than 1500 */
        if (!rc)
            c->mtu = (uint16_t)mtu;
        return rc;
    }
    return c->kind == NET_USER ? parse_user(c, name, value, err) : parse_tap(c, name, value, err);
}

int net_config_parse(struct net_config *out, const char *text, struct err *err)
{
    struct option_cursor cursor = {text};
    char item[256];
    memset(out, 0, sizeof *out);
    int rc = option_next(&cursor, item, sizeof item, err);
    if (rc > 0 && strcmp(item, "user") != 0 && strcmp(item, "tap") != 0)
        rc = err_set(err, STATUS_config, "'%s' is not a kind of network: known are user and tap", item);
    if (rc > 0)
        out->kind = item[0] == 'u' ? NET_USER : NET_TAP;
    while (rc > 0 && (rc = option_next(&cursor, item, sizeof item, err)) > 0) {
        char *value = option_split(item);
        int failed = parse_option(out, item, value, err);
        if (failed)
            rc = failed;
    }
    if (!rc && out->kind == NET_TAP && !out->name[0])
        rc = err_set(err, STATUS_config, "tap needs the interface's name: tap,name=tap0");
    if (rc < 0)
        err_prefix(err, "net '%.200s'", text);
    return rc;
}

int net_config_mac(const struct net_config *config, unsigned index, uint8_t mac[NET_MAC], struct err *err)
{
    static const uint8_t base[NET_MAC] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56}; /* locally administered */
    memcpy(mac, config->mac_given ? config->mac : base, NET_MAC);
    if (config->mac_given)
        return 0;
    if (config->kind == NET_TAP)
        return os_random(mac + 3, 3, err);
    mac[5] = (uint8_t)(mac[5] + index);
    return 0;
}

int net_open(struct net_backend **out, const struct net_config *config, struct err *err)
{
    return config->kind == NET_TAP ? net_tap_open(out, config, err) : net_slirp_open(out, config, err);
}
