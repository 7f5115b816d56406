/* ul_fsm.h: the Upper Layer state machine as a table.   PS3.8 §9.2, Tables 9-6 to 9-10
 * Pure: it says what to do, ul_assoc.c does it. Any thread. */
#ifndef UL_FSM_H
#define UL_FSM_H

enum ul_state {
    UL_STA1 = 1, /* idle */
    UL_STA2,     /* transport open, waiting for A-ASSOCIATE-RQ */
    UL_STA3,     /* waiting for the local answer to it */
    UL_STA4,     /* waiting for the transport connection */
    UL_STA5,     /* waiting for A-ASSOCIATE-AC or -RJ */
    UL_STA6,     /* established */
    UL_STA7,     /* waiting for A-RELEASE-RP */
    UL_STA8,     /* waiting for the local answer to A-RELEASE-RQ */
    UL_STA9,     /* release collision, requestor: local answer */
    UL_STA10,    /* release collision, acceptor: waiting for A-RELEASE-RP */
    UL_STA11,    /* release collision, requestor: waiting for A-RELEASE-RP */
    UL_STA12,    /* release collision, acceptor: local answer */
    UL_STA13     /* waiting for the transport connection to close */
};

enum ul_event {
    UL_EV_ASSOCIATE_REQUEST = 1, /* local: connect */
    UL_EV_TRANSPORT_OPEN,        /* our connection stands */
    UL_EV_ASSOCIATE_AC,
    UL_EV_ASSOCIATE_RJ,
    UL_EV_TRANSPORT_INCOMING, /* a peer connected */
    UL_EV_ASSOCIATE_RQ,
    UL_EV_ACCEPT, /* local answer */
    UL_EV_REJECT, /* local answer */
    UL_EV_DATA_REQUEST,
    UL_EV_P_DATA,
    UL_EV_RELEASE_REQUEST,
    UL_EV_RELEASE_RQ,
    UL_EV_RELEASE_RP,
    UL_EV_RELEASE_RESPONSE,
    UL_EV_ABORT_REQUEST,
    UL_EV_ABORT,
    UL_EV_TRANSPORT_CLOSED,
    UL_EV_ARTIM,
    UL_EV_INVALID_PDU
};

enum ul_action {
    UL_NONE,  /* the event cannot happen in this state */
    UL_AE_1,  /* connect */
    UL_AE_2,  /* send A-ASSOCIATE-RQ */
    UL_AE_3,  /* tell: accepted */
    UL_AE_4,  /* tell: rejected; close */
    UL_AE_5,  /* start ARTIM */
    UL_AE_6,  /* stop ARTIM, judge the request */
    UL_AE_7,  /* send A-ASSOCIATE-AC */
    UL_AE_8,  /* send A-ASSOCIATE-RJ, start ARTIM */
    UL_DT_1,  /* send P-DATA-TF */
    UL_DT_2,  /* hand over P-DATA */
    UL_AR_1,  /* send A-RELEASE-RQ */
    UL_AR_2,  /* tell: release asked */
    UL_AR_3,  /* tell: released; close */
    UL_AR_4,  /* send A-RELEASE-RP, start ARTIM */
    UL_AR_5,  /* stop ARTIM */
    UL_AR_6,  /* hand over P-DATA that came after our release request */
    UL_AR_7,  /* send P-DATA-TF after the peer's release request */
    UL_AR_8,  /* tell: release collision */
    UL_AR_9,  /* send A-RELEASE-RP */
    UL_AR_10, /* tell: released */
    UL_AA_1,  /* send A-ABORT, start ARTIM */
    UL_AA_2,  /* stop ARTIM, close */
    UL_AA_3,  /* tell: aborted; close */
    UL_AA_4,  /* tell: provider abort (the connection is gone) */
    UL_AA_5,  /* stop ARTIM */
    UL_AA_6,  /* ignore the PDU */
    UL_AA_7,  /* send A-ABORT */
    UL_AA_8   /* send A-ABORT (provider), tell: provider abort, start ARTIM */
};

struct ul_step {
    enum ul_action action;
    enum ul_state
        next; /* AE-6 may go to Sta13 instead, AR-8 chooses by role: already chosen here */
};

/* requestor: which side of the association we are, for a release collision (AR-8).
 * action UL_NONE and next == state when the table has no entry. */
struct ul_step ul_fsm_step(enum ul_state state, enum ul_event event, int requestor);

#endif
