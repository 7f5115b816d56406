/* dcm_recode.c: one transfer syntax in, another out, an event at a time. */
#include "dcm_deflate.h"
#include "dcm_wire.h"
#include "dcm_writer.h"

#define LENGTH_UNDEFINED 0xffffffffU

enum { CHUNK_BYTES = 16 << 10 }; /* a multiple of every unit */

struct recoder {
    struct dcm_parser      *from;
    struct dcm_wire         wire;
    struct dcm_form_of      form;
    bool                    from_big;
    const struct dcm_edits *edits; /* NULL: none */
    size_t                  put;   /* how many of edits->put are written */
};

/* The value, number by number if the byte order changes. */
static int copy_value(struct recoder *r, size_t unit, struct iso_err *err)
{
    uint8_t chunk[CHUNK_BYTES];
    size_t  len = 0;
    int64_t got;

    while ((got = dcm_parser_read(r->from, chunk + len, sizeof chunk - len, err)) > 0) {
        size_t whole;

        len += (size_t)got;
        whole = len / unit * unit;
        dcm_wire_swapped(&r->wire, iso_bytes_of(chunk, whole), unit);
        for (size_t i = whole; i < len; i++) /* half a number: its other half comes next */
            chunk[i - whole] = chunk[i];
        len -= whole;
    }
    dcm_wire_bytes(&r->wire, chunk, len);
    return got < 0 ? (int)got : r->wire.failed;
}

/* Odd lengths are read, but never written.   PS3.5 §7.1.1 */
static uint32_t even(uint64_t bytes)
{
    return (uint32_t)(bytes + (bytes & 1));
}

static int copy_even(struct recoder *r, const struct dcm_position *at, size_t unit, char pad,
                     struct iso_err *err)
{
    int rc = copy_value(r, unit, err);

    if (rc == ISO_OK && (at->bytes & 1) != 0)
        dcm_wire_bytes(&r->wire, &pad, 1);
    return rc < 0 ? rc : r->wire.failed;
}

static int recode_element(struct recoder *r, const struct dcm_position *at, struct iso_err *err)
{
    struct dcm_head_out head = { .tag = at->tag, .vr = at->vr, .bytes = even(at->bytes) };
    size_t              unit = 1;

    if ((at->tag & 0xffff) == 0)
        return ISO_OK; /* a group length: passed over, it is not true any more */
    if (r->from_big != r->form.big_endian && at->wire_vr[0] != 'U')
        unit = dcm_vr_info(at->vr)->unit_bytes;
    dcm_wire_head(&r->wire, r->form, &head);
    return copy_even(r, at, unit, dcm_vr_info(at->vr)->pad, err);
}

static int recode_event(struct recoder *r, const struct dcm_position *at, struct iso_err *err)
{
    struct dcm_head_out head = { .tag = at->tag, .vr = at->vr, .bytes = LENGTH_UNDEFINED };
    bool                big  = r->form.big_endian;

    switch (at->event) {
    case DCM_EV_ELEMENT:
        return recode_element(r, at, err);
    case DCM_EV_SEQUENCE:
    case DCM_EV_FRAGMENTS:
        dcm_wire_head(&r->wire, r->form, &head);
        break;
    case DCM_EV_ITEM:
        dcm_wire_item(&r->wire, big, DCM_ITEM, LENGTH_UNDEFINED);
        break;
    case DCM_EV_ITEM_END:
        dcm_wire_item(&r->wire, big, DCM_ITEM_DELIMITATION, 0);
        break;
    case DCM_EV_SEQUENCE_END:
    case DCM_EV_FRAGMENTS_END:
        dcm_wire_item(&r->wire, big, DCM_SEQUENCE_DELIMITATION, 0);
        break;
    case DCM_EV_FRAGMENT:
        dcm_wire_item(&r->wire, big, DCM_ITEM, even(at->bytes));
        return copy_even(r, at, 1, 0, err);
    case DCM_EV_END:
        return ISO_EEND;
    }
    return r->wire.failed;
}

/* ---- with changes ---- */

static int wire_write(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct dcm_wire *wire = ctx;

    (void)err;
    dcm_wire_bytes(wire, ptr, len);
    return wire->failed;
}

/* The elements to put whose place is before `tag`, or is tag. */
static int put_up_to(struct recoder *r, dcm_tag tag, struct iso_err *err)
{
    static const struct dcm_write_options options = { .lengths = DCM_LENGTHS_UNDEFINED };
    const struct dcm_dataset             *put     = r->edits->put;
    const struct dcm_syntax              *syntax  = r->form.implicit     ? DCM_IMPLICIT_LE
                                                    : r->form.big_endian ? DCM_EXPLICIT_BE
                                                                         : DCM_EXPLICIT_LE;
    int                                   rc      = ISO_OK;

    for (; rc == ISO_OK && put != NULL && r->put < put->count && put->element[r->put].tag <= tag;
         r->put++) {
        struct dcm_dataset one = *put;

        one.element = &put->element[r->put];
        one.count   = 1;
        rc = dcm_write(&one, syntax, &options, (struct iso_sink){ wire_write, &r->wire }, err);
    }
    return rc;
}

static bool is_dropped(const struct dcm_edits *edits, dcm_tag tag)
{
    for (size_t i = 0; i < edits->drop_count; i++)
        if (edits->drop[i] == tag)
            return true;
    return edits->put != NULL && dcm_get(edits->put, tag) != NULL;
}

static bool is_pixels(const struct dcm_position *at)
{
    return at->depth == 0 && (at->tag == DCM_PIXEL_DATA || at->tag == DCM_FLOAT_PIXEL_DATA ||
                              at->tag == DCM_DOUBLE_FLOAT_PIXEL_DATA);
}

/* Passes over what `at` began. */
static int skip(struct recoder *r, const struct dcm_position *at, struct iso_err *err)
{
    const bool   fragments = at->event == DCM_EV_FRAGMENTS;
    const size_t depth     = at->depth;
    bool         nested    = fragments || at->event == DCM_EV_SEQUENCE;
    int          rc        = ISO_OK;

    while (nested && rc == ISO_OK && (rc = dcm_parser_next(r->from, &at, err)) == ISO_OK)
        nested = fragments ? at->event != DCM_EV_FRAGMENTS_END
                           : at->event != DCM_EV_SEQUENCE_END || at->depth > depth;
    return rc;
}

static int recode_edited(struct recoder *r, const struct dcm_position *at, struct iso_err *err)
{
    bool begins = at->event == DCM_EV_ELEMENT || at->event == DCM_EV_SEQUENCE;

    if (at->event == DCM_EV_FRAGMENTS)
        return iso_fail(err, ISO_EUNSUPPORTED, "compressed pixels in " DCM_TAG_FMT,
                        DCM_TAG_ARG(at->tag));
    if (!begins || at->depth > 0)
        return recode_event(r, at, err);
    int rc = put_up_to(r, at->tag, err);
    if (rc < 0)
        return rc;
    return is_dropped(r->edits, at->tag) ? skip(r, at, err) : recode_event(r, at, err);
}

int dcm_recode_edited(struct dcm_parser *from, const struct dcm_syntax *from_syntax,
                      const struct dcm_syntax *to, const struct dcm_edits *edits,
                      struct iso_sink sink, struct dcm_position *end, struct iso_err *err)
{
    struct recoder r = { .from = from, .from_big = from_syntax->big_endian, .edits = edits };
    const struct dcm_position *at = NULL;
    int                        rc;

    if (to->deflated)
        return iso_fail(err, ISO_EINVAL, "a deflated stream cannot be written in parts");
    r.form      = (struct dcm_form_of){ !to->explicit_vr, to->big_endian };
    r.wire.sink = sink;
    r.wire.err  = err;
    while ((rc = dcm_parser_next(from, &at, err)) == ISO_OK && at->event != DCM_EV_END) {
        if ((at->event == DCM_EV_ELEMENT || at->event == DCM_EV_FRAGMENTS) && is_pixels(at))
            break;
        rc = recode_edited(&r, at, err);
        if (rc < 0)
            break;
    }
    if (rc == ISO_OK)
        rc = put_up_to(&r, UINT32_MAX, err);
    if (rc == ISO_OK)
        rc = dcm_wire_flush(&r.wire);
    if (rc == ISO_OK)
        *end = *at;
    return rc;
}

/* ---- with a filter ---- */

static int replace(struct recoder *r, const struct dcm_position *at, enum dcm_vr vr,
                   iso_bytes value, struct iso_err *err)
{
    const struct dcm_head_out head = { .tag = at->tag, .vr = vr, .bytes = even(value.len) };
    const char                pad  = dcm_vr_info(vr)->pad;
    int                       rc   = skip(r, at, err);

    dcm_wire_head(&r->wire, r->form, &head);
    dcm_wire_bytes(&r->wire, value.ptr, value.len);
    if ((value.len & 1) != 0)
        dcm_wire_bytes(&r->wire, &pad, 1);
    return rc < 0 ? rc : r->wire.failed;
}

static int recode_filtered(struct recoder *r, const struct dcm_filter *filter,
                           const struct dcm_position *at, struct iso_err *err)
{
    enum dcm_verdict verdict = DCM_KEEP;
    enum dcm_vr      vr      = at->vr;
    iso_bytes        value   = { 0 };
    int              rc      = ISO_OK;

    if (at->event != DCM_EV_ELEMENT && at->event != DCM_EV_SEQUENCE &&
        at->event != DCM_EV_FRAGMENTS)
        return recode_event(r, at, err);
    if (at->depth == 0)
        rc = put_up_to(r, at->tag, err);
    if (rc == ISO_OK && at->depth == 0 && is_dropped(r->edits, at->tag))
        return skip(r, at, err);
    if (rc == ISO_OK)
        rc = filter->judge(filter->ctx, r->from, at, &verdict, &vr, &value, err);
    if (rc < 0)
        return rc;
    switch (verdict) {
    case DCM_KEEP:
        return recode_event(r, at, err);
    case DCM_DROP:
        return skip(r, at, err);
    case DCM_REPLACE:
        return replace(r, at, vr, value, err);
    }
    return ISO_EINVAL;
}

static int recode_all_filtered(struct recoder *r, const struct dcm_filter *filter,
                               struct iso_err *err)
{
    const struct dcm_position *at = NULL;
    int                        rc;

    while ((rc = dcm_parser_next(r->from, &at, err)) == ISO_OK && at->event != DCM_EV_END) {
        rc = recode_filtered(r, filter, at, err);
        if (rc < 0)
            return rc;
    }
    if (rc == ISO_OK)
        rc = put_up_to(r, UINT32_MAX, err);
    return rc == ISO_OK ? dcm_wire_flush(&r->wire) : rc;
}

int dcm_recode_filtered(struct dcm_parser *from, const struct dcm_syntax *from_syntax,
                        const struct dcm_syntax *to, const struct dcm_filter *filter,
                        struct iso_sink sink, struct iso_err *err)
{
    const struct dcm_edits edits = { .put = filter->put };
    struct recoder r = { .from = from, .from_big = from_syntax->big_endian, .edits = &edits };

    if (to->big_endian || to->deflated || from_syntax->encapsulated != to->encapsulated)
        return iso_fail(err, ISO_EINVAL, "not from %s to %s", from_syntax->name, to->name);
    r.form      = (struct dcm_form_of){ !to->explicit_vr, to->big_endian };
    r.wire.sink = sink;
    r.wire.err  = err;
    return recode_all_filtered(&r, filter, err);
}

/* ---- everything ---- */

static int recode_plain(struct dcm_parser *from, const struct dcm_syntax *from_syntax,
                        const struct dcm_syntax *to, struct iso_sink sink, struct iso_err *err)
{
    struct recoder             r  = { .from = from, .from_big = from_syntax->big_endian };
    const struct dcm_position *at = NULL;
    int                        rc;

    r.form      = (struct dcm_form_of){ !to->explicit_vr, to->big_endian };
    r.wire.sink = sink;
    r.wire.err  = err;
    do {
        rc = dcm_parser_next(from, &at, err);
        if (rc == ISO_OK)
            rc = recode_event(&r, at, err);
    } while (rc == ISO_OK);
    return rc == ISO_EEND ? dcm_wire_flush(&r.wire) : rc;
}

int dcm_recode(struct dcm_parser *from, const struct dcm_syntax *from_syntax,
               const struct dcm_syntax *to, struct iso_sink sink, struct iso_err *err)
{
    struct dcm_deflate *deflate;
    int                 rc;

    if (from_syntax != to && (from_syntax->encapsulated || to->encapsulated))
        return iso_fail(err, ISO_EUNSUPPORTED, "from %s to %s the pixels would have to be recoded",
                        from_syntax->name, to->name);
    if (!to->deflated)
        return recode_plain(from, from_syntax, to, sink, err);
    rc = dcm_deflate_new(&deflate, sink, err);
    if (rc < 0)
        return rc;
    rc = recode_plain(from, from_syntax, to, dcm_deflate_sink(deflate), err);
    if (rc == ISO_OK)
        rc = dcm_deflate_finish(deflate, err);
    dcm_deflate_free(deflate);
    return rc;
}
