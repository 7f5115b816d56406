/* dcm_validate_rules.h: between dcm_validate.c, which walks, and the files that hold rules. */
#ifndef DCM_VALIDATE_RULES_H
#define DCM_VALIDATE_RULES_H

#include "dcm_validate.h"

enum { VALIDATE_PATH_CHARS = (DCM_DEPTH_MAX + 2) * 32 };

struct validator {
    const struct dcm_validate_options *options;
    struct iso_arena                  *scratch;
    struct dcm_validation              result;
    char                               path[VALIDATE_PATH_CHARS];
    size_t path_len; /* of the data set that we are in: "", "(…)[0]." */
};

/* One finding about attribute tag of the data set that we are in; tag 0: about the file. */
void validate_found(struct validator *v, enum dcm_severity severity, dcm_tag tag, const char *rule,
                    const char *fmt, ...) ISO_PRINTF(5, 6);
/* The path of item i of sequence tag; returns what to put back into path_len. */
size_t validate_enter(struct validator *v, dcm_tag tag, size_t i);

/* Lengths, repertoire and form of the values of one element.   PS3.5 §6.2 */
int validate_value(struct validator *v, const struct dcm_dataset *ds, const struct dcm_element *el,
                   struct iso_err *err);
/* Attributes that the SOP class demands.   PS3.3 §A, §C */
void validate_modules(struct validator *v, const struct dcm_dataset *ds);

#endif
