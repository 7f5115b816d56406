/* iso_gzip.h: text compressed in pieces beforehand, and put together as one gzip stream later, without
 * compressing again.   RFC 1951, RFC 1952
 * A piece is whole bytes of a raw deflate stream, ends with an empty stored block, has no last block,
 * and looks back no further than its own beginning: pieces may follow each other in any order. */
#ifndef ISO_GZIP_H
#define ISO_GZIP_H

#include "iso_buf.h"

struct iso_gzip_piece {
    iso_bytes deflated;
    uint64_t  bytes; /* of the text */
    uint32_t  crc32; /* of the text */
};

/* Makes one piece of text that comes bit by bit. */
struct iso_gzip_maker;

/* level: 1 (fast) to 9. Output is appended to *out, which must outlive the maker. */
ISO_MUST_USE int iso_gzip_maker_new(int level, struct iso_buf *out, struct iso_gzip_maker **maker,
                                    struct iso_err *err);
void             iso_gzip_maker_free(struct iso_gzip_maker *maker);
ISO_MUST_USE int iso_gzip_maker_add(struct iso_gzip_maker *maker, iso_bytes text,
                                    struct iso_err *err);
/* Ends the piece: *piece borrows what was appended to *out since it began, and is good until *out
 * grows again. The maker can begin another one. */
ISO_MUST_USE int iso_gzip_maker_finish(struct iso_gzip_maker *maker, struct iso_gzip_piece *piece,
                                       struct iso_err *err);

enum { ISO_GZIP_HEAD_BYTES = 10, ISO_GZIP_WORD_MAX = 16, ISO_GZIP_TAIL_BYTES = 13 };

/* What a gzip stream begins with, before the first piece. */
extern const uint8_t iso_gzip_head[ISO_GZIP_HEAD_BYTES];
/* A few bytes of text (at most ISO_GZIP_WORD_MAX) as a piece that is not compressed; room: 5 more. */
struct iso_gzip_piece iso_gzip_word(iso_str text, uint8_t room[ISO_GZIP_WORD_MAX + 5]);
/* What it ends with, after these pieces. */
void iso_gzip_tail(const struct iso_gzip_piece *pieces, size_t count,
                   uint8_t tail[ISO_GZIP_TAIL_BYTES]);

/* Appends the text of one piece to *out. ISO_EFORMAT: it is damaged; *out has part of it then. */
ISO_MUST_USE int iso_gzip_inflate(const struct iso_gzip_piece *piece, struct iso_buf *out,
                                  struct iso_err *err);

#endif
