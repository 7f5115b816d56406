/* cmd_import.c: `isocenter import`: folders, files, ZIP archives and discs into the archive.
 * Straight into the data folder when no server holds it, else through the running server. Every
 * object is durable before it counts as stored, so an interrupted import is simply run again. */
#include "cmd.h"
#include "cmd_archive.h"
#include "cmd_walk.h"

#include "arc_ingest.h"
#include "dcm_json.h"
#include "iso_json.h"
#include "net_http.h"
#include "os_clock.h"
#include "os_process.h"
#include "os_thread.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 1 << 20, THREADS_MAX = 64 };

static const char help[] =
    "usage: isocenter import [options] PATH...\n"
    "\n"
    "Stores the DICOM files behind each PATH: a file, a folder with all below it, a ZIP archive "
    "or\n"
    "the DICOMDIR of a disc. May be run again at any time: what is stored already is skipped.\n"
    "\n"
    "  --config FILE  configuration, as for isocenter serve\n"
    "  --data DIR     the archive's folder [./isocenter-data]; if a server holds it, the files "
    "are\n"
    "                 handed to that server\n"
    "  --jobs N       files at once [number of processors, at least 4]\n"
    "  --json         print the report as one JSON object\n"
    "\n"
    "Exit code 0: everything is in the archive. 1: something was refused or failed.\n";

enum outcome { STORED, ALREADY, REFUSED, FAILED, OUTCOMES };
static const char *const outcome_name[] = { "stored", "already", "refused", "failed" };

/* A file that has been read and is on its way to the disk. */
struct under_way {
    struct arc_pending *pending;
    char               *name; /* owned */
    uint64_t            bytes;
};

struct import {
    struct arc *arc; /* NULL: through the server at url */
    char        url[CMD_BASE_BYTES + 16];
    bool        json;
    bool        progress;
    uint64_t    total_files;
    uint64_t    total_bytes;
    int64_t     began_ms;

    struct os_mutex  mu; /* guards all below */
    uint64_t         count[OUTCOMES];
    uint64_t         bytes;
    int64_t          drawn_ms;
    struct iso_buf   report; /* JSON entries of files, or lines of what was not stored */
    struct iso_json  entries;
    struct net_http *spare[THREADS_MAX]; /* clients that no thread uses now */
    size_t           spare_count;
    struct under_way way[ARC_PENDING_MAX]; /* oldest first; anybody finishes them */
    size_t           way_first;
    size_t           way_count;
    uint64_t         way_bytes;
};

/* ---- progress and report; under the lock ---- */

static void draw_progress(struct import *im, bool last)
{
    int64_t  now  = os_now_ms();
    double   s    = (double)(now - im->began_ms) / 1000;
    double   mb   = (double)im->bytes / 1e6;
    double   left = im->bytes > 0 ? s * (double)im->total_bytes / (double)im->bytes - s : 0;
    uint64_t done = im->count[STORED] + im->count[ALREADY] + im->count[REFUSED] + im->count[FAILED];

    if (!im->progress || (!last && now - im->drawn_ms < 200))
        return;
    im->drawn_ms = now;
    (void)fprintf(stderr, "\r%llu of %llu files  %.0f files/s  %.1f MB/s  %d:%02d left   ",
                  (unsigned long long)done, (unsigned long long)im->total_files,
                  s > 0 ? (double)done / s : 0, s > 0 ? mb / s : 0, (int)left / 60, (int)left % 60);
    if (last)
        (void)fputc('\n', stderr);
}

static void count_named(struct import *im, const char *name, uint64_t bytes, enum outcome outcome,
                        const char *reason)
{
    os_mutex_lock(&im->mu);
    im->count[outcome]++;
    im->bytes += bytes;
    if (im->json) {
        iso_json_open_object(&im->entries);
        iso_json_key_str(&im->entries, "path", iso_str_c(name));
        iso_json_key_str(&im->entries, "outcome", iso_str_c(outcome_name[outcome]));
        if (reason[0] != '\0')
            iso_json_key_str(&im->entries, "reason", iso_str_c(reason));
        iso_json_close_object(&im->entries);
    } else if (outcome >= REFUSED) {
        iso_buf_printf(&im->report, "%s: %s: %s\n", outcome_name[outcome], name, reason);
    }
    draw_progress(im, false);
    os_mutex_unlock(&im->mu);
}

static void count_file(struct import *im, const struct cmd_walk_file *file, enum outcome outcome,
                       const char *reason)
{
    count_named(im, file->name, file->bytes, outcome, reason);
}

/* ---- one file ---- */

static enum outcome outcome_of(int rc)
{
    return rc == ISO_EFORMAT || rc == ISO_ECONFLICT || rc == ISO_EINVAL || rc == ISO_ELIMIT ||
                   rc == ISO_EUNSUPPORTED
               ? REFUSED
               : FAILED;
}

static void finish(struct import *im, struct under_way *way)
{
    struct arc_receipt receipt = { 0 };
    struct iso_err     err     = { 0 };
    int                rc      = arc_ingest_finish(way->pending, &receipt, &err);

    if (rc < 0)
        count_named(im, way->name, way->bytes, outcome_of(rc), err.text);
    else if (receipt.outcome == ARC_KEPT_FIRST)
        count_named(im, way->name, way->bytes, REFUSED,
                    "other content is stored under this UID and was kept");
    else
        count_named(im, way->name, way->bytes, receipt.outcome == ARC_ALREADY ? ALREADY : STORED,
                    "");
    free(way->name);
}

/* Takes the oldest out of the queue when that holds enough, or there is any and all is set. */
static bool take_oldest(struct import *im, bool all, struct under_way *out)
{
    os_mutex_lock(&im->mu);
    bool taken = im->way_count > 0 &&
                 (all || im->way_count == ARC_PENDING_MAX || im->way_bytes > ARC_PENDING_BYTES);
    if (taken) {
        *out = im->way[im->way_first];
        im->way_bytes -= out->bytes;
        im->way_first = (im->way_first + 1) % ARC_PENDING_MAX;
        im->way_count--;
    }
    os_mutex_unlock(&im->mu);
    return taken;
}

/* Into the queue; false when another thread has filled it meanwhile. */
static bool put_last(struct import *im, const struct under_way *way)
{
    os_mutex_lock(&im->mu);
    bool room = im->way_count < ARC_PENDING_MAX;
    if (room) {
        im->way[(im->way_first + im->way_count++) % ARC_PENDING_MAX] = *way;
        im->way_bytes += way->bytes;
    }
    os_mutex_unlock(&im->mu);
    return room;
}

static void import_here(struct import *im, const struct cmd_walk_file *file)
{
    struct arc_incoming in  = { .source = file->source };
    struct iso_err      err = { 0 };
    struct under_way    way = { .name = strdup(file->name), .bytes = file->bytes };
    struct under_way    done;

    int rc = way.name == NULL ? iso_fail(&err, ISO_ENOMEM, "no memory")
                              : arc_ingest_begin(im->arc, &in, &way.pending, &err);
    if (rc < 0) {
        count_file(im, file, outcome_of(rc), err.text);
        free(way.name);
    } else if (!put_last(im, &way)) {
        finish(im, &way);
    }
    while (take_oldest(im, false, &done))
        finish(im, &done);
}

static struct net_http *take_client(struct import *im, struct iso_err *err)
{
    struct net_http *client = NULL;

    os_mutex_lock(&im->mu);
    if (im->spare_count > 0)
        client = im->spare[--im->spare_count];
    os_mutex_unlock(&im->mu);
    return client != NULL || net_http_new(&client, err) == ISO_OK ? client : NULL;
}

static void give_client(struct import *im, struct net_http *client)
{
    os_mutex_lock(&im->mu);
    if (im->spare_count < THREADS_MAX) {
        im->spare[im->spare_count++] = client;
        client                       = NULL;
    }
    os_mutex_unlock(&im->mu);
    net_http_free(client);
}

/* What the server answered: PS3.18 §I.2 in JSON. */
static enum outcome read_answer(iso_bytes body, unsigned status, char *reason, size_t cap)
{
    struct iso_arena          arena;
    struct dcm_dataset       *list    = NULL;
    const struct dcm_dataset *item    = NULL;
    size_t                    count   = 0;
    enum outcome              outcome = FAILED;

    iso_arena_init(&arena, ANSWER_BYTES_MAX * 8);
    (void)snprintf(reason, cap, "the server answered with status %u", status);
    if (dcm_json_read(body, &arena, &list, &count, NULL, NULL, NULL) == ISO_OK && count == 1) {
        if ((item = dcm_get_item(&list[0], DCM_REFERENCED_SOP_SEQUENCE, 0)) != NULL)
            outcome = dcm_get(item, DCM_WARNING_REASON) != NULL  ? REFUSED
                      : dcm_get(item, DCM_ERROR_COMMENT) != NULL ? ALREADY
                                                                 : STORED;
        else if ((item = dcm_get_item(&list[0], DCM_FAILED_SOP_SEQUENCE, 0)) != NULL ||
                 (item = dcm_get_item(&list[0], DCM_OTHER_FAILURES_SEQUENCE, 0)) != NULL)
            outcome = status == 409 ? REFUSED : FAILED;
    }
    if (item != NULL) {
        iso_str text = dcm_get_raw(item, DCM_ERROR_COMMENT);
        (void)snprintf(reason, cap, "%.*s", ISO_STR_ARG(text));
    }
    iso_arena_release(&arena);
    return outcome;
}

static void import_there(struct import *im, const struct cmd_walk_file *file)
{
    char             reason[512] = "";
    unsigned         status      = 0;
    struct iso_err   err         = { 0 };
    struct iso_buf   body;
    struct net_http *client = take_client(im, &err);

    if (client == NULL) {
        count_file(im, file, FAILED, err.text);
        return;
    }
    iso_buf_init(&body, ANSWER_BYTES_MAX);
    int rc = net_http_post(client, im->url, "application/dicom", "application/dicom+json",
                           file->source, &status, &body, &err);
    if (rc < 0) {
        count_file(im, file, outcome_of(rc), err.text);
    } else {
        enum outcome outcome = read_answer(iso_buf_bytes(&body), status, reason, sizeof reason);
        count_file(im, file, outcome, outcome >= REFUSED ? reason : "");
    }
    iso_buf_release(&body);
    give_client(im, client);
}

static void import_file(void *ctx, const struct cmd_walk_file *file)
{
    struct import *im = ctx;

    if (file->rc < 0)
        count_file(im, file, FAILED, file->err.text);
    else if (im->arc != NULL)
        import_here(im, file);
    else
        import_there(im, file);
}

/* ---- the whole ---- */

static void print_report(struct import *im)
{
    const struct cmd_walk_figure figures[] = {
        { "stored", im->count[STORED] },
        { "already", im->count[ALREADY] },
        { "refused", im->count[REFUSED] },
        { "failed", im->count[FAILED] },
    };

    draw_progress(im, true);
    if (!im->json) {
        (void)fwrite(im->report.ptr, 1, im->report.len, stderr);
        (void)printf("%llu stored, %llu already there, %llu refused, %llu failed%s\n",
                     (unsigned long long)im->count[STORED], (unsigned long long)im->count[ALREADY],
                     (unsigned long long)im->count[REFUSED], (unsigned long long)im->count[FAILED],
                     cmd_walk_interrupted(NULL) ? " (interrupted: run it again to go on)" : "");
        return;
    }
    cmd_walk_report(figures, sizeof figures / sizeof *figures, &im->entries, &im->report);
}

static int import(struct import *im, const struct cmd_config *config, unsigned jobs, char **path,
                  size_t path_count)
{
    struct iso_err  err  = { 0 };
    struct cmd_walk walk = {
        .path = path, .path_count = path_count, .threads = jobs, .each = import_file, .ctx = im
    };
    char base[CMD_BASE_BYTES] = "";
    int  rc                   = cmd_archive_reach(config, &im->arc, base, &err);

    if (rc < 0)
        return cmd_fail(CMD_FAILED, "import", "%s", err.text);
    (void)snprintf(im->url, sizeof im->url, "%s/studies", base);
    cmd_walk_catch_interrupt();
    os_raise_file_limit();
    os_mutex_init(&im->mu);
    iso_buf_init(&im->report, CMD_WALK_REPORT_BYTES_MAX);
    iso_json_init(&im->entries, &im->report);
    if (im->json)
        iso_json_open_array(&im->entries);
    im->progress = !im->json && os_is_terminal(STDERR_FILENO);
    if (im->progress)
        cmd_walk_count(path, path_count, &im->total_files, &im->total_bytes);
    im->began_ms = os_now_ms();
    rc           = cmd_walk(&walk, &err);
    for (struct under_way done; take_oldest(im, true, &done);)
        finish(im, &done);
    print_report(im);
    while (im->spare_count > 0)
        net_http_free(im->spare[--im->spare_count]);
    iso_buf_release(&im->report);
    os_mutex_release(&im->mu);
    arc_close(im->arc);
    if (rc < 0 && rc != ISO_ECANCEL)
        return cmd_fail(CMD_FAILED, "import", "%s", err.text);
    return im->count[REFUSED] + im->count[FAILED] > 0 || cmd_walk_interrupted(NULL) ? CMD_FAILED
                                                                                    : CMD_OK;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' }, { "data", required_argument, NULL, 'd' },
        { "jobs", required_argument, NULL, 'j' },   { "json", no_argument, NULL, 'J' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    static struct cmd_config config;
    static struct import     im;
    struct iso_arena         arena;
    struct iso_err           err  = { 0 };
    const char              *file = NULL;
    const char              *data = NULL;
    uint64_t                 jobs = os_cpu_count() > 4 ? os_cpu_count() : 4;
    int                      c;

    while ((c = getopt_long(argc, argv, "j:h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(help, stdout);
            return CMD_OK;
        }
        if (c == '?')
            return cmd_usage("import");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
        if (c == 'J')
            im.json = true;
        if (c == 'j' &&
            (!iso_str_to_u64(iso_str_c(optarg), &jobs) || jobs < 1 || jobs > THREADS_MAX))
            return cmd_fail(CMD_USAGE, "import", "--jobs is 1 to %d", THREADS_MAX);
    }
    if (optind == argc)
        return cmd_usage("import");
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK && data != NULL)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    int code = rc < 0
                   ? cmd_fail(CMD_USAGE, "import", "%s", err.text)
                   : import(&im, &config, (unsigned)jobs, argv + optind, (size_t)(argc - optind));
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_import = { "import", "store folders, files, ZIP archives and discs", run };
