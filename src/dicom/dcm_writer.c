/* dcm_writer.c: a tree out. Where a length must be known before its content, the content is
 * measured first: a walk without output, which costs little as values are not touched. */
#include "dcm_writer.h"

#include "dcm_deflate.h"
#include "dcm_wire.h"

#define LENGTH_UNDEFINED 0xffffffffU

struct writer {
    struct dcm_wire                 wire;
    const struct dcm_write_options *options;
    size_t                          depth;
    /* The value that the caller's bulk function is writing. */
    uint64_t bulk_left;
    size_t   bulk_unit; /* over 1: turn numbers round */
    uint8_t  carry[8];
    size_t   carry_len;
};

static bool keep_out(const struct writer *w, const struct dcm_element *el)
{
    return w->options->skip_group_lengths && (el->tag & 0xffff) == 0;
}

static bool is_undefined(const struct writer *w, bool as_read)
{
    if (w->options->lengths == DCM_LENGTHS_KEEP)
        return as_read;
    return w->options->lengths == DCM_LENGTHS_UNDEFINED;
}

static bool holds_un(const struct dcm_element *el)
{
    return el->wire_vr[0] == 'U' && el->wire_vr[1] == 'N';
}

/* Items under UN are implicit VR LE, whatever is around them.   PS3.5 §6.2.2 */
static struct dcm_form_of items_form(struct dcm_form_of form, const struct dcm_element *el)
{
    if (form.implicit || !holds_un(el))
        form.implicit |= !form.implicit && el->header == DCM_HEADER_IMPLICIT;
    else
        form = (struct dcm_form_of){ .implicit = true };
    return form;
}

static struct dcm_head_out head_of(const struct dcm_element *el, uint32_t bytes)
{
    return (struct dcm_head_out){ .tag      = el->tag,
                                  .vr       = (enum dcm_vr)el->vr,
                                  .wire_vr  = { el->wire_vr[0], el->wire_vr[1] },
                                  .header   = el->header,
                                  .reserved = el->reserved,
                                  .bytes    = bytes };
}

/* ---- measuring -------------------------------------------------------------------------------- */

static uint64_t data_set_bytes(const struct writer *w, const struct dcm_dataset *ds,
                               struct dcm_form_of form, size_t depth);

static uint64_t sequence_bytes(const struct writer *w, const struct dcm_element *el,
                               struct dcm_form_of form, size_t depth)
{
    uint64_t n = 0;

    if (depth > DCM_DEPTH_MAX) /* write_sequence refuses it */
        return 0;
    for (size_t i = 0; i < el->item_count; i++)
        n += 8 + data_set_bytes(w, &el->items[i], form, depth) +
             (is_undefined(w, el->items[i].undefined_length) ? 8 : 0);
    return n;
}

static uint64_t data_set_bytes(const struct writer *w, const struct dcm_dataset *ds,
                               struct dcm_form_of form, size_t depth)
{
    uint64_t n = 0;

    for (size_t i = 0; i < ds->count; i++) {
        const struct dcm_element *el        = &ds->element[i];
        uint64_t                  value     = el->bytes;
        bool                      undefined = el->form == DCM_FORM_FRAGMENTS;
        struct dcm_head_out       head;

        if (keep_out(w, el))
            continue;
        if (el->form == DCM_FORM_VALUE)
            value = el->value.len;
        if (el->form == DCM_FORM_SEQUENCE) {
            undefined = is_undefined(w, el->undefined_length);
            value     = sequence_bytes(w, el, items_form(form, el), depth + 1);
        }
        head = head_of(el, undefined            ? LENGTH_UNDEFINED
                           : value > UINT32_MAX ? UINT32_MAX - 1
                                                : (uint32_t)value);
        n += dcm_wire_head_bytes(form, &head) + value + (undefined ? 8 : 0);
    }
    return n;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static int fail(struct writer *w, int code, dcm_tag tag, const char *what)
{
    if (w->wire.failed == ISO_OK)
        w->wire.failed = iso_fail(w->wire.err, code, DCM_TAG_FMT ": %s", DCM_TAG_ARG(tag), what);
    return w->wire.failed;
}

/* The sink that the caller's bulk function sees: counts, and turns numbers round. */
static int bulk_write(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct writer *w     = ctx;
    const uint8_t *bytes = ptr;

    if (len > w->bulk_left)
        return iso_fail(err, ISO_EINVAL, "more bytes than were announced");
    w->bulk_left -= len;
    if (w->bulk_unit > 1) {
        while (len > 0 && w->carry_len > 0) { /* the number that the last piece began */
            w->carry[w->carry_len++] = *bytes++;
            len--;
            if (w->carry_len == w->bulk_unit) {
                dcm_wire_swapped(&w->wire, iso_bytes_of(w->carry, w->bulk_unit), w->bulk_unit);
                w->carry_len = 0;
            }
        }
        size_t whole = len / w->bulk_unit * w->bulk_unit;

        dcm_wire_swapped(&w->wire, iso_bytes_of(bytes, whole), w->bulk_unit);
        for (size_t i = whole; i < len; i++)
            w->carry[w->carry_len++] = bytes[i];
    } else {
        dcm_wire_bytes(&w->wire, bytes, len);
    }
    return w->wire.failed;
}

static int write_bulk(struct writer *w, const struct dcm_element *el, size_t unit)
{
    struct iso_sink sink = { bulk_write, w };
    int             rc;

    if (w->options->bulk == NULL)
        return fail(w, ISO_EINVAL, el->tag, "its value is not here");
    w->bulk_left = el->bytes;
    w->bulk_unit = unit;
    w->carry_len = 0;
    rc           = w->options->bulk(w->options->ctx, el, sink, w->wire.err);
    if (rc < 0) {
        w->wire.failed = w->wire.failed < 0 ? w->wire.failed : rc;
        return rc;
    }
    dcm_wire_bytes(&w->wire, w->carry, w->carry_len); /* half a number at the end stays as it is */
    if (w->bulk_left > 0)
        return fail(w, ISO_EINVAL, el->tag, "fewer bytes than were announced");
    return w->wire.failed;
}

static void write_data_set(struct writer *w, const struct dcm_dataset *ds, struct dcm_form_of form);

static void write_sequence(struct writer *w, const struct dcm_element *el, struct dcm_form_of form)
{
    struct dcm_form_of  inner     = items_form(form, el);
    bool                undefined = is_undefined(w, el->undefined_length);
    uint64_t            bytes     = undefined ? 0 : sequence_bytes(w, el, inner, w->depth + 1);
    struct dcm_head_out head      = head_of(el, undefined ? LENGTH_UNDEFINED : (uint32_t)bytes);

    if (w->depth == DCM_DEPTH_MAX || bytes >= LENGTH_UNDEFINED) {
        (void)fail(w, ISO_ELIMIT, el->tag,
                   bytes >= LENGTH_UNDEFINED ? "too long for its length field" : "nested too deep");
        return;
    }
    w->depth++;
    dcm_wire_head(&w->wire, form, &head);
    for (size_t i = 0; i < el->item_count && w->wire.failed == ISO_OK; i++) {
        const struct dcm_dataset *item = &el->items[i];
        bool                      open = is_undefined(w, item->undefined_length);

        dcm_wire_item(&w->wire, inner.big_endian, DCM_ITEM,
                      open ? LENGTH_UNDEFINED : (uint32_t)data_set_bytes(w, item, inner, w->depth));
        write_data_set(w, item, inner);
        if (open)
            dcm_wire_item(&w->wire, inner.big_endian, DCM_ITEM_DELIMITATION, 0);
    }
    if (undefined)
        dcm_wire_item(&w->wire, inner.big_endian, DCM_SEQUENCE_DELIMITATION, 0);
    w->depth--;
}

static void write_element(struct writer *w, const struct dcm_element *el, struct dcm_form_of form)
{
    bool                fragments = el->form == DCM_FORM_FRAGMENTS;
    uint64_t            bytes     = el->form == DCM_FORM_VALUE ? el->value.len : el->bytes;
    size_t              unit      = 1;
    struct dcm_head_out head;

    if (el->form == DCM_FORM_SEQUENCE) {
        write_sequence(w, el, form);
        return;
    }
    if (bytes >= LENGTH_UNDEFINED && !fragments) {
        (void)fail(w, ISO_ELIMIT, el->tag, "too long for its length field");
        return;
    }
    head = head_of(el, fragments ? LENGTH_UNDEFINED : (uint32_t)bytes);
    if (form.big_endian && !fragments && !holds_un(el))
        unit = dcm_vr_info(el->vr)->unit_bytes;
    dcm_wire_head(&w->wire, form, &head);
    if (el->form == DCM_FORM_VALUE)
        dcm_wire_swapped(&w->wire, el->value, unit);
    else if (write_bulk(w, el, unit) == ISO_OK && fragments)
        dcm_wire_item(&w->wire, form.big_endian, DCM_SEQUENCE_DELIMITATION, 0);
}

static void write_data_set(struct writer *w, const struct dcm_dataset *ds, struct dcm_form_of form)
{
    for (size_t i = 0; i < ds->count && w->wire.failed == ISO_OK; i++)
        if (!keep_out(w, &ds->element[i]))
            write_element(w, &ds->element[i], form);
}

static int write_plain(const struct dcm_dataset *ds, const struct dcm_syntax *syntax,
                       const struct dcm_write_options *options, struct iso_sink sink,
                       struct iso_err *err)
{
    struct dcm_form_of form = { !syntax->explicit_vr, syntax->big_endian };
    struct writer      w    = { .options = options };

    w.wire.sink = sink;
    w.wire.err  = err;
    write_data_set(&w, ds, form);
    return dcm_wire_flush(&w.wire);
}

int dcm_write(const struct dcm_dataset *ds, const struct dcm_syntax *syntax,
              const struct dcm_write_options *options, struct iso_sink sink, struct iso_err *err)
{
    static const struct dcm_write_options keep = { 0 };
    struct dcm_deflate                   *deflate;
    int                                   rc;

    if (options == NULL)
        options = &keep;
    if (!syntax->deflated)
        return write_plain(ds, syntax, options, sink, err);
    rc = dcm_deflate_new(&deflate, sink, err);
    if (rc < 0)
        return rc;
    rc = write_plain(ds, syntax, options, dcm_deflate_sink(deflate), err);
    if (rc == ISO_OK)
        rc = dcm_deflate_finish(deflate, err);
    dcm_deflate_free(deflate);
    return rc;
}
