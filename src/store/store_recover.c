/* store_recover.c: after a crash. All that lies before a volume's low mark is in the index for good;
 * what lies behind is handed over, one member after the other. In the open segment the first thing
 * that is no whole member is cut with all behind it: it was never acknowledged, for a batch counts
 * only once all of it is on the disk. A temporary file is the rest of an unfinished transfer, or the
 * second name of a large object. The work is that of the tail, never of the archive. */
#include "store_in.h"

#include "iso_hash.h"

#include <stdio.h>
#include <string.h>

struct recovery {
    struct store                *store;
    struct store_volume         *v;
    const struct store_recovery *how;
};

/* ISO_EEND: it is to be cut. */
static int member_recover(const struct recovery *r, const struct store_member *member,
                          struct iso_err *err)
{
    enum store_verdict verdict = STORE_LEAVE;
    int                rc      = ISO_OK;

    if (member->state == STORE_LIVE)
        rc = r->how->member(r->how->ctx, member, &verdict, err);
    if (rc >= 0 && verdict == STORE_DROP)
        rc = store_remove(r->store, &member->at, err);
    if (rc >= 0 && verdict == STORE_CUT && member->segment == r->v->segment_number)
        rc = ISO_EEND;
    return rc;
}

/* Walks the members from *at on; *at is then where the last whole one ends. `known`: up to here the
 * index has seen whole ones; a head before that which cannot be read is damage, not a torn tail. */
static int tail_walk(const struct recovery *r, int fd, uint64_t segment, uint64_t bytes,
                     uint64_t known, uint64_t *at, struct iso_err *err)
{
    struct store_member member;
    bool                ours;
    int                 rc = ISO_OK;

    while (rc >= 0) {
        rc = store_member_read(r->v, fd, segment, bytes, *at, &member, &ours, err);
        if ((rc == ISO_EEND || rc == ISO_EFORMAT) && *at < known) {
            *at = known;
            rc  = ISO_OK;
            continue;
        }
        if (rc < 0)
            break;
        if (ours)
            rc = member_recover(r, &member, err);
        if (rc >= 0)
            *at = member.end;
    }
    return rc == ISO_EEND || rc == ISO_EFORMAT ? ISO_OK : rc;
}

static int segment_recover(const struct recovery *r, uint64_t segment, uint64_t at,
                           struct iso_err *err)
{
    struct store_volume *v       = r->v;
    const bool           is_open = segment == v->segment_number;
    char                 name[STORE_NAME_BYTES];
    struct os_stat       st    = { 0 };
    uint64_t             known = 0;
    int                  fd    = -1;
    int rc = r->how->known_end(r->how->ctx, v->config.number, segment, &known, err);

    store_segment_name(segment, name);
    known = store_tar_padded(known);
    if (rc >= 0)
        rc = store_file_open(v, segment, &fd, err);
    if (rc == ISO_ENOENT && at == 0 && known == 0)
        return ISO_OK; /* nothing of it is missing */
    if (rc >= 0)
        rc = os_stat_fd(fd, &st, err);
    if (rc >= 0 && (known > st.bytes || at > st.bytes))
        rc = iso_fail(err, ISO_EFORMAT,
                      "segment %s ends at %llu, but the index knows objects up to %llu: bytes are "
                      "missing; restore the segment from a backup",
                      name, (unsigned long long)st.bytes,
                      (unsigned long long)(known > at ? known : at));
    if (rc >= 0)
        rc = tail_walk(r, fd, segment, st.bytes, known, &at, err);
    if (rc >= 0 && is_open && at < st.bytes) {
        rc = os_truncate(v->segment, at, err);
        if (rc >= 0)
            rc = store_flush(v, v->segment, err);
    }
    if (rc >= 0 && is_open) {
        v->segment_end   = at;
        v->segment_ready = at;
        store_low_add(v, NULL, 0, segment, at);
        store_low_flushed(v);
    }
    os_close(fd);
    return rc;
}

/* ---- temporary files ---- */

static bool number_of(const char *name, uint64_t *number)
{
    uint8_t bytes[8];

    if (!iso_unhex(iso_str_c(name), bytes, sizeof bytes))
        return false;
    *number = STORE_FILE_LARGE;
    for (size_t i = 0; i < sizeof bytes; i++)
        *number |= (uint64_t)bytes[i] << (56 - 8 * i);
    return true;
}

/* A large object got its final name, but not its journal entry or not its row: it was never
 * acknowledged. What the journal names has been adopted by now. */
static int temporary_recover(void *ctx, const char *name, struct iso_err *err)
{
    const struct recovery *r = ctx;
    char                   large[STORE_NAME_BYTES];
    uint64_t               number;
    bool                   known = true;
    int                    rc    = ISO_OK;

    if (number_of(name, &number)) {
        rc = r->how->known_file(r->how->ctx, r->v->config.number, number, &known, err);
        if (rc >= 0 && !known) {
            store_large_name(number, large);
            rc = os_remove(r->v->large, large, err);
        }
    }
    if (rc >= 0 || rc == ISO_ENOENT)
        rc = os_remove(r->v->tmp, name, err);
    return rc == ISO_ENOENT ? ISO_OK : rc;
}

static int volume_recover(const struct recovery *r, struct iso_err *err)
{
    struct store_volume *v    = r->v;
    uint64_t             file = v->config.low_file;
    uint64_t             at   = v->config.low_offset;
    uint64_t             first;
    uint64_t             last;
    int                  rc = store_segments(v, &first, &last, err);

    if (rc >= 0 && file > last)
        rc = iso_fail(err, ISO_EFORMAT,
                      "segment %llu is missing, which the index knows; restore it from a backup",
                      (unsigned long long)file);
    if (file < first) { /* no mark yet */
        file = first;
        at   = 0;
    }
    for (; rc >= 0 && file <= last; file++, at = 0)
        rc = segment_recover(r, file, at, err);
    if (rc >= 0)
        rc = os_list(v->config.folder, "tmp", temporary_recover, (void *)(uintptr_t)r, err);
    return rc < 0 ? iso_wrap(err, rc, "recovery of volume %u", v->config.number) : ISO_OK;
}

int store_recover(struct store *store, const struct store_recovery *how, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < store->volume_count && rc >= 0; i++) {
        const struct recovery r = { store, store->volume[i], how };

        if (r.v->config.kind == STORE_SEGMENTS)
            rc = volume_recover(&r, err);
    }
    return rc;
}
