/* cmd.h: the subcommands of `isocenter`: one source file each, one line each in main.c. */
#ifndef CMD_H
#define CMD_H

#include "iso_bytes.h"
#include "iso_err.h"

/* What a command's exit code says, to people and to scripts. */
enum {
    CMD_OK     = 0,
    CMD_FAILED = 1, /* understood, but it, or part of it, did not work */
    CMD_USAGE  = 2  /* the command line is wrong */
};

struct cmd {
    const char *name;
    const char *summary; /* one line for `isocenter --help` */
    /* argv[0] is the command's own name; options by getopt_long, which starts afresh. Every
     * command knows --help. Prints what it has to say; returns one of the codes above. */
    int (*run)(int argc, char **argv);
};

extern const struct cmd cmd_adopt;
extern const struct cmd cmd_backup;
extern const struct cmd cmd_check_config;
extern const struct cmd cmd_deidentify;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_dump;
extern const struct cmd cmd_echo;
extern const struct cmd cmd_export;
extern const struct cmd cmd_find;
extern const struct cmd cmd_get;
extern const struct cmd cmd_import;
extern const struct cmd cmd_json;
extern const struct cmd cmd_move;
extern const struct cmd cmd_reindex;
extern const struct cmd cmd_restore;
extern const struct cmd cmd_serve;
extern const struct cmd cmd_store;
extern const struct cmd cmd_transcode;
extern const struct cmd cmd_undelete;
extern const struct cmd cmd_validate;
extern const struct cmd cmd_verify;

/* "isocenter NAME: words" on stderr, one line, control characters made visible; returns code. */
int cmd_fail(int code, const char *name, const char *fmt, ...) ISO_PRINTF(3, 4);
/* After getopt_long said '?' (it has printed why): points at --help; returns CMD_USAGE. */
int cmd_usage(const char *name);

#endif
