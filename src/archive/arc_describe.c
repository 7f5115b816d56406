/* arc_describe.c: the text that describes the objects of a study: read where it is ready, made where a
 * series has not settled. */
#include "arc_in.h"

#include "arc_settle.h"

enum { SCRATCH_BYTES_MAX = 256 << 20 };

/* ---- tags ---- */

static int add_digest(void *ctx, const struct arc_instance *instance, struct iso_err *err)
{
    (void)err;
    iso_sha256_add(ctx, instance->digest, sizeof instance->digest);
    return ISO_OK;
}

/* As arc_settle.c makes it of a series that settles. */
static int tag_of_series(struct arc *arc, iso_str study_uid, iso_str series_uid,
                         uint8_t tag[ISO_SHA256_BYTES], struct iso_err *err)
{
    const struct arc_selection selection = {
        .study_uids = &study_uid, .study_count = 1, .series_uids = &series_uid, .series_count = 1
    };
    struct iso_sha256 *hash;
    int                rc = iso_sha256_new(&hash, err);

    if (rc < 0)
        return rc;
    rc = arc_select(arc, &selection, add_digest, hash, err);
    iso_sha256_take(hash, tag);
    iso_sha256_free(hash);
    return rc;
}

static int tag_of_all(struct arc *arc, iso_str study_uid, const struct index_ready *list,
                      size_t count, uint8_t tag[ISO_SHA256_BYTES], struct iso_err *err)
{
    struct iso_sha256 *hash;
    int                rc = iso_sha256_new(&hash, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc >= 0; i++) {
        uint8_t own[ISO_SHA256_BYTES];

        if (!list[i].is_ready)
            rc = tag_of_series(arc, study_uid, list[i].series_uid, own, err);
        iso_sha256_add(hash, list[i].is_ready ? list[i].tag : own, sizeof own);
    }
    iso_sha256_take(hash, tag);
    iso_sha256_free(hash);
    return rc;
}

int arc_description_open(struct arc *arc, iso_str study_uid, iso_str series_uid, uint64_t form,
                         struct iso_arena *arena, struct arc_description *out, struct iso_err *err)
{
    struct arc_description found = { 0 };
    struct index_ready    *list  = NULL;
    int rc = index_ready(arc->index, study_uid, series_uid, form, arena, &list, &found.parts, err);

    if (rc < 0)
        return rc;
    found.part = iso_arena_array(arena, found.parts, sizeof *found.part);
    if (found.part == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < found.parts; i++)
        found.part[i] = (struct arc_part){ .series_uid = list[i].series_uid,
                                           .piece      = list[i].piece,
                                           .pieces     = list[i].is_ready ? list[i].pieces : 0 };
    rc = tag_of_all(arc, study_uid, list, found.parts, found.tag, err);
    if (rc >= 0)
        *out = found;
    return rc;
}

/* ---- text ---- */

struct making {
    const struct arc_settle_config *config;
    struct iso_arena                scratch;
    struct iso_buf                 *text;
};

static int describe_one(void *ctx, const struct arc_instance *instance,
                        const struct dcm_dataset *header, struct iso_err *err)
{
    struct making *m = ctx;
    int            rc;

    if (m->text->len > 0)
        (void)iso_buf_add_u8(m->text, ',');
    rc = m->config->describe(m->config->ctx, instance, header, &m->scratch, m->text, err);
    iso_arena_reset(&m->scratch);
    return rc < 0 ? rc : iso_buf_check(m->text, err);
}

static void release_buf(void *buf)
{
    iso_buf_release(buf);
}

int arc_description_make(struct arc *arc, iso_str study_uid, const struct arc_settle_config *config,
                         size_t bytes_max, struct iso_arena *arena,
                         struct arc_description *description, struct iso_err *err)
{
    struct making m  = { .config = config };
    int           rc = ISO_OK;

    iso_arena_init(&m.scratch, SCRATCH_BYTES_MAX);
    for (size_t i = 0; i < description->parts && rc >= 0; i++) {
        struct arc_part           *part      = &description->part[i];
        const struct arc_selection selection = { .study_uids   = &study_uid,
                                                 .study_count  = 1,
                                                 .series_uids  = &part->series_uid,
                                                 .series_count = 1 };

        if (part->pieces > 0)
            continue;
        m.text = iso_arena_alloc(arena, sizeof *m.text);
        if (m.text == NULL) {
            rc = iso_arena_fail(arena, err);
            break;
        }
        iso_buf_init(m.text, bytes_max);
        rc = iso_arena_defer(arena, release_buf, m.text);
        if (rc >= 0)
            rc = arc_select_headers(arc, &selection, describe_one, &m, err);
        part->text = iso_buf_bytes(m.text);
    }
    iso_arena_release(&m.scratch);
    return rc;
}
