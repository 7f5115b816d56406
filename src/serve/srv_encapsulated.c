/* srv_encapsulated.c: encapsulated documents go out as they were put in, as ranges of the stored file.
 * PS3.3 §C.24.2, §C.24.3; PS3.18 §8.7.4 */
#include "srv_document.h"
#include "srv_pixels.h"
#include "srv_program.h"

#include "os_file.h"

#include <stdio.h>

/* ---- documents ---- */

/* Without the byte that made its length even.   PS3.3 §C.24.2: (0042,0015) */
static uint64_t document_bytes(const struct dcm_dataset *ds, uint64_t bytes)
{
    int64_t stated;

    if (dcm_get_i64(ds, DCM_ENCAPSULATED_DOCUMENT_LENGTH, 0, &stated) && stated >= 0 &&
        (uint64_t)stated == bytes - (bytes > 0))
        return (uint64_t)stated;
    return bytes;
}

static int send_document(struct srv_render *r, struct iso_err *err)
{
    const struct dcm_element *el   = dcm_get(&r->ds, DCM_ENCAPSULATED_DOCUMENT);
    struct http_span         *span = iso_arena_alloc(http_arena(r->req), sizeof *span);
    int                       rc;

    if (span == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    if (el == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the object holds no document");
    rc = srv_value(r->req, r->web, &r->inst, el, span, err);
    if (rc < 0)
        return rc;
    span->len = document_bytes(&r->ds, span->len);
    return http_reply_spans(r->req, 200, r->type, span, 1, err);
}

#define ENCAPSULATED(name_, number_, type_, missing_)                                              \
    static bool takes_##name_(const struct arc_instance *inst)                                     \
    {                                                                                              \
        return iso_str_eq_c(inst->sop_class_uid, "1.2.840.10008.5.1.4.1.1.104." number_);          \
    }                                                                                              \
    static const char *const  name_##_types[]        = { type_, NULL };                            \
    const struct srv_renderer srv_##name_##_renderer = {                                           \
        .takes = takes_##name_, .types = name_##_types, .send = send_document, .missing = missing_ \
    };

ENCAPSULATED(pdf, "1", "application/pdf", &srv_pdftoppm)
ENCAPSULATED(cda, "2", "text/xml", NULL)
ENCAPSULATED(stl, "3", "model/stl", NULL)
ENCAPSULATED(obj, "4", "model/obj", NULL)
ENCAPSULATED(mtl, "5", "model/mtl", NULL)

/* ---- the first page of a PDF, where the system has the program that draws it ---- */

enum {
    PDF_BYTES_MAX = 64 << 20,
    PAGE_SIDE     = 1400, /* pixels, without a viewport */
    PAGE_SIDE_MAX = 4000
};

static bool takes_pdf_with_page(const struct arc_instance *inst)
{
    return takes_pdf(inst) && srv_program_installed(&srv_pdftoppm);
}

/* The document in memory. */
static int read_document(struct srv_render *r, iso_bytes *out, struct iso_err *err)
{
    const struct dcm_element *el   = dcm_get(&r->ds, DCM_ENCAPSULATED_DOCUMENT);
    struct http_span          span = { 0 };
    int                       rc;

    if (el == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the object holds no document");
    rc = srv_value(r->req, r->web, &r->inst, el, &span, err);
    if (rc == ISO_OK && span.len > PDF_BYTES_MAX)
        rc = iso_fail(err, ISO_ELIMIT, "a document of %llu bytes", (unsigned long long)span.len);
    if (rc < 0)
        return rc;
    if (span.ptr != NULL) {
        *out = iso_bytes_of(span.ptr, (size_t)span.len);
        return ISO_OK;
    }
    uint8_t *p = iso_arena_alloc(http_arena(r->req), (size_t)span.len);
    if (p == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    *out = iso_bytes_of(p, (size_t)span.len);
    return os_read_exact_at(span.fd, p, (size_t)span.len, span.offset, err);
}

static int page_of_pdf(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    uint32_t side = r->view.box_width > r->view.box_height ? r->view.box_width : r->view.box_height;
    struct img_picture page     = { 0 };
    iso_bytes          document = { 0 };
    char               size[16];
    const char        *argv[] = { "pdftoppm",    "-f",        "1",  "-l", "1",
                                  "-singlefile", "-scale-to", size, "-",  NULL };
    int                rc     = read_document(r, &document, err);

    if (rc < 0)
        return rc;
    (void)snprintf(size, sizeof size, "%u",
                   side == 0              ? PAGE_SIDE
                   : side < PAGE_SIDE_MAX ? side
                                          : PAGE_SIDE_MAX);
    rc = srv_program_picture(&srv_pdftoppm, argv, document, &page, err);
    if (rc < 0)
        return iso_wrap(err, rc, "the first page");
    return srv_picture_fit(&page, 1, &r->view, out, err);
}

const struct srv_renderer srv_pdf_page_renderer = {
    .takes = takes_pdf_with_page, .types = pdf_types, .send = send_document, .picture = page_of_pdf
};
