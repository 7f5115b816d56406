/* arc_ingest.c: stream → store (durable) → index (durable) → answer.
 * The data set flows through a fixed window: into the store's buffer or file, through the hash, past
 * the parser. A SOP instance UID is in flight once at a time, so that the question "is it here
 * already?" has one answer, and equal objects sent together are written once. */
#include "arc_in.h"

#include "os_clock.h"

#include <string.h>

enum { PIECE_BYTES = 256 << 10 /* of the stream at a time: what the processor's cache holds */ };

/* What comes goes into the blob; hash and parser see it there. As long as all of it stays there the hash
 * may wait for the end. */
struct tee {
    struct iso_source  from;
    struct store_blob *blob;
    size_t             meta_bytes; /* not hashed */
    struct arc_hold    hold;
    uint64_t           bytes_max;
    int                failed; /* of the source or the store: not a fault of the data */
};

static void let_go(struct tee *t)
{
    iso_bytes all;

    if (store_blob_memory(t->blob, &all))
        iso_sha256_add(t->hold.hash, all.ptr + t->meta_bytes, all.len - t->meta_bytes);
    t->hold.held = false;
}

static int64_t tee_lend(void *ctx, const uint8_t **ptr, struct iso_err *err)
{
    struct tee *t = ctx;
    void       *room;
    size_t      n;

    if (t->hold.held && !store_blob_stays(t->blob))
        let_go(t);
    int rc = store_reserve(t->blob, PIECE_BYTES, &room, &n, err);
    if (rc >= 0) {
        int64_t got = t->from.read(t->from.ctx, room, n, err);
        if (got == 0)
            return 0;
        rc = got < 0 ? (int)got : store_added(t->blob, (size_t)got, err);
        if (rc >= 0) {
            *ptr = room;
            if (store_blob_bytes(t->blob) <= t->bytes_max)
                return got;
            rc = iso_fail(err, ISO_ELIMIT, "the object is larger than %llu bytes",
                          (unsigned long long)t->bytes_max);
        }
    }
    t->failed = rc;
    return rc;
}

static int blob_sink(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct iso_buf *buf = ctx;

    (void)err;
    return iso_buf_add(buf, ptr, len);
}

/* A bare data set gets our file meta. */
static int start_make(const struct arc_incoming *in, struct iso_arena *arena,
                      struct arc_start *start, struct iso_err *err)
{
    struct iso_buf meta;
    int            rc;

    if (!dcm_uid_acceptable(in->transfer_syntax_uid) || !dcm_uid_acceptable(in->sop_class_uid) ||
        !dcm_uid_acceptable(in->sop_instance_uid))
        return iso_fail(err, ISO_EFORMAT, "a bare data set needs three UIDs in its command");
    iso_buf_init(&meta, DCM_META_BYTES_MAX);
    rc     = dcm_meta_write(in->sop_class_uid, in->sop_instance_uid, in->transfer_syntax_uid,
                            in->source_ae, (struct iso_sink){ blob_sink, &meta }, err);
    *start = (struct arc_start){ .meta = iso_arena_bytes(arena, iso_buf_bytes(&meta)),
                                 .transfer_syntax_uid = in->transfer_syntax_uid,
                                 .sop_class_uid       = in->sop_class_uid,
                                 .sop_instance_uid    = in->sop_instance_uid,
                                 .syntax = dcm_syntax_or_default(in->transfer_syntax_uid),
                                 .rest   = in->source };
    iso_buf_release(&meta);
    return rc >= 0 && start->meta.ptr == NULL ? iso_arena_fail(arena, err) : rc;
}

int arc_compare_command(const struct arc_incoming *in, const struct arc_identity *id,
                        struct iso_err *err)
{
    if (in->sop_class_uid.len > 0 && !iso_str_eq_c(in->sop_class_uid, id->sop_class_uid))
        return iso_fail(err, ISO_EINVAL, "the command says SOP class %.*s, the data set %s",
                        ISO_STR_ARG(in->sop_class_uid), id->sop_class_uid);
    if (in->sop_instance_uid.len > 0 && !iso_str_eq_c(in->sop_instance_uid, id->sop_instance_uid))
        return iso_fail(err, ISO_EINVAL, "the command says SOP instance %.*s, the data set %s",
                        ISO_STR_ARG(in->sop_instance_uid), id->sop_instance_uid);
    if (in->study_uid.len > 0 && !iso_str_eq_c(in->study_uid, id->study_uid))
        return iso_fail(err, ISO_EINVAL, "the object belongs to study %s, not to %.*s",
                        id->study_uid, ISO_STR_ARG(in->study_uid));
    return ISO_OK;
}

/* Who a broken object would have been, by what stands before its data set: for the refusal. */
static void guess_identity(const struct arc_start *start, struct arc_identity *id)
{
    const iso_str uid[] = { start->sop_class_uid, start->sop_instance_uid };
    char         *to[]  = { id->sop_class_uid, id->sop_instance_uid };

    for (int i = 0; i < 2; i++) {
        if (to[i][0] != '\0' || !dcm_uid_acceptable(uid[i]))
            continue;
        memcpy(to[i], uid[i].ptr, uid[i].len);
        to[i][uid[i].len] = '\0';
    }
}

iso_bytes arc_undigested(const struct store_blob *blob, const struct arc_parsed *parsed)
{
    iso_bytes all;

    if (!store_blob_memory(blob, &all))
        return iso_bytes_of(NULL, 0);
    return iso_bytes_of(all.ptr + parsed->data_offset, all.len - parsed->data_offset);
}

int arc_receive(struct arc *arc, const struct arc_incoming *in, bool may_hold,
                struct store_blob *blob, struct iso_arena *arena, struct arc_parsed *parsed,
                uint8_t meta_digest[ISO_SHA256_BYTES], struct iso_err *err)
{
    struct arc_start start;
    struct tee       tee = { .blob = blob, .bytes_max = arc->config.object_bytes_max };
    int              rc;

    memset(&parsed->id, 0, sizeof parsed->id);
    if (in->transfer_syntax_uid.len > 0)
        rc = start_make(in, arena, &start, err);
    else
        rc = arc_start_read(in->source, arena, &start, err);
    if (rc >= 0)
        rc = iso_sha256_of(start.meta, meta_digest, err);
    if (rc >= 0)
        rc = store_add(blob, start.meta.ptr, start.meta.len, err);
    if (rc < 0)
        return rc;
    tee.from       = start.rest;
    tee.meta_bytes = start.meta.len;
    tee.hold.held  = may_hold && store_blob_stays(blob);
    rc = arc_parse_lent((struct iso_lender){ tee_lend, &tee }, &start, arena, &tee.hold, parsed,
                        err);
    if (rc < 0) {
        guess_identity(&start, &parsed->id);
        return tee.failed < 0 ? tee.failed : rc;
    }
    memcpy(parsed->id.transfer_syntax_uid, start.transfer_syntax_uid.ptr,
           start.transfer_syntax_uid.len);
    return ISO_OK;
}

/* ---- one SOP instance at a time ---- */

void arc_flight_begin(struct arc *arc, struct arc_flight *mine)
{
    bool taken = true;

    os_mutex_lock(&arc->mu_flights);
    while (taken) {
        taken = false;
        for (const struct arc_flight *f = arc->flights; f != NULL && !taken; f = f->next)
            taken = iso_str_eq(f->uid, mine->uid);
        if (taken)
            os_cond_wait(&arc->landed, &arc->mu_flights);
    }
    mine->next   = arc->flights;
    arc->flights = mine;
    os_mutex_unlock(&arc->mu_flights);
}

void arc_flight_end(struct arc *arc, struct arc_flight *mine)
{
    struct arc_flight **f = &arc->flights;

    os_mutex_lock(&arc->mu_flights);
    while (*f != mine)
        f = &(*f)->next;
    *f = mine->next;
    os_cond_broadcast(&arc->landed);
    os_mutex_unlock(&arc->mu_flights);
}

/* The object that is here was received as these bytes, and encoded anew since. */
static bool came_as(struct arc *arc, int64_t id, const struct arc_parsed *parsed,
                    struct iso_arena *arena)
{
    struct index_origin origin;

    return index_origin(arc->index, id, arena, &origin, NULL) >= 0 &&
           memcmp(origin.digest, parsed->digest, ISO_SHA256_BYTES) == 0 &&
           iso_str_eq_c(origin.transfer_syntax_uid, parsed->id.transfer_syntax_uid);
}

int arc_decide(struct arc *arc, const struct arc_parsed *parsed, struct iso_arena *arena,
               int64_t *replaces, enum arc_outcome *outcome, struct iso_err *err)
{
    struct index_instance here;
    int rc = index_lookup(arc->index, iso_str_c(parsed->id.sop_instance_uid), arena, &here, err);

    *replaces = 0;
    *outcome  = ARC_STORED;
    if (rc == ISO_ENOENT)
        return ISO_OK;
    if (rc < 0)
        return rc;
    if ((memcmp(here.digest, parsed->digest, ISO_SHA256_BYTES) == 0 &&
         iso_str_eq_c(here.transfer_syntax_uid, parsed->id.transfer_syntax_uid)) ||
        came_as(arc, here.id, parsed, arena)) {
        *outcome = ARC_ALREADY;
    } else if (arc->config.on_conflict == ARC_KEEP_FIRST) {
        *outcome = ARC_KEPT_FIRST;
    } else if (arc->config.on_conflict == ARC_REPLACE) {
        *outcome  = ARC_REPLACED;
        *replaces = here.id;
    } else {
        return iso_fail(err, ISO_ECONFLICT,
                        "SOP instance %s is stored with other content, in study %.*s",
                        parsed->id.sop_instance_uid, ISO_STR_ARG(here.study_uid));
    }
    return ISO_OK;
}

void arc_record(const struct index_instance *entry, struct store_record *record)
{
    const iso_str from = entry->source_ae.len > 0 ? entry->source_ae : entry->peer;
    const size_t  n    = from.len < STORE_FROM_BYTES ? from.len : STORE_FROM_BYTES - 1;

    *record = (struct store_record){ .stored_us = entry->stored_us };
    if (n > 0)
        memcpy(record->from, from.ptr, n);
}

/* Durable first, then findable. */
static int write_both(struct arc *arc, const struct arc_incoming *in, struct store_blob **blob,
                      const struct arc_parsed *parsed, const uint8_t meta_digest[ISO_SHA256_BYTES],
                      int64_t replaces, struct iso_err *err)
{
    struct index_instance entry;
    struct store_record   record;
    int64_t               id;
    int                   rc;

    arc_parsed_entry(parsed, &entry);
    memcpy(entry.meta_digest, meta_digest, ISO_SHA256_BYTES);
    entry.stored_us = os_wall_us();
    entry.source_ae = in->source_ae;
    entry.peer      = in->peer;
    entry.crc32c    = store_blob_crc32c(*blob);
    arc_record(&entry, &record);
    if (replaces != 0)
        store_blob_flushes(*blob);
    rc = store_commit(blob, parsed->digest, &record, &entry.location, err);
    if (rc < 0)
        return rc;
    rc = index_add(arc->index, &entry, &parsed->header, replaces, &id, err);
    if (rc == ISO_ENOENT && replaces != 0) /* somebody removed it meanwhile */
        rc = index_add(arc->index, &entry, &parsed->header, 0, &id, err);
    if (rc >= 0) {
        store_settle(arc->store, &entry.location);
        return ISO_OK;
    }
    /* After a failed flush the entry may be there after all when the index is opened again. */
    if (index_writable(arc->index))
        store_discard(arc->store, &entry.location);
    return iso_wrap(err, rc, "not indexed: %s", parsed->id.sop_instance_uid);
}

void arc_publish_stored(struct arc *arc, const struct arc_parsed *parsed, iso_str source_ae,
                        bool replaced)
{
    const struct arc_event event = {
        .kind             = replaced ? ARC_EVENT_REPLACED : ARC_EVENT_STORED,
        .study_uid        = iso_str_c(parsed->id.study_uid),
        .series_uid       = iso_str_c(parsed->id.series_uid),
        .sop_instance_uid = iso_str_c(parsed->id.sop_instance_uid),
        .sop_class_uid    = iso_str_c(parsed->id.sop_class_uid),
        .source_ae        = source_ae,
    };

    arc_publish(arc, &event);
    if (replaced)
        arc_wake_keeper(arc);
}

static int settle_identity(struct arc *arc, const struct arc_incoming *in, struct store_blob **blob,
                           const struct arc_parsed *parsed,
                           const uint8_t meta_digest[ISO_SHA256_BYTES], struct iso_arena *arena,
                           enum arc_outcome *outcome, struct iso_err *err)
{
    struct arc_flight flight = { .uid = iso_str_c(parsed->id.sop_instance_uid) };
    int64_t           replaces;
    int               rc;

    arc_flight_begin(arc, &flight);
    rc = arc_decide(arc, parsed, arena, &replaces, outcome, err);
    if (rc >= 0 && (*outcome == ARC_STORED || *outcome == ARC_REPLACED))
        rc = write_both(arc, in, blob, parsed, meta_digest, replaces, err);
    arc_flight_end(arc, &flight);
    return rc;
}

int arc_ingest(struct arc *arc, const struct arc_incoming *in, struct arc_receipt *receipt,
               struct iso_err *err)
{
    struct store_blob *blob = NULL; /* ours until store_commit takes it */
    struct arc_parsed  parsed;
    struct arc_receipt done = { 0 };
    struct iso_arena   scratch;
    uint8_t            meta_digest[ISO_SHA256_BYTES];
    int                rc;

    iso_arena_init(&scratch, arc->config.header_bytes_max);
    rc = arc_quota_admit(arc, err);
    if (rc >= 0)
        rc = store_begin(arc->store, &blob, err);
    if (rc < 0)
        goto out;
    rc      = arc_receive(arc, in, false, blob, &scratch, &parsed, meta_digest, err);
    done.id = parsed.id;
    if (rc < 0)
        goto out;
    done.bytes = store_blob_bytes(blob);
    memcpy(done.digest, parsed.digest, sizeof done.digest);
    rc = arc_compare_command(in, &parsed.id, err);
    if (rc < 0)
        goto out;
    rc = settle_identity(arc, in, &blob, &parsed, meta_digest, &scratch, &done.outcome, err);
    if (rc < 0)
        goto out;
    *receipt = done;
    if (done.outcome == ARC_STORED || done.outcome == ARC_REPLACED)
        arc_publish_stored(arc, &parsed, in->source_ae, done.outcome == ARC_REPLACED);
out:
    if (rc < 0)
        receipt->id = done.id;
    store_abort(blob); /* NULL once committed: does nothing */
    iso_arena_release(&scratch);
    return rc;
}
