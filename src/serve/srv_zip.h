/* srv_zip.h: objects as one ZIP archive; private to serve/. Plain; as a file-set for discs, with a DICOMDIR
 * (PS3.10 §8, PS3.11 Annex D); without what tells whose they are (PS3.15 Annex E). */
#ifndef SRV_ZIP_H
#define SRV_ZIP_H

#include "dcm_deidentify.h"
#include "srv_dicomweb.h"

struct srv_zip_wish {
    bool                          dicomdir;
    bool                          deidentify;
    bool                          keep_pixels; /* also those that may show text */
    struct dcm_deidentify_profile profile;     /* with its key */
};

/* What the query says: dicomdir, deidentify, retain, dates, pixels, pseudonym. ISO_EINVAL (400): it makes no
 * sense, and then nothing must be sent. */
ISO_MUST_USE int srv_zip_wish(struct http_request *req, struct srv_zip_wish *wish,
                              struct iso_err *err);

/* Answers. to: a transfer syntax for each object, NULL: as stored; an object that turns out not to be
 * convertible goes as it is stored. A de-identified archive says in DEIDENT.TXT what was done and what was left
 * out. */
ISO_MUST_USE int srv_zip_send(struct http_request *req, struct srv_web *web,
                              const struct arc_instance *list, const struct dcm_syntax *const *to,
                              size_t count, const struct srv_zip_wish *wish, struct iso_err *err);

#endif
