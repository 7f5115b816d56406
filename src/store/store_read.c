/* store_read.c: reading. Readers of one file share its descriptor; a pin per open object keeps the
 * object's bytes. Who removes an object marks it first, so that nobody can pin it any more. */
#include "store_in.h"

#include <string.h>

int store_file_open(struct store_volume *v, uint64_t number, int *fd, struct iso_err *err)
{
    char name[STORE_NAME_BYTES];

    *fd = -1;
    if (v->config.kind == STORE_TREE)
        return v->config.tree(v->config.tree_ctx, v->config.number, number, fd, err);
    if ((number & STORE_FILE_LARGE) != 0) {
        store_large_name(number, name);
        return os_open(v->large, name, OS_READ, fd, err);
    }
    store_segment_name(number, name);
    return os_open(v->seg, name, OS_READ, fd, err);
}

/* The entry of a file, moved to the front; locked. */
static struct store_file *file_find(struct store *store, uint32_t volume, uint64_t number)
{
    for (struct store_file **at = &store->files; *at != NULL; at = &(*at)->next) {
        struct store_file *file = *at;

        if (file->number != number || file->volume != volume)
            continue;
        *at          = file->next;
        file->next   = store->files;
        store->files = file;
        return file;
    }
    return NULL;
}

/* Takes the last idle entry (of that file, or any when NULL) out of the list; locked. */
static struct store_file *file_evict(struct store *store, const struct store_location *of)
{
    struct store_file **last = NULL;

    for (struct store_file **at = &store->files; *at != NULL; at = &(*at)->next)
        if ((*at)->refs == 0 &&
            (of == NULL || ((*at)->number == of->file && (*at)->volume == of->volume)))
            last = at;
    if (last == NULL)
        return NULL;
    struct store_file *file = *last;
    *last                   = file->next;
    store->files_idle--;
    return file;
}

static void file_free(struct store_file *file)
{
    if (file == NULL)
        return;
    os_close(file->fd);
    free(file);
}

static bool being_removed(const struct store *store, const struct store_location *at)
{
    for (const struct store_removal *r = store->removals; r != NULL; r = r->next)
        if (r->volume == at->volume && r->number == at->file && r->offset == at->offset)
            return true;
    return false;
}

static void pin_add(struct store *store, struct store_pin *pin)
{
    pin->next = store->pins;
    pin->back = &store->pins;
    if (pin->next != NULL)
        pin->next->back = &pin->next;
    store->pins = pin;
}

/* Pins the object; opens its file when nobody has it open. */
static int pin_take(struct store *store, const struct store_location *at, struct store_pin *pin,
                    struct iso_err *err)
{
    struct store_volume *v    = store_volume_find(store, at->volume);
    struct store_file   *mine = NULL; /* opened outside the lock */
    struct store_file   *file;
    int                  rc = ISO_OK;

    if (v == NULL)
        return iso_fail(err, ISO_ENOENT, "there is no volume %u", at->volume);

    for (;;) {
        os_mutex_lock(&store->mu_files);
        if (being_removed(store, at)) {
            rc = iso_fail(err, ISO_ENOENT, "the object has been removed");
            break;
        }
        file = file_find(store, at->volume, at->file);
        if (file == NULL && mine != NULL) {
            file         = mine;
            mine         = NULL;
            file->next   = store->files;
            store->files = file;
            store->files_idle++;
        }
        if (file != NULL) {
            if (file->refs++ == 0)
                store->files_idle--;
            *pin = (struct store_pin){ .store = store, .file = file, .offset = at->offset };
            pin_add(store, pin);
            break;
        }
        os_mutex_unlock(&store->mu_files);
        mine = calloc(1, sizeof *mine);
        if (mine == NULL)
            return iso_fail(err, ISO_ENOMEM, "no memory to open an object");
        mine->volume = at->volume;
        mine->number = at->file;
        rc           = store_file_open(v, at->file, &mine->fd, err);
        if (rc < 0) {
            free(mine);
            return rc;
        }
    }
    os_mutex_unlock(&store->mu_files);
    file_free(mine);
    return rc;
}

/* Is the member in front of the content the one we mean? */
static int head_check(const struct store_volume *v, int fd, const struct store_location *at,
                      const uint8_t digest[STORE_DIGEST_BYTES], struct iso_err *err)
{
    uint8_t                 block[STORE_TAR_BLOCK];
    struct store_tar_member member;
    int                     rc;

    if (v->config.kind == STORE_TREE)
        return v->config.tree(v->config.tree_ctx, at->volume, at->file, &fd, err);
    if ((at->file & STORE_FILE_LARGE) != 0)
        return ISO_OK;
    if (at->offset < STORE_TAR_BLOCK)
        return iso_fail(err, ISO_EFORMAT, "an object cannot begin at %llu",
                        (unsigned long long)at->offset);
    rc = os_read_exact_at(fd, block, sizeof block, at->offset - STORE_TAR_BLOCK, err);
    if (rc < 0)
        return rc;
    if (!store_tar_parse(block, &member) || !member.ours || member.bytes != at->length ||
        memcmp(member.digest, digest, STORE_DIGEST_BYTES) != 0)
        return iso_fail(err, ISO_EFORMAT, "segment %llu has another object at %llu",
                        (unsigned long long)at->file, (unsigned long long)at->offset);
    return member.state == STORE_REMOVED ? iso_fail(err, ISO_ENOENT, "the object has been removed")
                                         : ISO_OK;
}

int store_read_open(struct store *store, const struct store_location *at,
                    const uint8_t digest[STORE_DIGEST_BYTES], int *fd, struct store_pin **pin,
                    struct iso_err *err)
{
    struct store_pin *p = malloc(sizeof *p);
    int               rc;

    if (p == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory to open an object");
    rc = pin_take(store, at, p, err);
    if (rc < 0) {
        free(p);
        return rc;
    }
    rc = head_check(store_volume_find(store, at->volume), p->file->fd, at, digest, err);
    if (rc < 0) {
        store_read_close(p);
        return rc;
    }
    *fd  = p->file->fd;
    *pin = p;
    return ISO_OK;
}

void store_read_close(struct store_pin *pin)
{
    struct store_file *out = NULL;

    if (pin == NULL)
        return;
    struct store *store = pin->store;
    os_mutex_lock(&store->mu_files);
    *pin->back = pin->next;
    if (pin->next != NULL)
        pin->next->back = pin->back;
    if (--pin->file->refs == 0 && ++store->files_idle > STORE_FILES_IDLE)
        out = file_evict(store, NULL);
    os_mutex_unlock(&store->mu_files);
    file_free(out);
    free(pin);
}

void store_files_close(struct store *store)
{
    iso_assert(store->pins == NULL);
    while (store->files != NULL) {
        struct store_file *file = store->files;
        store->files            = file->next;
        file_free(file);
    }
}

/* ---- for removal ---- */

int store_removal_begin(struct store *store, const struct store_location *at,
                        struct store_removal *mark, struct iso_err *err)
{
    struct store_file *idle = NULL;
    bool               busy;

    *mark =
        (struct store_removal){ .volume = at->volume, .number = at->file, .offset = at->offset };
    os_mutex_lock(&store->mu_files);
    busy = being_removed(store, at);
    for (struct store_pin *p = store->pins; p != NULL && !busy; p = p->next)
        busy =
            p->file->volume == at->volume && p->file->number == at->file && p->offset == at->offset;
    if (!busy) {
        mark->next      = store->removals;
        store->removals = mark;
        if ((at->file & STORE_FILE_LARGE) != 0)
            idle = file_evict(store, at);
    }
    os_mutex_unlock(&store->mu_files);
    file_free(idle);
    return busy ? iso_fail(err, ISO_EBUSY, "the object is being read") : ISO_OK;
}

void store_removal_end(struct store *store, struct store_removal *mark)
{
    struct store_removal **r = &store->removals;

    os_mutex_lock(&store->mu_files);
    while (*r != mark)
        r = &(*r)->next;
    *r = mark->next;
    os_mutex_unlock(&store->mu_files);
}
