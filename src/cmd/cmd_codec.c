#include "cmd_codec.h"

int cmd_codec_pool_new(const struct cmd_config *config, struct codec_pool **pool,
                       struct iso_err *err)
{
    const struct codec_pool_config with = {
        .workers      = (unsigned)config->codec_workers,
        .memory_bytes = (uint64_t)config->codec_memory_bytes_max,
        .frame_ms     = (unsigned)config->codec_frame_ms_max,
    };

    return codec_pool_new(&with, pool, err);
}
