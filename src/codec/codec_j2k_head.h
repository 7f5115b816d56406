/* codec_j2k_head.h: what a JPEG 2000 code stream says of itself, read by us before any library sees
 * it.   ITU-T T.800 Annex A, T.801 (Part 2), T.814 (HTJ2K); PS3.5 §8.2.4, §8.2.15
 * Nothing here allocates or calls a library. Any thread. */
#ifndef CODEC_J2K_HEAD_H
#define CODEC_J2K_HEAD_H

#include "codec.h"

struct codec_j2k_component {
    uint8_t  bits; /* 1..38 */
    bool     is_signed;
    uint32_t dx, dy;        /* subsampling */
    uint32_t columns, rows; /* of its own samples */
};

struct codec_j2k_head {
    iso_bytes
        stream; /* a view of the code stream: without the JP2 boxes some files have around it */
    uint32_t                   rows, columns; /* of the picture in full */
    uint32_t                   x0, y0;        /* its corner on the reference grid */
    uint16_t                   samples;       /* components, 1..CODEC_SAMPLES_MAX */
    struct codec_j2k_component component[CODEC_SAMPLES_MAX];
    uint8_t                    bits; /* the largest precision */
    bool                       is_signed;
    bool                       mct;        /* the first three come as YBR_RCT or YBR_ICT */
    bool                       reversible; /* 5/3 wavelet and RCT */
    bool                       ht;         /* HTJ2K block coding */
    bool                       plain;      /* same parameters for all components and tiles */
    bool                       tlm;
    bool                       complete; /* as many tile-parts, and as long, as it says */
    size_t                     end;      /* of the tile-parts that can be read, or of the stream */
    uint8_t                    progression;
    uint8_t                    levels;
    uint16_t                   layers; /* the most of any tile */
    uint32_t                   tiles;
};

/* Reads the main header and goes through the tile-parts.
 *
 * ISO_EFORMAT       it is no JPEG 2000, ends in its main header, or contradicts itself
 * ISO_EUNSUPPORTED  more components than CODEC_SAMPLES_MAX; signed and unsigned ones together; Part 2
 * ISO_ELIMIT        tiles, precincts or code-blocks beyond reason, or beyond the bytes there are */
ISO_MUST_USE int codec_j2k_head_read(iso_bytes in, struct codec_j2k_head *head,
                                     struct iso_err *err);

/* As codec_family's inspect: see codec_j2k_head.c for who is believed when the attributes say
 * something else. */
ISO_MUST_USE int codec_j2k_inspect(iso_str uid, iso_bytes in, const struct codec_image *attributes,
                                   struct codec_image *frame, struct iso_err *err);

/* Whether frames are encoded with loss in this syntax: .91 and .203 allow both. */
bool codec_j2k_is_lossy(iso_str uid);

/* As codec_family's described, for frames of 1 or 3 samples in 1 or 2 bytes. */
ISO_MUST_USE int codec_j2k_described(iso_str uid, const struct codec_image *frame,
                                     const struct codec_options *options,
                                     struct codec_image *described, struct iso_err *err);

/* A pair of transfer syntaxes, by the ends of their UIDs, where a stream of one is valid as it is in
 * the other. */
struct codec_j2k_move {
    const char *from, *to;
};

/* Appends the bare code stream when from and to are one of these pairs; else ISO_EUNSUPPORTED. */
ISO_MUST_USE int codec_j2k_move(const struct codec_j2k_move *moves, size_t count, iso_str from,
                                iso_bytes in, iso_str to, struct iso_buf *out, struct iso_err *err);

#endif
