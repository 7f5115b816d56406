/* srv_render_query.c: each parameter by itself; an error names the parameter and what it takes. */
#include "srv_render_query.h"

#include "dcm_number.h"

enum {
    THUMBNAIL_SIDE    = 256, /* without a viewport */
    QUALITY           = 90,
    THUMBNAIL_QUALITY = 80
};

/* "256,256": the size that the picture is to fit in.   PS3.18 §8.3.5.1.3 */
static int read_viewport(struct srv_render *r, struct iso_err *err)
{
    iso_str  rest = http_query_value(r->req, "viewport");
    uint64_t size[2];

    if (rest.len == 0) {
        r->view.box_width = r->view.box_height = r->thumbnail ? THUMBNAIL_SIDE : 0;
        return ISO_OK;
    }
    for (size_t i = 0; i < 2; i++)
        if (!iso_str_to_u64(iso_str_trim(iso_str_cut(&rest, ',')), &size[i]) || size[i] < 1 ||
            size[i] > IMG_SIDE_SCALED_MAX)
            return iso_fail(err, ISO_EINVAL, "viewport is width,height, each from 1 to %d",
                            IMG_SIDE_SCALED_MAX);
    if (rest.ptr != NULL)
        return iso_fail(err, ISO_EINVAL,
                        "viewport with a region of the image is not supported: give width,height");
    r->view.box_width  = (uint32_t)size[0];
    r->view.box_height = (uint32_t)size[1];
    return ISO_OK;
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
    if (!ok || !ok_width || rest.ptr != NULL || !(w.width >= (w.function == IMG_LINEAR ? 1 : 1e-9)))
        return iso_fail(err, ISO_EINVAL,
                        "window is center,width and one of linear, linear-exact, sigmoid");
    r->view.window     = w;
    r->view.has_window = true;
    return ISO_OK;
}

int srv_render_query(struct srv_render *r, struct iso_err *err)
{
    iso_str  quality = http_query_value(r->req, "quality");
    uint64_t q;
    int      rc = read_viewport(r, err);

    if (rc == ISO_OK)
        rc = read_window(r, err);
    if (rc < 0)
        return rc;
    r->quality = r->thumbnail ? THUMBNAIL_QUALITY : QUALITY;
    if (quality.len > 0) {
        if (!iso_str_to_u64(quality, &q) || q < 1 || q > 100)
            return iso_fail(err, ISO_EINVAL, "quality is a number from 1 to 100");
        r->quality = (unsigned)q;
    }
    return ISO_OK;
}
