#include "img_structures.h"

#include "dcm_number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILL_ALPHA = 45 };

static const double TOLERANCE = 0.6; /* mm, for slices that do not say how thick they are */

/* ---- reading ---- */

/* "x\y\z\…": counts, or fills out. false: not a number, or not finite. */
static bool read_points(iso_str text, double *out, size_t *count)
{
    size_t n = 0;

    for (iso_str rest = text; rest.ptr != NULL;) {
        double v;

        if (!dcm_number_parse(iso_str_trim(iso_str_cut(&rest, '\\')), &v) || fabs(v) > 1e7)
            return false;
        if (out != NULL)
            out[n] = v;
        n++;
    }
    *count = n;
    return true;
}

static size_t values_in(iso_str text)
{
    size_t n = text.len > 0;

    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\\';
    return n;
}

/* ISO_OK also for one that is left out: contour->points is 0 then. */
static int read_contour(const struct dcm_dataset *ds, struct iso_arena *arena,
                        struct img_contour *contour, struct iso_err *err)
{
    const struct dcm_dataset *image = dcm_get_item(ds, DCM_CONTOUR_IMAGE_SEQUENCE, 0);
    iso_str                   type  = dcm_get_ascii(ds, DCM_CONTOUR_GEOMETRIC_TYPE);
    iso_str                   text  = dcm_get_raw(ds, DCM_CONTOUR_DATA);
    size_t                    count = values_in(text);

    contour->is_point  = iso_str_eq_c(type, "POINT");
    contour->is_closed = iso_str_starts(type, ISO_STR("CLOSED"));
    if (image != NULL)
        contour->image_uid = dcm_get_ascii(image, DCM_REFERENCED_SOP_INSTANCE_UID);
    if (count < 3 || count % 3 != 0)
        return ISO_OK;
    double *point = iso_arena_array(arena, count, sizeof *point);
    if (point == NULL)
        return iso_arena_fail(arena, err);
    if (!read_points(text, point, &count))
        return ISO_OK;
    contour->point  = point;
    contour->points = count / 3;
    return ISO_OK;
}

static void read_colour(const struct dcm_dataset *ds, struct img_segment *roi)
{
    int64_t c[3];

    for (size_t i = 0; i < 3; i++)
        if (!dcm_get_i64(ds, DCM_ROI_DISPLAY_COLOR, i, &c[i]) || c[i] < 0 || c[i] > 255)
            return;
    roi->colour = IMG_COLOUR((uint8_t)c[0], (uint8_t)c[1], (uint8_t)c[2]);
}

/* Names are in another sequence, by number. */
static iso_str name_of(const struct dcm_dataset *ds, int64_t number, struct iso_arena *arena)
{
    const struct dcm_element *el = dcm_get(ds, DCM_STRUCTURE_SET_ROI_SEQUENCE);
    int64_t                   n;

    for (size_t i = 0; el != NULL && i < el->item_count; i++)
        if (dcm_get_i64(&el->items[i], DCM_ROI_NUMBER, 0, &n) && n == number)
            return dcm_get_text(&el->items[i], DCM_ROI_NAME, arena);
    return ISO_STR("");
}

static int read_roi(const struct dcm_dataset *ds, const struct dcm_dataset *item, uint32_t index,
                    struct iso_arena *arena, struct img_segment *roi, struct img_contour *list,
                    size_t *count, struct iso_err *err)
{
    const struct dcm_element *el     = dcm_get(item, DCM_CONTOUR_SEQUENCE);
    int64_t                   number = 0;

    (void)dcm_get_i64(item, DCM_REFERENCED_ROI_NUMBER, 0, &number);
    roi->number = index;
    roi->label  = name_of(ds, number, arena);
    roi->colour = img_distinct_colour(index);
    read_colour(item, roi);
    for (size_t i = 0; el != NULL && i < el->item_count; i++) {
        struct img_contour contour = { .roi = index };
        int                rc      = read_contour(&el->items[i], arena, &contour, err);

        if (rc < 0)
            return rc;
        if (contour.points > 0)
            list[(*count)++] = contour;
    }
    return ISO_OK;
}

static size_t contours_in(const struct dcm_element *rois)
{
    size_t n = 0;

    for (size_t i = 0; i < rois->item_count; i++) {
        const struct dcm_element *el = dcm_get(&rois->items[i], DCM_CONTOUR_SEQUENCE);

        n += el != NULL ? el->item_count : 0;
    }
    return n;
}

int img_structures_read(const struct dcm_dataset *ds, struct iso_arena *arena,
                        struct img_structures *out, struct iso_err *err)
{
    const struct dcm_element *el = dcm_get(ds, DCM_ROI_CONTOUR_SEQUENCE);
    const struct dcm_dataset *frame =
        dcm_get_item(ds, DCM_REFERENCED_FRAME_OF_REFERENCE_SEQUENCE, 0);
    struct img_structures s     = { 0 };
    size_t                count = el != NULL ? contours_in(el) : 0;
    int                   rc    = ISO_OK;

    if (count == 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "a structure set without contours");
    if (count > IMG_CONTOURS_MAX || el->item_count > IMG_ROIS_MAX)
        return iso_fail(err, ISO_ELIMIT, "%zu contours of %zu structures", count, el->item_count);
    struct img_segment *roi  = iso_arena_array(arena, el->item_count, sizeof *roi);
    struct img_contour *list = iso_arena_array(arena, count, sizeof *list);
    if (roi == NULL || list == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; rc == ISO_OK && i < el->item_count; i++)
        rc = read_roi(ds, &el->items[i], (uint32_t)i, arena, &roi[i], list, &s.contours, err);
    if (rc < 0)
        return rc;
    if (s.contours == 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "a structure set without usable contours");
    s.frame_of_reference = frame != NULL ? dcm_get_ascii(frame, DCM_FRAME_OF_REFERENCE_UID)
                                         : dcm_get_ascii(ds, DCM_FRAME_OF_REFERENCE_UID);
    s.roi                = roi;
    s.rois               = el->item_count;
    s.contour            = list;
    *out                 = s;
    return ISO_OK;
}

/* ---- which slice ---- */

struct sorted {
    const struct img_contour *contour;
};

/* Contours of one slice: drawn on the same image, else at the same height. */
static int by_slice(const void *a, const void *b)
{
    const struct img_contour *x = ((const struct sorted *)a)->contour;
    const struct img_contour *y = ((const struct sorted *)b)->contour;
    int                       c = iso_str_cmp(x->image_uid, y->image_uid);

    if (c == 0 && x->image_uid.len == 0) {
        double p = round(x->point[2] * 10), q = round(y->point[2] * 10);

        c = (p > q) - (p < q);
    }
    return c != 0 ? c : (x->roi > y->roi) - (x->roi < y->roi);
}

static bool same_slice(const struct img_contour *a, const struct img_contour *b)
{
    if (!iso_str_eq(a->image_uid, b->image_uid))
        return false;
    return a->image_uid.len > 0 || fabs(a->point[2] - b->point[2]) < 0.11;
}

const struct img_contour *img_structures_representative(const struct img_structures *s)
{
    struct sorted            *list      = malloc(s->contours * sizeof *list);
    const struct img_contour *best      = &s->contour[0];
    size_t                    most_rois = 0, most_points = 0;

    if (list == NULL)
        return best;
    for (size_t i = 0; i < s->contours; i++)
        list[i].contour = &s->contour[i];
    qsort(list, s->contours, sizeof *list, by_slice);
    for (size_t from = 0, to; from < s->contours; from = to) {
        size_t rois = 0, points = 0;

        for (to = from; to < s->contours && same_slice(list[from].contour, list[to].contour);
             to++) {
            rois += to == from || list[to].contour->roi != list[to - 1].contour->roi;
            points += list[to].contour->points;
        }
        if (rois > most_rois || (rois == most_rois && points > most_points)) {
            best        = list[from].contour;
            most_rois   = rois;
            most_points = points;
        }
    }
    free(list);
    return best;
}

bool img_contour_is_in(const struct img_contour *contour, const struct img_plane *plane)
{
    double half = plane->thickness > 0 ? plane->thickness / 2 + 0.01 : TOLERANCE;

    for (size_t i = 0; i < contour->points; i += contour->points / 8 + 1) /* a few of them do */
        if (fabs(img_plane_depth(plane, &contour->point[3 * i])) > half)
            return false;
    return true;
}

struct img_plane img_structures_plane(const struct img_structures *s, const struct img_contour *of,
                                      uint32_t side)
{
    struct img_plane plane  = { .normal = { 0, 0, 1 } };
    double           low[2] = { of->point[0], of->point[1] }, high[2] = { low[0], low[1] };

    for (size_t c = 0; c < s->contours; c++)
        for (size_t i = 0; i < s->contour[c].points; i++)
            for (size_t k = 0; k < 2; k++) {
                low[k]  = fmin(low[k], s->contour[c].point[3 * i + k]);
                high[k] = fmax(high[k], s->contour[c].point[3 * i + k]);
            }
    double extent   = fmax(fmax(high[0] - low[0], high[1] - low[1]), 1) * 1.1;
    double spacing  = extent / side;
    plane.across[0] = plane.down[1] = spacing;
    for (size_t k = 0; k < 2; k++)
        plane.origin[k] = (low[k] + high[k]) / 2 - extent / 2 + spacing / 2;
    plane.origin[2] = of->point[2];
    return plane;
}

/* ---- drawing ---- */

static void draw_contour(struct img_draw *draw, const struct img_contour *c,
                         const struct img_plane *plane, struct img_point *point)
{
    for (size_t i = 0; i < c->points; i++)
        point[i] = img_plane_pixel(plane, &c->point[3 * i]);
    img_draw_polyline(draw, point, c->points, c->is_closed);
}

void img_structures_draw(struct img_draw *draw, const struct img_structures *s,
                         const struct img_plane *plane, const struct img_matrix *matrix,
                         uint32_t seen[IMG_LEGEND_MAX], size_t *seen_count)
{
    size_t longest = 1;

    for (size_t i = 0; i < s->contours; i++)
        longest = s->contour[i].points > longest ? s->contour[i].points : longest;
    struct img_point *point = malloc(longest * sizeof *point);
    if (point == NULL)
        return;
    img_draw_matrix(draw, matrix);
    for (size_t i = 0; i < s->contours;) { /* by structure: those of one are painted at once */
        uint32_t             roi  = s->contour[i].roi;
        struct img_colour    fill = s->roi[roi].colour;
        const struct img_pen pen  = { .width = 1.5, .colour = fill };
        bool                 any = false, closed = true;

        fill.alpha = FILL_ALPHA;
        for (; i < s->contours && s->contour[i].roi == roi; i++) {
            const struct img_contour *c = &s->contour[i];

            if (!img_contour_is_in(c, plane))
                continue;
            any = true;
            if (c->is_point)
                img_draw_cross(draw, img_plane_pixel(plane, c->point), 9, &pen);
            else
                draw_contour(draw, c, plane, point);
            closed = closed && c->is_closed;
        }
        img_draw_paint(draw, closed ? &fill : NULL, &pen);
        if (any && *seen_count < IMG_LEGEND_MAX)
            seen[(*seen_count)++] = roi;
    }
    img_draw_matrix(draw, NULL);
    free(point);
}
