/* srv_render.h: pictures of what is stored, at every level; private to serve/.   PS3.18 §10.4, §9
 * The request side is here: which object, which frame, which media type, caching, the answer. What
 * an object looks like is a renderer's affair: one per kind of object, in the table of
 * srv_render.c. The pixels of images are one of them (srv_picture.h). */
#ifndef SRV_RENDER_H
#define SRV_RENDER_H

#include "http_route.h"
#include "srv_picture.h"
#include "srv_program.h"

/* …/rendered: image/jpeg, image/png, image/webp, image/gif, the latter two moving where there are
 * several frames, or what the object's renderer makes; 406 with a remedy where nothing can be shown. …/thumbnail: the same, pictures only, 256 x 256 at most unless a viewport is
 * given; 404 there. */
http_handler srv_rendered, srv_thumbnail;

/* The same for one object by WADO-URI. content_types: as in Accept, those that the client takes.
 * PS3.18 §9.4 */
ISO_MUST_USE int srv_rendered_uri(struct http_request *req, struct srv_web *web,
                                  const struct arc_instance *instance, iso_str content_types,
                                  struct iso_err *err);

/* One request for a picture, as a renderer gets it. */
struct srv_render {
    struct http_request       *req;
    struct srv_web            *web;
    bool                       thumbnail;
    struct srv_path            path;
    struct arc_instance        inst;   /* the object to show */
    struct dcm_dataset         ds;     /* its header */
    uint32_t                   frame;  /* from 1; 0: it has none */
    const uint32_t            *frames; /* those that are named, from 1 */
    size_t                     frame_count;
    const struct arc_instance *list; /* all objects of the path */
    size_t                     list_count;
    struct srv_view            view;
    unsigned                   quality; /* 1..100 */
    const char                *type;    /* the media type that was chosen */
    bool                       film;    /* a moving picture */
    bool                       damaged; /* out: parts of the picture are missing */
    bool  plain_colours;                /* out: the object's colour profile could not be used */
    bool  may_change; /* out, of depends: the answer can become another one; caches ask */
    void *kind;       /* of depends, for picture and document: what it has found */
};

/* How one kind of object is shown. A failure ISO_EUNSUPPORTED, ISO_EFORMAT or ISO_ELIMIT means that
 * this object has no picture. */
struct srv_renderer {
    bool (*takes)(const struct arc_instance *instance);
    /* Media types that it makes by itself, the best first, NULL at the end; NULL: only pictures.
     * They go before image types, and are for an instance as a whole only. */
    const char *const *types;
    bool               picture_first; /* pictures go before types */
    /* The object as r->type, one of types. Appends to out. */
    int (*document)(struct srv_render *r, struct iso_buf *out, struct iso_err *err);
    /* Instead of document: answers the request by itself, with parts of the stored file (documents,
     * videos). Such an object goes out as itself to whoever accepts that, however little. */
    int (*send)(struct srv_render *r, struct iso_err *err);
    /* The object as a picture of r->view's size; NULL: none. */
    int (*picture)(struct srv_render *r, struct img_picture *out, struct iso_err *err);
    /* What the result depends on besides the object, r->frame and r->view, such as the digest of
     * another object or a parameter of its own: text for entity tags and cache keys. NULL: nothing.
     * Where other objects are concerned it may change what r->frame is and set r->may_change. */
    int (*depends)(struct srv_render *r, iso_str *text, struct iso_err *err);
    /* What the system would need to have for a picture; NULL: that is not what it is about. */
    const struct srv_program *missing;
};

extern const struct srv_renderer srv_image_renderer; /* pixels */

/* Who shows such an object; NULL: nobody. */
const struct srv_renderer *srv_renderer_of(const struct arc_instance *instance);
/* An image and nothing that is shown in another way. */
bool srv_is_plain_image(const struct arc_instance *instance);
/* The frame that stands for an object: its Representative Frame Number, else the middle one; 0: it
 * has none. */
uint32_t srv_representative_frame(const struct arc_instance *instance,
                                  const struct dcm_dataset  *ds);

#endif
