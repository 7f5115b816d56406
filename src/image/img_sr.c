/* img_sr.c: the head of a document and the walk through its content tree, for any writer. The tree
 * comes from the parser, whose depth is bounded; items by reference are named and not followed, so
 * a tree cannot become a loop. */
#include "img_sr.h"

#include "img_sr_value.h"

#include <string.h>

struct walk {
    const struct img_sr_options *options;
    struct iso_arena            *arena;
    struct img_sr_writer        *writer;
    const struct dcm_dataset    *root;
    size_t                       items;
    bool                         cut;
};

bool img_sr_is(const struct dcm_dataset *ds)
{
    return iso_str_eq_c(dcm_get_ascii(ds, DCM_VALUE_TYPE), "CONTAINER") ||
           dcm_get(ds, DCM_CONTENT_SEQUENCE) != NULL;
}

iso_str img_sr_title(const struct dcm_dataset *ds, struct iso_arena *arena)
{
    iso_str                     title = img_code_meaning(ds, DCM_CONCEPT_NAME_CODE_SEQUENCE, arena);
    const struct dcm_uid_entry *known = dcm_uid_find(dcm_get_ascii(ds, DCM_SOP_CLASS_UID));

    if (title.len > 0)
        return title;
    title = known != NULL ? iso_str_c(known->name) : ISO_STR("Report");
    if (iso_str_ends(title, ISO_STR(" Storage")))
        title.len -= sizeof " Storage" - 1;
    return title;
}

/* ---- the head ---- */

static void fact(struct img_sr_head *head, const char *name, iso_str value)
{
    value = iso_str_trim(value);
    if (value.len > 0 && head->fact_count < sizeof head->fact / sizeof *head->fact)
        head->fact[head->fact_count++] = (struct img_sr_pair){ name, value };
}

/* "Smith, John, Clinic, 2024-01-31 10:30:00"; several apart by semicolons. */
static iso_str verifiers(const struct dcm_dataset *ds, struct iso_arena *arena)
{
    static const dcm_tag      tags[] = { DCM_VERIFYING_OBSERVER_NAME, DCM_VERIFYING_ORGANIZATION,
                                         DCM_VERIFICATION_DATE_TIME };
    const struct dcm_element *el     = dcm_get(ds, DCM_VERIFYING_OBSERVER_SEQUENCE);
    iso_str                   out    = { 0 };

    for (size_t i = 0; el != NULL && i < el->item_count && i < 16; i++) {
        for (size_t k = 0; k < sizeof tags / sizeof *tags; k++) {
            iso_str v = img_text_of(&el->items[i], tags[k], arena);

            if (v.len > 0)
                out = iso_arena_printf(arena, "%.*s%s%.*s", (int)out.len,
                                       out.ptr != NULL ? out.ptr : "",
                                       out.len == 0 ? ""
                                       : k == 0     ? "; "
                                                    : ", ",
                                       ISO_STR_ARG(v));
        }
    }
    return out;
}

static iso_str date_and_time(const struct dcm_dataset *ds, dcm_tag date, dcm_tag time,
                             struct iso_arena *arena)
{
    iso_str d = img_text_of(ds, date, arena);
    iso_str t = img_text_of(ds, time, arena);

    return d.len == 0 ? d : iso_arena_printf(arena, "%.*s %.*s", ISO_STR_ARG(d), ISO_STR_ARG(t));
}

/* COMPLETE and VERIFIED are what a reader must know before believing anything.  PS3.3 §C.17.2 */
static iso_str state(const struct dcm_dataset *ds, struct iso_arena *arena)
{
    static const struct {
        dcm_tag     tag;
        const char *value, *says;
    } known[] = {
        { DCM_PRELIMINARY_FLAG, "PRELIMINARY", "preliminary" },
        { DCM_PRELIMINARY_FLAG, "FINAL", "final" },
        { DCM_COMPLETION_FLAG, "COMPLETE", "complete" },
        { DCM_COMPLETION_FLAG, "PARTIAL", "partial" },
        { DCM_VERIFICATION_FLAG, "VERIFIED", "verified" },
        { DCM_VERIFICATION_FLAG, "UNVERIFIED", "not verified" },
    };
    iso_str out = { 0 };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (iso_str_eq_c(dcm_get_ascii(ds, known[i].tag), known[i].value))
            out = iso_arena_printf(arena, "%.*s%s%s", ISO_STR_ARG(out), out.len > 0 ? ", " : "",
                                   known[i].says);
    return out;
}

/* Language of Content Item and Descendants (121049, DCM): a language tag.   PS3.16 TID 1204 */
static iso_str language(const struct dcm_dataset *ds)
{
    const struct dcm_element *el = dcm_get(ds, DCM_CONTENT_SEQUENCE);

    for (size_t i = 0; el != NULL && i < el->item_count && i < 32; i++) {
        const struct dcm_dataset *name =
            dcm_get_item(&el->items[i], DCM_CONCEPT_NAME_CODE_SEQUENCE, 0);
        const struct dcm_dataset *code = dcm_get_item(&el->items[i], DCM_CONCEPT_CODE_SEQUENCE, 0);

        if (name == NULL || code == NULL ||
            !iso_str_eq_c(dcm_get_ascii(name, DCM_CODE_VALUE), "121049"))
            continue;
        iso_str tag = dcm_get_ascii(code, DCM_CODE_VALUE);
        for (size_t k = 0; k < tag.len; k++)
            if (!((tag.ptr[k] | 0x20) >= 'a' && (tag.ptr[k] | 0x20) <= 'z') && tag.ptr[k] != '-')
                return ISO_STR("");
        return tag;
    }
    return ISO_STR("");
}

static void read_head(const struct dcm_dataset *ds, struct iso_arena *arena,
                      struct img_sr_head *head)
{
    head->title    = img_sr_title(ds, arena);
    head->language = language(ds);
    fact(head, "Patient", img_text_of(ds, DCM_PATIENT_NAME, arena));
    fact(head, "Patient ID", img_text_of(ds, DCM_PATIENT_ID, arena));
    fact(head, "Birth date", img_text_of(ds, DCM_PATIENT_BIRTH_DATE, arena));
    fact(head, "Sex", img_text_of(ds, DCM_PATIENT_SEX, arena));
    fact(head, "Study", img_text_of(ds, DCM_STUDY_DESCRIPTION, arena));
    fact(head, "Study date", date_and_time(ds, DCM_STUDY_DATE, DCM_STUDY_TIME, arena));
    fact(head, "Accession number", img_text_of(ds, DCM_ACCESSION_NUMBER, arena));
    fact(head, "Referring physician", img_text_of(ds, DCM_REFERRING_PHYSICIAN_NAME, arena));
    fact(head, "Institution", img_text_of(ds, DCM_INSTITUTION_NAME, arena));
    fact(head, "Series", img_text_of(ds, DCM_SERIES_DESCRIPTION, arena));
    fact(head, "Written", date_and_time(ds, DCM_CONTENT_DATE, DCM_CONTENT_TIME, arena));
    fact(head, "State", state(ds, arena));
    fact(head, "State in words", img_text_of(ds, DCM_COMPLETION_FLAG_DESCRIPTION, arena));
    fact(head, "Verified by", verifiers(ds, arena));
    fact(head, "Made by", img_text_of(ds, DCM_MANUFACTURER, arena));
}

/* ---- the tree ---- */

static const char *relation_text(iso_str type)
{
    static const char *const known[][2] = {
        { "HAS OBS CONTEXT", "observation context" },
        { "HAS ACQ CONTEXT", "acquisition context" },
        { "HAS CONCEPT MOD", "modifier" },
        { "HAS PROPERTIES", "property" },
        { "INFERRED FROM", "inferred from" },
        { "SELECTED FROM", "selected from" },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (iso_str_eq_c(type, known[i][0]))
            return known[i][1];
    return "";
}

/* An item that stands here by reference: "1\2\3" counts items from the root, which is 1.
 * PS3.3 §C.17.3.2.5 */
static void read_target(struct walk *w, const struct dcm_dataset *ds, struct img_sr_item *item)
{
    const struct dcm_dataset *at   = w->root;
    iso_str                   path = ISO_STR("1");
    int64_t                   n    = 0;

    for (size_t i = 1;
         i < IMG_SR_DEPTH_MAX && dcm_get_i64(ds, DCM_REFERENCED_CONTENT_ITEM_IDENTIFIER, i, &n);
         i++) {
        at   = at != NULL && n > 0 ? dcm_get_item(at, DCM_CONTENT_SEQUENCE, (size_t)n - 1) : NULL;
        path = iso_arena_printf(w->arena, "%.*s.%lld", ISO_STR_ARG(path), (long long)n);
    }
    item->target = path;
    if (at != NULL)
        item->name = img_code_meaning(at, DCM_CONCEPT_NAME_CODE_SEQUENCE, w->arena);
    item->value = iso_arena_printf(w->arena, at != NULL ? "see item %.*s" : "item %.*s (not there)",
                                   ISO_STR_ARG(path));
    if (at == NULL)
        item->target = ISO_STR("");
}

static void read_item(struct walk *w, const struct dcm_dataset *ds, struct img_sr_item *item)
{
    iso_str type = dcm_get_ascii(ds, DCM_VALUE_TYPE);

    item->relation = iso_str_c(relation_text(dcm_get_ascii(ds, DCM_RELATIONSHIP_TYPE)));
    if (dcm_get(ds, DCM_REFERENCED_CONTENT_ITEM_IDENTIFIER) != NULL) {
        read_target(w, ds, item);
        return;
    }
    item->name            = img_code_meaning(ds, DCM_CONCEPT_NAME_CODE_SEQUENCE, w->arena);
    item->name_code       = img_sr_code(ds, DCM_CONCEPT_NAME_CODE_SEQUENCE, w->arena);
    item->is_container    = iso_str_eq_c(type, "CONTAINER");
    item->is_for_programs = iso_str_eq_c(type, "UIDREF") || iso_str_eq_c(type, "SCOORD") ||
                            iso_str_eq_c(type, "SCOORD3D") || iso_str_eq_c(type, "TCOORD");
    if (!item->is_container)
        img_sr_value(ds, type, w->options, w->arena, item);
    if (item->detail.len == 0)
        item->detail = img_text_of(ds, DCM_OBSERVATION_DATE_TIME, w->arena);
}

/* One item's strings are bounded (dcm_is_bulk): with this much left none of them is lost. */
static bool is_nearly_full(const struct iso_arena *arena)
{
    enum { ITEM_BYTES = 4 << 20 };

    return arena->bytes_max - arena->bytes_used < ITEM_BYTES;
}

static void walk_children(struct walk *w, const struct dcm_dataset *ds, unsigned depth,
                          iso_str position)
{
    const struct dcm_element *el = dcm_get(ds, DCM_CONTENT_SEQUENCE);

    for (size_t i = 0; el != NULL && i < el->item_count; i++) {
        struct img_sr_item item = { .depth = depth };

        if (depth >= IMG_SR_DEPTH_MAX || w->items >= IMG_SR_ITEMS_MAX || is_nearly_full(w->arena)) {
            w->cut = true;
            return;
        }
        w->items++;
        item.position = iso_arena_printf(w->arena, "%.*s.%zu", ISO_STR_ARG(position), i + 1);
        read_item(w, &el->items[i], &item);
        if (item.position.ptr == NULL) { /* no memory */
            w->cut = true;
            return;
        }
        w->writer->begin(w->writer, &item);
        walk_children(w, &el->items[i], depth + 1, item.position);
        w->writer->end(w->writer, &item);
    }
}

int img_sr_walk(const struct dcm_dataset *ds, const struct img_sr_options *options,
                struct iso_arena *arena, struct img_sr_writer *writer, struct iso_err *err)
{
    struct img_sr_head head = { 0 };
    struct walk        w    = { .options = options, .arena = arena, .writer = writer, .root = ds };

    if (is_nearly_full(arena))
        return iso_fail(err, ISO_ELIMIT, "no working memory left for a report");
    read_head(ds, arena, &head);
    writer->head(writer, &head);
    walk_children(&w, ds, 1, ISO_STR("1"));
    if (w.cut)
        writer->cut(writer);
    writer->done(writer);
    return iso_buf_check(writer->out, err);
}
