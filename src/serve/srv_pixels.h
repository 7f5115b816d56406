/* srv_pixels.h: frames and bulk values as spans to send; private to serve/. */
#ifndef SRV_PIXELS_H
#define SRV_PIXELS_H

#include "srv_dicomweb.h"

/* One frame, ready to send, in the transfer syntax `syntax` (little endian if uncompressed). */
struct srv_frame {
    const struct http_span *spans;
    size_t                  count;
    uint64_t                bytes;
};

/* Whether the frames are plain ranges of the file, that its row in the index tells. */
bool srv_frames_lie_there(const struct arc_instance *inst);

/* The syntax in which srv_frames gives an object's frames: the stored one where frames are
 * compressed, else explicit VR little endian. */
const struct dcm_syntax *srv_frame_syntax(const struct arc_instance *instance);

/* Frames by number (from 1); NULL: all, *found says how many. File ranges where the stored bytes are
 * right as they are; else (big endian, deflated, frames not on byte boundaries) memory, at most
 * SRV_VALUE_BYTES_MAX. Codes as arc_frames. */
ISO_MUST_USE int srv_frames(struct http_request *req, struct srv_web *web,
                            const struct arc_instance *instance, const uint32_t *numbers,
                            size_t count, struct srv_frame **out, size_t *found,
                            struct iso_err *err);

/* The fragments of an element joined, without the offset table and item headers: a video's stream, an
 * icon's image. el is of arc_header's data set. ISO_EUNSUPPORTED unless el->form is
 * DCM_FORM_FRAGMENTS; ISO_EFORMAT when they are broken. */
ISO_MUST_USE int srv_fragments(struct http_request *req, struct srv_web *web,
                               const struct arc_instance *instance, const struct dcm_element *el,
                               struct http_span **spans, size_t *count, struct iso_err *err);

/* The bytes of one element's value, little endian: one span. el is of arc_header's data set.
 * ISO_EUNSUPPORTED for sequences and fragments. */
ISO_MUST_USE int srv_value(struct http_request *req, struct srv_web *web,
                           const struct arc_instance *instance, const struct dcm_element *el,
                           struct http_span *span, struct iso_err *err);

#endif
