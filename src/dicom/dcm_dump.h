/* dcm_dump.h: a data set as text for people, one line an element, items indented:
 *   (0010,0010) PN [Doe^John]                               #     8, 1 PatientName
 * bytes, number of values and name stand after '#'. Values are shortened; what could steer a
 * terminal (control characters, direction marks) is written as an escape. */
#ifndef DCM_DUMP_H
#define DCM_DUMP_H

#include "dcm_parser.h"

struct dcm_dump_options {
    size_t value_chars_max; /* characters of a value; 0: 64 */
    bool   offsets;         /* the offset of each element first */
    bool   no_private;      /* leaves private elements out */
};

/* The rest of what the parser reads, as it comes: a file that is broken further on is shown up to
 * there, then the parser's error is returned. Memory is bounded whatever the input is. options
 * NULL: defaults. */
ISO_MUST_USE int dcm_dump(struct dcm_parser *p, const struct dcm_dump_options *options,
                          struct iso_sink out, struct iso_err *err);
/* The elements of a data set without items, such as file meta information. */
ISO_MUST_USE int dcm_dump_flat(const struct dcm_dataset *ds, const struct dcm_dump_options *options,
                               struct iso_sink out, struct iso_err *err);
/* Appends s as it may be shown on one line: at most chars_max characters, "..." when cut, anything
 * that is no printable character as \n, \t, \x1b or \u{202e}. */
void dcm_dump_text(struct iso_buf *out, iso_str s, size_t chars_max);

#endif
