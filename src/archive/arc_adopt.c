/* arc_adopt.c: files in place. An object is entered like any other, but its place is the file that the
 * index names (tree_file), and nothing is written. Until an entry is "done" a crash may have come
 * between it and its object: the next round looks at that file again. */
#include "arc_adopt.h"

#include "arc_in.h"
#include "index_care.h"
#include "index_tree.h"
#include "iso_crc32c.h"
#include "os_clock.h"

#include <string.h>

struct tree_file {
    int                    fd;
    uint64_t               at;
    uint32_t               crc32c;
    struct index_tree_file entry;
    uint64_t               number;
};

static int64_t file_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct tree_file *f = ctx;
    int64_t           n = os_read_at(f->fd, ptr, cap, f->at, err);

    if (n > 0) {
        f->at += (uint64_t)n;
        f->crc32c = iso_crc32c(f->crc32c, ptr, (size_t)n);
    }
    return n;
}

/* Where objects lie in place, every byte must be the file's own: a beginning that we would have to make
 * has nowhere to be. */
static int start_is_own(const struct tree_file *f, const struct arc_start *start,
                        struct iso_arena *arena, struct iso_err *err)
{
    uint8_t *front = iso_arena_alloc(arena, start->meta.len);

    if (front == NULL)
        return iso_arena_fail(arena, err);
    if (os_read_at(f->fd, front, start->meta.len, 0, err) != (int64_t)start->meta.len ||
        memcmp(front, start->meta.ptr, start->meta.len) != 0)
        return iso_fail(err, ISO_EFORMAT,
                        "no preamble and file meta information: import it instead");
    return ISO_OK;
}

static int file_parse(struct tree_file *f, struct iso_arena *arena, struct arc_parsed *parsed,
                      struct index_instance *entry, struct iso_err *err)
{
    struct arc_start start;
    int              rc = arc_start_read((struct iso_source){ file_read, f }, arena, &start, err);

    if (rc >= 0)
        rc = start_is_own(f, &start, arena, err);
    if (rc >= 0)
        rc = arc_parse(start.rest, &start, arena, parsed, err);
    if (rc < 0)
        return rc;
    memcpy(parsed->id.transfer_syntax_uid, start.transfer_syntax_uid.ptr,
           start.transfer_syntax_uid.len);
    arc_parsed_entry(parsed, entry);
    entry->crc32c    = f->crc32c;
    entry->stored_us = os_wall_us();
    return iso_sha256_of(start.meta, entry->meta_digest, err);
}

static int file_open(struct arc *arc, uint32_t volume, const char *name, struct tree_file *f,
                     struct iso_err *err)
{
    const struct arc_volume *tree = arc_volume_find(arc, volume);
    struct os_stat           st;
    int                      rc;

    if (tree == NULL || !tree->tree || tree->folder < 0)
        return iso_fail(err, ISO_EINVAL, "volume %u is no folder adopted in place", volume);
    if (strlen(name) >= ARC_TREE_PATH_BYTES)
        return iso_fail(err, ISO_ELIMIT, "the file's name is too long");
    rc = os_open(tree->folder, name, OS_READ_PLAIN, &f->fd, err);
    if (rc >= 0)
        rc = os_stat_fd(f->fd, &st, err);
    if (rc >= 0 && !st.is_file)
        rc = iso_fail(err, ISO_EFORMAT, "%s is no file", name);
    if (rc >= 0)
        f->entry = (struct index_tree_file){ iso_str_c(name), st.bytes, st.mtime_ns };
    return rc;
}

/* Nobody wrote to it while it was read. */
static int file_is_still(const struct tree_file *f, struct iso_err *err)
{
    struct os_stat st;
    int            rc = os_stat_fd(f->fd, &st, err);

    if (rc >= 0 && (st.bytes != f->entry.bytes || st.mtime_ns != f->entry.mtime_ns))
        rc = iso_fail(err, ISO_EBUSY, "it changed while it was read");
    return rc;
}

static void publish(struct arc *arc, const struct index_instance *entry)
{
    const struct arc_event event = {
        .kind             = ARC_EVENT_STORED,
        .study_uid        = entry->study_uid,
        .series_uid       = entry->series_uid,
        .sop_instance_uid = entry->sop_instance_uid,
        .sop_class_uid    = entry->sop_class_uid,
    };

    arc_publish(arc, &event);
}

/* What this path held when it was adopted before, if it is another object now. */
static int forget_former(struct arc *arc, const struct index_instance *now,
                         enum arc_adopted *outcome, struct iso_err *err)
{
    struct index_place was;
    uint64_t           removed;
    int                rc = index_place_find(arc->index, INDEX_ROWS, &now->location, &was, NULL);

    if (rc == ISO_ENOENT)
        return ISO_OK;
    if (rc < 0)
        return iso_fail(err, rc, "the index cannot say what was adopted of this file before");
    *outcome = ARC_ADOPTED_ANEW;
    return iso_str_eq_c(now->sop_instance_uid, was.sop_instance_uid)
               ? ISO_OK
               : index_remove(arc->index, &was.id, 1, 0, &removed, err);
}

/* In flight: nobody else writes this SOP instance. */
static int enter(struct arc *arc, uint32_t volume, struct tree_file *f,
                 struct index_instance *entry, const struct dcm_dataset *header,
                 enum arc_adopted *outcome, struct iso_err *err)
{
    struct iso_arena      arena;
    struct index_instance here;
    int64_t               id;
    int                   rc = index_tree_reserve(arc->index, volume, &f->entry, &f->number, err);

    if (rc < 0)
        return rc;
    *outcome        = ARC_ADOPTED;
    entry->location = (struct store_location){ volume, f->number, 0, f->entry.bytes };
    iso_arena_init(&arena, 1 << 20);
    rc = forget_former(arc, entry, outcome, err);
    if (rc >= 0)
        rc = index_lookup(arc->index, entry->sop_instance_uid, &arena, &here, err);
    if (rc == ISO_ENOENT) {
        rc = index_add(arc->index, entry, header, 0, &id, err);
    } else if (rc >= 0 && (here.location.volume != volume || here.location.file != f->number)) {
        *outcome = ARC_ADOPTED_KNOWN;
    } else if (rc >= 0 && (memcmp(here.digest, entry->digest, ISO_SHA256_BYTES) != 0 ||
                           here.location.length != f->entry.bytes)) {
        rc = index_add(arc->index, entry, header, here.id, &id, err);
    }
    if (rc >= 0)
        rc = index_tree_done(arc->index, volume, f->number, err);
    iso_arena_release(&arena);
    return rc;
}

static int adopt_open(struct arc *arc, uint32_t volume, struct tree_file *f,
                      enum arc_adopted *outcome, struct iso_err *err)
{
    struct iso_arena      arena;
    struct arc_parsed     parsed;
    struct index_instance entry;
    int                   rc;

    iso_arena_init(&arena, arc->config.header_bytes_max);
    rc = file_parse(f, &arena, &parsed, &entry, err);
    if (rc >= 0)
        rc = file_is_still(f, err);
    if (rc >= 0) {
        struct arc_flight flight = { .uid = entry.sop_instance_uid };

        arc_flight_begin(arc, &flight);
        rc = enter(arc, volume, f, &entry, &parsed.header, outcome, err);
        arc_flight_end(arc, &flight);
    }
    if (rc >= 0 && (*outcome == ARC_ADOPTED || *outcome == ARC_ADOPTED_ANEW))
        publish(arc, &entry);
    iso_arena_release(&arena);
    return rc;
}

int arc_adopt(struct arc *arc, uint32_t volume, const char *name, enum arc_adopted *outcome,
              struct iso_err *err)
{
    struct tree_file f  = { .fd = -1 };
    int              rc = file_open(arc, volume, name, &f, err);

    if (rc >= 0) {
        rc = index_tree_known(arc->index, volume, &f.entry, err);
        if (rc == ISO_OK)
            *outcome = ARC_ADOPTED_ALREADY;
        else if (rc == ISO_ENOENT)
            rc = adopt_open(arc, volume, &f, outcome, err);
    }
    os_close(f.fd);
    return rc;
}

int arc_tree_file(void *ctx, uint32_t volume, uint64_t file, int *fd, struct iso_err *err)
{
    struct arc              *arc  = ctx;
    const struct arc_volume *tree = arc_volume_find(arc, volume);
    const bool               open = *fd < 0;
    char                     name[ARC_TREE_PATH_BYTES];
    struct index_tree_file   was;
    struct os_stat           st;
    struct iso_arena         arena;
    int                      rc;

    if (tree->folder < 0)
        return iso_fail(err, ISO_EIO, "volume %u, %s, is not there: is it mounted?", volume,
                        tree->path);
    iso_arena_init(&arena, 4 * ARC_TREE_PATH_BYTES);
    rc = index_tree_file(arc->index, volume, file, &arena, &was, err);
    if (rc >= 0) {
        memcpy(name, was.path.ptr, was.path.len); /* arc_adopt has seen to its length */
        name[was.path.len] = '\0';
        if (open)
            rc = os_open(tree->folder, name, OS_READ_PLAIN, fd, err);
    }
    if (rc == ISO_ENOENT)
        rc = iso_wrap(err, ISO_EIO, "a file that was adopted in place has gone");
    if (rc >= 0)
        rc = os_stat_fd(*fd, &st, err);
    if (rc >= 0 && (st.bytes != was.bytes || st.mtime_ns != was.mtime_ns))
        rc = iso_fail(err, ISO_EIO,
                      "%s/%s has changed since it was adopted: run isocenter adopt again",
                      tree->path, name);
    if (rc < 0 && open) {
        os_close(*fd);
        *fd = -1;
    }
    iso_arena_release(&arena);
    return rc;
}

int arc_adopt_flush(struct arc *arc, struct iso_err *err)
{
    return index_mark_set(arc->index, ISO_STR("adopt"), os_wall_us(), err);
}
