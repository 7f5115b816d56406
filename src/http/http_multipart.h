/* http_multipart.h: reads multipart/related as a stream, in linear time.   RFC 2046 §5.1, RFC 2387
 * Memory is constant: one buffer of HTTP_MULTIPART_BUFFER_BYTES whatever the parts hold. Parts come
 * in order; going to the next one skips what is left of the current. Blocks as the source does; one
 * thread. */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "http_accept.h"
#include "iso_buf.h"

enum {
    HTTP_MULTIPART_BUFFER_BYTES       = 128 << 10,
    HTTP_MULTIPART_BOUNDARY_MAX       = 70, /* RFC 2046 §5.1.1 */
    HTTP_MULTIPART_HEADER_BYTES_MAX   = 16 << 10,
    HTTP_MULTIPART_HEADERS_MAX        = 32,
    HTTP_MULTIPART_PREAMBLE_BYTES_MAX = 64 << 10
};

struct http_multipart;

/* A part's head. Views and the source live until the next call of http_multipart_next. */
struct http_part {
    const struct http_param *headers; /* names lower case, values trimmed */
    size_t                   header_count;
    struct iso_source body; /* up to the next boundary; ISO_EFORMAT when the stream ends first */
};

/* boundary: without its quotes, from the Content-Type. in is read ahead; it must outlive the
 * reader.
 * ISO_EFORMAT: boundary empty, longer than 70, or with characters RFC 2046 does not allow. */
ISO_MUST_USE int http_multipart_new(struct http_multipart **multipart, struct iso_source in,
                                    iso_str boundary, struct iso_err *err);
void             http_multipart_free(struct http_multipart *multipart);

/* ISO_OK      *part is the next one
 * ISO_EEND    the closing boundary was there: no more parts (the epilogue is not read)
 * ISO_EFORMAT no boundary, stream ends without its closing boundary, malformed part header
 * ISO_ELIMIT  part headers or preamble beyond their maximum
 * other codes come from the source */
ISO_MUST_USE int http_multipart_next(struct http_multipart *multipart, struct http_part *part,
                                     struct iso_err *err);

/* Value of a part's header; empty when absent. name is lower case. */
iso_str http_part_header(const struct http_part *part, const char *name);

#endif
