/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A guest that means harm to fw_cfg: 12 bytes each, a register or a request for DMA in memory that the guest has, or has not. */
#include "device/misc/fw_cfg.h"
#include "base/bits.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define RAM 0x40000000ull
#define AT  0x9020000ull
enum { COMMANDS = 512, SIZE = 12, RAM_SIZE = 64 << 10 };

static void command(struct mem_space *space, const uint8_t *c)
{
    uint8_t request[16] = {0};
    unsigned size = 1 << (c[0] >> 2 & 3);
    uint64_t at = AT + align_down(c[1] % FW_CFG_SIZE, size), got;

    switch (c[0] & 3) {
    case 0: mem_load(space, at, size, &got); break;
    case 1: mem_store(space, at, size, le64_get(c + 4)); break;
    case 2: /* a request: control, length, address */
        be32_put(request, (le16_get(c + 2) & 0x1f) | (uint32_t)c[1] << 16);
        be32_put(request + 4, c[0] & 0x80 ? UINT32_MAX : le16_get(c + 4));
        be32_put(request + 12, (uint32_t)RAM + le32_get(c + 8) % (RAM_SIZE + 64));
        mem_write(space, RAM + 8 * c[7], request, sizeof request);
        mem_store(space, AT + 16, 8, __builtin_bswap64(RAM + 8 * c[7]));
        break;
    case 3: mem_store(space, AT + 8, 2, le16_get(c + 2)); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct mem_space *space;
    struct fw_cfg *fw;
    if (mem_space_new(&space) || mem_space_add_ram(space, "ram", RAM, RAM_SIZE, NULL))
        abort();
    struct device_env env = {.space = space};
    if (fw_cfg_new(&fw, "fw_cfg", &env, NULL) || fw_cfg_put_file(fw, "etc/a", "abcdefgh", 8, NULL) ||
        fw_cfg_put_file(fw, "etc/b", "", 0, NULL))
        abort();
    struct device *dev = fw_cfg_device(fw);
    if (mem_space_add_device(space, "fw_cfg", AT, FW_CFG_SIZE, &fw_cfg_ops, dev, &dev->lock, NULL))
        abort();
    for (unsigned i = 0; i < COMMANDS && len >= SIZE; i++, data += SIZE, len -= SIZE)
        command(space, data);
    dev->class->reset(dev);
    fw_cfg_free(fw);
    mem_space_free(space);
    return 0;
}
