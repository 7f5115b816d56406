/* cmd_verify.c: `isocenter verify`: does the archive hold what it says? On a folder that nobody has
 * open directly, else by the server that has it. */
#include "cmd.h"
#include "cmd_archive.h"
#include "cmd_walk.h"

#include "arc_reindex.h"
#include "iso_json_read.h"
#include "net_http.h"
#include "os_clock.h"
#include "os_process.h"
#include "srv_care.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POLL_MS = 250, ANSWER_BYTES_MAX = 64 << 20 };

static const char help[] =
    "usage: isocenter verify [options]\n"
    "\n"
    "Compares the index, the segments and the files of the archive with each other: every row has\n"
    "its object, every object its row, all counts are right, nothing lies about. Tells each thing\n"
    "that is not so: what, where, and what to do.\n"
    "\n"
    "  --full         read every stored byte too: checksums, digests, and whether each object "
    "says\n"
    "                 what the index says\n"
    "  --repair       mend what can be mended: unknown objects are taken in, rows, counts and "
    "heads\n"
    "                 made right, strays moved to stray/, damaged objects entered in the list of\n"
    "                 damages. Nothing that could be an image is deleted\n"
    "  --json         print the report as one JSON object\n"
    "  --dump         print what the index holds, one fact a line, sorted, and check nothing\n"
    "  --config FILE  configuration, as for isocenter serve\n"
    "  --data DIR     the archive's folder [./isocenter-data]; if a server holds it, the server\n"
    "                 does the work\n"
    "\n"
    "Exit code 0: all is well, or has been repaired. 1: something is wrong, or could not be "
    "looked\n"
    "at. 2: the command line is wrong.\n";

struct verify {
    bool                     full, repair, json, dump;
    bool                     progress;
    uint64_t                 told; /* findings printed */
    struct iso_buf           findings;
    struct iso_json          list;
    struct arc_verify_report report;
};

/* ---- what the user sees ---- */

static void draw(const struct verify *v, const struct arc_verify_report *r, uint64_t left)
{
    if (!v->progress)
        return;
    (void)fprintf(stderr, "\r%llu objects", (unsigned long long)r->instances);
    if (v->full && r->bytes_all > 0)
        (void)fprintf(stderr, "  %.1f of %.1f GB  %.0f%%", (double)r->bytes / 1e9,
                      (double)r->bytes_all / 1e9, 100.0 * (double)r->bytes / (double)r->bytes_all);
    (void)fprintf(stderr, "  %llu wrong   ", (unsigned long long)left);
}

static void print_finding(const struct verify *v, const char *kind, iso_str uid, const char *where,
                          const char *what, const char *advice, bool repaired)
{
    if (v->progress)
        (void)fprintf(stderr, "\r%60s\r", "");
    (void)printf("%-10s %s%s%s%.*s: %s%s%s\n", kind, where, where[0] != '\0' ? " " : "",
                 uid.len > 0 ? "object " : "", ISO_STR_ARG(uid), what,
                 repaired ? " [repaired]" : (advice[0] != '\0' ? " -> " : ""),
                 repaired ? "" : advice);
    (void)fflush(stdout);
}

static void on_found(void *ctx, const struct arc_finding *f)
{
    struct verify *v = ctx;

    if (v->json)
        srv_care_finding(&v->list, f);
    else
        print_finding(v, arc_finding_name(f->kind), f->sop_instance_uid, f->where, f->what,
                      f->advice, f->repaired);
}

static void on_progress(void *ctx, const struct arc_verify_report *so_far)
{
    draw(ctx, so_far, arc_verify_left(so_far));
}

static void print_summary(const struct verify *v, const struct arc_verify_report *r, uint64_t left)
{
    uint64_t repaired = 0;

    for (int i = 0; i < ARC_FINDING_KINDS; i++)
        repaired += r->repaired[i];
    if (v->progress)
        (void)fputc('\n', stderr);
    (void)printf("%llu objects, %llu members of segments", (unsigned long long)r->instances,
                 (unsigned long long)r->members);
    if (v->full)
        (void)printf(", %.3f GB read", (double)r->bytes / 1e9);
    if (r->waiting > 0)
        (void)printf(", %llu not taken in yet (the next start does)",
                     (unsigned long long)r->waiting);
    (void)printf("; %llu repaired, %llu wrong%s\n", (unsigned long long)repaired,
                 (unsigned long long)left,
                 r->complete ? "" : "; not everything could be looked at");
}

/* ---- here ---- */

static int file_write(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    return fwrite(ptr, 1, len, ctx) == len ? ISO_OK : iso_fail(err, ISO_EIO, "writing failed");
}

static int print_json(struct verify *v)
{
    struct iso_buf  text;
    struct iso_json json;

    iso_json_close_array(&v->list);
    iso_buf_init(&text, CMD_WALK_REPORT_BYTES_MAX);
    iso_json_init(&json, &text);
    iso_json_open_object(&json);
    srv_care_report(&json, &v->report);
    iso_json_key(&json, ISO_STR("findings"));
    iso_json_raw(&json, iso_str_of_bytes(iso_buf_bytes(&v->findings)));
    iso_json_close_object(&json);
    iso_buf_add_u8(&text, '\n');
    int rc = iso_json_end(&json, NULL);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    iso_buf_release(&text);
    return rc;
}

static int verify_here(struct verify *v, struct arc *arc)
{
    const struct arc_verify_config config = { .full     = v->full,
                                              .repair   = v->repair,
                                              .found    = on_found,
                                              .progress = on_progress,
                                              .stop     = cmd_walk_interrupted,
                                              .ctx      = v };
    struct iso_err                 err    = { 0 };

    if (v->dump) {
        int rc = arc_index_dump(arc, (struct iso_sink){ file_write, stdout }, &err);
        return rc < 0 ? cmd_fail(CMD_FAILED, "verify", "%s", err.text) : CMD_OK;
    }
    iso_buf_init(&v->findings, CMD_WALK_REPORT_BYTES_MAX);
    iso_json_init(&v->list, &v->findings);
    iso_json_open_array(&v->list);
    int rc = arc_verify(arc, &config, &v->report, &err);
    if (v->json)
        (void)print_json(v);
    else
        print_summary(v, &v->report, arc_verify_left(&v->report));
    iso_buf_release(&v->findings);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "verify", "%s", err.text);
    return arc_verify_left(&v->report) > 0 || !v->report.complete ? CMD_FAILED : CMD_OK;
}

/* ---- by the server ---- */

struct answer {
    bool                     running;
    bool                     failed;
    struct arc_verify_report report;
    uint64_t                 left;
};

static const char *cstr(struct iso_arena *arena, iso_str s)
{
    iso_str copy = iso_arena_printf(arena, "%.*s", ISO_STR_ARG(s));

    return copy.ptr != NULL ? copy.ptr : "";
}

/* One finding of the list; those that were printed before are passed over. */
static int read_finding(struct verify *v, struct iso_json_reader *r, bool print,
                        struct iso_err *err)
{
    enum iso_json_token token;
    iso_str             kind = { NULL, 0 }, uid = { NULL, 0 }, where = { NULL, 0 };
    iso_str             what = { NULL, 0 }, advice = { NULL, 0 };
    bool                repaired = false;
    int                 rc       = ISO_OK;

    while (rc == ISO_OK && (rc = iso_json_next(r, &token, err)) == ISO_OK &&
           token == ISO_JSON_KEY) {
        const iso_str key = r->text;

        rc          = iso_json_next(r, &token, err);
        iso_str *to = iso_str_eq_c(key, "kind")               ? &kind
                      : iso_str_eq_c(key, "sop_instance_uid") ? &uid
                      : iso_str_eq_c(key, "where")            ? &where
                      : iso_str_eq_c(key, "what")             ? &what
                      : iso_str_eq_c(key, "advice")           ? &advice
                                                              : NULL;
        if (to != NULL)
            *to = r->text;
        else
            repaired = token == ISO_JSON_TRUE;
    }
    if (rc == ISO_OK && print)
        print_finding(v, cstr(r->arena, kind), uid, cstr(r->arena, where), cstr(r->arena, what),
                      cstr(r->arena, advice), repaired);
    return rc;
}

static int read_findings(struct verify *v, struct iso_json_reader *r, struct iso_err *err)
{
    enum iso_json_token token;
    uint64_t            n  = 0;
    int                 rc = iso_json_next(r, &token, err);

    while (rc == ISO_OK && (rc = iso_json_next(r, &token, err)) == ISO_OK &&
           token == ISO_JSON_OBJECT) {
        n++;
        rc = read_finding(v, r, n > v->told && !v->json, err);
    }
    v->told = n > v->told ? n : v->told;
    return rc;
}

static int read_counts(struct iso_json_reader *r, uint64_t *count, struct iso_err *err)
{
    enum iso_json_token token;
    int                 rc = iso_json_next(r, &token, err);

    for (int i = 0; rc == ISO_OK; i++) { /* in the order in which they are written */
        rc = iso_json_next(r, &token, err);
        if (rc < 0 || token != ISO_JSON_KEY)
            break;
        rc = iso_json_next(r, &token, err);
        if (rc == ISO_OK && i < ARC_FINDING_KINDS)
            (void)iso_str_to_u64(r->text, &count[i]);
    }
    return rc;
}

static int read_answer(struct verify *v, iso_bytes body, struct answer *a, struct iso_err *err)
{
    const struct {
        const char *key;
        uint64_t   *to;
    } numbers[] = { { "instances", &a->report.instances }, { "members", &a->report.members },
                    { "bytes", &a->report.bytes },         { "bytes_all", &a->report.bytes_all },
                    { "waiting", &a->report.waiting },     { "left", &a->left } };
    struct iso_json_reader r;
    struct iso_arena       arena;
    enum iso_json_token    token;

    iso_arena_init(&arena, ANSWER_BYTES_MAX);
    iso_json_reader_init(&r, iso_str_of_bytes(body), &arena);
    int rc = iso_json_next(&r, &token, err);
    if (rc == ISO_OK && token != ISO_JSON_OBJECT)
        rc = iso_fail(err, ISO_EFORMAT, "the server's answer is no report");
    while (rc == ISO_OK && (rc = iso_json_next(&r, &token, err)) == ISO_OK &&
           token == ISO_JSON_KEY) {
        const iso_str key = r.text;

        if (iso_str_eq_c(key, "findings")) {
            rc = read_findings(v, &r, err);
            continue;
        }
        if (iso_str_eq_c(key, "found") || iso_str_eq_c(key, "repaired")) {
            rc = read_counts(&r, key.ptr[0] == 'f' ? a->report.found : a->report.repaired, err);
            continue;
        }
        rc = iso_json_next(&r, &token, err);
        if (iso_str_eq_c(key, "state")) {
            a->running = iso_str_eq_c(r.text, "running");
            a->failed  = !a->running && !iso_str_eq_c(r.text, "ended");
        }
        if (iso_str_eq_c(key, "complete"))
            a->report.complete = token == ISO_JSON_TRUE;
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            if (iso_str_eq_c(key, numbers[i].key))
                (void)iso_str_to_u64(r.text, numbers[i].to);
    }
    iso_arena_release(&arena);
    return rc;
}

static int64_t nothing(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    (void)ctx, (void)ptr, (void)cap, (void)err;
    return 0;
}

static int poll_server(struct verify *v, struct net_http *client, const char *url,
                       struct iso_buf *body, struct answer *a, struct iso_err *err)
{
    unsigned status = 0;
    int      rc     = ISO_OK;

    do {
        os_sleep_ms(POLL_MS);
        *a = (struct answer){ 0 };
        iso_buf_reset(body);
        rc = net_http_get(client, url, "application/json", iso_buf_sink(body), &status, err);
        if (rc == ISO_OK && status != 200)
            rc = iso_fail(err, ISO_EIO, "the server answered with status %u", status);
        if (rc == ISO_OK)
            rc = read_answer(v, iso_buf_bytes(body), a, err);
        if (rc == ISO_OK)
            draw(v, &a->report, a->left);
    } while (rc == ISO_OK && a->running && !cmd_walk_interrupted(NULL));
    return rc;
}

static int verify_there(struct verify *v, const char *base)
{
    struct net_http *client = NULL;
    struct answer    a      = { 0 };
    struct iso_err   err    = { 0 };
    struct iso_buf   body;
    unsigned         status = 0;
    char             url[CMD_BASE_BYTES + 64];
    size_t           root = strlen(base) - strlen("/dicom-web");

    if (v->dump)
        return cmd_fail(CMD_FAILED, "verify", "a server holds the folder: stop it for --dump");
    iso_buf_init(&body, ANSWER_BYTES_MAX);
    (void)snprintf(url, sizeof url, "%.*s/api/v1/verify?full=%d&repair=%d", (int)root, base,
                   v->full, v->repair);
    int rc = net_http_new(&client, &err);
    if (rc == ISO_OK)
        rc = net_http_post(client, url, "application/json", "application/json",
                           (struct iso_source){ nothing, NULL }, &status, &body, &err);
    if (rc == ISO_OK && status != 202)
        rc = iso_fail(&err, ISO_EIO,
                      status == 409 ? "the server is at a verification already"
                                    : "the server answered with status %u",
                      status);
    *strchr(url, '?') = '\0';
    if (rc == ISO_OK)
        rc = poll_server(v, client, url, &body, &a, &err);
    if (rc == ISO_OK && v->json)
        (void)printf("%.*s\n", (int)body.len, (const char *)body.ptr);
    else if (rc == ISO_OK)
        print_summary(v, &a.report, a.left);
    iso_buf_release(&body);
    net_http_free(client);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "verify", "%s", err.text);
    if (a.running)
        return cmd_fail(CMD_FAILED, "verify", "interrupted: the server goes on");
    return a.left > 0 || a.failed || !a.report.complete ? CMD_FAILED : CMD_OK;
}

/* ---- the command line ---- */

static int verify(struct verify *v, const struct cmd_config *config)
{
    char           base[CMD_BASE_BYTES];
    struct arc    *arc = NULL;
    struct iso_err err = { 0 };
    int            rc  = cmd_archive_care(config, &arc, base, &err);

    if (rc < 0)
        return cmd_fail(CMD_FAILED, "verify", "%s", err.text);
    cmd_walk_catch_interrupt();
    v->progress = !v->json && !v->dump && os_is_terminal(STDERR_FILENO);
    int code    = arc != NULL ? verify_here(v, arc) : verify_there(v, base);
    arc_close(arc);
    return code;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' }, { "data", required_argument, NULL, 'd' },
        { "full", no_argument, NULL, 'f' },         { "repair", no_argument, NULL, 'r' },
        { "json", no_argument, NULL, 'J' },         { "dump", no_argument, NULL, 'D' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    static struct cmd_config config;
    static struct verify     v;
    struct iso_arena         arena;
    struct iso_err           err  = { 0 };
    const char              *file = NULL;
    const char              *data = NULL;
    int                      c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(help, stdout);
            return CMD_OK;
        }
        if (c == '?')
            return cmd_usage("verify");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
        v.full |= c == 'f';
        v.repair |= c == 'r';
        v.json |= c == 'J';
        v.dump |= c == 'D';
    }
    if (optind < argc)
        return cmd_usage("verify");
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK && data != NULL)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    int code = rc < 0 ? cmd_fail(CMD_USAGE, "verify", "%s", err.text) : verify(&v, &config);
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_verify = { "verify", "check that the archive holds what it says", run };
