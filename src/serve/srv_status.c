/* srv_status.c: what an ISO_E* code is called on the wire. A retryable lack of resources must never
 * look like a refusal of the object, and the other way round: senders delete or retry by it. */
#include "srv_status.h"

#include "iso_utf8.h"

#include <string.h>

static const struct {
    int      code;
    uint16_t store, find, retrieve;
} table[] = {
    { ISO_OK, DIMSE_SUCCESS, DIMSE_SUCCESS, DIMSE_SUCCESS },
    { ISO_EINVAL, DIMSE_STORE_CLASS_MISMATCH, DIMSE_QUERY_CLASS_MISMATCH,
      DIMSE_QUERY_CLASS_MISMATCH },
    { ISO_EMORE, DIMSE_STORE_CANNOT_UNDERSTAND, DIMSE_QUERY_UNABLE_TO_PROCESS,
      DIMSE_QUERY_UNABLE_TO_PROCESS },
    { ISO_EEND, DIMSE_STORE_CANNOT_UNDERSTAND, DIMSE_QUERY_UNABLE_TO_PROCESS,
      DIMSE_QUERY_UNABLE_TO_PROCESS },
    { ISO_EFORMAT, DIMSE_STORE_CANNOT_UNDERSTAND, DIMSE_QUERY_UNABLE_TO_PROCESS,
      DIMSE_QUERY_UNABLE_TO_PROCESS },
    { ISO_EPROTO, DIMSE_STORE_CANNOT_UNDERSTAND, DIMSE_QUERY_UNABLE_TO_PROCESS,
      DIMSE_QUERY_UNABLE_TO_PROCESS },
    { ISO_ELIMIT, DIMSE_STORE_CANNOT_UNDERSTAND, DIMSE_QUERY_OUT_OF_RESOURCES,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_ENOMEM, DIMSE_STORE_OUT_OF_RESOURCES, DIMSE_QUERY_OUT_OF_RESOURCES,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_EIO, DIMSE_STORE_OUT_OF_RESOURCES, DIMSE_QUERY_UNABLE_TO_PROCESS,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_ENOSPC, DIMSE_STORE_OUT_OF_RESOURCES, DIMSE_QUERY_OUT_OF_RESOURCES,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_ENOENT, DIMSE_STORE_CANNOT_UNDERSTAND, DIMSE_QUERY_UNABLE_TO_PROCESS,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_EEXIST, DIMSE_DUPLICATE_SOP_INSTANCE, DIMSE_QUERY_UNABLE_TO_PROCESS,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_ECONFLICT, DIMSE_DUPLICATE_SOP_INSTANCE, DIMSE_QUERY_UNABLE_TO_PROCESS,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_EUNSUPPORTED, DIMSE_SOP_CLASS_NOT_SUPPORTED, DIMSE_SOP_CLASS_NOT_SUPPORTED,
      DIMSE_SOP_CLASS_NOT_SUPPORTED },
    { ISO_ETIMEOUT, DIMSE_STORE_OUT_OF_RESOURCES, DIMSE_QUERY_OUT_OF_RESOURCES,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_ECLOSED, DIMSE_STORE_OUT_OF_RESOURCES, DIMSE_QUERY_OUT_OF_RESOURCES,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_ECANCEL, DIMSE_STORE_OUT_OF_RESOURCES, DIMSE_CANCEL, DIMSE_CANCEL },
    { ISO_EBUSY, DIMSE_STORE_OUT_OF_RESOURCES, DIMSE_QUERY_OUT_OF_RESOURCES,
      DIMSE_QUERY_CANNOT_SUBOPERATE },
    { ISO_EREFUSED, DIMSE_NOT_AUTHORIZED, DIMSE_NOT_AUTHORIZED, DIMSE_NOT_AUTHORIZED },
};

uint16_t srv_status_of(enum srv_operation operation, int code)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return operation == SRV_OP_STORE  ? table[i].store
                   : operation == SRV_OP_FIND ? table[i].find
                                              : table[i].retrieve;
    return DIMSE_PROCESSING_FAILURE;
}

iso_str srv_status_comment(const struct iso_err *err, char out[65])
{
    iso_str  text = iso_str_of(err->text, strnlen(err->text, sizeof err->text));
    uint32_t scalar;
    size_t   len = 0;

    /* The command set has no character set of its own: ASCII is what every peer reads. */
    while (text.len > 0 && len < 64) {
        if (iso_utf8_take(&text, &scalar)) {
            out[len++] = scalar >= 0x20 && scalar < 0x7f && scalar != '\\' ? (char)scalar : '?';
        } else {
            out[len++] = '?';
            text       = iso_str_sub(text, 1, text.len);
        }
    }
    out[len] = '\0';
    return iso_str_of(out, len);
}
