/* http_query.h: percent-decoding and query strings.   RFC 3986 §2.1, WHATWG URL §5.1
 * Decoding happens once. What comes out is UTF-8 without NUL, or the input is refused. Results live
 * in the arena or borrow from the input. Any thread. */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "iso_arena.h"

enum { HTTP_QUERY_PARAMS_MAX = 256 };

/* One name and its value: of a query string, of a path, or a header field. */
struct http_param {
    iso_str name;
    iso_str value;
};

/* In the order of the query string; a name may come more than once. */
struct http_query {
    const struct http_param *params;
    size_t                   count;
};

/* ISO_OK      *out is decoded
 * ISO_EFORMAT a '%' without two hex digits, not UTF-8, or a NUL
 * ISO_ELIMIT  arena full */
ISO_MUST_USE int http_percent_decode(iso_str raw, bool plus_is_space, struct iso_arena *arena,
                                     iso_str *out, struct iso_err *err);

/* raw: what follows '?'. Empty pieces ("a&&b") are skipped; "a" is "a" with an empty value.
 * ISO_EFORMAT as above; ISO_ELIMIT for more than HTTP_QUERY_PARAMS_MAX pairs. */
ISO_MUST_USE int http_query_parse(iso_str raw, struct iso_arena *arena, struct http_query *out,
                                  struct iso_err *err);

/* The first value of that name (compared exactly); false, and *value untouched, when there is none. */
bool http_query_get(const struct http_query *query, const char *name, iso_str *value);

#endif
