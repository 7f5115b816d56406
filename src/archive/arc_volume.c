/* arc_volume.c: which folders are the archive's, and that each is the one it should be. The number in
 * every stored location belongs to the uuid in the folder's volume.json for good; the index says which
 * ones there are. So a folder that is not mounted, or another one in its place, is noticed before
 * anything is read or written. */
#include "arc_adopt.h"
#include "arc_in.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 256 << 10 };

struct known {
    struct index_volume list[STORE_VOLUMES_MAX];
    size_t              count;
};

static struct index_volume *known_find(struct known *known, uint32_t number, iso_str uuid)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->list[i].number == number || iso_str_eq(known->list[i].uuid, uuid))
            return &known->list[i];
    return NULL;
}

static struct index_volume *known_path(struct known *known, const char *path)
{
    for (size_t i = 0; i < known->count; i++)
        if (iso_str_eq_c(known->list[i].path, path))
            return &known->list[i];
    return NULL;
}

/* A folder without volume.json. It becomes a new volume, unless one should be there. */
static int identity_first(struct known *known, const struct arc_volume *volume,
                          struct store_identity *identity, struct iso_err *err)
{
    const struct index_volume *lost = known_path(known, volume->path);

    if (lost == NULL && volume->number != 0)
        lost = known_find(known, volume->number, ISO_STR(""));
    if (lost != NULL)
        return iso_fail(
            err, ISO_ENOENT,
            "volume %u (%.*s, last seen in %.*s) is not there: %s has no volume.json; is "
            "the right disk mounted?",
            lost->number, ISO_STR_ARG(lost->uuid), ISO_STR_ARG(lost->path), volume->path);
    *identity = (struct store_identity){ .number = volume->number, .kind = STORE_SEGMENTS };
    for (size_t i = 0; volume->number == 0 && i < known->count; i++)
        if (known->list[i].number > identity->number)
            identity->number = known->list[i].number;
    if (volume->number == 0)
        identity->number = identity->number == 0 ? 2 : identity->number + 1;
    return store_identity_make(volume->folder, identity, err);
}

/* volume->number: what it must be; 0: what it says. Afterwards: what it is. */
static int identify(struct arc *arc, struct known *known, struct arc_volume *volume,
                    struct iso_err *err)
{
    struct store_identity identity;
    uint32_t              number;
    int                   rc = store_identity_read(volume->folder, &identity, err);

    if (rc == ISO_ENOENT)
        rc = identity_first(known, volume, &identity, err);
    if (rc < 0)
        return rc;
    if (volume->number != 0 && identity.number != volume->number)
        return iso_fail(
            err, ISO_ECONFLICT,
            "%s holds volume %u of an archive, not its first: is this the right folder?",
            volume->path, identity.number);
    const struct index_volume  now = { .number = identity.number,
                                       .uuid   = iso_str_c(identity.uuid),
                                       .kind   = iso_str_c(store_kind_name(identity.kind)),
                                       .path   = iso_str_c(volume->path) };
    const struct index_volume *was = known_find(known, now.number, now.uuid);
    if (arc->index != NULL &&
        (was == NULL || was->number != now.number || !iso_str_eq(was->path, now.path) ||
         !iso_str_eq(was->uuid, now.uuid)))
        rc = index_volume_bind(arc->index, &now, &number, err);
    if (rc < 0)
        return iso_wrap(err, rc,
                        "%s holds another volume than it should: is the right disk mounted?",
                        volume->path);
    volume->number = now.number;
    if (was != NULL) {
        volume->low_file   = was->low_file;
        volume->low_offset = was->low_offset;
    }
    return ISO_OK;
}

/* An archive from before there were marks: the closed segments are known; a crash can only have left
 * something in the last two. */
static int first_mark(struct arc *arc, struct arc_volume *volume, struct iso_err *err)
{
    uint64_t end;
    uint64_t last;
    int      rc = index_last_segment(arc->index, volume->number, &last, err);

    if (rc < 0 || last < 2)
        return rc;
    rc = index_known_end(arc->index, volume->number, last - 1, &end, err);
    if (rc >= 0) {
        volume->low_file   = last - 1;
        volume->low_offset = store_tar_padded(end);
    }
    return rc;
}

static int volume_open(struct arc *arc, struct known *known, struct arc_volume *volume,
                       uint64_t warn_free_bytes, uint64_t stop_free_bytes, struct iso_err *err)
{
    int rc = identify(arc, known, volume, err);

    if (rc >= 0 && volume->low_file == 0 && arc->index != NULL)
        rc = first_mark(arc, volume, err);
    if (rc < 0)
        return rc;
    volume->unknown                         = volume->low_file == 0;
    const struct store_volume_config config = { .number          = volume->number,
                                                .kind            = STORE_SEGMENTS,
                                                .folder          = volume->folder,
                                                .warn_free_bytes = warn_free_bytes,
                                                .stop_free_bytes = stop_free_bytes,
                                                .low_file        = volume->low_file,
                                                .low_offset      = volume->low_offset };

    return store_volume_add(arc->store, &config, err);
}

static int volume_append(struct arc *arc, const char *path, int folder, struct arc_volume **out,
                         struct iso_err *err)
{
    struct arc_volume *volume = &arc->volume[arc->volume_count];

    if (arc->volume_count == STORE_VOLUMES_MAX)
        return iso_fail(err, ISO_ELIMIT, "at most %d volumes", (int)STORE_VOLUMES_MAX);
    *volume = (struct arc_volume){ .path = strdup(path), .folder = folder };
    if (volume->path == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory");
    arc->volume_count++;
    *out = volume;
    return ISO_OK;
}

static int all_found(struct arc *arc, const struct known *known, struct iso_err *err)
{
    for (size_t i = 0; i < known->count; i++) {
        bool found = !iso_str_eq_c(known->list[i].kind, "segments");

        for (size_t k = 0; k < arc->volume_count && !found; k++)
            found = arc->volume[k].number == known->list[i].number;
        if (!found)
            return iso_fail(err, ISO_ENOENT,
                            "volume %u (%.*s, last seen in %.*s) is missing from the setting "
                            "`volumes`",
                            known->list[i].number, ISO_STR_ARG(known->list[i].uuid),
                            ISO_STR_ARG(known->list[i].path));
    }
    return ISO_OK;
}

const struct arc_volume *arc_volume_find(const struct arc *arc, uint32_t number)
{
    for (size_t i = 0; i < arc->volume_count; i++)
        if (arc->volume[i].number == number)
            return &arc->volume[i];
    return NULL;
}

/* A folder adopted in place. It may be away for a while: the rest of the archive is not. */
static int tree_open(struct arc *arc, uint32_t number, const char *path, struct iso_err *err)
{
    const struct store_volume_config config = {
        .number = number, .kind = STORE_TREE, .folder = -1, .tree = arc_tree_file, .tree_ctx = arc
    };
    struct arc_volume *volume;
    int                folder;
    int                rc;

    if (os_open(OS_CWD, path, OS_FOLDER, &folder, NULL) < 0)
        folder = -1;
    rc = volume_append(arc, path, folder, &volume, err);
    if (rc < 0) {
        os_close(folder);
        return rc;
    }
    volume->number = number;
    volume->tree   = true;
    return store_volume_add(arc->store, &config, err);
}

static int trees_open(struct arc *arc, const struct known *known, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < known->count && rc >= 0; i++) {
        char path[ARC_TREE_PATH_BYTES];

        if (!iso_str_eq_c(known->list[i].kind, "tree"))
            continue;
        if (known->list[i].path.len >= sizeof path)
            return iso_fail(err, ISO_ELIMIT, "the path of volume %u is too long",
                            known->list[i].number);
        memcpy(path, known->list[i].path.ptr, known->list[i].path.len);
        path[known->list[i].path.len] = '\0';
        rc                            = tree_open(arc, known->list[i].number, path, err);
    }
    return rc;
}

/* What the index knows; nothing when it cannot be read (arc_open with `care`). */
static int known_read(struct arc *arc, struct iso_arena *arena, struct known *known,
                      struct iso_err *err)
{
    int rc = ISO_OK;

    if (arc->index != NULL)
        rc = index_volumes(arc->index, arena, known->list, STORE_VOLUMES_MAX, &known->count, err);
    if (rc < 0 && arc->config.care) {
        arc_index_lost(arc, rc, err);
        rc = ISO_OK;
    }
    return rc;
}

/* One is in the other, or they are the same. */
static bool folders_overlap(const char *a, const char *b)
{
    const size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

    return memcmp(a, b, n) == 0 && (a[n] == b[n] || a[n] == '/' || b[n] == '/' || a[n - 1] == '/');
}

int arc_adopt_folder(struct arc *arc, const char *path, uint32_t *number, struct iso_err *err)
{
    char                uuid[STORE_UUID_BYTES];
    struct index_volume now = { .number = *number,
                                .kind   = iso_str_c(store_kind_name(STORE_TREE)),
                                .path   = iso_str_c(path) };
    struct known        known;
    struct iso_arena    arena;
    int                 rc = ISO_OK;

    for (size_t i = 0; i < arc->volume_count && rc >= 0; i++) {
        char *other = realpath(arc->volume[i].path, NULL);

        if (other != NULL && folders_overlap(other, path) &&
            (!arc->volume[i].tree || strcmp(other, path) != 0))
            rc = iso_fail(err, ISO_EINVAL, "%s and volume %u, %s, lie in one another", path,
                          arc->volume[i].number, other);
        free(other);
    }
    if (rc < 0)
        return rc;
    iso_arena_init(&arena, ARENA_BYTES);
    store_uuid_make(uuid);
    now.uuid = iso_str_c(uuid);
    rc       = index_volumes(arc->index, &arena, known.list, STORE_VOLUMES_MAX, &known.count, err);
    if (rc >= 0) {
        const struct index_volume *was =
            *number != 0 ? known_find(&known, *number, ISO_STR("")) : known_path(&known, path);

        if (*number != 0 && was == NULL)
            rc = iso_fail(err, ISO_EINVAL, "there is no volume %u", *number);
        if (was != NULL) {
            now.number = was->number;
            now.uuid   = was->uuid;
        }
    }
    if (rc >= 0)
        rc = index_volume_bind(arc->index, &now, number, err);
    iso_arena_release(&arena);
    return rc;
}

int arc_volumes_open(struct arc *arc, struct iso_err *err)
{
    const struct arc_config *config = &arc->config;
    struct known             known  = { .count = 0 };
    struct arc_volume       *volume = NULL;
    struct iso_arena         arena;
    int                      rc;

    iso_arena_init(&arena, ARENA_BYTES);
    rc = known_read(arc, &arena, &known, err);
    if (rc >= 0)
        rc = volume_append(arc, arc->folder_name, arc->folder, &volume, err);
    if (rc >= 0) {
        volume->number = STORE_VOLUME_FIRST;
        rc = volume_open(arc, &known, volume, config->warn_free_bytes, config->free_bytes_min, err);
    }
    for (size_t i = 0; rc >= 0 && i < config->volume_count; i++) {
        const struct arc_volume_config *one = &config->volumes[i];
        int                             folder;

        rc = os_open(OS_CWD, one->path, OS_FOLDER, &folder, err);
        if (rc < 0)
            break;
        rc = volume_append(arc, one->path, folder, &volume, err);
        if (rc < 0) {
            os_close(folder);
            break;
        }
        rc = volume_open(arc, &known, volume, one->warn_free_bytes, one->stop_free_bytes, err);
        if (rc >= 0) { /* the next new one counts on from here */
            iso_arena_reset(&arena);
            rc = known_read(arc, &arena, &known, err);
        }
    }
    if (rc >= 0)
        rc = all_found(arc, &known, err);
    if (rc >= 0)
        rc = trees_open(arc, &known, err);
    iso_arena_release(&arena);
    return rc;
}

void arc_volumes_close(struct arc *arc)
{
    for (size_t i = 0; i < arc->volume_count; i++) {
        if (arc->volume[i].folder != arc->folder)
            os_close(arc->volume[i].folder);
        free(arc->volume[i].path);
    }
}

int arc_volumes(struct arc *arc, struct arc_volume_stats out[STORE_VOLUMES_MAX], size_t *count,
                struct iso_err *err)
{
    struct store_volume_info info[STORE_VOLUMES_MAX];
    size_t                   n;
    int                      rc = store_volumes(arc->store, info, &n, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct arc_volume_stats){ .number     = info[i].number,
                                            .kind       = store_kind_name(info[i].kind),
                                            .path       = arc->volume[i].path,
                                            .bytes_free = info[i].bytes_free,
                                            .warned     = info[i].warned,
                                            .full       = info[i].full,
                                            .failed     = info[i].failed,
                                            .absent     = arc->volume[i].folder < 0 };
    *count = n;
    return ISO_OK;
}
