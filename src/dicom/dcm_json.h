/* dcm_json.h: the DICOM JSON model, both directions.   PS3.18 Annex F */
#ifndef DCM_JSON_H
#define DCM_JSON_H

#include "dcm_dataset.h"
#include "iso_json.h"

struct dcm_json_options {
    /* Called for each bulk element (and inline binary over inline_max): writes the URI text of its
     * content to uri. path names it as "00420011" or "54000100/0/54001010" (tag, item from 0, …).
     * NULL function: such elements come out with their vr only. */
    int (*bulk_uri)(void *ctx, const struct dcm_element *el, iso_str path, struct iso_buf *uri,
                    struct iso_err *err);
    void  *ctx;
    size_t inline_max; /* OB … UN values up to this are InlineBinary; 0: all that are present */
};

/* One object: keys in tag order, names as components, numbers as numbers (DS and IS that are none
 * as strings, SV and UV beyond 2^53 too, NaN and infinities null), empty values without "Value",
 * group lengths left out (F.2.2). Converted text may use scratch. options NULL: defaults. */
ISO_MUST_USE int dcm_json_write(const struct dcm_dataset      *ds,
                                const struct dcm_json_options *options, struct iso_arena *scratch,
                                struct iso_json *json, struct iso_err *err);

struct dcm_json_bulk {      /* a BulkDataURI met while reading */
    struct dcm_dataset *ds; /* where its (empty) element is */
    dcm_tag             tag;
    iso_str             uri;
};

/* One object, or each object of an array (count of them in *list), in UTF-8 (ISO_IR 192 is set where
 * text was not ASCII). Numbers keep their digits. Depth at most DCM_DEPTH_MAX; memory is bounded by
 * the arena, whatever the text repeats. bulk may be NULL: BulkDataURI is then refused.
 * ISO_EFORMAT says where: offset for syntax, tag and value for content. */
ISO_MUST_USE int dcm_json_read(iso_bytes text, struct iso_arena *arena, struct dcm_dataset **list,
                               size_t *count, struct dcm_json_bulk **bulk, size_t *bulk_count,
                               struct iso_err *err);

#endif
