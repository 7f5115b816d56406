/* srv_removed.h: what was removed and can be had back, and what may not be recycled, over HTTP. */
#ifndef SRV_REMOVED_H
#define SRV_REMOVED_H

#include "arc_quota.h"
#include "arc_removed.h"
#include "http_route.h"
#include "iso_json.h"

/* {"removed": [...], "next": UID to go on after}: at most limit studies above `after`. */
ISO_MUST_USE int srv_removed_write(struct arc *arc, iso_str after, size_t limit,
                                   struct iso_arena *arena, struct iso_buf *out,
                                   struct iso_err *err);
/* {"restored": …, "present": …, "failed": …} */
ISO_MUST_USE int srv_taken_back_write(const struct arc_taken_back *what, struct iso_buf *out,
                                      struct iso_err *err);

/* The ctx of each is a struct srv_web. */
extern const struct http_route srv_removed_routes[];
extern const size_t            srv_removed_route_count;

#endif
