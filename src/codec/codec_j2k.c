/* codec_j2k.c: JPEG 2000 by OpenJPEG.   ITU-T T.800; PS3.5 §8.2.4
 * Our own reading of the header comes first and decides what the frame is (codec_j2k_head.c). Of the
 * multi-component syntaxes (.92, .93) those streams are decoded that use Part 1 alone. */
#include "codec_in.h"

#include "codec_opj.h"

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct codec_j2k_head head;
    int                   rc = codec_j2k_head_read(in, &head, err);

    (void)uid;
    (void)a;
    return rc == ISO_OK ? codec_opj_decode(&head, frame, out, bytes, err) : rc;
}

static int encode(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                  const struct codec_options *options, struct iso_buf *out, struct iso_err *err)
{
    return codec_opj_encode(frame, pixels, codec_j2k_is_lossy(uid) ? options->quality : 0, out,
                            err);
}

/* A lossless stream is valid where a lossy one may be, and one of Part 1 where Part 2 may be. */
static int repack(iso_str from, iso_bytes in, iso_str to, struct iso_buf *out, struct iso_err *err)
{
    static const struct codec_j2k_move moves[] = {
        { ".90", ".91" }, { ".90", ".92" }, { ".90", ".93" }, { ".91", ".93" }, { ".92", ".93" },
    };

    return codec_j2k_move(moves, sizeof moves / sizeof *moves, from, in, to, out, err);
}

const struct codec_family codec_j2k    = { .inspect   = codec_j2k_inspect,
                                           .decode    = decode,
                                           .described = codec_j2k_described,
                                           .encode    = encode,
                                           .repack    = repack,
                                           .foreign   = true };
const struct codec_family codec_j2k_p2 = {
    .inspect = codec_j2k_inspect, .decode = decode, .repack = repack, .foreign = true
};
