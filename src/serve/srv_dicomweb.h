/* srv_dicomweb.h: what the DICOMweb handlers share; private to serve/.   PS3.18
 * All of it works for one request, on its worker; memory is the request's arena. */
#ifndef SRV_DICOMWEB_H
#define SRV_DICOMWEB_H

#include "arc_query.h"
#include "arc_read.h"
#include "dcm_json.h"
#include "http_accept.h"
#include "http_reply.h"
#include "http_server.h"

struct http_static;

/* The ctx of every handler; read only once the server runs. */
struct srv_web {
    struct arc           *arc;
    struct http_server   *server;
    struct http_static   *ui;
    struct srv_extension *extension; /* of the viewer */
    struct http_route    *routes;    /* our copy, with the configured limits */
    struct os_address     address;
    struct codec_pool    *pool;  /* where libraries decode; NULL: in this process */
    struct srv_cache     *cache; /* of what was made for answers */
    struct srv_care      *care;
    struct srv_outbox    *outbox;
    uint64_t              results_max;
    const char           *cache_control; /* for bytes that an ETag of their digest names */
    const char          **lists[2];      /* cors_origins, public_hosts: owned, words of `words` */
    char                 *words[2];
};

enum {
    SRV_TEXT_BYTES_MAX  = 512 << 20, /* one JSON or XML answer */
    SRV_VALUE_BYTES_MAX = 256 << 20, /* a value that has to be held in memory: inflated, swapped */
    SRV_FRAMES_MAX      = 10000,     /* frame numbers in one URL */
    SRV_FRAGMENTS_MAX   = 1 << 19,   /* of one element that is sent as one stream */
    SRV_ETAG_BYTES      = 2 * ISO_SHA256_BYTES + 1
};

/* The routes of /dicom-web and /wado. */
extern const struct http_route srv_dicomweb_routes[];
extern const size_t            srv_dicomweb_route_count;

http_handler srv_qido_studies, srv_qido_series, srv_qido_instances;
http_handler srv_wado_objects, srv_wado_metadata, srv_wado_frames, srv_wado_bulk;
http_handler srv_wado_uri;
http_handler srv_stow, srv_remove, srv_reject;

/* {study}, {series} and {instance} of the path. Absent ones are empty. */
struct srv_path {
    iso_str study;
    iso_str series;
    iso_str instance;
};

/* ISO_EINVAL (400) when one of them is no UID. */
ISO_MUST_USE int srv_path_read(struct http_request *req, struct srv_path *path,
                               struct iso_err *err);
/* Borrows path. */
struct arc_selection srv_path_selection(const struct srv_path *path);
/* All objects of the path; ISO_ENOENT (404) when there are none. */
ISO_MUST_USE int srv_path_objects(struct http_request *req, struct srv_web *web,
                                  const struct srv_path *path, struct arc_instance **list,
                                  size_t *count, struct iso_err *err);

/* "http://host/dicom-web", by the names that the client used. */
iso_str srv_base_url(struct http_request *req);
/* "/dicom-web/studies/1/series/2/instances/3" */
iso_str srv_instance_path(struct iso_arena *arena, const struct arc_instance *instance);

/* A heap buffer that lives as long as the request. NULL: out of memory. */
struct iso_buf *srv_text(struct http_request *req);

/* The entity tag of an ordered list of objects, NUL-terminated. */
ISO_MUST_USE int srv_etag_of(const struct arc_instance *list, size_t count,
                             char etag[SRV_ETAG_BYTES], struct iso_err *err);

/* A number for text within an entity tag (FNV-1a); not against malice. */
uint64_t srv_text_hash(iso_str text);

/* Cache-Control and ETag for bytes that never change under this tag. */
ISO_MUST_USE int srv_cache_forever(struct http_request *req, const struct srv_web *web,
                                   iso_str etag, struct iso_err *err);
/* … and for answers that may change: caches ask each time. */
ISO_MUST_USE int srv_cache_ask(struct http_request *req, iso_str etag, struct iso_err *err);

/* What the client accepts; the answer says that it depends on that. ISO_EFORMAT (400) when that is malformed. */
ISO_MUST_USE int srv_accept(struct http_request *req, struct http_accept *accept,
                            struct iso_err *err);
/* Answers 406, naming what there is. Returns ISO_OK. */
int srv_not_acceptable(struct http_request *req, const char *available);

/* Opened until the response has been sent. NULL: err tells. */
struct arc_object *srv_object_open(struct http_request *req, struct srv_web *web,
                                   const struct arc_instance *instance, int *rc,
                                   struct iso_err *err);

/* A stored object as it goes out: at most 2 spans. The preamble is sent as zeros unless it is that of a
 * TIFF: one that is neither could make an executable of the file.   PS3.10 §7.1, §7.5 */
ISO_MUST_USE int srv_object_spans(const struct arc_object *object, struct http_span span[2],
                                  size_t *count, struct iso_err *err);

/* On the epoll thread (http_in_haste), when the index is not free at once: the handler leaves it to a worker. */
static inline bool srv_must_wait(const struct http_request *req, const struct srv_web *web)
{
    return http_in_haste(req) && !arc_reader_free(web->arc);
}

/* Reads a file range as a source; storage is the caller's. */
struct srv_range_source {
    int      fd;
    uint64_t offset;
    uint64_t left;
};
struct iso_source srv_range_source(struct srv_range_source *range);

/* A data set like row, with one more element; shares values with row. */
ISO_MUST_USE int srv_row_with(const struct dcm_dataset *row, struct iso_arena *arena,
                              struct dcm_dataset *out, struct iso_err *err);

#endif
