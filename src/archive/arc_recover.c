/* arc_recover.c: what the store finds behind the index's knowledge after a crash. A complete object
 * that no index entry names was never acknowledged, or the index is older than the segment (a
 * restored backup): it is read again and adopted, unless its SOP instance is here already. */
#include "arc_in.h"

#include "os_clock.h"

#include <string.h>

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

static int orphan(void *ctx, const struct store_location *at,
                  const uint8_t digest[STORE_DIGEST_BYTES], bool *keep, struct iso_err *err)
{
    struct arc           *arc      = ctx;
    const bool            is_large = (at->file & STORE_FILE_LARGE) != 0;
    struct range_source   range    = { .at = store_content_offset(at), .left = at->length };
    struct store_pin     *pin      = NULL;
    struct index_instance entry;
    struct index_instance here;
    struct arc_parsed     parsed;
    struct iso_arena      arena;
    int64_t               id;
    int                   rc;

    iso_arena_init(&arena, arc->config.header_bytes_max);
    rc = store_read_open(arc->store, at, digest, &range.fd, &pin, err);
    if (rc >= 0)
        rc = read_again(&range, &arena, &parsed, &entry, err);
    store_read_close(pin);
    if (rc == ISO_EFORMAT || rc == ISO_EINVAL ||
        (rc >= 0 && !is_large && memcmp(parsed.digest, digest, STORE_DIGEST_BYTES) != 0)) {
        *keep = false; /* its content never reached the disk */
        rc    = ISO_OK;
    } else if (rc >= 0) {
        rc = index_lookup(arc->index, entry.sop_instance_uid, &arena, &here, err);
        if (rc >= 0) {
            *keep = false;
        } else if (rc == ISO_ENOENT) {
            entry.location  = *at;
            entry.stored_us = os_wall_us();
            rc              = index_add(arc->index, &entry, &parsed.header, 0, &id, err);
            *keep           = rc >= 0;
        }
    }
    iso_arena_release(&arena);
    return rc;
}

static int known_end(void *ctx, uint32_t volume, uint64_t file, uint64_t *end, struct iso_err *err)
{
    struct arc *arc = ctx;

    return index_known_end(arc->index, volume, file, end, err);
}

static int known_file(void *ctx, uint32_t volume, uint64_t file, bool *known, struct iso_err *err)
{
    struct arc *arc = ctx;

    return index_known_file(arc->index, volume, file, known, err);
}

int arc_recover(struct arc *arc, struct iso_err *err)
{
    const struct store_recovery how = {
        .known_end = known_end, .known_file = known_file, .orphan = orphan, .ctx = arc
    };

    return store_recover(arc->store, &how, err);
}
