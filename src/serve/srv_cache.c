/* srv_cache.c: a hash table of values, in the order of their last use.
 * A value being made is in the table already, so that who asks for it finds it and waits. The table
 * holds one reference to each value in it, each loan another; the last one frees. A value that
 * failed, is too large or was evicted is out of the table and lives on its loans. */
#include "srv_cache.h"

#include "os_clock.h"
#include "os_thread.h"

#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS_MIN  = 64,
    BUCKETS_MAX  = 1 << 16,
    BUCKET_BYTES = 16 << 10 /* of values, for each bucket */
};

enum state { MAKING, READY, FAILED };

struct entry {
    struct srv_cached lent; /* first: what callers hold */
    struct srv_cache *cache;
    struct entry     *next;          /* of its bucket */
    struct entry     *newer, *older; /* READY and in the table */
    struct os_cond    made;
    enum state        state;
    bool              listed; /* in the table */
    unsigned          refs;
    uint64_t          hash;
    uint64_t          bytes; /* that it counts for */
    uint8_t          *value;
    int               rc;  /* FAILED: what with … */
    struct iso_err   *why; /* … and in which words; NULL: none */
    size_t            key_len;
    char              key[];
};

struct bucket {
    struct entry *first;
};

struct srv_cache {
    uint64_t       bytes_max;
    uint64_t       seed; /* so that nobody can choose keys that meet in one bucket */
    size_t         bucket_count;
    struct bucket *buckets;

    struct os_mutex        mu;
    struct entry          *newest, *oldest;
    struct srv_cache_stats stats;
};

int srv_cache_new(uint64_t bytes_max, struct srv_cache **out, struct iso_err *err)
{
    struct srv_cache *cache = calloc(1, sizeof *cache);
    size_t            count = BUCKETS_MIN;

    while (count < BUCKETS_MAX && count < bytes_max / BUCKET_BYTES)
        count *= 2;
    if (cache != NULL)
        cache->buckets = calloc(count, sizeof *cache->buckets);
    if (cache == NULL || cache->buckets == NULL) {
        free(cache);
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    }
    cache->bytes_max    = bytes_max;
    cache->bucket_count = count;
    os_random(&cache->seed, sizeof cache->seed);
    os_mutex_init(&cache->mu);
    *out = cache;
    return ISO_OK;
}

static void entry_free(struct entry *entry)
{
    os_cond_release(&entry->made);
    free(entry->value);
    free(entry->why);
    free(entry);
}

void srv_cache_free(struct srv_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->oldest != NULL) {
        struct entry *entry = cache->oldest;
        cache->oldest       = entry->newer;
        entry_free(entry);
    }
    os_mutex_release(&cache->mu);
    free(cache->buckets);
    free(cache);
}

/* ---- the table; cache->mu is held ---- */

static uint64_t hash_of(uint64_t seed, iso_str key) /* FNV-1a */
{
    uint64_t h = seed ^ 0xcbf29ce484222325u;

    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (uint8_t)key.ptr[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

static struct bucket *bucket_of(struct srv_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

static struct entry *find(struct srv_cache *cache, iso_str key, uint64_t hash)
{
    struct entry *entry = bucket_of(cache, hash)->first;

    while (entry != NULL &&
           (entry->hash != hash || !iso_str_eq(iso_str_of(entry->key, entry->key_len), key)))
        entry = entry->next;
    return entry;
}

static void list_newest(struct srv_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest != NULL)
        cache->newest->newer = entry;
    cache->newest = entry;
    if (cache->oldest == NULL)
        cache->oldest = entry;
}

static void unlist(struct srv_cache *cache, struct entry *entry)
{
    if (entry->newer != NULL)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older != NULL)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
}

static void unref(struct entry *entry)
{
    if (--entry->refs == 0)
        entry_free(entry);
}

/* Out of the table, and its reference with it. */
static void drop(struct srv_cache *cache, struct entry *entry)
{
    struct entry **link = &bucket_of(cache, entry->hash)->first;

    while (*link != entry)
        link = &(*link)->next;
    *link         = entry->next;
    entry->listed = false;
    unref(entry);
}

static void evict_oldest(struct srv_cache *cache)
{
    struct entry *entry = cache->oldest;

    unlist(cache, entry);
    cache->stats.bytes -= entry->bytes;
    cache->stats.values--;
    drop(cache, entry);
}

static struct entry *add(struct srv_cache *cache, iso_str key, uint64_t hash)
{
    struct entry  *entry  = calloc(1, sizeof *entry + key.len);
    struct bucket *bucket = bucket_of(cache, hash);

    if (entry == NULL)
        return NULL;
    os_cond_init(&entry->made);
    memcpy(entry->key, key.ptr, key.len);
    entry->key_len = key.len;
    entry->hash    = hash;
    entry->cache   = cache;
    entry->refs    = 2; /* the table's and the maker's */
    entry->listed  = true;
    entry->next    = bucket->first;
    bucket->first  = entry;
    return entry;
}

/* It is made: keeps it, and lets go of what there is no longer room for. */
static void keep(struct srv_cache *cache, struct entry *entry)
{
    entry->bytes = sizeof *entry + entry->key_len + entry->lent.value.len;
    if (entry->bytes > cache->bytes_max / 4) {
        drop(cache, entry);
        entry->state = READY;
        return;
    }
    entry->state = READY;
    list_newest(cache, entry);
    cache->stats.bytes += entry->bytes;
    cache->stats.values++;
    while (cache->stats.bytes > cache->bytes_max)
        evict_oldest(cache);
}

/* ---- making ---- */

static int make_value(struct entry *entry, srv_cache_make *make, void *ctx, size_t bytes_max,
                      struct iso_err *err)
{
    struct iso_buf buf;

    iso_buf_init(&buf, bytes_max);
    int rc = make(ctx, &buf, err);
    if (rc == ISO_OK)
        rc = iso_buf_check(&buf, err);
    if (rc < 0) {
        iso_buf_release(&buf);
        return rc;
    }
    /* It may stay for long: without the room that it grew into. */
    uint8_t *fitting  = buf.len > 0 && buf.len < buf.cap ? realloc(buf.ptr, buf.len) : NULL;
    entry->value      = fitting != NULL ? fitting : buf.ptr;
    entry->lent.value = iso_bytes_of(entry->value, buf.len);
    return ISO_OK;
}

static int make_alone(srv_cache_make *make, void *ctx, size_t bytes_max, struct srv_cached **out,
                      struct iso_err *err)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (entry == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    os_cond_init(&entry->made);
    int rc = make_value(entry, make, ctx, bytes_max, err);
    if (rc == ISO_OK)
        *out = &entry->lent;
    else
        entry_free(entry);
    return rc;
}

/* With cache->mu held, and given back while it is made. */
static int make_for_all(struct srv_cache *cache, struct entry *entry, srv_cache_make *make,
                        void *ctx, size_t bytes_max, struct iso_err *err)
{
    struct iso_err why = { 0 };

    cache->stats.made++;
    os_mutex_unlock(&cache->mu);
    int rc = make_value(entry, make, ctx, bytes_max, &why);
    os_mutex_lock(&cache->mu);
    if (rc == ISO_OK) {
        keep(cache, entry);
    } else {
        entry->rc  = rc;
        entry->why = malloc(sizeof *entry->why);
        if (entry->why != NULL)
            *entry->why = why;
        drop(cache, entry);
        entry->state = FAILED;
        if (err != NULL)
            *err = why;
    }
    os_cond_broadcast(&entry->made);
    return rc;
}

/* With cache->mu held, and given back while waiting. */
static int wait_for(struct srv_cache *cache, struct entry *entry, struct iso_err *err)
{
    while (entry->state == MAKING)
        os_cond_wait(&entry->made, &cache->mu);
    if (entry->state == FAILED) {
        if (err != NULL && entry->why != NULL)
            *err = *entry->why;
        return entry->rc;
    }
    cache->stats.hits++;
    if (entry->listed) {
        unlist(cache, entry);
        list_newest(cache, entry);
    }
    return ISO_OK;
}

bool srv_cache_holds(struct srv_cache *cache, iso_str key)
{
    if (cache == NULL)
        return false;
    os_mutex_lock(&cache->mu);
    const struct entry *entry = find(cache, key, hash_of(cache->seed, key));
    bool                yes   = entry != NULL && entry->state == READY;
    os_mutex_unlock(&cache->mu);
    return yes;
}

int srv_cache_get(struct srv_cache *cache, iso_str key, srv_cache_make *make, void *ctx,
                  size_t value_bytes_max, struct srv_cached **out, struct iso_err *err)
{
    struct entry *entry;
    bool          again;
    int           rc;

    if (cache == NULL)
        return make_alone(make, ctx, value_bytes_max, out, err);
    uint64_t hash = hash_of(cache->seed, key);
    os_mutex_lock(&cache->mu);
    do {
        entry = find(cache, key, hash);
        again = false;
        if (entry != NULL) {
            entry->refs++;
            rc    = wait_for(cache, entry, err);
            again = rc == ISO_ECANCEL || rc == ISO_ECLOSED; /* of who made it, not of us */
        } else if ((entry = add(cache, key, hash)) != NULL) {
            rc = make_for_all(cache, entry, make, ctx, value_bytes_max, err);
        } else {
            rc = iso_fail(err, ISO_ENOMEM, "out of memory");
        }
        if (rc < 0 && entry != NULL)
            unref(entry);
    } while (again);
    os_mutex_unlock(&cache->mu);
    if (rc == ISO_OK)
        *out = &entry->lent;
    return rc;
}

void srv_cache_release(struct srv_cached *cached)
{
    struct entry *entry = (struct entry *)cached;

    if (entry == NULL)
        return;
    struct srv_cache *cache = entry->cache;
    if (cache == NULL) {
        entry_free(entry);
        return;
    }
    os_mutex_lock(&cache->mu);
    unref(entry);
    os_mutex_unlock(&cache->mu);
}

struct srv_cache_stats srv_cache_stats(struct srv_cache *cache)
{
    os_mutex_lock(&cache->mu);
    struct srv_cache_stats stats = cache->stats;
    os_mutex_unlock(&cache->mu);
    return stats;
}
