/* cmd_adopt.c: `isocenter adopt`: a folder of DICOM files becomes part of the archive where it is.
 * Files that are known already are passed over without being read, so an interrupted run is simply
 * started again, and a later one finds what is new. */
#include "cmd.h"
#include "cmd_archive.h"
#include "cmd_walk.h"

#include "arc_adopt.h"
#include "os_clock.h"
#include "os_process.h"
#include "os_thread.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 64, FLUSH_EVERY_MS = 5000 };

static const char help[] =
    "usage: isocenter adopt [options] FOLDER\n"
    "\n"
    "Makes FOLDER, with all below it, a volume of the archive: its DICOM files are read once and\n"
    "found, shown and sent from then on like stored ones, but stay where they are. Nothing is "
    "ever\n"
    "written into FOLDER, and removing such an object leaves its file. May be run again at any "
    "time:\n"
    "what is known is passed over, what has changed is read again. ZIP archives, and files "
    "without\n"
    "the beginning of a DICOM file, are left to `isocenter import`. No server may hold the "
    "archive\n"
    "meanwhile; it finds the folder by itself when it is started again.\n"
    "\n"
    "  --config FILE  configuration, as for isocenter serve\n"
    "  --data DIR     the archive's folder [./isocenter-data]\n"
    "  --volume N     FOLDER is where that adopted volume has been moved to\n"
    "  --jobs N       files at once [number of processors, at least 4]\n"
    "  --json         print the report as one JSON object\n"
    "\n"
    "Exit code 0: all of it is in the archive. 1: some files were refused or failed.\n";

enum outcome { ADOPTED, ANEW, ALREADY, KNOWN, REFUSED, FAILED, OUTCOMES };
static const char *const outcome_name[] = { "adopted", "changed", "already",
                                            "known",   "refused", "failed" };

struct adopt {
    struct arc *arc;
    uint32_t    volume;
    size_t      prefix; /* of names: the folder and a slash */
    bool        json;
    bool        progress;
    uint64_t    total_files;
    uint64_t    total_bytes;
    int64_t     began_ms;

    struct os_mutex mu; /* guards all below */
    uint64_t        count[OUTCOMES];
    uint64_t        files;
    uint64_t        bytes;
    int64_t         drawn_ms;
    int64_t         flushed_ms;
    struct iso_buf  report; /* JSON entries of files, or lines of what was not adopted */
    struct iso_json entries;
};

static void draw_progress(struct adopt *a, bool last)
{
    const int64_t now  = os_now_ms();
    const double  s    = (double)(now - a->began_ms) / 1000;
    const double  done = (double)a->bytes;
    const double  left = done > 0 ? s * (double)a->total_bytes / done - s : 0;
    char          bar[21];

    if (!a->progress || (!last && now - a->drawn_ms < 200))
        return;
    a->drawn_ms = now;
    size_t full = a->total_files > 0 ? (size_t)(20 * a->files / a->total_files) : 20;
    memset(bar, '.', 20);
    memset(bar, '#', full < 20 ? full : 20);
    bar[20] = '\0';
    (void)fprintf(stderr, "\r[%s] %llu of %llu files  %.0f files/s  %.1f MB/s  %d:%02d left   ",
                  bar, (unsigned long long)a->files, (unsigned long long)a->total_files,
                  s > 0 ? (double)a->files / s : 0, s > 0 ? done / 1e6 / s : 0, (int)left / 60,
                  (int)left % 60);
    if (last)
        (void)fputc('\n', stderr);
}

static void count_file(struct adopt *a, const struct cmd_walk_file *file, enum outcome outcome,
                       const char *reason)
{
    const char *told = outcome_name[outcome];

    os_mutex_lock(&a->mu);
    a->count[outcome]++;
    a->files++;
    a->bytes += file->bytes;
    if (a->json) {
        iso_json_open_object(&a->entries);
        iso_json_key_str(&a->entries, "path", iso_str_c(file->name));
        iso_json_key_str(&a->entries, "outcome", iso_str_c(told));
        if (reason[0] != '\0')
            iso_json_key_str(&a->entries, "reason", iso_str_c(reason));
        iso_json_close_object(&a->entries);
    } else if (outcome >= KNOWN) {
        iso_buf_printf(&a->report, "%s: %s%s%s\n", told, file->name, reason[0] != '\0' ? ": " : "",
                       reason);
    }
    draw_progress(a, false);
    bool due = os_now_ms() - a->flushed_ms >= FLUSH_EVERY_MS;
    if (due)
        a->flushed_ms = os_now_ms();
    os_mutex_unlock(&a->mu);
    if (due)
        (void)!arc_adopt_flush(a->arc, NULL); /* the one at the end decides */
}

static void adopt_file(void *ctx, const struct cmd_walk_file *file)
{
    static const enum outcome of[] = { [ARC_ADOPTED]         = ADOPTED,
                                       [ARC_ADOPTED_ALREADY] = ALREADY,
                                       [ARC_ADOPTED_KNOWN]   = KNOWN,
                                       [ARC_ADOPTED_ANEW]    = ANEW };
    struct adopt             *a    = ctx;
    enum arc_adopted          outcome;
    struct iso_err            err = { 0 };
    int                       rc;

    if (file->rc < 0) {
        count_file(a, file, FAILED, file->err.text);
        return;
    }
    if (file->fd < 0) {
        count_file(a, file, REFUSED, "lies in an archive file: import it instead");
        return;
    }
    rc = arc_adopt(a->arc, a->volume, file->name + a->prefix, &outcome, &err);
    if (rc >= 0)
        count_file(a, file, of[outcome],
                   outcome == ARC_ADOPTED_KNOWN ? "its SOP instance is in the archive already"
                                                : "");
    else
        count_file(a, file, rc == ISO_EFORMAT || rc == ISO_ELIMIT ? REFUSED : FAILED, err.text);
}

static void print_report(struct adopt *a)
{
    struct cmd_walk_figure figures[OUTCOMES];

    draw_progress(a, true);
    for (size_t i = 0; i < OUTCOMES; i++)
        figures[i] = (struct cmd_walk_figure){ outcome_name[i], a->count[i] };
    if (a->json) {
        cmd_walk_report(figures, OUTCOMES, &a->entries, &a->report);
        return;
    }
    (void)fwrite(a->report.ptr, 1, a->report.len, stderr);
    (void)printf("%llu adopted, %llu changed and read again, %llu known as they are, %llu here from"
                 " elsewhere, %llu refused, %llu failed%s\n",
                 (unsigned long long)a->count[ADOPTED], (unsigned long long)a->count[ANEW],
                 (unsigned long long)a->count[ALREADY], (unsigned long long)a->count[KNOWN],
                 (unsigned long long)a->count[REFUSED], (unsigned long long)a->count[FAILED],
                 cmd_walk_interrupted(NULL) ? " (interrupted: run it again to go on)" : "");
}

static int adopt(struct adopt *a, const struct cmd_config *config, unsigned jobs, char *folder)
{
    struct iso_err  err  = { 0 };
    struct cmd_walk walk = {
        .path = &folder, .path_count = 1, .threads = jobs, .each = adopt_file, .ctx = a
    };
    int rc = cmd_archive_open(config, &a->arc, &err);

    if (rc >= 0) { /* twice: the volume is there from the next opening on */
        rc = arc_adopt_folder(a->arc, folder, &a->volume, &err);
        arc_close(a->arc);
        a->arc = NULL;
    }
    if (rc >= 0)
        rc = cmd_archive_open(config, &a->arc, &err);

    if (rc == ISO_EBUSY)
        return cmd_fail(CMD_FAILED, "adopt",
                        "%s: stop the server that holds it, then run this again", err.text);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "adopt", "%s", err.text);
    cmd_walk_catch_interrupt();
    os_raise_file_limit();
    os_mutex_init(&a->mu);
    iso_buf_init(&a->report, CMD_WALK_REPORT_BYTES_MAX);
    iso_json_init(&a->entries, &a->report);
    if (a->json)
        iso_json_open_array(&a->entries);
    a->prefix   = strlen(folder) + 1;
    a->progress = !a->json && os_is_terminal(STDERR_FILENO);
    if (a->progress)
        cmd_walk_count(&folder, 1, &a->total_files, &a->total_bytes);
    a->began_ms = a->flushed_ms = os_now_ms();
    rc                          = cmd_walk(&walk, &err);
    if (rc >= 0 || rc == ISO_ECANCEL) {
        int flushed = arc_adopt_flush(a->arc, &err);
        if (flushed < 0)
            rc = flushed;
    }
    print_report(a);
    iso_buf_release(&a->report);
    os_mutex_release(&a->mu);
    arc_close(a->arc);
    if (rc < 0 && rc != ISO_ECANCEL)
        return cmd_fail(CMD_FAILED, "adopt", "%s", err.text);
    return a->count[REFUSED] + a->count[FAILED] > 0 || cmd_walk_interrupted(NULL) ? CMD_FAILED
                                                                                  : CMD_OK;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "data", required_argument, NULL, 'd' },
        { "jobs", required_argument, NULL, 'j' },
        { "json", no_argument, NULL, 'J' },
        { "help", no_argument, NULL, 'h' },
        { "volume", required_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    static struct cmd_config config;
    static struct adopt      a;
    uint64_t                 volume = 0;
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
            return cmd_usage("adopt");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
        if (c == 'J')
            a.json = true;
        if (c == 'v' && (!iso_str_to_u64(iso_str_c(optarg), &volume) || volume > UINT32_MAX))
            return cmd_fail(CMD_USAGE, "adopt", "--volume is a number");
        if (c == 'j' &&
            (!iso_str_to_u64(iso_str_c(optarg), &jobs) || jobs < 1 || jobs > THREADS_MAX))
            return cmd_fail(CMD_USAGE, "adopt", "--jobs is 1 to %d", THREADS_MAX);
    }
    if (optind + 1 != argc)
        return cmd_usage("adopt");
    a.volume     = (uint32_t)volume;
    char *folder = realpath(argv[optind], NULL);
    if (folder == NULL)
        return cmd_fail(CMD_USAGE, "adopt", "%s: no such folder", argv[optind]);
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK && data != NULL)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    int code = rc < 0 ? cmd_fail(CMD_USAGE, "adopt", "%s", err.text)
                      : adopt(&a, &config, (unsigned)jobs, folder);
    iso_arena_release(&arena);
    free(folder);
    return code;
}

const struct cmd cmd_adopt = { "adopt", "make a folder of files part of the archive, in place",
                               run };
