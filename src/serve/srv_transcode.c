/* srv_transcode.c: what is asked for in another transfer syntax is made before the answer begins: its
 * length is known then, ranges of it can be asked for, and what cannot be made is told by a status.
 * Whole objects are made for one answer; frames, which viewers ask for one by one and again, are kept
 * in the cache under the digest of their object, number and transfer syntax. */
#include "srv_transcode.h"

#include "codec_object.h"
#include "codec_parallel.h"
#include "dcm_file.h"
#include "os_file.h"
#include "os_thread.h"
#include "srv_cache.h"

#include <stdio.h>

/* ---- what there can be ---- */

static bool has_bits_or_floats(const struct arc_instance *inst)
{
    return inst->bits_allocated == 1 || inst->pixel_tag != DCM_PIXEL_DATA;
}

bool srv_can_become(const struct arc_instance *instance, const struct dcm_syntax *to)
{
    if (to == NULL || !codec_object_can(instance->transfer_syntax_uid, iso_str_c(to->uid), NULL))
        return false;
    return !to->encapsulated || iso_str_eq_c(instance->transfer_syntax_uid, to->uid) ||
           (instance->pixels != ARC_PIXELS_NONE && !has_bits_or_floats(instance));
}

bool srv_frames_can_become(const struct arc_instance *instance, const struct dcm_syntax *to)
{
    const struct dcm_syntax *stored = srv_frame_syntax(instance);

    if (to == NULL || instance->pixels == ARC_PIXELS_NONE || stored->video ||
        instance->pixel_tag != DCM_PIXEL_DATA)
        return false;
    return to == DCM_EXPLICIT_LE ? codec_can_decode(iso_str_c(stored->uid))
                                 : to->encapsulated && srv_can_become(instance, to);
}

const char *srv_forms_of(struct http_request *req, const struct arc_instance *instance, bool frames)
{
    struct iso_buf *text = srv_text(req);
    const char     *uid;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; (uid = codec_syntax(i)) != NULL; i++) {
        const struct dcm_syntax *to = dcm_syntax_find(iso_str_c(uid));
        bool can = frames ? srv_frames_can_become(instance, to) : srv_can_become(instance, to);

        if (can && !iso_str_eq_c(instance->transfer_syntax_uid, uid) && frames)
            iso_buf_printf(text, ", %s; transfer-syntax=%s", to->media_type, uid);
        else if (can && !iso_str_eq_c(instance->transfer_syntax_uid, uid))
            iso_buf_printf(text, ", %s", uid);
    }
    iso_buf_add_u8(text, 0);
    return iso_buf_ok(text) ? (const char *)text->ptr : NULL;
}

/* ---- objects ---- */

int srv_make(struct srv_web *web, const struct arc_instance *instance, const struct dcm_syntax *to,
             struct srv_made *made, struct iso_err *err)
{
    const iso_str uid                 = iso_str_c(to->uid);
    struct srv_made new               = { .fd = -1 };
    struct codec_object_result result = { 0 };
    struct arc_object          object = { 0 };
    int                        rc     = arc_object_open(web->arc, instance, &object, err);

    if (rc < 0)
        return rc;
    const struct codec_object_source from = { object.fd, object.offset + instance->data_offset,
                                              object.bytes - instance->data_offset,
                                              instance->transfer_syntax_uid };
    rc = codec_object_scratch(web->pool, &from, uid, NULL, &new.fd, &result, err);
    arc_object_close(&object);
    if (rc < 0)
        return rc;
    new.bytes = result.bytes;
    iso_buf_init(&new.meta, DCM_META_BYTES_MAX);
    rc = dcm_meta_write(instance->sop_class_uid, instance->sop_instance_uid, uid,
                        iso_str_of(NULL, 0), iso_buf_sink(&new.meta), err);
    if (rc == ISO_OK)
        *made = new;
    else
        srv_made_release(&new);
    return rc;
}

void srv_made_release(struct srv_made *made)
{
    iso_buf_release(&made->meta);
    os_close(made->fd);
    made->fd = -1;
}

static void release_made(void *made)
{
    srv_made_release(made);
}

int srv_made_write(const struct srv_made *made, struct iso_sink sink, struct iso_err *err)
{
    struct srv_range_source range  = { made->fd, 0, made->bytes };
    struct iso_source       source = srv_range_source(&range);
    uint8_t                 chunk[64 << 10];
    int64_t                 n  = 0;
    int                     rc = sink.write(sink.ctx, made->meta.ptr, made->meta.len, err);

    while (rc == ISO_OK && (n = source.read(source.ctx, chunk, sizeof chunk, err)) > 0)
        rc = sink.write(sink.ctx, chunk, (size_t)n, err);
    return rc == ISO_OK && n < 0 ? (int)n : rc;
}

int srv_make_spans(struct http_request *req, struct srv_web *web,
                   const struct arc_instance *instance, const struct dcm_syntax *to,
                   struct http_span span[2], struct iso_err *err)
{
    struct srv_made *made = iso_arena_alloc(http_arena(req), sizeof *made);
    int              rc   = made == NULL ? iso_arena_fail(http_arena(req), err)
                                         : srv_make(web, instance, to, made, err);

    if (rc == ISO_OK)
        rc = iso_arena_defer(http_arena(req), release_made, made);
    if (rc < 0)
        return rc;
    span[0] = http_span_memory(iso_buf_bytes(&made->meta));
    span[1] = http_span_file(made->fd, 0, made->bytes);
    return ISO_OK;
}

/* ---- frames ---- */

struct frames {
    struct srv_web            *web;
    const struct arc_instance *inst;
    const struct dcm_syntax   *to;
    struct codec_image         image;
    char                       digest[SRV_ETAG_BYTES];
    const struct srv_frame    *source;  /* as stored */
    const uint32_t            *numbers; /* NULL: all */
    struct http_span          *made;
    int                        fd; /* where several are gathered */

    struct os_mutex mu; /* guards end */
    uint64_t        end;
};

struct one {
    const struct frames    *frames;
    const struct srv_frame *source;
};

static int read_spans(const struct srv_frame *frame, struct iso_buf *out, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < frame->count && rc == ISO_OK; i++) {
        const struct http_span *span = &frame->spans[i];

        if (iso_buf_reserve(out, (size_t)span->len) < 0)
            return iso_buf_check(out, err);
        if (span->ptr != NULL) {
            (void)iso_buf_add(out, span->ptr, (size_t)span->len);
            continue;
        }
        rc = os_read_exact_at(span->fd, out->ptr + out->len, (size_t)span->len, span->offset, err);
        out->len += rc == ISO_OK ? (size_t)span->len : 0;
    }
    return rc;
}

static int make_frame(void *ctx, struct iso_buf *out, struct iso_err *err)
{
    const struct one    *one = ctx;
    const struct frames *f   = one->frames;
    struct iso_buf       in;

    iso_buf_init(&in, CODEC_FRAME_BYTES_MAX);
    int rc = read_spans(one->source, &in, err);
    if (rc == ISO_OK)
        rc = codec_frame_make(f->web->pool, iso_str_c(srv_frame_syntax(f->inst)->uid),
                              iso_buf_bytes(&in), &f->image, iso_str_c(f->to->uid), NULL, out, NULL,
                              err);
    iso_buf_release(&in);
    return rc;
}

static int get_frame(struct frames *f, size_t index, struct srv_cached **out, struct iso_err *err)
{
    struct one one    = { f, &f->source[index] };
    uint32_t   number = f->numbers != NULL ? f->numbers[index] : (uint32_t)index + 1;
    char       key[SRV_ETAG_BYTES + 128];
    int        n = snprintf(key, sizeof key, "frame %s %u %s", f->digest, number, f->to->uid);

    return srv_cache_get(f->web->cache, iso_str_of(key, (size_t)n), make_frame, &one,
                         2 * (size_t)CODEC_FRAME_BYTES_MAX, out, err);
}

static void release_cached(void *cached)
{
    srv_cache_release(cached);
}

/* One is lent by the cache until it is sent. */
static int make_one(struct http_request *req, struct frames *f, struct iso_err *err)
{
    struct srv_cached *cached = NULL;
    int                rc     = get_frame(f, 0, &cached, err);

    if (rc == ISO_OK)
        rc = iso_arena_defer(http_arena(req), release_cached, cached);
    if (rc == ISO_OK)
        f->made[0] = http_span_memory(cached->value);
    return rc;
}

/* Several are gathered in a file, in the order in which they are ready. */
static int gather(void *ctx, size_t index, struct iso_err *err)
{
    struct frames     *f      = ctx;
    struct srv_cached *cached = NULL;
    int                rc     = get_frame(f, index, &cached, err);

    if (rc < 0)
        return iso_wrap(err, rc, "frame %zu of those asked for", index + 1);
    os_mutex_lock(&f->mu);
    uint64_t at = f->end;
    f->end += cached->value.len;
    os_mutex_unlock(&f->mu);
    rc             = os_write_at(f->fd, cached->value.ptr, cached->value.len, at, err);
    f->made[index] = http_span_file(f->fd, at, cached->value.len);
    srv_cache_release(cached);
    return rc;
}

static int make_several(struct http_request *req, struct frames *f, size_t count,
                        struct iso_err *err)
{
    int *fd = iso_arena_alloc(http_arena(req), sizeof *fd);
    int  rc = fd == NULL ? iso_arena_fail(http_arena(req), err) : os_open_scratch(fd, err);

    if (rc == ISO_OK)
        rc = iso_arena_defer(http_arena(req), os_close_arg, fd);
    if (rc < 0)
        return rc;
    f->fd = *fd;
    os_mutex_init(&f->mu);
    rc = codec_parallel(0, count, gather, f, err);
    os_mutex_release(&f->mu);
    return rc;
}

int srv_frames_make(struct http_request *req, struct srv_web *web,
                    const struct arc_instance *instance, const struct dcm_syntax *to,
                    const uint32_t *numbers, size_t count, struct srv_frame **out, size_t *found,
                    struct iso_err *err)
{
    struct iso_arena  *arena = http_arena(req);
    struct frames      f     = { .web = web, .inst = instance, .to = to, .numbers = numbers };
    struct dcm_dataset ds;
    struct srv_frame  *stored;
    struct srv_frame  *list;
    int                rc = arc_header(web->arc, instance, arena, &ds, err);

    if (rc == ISO_OK)
        rc = codec_image_read(&ds, &f.image, err);
    if (rc == ISO_OK)
        rc = srv_etag_of(instance, 1, f.digest, err);
    if (rc == ISO_OK)
        rc = srv_frames(req, web, instance, numbers, count, &stored, &count, err);
    if (rc < 0)
        return rc;
    f.source = stored;
    f.made   = iso_arena_array(arena, count, sizeof *f.made);
    list     = iso_arena_array(arena, count, sizeof *list);
    if (f.made == NULL || list == NULL)
        return iso_arena_fail(arena, err);
    rc = count == 1 ? make_one(req, &f, err) : make_several(req, &f, count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        list[i] = (struct srv_frame){ &f.made[i], 1, f.made[i].len };
    *out   = list;
    *found = count;
    return ISO_OK;
}
