/* iso_json_read.h: a pull reader for JSON (RFC 8259) in memory: one token after another, no tree.
 * Memory is what the caller builds of it, so text of a few bytes cannot buy kilobytes; numbers keep
 * their digits. Depth is bounded by ISO_JSON_DEPTH_MAX. The struct is a plain value: a copy is a
 * place to come back to. One thread. */
#ifndef ISO_JSON_READ_H
#define ISO_JSON_READ_H

#include "iso_arena.h"
#include "iso_json.h"

enum iso_json_token {
    ISO_JSON_OBJECT,
    ISO_JSON_OBJECT_END,
    ISO_JSON_ARRAY,
    ISO_JSON_ARRAY_END,
    ISO_JSON_KEY,    /* text: of the member whose value comes next */
    ISO_JSON_STRING, /* text */
    ISO_JSON_NUMBER, /* text: as spelled */
    ISO_JSON_TRUE,
    ISO_JSON_FALSE,
    ISO_JSON_NULL,
    ISO_JSON_END /* one whole value has been read and nothing but white space follows */
};

struct iso_json_reader {
    const char       *ptr;
    size_t            len;
    size_t            at; /* offset of what comes next, for messages */
    struct iso_arena *arena;
    iso_str           text;
    unsigned          depth;
    uint64_t          is_object[ISO_JSON_DEPTH_MAX / 64]; /* a bit per level */
    uint8_t           state;
};

/* text is borrowed. Strings with escapes are unescaped into arena, others are views. */
void iso_json_reader_init(struct iso_json_reader *r, iso_str text, struct iso_arena *arena);
/* ISO_OK; ISO_EFORMAT with the offset (also for bad UTF-8); ISO_ELIMIT too deep or arena full. */
ISO_MUST_USE int iso_json_next(struct iso_json_reader *r, enum iso_json_token *token,
                               struct iso_err *err);
/* Past the value that comes next, whatever it is; allocates nothing. */
ISO_MUST_USE int iso_json_skip(struct iso_json_reader *r, struct iso_err *err);

#endif
