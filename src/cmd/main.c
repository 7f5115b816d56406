/* main.c: `isocenter COMMAND …`. Finds the command, gives it its arguments, returns its code. */
#include "cmd.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Alphabetical; --help prints it in this order. */
static const struct cmd *const commands[] = {
    &cmd_adopt,  &cmd_backup, &cmd_check_config, &cmd_deidentify, &cmd_doctor,
    &cmd_dump,   &cmd_echo,   &cmd_export,       &cmd_find,       &cmd_get,
    &cmd_import, &cmd_json,   &cmd_move,         &cmd_reindex,    &cmd_restore,
    &cmd_serve,  &cmd_store,  &cmd_transcode,    &cmd_undelete,   &cmd_validate,
    &cmd_verify, NULL,
};

static void print_help(FILE *out)
{
    (void)fprintf(out, "usage: isocenter COMMAND [arguments]\n\n"
                       "A DICOM archive, its protocols and its viewer in one program.\n\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        (void)fprintf(out, "  %-14s %s\n", commands[i]->name, commands[i]->summary);
    (void)fprintf(out,
                  "\n`isocenter COMMAND --help` tells more; `isocenter --version` the version.\n"
                  "Exit codes: 0 done, 1 failed, 2 wrong usage.\n");
}

int cmd_fail(int code, const char *name, const char *fmt, ...)
{
    char    text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *p = text; *p != '\0'; p++) /* text from files must not steer the terminal */
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    (void)fprintf(stderr, "isocenter %s: %s\n", name, text);
    return code;
}

int cmd_usage(const char *name)
{
    (void)fprintf(stderr, "try: isocenter %s --help\n", name);
    return CMD_USAGE;
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)signal(SIGPIPE, SIG_IGN); /* a gone peer is an error of one write */

    if (argc < 2) {
        print_help(stderr);
        return CMD_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return CMD_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        (void)printf("isocenter %s\n", ISO_VERSION);
        return CMD_OK;
    }
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(argv[1], commands[i]->name) != 0)
            continue;
        optind   = 1;
        int code = commands[i]->run(argc - 1, argv + 1);
        if (fflush(stdout) != 0 && code == CMD_OK) /* a full disk behind a pipe */
            code = cmd_fail(CMD_FAILED, commands[i]->name, "standard output: %m");
        return code;
    }
    (void)fprintf(stderr, "isocenter: no command named '%.64s' (see isocenter --help)\n", argv[1]);
    return CMD_USAGE;
}
