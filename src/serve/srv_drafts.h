/* srv_drafts.h: /api/v1/drafts/{study}: what a reader has not saved as DICOM yet. */
#ifndef SRV_DRAFTS_H
#define SRV_DRAFTS_H

#include "http_route.h"

/* The ctx of each is a struct srv_web. */
extern const struct http_route srv_draft_routes[];
extern const size_t            srv_draft_route_count;

#endif
