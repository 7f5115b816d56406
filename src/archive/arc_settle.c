/* arc_settle.c: the thread that settles series: their headers go into packs step by step, then the text
 * about all their objects is made and compressed, then one transaction makes it the ready answer. What
 * changes meanwhile turns up as a conflict, and the series waits again. */
#include "arc_settle.h"

#include "arc_in.h"
#include "os_clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH             = 64,
    PAUSE_MS_MIN      = 20,
    PAUSE_MS_MAX      = 2000,
    TROUBLE_MS        = 60000, /* after the disk was full or failed */
    SLOWER_OBJECTS    = 1000,  /* so many objects: wait as long again */
    LEVEL             = 6,
    PIECE_BYTES       = 4 << 20, /* of text */
    SCRATCH_BYTES_MAX = 256 << 20,
    TEXT_BYTES_MAX    = 256 << 20, /* about one object */
    READY_BYTES_MAX   = 32 << 20   /* compressed; a series that takes more has no ready text */
};

struct arc_settler {
    struct arc              *arc;
    struct arc_settle_config config;
    struct os_thread         thread;

    struct os_mutex mu;
    struct os_cond  wake;
    bool            stopping;
};

static bool is_stopping(struct arc_settler *s)
{
    os_mutex_lock(&s->mu);
    bool stopping = s->stopping;
    os_mutex_unlock(&s->mu);
    return stopping;
}

static void pause_for(struct arc_settler *s, int64_t ms)
{
    const int64_t until_ms = os_now_ms() + ms;

    os_mutex_lock(&s->mu);
    while (!s->stopping && os_cond_wait_until(&s->wake, &s->mu, until_ms))
        ;
    os_mutex_unlock(&s->mu);
}

/* ---- the ready text of one series ---- */

struct making {
    struct arc_settler    *s;
    struct iso_arena       scratch; /* of one object */
    struct iso_arena       arena;   /* the list of pieces */
    struct iso_buf         text;    /* of one object */
    struct iso_buf         deflated;
    struct iso_gzip_maker *maker;
    struct iso_sha256     *digests;
    uint64_t               piece_bytes; /* of the piece being made */
    uint64_t               objects;
    struct iso_gzip_piece *piece; /* ->deflated.ptr is set at the end: the buffer may move */
    size_t                 pieces;
    size_t                 cap;
};

static int making_init(struct making *m, struct arc_settler *s, struct iso_err *err)
{
    *m = (struct making){ .s = s };
    iso_arena_init(&m->scratch, SCRATCH_BYTES_MAX);
    iso_arena_init(&m->arena, 1 << 20);
    iso_buf_init(&m->text, TEXT_BYTES_MAX);
    iso_buf_init(&m->deflated, READY_BYTES_MAX);
    int rc = iso_sha256_new(&m->digests, err);
    return rc < 0 ? rc : iso_gzip_maker_new(LEVEL, &m->deflated, &m->maker, err);
}

static void making_release(struct making *m)
{
    iso_gzip_maker_free(m->maker);
    iso_sha256_free(m->digests);
    iso_buf_release(&m->deflated);
    iso_buf_release(&m->text);
    iso_arena_release(&m->arena);
    iso_arena_release(&m->scratch);
}

static int end_piece(struct making *m, struct iso_err *err)
{
    int rc;

    if (m->pieces == m->cap)
        m->piece = iso_arena_grow(&m->arena, m->piece, m->pieces, m->pieces + 1, sizeof *m->piece,
                                  &m->cap);
    if (m->piece == NULL)
        return iso_arena_fail(&m->arena, err);
    rc             = iso_gzip_maker_finish(m->maker, &m->piece[m->pieces], err);
    m->piece_bytes = 0;
    m->pieces += rc >= 0;
    return rc;
}

static int make_one(void *ctx, const struct arc_instance *instance,
                    const struct dcm_dataset *header, struct iso_err *err)
{
    struct making                  *m      = ctx;
    const struct arc_settle_config *config = &m->s->config;
    int                             rc;

    if (is_stopping(m->s))
        return iso_fail(err, ISO_ECANCEL, "stopping");
    iso_buf_reset(&m->text);
    if (m->objects++ > 0)
        (void)iso_buf_add_u8(&m->text, ',');
    iso_sha256_add(m->digests, instance->digest, sizeof instance->digest);
    rc = config->describe(config->ctx, instance, header, &m->scratch, &m->text, err);
    iso_arena_reset(&m->scratch);
    if (rc >= 0)
        rc = iso_buf_check(&m->text, err);
    if (rc >= 0)
        rc = iso_gzip_maker_add(m->maker, iso_buf_bytes(&m->text), err);
    m->piece_bytes += m->text.len;
    if (rc >= 0 && m->piece_bytes >= PIECE_BYTES)
        rc = end_piece(m, err);
    return rc;
}

static int make_ready(struct making *m, const struct index_unsettled *u, struct index_ready *answer,
                      struct iso_err *err)
{
    iso_str study_uid;
    iso_str series_uid;
    int     rc =
        index_series_uids(m->s->arc->index, u->series, &m->arena, &study_uid, &series_uid, err);

    if (rc < 0)
        return rc;
    const struct arc_selection selection = {
        .study_uids = &study_uid, .study_count = 1, .series_uids = &series_uid, .series_count = 1
    };
    rc = arc_select_headers(m->s->arc, &selection, make_one, m, err);
    if (rc >= 0 && m->piece_bytes > 0)
        rc = end_piece(m, err);
    if (rc < 0)
        return rc;
    const uint8_t *at = m->deflated.ptr;
    for (size_t i = 0; i < m->pieces; i++) {
        m->piece[i].deflated.ptr = at;
        at += m->piece[i].deflated.len;
    }
    answer->piece     = m->piece;
    answer->pieces    = m->pieces;
    answer->instances = m->objects;
    iso_sha256_take(m->digests, answer->tag);
    return ISO_OK;
}

/* ---- one series ---- */

static int settle_one(struct arc_settler *s, const struct index_unsettled *u, struct iso_err *err)
{
    struct index_ready answer = { .instances = u->instances };
    struct making      m;
    int64_t            after = 0;
    bool               more  = true;
    int                rc    = ISO_OK;

    while (more && rc >= 0) {
        rc = is_stopping(s)
                 ? iso_fail(err, ISO_ECANCEL, "stopping")
                 : index_pack(s->arc->index, u, arc_table_complete, s->arc, &after, &more, err);
    }
    if (rc < 0)
        return rc;
    if (s->config.describe == NULL)
        return index_settle(s->arc->index, u, 0, &answer, err);
    rc = making_init(&m, s, err);
    if (rc >= 0)
        rc = make_ready(&m, u, &answer, err);
    if (rc == ISO_ELIMIT) /* too much to be kept: made when it is asked for */
        rc = ISO_OK;
    if (rc >= 0)
        rc = index_settle(s->arc->index, u, s->config.form, &answer, err);
    making_release(&m);
    return rc;
}

/* Settles, or sees to it that it is not tried for nothing again and again. */
static int try_one(struct arc_settler *s, const struct index_unsettled *u, uint64_t *settled,
                   struct iso_err *err)
{
    struct iso_err why = { 0 };
    int            rc  = settle_one(s, u, &why);

    switch (rc) {
    case ISO_OK:
        ++*settled;
        return ISO_OK;
    case ISO_ECONFLICT: /* news */
    case ISO_ENOENT:    /* it has gone */
        return ISO_OK;
    case ISO_ECANCEL:
    case ISO_EIO:
    case ISO_ENOSPC:
    case ISO_ENOMEM:
    case ISO_EBUSY:
        return iso_fail(err, rc, "%s", why.text);
    default:
        rc = index_settle_give_up(s->arc->index, u, err);
        return rc == ISO_ECONFLICT ? ISO_OK : rc;
    }
}

/* ---- all of them ---- */

/* A clock that was set back makes news of the future: those are due too. */
static bool is_due(const struct arc_settler *s, const struct index_unsettled *u, int64_t now_us)
{
    const int64_t wait_us =
        s->config.wait_ms * 1000 * (1 + (int64_t)(u->instances / SLOWER_OBJECTS));

    return u->news_us <= now_us - wait_us || u->news_us > now_us + PAUSE_MS_MAX * 1000;
}

/* One look at all that have not settled. Those from before there was such a thing are many: half of
 * the time is left to others. */
static int settle_round(struct arc_settler *s, bool all, uint64_t *settled, struct iso_err *err)
{
    struct index_unsettled list[BATCH];
    int64_t                after = 0;
    size_t                 count = BATCH;
    int                    rc    = ISO_OK;

    while (rc >= 0 && count == BATCH) {
        rc = index_unsettled(s->arc->index, after, list, BATCH, &count, err);
        for (size_t i = 0; rc >= 0 && i < count && !is_stopping(s); i++) {
            const int64_t from_ms = os_now_ms();

            after = list[i].series;
            if (!all && !is_due(s, &list[i], os_wall_us()))
                continue;
            rc = try_one(s, &list[i], settled, err);
            if (!all && list[i].news_us == 0)
                pause_for(s, os_now_ms() - from_ms);
        }
        if (is_stopping(s))
            break;
    }
    return rc;
}

/* What another version of us made is made anew, and what was given up tried again. */
static int begin_again(struct arc_settler *s, struct iso_err *err)
{
    uint64_t found = 0;
    int      rc;

    do {
        rc = index_settle_again(s->arc->index, s->config.form,
                                s->config.describe != NULL ? BATCH : 0, &found, err);
    } while (rc >= 0 && found > 0 && !is_stopping(s));
    return rc;
}

static void settler_run(void *arg)
{
    struct arc_settler *s       = arg;
    int64_t             pause   = s->config.wait_ms / 4;
    uint64_t            settled = 0;
    bool                begun   = false;

    pause = pause < PAUSE_MS_MIN ? PAUSE_MS_MIN : pause > PAUSE_MS_MAX ? PAUSE_MS_MAX : pause;
    while (!is_stopping(s)) {
        int rc = begun ? ISO_OK : begin_again(s, NULL);

        begun = begun || rc >= 0;
        if (rc >= 0)
            rc = settle_round(s, false, &settled, NULL);
        pause_for(s, rc < 0 ? TROUBLE_MS : pause);
    }
}

/* ---- life ---- */

static void settler_init(struct arc_settler *s, struct arc *arc,
                         const struct arc_settle_config *config)
{
    s->arc      = arc;
    s->config   = *config;
    s->stopping = false;
    os_mutex_init(&s->mu);
    os_cond_init(&s->wake);
}

static void settler_release(struct arc_settler *s)
{
    os_cond_release(&s->wake);
    os_mutex_release(&s->mu);
}

int arc_settle_now(struct arc *arc, const struct arc_settle_config *config, uint64_t *settled,
                   struct iso_err *err)
{
    struct arc_settler s;
    uint64_t           count = 0;
    int                rc;

    settler_init(&s, arc, config);
    rc = settle_round(&s, true, &count, err);
    settler_release(&s);
    if (rc >= 0)
        *settled = count;
    return rc;
}

int arc_settle_start(struct arc *arc, const struct arc_settle_config *config, struct iso_err *err)
{
    struct arc_settler *s = calloc(1, sizeof *s);
    int                 rc;

    if (s == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory to settle series");
    settler_init(s, arc, config);
    rc = os_thread_start(&s->thread, "settler", (size_t)1 << 20, settler_run, s, err);
    if (rc < 0) {
        settler_release(s);
        free(s);
        return rc;
    }
    arc->settler = s;
    return ISO_OK;
}

void arc_settler_stop(struct arc_settler *s)
{
    if (s == NULL)
        return;
    os_mutex_lock(&s->mu);
    s->stopping = true;
    os_cond_broadcast(&s->wake);
    os_mutex_unlock(&s->mu);
    os_thread_join(&s->thread);
    settler_release(s);
    free(s);
}

int arc_settle_stats(struct arc *arc, struct arc_settle_stats *out, struct iso_err *err)
{
    struct index_settled_stats stats;
    int                        rc = index_settled_stats(arc->index, &stats, err);

    if (rc >= 0)
        *out = (struct arc_settle_stats){ .unsettled    = stats.unsettled,
                                          .header_count = stats.rows,
                                          .header_bytes = stats.row_bytes,
                                          .pack_count   = stats.packs,
                                          .pack_bytes   = stats.pack_bytes,
                                          .ready_count  = stats.answers,
                                          .ready_bytes  = stats.answer_bytes };
    return rc;
}
