/* srv_care.c: a verification runs on one thread, which adds to the report under a lock; whoever asks gets
 * the report as it is by then. */
#include "srv_care.h"

#include "http_reply.h"
#include "os_clock.h"
#include "os_thread.h"
#include "srv_dicomweb.h"
#include "srv_log.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum care_state { CARE_IDLE, CARE_RUNNING, CARE_ENDED, CARE_STOPPED, CARE_FAILED };

struct srv_care {
    struct arc *arc;
    atomic_bool stop;

    struct os_mutex          mu;
    enum care_state          state;
    bool                     joinable; /* thread has been started and not joined */
    struct os_thread         thread;
    struct arc_verify_config config;
    struct arc_verify_report report;
    struct iso_buf           findings; /* JSON objects */
    struct iso_json          json;     /* writes them */
    uint64_t                 unlisted; /* findings beyond the ceiling */
    struct iso_err           why;      /* of CARE_FAILED */
};

/* ---- JSON ---- */

static void key_bool(struct iso_json *json, const char *key, bool value)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_bool(json, value);
}

static void key_i64(struct iso_json *json, const char *key, int64_t value)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_i64(json, value);
}

void srv_care_finding(struct iso_json *json, const struct arc_finding *finding)
{
    iso_json_open_object(json);
    iso_json_key_str(json, "kind", iso_str_c(arc_finding_name(finding->kind)));
    if (finding->sop_instance_uid.len > 0)
        iso_json_key_str(json, "sop_instance_uid", finding->sop_instance_uid);
    iso_json_key_str(json, "where", iso_str_c(finding->where));
    iso_json_key_str(json, "what", iso_str_c(finding->what));
    iso_json_key_str(json, "advice", iso_str_c(finding->advice));
    key_bool(json, "repaired", finding->repaired);
    iso_json_close_object(json);
}

static void counts(struct iso_json *json, const char *key, const uint64_t *count)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_open_object(json);
    for (int i = 0; i < ARC_FINDING_KINDS; i++)
        iso_json_key_u64(json, arc_finding_name((enum arc_finding_kind)i), count[i]);
    iso_json_close_object(json);
}

void srv_care_report(struct iso_json *json, const struct arc_verify_report *report)
{
    key_i64(json, "began_us", report->began_us);
    key_i64(json, "ended_us", report->ended_us);
    key_bool(json, "full", report->full);
    key_bool(json, "repair", report->repair);
    key_bool(json, "complete", report->complete);
    iso_json_key_u64(json, "instances", report->instances);
    iso_json_key_u64(json, "members", report->members);
    iso_json_key_u64(json, "bytes", report->bytes);
    iso_json_key_u64(json, "bytes_all", report->bytes_all);
    iso_json_key_u64(json, "without_crc", report->unchecked);
    iso_json_key_u64(json, "waiting", report->waiting);
    counts(json, "found", report->found);
    counts(json, "repaired", report->repaired);
    iso_json_key_u64(json, "left", arc_verify_left(report));
}

void srv_care_scrub(struct iso_json *json, const struct arc_scrub_status *status)
{
    iso_json_key(json, ISO_STR("scrub"));
    iso_json_open_object(json);
    key_bool(json, "enabled", status->enabled);
    key_i64(json, "round_began_us", status->round_began_us);
    key_i64(json, "last_began_us", status->last_began_us);
    key_i64(json, "last_ended_us", status->last_ended_us);
    iso_json_key_u64(json, "bytes", status->bytes);
    iso_json_key_u64(json, "bytes_all", status->bytes_all);
    key_i64(json, "oldest_unchecked_s",
            status->oldest_us > 0 ? (os_wall_us() - status->oldest_us) / 1000000 : 0);
    iso_json_key_u64(json, "damaged", status->damaged);
    iso_json_close_object(json);
}

/* ---- the thread ---- */

static void on_found(void *ctx, const struct arc_finding *finding)
{
    struct srv_care *care = ctx;
    char             uid[SRV_WORD_BYTES];

    srv_log("verify", "found=%s sop=%s repaired=%d where=\"%s\" what=\"%s\"",
            arc_finding_name(finding->kind), srv_word(finding->sop_instance_uid, uid),
            finding->repaired, finding->where, finding->what);
    os_mutex_lock(&care->mu);
    if (care->findings.len < SRV_CARE_FINDINGS_BYTES_MAX - 8192)
        srv_care_finding(&care->json, finding);
    else
        care->unlisted++;
    os_mutex_unlock(&care->mu);
}

static void on_progress(void *ctx, const struct arc_verify_report *so_far)
{
    struct srv_care *care = ctx;

    os_mutex_lock(&care->mu);
    care->report = *so_far;
    os_mutex_unlock(&care->mu);
}

static bool on_stop(void *ctx)
{
    struct srv_care *care = ctx;

    return atomic_load(&care->stop);
}

static void run(void *arg)
{
    struct srv_care         *care = arg;
    struct arc_verify_report report;
    struct iso_err           why = { 0 };
    int                      rc  = arc_verify(care->arc, &care->config, &report, &why);

    srv_log("verify", "full=%d repair=%d instances=%llu bytes=%llu left=%llu%s%s%s", report.full,
            report.repair, (unsigned long long)report.instances, (unsigned long long)report.bytes,
            (unsigned long long)arc_verify_left(&report), rc < 0 ? " cause=\"" : "",
            rc < 0 ? why.text : "", rc < 0 ? "\"" : "");
    os_mutex_lock(&care->mu);
    care->report = report;
    care->why    = why;
    care->state  = rc >= 0 ? CARE_ENDED : rc == ISO_ECANCEL ? CARE_STOPPED : CARE_FAILED;
    os_mutex_unlock(&care->mu);
}

/* Locked. The last run's thread has ended: it is joined first. */
static int start(struct srv_care *care, bool full, bool repair, struct iso_err *err)
{
    if (care->joinable)
        os_thread_join(&care->thread);
    care->joinable = false;
    atomic_store(&care->stop, false);
    iso_buf_reset(&care->findings);
    iso_json_init(&care->json, &care->findings);
    iso_json_open_array(&care->json);
    care->unlisted = 0;
    care->report   = (struct arc_verify_report){ .full = full, .repair = repair };
    care->config   = (struct arc_verify_config){ .full     = full,
                                                 .repair   = repair,
                                                 .found    = on_found,
                                                 .progress = on_progress,
                                                 .stop     = on_stop,
                                                 .ctx      = care };
    care->state    = CARE_RUNNING;
    int rc         = os_thread_start(&care->thread, "verify", (size_t)1 << 20, run, care, err);
    care->joinable = rc >= 0;
    if (rc < 0)
        care->state = CARE_FAILED;
    return rc;
}

/* ---- requests ---- */

static int answer(struct http_request *req, struct srv_care *care, unsigned status,
                  struct iso_err *err)
{
    static const char *const words[] = { "idle", "running", "ended", "stopped", "failed" };
    struct iso_buf          *text    = srv_text(req);
    struct iso_json          json;

    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    iso_json_init(&json, text);
    iso_json_open_object(&json);
    os_mutex_lock(&care->mu);
    iso_json_key_str(&json, "state", iso_str_c(words[care->state]));
    if (care->state != CARE_IDLE)
        srv_care_report(&json, &care->report);
    if (care->state == CARE_FAILED)
        iso_json_key_str(&json, "cause", iso_str_c(care->why.text));
    if (care->state != CARE_IDLE) {
        iso_json_key(&json, ISO_STR("findings"));
        iso_json_raw(&json, iso_str_of_bytes(iso_buf_bytes(&care->findings)));
        if (text->len > 0)
            iso_buf_add_u8(text, ']');
        iso_json_key_u64(&json, "unlisted", care->unlisted);
    }
    os_mutex_unlock(&care->mu);
    iso_json_close_object(&json);
    int rc = iso_json_end(&json, err);
    return rc == ISO_OK
               ? http_reply_memory(req, status, "application/json", iso_buf_bytes(text), err)
               : rc;
}

static bool is_true(struct http_request *req, const char *name)
{
    iso_str value = http_query_value(req, name);

    return iso_str_eq_c(value, "true") || iso_str_eq_c(value, "1");
}

static int verify_start(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_care *care = ctx;
    int              rc   = ISO_OK;

    os_mutex_lock(&care->mu);
    bool running = care->state == CARE_RUNNING;
    if (!running)
        rc = start(care, is_true(req, "full"), is_true(req, "repair"), err);
    os_mutex_unlock(&care->mu);
    if (running)
        return http_problem(req, 409, "Under way", "a verification is running already",
                            "wait for its end, or stop it with DELETE");
    return rc < 0 ? rc : answer(req, care, 202, err);
}

static int verify_get(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer(req, ctx, 200, err);
}

static int verify_stop(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_care *care = ctx;

    atomic_store(&care->stop, true);
    return answer(req, care, 202, err);
}

static int damage_get(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_care  *care = ctx;
    struct iso_buf   *text = srv_text(req);
    struct arc_damage list[64];
    struct iso_json   json;
    iso_str           given = http_query_value(req, "after");
    int64_t           after = 0;
    uint64_t          all   = 0;
    size_t            count = 0;
    int               rc    = ISO_OK;

    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (given.len > 0 && !iso_str_to_i64(given, &after))
        return iso_fail(err, ISO_EINVAL, "after is a number: the id of the last one seen");
    rc = arc_damage_count(care->arc, &all, err);
    if (rc >= 0)
        rc = arc_damage_list(care->arc, after, 64, http_arena(req), list, &count, err);
    if (rc < 0)
        return rc;
    iso_json_init(&json, text);
    iso_json_open_object(&json);
    iso_json_key_u64(&json, "damaged", all);
    iso_json_key(&json, ISO_STR("objects"));
    iso_json_open_array(&json);
    for (size_t i = 0; i < count; i++) {
        iso_json_open_object(&json);
        key_i64(&json, "id", list[i].instance);
        iso_json_key_str(&json, "study_instance_uid", list[i].study_uid);
        iso_json_key_str(&json, "series_instance_uid", list[i].series_uid);
        iso_json_key_str(&json, "sop_instance_uid", list[i].sop_instance_uid);
        key_i64(&json, "found_us", list[i].found_us);
        iso_json_key_str(&json, "what", list[i].what);
        iso_json_close_object(&json);
    }
    iso_json_close_array(&json);
    iso_json_close_object(&json);
    rc = iso_json_end(&json, err);
    return rc == ISO_OK ? http_reply_memory(req, 200, "application/json", iso_buf_bytes(text), err)
                        : rc;
}

static const struct http_query_doc verify_query[] = {
    { "full", "boolean", "Read every stored byte" },
    { "repair", "boolean", "Mend what can be mended" },
};
static const struct http_query_doc damage_query[] = {
    { "after", "integer", "Continue after the object with this id" },
};

const struct http_route srv_care_routes[] = {
    { .method        = HTTP_POST,
      .pattern       = "/api/v1/verify",
      .handler       = verify_start,
      .summary       = "Start checking that the archive holds what it says",
      .response_type = "application/json",
      .query         = verify_query,
      .query_count   = 2 },
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/verify",
      .handler       = verify_get,
      .summary       = "How far that is, or how the last one ended",
      .response_type = "application/json" },
    { .method        = HTTP_DELETE,
      .pattern       = "/api/v1/verify",
      .handler       = verify_stop,
      .summary       = "Stop it",
      .response_type = "application/json" },
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/damage",
      .handler       = damage_get,
      .summary       = "Stored objects whose bytes are not those that came, by 64",
      .response_type = "application/json",
      .query         = damage_query,
      .query_count   = 1 },
};
const size_t srv_care_route_count = sizeof srv_care_routes / sizeof *srv_care_routes;

/* ---- life ---- */

int srv_care_new(struct arc *arc, struct srv_care **out, struct iso_err *err)
{
    struct srv_care *care = calloc(1, sizeof *care);

    if (care == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    care->arc = arc;
    atomic_init(&care->stop, false);
    os_mutex_init(&care->mu);
    iso_buf_init(&care->findings, SRV_CARE_FINDINGS_BYTES_MAX);
    iso_json_init(&care->json, &care->findings);
    *out = care;
    return ISO_OK;
}

void srv_care_free(struct srv_care *care)
{
    if (care == NULL)
        return;
    atomic_store(&care->stop, true);
    if (care->joinable)
        os_thread_join(&care->thread);
    iso_buf_release(&care->findings);
    os_mutex_release(&care->mu);
    free(care);
}
