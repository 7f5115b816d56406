/* cmd_scu.h: what echo, store, find, move and get share: the peer, the options that every one of
 * them knows, and failures in words that help. */
#ifndef CMD_SCU_H
#define CMD_SCU_H

#include "cmd.h"
#include "cmd_keys.h"
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

/* "0xa801 (move destination unknown)" and the peer's comment, for people. */
void cmd_status_text(const struct dimse_result *result, char *out, size_t cap);

#endif
