/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio block device: configuration and life; the requests are in blk_request.c. A snapshot never holds a request: pausing finishes
 * those in flight.
 */
#include "base/bits.h"
#include "device/virtio/blk_impl.h"
#include <stdlib.h>

/* configuration space, section 5.2.4 */
enum {
    C_capacity = 0,
    C_seg_max = 12,
    C_blk_size = 20,
    C_physical_exp = 24,
    C_alignment_offset = 25,
    C_min_io = 26,
    C_opt_io = 28,
    C_writeback = 32,
    C_discard_sectors = 36,
    C_discard_segs = 40,
    C_discard_align = 44,
    C_zeroes_sectors = 48,
    C_zeroes_segs = 52,
    C_zeroes_unmap = 56,
    C_end = 60,
};
enum { PHYSICAL_BLOCK = 4096, OPTIMAL_IO = 1 << 20 };

static const struct virtio_feature features[] = {
    {BLK_F_SEG_MAX, -1, "SEG_MAX"},   {BLK_F_RO, -1, "RO"},
    {BLK_F_BLK_SIZE, -1, "BLK_SIZE"}, {BLK_F_FLUSH, -1, "FLUSH"},
    {BLK_F_TOPOLOGY, -1, "TOPOLOGY"}, {BLK_F_CONFIG_WCE, -1, "CONFIG_WCE"},
    {BLK_F_DISCARD, -1, "DISCARD"},   {BLK_F_WRITE_ZEROES, -1, "WRITE_ZEROES"},
};

static const struct virtio_kind blk_kind = {
    .id = VIRTIO_ID_blk,
    .queues = 1,
    .queue_size = BLK_QUEUE_SIZE,
    .config_size = C_end,
    .features = features,
    .nfeatures = ARRAY_LEN(features),
    .start = blk_start,
    .notify = blk_notify,
    .config_write = blk_config_write,
    .quiesce = blk_quiesce,
};

/* Section 5.2.5.2: who does not know flushes gets a disk that needs none. */
void blk_start(struct virtio_device *v)
{
    struct blk *blk = (struct blk *)v;
    blk->writeback = virtio_has(v, BLK_F_FLUSH);
    v->config[C_writeback] = blk->writeback;
}

bool blk_config_write(struct virtio_device *v, unsigned offset, unsigned len, uint32_t value)
{
    struct blk *blk = (struct blk *)v;
    if (offset != C_writeback || len != 1 || !virtio_has(v, BLK_F_CONFIG_WCE))
        return false;
    blk->writeback = value & 1;
    v->config[C_writeback] = blk->writeback;
    return true;
}

static void blk_free(void *self)
{
    struct blk *blk = self;
    struct virtio_device *v = &blk->virtio;
    virtio_stop(v);
    os_mutex_lock(&v->device.lock);
    while (blk->jobs) /* dropped, but the pool still knows them */
        os_cond_wait(&blk->no_jobs, &v->device.lock);
    os_mutex_unlock(&v->device.lock);
    os_loop_sync(v->device.loop); /* the last one's done has left the lock */
    block_free(blk->backend);
    os_cond_fini(&blk->no_jobs);
    os_cond_fini(&blk->ran);
    os_mutex_fini(&blk->run_lock);
    virtio_fini(v);
    free(blk);
}

static int blk_after_load(void *self)
{
    struct blk *blk = self;
    blk->virtio.config[C_writeback] = blk->writeback;
    return virtio_after_load(self);
}

static const struct state_field blk_fields[] = {VIRTIO_STATE, STATE_FIELD(200, struct blk, writeback, bool, 1)};
static const struct state_desc blk_state = {"virtio-blk", blk_fields, ARRAY_LEN(blk_fields), blk_after_load};

const struct device_class virtio_blk_class = {
    .name = "virtio-blk",
    .doc = "disk (virtio block device)",
    .state = &blk_state,
    .reset = virtio_reset,
    .pause = virtio_pause,
    .resume = virtio_resume,
    .free = blk_free,
};

static void fill_config(struct blk *blk, const struct virtio_blk_config *config)
{
    uint8_t *c = blk->virtio.config;
    unsigned exponent = 0;
    while (blk->block_size << exponent < PHYSICAL_BLOCK)
        exponent++;
    le64_put(c + C_capacity, blk->backend->size / BLOCK_SECTOR);
    le32_put(c + C_seg_max, BLK_QUEUE_SIZE - 2); /* header and status take one each */
    le32_put(c + C_blk_size, blk->block_size);
    c[C_physical_exp] = (uint8_t)exponent;
    le16_put(c + C_min_io, (uint16_t)(PHYSICAL_BLOCK / blk->block_size));
    le32_put(c + C_opt_io, OPTIMAL_IO / blk->block_size);
    le32_put(c + C_discard_sectors, config->no_discard ? 0 : BLK_DISCARD_SECTORS);
    le32_put(c + C_discard_segs, config->no_discard ? 0 : BLK_RANGES);
    le32_put(c + C_discard_align, PHYSICAL_BLOCK / BLOCK_SECTOR);
    le32_put(c + C_zeroes_sectors, BLK_ZERO_SECTORS);
    le32_put(c + C_zeroes_segs, BLK_RANGES);
    c[C_zeroes_unmap] = !config->no_discard;
}

static uint64_t blk_features(const struct virtio_blk_config *config)
{
    uint64_t f = 1ull << BLK_F_SEG_MAX | 1ull << BLK_F_BLK_SIZE | 1ull << BLK_F_FLUSH | 1ull << BLK_F_TOPOLOGY | 1ull << BLK_F_CONFIG_WCE;
    if (config->take_backend->read_only)
        return f | 1ull << BLK_F_RO;
    return f | 1ull << BLK_F_WRITE_ZEROES | (uint64_t)!config->no_discard << BLK_F_DISCARD;
}

int virtio_blk_new(struct virtio_device **out, const struct device_env *env, const struct virtio_blk_config *config, struct err *err)
{
    unsigned block_size = config->block_size ? config->block_size : BLOCK_SECTOR;
    const char *serial = config->serial ? config->serial : config->id;
    if (!bits_pow2(block_size) || block_size < BLOCK_SECTOR || block_size > PHYSICAL_BLOCK || config->take_backend->size % block_size)
        return err_set(err, STATUS_config, "%s: blocks of %u bytes do not fit a disk of %llu", config->id, block_size,
                       (unsigned long long)config->take_backend->size);
    struct blk *blk = calloc(1, sizeof *blk);
    if (!blk)
        return err_set(err, STATUS_resource, "%s: out of memory", config->id);
    virtio_init(&blk->virtio, &blk_kind, &virtio_blk_class, config->id, env, blk_features(config));
    os_mutex_init(&blk->run_lock, OS_RANK_work);
    os_cond_init(&blk->ran);
    os_cond_init(&blk->no_jobs);
    blk->backend = config->take_backend;
    blk->block_size = block_size;
    memcpy(blk->serial, serial, strnlen(serial, sizeof blk->serial));
    fill_config(blk, config);
    *out = &blk->virtio;
    return 0;
}
