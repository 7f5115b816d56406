/* store_walk.c: from head to head through the segments. A member that was removed keeps its length, so
 * the way goes on behind it. */
#include "store_in.h"

#include <stdio.h>
#include <string.h>

/* What a journal entry names. */
static int journal_read(int fd, struct store_member *m, struct iso_err *err)
{
    char     line[STORE_TAR_LARGE_BYTES];
    uint64_t number;
    uint64_t bytes;
    size_t   len = (size_t)(m->at.length < sizeof line ? m->at.length : sizeof line);
    int      rc  = os_read_exact_at(fd, line, len, m->offset, err);

    if (rc < 0)
        return rc;
    m->at.offset = store_journal_pack(m->segment, m->offset);
    if (!store_tar_large_parse(iso_str_of(line, len), &number, &bytes) ||
        number >= STORE_FILE_LARGE) {  /* torn: the head reached the disk, the line did not */
        m->at.file = STORE_FILE_LARGE; /* no file has this number */
        return ISO_OK;
    }
    m->at.file   = number | STORE_FILE_LARGE;
    m->at.length = bytes;
    return ISO_OK;
}

int store_member_read(struct store_volume *v, int fd, uint64_t segment, uint64_t bytes, uint64_t at,
                      struct store_member *member, bool *ours, struct iso_err *err)
{
    static const uint8_t    zeros[STORE_TAR_BLOCK];
    uint8_t                 block[STORE_TAR_BLOCK];
    struct store_tar_member head;
    int                     rc;

    if (at + STORE_TAR_BLOCK > bytes)
        return at < bytes ? ISO_EFORMAT : ISO_EEND;
    rc = os_read_exact_at(fd, block, sizeof block, at, err);
    if (rc < 0)
        return rc == ISO_EFORMAT ? ISO_EIO : rc;
    if (memcmp(block, zeros, sizeof block) == 0)
        return ISO_EEND;
    if (!store_tar_parse(block, &head) || head.bytes > bytes ||
        store_tar_padded(head.bytes) > bytes - at - STORE_TAR_BLOCK)
        return ISO_EFORMAT;
    *ours   = head.ours;
    *member = (struct store_member){
        .at      = { v->config.number, segment, at + STORE_TAR_BLOCK, head.bytes },
        .segment = segment,
        .offset  = at + STORE_TAR_BLOCK,
        .end     = at + STORE_TAR_BLOCK + store_tar_padded(head.bytes),
        .state   = head.state,
        .record  = head.record,
    };
    memcpy(member->digest, head.digest, sizeof member->digest);
    return head.ours && head.large ? journal_read(fd, member, err) : ISO_OK;
}

/* One segment up to `bytes`; *whole: everything in it was read. */
static int segment_walk(struct store_volume *v, uint64_t segment, uint64_t at, uint64_t bytes,
                        int (*each)(void *ctx, const struct store_member *member,
                                    struct iso_err *err),
                        void *ctx, bool *whole, struct iso_err *err)
{
    struct store_member member;
    bool                ours;
    int                 fd;
    int                 rc = store_file_open(v, segment, &fd, err);

    if (rc < 0)
        return rc;
    while ((rc = store_member_read(v, fd, segment, bytes, at, &member, &ours, err)) == ISO_OK) {
        if (ours)
            rc = each(ctx, &member, err);
        if (rc < 0)
            break;
        at = member.end;
    }
    os_close(fd);
    if (rc == ISO_EFORMAT)
        *whole = false;
    return rc == ISO_EEND || rc == ISO_EFORMAT ? ISO_OK : rc;
}

static int segment_bytes(struct store_volume *v, uint64_t segment, uint64_t *bytes,
                         struct iso_err *err)
{
    char           name[STORE_NAME_BYTES];
    struct os_stat st;
    int            rc;

    store_segment_name(segment, name);
    rc = os_stat(v->seg, name, &st, err);
    if (rc >= 0)
        *bytes = st.bytes;
    return rc;
}

int store_walk(struct store *store, uint32_t volume, uint64_t file, uint64_t offset,
               int (*each)(void *ctx, const struct store_member *member, struct iso_err *err),
               void *ctx, bool *torn, struct iso_err *err)
{
    struct store_volume *v     = store_volume_find(store, volume);
    bool                 whole = true;
    uint64_t             first;
    uint64_t             last;
    uint64_t             end;
    int                  rc;

    if (v == NULL)
        return iso_fail(err, ISO_ENOENT, "there is no volume %u", volume);
    if (torn != NULL)
        *torn = false;
    if (v->config.kind != STORE_SEGMENTS)
        return ISO_OK;
    rc = store_segments(v, &first, &last, err);
    if (file < first) {
        file   = first;
        offset = 0;
    }
    store_low_end(v, &last, &end);
    for (; rc >= 0 && file <= last; file++, offset = 0) {
        uint64_t bytes = end;

        if (file < last)
            rc = segment_bytes(v, file, &bytes, err);
        if (rc == ISO_ENOENT) { /* a whole segment that is missing is for others to judge */
            whole = false;
            rc    = ISO_OK;
        } else if (rc >= 0) {
            rc = segment_walk(v, file, offset, bytes, each, ctx, &whole, err);
        }
    }
    if (torn != NULL)
        *torn = !whole;
    return rc;
}
