/* srv_memo.h: what the viewer keeps here: /api/v1/drafts/{study}, what a reader has not saved as DICOM
 * yet; /api/v1/viewer/layouts, arrangements of panes for everyone. */
#ifndef SRV_MEMO_H
#define SRV_MEMO_H

#include "http_route.h"

/* The ctx of each is a struct srv_web. */
extern const struct http_route srv_memo_routes[];
extern const size_t            srv_memo_route_count;

#endif
