/* srv_key.c: a key object selection is shown as the first of its objects that is stored here and has
 * a picture; without one, as the report that it is.   PS3.3 §A.35.4, §C.17.3 */
#include "srv_document.h"

#include <string.h>

enum { LOOKED_AT_MAX = 256 /* references, until one is found */ };

struct key {
    struct arc_instance        inst;
    uint32_t                   frame; /* that the selection names; 0: none */
    const struct srv_renderer *renderer;
    struct srv_render          target;
};

static bool takes_key(const struct arc_instance *inst)
{
    return inst->pixels == ARC_PIXELS_NONE &&
           iso_str_eq_c(inst->sop_class_uid, "1.2.840.10008.5.1.4.1.1.88.59");
}

/* One reference: false when it leads nowhere. Selections of selections are not followed. */
static bool follow(struct srv_render *r, const struct dcm_dataset *item, struct key *key)
{
    const struct dcm_dataset *ref  = dcm_get_item(item, DCM_REFERENCED_SOP_SEQUENCE, 0);
    const iso_str             none = ISO_STR("");
    struct iso_err            err  = { 0 };
    int64_t                   frame;

    if (ref == NULL)
        return false;
    iso_str uid = dcm_get_ascii(ref, DCM_REFERENCED_SOP_INSTANCE_UID);
    if (!dcm_uid_acceptable(uid) ||
        arc_lookup(r->web->arc, none, none, uid, http_arena(r->req), &key->inst, &err) < 0)
        return false;
    key->renderer = srv_renderer_of(&key->inst);
    if (key->renderer == NULL || key->renderer->picture == NULL || takes_key(&key->inst))
        return false;
    key->frame = dcm_get_i64(ref, DCM_REFERENCED_FRAME_NUMBER, 0, &frame) && frame >= 1 &&
                         frame <= key->inst.frames
                     ? (uint32_t)frame
                     : 0;
    return true;
}

/* The items of the root are its selection.   PS3.16 TID 2010 */
static bool find(struct srv_render *r, struct key *key)
{
    const struct dcm_element *el = dcm_get(&r->ds, DCM_CONTENT_SEQUENCE);

    for (size_t i = 0; el != NULL && i < el->item_count && i < LOOKED_AT_MAX; i++)
        if (follow(r, &el->items[i], key))
            return true;
    return false;
}

static int key_depends(struct srv_render *r, iso_str *text, struct iso_err *err)
{
    struct key *key  = iso_arena_alloc(http_arena(r->req), sizeof *key);
    iso_str     more = ISO_STR("");
    char        digest[SRV_ETAG_BYTES];
    int         rc;

    if (key == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    if (strncmp(r->type, "image/", 6) != 0)
        return srv_report_depends(r, text, err);
    r->may_change = true;
    *text         = ISO_STR("card");
    if (!find(r, key))
        return ISO_OK;
    key->target      = *r;
    key->target.inst = key->inst;
    rc = arc_header(r->web->arc, &key->inst, http_arena(r->req), &key->target.ds, err);
    if (rc < 0)
        return rc;
    key->target.frame =
        key->frame > 0 ? key->frame : srv_representative_frame(&key->inst, &key->target.ds);
    if (key->renderer->depends != NULL)
        rc = key->renderer->depends(&key->target, &more, err);
    if (rc == ISO_OK)
        rc = srv_etag_of(&key->inst, 1, digest, err);
    if (rc < 0)
        return rc;
    r->kind = key;
    *text   = iso_arena_printf(http_arena(r->req), "%s %u %.*s", digest, key->target.frame,
                               (int)more.len, more.ptr);
    return text->ptr != NULL ? ISO_OK : iso_arena_fail(http_arena(r->req), err);
}

static int key_picture(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    struct key *key = r->kind;
    int         rc;

    if (key == NULL)
        return srv_report_picture(r, out, err);
    rc         = key->renderer->picture(&key->target, out, err);
    r->damaged = key->target.damaged;
    return rc;
}

const struct srv_renderer srv_key_renderer = { .takes         = takes_key,
                                               .types         = srv_report_types,
                                               .picture_first = true,
                                               .document      = srv_report_document,
                                               .picture       = key_picture,
                                               .depends       = key_depends };
