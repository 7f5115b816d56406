/* cmd_restore.c: `isocenter restore`: a backup becomes a data folder. */
#include "cmd.h"
#include "cmd_archive.h"
#include "cmd_copy.h"
#include "cmd_walk.h"

#include "arc_backup.h"
#include "arc_verify.h"
#include "os_process.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: isocenter restore SOURCE --data DIR [options]\n"
    "\n"
    "Makes an archive in the folder DIR, which must be empty or absent, from the backup SOURCE. "
    "Every\n"
    "byte is compared with its digest while it is copied. An interrupted restore is started again "
    "by\n"
    "the same command; until it is complete no server starts on DIR.\n"
    "\n"
    "  --data DIR         the new archive's folder\n"
    "  --at GENERATION    an older one than the latest (isocenter backup SOURCE --list)\n"
    "  --volume N=DIR     where volume N goes, if not where it was\n"
    "  --verify           read everything again that was written, then check the archive as\n"
    "                     isocenter verify --full does\n"
    "  --rate-mib-s N     read at most so many MiB a second [no limit]\n"
    "  --config FILE      configuration, as for isocenter serve (for --verify with volumes)\n"
    "  --json             print the report as one JSON object\n"
    "\n"
    "Exit code 0: done, and nothing is wrong. 1: it did not work, or something is wrong. 2: the\n"
    "command line is wrong.\n";

static void on_found(void *ctx, const struct arc_finding *f)
{
    (void)ctx;
    (void)fprintf(stderr, "%s %s %.*s: %s\n", arc_finding_name(f->kind), f->where,
                  ISO_STR_ARG(f->sop_instance_uid), f->what);
}

/* The archive's own word on what was restored. */
static int check(const struct cmd_config *config, struct arc_backup_report *report,
                 struct iso_err *err)
{
    const struct arc_verify_config full = { .full  = true,
                                            .found = on_found,
                                            .stop  = cmd_walk_interrupted };
    struct arc_volume_config       volumes[CMD_VOLUMES_MAX];
    struct arc_verify_report       found;
    struct arc_config              with;
    struct arc                    *arc = NULL;

    cmd_archive_config(config, &with, volumes);
    with.care = true;
    int rc    = arc_open(&with, &arc, err);
    if (rc >= 0)
        rc = arc_verify(arc, &full, &found, err);
    if (rc >= 0) {
        report->wrong    = arc_verify_left(&found);
        report->verified = report->wrong == 0 && found.complete;
    }
    arc_close(arc);
    return rc;
}

static int restore(struct arc_restore_config *with, const struct cmd_config *config, bool json)
{
    struct cmd_copy          progress = { .show = !json && os_is_terminal(STDERR_FILENO) };
    struct arc_backup_report report;
    struct iso_err           err = { 0 };

    with->data     = config->data;
    with->progress = cmd_copy_progress;
    with->stop     = cmd_walk_interrupted;
    with->ctx      = &progress;
    cmd_walk_catch_interrupt();
    int rc = arc_restore(with, &report, &err);
    if (rc >= 0 && with->verify)
        rc = check(config, &report, &err);
    cmd_copy_report(&progress, &report, json, rc >= 0);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "restore", "%s", err.text);
    return report.wrong > 0 ? CMD_FAILED : CMD_OK;
}

/* "2=/mnt/two" */
static bool read_volume(char *text, struct arc_restore_volume *out)
{
    char    *path = strchr(text, '=');
    uint64_t number;

    if (path == NULL || path[1] == '\0' ||
        !iso_str_to_u64(iso_str_of(text, (size_t)(path - text)), &number) || number < 2 ||
        number > 1000)
        return false;
    *out = (struct arc_restore_volume){ (uint32_t)number, path + 1 };
    return true;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "data", required_argument, NULL, 'd' },
        { "at", required_argument, NULL, 'a' },
        { "volume", required_argument, NULL, 'v' },
        { "rate-mib-s", required_argument, NULL, 'r' },
        { "verify", no_argument, NULL, 'V' },
        { "json", no_argument, NULL, 'J' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static struct cmd_config  config;
    struct arc_restore_volume volume[CMD_VOLUMES_MAX];
    struct arc_restore_config with = { .volumes = volume };
    struct iso_arena          arena;
    struct iso_err            err  = { 0 };
    const char               *file = NULL;
    const char               *data = NULL;
    uint64_t                  rate = 0;
    bool                      json = false;
    int                       c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(help, stdout);
            return CMD_OK;
        }
        if (c == '?')
            return cmd_usage("restore");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
        if (c == 'a')
            with.generation = optarg;
        if (c == 'v' && (with.volume_count == CMD_VOLUMES_MAX ||
                         !read_volume(optarg, &volume[with.volume_count++])))
            return cmd_fail(CMD_USAGE, "restore", "--volume is a number from 2 on, = and a folder");
        if (c == 'r' && (!iso_str_to_u64(iso_str_c(optarg), &rate) || rate < 1 || rate > 1 << 20))
            return cmd_fail(CMD_USAGE, "restore", "--rate-mib-s is 1 to %d", 1 << 20);
        with.verify |= c == 'V';
        json |= c == 'J';
    }
    if (optind + 1 != argc || data == NULL) /* never into a folder that nobody named */
        return cmd_usage("restore");
    with.source  = argv[optind];
    with.bytes_s = rate << 20;
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    int code =
        rc < 0 ? cmd_fail(CMD_USAGE, "restore", "%s", err.text) : restore(&with, &config, json);
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_restore = { "restore", "make an archive from a backup", run };
