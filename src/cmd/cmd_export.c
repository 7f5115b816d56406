/* cmd_export.c: `isocenter export`: objects out of the archive as plain DICOM files.
 * From the data folder itself when no server holds it, else from the running server over DICOMweb.
 * File names are made of UIDs that were checked, or counted when a DICOMDIR is wanted; what exists is
 * never overwritten. */
#include "cmd.h"
#include "cmd_archive.h"

#include "arc_read.h"
#include "dcm_dir.h"
#include "dcm_json.h"
#include "net_http.h"
#include "os_clock.h"
#include "os_file.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
    LIST_BYTES_MAX   = 256 << 20,
    ARENA_BYTES_MAX  = 1 << 30,
    STUDIES_MAX      = 1000,
    PAGE             = 5000,
    FOLDER_FILES     = 1000,
    HEADER_BYTES_MAX = 64 << 20
};

static const char help[] =
    "usage: isocenter export [options] --out DIR --study UID [--study UID]...\n"
    "\n"
    "Writes the objects of the studies to DIR as STUDY/SERIES/INSTANCE.dcm, byte for byte as they\n"
    "are stored. Files that exist already are left alone, so an export can be run again.\n"
    "\n"
    "  --dicomdir     name the files as discs want them and write a DICOMDIR (PS3.10 §8); DIR "
    "must\n"
    "                 not have one\n"
    "  --out DIR      folder to write to; created when absent\n"
    "  --study UID    Study Instance UID; may be given several times\n"
    "  --series UID   only this series\n"
    "  --config FILE  configuration, as for isocenter serve\n"
    "  --data DIR     the archive's folder [./isocenter-data]; if a server holds it, that server\n"
    "                 is asked\n";

struct export
{
    struct arc            *arc; /* NULL: from the server at base */
    struct net_http       *http;
    char                   base[CMD_BASE_BYTES];
    int                    out;
    iso_str                study[STUDIES_MAX];
    size_t                 study_count;
    iso_str                series; /* empty: all */
    struct iso_arena       arena;
    struct dcm_dir_writer *dir; /* NULL: no DICOMDIR is wanted */
    uint64_t               written;
    uint64_t               there;
    uint64_t               failed;
};

/* ---- one file ---- */

static int write_fd(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    return os_write(*(int *)ctx, ptr, len, err);
}

static int copy_stored(struct export *ex, const struct arc_instance *inst, int fd,
                       struct iso_err *err)
{
    static uint8_t    chunk[1 << 20];
    struct arc_object object = { 0 };
    uint64_t          done   = 0;
    int               rc     = arc_object_open(ex->arc, inst, &object, err);

    while (rc == ISO_OK && done < object.bytes) {
        size_t want =
            object.bytes - done < sizeof chunk ? (size_t)(object.bytes - done) : sizeof chunk;
        rc = os_read_exact_at(object.fd, chunk, want, object.offset + done, err);
        if (rc == ISO_OK)
            rc = os_write(fd, chunk, want, err);
        done += want;
    }
    arc_object_close(&object);
    return rc;
}

static int fetch(struct export *ex, const struct arc_instance *inst, int fd, struct iso_err *err)
{
    struct iso_sink sink   = { write_fd, &fd };
    unsigned        status = 0;
    iso_str         url =
        iso_arena_printf(&ex->arena, "%s/studies/%.*s/series/%.*s/instances/%.*s", ex->base,
                         ISO_STR_ARG(inst->study_uid), ISO_STR_ARG(inst->series_uid),
                         ISO_STR_ARG(inst->sop_instance_uid));

    if (url.ptr == NULL)
        return iso_arena_fail(&ex->arena, err);
    int rc =
        net_http_get(ex->http, url.ptr, "application/dicom; transfer-syntax=*", sink, &status, err);
    if (rc == ISO_OK && status != 200)
        rc = iso_fail(err, ISO_EIO, "the server answered with status %u", status);
    return rc;
}

/* STUDY/SERIES/INSTANCE.dcm. */
static int make_path(struct export *ex, const struct arc_instance *inst, char *path, size_t cap,
                     struct iso_err *err)
{
    char folder[2 * DCM_UID_CHARS_MAX + 2];

    if (!dcm_uid_acceptable(inst->study_uid) || !dcm_uid_acceptable(inst->series_uid) ||
        !dcm_uid_acceptable(inst->sop_instance_uid))
        return iso_fail(err, ISO_EFORMAT, "a UID that cannot be a file name");
    (void)snprintf(folder, sizeof folder, "%.*s", ISO_STR_ARG(inst->study_uid));
    int rc = os_make_folder(ex->out, folder, err);
    (void)snprintf(folder, sizeof folder, "%.*s/%.*s", ISO_STR_ARG(inst->study_uid),
                   ISO_STR_ARG(inst->series_uid));
    if (rc == ISO_OK)
        rc = os_make_folder(ex->out, folder, err);
    (void)snprintf(path, cap, "%s/%.*s.dcm", folder, ISO_STR_ARG(inst->sop_instance_uid));
    return rc;
}

/* DICOM/D0000001/I0000042: components of eight characters at most.   PS3.10 §8.2 */
static int make_disc_path(struct export *ex, char *path, size_t cap, struct iso_err *err)
{
    unsigned long long number = ex->written + ex->failed;
    char               folder[64];
    int                rc = os_make_folder(ex->out, "DICOM", err);

    if (number >= 10000000)
        return iso_fail(err, ISO_ELIMIT, "more objects than a DICOMDIR's file names can count");
    (void)snprintf(folder, sizeof folder, "DICOM/D%07llu", number / FOLDER_FILES);
    if (rc == ISO_OK)
        rc = os_make_folder(ex->out, folder, err);
    (void)snprintf(path, cap, "%s/I%07llu", folder, number);
    return rc;
}

static int64_t read_fd(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    return os_read(*(int *)ctx, ptr, cap, err);
}

/* The object just written, as records of the directory. */
static int add_record(struct export *ex, const char *path, struct iso_err *err)
{
    const struct dcm_tree_options options = { .stop_before = DCM_PIXEL_DATA };
    struct iso_arena              arena;
    struct iso_source             rest;
    struct dcm_parser            *parser = NULL;
    struct dcm_dataset            ds;
    struct dcm_meta               meta;
    int                           fd = -1;
    int                           rc = os_open(ex->out, path, OS_READ, &fd, err);

    iso_arena_init(&arena, HEADER_BYTES_MAX);
    if (rc == ISO_OK)
        rc = dcm_meta_read((struct iso_source){ read_fd, &fd }, &arena, &meta, &rest, err);
    if (rc == ISO_OK)
        rc = dcm_parser_new(&parser, rest, meta.syntax, meta.data_offset, err);
    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, &options, &arena, &ds, err);
    if (rc == ISO_OK)
        rc = dcm_dir_add(ex->dir, &ds, meta.transfer_syntax_uid, iso_str_c(path), err);
    dcm_parser_free(parser);
    iso_arena_release(&arena);
    os_close(fd);
    return rc;
}

/* Beside its name first, renamed when whole: what has a name is complete. */
static int export_one(struct export *ex, const struct arc_instance *inst, struct iso_err *err)
{
    static const char part[] = "export.part";
    char              path[3 * DCM_UID_CHARS_MAX + 16];
    struct os_stat    st;
    int               fd = -1;
    int               rc = ex->dir != NULL ? make_disc_path(ex, path, sizeof path, err)
                                           : make_path(ex, inst, path, sizeof path, err);

    if (rc == ISO_OK && os_stat(ex->out, path, &st, NULL) == ISO_OK) {
        if (ex->dir != NULL)
            return iso_fail(err, ISO_EEXIST, "%s is there already: export to an empty folder",
                            path);
        ex->there++;
        return ISO_OK;
    }
    (void)os_remove(ex->out, part, NULL);
    if (rc == ISO_OK)
        rc = os_open(ex->out, part, OS_CREATE, &fd, err);
    if (rc == ISO_OK)
        rc = ex->arc != NULL ? copy_stored(ex, inst, fd, err) : fetch(ex, inst, fd, err);
    if (rc == ISO_OK)
        rc = os_sync(fd, err);
    if (rc == ISO_OK)
        rc = os_rename(ex->out, part, ex->out, path, err);
    os_close(fd);
    if (rc == ISO_OK && ex->dir != NULL)
        rc = add_record(ex, path, err);
    if (rc == ISO_OK)
        ex->written++;
    return rc;
}

/* Last of all, and never over another one. */
static int write_dicomdir(struct export *ex, struct iso_err *err)
{
    uint8_t         seed[16];
    char            uid[DCM_UID_CHARS_MAX + 1];
    int             fd   = -1;
    struct iso_sink sink = { write_fd, &fd };
    int             rc   = os_open(ex->out, "DICOMDIR", OS_CREATE, &fd, err);

    os_random(seed, sizeof seed);
    dcm_uid_make(seed, uid);
    if (rc == ISO_OK)
        rc = dcm_dir_write(ex->dir, iso_str_c(uid), sink, err);
    if (rc == ISO_OK)
        rc = os_sync(fd, err);
    os_close(fd);
    return rc;
}

static int export_each(void *ctx, const struct arc_instance *inst, struct iso_err *err)
{
    struct export *ex = ctx;
    int            rc = export_one(ex, inst, err);

    if (rc == ISO_ENOSPC) /* every further one would fail too */
        return rc;
    if (rc < 0) {
        ex->failed++;
        (void)cmd_fail(0, "export", "%.*s: %s", ISO_STR_ARG(inst->sop_instance_uid), err->text);
    }
    return ISO_OK;
}

/* ---- which files ---- */

static int list_stored(struct export *ex, struct iso_err *err)
{
    struct arc_selection selection = {
        .study_uids   = ex->study,
        .study_count  = ex->study_count,
        .series_uids  = &ex->series,
        .series_count = ex->series.len > 0,
    };

    return arc_select(ex->arc, &selection, export_each, ex, err);
}

/* One page of a study's instances; *count tells how many came. */
static int list_page(struct export *ex, iso_str study, size_t offset, size_t *count,
                     struct iso_err *err)
{
    struct dcm_dataset *list;
    struct iso_buf      body;
    unsigned            status = 0;
    iso_str             url =
        iso_arena_printf(&ex->arena, "%s/studies/%.*s/instances?limit=%d&offset=%zu%s%.*s",
                         ex->base, ISO_STR_ARG(study), PAGE, offset,
                         ex->series.len > 0 ? "&SeriesInstanceUID=" : "", ISO_STR_ARG(ex->series));

    if (url.ptr == NULL)
        return iso_arena_fail(&ex->arena, err);
    iso_buf_init(&body, LIST_BYTES_MAX);
    int rc = net_http_get(ex->http, url.ptr, "application/dicom+json", iso_buf_sink(&body), &status,
                          err);
    if (rc == ISO_OK && status != 200)
        rc = iso_fail(err, ISO_EIO, "the server answered with status %u", status);
    if (rc == ISO_OK)
        rc = dcm_json_read(iso_buf_bytes(&body), &ex->arena, &list, count, NULL, NULL, err);
    for (size_t i = 0; rc == ISO_OK && i < *count; i++) {
        struct arc_instance inst = {
            .study_uid        = study,
            .series_uid       = dcm_get_ascii(&list[i], DCM_SERIES_INSTANCE_UID),
            .sop_instance_uid = dcm_get_ascii(&list[i], DCM_SOP_INSTANCE_UID),
        };
        rc = export_each(ex, &inst, err);
    }
    iso_buf_release(&body);
    return rc;
}

static int list_served(struct export *ex, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; rc == ISO_OK && i < ex->study_count; i++) {
        size_t count  = PAGE;
        size_t offset = 0;

        for (; rc == ISO_OK && count == PAGE; offset += count) {
            rc = list_page(ex, ex->study[i], offset, &count, err);
            iso_arena_reset(&ex->arena);
        }
    }
    return rc;
}

/* ---- the whole ---- */

static int open_source(struct export *ex, const struct cmd_config *config, struct iso_err *err)
{
    struct os_stat st;

    if (os_stat(OS_CWD, config->data, &st, err) < 0)
        return iso_wrap(err, ISO_ENOENT, "no archive there");
    int rc = cmd_archive_reach(config, &ex->arc, ex->base, err);
    if (rc == ISO_OK && ex->arc == NULL)
        rc = net_http_new(&ex->http, err);
    return rc;
}

static int export(struct export *ex, const struct cmd_config *config, const char *out,
                  bool dicomdir)
{
    struct iso_err err = { 0 };
    int            rc  = open_source(ex, config, &err);

    if (rc == ISO_OK && dicomdir)
        rc = dcm_dir_writer_new(&ex->dir, ISO_STR(""), &err);

    iso_arena_init(&ex->arena, ARENA_BYTES_MAX);
    ex->out = -1;
    if (rc == ISO_OK)
        rc = os_make_folder(OS_CWD, out, &err);
    if (rc == ISO_OK)
        rc = os_open(OS_CWD, out, OS_FOLDER, &ex->out, &err);
    if (rc == ISO_OK)
        rc = ex->arc != NULL ? list_stored(ex, &err) : list_served(ex, &err);
    if (rc == ISO_OK && ex->dir != NULL && ex->written > 0)
        rc = write_dicomdir(ex, &err);
    dcm_dir_writer_free(ex->dir);
    os_close(ex->out);
    iso_arena_release(&ex->arena);
    net_http_free(ex->http);
    arc_close(ex->arc);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "export", "%s", err.text);
    (void)printf("%llu written, %llu already there, %llu failed\n", (unsigned long long)ex->written,
                 (unsigned long long)ex->there, (unsigned long long)ex->failed);
    if (ex->written + ex->there + ex->failed == 0)
        return cmd_fail(CMD_FAILED, "export", "nothing of that is stored here");
    return ex->failed > 0 ? CMD_FAILED : CMD_OK;
}

static int add_uid(struct export *ex, int option, const char *text)
{
    iso_str uid = iso_str_c(text);

    if (!dcm_uid_acceptable(uid))
        return cmd_fail(CMD_USAGE, "export", "\"%.80s\" is not a UID", text);
    if (option == 'e') {
        ex->series = uid;
        return CMD_OK;
    }
    if (ex->study_count == STUDIES_MAX)
        return cmd_fail(CMD_USAGE, "export", "more than %d studies", STUDIES_MAX);
    ex->study[ex->study_count++] = uid;
    return CMD_OK;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' }, { "data", required_argument, NULL, 'd' },
        { "out", required_argument, NULL, 'o' },    { "study", required_argument, NULL, 's' },
        { "series", required_argument, NULL, 'e' }, { "dicomdir", no_argument, NULL, 'D' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    static struct cmd_config config;
    static struct export ex;
    struct iso_arena arena;
    struct iso_err   err      = { 0 };
    const char      *file     = NULL;
    const char      *data     = NULL;
    const char      *out      = NULL;
    bool             dicomdir = false;
    int              code     = CMD_OK;
    int              c;

    while (code == CMD_OK && (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(help, stdout);
            return CMD_OK;
        }
        if (c == '?')
            return cmd_usage("export");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
        if (c == 'D')
            dicomdir = true;
        if (c == 'o')
            out = optarg;
        if (c == 's' || c == 'e')
            code = add_uid(&ex, c, optarg);
    }
    if (code != CMD_OK)
        return code;
    if (optind < argc || out == NULL || ex.study_count == 0)
        return cmd_usage("export");
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK && data != NULL)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    code = rc < 0 ? cmd_fail(CMD_USAGE, "export", "%s", err.text)
                  : export(&ex, &config, out, dicomdir);
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_export = { "export", "write studies as plain DICOM files", run };
