/* dcm_parser_state.h: what the files of the parser share. For this folder only. */
#ifndef DCM_PARSER_STATE_H
#define DCM_PARSER_STATE_H

#include "dcm_deflate.h"
#include "dcm_input.h"
#include "dcm_parser.h"
#include "iso_reader.h"

enum {
    LEVELS_MAX = 2 * DCM_DEPTH_MAX + 2, /* a sequence and an item for each step, and fragments */
    OWNERS_MAX = 128                    /* private blocks whose creator we know, over all levels */
};

enum level_kind { LEVEL_TOP, LEVEL_SEQUENCE, LEVEL_ITEM, LEVEL_FRAGMENTS };

struct level {
    uint8_t  kind;
    bool     implicit;
    bool     big_endian;
    bool     undefined;     /* its length: a delimiter ends it */
    bool     signed_pixels; /* (0028,0103) here or further out said 1 */
    bool     single_lut;    /* (0028,3002) said: one entry */
    bool     started;       /* an element was met */
    uint8_t  owners;        /* how many of parser->owner belong to those further out */
    dcm_tag  tag;           /* of the sequence or fragments; of the last element in a data set */
    uint64_t offset;        /* of that tag */
    uint64_t end;           /* nothing of this level lies at or beyond; UINT64_MAX: not known */
};

struct owner {
    dcm_tag block; /* (gggg,00bb) */
    size_t  creator;
};

struct dcm_parser {
    struct dcm_input    in;
    uint64_t            offset_base;
    struct dcm_position at;
    uint64_t            value_left; /* of the element or fragment that `at` stands on */
    uint8_t             swap_unit;  /* 1: values are as they should be */
    bool                done;
    int                 failed;
    size_t              elements;
    dcm_tag             stop_before; /* 0: never; else top-level tags from here on stay unread */
    size_t              level_count;
    struct level        level[LEVELS_MAX];
    uint8_t             owner_count;
    struct owner        owner[OWNERS_MAX];
    struct dcm_inflate *inflate;
    iso_bytes           deflated; /* what memory the inflater has not seen yet */
    struct iso_lender   lender;   /* where that comes from piece by piece; or NULL */
    uint8_t             window[]; /* DCM_WINDOW_BYTES, unless the input is memory */
};

/* One event into p->at; STEP_STOPPED: p->stop_before was reached, nothing was consumed. */
enum { STEP_STOPPED = 1 };
ISO_MUST_USE int dcm_parser_step(struct dcm_parser *p, struct iso_err *err);

/* One element header at p->in.ptr, where at least 8 bytes are visible; it is passed over.
 * Fills tag to bytes of p->at; what is no header is ISO_EFORMAT. */
ISO_MUST_USE int dcm_parser_head(struct dcm_parser *p, struct level *level, struct iso_err *err);

/* Remembers what later headers of this data set depend on: private creators, the sign of pixels. */
ISO_MUST_USE int dcm_parser_note(struct dcm_parser *p, struct level *level, struct iso_err *err);

/* ISO_EFORMAT with the tag and offset of p->at in front; sticky. */
int dcm_parser_fail(struct dcm_parser *p, int code, struct iso_err *err, const char *fmt, ...)
    ISO_PRINTF(4, 5);

static inline dcm_tag read_tag(const uint8_t *ptr, bool big_endian)
{
    return big_endian ? DCM_TAG(iso_u16be(ptr), iso_u16be(ptr + 2))
                      : DCM_TAG(iso_u16le(ptr), iso_u16le(ptr + 2));
}

static inline uint32_t read_u32(const uint8_t *ptr, bool big_endian)
{
    return big_endian ? iso_u32be(ptr) : iso_u32le(ptr);
}

#endif
