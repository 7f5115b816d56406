/* srv_render_make.c: the key of a picture is all that it depends on: it names it for caches, ours and
 * the client's. */
#include "srv_render_make.h"

#include "srv_cache.h"
#include "srv_document.h"
#include "srv_film.h"
#include "srv_finish.h"

#include <string.h>

enum {
    VERSION           = 3, /* in entity tags: another one when pictures change */
    PICTURE_BYTES_MAX = 256 << 20
};

/* What goes before a picture in the cache. */
enum { FLAG_DAMAGED = 1, FLAG_PLAIN_COLOURS = 2 };

static bool is_own_type(const struct srv_render *r, const struct srv_renderer *renderer)
{
    for (const char *const *t = renderer->types; t != NULL && *t != NULL; t++)
        if (*t == r->type)
            return true;
    return false;
}

/* A list of thumbnails asks for many that cannot be: that is no failure, and the page has a picture
 * of its own for it. Who asks for a rendered one is told what to do.   PS3.18 §8.5 */
int srv_render_cannot(struct srv_render *r, int rc, const struct iso_err *err)
{
    if (rc != ISO_EUNSUPPORTED && rc != ISO_EFORMAT && rc != ISO_ELIMIT)
        return rc;
    if (r->thumbnail)
        return http_problem(r->req, 404, "No thumbnail", err->text, NULL);
    return http_problem(r->req, 406, "Not acceptable", err->text,
                        "get its frames, or the object itself, and render those");
}

/* ---- making it ---- */

static enum img_format format_of(const char *type)
{
    static const char *const names[] = { "image/jpeg", "image/png", "image/webp", "image/gif" };

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(type, names[i]) == 0)
            return (enum img_format)i;
    return IMG_JPEG;
}

static int make_picture(struct srv_render *r, const struct srv_renderer *renderer,
                        struct iso_buf *out, struct iso_err *err)
{
    struct img_picture       picture = { 0 };
    struct img_write_options options = { .quality = r->quality };
    int                      rc;

    if (r->film)
        return srv_film(r, format_of(r->type), out, err);
    rc = renderer->picture(r, &picture, err);
    if (rc == ISO_OK)
        rc = srv_finish(r, &picture, &options.icc, err);
    if (rc == ISO_OK)
        rc = img_write(format_of(r->type), &picture, &options, out, err);
    img_picture_release(&picture);
    return rc;
}

struct making {
    struct srv_render         *r;
    const struct srv_renderer *renderer;
};

/* For the cache: the flags, then the picture. */
static int make(void *ctx, struct iso_buf *out, struct iso_err *err)
{
    struct making     *m = ctx;
    struct srv_render *r = m->r;
    int                rc;

    iso_buf_add_u8(out, 0);
    rc = make_picture(r, m->renderer, out, err);
    if (rc == ISO_OK)
        out->ptr[0] = (uint8_t)((r->damaged ? FLAG_DAMAGED : 0) |
                                (r->plain_colours ? FLAG_PLAIN_COLOURS : 0));
    return rc;
}

/* ---- the key ---- */

/* The objects: the one that is shown, or all that are on the film. */
static int digest_of(const struct srv_render *r, char digest[SRV_ETAG_BYTES], struct iso_err *err)
{
    if (r->film && r->path.instance.len == 0)
        return srv_etag_of(r->list, r->list_count, digest, err);
    return srv_etag_of(&r->inst, 1, digest, err);
}

/* All else. */
static int key_of(struct srv_render *r, const struct srv_renderer *renderer, iso_str *key,
                  struct iso_err *err)
{
    const struct srv_view *v    = &r->view;
    iso_str                more = ISO_STR("");
    struct iso_buf        *text = srv_text(r->req);
    int                    rc   = ISO_OK;

    if (text == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    if (renderer->depends != NULL)
        rc = renderer->depends(r, &more, err);
    if (rc < 0)
        return rc;
    iso_buf_printf(text, "%s %u %ux%u %.17g %.17g %.17g %.17g %d%d%d", r->type, r->frame,
                   v->box_width, v->box_height, v->region.left, v->region.top, v->region.width,
                   v->region.height, v->region.flip_x, v->region.flip_y, v->region_in_parts);
    if (v->has_window)
        iso_buf_printf(text, " w%.17g %.17g %d", v->window.center, v->window.width,
                       (int)v->window.function);
    iso_buf_printf(text, " %u %d%d%d%d %d ", r->quality, v->deep, v->without_overlays,
                   v->annotate_patient, v->annotate_technique, (int)v->icc);
    for (size_t i = 0; r->film && i < r->frame_count; i++)
        iso_buf_printf(text, "%u,", r->frames[i]);
    iso_buf_add_str(text, more);
    *key = iso_str_of((const char *)text->ptr, text->len);
    return iso_buf_check(text, err);
}

/* The entity tag of this picture, and how long it may be kept: of one object for ever, of a series
 * or a study until another image stands for it. */
static int tag(struct srv_render *r, const char *digest, iso_str key, struct iso_err *err)
{
    iso_str etag = iso_arena_printf(http_arena(r->req), "%s/r%d%016llx", digest, (int)VERSION,
                                    (unsigned long long)srv_text_hash(key));

    return r->path.instance.len > 0 && !r->may_change ? srv_cache_forever(r->req, r->web, etag, err)
                                                      : srv_cache_ask(r->req, etag, err);
}

/* ---- sending ---- */

static void release(void *cached)
{
    srv_cache_release(cached);
}

/* What the client must know of the picture beside it.   PS3.18 §8.5 */
static int warn(struct srv_render *r, uint8_t flags, struct iso_err *err)
{
    int rc = ISO_OK;

    if ((flags & FLAG_DAMAGED) != 0)
        rc = http_reply_header(r->req, "Warning",
                               ISO_STR("299 isocenter \"the stored frame is damaged: what could be "
                                       "decoded is shown\""),
                               err);
    if (rc == ISO_OK && (flags & FLAG_PLAIN_COLOURS) != 0)
        rc = http_reply_header(r->req, "Warning",
                               ISO_STR("299 isocenter \"the object's ICC profile cannot be used: "
                                       "its colours are taken for sRGB\""),
                               err);
    return rc;
}

static int send_picture(struct srv_render *r, const struct srv_renderer *renderer,
                        const char *digest, iso_str key, struct iso_err *err)
{
    struct making      making = { r, renderer };
    struct srv_cached *cached;
    iso_str         name  = iso_arena_printf(http_arena(r->req), "picture %d %s ", VERSION, digest);
    struct iso_buf *whole = srv_text(r->req);
    int             rc;

    if (whole == NULL || name.ptr == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    iso_buf_add_str(whole, name);
    iso_buf_add_str(whole, key);
    rc = iso_buf_check(whole, err);
    if (rc == ISO_OK && http_in_haste(r->req) &&
        !srv_cache_holds(r->web->cache, iso_str_of((const char *)whole->ptr, whole->len)))
        return http_later(r->req);
    if (rc == ISO_OK)
        rc = srv_cache_get(r->web->cache, iso_str_of((const char *)whole->ptr, whole->len), make,
                           &making, PICTURE_BYTES_MAX, &cached, err);
    if (rc == ISO_OK)
        rc = iso_arena_defer(http_arena(r->req), release, cached);
    if (rc == ISO_OK)
        rc = warn(r, cached->value.ptr[0], err);
    if (rc < 0)
        return rc;
    return http_reply_memory(r->req, 200, r->type,
                             iso_bytes_of(cached->value.ptr + 1, cached->value.len - 1), err);
}

static int send_document(struct srv_render *r, const struct srv_renderer *renderer,
                         struct iso_err *err)
{
    struct iso_buf *text = srv_text(r->req);
    int             rc   = srv_document_headers(r, err);

    if (rc < 0)
        return rc;
    if (renderer->send != NULL)
        return renderer->send(r, err);
    if (text == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc = renderer->document(r, text, err);
    if (rc < 0)
        return rc;
    return http_reply_memory(r->req, 200, srv_content_type(r->type), iso_buf_bytes(text), err);
}

int srv_render_send(struct srv_render *r, const struct srv_renderer *renderer, struct iso_err *err)
{
    char    digest[SRV_ETAG_BYTES];
    iso_str key;
    int     rc = key_of(r, renderer, &key, err);

    if (rc == ISO_OK)
        rc = digest_of(r, digest, err);
    if (rc == ISO_OK)
        rc = tag(r, digest, key, err);
    if (rc < 0 || http_reply_fresh(r->req))
        return rc;
    return is_own_type(r, renderer) ? send_document(r, renderer, err)
                                    : send_picture(r, renderer, digest, key, err);
}
