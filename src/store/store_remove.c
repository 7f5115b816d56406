/* store_remove.c: an object leaves its place: the head of its member says so first, then its blocks go
 * back to the file system. Or only the head says so, and the bytes stay for a while. */
#include "store_in.h"

#include "os_clock.h"

#include <string.h>

static int zero_range(int fd, uint64_t from, uint64_t to, struct iso_err *err)
{
    static const uint8_t zeros[16 << 10];
    int                  rc = ISO_OK;

    while (rc >= 0 && from < to) {
        size_t n = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;

        rc = os_write_at(fd, zeros, n, from, err);
        from += n;
    }
    return rc;
}

/* Whole blocks go back to the file system; what shares a block with a neighbour becomes zeros. */
static int content_free(int fd, uint64_t from, uint64_t bytes, struct iso_err *err)
{
    const uint64_t block = 4096;
    const uint64_t end   = from + bytes;
    uint64_t       first = (from + block - 1) / block * block;
    uint64_t       last  = end / block * block;
    int            rc;

    if (first >= last)
        return zero_range(fd, from, end, err);
    rc = os_punch_hole(fd, first, last - first, err);
    if (rc == ISO_EUNSUPPORTED)
        rc = zero_range(fd, first, last, err);
    if (rc >= 0)
        rc = zero_range(fd, from, first, err);
    if (rc >= 0)
        rc = zero_range(fd, last, end, err);
    return rc;
}

/* The head of the member that stands for the object gets another state. ISO_ENOENT: there is no such
 * segment any more. */
static int member_mark(struct store_volume *v, const struct store_location *at,
                       enum store_state state, struct iso_err *err)
{
    char                    name[STORE_NAME_BYTES];
    uint8_t                 block[STORE_TAR_BLOCK];
    struct store_tar_member member;
    uint64_t                segment;
    uint64_t                offset;
    bool                    same;
    int                     fd;
    int                     rc;

    if (!store_journal_of(at, &segment, &offset))
        return ISO_OK; /* a large object of an older program */
    store_segment_name(segment, name);
    rc = os_open(v->seg, name, OS_WRITE_OLD, &fd, err);
    if (rc < 0)
        return rc;
    rc = os_read_exact_at(fd, block, sizeof block, offset - STORE_TAR_BLOCK, err);
    if (rc >= 0 && (!store_tar_parse(block, &member) || !member.ours ||
                    member.large != ((at->file & STORE_FILE_LARGE) != 0) ||
                    (!member.large && member.bytes != at->length)))
        rc = iso_fail(err, ISO_EFORMAT, "segment %s has no such object at %llu", name,
                      (unsigned long long)offset);
    if (rc >= 0 && member.large) {
        char     line[STORE_TAR_LARGE_BYTES];
        uint64_t number = 0;
        uint64_t bytes;
        size_t   n = (size_t)(member.bytes < sizeof line ? member.bytes : sizeof line);

        rc = os_read_exact_at(fd, line, n, offset, err);
        if (rc >= 0 && (!store_tar_large_parse(iso_str_of(line, n), &number, &bytes) ||
                        number >= STORE_FILE_LARGE))
            number = 0; /* torn: as store_walk says */
        if (rc >= 0 && number != (at->file & ~STORE_FILE_LARGE))
            rc = iso_fail(err, ISO_EFORMAT, "segment %s names another file at %llu", name,
                          (unsigned long long)offset);
    }
    same = rc >= 0 && member.state == state;
    if (rc >= 0 && member.state == STORE_REMOVED && !same)
        rc = iso_fail(err, ISO_ENOENT, "its space has been given back");
    if (rc >= 0 && !same) {
        member.state = state;
        if (state == STORE_REMOVED)
            member.mtime_s = os_wall_us() / 1000000;
        store_tar_head(&member, block);
        rc = os_write_at(fd, block, sizeof block, offset - STORE_TAR_BLOCK, err);
    }
    if (rc >= 0 && state == STORE_REMOVED && !member.large)
        rc = content_free(fd, at->offset, at->length, err);
    if (rc >= 0 && (!same || state == STORE_REMOVED))
        rc = store_flush(v, fd, err);
    os_close(fd);
    return rc;
}

/* The file, then what names it: a journal entry without a file is nobody's. */
static int large_remove(struct store_volume *v, const struct store_location *at,
                        struct iso_err *err)
{
    char name[STORE_NAME_BYTES];
    int  folder;
    int  rc;

    store_temporary_name(at->file, name);
    (void)!os_remove(v->tmp, name, NULL);
    store_large_name(at->file, name);
    rc = os_remove(v->large, name, err);
    if (rc < 0)
        return rc == ISO_ENOENT ? ISO_OK : rc;
    name[2] = '\0';
    rc      = os_open(v->large, name, OS_FOLDER, &folder, err);
    if (rc >= 0) {
        rc = store_flush_folder(v, folder, err);
        os_close(folder);
    }
    return rc;
}

int store_remove(struct store *store, const struct store_location *at, struct iso_err *err)
{
    struct store_volume *v = store_volume_find(store, at->volume);
    struct store_removal mark;
    int                  rc;

    if (v == NULL)
        return iso_fail(err, ISO_ENOENT, "there is no volume %u", at->volume);
    if (v->config.kind != STORE_SEGMENTS)
        return ISO_OK; /* somebody else's files stay as they are */
    if ((at->file & STORE_FILE_LARGE) == 0 && at->offset < STORE_TAR_BLOCK)
        return iso_fail(err, ISO_EINVAL, "not the place of an object");
    rc = store_removal_begin(store, at, &mark, err);
    if (rc < 0)
        return rc;
    if ((at->file & STORE_FILE_LARGE) != 0)
        rc = large_remove(v, at, err);
    if (rc >= 0)
        rc = member_mark(v, at, STORE_REMOVED, err);
    store_removal_end(store, &mark);
    return rc == ISO_ENOENT ? ISO_OK : rc; /* the whole segment has gone */
}

int store_keep(struct store *store, const struct store_location *at, bool kept, struct iso_err *err)
{
    struct store_volume *v = store_volume_find(store, at->volume);

    if (v == NULL)
        return iso_fail(err, ISO_ENOENT, "there is no volume %u", at->volume);
    if (v->config.kind != STORE_SEGMENTS)
        return ISO_OK;
    if (atomic_load(&v->failed)) /* what the head says now may never have reached the disk */
        return iso_fail(err, ISO_EIO, "a flush of volume %u has failed", v->config.number);
    return member_mark(v, at, kept ? STORE_KEPT : STORE_LIVE, err);
}
