/* store.c: opening and closing. */
#include "store_in.h"

#include <stdio.h>

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

static int folder_open(struct store *store, const char *name, int *fd, struct iso_err *err)
{
    int rc = os_make_folder(store->config.folder, name, err);

    return rc < 0 ? rc : os_open(store->config.folder, name, OS_FOLDER, fd, err);
}

int store_open(const struct store_config *config, struct store **out, struct iso_err *err)
{
    struct store *store = calloc(1, sizeof *store);
    int           rc;

    if (store == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the store");
    store->config = *config;
    store->lock = store->tmp = store->seg = store->large = store->segment = -1;
    atomic_init(&store->failed, false);
    os_mutex_init(&store->mu_memory);
    os_cond_init(&store->memory_back);
    os_mutex_init(&store->mu_files);

    rc = os_open(config->folder, "lock", OS_WRITE, &store->lock, err);
    if (rc >= 0)
        rc = os_lock(store->lock, err);
    if (rc == ISO_EBUSY)
        rc = iso_wrap(err, rc, "another process uses this data folder");
    if (rc >= 0)
        rc = folder_open(store, "tmp", &store->tmp, err);
    if (rc >= 0)
        rc = folder_open(store, "seg", &store->seg, err);
    if (rc >= 0)
        rc = folder_open(store, "large", &store->large, err);
    if (rc >= 0)
        rc = os_sync(config->folder, err);
    if (rc >= 0)
        rc = store_volume_open(store, err);
    if (rc < 0) {
        store_close(store);
        return rc;
    }
    *out = store;
    return ISO_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    store_files_close(store);
    store_volume_close(store);
    for (unsigned i = 0; i < store->buffer_count; i++)
        free(store->buffer[i]);
    os_close(store->large);
    os_close(store->seg);
    os_close(store->tmp);
    os_close(store->lock);
    os_mutex_release(&store->mu_files);
    os_cond_release(&store->memory_back);
    os_mutex_release(&store->mu_memory);
    free(store);
}

int store_free_bytes(struct store *store, uint64_t *bytes, struct iso_err *err)
{
    return os_free_bytes(store->config.folder, bytes, err);
}

bool store_writable(struct store *store)
{
    return !atomic_load(&store->failed);
}
