/* img_state_marks.c: what a presentation state has drawn on an image: layers, overlays, graphics and
 * texts.   PS3.3 §C.10.5, §C.10.7, §C.11.7 */
#include "img_state_in.h"

#include <stdlib.h>

struct layer {
    iso_str           name;
    int64_t           order;
    struct img_colour colour;
};

/* A mark and where it comes: by its layer, then as it was found. */
struct placed {
    struct img_mark mark;
    int64_t         order;
    size_t          number;
};

struct collection {
    const struct img_state_source *s;
    struct layer                  *layer;
    size_t                         layers;
    struct placed                 *placed;
    size_t                         count, cap;
    size_t                         points;
    bool                           incomplete;
};

static size_t item_count(const struct dcm_dataset *ds, dcm_tag tag)
{
    const struct dcm_element *el = dcm_get(ds, tag);

    return el != NULL && el->form == DCM_FORM_SEQUENCE ? el->item_count : 0;
}

static bool is(const struct dcm_dataset *ds, dcm_tag tag, const char *value)
{
    return iso_str_eq_c(dcm_get_ascii(ds, tag), value);
}

/* ---- layers ---- */

static bool get_lab(const struct dcm_dataset *ds, dcm_tag tag, struct img_colour *out)
{
    int64_t lab[3];

    for (size_t i = 0; i < 3; i++)
        if (!dcm_get_i64(ds, tag, i, &lab[i]))
            return false;
    *out = img_colour_of_lab((uint16_t)lab[0], (uint16_t)lab[1], (uint16_t)lab[2]);
    return true;
}

static struct img_colour layer_colour(const struct dcm_dataset *item)
{
    struct img_colour c = IMG_GREY(255);
    int64_t           v[3];

    if (get_lab(item, DCM_GRAPHIC_LAYER_RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &c))
        return c;
    if (dcm_get_i64(item, DCM_GRAPHIC_LAYER_RECOMMENDED_DISPLAY_RGB_VALUE, 0, &v[0]) &&
        dcm_get_i64(item, DCM_GRAPHIC_LAYER_RECOMMENDED_DISPLAY_RGB_VALUE, 1, &v[1]) &&
        dcm_get_i64(item, DCM_GRAPHIC_LAYER_RECOMMENDED_DISPLAY_RGB_VALUE, 2, &v[2]))
        return IMG_COLOUR((uint8_t)(v[0] >> 8), (uint8_t)(v[1] >> 8), (uint8_t)(v[2] >> 8));
    if (dcm_get_i64(item, DCM_GRAPHIC_LAYER_RECOMMENDED_DISPLAY_GRAYSCALE_VALUE, 0, &v[0]))
        return IMG_GREY((uint8_t)((v[0] & 0xffff) >> 8));
    return c;
}

static int read_layers(struct collection *c, struct iso_err *err)
{
    size_t count = item_count(c->s->state, DCM_GRAPHIC_LAYER_SEQUENCE);

    c->incomplete = count > IMG_STATE_LAYERS_MAX;
    count         = count < IMG_STATE_LAYERS_MAX ? count : IMG_STATE_LAYERS_MAX;
    c->layer      = iso_arena_array(c->s->arena, count, sizeof *c->layer);
    if (c->layer == NULL)
        return iso_arena_fail(c->s->arena, err);
    for (size_t i = 0; i < count; i++) {
        const struct dcm_dataset *item  = dcm_get_item(c->s->state, DCM_GRAPHIC_LAYER_SEQUENCE, i);
        struct layer             *layer = &c->layer[c->layers++];

        layer->name   = dcm_get_ascii(item, DCM_GRAPHIC_LAYER);
        layer->colour = layer_colour(item);
        if (!dcm_get_i64(item, DCM_GRAPHIC_LAYER_ORDER, 0, &layer->order))
            layer->order = INT64_MAX;
    }
    return ISO_OK;
}

/* A layer that the state does not describe comes last, and is white. */
static struct layer layer_named(const struct collection *c, iso_str name)
{
    for (size_t i = 0; i < c->layers; i++)
        if (iso_str_eq(c->layer[i].name, name))
            return c->layer[i];
    return (struct layer){ name, INT64_MAX, IMG_GREY(255) };
}

/* ---- marks ---- */

static int add(struct collection *c, const struct layer *layer, const struct img_mark *mark,
               struct iso_err *err)
{
    struct placed *p;

    if (c->count == IMG_STATE_MARKS_MAX) {
        c->incomplete = true;
        return ISO_OK;
    }
    if (c->count == c->cap) {
        p = iso_arena_grow(c->s->arena, c->placed, c->count, c->count + 1, sizeof *p, &c->cap);
        if (p == NULL)
            return iso_arena_fail(c->s->arena, err);
        c->placed = p;
    }
    c->placed[c->count] = (struct placed){ *mark, layer->order, c->count };
    c->count++;
    return ISO_OK;
}

static bool get_point(const struct dcm_dataset *ds, dcm_tag tag, size_t i, struct img_point *out)
{
    return dcm_get_double(ds, tag, 2 * i, &out->x) && dcm_get_double(ds, tag, 2 * i + 1, &out->y) &&
           out->x > -1e9 && out->x < 1e9 && out->y > -1e9 && out->y < 1e9;
}

/* false: it has no units that we know, and so no place. */
static bool get_units(const struct dcm_dataset *ds, dcm_tag tag, enum img_units *out)
{
    if (is(ds, tag, "DISPLAY"))
        *out = IMG_UNITS_DISPLAY;
    else if (is(ds, tag, "PIXEL"))
        *out = IMG_UNITS_PIXEL;
    else
        return false;
    return true;
}

static uint8_t opacity(const struct dcm_dataset *style)
{
    double v;

    if (!dcm_get_double(style, DCM_PATTERN_ON_OPACITY, 0, &v) || !(v >= 0 && v <= 1))
        return 255;
    return (uint8_t)(255 * v + 0.5);
}

/* Its own style of lines and areas, where it has one.   PS3.3 §C.10.5, tables C.10-5b, C.10-5c */
static void read_style(const struct dcm_dataset *item, struct img_mark *mark)
{
    const struct dcm_dataset *line = dcm_get_item(item, DCM_LINE_STYLE_SEQUENCE, 0);
    const struct dcm_dataset *fill = dcm_get_item(item, DCM_FILL_STYLE_SEQUENCE, 0);
    double                    width;

    mark->width = 1;
    if (line != NULL) {
        (void)get_lab(line, DCM_PATTERN_ON_COLOR_CIE_LAB_VALUE, &mark->colour);
        mark->colour.alpha = opacity(line);
        mark->dashed       = is(line, DCM_LINE_DASHING_STYLE, "DASHED");
        if (dcm_get_double(line, DCM_LINE_THICKNESS, 0, &width) && width > 0 && width < 100)
            mark->width = width;
    }
    if (!is(item, DCM_GRAPHIC_FILLED, "Y"))
        return;
    mark->fill = mark->colour;
    if (fill != NULL) {
        (void)get_lab(fill, DCM_PATTERN_ON_COLOR_CIE_LAB_VALUE, &mark->fill);
        mark->fill.alpha = opacity(fill);
    }
}

static bool get_kind(const struct dcm_dataset *item, enum img_mark_kind *kind, size_t *least)
{
    static const struct {
        const char        *type;
        enum img_mark_kind kind;
        size_t             least;
    } types[] = {
        { "POINT", IMG_MARK_POINT, 1 },        { "POLYLINE", IMG_MARK_POLYLINE, 2 },
        { "INTERPOLATED", IMG_MARK_CURVE, 2 }, { "CIRCLE", IMG_MARK_CIRCLE, 2 },
        { "ELLIPSE", IMG_MARK_ELLIPSE, 4 },
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (is(item, DCM_GRAPHIC_TYPE, types[i].type)) {
            *kind  = types[i].kind;
            *least = types[i].least;
            return true;
        }
    return false;
}

/* Points up to the first that is none. */
static int read_points(struct collection *c, const struct dcm_dataset *item, size_t count,
                       struct img_mark *mark, struct iso_err *err)
{
    struct img_point *point;

    if (count > IMG_STATE_POINTS_MAX - c->points) {
        count         = IMG_STATE_POINTS_MAX - c->points;
        c->incomplete = true;
    }
    point = iso_arena_array(c->s->arena, count, sizeof *point);
    if (point == NULL)
        return iso_arena_fail(c->s->arena, err);
    while (mark->count < count &&
           get_point(item, DCM_GRAPHIC_DATA, mark->count, &point[mark->count]))
        mark->count++;
    mark->point = point;
    c->points += mark->count;
    return ISO_OK;
}

/* PS3.3 §C.10.5.1.2 */
static int add_graphic(struct collection *c, const struct layer *layer,
                       const struct dcm_dataset *item, struct iso_err *err)
{
    const struct dcm_element *data = dcm_get(item, DCM_GRAPHIC_DATA);
    struct img_mark           mark = { .colour = layer->colour };
    size_t                    least, count = data != NULL ? dcm_element_vm(data) / 2 : 0;
    int64_t                   stated;
    int                       rc;

    if (!get_kind(item, &mark.kind, &least) ||
        !get_units(item, DCM_GRAPHIC_ANNOTATION_UNITS, &mark.units))
        return ISO_OK;
    if (dcm_get_i64(item, DCM_NUMBER_OF_GRAPHIC_POINTS, 0, &stated) && stated >= (int64_t)least &&
        (uint64_t)stated < count)
        count = (size_t)stated;
    if (mark.kind != IMG_MARK_POLYLINE && mark.kind != IMG_MARK_CURVE && count > least)
        count = least;
    rc = read_points(c, item, count, &mark, err);
    if (rc < 0 || mark.count < least)
        return rc;
    read_style(item, &mark);
    mark.closed = mark.point[0].x == mark.point[mark.count - 1].x &&
                  mark.point[0].y == mark.point[mark.count - 1].y && mark.count > 2;
    if (mark.closed && mark.kind == IMG_MARK_CURVE)
        mark.count--; /* the curve closes itself */
    return add(c, layer, &mark, err);
}

static void read_text_style(const struct dcm_dataset *item, struct img_mark *mark)
{
    const struct dcm_dataset *style = dcm_get_item(item, DCM_TEXT_STYLE_SEQUENCE, 0);

    if (style == NULL)
        return;
    (void)get_lab(style, DCM_TEXT_COLOR_CIE_LAB_VALUE, &mark->colour);
    mark->bold   = is(style, DCM_BOLD, "Y");
    mark->italic = is(style, DCM_ITALIC, "Y");
}

/* PS3.3 §C.10.5.1.1 */
static int add_text(struct collection *c, const struct layer *layer, const struct dcm_dataset *item,
                    struct iso_err *err)
{
    struct img_mark   mark = { .kind = IMG_MARK_TEXT, .colour = layer->colour, .width = 1 };
    struct img_point *box  = iso_arena_array(c->s->arena, 2, sizeof *box);

    if (box == NULL)
        return iso_arena_fail(c->s->arena, err);
    mark.text = dcm_get_text(item, DCM_UNFORMATTED_TEXT_VALUE, c->s->arena);
    if (mark.text.len == 0)
        return ISO_OK;
    if (get_point(item, DCM_BOUNDING_BOX_TOP_LEFT_HAND_CORNER, 0, &box[0]) &&
        get_point(item, DCM_BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER, 0, &box[1]) &&
        get_units(item, DCM_BOUNDING_BOX_ANNOTATION_UNITS, &mark.units)) {
        mark.point = box;
        mark.count = 2;
    }
    mark.has_anchor = get_point(item, DCM_ANCHOR_POINT, 0, &mark.anchor) &&
                      get_units(item, DCM_ANCHOR_POINT_ANNOTATION_UNITS, &mark.anchor_units);
    mark.anchor_visible = mark.has_anchor && is(item, DCM_ANCHOR_POINT_VISIBILITY, "Y");
    if (is(item, DCM_BOUNDING_BOX_TEXT_HORIZONTAL_JUSTIFICATION, "RIGHT"))
        mark.align = IMG_ALIGN_END;
    else if (is(item, DCM_BOUNDING_BOX_TEXT_HORIZONTAL_JUSTIFICATION, "CENTER"))
        mark.align = IMG_ALIGN_MIDDLE;
    read_text_style(item, &mark);
    return mark.count == 2 || mark.has_anchor ? add(c, layer, &mark, err) : ISO_OK;
}

static int add_annotation(struct collection *c, const struct dcm_dataset *item, struct iso_err *err)
{
    struct layer layer    = layer_named(c, dcm_get_ascii(item, DCM_GRAPHIC_LAYER));
    size_t       graphics = item_count(item, DCM_GRAPHIC_OBJECT_SEQUENCE);
    size_t       texts    = item_count(item, DCM_TEXT_OBJECT_SEQUENCE);
    int          rc       = ISO_OK;

    for (size_t i = 0; rc == ISO_OK && i < graphics; i++)
        rc = add_graphic(c, &layer, dcm_get_item(item, DCM_GRAPHIC_OBJECT_SEQUENCE, i), err);
    for (size_t i = 0; rc == ISO_OK && i < texts; i++)
        rc = add_text(c, &layer, dcm_get_item(item, DCM_TEXT_OBJECT_SEQUENCE, i), err);
    if (graphics == 0 && texts == 0 && item_count(item, DCM_COMPOUND_GRAPHIC_SEQUENCE) > 0)
        c->incomplete = true;
    return rc;
}

/* ---- overlays ---- */

/* Of a region its outline is shown. */
static int outline(struct img_overlay *o, struct iso_arena *arena, struct iso_err *err)
{
    struct img_picture p    = { .width = o->columns, .height = o->rows, .channels = 1 };
    struct img_overlay here = *o;

    here.top = here.left = 0;
    p.pixels             = iso_arena_alloc(arena, (size_t)o->rows * o->columns);
    if (p.pixels == NULL)
        return iso_arena_fail(arena, err);
    img_overlay_paint(&here, 255, &p);
    o->mask = p.pixels;
    return ISO_OK;
}

/* Planes of the state, or of the image, that a layer is named for.   PS3.3 §C.11.7 */
static int add_overlay(struct collection *c, uint16_t group, struct iso_err *err)
{
    const struct img_state_source *s = c->s;
    dcm_tag         tag  = (DCM_OVERLAY_ACTIVATION_LAYER & 0xffff) | (dcm_tag)group << 16;
    dcm_tag         rows = (DCM_OVERLAY_ROWS & 0xffff) | (dcm_tag)group << 16;
    iso_str         name = dcm_get_ascii(s->state, tag);
    bool            own  = dcm_get(s->state, rows) != NULL;
    struct img_mark mark = { .kind = IMG_MARK_OVERLAY, .units = IMG_UNITS_PIXEL };
    struct layer    layer;
    int             rc;

    if (name.len == 0)
        return ISO_OK;
    rc = img_overlay_read(own ? s->state : s->image, group, s->frame, own ? NULL : s->decoded,
                          s->pixels, s->arena, &mark.overlay, err);
    if (rc == ISO_OK && mark.overlay.mask != NULL && mark.overlay.roi)
        rc = outline(&mark.overlay, s->arena, err);
    if (rc < 0 || mark.overlay.mask == NULL)
        return rc;
    layer       = layer_named(c, name);
    mark.colour = layer.colour;
    return add(c, &layer, &mark, err);
}

/* ---- in order ---- */

static int by_order(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

int img_state_marks(const struct img_state_source *s, struct img_state *out, struct iso_err *err)
{
    struct collection c     = { .s = s };
    size_t            count = item_count(s->state, DCM_GRAPHIC_ANNOTATION_SEQUENCE);
    int               rc    = read_layers(&c, err);

    for (unsigned i = 0; rc == ISO_OK && i < IMG_OVERLAYS_MAX; i++)
        rc = add_overlay(&c, (uint16_t)(0x6000 + 2 * i), err);
    for (size_t i = 0; rc == ISO_OK && i < count; i++) {
        const struct dcm_dataset *item = dcm_get_item(s->state, DCM_GRAPHIC_ANNOTATION_SEQUENCE, i);
        if (img_state_applies(s, item))
            rc = add_annotation(&c, item, err);
    }
    if (rc < 0)
        return rc;
    if (c.count > 1)
        qsort(c.placed, c.count, sizeof *c.placed, by_order);
    out->mark = iso_arena_array(s->arena, c.count, sizeof *out->mark);
    if (out->mark == NULL)
        return iso_arena_fail(s->arena, err);
    for (size_t i = 0; i < c.count; i++)
        out->mark[i] = c.placed[i].mark;
    out->marks      = c.count;
    out->incomplete = out->incomplete || c.incomplete;
    return ISO_OK;
}
