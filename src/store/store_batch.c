/* store_batch.c: what waits becomes one run of bytes behind the segment's end, and is written.
 *
 * The large middle of a batch goes past the system's cache: to copy it into pages and to write these
 * back costs more than the disk does. Only whole blocks of the file system that lie behind everything
 * the file has; so no byte that counts is ever written again, and no page of the cache covers what is
 * written. The uneven ends go through the cache, as small batches do. Readers see one file: the
 * system keeps both ways together. */
#include "store_in.h"

#include "os_clock.h"

#include <stdalign.h>
#include <string.h>

static alignas(STORE_ALIGN) const uint8_t zeros[STORE_AHEAD_BYTES];

int store_batch_init(struct store_volume *v, struct iso_err *err)
{
    const size_t bytes = (sizeof *v->batch + STORE_ALIGN - 1) / STORE_ALIGN * STORE_ALIGN;

    v->batch = aligned_alloc(STORE_ALIGN, bytes);
    return v->batch != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory for batches");
}

static void part_add(struct store_batch *b, const uint8_t *ptr, size_t len)
{
    if (len > 0)
        b->part[b->parts++] = iso_bytes_of(ptr, len);
}

void store_batch_lay_out(struct store_volume *v, struct store_append *first, bool flush)
{
    struct store_batch *b      = v->batch;
    const int64_t       now    = os_wall_us() / 1000000;
    size_t              blocks = 0;

    b->parts  = 0;
    b->places = 0;
    b->end    = v->segment_end;
    for (struct store_append *a = first; a != NULL; a = (struct store_append *)a->item.next) {
        struct store_tar_member member = {
            .bytes = a->content.len, .large = a->large, .mtime_s = now, .record = a->record
        };
        const size_t rest  = a->content.len % STORE_TAR_BLOCK;
        const size_t whole = a->content.len - rest;

        if (a->flush)
            continue;
        memcpy(member.digest, a->digest, sizeof member.digest);
        store_tar_head(&member, b->block[blocks]);
        part_add(b, b->block[blocks++], STORE_TAR_BLOCK);
        part_add(b, a->content.ptr, whole);
        if (rest > 0) {
            memcpy(b->block[blocks], a->content.ptr + whole, rest);
            memset(b->block[blocks] + rest, 0, STORE_TAR_BLOCK - rest);
            part_add(b, b->block[blocks++], STORE_TAR_BLOCK);
        }
        b->place[b->places++] = (struct store_place){ .file = v->segment_number, .offset = b->end };
        a->segment            = v->segment_number;
        a->offset             = b->end + STORE_TAR_BLOCK;
        b->end += STORE_TAR_BLOCK + store_tar_padded(a->content.len);
    }
    b->ready = v->segment_ready > b->end ? v->segment_ready : b->end;
    if (flush && b->end > v->segment_ready && b->end - v->segment_end <= STORE_AHEAD_BYTES / 4) {
        part_add(b, zeros, sizeof zeros);
        b->ready = b->end + sizeof zeros;
    }
}

static bool are_aligned(const struct store_batch *b)
{
    for (size_t i = 0; i < b->parts; i++)
        if ((uintptr_t)b->part[i].ptr % OS_DIRECT_ALIGN != 0)
            return false;
    return true;
}

/* What of the batch lies in [from, to) of the segment. */
static int range_write(struct store_volume *v, uint64_t from, uint64_t to, bool direct,
                       struct iso_err *err)
{
    const struct store_batch *b = v->batch;
    iso_bytes                 part[3 * STORE_BATCH_MAX + 1];
    size_t                    parts = 0;
    uint64_t                  at    = v->segment_end;

    for (size_t i = 0; i < b->parts && at < to; at += b->part[i++].len) {
        const uint64_t end   = at + b->part[i].len;
        const uint64_t begin = at > from ? at : from;
        const uint64_t stop  = end < to ? end : to;

        if (begin < stop)
            part[parts++] = iso_bytes_of(b->part[i].ptr + (begin - at), (size_t)(stop - begin));
    }
    if (parts == 0)
        return ISO_OK;
    if (!direct)
        return os_write_parts_at(v->segment, part, parts, from, err);
    bool taken;
    int  rc     = os_write_parts_direct_at(v->segment, part, parts, from, &taken, err);
    v->buffered = !taken;
    return rc;
}

int store_batch_write(struct store_volume *v, bool flush, struct iso_err *err)
{
    const struct store_batch *b    = v->batch;
    const uint64_t            mask = STORE_ALIGN - 1;
    const uint64_t            from = (v->segment_ready + mask) & ~mask;
    const uint64_t            to   = b->end & ~mask;
    const uint64_t            all  = b->ready > b->end ? b->ready : b->end;
    const uint64_t            min  = v->store->config.direct_bytes_min;

    if (!flush || min == 0 || v->buffered || from + min > to || !are_aligned(b))
        return range_write(v, v->segment_end, all, false, err);
    int rc = range_write(v, v->segment_end, from, false, err);
    if (rc >= 0)
        rc = range_write(v, from, to, true, err);
    return rc < 0 ? rc : range_write(v, to, all, false, err);
}
