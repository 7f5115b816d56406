/* Required attributes, by tables that tools/gen_iod.py makes from data/: SOP class to IOD, IOD to its
 * mandatory modules, module to attributes of type 1 (a value) and 2 (present, maybe empty). Inside a
 * sequence that is there, the rows below its own hold for every item. */
#include "dcm_validate_rules.h"

#include <stdlib.h>
#include <string.h>

struct iod_attribute {
    uint32_t tag;
    uint8_t  depth;
    uint8_t  type; /* 1, 2; 0: only encloses others */
};

struct iod_module {
    const char *name;
    uint16_t    first, end;
};

struct iod_class {
    const char *uid;
    const char *iod;
    uint16_t    first, end;
};

#include "dcm_iod_tables.h"

enum { CLASSES = sizeof iod_classes / sizeof iod_classes[0] };

static int by_uid(const void *key, const void *row)
{
    return iso_str_cmp(*(const iso_str *)key, iso_str_c(((const struct iod_class *)row)->uid));
}

static bool has_value(const struct dcm_element *el)
{
    if (el->form == DCM_FORM_SEQUENCE)
        return el->item_count > 0;
    return el->form != DCM_FORM_VALUE || el->value.len > 0;
}

static const char *keyword_of(dcm_tag tag)
{
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);

    return entry != NULL ? dcm_dict_keyword(entry) : "attribute";
}

static void check_attribute(struct validator *v, const struct iod_module *module,
                            const struct iod_attribute *a, const struct dcm_element *el)
{
    if (el == NULL && a->type == 1)
        validate_found(v, DCM_ERROR, a->tag, "PS3.3 §C, type 1", "%s is missing (module %s)",
                       keyword_of(a->tag), module->name);
    else if (el == NULL && a->type == 2)
        validate_found(v, DCM_WARNING, a->tag, "PS3.3 §C, type 2", "%s is missing (module %s)",
                       keyword_of(a->tag), module->name);
    else if (el != NULL && a->type == 1 && !has_value(el))
        validate_found(v, DCM_ERROR, a->tag, "PS3.3 §C, type 1", "%s is empty (module %s)",
                       keyword_of(a->tag), module->name);
}

/* Rows from .. end at this depth, and below them what their items need. Recursion is as deep as the
 * tables are nested: two levels. */
static void check_rows(struct validator *v, const struct dcm_dataset *ds,
                       const struct iod_module *module, size_t from, size_t end)
{
    unsigned depth = iod_attributes[from].depth;

    for (size_t i = from; i < end;) {
        const struct iod_attribute *a    = &iod_attributes[i];
        const struct dcm_element   *el   = dcm_get(ds, a->tag);
        size_t                      next = i + 1;

        while (next < end && iod_attributes[next].depth > depth)
            next++;
        check_attribute(v, module, a, el);
        for (size_t n = 0; el != NULL && next > i + 1 && n < el->item_count; n++) {
            size_t before = validate_enter(v, a->tag, n);

            check_rows(v, &el->items[n], module, i + 1, next);
            v->path_len = before;
        }
        i = next;
    }
}

unsigned dcm_iod_type(iso_str sop_class_uid, dcm_tag tag)
{
    const struct iod_class *known =
        bsearch(&sop_class_uid, iod_classes, CLASSES, sizeof iod_classes[0], by_uid);
    unsigned type = 3;

    for (size_t i = known != NULL ? known->first : 0; known != NULL && i < known->end; i++) {
        const struct iod_module *module = &iod_modules[iod_module_lists[i]];

        for (size_t a = module->first; a < module->end; a++)
            if (iod_attributes[a].tag == tag && iod_attributes[a].depth == 0 &&
                iod_attributes[a].type > 0 && iod_attributes[a].type < type)
                type = iod_attributes[a].type;
    }
    return known != NULL ? type : 0;
}

void validate_modules(struct validator *v, const struct dcm_dataset *ds)
{
    iso_str uid = dcm_get_ascii(ds, DCM_SOP_CLASS_UID);
    const struct iod_class *class =
        bsearch(&uid, iod_classes, CLASSES, sizeof iod_classes[0], by_uid);

    if (uid.len == 0) {
        validate_found(v, DCM_ERROR, DCM_SOP_CLASS_UID, "PS3.3 C.12.1", "no SOP class");
        return;
    }
    if (class == NULL) {
        if (dcm_uid_find(uid) == NULL)
            validate_found(v, DCM_NOTE, DCM_SOP_CLASS_UID, "PS3.4 §B.5",
                           "SOP class %.*s is not known: its attributes are not looked at",
                           ISO_STR_ARG(uid));
        return;
    }
    for (size_t i = class->first; i < class->end; i++) {
        const struct iod_module *module = &iod_modules[iod_module_lists[i]];

        check_rows(v, ds, module, module->first, module->end);
    }
}
