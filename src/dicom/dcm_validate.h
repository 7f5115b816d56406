/* dcm_validate.h: what is wrong with a data set, rule by rule.   PS3.3, PS3.5, PS3.6, PS3.10
 * Looks at values (length, repertoire, form), VRs and value counts against the dictionary, order and
 * ownership of elements, file meta information, and at the attributes of type 1 and 2 of the modules
 * that the SOP class makes mandatory. Does not judge conditions (1C, 2C), defined terms or pixels. */
#ifndef DCM_VALIDATE_H
#define DCM_VALIDATE_H

#include "dcm_file.h"

enum dcm_severity {
    DCM_NOTE,    /* allowed, but unusual or retired */
    DCM_WARNING, /* not allowed, and usually harmless */
    DCM_ERROR    /* not allowed, and others may fail on it */
};

struct dcm_finding {
    enum dcm_severity severity;
    dcm_tag           tag;
    iso_str           path;    /* "(0008,1140)[0].(0008,1150)"; empty: the file */
    const char       *rule;    /* "PS3.5 §6.2 DA" */
    iso_str           message; /* one line, safe to print */
};

/* Counts go on after findings_max; findings stop there. */
struct dcm_validation {
    size_t notes, warnings, errors;
    bool   truncated;
};

struct dcm_validate_options {
    size_t findings_max; /* 0: 1000 */
    /* Called for each finding, which is borrowed for the call. */
    void (*found)(void *ctx, const struct dcm_finding *finding);
    void *ctx;
};

/* ds: a whole data set; bulk elements are not looked into. meta NULL: not from a file. scratch: for
 * converted text. ISO_OK whatever was found, else the arena's failure. */
ISO_MUST_USE int dcm_validate(const struct dcm_dataset *ds, const struct dcm_meta *meta,
                              const struct dcm_validate_options *options, struct iso_arena *scratch,
                              struct dcm_validation *result, struct iso_err *err);

/* The type of a top-level attribute in the mandatory modules of the SOP class: 1, 2, or 3 when they do not ask
 * for it; 0: the class is not known. */
unsigned dcm_iod_type(iso_str sop_class_uid, dcm_tag tag);

#endif
