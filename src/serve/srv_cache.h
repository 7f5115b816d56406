/* srv_cache.h: what was made to be sent and may be asked for again: transcoded frames, pictures.
 * At most so many bytes, the longest unused going first. What ten clients ask for at once is made
 * once: the first makes it, the others wait. Values never change. Any thread. */
#ifndef SRV_CACHE_H
#define SRV_CACHE_H

#include "iso_buf.h"

struct srv_cache;

/* A value on loan; it lives until srv_cache_release, also when the cache has let go of it. */
struct srv_cached {
    iso_bytes value;
};

/* Appends the value to out. A failure is the answer to all who wait, and is not kept; but after
 * ISO_ECANCEL and ISO_ECLOSED, which are about who asked first, one of those who wait makes it. */
typedef int srv_cache_make(void *ctx, struct iso_buf *out, struct iso_err *err);

ISO_MUST_USE int srv_cache_new(uint64_t bytes_max, struct srv_cache **out, struct iso_err *err);
void srv_cache_free(struct srv_cache *cache); /* nothing may be on loan; NULL: nothing */

/* key: all that the value depends on, such as the digest of an object, frame number, parameters.
 * value_bytes_max: beyond it ISO_ELIMIT. A value larger than a quarter of the cache is lent and not
 * kept. cache NULL: make it, keep nothing. */
ISO_MUST_USE int srv_cache_get(struct srv_cache *cache, iso_str key, srv_cache_make *make,
                               void *ctx, size_t value_bytes_max, struct srv_cached **out,
                               struct iso_err *err);
/* Whether the value is there, so that srv_cache_get would lend it at once. (It may be gone by then.) */
bool srv_cache_holds(struct srv_cache *cache, iso_str key);
/* NULL: nothing. */
void srv_cache_release(struct srv_cached *cached);

struct srv_cache_stats {
    uint64_t bytes, values, hits, made;
};
struct srv_cache_stats srv_cache_stats(struct srv_cache *cache);

#endif
