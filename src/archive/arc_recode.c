/* arc_recode.c: read → encode → decode and compare → store (durable) → index (durable); then, and not
 * before, the old bytes are marked for removal. A crash in between leaves an object that the index
 * does not name: recovery finds its SOP instance there already and drops it. */
#include "arc_recode.h"

#include "arc_in.h"
#include "os_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREATOR_UID       "2.25.205533072305180948642146405377444724758" /* of what follows it */
#define JPEG_UID          "1.2.840.10008.1.2.4.50"
#define RECOMPRESSION_UID "1.2.840.10008.1.2.4.111"

enum {
    PAUSE_MS      = 2000,  /* between looks for what has come of age */
    TROUBLE_MS    = 60000, /* after the disk was full or failed */
    FREE_AFTER_US = 600 * 1000 * 1000,
    BATCH         = 64,
    PREAMBLE      = 128
};

/* ---- one object ---- */

/* A whole Part 10 file: bytes in memory, then the range of a file. */
struct made_file {
    iso_bytes meta;
    int       fd;
    uint64_t  at;
    uint64_t  left;
};

static int64_t made_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct made_file *f = ctx;

    if (f->meta.len > 0) {
        size_t n = f->meta.len < cap ? f->meta.len : cap;

        memcpy(ptr, f->meta.ptr, n);
        f->meta = iso_bytes_of(f->meta.ptr + n, f->meta.len - n);
        return (int64_t)n;
    }
    size_t  n   = f->left < cap ? (size_t)f->left : cap;
    int64_t got = n > 0 ? os_read_at(f->fd, ptr, n, f->at, err) : 0;
    if (got > 0) {
        f->at += (uint64_t)got;
        f->left -= (uint64_t)got;
    }
    return got;
}

/* JPEG recompression is for JPEG baseline alone; all else is for what has lost nothing. */
static bool is_kind(iso_str from_uid, iso_str to_uid)
{
    return iso_str_eq_c(to_uid, RECOMPRESSION_UID) ? iso_str_eq_c(from_uid, JPEG_UID)
                                                   : !dcm_syntax_or_default(from_uid)->lossy;
}

/* Why this object stays as it is, before any work; NULL: it may do. */
static const char *unsuited(const struct index_instance *row, iso_str to_uid)
{
    const struct dcm_syntax *from = dcm_syntax_find(row->transfer_syntax_uid);

    if (iso_str_eq(row->transfer_syntax_uid, to_uid))
        return "it is in that transfer syntax";
    if (from == NULL || from->video || row->pixels == INDEX_PIXELS_NONE)
        return "it has no pixels that can be encoded";
    if (!is_kind(row->transfer_syntax_uid, to_uid))
        return "it is lossy: without loss it would grow";
    return codec_object_can(row->transfer_syntax_uid, to_uid, NULL)
               ? NULL
               : "there is no way from one transfer syntax to the other";
}

/* Some preambles are the head of another format, which names places in the file. */
static int preamble_is_plain(const struct arc_object *object, bool *plain, struct iso_err *err)
{
    static const uint8_t zeros[PREAMBLE];
    uint8_t              head[PREAMBLE];
    int                  rc = os_read_exact_at(object->fd, head, sizeof head, object->offset, err);

    if (rc >= 0)
        *plain = memcmp(head, zeros, sizeof head) == 0;
    return rc;
}

/* What the object was at first: now, unless it has been encoded anew before. */
static int origin_of(struct arc *arc, const struct index_instance *row, struct iso_arena *arena,
                     struct index_origin *origin, struct iso_err *err)
{
    int rc = index_origin(arc->index, row->id, arena, origin, err);

    if (rc != ISO_ENOENT)
        return rc;
    *origin = (struct index_origin){ .transfer_syntax_uid = row->transfer_syntax_uid,
                                     .length              = row->location.length,
                                     .recoded_us          = os_wall_us() };
    memcpy(origin->digest, row->digest, sizeof origin->digest);
    memcpy(origin->meta_digest, row->meta_digest, sizeof origin->meta_digest);
    return ISO_OK;
}

/* File meta information for the new encoding, with the record of the old one. */
static int make_meta(const struct index_instance *row, const struct index_origin *origin,
                     iso_str to_uid, struct iso_buf *out, struct iso_err *err)
{
    char digest[2 * ISO_SHA256_BYTES + 1];
    char meta[2 * ISO_SHA256_BYTES + 1];
    char text[512];

    iso_hex(origin->digest, ISO_SHA256_BYTES, digest);
    iso_hex(origin->meta_digest, ISO_SHA256_BYTES, meta);
    int n = snprintf(text, sizeof text,
                     "original transfer-syntax=%.*s length=%llu data-sha256=%s meta-sha256=%s"
                     " recoded-us=%lld",
                     ISO_STR_ARG(origin->transfer_syntax_uid), (unsigned long long)origin->length,
                     digest, meta, (long long)origin->recoded_us);
    if (n % 2 != 0) /* the NUL is the padding of an odd length */
        n++;
    return dcm_meta_write_private(row->sop_class_uid, row->sop_instance_uid, to_uid, row->source_ae,
                                  ISO_STR(CREATOR_UID), iso_bytes_of(text, (size_t)n),
                                  iso_buf_sink(out), err);
}

/* The value of "name=" in the text; empty: it is not there. */
static iso_str word_of(iso_str text, const char *name)
{
    for (iso_str rest = text; rest.ptr != NULL;) {
        iso_str value = iso_str_cut(&rest, ' ');

        if (value.ptr != NULL && iso_str_eq_c(iso_str_cut(&value, '='), name))
            return value;
    }
    return ISO_STR("");
}

int arc_origin_read(iso_bytes meta, struct iso_arena *arena, struct index_origin *out, bool *has,
                    struct iso_err *err)
{
    struct index_origin read = { 0 };
    struct made_file    file = { .fd = -1 };
    struct dcm_meta     parsed;
    struct iso_source   rest;
    int64_t             us;

    *has = false;
    if (meta.len == 0 || memmem(meta.ptr, meta.len, CREATOR_UID, strlen(CREATOR_UID)) == NULL)
        return ISO_OK;
    uint8_t *copy = iso_arena_alloc(arena, meta.len + 1); /* a data set begins behind it */
    if (copy == NULL)
        return iso_arena_fail(arena, err);
    memcpy(copy, meta.ptr, meta.len);
    copy[meta.len] = 0;
    file.meta      = iso_bytes_of(copy, meta.len + 1);
    int rc = dcm_meta_read((struct iso_source){ made_read, &file }, arena, &parsed, &rest, err);
    if (rc < 0 || !iso_str_eq_c(dcm_get_ascii(&parsed.group2, DCM_PRIVATE_INFORMATION_CREATOR_UID),
                                CREATOR_UID))
        return rc;
    iso_str text             = dcm_get_raw(&parsed.group2, DCM_PRIVATE_INFORMATION);
    text.len                 = strnlen(text.ptr != NULL ? text.ptr : "", text.len);
    read.transfer_syntax_uid = word_of(text, "transfer-syntax");
    if (!dcm_uid_acceptable(read.transfer_syntax_uid) ||
        !iso_str_to_u64(word_of(text, "length"), &read.length) ||
        !iso_unhex(word_of(text, "data-sha256"), read.digest, sizeof read.digest) ||
        !iso_unhex(word_of(text, "meta-sha256"), read.meta_digest, sizeof read.meta_digest))
        return ISO_OK;
    if (iso_str_to_i64(word_of(text, "recoded-us"), &us)) /* objects of older programs lack it */
        read.recoded_us = us;
    *out = read;
    *has = true;
    return ISO_OK;
}

/* The encoded data set in fd becomes a stored object in the old one's place. */
static int put(struct arc *arc, const struct index_instance *row, iso_str to_uid, int fd,
               uint64_t bytes, struct iso_err *err)
{
    struct store_blob    *blob = NULL;
    struct store_record   record;
    struct index_origin   origin;
    struct index_instance entry;
    struct arc_parsed     parsed;
    struct iso_arena      arena;
    struct iso_buf        meta;
    struct arc_flight     flight = { .uid = row->sop_instance_uid };
    struct arc_flight     swap   = { .uid = ISO_STR(ARC_SWAP) };
    uint8_t               meta_digest[ISO_SHA256_BYTES];

    iso_arena_init(&arena, arc->config.header_bytes_max);
    iso_buf_init(&meta, DCM_META_BYTES_MAX);
    int rc = origin_of(arc, row, &arena, &origin, err);
    if (rc >= 0)
        rc = make_meta(row, &origin, to_uid, &meta, err);
    if (rc >= 0)
        rc = store_begin(arc->store, &blob, err);
    if (rc >= 0) {
        struct made_file    file = { iso_buf_bytes(&meta), fd, 0, bytes };
        struct arc_incoming in   = { .source = { made_read, &file } };
        rc = arc_receive(arc, &in, false, blob, &arena, &parsed, meta_digest, err);
    }
    if (rc >= 0 &&
        (!iso_str_eq_c(row->sop_instance_uid, parsed.id.sop_instance_uid) ||
         !iso_str_eq_c(row->series_uid, parsed.id.series_uid) ||
         !iso_str_eq_c(row->study_uid, parsed.id.study_uid) || row->frames != parsed.frames))
        rc = iso_fail(err, ISO_EFORMAT, "what was encoded is not the same object");
    if (rc >= 0) {
        arc_flight_begin(arc, &flight);
        arc_flight_begin(arc, &swap);
        arc_parsed_entry(&parsed, &entry);
        memcpy(entry.meta_digest, meta_digest, sizeof meta_digest);
        entry.stored_us = row->stored_us;
        entry.source_ae = row->source_ae;
        entry.crc32c    = store_blob_crc32c(blob);
        arc_record(&entry, &record);
        store_blob_flushes(blob);
        rc = store_commit(&blob, parsed.digest, &record, &entry.location, err);
        if (rc >= 0) {
            rc = index_recode(arc->index, row->id, row->digest, &entry, &parsed.header,
                              origin.recoded_us, os_wall_us() + FREE_AFTER_US, err);
            if (rc >= 0)
                store_settle(arc->store, &entry.location);
            else if (index_writable(arc->index)) /* else it may be there after all: recovery */
                store_discard(arc->store, &entry.location);
        }
        arc_flight_end(arc, &swap);
        arc_flight_end(arc, &flight);
    }
    store_abort(blob);
    iso_buf_release(&meta);
    iso_arena_release(&arena);
    return rc;
}

/* A failure that says something about this object, and not about the system. */
static bool is_about_object(int rc)
{
    return rc == ISO_EUNSUPPORTED || rc == ISO_EFORMAT || rc == ISO_ELIMIT || rc == ISO_EINVAL;
}

static int recode_row(struct arc *arc, struct codec_pool *pool, const struct index_instance *row,
                      iso_str to_uid, bool (*stop)(void *ctx), void *ctx, enum arc_recoded *outcome,
                      uint64_t *bytes_now, struct iso_err *err)
{
    const struct codec_object_options options = {
        .threads = 1, .verify = true, .stop = stop, .ctx = ctx
    };
    struct codec_object_result result;
    struct arc_instance        instance;
    struct arc_object          object = { 0 };
    const char                *why    = unsuited(row, to_uid);
    bool                       plain  = false;
    int                        fd     = -1;

    *bytes_now = row->location.length;
    *outcome   = ARC_NOT_SUITED;
    if (why != NULL) {
        (void)iso_fail(err, ISO_EUNSUPPORTED, "%s", why);
        return ISO_OK;
    }
    arc_instance_from(row, &instance);
    int rc = arc_object_open(arc, &instance, &object, err);
    if (rc >= 0)
        rc = preamble_is_plain(&object, &plain, err);
    if (rc >= 0 && !plain)
        rc = iso_fail(err, ISO_EUNSUPPORTED, "its preamble is not empty");
    if (rc >= 0) {
        const struct codec_object_source source = { object.fd, object.offset + row->data_offset,
                                                    object.bytes - row->data_offset,
                                                    row->transfer_syntax_uid };
        rc = codec_object_scratch(pool, &source, to_uid, &options, &fd, &result, err);
        if (rc >= 0 && result.lossy)
            rc = iso_fail(err, ISO_EUNSUPPORTED, "it would lose something");
        if (rc == ISO_EIO && store_writable(arc->store))
            rc = iso_fail(err, ISO_EFORMAT, "it cannot be encoded exactly, or took a codec down");
    }
    if (rc >= 0 && result.bytes >= row->location.length - row->data_offset) {
        *outcome = ARC_NOT_SMALLER;
    } else if (rc >= 0) {
        rc = put(arc, row, to_uid, fd, result.bytes, err);
        if (rc >= 0) {
            *outcome   = ARC_RECODED;
            *bytes_now = result.bytes + row->data_offset;
        }
    }
    os_close(fd);
    arc_object_close(&object);
    return is_about_object(rc) || rc == ISO_ENOENT ? ISO_OK : rc;
}

int arc_recode(struct arc *arc, struct codec_pool *pool, iso_str sop_instance_uid, iso_str to_uid,
               enum arc_recoded *outcome, struct iso_err *err)
{
    struct index_instance row;
    struct iso_arena      arena;
    uint64_t              now;

    iso_arena_init(&arena, 1 << 20);
    int rc = index_lookup(arc->index, sop_instance_uid, &arena, &row, err);
    if (rc >= 0)
        rc = recode_row(arc, pool, &row, to_uid, NULL, NULL, outcome, &now, err);
    if (rc >= 0 && *outcome == ARC_RECODED)
        arc_wake_keeper(arc);
    iso_arena_release(&arena);
    return rc;
}

/* ---- by rule ---- */

struct arc_recoder {
    struct arc              *arc;
    struct arc_recode_config config;
    struct arc_rule          rule[ARC_RULES_MAX];
    char                     mark[ARC_RULES_MAX][32]; /* names of the rules and all before them */
    struct os_thread         thread;
    struct os_mutex          mu;
    struct os_cond           wake;
    bool                     stopping;
};

int arc_rule_check(const struct arc_rule *rule, struct iso_err *err)
{
    const iso_str            uid    = iso_str_c(rule->transfer_syntax_uid);
    const struct dcm_syntax *syntax = dcm_syntax_find(uid);

    if (syntax == NULL || (!codec_can_encode(uid) && !iso_str_eq_c(uid, RECOMPRESSION_UID)))
        return iso_fail(err, ISO_EINVAL, "transfer syntax %s cannot be written here",
                        rule->transfer_syntax_uid);
    if (syntax->lossy && !iso_str_eq_c(uid, RECOMPRESSION_UID))
        return iso_fail(err, ISO_EINVAL,
                        "%s can lose something: stored objects are only ever "
                        "compressed without loss",
                        syntax->name);
    if (rule->after_s < 0)
        return iso_fail(err, ISO_EINVAL, "after_s is not negative");
    return ISO_OK;
}

static bool is_stopping(void *ctx)
{
    struct arc_recoder *r = ctx;

    os_mutex_lock(&r->mu);
    bool stopping = r->stopping;
    os_mutex_unlock(&r->mu);
    return stopping;
}

static void pause_for(struct arc_recoder *r, int64_t ms)
{
    const int64_t until_ms = os_now_ms() + ms;

    os_mutex_lock(&r->mu);
    while (!r->stopping && os_cond_wait_until(&r->wake, &r->mu, until_ms))
        ;
    os_mutex_unlock(&r->mu);
}

static bool matches(const struct arc_rule *rule, const struct index_instance *row)
{
    return (rule->modality == NULL || iso_str_eq_c(row->modality, rule->modality)) &&
           (rule->source_ae == NULL || iso_str_eq_c(row->source_ae, rule->source_ae)) &&
           row->location.length >= rule->bytes_min &&
           is_kind(row->transfer_syntax_uid, iso_str_c(rule->transfer_syntax_uid));
}

/* The one rule that counts for the object. */
static bool is_ours(const struct arc_recoder *r, size_t number, const struct index_instance *row)
{
    for (size_t i = 0; i < number; i++)
        if (matches(&r->rule[i], row))
            return false;
    return matches(&r->rule[number], row);
}

static int recode_one(struct arc_recoder *r, size_t number, const struct index_instance *row,
                      bool *changed, struct iso_err *err)
{
    struct iso_err         why  = { 0 };
    struct arc_recode_news news = { .sop_instance_uid = row->sop_instance_uid,
                                    .from_uid         = row->transfer_syntax_uid,
                                    .to_uid       = iso_str_c(r->rule[number].transfer_syntax_uid),
                                    .bytes_before = row->location.length,
                                    .why          = why.text };
    int rc = recode_row(r->arc, r->config.pool, row, news.to_uid, is_stopping, r, &news.outcome,
                        &news.bytes_now, &why);

    if (rc < 0)
        return iso_fail(err, rc, "%s", why.text);
    *changed = *changed || news.outcome == ARC_RECODED;
    if (r->config.told != NULL)
        r->config.told(r->config.ctx, &news);
    return ISO_OK;
}

/* The next objects of age for one rule. *count: how many there were, whether it took them or not. */
static int rule_batch(struct arc_recoder *r, size_t number, size_t *count, struct iso_err *err)
{
    const int64_t         until_us = os_wall_us() - r->rule[number].after_s * 1000000;
    struct index_instance row[BATCH];
    struct iso_arena      arena;
    int64_t               ids[BATCH];
    int64_t               mark;
    size_t                found   = 0;
    bool                  changed = false;
    int                   rc = index_mark(r->arc->index, iso_str_c(r->mark[number]), &mark, err);

    iso_arena_init(&arena, (size_t)16 << 20);
    *count = 0;
    if (rc >= 0)
        rc = index_arrived(r->arc->index, mark, until_us, ids, BATCH, count, err);
    if (rc >= 0 && *count > 0)
        rc = index_instances(r->arc->index, ids, *count, &arena, row, NULL, &found, err);
    for (size_t i = 0; i < found && rc >= 0 && !is_stopping(r); i++) {
        if (is_ours(r, number, &row[i]))
            rc = recode_one(r, number, &row[i], &changed, err);
        mark = rc >= 0 ? row[i].id : mark;
    }
    if (rc >= 0 && *count > 0 && !is_stopping(r)) /* some may have been removed meanwhile */
        mark = ids[*count - 1];
    if (*count > 0) {
        int set =
            index_mark_set(r->arc->index, iso_str_c(r->mark[number]), mark, rc >= 0 ? err : NULL);
        rc = rc >= 0 ? set : rc;
    }
    if (changed)
        arc_wake_keeper(r->arc);
    iso_arena_release(&arena);
    return rc;
}

static void recoder_run(void *arg)
{
    struct arc_recoder *r = arg;

    while (!is_stopping(r)) {
        size_t most = 0;
        int    rc   = ISO_OK;

        for (size_t i = 0; i < r->config.count && rc >= 0 && !is_stopping(r); i++) {
            size_t count;
            rc   = rule_batch(r, i, &count, NULL);
            most = count > most ? count : most;
        }
        if (rc < 0 || most < BATCH)
            pause_for(r, rc < 0 ? TROUBLE_MS : PAUSE_MS);
    }
}

/* Rules have no names: what they say, and what those before them say, is theirs. */
static int name_marks(struct arc_recoder *r, struct iso_err *err)
{
    struct iso_buf text;
    uint8_t        digest[ISO_SHA256_BYTES];
    int            rc = ISO_OK;

    iso_buf_init(&text, 64 << 10);
    for (size_t i = 0; i < r->config.count && rc >= 0; i++) {
        const struct arc_rule *rule = &r->rule[i];

        iso_buf_printf(&text, "%s|%s|%s|%llu|%lld\n", rule->modality != NULL ? rule->modality : "",
                       rule->source_ae != NULL ? rule->source_ae : "", rule->transfer_syntax_uid,
                       (unsigned long long)rule->bytes_min, (long long)rule->after_s);
        rc = iso_buf_check(&text, err);
        if (rc >= 0)
            rc = iso_sha256_of(iso_buf_bytes(&text), digest, err);
        if (rc >= 0) {
            memcpy(r->mark[i], "recode ", 7);
            iso_hex(digest, 8, r->mark[i] + 7);
        }
    }
    iso_buf_release(&text);
    return rc;
}

int arc_recode_start(struct arc *arc, const struct arc_recode_config *config, struct iso_err *err)
{
    int rc = ISO_OK;

    if (config->count > ARC_RULES_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d rules", (int)ARC_RULES_MAX);
    for (size_t i = 0; i < config->count && rc >= 0; i++)
        rc = arc_rule_check(&config->rules[i], err);
    if (rc < 0 || config->count == 0)
        return rc;
    struct arc_recoder *r = calloc(1, sizeof *r);
    if (r == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the compression rules");
    r->arc    = arc;
    r->config = *config;
    memcpy(r->rule, config->rules, config->count * sizeof *r->rule);
    os_mutex_init(&r->mu);
    os_cond_init(&r->wake);
    rc = name_marks(r, err);
    if (rc >= 0)
        rc = os_thread_start(&r->thread, "recoder", (size_t)1 << 20, recoder_run, r, err);
    if (rc < 0) {
        os_cond_release(&r->wake);
        os_mutex_release(&r->mu);
        free(r);
        return rc;
    }
    arc->recoder = r;
    return ISO_OK;
}

void arc_recoder_stop(struct arc_recoder *r)
{
    if (r == NULL)
        return;
    os_mutex_lock(&r->mu);
    r->stopping = true;
    os_cond_broadcast(&r->wake);
    os_mutex_unlock(&r->mu);
    os_thread_join(&r->thread);
    os_cond_release(&r->wake);
    os_mutex_release(&r->mu);
    free(r);
}

/* ---- on record ---- */

int arc_recode_stats(struct arc *arc, struct arc_recode_stats *out, struct iso_err *err)
{
    return index_recoded(arc->index, &out->objects, &out->bytes_now, &out->bytes_before, err);
}

int arc_origin(struct arc *arc, int64_t instance, struct iso_arena *arena, struct arc_origin *out,
               struct iso_err *err)
{
    struct index_origin origin;
    int                 rc = index_origin(arc->index, instance, arena, &origin, err);

    if (rc < 0)
        return rc;
    *out = (struct arc_origin){ .transfer_syntax_uid = origin.transfer_syntax_uid,
                                .bytes               = origin.length,
                                .recoded_us          = origin.recoded_us };
    memcpy(out->digest, origin.digest, sizeof out->digest);
    return ISO_OK;
}
