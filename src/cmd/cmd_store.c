/* cmd_store.c: `isocenter store`: sends DICOM files to a peer.   PS3.4 Annex B
 * First all files are looked at (their heads only), so that the presentation contexts can be agreed
 * on; then one or several associations take them off one list. */
#include "cmd_config.h"
#include "cmd_scu.h"

#include "codec_pool.h"
#include "dcm_file.h"
#include "iso_json.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_thread.h"
#include "srv_send.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: isocenter store [options] HOST PORT PATH...\n"
    "\n"
    "Sends DICOM files, and those in folders, to a DICOM peer (C-STORE), byte for byte as they "
    "are\n"
    "where the peer takes their transfer syntax, else re-encoded without loss.\n"
    "\n" CMD_SCU_HELP "  --jobs N       so many associations at once (1)\n"
    "  --prefer A,B   transfer syntaxes to send in if the peer takes them, the best first: UIDs "
    "or\n"
    "                 names as of `isocenter transcode`; stored: as they are (stored)\n"
    "  --json         a summary for scripts\n";

enum {
    JOBS_MAX      = 64,
    DEPTH_MAX     = 64,      /* folders in folders */
    HEAD_BYTES    = 8 << 20, /* memory for one file's head */
    LIST_BYTES    = 1 << 30, /* memory for the list of files */
    FAILURES_TOLD = 1000,    /* lines on stderr, entries in the summary */
    LOSSES_MAX    = 3,       /* associations one job may lose */
    PROGRESS_MS   = 200
};

#define MEDIA_DIRECTORY "1.2.840.10008.1.3.10" /* DICOMDIR: an index, not an object */

struct item {
    iso_str  path;
    iso_str  sop_class;
    iso_str  sop_instance;
    iso_str  transfer_syntax;
    uint64_t offset; /* of the data set */
    uint64_t bytes;
};

struct failure {
    iso_str path;
    iso_str cause;
};

struct sending {
    struct cmd_scu        peer;
    unsigned              jobs;
    bool                  json;
    bool                  progress;
    struct srv_preference prefer;
    struct codec_pool    *pool;
    struct iso_arena      list; /* everything below points into it */
    struct item          *items;
    size_t                count;
    size_t                cap;
    uint64_t              bytes; /* of all items */
    uint64_t              skipped;
    int64_t               begin_ms;

    struct os_mutex mu; /* guards what follows */
    size_t          next;
    size_t          batch_end;
    size_t          sent;
    size_t          warned;
    size_t          failed;
    uint64_t        sent_bytes;
    int64_t         told_ms;
    bool            hopeless; /* the peer cannot be reached: the jobs stop */
    struct failure *failures;
    size_t          failure_count;
    size_t          failure_cap;
};

static void clear_line(const struct sending *s)
{
    if (s->progress)
        (void)fputs("\r\x1b[K", stderr);
}

/* One file that did not go. mu is held. */
static void note_failure(struct sending *s, iso_str path, const char *cause)
{
    s->failed++;
    if (s->failure_count == FAILURES_TOLD)
        return;
    clear_line(s);
    (void)cmd_fail(CMD_FAILED, "store", "%.*s: %s", (int)path.len, path.ptr, cause);
    struct failure *grown = iso_arena_grow(&s->list, s->failures, s->failure_count,
                                           s->failure_count + 1, sizeof *grown, &s->failure_cap);
    if (grown == NULL)
        return;
    s->failures = grown;
    s->failures[s->failure_count++] =
        (struct failure){ path, iso_arena_str(&s->list, iso_str_c(cause)) };
}

/* --- looking at files ----------------------------------------------------------------------- */

struct reading {
    int      fd;
    uint64_t offset;
};

static int64_t file_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct reading *at = ctx;
    int64_t         n  = os_read_at(at->fd, ptr, cap, at->offset, err);

    if (n > 0)
        at->offset += (uint64_t)n;
    return n;
}

/* The data set itself says what it is: file meta is now and then of another object, and receivers
 * compare (PS3.4 §B.2.3, A900). */
static int read_uids(struct iso_source rest, struct dcm_meta *meta, struct iso_arena *head,
                     struct iso_err *err)
{
    const struct dcm_tree_options options = { .stop_before = DCM_TAG(0x0008, 0x0020) };
    struct dcm_parser            *parser  = NULL;
    struct dcm_dataset            ds;

    int rc = dcm_parser_new(&parser, rest, meta->syntax, 0, err);
    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, &options, head, &ds, err);
    if (rc == ISO_OK && dcm_get_ascii(&ds, DCM_SOP_CLASS_UID).len > 0)
        meta->media_sop_class_uid = dcm_get_ascii(&ds, DCM_SOP_CLASS_UID);
    if (rc == ISO_OK && dcm_get_ascii(&ds, DCM_SOP_INSTANCE_UID).len > 0)
        meta->media_sop_instance_uid = dcm_get_ascii(&ds, DCM_SOP_INSTANCE_UID);
    dcm_parser_free(parser);
    return rc;
}

static int read_head(int fd, struct dcm_meta *meta, struct iso_arena *head, struct iso_err *err)
{
    struct reading    at = { .fd = fd };
    struct iso_source rest;

    int rc = dcm_meta_read((struct iso_source){ file_read, &at }, head, meta, &rest, err);
    if (rc == ISO_OK && !iso_str_eq_c(meta->media_sop_class_uid, MEDIA_DIRECTORY))
        rc = read_uids(rest, meta, head, err);
    if (rc == ISO_OK && !dcm_uid_acceptable(meta->media_sop_instance_uid))
        rc = iso_fail(err, ISO_EFORMAT, "no SOP Instance UID");
    if (rc == ISO_OK && !dcm_uid_acceptable(meta->media_sop_class_uid))
        rc = iso_fail(err, ISO_EFORMAT, "no SOP Class UID");
    return rc;
}

static int add_item(struct sending *s, const char *path, const struct dcm_meta *meta,
                    uint64_t file_bytes, struct iso_err *err)
{
    iso_str syntax = meta->transfer_syntax_uid;

    if (syntax.len == 0)
        syntax = iso_str_c(meta->syntax->uid);
    s->items =
        iso_arena_grow(&s->list, s->items, s->count, s->count + 1, sizeof *s->items, &s->cap);
    if (s->items == NULL)
        return iso_arena_fail(&s->list, err);
    struct item item = {
        .path            = iso_arena_str(&s->list, iso_str_c(path)),
        .sop_class       = iso_arena_str(&s->list, meta->media_sop_class_uid),
        .sop_instance    = iso_arena_str(&s->list, meta->media_sop_instance_uid),
        .transfer_syntax = iso_arena_str(&s->list, syntax),
        .offset          = meta->data_offset,
        .bytes           = file_bytes - meta->data_offset,
    };
    if (item.path.ptr == NULL || item.sop_class.ptr == NULL || item.sop_instance.ptr == NULL ||
        item.transfer_syntax.ptr == NULL)
        return iso_arena_fail(&s->list, err);
    s->items[s->count++] = item;
    s->bytes += item.bytes;
    return ISO_OK;
}

/* named: on the command line, so that what is no DICOM is a failure; in folders it is passed over. */
static int scan_file(struct sending *s, const char *path, bool named, struct iso_err *err)
{
    struct iso_err   why = { 0 };
    struct iso_arena head;
    struct dcm_meta  meta = { 0 };
    struct os_stat   stat = { 0 };
    int              fd   = -1;

    iso_arena_init(&head, HEAD_BYTES);
    int rc = os_open(OS_CWD, path, OS_READ, &fd, &why);
    if (rc == ISO_OK)
        rc = os_stat_fd(fd, &stat, &why);
    bool opened = rc == ISO_OK;
    if (rc == ISO_OK)
        rc = read_head(fd, &meta, &head, &why);
    os_close(fd);
    if (rc < 0 && (named || !opened))
        note_failure(s, iso_arena_str(&s->list, iso_str_c(path)), why.text);
    else if (rc < 0 || iso_str_eq_c(meta.media_sop_class_uid, MEDIA_DIRECTORY))
        s->skipped++;
    rc = rc < 0 || iso_str_eq_c(meta.media_sop_class_uid, MEDIA_DIRECTORY)
             ? ISO_OK
             : add_item(s, path, &meta, stat.bytes, err);
    iso_arena_release(&head);
    return rc;
}

struct folder {
    struct sending *s;
    const char     *path;
    unsigned        depth;
};

static int scan(struct sending *s, const char *path, bool named, unsigned depth,
                struct iso_err *err);

static int scan_entry(void *ctx, const char *name, struct iso_err *err)
{
    struct folder *folder = ctx;
    char           path[4096];
    int            n = snprintf(path, sizeof path, "%s/%s", folder->path, name);

    if (n < 0 || (size_t)n >= sizeof path) {
        note_failure(folder->s, iso_arena_str(&folder->s->list, iso_str_c(folder->path)),
                     "a path inside is too long");
        return ISO_OK;
    }
    return scan(folder->s, path, false, folder->depth + 1, err);
}

static int scan(struct sending *s, const char *path, bool named, unsigned depth,
                struct iso_err *err)
{
    struct folder  folder = { s, path, depth };
    struct iso_err why    = { 0 };
    struct os_stat stat;

    int rc = os_stat(OS_CWD, path, &stat, &why);
    if (rc == ISO_OK && stat.is_folder && depth < DEPTH_MAX)
        return os_list(OS_CWD, path, scan_entry, &folder, err);
    if (rc == ISO_OK && stat.is_file)
        return scan_file(s, path, named, err);
    if (rc < 0 || named || stat.is_folder)
        note_failure(s, iso_arena_str(&s->list, iso_str_c(path)),
                     rc < 0           ? why.text
                     : stat.is_folder ? "too deep a folder"
                                      : "not a file");
    else
        s->skipped++;
    return ISO_OK;
}

/* --- sending -------------------------------------------------------------------------------- */

/* mu is held. */
static void show_progress(struct sending *s)
{
    int64_t now = os_now_ms();

    if (!s->progress || now - s->told_ms < PROGRESS_MS)
        return;
    s->told_ms  = now;
    double secs = (double)(now - s->begin_ms) / 1000;
    size_t done = s->sent + s->warned + s->failed;
    (void)fprintf(stderr, "\r\x1b[K%zu of %zu, %.1f MB/s", done, s->count,
                  secs > 0 ? (double)s->sent_bytes / secs / 1e6 : 0);
}

static void note_answer(struct sending *s, const struct item *item,
                        const struct dimse_result *result)
{
    char text[256];
    enum dimse_status_class class = dimse_status_class(result->status);

    cmd_status_text(result, text, sizeof text);
    if (class == DIMSE_CLASS_SUCCESS) {
        s->sent++;
    } else if (class == DIMSE_CLASS_WARNING) {
        s->warned++;
        clear_line(s);
        (void)cmd_fail(CMD_OK, "store", "%.*s: stored with a warning, %s", (int)item->path.len,
                       item->path.ptr, text);
    } else {
        note_failure(s, item->path, text);
    }
    if (class == DIMSE_CLASS_SUCCESS || class == DIMSE_CLASS_WARNING)
        s->sent_bytes += item->bytes;
    show_progress(s);
}

/* One file. Negative: the association is over (the file is accounted for in every case). */
static int send_item(struct sending *s, struct dimse_scu *scu, const struct item *item,
                     struct iso_err *err)
{
    struct dimse_result result = { 0 };
    int                 fd     = -1;

    int  rc   = os_open(OS_CWD, item->path.ptr, OS_READ, &fd, err);
    bool over = false;
    if (rc == ISO_OK) {
        const struct srv_object object = {
            .sop_class       = item->sop_class,
            .sop_instance    = item->sop_instance,
            .transfer_syntax = item->transfer_syntax,
            .file            = fd,
            .offset          = item->offset,
            .bytes           = item->bytes,
            .prefer          = &s->prefer,
            .pool            = s->pool,
        };
        rc   = srv_send(scu, &object, &result, NULL, err);
        over = rc < 0 && rc != ISO_EUNSUPPORTED && rc != ISO_EINVAL;
        os_close(fd);
    }
    os_mutex_lock(&s->mu);
    if (rc == ISO_OK)
        note_answer(s, item, &result);
    else
        note_failure(s, item->path, err->text);
    os_mutex_unlock(&s->mu);
    return over ? rc : ISO_OK;
}

/* The next file of the batch; NULL: none is left, or there is no hope. */
static const struct item *take_item(struct sending *s)
{
    const struct item *item = NULL;

    os_mutex_lock(&s->mu);
    if (!s->hopeless && s->next < s->batch_end)
        item = &s->items[s->next++];
    os_mutex_unlock(&s->mu);
    return item;
}

static bool items_left(struct sending *s)
{
    os_mutex_lock(&s->mu);
    bool left = !s->hopeless && s->next < s->batch_end;
    os_mutex_unlock(&s->mu);
    return left;
}

struct job {
    struct sending        *s;
    const struct srv_plan *plan;
    struct os_thread       thread;
};

/* A plan none of whose contexts the peer accepts: its files cannot go, the next batch may. */
static void give_up(struct sending *s, int rc, const struct ul_reject *rejected,
                    const struct iso_err *err)
{
    os_mutex_lock(&s->mu);
    clear_line(s);
    if (rc == ISO_EUNSUPPORTED) {
        while (s->next < s->batch_end)
            note_failure(s, s->items[s->next++].path, "the peer takes none of these kinds");
    } else if (!s->hopeless) {
        s->hopeless = true;
        (void)cmd_scu_explain(&s->peer, rc, rejected, err);
    }
    os_mutex_unlock(&s->mu);
}

static void run_job(void *arg)
{
    struct job      *job    = arg;
    struct sending  *s      = job->s;
    struct ul_config config = cmd_scu_config(&s->peer);

    for (unsigned losses = 0; losses <= LOSSES_MAX && items_left(s);) {
        struct ul_reject  rejected = { 0 };
        struct iso_err    err      = { 0 };
        struct dimse_scu *scu      = NULL;

        int rc = srv_plan_open(job->plan, s->peer.host, s->peer.port, &config, s->peer.aet,
                               s->peer.call, &scu, &rejected, &err);
        if (rc < 0) {
            give_up(s, rc, &rejected, &err);
            return;
        }
        const struct item *item;
        while (rc == ISO_OK && (item = take_item(s)) != NULL)
            rc = send_item(s, scu, item, &err);
        dimse_scu_close(scu);
        losses += rc < 0;
    }
}

static int send_batch(struct sending *s, const struct srv_plan *plan, struct iso_err *err)
{
    struct job jobs[JOBS_MAX];
    unsigned   started = 0;
    int        rc      = ISO_OK;

    for (; started + 1 < s->jobs && rc == ISO_OK; started += rc == ISO_OK) {
        jobs[started] = (struct job){ .s = s, .plan = plan };
        rc = os_thread_start(&jobs[started].thread, "store", 0, run_job, &jobs[started], err);
    }
    struct job own = { .s = s, .plan = plan };
    run_job(&own); /* this thread works too */
    for (unsigned i = 0; i < started; i++)
        os_thread_join(&jobs[i].thread);
    return rc;
}

static int send_all(struct sending *s, struct iso_err *err)
{
    struct srv_plan *plan = iso_arena_alloc(&s->list, sizeof *plan);
    int              rc   = ISO_OK;

    if (plan == NULL)
        return iso_arena_fail(&s->list, err);
    while (rc == ISO_OK && s->next < s->count && !s->hopeless) {
        int planned = ISO_OK;
        srv_plan_init(plan, &s->prefer, &s->list);
        for (s->batch_end = s->next; s->batch_end < s->count; s->batch_end++) {
            const struct item *item = &s->items[s->batch_end];
            planned = srv_plan_add(plan, item->sop_class, item->transfer_syntax, err);
            if (planned < 0)
                break;
        }
        if (plan->count == 0)
            return planned;
        rc = send_batch(s, plan, err);
        if (s->next < s->batch_end) /* all jobs have lost heart */
            break;
    }
    return rc;
}

/* --- the command ---------------------------------------------------------------------------- */

static void print_json(struct sending *s, double seconds)
{
    struct iso_buf  text;
    struct iso_json json;

    iso_buf_init(&text, 64 << 20);
    iso_json_init(&json, &text);
    iso_json_open_object(&json);
    iso_json_key_u64(&json, "sent", s->sent);
    iso_json_key_u64(&json, "warned", s->warned);
    iso_json_key_u64(&json, "failed", s->failed);
    iso_json_key_u64(&json, "skipped", s->skipped);
    iso_json_key_u64(&json, "bytes", s->sent_bytes);
    iso_json_key(&json, ISO_STR("seconds"));
    iso_json_double(&json, seconds);
    iso_json_key(&json, ISO_STR("failures"));
    iso_json_open_array(&json);
    for (size_t i = 0; i < s->failure_count; i++) {
        iso_json_open_object(&json);
        iso_json_key_str(&json, "file", s->failures[i].path);
        iso_json_key_str(&json, "cause", s->failures[i].cause);
        iso_json_close_object(&json);
    }
    iso_json_close_array(&json);
    iso_json_close_object(&json);
    if (iso_json_end(&json, NULL) == ISO_OK) {
        (void)fwrite(text.ptr, 1, text.len, stdout);
        (void)putchar('\n');
    }
    iso_buf_release(&text);
}

static int report(struct sending *s)
{
    double seconds = (double)(os_now_ms() - s->begin_ms) / 1000;
    size_t unsent  = s->count - s->next;

    s->failed += unsent;
    clear_line(s);
    if (s->json)
        print_json(s, seconds);
    else
        (void)printf(
            "%zu sent, %zu with warnings, %zu failed, %llu skipped in %.2f s (%.1f MB/s)\n",
            s->sent + s->warned, s->warned, s->failed, (unsigned long long)s->skipped, seconds,
            seconds > 0 ? (double)s->sent_bytes / seconds / 1e6 : 0);
    if (s->failed > 0)
        return CMD_FAILED;
    return s->sent + s->warned > 0 ? CMD_OK
                                   : cmd_fail(CMD_FAILED, "store", "no DICOM files were found");
}

static int read_preference(struct sending *s, iso_str list, struct iso_err *err)
{
    iso_str names[CMD_PEER_SYNTAXES_MAX];
    size_t  count = 0;

    for (iso_str rest = list; rest.ptr != NULL; count++) {
        if (count == CMD_PEER_SYNTAXES_MAX)
            return iso_fail(err, ISO_EINVAL, "more than %d transfer syntaxes",
                            CMD_PEER_SYNTAXES_MAX);
        names[count] = iso_str_cut(&rest, ',');
    }
    s->prefer.count = count;
    return cmd_config_syntaxes(names, count, &s->list, &s->prefer.syntaxes, err);
}

static int parse(struct sending *s, int argc, char **argv)
{
    static const struct option table[] = {
        CMD_SCU_OPTIONS,
        { "jobs", required_argument, NULL, 'n' },
        { "prefer", required_argument, NULL, 'P' },
        { "json", no_argument, NULL, 'j' },
        { NULL, 0, NULL, 0 },
    };
    uint64_t jobs;
    int      c, code;

    while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (cmd_scu_option(&s->peer, c, &code)) {
            if (code != CMD_OK)
                return code;
        } else if (c == 'j') {
            s->json = true;
        } else if (c == 'P') {
            struct iso_err err = { 0 };
            if (read_preference(s, iso_str_c(optarg), &err) < 0)
                return cmd_fail(CMD_USAGE, "store", "--prefer: %s", err.text);
        } else if (c == 'n') {
            if (!iso_str_to_u64(iso_str_c(optarg), &jobs) || jobs < 1 || jobs > JOBS_MAX)
                return cmd_fail(CMD_USAGE, "store", "--jobs takes 1 to %d", JOBS_MAX);
            s->jobs = (unsigned)jobs;
        } else {
            return cmd_usage("store");
        }
    }
    code = cmd_scu_target(&s->peer, argc, argv);
    if (code == CMD_OK && optind >= argc)
        code = cmd_fail(CMD_USAGE, "store", "no files or folders to send");
    return code;
}

static int run(int argc, char **argv)
{
    struct sending s   = { .jobs = 1 };
    struct iso_err err = { 0 };
    int            rc  = ISO_OK;

    if (cmd_scu_wants_help(argc, argv, help))
        return CMD_OK;
    cmd_scu_init(&s.peer, "store");
    iso_arena_init(&s.list, LIST_BYTES);
    int                            code = parse(&s, argc, argv);
    const struct codec_pool_config pool = { 0 };
    if (code == CMD_OK && codec_pool_new(&pool, &s.pool, &err) < 0) /* before there are threads */
        code = cmd_fail(CMD_FAILED, "store", "%s", err.text);
    if (code != CMD_OK) {
        iso_arena_release(&s.list);
        return code;
    }
    s.progress = isatty(STDERR_FILENO) == 1;
    os_mutex_init(&s.mu);
    for (int i = optind; i < argc && rc == ISO_OK; i++)
        rc = scan(&s, argv[i], true, 0, &err);
    s.begin_ms = os_now_ms();
    if (rc == ISO_OK)
        rc = send_all(&s, &err);
    code = report(&s);
    if (rc < 0)
        code = cmd_fail(CMD_FAILED, "store", "%s", err.text);
    os_mutex_release(&s.mu);
    codec_pool_free(s.pool);
    iso_arena_release(&s.list);
    return code;
}

const struct cmd cmd_store = { "store", "send DICOM files to a peer (C-STORE)", run };
