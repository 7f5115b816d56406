/* img_sr_in.h: content items as the writers of reports see them; private to image/. */
#ifndef IMG_SR_IN_H
#define IMG_SR_IN_H

#include "img_sr.h"

struct img_sr_pair {
    const char *name;
    iso_str     value;
};

/* What stands above the content. */
struct img_sr_head {
    iso_str            title;
    iso_str            language; /* of the content, such as "en-US"; empty: not said */
    struct img_sr_pair fact[20];
    size_t             fact_count;
};

/* One content item. Strings live in the arena, in UTF-8, not escaped. */
struct img_sr_item {
    unsigned depth; /* the root is 0 */
    bool     is_container;
    bool     is_for_programs; /* coordinates, UIDs: nobody reads them from paper */
    iso_str  position;        /* "1.2.3": PS3.3 §C.17.3.2.5; good as part of an id */
    iso_str  name;            /* meaning of the concept name; empty: it has none */
    iso_str  name_code;       /* "121071, DCM" */
    iso_str  relation;        /* "inferred from"; empty for what only belongs to it */
    iso_str  value;           /* empty for containers */
    iso_str  value_code;      /* of a code; empty: none */
    iso_str  detail;          /* what fewer want to read: who observed it, when */
    iso_str  url;             /* of the object that is the value; empty: none */
    iso_str  target;          /* the position of another item that stands here by reference */
};

/* Who turns them into text. begin and end come in pairs, nested like the items. */
struct img_sr_writer {
    struct iso_buf *out;
    void (*head)(struct img_sr_writer *w, const struct img_sr_head *head);
    void (*begin)(struct img_sr_writer *w, const struct img_sr_item *item);
    void (*end)(struct img_sr_writer *w, const struct img_sr_item *item);
    void (*cut)(struct img_sr_writer *w); /* there is more than is shown */
    void (*done)(struct img_sr_writer *w);
    bool list_open[IMG_SR_DEPTH_MAX + 2];
};

/* Walks the whole document. Fails for want of memory only. */
ISO_MUST_USE int img_sr_walk(const struct dcm_dataset *ds, const struct img_sr_options *options,
                             struct iso_arena *arena, struct img_sr_writer *w, struct iso_err *err);

#endif
