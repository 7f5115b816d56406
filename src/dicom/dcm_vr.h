/* dcm_vr.h: value representations.   PS3.5 §6.2 */
#ifndef DCM_VR_H
#define DCM_VR_H

#include "iso_bytes.h"

enum dcm_vr {
    DCM_VR_NONE, /* items and delimiters; or not known */
    DCM_VR_AE,
    DCM_VR_AS,
    DCM_VR_AT,
    DCM_VR_CS,
    DCM_VR_DA,
    DCM_VR_DS,
    DCM_VR_DT,
    DCM_VR_FL,
    DCM_VR_FD,
    DCM_VR_IS,
    DCM_VR_LO,
    DCM_VR_LT,
    DCM_VR_OB,
    DCM_VR_OD,
    DCM_VR_OF,
    DCM_VR_OL,
    DCM_VR_OV,
    DCM_VR_OW,
    DCM_VR_PN,
    DCM_VR_SH,
    DCM_VR_SL,
    DCM_VR_SQ,
    DCM_VR_SS,
    DCM_VR_ST,
    DCM_VR_SV,
    DCM_VR_TM,
    DCM_VR_UC,
    DCM_VR_UI,
    DCM_VR_UL,
    DCM_VR_UN,
    DCM_VR_UR,
    DCM_VR_US,
    DCM_VR_UT,
    DCM_VR_UV,
    DCM_VR_COUNT
};

struct dcm_vr_info {
    char     name[3];
    uint8_t  unit_bytes;  /* of one value of a binary VR, for byte order; 1 for text and OB, UN */
    bool     long_header; /* explicit VR: 2 reserved bytes and a 32-bit length.   PS3.5 §7.1.2 */
    bool     is_text;     /* characters */
    bool     has_charset; /* (0008,0005) applies: SH LO ST LT UC UT PN.   PS3.5 §6.1.2.3 */
    bool     is_list;     /* backslash separates values */
    char     pad;         /* to even length */
    uint32_t value_max;   /* characters or bytes of one value; 0: no limit but the length field */
};

/* vr out of range: as DCM_VR_NONE. */
const struct dcm_vr_info *dcm_vr_info(enum dcm_vr vr);
/* The VR of two characters; DCM_VR_NONE when they are none. */
enum dcm_vr dcm_vr_of(char first, char second);

#endif
