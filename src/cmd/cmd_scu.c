/* cmd_scu.c: the shared half of the commands that talk to a peer. */
#include "cmd_scu.h"

#include "dcm_dict.h"
#include "dcm_writer.h"
#include "iso_utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cmd_scu_init(struct cmd_scu *scu, const char *name)
{
    *scu = (struct cmd_scu){
        .name = name, .aet = "ISOCENTER", .call = "ANY-SCP", .timeout_ms = 60000
    };
}

static bool title_ok(const char *title)
{
    size_t len = strlen(title);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)title[i] < 0x20 || (unsigned char)title[i] > 0x7e || title[i] == '\\')
            return false;
    return len >= 1 && len <= UL_AE_BYTES_MAX;
}

bool cmd_scu_option(struct cmd_scu *scu, int c, int *code)
{
    uint64_t seconds;

    *code = CMD_OK;
    switch (c) {
    case 'a':
    case 'c':
        if (!title_ok(optarg))
            *code = cmd_fail(CMD_USAGE, scu->name, "'%s' is no AE title: 1 to 16 ASCII characters",
                             optarg);
        *(c == 'a' ? &scu->aet : &scu->call) = optarg;
        return true;
    case 't':
        if (!iso_str_to_u64(iso_str_c(optarg), &seconds) || seconds < 1 || seconds > 86400)
            *code = cmd_fail(CMD_USAGE, scu->name, "--timeout takes 1 to 86400 seconds");
        else
            scu->timeout_ms = (int64_t)seconds * 1000;
        return true;
    default:
        return false;
    }
}

int cmd_scu_target(struct cmd_scu *scu, int argc, char **argv)
{
    uint64_t port;

    if (argc - optind < 2) {
        (void)cmd_fail(CMD_USAGE, scu->name, "HOST and PORT of the peer are missing");
        return cmd_usage(scu->name);
    }
    scu->host = argv[optind];
    if (!iso_str_to_u64(iso_str_c(argv[optind + 1]), &port) || port < 1 || port > 65535)
        return cmd_fail(CMD_USAGE, scu->name, "'%s' is no port: HOST PORT, 1 to 65535",
                        argv[optind + 1]);
    scu->port = (uint16_t)port;
    optind += 2;
    return CMD_OK;
}

bool cmd_scu_wants_help(int argc, char **argv, const char *help)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(help, stdout);
            return true;
        }
    }
    return false;
}

struct ul_config cmd_scu_config(const struct cmd_scu *scu)
{
    return (struct ul_config){ .io_ms = scu->timeout_ms, .idle_ms = scu->timeout_ms };
}

int cmd_scu_explain(const struct cmd_scu *scu, int rc, const struct ul_reject *rejected,
                    const struct iso_err *err)
{
    if (rc == ISO_EREFUSED && rejected->result != 0) {
        if (rejected->source == UL_REJECT_USER && rejected->reason == UL_REJECT_USER_CALLED_AE)
            return cmd_fail(CMD_FAILED, scu->name,
                            "%s:%u does not call itself %s: give its AE title with --call",
                            scu->host, scu->port, scu->call);
        if (rejected->source == UL_REJECT_USER && rejected->reason == UL_REJECT_USER_CALLING_AE)
            return cmd_fail(CMD_FAILED, scu->name,
                            "%s:%u does not know %s: register it there, or use --aet", scu->host,
                            scu->port, scu->aet);
        return cmd_fail(CMD_FAILED, scu->name, "%s:%u rejected the association (%s): %s", scu->host,
                        scu->port, ul_reject_text(rejected),
                        rejected->result == UL_REJECT_TRANSIENT ? "try again later"
                                                                : "ask its administrator");
    }
    if (rc == ISO_EREFUSED)
        return cmd_fail(CMD_FAILED, scu->name, "nothing listens at %s:%u: is the peer running?",
                        scu->host, scu->port);
    if (rc == ISO_ETIMEOUT)
        return cmd_fail(CMD_FAILED, scu->name,
                        "%s:%u did not answer within %lld s: check host, port and firewalls, or "
                        "raise --timeout",
                        scu->host, scu->port, (long long)(scu->timeout_ms / 1000));
    return cmd_fail(CMD_FAILED, scu->name, "%s:%u: %s", scu->host, scu->port, err->text);
}

int cmd_scu_open(const struct cmd_scu *scu, const struct ul_proposal *proposals, size_t count,
                 struct dimse_scu **out)
{
    struct ul_config  config  = cmd_scu_config(scu);
    struct ul_request request = {
        .calling_ae     = scu->aet,
        .called_ae      = scu->call,
        .proposals      = proposals,
        .proposal_count = count,
    };
    struct ul_reject rejected = { 0 };
    struct iso_err   err      = { 0 };

    int rc = dimse_scu_open(scu->host, scu->port, &config, &request, out, &rejected, &err);
    return rc == ISO_OK ? CMD_OK : cmd_scu_explain(scu, rc, &rejected, &err);
}

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
    iso_buf_init(&buf, DIMSE_IDENTIFIER_BYTES_MAX);
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

void cmd_status_text(const struct dimse_result *result, char *out, size_t cap)
{
    static const struct {
        uint16_t    status;
        const char *text;
    } names[] = {
        { DIMSE_SUCCESS, "success" },
        { DIMSE_CANCEL, "cancelled" },
        { DIMSE_PROCESSING_FAILURE, "processing failure" },
        { DIMSE_DUPLICATE_SOP_INSTANCE, "duplicate SOP instance" },
        { DIMSE_INVALID_SOP_INSTANCE, "invalid SOP instance" },
        { DIMSE_SOP_CLASS_NOT_SUPPORTED, "SOP class not supported" },
        { DIMSE_NOT_AUTHORIZED, "not authorized" },
        { DIMSE_UNRECOGNIZED_OPERATION, "unrecognized operation" },
        { DIMSE_STORE_OUT_OF_RESOURCES, "out of resources: try again later" },
        { DIMSE_QUERY_CANNOT_COUNT, "cannot count the matches" },
        { DIMSE_QUERY_CANNOT_SUBOPERATE, "cannot send to the destination" },
        { DIMSE_QUERY_DESTINATION_UNKNOWN, "move destination unknown: configure it at the peer" },
        { DIMSE_STORE_CLASS_MISMATCH, "does not match the SOP class" },
        { DIMSE_QUERY_SUBOPERATIONS_FAILED, "not everything went well" },
        { DIMSE_STORE_CANNOT_UNDERSTAND, "cannot understand" },
    };
    const char *text = "";

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == result->status)
            text = names[i].text;
    (void)snprintf(out, cap, "status 0x%04x%s%s%s%s%s", result->status, *text != '\0' ? " (" : "",
                   text, *text != '\0' ? ")" : "", result->comment[0] != '\0' ? ": " : "",
                   result->comment);
}
