/* arc_scrub.c: round after round over everything that is stored. What it shares with verifying is the
 * walk (arc_verify.c); what is its own is the patience: a rate, rests, and a place to go on from. */
#include "arc_scrub.h"

#include "arc_care.h"
#include "os_clock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    REST_S     = 86400,
    SAVE_MS    = 10000, /* between notes of the place, in the index */
    BUSY_MS    = 200,
    TROUBLE_MS = 60000,
    MARKS      = 6
};

/* Names of the marks in the index. */
static const char *const mark_name[MARKS] = {
    "scrub volume", "scrub file",       "scrub offset",
    "scrub began",  "scrub last began", "scrub last ended"
};
enum { M_VOLUME, M_FILE, M_OFFSET, M_BEGAN, M_LAST_BEGAN, M_LAST_ENDED };

struct arc_scrubber {
    struct arc             *arc;
    struct arc_scrub_config config;
    struct os_thread        thread;
    int64_t                 saved_ms; /* the thread's own */
    uint64_t                done;     /* bytes of this round, of earlier runs of it */

    struct os_mutex mu;
    struct os_cond  wake;
    bool            stopping;
    int64_t         round_began_us; /* 0: at rest */
    uint64_t        bytes;
};

static int marks_read(struct arc *arc, int64_t value[MARKS], struct iso_err *err)
{
    int rc = ISO_OK;

    for (int i = 0; i < MARKS && rc >= 0; i++)
        rc = index_mark(arc->index, iso_str_c(mark_name[i]), &value[i], err);
    return rc;
}

static int mark_set(struct arc *arc, int which, int64_t value, struct iso_err *err)
{
    return index_mark_set(arc->index, iso_str_c(mark_name[which]), value, err);
}

static bool is_stopping(struct arc_scrubber *s)
{
    os_mutex_lock(&s->mu);
    bool stopping = s->stopping;
    os_mutex_unlock(&s->mu);
    return stopping;
}

static void pause_ms(struct arc_scrubber *s, int64_t ms)
{
    const int64_t until_ms = os_now_ms() + ms;

    os_mutex_lock(&s->mu);
    while (!s->stopping && os_cond_wait_until(&s->wake, &s->mu, until_ms))
        ;
    os_mutex_unlock(&s->mu);
}

/* Asked between any two pieces that are read. */
static bool stop_or_wait(void *ctx)
{
    struct arc_scrubber *s = ctx;

    while (!is_stopping(s) && s->config.busy != NULL && s->config.busy(s->config.ctx))
        pause_ms(s, BUSY_MS);
    return is_stopping(s);
}

static void on_progress(void *ctx, const struct arc_verify_report *so_far)
{
    struct arc_scrubber *s = ctx;

    os_mutex_lock(&s->mu);
    s->bytes = s->done + so_far->bytes;
    os_mutex_unlock(&s->mu);
}

static void on_found(void *ctx, const struct arc_finding *finding)
{
    struct arc_scrubber *s = ctx;

    if (s->config.found != NULL)
        s->config.found(s->config.ctx, finding);
}

/* A round that is broken off goes on from here; a little is read twice. */
static void on_reached(void *ctx, const struct store_location *at)
{
    struct arc_scrubber *s   = ctx;
    const int64_t        now = os_now_ms();

    if (now - s->saved_ms < SAVE_MS)
        return;
    s->saved_ms = now;
    if (mark_set(s->arc, M_OFFSET, (int64_t)at->offset, NULL) >= 0 &&
        mark_set(s->arc, M_FILE, (int64_t)at->file, NULL) >= 0)
        (void)!mark_set(s->arc, M_VOLUME, at->volume, NULL);
}

static int round_ended(struct arc *arc, int64_t began_us, struct iso_err *err)
{
    int rc = mark_set(arc, M_LAST_BEGAN, began_us, err);

    if (rc >= 0)
        rc = mark_set(arc, M_LAST_ENDED, os_wall_us(), err);
    for (int i = M_VOLUME; i <= M_BEGAN && rc >= 0; i++)
        rc = mark_set(arc, i, 0, err);
    return rc;
}

static int go_round(struct arc_scrubber *s, struct iso_err *err)
{
    const struct arc_verify_config config = { .bytes_s  = s->config.bytes_s,
                                              .found    = on_found,
                                              .progress = on_progress,
                                              .stop     = stop_or_wait,
                                              .ctx      = s };
    struct care_mode mode = { .content = true, .mark = true, .reached = on_reached, .ctx = s };
    struct arc_verify_report report;
    int64_t                  value[MARKS];
    int                      rc = marks_read(s->arc, value, err);

    if (rc < 0)
        return rc;
    if (value[M_BEGAN] > 0 && value[M_VOLUME] > 0) {
        mode.from = (struct store_location){ (uint32_t)value[M_VOLUME], (uint64_t)value[M_FILE],
                                             (uint64_t)value[M_OFFSET], 0 };
    } else {
        value[M_BEGAN] = os_wall_us();
        rc             = mark_set(s->arc, M_BEGAN, value[M_BEGAN], err);
    }
    os_mutex_lock(&s->mu);
    s->round_began_us = value[M_BEGAN];
    os_mutex_unlock(&s->mu);
    if (rc >= 0)
        rc = care_run(s->arc, &config, &mode, &report, err);
    if (rc >= 0)
        rc = round_ended(s->arc, value[M_BEGAN], err);
    if (rc >= 0) {
        report.began_us = value[M_BEGAN];
        if (s->config.round != NULL)
            s->config.round(s->config.ctx, &report);
    }
    os_mutex_lock(&s->mu);
    s->round_began_us = 0;
    s->bytes          = 0;
    os_mutex_unlock(&s->mu);
    return rc;
}

/* How long until the next round is due. */
static int64_t rest_ms(struct arc_scrubber *s)
{
    int64_t value[MARKS];
    int64_t left_us;

    if (marks_read(s->arc, value, NULL) < 0 || value[M_BEGAN] > 0 || value[M_LAST_ENDED] == 0)
        return 0;
    left_us = value[M_LAST_ENDED] + s->config.rest_s * 1000000 - os_wall_us();
    /* a clock that was set back must not put it to sleep for ever */
    return left_us <= 0                               ? 0
           : left_us / 1000 < s->config.rest_s * 1000 ? left_us / 1000
                                                      : s->config.rest_s * 1000;
}

static void scrub_run(void *arg)
{
    struct arc_scrubber *s = arg;

    while (!is_stopping(s)) {
        int64_t ms = rest_ms(s);

        if (ms > 0)
            pause_ms(s, ms);
        if (!is_stopping(s) && go_round(s, NULL) < 0)
            pause_ms(s, TROUBLE_MS);
    }
}

int arc_scrub_start(struct arc *arc, const struct arc_scrub_config *config, struct iso_err *err)
{
    struct arc_scrubber *s;

    if (config->bytes_s == 0)
        return ISO_OK;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the scrub");
    s->arc    = arc;
    s->config = *config;
    if (s->config.rest_s <= 0)
        s->config.rest_s = REST_S;
    os_mutex_init(&s->mu);
    os_cond_init(&s->wake);
    int rc = os_thread_start(&s->thread, "scrub", (size_t)1 << 20, scrub_run, s, err);
    if (rc < 0) {
        os_cond_release(&s->wake);
        os_mutex_release(&s->mu);
        free(s);
        return rc;
    }
    arc->scrubber = s;
    return ISO_OK;
}

void arc_scrub_stop(struct arc_scrubber *s)
{
    if (s == NULL)
        return;
    os_mutex_lock(&s->mu);
    s->stopping = true;
    os_cond_broadcast(&s->wake);
    os_mutex_unlock(&s->mu);
    os_thread_join(&s->thread);
    os_cond_release(&s->wake);
    os_mutex_release(&s->mu);
    free(s);
}

int arc_scrub_pass(struct arc *arc, const struct arc_scrub_config *config,
                   struct arc_verify_report *report, struct iso_err *err)
{
    const struct arc_verify_config with     = { .found = config->found, .ctx = config->ctx };
    const struct care_mode         mode     = { .content = true, .mark = true };
    const int64_t                  began_us = os_wall_us();
    int                            rc       = care_run(arc, &with, &mode, report, err);

    return rc < 0 ? rc : round_ended(arc, began_us, err);
}

int arc_scrub_status(struct arc *arc, struct arc_scrub_status *out, struct iso_err *err)
{
    struct arc_scrubber    *s      = arc->scrubber;
    struct arc_scrub_status status = { .enabled = s != NULL };
    struct index_stats      stats;
    int64_t                 value[MARKS];
    int                     rc = marks_read(arc, value, err);

    if (rc >= 0)
        rc = index_stats(arc->index, &stats, err);
    if (rc >= 0)
        rc = index_damage_count(arc->index, &status.damaged, err);
    if (rc < 0)
        return rc;
    status.bytes_all     = stats.bytes;
    status.last_began_us = value[M_LAST_BEGAN];
    status.last_ended_us = value[M_LAST_ENDED];
    if (s != NULL) {
        os_mutex_lock(&s->mu);
        status.round_began_us = s->round_began_us;
        status.bytes          = s->bytes;
        os_mutex_unlock(&s->mu);
    }
    if (stats.instances > 0) /* before the first round: what is stored counts from its arrival */
        rc = value[M_LAST_BEGAN] > 0 ? ISO_OK
                                     : index_first_stored(arc->index, &status.oldest_us, err);
    if (value[M_LAST_BEGAN] > 0 && stats.instances > 0)
        status.oldest_us = value[M_LAST_BEGAN];
    if (rc >= 0)
        *out = status;
    return rc;
}
