/* srv_transcode.h: objects and frames for HTTP in other transfer syntaxes than the stored one; private
 * to serve/.   PS3.18 §8.7.3 */
#ifndef SRV_TRANSCODE_H
#define SRV_TRANSCODE_H

#include "srv_pixels.h"

/* Whether the whole object, or its frames, can be had in that transfer syntax; as far as its row in the
 * index tells: making it may still find out that it cannot (ISO_EUNSUPPORTED). */
bool srv_can_become(const struct arc_instance *instance, const struct dcm_syntax *to);
bool srv_frames_can_become(const struct arc_instance *instance, const struct dcm_syntax *to);

/* The transfer syntaxes in which it can be had, for people: "1.2.840.10008.1.2.1, ...". frames: of
 * those of its frames, with their media types. NULL: out of memory. */
const char *srv_forms_of(struct http_request *req, const struct arc_instance *instance,
                         bool frames);

/* An object as a Part 10 file in another transfer syntax, made completely before the call returns:
 * file meta information in memory, and the data set in a file without a name. */
struct srv_made {
    struct iso_buf meta;
    int            fd;
    uint64_t       bytes; /* of the data set */
};

/* ISO_EUNSUPPORTED, ISO_EFORMAT as codec_object_make. */
ISO_MUST_USE int srv_make(struct srv_web *web, const struct arc_instance *instance,
                          const struct dcm_syntax *to, struct srv_made *made, struct iso_err *err);
void             srv_made_release(struct srv_made *made);
ISO_MUST_USE int srv_made_write(const struct srv_made *made, struct iso_sink sink,
                                struct iso_err *err);
/* The same as two spans that live as long as the request. */
ISO_MUST_USE int srv_make_spans(struct http_request *req, struct srv_web *web,
                                const struct arc_instance *instance, const struct dcm_syntax *to,
                                struct http_span span[2], struct iso_err *err);

/* As srv_frames, in the transfer syntax `to`: kept in the cache of what was made; several are made at
 * once. */
ISO_MUST_USE int srv_frames_make(struct http_request *req, struct srv_web *web,
                                 const struct arc_instance *instance, const struct dcm_syntax *to,
                                 const uint32_t *numbers, size_t count, struct srv_frame **out,
                                 size_t *found, struct iso_err *err);

#endif
