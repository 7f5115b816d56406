/* arc_recover.c: what the store finds behind the low marks. A member at whose place there is a row or a
 * tombstone is known. Any other is an addition that a power loss took out of the index, or one that was
 * never acknowledged, or the index is older than the segment (a restored backup): it is read again and
 * adopted with the time and the sender of its record, unless its SOP instance is here already, at
 * another place.
 *
 * After deferred flushes even what the index knows may not have reached the disk. Then every member behind
 * the low mark is read; the first that is not whole is cut with all behind it, and the index forgets
 * what was there: it was acknowledged, and is lost, which is what deferring means. */
#include "arc_in.h"

#include "index_care.h"
#include "os_clock.h"

#include <string.h>

enum { CHUNK = 64 };

struct range_source {
    int      fd;
    uint64_t at;
    uint64_t left;
};

static int64_t range_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct range_source *r = ctx;
    size_t               n = r->left < cap ? (size_t)r->left : cap;
    int64_t              got;

    if (n == 0)
        return 0;
    got = os_read_at(r->fd, ptr, n, r->at, err);
    if (got > 0) {
        r->at += (uint64_t)got;
        r->left -= (uint64_t)got;
    }
    return got;
}

static int read_again(struct range_source *range, struct iso_arena *arena,
                      struct arc_parsed *parsed, struct index_instance *entry, struct iso_err *err)
{
    struct arc_start start;
    int rc = arc_start_read((struct iso_source){ range_read, range }, arena, &start, err);

    if (rc >= 0)
        rc = arc_parse(start.rest, &start, arena, parsed, err);
    if (rc < 0)
        return rc;
    memcpy(parsed->id.transfer_syntax_uid, start.transfer_syntax_uid.ptr,
           start.transfer_syntax_uid.len);
    arc_parsed_entry(parsed, entry);
    return iso_sha256_of(start.meta, entry->meta_digest, err);
}

/* What lies there is what its name says, all of it, and DICOM: its entry. ISO_EFORMAT: it is not. */
static int member_read(struct arc *arc, const struct store_member *member, struct iso_arena *arena,
                       struct arc_parsed *parsed, struct index_instance *entry, struct iso_err *err)
{
    const struct store_location *at    = &member->at;
    struct range_source          range = { .at = store_content_offset(at), .left = at->length };
    struct store_pin            *pin   = NULL;
    struct os_stat               st;
    int rc = store_read_open(arc->store, at, member->digest, &range.fd, &pin, err);

    if (rc >= 0)
        rc = os_stat_fd(range.fd, &st, err);
    if (rc >= 0 && st.bytes < range.at + range.left)
        rc = iso_fail(err, ISO_EFORMAT, "the object is cut short");
    if (rc >= 0)
        rc = read_again(&range, arena, parsed, entry, err);
    store_read_close(pin);
    if (rc == ISO_ENOENT || rc == ISO_EINVAL) /* no file of its own, or no DICOM */
        return ISO_EFORMAT;
    if (rc >= 0 && memcmp(parsed->digest, member->digest, STORE_DIGEST_BYTES) != 0)
        return iso_fail(err, ISO_EFORMAT, "the object's content is not that of its name");
    return rc;
}

static bool is_unknown(const struct arc *arc, uint32_t volume)
{
    for (size_t i = 0; i < arc->volume_count; i++)
        if (arc->volume[i].number == volume)
            return arc->volume[i].unknown;
    return false;
}

static int member_decide(struct arc *arc, const struct store_member *member,
                         struct iso_arena *arena, enum store_verdict *verdict, struct iso_err *err)
{
    struct index_instance entry;
    struct index_instance here;
    struct arc_parsed     parsed;
    int64_t               id;
    int                   rc = member_read(arc, member, arena, &parsed, &entry, err);

    if (rc ==
        ISO_EFORMAT) { /* its content never reached the disk. In an archive whose index is lost
                              * it may be all that is left of it: that is for verify to say */
        *verdict = is_unknown(arc, member->at.volume) ? STORE_LEAVE : STORE_DROP;
        return ISO_OK;
    }
    if (rc < 0)
        return rc;
    rc = index_lookup(arc->index, entry.sop_instance_uid, arena, &here, err);
    if (rc >= 0)
        *verdict = STORE_DROP;
    if (rc != ISO_ENOENT)
        return rc;
    entry.location  = member->at;
    entry.stored_us = member->record.stored_us > 0 ? member->record.stored_us : os_wall_us();
    entry.source_ae = iso_str_c(member->record.from);
    entry.crc32c    = member->record.has_crc ? (int64_t)member->record.crc32c : -1;
    rc              = index_add(arc->index, &entry, &parsed.header, 0, &id, err);
    if (rc >= 0)
        *verdict = STORE_ADOPT;
    return rc;
}

/* The index knows it, but did its bytes reach the disk? */
static int member_believe(struct arc *arc, const struct store_member *member,
                          struct iso_arena *arena, enum store_verdict *verdict, struct iso_err *err)
{
    struct index_instance entry;
    struct arc_parsed     parsed;
    int                   rc = member_read(arc, member, arena, &parsed, &entry, err);

    if (rc == ISO_EFORMAT)
        *verdict = STORE_CUT;
    return rc == ISO_EFORMAT ? ISO_OK : rc;
}

/* Rows and tombstones of what was cut. */
static int forget_cut(struct arc *arc, const struct arc_volume *volume, enum index_places which,
                      struct iso_err *err)
{
    struct index_place    place[CHUNK];
    int64_t               id[CHUNK];
    struct store_location after = { .volume = volume->number };
    size_t                count = CHUNK;
    int                   rc    = ISO_OK;

    store_low(arc->store, volume->number, &after.file, &after.offset);
    while (rc >= 0 && count == CHUNK) {
        size_t   n = 0;
        uint64_t removed;

        rc = index_places(arc->index, which, &after, place, CHUNK, &count, err);
        for (size_t i = 0; rc >= 0 && i < count; i++) {
            after = place[i].at;
            if (after.volume != volume->number || (after.file & STORE_FILE_LARGE) != 0)
                count = 0; /* no more of this volume's segments */
            else
                id[n++] = place[i].id;
        }
        if (rc >= 0 && n > 0)
            rc = which == INDEX_ROWS ? index_remove(arc->index, id, n, 0, &removed, err)
                                     : index_tombstones_done(arc->index, id, n, err);
    }
    return rc;
}

static int member(void *ctx, const struct store_member *m, enum store_verdict *verdict,
                  struct iso_err *err)
{
    struct arc      *arc   = ctx;
    bool             known = false;
    struct iso_arena arena;
    int              rc;

    *verdict = STORE_LEAVE;
    rc       = index_known_place(arc->index, m->at.volume, m->at.file, m->at.offset, &known, err);
    if (rc < 0 || (known && !arc->untrusted))
        return rc;
    iso_arena_init(&arena, arc->config.header_bytes_max);
    if (known)
        rc = member_believe(arc, m, &arena, verdict, err);
    else
        rc = member_decide(arc, m, &arena, verdict, err);
    iso_arena_release(&arena);
    return rc;
}

static int known_end(void *ctx, uint32_t volume, uint64_t file, uint64_t *end, struct iso_err *err)
{
    struct arc *arc = ctx;

    *end = 0;
    return arc->untrusted ? ISO_OK : index_known_end(arc->index, volume, file, end, err);
}

static int known_file(void *ctx, uint32_t volume, uint64_t file, bool *known, struct iso_err *err)
{
    struct arc *arc = ctx;

    return index_known_file(arc->index, volume, file, known, err);
}

int arc_recover(struct arc *arc, struct iso_err *err)
{
    const struct store_recovery how = {
        .known_end = known_end, .member = member, .known_file = known_file, .ctx = arc
    };
    int64_t deferred = 0;
    int     rc       = index_mark(arc->index, ISO_STR(ARC_DEFERRED), &deferred, err);

    arc->untrusted = deferred != 0;
    if (rc >= 0)
        rc = store_recover(arc->store, &how, err);
    for (size_t i = 0; i < arc->volume_count && rc >= 0 && arc->untrusted; i++) {
        if (arc->volume[i].tree)
            continue;
        rc = forget_cut(arc, &arc->volume[i], INDEX_ROWS, err);
        if (rc >= 0) /* nothing may give back what will be somebody else's place */
            rc = forget_cut(arc, &arc->volume[i], INDEX_TOMBSTONES, err);
    }
    return rc < 0 ? rc : arc_mark(arc, err);
}
