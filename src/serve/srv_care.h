/* srv_care.h: checking what is stored, from outside: one verification at a time on a thread of its own,
 * with its report as JSON; the state of the scrub; the list of damages. */
#ifndef SRV_CARE_H
#define SRV_CARE_H

#include "arc_scrub.h"
#include "http_server.h"
#include "iso_json.h"

enum { SRV_CARE_FINDINGS_BYTES_MAX = 16 << 20 };

struct srv_care;

ISO_MUST_USE int srv_care_new(struct arc *arc, struct srv_care **care, struct iso_err *err);
/* A verification under way is stopped. NULL: nothing. */
void srv_care_free(struct srv_care *care);

/* /api/v1/verify and /api/v1/damage; their ctx is the srv_care. */
extern const struct http_route srv_care_routes[];
extern const size_t            srv_care_route_count;

/* Appends one finding, as an object, to an open array. */
void srv_care_finding(struct iso_json *json, const struct arc_finding *finding);
/* The members of a report, into an open object. */
void srv_care_report(struct iso_json *json, const struct arc_verify_report *report);
/* "scrub": what arc_scrub_status says, into an open object. */
void srv_care_scrub(struct iso_json *json, const struct arc_scrub_status *status);

#endif
