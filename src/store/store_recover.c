/* store_recover.c: after a crash. The index says how far it knows the newest segments; what lies
 * behind was never acknowledged. Complete members are handed over, the first incomplete one and all
 * behind it is cut. A temporary file is either the rest of an unfinished transfer or the mark of a
 * large object whose index entry may be missing. The work is that of the tail, never of the archive. */
#include "store_in.h"

#include "iso_hash.h"

#include <stdio.h>
#include <string.h>

static int member_recover(struct store *store, const struct store_location *at,
                          const struct store_tar_member *member, const struct store_recovery *how,
                          struct iso_err *err)
{
    bool keep = true;
    int  rc;

    if (member->state != STORE_LIVE || !member->ours)
        return ISO_OK;
    rc = how->orphan(how->ctx, at, member->digest, &keep, err);
    if (rc >= 0 && !keep)
        rc = store_remove(store, at, err);
    return rc;
}

/* Walks the members from `end` on; *end is then where the last complete one ends. */
static int tail_walk(struct store *store, int fd, uint64_t number, uint64_t bytes, uint64_t *end,
                     const struct store_recovery *how, struct iso_err *err)
{
    uint64_t at = *end;

    while (at + STORE_TAR_BLOCK <= bytes) {
        uint8_t                 block[STORE_TAR_BLOCK];
        struct store_tar_member member;
        int                     rc = os_read_exact_at(fd, block, sizeof block, at, err);

        if (rc < 0)
            return rc;
        if (!store_tar_parse(block, &member) || member.bytes > bytes ||
            store_tar_padded(member.bytes) > bytes - at - STORE_TAR_BLOCK)
            break;
        struct store_location place = { STORE_VOLUME_FIRST, number, at + STORE_TAR_BLOCK,
                                        member.bytes };
        rc                          = member_recover(store, &place, &member, how, err);
        if (rc < 0)
            return rc;
        at += STORE_TAR_BLOCK + store_tar_padded(member.bytes);
    }
    *end = at;
    return ISO_OK;
}

static int segment_recover(struct store *store, uint64_t number, const struct store_recovery *how,
                           struct iso_err *err)
{
    const bool     is_open = number == store->segment_number;
    char           name[STORE_NAME_BYTES];
    struct os_stat st;
    uint64_t       end = 0;
    int            fd  = -1;
    int            rc  = how->known_end(how->ctx, STORE_VOLUME_FIRST, number, &end, err);

    store_segment_name(number, name);
    if (rc >= 0)
        rc = store_file_open(store, number, &fd, err);
    if (rc >= 0)
        rc = os_stat_fd(fd, &st, err);
    end = store_tar_padded(end);
    if (rc >= 0 && end > st.bytes)
        rc = iso_fail(err, ISO_EFORMAT,
                      "segment %s ends at %llu, but the index knows objects up to %llu: bytes are "
                      "missing; restore the segment from a backup",
                      name, (unsigned long long)st.bytes, (unsigned long long)end);
    if (rc >= 0)
        rc = tail_walk(store, fd, number, st.bytes, &end, how, err);
    if (rc >= 0 && is_open && end < st.bytes) {
        rc = os_truncate(store->segment, end, err);
        if (rc >= 0)
            rc = store_flush(store, store->segment, err);
    }
    if (rc >= 0 && is_open)
        store->segment_end = end;
    os_close(fd);
    return rc;
}

struct temporaries {
    struct store                *store;
    const struct store_recovery *how;
};

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

/* A large object that got its final name: does the index know it? */
static int large_recover(struct store *store, uint64_t number, uint64_t bytes,
                         const struct store_recovery *how, struct iso_err *err)
{
    static const uint8_t  unknown[STORE_DIGEST_BYTES];
    struct store_location at    = { STORE_VOLUME_FIRST, number, 0, bytes };
    bool                  known = false;
    bool                  keep  = true;
    int                   rc = how->known_file(how->ctx, STORE_VOLUME_FIRST, number, &known, err);

    if (rc < 0 || known)
        return rc;
    rc = how->orphan(how->ctx, &at, unknown, &keep, err);
    if (rc >= 0 && !keep)
        rc = store_remove(store, &at, err);
    return rc;
}

static int temporary_recover(void *ctx, const char *name, struct iso_err *err)
{
    struct temporaries *t = ctx;
    char                large[STORE_NAME_BYTES];
    struct os_stat      st;
    uint64_t            number;
    int                 rc = ISO_OK;

    if (number_of(name, &number)) {
        store_large_name(number, large);
        if (os_stat(t->store->large, large, &st, NULL) >= 0)
            rc = large_recover(t->store, number, st.bytes, t->how, err);
    }
    if (rc < 0)
        return rc;
    rc = os_remove(t->store->tmp, name, err);
    return rc == ISO_ENOENT ? ISO_OK : rc;
}

int store_recover(struct store *store, const struct store_recovery *how, struct iso_err *err)
{
    struct temporaries t  = { store, how };
    int                rc = ISO_OK;

    if (store->segment_number > 1) /* a crash right after the change to a new one */
        rc = segment_recover(store, store->segment_number - 1, how, err);
    if (rc == ISO_ENOENT)
        rc = ISO_OK;
    if (rc >= 0)
        rc = segment_recover(store, store->segment_number, how, err);
    if (rc >= 0)
        rc = os_list(store->config.folder, "tmp", temporary_recover, &t, err);
    return rc < 0 ? iso_wrap(err, rc, "recovery") : ISO_OK;
}
