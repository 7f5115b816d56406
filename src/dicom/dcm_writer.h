/* dcm_writer.h: data sets out.   PS3.5 §7, §A
 * What was read and is written in the same transfer syntax comes out byte for byte the same. */
#ifndef DCM_WRITER_H
#define DCM_WRITER_H

#include "dcm_dataset.h"
#include "dcm_parser.h"
#include "iso_buf.h"

enum dcm_lengths {
    DCM_LENGTHS_KEEP, /* defined or undefined as each sequence and item was read */
    DCM_LENGTHS_UNDEFINED,
    DCM_LENGTHS_DEFINED
};

struct dcm_write_options {
    enum dcm_lengths lengths;
    bool             skip_group_lengths; /* leave (gggg,0000) out: their numbers may be wrong now */
    /* Writes the content of a bulk element or of fragments (item headers included, delimiter not)
     * to the sink, in little endian. NULL: such an element is ISO_EINVAL. */
    int (*bulk)(void *ctx, const struct dcm_element *el, struct iso_sink sink, struct iso_err *err);
    void *ctx;
};

/* options NULL: keep lengths, no bulk. */
ISO_MUST_USE int dcm_write(const struct dcm_dataset *ds, const struct dcm_syntax *syntax,
                           const struct dcm_write_options *options, struct iso_sink sink,
                           struct iso_err *err);

/* Re-encodes a stream from the parser's syntax to `to` on the fly (implicit, explicit, big endian,
 * deflated; fixed memory; pixel data swapped but never decoded): sequences and items come out with
 * undefined length, group lengths are left out. ISO_EUNSUPPORTED when one is encapsulated and the
 * other not, or the compressions differ. */
ISO_MUST_USE int dcm_recode(struct dcm_parser *from, const struct dcm_syntax *from_syntax,
                            const struct dcm_syntax *to, struct iso_sink sink, struct iso_err *err);

/* What is changed at the top level on the way. */
struct dcm_edits {
    const struct dcm_dataset *put;  /* these replace those in the stream, or are added where they
                                      belong; in tag order, values in memory; NULL: none */
    const dcm_tag            *drop; /* these are left out */
    size_t                    drop_count;
};

/* As dcm_recode, with changes, and up to the top-level pixel data (of any kind), which is not
 * written: *end is where the parser stands, DCM_EV_ELEMENT or DCM_EV_FRAGMENTS; or DCM_EV_END when
 * there is none. ISO_EUNSUPPORTED: fragments elsewhere. to: not a deflated one; whether it is
 * encapsulated is the caller's business. */
ISO_MUST_USE int dcm_recode_edited(struct dcm_parser *from, const struct dcm_syntax *from_syntax,
                                   const struct dcm_syntax *to, const struct dcm_edits *edits,
                                   struct iso_sink sink, struct dcm_position *end,
                                   struct iso_err *err);

/* What becomes of an element on the way. */
enum dcm_verdict {
    DCM_KEEP, /* of a sequence: its items, whose elements are judged in turn */
    DCM_DROP,
    DCM_REPLACE /* by vr and value, which live until the next judgement; of a sequence: one without items */
};

struct dcm_filter {
    /* at: an element, a sequence or fragments, at any depth. The value may be read from the parser, but then
     * it has to be replaced or dropped. */
    int (*judge)(void *ctx, struct dcm_parser *from, const struct dcm_position *at,
                 enum dcm_verdict *verdict, enum dcm_vr *vr, iso_bytes *value, struct iso_err *err);
    void *ctx;
    const struct dcm_dataset
        *put; /* as in dcm_edits; judge is not asked about these at the top level */
};

/* As dcm_recode, with each element judged. to: little endian; values are given in it. */
ISO_MUST_USE int dcm_recode_filtered(struct dcm_parser *from, const struct dcm_syntax *from_syntax,
                                     const struct dcm_syntax *to, const struct dcm_filter *filter,
                                     struct iso_sink sink, struct iso_err *err);

#endif
