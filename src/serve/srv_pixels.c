/* srv_pixels.c: most frames are ranges of the stored file. Three kinds are not, and are made in
 * memory: big endian samples are swapped, deflated streams inflated, bits brought to byte bounds. */
#include "srv_pixels.h"

#include "dcm_parser.h"
#include "iso_reader.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    VR_AND_LENGTH = 8
}; /* before the value of an explicit VR element with long data: PS3.5 §7.1.2 */

const struct dcm_syntax *srv_frame_syntax(const struct arc_instance *instance)
{
    const struct dcm_syntax *stored = dcm_syntax_or_default(instance->transfer_syntax_uid);

    return stored->encapsulated ? stored : DCM_EXPLICIT_LE;
}

static void swap_units(uint8_t *p, size_t bytes, size_t unit)
{
    for (size_t at = 0; unit > 1 && at + unit <= bytes; at += unit) {
        for (size_t i = 0; i < unit / 2; i++) {
            uint8_t first        = p[at + i];
            p[at + i]            = p[at + unit - 1 - i];
            p[at + unit - 1 - i] = first;
        }
    }
}

static uint8_t *request_memory(struct http_request *req, uint64_t bytes, int *rc,
                               struct iso_err *err)
{
    uint8_t *p = NULL;

    if (bytes > SRV_VALUE_BYTES_MAX)
        *rc = iso_fail(err, ISO_ELIMIT, "a value of %llu bytes cannot be converted here",
                       (unsigned long long)bytes);
    else if ((p = malloc(bytes > 0 ? (size_t)bytes : 1)) == NULL)
        *rc = iso_fail(err, ISO_ENOMEM, "out of memory");
    else if ((*rc = iso_arena_defer(http_arena(req), free, p)) < 0)
        p = NULL; /* the arena has freed it */
    return p;
}

/* Bytes of the object's file, checked against its length. */
static int read_file(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
                     uint64_t offset, uint64_t bytes, uint8_t **out, struct iso_err *err)
{
    int                rc;
    struct arc_object *object = srv_object_open(req, web, inst, &rc, err);

    if (rc < 0)
        return rc;
    if (offset > object->bytes || bytes > object->bytes - offset)
        return iso_fail(err, ISO_EFORMAT, "the stored object ends early");
    uint8_t *p = request_memory(req, bytes, &rc, err);
    if (rc == ISO_OK)
        rc = os_read_exact_at(object->fd, p, (size_t)bytes, object->offset + offset, err);
    if (rc == ISO_OK)
        *out = p;
    return rc;
}

/* The value of a deflated object that begins at `offset` of the inflated stream, at any depth. */
static int inflate_value(struct http_request *req, struct srv_web *web,
                         const struct arc_instance *inst, uint64_t offset, iso_bytes *out,
                         struct iso_err *err)
{
    struct dcm_parser         *parser = NULL;
    const struct dcm_position *at;
    int                        rc;
    struct arc_object         *object = srv_object_open(req, web, inst, &rc, err);

    if (rc < 0)
        return rc;
    struct srv_range_source range = { object->fd, object->offset + inst->data_offset,
                                      object->bytes - inst->data_offset };
    rc                            = dcm_parser_new(&parser, srv_range_source(&range),
                                                   dcm_syntax_or_default(inst->transfer_syntax_uid), inst->data_offset, err);
    while (rc == ISO_OK && (rc = dcm_parser_next(parser, &at, err)) == ISO_OK)
        if (at->event == DCM_EV_ELEMENT && at->value_offset == offset)
            break;
    if (rc == ISO_EEND)
        rc = iso_fail(err, ISO_ENOENT, "the object has no such element");
    if (rc == ISO_OK)
        rc = dcm_parser_value(parser, SRV_VALUE_BYTES_MAX, http_arena(req), out, err);
    dcm_parser_free(parser);
    return rc;
}

int srv_value(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
              const struct dcm_element *el, struct http_span *span, struct iso_err *err)
{
    const struct dcm_syntax *syntax = dcm_syntax_or_default(inst->transfer_syntax_uid);
    size_t                   unit   = dcm_vr_info((enum dcm_vr)el->vr)->unit_bytes;
    iso_bytes                value;
    uint8_t                 *copy;
    int                      rc;

    if (el->form == DCM_FORM_VALUE) {
        value = iso_arena_bytes(http_arena(req), el->value);
        if (value.ptr == NULL)
            return iso_arena_fail(http_arena(req), err);
        *span = http_span_memory(value);
        return ISO_OK;
    }
    if (el->form != DCM_FORM_BULK)
        return iso_fail(err, ISO_EUNSUPPORTED, "this element is not one value");
    if (syntax->deflated) {
        rc = inflate_value(req, web, inst, el->offset, &value, err);
        if (rc == ISO_OK)
            *span = http_span_memory(value);
        return rc;
    }
    if (syntax->big_endian && unit > 1) {
        rc = read_file(req, web, inst, el->offset, el->bytes, &copy, err);
        if (rc < 0)
            return rc;
        swap_units(copy, (size_t)el->bytes, unit);
        *span = http_span_memory(iso_bytes_of(copy, (size_t)el->bytes));
        return ISO_OK;
    }
    struct arc_object *object = srv_object_open(req, web, inst, &rc, err);
    if (rc < 0)
        return rc;
    if (el->offset > object->bytes || el->bytes > object->bytes - el->offset)
        return iso_fail(err, ISO_EFORMAT, "the stored object ends early");
    *span = http_span_file(object->fd, object->offset + el->offset, el->bytes);
    return ISO_OK;
}

/* Item headers are read one by one; the offset table, the first item, is left out.  PS3.5 §A.4 */
int srv_fragments(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
                  const struct dcm_element *el, struct http_span **spans, size_t *count,
                  struct iso_err *err)
{
    struct iso_arena *arena = http_arena(req);
    struct http_span *list  = NULL;
    size_t            n     = 0;
    size_t            cap   = 0;
    int               rc;

    if (el->form != DCM_FORM_FRAGMENTS)
        return iso_fail(err, ISO_EUNSUPPORTED, "this element is not in fragments");
    struct arc_object *object = srv_object_open(req, web, inst, &rc, err);
    if (rc < 0)
        return rc;
    if (el->offset > object->bytes || el->bytes > object->bytes - el->offset)
        return iso_fail(err, ISO_EFORMAT, "the stored object ends early");
    for (uint64_t at = el->offset, end = el->offset + el->bytes, bytes; at < end; at += 8 + bytes) {
        uint8_t head[8];

        if (end - at < sizeof head)
            return iso_fail(err, ISO_EFORMAT, "a fragment ends early");
        rc = os_read_exact_at(object->fd, head, sizeof head, object->offset + at, err);
        if (rc < 0)
            return rc;
        struct iso_reader r       = iso_reader_of(iso_bytes_of(head, sizeof head));
        uint16_t          group   = iso_read_u16le(&r);
        uint16_t          element = iso_read_u16le(&r);
        bytes                     = iso_read_u32le(&r);
        if (group != 0xfffe || element != 0xe000 || bytes > end - at - sizeof head)
            return iso_fail(err, ISO_EFORMAT, "a fragment that is none");
        if (n == SRV_FRAGMENTS_MAX)
            return iso_fail(err, ISO_ELIMIT, "more than %d fragments", SRV_FRAGMENTS_MAX);
        if (n == cap && (list = iso_arena_grow(arena, list, n, n + 1, sizeof *list, &cap)) == NULL)
            return iso_arena_fail(arena, err);
        list[n++] = http_span_file(object->fd, object->offset + at + sizeof head, bytes);
    }
    if (n < 2)
        return iso_fail(err, ISO_EFORMAT, "there are no fragments");
    *spans = list + 1;
    *count = n - 1;
    return ISO_OK;
}

/* ---- frames that have to be made ---- */

static bool is_big_endian(const struct arc_instance *inst)
{
    return dcm_syntax_or_default(inst->transfer_syntax_uid)->big_endian;
}

/* All native pixel data in memory, little endian. */
static int native_pixels(struct http_request *req, struct srv_web *web,
                         const struct arc_instance *inst, iso_bytes *out, struct iso_err *err)
{
    const uint64_t head =
        is_big_endian(inst) && inst->pixel_offset >= VR_AND_LENGTH ? VR_AND_LENGTH : 0;
    uint8_t *copy;
    int      rc;

    if (inst->pixels == ARC_PIXELS_DEFLATED)
        return inflate_value(req, web, inst, inst->pixel_offset, out, err);
    rc = read_file(req, web, inst, inst->pixel_offset - head, inst->pixel_bytes + head, &copy, err);
    if (rc < 0)
        return rc;
    if (is_big_endian(inst)) /* bytes in an OW are in words as well, whose order is swapped */
        swap_units(copy + head, (size_t)inst->pixel_bytes,
                   inst->bits_allocated > 8                 ? inst->bits_allocated / 8
                   : head > 0 && memcmp(copy, "OW", 2) == 0 ? 2
                                                            : 1);
    *out = iso_bytes_of(copy + head, (size_t)inst->pixel_bytes);
    return ISO_OK;
}

/* Frame `index` of tightly packed samples, moved to begin at a byte.   PS3.5 §8.1.1 */
static int cut_frame(struct http_request *req, iso_bytes pixels, uint64_t bits, uint32_t index,
                     struct http_span *span, struct iso_err *err)
{
    uint64_t first = bits * index; /* cannot wrap: both come from 16-bit and 32-bit fields */
    uint64_t bytes = (bits + 7) / 8;
    unsigned shift = (unsigned)(first % 8);
    int      rc    = ISO_OK;

    if (first / 8 + (shift + bits + 7) / 8 > pixels.len)
        return iso_fail(err, ISO_EFORMAT, "pixel data ends before frame %u", index + 1);
    const uint8_t *from = pixels.ptr + first / 8;
    if (shift == 0 && bits % 8 == 0) {
        *span = http_span_memory(iso_bytes_of(from, (size_t)bytes));
        return ISO_OK;
    }
    uint8_t *to = request_memory(req, bytes, &rc, err);
    if (rc < 0)
        return rc;
    for (uint64_t i = 0; i < bytes; i++) {
        unsigned pair = from[i];
        if (shift > 0 && first / 8 + i + 1 < pixels.len)
            pair |= (unsigned)from[i + 1] << 8;
        to[i] = (uint8_t)(pair >> shift);
    }
    if (bits % 8 != 0)
        to[bytes - 1] &= (uint8_t)(0xff >> (8 - bits % 8));
    *span = http_span_memory(iso_bytes_of(to, (size_t)bytes));
    return ISO_OK;
}

static int made_frames(struct http_request *req, struct srv_web *web,
                       const struct arc_instance *inst, const uint32_t *numbers, size_t count,
                       struct srv_frame *out, struct iso_err *err)
{
    uint64_t  bits = (uint64_t)inst->rows * inst->columns * inst->samples * inst->bits_allocated;
    iso_bytes pixels;
    int       rc = ISO_OK;

    if (inst->frame_bytes > 0) /* less with halved chroma */
        bits = inst->frame_bytes * 8;
    if (bits == 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "the object does not say how large its frames are");
    if (bits > (uint64_t)SRV_VALUE_BYTES_MAX * 8)
        return iso_fail(err, ISO_ELIMIT, "frames of %llu bits", (unsigned long long)bits);
    rc = native_pixels(req, web, inst, &pixels, err);
    for (size_t i = 0; rc == ISO_OK && i < count; i++) {
        struct http_span *span   = iso_arena_alloc(http_arena(req), sizeof *span);
        uint32_t          number = numbers != NULL ? numbers[i] : (uint32_t)i + 1;

        if (span == NULL)
            return iso_arena_fail(http_arena(req), err);
        if (number < 1 || number > inst->frames)
            return iso_fail(err, ISO_EINVAL, "frame %u of %u", number, inst->frames);
        rc     = cut_frame(req, pixels, bits, number - 1, span, err);
        out[i] = (struct srv_frame){ span, 1, span->len };
    }
    return rc;
}

/* ---- frames as they lie in the file ---- */

static int file_frames(struct http_request *req, struct srv_web *web,
                       const struct arc_instance *inst, const uint32_t *numbers, size_t count,
                       struct srv_frame **out, size_t *found, struct iso_err *err)
{
    struct iso_arena *arena = http_arena(req);
    struct arc_frame *frame;
    int               rc = arc_frames(web->arc, inst, numbers, count, arena, &frame, found, err);

    if (rc < 0)
        return rc;
    struct arc_object *object = srv_object_open(req, web, inst, &rc, err);
    if (rc < 0)
        return rc;
    struct srv_frame *list = iso_arena_array(arena, *found, sizeof *list);
    if (list == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < *found; i++) {
        struct http_span *span = iso_arena_array(arena, frame[i].range_count, sizeof *span);
        if (span == NULL)
            return iso_arena_fail(arena, err);
        for (size_t r = 0; r < frame[i].range_count; r++)
            span[r] = http_span_file(object->fd, object->offset + frame[i].range[r].offset,
                                     frame[i].range[r].bytes);
        list[i] = (struct srv_frame){ span, frame[i].range_count, frame[i].bytes };
    }
    *out = list;
    return ISO_OK;
}

bool srv_frames_lie_there(const struct arc_instance *inst)
{
    return inst->pixels == ARC_PIXELS_NATIVE && inst->frame_bytes > 0 && !is_big_endian(inst);
}

int srv_frames(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
               const uint32_t *numbers, size_t count, struct srv_frame **out, size_t *found,
               struct iso_err *err)
{
    bool made =
        inst->pixels == ARC_PIXELS_DEFLATED ||
        (inst->pixels == ARC_PIXELS_NATIVE && (inst->frame_bytes == 0 || is_big_endian(inst)));

    if (inst->pixels == ARC_PIXELS_NONE)
        return iso_fail(err, ISO_ENOENT, "the object has no pixel data");
    if (!made)
        return file_frames(req, web, inst, numbers, count, out, found, err);
    if (numbers == NULL)
        count = inst->frames;
    struct srv_frame *list = iso_arena_array(http_arena(req), count, sizeof *list);
    if (list == NULL)
        return iso_arena_fail(http_arena(req), err);
    int rc = made_frames(req, web, inst, numbers, count, list, err);
    if (rc == ISO_OK) {
        *out   = list;
        *found = count;
    }
    return rc;
}
