/* dcm_wire.c: PS3.5 §7.1: the three forms of an element header. */
#include "dcm_wire.h"

#include <string.h>

#include "iso_reader.h"

static void emit(struct dcm_wire *wire, const void *ptr, size_t len)
{
    if (wire->failed == ISO_OK && len > 0)
        wire->failed = wire->sink.write(wire->sink.ctx, ptr, len, wire->err);
}

int dcm_wire_flush(struct dcm_wire *wire)
{
    emit(wire, wire->buf, wire->len);
    wire->len = 0;
    return wire->failed;
}

void dcm_wire_bytes(struct dcm_wire *wire, const void *ptr, size_t len)
{
    if (len > sizeof wire->buf - wire->len)
        wire->failed = dcm_wire_flush(wire);
    if (len > sizeof wire->buf) { /* long values are not copied */
        emit(wire, ptr, len);
    } else if (len > 0) {
        memcpy(wire->buf + wire->len, ptr, len);
        wire->len += len;
    }
}

static void put_u16(uint8_t *out, bool big_endian, uint16_t v)
{
    if (big_endian)
        iso_put_u16be(out, v);
    else
        iso_put_u16le(out, v);
}

static void put_u32(uint8_t *out, bool big_endian, uint32_t v)
{
    if (big_endian)
        iso_put_u32be(out, v);
    else
        iso_put_u32le(out, v);
}

static void put_tag(uint8_t *out, bool big_endian, dcm_tag tag)
{
    put_u16(out, big_endian, (uint16_t)(tag >> 16));
    put_u16(out + 2, big_endian, (uint16_t)tag);
}

void dcm_wire_item(struct dcm_wire *wire, bool big_endian, dcm_tag tag, uint32_t bytes)
{
    uint8_t out[8];

    put_tag(out, big_endian, tag);
    put_u32(out + 4, big_endian, bytes);
    dcm_wire_bytes(wire, out, sizeof out);
}

/* The header as bytes; how many. */
static size_t encode(struct dcm_form_of form, const struct dcm_head_out *h, uint8_t out[12])
{
    bool big = form.big_endian;
    bool implicit =
        form.implicit ? h->header != DCM_HEADER_EXPLICIT : h->header == DCM_HEADER_IMPLICIT;
    const char *name    = dcm_vr_info(h->vr)->name;
    bool        is_long = dcm_vr_info(h->vr)->long_header;

    put_tag(out, big, h->tag);
    if (implicit) {
        put_u32(out + 4, big, h->bytes);
        return 8;
    }
    if (h->header == DCM_HEADER_SHORT || h->header == DCM_HEADER_LONG) {
        name    = h->wire_vr;
        is_long = h->header == DCM_HEADER_LONG;
    } else if (h->wire_vr[0] != '\0') {
        name    = h->wire_vr;
        is_long = dcm_vr_info(dcm_vr_of(name[0], name[1]))->long_header;
    }
    if (h->vr == DCM_VR_NONE || (!is_long && h->bytes > 0xffff)) {
        name    = "UN";
        is_long = true;
    }
    out[4] = (uint8_t)name[0];
    out[5] = (uint8_t)name[1];
    if (!is_long) {
        put_u16(out + 6, big, (uint16_t)h->bytes);
        return 8;
    }
    put_u16(out + 6, big, h->reserved);
    put_u32(out + 8, big, h->bytes);
    return 12;
}

void dcm_wire_head(struct dcm_wire *wire, struct dcm_form_of form, const struct dcm_head_out *h)
{
    uint8_t out[12];

    dcm_wire_bytes(wire, out, encode(form, h, out));
}

size_t dcm_wire_head_bytes(struct dcm_form_of form, const struct dcm_head_out *h)
{
    uint8_t out[12];

    return encode(form, h, out);
}

void dcm_wire_swapped(struct dcm_wire *wire, iso_bytes value, size_t unit)
{
    size_t whole = unit > 1 ? value.len / unit * unit : 0;

    for (size_t i = 0; i < whole; i += unit) {
        uint8_t turned[8];

        for (size_t j = 0; j < unit; j++)
            turned[j] = value.ptr[i + unit - 1 - j];
        dcm_wire_bytes(wire, turned, unit);
    }
    if (value.len > whole)
        dcm_wire_bytes(wire, value.ptr + whole, value.len - whole);
}
