/* ul_pdu.h: Upper Layer protocol data units, decode and encode.   PS3.8 §9.3, Annex D; PS3.7 Annex D
 * Decoding borrows: views inside a decoded PDU point into the caller's bytes and live exactly as
 * long as they do. Nothing here allocates (but for the iso_buf an encoder appends to), blocks or
 * logs. Any thread. Reserved bytes are not tested; AE titles and UIDs lose their padding. */
#ifndef UL_PDU_H
#define UL_PDU_H

#include "iso_buf.h"
#include "iso_bytes.h"
#include "iso_err.h"

enum ul_pdu_type {
    UL_ASSOCIATE_RQ = 0x01,
    UL_ASSOCIATE_AC = 0x02,
    UL_ASSOCIATE_RJ = 0x03,
    UL_P_DATA       = 0x04,
    UL_RELEASE_RQ   = 0x05,
    UL_RELEASE_RP   = 0x06,
    UL_ABORT        = 0x07
};

enum {
    UL_HEAD_BYTES          = 6,      /* PDU type, reserved, length */
    UL_PDV_HEAD_BYTES      = 6,      /* item length, context id, control header */
    UL_AE_BYTES_MAX        = 16,     /* PS3.8 §9.3.2 */
    UL_UID_BYTES_MAX       = 64,     /* PS3.5 §9.1 */
    UL_CONTEXTS_MAX        = 128,    /* odd ids 1..255 */
    UL_TRANSFERS_MAX       = 255,    /* transfer syntaxes per proposed context */
    UL_ROLES_MAX           = 128,    /* SCP/SCU role selection items */
    UL_EXTENDED_MAX        = 128,    /* SOP class extended negotiation items */
    UL_COMMON_MAX          = 128,    /* SOP class common extended negotiation items */
    UL_ASSOCIATE_BYTES_MAX = 524288, /* body of an A-ASSOCIATE-RQ or -AC we read */
    UL_CONTROL_BODY_BYTES  = 4       /* body of RJ, release and abort PDUs */
};

#define UL_APPLICATION_CONTEXT "1.2.840.10008.3.1.1.1"

/* Result of one presentation context.   PS3.8 §9.3.3.2 */
enum ul_context_result {
    UL_CONTEXT_ACCEPTED             = 0,
    UL_CONTEXT_USER_REJECTION       = 1,
    UL_CONTEXT_NO_REASON            = 2,
    UL_CONTEXT_ABSTRACT_UNSUPPORTED = 3,
    UL_CONTEXT_TRANSFER_UNSUPPORTED = 4
};

/* A-ASSOCIATE-RJ.   PS3.8 §9.3.4: result, source, and a reason that depends on the source */
enum ul_reject_result { UL_REJECT_PERMANENT = 1, UL_REJECT_TRANSIENT = 2 };
enum ul_reject_source { UL_REJECT_USER = 1, UL_REJECT_ACSE = 2, UL_REJECT_PRESENTATION = 3 };
enum ul_reject_reason {
    UL_REJECT_USER_NO_REASON           = 1, /* of the service user */
    UL_REJECT_USER_APPLICATION_CONTEXT = 2,
    UL_REJECT_USER_CALLING_AE          = 3,
    UL_REJECT_USER_CALLED_AE           = 7,
    UL_REJECT_ACSE_NO_REASON           = 1, /* of the provider's ACSE */
    UL_REJECT_ACSE_PROTOCOL_VERSION    = 2,
    UL_REJECT_PRESENTATION_CONGESTION  = 1, /* of the provider's presentation part */
    UL_REJECT_PRESENTATION_LOCAL_LIMIT = 2
};

struct ul_reject {
    uint8_t result;
    uint8_t source;
    uint8_t reason;
};

/* A-ABORT.   PS3.8 §9.3.8 */
enum ul_abort_source { UL_ABORT_USER = 0, UL_ABORT_PROVIDER = 2 };
enum ul_abort_reason {
    UL_ABORT_NOT_SPECIFIED      = 0,
    UL_ABORT_UNRECOGNIZED_PDU   = 1,
    UL_ABORT_UNEXPECTED_PDU     = 2,
    UL_ABORT_UNRECOGNIZED_PARAM = 4,
    UL_ABORT_UNEXPECTED_PARAM   = 5,
    UL_ABORT_INVALID_PARAM      = 6
};

struct ul_abort {
    uint8_t source;
    uint8_t reason; /* significant when source is the provider */
};

struct ul_pdu_head {
    uint8_t  type;       /* enum ul_pdu_type */
    uint32_t body_bytes; /* what follows the 6-byte head */
};

/* One presentation context, proposed (RQ) or answered (AC).   PS3.8 §9.3.2.2, §9.3.3.2 */
struct ul_pres_context {
    uint8_t   id;              /* odd */
    uint8_t   result;          /* AC: enum ul_context_result; RQ: 0 */
    uint8_t   transfer_count;  /* RQ: at least 1; AC: 1, or 0 when not accepted */
    iso_str   abstract_syntax; /* RQ only; empty in an AC */
    iso_bytes transfers;       /* transfer syntax items as on the wire: see ul_transfer_next */
};

/* SCP/SCU role selection.   PS3.7 §D.3.3.4 */
struct ul_role {
    iso_str sop_class;
    bool    scu; /* the requestor's: proposed, or accepted */
    bool    scp;
};

/* SOP class extended negotiation.   PS3.7 §D.3.3.5 */
struct ul_extended {
    iso_str   sop_class;
    iso_bytes info; /* service-class-application-information */
};

/* SOP class common extended negotiation.   PS3.7 §D.3.3.6 */
struct ul_common_extended {
    iso_str   sop_class;
    iso_str   service_class;
    iso_bytes related; /* related general SOP classes: u16 length + UID each, as on the wire */
};

enum ul_identity_type {
    UL_IDENTITY_NONE     = 0,
    UL_IDENTITY_USERNAME = 1,
    UL_IDENTITY_PASSCODE = 2,
    UL_IDENTITY_KERBEROS = 3,
    UL_IDENTITY_SAML     = 4,
    UL_IDENTITY_JWT      = 5
};

/* User identity: the request, or the server's response.   PS3.7 §D.3.3.7
 * primary and secondary may be secrets: never log or store them. */
struct ul_identity {
    uint8_t   type; /* RQ: enum ul_identity_type; AC: 0 */
    bool      present;
    bool      response_requested;
    iso_bytes primary;   /* user name, ticket, assertion, token */
    iso_bytes secondary; /* passcode, type 2 only */
    iso_bytes response;  /* AC */
};

/* A-ASSOCIATE-RQ or -AC. About 20 KiB: keep it on the heap or in an arena. */
struct ul_associate {
    uint16_t                  protocol_version; /* bit 0: version 1 */
    iso_str                   called_ae;        /* trimmed; in an AC not significant */
    iso_str                   calling_ae;
    iso_str                   application_context;
    struct ul_pres_context    contexts[UL_CONTEXTS_MAX];
    size_t                    context_count;
    uint32_t                  pdu_bytes_max; /* the sender's limit, PS3.8 §D.1; 0: none */
    iso_str                   implementation_class;
    iso_str                   implementation_version;
    bool                      has_async;       /* asynchronous operations window, PS3.7 §D.3.3.3 */
    uint16_t                  async_invoked;   /* 0: unlimited */
    uint16_t                  async_performed; /* 0: unlimited */
    struct ul_role            roles[UL_ROLES_MAX];
    size_t                    role_count;
    struct ul_extended        extended[UL_EXTENDED_MAX];
    size_t                    extended_count;
    struct ul_common_extended common[UL_COMMON_MAX];
    size_t                    common_count;
    struct ul_identity        identity;
};

/* One presentation data value head.   PS3.8 §9.3.5.1, Annex E.2 */
struct ul_pdv {
    uint8_t  context_id;
    bool     is_command;
    bool     is_last;
    uint32_t data_bytes; /* after the 6-byte head; may be 0 */
};

/* Reads one PDU head from the front of `in`, which is borrowed for this call.   PS3.8 §9.3.1
 * body_bytes_max: the largest P-DATA body we accept from this peer (PS3.8 §D.1). Associate PDUs have
 * UL_ASSOCIATE_BYTES_MAX, the others exactly 4 bytes.
 *
 * ISO_OK      *head is complete
 * ISO_EMORE   fewer than 6 bytes so far: call again with more
 * ISO_EPROTO  undefined PDU type: answer A-ABORT, reason 1 (PS3.8 §9.3.8)
 * ISO_ELIMIT  the announced body is larger than allowed, or not 4 where it must be */
ISO_MUST_USE int ul_pdu_read_head(iso_bytes in, uint32_t body_bytes_max, struct ul_pdu_head *head,
                                  struct iso_err *err);

/* body: what followed the head of an A-ASSOCIATE-RQ or -AC (type says which), complete. *out is
 * undefined after a failure.
 * ISO_EPROTO  malformed, duplicate or even context id: A-ABORT, reason 6
 * ISO_ELIMIT  more items of a kind than the maxima above */
ISO_MUST_USE int ul_associate_read(iso_bytes body, uint8_t type, struct ul_associate *out,
                                   struct iso_err *err);
/* Steps through context->transfers: start with *at = 0. False at the end. */
bool ul_transfer_next(const struct ul_pres_context *context, size_t *at, iso_str *transfer_syntax);
/* ISO_EPROTO when shorter than 4 bytes. */
ISO_MUST_USE int ul_reject_read(iso_bytes body, struct ul_reject *out, struct iso_err *err);
ISO_MUST_USE int ul_abort_read(iso_bytes body, struct ul_abort *out, struct iso_err *err);
/* The first 6 bytes of a P-DATA body, of which pdu_left bytes remain including these.
 * ISO_EMORE fewer than 6 bytes; ISO_EPROTO a length below 2 or beyond the PDU, or an even context. */
ISO_MUST_USE int ul_pdv_read(iso_bytes in, uint32_t pdu_left, struct ul_pdv *out,
                             struct iso_err *err);

/* Appends the whole PDU, head included. type: UL_ASSOCIATE_RQ or _AC. What was read encodes to what
 * reads the same again. ISO_EINVAL: an AE title over 16 bytes, a UID or a list too long. */
ISO_MUST_USE int ul_associate_write(const struct ul_associate *in, uint8_t type,
                                    struct iso_buf *out, struct iso_err *err);
/* Appends one transfer syntax item, to build ul_pres_context.transfers. */
int  ul_transfer_add(struct iso_buf *items, iso_str transfer_syntax);
void ul_reject_write(const struct ul_reject *in, uint8_t out[UL_HEAD_BYTES + 4]);
void ul_abort_write(const struct ul_abort *in, uint8_t out[UL_HEAD_BYTES + 4]);
/* type: UL_RELEASE_RQ or UL_RELEASE_RP */
void ul_release_write(uint8_t type, uint8_t out[UL_HEAD_BYTES + 4]);
/* Head of a P-DATA PDU that holds this one PDV. */
void ul_pdata_write(const struct ul_pdv *pdv, uint8_t out[UL_HEAD_BYTES + UL_PDV_HEAD_BYTES]);

/* For messages and logs; never NULL. */
const char *ul_pdu_name(uint8_t type);
const char *ul_reject_text(const struct ul_reject *why);
const char *ul_abort_text(const struct ul_abort *why);

#endif
