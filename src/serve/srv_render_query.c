/* srv_render_query.c: each parameter by itself; an error names the parameter and what it takes. */
#include "srv_render_query.h"

#include "dcm_number.h"

#include <math.h>

enum {
    THUMBNAIL_SIDE    = 256, /* without a viewport */
    QUALITY           = 90,
    THUMBNAIL_QUALITY = 80
};

/* The next of some numbers apart by commas; an empty one is *out as it was. */
static bool next_number(iso_str *rest, double *out)
{
    iso_str text = iso_str_trim(iso_str_cut(rest, ','));
    return text.len == 0 || (dcm_number_parse(text, out) && isfinite(*out));
}

/* A size from 1 up. */
static bool read_size(iso_str text, uint32_t *out)
{
    uint64_t size;

    if (!iso_str_to_u64(iso_str_trim(text), &size) || size < 1 || size > IMG_SIDE_SCALED_MAX)
        return false;
    *out = (uint32_t)size;
    return true;
}

/* "256,256" to fit in, and ",0,0,-100,100": which part of the image; a size below zero mirrors.
 * PS3.18 §8.3.5.1.3 */
static int read_viewport(struct srv_render *r, struct iso_err *err)
{
    struct srv_view *v    = &r->view;
    iso_str          rest = http_query_value(r->req, "viewport");
    double           left = 0, top = 0, width = 0, height = 0;

    if (rest.len == 0) {
        v->box_width = v->box_height = r->thumbnail ? THUMBNAIL_SIDE : 0;
        return ISO_OK;
    }
    bool fine = read_size(iso_str_cut(&rest, ','), &v->box_width) &&
                read_size(iso_str_cut(&rest, ','), &v->box_height) && next_number(&rest, &left) &&
                next_number(&rest, &top) && next_number(&rest, &width) &&
                next_number(&rest, &height) && rest.ptr == NULL;
    if (!fine)
        return iso_fail(err, ISO_EINVAL,
                        "viewport is width,height, each from 1 to %d, and, as decimal numbers, "
                        "left,top,width,height of the part of the image to show",
                        IMG_SIDE_SCALED_MAX);
    v->region = (struct img_region){ fabs(left),   fabs(top), fabs(width),
                                     fabs(height), width < 0, height < 0 };
    return ISO_OK;
}

/* PS3.3 §C.11.2.1.2: a width below 1 makes sense but for LINEAR. */
static bool window_fits(const struct img_window *w)
{
    return isfinite(w->center) && isfinite(w->width) &&
           w->width >= (w->function == IMG_LINEAR ? 1 : 1e-9);
}

/* "40,400,linear": center, width and function.   PS3.18 §8.3.5.1.4 */
static int read_window(struct srv_render *r, struct iso_err *err)
{
    iso_str           rest = http_query_value(r->req, "window");
    struct img_window w    = { .function = IMG_LINEAR };

    if (rest.len == 0)
        return ISO_OK;
    bool    ok       = dcm_number_parse(iso_str_trim(iso_str_cut(&rest, ',')), &w.center);
    bool    ok_width = dcm_number_parse(iso_str_trim(iso_str_cut(&rest, ',')), &w.width);
    iso_str function = iso_str_trim(iso_str_cut(&rest, ','));

    if (iso_str_eq_nocase(function, ISO_STR("sigmoid")))
        w.function = IMG_SIGMOID;
    else if (iso_str_eq_nocase(function, ISO_STR("linear-exact")))
        w.function = IMG_LINEAR_EXACT;
    else if (function.len > 0 && !iso_str_eq_nocase(function, ISO_STR("linear")))
        ok = false;
    if (!ok || !ok_width || rest.ptr != NULL || !window_fits(&w))
        return iso_fail(err, ISO_EINVAL,
                        "window is center,width and one of linear, linear-exact, sigmoid");
    r->view.window     = w;
    r->view.has_window = true;
    return ISO_OK;
}

static int read_quality(struct srv_render *r, const char *name, struct iso_err *err)
{
    iso_str  quality = http_query_value(r->req, name);
    uint64_t q;

    r->quality = r->thumbnail ? THUMBNAIL_QUALITY : QUALITY;
    if (quality.len == 0)
        return ISO_OK;
    if (!iso_str_to_u64(quality, &q) || q < 1 || q > 100)
        return iso_fail(err, ISO_EINVAL, "%s is a number from 1 to 100", name);
    r->quality = (unsigned)q;
    return ISO_OK;
}

/* Words that we do not know are left out, and told.   PS3.18 §8.3.5.1.1 */
static int read_annotation(struct srv_render *r, struct iso_err *err)
{
    iso_str rest    = http_query_value(r->req, "annotation");
    bool    unknown = false;

    while (rest.ptr != NULL && rest.len > 0) {
        iso_str word = iso_str_trim(iso_str_cut(&rest, ','));

        if (iso_str_eq_c(word, "patient"))
            r->view.annotate_patient = true;
        else if (iso_str_eq_c(word, "technique"))
            r->view.annotate_technique = true;
        else
            unknown = true;
    }
    if (!unknown)
        return ISO_OK;
    return http_reply_header(r->req, "Warning",
                             ISO_STR("299 isocenter \"annotation: only patient and technique are "
                                     "supported\""),
                             err);
}

/* PS3.18 §8.3.5.1.5 */
static int read_icc(struct srv_render *r, struct iso_err *err)
{
    static const char *const names[] = { "no", "yes", "srgb", "adobergb", "rommrgb" };
    iso_str                  text    = http_query_value(r->req, "iccprofile");

    if (text.len == 0)
        return ISO_OK;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (iso_str_eq_c(text, names[i])) {
            r->view.icc = (enum srv_icc)i;
            return ISO_OK;
        }
    return iso_fail(err, ISO_EINVAL, "iccprofile is one of no, yes, srgb, adobergb, rommrgb");
}

/* bitDepth=16: grey in all its levels, as PNG. overlays=no: neither overlays nor shutters. */
static int read_ours(struct srv_render *r, struct iso_err *err)
{
    iso_str depth    = http_query_value(r->req, "bitDepth");
    iso_str overlays = http_query_value(r->req, "overlays");

    if (depth.len > 0 && !iso_str_eq_c(depth, "8") && !iso_str_eq_c(depth, "16"))
        return iso_fail(err, ISO_EINVAL, "bitDepth is 8 or 16");
    if (overlays.len > 0 && !iso_str_eq_c(overlays, "yes") && !iso_str_eq_c(overlays, "no"))
        return iso_fail(err, ISO_EINVAL, "overlays is yes or no");
    r->view.deep             = iso_str_eq_c(depth, "16");
    r->view.without_overlays = iso_str_eq_c(overlays, "no");
    return ISO_OK;
}

/* Numbers from 1, apart by commas. */
static int read_frames(struct srv_render *r, iso_str text, struct iso_err *err)
{
    size_t    count = 1;
    uint32_t *list;

    if (text.len == 0)
        return ISO_OK;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ',';
    if (count > SRV_FRAMES_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d frames", SRV_FRAMES_MAX);
    list = iso_arena_array(http_arena(r->req), count, sizeof *list);
    if (list == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    for (size_t i = 0; i < count; i++) {
        iso_str  word = iso_str_cut(&text, ',');
        uint64_t number;

        if (!iso_str_to_u64(iso_str_trim(word), &number) || number < 1 || number > UINT32_MAX)
            return iso_fail(err, ISO_EINVAL, "\"%.*s\" is no frame number (they begin at 1)",
                            ISO_STR_ARG(word));
        list[i] = (uint32_t)number;
    }
    r->frames      = list;
    r->frame_count = count;
    return ISO_OK;
}

/* What both ways of asking have. */
static int read_common(struct srv_render *r, const char *quality, iso_str frames,
                       struct iso_err *err)
{
    int rc = read_quality(r, quality, err);

    if (rc == ISO_OK)
        rc = read_annotation(r, err);
    if (rc == ISO_OK)
        rc = read_icc(r, err);
    if (rc == ISO_OK)
        rc = read_ours(r, err);
    return rc == ISO_OK ? read_frames(r, frames, err) : rc;
}

int srv_render_query(struct srv_render *r, struct iso_err *err)
{
    int rc = read_viewport(r, err);

    if (rc == ISO_OK)
        rc = read_window(r, err);
    return rc == ISO_OK ? read_common(r, "quality", http_path_param(r->req, "frames"), err) : rc;
}

/* ---- WADO-URI ---- */

/* "0.25,0.25,0.75,0.75": left, top, right, bottom as parts of the image.   PS3.18 §9.4.1.2.5 */
static int read_region(struct srv_render *r, struct iso_err *err)
{
    iso_str rest    = http_query_value(r->req, "region");
    double  edge[4] = { NAN, NAN, NAN, NAN };
    bool    fine    = true;

    if (rest.len == 0)
        return ISO_OK;
    for (size_t i = 0; i < 4; i++)
        fine = fine && next_number(&rest, &edge[i]) && edge[i] >= 0 && edge[i] <= 1;
    if (!fine || rest.ptr != NULL || edge[0] >= edge[2] || edge[1] >= edge[3])
        return iso_fail(err, ISO_EINVAL, "region is left,top,right,bottom, each from 0.0 to 1.0");
    r->view.region = (struct img_region){
        .left = edge[0], .top = edge[1], .width = edge[2] - edge[0], .height = edge[3] - edge[1]
    };
    r->view.region_in_parts = true;
    return ISO_OK;
}

/* Both or none.   PS3.18 §9.4.1.2.6 */
static int read_center_and_width(struct srv_render *r, struct iso_err *err)
{
    iso_str           center = http_query_value(r->req, "windowCenter");
    iso_str           width  = http_query_value(r->req, "windowWidth");
    struct img_window w      = { .function = IMG_LINEAR };

    if (center.len == 0 && width.len == 0)
        return ISO_OK;
    if (!dcm_number_parse(center, &w.center) || !dcm_number_parse(width, &w.width) ||
        !window_fits(&w))
        return iso_fail(err, ISO_EINVAL,
                        "windowCenter and windowWidth are two numbers, the second at least 1");
    r->view.window     = w;
    r->view.has_window = true;
    return ISO_OK;
}

static int read_rows_and_columns(struct srv_render *r, struct iso_err *err)
{
    iso_str rows    = http_query_value(r->req, "rows");
    iso_str columns = http_query_value(r->req, "columns");

    if ((rows.len > 0 && !read_size(rows, &r->view.box_height)) ||
        (columns.len > 0 && !read_size(columns, &r->view.box_width)))
        return iso_fail(err, ISO_EINVAL, "rows and columns are numbers from 1 to %d",
                        IMG_SIDE_SCALED_MAX);
    return ISO_OK;
}

int srv_render_query_uri(struct srv_render *r, struct iso_err *err)
{
    int rc = read_rows_and_columns(r, err);

    if (rc == ISO_OK)
        rc = read_region(r, err);
    if (rc == ISO_OK)
        rc = read_center_and_width(r, err);
    if (rc == ISO_OK)
        rc = read_common(r, "imageQuality", http_query_value(r->req, "frameNumber"), err);
    if (rc == ISO_OK && r->frame_count > 1)
        rc = iso_fail(err, ISO_EINVAL, "frameNumber is one number");
    return rc;
}
