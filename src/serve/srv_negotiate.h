/* srv_negotiate.h: what we agree to: abstract and transfer syntaxes, roles, extended negotiation.
 * PS3.8 §7.1; PS3.7 Annex D; PS3.4 §C.5. Pure: no I/O, any thread. */
#ifndef SRV_NEGOTIATE_H
#define SRV_NEGOTIATE_H

#include "srv_dimse.h"

enum srv_service {
    SRV_NONE, /* not a class of ours */
    SRV_VERIFICATION,
    SRV_STORAGE,
    SRV_FIND,
    SRV_MOVE,
    SRV_GET
};

/* Query/Retrieve information models.   PS3.4 §C.6 */
enum srv_root { SRV_PATIENT_ROOT, SRV_STUDY_ROOT, SRV_PATIENT_STUDY_ONLY };

/* root may be NULL; it is set for FIND, MOVE and GET. known_storage_only: a class that the UID table
 * lacks is not taken for storage. */
enum srv_service srv_service_of(iso_str abstract_syntax, bool known_storage_only,
                                enum srv_root *root);

/* Extended negotiation, the service-class-application-information byte by byte.   PS3.4 §C.5.1.1,
 * §C.5.2.1, §C.5.3.1 */
enum srv_extended {
    SRV_EXT_RELATIONAL = 0, /* FIND: relational queries; MOVE and GET: relational retrieval */
    SRV_EXT_DATETIME   = 1, /* FIND: combined date-time matching */
    SRV_EXT_FUZZY      = 2, /* FIND: fuzzy semantic matching of person names */
    SRV_EXT_BYTES_MAX  = 5
};

/* Was it agreed for this context? */
bool srv_extended_agreed(const struct ul_context *context, enum srv_extended what);

/* The acceptor's decisions. config is borrowed. */
struct ul_policy srv_policy(const struct srv_dimse_config *config);

#endif
