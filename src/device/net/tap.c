/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An existing tap interface. Frames carry a virtio header if the kernel can do that; then checksums and segmentation are left to it.
 * A frame is read only when the device has room; one that it could not take after all waits in `held`.
 */
#include "base/bits.h"
#include "device/net/net.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

enum { TAP_BATCH = 64 /* frames with the lock held */ };

struct tap {
    struct net_backend backend;
    struct net_port port;
    struct os_watch *watch;
    int fd;
    size_t held_len; /* 0: none */
    uint8_t held[NET_HEADER + NET_FRAME_MAX];
};

static void tap_ready(void *arg, int events)
{
    struct tap *tap = arg;
    (void)events;
    for (unsigned i = 0; i < TAP_BATCH && !tap->held_len; i++) {
        if (!tap->port.ready(tap->port.dev)) {
            os_watch_set(tap->watch, 0);
            return;
        }
        ssize_t len = read(tap->fd, tap->held, sizeof tap->held);
        if (len <= 0)
            return;
        if (!tap->port.receive(tap->port.dev, tap->held, (size_t)len))
            tap->held_len = (size_t)len;
    }
    if (tap->held_len)
        os_watch_set(tap->watch, 0);
}

static void tap_poke(struct net_backend *backend)
{
    struct tap *tap = (struct tap *)backend;
    if (tap->held_len && !tap->port.receive(tap->port.dev, tap->held, tap->held_len))
        return;
    tap->held_len = 0;
    os_watch_set(tap->watch, OS_READABLE);
}

static void tap_send(struct net_backend *backend, const void *frame, size_t len)
{
    struct tap *tap = (struct tap *)backend;
    ssize_t rc;
    do
        rc = write(tap->fd, frame, len);
    while (rc < 0 && errno == EINTR); /* other failures: lost, as on a cable */
}

static unsigned tun_flags(unsigned offloads)
{
    return (offloads & NET_OFFLOAD_csum ? TUN_F_CSUM : 0u) | (offloads & NET_OFFLOAD_tso4 ? TUN_F_TSO4 : 0u) |
           (offloads & NET_OFFLOAD_tso6 ? TUN_F_TSO6 : 0u) | (offloads & NET_OFFLOAD_ecn ? TUN_F_TSO_ECN : 0u);
}

static void tap_offload(struct net_backend *backend, unsigned offloads)
{
    struct tap *tap = (struct tap *)backend;
    if (ioctl(tap->fd, TUNSETOFFLOAD, (unsigned long)tun_flags(offloads)))
        log_write(tap->port.log, LOG_warn, tap->port.name, "the tap interface refuses offloads 0x%x", offloads);
}

static int tap_connect(struct net_backend *backend, const struct net_port *port, struct err *err)
{
    struct tap *tap = (struct tap *)backend;
    tap->port = *port;
    int rc = os_watch_new(&tap->watch, port->loop, port->lock, tap->fd, tap_ready, tap, err);
    if (!rc)
        os_watch_set(tap->watch, OS_READABLE);
    return rc;
}

static void tap_free(struct net_backend *backend)
{
    struct tap *tap = (struct tap *)backend;
    os_watch_free(tap->watch);
    close(tap->fd);
    free(tap);
}

static const struct net_ops tap_ops = {
    .connect = tap_connect, .send = tap_send, .poke = tap_poke, .offload = tap_offload, .free = tap_free};

static int open_tun(struct err *err)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        return fd;
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        return err_set(err, STATUS_unavailable, "this system has no tap interfaces (/dev/net/tun): load the tun module");
    return err_set_errno(err, errno, "cannot open /dev/net/tun");
}

static int attach(struct tap *tap, const char *name, struct err *err)
{
    const int header = NET_HEADER;
    unsigned features = 0;
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    memcpy(ifr.ifr_name, name, strnlen(name, sizeof ifr.ifr_name - 1));
    if (!ioctl(tap->fd, TUNGETFEATURES, &features) && (features & IFF_VNET_HDR))
        ifr.ifr_flags |= IFF_VNET_HDR;
    if (ioctl(tap->fd, TUNSETIFF, &ifr)) {
        if (errno == EPERM || errno == EACCES)
            return err_set(err, STATUS_permission, "tap interface %s is not yours: make it with `ip tuntap add dev %s mode tap user $USER`",
                           name, name);
        if (errno == EBUSY)
            return err_set(err, STATUS_conflict, "tap interface %s is in use by another process", name);
        if (errno == EINVAL)
            return err_set(err, STATUS_config, "interface %s is not a tap interface", name);
        return err_set_errno(err, errno, "tap interface %s", name);
    }
    if (!(ifr.ifr_flags & IFF_VNET_HDR))
        return 0;
    if (ioctl(tap->fd, TUNSETVNETHDRSZ, &header))
        return err_set_errno(err, errno, "header size of tap interface %s", name);
    static const unsigned sets[] = {NET_OFFLOAD_csum | NET_OFFLOAD_tso4 | NET_OFFLOAD_tso6 | NET_OFFLOAD_ecn, NET_OFFLOAD_csum};
    tap->backend.header = true;
    for (size_t i = 0; i < ARRAY_LEN(sets) && !tap->backend.offloads; i++)
        if (!ioctl(tap->fd, TUNSETOFFLOAD, (unsigned long)tun_flags(sets[i])))
            tap->backend.offloads = sets[i];
    ioctl(tap->fd, TUNSETOFFLOAD, 0ul); /* until the driver says what it takes */
    return 0;
}

int net_tap_open(struct net_backend **out, const struct net_config *config, struct err *err)
{
    if (!if_nametoindex(config->name)) /* or the kernel would make one, for those who may */
        return err_set(err, STATUS_not_found, "there is no tap interface %s: make it with `ip tuntap add dev %s mode tap user $USER`",
                       config->name, config->name);
    struct tap *tap = calloc(1, sizeof *tap);
    if (!tap)
        return err_set(err, STATUS_resource, "out of memory for tap interface %s", config->name);
    tap->fd = open_tun(err);
    int rc = tap->fd < 0 ? tap->fd : attach(tap, config->name, err);
    if (rc) {
        if (tap->fd >= 0)
            close(tap->fd);
        free(tap);
        return rc;
    }
    tap->backend.ops = &tap_ops;
    *out = &tap->backend;
    return 0;
}

#else

int net_tap_open(struct net_backend **out, const struct net_config *config, struct err *err)
{
    (void)out;
    return err_set(err, STATUS_unavailable, "tap interface %s: this system has none", config->name);
}

#endif
