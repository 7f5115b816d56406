/* cmd_config.c: one table row per key; the file, the environment, the command line and the
 * documentation all go through it. */
#include "cmd_config.h"

#include "dcm_dict.h"

#include "os_file.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 20, SECRET_BYTES_MAX = 4096 };
enum { AS_DATA = -1 }; /* a limit of a volume that is not given */

enum kind { TEXT, NUMBER, SWITCH, CHOICE };

struct key {
    const char *name;
    enum kind   kind;
    size_t      field;
    int64_t     least;
    int64_t     most;
    const char *preset; /* as text */
    const char *help;
};

#define FIELD(name) offsetof(struct cmd_config, name)

static const char *const conflict_words[] = { "keep-first", "replace", "reject", NULL };
static const char *const flush_words[]    = { "each", "deferred", NULL };
static const char *const recycle_words[]  = { "none", "arrival", "access", NULL };

static const struct key keys[] = {
    { "data", TEXT, FIELD(data), 0, 0, "./isocenter-data", "Folder that holds everything stored" },
    { "listen", TEXT, FIELD(listen), 0, 0, "127.0.0.1",
      "Address to listen on; one that is not loopback needs `--insecure`" },
    { "http_port", NUMBER, FIELD(http_port), 0, 65535, "8042",
      "Port of DICOMweb and the web application; 0 lets the system choose" },
    { "dicom_port", NUMBER, FIELD(dicom_port), 0, 65535, "4242",
      "Port of the DICOM protocol; 0 lets the system choose" },
    { "aet", TEXT, FIELD(aet), 0, 16, "ISOCENTER", "Our application entity title" },
    { "check_called_aet", SWITCH, FIELD(check_called_aet), 0, 0, "false",
      "Refuse associations that call us by another title" },
    { "on_conflict", CHOICE, FIELD(on_conflict), 0, 2, "keep-first",
      "When a SOP instance arrives again with other content: `keep-first`, `replace` or `reject`" },
    { "removal_grace_s", NUMBER, FIELD(removal_grace_s), 0, 315360000, "0",
      "Seconds for which what was removed can be had back; 0: its space is given back at once" },
    { "quota_bytes", NUMBER, FIELD(quota_bytes), 0, INT64_MAX, "0",
      "Most bytes of objects, removed but kept ones counted; 0: no quota" },
    { "recycle", CHOICE, FIELD(recycle), 0, 2, "none",
      "When the quota is used up: `none` refuses new objects; `arrival` removes the studies that "
      "came first, `access` those that were not stored or read for the longest time" },
    { "recycle_below_free_bytes", NUMBER, FIELD(recycle_below_free_bytes), 0, INT64_MAX, "0",
      "Recycle also when less space than this is free; 0: never for that" },
    { "ui", TEXT, FIELD(ui), 0, 0, "",
      "Folder of the built web application; empty: beside the program" },
    { "viewer_extensions", TEXT, FIELD(viewer_extensions), 0, 0, "",
      "Folder with extensions of the viewer, each a folder with an `index.js`; empty: none" },
    { "cors_origins", TEXT, FIELD(cors_origins), 0, 0, "",
      "Other web origins that may use DICOMweb, apart by spaces, or `*`" },
    { "public_hosts", TEXT, FIELD(public_hosts), 0, 0, "",
      "Host names under which a proxy shows us, apart by spaces" },
    { "associations_max", NUMBER, FIELD(associations_max), 1, 100000, "1000",
      "DICOM associations at once" },
    { "associations_per_host_max", NUMBER, FIELD(associations_per_host_max), 1, 100000, "256",
      "DICOM associations at once from one address" },
    { "dimse_timeout_s", NUMBER, FIELD(dimse_timeout_s), 1, 86400, "60",
      "Seconds that a DICOM peer may be silent within a message" },
    { "pdu_bytes_max", NUMBER, FIELD(pdu_bytes_max), 4096, 1 << 20, "131072",
      "Largest PDU that we ask peers to send" },
    { "http_connections_max", NUMBER, FIELD(http_connections_max), 1, 100000, "1000",
      "HTTP connections at once" },
    { "http_body_bytes_max", NUMBER, FIELD(http_body_bytes_max), 1 << 20, INT64_MAX, "8589934592",
      "Largest STOW-RS request" },
    { "query_results_max", NUMBER, FIELD(query_results_max), 1, 10000000, "10000",
      "Most results of one C-FIND, or of one QIDO-RS page" },
    { "ingest_memory_bytes_max", NUMBER, FIELD(ingest_memory_bytes_max), 16 << 20, INT64_MAX,
      "268435456", "Memory that all objects under way may hold together; senders wait beyond" },
    { "codec_workers", NUMBER, FIELD(codec_workers), 0, 1024, "0",
      "Processes that compress and decompress; 0: one a processor, at least two" },
    { "codec_memory_bytes_max", NUMBER, FIELD(codec_memory_bytes_max), 64 << 20, INT64_MAX,
      "2147483648", "Memory that one of them may take; a frame that needs more fails" },
    { "codec_frame_ms_max", NUMBER, FIELD(codec_frame_ms_max), 100, 3600000, "30000",
      "Milliseconds that one frame may take them; then the process is ended" },
    { "scrub_mib_s", NUMBER, FIELD(scrub_mib_s), 0, 100000, "16",
      "How much of what is stored is read again a second and compared with its checksums; 0: "
      "nothing is" },
    { "scrub_rest_h", NUMBER, FIELD(scrub_rest_h), 1, 100000, "24",
      "Hours of rest after a round over everything" },
    { "cache_bytes", NUMBER, FIELD(cache_bytes), 0, INT64_MAX, "67108864",
      "Memory for pictures and transcoded frames that may be asked for again" },
    { "warn_free_bytes", NUMBER, FIELD(warn_free_bytes), 0, INT64_MAX, "1073741824",
      "Below this much free space on the disk of the data folder the log and the status say so" },
    { "stop_free_bytes", NUMBER, FIELD(stop_free_bytes), 0, INT64_MAX, "268435456",
      "Below this much the data folder takes no objects; the next one of `volumes` does" },
    { "flush", CHOICE, FIELD(flush), 0, 1, "each",
      "`each`: what is acknowledged is on the disk. `deferred`: it is acknowledged before that, "
      "and "
      "a power loss takes what came in the last `flush_ms`" },
    { "flush_ms", NUMBER, FIELD(flush_ms), 10, 60000, "200",
      "How often deferred flushes are made, in milliseconds" },
    { "send_tries", NUMBER, FIELD(send_tries), 1, 10, "5",
      "How often a peer is tried that takes nothing, with pauses of 1, 3, 9, … s between, before "
      "what was to be sent to it has failed" },
    { "settle_s", NUMBER, FIELD(settle_s), 0, 86400, "10",
      "Seconds without news after which a series is packed and its metadata made ready" },
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static int set_number(struct cmd_config *config, const struct key *key, int64_t value,
                      struct iso_err *err)
{
    if (value < key->least || value > key->most)
        return iso_fail(err, ISO_EINVAL, "%s must be %lld to %lld, not %lld", key->name,
                        (long long)key->least, (long long)key->most, (long long)value);
    memcpy((char *)config + key->field, &value, sizeof value);
    return ISO_OK;
}

static int set_volumes(struct cmd_config *config, const char *text, struct iso_arena *arena,
                       struct iso_err *err);

static int set_text(struct cmd_config *config, const struct key *key, const char *value,
                    struct iso_arena *arena, struct iso_err *err)
{
    iso_str copy = iso_arena_str(arena, iso_str_c(value));

    if (copy.ptr == NULL)
        return iso_arena_fail(arena, err);
    if (key->most > 0 && (copy.len == 0 || copy.len > (size_t)key->most))
        return iso_fail(err, ISO_EINVAL, "%s must have 1 to %lld characters", key->name,
                        (long long)key->most);
    memcpy((char *)config + key->field, &copy.ptr, sizeof copy.ptr);
    return ISO_OK;
}

static const char *const *words_of(const struct key *key)
{
    return key->field == FIELD(flush)     ? flush_words
           : key->field == FIELD(recycle) ? recycle_words
                                          : conflict_words;
}

static int set_choice(struct cmd_config *config, const struct key *key, const char *value,
                      struct iso_err *err)
{
    const char *const *words = words_of(key);
    struct iso_buf     list;
    int                rc;

    for (int64_t i = 0; words[i] != NULL; i++)
        if (strcmp(value, words[i]) == 0)
            return set_number(config, key, i, err);
    iso_buf_init(&list, 1024);
    for (int64_t i = 0; words[i] != NULL; i++)
        iso_buf_printf(&list, "%s%s", i > 0 ? ", " : "", words[i]);
    rc = iso_fail(err, ISO_EINVAL, "%s must be one of %.*s; not \"%.64s\"", key->name,
                  ISO_STR_ARG(iso_str_of_bytes(iso_buf_bytes(&list))), value);
    iso_buf_release(&list);
    return rc;
}

int cmd_config_set(struct cmd_config *config, const char *name, const char *value,
                   struct iso_arena *arena, struct iso_err *err)
{
    const struct key *key = find_key(name);
    int64_t           number;
    bool              on;

    if (strcmp(name, "volumes") == 0)
        return set_volumes(config, value, arena, err);
    if (key == NULL)
        return iso_fail(err, ISO_EINVAL, "there is no setting \"%.64s\"", name);
    switch (key->kind) {
    case TEXT:
        return set_text(config, key, value, arena, err);
    case NUMBER:
        if (!iso_str_to_i64(iso_str_c(value), &number))
            return iso_fail(err, ISO_EINVAL, "%s must be a whole number, not \"%.64s\"", name,
                            value);
        return set_number(config, key, number, err);
    case SWITCH:
        on = strcmp(value, "true") == 0;
        if (!on && strcmp(value, "false") != 0)
            return iso_fail(err, ISO_EINVAL, "%s must be true or false, not \"%.64s\"", name,
                            value);
        memcpy((char *)config + key->field, &on, sizeof on);
        return ISO_OK;
    case CHOICE:
        return set_choice(config, key, value, err);
    }
    return ISO_EINVAL;
}

void cmd_config_init(struct cmd_config *config)
{
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i].kind == TEXT)
            memcpy((char *)config + keys[i].field, &keys[i].preset, sizeof keys[i].preset);
        else if (cmd_config_set(config, keys[i].name, keys[i].preset, NULL, NULL) < 0)
            iso_assert(false); /* a default breaks its own rule */
    }
}

/* Overwrites comments with spaces, so that positions in messages stay right. */
static void blank_comments(char *text)
{
    while (*text != '\0') {
        if (*text == '"') {
            for (text++; *text != '\0' && *text != '"'; text++)
                if (*text == '\\' && text[1] != '\0')
                    text++;
            if (*text == '\0')
                return;
            text++;
        } else if (text[0] == '/' && text[1] == '/') {
            while (*text != '\0' && *text != '\n')
                *text++ = ' ';
        } else if (text[0] == '/' && text[1] == '*') {
            while (*text != '\0' && !(text[0] == '*' && text[1] == '/')) {
                if (*text != '\n')
                    *text = ' ';
                text++;
            }
            if (*text != '\0') {
                *text++ = ' ';
                *text++ = ' ';
            }
        } else {
            text++;
        }
    }
}

int cmd_config_syntaxes(const iso_str *names, size_t count, struct iso_arena *arena,
                        const char *const **out, struct iso_err *err)
{
    const char **uids = iso_arena_array(arena, count, sizeof *uids);

    if (uids == NULL)
        return iso_arena_fail(arena, err);
    if (count > CMD_PEER_SYNTAXES_MAX)
        return iso_fail(err, ISO_EINVAL, "more than %d transfer syntaxes", CMD_PEER_SYNTAXES_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct dcm_syntax *syntax = dcm_syntax_named(names[i]);

        if (syntax == NULL && !iso_str_eq_c(names[i], "stored"))
            return iso_fail(err, ISO_EINVAL, "no transfer syntax is called \"%.*s\"",
                            ISO_STR_ARG(names[i]));
        uids[i] = syntax != NULL ? syntax->uid : "";
    }
    *out = uids;
    return ISO_OK;
}

static int load_syntaxes(struct cmd_peer *peer, const json_t *list, struct iso_arena *arena,
                         struct iso_err *err)
{
    iso_str names[CMD_PEER_SYNTAXES_MAX];
    size_t  count = json_array_size(list);

    if (list == NULL)
        return ISO_OK;
    if (!json_is_array(list) || count > CMD_PEER_SYNTAXES_MAX)
        return iso_fail(err, ISO_EINVAL, "transfer_syntaxes must be a list of up to %d names",
                        CMD_PEER_SYNTAXES_MAX);
    for (size_t i = 0; i < count; i++)
        names[i] = iso_str_c(json_string_value(json_array_get(list, i)));
    peer->syntax_count = count;
    return cmd_config_syntaxes(names, count, arena, &peer->syntaxes, err);
}

static int load_peer(struct cmd_config *config, const json_t *value, struct iso_arena *arena,
                     struct iso_err *err)
{
    const char  *aet  = NULL;
    const char  *host = NULL;
    int          port = 0;
    json_t      *list = NULL;
    json_error_t why;

    if (config->peer_count == CMD_PEERS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d peers", CMD_PEERS_MAX);
    if (json_unpack_ex((json_t *)(uintptr_t)value, &why, JSON_STRICT, "{s:s,s:s,s:i,s?o}", "aet",
                       &aet, "host", &host, "port", &port, "transfer_syntaxes", &list) < 0)
        return iso_fail(err, ISO_EINVAL,
                        "peers[%zu]: %s (each peer is {\"aet\": …, \"host\": …, \"port\": …})",
                        config->peer_count, why.text);
    if (strlen(aet) < 1 || strlen(aet) > 16 || port < 1 || port > 65535)
        return iso_fail(err, ISO_EINVAL,
                        "peers[%zu]: aet has 1 to 16 characters, port is 1 to 65535",
                        config->peer_count);
    struct cmd_peer *peer = &config->peer[config->peer_count];
    peer->aet             = iso_arena_str(arena, iso_str_c(aet)).ptr;
    peer->host            = iso_arena_str(arena, iso_str_c(host)).ptr;
    peer->port            = (uint16_t)port;
    int rc                = load_syntaxes(peer, list, arena, err);
    if (rc < 0)
        return iso_wrap(err, rc, "peers[%zu]", config->peer_count);
    if (peer->aet == NULL || peer->host == NULL)
        return iso_arena_fail(arena, err);
    config->peer_count++;
    return ISO_OK;
}

static int load_peers(struct cmd_config *config, const json_t *list, struct iso_arena *arena,
                      struct iso_err *err)
{
    int rc = ISO_OK;

    if (!json_is_array(list))
        return iso_fail(err, ISO_EINVAL, "peers must be a list");
    for (size_t i = 0; rc == ISO_OK && i < json_array_size(list); i++)
        rc = load_peer(config, json_array_get(list, i), arena, err);
    return rc;
}

static int load_rule(struct cmd_config *config, const json_t *value, struct iso_arena *arena,
                     struct iso_err *err)
{
    const char  *modality = NULL;
    const char  *aet      = NULL;
    const char  *name     = NULL;
    json_int_t   bytes    = 0;
    json_int_t   after_s  = 600;
    json_error_t why;

    if (config->rule_count == CMD_RULES_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d compression rules", CMD_RULES_MAX);
    if (json_unpack_ex((json_t *)(uintptr_t)value, &why, JSON_STRICT, "{s:s,s?s,s?s,s?I,s?I}",
                       "transfer_syntax", &name, "modality", &modality, "source_aet", &aet,
                       "bytes_min", &bytes, "after_s", &after_s) < 0)
        return iso_fail(err, ISO_EINVAL, "compression[%zu]: %s", config->rule_count, why.text);
    const struct dcm_syntax *syntax = dcm_syntax_named(iso_str_c(name));
    if (syntax == NULL)
        return iso_fail(err, ISO_EINVAL, "compression[%zu]: no transfer syntax is called \"%.64s\"",
                        config->rule_count, name);
    if (bytes < 0 || after_s < 0 || after_s > INT32_MAX)
        return iso_fail(err, ISO_EINVAL, "compression[%zu]: bytes_min and after_s are not negative",
                        config->rule_count);
    struct cmd_rule rule = { .transfer_syntax_uid = syntax->uid,
                             .bytes_min           = bytes,
                             .after_s             = after_s };
    if (modality != NULL && (rule.modality = iso_arena_str(arena, iso_str_c(modality)).ptr) == NULL)
        return iso_arena_fail(arena, err);
    if (aet != NULL && (rule.source_ae = iso_arena_str(arena, iso_str_c(aet)).ptr) == NULL)
        return iso_arena_fail(arena, err);
    config->rule[config->rule_count++] = rule;
    return ISO_OK;
}

static int load_rules(struct cmd_config *config, const json_t *list, struct iso_arena *arena,
                      struct iso_err *err)
{
    int rc = ISO_OK;

    if (!json_is_array(list))
        return iso_fail(err, ISO_EINVAL, "compression must be a list");
    for (size_t i = 0; rc == ISO_OK && i < json_array_size(list); i++)
        rc = load_rule(config, json_array_get(list, i), arena, err);
    return rc;
}

static int load_volume(struct cmd_config *config, const json_t *value, struct iso_arena *arena,
                       struct iso_err *err)
{
    const char  *path = NULL;
    json_int_t   warn = AS_DATA;
    json_int_t   stop = AS_DATA;
    json_error_t why;

    if (config->volume_count == CMD_VOLUMES_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d volumes", CMD_VOLUMES_MAX);
    if (json_unpack_ex((json_t *)(uintptr_t)value, &why, JSON_STRICT, "{s:s,s?I,s?I}", "path",
                       &path, "warn_free_bytes", &warn, "stop_free_bytes", &stop) < 0)
        return iso_fail(err, ISO_EINVAL, "volumes[%zu]: %s", config->volume_count, why.text);
    if (path[0] != '/' || warn < AS_DATA || stop < AS_DATA)
        return iso_fail(err, ISO_EINVAL,
                        "volumes[%zu]: path begins with /, the others are not negative",
                        config->volume_count);
    struct cmd_volume volume = { .path            = iso_arena_str(arena, iso_str_c(path)).ptr,
                                 .warn_free_bytes = warn,
                                 .stop_free_bytes = stop };
    if (volume.path == NULL)
        return iso_arena_fail(arena, err);
    config->volume[config->volume_count++] = volume;
    return ISO_OK;
}

static int load_volumes(struct cmd_config *config, const json_t *list, struct iso_arena *arena,
                        struct iso_err *err)
{
    int rc = ISO_OK;

    if (!json_is_array(list))
        return iso_fail(err, ISO_EINVAL, "volumes must be a list");
    config->volume_count = 0;
    for (size_t i = 0; rc == ISO_OK && i < json_array_size(list); i++)
        rc = load_volume(config, json_array_get(list, i), arena, err);
    return rc;
}

static int set_volumes(struct cmd_config *config, const char *text, struct iso_arena *arena,
                       struct iso_err *err)
{
    json_error_t why;
    json_t      *list = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    int          rc   = list == NULL ? iso_fail(err, ISO_EINVAL, "volumes: %s", why.text)
                                     : load_volumes(config, list, arena, err);

    json_decref(list);
    return rc;
}

static int load_value(struct cmd_config *config, const char *name, const json_t *value,
                      struct iso_arena *arena, struct iso_err *err)
{
    const struct key *key = find_key(name);

    if (strcmp(name, "peers") == 0)
        return load_peers(config, value, arena, err);
    if (strcmp(name, "compression") == 0)
        return load_rules(config, value, arena, err);
    if (strcmp(name, "volumes") == 0)
        return load_volumes(config, value, arena, err);
    if (key == NULL)
        return iso_fail(err, ISO_EINVAL, "there is no setting \"%.64s\"", name);
    if (key->kind == NUMBER && json_is_integer(value))
        return set_number(config, key, json_integer_value(value), err);
    if (key->kind == SWITCH && json_is_boolean(value))
        return cmd_config_set(config, name, json_is_true(value) ? "true" : "false", arena, err);
    if ((key->kind == TEXT || key->kind == CHOICE) && json_is_string(value))
        return cmd_config_set(config, name, json_string_value(value), arena, err);
    return iso_fail(err, ISO_EINVAL, "%s must be a %s", name,
                    key->kind == NUMBER   ? "number"
                    : key->kind == SWITCH ? "true or false"
                                          : "string");
}

/* The whole file as NUL-terminated text. */
static int read_text(const char *file, size_t bytes_max, struct iso_arena *arena, char **text,
                     struct iso_err *err)
{
    int     fd;
    int     rc  = os_open(OS_CWD, file, OS_READ, &fd, err);
    char   *all = NULL;
    int64_t n;

    if (rc < 0)
        return rc;
    all = iso_arena_alloc(arena, bytes_max + 1);
    if (all == NULL)
        rc = iso_arena_fail(arena, err);
    else if ((n = os_read(fd, all, bytes_max, err)) < 0)
        rc = (int)n;
    else if ((size_t)n == bytes_max)
        rc = iso_fail(err, ISO_ELIMIT, "%s is larger than %zu bytes", file, bytes_max);
    else
        *text = all;
    os_close(fd);
    return rc;
}

static int load_file(struct cmd_config *config, const char *file, struct iso_arena *arena,
                     struct iso_err *err)
{
    char        *text;
    const char  *name;
    json_t      *value;
    json_error_t why;
    int          rc = read_text(file, FILE_BYTES_MAX, arena, &text, err);

    if (rc < 0)
        return rc;
    blank_comments(text);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        rc = root == NULL ? iso_fail(err, ISO_EFORMAT, "%s line %d: %s", file, why.line, why.text)
                          : iso_fail(err, ISO_EFORMAT, "%s is not a JSON object", file);
        json_decref(root);
        return rc;
    }
    json_object_foreach(root, name, value)
    {
        rc = load_value(config, name, value, arena, err);
        if (rc < 0) {
            rc = iso_wrap(err, rc, "%s", file);
            break;
        }
    }
    json_decref(root);
    return rc;
}

static void environment_name(const char *key, const char *suffix, char *out, size_t cap)
{
    int n = snprintf(out, cap, "ISOCENTER_%s%s", key, suffix);

    for (int i = 0; i < n && (size_t)i < cap; i++)
        out[i] = (char)toupper((unsigned char)out[i]);
}

static int load_environment(struct cmd_config *config, const char *key, struct iso_arena *arena,
                            struct iso_err *err)
{
    char  name[80];
    char *text = NULL;
    int   rc   = ISO_OK;

    environment_name(key, "_FILE", name, sizeof name);
    const char *file = getenv(name);
    if (file != NULL)
        rc = read_text(file, SECRET_BYTES_MAX, arena, &text, err);
    if (rc == ISO_OK && text != NULL) {
        text[strcspn(text, "\r\n")] = '\0';
        rc                          = cmd_config_set(config, key, text, arena, err);
    }
    if (rc < 0)
        return iso_wrap(err, rc, "%s", name);
    environment_name(key, "", name, sizeof name);
    const char *value = getenv(name);
    if (value != NULL)
        rc = cmd_config_set(config, key, value, arena, err);
    return rc < 0 ? iso_wrap(err, rc, "environment %s", name) : ISO_OK;
}

int cmd_config_load(struct cmd_config *config, const char *file, struct iso_arena *arena,
                    struct iso_err *err)
{
    int rc = file != NULL ? load_file(config, file, arena, err) : ISO_OK;

    for (size_t i = 0; rc == ISO_OK && i < KEY_COUNT; i++)
        rc = load_environment(config, keys[i].name, arena, err);
    if (rc == ISO_OK)
        rc = load_environment(config, "volumes", arena, err);
    for (size_t i = 0; i < config->volume_count; i++) {
        struct cmd_volume *v = &config->volume[i];

        if (v->warn_free_bytes == AS_DATA)
            v->warn_free_bytes = config->warn_free_bytes;
        if (v->stop_free_bytes == AS_DATA)
            v->stop_free_bytes = config->stop_free_bytes;
    }
    return rc;
}

int cmd_config_document(struct iso_buf *out)
{
    char name[80];

    iso_buf_add_c(out, "| key | default | environment | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        environment_name(keys[i].name, "", name, sizeof name);
        iso_buf_printf(out, "| `%s` | `%s` | `%s` | %s |\n", keys[i].name, keys[i].preset, name,
                       keys[i].help);
    }
    iso_buf_add_c(
        out,
        "| `peers` | `[]` | | DICOM applications that we may send to: "
        "`[{\"aet\": \"WS1\", \"host\": \"10.0.0.7\", \"port\": 104, "
        "\"transfer_syntaxes\": [\"jpegls\", \"stored\"]}]`; `transfer_syntaxes`, which may be "
        "left out, is what each is sent in if it takes it, the best first |\n"
        "| `volumes` | `[]` | `ISOCENTER_VOLUMES` | More folders for objects, filled one after the "
        "other once the data folder is full: `[{\"path\": \"/mnt/second\", \"warn_free_bytes\": "
        "10737418240, \"stop_free_bytes\": 1073741824}]`; the limits are those of the data folder "
        "unless said; the variable holds the same list |\n"
        "| `compression` | `[]` | | Stored objects to compress without loss, the first rule that "
        "fits counts: `[{\"transfer_syntax\": \"htj2k-rpcl\", \"modality\": \"CT\", "
        "\"source_aet\": \"CT1\", \"bytes_min\": 100000, \"after_s\": 600}]`; all but the first "
        "key "
        "may be left out; `after_s` counts from the arrival of the object, 600 unless said |\n");
    return out->failed;
}
