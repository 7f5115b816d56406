/* store.c: opening and closing, volumes and what they say of themselves. */
#include "store_in.h"

#include "iso_hash.h"
#include "iso_json_read.h"
#include "os_clock.h"

#include <stdio.h>
#include <string.h>

#define IDENTITY_NAME "volume.json"

enum { IDENTITY_BYTES_MAX = 4096 };

static const char *const kind_word[] = { "segments", "tree" };

void store_location_name(const struct store_location *at, char name[STORE_NAME_BYTES])
{
    char file[STORE_NAME_BYTES];

    if ((at->file & STORE_FILE_LARGE) != 0) {
        store_large_name(at->file, file);
        (void)snprintf(name, STORE_NAME_BYTES, "large/%.30s", file);
    } else {
        store_segment_name(at->file, file);
        (void)snprintf(name, STORE_NAME_BYTES, "seg/%.30s", file);
    }
}

const char *store_kind_name(enum store_kind kind)
{
    return kind_word[kind];
}

/* ---- volume.json ---- */

static int identity_parse(iso_str text, struct store_identity *out, struct iso_err *err)
{
    struct store_identity  found = { .number = 0 };
    struct iso_json_reader r;
    struct iso_arena       arena;
    enum iso_json_token    token;
    iso_str                key    = ISO_STR("");
    bool                   kinded = false;
    uint64_t               number;
    int                    rc;

    iso_arena_init(&arena, IDENTITY_BYTES_MAX * 2);
    iso_json_reader_init(&r, text, &arena);
    while ((rc = iso_json_next(&r, &token, err)) >= 0 && token != ISO_JSON_END) {
        if (token == ISO_JSON_KEY)
            key = r.text;
        else if (token == ISO_JSON_STRING && iso_str_eq_c(key, "uuid") &&
                 r.text.len == STORE_UUID_BYTES - 1)
            memcpy(found.uuid, r.text.ptr, r.text.len);
        else if (token == ISO_JSON_NUMBER && iso_str_eq_c(key, "number") &&
                 iso_str_to_u64(r.text, &number) && number > 0 && number <= UINT32_MAX)
            found.number = (uint32_t)number;
        else if (token == ISO_JSON_STRING && iso_str_eq_c(key, "kind"))
            for (int k = STORE_SEGMENTS; k <= STORE_TREE; k++)
                if (iso_str_eq_c(r.text, kind_word[k])) {
                    found.kind = (enum store_kind)k;
                    kinded     = true;
                }
    }
    iso_arena_release(&arena);
    if (rc >= 0 && (found.number == 0 || found.uuid[0] == '\0' || !kinded))
        rc = iso_fail(err, ISO_EFORMAT, "it needs number, uuid and kind");
    if (rc < 0)
        return iso_wrap(err, ISO_EFORMAT, IDENTITY_NAME);
    *out = found;
    return ISO_OK;
}

int store_identity_read(int folder, struct store_identity *out, struct iso_err *err)
{
    char    text[IDENTITY_BYTES_MAX];
    int     fd;
    int     rc = os_open(folder, IDENTITY_NAME, OS_READ, &fd, err);
    int64_t n;

    if (rc < 0)
        return rc;
    n = os_read(fd, text, sizeof text, err);
    os_close(fd);
    return n < 0 ? (int)n : identity_parse(iso_str_of(text, (size_t)n), out, err);
}

/* A random UUID.   RFC 9562 §5.4 */
void store_uuid_make(char out[STORE_UUID_BYTES])
{
    uint8_t b[16];
    char    hex[33];

    os_random(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    iso_hex(b, sizeof b, hex);
    (void)snprintf(out, STORE_UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

int store_identity_make(int folder, struct store_identity *identity, struct iso_err *err)
{
    static const char fresh[] = IDENTITY_NAME ".new";
    struct os_stat    st;
    char              text[256];
    int               fd = -1;
    int               rc;

    if (os_stat(folder, IDENTITY_NAME, &st, NULL) >= 0)
        return iso_fail(err, ISO_EEXIST, "there is a " IDENTITY_NAME " already");
    store_uuid_make(identity->uuid);
    (void)snprintf(text, sizeof text,
                   "{\"isocenter\":\"volume\",\"number\":%u,\"uuid\":\"%s\",\"kind\":\"%s\"}\n",
                   identity->number, identity->uuid, kind_word[identity->kind]);
    (void)!os_remove(folder, fresh, NULL); /* of a crash */
    rc = os_open(folder, fresh, OS_CREATE, &fd, err);
    if (rc >= 0)
        rc = os_write(fd, text, strlen(text), err);
    if (rc >= 0)
        rc = os_sync(fd, err);
    os_close(fd);
    if (rc >= 0)
        rc = os_rename(folder, fresh, folder, IDENTITY_NAME, err);
    return rc < 0 ? rc : os_sync_folder(folder, err);
}

/* ---- life ---- */

int store_open(const struct store_config *config, struct store **out, struct iso_err *err)
{
    struct store *store = calloc(1, sizeof *store);
    int           rc;

    if (store == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the store");
    store->config = *config;
    store->lock   = -1;
    os_mutex_init(&store->mu_memory);
    os_cond_init(&store->memory_back);
    os_mutex_init(&store->mu_files);

    rc = os_open(config->folder, "lock", OS_WRITE, &store->lock, err);
    if (rc >= 0)
        rc = os_lock(store->lock, err);
    if (rc == ISO_EBUSY)
        rc = iso_wrap(err, rc, "another process uses this data folder");
    if (rc < 0) {
        store_close(store);
        return rc;
    }
    *out = store;
    return ISO_OK;
}

int store_volume_add(struct store *store, const struct store_volume_config *config,
                     struct iso_err *err)
{
    struct store_volume *v;
    int                  rc;

    if (store->volume_count == STORE_VOLUMES_MAX)
        return iso_fail(err, ISO_ELIMIT, "at most %d volumes", (int)STORE_VOLUMES_MAX);
    if (store_volume_find(store, config->number) != NULL)
        return iso_fail(err, ISO_EEXIST, "volume %u twice", config->number);
    v = calloc(1, sizeof *v);
    if (v == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a volume");
    v->store  = store;
    v->config = *config;
    rc        = store_volume_open(v, err);
    if (rc < 0) {
        store_volume_close(v);
        return iso_wrap(err, rc, "volume %u", config->number);
    }
    store->volume[store->volume_count++] = v;
    return ISO_OK;
}

struct store_volume *store_volume_find(struct store *store, uint32_t number)
{
    for (size_t i = 0; i < store->volume_count; i++)
        if (store->volume[i]->config.number == number)
            return store->volume[i];
    return NULL;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    store_files_close(store);
    for (size_t i = 0; i < store->volume_count; i++)
        store_volume_close(store->volume[i]);
    for (unsigned i = 0; i < store->buffer_count; i++)
        free(store->buffer[i]);
    os_close(store->lock);
    os_mutex_release(&store->mu_files);
    os_cond_release(&store->memory_back);
    os_mutex_release(&store->mu_memory);
    free(store);
}

/* ---- figures ---- */

int store_volumes(struct store *store, struct store_volume_info out[STORE_VOLUMES_MAX],
                  size_t *count, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < store->volume_count && rc >= 0; i++) {
        struct store_volume *v = store->volume[i];

        out[i] = (struct store_volume_info){ .number = v->config.number,
                                             .kind   = v->config.kind,
                                             .failed = atomic_load(&v->failed) };
        if (v->config.kind == STORE_SEGMENTS) {
            rc            = os_free_bytes(v->config.folder, &out[i].bytes_free, err);
            out[i].warned = out[i].bytes_free < v->config.warn_free_bytes;
            out[i].full   = out[i].bytes_free < v->config.stop_free_bytes;
        }
    }
    if (rc >= 0)
        *count = store->volume_count;
    return rc;
}

int store_free_bytes(struct store *store, uint64_t *bytes, struct iso_err *err)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < store->volume_count; i++) {
        const struct store_volume *v = store->volume[i];
        uint64_t                   left;

        if (v->config.kind != STORE_SEGMENTS || atomic_load(&v->failed))
            continue;
        int rc = os_free_bytes(v->config.folder, &left, err);
        if (rc < 0)
            return rc;
        sum += left;
    }
    *bytes = sum;
    return ISO_OK;
}

bool store_writable(struct store *store)
{
    for (size_t i = 0; i < store->volume_count; i++)
        if (store->volume[i]->config.kind == STORE_SEGMENTS &&
            !atomic_load(&store->volume[i]->failed))
            return true;
    return false;
}
