/* dcm_deidentify_in.h: between dcm_deidentify.c, which decides, and dcm_deidentify_value.c, which makes
 * values. For these two only. */
#ifndef DCM_DEIDENTIFY_IN_H
#define DCM_DEIDENTIFY_IN_H

#include "dcm_deidentify.h"

enum { DEIDENTIFY_VALUE_BYTES_MAX = 1 << 20 };

/* A digest of purpose and text under the key. */
ISO_MUST_USE int deidentify_digest(const struct dcm_deidentify_profile *profile,
                                   const char *purpose, iso_str text, uint8_t digest[32],
                                   struct iso_err *err);
/* "P-" and hexadecimal digits. */
ISO_MUST_USE int deidentify_pseudonym(const struct dcm_deidentify_profile *profile, iso_str id,
                                      char            out[DCM_DEIDENTIFY_PSEUDONYM_CHARS + 1],
                                      struct iso_err *err);
/* How many days objects of this patient move back. */
ISO_MUST_USE int deidentify_days(const struct dcm_deidentify_profile *profile, iso_str id,
                                 int *days, struct iso_err *err);

/* What stands for a value of this VR; empty for a sequence. Lives for ever. */
iso_bytes deidentify_dummy(enum dcm_vr vr);
/* A list of UIDs, each of them mapped. In the arena. */
ISO_MUST_USE int deidentify_uids(const struct dcm_deidentify_profile *profile, iso_str value,
                                 struct iso_arena *arena, iso_bytes *out, struct iso_err *err);
/* A list of DA, DT or TM values, moved back; what is no date becomes a dummy. TM stays. In the arena. */
ISO_MUST_USE int deidentify_dates(enum dcm_vr vr, iso_str value, int days, struct iso_arena *arena,
                                  iso_bytes *out, struct iso_err *err);

#endif
