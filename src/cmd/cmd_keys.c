/* cmd_keys.c: "Sequence.Keyword=Value" as people type it, into an identifier. */
#include "cmd_keys.h"

#include "dcm_dict.h"
#include "dcm_writer.h"
#include "iso_utf8.h"

enum { IDENTIFIER_BYTES_MAX = 1 << 20 };

static const char *const level_names[] = { "PATIENT", "STUDY", "SERIES", "IMAGE" };

bool cmd_level_parse(const char *text, enum cmd_level *level)
{
    if (iso_str_eq_nocase(iso_str_c(text), ISO_STR("instance")))
        text = "IMAGE";
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (iso_str_eq_nocase(iso_str_c(text), iso_str_c(level_names[i]))) {
            *level = (enum cmd_level)i;
            return true;
        }
    }
    return false;
}

const char *cmd_level_name(enum cmd_level level)
{
    return level_names[level];
}

bool cmd_model_parse(const char *text, bool *patient)
{
    *patient = iso_str_eq_nocase(iso_str_c(text), ISO_STR("patient"));
    return *patient || iso_str_eq_nocase(iso_str_c(text), ISO_STR("study"));
}

void cmd_keys_init(struct cmd_keys *keys, struct iso_arena *arena)
{
    *keys = (struct cmd_keys){ .arena = arena, .ascii = true };
    dcm_dataset_init(&keys->ds);
}

/* Numbers are typed in decimal, and go out in binary where the VR says so. */
static int put_value(struct cmd_keys *keys, struct dcm_dataset *ds, dcm_tag tag, enum dcm_vr vr,
                     iso_str value, struct iso_err *err)
{
    int64_t number;
    int     rc;

    switch (vr) {
    case DCM_VR_US:
    case DCM_VR_SS:
    case DCM_VR_UL:
    case DCM_VR_SL:
    case DCM_VR_UV:
    case DCM_VR_SV:
        if (value.len > 0 && !iso_str_to_i64(value, &number))
            return iso_fail(err, ISO_EINVAL, "'%.*s' is no number", ISO_STR_ARG(value));
        rc = value.len > 0 ? dcm_put_i64(ds, keys->arena, tag, vr, number)
                           : dcm_put_str(ds, keys->arena, tag, vr, value);
        break;
    case DCM_VR_SQ:
        if (value.len > 0)
            return iso_fail(err, ISO_EINVAL, "a sequence has no value: name a key inside it");
        rc = dcm_put(ds, keys->arena, tag, vr) != NULL ? ISO_OK : ISO_ENOMEM;
        break;
    default:
        if (value.len > 0 && !dcm_vr_info(vr)->is_text)
            return iso_fail(err, ISO_EINVAL, "values of this kind cannot be matched");
        rc = dcm_put_str(ds, keys->arena, tag, vr, value);
    }
    return rc == ISO_OK ? ISO_OK : iso_arena_fail(keys->arena, err);
}

int cmd_keys_add(struct cmd_keys *keys, const char *text, struct iso_err *err)
{
    iso_str             value = iso_str_c(text);
    iso_str             path  = iso_str_cut(&value, '=');
    struct dcm_dataset *ds    = &keys->ds;

    if (!iso_utf8_valid(value))
        return iso_fail(err, ISO_EINVAL, "the value of %.*s is not UTF-8", ISO_STR_ARG(path));
    for (size_t i = 0; i < value.len; i++)
        keys->ascii = keys->ascii && (unsigned char)value.ptr[i] < 0x80;
    while (path.ptr != NULL) {
        iso_str word = iso_str_cut(&path, '.');
        dcm_tag tag;
        if (!dcm_tag_parse(word, &tag))
            return iso_fail(err, ISO_EINVAL, "'%.*s' is no keyword of the data dictionary",
                            ISO_STR_ARG(word));
        const struct dcm_dict_entry *entry = dcm_dict_find(tag);
        enum dcm_vr                  vr    = entry != NULL ? entry->vr : DCM_VR_UN;
        if (ds == &keys->ds) {
            if (keys->count == CMD_KEYS_MAX)
                return iso_fail(err, ISO_ELIMIT, "more than %d keys", CMD_KEYS_MAX);
            keys->tags[keys->count++] = tag;
        }
        if (path.ptr == NULL)
            return put_value(keys, ds, tag, vr, value, err);
        if (vr != DCM_VR_SQ)
            return iso_fail(err, ISO_EINVAL, "'%.*s' is no sequence", ISO_STR_ARG(word));
        const struct dcm_element *el = dcm_get(ds, tag);
        ds = el != NULL && el->item_count > 0 ? &el->items[0] : dcm_put_item(ds, keys->arena, tag);
        if (ds == NULL)
            return iso_arena_fail(keys->arena, err);
    }
    return iso_fail(err, ISO_EINVAL, "an empty key");
}

int cmd_keys_encode(struct cmd_keys *keys, enum cmd_level level, iso_str transfer_syntax,
                    iso_bytes *out, struct iso_err *err)
{
    struct iso_buf buf;
    int            rc = ISO_OK;

    if (!keys->ascii)
        rc = dcm_put_utf8(&keys->ds, keys->arena);
    if (rc == ISO_OK)
        rc = dcm_put_str(&keys->ds, keys->arena, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS,
                         iso_str_c(cmd_level_name(level)));
    if (rc < 0)
        return iso_arena_fail(keys->arena, err);
    iso_buf_init(&buf, IDENTIFIER_BYTES_MAX);
    rc =
        dcm_write(&keys->ds, dcm_syntax_or_default(transfer_syntax), NULL, iso_buf_sink(&buf), err);
    if (rc == ISO_OK) {
        *out = iso_arena_bytes(keys->arena, iso_buf_bytes(&buf));
        if (out->ptr == NULL)
            rc = iso_arena_fail(keys->arena, err);
    }
    iso_buf_release(&buf);
    return rc;
}
