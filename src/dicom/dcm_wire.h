/* dcm_wire.h: headers and values into a sink, gathered in a small buffer. For this folder only.
 * The first failure of the sink is kept: writers write in a straight line and ask at the end. */
#ifndef DCM_WIRE_H
#define DCM_WIRE_H

#include "dcm_parser.h"
#include "iso_buf.h"

enum { DCM_WIRE_BYTES = 8 << 10 };

struct dcm_wire {
    struct iso_sink sink;
    struct iso_err *err;
    int             failed;
    size_t          len;
    uint8_t         buf[DCM_WIRE_BYTES];
};

/* How the headers of a data set are written. */
struct dcm_form_of {
    bool implicit;
    bool big_endian;
};

/* One element header. wire_vr 0,0: the name of vr. A value too long for a 16-bit length goes as UN
 * (PS3.5 §6.2.2). bytes 0xffffffff: undefined. */
struct dcm_head_out {
    dcm_tag     tag;
    enum dcm_vr vr;
    char        wire_vr[2];
    uint8_t     header; /* enum dcm_header */
    uint16_t    reserved;
    uint32_t    bytes;
};

void   dcm_wire_bytes(struct dcm_wire *wire, const void *ptr, size_t len);
void   dcm_wire_head(struct dcm_wire *wire, struct dcm_form_of form, const struct dcm_head_out *h);
size_t dcm_wire_head_bytes(struct dcm_form_of form, const struct dcm_head_out *h);
/* An item header or a delimiter. */
void dcm_wire_item(struct dcm_wire *wire, bool big_endian, dcm_tag tag, uint32_t bytes);
/* A value in little endian, turned round where unit > 1. */
void dcm_wire_swapped(struct dcm_wire *wire, iso_bytes value, size_t unit);
/* Everything to the sink; the first failure. */
ISO_MUST_USE int dcm_wire_flush(struct dcm_wire *wire);

#endif
