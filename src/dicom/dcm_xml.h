/* dcm_xml.h: the Native DICOM Model in XML, both directions.   PS3.19 §A.1 */
#ifndef DCM_XML_H
#define DCM_XML_H

#include "dcm_json.h"

/* A whole document <?xml …?><NativeDicomModel …> for one data set. The options are those of JSON. */
ISO_MUST_USE int dcm_xml_write(const struct dcm_dataset *ds, const struct dcm_json_options *options,
                               struct iso_arena *scratch, struct iso_buf *out, struct iso_err *err);
/* One document. No DTD, no entities but the five; depth at most DCM_DEPTH_MAX. */
ISO_MUST_USE int dcm_xml_read(iso_bytes text, struct iso_arena *arena, struct dcm_dataset *ds,
                              struct dcm_json_bulk **bulk, size_t *bulk_count, struct iso_err *err);

#endif
