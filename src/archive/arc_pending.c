/* arc_pending.c: objects under way. What arc_ingest does on one thread, begin does until all of the object is in
 * memory; from there whichever thread made its digest, or committed it, passes it on: store, index, landed. So no
 * step waits for whoever began it, and two objects of one request never wait for each other unless
 * they have the same UID, and then only as long as the first one takes by itself. */
#include "arc_in.h"

#include "os_clock.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES_MAX = 1 << 20 /* with more than that begin waits until it has landed */ };

struct arc_pending {
    struct arc            *arc;
    struct iso_arena       scratch; /* what entry and header point to */
    struct arc_parsed      parsed;
    struct index_instance  entry;
    struct index_addition *addition;
    uint8_t                meta_digest[ISO_SHA256_BYTES];
    struct arc_digest      digest;
    struct store_blob     *blob; /* ours until it is committed */
    struct arc_flight      flight;
    iso_str                source_ae;
    iso_str                peer;
    uint64_t               received; /* bytes */
    struct arc_receipt     receipt;
    int64_t                replaces;
    int                    rc;
    struct iso_err         err;
    struct os_cond         wake; /* with arc.mu_flights */
    bool                   landed;
};

/* Tells a failing source from a failing object: both come back through arc_receive. */
struct tap {
    struct iso_source source;
    int               failed;
};

static int64_t tap_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct tap *tap = ctx;
    int64_t     got = tap->source.read(tap->source.ctx, ptr, cap, err);

    if (got < 0)
        tap->failed = (int)got;
    return got;
}

/* ---- from thread to thread ---- */

/* Nothing of ours may be touched after the unlock: whoever finishes it frees it. */
static void land(struct arc_pending *p)
{
    struct arc *arc = p->arc;

    store_abort(p->blob); /* its memory goes back now, not when somebody asks */
    p->blob = NULL;
    os_mutex_lock(&arc->mu_flights);
    p->landed = true;
    os_cond_signal(&p->wake);
    os_mutex_unlock(&arc->mu_flights);
}

static void indexed(void *ctx, int rc, const struct iso_err *why)
{
    struct arc_pending *p   = ctx;
    struct arc         *arc = p->arc;

    if (rc == ISO_ENOENT && p->replaces != 0) { /* somebody removed it meanwhile */
        p->replaces = 0;
        index_add_post(p->addition, 0, indexed, p);
        return;
    }
    if (rc >= 0) {
        store_settle(arc->store, &p->entry.location);
    } else {
        p->err = *why;
        p->rc  = iso_wrap(&p->err, rc, "not indexed: %s", p->parsed.id.sop_instance_uid);
        /* After a failed flush the entry may be there after all when the index is opened again. */
        if (index_writable(arc->index))
            store_discard(arc->store, &p->entry.location);
    }
    arc_flight_end(arc, &p->flight);
    if (rc >= 0)
        arc_publish_stored(arc, &p->parsed, p->entry.source_ae, p->receipt.outcome == ARC_REPLACED);
    land(p);
}

static void stored(void *ctx, int rc, const struct store_location *at, const struct iso_err *why)
{
    struct arc_pending *p = ctx;

    if (rc < 0) {
        p->rc  = rc;
        p->err = *why;
        arc_flight_end(p->arc, &p->flight);
        land(p);
        return;
    }
    p->blob           = NULL;
    p->entry.location = *at;
    index_add_post(p->addition, p->replaces, indexed, p);
}

/* ---- begin ---- */

static int entry_make(struct arc_pending *p)
{
    arc_parsed_entry(&p->parsed, &p->entry);
    memcpy(p->entry.meta_digest, p->meta_digest, ISO_SHA256_BYTES);
    p->entry.stored_us = os_wall_us();
    p->entry.source_ae = p->source_ae;
    p->entry.peer      = p->peer;
    p->entry.crc32c    = store_blob_crc32c(p->blob);
    return index_add_prepare(p->arc->index, &p->entry, &p->parsed.header, &p->addition, &p->err);
}

/* To the committer; false: there is nothing to commit, p->rc says why. */
static bool launch(struct arc_pending *p)
{
    struct store_record record;

    memcpy(p->receipt.digest, p->parsed.digest, sizeof p->receipt.digest);
    p->flight.uid = iso_str_c(p->parsed.id.sop_instance_uid);
    arc_flight_begin(p->arc, &p->flight);
    p->rc = arc_decide(p->arc, &p->parsed, &p->scratch, &p->replaces, &p->receipt.outcome, &p->err);
    if (p->rc >= 0 && (p->receipt.outcome == ARC_STORED || p->receipt.outcome == ARC_REPLACED)) {
        p->rc = entry_make(p);
        if (p->rc >= 0) {
            arc_record(&p->entry, &record);
            if (p->replaces != 0)
                store_blob_flushes(p->blob);
            store_commit_post(p->blob, p->parsed.digest, &record, stored, p);
            return true;
        }
    }
    arc_flight_end(p->arc, &p->flight);
    return false;
}

static void digested(struct os_group_item *item)
{
    struct arc_pending *p =
        (struct arc_pending *)(void *)((char *)item - offsetof(struct arc_pending, digest));

    p->rc = p->digest.rc;
    if (p->rc < 0)
        p->err = p->digest.err;
    else
        memcpy(p->parsed.digest, p->digest.digest, sizeof p->parsed.digest);
    if (p->rc < 0 || !launch(p))
        land(p);
}

/* The caller's strings, for as long as the object is under way. */
static int sender_take(struct arc_pending *p, const struct arc_incoming *in)
{
    p->source_ae = iso_arena_str(&p->scratch, in->source_ae);
    p->peer      = iso_arena_str(&p->scratch, in->peer);
    return p->source_ae.ptr != NULL && p->peer.ptr != NULL ? ISO_OK
                                                           : iso_arena_fail(&p->scratch, &p->err);
}

/* *has_much: its header takes much memory. */
static void receive(struct arc_pending *p, const struct arc_incoming *in, bool *has_much)
{
    p->rc = arc_quota_admit(p->arc, &p->err);
    if (p->rc >= 0)
        p->rc = store_begin(p->arc->store, &p->blob, &p->err);
    if (p->rc >= 0)
        p->rc = arc_receive(p->arc, in, true, p->blob, &p->scratch, &p->parsed, p->meta_digest,
                            &p->err);
    p->receipt.id = p->parsed.id;
    if (p->blob != NULL)
        p->received = store_blob_bytes(p->blob);
    if (p->rc >= 0) {
        p->receipt.bytes = p->received;
        p->rc            = arc_compare_command(in, &p->parsed.id, &p->err);
    }
    if (p->rc >= 0)
        p->rc = sender_take(p, in);
    *has_much = p->scratch.bytes_used > HEADER_BYTES_MAX;
    if (p->rc >= 0 && p->parsed.undigested) {
        p->digest.in = arc_undigested(p->blob, &p->parsed);
        arc_digest_post(p->arc, &p->digest, digested);
    } else if (p->rc < 0 || !launch(p)) {
        land(p);
    }
}

static void await(struct arc_pending *p)
{
    os_mutex_lock(&p->arc->mu_flights);
    while (!p->landed)
        os_cond_wait(&p->wake, &p->arc->mu_flights);
    os_mutex_unlock(&p->arc->mu_flights);
}

static void pending_free(struct arc_pending *p)
{
    index_add_free(p->addition);
    iso_arena_release(&p->scratch);
    os_cond_release(&p->wake);
    free(p);
}

int arc_ingest_begin(struct arc *arc, const struct arc_incoming *in, struct arc_pending **pending,
                     struct iso_err *err)
{
    struct tap          tap    = { .source = in->source };
    struct arc_incoming tapped = *in;
    struct arc_pending *p      = calloc(1, sizeof *p);
    bool                has_much;

    if (p == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for an incoming object");
    p->arc        = arc;
    tapped.source = (struct iso_source){ tap_read, &tap };
    iso_arena_init(&p->scratch, arc->config.header_bytes_max);
    os_cond_init(&p->wake);
    receive(p, &tapped, &has_much);
    if (tap.failed < 0) { /* then it has landed */
        if (err != NULL)
            *err = p->err;
        pending_free(p);
        return tap.failed;
    }
    *pending = p;
    if (has_much)
        await(p);
    return ISO_OK;
}

/* ---- finish ---- */

uint64_t arc_ingest_bytes(const struct arc_pending *pending)
{
    return pending->received;
}

bool arc_ingest_landed(struct arc_pending *pending)
{
    os_mutex_lock(&pending->arc->mu_flights);
    bool landed = pending->landed;
    os_mutex_unlock(&pending->arc->mu_flights);
    return landed;
}

int arc_ingest_finish(struct arc_pending *pending, struct arc_receipt *receipt, struct iso_err *err)
{
    await(pending);
    int rc = pending->rc;
    if (rc >= 0) {
        *receipt = pending->receipt;
    } else {
        receipt->id = pending->receipt.id;
        if (err != NULL)
            *err = pending->err;
    }
    pending_free(pending);
    return rc;
}
