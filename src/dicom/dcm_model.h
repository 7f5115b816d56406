/* dcm_model.h: what the JSON and the XML model share; internal to dcm_json*.c and dcm_xml*.c.
 * Writers look at elements in tag order; readers collect values, which may come as text, name or
 * number, into the bytes of one element. */
#ifndef DCM_MODEL_H
#define DCM_MODEL_H

#include "dcm_dataset.h"
#include "dcm_json.h"

/* ---- writing */

/* The "vr" of an element: SQ for whatever has items, UN for what is not known. */
const char *dcm_model_vr_name(const struct dcm_element *el);
/* OB OD OF OL OV OW UN: InlineBinary. */
bool dcm_model_is_other(enum dcm_vr vr);
/* Trailing padding never belongs to a value; leading spaces do, but for AE, DS and IS.  PS3.5 §6.2 */
iso_str dcm_model_trim(enum dcm_vr vr, iso_str s);
/* The elements of ds by ascending tag, of equal ones the first; *order NULL: as they are. */
ISO_MUST_USE int dcm_model_order(const struct dcm_dataset *ds, struct iso_arena *scratch,
                                 const struct dcm_element ***order, size_t *count,
                                 struct iso_err *err);
/* As dcm_private_creator, by bisection in that order: unsorted data sets would be walked for each. */
iso_str dcm_model_creator(const struct dcm_dataset *ds, const struct dcm_element **order,
                          size_t count, dcm_tag tag);

/* ---- reading */

/* The value field of one element while its values arrive. */
struct dcm_collect {
    struct iso_arena *arena;
    dcm_tag           tag;
    enum dcm_vr       vr;
    char             *ptr;
    size_t            len;
    size_t            cap;
    size_t            count; /* of values so far */
};

void dcm_collect_init(struct dcm_collect *c, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr);
/* One value as text: a JSON string or number, the content of <Value>. Empty: an empty value. NaN
 * for FL and FD is "NaN" or empty. ISO_EFORMAT: not a value of this VR. */
ISO_MUST_USE int dcm_collect_add(struct dcm_collect *c, iso_str text, struct iso_err *err);
/* One person name; trailing empty groups are left out. */
ISO_MUST_USE int dcm_collect_name(struct dcm_collect *c, const iso_str groups[3],
                                  struct iso_err *err);
/* Bytes as they are, without a separator. */
ISO_MUST_USE int dcm_collect_raw(struct dcm_collect *c, iso_str bytes, struct iso_err *err);
/* InlineBinary. */
ISO_MUST_USE int dcm_collect_base64(struct dcm_collect *c, iso_str text, struct iso_err *err);
/* Pads to even length; the bytes are in the arena. */
ISO_MUST_USE int dcm_collect_finish(struct dcm_collect *c, iso_bytes *value, struct iso_err *err);

/* Appends an element to a data set being read. *el is valid until the next one. */
ISO_MUST_USE int dcm_model_append(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                                  enum dcm_vr vr, struct dcm_element **el, struct iso_err *err);
/* The data set is complete: brings it into tag order; a tag that came twice is ISO_EFORMAT. */
ISO_MUST_USE int dcm_model_finish(struct dcm_dataset *ds, struct iso_err *err);
/* After each element: what was read is UTF-8, so a (0008,0005) that says something says ISO_IR 192. */
void dcm_model_charset(struct dcm_dataset *ds, struct dcm_element *el);
/* Appends (0008,0005) ISO_IR 192 unless the data set has one. */
ISO_MUST_USE int dcm_model_say_utf8(struct dcm_dataset *ds, struct iso_arena *arena,
                                    struct iso_err *err);
/* The tree will not move any more: gives items their parents and lists the elements that wait as
 * DCM_FORM_BULK with a URI for a value; they become empty values. */
void dcm_model_settle(struct dcm_dataset *ds, struct dcm_json_bulk *bulk, size_t *bulk_count);
/* Eight hexadecimal digits or a keyword; vr from its name, or from the dictionary where name is
 * empty. ISO_EFORMAT says which of the two is not known. */
ISO_MUST_USE int dcm_model_attribute(iso_str tag_text, iso_str vr_name, dcm_tag *tag,
                                     enum dcm_vr *vr, struct iso_err *err);

#endif
