/* dcm_dict.h: the data dictionary, UIDs and transfer syntaxes; constant tables generated from data/.
 * PS3.6; PS3.5 §A. Everything returned lives for ever. Any thread. */
#ifndef DCM_DICT_H
#define DCM_DICT_H

#include "dcm_tag.h"
#include "dcm_vr.h"

struct dcm_dict_entry {
    dcm_tag     tag;         /* of a repeating group: with 0 for each x */
    enum dcm_vr vr : 8;      /* the first where there is a choice */
    enum dcm_vr vr_else : 8; /* "US or SS", "OB or OW": the second; DCM_VR_NONE otherwise */
    bool        retired;
    char        vm[8]; /* "1", "1-n", "2-2n" … */
    /* Where texts begin among all (dcm_dict_keyword, dcm_dict_name). With pointers the loader would
     * write to every page of the tables at each start, and no two processes would share them. */
    uint32_t keyword_at, name_at;
};

/* "" for what is private */
const char *dcm_dict_keyword(const struct dcm_dict_entry *entry);
const char *dcm_dict_name(const struct dcm_dict_entry *entry);

/* NULL when the standard does not know the tag. Repeating groups (50xx, 60xx, 0020,31xx, …) are
 * found; group lengths (gggg,0000) are UL; private creators LO (keyword "PrivateCreator"). */
const struct dcm_dict_entry *dcm_dict_find(dcm_tag tag);
/* Exact spelling, e.g. "PatientName". */
const struct dcm_dict_entry *dcm_dict_find_keyword(iso_str keyword);
/* element: the tag with its block cleared (gggg,00ee). NULL when the creator's list lacks it. */
const struct dcm_dict_entry *dcm_dict_find_private(iso_str creator, dcm_tag element);
/* The same in two steps, for those who meet many tags of one creator: its number (0: unknown), and
 * what stands there. */
size_t                       dcm_dict_creator(iso_str creator);
const struct dcm_dict_entry *dcm_dict_find_owned(size_t creator, dcm_tag element);
/* A tag from what people type: keyword, "00100010", "0010,0010" or "(0010,0010)". */
bool dcm_tag_parse(iso_str text, dcm_tag *tag);

enum dcm_uid_kind {
    DCM_UID_SOP_CLASS,
    DCM_UID_STORAGE_CLASS,
    DCM_UID_TRANSFER_SYNTAX,
    DCM_UID_OTHER
};

struct dcm_uid_entry {
    const char       *uid;
    const char       *name;
    const char       *keyword;
    enum dcm_uid_kind kind; /* DCM_UID_STORAGE_CLASS: composite storage, retired ones too */
    bool              retired;
};

const struct dcm_uid_entry *dcm_uid_find(iso_str uid);
/* Entry i in UID order; NULL past the end: for negotiation tables. */
const struct dcm_uid_entry *dcm_uid_at(size_t i);
/* 1..64 characters, digits and dots, no empty or zero-led component.   PS3.5 §9.1 */
bool dcm_uid_valid(iso_str uid);
/* Real scanners write UIDs longer than the 64 characters of PS3.5 §9.1; those are kept too. */
enum { DCM_UID_CHARS_MAX = 128 };
/* What UIDs of stored objects may look like in practice: 1..DCM_UID_CHARS_MAX digits and dots,
 * a digit first, lenient on zeros and empty components. What fails this is refused at the door. */
bool dcm_uid_acceptable(iso_str uid);
/* "2.25." and a UUID of these 16 bytes, random or a digest, as one number; NUL-terminated.
 * PS3.5 §B.2, RFC 9562 §5.8 */
void dcm_uid_make(const uint8_t bytes[16], char out[65]);

struct dcm_syntax {
    const char *uid;
    const char *name;
    bool        explicit_vr;
    bool        big_endian;
    bool        deflated;     /* the whole data set, RFC 1951 */
    bool        encapsulated; /* pixel data in fragments */
    bool        video;
    bool        lossy;
    const char
        *media_type; /* of a frame, e.g. "image/jls"; "application/octet-stream".  PS3.18 §8.7.3 */
};

/* NULL for a UID that the table lacks. An unknown one is read as explicit VR LE, encapsulated:
 * dcm_syntax_or_default gives that. */
const struct dcm_syntax *dcm_syntax_find(iso_str uid);
const struct dcm_syntax *dcm_syntax_or_default(iso_str uid);

/* From what people type: a UID, a keyword ("JPEGLSLossless"), or one of our own short names, such as
 * "explicit-le", "rle", "jpegls", "htj2k". NULL: none of them. */
const struct dcm_syntax *dcm_syntax_named(iso_str name);
/* Short name i and its UID; NULL past the end. */
const char *dcm_syntax_name_at(size_t i, const char **uid);

extern const struct dcm_syntax *const DCM_IMPLICIT_LE; /* 1.2.840.10008.1.2 */
extern const struct dcm_syntax *const DCM_EXPLICIT_LE; /* 1.2.840.10008.1.2.1 */
extern const struct dcm_syntax *const DCM_EXPLICIT_BE; /* 1.2.840.10008.1.2.2 */
extern const struct dcm_syntax *const DCM_DEFLATED_LE; /* 1.2.840.10008.1.2.1.99 */

#endif
