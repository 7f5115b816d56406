/* http_accept.h: media types, and what a client wants of them.   RFC 9110 §8.3.1, §12.5; PS3.18
 * §8.7 Types and parameter names are lower case in the results, parameter values are as sent,
 * without their quotes. As clients do, unquoted values may hold '/' (type=application/dicom).
 * Results live in the arena (and may borrow from the text). Any thread. */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include "http_query.h"

enum { HTTP_MEDIA_PARAMS_MAX = 16, HTTP_ACCEPT_RANGES_MAX = 64 };

struct http_media {
    iso_str                  type;   /* "multipart/related", "image/" followed by "*", ... */
    const struct http_param *params; /* without q and what follows it */
    size_t                   param_count;
    unsigned                 q; /* thousandths: 0..1000 */
};

/* The most wanted first: by q, then exact before "type/" + "*" before any, then as listed. */
struct http_accept {
    const struct http_media *ranges;
    size_t                   count;
};

/* What a handler can send. NULL fields: the offer says nothing about it. */
struct http_offer {
    const char *type;      /* "multipart/related", "application/dicom+json" */
    const char *part_type; /* the "type" parameter of multipart/related: "application/dicom" */
    const char *transfer_syntax; /* UID; NULL: whatever the client asks */
};

/* One media type, as in Content-Type. ISO_EFORMAT, ISO_ELIMIT (parameters). */
ISO_MUST_USE int http_media_parse(iso_str text, struct iso_arena *arena, struct http_media *out,
                                  struct iso_err *err);
/* Value of a parameter; empty when absent. name is lower case. */
iso_str http_media_param(const struct http_media *media, const char *name);

/* A list, as in Accept. Empty text: one range for everything. Elements that are no media range make
 * the whole text ISO_EFORMAT. */
ISO_MUST_USE int http_accept_parse(iso_str text, struct iso_arena *arena, struct http_accept *out,
                                   struct iso_err *err);

/* True when range, which may be a wildcard, admits the offer. Parameters of the range that the
 * offer does not name are ignored; transfer-syntax "*" admits every one. */
bool http_media_admits(const struct http_media *range, const struct http_offer *offer);

/* The best offer: ranges from the most wanted, for each the first offer it admits that no more
 * specific range refuses by q=0. *range (may be NULL) is the range that admitted it, for its
 * parameters. Returns the offer's index, or -1: 406. */
int http_accept_pick(const struct http_accept *accept, const struct http_offer *offers,
                     size_t count, const struct http_media **range);

/* Accept-Encoding admits gzip.   RFC 9110 §12.5.3 */
bool http_accepts_gzip(iso_str accept_encoding);

#endif
