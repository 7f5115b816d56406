/* arc_removed.c: what was removed, listed and taken back. First the member gets its own name again, then
 * one transaction gives the object its row and takes its tombstone away: a crash in between leaves a
 * removed object whose member is not called kept, which only an index made from the segments alone
 * would notice. Neither step is done twice by somebody else: the keeper waits (ARC_KEEP), and so does
 * who stores the same SOP instance. */
#include "arc_removed.h"

#include "arc_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16, LIST_MAX = 1000 };

int arc_removed_list(struct arc *arc, iso_str after, size_t limit, struct iso_arena *arena,
                     struct arc_removed **list, size_t *count, struct iso_err *err)
{
    const size_t          max = limit < LIST_MAX ? limit : LIST_MAX;
    struct index_removed *row = calloc(max + 1, sizeof *row);
    struct arc_removed   *out = iso_arena_array(arena, max + 1, sizeof *out);
    size_t                n   = 0;
    int                   rc  = row == NULL   ? iso_fail(err, ISO_ENOMEM, "no memory for a list")
                                : out == NULL ? iso_arena_fail(arena, err)
                                              : ISO_OK;

    if (rc >= 0)
        rc = index_removed(arc->index, after, arena, row, max, &n, err);
    for (size_t i = 0; i < n && rc >= 0; i++) {
        char date[16] = "";

        if (row[i].study_date > 0 && row[i].study_date <= 99999999)
            (void)snprintf(date, sizeof date, "%08lld", (long long)row[i].study_date);
        out[i] = (struct arc_removed){ .study_uid         = row[i].study_uid,
                                       .patient_id        = row[i].patient_id,
                                       .patient_name      = row[i].patient_name,
                                       .study_date        = iso_arena_str(arena, iso_str_c(date)),
                                       .study_description = row[i].study_description,
                                       .removed_us        = row[i].removed_us,
                                       .until_us          = row[i].until_us,
                                       .objects           = row[i].objects,
                                       .bytes             = row[i].bytes };
        if (out[i].study_date.ptr == NULL)
            rc = iso_arena_fail(arena, err);
    }
    free(row);
    if (rc < 0)
        return rc;
    *list  = out;
    *count = n;
    return ISO_OK;
}

/* ---- taking back ---- */

/* Read again, every byte; it must be what was stored. */
static int read_kept(struct arc *arc, const struct index_tombstone *t, struct iso_arena *arena,
                     struct arc_reread *again, struct iso_err *err)
{
    struct store_pin *pin = NULL;
    int               fd  = -1;
    int               rc  = store_read_open(arc->store, &t->location, t->digest, &fd, &pin, err);

    if (rc >= 0)
        rc = arc_reread(fd, store_content_offset(&t->location), t->location.length, ARC_WHOLE, NULL,
                        NULL, arena, again, err);
    store_read_close(pin);
    if (rc >= 0 && (memcmp(again->parsed.digest, t->digest, ISO_SHA256_BYTES) != 0 ||
                    !iso_str_eq(again->entry.sop_instance_uid, t->sop_instance_uid)))
        rc = iso_fail(err, ISO_EFORMAT, "its content is no longer what was stored");
    return rc;
}

static int put_back(struct arc *arc, const struct index_tombstone *t, struct arc_reread *again,
                    struct iso_err *err)
{
    int64_t id;
    int     rc = store_keep(arc->store, &t->location, false, err);

    again->entry.location  = t->location;
    again->entry.stored_us = t->stored_us;
    again->entry.source_ae = t->source_ae;
    again->entry.crc32c    = t->crc32c;
    if (rc >= 0)
        rc = index_take_back(arc->index, t->id, &again->entry, &again->parsed.header, &id, err);
    if (rc < 0 && index_writable(arc->index))
        (void)!store_keep(arc->store, &t->location, true, NULL);
    if (rc < 0)
        return rc;
    const struct arc_event event = { .kind             = ARC_EVENT_STORED,
                                     .study_uid        = again->entry.study_uid,
                                     .series_uid       = again->entry.series_uid,
                                     .sop_instance_uid = again->entry.sop_instance_uid,
                                     .sop_class_uid    = again->entry.sop_class_uid,
                                     .source_ae        = t->source_ae };
    arc_publish(arc, &event);
    return ISO_OK;
}

/* A failure of this object alone is only counted. */
static int take_one(struct arc *arc, const struct index_tombstone *t, struct arc_taken_back *out,
                    struct iso_err *err)
{
    struct arc_flight     flight = { .uid = t->sop_instance_uid };
    struct index_instance here;
    struct arc_reread     again;
    struct iso_arena      arena;

    iso_arena_init(&arena, arc->config.header_bytes_max);
    arc_flight_begin(arc, &flight);
    int rc = index_lookup(arc->index, t->sop_instance_uid, &arena, &here, err);
    if (rc >= 0) {
        out->present++;
    } else if (rc == ISO_ENOENT) {
        rc = read_kept(arc, t, &arena, &again, err);
        if (rc >= 0)
            rc = put_back(arc, t, &again, err);
        out->restored += rc >= 0;
        if (rc == ISO_EFORMAT || rc == ISO_ENOENT || rc == ISO_ELIMIT || rc == ISO_EINVAL ||
            (rc == ISO_EIO && store_writable(arc->store) && index_writable(arc->index))) {
            out->failed++;
            rc = ISO_OK;
        }
    }
    arc_flight_end(arc, &flight);
    iso_arena_release(&arena);
    return rc;
}

/* The keeper waits meanwhile, and the list was made since: nothing in it is on its way out. */
static int take_batch(struct arc *arc, iso_str study_uid, int64_t *after, size_t *count,
                      struct arc_taken_back *out, struct iso_err *err)
{
    struct index_tombstone list[BATCH];
    struct arc_flight      keep = { .uid = ISO_STR(ARC_KEEP) };
    struct iso_arena       arena;

    iso_arena_init(&arena, 1 << 20);
    arc_flight_begin(arc, &keep);
    int rc = index_tombstones_of(arc->index, study_uid, *after, &arena, list, BATCH, count, err);
    for (size_t i = 0; i < *count && rc >= 0; i++) {
        *after = list[i].id;
        rc     = take_one(arc, &list[i], out, err);
    }
    arc_flight_end(arc, &keep);
    iso_arena_release(&arena);
    return rc;
}

int arc_take_back(struct arc *arc, iso_str study_uid, struct arc_taken_back *out,
                  struct iso_err *err)
{
    struct arc_taken_back done  = { 0 };
    int64_t               after = 0;
    size_t                count = BATCH;
    int                   rc    = ISO_OK;

    while (rc >= 0 && count == BATCH) {
        count = 0;
        rc    = take_batch(arc, study_uid, &after, &count, &done, err);
    }
    if (rc >= 0 && done.restored + done.present + done.failed == 0)
        return iso_fail(err, ISO_ENOENT, "nothing that was removed of this study is left");
    *out = done;
    return rc;
}
