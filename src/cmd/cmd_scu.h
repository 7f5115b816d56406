/* cmd_scu.h: what echo, store, find, move and get share: the peer, the options that every one of
 * them knows, query keys from the command line, and failures in words that help. */
#ifndef CMD_SCU_H
#define CMD_SCU_H

#include "cmd.h"
#include "dcm_dataset.h"
#include "dimse_scu.h"

#include <getopt.h>

struct cmd_scu {
    const char *name; /* of the command, for messages */
    const char *aet;  /* ours */
    const char *call; /* the peer's */
    const char *host;
    uint16_t    port;
    int64_t     timeout_ms;
};

/* In every command's table of long options; cmd_scu_option() takes them. */
#define CMD_SCU_OPTIONS                                                                            \
    { "aet", required_argument, NULL, 'a' }, { "call", required_argument, NULL, 'c' },             \
        { "timeout", required_argument, NULL, 't' },                                               \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }

#define CMD_SCU_HELP                                                                               \
    "  --aet TITLE    our AE title (ISOCENTER)\n"                                                  \
    "  --call TITLE   the peer's AE title (ANY-SCP)\n"                                             \
    "  --timeout S    seconds to wait for the peer (60)\n"

void cmd_scu_init(struct cmd_scu *scu, const char *name);
/* True when c was one of the shared options. A wrong value is told and ends with CMD_USAGE. */
bool cmd_scu_option(struct cmd_scu *scu, int c, int *code);
/* HOST PORT, the first two of argv[optind ...], which optind then has passed. CMD_OK or CMD_USAGE. */
int cmd_scu_target(struct cmd_scu *scu, int argc, char **argv);

/* Prints help when --help or -h is among the arguments. */
bool cmd_scu_wants_help(int argc, char **argv, const char *help);

struct ul_config cmd_scu_config(const struct cmd_scu *scu);

/* Opens an association with these proposals. CMD_OK; CMD_FAILED, and the cause and the way out are on
 * stderr. */
int cmd_scu_open(const struct cmd_scu *scu, const struct ul_proposal *proposals, size_t count,
                 struct dimse_scu **out);
/* One line on stderr for a failed opening; returns CMD_FAILED. */
int cmd_scu_explain(const struct cmd_scu *scu, int rc, const struct ul_reject *rejected,
                    const struct iso_err *err);

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

/* "0xa801 (move destination unknown)" and the peer's comment, for people. */
void cmd_status_text(const struct dimse_result *result, char *out, size_t cap);

#endif
