/* srv_stow.h: what the two kinds of STOW-RS payload share; private to serve/.   PS3.18 §10.5 */
#ifndef SRV_STOW_H
#define SRV_STOW_H

#include "arc_ingest.h"
#include "http_multipart.h"
#include "srv_dicomweb.h"

enum { SRV_STOW_PARTS_MAX = 100000 };

/* One request and its answer, which grows with each instance.   PS3.18 §I.2 */
struct srv_stow {
    struct http_request *req;
    struct srv_web      *web;
    struct iso_arena    *arena;
    struct srv_path      path; /* {study}, when objects must belong to it */
    struct dcm_dataset   answer;
    iso_str              base;
    size_t               parts;
    size_t               part; /* the one that is being answered, from 1 */
    size_t               stored;
    size_t               warned;
    size_t               failed;
    int                  worst; /* code of the last failure */
};

/* Stores one Part 10 stream and writes what became of it into the answer. Negative when the request
 * cannot go on: its body broke off, the answer found no memory. */
ISO_MUST_USE int srv_stow_part(struct srv_stow *s, struct iso_source source, struct iso_err *err);
/* Writes a refusal into the answer. */
ISO_MUST_USE int srv_stow_refuse(struct srv_stow *s, const struct arc_identity *id, int code,
                                 const struct iso_err *why, struct iso_err *err);

/* srv_stow_metadata.c: a payload of metadata and bulk data parts, in memory: at most
 * SRV_STOW_METADATA_MAX and SRV_STOW_BULK_MAX bytes (ISO_ELIMIT).   PS3.18 §10.5.1.1.2 */
enum { SRV_STOW_METADATA_MAX = 32 << 20, SRV_STOW_BULK_MAX = 64 << 20 };
ISO_MUST_USE int srv_stow_metadata(struct srv_stow *s, struct http_multipart *multipart,
                                   struct iso_err *err);

#endif
