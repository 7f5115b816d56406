/* arc_read.c: objects out. Ids first, then their rows in chunks, so that neither a slow receiver
 * holds a connection nor a large selection memory. */
#include "arc_in.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_ARENA_BYTES = 64 << 20, HEADERS_BYTES = 8 << 20 };

_Static_assert((int)ARC_PATIENT == (int)INDEX_PATIENT && (int)ARC_INSTANCE == (int)INDEX_INSTANCE,
               "levels are passed through");
_Static_assert((int)ARC_PIXELS_NATIVE == (int)INDEX_PIXELS_NATIVE &&
                   (int)ARC_PIXELS_FRAGMENTS == (int)INDEX_PIXELS_FRAGMENTS &&
                   (int)ARC_PIXELS_DEFLATED == (int)INDEX_PIXELS_DEFLATED,
               "pixel forms are passed through");

void arc_instance_from(const struct index_instance *in, struct arc_instance *out)
{
    *out = (struct arc_instance){
        .id                  = in->id,
        .patient_id          = in->patient_id,
        .study_uid           = in->study_uid,
        .series_uid          = in->series_uid,
        .sop_instance_uid    = in->sop_instance_uid,
        .sop_class_uid       = in->sop_class_uid,
        .transfer_syntax_uid = in->transfer_syntax_uid,
        .modality            = in->modality,
        .series_number       = in->series_number,
        .instance_number     = in->instance_number,
        .location            = in->location,
        .bytes               = in->location.length,
        .data_offset         = in->data_offset,
        .pixels              = (enum arc_pixels)in->pixels,
        .pixel_tag           = in->pixel_tag,
        .pixel_offset        = in->pixel_offset,
        .pixel_bytes         = in->pixel_bytes,
        .frames              = in->frames,
        .rows                = in->rows,
        .columns             = in->columns,
        .samples             = in->samples,
        .bits_allocated      = in->bits_allocated,
        .frame_bytes         = in->frame_bytes,
        .stored_us           = in->stored_us,
    };
    memcpy(out->digest, in->digest, sizeof out->digest);
}

int arc_selection_ids(struct arc *arc, const struct arc_selection *s, int64_t **ids, size_t *count,
                      struct iso_err *err)
{
    const struct index_selection selection = {
        .list  = { s->patient_ids, s->study_uids, s->series_uids, s->sop_instance_uids },
        .count = { s->patient_id_count, s->study_count, s->series_count, s->instance_count },
    };
    size_t total = 0;

    for (size_t i = 0; i < 4; i++)
        total += selection.count[i];
    if (total == 0)
        return iso_fail(err, ISO_EINVAL, "nothing is selected");
    if (total > ARC_SELECTION_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d values select", (int)ARC_SELECTION_MAX);
    return index_select(arc->index, &selection, ids, count, err);
}

int arc_select(struct arc *arc, const struct arc_selection *selection,
               int (*each)(void *ctx, const struct arc_instance *instance, struct iso_err *err),
               void *ctx, struct iso_err *err)
{
    struct index_instance row[INDEX_CHUNK];
    struct iso_arena      chunk;
    int64_t              *ids   = NULL;
    size_t                count = 0;
    int                   rc    = arc_selection_ids(arc, selection, &ids, &count, err);

    iso_arena_init(&chunk, CHUNK_ARENA_BYTES);
    for (size_t at = 0; at < count && rc >= 0; at += INDEX_CHUNK) {
        size_t n = count - at < INDEX_CHUNK ? count - at : INDEX_CHUNK;

        iso_arena_reset(&chunk);
        rc = index_instances(arc->index, ids + at, n, &chunk, row, NULL, &n, err);
        for (size_t i = 0; i < n && rc >= 0; i++) {
            struct arc_instance instance;

            arc_instance_from(&row[i], &instance);
            rc = each(ctx, &instance, err);
        }
    }
    iso_arena_release(&chunk);
    free(ids);
    return rc < 0 ? rc : ISO_OK;
}

int arc_select_all(struct arc *arc, const struct arc_selection *selection, struct iso_arena *arena,
                   struct arc_instance **list, size_t *count, struct iso_err *err)
{
    struct index_instance row[INDEX_CHUNK];
    struct arc_instance  *all   = NULL;
    int64_t              *ids   = NULL;
    size_t                total = 0;
    size_t                found = 0;
    int                   rc    = arc_selection_ids(arc, selection, &ids, &total, err);

    if (rc >= 0) {
        all = iso_arena_array(arena, total, sizeof *all);
        if (all == NULL)
            rc = iso_arena_fail(arena, err);
    }
    for (size_t at = 0; at < total && rc >= 0; at += INDEX_CHUNK) {
        size_t n = total - at < INDEX_CHUNK ? total - at : INDEX_CHUNK;

        rc = index_instances(arc->index, ids + at, n, arena, row, NULL, &n, err);
        for (size_t i = 0; i < n && rc >= 0; i++)
            arc_instance_from(&row[i], &all[found++]);
    }
    free(ids);
    if (rc < 0)
        return rc;
    *list  = all;
    *count = found;
    return ISO_OK;
}

/* Few at first, and as many at once as are not large: each pack is opened for many, and headers of many
 * megabytes come one by one. */
int arc_select_headers(struct arc *arc, const struct arc_selection *selection,
                       int (*each)(void *ctx, const struct arc_instance *instance,
                                   const struct dcm_dataset *header, struct iso_err *err),
                       void *ctx, struct iso_err *err)
{
    struct index_instance row[INDEX_CHUNK];
    struct dcm_dataset    header[INDEX_CHUNK];
    struct iso_arena      chunk;
    int64_t              *ids   = NULL;
    size_t                count = 0;
    size_t                step  = 4;
    size_t                n;
    int                   rc = arc_selection_ids(arc, selection, &ids, &count, err);

    iso_arena_init(&chunk, 2 * arc->config.header_bytes_max + CHUNK_ARENA_BYTES);
    for (size_t at = 0; at < count && rc >= 0;) {
        size_t asked = count - at < step ? count - at : step;

        iso_arena_reset(&chunk);
        rc = index_instances(arc->index, ids + at, asked, &chunk, row, header, &n, err);
        if (rc == ISO_ELIMIT && asked > 1) {
            step = 1;
            rc   = ISO_OK;
            continue;
        }
        at += asked;
        if (chunk.bytes_used > HEADERS_BYTES)
            step = 1;
        else if (step * 2 <= INDEX_CHUNK && chunk.bytes_used < HEADERS_BYTES / 2)
            step *= 2;
        for (size_t i = 0; rc >= 0 && i < n; i++) {
            struct arc_instance instance;

            arc_instance_from(&row[i], &instance);
            rc = each(ctx, &instance, &header[i], err);
        }
    }
    iso_arena_release(&chunk);
    free(ids);
    return rc < 0 ? rc : ISO_OK;
}

bool arc_reader_free(struct arc *arc)
{
    return index_reader_free(arc->index);
}

int arc_lookup(struct arc *arc, iso_str study_uid, iso_str series_uid, iso_str sop_instance_uid,
               struct iso_arena *arena, struct arc_instance *out, struct iso_err *err)
{
    struct index_instance found;
    int                   rc = index_lookup(arc->index, sop_instance_uid, arena, &found, err);

    if (rc < 0)
        return rc;
    if ((study_uid.len > 0 && !iso_str_eq(study_uid, found.study_uid)) ||
        (series_uid.len > 0 && !iso_str_eq(series_uid, found.series_uid)))
        return iso_fail(err, ISO_ENOENT, "no such object");
    arc_instance_from(&found, out);
    return ISO_OK;
}

int arc_header(struct arc *arc, const struct arc_instance *instance, struct iso_arena *arena,
               struct dcm_dataset *ds, struct iso_err *err)
{
    return index_header(arc->index, instance->id, arena, ds, NULL, err);
}

int arc_object_open(struct arc *arc, const struct arc_instance *instance, struct arc_object *object,
                    struct iso_err *err)
{
    struct arc_object open = { .offset = store_content_offset(&instance->location),
                               .bytes  = instance->bytes };
    int rc = store_read_open(arc->store, &instance->location, instance->digest, &open.fd, &open.pin,
                             err);

    if (rc < 0)
        return rc;
    arc_quota_touch(arc, instance->study_uid);
    *object = open;
    return ISO_OK;
}

void arc_object_close(struct arc_object *object)
{
    store_read_close(object->pin);
    object->pin = NULL;
    object->fd  = -1;
}

void arc_object_close_arg(void *object)
{
    arc_object_close(object);
}
