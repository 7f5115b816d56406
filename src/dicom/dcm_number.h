/* dcm_number.h: numbers between DICOM text (DS, IS), JSON text and binary.   PS3.5 §6.2, RFC 8259 */
#ifndef DCM_NUMBER_H
#define DCM_NUMBER_H

#include "iso_bytes.h"

#include <string.h>

enum { DCM_NUMBER_CHARS_MAX = 64 };

/* A DS or IS value, trimmed, as a JSON number: the same digits in text, respelled where JSON is
 * stricter ("+007" is 7, ".5" is 0.5, "1." is 1). False: no number, longer than
 * DCM_NUMBER_CHARS_MAX - 2, or beyond a double. */
bool dcm_number_to_json(iso_str value, char text[DCM_NUMBER_CHARS_MAX], iso_str *number);
/* A decimal number, all of s: sign, digits, point, exponent; no "inf", "nan", hexadecimal. */
bool dcm_number_parse(iso_str s, double *out);
/* A JSON number as DS: at most 16 characters, rounded as little as that takes. */
iso_str dcm_number_to_ds(iso_str number, char text[DCM_NUMBER_CHARS_MAX]);
/* Sign and digits. */
iso_str dcm_number_print(bool negative, uint64_t magnitude, char text[24]);
/* An integer of a JSON number ("5", "5.0", "5e2") or decimal text, in -2^63 .. 2^64-1. */
bool dcm_number_integer(iso_str s, bool *negative, uint64_t *magnitude);

static inline float dcm_float_of(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline double dcm_double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

#endif
