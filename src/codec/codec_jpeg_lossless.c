/* codec_jpeg_lossless.c: lossless JPEG, the inside: predictors, differences.   ITU-T T.81 §H
 * All of process 14: every predictor, 2..16 bits, point transform, restart intervals, components in
 * one scan or in several. Components must be of one size, as DICOM has them.
 * A scan's bytes are freed of stuffing first, one restart interval at a time, and followed by zeros,
 * as many as one row can read: so the loop over a row checks nothing, and after the row it shows
 * whether it was there. */
#include "codec_jpeg_huff.h"

#include <stdlib.h>

enum { SYMBOL_MAX = 16 };

struct decoder {
    const struct jpeg_head   *head;
    const struct codec_image *frame;
    struct jpeg_tables        tables;
    struct jpeg_scan          scan;
    struct jpeg_lookup       *lookup; /* one a component of the scan */
    uint16_t                 *rows;   /* two in turn and a spare, columns x components each */
    uint8_t                  *data;   /* one restart interval */
    size_t                    pad;    /* zeros after it */
    const uint8_t            *data_end;
    struct jpeg_bits          bits;
    uint32_t                  interval;                     /* in MCUs, which are pixels; 0: none */
    bool                      scanned[JPEG_COMPONENTS_MAX]; /* had their scan */
    uint8_t                  *out;
};

/* ---- one row ---- */

/* A code that the table has not at once. Rare: it refills before and after. */
static int32_t difference_slow(struct jpeg_bits *b, const struct jpeg_lookup *lookup)
{
    jpeg_bits_refill(b);
    uint32_t entry  = jpeg_lookup_slow(lookup, (uint32_t)(b->acc >> 48));
    unsigned length = entry >> 8 & 0xff;
    unsigned size   = entry & 0xff;
    int32_t  value  = 32768;

    if (length == JPEG_BAD_CODE)
        value = 0;
    else if (size != 16)
        value = jpeg_extend(b->acc << length, size);
    jpeg_bits_skip(b, entry >> 16);
    jpeg_bits_refill(b);
    return value;
}

/* The next difference of at most 26 bits; two of them for one refill. */
static inline __attribute__((always_inline)) int32_t difference(struct jpeg_bits         *b,
                                                                const struct jpeg_lookup *lookup)
{
    uint32_t entry = lookup->fast[b->acc >> (64 - JPEG_LOOK_BITS)];

    if (__builtin_expect(entry == 0, 0)) {
        struct jpeg_bits copy  = *b; /* b stays in registers */
        int32_t          value = difference_slow(&copy, lookup);
        *b                     = copy;
        return value;
    }
    int32_t value = jpeg_extend(b->acc << (entry >> 8 & 0xff), entry & 0xff);
    jpeg_bits_skip(b, entry >> 16);
    return value;
}

/* One row of n components by pixel. left: what the first pixel is predicted as. n and predictor are
 * constants where it is called, so that each pair of them is a loop of its own. */
static inline __attribute__((always_inline)) void
decode_row(struct jpeg_bits *bits, const struct jpeg_lookup *lookup, const uint16_t *above,
           uint16_t *row, size_t columns, const uint16_t *left, unsigned n, unsigned predictor)
{
    struct jpeg_bits b = *bits;
    int32_t          a[JPEG_COMPONENTS_MAX];
    size_t           x = 0;

    for (unsigned i = 0; i < n; i++) {
        jpeg_bits_refill(&b);
        a[i]   = (left[i] + difference(&b, &lookup[i])) & 0xffff;
        row[i] = (uint16_t)a[i];
    }
    x = 1;
    if (n == 1) {
        for (; x + 1 < columns; x += 2) {
            jpeg_bits_refill(&b);
            int32_t p  = jpeg_predict(predictor, a[0], above[x], above[x - 1]);
            a[0]       = (p + difference(&b, lookup)) & 0xffff;
            row[x]     = (uint16_t)a[0];
            p          = jpeg_predict(predictor, a[0], above[x + 1], above[x]);
            a[0]       = (p + difference(&b, lookup)) & 0xffff;
            row[x + 1] = (uint16_t)a[0];
        }
    }
    for (; x < columns; x++) {
        for (unsigned i = 0; i < n; i++) {
            size_t  at = x * n + i;
            int32_t p  = jpeg_predict(predictor, a[i], above[at], above[at - n]);
            if (i % 2 == 0)
                jpeg_bits_refill(&b);
            a[i]    = (p + difference(&b, &lookup[i])) & 0xffff;
            row[at] = (uint16_t)a[i];
        }
    }
    *bits = b;
}

static inline __attribute__((always_inline)) void decode_row_by(struct decoder *d,
                                                                const uint16_t *above,
                                                                uint16_t *row, const uint16_t *left,
                                                                unsigned n, unsigned predictor)
{
    size_t columns = d->head->columns;

#define ROW(p) decode_row(&d->bits, d->lookup, above, row, columns, left, n, p)
    switch (predictor) {
    case 1:
        ROW(1);
        break;
    case 2:
        ROW(2);
        break;
    case 3:
        ROW(3);
        break;
    case 4:
        ROW(4);
        break;
    case 5:
        ROW(5);
        break;
    case 6:
        ROW(6);
        break;
    default:
        ROW(7);
        break;
    }
#undef ROW
}

/* T.81 §H.1.1, H.1.2.1: the first row of an interval is predicted from the left, from the middle of
 * the range at its start; other rows start from above. */
static void decode_any_row(struct decoder *d, const uint16_t *above, uint16_t *row, bool first)
{
    unsigned n      = d->scan.components;
    uint16_t middle = (uint16_t)(1u << (d->head->precision - d->scan.low - 1));
    uint16_t left[JPEG_COMPONENTS_MAX];

    for (unsigned i = 0; i < n; i++)
        left[i] = first ? middle : above[i];
    unsigned predictor = first ? 1 : d->scan.first;
    if (n == 1)
        decode_row_by(d, above, row, left, 1, predictor);
    else if (n == 3)
        decode_row_by(d, above, row, left, 3, predictor);
    else
        decode_row_by(d, above, row, left, n, predictor);
}

static void store_row(const struct decoder *d, const uint16_t *row, size_t y)
{
    const struct codec_image *frame   = d->frame;
    size_t                    unit    = codec_sample_bytes(frame);
    size_t                    columns = frame->columns;
    uint8_t                  *out     = d->out + y * columns * frame->samples * unit;
    unsigned                  n       = d->scan.components;
    bool                      aligned = n == frame->samples;

    for (unsigned i = 0; i < n; i++)
        aligned = aligned && d->scan.index[i] == i;
    if (d->scan.low > 0) {
        uint16_t *shifted = d->rows + 2 * columns * n;
        for (size_t i = 0; i < columns * n; i++)
            shifted[i] = (uint16_t)(row[i] << d->scan.low);
        row = shifted;
    }
    if (aligned) {
        jpeg_store(row, columns * n, 1, frame, d->head->precision, out, 1);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        jpeg_store(row + i, columns, n, frame, d->head->precision, out + d->scan.index[i] * unit,
                   frame->samples);
}

/* ---- one scan ---- */

static int scan_begin(struct decoder *d, iso_bytes body, struct iso_err *err)
{
    int rc = jpeg_scan_read(body, d->head, &d->scan, err);

    if (rc < 0)
        return rc;
    if (d->scan.first < 1 || d->scan.first > 7 || d->scan.low >= d->head->precision)
        return iso_fail(err, ISO_EFORMAT, "lossless JPEG with predictor %u, point transform %u",
                        d->scan.first, d->scan.low);
    if (d->interval % d->head->columns != 0)
        return iso_fail(err, ISO_EFORMAT, "lossless JPEG with a restart within a row");
    for (unsigned i = 0; rc == ISO_OK && i < d->scan.components; i++) {
        if (d->scanned[d->scan.index[i]])
            return iso_fail(err, ISO_EFORMAT, "lossless JPEG with two scans of a component");
        rc = jpeg_lookup_init(&d->lookup[i], &d->tables.of[0][d->scan.dc[i]], SYMBOL_MAX, err);
    }
    return rc;
}

static void interval_begin(struct decoder *d, struct iso_reader *r)
{
    size_t n = jpeg_unstuff(r, d->data);

    memset(d->data + n, 0, d->pad);
    d->data_end = d->data + n;
    d->bits     = (struct jpeg_bits){ .next = d->data };
}

/* *rows: how many were there. */
static int scan_rows(struct decoder *d, struct iso_reader *r, size_t *rows, struct iso_err *err)
{
    size_t   per_interval = d->interval / d->head->columns;
    size_t   width        = (size_t)d->head->columns * d->scan.components;
    unsigned restarts     = 0;

    interval_begin(d, r);
    for (size_t y = 0; y < d->head->rows; y++, *rows = y) {
        uint16_t *row   = d->rows + (y & 1) * width;
        uint16_t *above = d->rows + (~y & 1) * width;
        bool      first = per_interval > 0 ? y % per_interval == 0 : y == 0;

        if (first && y > 0) {
            struct jpeg_segment segment;
            if (!jpeg_segment_next(r, &segment) || segment.marker != JPEG_RST0 + (restarts++ & 7))
                return iso_fail(err, ISO_EFORMAT, "lossless JPEG: a restart is not there");
            interval_begin(d, r);
        }
        decode_any_row(d, above, row, first);
        if (jpeg_bits_over(&d->bits, d->data_end))
            return iso_fail(err, ISO_EFORMAT, "lossless JPEG ends in row %zu", y + 1);
        store_row(d, row, y);
    }
    return ISO_OK;
}

static void clear_rows(const struct decoder *d, unsigned component, size_t from)
{
    size_t   unit  = codec_sample_bytes(d->frame);
    size_t   step  = unit * d->frame->samples;
    size_t   width = d->frame->columns;
    uint8_t *out   = d->out + from * width * step + component * unit;

    for (size_t i = 0; i < (d->frame->rows - from) * width; i++, out += step)
        memset(out, 0, unit);
}

/* ---- the stream ---- */

/* *rows: of the component that has the most. */
static int run(struct decoder *d, iso_bytes in, size_t *rows, struct iso_err *err)
{
    struct iso_reader   r    = iso_reader_of(in);
    unsigned            left = d->head->components;
    struct jpeg_segment segment;
    int                 rc = ISO_OK;

    while (rc == ISO_OK && left > 0 && jpeg_segment_next(&r, &segment)) {
        if (segment.marker == JPEG_EOI)
            break;
        if (segment.marker == JPEG_DHT)
            rc = jpeg_tables_read(&d->tables, segment.body, err);
        else if (segment.marker == JPEG_DRI && segment.body.len >= 2)
            d->interval = iso_u16be(segment.body.ptr);
        if (segment.marker != JPEG_SOS)
            continue;
        rc = scan_begin(d, segment.body, err);
        if (rc < 0)
            break;
        size_t done = 0;
        rc          = scan_rows(d, &r, &done, err);
        for (unsigned i = 0; i < d->scan.components; i++, left--) {
            d->scanned[d->scan.index[i]] = true;
            if (done < d->head->rows)
                clear_rows(d, d->scan.index[i], done);
        }
        if (*rows < done)
            *rows = done;
    }
    if (rc == ISO_OK && left > 0)
        rc = iso_fail(err, ISO_EFORMAT, "lossless JPEG ends before its last scan");
    return rc;
}

int jpeg_lossless_decode(iso_bytes in, const struct jpeg_head *head, struct codec_image *frame,
                         uint8_t *out, struct iso_err *err)
{
    size_t         width = (size_t)head->columns * head->components;
    size_t         rows  = 0;
    struct decoder d     = { .head = head, .frame = frame, .out = out };
    int            rc;

    for (unsigned i = 1; i < head->components; i++)
        if (head->component[i].h != head->component[0].h ||
            head->component[i].v != head->component[0].v)
            return iso_fail(err, ISO_EUNSUPPORTED, "lossless JPEG with subsampled components");
    if (head->components > 1 && (head->component[0].h > 1 || head->component[0].v > 1))
        return iso_fail(err, ISO_EUNSUPPORTED, "lossless JPEG with sampling factors over 1");
    d.pad    = 4 * width + JPEG_BITS_PAD;
    d.lookup = malloc(head->components * sizeof *d.lookup);
    d.rows   = calloc(3 * width, sizeof *d.rows);
    d.data   = malloc(in.len + d.pad);
    if (d.lookup == NULL || d.rows == NULL || d.data == NULL) {
        rc = iso_fail(err, ISO_ENOMEM, "no memory for a JPEG frame");
    } else {
        rc = run(&d, in, &rows, err);
        for (unsigned i = 0; rc == ISO_EFORMAT && rows > 0 && i < head->components; i++)
            if (!d.scanned[i])
                clear_rows(&d, i, 0);
        frame->damaged = rc == ISO_EFORMAT && rows > 0;
    }
    free(d.data);
    free(d.rows);
    free(d.lookup);
    return rc;
}
