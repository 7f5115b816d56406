/* dcm_deflate.h: the deflated transfer syntaxes: RFC 1951 in and out.   PS3.5 §A.5 */
#ifndef DCM_DEFLATE_H
#define DCM_DEFLATE_H

#include "iso_buf.h"

/* Beyond this much a stream is taken for a bomb: ISO_ELIMIT. */
#define DCM_INFLATE_BYTES_MAX ((uint64_t)4 << 30)

struct dcm_inflate; /* one thread */

/* Also takes what is wrapped as zlib (RFC 1950), which some write. Bytes after the end of the
 * deflated stream are left alone. source is borrowed until free. A stream that ends early or is
 * corrupt: ISO_EFORMAT from the read. */
ISO_MUST_USE int  dcm_inflate_new(struct dcm_inflate **inflate, struct iso_source source,
                                  struct iso_err *err);
struct iso_source dcm_inflate_source(struct dcm_inflate *inflate);
void              dcm_inflate_free(struct dcm_inflate *inflate);

struct dcm_deflate; /* one thread */

/* What is written to its sink goes to `sink`, deflated; finish ends the stream, padded to even. */
ISO_MUST_USE int dcm_deflate_new(struct dcm_deflate **deflate, struct iso_sink sink,
                                 struct iso_err *err);
struct iso_sink  dcm_deflate_sink(struct dcm_deflate *deflate);
ISO_MUST_USE int dcm_deflate_finish(struct dcm_deflate *deflate, struct iso_err *err);
void             dcm_deflate_free(struct dcm_deflate *deflate);

#endif
