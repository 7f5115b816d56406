/* dimse_command.h: the command set of a DIMSE message.   PS3.7 §6.3, §9.3, §10.3, Annex E
 * Group 0000, implicit VR little endian, flat. Decoding borrows from the caller's bytes; nothing
 * allocates but the iso_buf written to. Any thread. */
#ifndef DIMSE_COMMAND_H
#define DIMSE_COMMAND_H

#include "iso_buf.h"
#include "iso_bytes.h"
#include "iso_err.h"

/* Command Field (0000,0100).   PS3.7 §E.1 */
enum dimse_field {
    DIMSE_C_STORE_RQ  = 0x0001,
    DIMSE_C_GET_RQ    = 0x0010,
    DIMSE_C_FIND_RQ   = 0x0020,
    DIMSE_C_MOVE_RQ   = 0x0021,
    DIMSE_C_ECHO_RQ   = 0x0030,
    DIMSE_N_EVENT_RQ  = 0x0100,
    DIMSE_N_GET_RQ    = 0x0110,
    DIMSE_N_SET_RQ    = 0x0120,
    DIMSE_N_ACTION_RQ = 0x0130,
    DIMSE_N_CREATE_RQ = 0x0140,
    DIMSE_N_DELETE_RQ = 0x0150,
    DIMSE_C_CANCEL_RQ = 0x0fff,
    DIMSE_RSP         = 0x8000, /* a response is its request with this bit */
    DIMSE_C_STORE_RSP = 0x8001,
    DIMSE_C_GET_RSP   = 0x8010,
    DIMSE_C_FIND_RSP  = 0x8020,
    DIMSE_C_MOVE_RSP  = 0x8021,
    DIMSE_C_ECHO_RSP  = 0x8030
};

enum { DIMSE_PRIORITY_MEDIUM = 0, DIMSE_PRIORITY_HIGH = 1, DIMSE_PRIORITY_LOW = 2 };

enum {
    DIMSE_COMMAND_BYTES_MAX = 65536, /* a whole command set, all fragments */
    DIMSE_UID_BYTES_MAX     = 128,   /* 64 by PS3.5 §9.1; real objects with longer ones exist */
    DIMSE_COMMENT_BYTES_MAX = 64     /* Error Comment is LO */
};

/* Which optional numbers are there (or shall be written). */
enum dimse_has {
    DIMSE_HAS_REMAINING     = 1 << 0,
    DIMSE_HAS_COMPLETED     = 1 << 1,
    DIMSE_HAS_FAILED        = 1 << 2,
    DIMSE_HAS_WARNING       = 1 << 3,
    DIMSE_HAS_COUNTS        = 15, /* all four */
    DIMSE_HAS_ORIGINATOR_ID = 1 << 4,
    DIMSE_HAS_ERROR_ID      = 1 << 5,
    DIMSE_HAS_EVENT_TYPE    = 1 << 6,
    DIMSE_HAS_ACTION_TYPE   = 1 << 7
};

/* UIDs and AE titles without padding. Empty means absent. */
struct dimse_command {
    uint16_t field;       /* enum dimse_field */
    uint16_t message_id;  /* requests but C-CANCEL: (0000,0110) */
    uint16_t respond_to;  /* responses and C-CANCEL: (0000,0120) */
    uint16_t status;      /* responses */
    uint16_t priority;    /* C-STORE, -FIND, -MOVE, -GET requests */
    bool     has_dataset; /* (0000,0800) is not 0101H */
    iso_str
        sop_class; /* Affected (0000,0002) or, for N-GET/SET/ACTION/DELETE-RQ, Requested (0000,0003) */
    iso_str   sop_instance; /* Affected (0000,1000) or Requested (0000,1001) */
    iso_str   move_destination;
    iso_str   originator_ae;
    uint16_t  originator_id;
    unsigned  has;       /* enum dimse_has */
    uint16_t  remaining; /* sub-operations (0000,1020..1023) */
    uint16_t  completed;
    uint16_t  failed;
    uint16_t  warning;
    iso_str   error_comment; /* written: cut to 64 bytes */
    uint16_t  error_id;
    uint16_t  event_type;
    uint16_t  action_type;
    iso_bytes offending;  /* Offending Element (0000,0901): AT list as on the wire */
    iso_bytes attributes; /* Attribute Identifier List (0000,1005) */
};

/* in: a whole command set. Elements we do not know are skipped; order is not insisted on.
 * ISO_EFORMAT, naming tag and offset: not flat group 0000, cut off, no Command Field, a request
 * without Message ID, a response or cancel without Message ID Being Responded To, a response without
 * Status, or without what its kind cannot do without (C-STORE-RQ: class and instance; C-FIND,
 * -GET-, -MOVE-RQ: class; C-MOVE-RQ: destination). The peer should get 0110H or an abort. */
ISO_MUST_USE int dimse_command_read(iso_bytes in, struct dimse_command *out, struct iso_err *err);

/* Appends the command set with its group length. ISO_ELIMIT from out; ISO_EINVAL a text too long. */
ISO_MUST_USE int dimse_command_write(const struct dimse_command *in, struct iso_buf *out,
                                     struct iso_err *err);

/* The response to a request: field, respond_to, sop_class, sop_instance (C-STORE) and status are
 * set, nothing else. Views are shared with rq. */
struct dimse_command dimse_command_response(const struct dimse_command *rq, uint16_t status);

/* "C-STORE-RQ"; never NULL. */
const char *dimse_field_name(uint16_t field);

#endif
