/* codec_jpeg_in.h: what the parts of the JPEG family share: our own reading of a stream's markers,
 * which every decoder's comes after, and the decoders; private to codec/.   ITU-T T.81 §B */
#ifndef CODEC_JPEG_IN_H
#define CODEC_JPEG_IN_H

#include "codec_in.h"

#include "iso_reader.h"

enum { /* T.81 table B.1 */
       JPEG_SOF0  = 0xc0,
       JPEG_DHT   = 0xc4,
       JPEG_RST0  = 0xd0,
       JPEG_RST7  = 0xd7,
       JPEG_SOI   = 0xd8,
       JPEG_EOI   = 0xd9,
       JPEG_SOS   = 0xda,
       JPEG_DQT   = 0xdb,
       JPEG_DNL   = 0xdc,
       JPEG_DRI   = 0xdd,
       JPEG_APP0  = 0xe0,
       JPEG_APP14 = 0xee
};

enum jpeg_process { /* n of SOFn */
                    JPEG_BASELINE    = 0,
                    JPEG_EXTENDED    = 1,
                    JPEG_PROGRESSIVE = 2,
                    JPEG_LOSSLESS    = 3
};

enum { JPEG_COMPONENTS_MAX = 4 };

struct jpeg_component {
    uint8_t id, h, v, quantiser; /* h, v: sampling factors, 1..4; quantiser: 0..3 */
};

/* What the markers before the first scan say, checked. */
struct jpeg_head {
    enum jpeg_process     process;
    unsigned              precision;     /* 8 or 12; lossless: 2..16 */
    uint32_t              rows, columns; /* not 0 */
    bool                  rows_late;     /* rows came after the first scan, in a DNL segment */
    unsigned              components;    /* 1..4 */
    struct jpeg_component component[JPEG_COMPONENTS_MAX];
    int                   adobe;     /* the transform of Adobe's marker, or -1 */
    uint8_t               predictor; /* lossless, of the only scan; 0 when there are several */
};

struct jpeg_segment {
    uint8_t   marker;
    iso_bytes body; /* without its length; empty where the marker has none */
};

/* The parameters of a scan, checked against the frame.   T.81 §B.2.3 */
struct jpeg_scan {
    unsigned components;                 /* 1..4 */
    unsigned index[JPEG_COMPONENTS_MAX]; /* of each in the frame; none twice */
    uint8_t  dc[JPEG_COMPONENTS_MAX];    /* its Huffman tables, 0..3 */
    uint8_t  ac[JPEG_COMPONENTS_MAX];
    uint8_t  first, last; /* Ss, Se; lossless: first is the predictor */
    uint8_t  high, low;   /* Ah, Al; lossless: low is the point transform */
};

/* Reads on to the next marker, over whatever is not one (T.81 §B.1.1.2: fill bytes; also entropy-coded
 * data), and its segment. false: no more, or cut. Each call consumes two bytes or ends. */
bool jpeg_segment_next(struct iso_reader *r, struct jpeg_segment *segment);

/* Everything up to the first scan, and the rows if they come after it.
 * ISO_EUNSUPPORTED: arithmetic coding, hierarchical. */
ISO_MUST_USE int jpeg_head_read(iso_bytes in, struct jpeg_head *head, struct iso_err *err);

ISO_MUST_USE int jpeg_scan_read(iso_bytes body, const struct jpeg_head *head,
                                struct jpeg_scan *scan, struct iso_err *err);

/* n 16-bit samples, row_step apart, to those at out, out_step apart and as wide as the frame's.
 * precision: of the stream, whose sign comes back. */
void jpeg_store(const uint16_t *row, size_t n, size_t row_step, const struct codec_image *frame,
                unsigned precision, uint8_t *out, size_t out_step);

/* BY(p) for each predictor p, as cases of a switch: so each gets a loop of its own. */
#define JPEG_PREDICTORS(BY) BY(1) BY(2) BY(3) BY(4) BY(5) BY(6) BY(7)

/* T.81 table H.1: a left, b above, c left above. */
static inline __attribute__((always_inline)) int32_t jpeg_predict(unsigned predictor, int32_t a,
                                                                  int32_t b, int32_t c)
{
    switch (predictor) {
    case 1:
        return a;
    case 2:
        return b;
    case 3:
        return c;
    case 4:
        return a + b - c;
    case 5:
        return a + ((b - c) >> 1);
    case 6:
        return b + ((a - c) >> 1);
    case 7:
        return (a + b) >> 1;
    default:
        return 0;
    }
}

/* Segments appended to out, whose failure is sticky. */
void jpeg_put_marker(struct iso_buf *out, uint8_t marker);
void jpeg_put_frame(struct iso_buf *out, const struct jpeg_head *head);
void jpeg_put_scan(struct iso_buf *out, const struct jpeg_head *head, const struct jpeg_scan *scan);

/* ---- the decoders and encoders; as in struct codec_family ---- */

int jpeg_lossless_decode(iso_bytes in, const struct jpeg_head *head, struct codec_image *frame,
                         uint8_t *out, struct iso_err *err);
/* 8 or 16 bits allocated. any_predictor: the best of all seven, else the first. */
int jpeg_lossless_encode(const struct codec_image *frame, iso_bytes pixels, bool any_predictor,
                         struct iso_buf *out, struct iso_err *err);
/* Any DCT: 8 or 12 bits, sequential and progressive. */
int jpeg_dct_decode(iso_bytes in, const struct jpeg_head *head, struct codec_image *frame,
                    uint8_t *out, struct iso_err *err);
/* libjpeg-turbo: 8 bits, 1 or 3 components, rows known. */
int jpeg_8_decode(iso_bytes in, struct codec_image *frame, uint8_t *out, size_t bytes,
                  struct iso_err *err);
/* RGB is converted; halved: chroma of half the width. */
int jpeg_8_encode(const struct codec_image *frame, iso_bytes pixels, unsigned quality, bool halved,
                  struct iso_buf *out, struct iso_err *err);
/* 16 bits allocated, of which 12 are kept. */
int jpeg_12_encode(const struct codec_image *frame, iso_bytes pixels, unsigned quality,
                   struct iso_buf *out, struct iso_err *err);

#endif
