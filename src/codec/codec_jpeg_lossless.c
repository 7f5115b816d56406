/* codec_jpeg_lossless.c: lossless JPEG, the inside: predictors, differences.   ITU-T T.81 §H
 * All of process 14: every predictor, 2..16 bits, point transform, restart intervals, components in
 * one scan or in several. Components must be of one size, as DICOM has them.
 * A scan's bytes are freed of stuffing first, one restart interval at a time, and followed by zeros,
 * as many as one row can read: so the loop over a row checks nothing, and after the row it shows
 * whether it was there. */
#include "codec_jpeg_huff.h"

#include <stdlib.h>

enum {
    SYMBOL_MAX = 16,
    MANY       = 3, /* differences by one look-up, of as many bits together: */
    MANY_BITS  = 11,
    FEW_BITS   = 6
};

struct decoder {
    const struct jpeg_head   *head;
    const struct codec_image *frame;
    struct jpeg_tables        tables;
    struct jpeg_scan          scan;
    struct jpeg_lookup       *lookup;   /* one a component of the scan */
    bool                      alike;    /* all the same */
    bool                      few_bits; /* a sample: several by one look-up are likely */
    bool                      use_many; /* in this scan */
    uint64_t                 *many;     /* 1 << MANY_BITS */
    uint16_t                 *rows;     /* two in turn and a spare, columns x components each */
    uint8_t                  *data;     /* one restart interval */
    size_t                    pad;      /* zeros after it */
    const uint8_t            *data_end;
    struct jpeg_bits          bits;
    uint32_t                  interval;                     /* in MCUs, which are pixels; 0: none */
    bool                      scanned[JPEG_COMPONENTS_MAX]; /* had their scan */
    uint8_t                  *out;
};

/* ---- one row: its differences ---- */

/* A code that the table has not at once. Rare: it refills before and after. */
static int32_t difference_slow(struct jpeg_bits *b, const struct jpeg_lookup *lookup)
{
    jpeg_bits_refill(b);
    uint32_t entry  = jpeg_lookup_slow(lookup, (uint32_t)(b->acc >> 48));
    unsigned length = entry >> 8 & 0xff;
    unsigned size   = entry & 0xff;
    int32_t  value  = 32768;

    if (length == JPEG_BAD_CODE)
        b->bad = true;
    else if (size != 16)
        value = jpeg_extend(b->acc << length, size);
    jpeg_bits_skip(b, entry >> 16);
    jpeg_bits_refill(b);
    return value;
}

/* The next difference, of at most 26 bits: two of them for one refill. */
static inline __attribute__((always_inline)) uint16_t difference(struct jpeg_bits         *b,
                                                                 const struct jpeg_lookup *lookup)
{
    uint32_t entry = lookup->fast[b->acc >> (64 - JPEG_LOOK_BITS)];

    if (__builtin_expect(entry == 0, 0)) {
        struct jpeg_bits copy  = *b; /* b stays in registers */
        int32_t          value = difference_slow(&copy, lookup);
        *b                     = copy;
        return (uint16_t)value;
    }
    int32_t value = jpeg_extend(b->acc << (entry >> 8 & 0xff), entry & 0xff);
    jpeg_bits_skip(b, entry >> 16);
    return (uint16_t)value;
}

/* Pixels of n components, each with its table. */
static void differences(struct jpeg_bits *bits, const struct jpeg_lookup *lookup, size_t columns,
                        unsigned n, uint16_t *row)
{
    struct jpeg_bits b = *bits;

    for (size_t x = 0; x < columns; x++)
        for (unsigned i = 0; i < n; i++) {
            if (i % 2 == 0)
                jpeg_bits_refill(&b);
            *row++ = difference(&b, &lookup[i]);
        }
    *bits = b;
}

/* The same with one table for all. */
static void differences_alike(struct jpeg_bits *bits, const struct jpeg_lookup *lookup,
                              size_t count, uint16_t *row)
{
    struct jpeg_bits b = *bits;
    size_t           i = 0;

    for (; i + 1 < count; i += 2) {
        jpeg_bits_refill(&b);
        row[i]     = difference(&b, lookup);
        row[i + 1] = difference(&b, lookup);
    }
    if (i < count) {
        jpeg_bits_refill(&b);
        row[i] = difference(&b, lookup);
    }
    *bits = b;
}

/* ---- several differences at a time ---- */

/* What the next MANY_BITS bits begin with: up to three differences, 16 bits each, with zeros for
 * those that are not there, then how many bits they are, then how many they are. */
static void many_init(uint64_t many[1 << MANY_BITS], const struct jpeg_lookup *lookup)
{
    for (uint32_t bits = 0; bits < 1u << MANY_BITS; bits++) {
        uint64_t entry = 0, acc = (uint64_t)bits << (64 - MANY_BITS);
        unsigned used = 0, n = 0;

        for (; n < MANY; n++) {
            uint32_t e = lookup->fast[acc >> (64 - JPEG_LOOK_BITS)];
            if (e == 0 || used + (e >> 16) > MANY_BITS)
                break;
            int32_t value = jpeg_extend(acc << (e >> 8 & 0xff), e & 0xff);
            entry |= (uint64_t)(uint16_t)value << (16 * n);
            used += e >> 16;
            acc <<= e >> 16;
        }
        many[bits] = entry | (uint64_t)used << 48 | (uint64_t)n << 56;
    }
}

static void differences_many(struct jpeg_bits *bits, const struct jpeg_lookup *lookup,
                             const uint64_t *many, size_t count, uint16_t *row)
{
    enum { ROUNDS = 4 }; /* for one refill */
    struct jpeg_bits b = *bits;
    size_t           i = 0;

    while (i + ROUNDS * MANY <= count) {
        jpeg_bits_refill(&b);
        for (unsigned k = 0; k < ROUNDS; k++) {
            uint64_t entry = many[b.acc >> (64 - MANY_BITS)];
            if (__builtin_expect(entry >> 56 == 0, 0)) {
                jpeg_bits_refill(&b);
                row[i++] = difference(&b, lookup);
                break;
            }
            row[i]     = (uint16_t)entry; /* those that are not there are written again */
            row[i + 1] = (uint16_t)(entry >> 16);
            row[i + 2] = (uint16_t)(entry >> 32);
            i += entry >> 56;
            jpeg_bits_skip(&b, entry >> 48 & 0xff);
        }
    }
    *bits = b;
    differences_alike(bits, lookup, count - i, row + i);
}

/* ---- one row: its samples ---- */

/* In place; the first pixel is done. n: components. n and predictor are constants where it is called,
 * but for several components, so that each is a loop of its own. */
static inline __attribute__((always_inline)) void
add_predictions(const uint16_t *above, uint16_t *row, size_t count, size_t n, unsigned predictor)
{
    uint16_t a = row[0];

    if (n == 1) {
        for (size_t i = 1; i < count; i++)
            row[i] = a = (uint16_t)(row[i] + jpeg_predict(predictor, a, above[i], above[i - 1]));
        return;
    }
    for (size_t i = n; i < count; i++)
        row[i] = (uint16_t)(row[i] + jpeg_predict(predictor, row[i - n], above[i], above[i - n]));
}

/* T.81 §H.1.1, H.1.2.1: the first row of an interval is predicted from the left, from the middle of
 * the range at its start; other rows start from above. */
static void samples_of(const struct decoder *d, const uint16_t *above, uint16_t *row, bool first)
{
    size_t   n      = d->scan.components;
    size_t   count  = d->head->columns * n;
    uint16_t middle = (uint16_t)(1u << (d->head->precision - d->scan.low - 1));

    for (size_t i = 0; i < n; i++)
        row[i] = (uint16_t)(row[i] + (first ? middle : above[i]));
#define BY(p)                                                                                      \
    case p:                                                                                        \
        if (n == 1)                                                                                \
            add_predictions(above, row, count, 1, p);                                              \
        else                                                                                       \
            add_predictions(above, row, count, n, p);                                              \
        break;
    switch (first ? 1 : d->scan.first) {
        JPEG_PREDICTORS(BY)
    default:
        break;
    }
#undef BY
}

static void decode_row(struct decoder *d, const uint16_t *above, uint16_t *row, bool first)
{
    size_t   columns = d->head->columns;
    unsigned n       = d->scan.components;

    if (d->use_many)
        differences_many(&d->bits, d->lookup, d->many, columns * n, row);
    else if (d->alike)
        differences_alike(&d->bits, d->lookup, columns * n, row);
    else
        differences(&d->bits, d->lookup, columns, n, row);
    samples_of(d, above, row, first);
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
    d->alike = true;
    for (unsigned i = 0; rc == ISO_OK && i < d->scan.components; i++) {
        if (d->scanned[d->scan.index[i]])
            return iso_fail(err, ISO_EFORMAT, "lossless JPEG with two scans of a component");
        rc = jpeg_lookup_init(&d->lookup[i], &d->tables.of[0][d->scan.dc[i]], SYMBOL_MAX, err);
        d->alike = d->alike && d->scan.dc[i] == d->scan.dc[0];
    }
    if (rc < 0)
        return rc;
    d->use_many = d->alike && d->few_bits;
    if (d->use_many)
        many_init(d->many, d->lookup);
    return ISO_OK;
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
        decode_row(d, above, row, first);
        if (d->bits.bad || jpeg_bits_over(&d->bits, d->data_end))
            return iso_fail(err, ISO_EFORMAT, "lossless JPEG ends or breaks in row %zu", y + 1);
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
    d.few_bits = in.len * 8 / FEW_BITS < width * head->rows;
    d.pad      = 4 * width + JPEG_BITS_PAD;
    d.lookup   = malloc(head->components * sizeof *d.lookup);
    d.rows     = calloc(3 * width, sizeof *d.rows);
    d.many     = malloc(sizeof(uint64_t) << MANY_BITS);
    d.data     = malloc(in.len + d.pad);
    if (d.lookup == NULL || d.many == NULL || d.rows == NULL || d.data == NULL) {
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
    free(d.many);
    free(d.lookup);
    return rc;
}
