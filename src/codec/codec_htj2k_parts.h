/* codec_htj2k_parts.h: a tile-part for each resolution of a stream that our encoder wrote, and their
 * lengths in the main header (TLM), so that who wants a smaller picture knows how many bytes to ask
 * for.   PS3.5 §10.18; ITU-T T.800 §A.4.2, §A.7.1, §B.10 */
#ifndef CODEC_HTJ2K_PARTS_H
#define CODEC_HTJ2K_PARTS_H

#include "codec_j2k_head.h"

/* Appends stream, of one tile and one tile-part, with the markers for that. Its image begins at 0,0,
 * its components are alike, code-blocks 64 x 64, one layer, RPCL. Where it holds something else than
 * what our encoder writes, it keeps its one tile-part, and TLM has one length. */
ISO_MUST_USE int codec_htj2k_add_parts(const struct codec_j2k_head *head, struct iso_buf *out,
                                       struct iso_err *err);

#endif
