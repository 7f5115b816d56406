/* The walk, and the rules about elements as such: order, dictionary, VR, value count, ownership, and
 * the file's meta information. */
#include "dcm_validate_rules.h"

#include "dcm_dump.h"
#include "dcm_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FINDINGS_MAX = 1000, MESSAGE_CHARS = 320 };

void validate_found(struct validator *v, enum dcm_severity severity, dcm_tag tag, const char *rule,
                    const char *fmt, ...)
{
    size_t             before = v->result.notes + v->result.warnings + v->result.errors;
    size_t             max = v->options->findings_max > 0 ? v->options->findings_max : FINDINGS_MAX;
    char               text[MESSAGE_CHARS];
    struct dcm_finding finding = { .severity = severity, .tag = tag, .rule = rule };
    struct iso_buf     safe;
    size_t             path_len = v->path_len;
    va_list            args;

    v->result.errors += severity == DCM_ERROR ? 1 : 0;
    v->result.warnings += severity == DCM_WARNING ? 1 : 0;
    v->result.notes += severity == DCM_NOTE ? 1 : 0;
    v->result.truncated = before >= max;
    if (v->options->found == NULL || before >= max)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    iso_buf_init(&safe, 4096);
    dcm_dump_text(&safe, iso_str_c(text), sizeof text);
    if (tag != 0)
        path_len += (size_t)snprintf(v->path + path_len, sizeof v->path - path_len, DCM_TAG_FMT,
                                     DCM_TAG_ARG(tag));
    finding.path    = iso_str_of(v->path, path_len);
    finding.message = iso_str_of_bytes(iso_buf_bytes(&safe));
    v->options->found(v->options->ctx, &finding);
    iso_buf_release(&safe);
}

size_t validate_enter(struct validator *v, dcm_tag tag, size_t i)
{
    size_t before = v->path_len;
    int    n      = snprintf(v->path + before, sizeof v->path - before, DCM_TAG_FMT "[%zu].",
                             DCM_TAG_ARG(tag), i);

    if (n > 0 && (size_t)n < sizeof v->path - before - 16)
        v->path_len = before + (size_t)n;
    return before;
}

/* "1", "1-3", "2-n", "2-2n": does it take n values? */
static bool vm_takes(const char *vm, size_t n)
{
    char         *end;
    unsigned long low = strtoul(vm, &end, 10);
    unsigned long high, step = 0;

    if (end == vm)
        return true; /* a table's own words */
    if (*end != '-')
        return n == low;
    const char *after = end + 1;
    high              = strtoul(after, &end, 10);
    if (*end == 'n') {
        step = after == end ? 1 : high;
        return n >= low && (n - low) % step == 0;
    }
    return n >= low && n <= high;
}

static const struct dcm_dict_entry *entry_of(dcm_tag tag, iso_str creator)
{
    if (!dcm_tag_is_private(tag) || dcm_tag_is_private_creator(tag))
        return dcm_dict_find(tag);
    return dcm_dict_find_private(creator, tag & 0xffff00ff);
}

static bool same_kind(enum dcm_vr a, enum dcm_vr b)
{
    return a == b || ((a == DCM_VR_OB || a == DCM_VR_OW) && (b == DCM_VR_OB || b == DCM_VR_OW)) ||
           ((a == DCM_VR_US || a == DCM_VR_SS || a == DCM_VR_OW) &&
            (b == DCM_VR_US || b == DCM_VR_SS || b == DCM_VR_OW));
}

static void check_dictionary(struct validator *v, const struct dcm_element *el, iso_str creator)
{
    const struct dcm_dict_entry *entry = entry_of(el->tag, creator);
    enum dcm_vr                  vr    = (enum dcm_vr)el->vr;
    const char                  *name  = vr == DCM_VR_NONE ? "none" : dcm_vr_info(vr)->name;

    if (dcm_tag_is_private(el->tag) && !dcm_tag_is_private_creator(el->tag) && creator.len == 0)
        validate_found(v, DCM_WARNING, el->tag, "PS3.5 §7.8.1", "no private creator owns it");
    if (entry == NULL) {
        if (!dcm_tag_is_private(el->tag))
            validate_found(v, DCM_WARNING, el->tag, "PS3.6 §6", "not in the data dictionary");
        return;
    }
    if (entry->retired)
        validate_found(v, DCM_NOTE, el->tag, "PS3.6 §6", "%s is retired", dcm_dict_keyword(entry));
    if (vr == DCM_VR_UN && entry->vr != DCM_VR_UN)
        validate_found(v, DCM_NOTE, el->tag, "PS3.5 §6.2.2", "UN, where %s is known to be %s",
                       dcm_dict_name(entry), dcm_vr_info(entry->vr)->name);
    else if (vr != entry->vr && vr != entry->vr_else && !same_kind(vr, entry->vr))
        validate_found(v, dcm_tag_is_private(el->tag) ? DCM_NOTE : DCM_ERROR, el->tag, "PS3.6 §6",
                       "%s is %s, not %s", dcm_dict_name(entry), dcm_vr_info(entry->vr)->name,
                       name);
    else if (el->form == DCM_FORM_VALUE && vr != DCM_VR_UN && !dcm_tag_is_private(el->tag) &&
             dcm_element_vm(el) > 0 && !vm_takes(entry->vm, dcm_element_vm(el)))
        validate_found(v, DCM_ERROR, el->tag, "PS3.6 §6", "%s has %s value(s), here %zu",
                       dcm_dict_keyword(entry), entry->vm, dcm_element_vm(el));
}

static void check_order(struct validator *v, const struct dcm_dataset *ds)
{
    if (ds->sorted)
        return;
    for (size_t i = 1; i < ds->count; i++)
        if (ds->element[i].tag <= ds->element[i - 1].tag)
            validate_found(v, DCM_ERROR, ds->element[i].tag, "PS3.5 §7.1",
                           ds->element[i].tag == ds->element[i - 1].tag
                               ? "is there twice"
                               : "comes after " DCM_TAG_FMT,
                           DCM_TAG_ARG(ds->element[i - 1].tag));
}

static int walk(struct validator *v, const struct dcm_dataset *ds, unsigned depth,
                struct iso_err *err)
{
    const struct dcm_element **order;
    size_t                     count;
    int                        rc;

    if (depth > DCM_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, "sequences nested deeper than %d", DCM_DEPTH_MAX);
    check_order(v, ds);
    rc = dcm_model_order(ds, v->scratch, &order, &count, err);
    for (size_t i = 0; i < ds->count && rc == ISO_OK; i++) {
        const struct dcm_element *el = &ds->element[i];

        check_dictionary(v, el, dcm_model_creator(ds, order, count, el->tag));
        if (el->form == DCM_FORM_VALUE)
            rc = validate_value(v, ds, el, err);
        for (size_t n = 0; n < el->item_count && rc == ISO_OK; n++) {
            size_t before = validate_enter(v, el->tag, n);

            rc          = walk(v, &el->items[n], depth + 1, err);
            v->path_len = before;
        }
    }
    return rc;
}

static void check_same(struct validator *v, dcm_tag tag, iso_str in_meta, iso_str in_ds,
                       dcm_tag other)
{
    if (in_meta.len > 0 && in_ds.len > 0 && !iso_str_eq(in_meta, in_ds))
        validate_found(v, DCM_ERROR, tag, "PS3.10 §7.1", "%.*s, but " DCM_TAG_FMT " says %.*s",
                       ISO_STR_ARG(in_meta), DCM_TAG_ARG(other), ISO_STR_ARG(in_ds));
}

static void check_meta(struct validator *v, const struct dcm_dataset *ds,
                       const struct dcm_meta *meta)
{
    static const uint16_t needed[] = { 0x0000, 0x0001, 0x0002, 0x0003, 0x0010, 0x0012 };

    if (!meta->has_preamble)
        validate_found(v, DCM_ERROR, 0, "PS3.10 §7.1", "no preamble and prefix \"DICM\"");
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        const struct dcm_element *el = dcm_get(&meta->group2, DCM_TAG(2, needed[i]));

        if (el == NULL || el->value.len == 0)
            validate_found(v, DCM_ERROR, DCM_TAG(2, needed[i]), "PS3.10 §7.1", "missing or empty");
    }
    if (meta->transfer_syntax_uid.len > 0 && dcm_syntax_find(meta->transfer_syntax_uid) == NULL)
        validate_found(v, DCM_WARNING, DCM_TRANSFER_SYNTAX_UID, "PS3.5 §10",
                       "transfer syntax %.*s is not known", ISO_STR_ARG(meta->transfer_syntax_uid));
    check_same(v, DCM_TAG(2, 2), meta->media_sop_class_uid, dcm_get_ascii(ds, DCM_SOP_CLASS_UID),
               DCM_SOP_CLASS_UID);
    check_same(v, DCM_TAG(2, 3), meta->media_sop_instance_uid,
               dcm_get_ascii(ds, DCM_SOP_INSTANCE_UID), DCM_SOP_INSTANCE_UID);
}

int dcm_validate(const struct dcm_dataset *ds, const struct dcm_meta *meta,
                 const struct dcm_validate_options *options, struct iso_arena *scratch,
                 struct dcm_validation *result, struct iso_err *err)
{
    struct validator v = { .options = options, .scratch = scratch };
    int              rc;

    if (meta != NULL)
        check_meta(&v, ds, meta);
    if (ds->charset.unknown)
        validate_found(&v, DCM_ERROR, DCM_SPECIFIC_CHARACTER_SET, "PS3.3 C.12.1.1.2",
                       "a character set that is not defined");
    rc = walk(&v, ds, 0, err);
    if (rc < 0)
        return rc;
    validate_modules(&v, ds);
    *result = v.result;
    return ISO_OK;
}
