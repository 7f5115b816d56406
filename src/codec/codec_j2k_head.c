/* codec_j2k_head.c: see there. The libraries allocate for every tile, precinct and code-block that a
 * header of a hundred bytes declares. Each tile needs a tile-part header of 14 bytes and each precinct
 * a packet of one byte a layer, so a stream can be asked whether it has the bytes for what it
 * declares; code-blocks, which may be empty, have a plain ceiling.
 *
 * Who is believed where the stream and the attributes disagree:
 * - Size, components, precision: the stream. A precision of all bits allocated says nothing about
 *   bits stored, though: encoders that do not know write it (and ours, where unused bits hold data).
 * - Sign: a signed stream is signed. An unsigned one under Pixel Representation 1 holds the bits of
 *   two's complement numbers, as wide as its precision: scanners write this, and their values come
 *   out right only so. (With 16 of 16 bits the bytes are the same either way.)
 * - Colour: after the component transform it is RGB, whatever the attributes say, since the transform
 *   is defined for RGB (PS3.5 §8.2.4). Without, YBR_FULL is believed, YBR_RCT and YBR_ICT are not:
 *   that is RGB. Boxes of a JP2 header (palette, colour space, channels) are not looked at. */
#include "codec_j2k_head.h"

#include "codec_in.h"
#include "iso_reader.h"

enum {
    SOC = 0xff4f,
    CAP = 0xff50,
    SIZ = 0xff51,
    COD = 0xff52,
    COC = 0xff53,
    TLM = 0xff55,
    PLM = 0xff57,
    PLT = 0xff58,
    QCD = 0xff5c,
    COM = 0xff64,
    CRG = 0xff63,
    DCO = 0xff70, /* DCO, VMS, DFS, ADS, MCT, MCC, NLT, MCO, CBD, ATK: T.801 table A.2 */
    ATK = 0xff79,
    SOT = 0xff90,
    SOD = 0xff93,
    EOC = 0xffd9
};

enum {
    BOXES_MAX         = 64,
    MARKERS_MAX       = 4096, /* of one header */
    TILES_MAX         = 4096,
    TILE_PART_BYTES   = 14, /* SOT and SOD */
    PACKETS_EXTRA     = 1 << 15,
    BLOCKS_MAX        = 1 << 20, /* of one tile */
    LEVELS_MAX        = 32,
    BITS_MAX          = 38,
    DECODED_BITS_MAX  = 24,       /* with more, OpenJPEG does not give back what it was given */
    BYTES_FREE        = 64 << 20, /* decoded from however little, */
    BYTES_PER_BYTE    = 4096,     /* and beyond that for each byte of the stream */
    STYLE_PRECINCTS   = 0x01,
    BLOCK_STYLE_HT    = 0x40,
    BLOCK_STYLE_MIXED = 0x80,
    BLOCK_STYLES_HT   = 0x48 /* what goes with it: and vertically causal contexts */
};

/* Coding style of a tile-component: the SPcod parameters.   T.800 §A.6.1 */
struct coding {
    uint8_t levels;
    uint8_t block_x, block_y; /* as powers of two */
    uint8_t block_style;
    uint8_t transform;
    uint8_t precinct[LEVELS_MAX + 1]; /* PPy << 4 | PPx, by resolution */
};

struct scan {
    struct codec_j2k_head *head;
    uint32_t               x1, y1;           /* the far corner on the reference grid */
    uint32_t               tx0, ty0, tx, ty; /* the tiles: first corner, size */
    uint32_t               tiles_x;
    uint64_t               tile_packets; /* by coding styles in tile-part headers */
    int                    tile;         /* whose header is being read; -1: the main header */
    unsigned               has_coc;      /* bit by component, of the main header */
    bool                   has_cod, has_qcd;
};

static uint32_t ceil_div(uint32_t a, uint32_t b)
{
    return (uint32_t)(((uint64_t)a + b - 1) / b);
}

static uint32_t ceil_shift(uint32_t a, unsigned bits)
{
    return bits > 31 ? a > 0 : (uint32_t)(((uint64_t)a + ((uint64_t)1 << bits) - 1) >> bits);
}

/* ---- boxes ---- */

/* The code stream within a JP2 file: DICOM wants it bare, some files have it so.   T.800 Annex I */
static iso_bytes unwrap(iso_bytes in)
{
    struct iso_reader r = iso_reader_of(in);

    if (in.len < 12 || iso_u32be(in.ptr) != 12 || iso_u32be(in.ptr + 4) != 0x6a502020)
        return in;
    for (unsigned i = 0; i < BOXES_MAX && iso_left(&r) > 0; i++) {
        uint64_t bytes = iso_read_u32be(&r);
        uint32_t type  = iso_read_u32be(&r);
        uint64_t head  = 8;

        if (bytes == 1) {
            bytes = iso_read_u64be(&r);
            head  = 16;
        }
        if (type == 0x6a703263) /* jp2c; its length is not worth more than what is there */
            return iso_bytes_of(r.ptr, bytes > head && bytes - head < iso_left(&r)
                                           ? (size_t)(bytes - head)
                                           : iso_left(&r));
        if (bytes < head || bytes - head > iso_left(&r))
            break;
        iso_skip(&r, (size_t)(bytes - head));
    }
    return iso_bytes_of(in.ptr, 0);
}

/* ---- the main header ---- */

static int read_components(struct iso_reader *r, struct scan *s, struct iso_err *err)
{
    struct codec_j2k_head *head = s->head;
    uint32_t               dx = 0, dy = 0;
    bool                   alike = true;

    for (unsigned i = 0; i < head->samples; i++) {
        struct codec_j2k_component *c    = &head->component[i];
        uint8_t                     ssiz = iso_read_u8(r);

        c->bits      = (uint8_t)((ssiz & 0x7f) + 1);
        c->is_signed = (ssiz & 0x80) != 0;
        c->dx        = iso_read_u8(r);
        c->dy        = iso_read_u8(r);
        if (!iso_reader_ok(r))
            return iso_fail(err, ISO_EFORMAT, "JPEG 2000: the image size is cut off");
        if (c->dx == 0 || c->dy == 0 || c->bits > BITS_MAX)
            return iso_fail(err, ISO_EFORMAT, "JPEG 2000: component %u has %u bits, %u x %u", i,
                            c->bits, c->dx, c->dy);
        if (c->is_signed != head->component[0].is_signed)
            return iso_fail(err, ISO_EUNSUPPORTED,
                            "JPEG 2000: signed and unsigned components in one image");
        c->columns = ceil_div(s->x1, c->dx) - ceil_div(head->x0, c->dx);
        c->rows    = ceil_div(s->y1, c->dy) - ceil_div(head->y0, c->dy);
        if (c->columns == 0 || c->rows == 0)
            return iso_fail(err, ISO_EFORMAT, "JPEG 2000: component %u has no samples", i);
        if (c->bits > head->bits)
            head->bits = c->bits;
        alike = alike && (i == 0 || (c->dx == dx && c->dy == dy));
        dx    = c->dx;
        dy    = c->dy;
    }
    head->is_signed = head->component[0].is_signed;
    if (alike) { /* the picture is as large as they are */
        head->columns = head->component[0].columns;
        head->rows    = head->component[0].rows;
    }
    return ISO_OK;
}

/* Image and tile size.   T.800 §A.5.1 */
static int read_siz(struct iso_reader r, struct scan *s, struct iso_err *err)
{
    struct codec_j2k_head *head = s->head;

    iso_skip(&r, 2); /* capabilities: the markers tell */
    s->x1               = iso_read_u32be(&r);
    s->y1               = iso_read_u32be(&r);
    head->x0            = iso_read_u32be(&r);
    head->y0            = iso_read_u32be(&r);
    s->tx               = iso_read_u32be(&r);
    s->ty               = iso_read_u32be(&r);
    s->tx0              = iso_read_u32be(&r);
    s->ty0              = iso_read_u32be(&r);
    uint16_t components = iso_read_u16be(&r);
    if (!iso_reader_ok(&r) || components == 0)
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: the image size is cut off");
    if (s->x1 > INT32_MAX || s->y1 > INT32_MAX || s->x1 <= head->x0 || s->y1 <= head->y0)
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: an image from %u,%u to %u,%u", head->x0,
                        head->y0, s->x1, s->y1);
    if (s->tx == 0 || s->ty == 0 || s->tx0 > head->x0 || s->ty0 > head->y0 ||
        (uint64_t)s->tx0 + s->tx <= head->x0 || (uint64_t)s->ty0 + s->ty <= head->y0)
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: tiles of %u x %u from %u,%u", s->tx, s->ty,
                        s->tx0, s->ty0);
    s->tiles_x     = ceil_div(s->x1 - s->tx0, s->tx);
    uint64_t tiles = (uint64_t)s->tiles_x * ceil_div(s->y1 - s->ty0, s->ty);
    if (tiles > TILES_MAX || (tiles > 1 && tiles * TILE_PART_BYTES > head->stream.len))
        return iso_fail(err, ISO_ELIMIT, "JPEG 2000: %llu tiles in %zu bytes",
                        (unsigned long long)tiles, head->stream.len);
    if (components > CODEC_SAMPLES_MAX)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG 2000: %u components", components);
    head->tiles   = (uint32_t)tiles;
    head->samples = components;
    head->columns = s->x1 - head->x0;
    head->rows    = s->y1 - head->y0;
    return read_components(&r, s, err);
}

static int read_coding(struct iso_reader *r, bool has_precincts, struct coding *out,
                       struct iso_err *err)
{
    struct coding c = { .levels = iso_read_u8(r) };

    c.block_x     = (uint8_t)(iso_read_u8(r) + 2);
    c.block_y     = (uint8_t)(iso_read_u8(r) + 2);
    c.block_style = iso_read_u8(r);
    c.transform   = iso_read_u8(r);
    if (!iso_reader_ok(r) || c.levels > LEVELS_MAX || c.block_x > 10 || c.block_y > 10 ||
        c.block_x + c.block_y > 12)
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: %u levels, code-blocks of 2^%u x 2^%u",
                        c.levels, c.block_x, c.block_y);
    if (c.transform > 1 || (c.block_style & BLOCK_STYLE_MIXED) != 0)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "JPEG 2000: wavelet %u, code-block style %02x is not decoded here",
                        c.transform, c.block_style);
    for (unsigned i = 0; i <= c.levels; i++) {
        c.precinct[i] = has_precincts ? iso_read_u8(r) : 0xff;
        if (!iso_reader_ok(r) || (i > 0 && ((c.precinct[i] & 15) == 0 || c.precinct[i] >> 4 == 0)))
            return iso_fail(err, ISO_EFORMAT, "JPEG 2000: precinct sizes are wrong or cut off");
    }
    *out = c;
    return ISO_OK;
}

/* ---- what the coding style asks of a decoder ---- */

static uint64_t cells(uint32_t from, uint32_t to, unsigned shift)
{
    return to > from ? ceil_shift(to, shift) - (uint64_t)(from >> shift) : 0;
}

/* Precincts and code-blocks of one tile-component.   T.800 §B.5 to §B.7 */
static void add_tile(const struct coding *c, const uint32_t box[4], uint64_t *precincts,
                     uint64_t *blocks)
{
    for (unsigned r = 0; r <= c->levels; r++) {
        unsigned down = c->levels - r;
        unsigned px = c->precinct[r] & 15, py = c->precinct[r] >> 4;
        unsigned half =
            r > 0; /* bands are half as large as their resolution, and so are precincts */
        uint32_t x0 = ceil_shift(box[0], down), y0 = ceil_shift(box[1], down);
        uint32_t x1 = ceil_shift(box[2], down), y1 = ceil_shift(box[3], down);
        unsigned bx = c->block_x < px - half ? c->block_x : px - half;
        unsigned by = c->block_y < py - half ? c->block_y : py - half;

        if (x1 <= x0 || y1 <= y0)
            continue;
        *precincts += cells(x0, x1, px) * cells(y0, y1, py);
        *blocks +=
            (half ? 3 : 1) * (cells(x0, x1, bx + half) + half) * (cells(y0, y1, by + half) + half);
    }
}

/* Of component (or all of them: -1) with this coding style, in one tile. */
static void add_components(const struct scan *s, const struct coding *c, uint32_t tile,
                           int component, uint64_t *precincts, uint64_t *blocks)
{
    const struct codec_j2k_head *head = s->head;
    uint64_t                     x0   = s->tx0 + (uint64_t)(tile % s->tiles_x) * s->tx;
    uint64_t                     y0   = s->ty0 + (uint64_t)(tile / s->tiles_x) * s->ty;
    uint32_t                     tx0  = x0 > head->x0 ? (uint32_t)x0 : head->x0;
    uint32_t                     ty0  = y0 > head->y0 ? (uint32_t)y0 : head->y0;
    uint32_t                     tx1  = x0 + s->tx < s->x1 ? (uint32_t)(x0 + s->tx) : s->x1;
    uint32_t                     ty1  = y0 + s->ty < s->y1 ? (uint32_t)(y0 + s->ty) : s->y1;

    for (unsigned i = 0; i < head->samples; i++) {
        const struct codec_j2k_component *of     = &head->component[i];
        const uint32_t                    box[4] = { ceil_div(tx0, of->dx), ceil_div(ty0, of->dy),
                                                     ceil_div(tx1, of->dx), ceil_div(ty1, of->dy) };
        if (component < 0 || (unsigned)component == i)
            add_tile(c, box, precincts, blocks);
    }
}

static int check_coding(struct scan *s, const struct coding *c, int component, struct iso_err *err)
{
    uint64_t packets_max = s->head->stream.len + PACKETS_EXTRA;
    uint64_t precincts   = 0;
    uint64_t packets     = 0;
    uint32_t first       = s->tile >= 0 ? (uint32_t)s->tile : 0;
    uint32_t last        = s->tile >= 0 ? first : s->head->tiles - 1;

    for (uint32_t tile = first; tile <= last; tile++) {
        uint64_t blocks = 0;

        add_components(s, c, tile, component, &precincts, &blocks);
        packets = precincts * s->head->layers + (s->tile >= 0 ? s->tile_packets : 0);
        if (packets > packets_max || blocks > BLOCKS_MAX)
            return iso_fail(err, ISO_ELIMIT,
                            "JPEG 2000: %llu packets, %llu code-blocks in a tile, in %zu bytes",
                            (unsigned long long)packets, (unsigned long long)blocks,
                            s->head->stream.len);
    }
    if (s->tile >= 0)
        s->tile_packets = packets;
    return ISO_OK;
}

/* COD: of all components; in a tile-part, of that tile.   T.800 §A.6.1 */
static int read_cod(struct iso_reader r, struct scan *s, struct iso_err *err)
{
    struct codec_j2k_head *head = s->head;
    struct coding          c;
    uint8_t                style       = iso_read_u8(&r);
    uint8_t                progression = iso_read_u8(&r);
    uint16_t               layers      = iso_read_u16be(&r);
    uint8_t                mct         = iso_read_u8(&r);
    int                    rc          = read_coding(&r, (style & STYLE_PRECINCTS) != 0, &c, err);

    if (rc < 0)
        return rc;
    if (layers == 0 || progression > 4)
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: %u layers, progression order %u", layers,
                        progression);
    if (mct > 1)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "JPEG 2000: multiple component transforms of Part 2 are not decoded here");
    if (mct == 1 && head->samples < 3)
        mct = 0;
    if (layers > head->layers)
        head->layers = layers;
    if (s->tile < 0) {
        if (s->has_cod)
            return iso_fail(err, ISO_EFORMAT, "JPEG 2000: a second coding style");
        head->mct         = mct != 0;
        head->progression = progression;
        head->levels      = c.levels;
        head->reversible  = c.transform == 1;
        head->ht          = (c.block_style & BLOCK_STYLE_HT) != 0;
        head->plain       = head->plain && (c.block_style & ~BLOCK_STYLES_HT) == 0;
        s->has_cod        = true;
    } else {
        head->reversible = head->reversible && c.transform == 1;
        if ((mct != 0) != head->mct)
            return iso_fail(err, ISO_EUNSUPPORTED, "JPEG 2000: colour differs by tile");
    }
    return check_coding(s, &c, -1, err);
}

/* COC: of one component.   T.800 §A.6.2 */
static int read_coc(struct iso_reader r, struct scan *s, struct iso_err *err)
{
    struct coding c;
    uint8_t       component = iso_read_u8(&r);
    uint8_t       style     = iso_read_u8(&r);
    int           rc        = read_coding(&r, (style & STYLE_PRECINCTS) != 0, &c, err);

    if (rc < 0)
        return rc;
    if (component >= s->head->samples)
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: coding style of component %u", component);
    if (s->tile < 0 && (s->has_coc & 1u << component) != 0)
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: a second coding style of a component");
    s->has_coc |= s->tile < 0 ? 1u << component : 0;
    s->head->reversible = s->head->reversible && c.transform == 1;
    return check_coding(s, &c, component, err);
}

static int on_segment(struct scan *s, unsigned marker, struct iso_reader body, struct iso_err *err)
{
    bool main_header = s->tile < 0;

    switch (marker) {
    case SIZ:
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: a second image size");
    case COD:
        s->head->plain = s->head->plain && main_header;
        return read_cod(body, s, err);
    case COC:
        s->head->plain = false;
        return read_coc(body, s, err);
    case QCD:
        s->has_qcd     = true;
        s->head->plain = s->head->plain && main_header;
        return ISO_OK;
    case TLM:
        s->head->tlm = true;
        return ISO_OK;
    case CAP:
    case PLM:
    case PLT:
    case CRG:
    case COM:
        return ISO_OK;
    default:
        if (marker >= DCO && marker <= ATK)
            return iso_fail(err, ISO_EUNSUPPORTED,
                            "JPEG 2000: extensions of Part 2 (marker %04x) are not decoded here",
                            marker);
        s->head->plain = false;
        return ISO_OK;
    }
}

/* Segments up to the marker `end`, which is read. */
static int read_segments(struct scan *s, struct iso_reader *r, unsigned end, struct iso_err *err)
{
    for (unsigned i = 0; i < MARKERS_MAX; i++) {
        unsigned marker = iso_read_u16be(r);

        if (marker == end)
            return ISO_OK;
        if (marker >= 0xff30 && marker <= 0xff3f) /* have no length */
            continue;
        uint16_t bytes = iso_read_u16be(r);
        if (!iso_reader_ok(r) || marker < 0xff00 || bytes < 2)
            break;
        struct iso_reader body = iso_read_sub(r, bytes - 2u);
        if (!iso_reader_ok(r))
            break;
        int rc = on_segment(s, marker, body, err);
        if (rc < 0)
            return rc;
    }
    return iso_fail(err, ISO_EFORMAT, "JPEG 2000: the stream ends or breaks in a header");
}

/* ---- tile-parts ---- */

struct parts {
    uint8_t seen[TILES_MAX], declared[TILES_MAX]; /* of each tile */
};

/* Tile-parts may leave open how many there are; one has to say. Where the end of the image is
 * marked, the numbers do not matter: there are encoders that count wrongly. */
static bool all_there(const struct parts *parts, uint32_t tiles, bool marked)
{
    for (uint32_t i = 0; i < tiles; i++)
        if (parts->seen[i] == 0 || (!marked && parts->seen[i] < parts->declared[i]))
            return false;
    return true;
}

/* From the first SOT marker on, which was read. Headers are looked at as far as the stream goes; what
 * is broken here is left to the library: it may decode what comes before.   T.800 §A.4.2 */
static int read_tile_parts(struct scan *s, struct iso_reader r, struct iso_err *err)
{
    struct parts parts = { 0 };

    for (;;) { /* each turn consumes at least 12 bytes */
        struct iso_reader part = r;
        size_t            at   = s->head->stream.len - iso_left(&r) - 2; /* the marker */

        (void)iso_read_u16be(&r);
        uint16_t tile  = iso_read_u16be(&r);
        uint32_t bytes = iso_read_u32be(&r);
        iso_skip(&r, 1);
        uint8_t count = iso_read_u8(&r);
        s->head->end  = at;
        if (!iso_reader_ok(&r) || tile >= s->head->tiles || (bytes != 0 && bytes < TILE_PART_BYTES))
            return ISO_OK;
        struct iso_reader header = r;
        s->tile                  = tile;
        int rc                   = read_segments(s, &header, SOD, err);
        if (rc == ISO_EFORMAT)
            return ISO_OK;
        if (rc < 0)
            return rc;
        parts.seen[tile] = (uint8_t)(parts.seen[tile] + (parts.seen[tile] < UINT8_MAX));
        if (count > 0)
            parts.declared[tile] = count;
        s->head->end = s->head->stream.len;
        if (bytes == 0) { /* up to the end of the image */
            s->head->complete = all_there(&parts, s->head->tiles, false);
            return ISO_OK;
        }
        if (bytes > s->head->stream.len - at)
            return ISO_OK;
        iso_skip(&part, bytes - 2u); /* its length counts from the marker */
        r               = part;
        unsigned marker = iso_read_u16be(&r);
        if (marker != SOT) { /* should be EOC; without it, all may be there as well */
            s->head->complete = all_there(&parts, s->head->tiles, marker == EOC);
            return ISO_OK;
        }
    }
}

int codec_j2k_head_read(iso_bytes in, struct codec_j2k_head *out, struct iso_err *err)
{
    struct codec_j2k_head head = { .stream = unwrap(in), .plain = true };
    struct scan           s    = { .head = &head, .tile = -1 };
    struct iso_reader     r    = iso_reader_of(head.stream);

    if (iso_read_u16be(&r) != SOC || iso_read_u16be(&r) != SIZ)
        return iso_fail(err, ISO_EFORMAT, "the frame is not a JPEG 2000 image");
    uint16_t bytes = iso_read_u16be(&r);
    int      rc    = read_siz(iso_read_sub(&r, bytes > 2 ? bytes - 2u : 0), &s, err);
    if (rc == ISO_OK)
        rc = read_segments(&s, &r, SOT, err);
    if (rc < 0)
        return rc;
    if (!s.has_cod || !s.has_qcd)
        return iso_fail(err, ISO_EFORMAT, "JPEG 2000: no coding style or quantization");
    rc = read_tile_parts(&s, r, err);
    if (rc < 0)
        return rc;
    *out = head;
    return ISO_OK;
}

/* ---- the frame ---- */

static enum codec_photometric photometric_of(const struct codec_j2k_head *head,
                                             const struct codec_image    *a)
{
    if (head->samples == 1)
        return a->photometric == CODEC_MONOCHROME1 || a->photometric == CODEC_PALETTE_COLOR
                   ? a->photometric
                   : CODEC_MONOCHROME2;
    if (head->samples != 3)
        return CODEC_PHOTOMETRIC_OTHER;
    if (head->mct)
        return CODEC_RGB;
    if (a->photometric == CODEC_YBR_FULL || a->photometric == CODEC_YBR_FULL_422)
        return CODEC_YBR_FULL;
    return a->photometric == CODEC_YBR_PARTIAL ? CODEC_YBR_PARTIAL : CODEC_RGB;
}

static int frame_of(const struct codec_j2k_head *head, const struct codec_image *a,
                    struct codec_image *out, struct iso_err *err)
{
    struct codec_image frame     = codec_unpacked(a);
    uint16_t           allocated = head->bits <= 8 ? 8 : head->bits <= 16 ? 16 : 32;
    size_t             bytes;

    if (head->bits > DECODED_BITS_MAX)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG 2000: %u bits are not decoded here",
                        head->bits);
    frame.rows        = head->rows;
    frame.columns     = head->columns;
    frame.samples     = head->samples;
    frame.photometric = photometric_of(head, a);
    frame.is_signed   = head->is_signed || a->is_signed;
    frame.is_float    = false;
    frame.damaged     = false;
    if (frame.bits_allocated < allocated || frame.bits_allocated > 32)
        frame.bits_allocated = allocated;
    if (head->bits != frame.bits_allocated || frame.bits_stored > frame.bits_allocated ||
        frame.high_bit >= frame.bits_allocated) {
        frame.bits_stored = head->bits;
        frame.high_bit    = (uint16_t)(head->bits - 1);
    }
    if (!codec_sample_count(&frame, &bytes) ||
        !iso_mul(bytes, codec_sample_bytes(&frame), &bytes) || bytes > CODEC_FRAME_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "JPEG 2000: %u x %u pixels", frame.columns, frame.rows);
    if (bytes > BYTES_FREE && (bytes - BYTES_FREE) / BYTES_PER_BYTE > head->stream.len)
        return iso_fail(err, ISO_ELIMIT, "JPEG 2000: %u x %u pixels in %zu bytes", frame.columns,
                        frame.rows, head->stream.len);
    *out = frame;
    return ISO_OK;
}

int codec_j2k_inspect(iso_str uid, iso_bytes in, const struct codec_image *a,
                      struct codec_image *frame, struct iso_err *err)
{
    struct codec_j2k_head head;
    int                   rc = codec_j2k_head_read(in, &head, err);

    (void)uid;
    return rc == ISO_OK ? frame_of(&head, a, frame, err) : rc;
}

/* ---- the other way ---- */

bool codec_j2k_is_lossy(iso_str uid)
{
    return iso_str_ends(uid, ISO_STR(".91")) || iso_str_ends(uid, ISO_STR(".203"));
}

int codec_j2k_described(iso_str uid, const struct codec_image *frame,
                        const struct codec_options *options, struct codec_image *out,
                        struct iso_err *err)
{
    bool lossy = codec_j2k_is_lossy(uid);

    (void)options;
    if (frame->is_float || frame->bits_allocated > 16 ||
        (frame->samples != 1 && frame->samples != 3))
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "JPEG 2000 takes 1 or 3 samples of up to 16 bits, not %u of %u%s",
                        frame->samples, frame->bits_allocated, frame->is_float ? " (float)" : "");
    if (lossy && (frame->photometric == CODEC_PALETTE_COLOR || frame->bits_stored == 1))
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "palette indices and single bits are not for lossy compression");
    *out        = *frame;
    out->planar = false;
    if (frame->photometric == CODEC_RGB && frame->samples == 3)
        out->photometric = lossy ? CODEC_YBR_ICT : CODEC_YBR_RCT;
    return ISO_OK;
}

int codec_j2k_move(const struct codec_j2k_move *moves, size_t count, iso_str from, iso_bytes in,
                   iso_str to, struct iso_buf *out, struct iso_err *err)
{
    struct codec_j2k_head head = { 0 };

    for (size_t i = 0; i < count; i++) {
        if (!iso_str_ends(from, iso_str_c(moves[i].from)) ||
            !iso_str_ends(to, iso_str_c(moves[i].to)))
            continue;
        int rc = codec_j2k_head_read(in, &head, err);
        if (rc < 0)
            return rc;
        (void)iso_buf_add(out, head.stream.ptr, head.stream.len);
        return iso_buf_check(out, err);
    }
    return iso_fail(err, ISO_EUNSUPPORTED, "there is no way without decoding");
}
