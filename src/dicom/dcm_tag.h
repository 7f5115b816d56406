/* dcm_tag.h: a data element tag, group and element in one number.   PS3.5 §7.1
 * Names of the standard's tags (DCM_PATIENT_NAME, …) are generated into dcm_tags.h. */
#ifndef DCM_TAG_H
#define DCM_TAG_H

#include "iso_bytes.h"

typedef uint32_t dcm_tag; /* group << 16 | element */

#define DCM_TAG(group, element) ((dcm_tag)(group) << 16 | (dcm_tag)(element))
/* For printf: "(%04x,%04x)" */
#define DCM_TAG_FMT      "(%04x,%04x)"
#define DCM_TAG_ARG(tag) (unsigned)((tag) >> 16), (unsigned)((tag)&0xffff)

#define DCM_ITEM                  DCM_TAG(0xfffe, 0xe000)
#define DCM_ITEM_DELIMITATION     DCM_TAG(0xfffe, 0xe00d)
#define DCM_SEQUENCE_DELIMITATION DCM_TAG(0xfffe, 0xe0dd)

static inline uint16_t dcm_tag_group(dcm_tag tag)
{
    return (uint16_t)(tag >> 16);
}

/* PS3.5 §7.8 */
static inline bool dcm_tag_is_private(dcm_tag tag)
{
    return (tag >> 16 & 1) != 0;
}

/* (gggg,0010-00FF) of an odd group: names who owns a block.   PS3.5 §7.8.1 */
static inline bool dcm_tag_is_private_creator(dcm_tag tag)
{
    return dcm_tag_is_private(tag) && (tag & 0xffff) >= 0x10 && (tag & 0xffff) <= 0xff;
}

#endif
