/* dcm_dataset.h: a data set in memory: elements in stream order, sequences as trees.   PS3.5 §7
 * Everything lives in the arena that it was built in. Values are raw bytes as on the wire, padding
 * included, except that numbers are little endian whatever the transfer syntax was. Large values
 * (pixel data, documents, waveforms) are not here: the element says where they lie. */
#ifndef DCM_DATASET_H
#define DCM_DATASET_H

#include "dcm_charset.h"
#include "dcm_dict.h"
#include "dcm_tags.h"
#include "iso_arena.h"

enum dcm_form {
    DCM_FORM_VALUE,    /* value holds it */
    DCM_FORM_BULK,     /* left in the stream: offset and bytes say where */
    DCM_FORM_SEQUENCE, /* items */
    DCM_FORM_FRAGMENTS /* encapsulated pixel data, left in the stream: offset of its first item
                          header, bytes up to (not including) the sequence delimiter */
};

/* How the header of an element was really written, where that is not what the transfer syntax says:
 * the writer repeats it, so that nothing changes by passing through. */
enum dcm_header {
    DCM_HEADER_NORMAL,
    DCM_HEADER_IMPLICIT, /* no VR, in an explicit data set */
    DCM_HEADER_EXPLICIT, /* a VR, in an implicit data set */
    DCM_HEADER_SHORT,    /* explicit, 16-bit length, whatever the VR; wire_vr has the two bytes */
    DCM_HEADER_LONG      /* explicit, 32-bit length, whatever the VR; wire_vr has the two bytes */
};

struct dcm_dataset;

struct dcm_element {
    dcm_tag             tag;
    uint8_t             vr;   /* enum dcm_vr, from the wire or the dictionary */
    uint8_t             form; /* enum dcm_form */
    bool                undefined_length;
    char                wire_vr[2]; /* what an explicit stream really said; 0,0: as vr */
    uint8_t             header;     /* enum dcm_header */
    uint16_t            reserved;   /* the two bytes before a 32-bit length; nearly always 0 */
    iso_bytes           value;      /* DCM_FORM_VALUE */
    uint64_t            offset;     /* of the value, from the start of the stream */
    uint64_t            bytes;      /* of the value on the wire */
    struct dcm_dataset *items;      /* DCM_FORM_SEQUENCE: item_count of them, in an array */
    size_t              item_count;
};

struct dcm_dataset {
    struct dcm_element       *element;
    size_t                    count;
    size_t                    cap;
    const struct dcm_dataset *parent;  /* the data set whose sequence this is an item of */
    struct dcm_charset        charset; /* own (0008,0005), else the parent's */
    bool                      sorted;  /* ascending tags, no duplicates: found by bisection */
    bool                      undefined_length; /* as an item */
    uint64_t                  offset; /* as an item: of its tag, from the start of the stream */
};

/* Looking. NULL or an empty view: not there. Of duplicates the first is found. */
const struct dcm_element *dcm_get(const struct dcm_dataset *ds, dcm_tag tag);
/* Raw bytes; of text, without trailing padding (spaces, NULs) and leading spaces. */
iso_str dcm_get_raw(const struct dcm_dataset *ds, dcm_tag tag);
/* The first value, ASCII VRs (UI, CS, DA, IS …): trimmed. A borrowed view. */
iso_str dcm_get_ascii(const struct dcm_dataset *ds, dcm_tag tag);
/* All values in UTF-8, joined by '\\'; trailing padding of each value removed. */
iso_str dcm_get_text(const struct dcm_dataset *ds, dcm_tag tag, struct iso_arena *arena);
/* Value number i of IS, DS, US, SS, UL, SL, UV, SV, FL, FD; false when absent or not a number. */
bool dcm_get_i64(const struct dcm_dataset *ds, dcm_tag tag, size_t i, int64_t *out);
bool dcm_get_double(const struct dcm_dataset *ds, dcm_tag tag, size_t i, double *out);
/* Item number i of a sequence, or NULL. */
const struct dcm_dataset *dcm_get_item(const struct dcm_dataset *ds, dcm_tag tag, size_t i);
/* How many values the element has (backslashes + 1, bytes / unit, items; 1 for OB … OW, UN and
 * undivided text); 0 when absent or empty. */
size_t dcm_element_vm(const struct dcm_element *el);
/* The whole value in UTF-8, as dcm_charset_decode. */
iso_str dcm_element_text(const struct dcm_dataset *ds, const struct dcm_element *el,
                         struct iso_arena *arena);
/* (gggg,00bb) that owns the private tag's block in ds, trimmed; empty when none. */
iso_str dcm_private_creator(const struct dcm_dataset *ds, dcm_tag tag);

/* Building. Elements are kept in tag order; setting an existing tag replaces it. All: ISO_OK, or
 * ISO_ENOMEM/ISO_ELIMIT from the arena. */
void dcm_dataset_init(struct dcm_dataset *ds);
/* The element, new or emptied, ready to be filled; NULL: out of memory. Earlier element pointers of
 * this data set become invalid, here and below. */
struct dcm_element *dcm_put(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                            enum dcm_vr vr);
/* A new element after the last one, whatever its tag: for readers, who keep the order they met. */
struct dcm_element *dcm_append(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                               enum dcm_vr vr);
/* Copies value into the arena; pads to even length as the VR wants. For ASCII VRs, or text already
 * in the data set's character set. (0008,0005) becomes the data set's charset with it; items made
 * before keep theirs. */
ISO_MUST_USE int dcm_put_raw(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                             enum dcm_vr vr, iso_bytes value);
ISO_MUST_USE int dcm_put_str(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                             enum dcm_vr vr, iso_str value);
/* US, UL, SS, SL, UV, SV in binary, IS as text. */
ISO_MUST_USE int dcm_put_i64(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                             enum dcm_vr vr, int64_t value);
/* Appends an empty item to the sequence (created when absent); NULL: out of memory. Earlier item
 * pointers of this sequence become invalid. */
struct dcm_dataset *dcm_put_item(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag);
/* The same for an element of ds that the caller holds; it becomes a sequence if it was none. */
struct dcm_dataset *dcm_element_add_item(struct dcm_dataset *ds, struct dcm_element *el,
                                         struct iso_arena *arena);
/* Deep copy of one element (any form) into ds; from: the data set that el is in. Text is converted
 * to the character set of ds where the two differ. */
ISO_MUST_USE int dcm_put_copy(struct dcm_dataset *ds, struct iso_arena *arena,
                              const struct dcm_dataset *from, const struct dcm_element *el,
                              struct iso_err *err);
void             dcm_remove(struct dcm_dataset *ds, dcm_tag tag);
/* Sets (0008,0005) to ISO_IR 192 and the data set's own charset with it: what we build is UTF-8. */
ISO_MUST_USE int dcm_put_utf8(struct dcm_dataset *ds, struct iso_arena *arena);

#endif
