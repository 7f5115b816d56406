/* dcm_file.h: Part 10 files: preamble, prefix, File Meta Information.   PS3.10 §7 */
#ifndef DCM_FILE_H
#define DCM_FILE_H

#include "dcm_parser.h"
#include "dcm_writer.h"
#include "iso_product.h"

enum { DCM_META_BYTES_MAX = 1 << 20, DCM_PREAMBLE_BYTES = 132 };

/* What stands before the data set. Strings are in the arena. */
struct dcm_meta {
    iso_str                  media_sop_class_uid;
    iso_str                  media_sop_instance_uid;
    iso_str                  transfer_syntax_uid; /* as the file says; empty when it does not */
    const struct dcm_syntax *syntax;      /* what the data set is read as; never NULL: of an unknown
                                             UID dcm_syntax_or_default, of none a guess */
    uint64_t                 data_offset; /* where the data set begins; 0 for a bare one */
    bool                     has_preamble;
    struct dcm_dataset       group2; /* all of it */
};

/* Reads up to the first byte of the data set from source. A stream without preamble but with group
 * 2, and one that is a bare data set (implicit or explicit, guessed as pydicom does), are read too;
 * ISO_EFORMAT "not a DICOM file" for anything else. *rest is a source that continues with the data
 * set; it borrows source and the arena. */
ISO_MUST_USE int dcm_meta_read(struct iso_source source, struct iso_arena *arena,
                               struct dcm_meta *meta, struct iso_source *rest, struct iso_err *err);

/* Preamble of zeros, prefix and a fresh group 2 with our implementation UID; source_ae may be
 * empty. */
ISO_MUST_USE int dcm_meta_write(iso_str sop_class_uid, iso_str sop_instance_uid,
                                iso_str transfer_syntax_uid, iso_str source_ae,
                                struct iso_sink sink, struct iso_err *err);

/* The same with Private Information (0002,0100) and (0002,0102) in it.   PS3.10 §7.1 */
ISO_MUST_USE int dcm_meta_write_private(iso_str sop_class_uid, iso_str sop_instance_uid,
                                        iso_str transfer_syntax_uid, iso_str source_ae,
                                        iso_str creator_uid, iso_bytes information,
                                        struct iso_sink sink, struct iso_err *err);

/* A whole file in memory: meta, then the tree (options as dcm_parser_tree, NULL: keep all). Values
 * borrow `in`, which must outlive ds; offsets are those in the file. Deflated ones are kept whole. */
ISO_MUST_USE int dcm_file_parse(iso_bytes in, const struct dcm_tree_options *options,
                                struct iso_arena *arena, struct dcm_meta *meta,
                                struct dcm_dataset *ds, struct iso_err *err);

#endif
