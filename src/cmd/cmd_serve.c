/* cmd_serve.c: `isocenter serve`: opens the archive, listens for DICOM and HTTP, waits for a signal,
 * drains, closes. The one place where everything is wired together. */
#include "cmd.h"
#include "cmd_archive.h"
#include "cmd_codec.h"
#include "cmd_running.h"

#include "arc_quota.h"
#include "arc_recode.h"
#include "arc_scrub.h"
#include "arc_settle.h"
#include "os_clock.h"
#include "os_process.h"
#include "srv_dimse.h"
#include "srv_log.h"
#include "srv_outbox.h"
#include "srv_web.h"

#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAIN_MS = 10000, UI_PATH_BYTES = 4096 };

static const char help[] =
    "usage: isocenter serve [options]\n"
    "\n"
    "Serves the archive: DICOM (C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET), DICOMweb and the web\n"
    "application. Prints one line when it is ready; SIGTERM and Ctrl-C end it in good order.\n"
    "\n"
    "  --config FILE     configuration, JSON with comments (see isocenter check-config "
    "--document)\n"
    "  --data DIR        folder that holds everything stored [./isocenter-data]\n"
    "  --listen ADDR     address to listen on [127.0.0.1]\n"
    "  --http-port N     port of DICOMweb and the web application [8042]; 0: any free one\n"
    "  --dicom-port N    port of DICOM [4242]; 0: any free one\n"
    "  --aet AET         our application entity title [ISOCENTER]\n"
    "  --insecure        allow to listen beyond this machine although nothing asks for a "
    "password\n";

struct server {
    struct cmd_config    config;
    struct srv_peer      peers[CMD_PEERS_MAX];
    struct arc          *arc;
    struct codec_pool   *pool;
    struct srv_web      *web;
    struct srv_dimse    *dimse;
    atomic_uint_fast64_t stored; /* objects, since the start */
    uint64_t seen; /* of them, when the scrub looked last; this and the next are its thread's */
    int64_t  looked_ms, free_ms;
    bool     busy;
    char     ui[UI_PATH_BYTES];
    char     sending[UI_PATH_BYTES]; /* jobs of the outbox */
};

/* ---- wiring ---- */

/* The built pages lie beside the program in a checkout, and in /usr/share once installed. */
static const char *find_ui(struct server *s)
{
    static const char *const places[] = { "/../viewer/dist", "/../share/isocenter/ui" };
    char                     folder[UI_PATH_BYTES / 2];
    char                     index[UI_PATH_BYTES + 16];

    if (s->config.ui[0] != '\0')
        return s->config.ui;
    if (!os_program_folder(folder, sizeof folder))
        return NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        (void)snprintf(s->ui, sizeof s->ui, "%s%s", folder, places[i]);
        (void)snprintf(index, sizeof index, "%s/index.html", s->ui);
        if (os_file_exists(index))
            return s->ui;
    }
    return NULL;
}

static void name_peers(struct server *s)
{
    const struct cmd_config *c = &s->config;

    for (size_t i = 0; i < c->peer_count; i++)
        s->peers[i] = (struct srv_peer){ c->peer[i].aet,
                                         c->peer[i].host,
                                         c->peer[i].port,
                                         { c->peer[i].syntaxes, c->peer[i].syntax_count } };
}

static int start_web(struct server *s, struct iso_err *err)
{
    const struct cmd_config *c      = &s->config;
    struct srv_outbox_config outbox = {
        .peers         = s->peers,
        .peer_count    = c->peer_count,
        .aet           = c->aet,
        .pdu_bytes_max = (uint32_t)c->pdu_bytes_max,
        .io_ms         = c->dimse_timeout_s * 1000,
        .tries         = (unsigned)c->send_tries,
        .pool          = s->pool,
        .folder        = s->sending,
    };
    struct srv_web_config config = {
        .host            = c->listen,
        .port            = (uint16_t)c->http_port,
        .ui              = find_ui(s),
        .extensions      = c->viewer_extensions,
        .cors_origins    = c->cors_origins,
        .public_hosts    = c->public_hosts,
        .connections_max = (unsigned)c->http_connections_max,
        .body_bytes_max  = (uint64_t)c->http_body_bytes_max,
        .results_max     = (uint64_t)c->query_results_max,
        .replaces        = c->on_conflict == CMD_REPLACE,
        .cache_bytes     = (uint64_t)c->cache_bytes,
        .pool            = s->pool,
        .outbox          = &outbox,
    };

    const int n = snprintf(s->sending, sizeof s->sending, "%s/sending", c->data);
    if (n < 0 || (size_t)n >= sizeof s->sending)
        return iso_fail(err, ISO_ELIMIT, "the data folder's path is too long");
    return srv_web_start(&config, s->arc, &s->web, err);
}

static int start_dimse(struct server *s, struct iso_err *err)
{
    const struct cmd_config *c      = &s->config;
    struct srv_dimse_config  config = {
         .host                  = c->listen,
         .port                  = (uint16_t)c->dicom_port,
         .aet                   = c->aet,
         .check_called_aet      = c->check_called_aet,
         .associations_max      = (unsigned)c->associations_max,
         .associations_per_host = (unsigned)c->associations_per_host_max,
         .io_ms                 = c->dimse_timeout_s * 1000,
         .pdu_bytes_max         = (uint32_t)c->pdu_bytes_max,
         .results_max           = (uint64_t)c->query_results_max,
         .peers                 = s->peers,
         .peer_count            = c->peer_count,
         .pool                  = s->pool,
    };

    return srv_dimse_start(&config, s->arc, &s->dimse, err);
}

static void tell_recoded(void *ctx, const struct arc_recode_news *news)
{
    static const char *const outcome[] = { [ARC_RECODED]     = "compressed",
                                           [ARC_NOT_SMALLER] = "not-smaller",
                                           [ARC_NOT_SUITED]  = "not-suited" };
    char                     uid[SRV_WORD_BYTES];

    (void)ctx;
    srv_log("compress", "outcome=%s sop=%s from=%.*s to=%.*s bytes=%llu now=%llu cause=\"%s\"",
            outcome[news->outcome], srv_word(news->sop_instance_uid, uid),
            ISO_STR_ARG(news->from_uid), ISO_STR_ARG(news->to_uid),
            (unsigned long long)news->bytes_before, (unsigned long long)news->bytes_now,
            news->outcome == ARC_NOT_SUITED ? news->why : "");
}

static void tell_volume(void *ctx, const struct arc_event *event)
{
    const struct arc_volume_stats *v = event->volume;

    (void)ctx;
    if (event->kind == ARC_EVENT_VOLUME)
        srv_log("volume", "number=%u state=%s bytes_free=%llu", v->number,
                v->failed   ? "failed"
                : v->full   ? "full"
                : v->warned ? "low"
                            : "ok",
                (unsigned long long)v->bytes_free);
}

static int start_recoding(struct server *s, struct iso_err *err)
{
    const struct cmd_config *c = &s->config;
    struct arc_rule          rules[CMD_RULES_MAX];
    struct arc_recode_stats  stats;
    struct arc_recode_config config = {
        .rules = rules, .count = c->rule_count, .pool = s->pool, .told = tell_recoded
    };

    for (size_t i = 0; i < c->rule_count; i++)
        rules[i] = (struct arc_rule){ .modality            = c->rule[i].modality,
                                      .source_ae           = c->rule[i].source_ae,
                                      .transfer_syntax_uid = c->rule[i].transfer_syntax_uid,
                                      .bytes_min           = (uint64_t)c->rule[i].bytes_min,
                                      .after_s             = c->rule[i].after_s };
    int rc = arc_recode_start(s->arc, &config, err);
    if (rc == ISO_OK && c->rule_count > 0 && arc_recode_stats(s->arc, &stats, NULL) == ISO_OK)
        srv_log("compression", "rules=%zu objects=%llu bytes_before=%llu bytes_now=%llu",
                c->rule_count, (unsigned long long)stats.objects,
                (unsigned long long)stats.bytes_before, (unsigned long long)stats.bytes_now);
    return rc;
}

static int start_settling(struct server *s, struct iso_err *err)
{
    struct arc_settle_config config = { .wait_ms = s->config.settle_s * 1000 };

    srv_web_describes(&config);
    return arc_settle_start(s->arc, &config, err);
}

/* ---- the scrub ---- */

enum { BUSY_OBJECTS_S = 50, BUSY_MS_MAX = 600 * 1000 };

static void count_stored(void *ctx, const struct arc_event *event)
{
    struct server *s = ctx;

    if (event->kind != ARC_EVENT_REMOVED)
        atomic_fetch_add(&s->stored, 1);
}

/* While many objects arrive the disk is theirs; but a round comes to its end some day. Only ever on
 * the thread of the scrub. */
static bool is_busy(void *ctx)
{
    struct server      *s   = ctx;
    const int64_t       now = os_now_ms();
    const uint_fast64_t n   = atomic_load(&s->stored);

    if (now - s->looked_ms >= 1000) {
        s->busy      = n - s->seen >= BUSY_OBJECTS_S;
        s->seen      = n;
        s->looked_ms = now;
        s->free_ms   = s->busy ? s->free_ms : now;
    }
    return s->busy && now - s->free_ms < BUSY_MS_MAX;
}

static void tell_damage(void *ctx, const struct arc_finding *finding)
{
    char uid[SRV_WORD_BYTES];

    (void)ctx;
    srv_log("scrub", "found=%s sop=%s where=\"%s\" what=\"%s\"", arc_finding_name(finding->kind),
            srv_word(finding->sop_instance_uid, uid), finding->where, finding->what);
}

static void tell_round(void *ctx, const struct arc_verify_report *r)
{
    (void)ctx;
    srv_log("scrub", "objects=%llu bytes=%llu found=%llu seconds=%lld",
            (unsigned long long)r->instances, (unsigned long long)r->bytes,
            (unsigned long long)arc_verify_left(r),
            (long long)((r->ended_us - r->began_us) / 1000000));
}

static int start_scrub(struct server *s, struct iso_err *err)
{
    const struct arc_scrub_config config = { .bytes_s = (uint64_t)s->config.scrub_mib_s << 20,
                                             .rest_s  = s->config.scrub_rest_h * 3600,
                                             .busy    = is_busy,
                                             .found   = tell_damage,
                                             .round   = tell_round,
                                             .ctx     = s };
    int                           rc     = arc_on_event(s->arc, count_stored, s, err);

    return rc >= 0 ? arc_scrub_start(s->arc, &config, err) : rc;
}

static void tell_recycled(void *ctx, const struct arc_recycle_news *news)
{
    char uid[SRV_WORD_BYTES];

    (void)ctx;
    srv_log("recycle", "study=%s objects=%llu bytes=%llu cause=\"%s\"",
            news->study_uid.len > 0 ? srv_word(news->study_uid, uid) : "-",
            (unsigned long long)news->objects, (unsigned long long)news->bytes, news->why);
}

static void print_ready(const struct server *s)
{
    const struct os_address *http  = srv_web_address(s->web);
    const struct os_address *dicom = srv_dimse_address(s->dimse);

    (void)printf("ready http=%s:%u dicom=%s:%u aet=%s data=%s%s\n", http->host, http->port,
                 dicom->host, dicom->port, s->config.aet, s->config.data,
                 srv_web_has_ui(s->web) ? "" : " ui=none");
    (void)fflush(stdout);
}

static void drain(struct server *s)
{
    int64_t deadline_ms = os_now_ms() + DRAIN_MS;

    if (s->web != NULL)
        srv_web_stop(s->web, deadline_ms);
    if (s->dimse != NULL)
        (void)srv_dimse_drain(s->dimse, deadline_ms);
    srv_dimse_free(s->dimse);
    srv_web_free(s->web);
    arc_close(s->arc);
    codec_pool_free(s->pool);
}

static int serve(struct server *s)
{
    struct iso_err err = { 0 };
    int            rc  = cmd_codec_pool_new(&s->config, &s->pool, &err); /* first: it forks */

    if (rc == ISO_OK && !codec_pool_stats(s->pool).confined)
        srv_log("codecs", "confined=0 cause=\"no seccomp on this system\"");
    if (rc == ISO_OK)
        rc = cmd_archive_open(&s->config, &s->arc, &err);
    os_raise_file_limit();
    os_block_end_signals();
    if (rc == ISO_OK && s->config.flush == CMD_FLUSH_DEFERRED)
        srv_log("flush", "deferred=1 every_ms=%lld", (long long)s->config.flush_ms);
    if (rc == ISO_OK)
        rc = arc_on_event(s->arc, tell_volume, NULL, &err);
    if (rc == ISO_OK)
        rc = start_recoding(s, &err);
    if (rc == ISO_OK)
        rc = start_scrub(s, &err);
    if (rc == ISO_OK)
        rc = start_settling(s, &err);
    if (rc == ISO_OK)
        rc = arc_quota_start(s->arc, tell_recycled, NULL, &err);
    name_peers(s);
    if (rc == ISO_OK)
        rc = start_web(s, &err);
    if (rc == ISO_OK)
        rc = start_dimse(s, &err);
    if (rc == ISO_OK)
        rc = cmd_running_write(s->config.data, srv_web_address(s->web), &err);
    if (rc == ISO_OK) {
        print_ready(s);
        os_return_freed_memory();
        int signal_number = os_wait_end_signal();
        srv_log("stop", "signal=%d", signal_number);
        cmd_running_remove(s->config.data);
    }
    drain(s);
    return rc == ISO_OK ? CMD_OK : cmd_fail(CMD_FAILED, "serve", "%s", err.text);
}

/* ---- the command line ---- */

/* The file is loaded first, wherever --config stands; then the options win over it. */
static int read_options(struct cmd_config *config, int argc, char **argv, struct iso_arena *arena)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "data", required_argument, NULL, 'D' },
        { "listen", required_argument, NULL, 'l' },
        { "http-port", required_argument, NULL, 'p' },
        { "dicom-port", required_argument, NULL, 'd' },
        { "aet", required_argument, NULL, 'a' },
        { "insecure", no_argument, NULL, 'i' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static const char *const key_of[128] = {
        ['D'] = "data", ['l'] = "listen", ['p'] = "http_port", ['d'] = "dicom_port", ['a'] = "aet"
    };
    const char    *file = NULL;
    struct iso_err err  = { 0 };
    int            c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == '?')
            return cmd_usage("serve");
        if (c == 'c')
            file = optarg;
        if (c == 'h') {
            (void)fputs(help, stdout);
            return -1;
        }
    }
    if (optind < argc)
        return cmd_usage("serve");
    if (cmd_config_load(config, file, arena, &err) < 0)
        return cmd_fail(CMD_USAGE, "serve", "%s", err.text);
    optind = 1;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'i')
            config->insecure = true;
        else if (c > 0 && c < 128 && key_of[c] != NULL &&
                 cmd_config_set(config, key_of[c], optarg, arena, &err) < 0)
            return cmd_fail(CMD_USAGE, "serve", "%s", err.text);
    }
    if (!os_is_loopback(config->listen) && !config->insecure)
        return cmd_fail(CMD_USAGE, "serve",
                        "%s is reachable from other machines and nothing asks for a password: "
                        "listen on 127.0.0.1, or say --insecure if the network is trusted",
                        config->listen);
    return CMD_OK;
}

static int run(int argc, char **argv)
{
    static struct server s;
    struct iso_arena     arena;

    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&s.config);
    int code = read_options(&s.config, argc, argv, &arena);
    if (code == CMD_OK)
        code = serve(&s);
    iso_arena_release(&arena);
    return code < 0 ? CMD_OK : code;
}

const struct cmd cmd_serve = { "serve", "serve DICOM, DICOMweb and the web application", run };
