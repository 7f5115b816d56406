/* srv_video.c: videos go out as they were put in, as ranges of the stored file; where the system has
 * ffmpeg there is a poster too. It gets the front of the stream only, by a pipe, may use none but the
 * demultiplexers and decoders of what PS3.5 §8.2.7 to §8.2.14 allow, and looks at the first seconds for
 * the frame that is most like the others, since the very first is often black.
 * PS3.3 §C.7.6.6; PS3.18 §8.7.4 */
#include "srv_document.h"
#include "srv_mp4.h"
#include "srv_pixels.h"
#include "srv_program.h"

#include "os_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    FEED_BYTES_MAX  = 8 << 20,
    INDEX_BYTES_MAX = 8 << 20,
    BOXES_MAX       = 1000 /* before the index of an MP4 is given up */
};

static bool takes_video(const struct arc_instance *inst)
{
    return inst->pixels == ARC_PIXELS_FRAGMENTS && srv_frame_syntax(inst)->video;
}

static bool takes_video_with_poster(const struct arc_instance *inst)
{
    return takes_video(inst) && srv_program_installed(&srv_ffmpeg);
}

/* ---- its stream ---- */

struct stream {
    struct http_span *spans;
    size_t            count;
    uint64_t          bytes;
};

static int open_stream(struct srv_render *r, struct stream *out, struct iso_err *err)
{
    const struct dcm_element *el = dcm_get(&r->ds, r->inst.pixel_tag);
    struct stream             s  = { 0 };
    int                       rc;

    if (el == NULL)
        return iso_fail(err, ISO_EFORMAT, "the video is not where it was");
    rc = srv_fragments(r->req, r->web, &r->inst, el, &s.spans, &s.count, err);
    for (size_t i = 0; rc == ISO_OK && i < s.count; i++)
        s.bytes += s.spans[i].len;
    if (rc == ISO_OK)
        *out = s;
    return rc;
}

/* Appends `bytes` from `at` on, which the stream has; they may lie in several fragments. */
static int add_part(const struct stream *s, uint64_t at, uint64_t bytes, struct iso_buf *out,
                    struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; rc == ISO_OK && bytes > 0 && i < s->count; i++) {
        const struct http_span *span = &s->spans[i];

        if (at >= span->len) {
            at -= span->len;
            continue;
        }
        uint64_t n = span->len - at < bytes ? span->len - at : bytes;
        if (iso_buf_reserve(out, (size_t)n) < 0)
            return iso_buf_check(out, err);
        rc = os_read_exact_at(span->fd, out->ptr + out->len, (size_t)n, span->offset + at, err);
        out->len += (size_t)n;
        bytes -= n;
        at = 0;
    }
    return rc;
}

static bool read_box(const struct stream *s, uint64_t at, struct srv_mp4_box *out)
{
    uint64_t       left = s->bytes - at;
    struct iso_buf head;

    iso_buf_init(&head, SRV_MP4_HEAD_BYTES_MAX);
    bool fine = add_part(s, at, left < SRV_MP4_HEAD_BYTES_MAX ? left : SRV_MP4_HEAD_BYTES_MAX,
                         &head, NULL) == ISO_OK &&
                srv_mp4_box_read(iso_buf_bytes(&head), left, out);
    iso_buf_release(&head);
    return fine;
}

static bool is_mp4(const struct stream *s)
{
    struct srv_mp4_box box;

    return read_box(s, 0, &box) && box.type == SRV_MP4_TYPE('f', 't', 'y', 'p');
}

/* A stream in an MP4 container says so at its front; a bare one is what its transfer syntax says. */
static int send_video(struct srv_render *r, struct iso_err *err)
{
    const struct dcm_syntax *syntax = srv_frame_syntax(&r->inst);
    const char              *type =
        strcmp(syntax->media_type, "video/mpeg2") == 0 ? "video/mpeg" : syntax->media_type;
    struct stream s;
    int           rc = open_stream(r, &s, err);

    if (rc < 0)
        return rc;
    return http_reply_spans(r->req, 200, is_mp4(&s) ? "video/mp4" : type, s.spans, s.count, err);
}

/* ---- its poster ---- */

/* Of an MP4 whose index is behind its data: where they are. */
static bool find_index(const struct stream *s, uint64_t *data_at, uint64_t *index_at,
                       uint64_t *index_bytes)
{
    struct srv_mp4_box box;
    bool               has_data = false;
    uint64_t           at       = 0;

    for (int i = 0; i < BOXES_MAX && read_box(s, at, &box); i++, at += box.bytes) {
        if (box.type == SRV_MP4_TYPE('m', 'd', 'a', 't') && !has_data) {
            has_data = true;
            *data_at = at;
        }
        if (box.type == SRV_MP4_TYPE('m', 'o', 'o', 'v')) {
            *index_at    = at;
            *index_bytes = box.bytes;
            return has_data && *data_at <= FEED_BYTES_MAX && box.bytes <= INDEX_BYTES_MAX;
        }
    }
    return false;
}

/* The front of the stream, with its index in it. */
static int add_front(const struct stream *s, struct iso_buf *out, struct iso_err *err)
{
    uint64_t bytes   = s->bytes < FEED_BYTES_MAX ? s->bytes : FEED_BYTES_MAX;
    uint64_t data_at = 0, index_at = 0, index_bytes = 0;
    int      rc;

    if (!is_mp4(s) || !find_index(s, &data_at, &index_at, &index_bytes))
        return add_part(s, 0, bytes, out, err);
    rc = add_part(s, 0, data_at, out, err);
    if (rc == ISO_OK)
        rc = add_part(s, index_at, index_bytes, out, err);
    if (rc == ISO_OK) {
        srv_mp4_shift(out->ptr + data_at, (size_t)index_bytes, index_bytes);
        rc = add_part(s, data_at, bytes - data_at, out, err);
    }
    return rc;
}

/* Every fifth frame, pixels made square; of eight of them that whose colours are most like all's. */
#define LOOK "framestep=5,scale=w='min(max(iw*sar,1),4096)':h='min(ih,4096)',thumbnail=8"

static int poster_of_video(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    static const char *const argv[] = {
        "ffmpeg", "-nostdin", "-loglevel", "quiet", "-filter_threads", "1",
        /* in */
        "-threads", "1", "-protocol_whitelist", "pipe", "-format_whitelist",
        "mov,mpegts,mpeg,mpegvideo,h264,hevc", "-codec_whitelist",
        "mpeg1video,mpeg2video,h264,hevc", "-probesize", "4M", "-i", "pipe:0",
        /* out */
        "-map", "0:v:0", "-vf", LOOK, "-frames:v", "1", "-threads", "1", "-c:v", "ppm", "-pix_fmt",
        "rgb24", "-f", "image2pipe", "pipe:1", NULL
    };
    struct img_picture full = { 0 };
    struct stream      s;
    struct iso_buf     front;
    int                rc;

    if (r->frame_count > 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "of a video there is one picture, no single frames");
    rc = open_stream(r, &s, err);
    if (rc < 0)
        return rc;
    iso_buf_init(&front, FEED_BYTES_MAX + INDEX_BYTES_MAX);
    rc = add_front(&s, &front, err);
    if (rc == ISO_OK)
        rc = srv_program_picture(&srv_ffmpeg, argv, iso_buf_bytes(&front), &full, err);
    iso_buf_release(&front);
    if (rc < 0)
        return iso_wrap(err, rc, "a poster of the video");
    return srv_picture_fit(&full, 1, &r->view, out, err);
}

static const char *const video_types[] = { "video/mp4", "video/mpeg", NULL };

const struct srv_renderer srv_poster_renderer = { .takes   = takes_video_with_poster,
                                                  .types   = video_types,
                                                  .send    = send_video,
                                                  .picture = poster_of_video };

const struct srv_renderer srv_video_renderer = {
    .takes = takes_video, .types = video_types, .send = send_video, .missing = &srv_ffmpeg
};
