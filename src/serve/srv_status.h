/* srv_status.h: result codes as DIMSE statuses: the one table.   PS3.7 Annex C; PS3.4 §B.2.3, §C.4 */
#ifndef SRV_STATUS_H
#define SRV_STATUS_H

#include "dimse_status.h"
#include "iso_bytes.h"
#include "iso_err.h"

enum srv_operation {
    SRV_OP_STORE,
    SRV_OP_FIND,
    SRV_OP_RETRIEVE /* C-MOVE and C-GET */
};

/* The failure status for a negative code; ISO_OK gives success. */
uint16_t srv_status_of(enum srv_operation operation, int code);

/* Error Comment (0000,0902), LO: err's words without control characters and backslashes, cut to 64
 * bytes between characters. Borrows out. */
iso_str srv_status_comment(const struct iso_err *err, char out[65]);

#endif
