/* cmd_get.c: `isocenter get`: fetches objects from a peer into files, over one association.
 * PS3.4 §C.4.3
 * The contexts must be agreed on before anything is known about the objects: so the peer is asked
 * first (C-FIND) which SOP classes and transfer syntaxes they have; a peer that does not say gets a
 * broad proposal. Each transfer syntax has a context of its own, so that objects come as they are. */
#include "cmd_scu.h"

#include "dcm_dict.h"
#include "dcm_file.h"
#include "os_file.h"
#include "srv_send.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: isocenter get --out FOLDER [options] -k Keyword=Value... HOST PORT\n"
    "\n"
    "Fetches what the keys name (C-GET); each object becomes FOLDER/<SOP Instance UID>.dcm.\n"
    "\n" CMD_SCU_HELP "  --out FOLDER   where to; created when absent\n"
    "  --level LEVEL  patient, study, series or image (study)\n"
    "  --model MODEL  patient or study: the information model (study)\n"
    "  -k KEY=VALUE   a unique key; several UIDs with a backslash between them\n";

enum {
    PAIRS_MAX  = 512,  /* (class, transfer syntax) seen in the peer's answers */
    IDS_MAX    = 2000, /* unique keys of one answer */
    ASKED_MAX  = 1000, /* queries before we take what we know */
    COPY_BYTES = 256 << 10
};

struct options {
    struct cmd_scu   peer;
    const char      *out;
    enum cmd_level   level;
    bool             patient_model;
    struct cmd_keys  keys;
    struct iso_arena arena;
};

/* --- what there is -------------------------------------------------------------------------- */

struct pair {
    iso_str sop_class;
    iso_str transfer_syntax; /* empty: the peer did not say */
};

struct discovery {
    struct options          *options;
    struct dimse_scu        *scu;
    const struct ul_context *context;
    struct iso_arena         row;
    struct pair              pairs[PAIRS_MAX];
    size_t                   pair_count;
    enum cmd_level           level;              /* of the query being run */
    iso_str                  ids[CMD_IMAGE + 1]; /* unique keys on the way down */
    iso_str                 *found;              /* unique keys of the level being run */
    size_t                   found_count;
    size_t                   found_cap;
    unsigned                 asked;
};

static const dcm_tag unique_keys[] = {
    [CMD_PATIENT] = DCM_PATIENT_ID,
    [CMD_STUDY]   = DCM_STUDY_INSTANCE_UID,
    [CMD_SERIES]  = DCM_SERIES_INSTANCE_UID,
    [CMD_IMAGE]   = DCM_SOP_INSTANCE_UID,
};

static int add_pair(struct discovery *d, iso_str sop_class, iso_str transfer_syntax,
                    struct iso_err *err)
{
    if (!dcm_uid_acceptable(sop_class))
        return ISO_OK;
    if (!dcm_uid_acceptable(transfer_syntax))
        transfer_syntax = (iso_str){ 0 };
    for (size_t i = 0; i < d->pair_count; i++)
        if (iso_str_eq(d->pairs[i].sop_class, sop_class) &&
            iso_str_eq(d->pairs[i].transfer_syntax, transfer_syntax))
            return ISO_OK;
    if (d->pair_count == PAIRS_MAX)
        return ISO_OK;
    struct pair pair = { iso_arena_str(&d->options->arena, sop_class),
                         iso_arena_str(&d->options->arena, transfer_syntax) };
    if (pair.sop_class.ptr == NULL || pair.transfer_syntax.ptr == NULL)
        return iso_arena_fail(&d->options->arena, err);
    d->pairs[d->pair_count++] = pair;
    return ISO_OK;
}

static int each_found(void *ctx, iso_bytes identifier, uint16_t status, struct iso_err *err)
{
    struct discovery  *d = ctx;
    struct dcm_dataset ds;

    (void)status;
    iso_arena_reset(&d->row);
    int rc = dcm_dataset_parse(identifier, dcm_syntax_or_default(d->context->transfer_syntax),
                               &d->row, &ds, err);
    if (rc < 0)
        return rc;
    if (d->level == CMD_IMAGE)
        return add_pair(d, dcm_get_ascii(&ds, DCM_SOP_CLASS_UID),
                        dcm_get_ascii(&ds, DCM_AVAILABLE_TRANSFER_SYNTAX_UID), err);
    iso_str id = dcm_get_raw(&ds, unique_keys[d->level]);
    if (id.len == 0 || d->found_count == IDS_MAX)
        return ISO_OK;
    for (size_t i = 0; i < d->found_count; i++)
        if (iso_str_eq(d->found[i], id))
            return ISO_OK;
    d->found = iso_arena_grow(&d->options->arena, d->found, d->found_count, d->found_count + 1,
                              sizeof *d->found, &d->found_cap);
    if (d->found == NULL)
        return iso_arena_fail(&d->options->arena, err);
    d->found[d->found_count] = iso_arena_str(&d->options->arena, id);
    return d->found[d->found_count++].ptr != NULL ? ISO_OK
                                                  : iso_arena_fail(&d->options->arena, err);
}

/* One C-FIND at d->level, below the unique keys in d->ids. */
static int query_level(struct discovery *d, struct iso_err *err)
{
    struct cmd_keys     keys;
    struct dimse_query  query  = { .context_id = d->context->id };
    struct dimse_result result = { 0 };
    int                 rc     = ISO_OK;

    d->asked++;
    cmd_keys_init(&keys, &d->options->arena);
    for (enum cmd_level i = CMD_PATIENT; i <= d->level && rc == ISO_OK; i++)
        if (i == d->level || d->ids[i].len > 0)
            rc = dcm_put_str(&keys.ds, keys.arena, unique_keys[i],
                             i == CMD_PATIENT ? DCM_VR_LO : DCM_VR_UI, d->ids[i]);
    if (rc == ISO_OK && d->level == CMD_IMAGE) {
        rc = cmd_keys_add(&keys, "SOPClassUID", err);
        if (rc == ISO_OK)
            rc = cmd_keys_add(&keys, "AvailableTransferSyntaxUID", err);
    }
    if (rc == ISO_OK)
        rc = cmd_keys_encode(&keys, d->level, d->context->transfer_syntax, &query.identifier, err);
    if (rc == ISO_OK)
        rc = dimse_scu_find(d->scu, &query, each_found, d, &result, err);
    if (rc == ISO_OK && result.status != DIMSE_SUCCESS)
        rc = iso_fail(err, ISO_EREFUSED, "the query was answered with 0x%04x", result.status);
    return rc;
}

/* Every class and transfer syntax at or below this level, one unique key at a time.
 * Recursion ends at the image level: four deep. */
static int descend(struct discovery *d, enum cmd_level level, struct iso_err *err)
{
    if (level == CMD_IMAGE) {
        d->level = level;
        return query_level(d, err);
    }
    d->level       = level;
    d->found       = NULL;
    d->found_count = 0;
    d->found_cap   = 0;
    int rc         = query_level(d, err);

    iso_str *found = d->found;
    size_t   count = d->found_count;
    for (size_t i = 0; i < count && rc == ISO_OK && d->asked < ASKED_MAX; i++) {
        d->ids[level] = found[i];
        rc            = descend(d, level + 1, err);
    }
    d->ids[level] = (iso_str){ 0 };
    return rc;
}

/* Fills the pairs; what cannot be found out is no failure, only a broader proposal later. */
static void discover(struct discovery *d)
{
    static const char *const transfers[] = { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", NULL };
    struct options          *options     = d->options;
    struct ul_proposal       model       = {
                    .abstract_syntax =
            options->patient_model ? "1.2.840.10008.5.1.4.1.2.1.1" : "1.2.840.10008.5.1.4.1.2.2.1",
                    .transfers = transfers,
    };
    struct ul_config  config  = cmd_scu_config(&options->peer);
    struct ul_request request = { options->peer.aet, options->peer.call, &model, 1, 0, 0, { 0 } };
    struct iso_err    err     = { 0 };

    if (dimse_scu_open(options->peer.host, options->peer.port, &config, &request, &d->scu, NULL,
                       &err) < 0)
        return;
    d->context = ul_assoc_find(d->scu->ul, iso_str_c(model.abstract_syntax), (iso_str){ 0 }, false);
    iso_arena_init(&d->row, 16 << 20);
    for (enum cmd_level i = CMD_PATIENT; i <= options->level; i++)
        d->ids[i] = dcm_get_raw(&options->keys.ds, unique_keys[i]);
    if (d->context != NULL && descend(d, options->level, &err) < 0)
        d->pair_count = 0;
    iso_arena_release(&d->row);
    dimse_scu_close(d->scu);
    d->scu = NULL;
}

/* --- what to propose ------------------------------------------------------------------------ */

/* Without answers: the classes that hospitals are full of, and how they are compressed. */
static const char *const usual_classes[] = {
    "1.2.840.10008.5.1.4.1.1.2",     /* CT */
    "1.2.840.10008.5.1.4.1.1.4",     /* MR */
    "1.2.840.10008.5.1.4.1.1.1",     /* CR */
    "1.2.840.10008.5.1.4.1.1.1.1",   /* DX */
    "1.2.840.10008.5.1.4.1.1.1.2",   /* MG */
    "1.2.840.10008.5.1.4.1.1.6.1",   /* US */
    "1.2.840.10008.5.1.4.1.1.3.1",   /* US multi-frame */
    "1.2.840.10008.5.1.4.1.1.12.1",  /* XA */
    "1.2.840.10008.5.1.4.1.1.20",    /* NM */
    "1.2.840.10008.5.1.4.1.1.128",   /* PT */
    "1.2.840.10008.5.1.4.1.1.7",     /* SC */
    "1.2.840.10008.5.1.4.1.1.2.1",   /* enhanced CT */
    "1.2.840.10008.5.1.4.1.1.4.1",   /* enhanced MR */
    "1.2.840.10008.5.1.4.1.1.88.22", /* enhanced SR */
    "1.2.840.10008.5.1.4.1.1.88.67", /* dose report */
    "1.2.840.10008.5.1.4.1.1.11.1",  /* presentation state */
    "1.2.840.10008.5.1.4.1.1.104.1", /* PDF */
};

static const char *const usual_syntaxes[] = {
    "1.2.840.10008.1.2.1",    "1.2.840.10008.1.2",      "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5",    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.2",    "1.2.840.10008.1.2.1.99",
};

struct proposing {
    struct iso_arena  *arena;
    struct ul_proposal list[UL_CONTEXTS_MAX];
    size_t             count;
};

static bool propose(struct proposing *p, iso_str sop_class, iso_str transfer_syntax)
{
    for (size_t i = 1; i < p->count; i++)
        if (iso_str_eq_c(sop_class, p->list[i].abstract_syntax) &&
            iso_str_eq_c(transfer_syntax, p->list[i].transfers[0]))
            return true;
    const char **transfers = iso_arena_array(p->arena, 2, sizeof *transfers);
    iso_str      name      = iso_arena_str(p->arena, sop_class);
    iso_str      syntax    = iso_arena_str(p->arena, transfer_syntax);
    if (p->count == UL_CONTEXTS_MAX || transfers == NULL || name.ptr == NULL || syntax.ptr == NULL)
        return false;
    transfers[0]        = syntax.ptr;
    p->list[p->count++] = (struct ul_proposal){
        .abstract_syntax = name.ptr, .transfers = transfers, .scp_role = true, .scu_off = true
    };
    return true;
}

/* Transfer syntax by transfer syntax, so that all classes have the first ones when room runs out. */
static void propose_broadly(struct proposing *p, const struct discovery *d)
{
    for (size_t k = 0; k < sizeof usual_syntaxes / sizeof *usual_syntaxes; k++)
        for (size_t i = 0; i < d->pair_count; i++)
            if (d->pairs[i].transfer_syntax.len == 0)
                (void)propose(p, d->pairs[i].sop_class, iso_str_c(usual_syntaxes[k]));
    if (d->pair_count > 0)
        return;
    for (size_t k = 0; k < 6; k++)
        for (size_t i = 0; i < sizeof usual_classes / sizeof *usual_classes; i++)
            (void)propose(p, iso_str_c(usual_classes[i]), iso_str_c(usual_syntaxes[k]));
    const struct dcm_uid_entry *uid;
    for (size_t i = 0; (uid = dcm_uid_at(i)) != NULL; i++)
        if (uid->kind == DCM_UID_STORAGE_CLASS && !uid->retired)
            (void)propose(p, iso_str_c(uid->uid), iso_str_c(usual_syntaxes[0]));
}

static void propose_all(struct proposing *p, const struct options *options,
                        const struct discovery *d)
{
    static const char *const transfers[] = { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", NULL };

    p->list[p->count++] = (struct ul_proposal){
        .abstract_syntax =
            options->patient_model ? "1.2.840.10008.5.1.4.1.2.1.3" : "1.2.840.10008.5.1.4.1.2.2.3",
        .transfers = transfers,
    };
    for (size_t i = 0; i < d->pair_count; i++)
        if (d->pairs[i].transfer_syntax.len > 0)
            (void)propose(p, d->pairs[i].sop_class, d->pairs[i].transfer_syntax);
    for (size_t i = 0; i < d->pair_count; i++) /* a peer may still prefer these two */
        if (d->pairs[i].transfer_syntax.len > 0 &&
            !dcm_syntax_or_default(d->pairs[i].transfer_syntax)->encapsulated)
            for (size_t k = 0; k < 2; k++)
                (void)propose(p, d->pairs[i].sop_class, iso_str_c(usual_syntaxes[k]));
    propose_broadly(p, d);
}

/* --- taking the objects --------------------------------------------------------------------- */

struct taking {
    int      folder;
    iso_str  peer_ae;
    uint8_t *copy; /* COPY_BYTES */
    uint64_t count;
    uint64_t bytes;
    uint64_t refused;
};

static int write_fd(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    return os_write(*(const int *)ctx, ptr, len, err);
}

/* The file meta and the data set as it comes. *lost: it was the association that failed. */
static int write_object(struct taking *t, struct dimse_message *msg, int fd, bool *lost,
                        struct iso_err *err)
{
    struct iso_sink sink = { write_fd, &fd };
    int64_t         got  = 0;

    int rc = dcm_meta_write(msg->command.sop_class, msg->command.sop_instance,
                            msg->context->transfer_syntax, t->peer_ae, sink, err);
    while (rc == ISO_OK) {
        got = msg->data.read(msg->data.ctx, t->copy, COPY_BYTES, err);
        if (got <= 0)
            break;
        rc = os_write(fd, t->copy, (size_t)got, err);
        t->bytes += (uint64_t)got;
    }
    *lost = got < 0;
    return got < 0 ? (int)got : rc;
}

/* The name is made of a UID that was checked to be digits and dots: no separator, nothing hidden.
 * Written beside it first, so that a file under its name is always whole. */
static int take(void *ctx, struct dimse_message *msg, uint16_t *status, struct iso_err *err)
{
    struct taking *t    = ctx;
    iso_str        uid  = msg->command.sop_instance;
    struct iso_err why  = { 0 };
    bool           lost = false;
    int            fd   = -1;
    char           name[80];
    char           part[80];

    if (!dcm_uid_acceptable(uid) || !msg->command.has_dataset) {
        t->refused++;
        *status = DIMSE_INVALID_SOP_INSTANCE;
        return ISO_OK;
    }
    (void)snprintf(name, sizeof name, "%.*s.dcm", (int)uid.len, uid.ptr);
    (void)snprintf(part, sizeof part, "%.*s.part", (int)uid.len, uid.ptr);
    (void)os_remove(t->folder, part, NULL); /* of a run that was stopped */
    int rc = os_open(t->folder, part, OS_CREATE, &fd, &why);
    if (rc == ISO_OK)
        rc = write_object(t, msg, fd, &lost, &why);
    os_close(fd);
    if (rc == ISO_OK)
        rc = os_rename(t->folder, part, t->folder, name, &why);
    if (rc == ISO_OK) {
        t->count++;
        return ISO_OK;
    }
    (void)os_remove(t->folder, part, NULL);
    *err = why;
    return lost ? rc : iso_wrap(err, rc, "%s", name); /* a full disk ends it all */
}

static int progress(void *ctx, const struct dimse_result *pending, struct iso_err *err)
{
    const struct taking *t = ctx;

    (void)err;
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%llu received, %u to go, %u failed ", (unsigned long long)t->count,
                      pending->remaining, pending->failed);
    return ISO_OK;
}

/* --- the command ---------------------------------------------------------------------------- */

static int fetch(struct options *options, struct dimse_scu *scu, const char *model,
                 struct taking *taking, struct dimse_result *result, struct iso_err *err)
{
    struct dimse_query       query = { 0 };
    const struct ul_context *context =
        ul_assoc_find(scu->ul, iso_str_c(model), (iso_str){ 0 }, false);

    if (context == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the peer does not do C-GET: try move");
    int rc           = cmd_keys_encode(&options->keys, options->level, context->transfer_syntax,
                                       &query.identifier, err);
    query.context_id = context->id;
    return rc < 0 ? rc : dimse_scu_get(scu, &query, take, progress, taking, result, err);
}

static int report(const struct options *options, const struct taking *taking,
                  const struct dimse_result *result)
{
    char text[256];

    if (isatty(STDERR_FILENO))
        (void)fputs("\r\x1b[K", stderr);
    (void)printf("%llu received in %s (%.1f MB), %u failed\n", (unsigned long long)taking->count,
                 options->out, (double)taking->bytes / 1e6, result->failed);
    if (taking->refused > 0)
        return cmd_fail(CMD_FAILED, "get", "%llu objects had no usable SOP Instance UID",
                        (unsigned long long)taking->refused);
    if (result->status != DIMSE_SUCCESS) {
        cmd_status_text(result, text, sizeof text);
        return cmd_fail(CMD_FAILED, "get", "%s:%u ended with %s", options->peer.host,
                        options->peer.port, text);
    }
    return taking->count > 0 ? CMD_OK : cmd_fail(CMD_FAILED, "get", "nothing matches these keys");
}

static int get(struct options *options)
{
    struct discovery   *found     = iso_arena_alloc(&options->arena, sizeof *found);
    struct proposing   *proposals = iso_arena_alloc(&options->arena, sizeof *proposals);
    struct taking       taking    = { .folder = -1, .peer_ae = iso_str_c(options->peer.call) };
    struct dimse_scu   *scu       = NULL;
    struct dimse_result result    = { 0 };
    struct iso_err      err       = { 0 };

    taking.copy = iso_arena_alloc(&options->arena, COPY_BYTES);
    if (found == NULL || proposals == NULL || taking.copy == NULL)
        return cmd_fail(CMD_FAILED, "get", "no memory");
    if (os_make_folder(OS_CWD, options->out, &err) < 0 ||
        os_open(OS_CWD, options->out, OS_FOLDER, &taking.folder, &err) < 0)
        return cmd_fail(CMD_FAILED, "get", "--out: %s", err.text);
    found->options   = options;
    proposals->arena = &options->arena;
    discover(found);
    propose_all(proposals, options, found);
    int code = cmd_scu_open(&options->peer, proposals->list, proposals->count, &scu);
    if (code == CMD_OK) {
        int rc = fetch(options, scu, proposals->list[0].abstract_syntax, &taking, &result, &err);
        dimse_scu_close(scu);
        code = rc < 0 ? cmd_fail(CMD_FAILED, "get", "%s:%u, after %llu objects: %s",
                                 options->peer.host, options->peer.port,
                                 (unsigned long long)taking.count, err.text)
                      : report(options, &taking, &result);
    }
    os_close(taking.folder);
    return code;
}

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option table[] = {
        CMD_SCU_OPTIONS,
        { "out", required_argument, NULL, 'o' },
        { "level", required_argument, NULL, 'l' },
        { "model", required_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 },
    };
    struct iso_err err = { 0 };
    int            c, code;

    while ((c = getopt_long(argc, argv, "hk:", table, NULL)) != -1) {
        if (cmd_scu_option(&options->peer, c, &code)) {
            if (code != CMD_OK)
                return code;
        } else if (c == 'o') {
            options->out = optarg;
        } else if (c == 'k') {
            if (cmd_keys_add(&options->keys, optarg, &err) < 0)
                return cmd_fail(CMD_USAGE, "get", "-k %s: %s", optarg, err.text);
        } else if (c == 'l') {
            if (!cmd_level_parse(optarg, &options->level))
                return cmd_fail(CMD_USAGE, "get", "--level: patient, study, series or image");
        } else if (c == 'm') {
            if (!cmd_model_parse(optarg, &options->patient_model))
                return cmd_fail(CMD_USAGE, "get", "--model: patient or study");
        } else {
            return cmd_usage("get");
        }
    }
    if (options->out == NULL)
        return cmd_fail(CMD_USAGE, "get", "--out FOLDER is missing");
    if (options->keys.count == 0)
        return cmd_fail(CMD_USAGE, "get", "no keys: -k StudyInstanceUID=... says what to fetch");
    if (options->level == CMD_PATIENT)
        options->patient_model = true;
    code = cmd_scu_target(&options->peer, argc, argv);
    return code == CMD_OK && optind < argc ? cmd_usage("get") : code;
}

static int run(int argc, char **argv)
{
    struct options options = { .level = CMD_STUDY };

    if (cmd_scu_wants_help(argc, argv, help))
        return CMD_OK;
    iso_arena_init(&options.arena, 256 << 20);
    cmd_scu_init(&options.peer, "get");
    cmd_keys_init(&options.keys, &options.arena);
    int code = parse(&options, argc, argv);
    if (code == CMD_OK)
        code = get(&options);
    iso_arena_release(&options.arena);
    return code;
}

const struct cmd cmd_get = { "get", "fetch objects from a peer into files (C-GET)", run };
