/* cmd_keys.h: query keys from the command line: levels, models, identifiers.   PS3.4 §C.4
 * Pure: memory is the arena's. */
#ifndef CMD_KEYS_H
#define CMD_KEYS_H

#include "dcm_dataset.h"

/* Query levels and models as typed: "patient" "study" "series" "image" (or "instance"). */
enum cmd_level { CMD_PATIENT, CMD_STUDY, CMD_SERIES, CMD_IMAGE };
bool        cmd_level_parse(const char *text, enum cmd_level *level);
const char *cmd_level_name(enum cmd_level level); /* "STUDY" */

/* "patient" or "study" root. */
bool cmd_model_parse(const char *text, bool *patient);

enum { CMD_KEYS_MAX = 128 };

/* A query identifier in the making. */
struct cmd_keys {
    struct iso_arena  *arena;
    struct dcm_dataset ds;
    dcm_tag            tags[CMD_KEYS_MAX]; /* top level, in the order typed: columns of a table */
    size_t             count;
    bool               ascii;
};

void cmd_keys_init(struct cmd_keys *keys, struct iso_arena *arena);
/* "Keyword=Value", "Keyword" or "Sequence.Keyword=Value"; a keyword may be a tag in hex. Values as
 * PS3.4 §C.2.2.2 has them; not ASCII: UTF-8, sent as ISO_IR 192. ISO_EINVAL says what is wrong. */
ISO_MUST_USE int cmd_keys_add(struct cmd_keys *keys, const char *text, struct iso_err *err);
/* Adds the level and encodes all in that transfer syntax; the bytes are the arena's. */
ISO_MUST_USE int cmd_keys_encode(struct cmd_keys *keys, enum cmd_level level,
                                 iso_str transfer_syntax, iso_bytes *out, struct iso_err *err);

#endif
