/* img_sr.h: a structured report, or any object with a content tree (key object selections, too), as
 * a page of HTML, as plain text, in UTF-8, and as PDF.   PS3.3 §C.17.3, §C.17.6; PS3.16
 * What a reader sees: title, patient, study, state of completion and verification, then the tree: a
 * container is a section, everything else "name: value". Objects that it refers to are links where
 * the caller knows them. The page has no script and needs nothing but itself. */
#ifndef IMG_SR_H
#define IMG_SR_H

#include "dcm_dataset.h"
#include "iso_buf.h"

enum {
    IMG_SR_ITEMS_MAX = 50000, /* content items shown; the page says when there are more */
    IMG_SR_DEPTH_MAX = 48
};

struct img_sr_options {
    /* Where a picture of the object (frame: 0 none named, else from 1) is to be had: a URL in the
     * arena, or an empty view. NULL: nowhere. It is escaped by us. */
    iso_str (*link)(void *ctx, iso_str sop_instance_uid, uint32_t frame, struct iso_arena *arena);
    void *ctx;
};

/* Whether it has a content tree. */
bool img_sr_is(const struct dcm_dataset *ds);

/* "Chest X-ray report": the meaning of the document title, else the name of the SOP class, else
 * "Report". In the arena or borrowed. */
iso_str img_sr_title(const struct dcm_dataset *ds, struct iso_arena *arena);

/* A meaning in UTF-8 of the first item of a code sequence; else its value; empty: none. */
iso_str img_code_meaning(const struct dcm_dataset *ds, dcm_tag sequence, struct iso_arena *arena);

/* Append the whole document. options NULL: no links. Fail for want of memory, of the arena or of out. */
ISO_MUST_USE int img_sr_html(const struct dcm_dataset *ds, const struct img_sr_options *options,
                             struct iso_arena *arena, struct iso_buf *out, struct iso_err *err);
ISO_MUST_USE int img_sr_text(const struct dcm_dataset *ds, struct iso_arena *arena,
                             struct iso_buf *out, struct iso_err *err);
/* Pages of A4, 300 at most, without what is for programs alone: coordinates and UIDs, with what is
 * below them. The same bytes for the same document. */
ISO_MUST_USE int img_sr_pdf(const struct dcm_dataset *ds, struct iso_arena *arena,
                            struct iso_buf *out, struct iso_err *err);

#endif
