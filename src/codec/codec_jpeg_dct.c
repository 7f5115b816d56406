/* codec_jpeg_dct.c: JPEG by cosine transform: of 12 bits, sequential and progressive, and what of 8
 * bits libjpeg-turbo does otherwise or must not have.   ITU-T T.81 §F.2, §G.2
 * Sequential blocks become samples as they come; progressive ones when all scans are read. Planes of
 * samples are kept whole, so that chroma is widened row by row afterwards. */
#include "codec_jpeg_dct.h"

#include "codec_jpeg_huff.h"

#include <stdlib.h>

enum {
    SCANS_MAX     = 64, /* of a progressive image; writers make about ten */
    BLOCKS_MAX    = 10, /* in an MCU, T.81 §B.2.3 */
    DC_SYMBOL_MAX = 15,
    AC_SYMBOL_MAX = 255,
    BLOCK_SYMBOLS = 128, /* at most, with single bits of refinement: 64 of each */
    BLOCK_BYTES   = 4 * BLOCK_SYMBOLS
};

struct decoder {
    const struct jpeg_head *head;
    struct jpeg_plane       plane[JPEG_COMPONENTS_MAX];
    bool                    begun[JPEG_COMPONENTS_MAX]; /* has quantisers */
    struct jpeg_tables      tables;
    uint16_t                quantiser[4][64];
    bool                    has_quantiser[4];
    struct jpeg_scan        scan;
    struct jpeg_lookup     *lookup; /* [0..3] DC, [4..7] AC, by component of the scan */
    uint8_t                *data;   /* one restart interval, and zeros */
    size_t                  pad;    /* of them: what the blocks of an MCU can read */
    const uint8_t          *data_end;
    struct jpeg_bits        bits;
    uint32_t                interval, to_restart; /* in MCUs; 0: none */
    unsigned                restarts;
    int32_t                 dc[JPEG_COMPONENTS_MAX];
    uint32_t                eob_run; /* blocks */
    uint32_t                rows;    /* pixels of the frame that are there, from the top */
};

/* ---- bits ---- */

/* An entry of the table; its code is consumed, its extra bits are not. */
static uint32_t symbol(struct jpeg_bits *b, const struct jpeg_lookup *lookup)
{
    if (b->count < 32)
        jpeg_bits_refill(b);
    uint32_t entry = lookup->fast[b->acc >> (64 - JPEG_LOOK_BITS)];
    if (entry == 0)
        entry = jpeg_lookup_slow(lookup, (uint32_t)(b->acc >> 48));
    unsigned length = entry >> 8 & 0xff;
    if (length == JPEG_BAD_CODE) {
        b->bad = true;
        length = JPEG_CODE_BITS;
    }
    jpeg_bits_skip(b, length);
    return entry & 0xff;
}

static int32_t extended(struct jpeg_bits *b, unsigned n)
{
    int32_t v = jpeg_extend(b->acc, n);

    jpeg_bits_skip(b, n);
    return v;
}

static uint32_t take(struct jpeg_bits *b, unsigned n) /* 0..15 */
{
    if (b->count < 16)
        jpeg_bits_refill(b);
    uint32_t v = (uint32_t)((b->acc >> 1) >> (63 - n));
    jpeg_bits_skip(b, n);
    return v;
}

/* ---- blocks ---- */

static int16_t next_dc(struct decoder *d, unsigned c)
{
    unsigned size = symbol(&d->bits, &d->lookup[c]);

    d->dc[c] = (int16_t)(d->dc[c] + extended(&d->bits, size & 15));
    return (int16_t)d->dc[c];
}

static void block_sequential(struct decoder *d, unsigned c, int16_t *block) /* T.81 §F.2.2 */
{
    const struct jpeg_lookup *ac = &d->lookup[4 + c];

    block[0] = next_dc(d, c);
    for (unsigned k = 1; k < 64; k++) {
        uint32_t v    = symbol(&d->bits, ac);
        unsigned size = v & 15;
        if (size == 0) {
            if (v != 0xf0)
                break;
            k += 15;
            continue;
        }
        k += v >> 4;
        int32_t value = extended(&d->bits, size);
        if (k < 64)
            block[jpeg_zigzag[k]] = (int16_t)value;
        else
            d->bits.bad = true;
    }
}

static void block_dc(struct decoder *d, unsigned c, int16_t *block) /* T.81 §G.1.2.1 */
{
    if (d->scan.high == 0)
        block[0] = (int16_t)(next_dc(d, c) * (1 << d->scan.low));
    else if (take(&d->bits, 1) != 0)
        block[0] = (int16_t)(block[0] | 1 << d->scan.low);
}

static void block_ac_first(struct decoder *d, int16_t *block) /* T.81 §G.1.2.2 */
{
    if (d->eob_run > 0) {
        d->eob_run--;
        return;
    }
    for (unsigned k = d->scan.first; k <= d->scan.last; k++) {
        uint32_t v   = symbol(&d->bits, &d->lookup[4]);
        unsigned run = v >> 4, size = v & 15;
        if (size == 0 && run < 15) {
            d->eob_run = (1u << run) - 1 + take(&d->bits, run);
            return;
        }
        k += run;
        if (size == 0)
            continue;
        int32_t value = extended(&d->bits, size);
        if (k < 64)
            block[jpeg_zigzag[k]] = (int16_t)(value * (1 << d->scan.low));
        else
            d->bits.bad = true;
    }
}

static void refine(struct decoder *d, int16_t *coefficient)
{
    int bit = 1 << d->scan.low;

    if (take(&d->bits, 1) != 0 && (*coefficient & bit) == 0)
        *coefficient = (int16_t)(*coefficient + (*coefficient > 0 ? bit : -bit));
}

static void block_ac_refine(struct decoder *d, int16_t *block) /* T.81 §G.1.2.3 */
{
    unsigned k = d->scan.first;

    while (d->eob_run == 0 && k <= d->scan.last) {
        uint32_t v   = symbol(&d->bits, &d->lookup[4]);
        unsigned run = v >> 4;
        int      set = 0;
        if ((v & 15) != 0) {
            set = take(&d->bits, 1) != 0 ? 1 : -1;
        } else if (run < 15) {
            d->eob_run = (1u << run) + take(&d->bits, run);
            break;
        }
        for (; k <= d->scan.last; k++) { /* zeros count, others are refined on the way */
            int16_t *coefficient = &block[jpeg_zigzag[k]];
            if (*coefficient != 0) {
                refine(d, coefficient);
            } else if (run-- == 0) {
                *coefficient = (int16_t)(set * (1 << d->scan.low));
                k++;
                break;
            }
        }
    }
    if (d->eob_run == 0)
        return;
    for (; k <= d->scan.last; k++)
        if (block[jpeg_zigzag[k]] != 0)
            refine(d, &block[jpeg_zigzag[k]]);
    d->eob_run--;
}

/* The block at (x, y) of its component, the c-th of the scan. */
static void decode_block(struct decoder *d, unsigned c, uint32_t x, uint32_t y)
{
    struct jpeg_plane *p  = &d->plane[d->scan.index[c]];
    size_t             at = (size_t)y * p->all_columns + x;

    if (p->coefficients == NULL) {
        int16_t block[64] = { 0 };
        block_sequential(d, c, block);
        jpeg_idct(block, p->quantiser, d->head->precision,
                  p->samples + ((size_t)y * 64 * p->all_columns + (size_t)x * 8),
                  8 * (size_t)p->all_columns);
        return;
    }
    int16_t *block = p->coefficients + 64 * at;
    if (d->scan.first == 0)
        block_dc(d, c, block);
    else if (d->scan.high == 0)
        block_ac_first(d, block);
    else
        block_ac_refine(d, block);
}

/* ---- scans ---- */

static int begin_component(struct decoder *d, unsigned index, struct iso_err *err)
{
    unsigned q = d->head->component[index].quantiser;

    if (d->begun[index]) {
        if (d->head->process != JPEG_PROGRESSIVE)
            return iso_fail(err, ISO_EFORMAT, "JPEG with two scans of a component");
        return ISO_OK;
    }
    if (!d->has_quantiser[q])
        return iso_fail(err, ISO_EFORMAT, "JPEG without a quantisation table");
    memcpy(d->plane[index].quantiser, d->quantiser[q], sizeof d->quantiser[q]);
    d->begun[index] = true;
    return ISO_OK;
}

static int check_progression(const struct jpeg_scan *s, struct iso_err *err) /* T.81 §G.1.1.1 */
{
    if (s->last > 63 || s->first > s->last || (s->first == 0 && s->last != 0) ||
        (s->first > 0 && s->components != 1) || s->low > 13 ||
        (s->high != 0 && s->high != s->low + 1))
        return iso_fail(err, ISO_EFORMAT, "a progressive JPEG scan of %u..%u, bits %u, %u",
                        s->first, s->last, s->high, s->low);
    return ISO_OK;
}

static int scan_begin(struct decoder *d, iso_bytes body, struct iso_err *err)
{
    unsigned blocks = 0;
    int      rc     = jpeg_scan_read(body, d->head, &d->scan, err);
    bool     all    = d->head->process != JPEG_PROGRESSIVE; /* whatever it says of a band */

    if (rc == ISO_OK && !all)
        rc = check_progression(&d->scan, err);
    for (unsigned c = 0; rc == ISO_OK && c < d->scan.components; c++) {
        const struct jpeg_component *component = &d->head->component[d->scan.index[c]];

        blocks += (unsigned)component->h * component->v;
        rc = begin_component(d, d->scan.index[c], err);
        if (rc == ISO_OK && (all || (d->scan.first == 0 && d->scan.high == 0)))
            rc = jpeg_lookup_init(&d->lookup[c], &d->tables.of[0][d->scan.dc[c]], DC_SYMBOL_MAX,
                                  err);
        if (rc == ISO_OK && (all || d->scan.first > 0))
            rc = jpeg_lookup_init(&d->lookup[4 + c], &d->tables.of[1][d->scan.ac[c]], AC_SYMBOL_MAX,
                                  err);
    }
    if (d->scan.components == 1)
        blocks = 1;
    if (rc == ISO_OK && blocks > BLOCKS_MAX)
        rc = iso_fail(err, ISO_EFORMAT, "JPEG with %u blocks at a time", blocks);
    d->pad = blocks * BLOCK_BYTES + JPEG_BITS_PAD;
    return rc;
}

static void interval_begin(struct decoder *d, struct iso_reader *r)
{
    size_t n = jpeg_unstuff(r, d->data);

    memset(d->data + n, 0, d->pad);
    d->data_end   = d->data + n;
    d->bits       = (struct jpeg_bits){ .next = d->data };
    d->to_restart = d->interval;
    d->eob_run    = 0;
    memset(d->dc, 0, sizeof d->dc);
}

/* Before an MCU: a restart if one is due. After it: whether it was there. */
static int restart_if_due(struct decoder *d, struct iso_reader *r, struct iso_err *err)
{
    struct jpeg_segment segment;

    if (d->interval == 0)
        return ISO_OK;
    if (d->to_restart == 0) {
        if (!jpeg_segment_next(r, &segment) || segment.marker != JPEG_RST0 + (d->restarts++ & 7))
            return iso_fail(err, ISO_EFORMAT, "JPEG: a restart is not there");
        interval_begin(d, r);
    }
    d->to_restart--;
    return ISO_OK;
}

static bool is_there(const struct decoder *d)
{
    return !d->bits.bad && !jpeg_bits_over(&d->bits, d->data_end);
}

/* T.81 §A.2.3: several components by MCU. */
static int scan_interleaved(struct decoder *d, struct iso_reader *r, struct iso_err *err)
{
    const struct jpeg_component *of[JPEG_COMPONENTS_MAX];
    const struct jpeg_plane     *p0 = &d->plane[d->scan.index[0]];

    for (unsigned c = 0; c < d->scan.components; c++)
        of[c] = &d->head->component[d->scan.index[c]];
    uint32_t across = p0->all_columns / of[0]->h, down = p0->all_rows / of[0]->v;
    for (uint32_t y = 0; y < down; y++) {
        for (uint32_t x = 0; x < across; x++) {
            int rc = restart_if_due(d, r, err);
            if (rc < 0)
                return rc;
            for (unsigned c = 0; c < d->scan.components; c++)
                for (uint32_t i = 0; i < (uint32_t)of[c]->h * of[c]->v; i++)
                    decode_block(d, c, x * of[c]->h + i % of[c]->h, y * of[c]->v + i / of[c]->h);
            if (!is_there(d))
                return iso_fail(err, ISO_EFORMAT, "JPEG ends or breaks in row %u", d->rows);
        }
        d->rows = (y + 1) * 8 * of[0]->v * p0->down;
    }
    return ISO_OK;
}

/* T.81 §A.2.2: one component by its own blocks. */
static int scan_single(struct decoder *d, struct iso_reader *r, struct iso_err *err)
{
    const struct jpeg_plane *p = &d->plane[d->scan.index[0]];

    for (uint32_t y = 0; y < p->rows; y++) {
        for (uint32_t x = 0; x < p->columns; x++) {
            int rc = restart_if_due(d, r, err);
            if (rc < 0)
                return rc;
            decode_block(d, 0, x, y);
            if (!is_there(d))
                return iso_fail(err, ISO_EFORMAT, "JPEG ends or breaks in row %u", y * 8 * p->down);
        }
        if (d->rows < (y + 1) * 8 * p->down)
            d->rows = (y + 1) * 8 * p->down;
    }
    return ISO_OK;
}

static int read_quantisers(struct decoder *d, iso_bytes body, struct iso_err *err)
{
    struct iso_reader r = iso_reader_of(body);

    while (iso_left(&r) > 0) { /* T.81 §B.2.4.1 */
        uint8_t  head = iso_read_u8(&r);
        uint16_t table[64];

        for (unsigned k = 0; k < 64; k++)
            table[jpeg_zigzag[k]] = head >> 4 != 0 ? iso_read_u16be(&r) : iso_read_u8(&r);
        if (!iso_reader_ok(&r) || (head & 15) > 3)
            return iso_fail(err, ISO_EFORMAT, "a JPEG quantisation table that cannot be");
        memcpy(d->quantiser[head & 3], table, sizeof table);
        d->has_quantiser[head & 3] = true;
    }
    return ISO_OK;
}

/* Whether scans are still to come, as far as can be known. */
static bool is_complete(const struct decoder *d)
{
    for (unsigned i = 0; i < d->head->components; i++)
        if (!d->begun[i])
            return false;
    return true;
}

static int read_scans(struct decoder *d, iso_bytes in, struct iso_err *err)
{
    struct iso_reader   r     = iso_reader_of(in);
    unsigned            scans = 0;
    bool                ended = false;
    struct jpeg_segment segment;
    int                 rc = ISO_OK;

    while (rc == ISO_OK && jpeg_segment_next(&r, &segment)) {
        if (segment.marker == JPEG_EOI) {
            ended = true;
            break;
        }
        if (segment.marker == JPEG_DHT)
            rc = jpeg_tables_read(&d->tables, segment.body, err);
        else if (segment.marker == JPEG_DQT)
            rc = read_quantisers(d, segment.body, err);
        else if (segment.marker == JPEG_DRI && segment.body.len >= 2)
            d->interval = iso_u16be(segment.body.ptr);
        if (segment.marker != JPEG_SOS)
            continue;
        if (++scans > SCANS_MAX)
            return iso_fail(err, ISO_ELIMIT, "JPEG with more than %d scans", SCANS_MAX);
        rc = scan_begin(d, segment.body, err);
        if (rc < 0)
            break;
        d->restarts = 0;
        interval_begin(d, &r);
        rc = d->scan.components > 1 ? scan_interleaved(d, &r, err) : scan_single(d, &r, err);
        if (rc == ISO_OK && d->head->process != JPEG_PROGRESSIVE && is_complete(d))
            return ISO_OK;
    }
    if (rc == ISO_OK &&
        !(ended && is_complete(d))) /* later scans of progressive ones are options */
        rc = iso_fail(err, ISO_EFORMAT, "JPEG ends before its last scan");
    return rc;
}

/* ---- frames ---- */

static void transform_all(struct decoder *d)
{
    for (unsigned i = 0; i < d->head->components; i++) {
        const struct jpeg_plane *p = &d->plane[i];
        for (size_t at = 0; p->coefficients != NULL && at < (size_t)p->all_columns * p->all_rows;
             at++)
            jpeg_idct(p->coefficients + 64 * at, p->quantiser, d->head->precision,
                      p->samples + at / p->all_columns * 64 * p->all_columns +
                          at % p->all_columns * 8,
                      8 * (size_t)p->all_columns);
    }
}

static void write_out(const struct decoder *d, const struct codec_image *frame, uint16_t *row,
                      uint8_t *out)
{
    size_t unit   = codec_sample_bytes(frame);
    size_t stride = unit * frame->samples * frame->columns;

    for (uint32_t y = 0; y < frame->rows; y++, out += stride) {
        if (y >= d->rows) {
            memset(out, 0, stride);
            continue;
        }
        for (unsigned i = 0; i < frame->samples; i++) {
            jpeg_plane_row(&d->plane[i], frame->columns, y, row);
            jpeg_store(row, frame->columns, 1, frame, d->head->precision, out + unit * i,
                       frame->samples);
        }
    }
}

static int allocate(struct decoder *d, size_t in_bytes, struct iso_err *err)
{
    bool ok = true;

    for (unsigned i = 0; i < d->head->components; i++) {
        struct jpeg_plane *p = &d->plane[i];
        size_t             n = (size_t)64 * p->all_columns * p->all_rows;

        p->samples = calloc(n, sizeof *p->samples);
        ok         = ok && p->samples != NULL;
        if (d->head->process == JPEG_PROGRESSIVE) {
            p->coefficients = calloc(n, sizeof *p->coefficients);
            ok              = ok && p->coefficients != NULL;
        }
    }
    d->lookup = malloc(2 * JPEG_COMPONENTS_MAX * sizeof *d->lookup);
    d->data   = malloc(in_bytes + BLOCKS_MAX * BLOCK_BYTES + JPEG_BITS_PAD);
    if (!ok || d->lookup == NULL || d->data == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a JPEG frame");
    return ISO_OK;
}

int jpeg_dct_decode(iso_bytes in, const struct jpeg_head *head, struct codec_image *frame,
                    uint8_t *out, struct iso_err *err)
{
    struct decoder d   = { .head = head };
    uint16_t      *row = malloc((2 * (size_t)head->columns + 16) * sizeof *row);
    int            rc  = jpeg_plane_layout(head, d.plane, err);

    if (rc == ISO_OK)
        rc = row != NULL ? allocate(&d, in.len, err)
                         : iso_fail(err, ISO_ENOMEM, "no memory for a JPEG frame");
    if (rc == ISO_OK)
        rc = read_scans(&d, in, err);
    if (rc == ISO_OK || (rc == ISO_EFORMAT && d.rows > 0)) {
        frame->damaged = rc != ISO_OK;
        transform_all(&d);
        write_out(&d, frame, row, out);
    }
    for (unsigned i = 0; i < head->components; i++) {
        free(d.plane[i].samples);
        free(d.plane[i].coefficients);
    }
    free(d.lookup);
    free(d.data);
    free(row);
    return rc;
}
