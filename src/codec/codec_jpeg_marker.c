/* codec_jpeg_marker.c: the markers of a JPEG stream.   ITU-T T.81 §B */
#include "codec_jpeg_in.h"

#include <string.h>

enum { ADOBE_BYTES = 12 };

static bool has_length(uint8_t marker) /* T.81 table B.1: TEM, RSTm, SOI, EOI have none */
{
    return marker != 0x01 && !(marker >= JPEG_RST0 && marker <= JPEG_EOI);
}

bool jpeg_segment_next(struct iso_reader *r, struct jpeg_segment *segment)
{
    uint8_t marker = 0;

    while (marker == 0 || marker == 0xff) { /* 0: a stuffed byte of entropy-coded data */
        const uint8_t *at = iso_left(r) > 0 ? memchr(r->ptr, 0xff, iso_left(r)) : NULL;
        if (at == NULL)
            return false;
        iso_skip(r, (size_t)(at - r->ptr));
        while (iso_left(r) > 0 && *r->ptr == 0xff)
            iso_skip(r, 1);
        marker = iso_read_u8(r);
        if (!iso_reader_ok(r))
            return false;
    }
    *segment = (struct jpeg_segment){ .marker = marker };
    if (!has_length(marker))
        return true;
    uint16_t length = iso_read_u16be(r);
    if (length < 2)
        return false;
    segment->body = iso_read_bytes(r, length - 2u);
    return iso_reader_ok(r);
}

static bool is_sof(uint8_t marker) /* T.81 table B.1 */
{
    return marker >= 0xc0 && marker <= 0xcf && marker != JPEG_DHT && marker != 0xc8 &&
           marker != 0xcc;
}

static bool precision_is_right(const struct jpeg_head *head)
{
    if (head->process == JPEG_LOSSLESS)
        return head->precision >= 2 && head->precision <= 16;
    return head->precision == 8 || head->precision == 12;
}

static int read_frame_header(iso_bytes body, uint8_t marker, struct jpeg_head *head,
                             struct iso_err *err)
{
    struct iso_reader r = iso_reader_of(body);

    if (marker > JPEG_SOF0 + JPEG_LOSSLESS)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG of the kind SOF%d is not decoded here",
                        marker - JPEG_SOF0);
    head->process    = (enum jpeg_process)(marker - JPEG_SOF0);
    head->precision  = iso_read_u8(&r);
    head->rows       = iso_read_u16be(&r);
    head->columns    = iso_read_u16be(&r);
    head->components = iso_read_u8(&r);
    if (!iso_reader_ok(&r) || head->columns == 0 || head->components == 0)
        return iso_fail(err, ISO_EFORMAT, "the JPEG frame header is not complete");
    if (!precision_is_right(head))
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG of %u bits is not decoded here",
                        head->precision);
    if (head->components > JPEG_COMPONENTS_MAX)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG of %u components", head->components);
    for (unsigned i = 0; i < head->components; i++) {
        struct jpeg_component *c        = &head->component[i];
        uint8_t                sampling = 0;

        c->id        = iso_read_u8(&r);
        sampling     = iso_read_u8(&r);
        c->quantiser = iso_read_u8(&r) & 3;
        c->h         = sampling >> 4;
        c->v         = sampling & 15;
        if (iso_reader_ok(&r) && (c->h < 1 || c->h > 4 || c->v < 1 || c->v > 4))
            return iso_fail(err, ISO_EFORMAT, "JPEG sampling factors %02x", sampling);
    }
    if (!iso_reader_ok(&r))
        return iso_fail(err, ISO_EFORMAT, "the JPEG frame header is not complete");
    return ISO_OK;
}

/* The segment after the first scan, where the frame header left the rows open.   T.81 §B.2.5 */
static int read_rows(struct iso_reader r, struct jpeg_head *head, struct iso_err *err)
{
    struct jpeg_segment segment;

    while (jpeg_segment_next(&r, &segment)) {
        if (segment.marker >= JPEG_RST0 && segment.marker <= JPEG_RST7)
            continue;
        if (segment.marker == JPEG_DNL && segment.body.len >= 2) {
            head->rows      = iso_u16be(segment.body.ptr);
            head->rows_late = true;
        }
        break;
    }
    if (head->rows == 0)
        return iso_fail(err, ISO_EFORMAT, "the JPEG image does not say how many rows it has");
    return ISO_OK;
}

int jpeg_head_read(iso_bytes in, struct jpeg_head *out, struct iso_err *err)
{
    struct iso_reader   r    = iso_reader_of(in);
    struct jpeg_head    head = { .adobe = -1 };
    struct jpeg_segment segment;
    int                 rc;

    if (iso_read_u8(&r) != 0xff || iso_read_u8(&r) != JPEG_SOI)
        return iso_fail(err, ISO_EFORMAT, "the frame is not a JPEG image");
    while (jpeg_segment_next(&r, &segment)) {
        iso_bytes body = segment.body;

        if (segment.marker == JPEG_SOS && head.components > 0) {
            struct jpeg_scan scan = { .components = 0 };
            rc                    = jpeg_scan_read(body, &head, &scan, err);
            if (rc == ISO_OK && head.rows == 0)
                rc = read_rows(r, &head, err);
            if (rc < 0)
                return rc;
            head.predictor = scan.components == head.components ? scan.first : 0;
            *out           = head;
            return ISO_OK;
        }
        if (segment.marker == JPEG_SOS || segment.marker == JPEG_EOI || segment.marker == JPEG_SOI)
            break;
        if (is_sof(segment.marker)) {
            if (head.components > 0)
                return iso_fail(err, ISO_EFORMAT, "a second JPEG frame header");
            rc = read_frame_header(body, segment.marker, &head, err);
            if (rc < 0)
                return rc;
        } else if (segment.marker == JPEG_APP14 && body.len >= ADOBE_BYTES &&
                   memcmp(body.ptr, "Adobe", 5) == 0) {
            head.adobe = body.ptr[ADOBE_BYTES - 1];
        }
    }
    return iso_fail(err, ISO_EFORMAT, "the JPEG image ends or breaks before its first scan");
}

int jpeg_scan_read(iso_bytes body, const struct jpeg_head *head, struct jpeg_scan *out,
                   struct iso_err *err)
{
    struct iso_reader r                         = iso_reader_of(body);
    struct jpeg_scan  scan                      = { .components = iso_read_u8(&r) };
    bool              used[JPEG_COMPONENTS_MAX] = { false };

    if (scan.components == 0 || scan.components > head->components)
        return iso_fail(err, ISO_EFORMAT, "a JPEG scan of %u components", scan.components);
    for (unsigned i = 0; i < scan.components; i++) {
        uint8_t  id     = iso_read_u8(&r);
        uint8_t  tables = iso_read_u8(&r);
        unsigned c      = 0;

        while (c < head->components && (used[c] || head->component[c].id != id))
            c++;
        if (c == head->components)
            return iso_fail(err, ISO_EFORMAT, "a JPEG scan of a component that is not there");
        used[c]       = true;
        scan.index[i] = c;
        scan.dc[i]    = tables >> 4 & 3;
        scan.ac[i]    = tables & 3;
    }
    scan.first     = iso_read_u8(&r);
    scan.last      = iso_read_u8(&r);
    uint8_t approx = iso_read_u8(&r);
    scan.high      = approx >> 4;
    scan.low       = approx & 15;
    if (!iso_reader_ok(&r))
        return iso_fail(err, ISO_EFORMAT, "a JPEG scan header is not complete");
    *out = scan;
    return ISO_OK;
}

/* ---- samples ---- */

/* Two's complement of fewer bits than are allocated carries its sign up, as in uncompressed data. */
static bool extends_sign(const struct codec_image *frame, unsigned precision)
{
    return frame->is_signed && precision == frame->bits_stored && precision < frame->bits_allocated;
}

void jpeg_store(const uint16_t *row, size_t n, size_t row_step, const struct codec_image *frame,
                unsigned precision, uint8_t *out, size_t out_step)
{
    size_t unit = codec_sample_bytes(frame);

    if (unit == 2 && row_step == 1 && out_step == 1 && !extends_sign(frame, precision)) {
        for (size_t i = 0; i < n; i++) /* the usual one, a copy */
            iso_put_u16le(out + 2 * i, row[i]);
        return;
    }
    unsigned shift = extends_sign(frame, precision) ? 32 - precision : 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t v = row[row_step * i];
        if (shift > 0)
            v = (uint32_t)((int32_t)(v << shift) >> shift);
        if (unit == 1)
            out[out_step * i] = (uint8_t)v;
        else if (unit == 2)
            iso_put_u16le(out + 2 * out_step * i, (uint16_t)v);
        else
            iso_put_u32le(out + 4 * out_step * i, v);
    }
}

/* ---- writing ---- */

void jpeg_put_marker(struct iso_buf *out, uint8_t marker)
{
    (void)iso_buf_add_u8(out, 0xff);
    (void)iso_buf_add_u8(out, marker);
}

void jpeg_put_frame(struct iso_buf *out, const struct jpeg_head *head)
{
    jpeg_put_marker(out, (uint8_t)(JPEG_SOF0 + head->process));
    (void)iso_buf_add_u16be(out, (uint16_t)(8 + 3 * head->components));
    (void)iso_buf_add_u8(out, (uint8_t)head->precision);
    (void)iso_buf_add_u16be(out, (uint16_t)head->rows);
    (void)iso_buf_add_u16be(out, (uint16_t)head->columns);
    (void)iso_buf_add_u8(out, (uint8_t)head->components);
    for (unsigned i = 0; i < head->components; i++) {
        const struct jpeg_component *c = &head->component[i];
        (void)iso_buf_add_u8(out, c->id);
        (void)iso_buf_add_u8(out, (uint8_t)(c->h << 4 | c->v));
        (void)iso_buf_add_u8(out, c->quantiser);
    }
}

void jpeg_put_scan(struct iso_buf *out, const struct jpeg_head *head, const struct jpeg_scan *scan)
{
    jpeg_put_marker(out, JPEG_SOS);
    (void)iso_buf_add_u16be(out, (uint16_t)(6 + 2 * scan->components));
    (void)iso_buf_add_u8(out, (uint8_t)scan->components);
    for (unsigned i = 0; i < scan->components; i++) {
        (void)iso_buf_add_u8(out, head->component[scan->index[i]].id);
        (void)iso_buf_add_u8(out, (uint8_t)(scan->dc[i] << 4 | scan->ac[i]));
    }
    (void)iso_buf_add_u8(out, scan->first);
    (void)iso_buf_add_u8(out, scan->last);
    (void)iso_buf_add_u8(out, (uint8_t)(scan->high << 4 | scan->low));
}
