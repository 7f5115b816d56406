/* srv_deliver.h: many stored objects to another application by C-STORE, over as many associations as
 * their presentation contexts take; what C-MOVE and the sending jobs share.   PS3.4 Annex B, §C.4.2
 * One thread; each call blocks for as long as the peer takes. */
#ifndef SRV_DELIVER_H
#define SRV_DELIVER_H

#include "arc_read.h"
#include "srv_send.h"

/* A DICOM application that objects may be sent to.   PS3.4 §C.4.2 */
struct srv_peer {
    const char           *aet;
    const char           *host;
    uint16_t              port;
    struct srv_preference prefer; /* for what it is sent, and fetches by C-GET */
};

/* What was made of one object. */
enum srv_outcome { SRV_SENT, SRV_WARNED, SRV_FAILED };

struct srv_delivery {
    struct arc            *arc;
    struct codec_pool     *pool; /* may be NULL */
    const struct srv_peer *peer; /* may be NULL for srv_deliver_one: no preference */
    struct ul_config       ul;
    const char            *calling_ae;    /* ours */
    const char            *caller;        /* who asked, for the log */
    iso_str                originator_ae; /* as struct srv_object */
    uint16_t               originator_id;
    uint16_t               priority;
    /* Associations that the peer may lose, each with the object that was under way counted as failed,
     * before the delivery ends. */
    unsigned losses_max;

    const struct arc_instance *list;
    size_t                     count;

    /* How far it is. */
    size_t         done; /* of list: completed, warned or failed */
    size_t         completed;
    size_t         warned;
    size_t         failed;
    bool           lost;      /* the association broke while list[done] was under way */
    bool           permanent; /* the peer said no, and that it will not change its mind */
    struct iso_err why;       /* of the last failure */

    /* Asked before each object; false: stop. */
    bool (*go_on)(void *ctx);
    /* After each object, in the order of the list. May be NULL. */
    void (*told)(void *ctx, const struct arc_instance *instance, enum srv_outcome outcome);
    /* Another thread may interrupt the association between these two calls; NULL: it is going. May be
     * NULL. */
    void (*at)(void *ctx, struct ul_assoc *assoc);
    void *ctx;
};

/* list[done] over scu. ISO_OK: accounted for, whatever became of it; else the association is over, and the
 * object is not accounted for. err may be NULL. */
ISO_MUST_USE int srv_deliver_one(struct srv_delivery *d, struct dimse_scu *scu,
                                 struct iso_err *err);
/* list[done...], until all are accounted for or go_on says no: ISO_OK. Else, with why telling:
 * the peer cannot be reached, refuses us, or was lost too often; what is left is not accounted for, and a
 * further call goes on there. arena: for this call. */
ISO_MUST_USE int srv_deliver(struct srv_delivery *d, struct iso_arena *arena);
/* Counts objects up to `end` as failed. */
void srv_deliver_fail(struct srv_delivery *d, size_t end);

#endif
