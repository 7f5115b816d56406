/* dcm_dir.c: reading a DICOMDIR. The records are items of one sequence and point to each other by
 * their offsets in the file; each may be reached once, so that a walk always ends. */
#include "dcm_dir.h"

#include <string.h>

#include "dcm_uids.h"

struct walk {
    struct iso_arena         *arena;
    struct dcm_dir           *dir;
    const struct dcm_element *records;
    bool                     *seen;
    bool                      strays; /* the walk from the root is done */
};

bool dcm_dir_is(const struct dcm_meta *meta)
{
    return iso_str_eq_c(meta->media_sop_class_uid, DCM_UID_MEDIA_STORAGE_DIRECTORY_STORAGE);
}

bool dcm_dir_component_ok(iso_str component)
{
    if (component.len == 0 || component.len > 255 || iso_str_eq_c(component, ".") ||
        iso_str_eq_c(component, ".."))
        return false;
    for (size_t i = 0; i < component.len; i++) {
        unsigned char c = (unsigned char)component.ptr[i];

        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == ':')
            return false;
    }
    return true;
}

/* "DICOM\IM0001" as a path. */
static int read_file_id(const struct dcm_dataset *keys, struct iso_arena *arena, iso_str *file,
                        struct iso_err *err)
{
    iso_str id    = dcm_get_raw(keys, DCM_REFERENCED_FILE_ID);
    size_t  parts = 0;
    char   *path;

    if (id.len == 0) {
        *file = iso_str_of("", 0);
        return ISO_OK;
    }
    if (id.len > DCM_DIR_FILE_MAX)
        return iso_fail(err, ISO_EFORMAT, "a file ID of %zu characters", id.len);
    for (iso_str rest = id; rest.ptr != NULL; parts++) {
        iso_str part = iso_str_trim(iso_str_cut(&rest, '\\'));

        if (!dcm_dir_component_ok(part) || parts == DCM_DIR_COMPONENTS_MAX)
            return iso_fail(err, ISO_EFORMAT, "file ID \"%.*s\" leads out of the file-set",
                            ISO_STR_ARG(id));
    }
    path = iso_arena_alloc(arena, id.len);
    if (path == NULL)
        return iso_arena_fail(arena, err);
    file->ptr = path;
    for (iso_str rest = id; rest.ptr != NULL;) {
        iso_str part = iso_str_trim(iso_str_cut(&rest, '\\'));

        memcpy(path, part.ptr, part.len);
        path += part.len;
        if (rest.ptr != NULL)
            *path++ = '/';
    }
    file->len = (size_t)(path - file->ptr);
    return ISO_OK;
}

static bool in_use(const struct dcm_dataset *keys)
{
    int64_t flag;

    return !dcm_get_i64(keys, DCM_RECORD_IN_USE_FLAG, 0, &flag) || flag != 0;
}

/* Appends the record that keys are. */
static int add_record(struct walk *w, const struct dcm_dataset *keys, size_t parent, size_t depth,
                      struct iso_err *err)
{
    struct dcm_dir_record *record = &w->dir->record[w->dir->count];

    *record = (struct dcm_dir_record){
        .keys                = keys,
        .type                = dcm_get_ascii(keys, DCM_DIRECTORY_RECORD_TYPE),
        .parent              = parent,
        .depth               = depth,
        .sop_class_uid       = dcm_get_ascii(keys, DCM_REFERENCED_SOP_CLASS_UID_IN_FILE),
        .sop_instance_uid    = dcm_get_ascii(keys, DCM_REFERENCED_SOP_INSTANCE_UID_IN_FILE),
        .transfer_syntax_uid = dcm_get_ascii(keys, DCM_REFERENCED_TRANSFER_SYNTAX_UID_IN_FILE),
    };
    w->dir->count++;
    return read_file_id(keys, w->arena, &record->file, err);
}

/* ---- by offsets ------------------------------------------------------------------------------- */

static uint64_t offset_at(const struct dcm_dataset *ds, dcm_tag tag)
{
    int64_t v;

    return dcm_get_i64(ds, tag, 0, &v) && v > 0 ? (uint64_t)v : 0;
}

/* Index of the record at offset; item_count when there is none. */
static size_t find_record(const struct walk *w, uint64_t offset)
{
    size_t low = 0, high = w->records->item_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (w->records->items[mid].offset < offset)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < w->records->item_count && w->records->items[low].offset == offset)
        return low;
    return w->records->item_count;
}

/* The record at offset, which nobody has reached before; among strays, NULL if someone has. */
static int reach(struct walk *w, uint64_t offset, const struct dcm_dataset **keys,
                 struct iso_err *err)
{
    size_t i = find_record(w, offset);

    if (i == w->records->item_count)
        return iso_fail(err, ISO_EFORMAT, "no directory record at byte %llu",
                        (unsigned long long)offset);
    if (w->seen[i] && !w->strays)
        return iso_fail(err, ISO_EFORMAT, "the directory records go in a circle at byte %llu",
                        (unsigned long long)offset);
    *keys      = w->seen[i] ? NULL : &w->records->items[i];
    w->seen[i] = true;
    return ISO_OK;
}

static int walk_offsets(struct walk *w, uint64_t root, struct iso_err *err)
{
    uint64_t next[DCM_DIR_DEPTH_MAX]  = { root }; /* of each open level: where it goes on */
    size_t   above[DCM_DIR_DEPTH_MAX] = { DCM_DIR_NONE };
    size_t   depth                    = 0;

    for (;;) { /* each turn reaches a new record or closes a level */
        const struct dcm_dataset *keys = NULL;
        uint64_t                  lower;
        int                       rc;

        if (next[depth] == 0) {
            if (depth == 0)
                return ISO_OK;
            depth--;
            continue;
        }
        rc = reach(w, next[depth], &keys, err);
        if (rc < 0)
            return rc;
        next[depth] = 0;
        if (keys == NULL)
            continue;
        next[depth] = offset_at(keys, DCM_OFFSET_OF_THE_NEXT_DIRECTORY_RECORD);
        if (!in_use(keys))
            continue; /* and nothing below it is */
        rc = add_record(w, keys, above[depth], depth, err);
        if (rc < 0)
            return rc;
        lower = offset_at(keys, DCM_OFFSET_OF_REFERENCED_LOWER_LEVEL_DIRECTORY_ENTITY);
        if (lower == 0)
            continue;
        if (depth + 1 == DCM_DIR_DEPTH_MAX)
            return iso_fail(err, ISO_ELIMIT, "directory records nested deeper than %d",
                            DCM_DIR_DEPTH_MAX);
        depth++;
        next[depth]  = lower;
        above[depth] = w->dir->count - 1;
    }
}

/* Some directories lost the way from the root to their records: those that nobody points to are
 * taken for roots of their own. */
static int walk_strays(struct walk *w, struct iso_err *err)
{
    size_t n       = w->records->item_count;
    bool  *pointed = iso_arena_array(w->arena, n, sizeof *pointed);
    int    rc      = ISO_OK;

    if (pointed == NULL)
        return iso_arena_fail(w->arena, err);
    for (size_t i = 0; i < n; i++) {
        const struct dcm_dataset *keys = &w->records->items[i];
        size_t next = find_record(w, offset_at(keys, DCM_OFFSET_OF_THE_NEXT_DIRECTORY_RECORD));
        size_t lower =
            find_record(w, offset_at(keys, DCM_OFFSET_OF_REFERENCED_LOWER_LEVEL_DIRECTORY_ENTITY));

        if (next < n)
            pointed[next] = true;
        if (lower < n)
            pointed[lower] = true;
    }
    w->strays = true;
    for (size_t i = 0; i < n && rc == ISO_OK; i++)
        if (!w->seen[i] && !pointed[i])
            rc = walk_offsets(w, w->records->items[i].offset, err);
    return rc;
}

/* ---- without ---------------------------------------------------------------------------------- */

/* Where a record of this type stands in the usual tree.   PS3.3 §F.4 */
static size_t usual_depth(iso_str type)
{
    static const char *const upper[] = { "PATIENT", "STUDY", "SERIES" };

    for (size_t i = 0; i < 3; i++)
        if (iso_str_eq_c(type, upper[i]))
            return i;
    return 3;
}

static int take_in_order(struct walk *w, struct iso_err *err)
{
    size_t last[4] = { DCM_DIR_NONE, DCM_DIR_NONE, DCM_DIR_NONE, DCM_DIR_NONE };

    for (size_t i = 0; i < w->records->item_count; i++) {
        const struct dcm_dataset *keys = &w->records->items[i];
        size_t place  = usual_depth(dcm_get_ascii(keys, DCM_DIRECTORY_RECORD_TYPE));
        size_t parent = DCM_DIR_NONE;
        size_t depth  = 0;
        int    rc;

        if (!in_use(keys))
            continue;
        for (size_t j = place; j > 0 && parent == DCM_DIR_NONE; j--)
            parent = last[j - 1];
        if (parent != DCM_DIR_NONE)
            depth = w->dir->record[parent].depth + 1;
        last[place] = w->dir->count;
        for (size_t j = place + 1; j < 4; j++)
            last[j] = DCM_DIR_NONE;
        rc = add_record(w, keys, parent, depth, err);
        if (rc < 0)
            return rc;
    }
    return ISO_OK;
}

static bool has_offsets(const struct dcm_element *records)
{
    for (size_t i = 0; i < records->item_count; i++)
        if (offset_at(&records->items[i], DCM_OFFSET_OF_THE_NEXT_DIRECTORY_RECORD) != 0 ||
            offset_at(&records->items[i], DCM_OFFSET_OF_REFERENCED_LOWER_LEVEL_DIRECTORY_ENTITY) !=
                0)
            return true;
    return false;
}

int dcm_dir_read(iso_bytes in, struct iso_arena *arena, struct dcm_dir *dir, struct iso_err *err)
{
    struct dcm_dir  found = { 0 };
    struct walk     w     = { .arena = arena, .dir = &found };
    struct dcm_meta meta;
    uint64_t        root;
    int             rc = dcm_file_parse(in, NULL, arena, &meta, &dir->ds, err);

    if (rc < 0)
        return rc;
    w.records = dcm_get(&dir->ds, DCM_DIRECTORY_RECORD_SEQUENCE);
    if (w.records == NULL || (w.records->form != DCM_FORM_SEQUENCE && w.records->bytes > 0))
        return iso_fail(err, ISO_EFORMAT, "not a DICOMDIR: it has no directory records");
    if (w.records->item_count > DCM_DIR_RECORDS_MAX)
        return iso_fail(err, ISO_ELIMIT, "%zu directory records", w.records->item_count);
    found.file_set_id = dcm_get_ascii(&dir->ds, DCM_FILE_SET_ID);
    found.record      = iso_arena_array(arena, w.records->item_count, sizeof *found.record);
    w.seen            = iso_arena_array(arena, w.records->item_count, sizeof *w.seen);
    if (found.record == NULL || w.seen == NULL)
        return iso_arena_fail(arena, err);
    root =
        offset_at(&dir->ds, DCM_OFFSET_OF_THE_FIRST_DIRECTORY_RECORD_OF_THE_ROOT_DIRECTORY_ENTITY);
    if (root == 0 && !has_offsets(w.records)) {
        rc = take_in_order(&w, err);
    } else {
        rc = walk_offsets(&w, root, err);
        if (rc == ISO_OK)
            rc = walk_strays(&w, err);
    }
    if (rc < 0)
        return iso_wrap(err, rc, "DICOMDIR");
    dir->record      = found.record;
    dir->count       = found.count;
    dir->file_set_id = found.file_set_id;
    return ISO_OK;
}
