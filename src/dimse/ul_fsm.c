#include "ul_fsm.h"

#define NO                                                                                         \
    {                                                                                              \
        UL_NONE, UL_STA1                                                                           \
    }
#define AA_1                                                                                       \
    {                                                                                              \
        UL_AA_1, UL_STA13                                                                          \
    }
#define AA_8                                                                                       \
    {                                                                                              \
        UL_AA_8, UL_STA13                                                                          \
    }
#define TO(action, state)                                                                          \
    {                                                                                              \
        UL_##action, UL_STA##state                                                                 \
    }

/* PS3.8 Table 9-10: a row per event, a column per state Sta1 .. Sta13. */
/* clang-format off */
static const struct ul_step table[UL_EV_INVALID_PDU][UL_STA13] = {
    [UL_EV_ASSOCIATE_REQUEST - 1] = {
        TO(AE_1, 4), NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO },
    [UL_EV_TRANSPORT_OPEN - 1] = {
        NO, NO, NO, TO(AE_2, 5), NO, NO, NO, NO, NO, NO, NO, NO, NO },
    [UL_EV_ASSOCIATE_AC - 1] = {
        NO, AA_1, AA_8, NO, TO(AE_3, 6), AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, TO(AA_6, 13) },
    [UL_EV_ASSOCIATE_RJ - 1] = {
        NO, AA_1, AA_8, NO, TO(AE_4, 1), AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, TO(AA_6, 13) },
    [UL_EV_TRANSPORT_INCOMING - 1] = {
        TO(AE_5, 2), NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO },
    [UL_EV_ASSOCIATE_RQ - 1] = {
        NO, TO(AE_6, 3), AA_8, NO, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, TO(AA_7, 13) },
    [UL_EV_ACCEPT - 1] = {
        NO, NO, TO(AE_7, 6), NO, NO, NO, NO, NO, NO, NO, NO, NO, NO },
    [UL_EV_REJECT - 1] = {
        NO, NO, TO(AE_8, 13), NO, NO, NO, NO, NO, NO, NO, NO, NO, NO },
    [UL_EV_DATA_REQUEST - 1] = {
        NO, NO, NO, NO, NO, TO(DT_1, 6), NO, TO(AR_7, 8), NO, NO, NO, NO, NO },
    [UL_EV_P_DATA - 1] = {
        NO, AA_1, AA_8, NO, AA_8, TO(DT_2, 6), TO(AR_6, 7), AA_8, AA_8, AA_8, AA_8, AA_8,
        TO(AA_6, 13) },
    [UL_EV_RELEASE_REQUEST - 1] = {
        NO, NO, NO, NO, NO, TO(AR_1, 7), NO, NO, NO, NO, NO, NO, NO },
    [UL_EV_RELEASE_RQ - 1] = {
        NO, AA_1, AA_8, NO, AA_8, TO(AR_2, 8), TO(AR_8, 9), AA_8, AA_8, AA_8, AA_8, AA_8,
        TO(AA_6, 13) },
    [UL_EV_RELEASE_RP - 1] = {
        NO, AA_1, AA_8, NO, AA_8, AA_8, TO(AR_3, 1), AA_8, AA_8, TO(AR_10, 12), TO(AR_3, 1), AA_8,
        TO(AA_6, 13) },
    [UL_EV_RELEASE_RESPONSE - 1] = {
        NO, NO, NO, NO, NO, NO, NO, TO(AR_4, 13), TO(AR_9, 11), NO, NO, TO(AR_4, 13), NO },
    [UL_EV_ABORT_REQUEST - 1] = {
        NO, NO, AA_1, TO(AA_2, 1), AA_1, AA_1, AA_1, AA_1, AA_1, AA_1, AA_1, AA_1, NO },
    [UL_EV_ABORT - 1] = {
        NO, TO(AA_2, 1), TO(AA_3, 1), NO, TO(AA_3, 1), TO(AA_3, 1), TO(AA_3, 1), TO(AA_3, 1),
        TO(AA_3, 1), TO(AA_3, 1), TO(AA_3, 1), TO(AA_3, 1), TO(AA_2, 1) },
    [UL_EV_TRANSPORT_CLOSED - 1] = {
        NO, TO(AA_5, 1), TO(AA_4, 1), TO(AA_4, 1), TO(AA_4, 1), TO(AA_4, 1), TO(AA_4, 1),
        TO(AA_4, 1), TO(AA_4, 1), TO(AA_4, 1), TO(AA_4, 1), TO(AA_4, 1), TO(AR_5, 1) },
    [UL_EV_ARTIM - 1] = {
        NO, TO(AA_2, 1), NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, TO(AA_2, 1) },
    [UL_EV_INVALID_PDU - 1] = {
        NO, AA_1, AA_8, NO, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8, TO(AA_7, 13) },
};
/* clang-format on */

struct ul_step ul_fsm_step(enum ul_state state, enum ul_event event, int requestor)
{
    struct ul_step step = table[event - 1][state - 1];

    if (step.action == UL_NONE)
        step.next = state;
    else if (step.action == UL_AR_8)
        step.next = requestor ? UL_STA9 : UL_STA10;
    return step;
}
