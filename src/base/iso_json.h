/* iso_json.h: a streaming JSON writer (RFC 8259). Commas, escapes and nesting are its business;
 * text that is not UTF-8 comes out with U+FFFD for each bad byte. A failed write is sticky and is
 * told by iso_json_end. Depth is bounded by ISO_JSON_DEPTH_MAX. One thread. */
#ifndef ISO_JSON_H
#define ISO_JSON_H

#include "iso_buf.h"

enum { ISO_JSON_DEPTH_MAX = 256 };

struct iso_json {
    struct iso_buf *out;
    int             failed;
    unsigned        depth;
    bool            need_comma;
    bool            after_key;
};

void iso_json_init(struct iso_json *json, struct iso_buf *out);
void iso_json_open_object(struct iso_json *json);
void iso_json_close_object(struct iso_json *json);
void iso_json_open_array(struct iso_json *json);
void iso_json_close_array(struct iso_json *json);
void iso_json_key(struct iso_json *json, iso_str key);
void iso_json_str(struct iso_json *json, iso_str value);
void iso_json_i64(struct iso_json *json, int64_t value);
void iso_json_u64(struct iso_json *json, uint64_t value);
/* The shortest text that reads back as the same double; NaN and infinities come out as null. */
void iso_json_double(struct iso_json *json, double value);
void iso_json_bool(struct iso_json *json, bool value);
void iso_json_null(struct iso_json *json);
/* Text that is a JSON value already. */
void iso_json_raw(struct iso_json *json, iso_str value);
/* Text that is JSON already and opens one object: its bracket and members, perhaps a key before. Another
 * member may follow, and iso_json_close_object ends it. */
void iso_json_open_raw(struct iso_json *json, iso_str text);
/* Text that is a quoted key and its colon already. */
void iso_json_key_raw(struct iso_json *json, iso_str text);
/* Shorthands: key, then value. */
void iso_json_key_str(struct iso_json *json, const char *key, iso_str value);
void iso_json_key_u64(struct iso_json *json, const char *key, uint64_t value);
/* ISO_OK, or why what was written is incomplete. */
ISO_MUST_USE int iso_json_end(struct iso_json *json, struct iso_err *err);

#endif
