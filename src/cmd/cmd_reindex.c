/* cmd_reindex.c: `isocenter reindex`: the index made again from what is stored. */
#include "cmd.h"
#include "cmd_archive.h"
#include "cmd_walk.h"

#include "arc_reindex.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_process.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MAX = 64, DRAW_MS = 200 };

static const char help[] =
    "usage: isocenter reindex [options]\n"
    "\n"
    "Makes the whole index again from the stored objects alone, beside the old one, looks it over "
    "and\n"
    "puts it in the old one's place in one step. The old one stays as index.db.before-<time>. "
    "What\n"
    "is stored is only read. If it is interrupted, the old index is as it was: run it again.\n"
    "No server may have the folder open.\n"
    "\n"
    "  --verify       read every byte and compare it with checksum and digest\n"
    "  --jobs N       objects read at once [2]\n"
    "  --json         print the report as one JSON object\n"
    "  --config FILE  configuration, as for isocenter serve\n"
    "  --data DIR     the archive's folder [./isocenter-data]\n"
    "\n"
    "Exit code 0: the new index is in place and has every object. 1: some objects could not be "
    "read\n"
    "(they are listed, and stay where they are), or nothing was changed; it says which.\n";

struct reindex {
    bool    json;
    bool    progress;
    int64_t drawn_ms;
    int64_t began_ms;
};

static void draw(void *ctx, const struct arc_reindex_report *r)
{
    struct reindex *x   = ctx;
    int64_t         now = os_now_ms();
    double          s   = (double)(now - x->began_ms) / 1000;

    if (!x->progress || now - x->drawn_ms < DRAW_MS)
        return;
    x->drawn_ms = now;
    if (r->done == 0)
        (void)fprintf(stderr, "\r%llu objects found   ", (unsigned long long)r->members);
    else
        (void)fprintf(stderr, "\r%llu of %llu objects  %.0f/s   ", (unsigned long long)r->done,
                      (unsigned long long)r->members, s > 0 ? (double)r->done / s : 0);
}

static void tell_failed(void *ctx, const char *where, const char *why)
{
    const struct reindex *x = ctx;

    (void)fprintf(stderr, "%s%s: %s\n", x->progress ? "\r" : "", where, why);
}

static void print(const struct reindex *x, const struct arc_reindex_report *r)
{
    const struct {
        const char *name;
        uint64_t    value;
    } figures[] = { { "members", r->members },
                    { "instances", r->instances },
                    { "kept", r->kept },
                    { "removed", r->removed },
                    { "replaced", r->replaced },
                    { "failed", r->failed },
                    { "bytes", r->bytes },
                    { "drafts", r->memos[INDEX_DRAFT] },
                    { "layouts", r->memos[INDEX_LAYOUT] } };
    double s    = (double)(r->ended_us - r->began_us) / 1e6;

    if (x->json) {
        (void)printf("{");
        for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
            (void)printf("\"%s\":%llu,", figures[i].name, (unsigned long long)figures[i].value);
        (void)printf("\"old_index_unread\":%s,\"seconds\":%.3f}\n",
                     r->memos_unread ? "true" : "false", s);
        return;
    }
    if (x->progress)
        (void)fputc('\n', stderr);
    (void)printf(
        "%llu objects in the new index, %llu that can be taken back, %llu removed for good,"
        " %llu replaced, %llu could not be read; %.1f s, %.0f objects/s\n",
        (unsigned long long)r->instances, (unsigned long long)r->kept,
        (unsigned long long)r->removed, (unsigned long long)r->replaced,
        (unsigned long long)r->failed, s, s > 0 ? (double)r->done / s : 0);
}

static int reindex(struct reindex *x, const struct cmd_config *config, bool verify,
                   unsigned threads)
{
    struct arc_volume_config  volumes[CMD_VOLUMES_MAX];
    struct arc_config         archive;
    struct arc_reindex_report report;
    struct os_stat            st;
    struct iso_err            err  = { 0 };
    struct arc_reindex_config with = { .archive  = &archive,
                                       .verify   = verify,
                                       .threads  = threads,
                                       .progress = draw,
                                       .failed   = tell_failed,
                                       .stop     = cmd_walk_interrupted,
                                       .ctx      = x };

    cmd_archive_config(config, &archive, volumes);
    if (os_stat(OS_CWD, config->data, &st, &err) < 0)
        return cmd_fail(CMD_FAILED, "reindex", "%s", err.text);
    cmd_walk_catch_interrupt();
    x->progress = !x->json && os_is_terminal(STDERR_FILENO);
    x->began_ms = os_now_ms();
    int rc      = arc_reindex(&with, &report, &err);
    if (rc == ISO_EBUSY)
        return cmd_fail(CMD_FAILED, "reindex", "%s: stop the server that has the folder", err.text);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "reindex", "%s; the index is as it was", err.text);
    print(x, &report);
    if (report.memos_unread)
        (void)fprintf(stderr, "the old index cannot be read: drafts and layouts stay in it\n");
    return report.failed > 0 ? CMD_FAILED : CMD_OK;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "data", required_argument, NULL, 'd' },
        { "jobs", required_argument, NULL, 'j' },
        { "verify", no_argument, NULL, 'v' },
        { "json", no_argument, NULL, 'J' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static struct cmd_config config;
    struct reindex           x = { 0 };
    struct iso_arena         arena;
    struct iso_err           err    = { 0 };
    const char              *file   = NULL;
    const char              *data   = NULL;
    bool                     verify = false;
    uint64_t                 jobs   = 2;
    int                      c;

    while ((c = getopt_long(argc, argv, "j:h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(help, stdout);
            return CMD_OK;
        }
        if (c == '?')
            return cmd_usage("reindex");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
        x.json |= c == 'J';
        verify |= c == 'v';
        if (c == 'j' &&
            (!iso_str_to_u64(iso_str_c(optarg), &jobs) || jobs < 1 || jobs > THREADS_MAX))
            return cmd_fail(CMD_USAGE, "reindex", "--jobs is 1 to %d", THREADS_MAX);
    }
    if (optind < argc)
        return cmd_usage("reindex");
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK && data != NULL)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    int code = rc < 0 ? cmd_fail(CMD_USAGE, "reindex", "%s", err.text)
                      : reindex(&x, &config, verify, (unsigned)jobs);
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_reindex = { "reindex", "make the index again from what is stored", run };
