/* dimse_status.h: status codes of DIMSE responses.   PS3.7 Annex C; PS3.4 §B.2.3, §C.4 */
#ifndef DIMSE_STATUS_H
#define DIMSE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

enum dimse_status {
    DIMSE_SUCCESS                = 0x0000,
    DIMSE_CANCEL                 = 0xfe00,
    DIMSE_PENDING                = 0xff00,
    DIMSE_PENDING_WARNING        = 0xff01, /* optional keys not supported, PS3.4 §C.4.1.1.4 */
    DIMSE_WARNING                = 0x0001,
    DIMSE_ATTRIBUTE_LIST_ERROR   = 0x0107, /* warning */
    DIMSE_ATTRIBUTE_OUT_OF_RANGE = 0x0116, /* warning */

    DIMSE_NO_SUCH_ATTRIBUTE       = 0x0105,
    DIMSE_INVALID_ATTRIBUTE_VALUE = 0x0106,
    DIMSE_PROCESSING_FAILURE      = 0x0110,
    DIMSE_DUPLICATE_SOP_INSTANCE  = 0x0111,
    DIMSE_NO_SUCH_SOP_INSTANCE    = 0x0112,
    DIMSE_NO_SUCH_EVENT_TYPE      = 0x0113,
    DIMSE_NO_SUCH_ARGUMENT        = 0x0114,
    DIMSE_INVALID_ARGUMENT_VALUE  = 0x0115,
    DIMSE_INVALID_SOP_INSTANCE    = 0x0117,
    DIMSE_NO_SUCH_SOP_CLASS       = 0x0118,
    DIMSE_CLASS_INSTANCE_CONFLICT = 0x0119,
    DIMSE_MISSING_ATTRIBUTE       = 0x0120,
    DIMSE_MISSING_ATTRIBUTE_VALUE = 0x0121,
    DIMSE_SOP_CLASS_NOT_SUPPORTED = 0x0122,
    DIMSE_NO_SUCH_ACTION_TYPE     = 0x0123,
    DIMSE_NOT_AUTHORIZED          = 0x0124,
    DIMSE_DUPLICATE_INVOCATION    = 0x0210,
    DIMSE_UNRECOGNIZED_OPERATION  = 0x0211,
    DIMSE_MISTYPED_ARGUMENT       = 0x0212,
    DIMSE_RESOURCE_LIMITATION     = 0x0213,

    /* C-STORE, PS3.4 §B.2.3 */
    DIMSE_STORE_OUT_OF_RESOURCES   = 0xa700,
    DIMSE_STORE_CLASS_MISMATCH     = 0xa900,
    DIMSE_STORE_CANNOT_UNDERSTAND  = 0xc000,
    DIMSE_STORE_COERCED            = 0xb000, /* warning */
    DIMSE_STORE_CLASS_WARNING      = 0xb007, /* warning */
    DIMSE_STORE_ELEMENTS_DISCARDED = 0xb006, /* warning */

    /* C-FIND, C-MOVE, C-GET, PS3.4 §C.4 */
    DIMSE_QUERY_OUT_OF_RESOURCES     = 0xa700,
    DIMSE_QUERY_CANNOT_COUNT         = 0xa701,
    DIMSE_QUERY_CANNOT_SUBOPERATE    = 0xa702,
    DIMSE_QUERY_DESTINATION_UNKNOWN  = 0xa801,
    DIMSE_QUERY_CLASS_MISMATCH       = 0xa900, /* identifier does not match SOP class */
    DIMSE_QUERY_SUBOPERATIONS_FAILED = 0xb000, /* warning: complete, one or more failed */
    DIMSE_QUERY_UNABLE_TO_PROCESS    = 0xc000
};

enum dimse_status_class {
    DIMSE_CLASS_SUCCESS,
    DIMSE_CLASS_PENDING,
    DIMSE_CLASS_CANCEL,
    DIMSE_CLASS_WARNING,
    DIMSE_CLASS_FAILURE
};

/* PS3.7 §C.1 .. §C.5 */
static inline enum dimse_status_class dimse_status_class(uint16_t status)
{
    if (status == DIMSE_SUCCESS)
        return DIMSE_CLASS_SUCCESS;
    if (status == DIMSE_PENDING || status == DIMSE_PENDING_WARNING)
        return DIMSE_CLASS_PENDING;
    if (status == DIMSE_CANCEL)
        return DIMSE_CLASS_CANCEL;
    if (status == DIMSE_WARNING || (status & 0xf000) == 0xb000 ||
        status == DIMSE_ATTRIBUTE_LIST_ERROR || status == DIMSE_ATTRIBUTE_OUT_OF_RANGE)
        return DIMSE_CLASS_WARNING;
    return DIMSE_CLASS_FAILURE;
}

#endif
