/* cmd_backup.c: `isocenter backup`: a data folder into another place, while a server works on it or
 * not. It needs no server's help: it reads the same files. */
#include "cmd.h"
#include "cmd_config.h"
#include "cmd_copy.h"
#include "cmd_walk.h"

#include "arc_backup.h"
#include "os_process.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: isocenter backup TARGET [options]\n"
    "\n"
    "Copies the archive into the folder TARGET: the index as it is at this moment, then "
    "everything\n"
    "it names. A server may go on working meanwhile. Run again, only what is new is copied; each "
    "run\n"
    "is a generation that can be restored by itself. An interrupted run is gone on with by the "
    "next.\n"
    "\n"
    "  --data DIR      the archive's folder [./isocenter-data]\n"
    "  --config FILE   configuration, as for isocenter serve\n"
    "  --keep N        generations to keep, this one counted [all]\n"
    "  --rate-mib-s N  read at most so many MiB a second [no limit]\n"
    "  --list          print the generations that TARGET has, the latest first\n"
    "  --json          print the report as one JSON object\n"
    "\n"
    "Exit code 0: complete and on the disk. 1: not complete. 2: the command line is wrong.\n";

static int list_generations(const char *target)
{
    static char    name[4096][ARC_GENERATION_BYTES];
    struct iso_err err   = { 0 };
    size_t         count = 0;

    if (arc_backup_list(target, name, 4096, &count, &err) < 0)
        return cmd_fail(CMD_FAILED, "backup", "%s", err.text);
    for (size_t i = 0; i < count; i++)
        (void)printf("%s\n", name[i]);
    return CMD_OK;
}

static int backup(const char *data, const char *target, uint64_t keep, uint64_t rate, bool json)
{
    struct cmd_copy                progress = { .show = !json && os_is_terminal(STDERR_FILENO) };
    const struct arc_backup_config with     = { .data     = data,
                                                .target   = target,
                                                .bytes_s  = rate << 20,
                                                .keep     = (unsigned)keep,
                                                .progress = cmd_copy_progress,
                                                .stop     = cmd_walk_interrupted,
                                                .ctx      = &progress };
    struct arc_backup_report       report;
    struct iso_err                 err = { 0 };

    cmd_walk_catch_interrupt();
    int rc = arc_backup(&with, &report, &err);
    cmd_copy_report(&progress, &report, json, rc >= 0);
    return rc < 0 ? cmd_fail(CMD_FAILED, "backup", "%s", err.text) : CMD_OK;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' }, { "data", required_argument, NULL, 'd' },
        { "keep", required_argument, NULL, 'k' },   { "rate-mib-s", required_argument, NULL, 'r' },
        { "list", no_argument, NULL, 'l' },         { "json", no_argument, NULL, 'J' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    static struct cmd_config config;
    struct iso_arena         arena;
    struct iso_err           err  = { 0 };
    const char              *file = NULL;
    const char              *data = NULL;
    uint64_t                 keep = 0;
    uint64_t                 rate = 0;
    bool                     json = false;
    bool                     list = false;
    int                      c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(help, stdout);
            return CMD_OK;
        }
        if (c == '?')
            return cmd_usage("backup");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
        if (c == 'k' && (!iso_str_to_u64(iso_str_c(optarg), &keep) || keep < 1 || keep > 4000))
            return cmd_fail(CMD_USAGE, "backup", "--keep is 1 to 4000");
        if (c == 'r' && (!iso_str_to_u64(iso_str_c(optarg), &rate) || rate < 1 || rate > 1 << 20))
            return cmd_fail(CMD_USAGE, "backup", "--rate-mib-s is 1 to %d", 1 << 20);
        json |= c == 'J';
        list |= c == 'l';
    }
    if (optind + 1 != argc)
        return cmd_usage("backup");
    if (list)
        return list_generations(argv[optind]);
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK && data != NULL)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    int code = rc < 0 ? cmd_fail(CMD_USAGE, "backup", "%s", err.text)
                      : backup(config.data, argv[optind], keep, rate, json);
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_backup = { "backup", "copy the archive to another place, while it is in use",
                                run };
