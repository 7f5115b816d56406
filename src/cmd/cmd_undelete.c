/* cmd_undelete.c: `isocenter undelete`: what was removed and can be had back, and having it back; by the
 * server that holds the folder, if there is one. */
#include "cmd.h"
#include "cmd_archive.h"

#include "net_http.h"
#include "srv_removed.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 16 << 20, LIST_MAX = 1000 };

static const char help[] =
    "usage: isocenter undelete [options] [STUDY…]\n"
    "\n"
    "Stores again what was removed of the studies named by their Study Instance UIDs, as long as "
    "its\n"
    "grace lasts (setting removal_grace_s). Without a study: lists what can be had back, as JSON.\n"
    "\n"
    "  --data DIR     the archive's folder [./isocenter-data]\n"
    "  --config FILE  configuration, as for isocenter serve\n";

static int64_t no_body(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    (void)ctx;
    (void)ptr;
    (void)cap;
    (void)err;
    return 0;
}

static int here(struct arc *arc, const char *study, struct iso_buf *out, struct iso_err *err)
{
    struct arc_taken_back what;
    struct iso_arena      arena;
    int                   rc;

    if (study != NULL) {
        rc = arc_take_back(arc, iso_str_c(study), &what, err);
        return rc < 0 ? rc : srv_taken_back_write(&what, out, err);
    }
    iso_arena_init(&arena, ANSWER_BYTES_MAX);
    rc = srv_removed_write(arc, ISO_STR(""), LIST_MAX, &arena, out, err);
    iso_arena_release(&arena);
    return rc;
}

static int there(const char *base, const char *study, struct iso_buf *out, struct iso_err *err)
{
    struct net_http *client = NULL;
    char             url[CMD_BASE_BYTES + 200];
    const size_t     root   = strlen(base) - strlen("/dicom-web");
    unsigned         status = 0;
    int              rc     = net_http_new(&client, err);

    if (study != NULL && strspn(study, "0123456789.") != strlen(study))
        rc = iso_fail(err, ISO_EINVAL, "%.80s is no UID", study);
    (void)snprintf(url, sizeof url, "%.*s/api/v1/removed%s%.64s%s", (int)root, base,
                   study != NULL ? "/" : "", study != NULL ? study : "?limit=1000",
                   study != NULL ? "/restore" : "");
    if (rc >= 0 && study != NULL)
        rc = net_http_post(client, url, "application/json", "application/json",
                           (struct iso_source){ no_body, NULL }, &status, out, err);
    else if (rc >= 0)
        rc = net_http_get(client, url, "application/json", iso_buf_sink(out), &status, err);
    net_http_free(client);
    if (rc >= 0 && status != 200)
        rc = iso_fail(err, status == 404 ? ISO_ENOENT : ISO_EIO,
                      status == 404 ? "nothing that was removed of this study is left"
                                    : "the server answered with status %u",
                      status);
    return rc;
}

static int one(struct arc *arc, const char *base, const char *study)
{
    struct iso_buf out;
    struct iso_err err = { 0 };

    iso_buf_init(&out, ANSWER_BYTES_MAX);
    int rc = arc != NULL ? here(arc, study, &out, &err) : there(base, study, &out, &err);
    if (rc >= 0)
        (void)printf("%.*s\n", ISO_STR_ARG(iso_str_of_bytes(iso_buf_bytes(&out))));
    bool failed = rc >= 0 && study != NULL && out.len > 0 &&
                  memmem(out.ptr, out.len, "\"failed\":0", 10) == NULL;
    iso_buf_release(&out);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "undelete", "%s%s%s", study != NULL ? study : "",
                        study != NULL ? ": " : "", err.text);
    return failed ? CMD_FAILED : CMD_OK;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "data", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static struct cmd_config config;
    struct iso_arena         arena;
    struct iso_err           err                  = { 0 };
    struct arc              *arc                  = NULL;
    char                     base[CMD_BASE_BYTES] = "";
    const char              *file                 = NULL;
    const char              *data                 = NULL;
    int                      code                 = CMD_OK;
    int                      c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(help, stdout);
            return CMD_OK;
        }
        if (c == '?')
            return cmd_usage("undelete");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
    }
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK && data != NULL)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    if (rc < 0)
        code = cmd_fail(CMD_USAGE, "undelete", "%s", err.text);
    else if ((rc = cmd_archive_reach(&config, &arc, base, &err)) < 0)
        code = cmd_fail(CMD_FAILED, "undelete", "%s", err.text);
    else if (optind == argc)
        code = one(arc, base, NULL);
    for (int i = optind; rc >= 0 && i < argc; i++) {
        int this = one(arc, base, argv[i]);
        code     = this > code ? this : code;
    }
    arc_close(arc);
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_undelete = { "undelete", "have removed studies back, or list them", run };
