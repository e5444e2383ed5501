/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The host side of network cards: a backend carries Ethernet frames. It is connected to one device and then works on that device's
 * loop with that device's lock, so both are written as if alone: all calls either way are made with the lock held unless stated.
 */
#pragma once
#include "base/err.h"
#include "base/log.h"
#include "os/loop.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    NET_MAC = 6,
    NET_HEADER = 12,        /* struct virtio_net_hdr of virtio 1: before each frame, both ways, if the backend says `header` */
    NET_FRAME_MAX = 65550,  /* bytes of a frame, without header: a 64 KiB segment and its Ethernet header */
    NET_FRAME_PLAIN = 1522, /* without offloads, MTU 1500: header and a VLAN tag included */
    NET_FORWARDS = 32,
};

enum { NET_OFFLOAD_csum = 1, NET_OFFLOAD_tso4 = 2, NET_OFFLOAD_tso6 = 4, NET_OFFLOAD_ecn = 8 }; /* both directions */

struct net_port { /* the device's end */
    struct os_loop *loop;
    struct os_mutex *lock;
    struct log *log;
    const char *name;         /* of the device, for messages */
    bool (*ready)(void *dev); /* it could take a frame */
    /* A frame from the outside. false: no room now, keep it; poke comes when there may be. It may be called from within send. */
    bool (*receive)(void *dev, const void *frame, size_t len);
    void *dev;
};

struct net_backend;

struct net_ops {
    int (*connect)(struct net_backend *backend, const struct net_port *port,
                   struct err *err);                                          /* lock not held; once. On failure nothing is called back */
    void (*send)(struct net_backend *backend, const void *frame, size_t len); /* never blocks; a frame that finds no room is lost */
    void (*poke)(struct net_backend *backend);                                /* the device may have room again */
    void (*offload)(struct net_backend *backend, unsigned offloads);          /* what the driver can receive; NULL: the backend has none */
    void (*free)(struct net_backend *backend);                                /* lock not held; afterwards nothing comes */
};

struct net_backend { /* every backend's struct starts with this */
    const struct net_ops *ops;
    unsigned offloads; /* NET_OFFLOAD_*; needs header */
    bool header;
};

static inline void net_free(struct net_backend *backend) /* NULL is allowed */
{
    if (backend)
        backend->ops->free(backend);
}

/* ---- configuration ---- */

struct net_forward {
    bool udp;
    uint32_t host, guest; /* IPv4 addresses in host order; guest 0: the first address that DHCP gives */
    uint16_t host_port, guest_port;
};

/*
 * A card as the user writes it: "user[,forward=…]…[,restrict][,mac=…][,mtu=…]" or "tap,name=tap0[,mac=…][,mtu=…]".
 * forward=2222:22, forward=tcp:127.0.0.1:2222:22, forward=udp:0.0.0.0:5353:10.0.2.15:53; without an address the port is opened on
 * 127.0.0.1 only.
 */
struct net_config {
    enum net_kind { NET_USER, NET_TAP } kind;
    bool restricted; /* user: the guest reaches nothing but the forwards and the built-in services */
    bool mac_given;
    uint8_t mac[NET_MAC];
    uint16_t mtu;  /* 0: not told to the guest */
    char name[16]; /* tap: the interface */
    unsigned nforwards;
    struct net_forward forwards[NET_FORWARDS];
};
int net_config_parse(struct net_config *out, const char *text, struct err *err) NODISCARD;
/* The address of a machine's card number index when the user gives none. Tap cards get a random one: they may meet on a bridge. */
int net_config_mac(const struct net_config *config, unsigned index, uint8_t mac[NET_MAC], struct err *err) NODISCARD;

/* The backend that a configuration asks for. */
int net_open(struct net_backend **out, const struct net_config *config, struct err *err) NODISCARD;
/* User mode, by libslirp: 10.0.2.0/24, host 10.0.2.2, DNS 10.0.2.3, first guest 10.0.2.15; fec0::/64 for IPv6. */
int net_slirp_open(struct net_backend **out, const struct net_config *config, struct err *err) NODISCARD;
/* An existing tap interface. */
int net_tap_open(struct net_backend **out, const struct net_config *config, struct err *err) NODISCARD;
