/* dcm_dir_writer.c: writing a DICOMDIR. Records are gathered as a tree; when all are there, their
 * lengths give the offsets by which they point to each other, and the file is written in one go.
 * PS3.3 §F.3.2.2, §F.4, §F.5 */
#include "dcm_dir.h"

#include <stdlib.h>
#include <string.h>

#include "dcm_uids.h"

enum { WRITER_BYTES_MAX = 1 << 30, KEYS_MAX = 8, FILE_SET_ID_MAX = 16 };

struct node {
    struct node       *parent, *child, *last_child, *next;
    struct dcm_dataset keys;
    iso_str            key; /* what siblings are told apart by */
    uint64_t           offset;
};

struct dcm_dir_writer {
    struct iso_arena arena;
    struct node      root;
    size_t           count;
    iso_str          file_set_id;
};

/* What a record repeats of the object, beside (0008,0005); Type 1 and 2 keys come empty if need be. */
struct kind {
    const char *type;
    dcm_tag     key[KEYS_MAX];
    size_t      needed; /* of them, the first: there in any case */
};

static const struct kind patient_kind = { "PATIENT", { DCM_PATIENT_NAME, DCM_PATIENT_ID }, 2 };
static const struct kind study_kind   = { "STUDY",
                                          { DCM_STUDY_DATE, DCM_STUDY_TIME, DCM_ACCESSION_NUMBER,
                                            DCM_STUDY_DESCRIPTION, DCM_STUDY_INSTANCE_UID,
                                            DCM_STUDY_ID },
                                          6 };
static const struct kind series_kind  = { "SERIES",
                                          { DCM_MODALITY, DCM_SERIES_INSTANCE_UID, DCM_SERIES_NUMBER,
                                            DCM_SERIES_DESCRIPTION },
                                          3 };
static const struct kind image_kind   = {
      "IMAGE", { DCM_INSTANCE_NUMBER, DCM_IMAGE_TYPE, DCM_NUMBER_OF_FRAMES, DCM_ROWS, DCM_COLUMNS }, 1
};

/* SOP classes whose records are not IMAGE, by the front of their UID.   PS3.3 Table F.4-1 */
static const struct {
    const char *uid;
    struct kind kind;
} leaf_kinds[] = {
    { "1.2.840.10008.5.1.4.1.1.88.59",
      { "KEY OBJECT DOC",
        { DCM_INSTANCE_NUMBER, DCM_CONTENT_DATE, DCM_CONTENT_TIME, DCM_CONCEPT_NAME_CODE_SEQUENCE },
        4 } },
    { "1.2.840.10008.5.1.4.1.1.88.",
      { "SR DOCUMENT",
        { DCM_INSTANCE_NUMBER, DCM_COMPLETION_FLAG, DCM_VERIFICATION_FLAG, DCM_CONTENT_DATE,
          DCM_CONTENT_TIME, DCM_CONCEPT_NAME_CODE_SEQUENCE },
        6 } },
    { "1.2.840.10008.5.1.4.1.1.11.",
      { "PRESENTATION",
        { DCM_INSTANCE_NUMBER, DCM_PRESENTATION_CREATION_DATE, DCM_PRESENTATION_CREATION_TIME,
          DCM_CONTENT_LABEL, DCM_CONTENT_DESCRIPTION, DCM_CONTENT_CREATOR_NAME,
          DCM_REFERENCED_SERIES_SEQUENCE },
        6 } },
    { "1.2.840.10008.5.1.4.1.1.9.",
      { "WAVEFORM", { DCM_INSTANCE_NUMBER, DCM_CONTENT_DATE, DCM_CONTENT_TIME }, 3 } },
    { "1.2.840.10008.5.1.4.1.1.481.2",
      { "RT DOSE", { DCM_INSTANCE_NUMBER, DCM_DOSE_SUMMATION_TYPE }, 2 } },
    { "1.2.840.10008.5.1.4.1.1.481.3",
      { "RT STRUCTURE SET",
        { DCM_INSTANCE_NUMBER, DCM_STRUCTURE_SET_LABEL, DCM_STRUCTURE_SET_DATE,
          DCM_STRUCTURE_SET_TIME },
        4 } },
    { "1.2.840.10008.5.1.4.1.1.481.5",
      { "RT PLAN",
        { DCM_INSTANCE_NUMBER, DCM_RT_PLAN_LABEL, DCM_RT_PLAN_DATE, DCM_RT_PLAN_TIME },
        4 } },
    { "1.2.840.10008.5.1.4.1.1.104.",
      { "ENCAP DOC",
        { DCM_INSTANCE_NUMBER, DCM_CONTENT_DATE, DCM_CONTENT_TIME, DCM_DOCUMENT_TITLE,
          DCM_CONCEPT_NAME_CODE_SEQUENCE, DCM_MIME_TYPE_OF_ENCAPSULATED_DOCUMENT },
        6 } },
    { "1.2.840.10008.5.1.4.1.1.66.1",
      { "REGISTRATION", { DCM_CONTENT_DATE, DCM_CONTENT_TIME }, 2 } },
    { "1.2.840.10008.5.1.4.1.1.66.2", { "FIDUCIAL", { DCM_CONTENT_DATE, DCM_CONTENT_TIME }, 2 } },
    { "1.2.840.10008.5.1.4.1.1.66.5", { "SURFACE", { DCM_CONTENT_DATE, DCM_CONTENT_TIME }, 2 } },
    { "1.2.840.10008.5.1.4.1.1.66.6", { "TRACT", { DCM_CONTENT_DATE, DCM_CONTENT_TIME }, 2 } },
    { "1.2.840.10008.5.1.4.1.1.67", { "VALUE MAP", { DCM_CONTENT_DATE, DCM_CONTENT_TIME }, 2 } },
    { "1.2.840.10008.5.1.4.1.1.4.2",
      { "SPECTROSCOPY",
        { DCM_INSTANCE_NUMBER, DCM_IMAGE_TYPE, DCM_CONTENT_DATE, DCM_CONTENT_TIME },
        4 } },
};

static const struct kind *leaf_kind(iso_str sop_class_uid)
{
    /* Segmentation and microscopy images share fronts with what is listed. */
    if (iso_str_eq_c(sop_class_uid, DCM_UID_SEGMENTATION_STORAGE))
        return &image_kind;
    if (iso_str_eq_c(sop_class_uid, DCM_UID_RAW_DATA_STORAGE)) {
        static const struct kind raw = { "RAW DATA", { DCM_CONTENT_DATE, DCM_CONTENT_TIME }, 2 };
        return &raw;
    }
    for (size_t i = 0; i < sizeof leaf_kinds / sizeof *leaf_kinds; i++) {
        iso_str front = iso_str_c(leaf_kinds[i].uid);

        if (front.ptr[front.len - 1] == '.' ? iso_str_starts(sop_class_uid, front)
                                            : iso_str_eq(sop_class_uid, front))
            return &leaf_kinds[i].kind;
    }
    return &image_kind;
}

int dcm_dir_writer_new(struct dcm_dir_writer **writer, iso_str file_set_id, struct iso_err *err)
{
    struct dcm_dir_writer *new;

    if (file_set_id.len > FILE_SET_ID_MAX)
        return iso_fail(err, ISO_EINVAL, "a file-set ID of %zu characters", file_set_id.len);
    new = calloc(1, sizeof *new);
    if (new == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory");
    iso_arena_init(&new->arena, WRITER_BYTES_MAX);
    new->file_set_id = iso_arena_str(&new->arena, file_set_id);
    *writer          = new;
    return ISO_OK;
}

void dcm_dir_writer_free(struct dcm_dir_writer *writer)
{
    if (writer != NULL)
        iso_arena_release(&writer->arena);
    free(writer);
}

/* ---- gathering -------------------------------------------------------------------------------- */

/* Keys of type 1 that objects have empty, or not at all: what stands for them, so that the directory can be
 * read where it is checked.   PS3.3 §F.5 */
static iso_str made_up(dcm_tag key)
{
    switch (key) {
    case DCM_PATIENT_ID:
        return ISO_STR("UNKNOWN");
    case DCM_STUDY_DATE:
    case DCM_CONTENT_DATE:
    case DCM_PRESENTATION_CREATION_DATE:
        return ISO_STR("19000101");
    case DCM_STUDY_TIME:
    case DCM_CONTENT_TIME:
    case DCM_PRESENTATION_CREATION_TIME:
        return ISO_STR("000000");
    case DCM_STUDY_ID:
    case DCM_SERIES_NUMBER:
    case DCM_INSTANCE_NUMBER:
        return ISO_STR("0");
    case DCM_MODALITY:
        return ISO_STR("OT");
    default:
        return ISO_STR("");
    }
}

static int fill_record(struct dcm_dir_writer *w, struct dcm_dataset *keys, const struct kind *kind,
                       const struct dcm_dataset *object, struct iso_err *err)
{
    struct iso_arena *arena = &w->arena;
    int rc = dcm_put_i64(keys, arena, DCM_OFFSET_OF_THE_NEXT_DIRECTORY_RECORD, DCM_VR_UL, 0);

    if (rc == ISO_OK)
        rc = dcm_put_i64(keys, arena, DCM_RECORD_IN_USE_FLAG, DCM_VR_US, 0xffff);
    if (rc == ISO_OK)
        rc = dcm_put_i64(keys, arena, DCM_OFFSET_OF_REFERENCED_LOWER_LEVEL_DIRECTORY_ENTITY,
                         DCM_VR_UL, 0);
    if (rc == ISO_OK)
        rc = dcm_put_str(keys, arena, DCM_DIRECTORY_RECORD_TYPE, DCM_VR_CS, iso_str_c(kind->type));
    if (rc == ISO_OK && dcm_get_raw(object, DCM_SPECIFIC_CHARACTER_SET).len > 0)
        rc = dcm_put_copy(keys, arena, object, dcm_get(object, DCM_SPECIFIC_CHARACTER_SET), err);
    for (size_t i = 0; rc == ISO_OK && i < KEYS_MAX && kind->key[i] != 0; i++) {
        const struct dcm_element *el = dcm_get(object, kind->key[i]);

        if (made_up(kind->key[i]).len > 0 && dcm_get_raw(object, kind->key[i]).len == 0)
            rc = dcm_put_str(keys, arena, kind->key[i], dcm_dict_find(kind->key[i])->vr,
                             made_up(kind->key[i]));
        else if (el != NULL && (el->form == DCM_FORM_VALUE || el->form == DCM_FORM_SEQUENCE))
            rc = dcm_put_copy(keys, arena, object, el, err);
        else if (i < kind->needed)
            rc = dcm_put(keys, arena, kind->key[i], dcm_dict_find(kind->key[i])->vr) != NULL
                     ? ISO_OK
                     : iso_arena_fail(arena, err);
    }
    return rc;
}

/* The child of parent with this key; a new one is made of object. */
static int find_or_add(struct dcm_dir_writer *w, struct node *parent, iso_str key,
                       const struct kind *kind, const struct dcm_dataset *object,
                       struct node **node, struct iso_err *err)
{
    struct node *new;
    int rc;

    if (parent->last_child != NULL && iso_str_eq(parent->last_child->key, key)) {
        *node = parent->last_child; /* objects of a series come together */
        return ISO_OK;
    }
    for (struct node *n = parent->child; n != NULL; n = n->next)
        if (iso_str_eq(n->key, key)) {
            *node = n;
            return ISO_OK;
        }
    if (w->count == DCM_DIR_RECORDS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d directory records", DCM_DIR_RECORDS_MAX);
    new = iso_arena_alloc(&w->arena, sizeof *new);
    if (new == NULL)
        return iso_arena_fail(&w->arena, err);
    new->key = iso_arena_str(&w->arena, key);
    dcm_dataset_init(&new->keys);
    rc = fill_record(w, &new->keys, kind, object, err);
    if (rc < 0)
        return rc;
    new->parent = parent;
    if (parent->last_child != NULL)
        parent->last_child->next = new;
    else
        parent->child = new;
    parent->last_child = new;
    w->count++;
    *node = new;
    return ISO_OK;
}

/* PS3.10 §8.2, §8.5: what every system can read. */
static bool file_ok(iso_str file)
{
    size_t parts = 0;

    for (iso_str rest = file; rest.ptr != NULL; parts++) {
        iso_str part = iso_str_cut(&rest, '/');

        if (part.len == 0 || part.len > 8)
            return false;
        for (size_t i = 0; i < part.len; i++) {
            char c = part.ptr[i];

            if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
                return false;
        }
    }
    return parts > 0 && parts <= 8;
}

static int reference(struct dcm_dir_writer *w, struct dcm_dataset *keys, iso_str sop_class_uid,
                     iso_str sop_instance_uid, iso_str transfer_syntax_uid, iso_str file,
                     struct iso_err *err)
{
    struct iso_arena *arena = &w->arena;
    char              id[8 * 9];
    int               rc;

    memcpy(id, file.ptr, file.len);
    for (size_t i = 0; i < file.len; i++)
        if (id[i] == '/')
            id[i] = '\\';
    rc = dcm_put_str(keys, arena, DCM_REFERENCED_FILE_ID, DCM_VR_CS, iso_str_of(id, file.len));
    if (rc == ISO_OK)
        rc = dcm_put_str(keys, arena, DCM_REFERENCED_SOP_CLASS_UID_IN_FILE, DCM_VR_UI,
                         sop_class_uid);
    if (rc == ISO_OK)
        rc = dcm_put_str(keys, arena, DCM_REFERENCED_SOP_INSTANCE_UID_IN_FILE, DCM_VR_UI,
                         sop_instance_uid);
    if (rc == ISO_OK)
        rc = dcm_put_str(keys, arena, DCM_REFERENCED_TRANSFER_SYNTAX_UID_IN_FILE, DCM_VR_UI,
                         transfer_syntax_uid);
    return rc < 0 ? iso_arena_fail(arena, err) : ISO_OK;
}

int dcm_dir_add(struct dcm_dir_writer *writer, const struct dcm_dataset *object,
                iso_str transfer_syntax_uid, iso_str file, struct iso_err *err)
{
    iso_str      sop_class    = dcm_get_ascii(object, DCM_SOP_CLASS_UID);
    iso_str      sop_instance = dcm_get_ascii(object, DCM_SOP_INSTANCE_UID);
    iso_str      study        = dcm_get_ascii(object, DCM_STUDY_INSTANCE_UID);
    iso_str      series       = dcm_get_ascii(object, DCM_SERIES_INSTANCE_UID);
    struct node *node;
    int          rc;

    if (sop_class.len == 0 || sop_instance.len == 0 || study.len == 0 || series.len == 0)
        return iso_fail(err, ISO_EINVAL, "an object without its four UIDs cannot be in a DICOMDIR");
    if (!file_ok(file))
        return iso_fail(err, ISO_EINVAL, "\"%.*s\" is no file ID", ISO_STR_ARG(file));
    rc = find_or_add(writer, &writer->root, dcm_get_raw(object, DCM_PATIENT_ID), &patient_kind,
                     object, &node, err);
    if (rc == ISO_OK)
        rc = find_or_add(writer, node, study, &study_kind, object, &node, err);
    if (rc == ISO_OK)
        rc = find_or_add(writer, node, series, &series_kind, object, &node, err);
    if (rc == ISO_OK)
        rc = find_or_add(writer, node, sop_instance, leaf_kind(sop_class), object, &node, err);
    if (rc == ISO_OK)
        rc =
            reference(writer, &node->keys, sop_class, sop_instance, transfer_syntax_uid, file, err);
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static const struct dcm_write_options defined = { .lengths = DCM_LENGTHS_DEFINED };

/* The next node in the order of the file: children before siblings. */
static struct node *after(struct node *n)
{
    if (n->child != NULL)
        return n->child;
    while (n != NULL && n->next == NULL)
        n = n->parent;
    return n != NULL ? n->next : NULL;
}

static int count_bytes(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    uint64_t *bytes = ctx;

    (void)ptr;
    (void)err;
    *bytes += len;
    return ISO_OK;
}

static int measure(const struct dcm_dataset *ds, uint64_t *bytes, struct iso_err *err)
{
    *bytes = 0;
    return dcm_write(ds, DCM_EXPLICIT_LE, &defined, (struct iso_sink){ count_bytes, bytes }, err);
}

/* Puts each node's own offset, then those it points to. */
static int lay_out(struct dcm_dir_writer *w, uint64_t offset, struct iso_err *err)
{
    uint64_t bytes;
    int      rc = ISO_OK;

    for (struct node *n = w->root.child; n != NULL && rc == ISO_OK; n = after(n)) {
        n->offset = offset;
        rc        = measure(&n->keys, &bytes, err);
        offset += 8 + bytes;
    }
    if (offset > UINT32_MAX)
        return iso_fail(err, ISO_ELIMIT, "the DICOMDIR would be longer than 4 GiB");
    for (struct node *n = w->root.child; n != NULL && rc == ISO_OK; n = after(n)) {
        rc = dcm_put_i64(&n->keys, &w->arena, DCM_OFFSET_OF_THE_NEXT_DIRECTORY_RECORD, DCM_VR_UL,
                         n->next != NULL ? (int64_t)n->next->offset : 0);
        if (rc == ISO_OK)
            rc = dcm_put_i64(&n->keys, &w->arena,
                             DCM_OFFSET_OF_REFERENCED_LOWER_LEVEL_DIRECTORY_ENTITY, DCM_VR_UL,
                             n->child != NULL ? (int64_t)n->child->offset : 0);
    }
    return rc;
}

/* The data set around the records, with those in `records`. */
static int build_top(struct dcm_dir_writer *w, struct dcm_dataset *ds, struct iso_err *err)
{
    struct iso_arena   *arena = &w->arena;
    const struct node  *first = w->root.child;
    const struct node  *last  = w->root.last_child;
    struct dcm_element *records;
    int                 rc = dcm_put_str(ds, arena, DCM_FILE_SET_ID, DCM_VR_CS, w->file_set_id);

    if (rc == ISO_OK)
        rc = dcm_put_i64(ds, arena,
                         DCM_OFFSET_OF_THE_FIRST_DIRECTORY_RECORD_OF_THE_ROOT_DIRECTORY_ENTITY,
                         DCM_VR_UL, first != NULL ? (int64_t)first->offset : 0);
    if (rc == ISO_OK)
        rc = dcm_put_i64(ds, arena,
                         DCM_OFFSET_OF_THE_LAST_DIRECTORY_RECORD_OF_THE_ROOT_DIRECTORY_ENTITY,
                         DCM_VR_UL, last != NULL ? (int64_t)last->offset : 0);
    if (rc == ISO_OK)
        rc = dcm_put_i64(ds, arena, DCM_FILE_SET_CONSISTENCY_FLAG, DCM_VR_US, 0);
    records = rc == ISO_OK ? dcm_put(ds, arena, DCM_DIRECTORY_RECORD_SEQUENCE, DCM_VR_SQ) : NULL;
    if (records == NULL)
        return iso_arena_fail(arena, err);
    records->form = DCM_FORM_SEQUENCE;
    return ISO_OK;
}

static int add_records(struct dcm_dir_writer *w, struct dcm_dataset *ds, struct iso_err *err)
{
    for (struct node *n = w->root.child; n != NULL; n = after(n)) {
        struct dcm_dataset *item = dcm_put_item(ds, &w->arena, DCM_DIRECTORY_RECORD_SEQUENCE);

        if (item == NULL)
            return iso_arena_fail(&w->arena, err);
        item->element = n->keys.element; /* lent for this call */
        item->count   = n->keys.count;
    }
    return ISO_OK;
}

int dcm_dir_write(struct dcm_dir_writer *writer, iso_str sop_instance_uid, struct iso_sink sink,
                  struct iso_err *err)
{
    struct dcm_dataset ds;
    struct iso_buf     meta;
    uint64_t           top_bytes;
    int                rc;

    iso_buf_init(&meta, DCM_META_BYTES_MAX);
    dcm_dataset_init(&ds);
    rc = dcm_meta_write(ISO_STR(DCM_UID_MEDIA_STORAGE_DIRECTORY_STORAGE), sop_instance_uid,
                        iso_str_c(DCM_EXPLICIT_LE->uid), iso_str_of("", 0), iso_buf_sink(&meta),
                        err);
    if (rc == ISO_OK)
        rc = build_top(writer, &ds, err); /* without records: what comes before the first */
    if (rc == ISO_OK)
        rc = measure(&ds, &top_bytes, err);
    if (rc == ISO_OK)
        rc = lay_out(writer, meta.len + top_bytes, err);
    dcm_dataset_init(&ds);
    if (rc == ISO_OK)
        rc = build_top(writer, &ds, err);
    if (rc == ISO_OK)
        rc = add_records(writer, &ds, err);
    if (rc == ISO_OK)
        rc = sink.write(sink.ctx, meta.ptr, meta.len, err);
    if (rc == ISO_OK)
        rc = dcm_write(&ds, DCM_EXPLICIT_LE, &defined, sink, err);
    iso_buf_release(&meta);
    return rc;
}
