/* dcm_tree.c: from events to a tree, with a stack of its own; what is bulk stays where it is. */
#include "dcm_parser_state.h"

enum { BULK_BYTES = 1024, BULK_TEXT_BYTES = 256 << 10, OFFSET_TABLE_BYTES_MAX = 16 << 20 };

bool dcm_is_bulk(dcm_tag tag, enum dcm_vr vr, uint64_t bytes)
{
    switch (tag) {
    case DCM_PIXEL_DATA:
    case DCM_FLOAT_PIXEL_DATA:
    case DCM_DOUBLE_FLOAT_PIXEL_DATA:
    case DCM_SPECTROSCOPY_DATA:
    case DCM_WAVEFORM_DATA:
    case DCM_ENCAPSULATED_DOCUMENT:
        return bytes > 0;
    case DCM_EXTENDED_OFFSET_TABLE: /* who wants frames needs them with the header */
    case DCM_EXTENDED_OFFSET_TABLE_LENGTHS:
    case DCM_LUT_DATA:
        return false;
    default:
        break;
    }
    if ((tag >= DCM_GRAY_LOOKUP_TABLE_DATA &&
         tag <= DCM_SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA) ||
        (tag & 0xff01ffff) == DCM_OVERLAY_DATA)
        return false;
    switch (vr) {
    case DCM_VR_OB:
    case DCM_VR_OD:
    case DCM_VR_OF:
    case DCM_VR_OL:
    case DCM_VR_OV:
    case DCM_VR_OW:
    case DCM_VR_UN:
        return bytes > BULK_BYTES;
    default:
        return bytes > BULK_TEXT_BYTES;
    }
}

struct tree {
    struct dcm_parser             *p;
    const struct dcm_tree_options *options;
    struct iso_arena              *arena;
    size_t                         depth; /* of the data set that is being filled */
    struct dcm_dataset            *ds[DCM_DEPTH_MAX + 1];
    size_t                         sequence[DCM_DEPTH_MAX + 1]; /* index of the open one in ds */
    size_t                         fragment;                    /* number of the next */
};

static struct dcm_element *add(struct tree *t)
{
    const struct dcm_position *at = &t->p->at;
    struct dcm_element        *el = dcm_append(t->ds[t->depth], t->arena, at->tag, at->vr);

    if (el == NULL)
        return NULL;
    el->undefined_length = at->undefined_length;
    el->wire_vr[0]       = at->wire_vr[0];
    el->wire_vr[1]       = at->wire_vr[1];
    el->header           = at->header;
    el->reserved         = at->reserved;
    el->offset           = at->value_offset;
    el->bytes            = at->bytes;
    return el;
}

static bool is_bulk(const struct tree *t, const struct dcm_element *el)
{
    if (t->options->keep_all)
        return false;
    return (t->options->is_bulk != NULL ? t->options->is_bulk : dcm_is_bulk)(el->tag, el->vr,
                                                                             el->bytes);
}

static int on_element(struct tree *t, struct iso_err *err)
{
    struct dcm_element *el = add(t);
    int                 rc;

    if (el == NULL)
        return iso_arena_fail(t->arena, err);
    if (is_bulk(t, el)) {
        el->form = DCM_FORM_BULK; /* passed over by the next step */
        return ISO_OK;
    }
    rc = dcm_parser_value(t->p, SIZE_MAX, t->arena, &el->value, err);
    if (rc < 0)
        return rc;
    if (el->tag == DCM_SPECIFIC_CHARACTER_SET)
        dcm_charset_init(&t->ds[t->depth]->charset, el->value);
    return ISO_OK;
}

static int on_container(struct tree *t, enum dcm_form form, struct iso_err *err)
{
    struct dcm_element *el = add(t);

    if (el == NULL)
        return iso_arena_fail(t->arena, err);
    el->form              = (uint8_t)form;
    t->sequence[t->depth] = t->ds[t->depth]->count - 1;
    t->fragment           = 0;
    return ISO_OK;
}

static struct dcm_element *open_element(struct tree *t)
{
    return &t->ds[t->depth]->element[t->sequence[t->depth]];
}

static int on_item(struct tree *t, struct iso_err *err)
{
    struct dcm_dataset *item = dcm_element_add_item(t->ds[t->depth], open_element(t), t->arena);

    if (item == NULL)
        return iso_arena_fail(t->arena, err);
    item->undefined_length = t->p->at.undefined_length;
    item->offset           = t->p->at.offset;
    t->ds[++t->depth]      = item;
    return ISO_OK;
}

static int on_fragment(struct tree *t, struct iso_err *err)
{
    const struct dcm_position at     = t->p->at;
    size_t                    number = t->fragment++;
    iso_bytes                 front  = iso_bytes_of(NULL, 0);
    uint8_t                   first[DCM_FRAGMENT_FRONT];
    size_t                    have = 0;
    int64_t                   n    = 1;
    int                       rc;

    if (t->depth > 0 || t->options->fragment == NULL ||
        t->ds[0]->element[t->sequence[0]].tag != DCM_PIXEL_DATA)
        return ISO_OK;
    if (number == 0 && at.bytes > 0) {
        rc = dcm_parser_value(t->p, OFFSET_TABLE_BYTES_MAX, t->arena, &front, err);
        if (rc < 0)
            return rc;
    }
    while (number > 0 && n > 0 && have < sizeof first) {
        n = dcm_parser_read(t->p, first + have, sizeof first - have, err);
        if (n < 0)
            return (int)n;
        have += (size_t)n;
    }
    if (number > 0)
        front = iso_bytes_of(first, have);
    return t->options->fragment(t->options->ctx, number, at.value_offset, at.bytes, front, err);
}

/* at.value_offset is behind the delimiter: what lies between it and the first item is counted. */
static void on_fragments_end(struct tree *t)
{
    struct dcm_element *el = open_element(t);

    el->bytes = t->p->at.value_offset - 8 - el->offset;
}

static int on_event(struct tree *t, struct iso_err *err)
{
    switch (t->p->at.event) {
    case DCM_EV_ELEMENT:
        return on_element(t, err);
    case DCM_EV_SEQUENCE:
        return on_container(t, DCM_FORM_SEQUENCE, err);
    case DCM_EV_FRAGMENTS:
        return on_container(t, DCM_FORM_FRAGMENTS, err);
    case DCM_EV_ITEM:
        return on_item(t, err);
    case DCM_EV_FRAGMENT:
        return on_fragment(t, err);
    case DCM_EV_ITEM_END:
        t->depth--;
        return ISO_OK;
    case DCM_EV_FRAGMENTS_END:
        on_fragments_end(t);
        return ISO_OK;
    default:
        return ISO_OK;
    }
}

int dcm_parser_tree(struct dcm_parser *p, const struct dcm_tree_options *options,
                    struct iso_arena *arena, struct dcm_dataset *ds, struct iso_err *err)
{
    static const struct dcm_tree_options none = { 0 };
    struct dcm_dataset                   top;
    struct tree t = { .p = p, .options = options != NULL ? options : &none, .arena = arena };
    int         rc;

    dcm_dataset_init(&top);
    t.ds[0]        = &top;
    p->stop_before = t.options->stop_before;
    while ((rc = dcm_parser_step(p, err)) == ISO_OK && p->at.event != DCM_EV_END)
        if ((rc = on_event(&t, err)) < 0)
            break;
    p->stop_before = 0;
    if (rc < 0)
        return rc;
    *ds = top;
    for (size_t i = 0; i < ds->count; i++) /* items point to where they are now */
        for (size_t j = 0; j < ds->element[i].item_count; j++)
            ds->element[i].items[j].parent = ds;
    return ISO_OK;
}

int dcm_dataset_parse(iso_bytes in, const struct dcm_syntax *syntax, struct iso_arena *arena,
                      struct dcm_dataset *ds, struct iso_err *err)
{
    static const struct dcm_tree_options all = { .keep_all = true };
    struct dcm_parser                   *p;
    int                                  rc = dcm_parser_new_memory(&p, in, syntax, 0, err);

    if (rc < 0)
        return rc;
    rc = dcm_parser_tree(p, &all, arena, ds, err);
    dcm_parser_free(p);
    return rc;
}
