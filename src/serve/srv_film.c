/* srv_film.c: some frames at a time are decoded and rendered in parallel, then written in order. */
#include "srv_film.h"

#include "codec_parallel.h"

#include <stdlib.h>

enum {
    BATCH             = 8,
    SHOT_BYTES_MAX    = 32 << 20, /* a header and its tables */
    DURATION_MS       = 100,      /* where nothing is said */
    DURATION_MS_LEAST = 20,       /* browsers take less for a mistake */
    DURATION_MS_MOST  = 5000
};

/* One picture of the film, while it is made. */
struct shot {
    struct arc_instance inst;
    struct dcm_dataset  ds;
    struct iso_arena    arena;
    uint32_t            frame;
    struct srv_frame   *stored;
    struct img_picture  picture;
    bool                damaged;
};

struct film {
    struct srv_render                *r;
    struct srv_view                   view;
    const struct arc_instance *const *list;  /* of a series; NULL: frames of r->inst */
    size_t                            count; /* pictures, before some are left out */
    size_t                            step;  /* every so many is shown */
    struct shot                       shot[BATCH];
};

static bool of_series(const struct srv_render *r)
{
    return r->path.series.len > 0 && r->path.instance.len == 0;
}

static bool several_images(const struct srv_render *r)
{
    size_t images = 0;

    for (size_t i = 0; i < r->list_count && images < 2; i++)
        images += srv_renderer_of(&r->list[i]) == &srv_image_renderer;
    return images > 1;
}

bool srv_film_possible(const struct srv_render *r)
{
    if (r->thumbnail || srv_renderer_of(&r->inst) != &srv_image_renderer)
        return false;
    return (of_series(r) && several_images(r)) || r->frame_count > 1 ||
           (r->frame_count == 0 && r->inst.frames > 1 &&
            (of_series(r) || r->path.instance.len > 0));
}

/* ---- what is on it ---- */

/* The images of the series, in its order. */
static int list_images(struct film *f, struct iso_err *err)
{
    struct srv_render          *r = f->r;
    const struct arc_instance **list =
        iso_arena_array(http_arena(r->req), r->list_count, sizeof(const struct arc_instance *));

    if (list == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    for (size_t i = 0; i < r->list_count; i++)
        if (srv_renderer_of(&r->list[i]) == &srv_image_renderer)
            list[f->count++] = &r->list[i];
    f->list = list;
    return ISO_OK;
}

static int choose_shots(struct film *f, struct iso_err *err)
{
    struct srv_render *r  = f->r;
    int                rc = of_series(r) ? list_images(f, err) : ISO_OK;

    if (rc < 0)
        return rc;
    if (f->list != NULL && f->count == 1) /* a series of one multi-frame image */
        f->list = NULL;
    if (f->list == NULL)
        f->count = r->frame_count > 0 ? r->frame_count : r->inst.frames;
    if (f->view.box_width == 0 && f->view.box_height == 0)
        f->view.box_width = f->view.box_height = SRV_FILM_SIDE;
    uint64_t wide = f->view.box_width > 0 ? f->view.box_width : f->view.box_height;
    uint64_t high = f->view.box_height > 0 ? f->view.box_height : f->view.box_width;
    size_t   most = (size_t)(SRV_FILM_PIXELS_MAX / (wide * high));
    most          = most < 1 ? 1 : most > SRV_FILM_FRAMES_MAX ? SRV_FILM_FRAMES_MAX : most;
    f->step       = (f->count + most - 1) / most;
    return ISO_OK;
}

/* Where the frame of picture number `at` lies. */
static int find_shot(struct film *f, size_t at, struct shot *shot, struct iso_err *err)
{
    struct srv_render *r = f->r;
    size_t             found;
    int                rc = ISO_OK;

    iso_arena_init(&shot->arena, SHOT_BYTES_MAX);
    shot->damaged = false;
    if (f->list != NULL) {
        shot->inst  = *f->list[at];
        shot->frame = 1;
        rc          = arc_header(r->web->arc, &shot->inst, &shot->arena, &shot->ds, err);
    } else {
        shot->inst  = r->inst;
        shot->ds    = r->ds;
        shot->frame = r->frame_count > 0 ? r->frames[at] : (uint32_t)at + 1;
    }
    if (rc == ISO_OK && f->list != NULL)
        rc = srv_frames(r->req, r->web, &shot->inst, &shot->frame, 1, &shot->stored, &found, err);
    return rc;
}

/* All frames of one object at once: some of them have to be made, of all its pixel data. */
static int find_frames(struct film *f, struct srv_frame **stored, struct iso_err *err)
{
    struct srv_render *r     = f->r;
    size_t             count = (f->count + f->step - 1) / f->step;
    uint32_t          *list  = iso_arena_array(http_arena(r->req), count, sizeof *list);
    size_t             found;

    if (list == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    for (size_t i = 0; i < count; i++)
        list[i] = r->frame_count > 0 ? r->frames[i * f->step] : (uint32_t)(i * f->step) + 1;
    return srv_frames(r->req, r->web, &r->inst, list, count, stored, &found, err);
}

/* ---- making the pictures ---- */

static int make_shot(void *ctx, size_t number, struct iso_err *err)
{
    struct film     *f     = ctx;
    struct shot     *shot  = &f->shot[number];
    struct srv_image image = { 0 };
    int rc = srv_image_decode(f->r->web, &shot->inst, &shot->ds, shot->frame, shot->stored,
                              &shot->arena, &image, err);

    if (rc == ISO_OK)
        rc = srv_picture_of(&image, &shot->ds, &f->view, &shot->picture, err);
    shot->damaged = image.frame.damaged;
    srv_image_release(&image);
    return rc;
}

static void release_shot(struct shot *shot)
{
    img_picture_release(&shot->picture);
    iso_arena_release(&shot->arena);
}

/* The window that all of them have, if it is to be found by looking. */
static int steady_window(struct film *f, const struct srv_frame *stored, struct iso_err *err)
{
    size_t           middle = f->count / f->step / 2;
    struct shot     *shot   = &f->shot[0];
    struct srv_image image  = { 0 };
    int              rc;

    if (f->view.has_window)
        return ISO_OK;
    rc = find_shot(f, middle * f->step, shot, err);
    if (rc == ISO_OK)
        rc = srv_image_decode(f->r->web, &shot->inst, &shot->ds, shot->frame,
                              f->list != NULL ? shot->stored : &stored[middle], &shot->arena,
                              &image, err);
    if (rc == ISO_OK && image.frame.samples == 1 && !image.how.has_window &&
        image.how.voi.count == 0) {
        f->view.window =
            img_window_auto(&image.frame, iso_bytes_of(image.pixels, image.bytes), &image.how);
        f->view.has_window = true;
    }
    srv_image_release(&image);
    release_shot(shot);
    return rc;
}

/* ---- how fast ---- */

/* PS3.3 §C.7.6.5, §C.7.6.6.1: what is recommended, then what was acquired. */
static unsigned duration_of(const struct dcm_dataset *ds, size_t step)
{
    const struct dcm_element *vector = dcm_get(ds, DCM_FRAME_TIME_VECTOR);
    double                    value, ms = 0, sum = 0;

    if (dcm_get_double(ds, DCM_RECOMMENDED_DISPLAY_FRAME_RATE, 0, &value) && value > 0)
        ms = 1000 / value;
    else if (dcm_get_double(ds, DCM_CINE_RATE, 0, &value) && value > 0)
        ms = 1000 / value;
    else if (dcm_get_double(ds, DCM_FRAME_TIME, 0, &value) && value > 0)
        ms = value;
    if (ms == 0 && vector != NULL) { /* the mean; the first is no step */
        size_t n = dcm_element_vm(vector);

        n = n > SRV_FILM_FRAMES_MAX ? SRV_FILM_FRAMES_MAX : n;
        for (size_t i = 1; i < n; i++)
            if (dcm_get_double(ds, vector->tag, i, &value) && value > 0)
                sum += value;
        ms = n > 1 ? sum / (double)(n - 1) : 0;
    }
    ms = (ms > 0 ? ms : DURATION_MS) * (double)step;
    return ms < DURATION_MS_LEAST  ? DURATION_MS_LEAST
           : ms > DURATION_MS_MOST ? DURATION_MS_MOST
                                   : (unsigned)(ms + 0.5);
}

/* ---- the film ---- */

/* The first picture says how large all are. */
static int add(struct img_film *film, struct img_picture *picture, uint32_t size[2],
               unsigned duration_ms, struct iso_err *err)
{
    struct img_picture scaled = { 0 };
    int                rc     = ISO_OK;

    if (size[0] == 0) {
        size[0] = picture->width;
        size[1] = picture->height;
    }
    if (picture->width == size[0] && picture->height == size[1])
        return img_film_add(film, picture, duration_ms, err);
    rc = img_scale(picture, size[0], size[1], &scaled, err);
    if (rc == ISO_OK)
        rc = img_film_add(film, &scaled, duration_ms, err);
    img_picture_release(&scaled);
    return rc;
}

static int add_batch(struct film *f, size_t from, size_t count, struct srv_frame *stored,
                     struct img_film *film, uint32_t size[2], unsigned duration_ms,
                     struct iso_err *err)
{
    size_t begun = 0;
    int    rc    = ISO_OK;

    while (rc == ISO_OK && begun < count) {
        struct shot *shot = &f->shot[begun++];

        rc = find_shot(f, (from + begun - 1) * f->step, shot, err);
        if (f->list == NULL)
            shot->stored = &stored[from + begun - 1];
    }
    if (rc == ISO_OK)
        rc = codec_parallel(0, count, make_shot, f, err);
    for (size_t i = 0; i < begun; i++) {
        if (rc == ISO_OK)
            rc = add(film, &f->shot[i].picture, size, duration_ms, err);
        f->r->damaged |= f->shot[i].damaged;
        release_shot(&f->shot[i]);
    }
    return rc;
}

int srv_film(struct srv_render *r, enum img_format format, struct iso_buf *out, struct iso_err *err)
{
    const struct img_write_options options = { .quality = r->quality };
    struct srv_frame              *stored  = NULL;
    struct img_film               *film    = NULL;
    uint32_t                       size[2] = { 0, 0 };
    struct film                   *f       = calloc(1, sizeof *f);
    int                            rc;

    if (f == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    f->r         = r;
    f->view      = r->view;
    f->view.deep = false;
    rc           = choose_shots(f, err);
    if (rc == ISO_OK && f->list == NULL)
        rc = find_frames(f, &stored, err);
    if (rc == ISO_OK)
        rc = steady_window(f, stored, err);
    if (rc == ISO_OK)
        rc = img_film_new(format, &options, &film, err);
    size_t   count       = rc == ISO_OK ? (f->count + f->step - 1) / f->step : 0;
    unsigned duration_ms = rc == ISO_OK ? duration_of(&r->ds, f->step) : 0;
    for (size_t i = 0; rc == ISO_OK && i < count; i += BATCH)
        rc = add_batch(f, i, count - i < BATCH ? count - i : BATCH, stored, film, size, duration_ms,
                       err);
    if (rc == ISO_OK)
        rc = img_film_end(film, out, err);
    img_film_free(film);
    free(f);
    return rc;
}
