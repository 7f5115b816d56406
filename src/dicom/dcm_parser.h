/* dcm_parser.h: a pull parser for data sets: one event after another from a stream or from memory.
 * PS3.5 §7, §A. Fixed memory whatever the input says: lengths are only ever counted down against
 * bytes that really came. Lenient where DCMTK and pydicom are: odd lengths, UN sequences in implicit
 * VR LE (or, by mistake, explicit), explicit elements in an implicit stream and the reverse, VRs that
 * do not exist and headers of the wrong form as long as what follows makes sense, wrong tag order,
 * duplicates, delimiters with a length, zeros after the end. Everything else is ISO_EFORMAT, told
 * with tag and offset; so is a stream that ends before all that it opened is closed: what was cut
 * off is not known to be unimportant. */
#ifndef DCM_PARSER_H
#define DCM_PARSER_H

#include "dcm_dataset.h"
#include "iso_buf.h"

enum { DCM_DEPTH_MAX = 64, DCM_ELEMENTS_MAX = 1000000 };

enum dcm_event {
    DCM_EV_ELEMENT,  /* a value of p->bytes follows: read it, or it is skipped */
    DCM_EV_SEQUENCE, /* SQ, or UN of undefined length: items follow */
    DCM_EV_ITEM,     /* a data set follows */
    DCM_EV_ITEM_END,
    DCM_EV_SEQUENCE_END,
    DCM_EV_FRAGMENTS, /* encapsulated pixel data: fragments follow */
    DCM_EV_FRAGMENT,  /* a value of p->bytes follows; number 0 is the basic offset table */
    DCM_EV_FRAGMENTS_END,
    DCM_EV_END /* the data set is complete */
};

struct dcm_parser; /* one thread */

/* What the parser stands on after an event; read only. */
struct dcm_position {
    enum dcm_event event;
    dcm_tag        tag;
    enum dcm_vr    vr;
    char           wire_vr[2]; /* this and the next two as in struct dcm_element */
    uint8_t        header;
    uint16_t       reserved;
    bool           undefined_length;
    uint64_t       bytes;        /* of the value, item or sequence; 0 when undefined */
    uint64_t       offset;       /* of the tag, from the start of the stream + offset_base */
    uint64_t       value_offset; /* of the value */
    size_t         depth;        /* how many sequences are open around it */
};

/* syntax: how the data set is encoded (deflated ones are inflated on the way; offsets are then of
 * the inflated stream, and bulk values cannot be found in the file: callers keep them inline).
 * offset_base is added to every offset. source is borrowed until free. */
ISO_MUST_USE int dcm_parser_new(struct dcm_parser **p, struct iso_source source,
                                const struct dcm_syntax *syntax, uint64_t offset_base,
                                struct iso_err *err);
/* The same from a lender: what is skipped, as pixel data is, is never copied. */
ISO_MUST_USE int dcm_parser_new_lent(struct dcm_parser **p, struct iso_lender lender,
                                     const struct dcm_syntax *syntax, uint64_t offset_base,
                                     struct iso_err *err);
/* The same over memory, which is borrowed; values are then lent instead of copied. */
ISO_MUST_USE int dcm_parser_new_memory(struct dcm_parser **p, iso_bytes in,
                                       const struct dcm_syntax *syntax, uint64_t offset_base,
                                       struct iso_err *err);
void             dcm_parser_free(struct dcm_parser *p);
/* The source can pass over bytes without giving them: skip(source.ctx, n) passes over up to n and
 * says over how many; fewer only at the end. Before the first event; not of a deflated data set. */
void dcm_parser_set_skip(struct dcm_parser *p,
                         int64_t (*skip)(void *ctx, uint64_t n, struct iso_err *err));

/* The next event; after DCM_EV_END: ISO_EEND. An unread value is skipped first. */
ISO_MUST_USE int dcm_parser_next(struct dcm_parser *p, const struct dcm_position **at,
                                 struct iso_err *err);
/* Reads on in the current value: up to cap bytes, 0 at its end, negative on error. Wire byte order. */
int64_t dcm_parser_read(struct dcm_parser *p, void *ptr, size_t cap, struct iso_err *err);
/* The whole current value, at most bytes_max (ISO_ELIMIT beyond; memory grows with what came),
 * little endian. In the arena, or borrowed from the input memory. */
ISO_MUST_USE int dcm_parser_value(struct dcm_parser *p, size_t bytes_max, struct iso_arena *arena,
                                  iso_bytes *value, struct iso_err *err);

/* Which values stay in the stream when a tree is built. NULL function: dcm_is_bulk. */
struct dcm_tree_options {
    bool (*is_bulk)(dcm_tag tag, enum dcm_vr vr, uint64_t bytes);
    bool    keep_all;    /* nothing is bulk (tools, small messages, deflated streams) */
    dcm_tag stop_before; /* 0: read to the end; else stop at the first top-level tag >= it */
    /* Called for each fragment of top-level pixel data. May be NULL. front: of number 0, the offset
     * table, its content up to 16 MiB (in the arena); of others their first bytes, up to
     * DCM_FRAGMENT_FRONT (for the call). */
    int (*fragment)(void *ctx, size_t number, uint64_t offset, uint64_t bytes, iso_bytes front,
                    struct iso_err *err);
    void *ctx;
};

enum { DCM_FRAGMENT_FRONT = 12 };

/* Pixel data, float pixel data, spectroscopy and waveform data, encapsulated documents, and any
 * OB OD OF OL OV OW UN over 1 KiB but palettes and overlays; text over 256 KiB. */
bool dcm_is_bulk(dcm_tag tag, enum dcm_vr vr, uint64_t bytes);

/* The rest of the data set as a tree in the arena, to its end or stop_before. Of a parser over
 * memory, values borrow that memory: it must outlive ds. */
ISO_MUST_USE int dcm_parser_tree(struct dcm_parser *p, const struct dcm_tree_options *options,
                                 struct iso_arena *arena, struct dcm_dataset *ds,
                                 struct iso_err *err);
/* Short form: a whole data set in memory, everything kept. Values borrow `in`, which must outlive
 * ds (those of a deflated or big endian one are copied). */
ISO_MUST_USE int dcm_dataset_parse(iso_bytes in, const struct dcm_syntax *syntax,
                                   struct iso_arena *arena, struct dcm_dataset *ds,
                                   struct iso_err *err);

#endif
