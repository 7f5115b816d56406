/* store_low.c: what was written and is not yet known to the index. Batches are written one after the
 * other, so the ring is in the order of places; they are settled in any order, and what is settled
 * leaves it at the front. The low mark is the front, or the end of all that is committed. */
#include "store_in.h"

enum { RING_FIRST = 256 };

int store_low_init(struct store_volume *v, struct iso_err *err)
{
    os_mutex_init(&v->mu_low);
    v->place = calloc(RING_FIRST, sizeof *v->place);
    if (v->place == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a volume");
    v->place_cap = RING_FIRST;
    return ISO_OK;
}

void store_low_release(struct store_volume *v)
{
    free(v->place);
    os_mutex_release(&v->mu_low);
}

static struct store_place *place_at(struct store_volume *v, size_t i)
{
    return &v->place[(v->place_first + i) & (v->place_cap - 1)];
}

int store_low_reserve(struct store_volume *v, size_t count, struct iso_err *err)
{
    struct store_place *larger;
    size_t              cap;

    /* Only we add: what is free now stays free. */
    os_mutex_lock(&v->mu_low);
    cap         = v->place_cap;
    size_t have = v->place_count;
    os_mutex_unlock(&v->mu_low);
    if (cap - have >= count)
        return ISO_OK;
    while (cap - have < count)
        cap *= 2;
    larger = calloc(cap, sizeof *larger);
    if (larger == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for objects under way");
    os_mutex_lock(&v->mu_low);
    for (size_t i = 0; i < v->place_count; i++)
        larger[i] = *place_at(v, i);
    struct store_place *old = v->place;
    v->place                = larger;
    v->place_first          = 0;
    v->place_cap            = cap;
    os_mutex_unlock(&v->mu_low);
    free(old);
    return ISO_OK;
}

void store_low_add(struct store_volume *v, const struct store_place *list, size_t count,
                   uint64_t end_file, uint64_t end_offset)
{
    os_mutex_lock(&v->mu_low);
    iso_assert(v->place_cap - v->place_count >= count);
    for (size_t i = 0; i < count; i++)
        *place_at(v, v->place_count++) = list[i];
    v->end_file   = end_file;
    v->end_offset = end_offset;
    os_mutex_unlock(&v->mu_low);
}

void store_low_flushed(struct store_volume *v)
{
    os_mutex_lock(&v->mu_low);
    v->flushed_file   = v->end_file;
    v->flushed_offset = v->end_offset;
    os_mutex_unlock(&v->mu_low);
}

void store_low_settle(struct store_volume *v, uint64_t file, uint64_t offset)
{
    os_mutex_lock(&v->mu_low);
    size_t low  = 0;
    size_t high = v->place_count;
    while (low < high) {
        size_t                    middle = low + (high - low) / 2;
        const struct store_place *p      = place_at(v, middle);

        if (p->file < file || (p->file == file && p->offset < offset))
            low = middle + 1;
        else
            high = middle;
    }
    if (low < v->place_count && place_at(v, low)->file == file &&
        place_at(v, low)->offset == offset)
        place_at(v, low)->settled = true;
    while (v->place_count > 0 && place_at(v, 0)->settled) {
        v->place_first = (v->place_first + 1) & (v->place_cap - 1);
        v->place_count--;
    }
    os_mutex_unlock(&v->mu_low);
}

void store_low_end(struct store_volume *v, uint64_t *file, uint64_t *offset)
{
    os_mutex_lock(&v->mu_low);
    *file   = v->end_file;
    *offset = v->end_offset;
    os_mutex_unlock(&v->mu_low);
}

void store_low(struct store *store, uint32_t volume, uint64_t *file, uint64_t *offset)
{
    struct store_volume *v = store_volume_find(store, volume);

    *file = *offset = 0;
    if (v == NULL || v->config.kind != STORE_SEGMENTS)
        return;
    os_mutex_lock(&v->mu_low);
    *file   = v->place_count > 0 ? place_at(v, 0)->file : v->end_file;
    *offset = v->place_count > 0 ? place_at(v, 0)->offset : v->end_offset;
    if (v->flushed_file < *file || (v->flushed_file == *file && v->flushed_offset < *offset)) {
        *file   = v->flushed_file;
        *offset = v->flushed_offset;
    }
    os_mutex_unlock(&v->mu_low);
}
