#include "srv_finish.h"

#include "img_draw.h"
#include "img_icc.h"
#include "os_file.h"

#include <string.h>

enum { LINE_BYTES_MAX = 200, FONT_LEAST = 9, FONT_MOST = 48, LINES_A_PICTURE = 36 };

/* ---- colour ---- */

/* The object's profile: of the image, or of how it was lit.   PS3.3 §C.11.15, §C.8.12.5 */
static const struct dcm_element *profile_of(const struct dcm_dataset *ds)
{
    const struct dcm_dataset *path = dcm_get_item(ds, DCM_OPTICAL_PATH_SEQUENCE, 0);
    const struct dcm_element *el   = dcm_get(ds, DCM_ICC_PROFILE);

    return el != NULL || path == NULL ? el : dcm_get(path, DCM_ICC_PROFILE);
}

/* Its bytes, in the request's memory. */
static int load_profile(struct srv_render *r, const struct dcm_element *el, iso_bytes *out,
                        struct iso_err *err)
{
    struct http_span span;
    uint8_t         *copy;
    int              rc;

    if (el->bytes > IMG_ICC_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a colour profile of %llu bytes",
                        (unsigned long long)el->bytes);
    rc = srv_value(r->req, r->web, &r->inst, el, &span, err);
    if (rc < 0)
        return rc;
    if (span.ptr != NULL) {
        *out = iso_bytes_of(span.ptr, (size_t)span.len);
        return ISO_OK;
    }
    copy = iso_arena_alloc(http_arena(r->req), (size_t)span.len);
    if (copy == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc   = os_read_exact_at(span.fd, copy, (size_t)span.len, span.offset, err);
    *out = iso_bytes_of(copy, (size_t)span.len);
    return rc;
}

/* The profile that the picture's colours are in: the object's, or sRGB. */
static int source_profile(struct srv_render *r, struct iso_buf *out, struct iso_err *err)
{
    const struct dcm_element *el = profile_of(&r->ds);
    iso_bytes                 stored;
    int                       rc = ISO_ENOENT;

    if (el != NULL && el->bytes > 0) {
        rc = load_profile(r, el, &stored, err);
        if (rc == ISO_OK)
            rc = img_icc_check(stored, out, err);
        r->plain_colours = rc < 0;
    }
    if (rc < 0) {
        iso_buf_reset(out);
        rc = img_icc_profile(IMG_ICC_SRGB, out, err);
    }
    return rc;
}

static int finish_colours(struct srv_render *r, struct img_picture *picture, iso_bytes *icc,
                          struct iso_err *err)
{
    enum img_icc_space space  = r->view.icc == SRV_ICC_ADOBE_RGB  ? IMG_ICC_ADOBE_RGB
                                : r->view.icc == SRV_ICC_ROMM_RGB ? IMG_ICC_ROMM_RGB
                                                                  : IMG_ICC_SRGB;
    struct iso_buf    *source = srv_text(r->req);
    struct iso_buf    *target = srv_text(r->req);
    int                rc;

    if (source == NULL || target == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc = img_picture_rgb(picture, err);
    if (rc == ISO_OK)
        rc = source_profile(r, source, err);
    if (rc == ISO_OK && r->view.icc != SRV_ICC_OWN)
        rc = img_icc_profile(space, target, err);
    if (rc == ISO_OK && r->view.icc != SRV_ICC_OWN)
        rc = img_icc_convert(picture, iso_buf_bytes(source), space, err);
    if (rc == ISO_OK)
        *icc = iso_buf_bytes(r->view.icc == SRV_ICC_OWN ? source : target);
    return rc;
}

/* ---- text ---- */

static void add_line(struct iso_buf *text, iso_str label, iso_str value)
{
    if (value.len == 0)
        return;
    if (text->len > 0)
        iso_buf_add_c(text, "\n");
    iso_buf_add_str(text, label);
    iso_buf_add_str(text, iso_str_sub(value, 0, LINE_BYTES_MAX)); /* a cut letter is left out */
}

/* "DOE^JOHN" as people write it: carets are spaces. Only the first, alphabetic group. */
static iso_str name_of(struct srv_render *r)
{
    iso_str name = dcm_get_text(&r->ds, DCM_PATIENT_NAME, http_arena(r->req));
    iso_str copy = iso_arena_str(http_arena(r->req), iso_str_cut(&name, '='));
    char   *p    = iso_arena_alloc(http_arena(r->req), copy.len + 1);

    if (copy.ptr == NULL || p == NULL)
        return ISO_STR("");
    for (size_t i = 0; i < copy.len; i++)
        p[i] = copy.ptr[i] == '^' ? ' ' : copy.ptr[i];
    return iso_str_trim(iso_str_of(p, copy.len));
}

static iso_str get(struct srv_render *r, dcm_tag tag)
{
    return iso_str_trim(dcm_get_text(&r->ds, tag, http_arena(r->req)));
}

static void patient_text(struct srv_render *r, struct iso_buf *left, struct iso_buf *right)
{
    add_line(left, ISO_STR(""), name_of(r));
    add_line(left, ISO_STR("ID "), get(r, DCM_PATIENT_ID));
    add_line(left, ISO_STR("Born "), get(r, DCM_PATIENT_BIRTH_DATE));
    add_line(left, ISO_STR("Sex "), get(r, DCM_PATIENT_SEX));
    add_line(right, ISO_STR(""), get(r, DCM_INSTITUTION_NAME));
    add_line(right, ISO_STR(""), get(r, DCM_STUDY_DATE));
    add_line(right, ISO_STR("Accession "), get(r, DCM_ACCESSION_NUMBER));
}

static void technique_text(struct srv_render *r, struct iso_buf *left, struct iso_buf *right)
{
    static const struct {
        dcm_tag     tag;
        const char *label;
    } lines[] = {
        { DCM_MODALITY, "" },
        { DCM_SERIES_DESCRIPTION, "" },
        { DCM_KVP, "kVp " },
        { DCM_X_RAY_TUBE_CURRENT, "mA " },
        { DCM_EXPOSURE_TIME, "ms " },
        { DCM_REPETITION_TIME, "TR " },
        { DCM_ECHO_TIME, "TE " },
        { DCM_CONVOLUTION_KERNEL, "" },
        { DCM_SLICE_THICKNESS, "Slice mm " },
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        add_line(left, iso_str_c(lines[i].label), get(r, lines[i].tag));
    add_line(right, ISO_STR("Series "), get(r, DCM_SERIES_NUMBER));
    add_line(right, ISO_STR("Image "), get(r, DCM_INSTANCE_NUMBER));
    if (r->inst.frames > 1)
        add_line(right, ISO_STR("Frame "),
                 iso_arena_printf(http_arena(r->req), "%u of %u", r->frame, r->inst.frames));
}

static void put_text(struct img_draw *draw, const struct img_picture *picture,
                     const struct iso_buf *text, bool right, bool bottom)
{
    double          side = picture->width < picture->height ? picture->width : picture->height;
    double          size = side / LINES_A_PICTURE;
    struct img_text t    = { .utf8             = iso_str_of((const char *)text->ptr, text->len),
                             .size             = size < FONT_LEAST  ? FONT_LEAST
                                                 : size > FONT_MOST ? FONT_MOST
                                                                    : size,
                             .colour           = IMG_GREY(255),
                             .halo             = IMG_GREY(0),
                             .across           = right ? IMG_ALIGN_END : IMG_ALIGN_START,
                             .down             = bottom ? IMG_ALIGN_END : IMG_ALIGN_START,
                             .shrink_to_width  = picture->width * 0.49,
                             .shrink_to_height = picture->height * 0.49 };
    double          gap  = t.size / 3;

    if (text->len > 0)
        img_draw_text(draw, &t,
                      (struct img_point){ right ? picture->width - gap : gap,
                                          bottom ? picture->height - gap : gap });
}

/* Who at the top, how at the bottom. */
static int annotate(struct srv_render *r, struct img_picture *picture, struct iso_err *err)
{
    struct iso_buf  *text[4];
    struct img_draw *draw;
    int              rc;

    for (size_t i = 0; i < 4; i++)
        if ((text[i] = srv_text(r->req)) == NULL)
            return iso_arena_fail(http_arena(r->req), err);
    if (r->view.annotate_patient)
        patient_text(r, text[0], text[1]);
    if (r->view.annotate_technique)
        technique_text(r, text[2], text[3]);
    rc = img_draw_begin(picture, &draw, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < 4; i++)
        put_text(draw, picture, text[i], i % 2 == 1, i >= 2);
    return img_draw_end(draw, err);
}

int srv_finish(struct srv_render *r, struct img_picture *picture, iso_bytes *icc,
               struct iso_err *err)
{
    int rc = ISO_OK;

    *icc = iso_bytes_of(NULL, 0);
    if (r->view.icc != SRV_ICC_NONE)
        rc = finish_colours(r, picture, icc, err);
    if (rc == ISO_OK && (r->view.annotate_patient || r->view.annotate_technique))
        rc = annotate(r, picture, err);
    return rc;
}
