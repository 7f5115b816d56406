/* cmd_deidentify.c: `isocenter deidentify`: files without what tells whose they are, by the same profile as the
 * de-identified ZIP archives of the server. Names of the new files are their new UIDs: those of the old ones are
 * often patients'. */
#include "cmd.h"
#include "cmd_walk.h"

#include "dcm_deidentify.h"
#include "dcm_uids.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_process.h"
#include "os_thread.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, HEAD_BYTES_MAX = 64 << 20, THREADS_MAX = 64, CHUNK_BYTES = 64 << 10 };

static const char help[] =
    "usage: isocenter deidentify --output FOLDER [options] FILE|FOLDER...\n"
    "\n"
    "Writes the DICOM files behind each argument (a file, a folder with all below it, a ZIP\n"
    "archive) without what tells whose they are: Basic Application Level Confidentiality Profile,\n"
    "DICOM PS3.15 Annex E. New files are called STUDY/SERIES/INSTANCE.dcm by their new UIDs.\n"
    "Nothing is ever overwritten, and what is read is never changed.\n"
    "\n"
    "  --output FOLDER        made when absent; not within what is read\n"
    "  --dates remove|shift|keep\n"
    "                         shift: by whole days, the same for all objects of a patient "
    "[remove]\n"
    "  --retain LIST          what to leave in, apart by commas: uids, device, institution, "
    "patient\n"
    "  --pixels drop|keep     objects whose pixels may show text or faces: not written, or "
    "written\n"
    "                         as they are [drop]\n"
    "  --pseudonym-file FILE  a secret of 8 to 256 characters, better random ones: the same one "
    "gives\n"
    "                         the same UIDs, patient IDs and shifts another time [none is kept]\n"
    "  --jobs N               files at once [number of processors]\n"
    "  --json                 print the report as one JSON object\n"
    "\n"
    "Pixels are not looked at, nor is what lies inside compressed streams: look at what you give\n"
    "away. The report names the files that were read.\n"
    "\n"
    "Exit code 0: all are written. 1: something was left out or could not be read; it says what.\n";

enum outcome { WRITTEN, LEFT_OUT, SKIPPED, FAILED, OUTCOMES };
static const char *const outcome_name[] = { "written", "left out", "skipped", "failed" };

struct work {
    struct dcm_deidentify_profile profile;
    const char                   *output;
    bool                          keep_pixels;
    bool                          json;
    unsigned                      jobs;
    char                        **path;
    size_t                        path_count;

    struct os_mutex mu; /* guards all below */
    uint64_t        count[OUTCOMES];
    struct iso_buf  report; /* JSON entries */
    struct iso_json entries;
};

/* ---- report ---- */

/* File names are for people here: what could steer a terminal is made visible. */
static void print_name(const char *name)
{
    for (const char *p = name; *p != '\0'; p++)
        (void)fputc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, stderr);
}

/* why: of what was not written. place: of what was. */
static void tell(struct work *w, const char *name, enum outcome outcome, const char *place,
                 const char *why)
{
    os_mutex_lock(&w->mu);
    w->count[outcome]++;
    if (w->json) {
        iso_json_open_object(&w->entries);
        iso_json_key_str(&w->entries, "path", iso_str_c(name));
        iso_json_key_str(&w->entries, "outcome", iso_str_c(outcome_name[outcome]));
        if (outcome == WRITTEN)
            iso_json_key_str(&w->entries, "output", iso_str_c(place));
        else if (outcome != SKIPPED)
            iso_json_key_str(&w->entries, "reason", iso_str_c(why));
        iso_json_close_object(&w->entries);
    } else if (outcome == LEFT_OUT || outcome == FAILED) {
        print_name(name);
        (void)fprintf(stderr, ": %s: ", outcome_name[outcome]);
        print_name(why);
        (void)fputc('\n', stderr);
    }
    os_mutex_unlock(&w->mu);
}

static void print_report(struct work *w)
{
    const struct cmd_walk_figure figures[] = {
        { "written", w->count[WRITTEN] },
        { "left_out", w->count[LEFT_OUT] },
        { "skipped", w->count[SKIPPED] },
        { "failed", w->count[FAILED] },
    };

    if (w->json)
        cmd_walk_report(figures, sizeof figures / sizeof *figures, &w->entries, &w->report);
    else
        (void)printf("%llu written, %llu left out, %llu failed, %llu skipped%s\n",
                     (unsigned long long)w->count[WRITTEN], (unsigned long long)w->count[LEFT_OUT],
                     (unsigned long long)w->count[FAILED], (unsigned long long)w->count[SKIPPED],
                     cmd_walk_interrupted(NULL) ? " (interrupted)" : "");
}

/* ---- one file ---- */

struct range {
    int      fd;
    uint64_t at;
};

static int64_t read_fd(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct range *r = ctx;
    int64_t       n = os_read_at(r->fd, ptr, cap, r->at, err);

    if (n > 0)
        r->at += (uint64_t)n;
    return n;
}

static int write_fd(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    return os_write(*(int *)ctx, ptr, len, err);
}

/* What an archive holds, in a file without a name: it is read twice. */
static int unpack(const struct cmd_walk_file *file, int *fd, struct iso_err *err)
{
    uint8_t chunk[CHUNK_BYTES];
    int64_t n  = 0;
    int     rc = os_open_scratch(fd, err);

    while (rc == ISO_OK && (n = file->source.read(file->source.ctx, chunk, sizeof chunk, err)) > 0)
        rc = os_write(*fd, chunk, (size_t)n, err);
    return rc < 0 ? rc : (int)(n < 0 ? n : ISO_OK);
}

/* The data set up to the pixels. */
static int read_head(int fd, struct iso_arena *arena, struct dcm_meta *meta,
                     struct dcm_dataset *header, struct iso_err *err)
{
    const struct dcm_tree_options options = { .stop_before = DCM_FLOAT_PIXEL_DATA };
    struct range                  in      = { fd, 0 };
    struct dcm_parser            *parser  = NULL;
    struct iso_source             rest;

    int rc = dcm_meta_read((struct iso_source){ read_fd, &in }, arena, meta, &rest, err);
    if (rc == ISO_OK)
        rc = dcm_parser_new(&parser, rest, meta->syntax, 0, err);
    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, &options, arena, header, err);
    dcm_parser_free(parser);
    if (rc == ISO_OK && (!dcm_uid_acceptable(dcm_get_ascii(header, DCM_SOP_CLASS_UID)) ||
                         !dcm_uid_acceptable(dcm_get_ascii(header, DCM_SOP_INSTANCE_UID))))
        rc = iso_fail(err, ISO_EFORMAT, "no SOP Class and SOP Instance UID");
    return rc;
}

/* FOLDER/STUDY/SERIES/INSTANCE.dcm, its folders made. What lacks a study or series is below "none". */
static int place_of(const struct work *w, const struct dcm_dataset *header, char out[PATH_BYTES],
                    struct iso_err *err)
{
    static const dcm_tag levels[] = { DCM_STUDY_INSTANCE_UID, DCM_SERIES_INSTANCE_UID,
                                      DCM_SOP_INSTANCE_UID };
    char                 uid[DCM_UID_CHARS_MAX + 1];
    size_t               len = (size_t)snprintf(out, PATH_BYTES, "%s", w->output);
    int                  rc  = len < PATH_BYTES - 512
                                   ? ISO_OK
                                   : iso_fail(err, ISO_ELIMIT, "the output folder's path is too long");

    for (size_t i = 0; i < 3 && rc == ISO_OK; i++) {
        iso_str old = dcm_get_ascii(header, levels[i]);

        rc = os_make_folder(OS_CWD, out, err);
        if (rc == ISO_OK && dcm_uid_acceptable(old))
            rc = dcm_deidentify_uid(&w->profile, old, uid, err);
        else
            (void)snprintf(uid, sizeof uid, "none");
        if (rc == ISO_OK)
            len +=
                (size_t)snprintf(out + len, PATH_BYTES - len, "/%s%s", uid, i == 2 ? ".dcm" : "");
    }
    return rc;
}

/* Into place under a name of its own first: a file that is there is complete. */
static int write_file(const struct work *w, int from, const struct dcm_meta *meta,
                      const struct dcm_dataset *header, const char *place, struct iso_err *err)
{
    struct range       in     = { from, meta->data_offset };
    struct dcm_parser *parser = NULL;
    char               part[PATH_BYTES + 8];
    int                fd = -1;

    (void)snprintf(part, sizeof part, "%s.part", place);
    int rc = os_open(OS_CWD, part, OS_CREATE, &fd, err);
    if (rc < 0)
        return rc;
    rc = dcm_parser_new(&parser, (struct iso_source){ read_fd, &in }, meta->syntax, 0, err);
    if (rc == ISO_OK)
        rc = dcm_deidentify(&w->profile, header, parser, meta->syntax,
                            (struct iso_sink){ write_fd, &fd }, err);
    dcm_parser_free(parser);
    os_close(fd);
    if (rc == ISO_OK)
        rc = os_link(OS_CWD, part, OS_CWD, place, err);
    (void)os_remove(OS_CWD, part, NULL);
    return rc;
}

static int clean(const struct work *w, int fd, const struct dcm_meta *meta,
                 const struct dcm_dataset *header, char place[PATH_BYTES], enum outcome *outcome,
                 struct iso_err *err)
{
    const char              *why  = "";
    enum dcm_deidentify_risk risk = dcm_deidentify_risk(header, &why);

    if (risk == DCM_RISK_OPAQUE || (risk == DCM_RISK_TEXT && !w->keep_pixels)) {
        *outcome = LEFT_OUT;
        return iso_fail(err, ISO_EUNSUPPORTED, "%s", why);
    }
    int rc = place_of(w, header, place, err);
    if (rc == ISO_OK)
        rc = write_file(w, fd, meta, header, place, err);
    *outcome = rc == ISO_OK ? WRITTEN : FAILED;
    return rc;
}

static bool is_named(const struct work *w, const char *name)
{
    for (size_t i = 0; i < w->path_count; i++)
        if (strcmp(w->path[i], name) == 0)
            return true;
    return false;
}

static void one_file(void *ctx, const struct cmd_walk_file *file)
{
    struct work       *w       = ctx;
    enum outcome       outcome = FAILED;
    struct iso_err     err     = file->err;
    struct dcm_meta    meta    = { 0 };
    struct dcm_dataset header;
    struct iso_arena   arena;
    char               place[PATH_BYTES] = "";
    int                fd                = file->fd;
    int                rc                = file->rc;

    iso_arena_init(&arena, HEAD_BYTES_MAX);
    if (rc == ISO_OK && fd < 0)
        rc = unpack(file, &fd, &err);
    if (rc == ISO_OK) {
        rc = read_head(fd, &arena, &meta, &header, &err);
        if (rc == ISO_EFORMAT && !is_named(w, file->name))
            outcome = SKIPPED;
    }
    if (rc == ISO_OK)
        (void)!clean(w, fd, &meta, &header, place, &outcome, &err);
    tell(w, file->name, outcome, place, err.text);
    iso_arena_release(&arena);
    if (fd != file->fd)
        os_close(fd);
}

/* ---- the whole ---- */

/* ISO_EINVAL  it lies within what is read, where it would be read itself */
static int prepare_output(const struct work *w, struct iso_err *err)
{
    int   rc  = os_make_folder(OS_CWD, w->output, err);
    char *out = rc == ISO_OK ? realpath(w->output, NULL) : NULL;

    if (rc == ISO_OK && out == NULL)
        rc = iso_fail(err, ISO_EIO, "%s: not to be found", w->output);
    for (size_t i = 0; i < w->path_count && rc == ISO_OK; i++) {
        char  *in  = realpath(w->path[i], NULL);
        size_t len = in != NULL ? strlen(in) : 0;

        if (len > 0 && strncmp(in, out, len) == 0 &&
            (out[len] == '/' || out[len] == '\0' || in[len - 1] == '/'))
            rc = iso_fail(err, ISO_EINVAL, "%s lies within %s, which is read", w->output,
                          w->path[i]);
        free(in);
    }
    free(out);
    return rc;
}

static int deidentify(struct work *w)
{
    struct iso_err  err  = { 0 };
    struct cmd_walk walk = {
        .path = w->path, .path_count = w->path_count, .threads = w->jobs, .each = one_file, .ctx = w
    };

    if (prepare_output(w, &err) < 0)
        return cmd_fail(CMD_USAGE, "deidentify", "%s", err.text);
    cmd_walk_catch_interrupt();
    os_mutex_init(&w->mu);
    iso_buf_init(&w->report, CMD_WALK_REPORT_BYTES_MAX);
    iso_json_init(&w->entries, &w->report);
    if (w->json)
        iso_json_open_array(&w->entries);
    int rc = cmd_walk(&walk, &err);
    print_report(w);
    iso_buf_release(&w->report);
    os_mutex_release(&w->mu);
    if (rc < 0 && rc != ISO_ECANCEL)
        return cmd_fail(CMD_FAILED, "deidentify", "%s", err.text);
    return w->count[FAILED] > 0 || w->count[LEFT_OUT] > 0 || cmd_walk_interrupted(NULL) ? CMD_FAILED
                                                                                        : CMD_OK;
}

/* Which of the words optarg is; -1: none, which is said. */
static int word(const char *option, const char *const words[])
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(optarg, words[i]) == 0)
            return i;
    (void)cmd_fail(CMD_USAGE, "deidentify", "--%s: not one of its words: see --help", option);
    return -1;
}

static int read_key(const char *path, struct dcm_deidentify_profile *profile, struct iso_err *err)
{
    char text[DCM_DEIDENTIFY_SECRET_MAX + 3];
    int  fd;
    int  rc = os_open(OS_CWD, path, OS_READ, &fd, err);

    if (rc < 0)
        return rc;
    int64_t n = os_read_at(fd, text, sizeof text, 0, err);
    os_close(fd);
    if (n < 0)
        return (int)n;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n < DCM_DEIDENTIFY_SECRET_MIN || n > DCM_DEIDENTIFY_SECRET_MAX)
        return iso_fail(err, ISO_EINVAL, "%s: a pseudonym has %d to %d characters", path,
                        DCM_DEIDENTIFY_SECRET_MIN, DCM_DEIDENTIFY_SECRET_MAX);
    rc = dcm_deidentify_key(iso_str_of(text, (size_t)n), profile->key, err);
    return rc;
}

/* One option; CMD_OK, or the exit code. */
static int take(struct work *w, int option)
{
    static const char *const dates[]  = { "remove", "shift", "keep", NULL };
    static const char *const pixels[] = { "drop", "keep", NULL };
    struct iso_err           err      = { 0 };
    uint64_t                 jobs;
    int                      rc = ISO_OK, which = 0;

    if (option == 'd' && (which = word("dates", dates)) >= 0)
        w->profile.dates = (enum dcm_deidentify_dates)which;
    if (option == 'p' && (which = word("pixels", pixels)) >= 0)
        w->keep_pixels = which == 1;
    if (option == 'r')
        rc = dcm_deidentify_retain(&w->profile, iso_str_c(optarg), &err);
    if (option == 'P')
        rc = read_key(optarg, &w->profile, &err);
    if (option == 'j') {
        if (!iso_str_to_u64(iso_str_c(optarg), &jobs) || jobs < 1 || jobs > THREADS_MAX)
            rc = iso_fail(&err, ISO_EINVAL, "--jobs is 1 to %d", THREADS_MAX);
        else
            w->jobs = (unsigned)jobs;
    }
    if (rc < 0)
        return cmd_fail(CMD_USAGE, "deidentify", "%s", err.text);
    return which < 0 ? CMD_USAGE : CMD_OK;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'o' },
        { "dates", required_argument, NULL, 'd' },
        { "retain", required_argument, NULL, 'r' },
        { "pixels", required_argument, NULL, 'p' },
        { "pseudonym-file", required_argument, NULL, 'P' },
        { "jobs", required_argument, NULL, 'j' },
        { "json", no_argument, NULL, 'J' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static struct work w;
    int                code = CMD_OK;
    int                c;

    w.jobs = os_cpu_count() < THREADS_MAX ? os_cpu_count() : THREADS_MAX;
    os_random(w.profile.key, sizeof w.profile.key);
    while (code == CMD_OK && (c = getopt_long(argc, argv, "o:j:h", options, NULL)) != -1) {
        if (c == 'h')
            return fputs(help, stdout) < 0 ? CMD_FAILED : CMD_OK;
        if (c == '?')
            return cmd_usage("deidentify");
        if (c == 'o')
            w.output = optarg;
        w.json |= c == 'J';
        code = take(&w, c);
    }
    if (code != CMD_OK)
        return code;
    w.path       = argv + optind;
    w.path_count = (size_t)(argc - optind);
    if (w.output == NULL || w.output[0] == '\0' || w.path_count == 0)
        return cmd_usage("deidentify");
    return deidentify(&w);
}

const struct cmd cmd_deidentify = { "deidentify", "DICOM files without what tells whose they are",
                                    run };
