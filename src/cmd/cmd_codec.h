/* cmd_codec.h: the codec processes that a configuration asks for. */
#ifndef CMD_CODEC_H
#define CMD_CODEC_H

#include "cmd_config.h"
#include "codec_pool.h"

/* Before anything is opened and any thread started: it forks. */
ISO_MUST_USE int cmd_codec_pool_new(const struct cmd_config *config, struct codec_pool **pool,
                                    struct iso_err *err);

#endif
