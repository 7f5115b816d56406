/* isocenter validate FILE…: what is wrong with DICOM files. */
#include "cmd.h"

#include "cmd_input.h"
#include "dcm_dump.h"
#include "dcm_validate.h"
#include "iso_json.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
    "usage: isocenter validate [options] FILE...\n\n"
    "Says what is wrong with DICOM files (\"-\": standard input), and which clause of the "
    "standard\n"
    "says so: encoding, values, value counts, file meta information, and attributes that the SOP\n"
    "class requires. Exit code 1 when a file has errors.\n\n"
    "  -j, --json         one JSON object a file, one a line\n"
    "  -e, --errors       errors only\n"
    "  -m, --max N        findings shown of each file (1000)\n"
    "      --help         this text\n";

enum { ARENA_BYTES_MAX = 1 << 30, LINE_BYTES_MAX = 256 << 20 };

struct report {
    const char     *path;
    bool            as_json;
    bool            errors_only;
    size_t          max;
    struct iso_buf  line;
    struct iso_json json;
};

static const char *const severities[] = { "note", "warning", "error" };

static void found(void *ctx, const struct dcm_finding *f)
{
    struct report *r = ctx;

    if (r->errors_only && f->severity != DCM_ERROR)
        return;
    if (!r->as_json) {
        (void)printf("%s: %s: %.*s%s%.*s  [%s]\n", r->path, severities[f->severity],
                     (int)f->path.len, f->path.ptr, f->path.len > 0 ? " " : "", (int)f->message.len,
                     f->message.ptr, f->rule);
        return;
    }
    iso_json_open_object(&r->json);
    iso_json_key_str(&r->json, "severity", iso_str_c(severities[f->severity]));
    if (f->path.len > 0)
        iso_json_key_str(&r->json, "path", f->path);
    iso_json_key_str(&r->json, "rule", iso_str_c(f->rule));
    iso_json_key_str(&r->json, "message", f->message);
    iso_json_close_object(&r->json);
}

/* What cannot be read is a finding too, and the last one. */
static void unreadable(struct report *r, struct dcm_validation *result, const struct iso_err *err)
{
    struct iso_buf     safe;
    struct dcm_finding f = { .severity = DCM_ERROR, .rule = "PS3.5 §7, PS3.10 §7" };

    iso_buf_init(&safe, 4096);
    dcm_dump_text(&safe, iso_str_c(err->text), sizeof err->text);
    f.message = iso_str_of_bytes(iso_buf_bytes(&safe));
    result->errors++;
    found(r, &f);
    iso_buf_release(&safe);
}

static int check_file(struct report *r, struct dcm_validation *result, struct iso_err *err)
{
    const struct dcm_validate_options options = { .findings_max = r->max,
                                                  .found        = found,
                                                  .ctx          = r };
    struct dcm_parser                *parser  = NULL;
    struct cmd_input                  in;
    struct iso_arena                  arena;
    struct iso_source                 rest;
    struct dcm_meta                   meta;
    struct dcm_dataset                ds;
    int                               rc = cmd_input_open(&in, r->path, err);

    if (rc < 0)
        return rc;
    iso_arena_init(&arena, ARENA_BYTES_MAX);
    rc = dcm_meta_read(cmd_input_source(&in), &arena, &meta, &rest, err);
    if (rc == ISO_OK)
        rc = dcm_parser_new(&parser, rest, meta.syntax, meta.data_offset, err);
    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, NULL, &arena, &ds, err);
    if (rc == ISO_OK)
        rc = dcm_validate(&ds, &meta, &options, &arena, result, err);
    dcm_parser_free(parser);
    iso_arena_release(&arena);
    cmd_input_close(&in);
    return rc;
}

/* False: the file has errors. */
static bool report_file(struct report *r, const char *path)
{
    struct dcm_validation result = { 0 };
    struct iso_err        err    = { 0 };

    r->path = path;
    iso_buf_reset(&r->line);
    iso_json_init(&r->json, &r->line);
    iso_json_open_object(&r->json);
    iso_json_key_str(&r->json, "file", iso_str_c(path));
    iso_json_key(&r->json, ISO_STR("findings"));
    iso_json_open_array(&r->json);
    if (check_file(r, &result, &err) < 0)
        unreadable(r, &result, &err);
    iso_json_close_array(&r->json);
    iso_json_key_u64(&r->json, "errors", result.errors);
    iso_json_key_u64(&r->json, "warnings", result.warnings);
    iso_json_key_u64(&r->json, "notes", result.notes);
    iso_json_close_object(&r->json);
    if (r->as_json)
        (void)printf("%.*s\n", (int)r->line.len, (const char *)r->line.ptr);
    else
        (void)printf("%s: %zu errors, %zu warnings, %zu notes%s\n", path, result.errors,
                     result.warnings, result.notes, result.truncated ? "; not all are shown" : "");
    return result.errors == 0;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
                                           { "errors", no_argument, NULL, 'e' },
                                           { "max", required_argument, NULL, 'm' },
                                           { "help", no_argument, NULL, 'h' },
                                           { 0 } };
    struct report              r       = { .max = 1000 };
    int                        code    = CMD_OK;
    uint64_t                   max;
    int                        c;

    while ((c = getopt_long(argc, argv, "jem:h", longs, NULL)) != -1) {
        if (c == 'h')
            return fputs(usage, stdout) < 0 ? CMD_FAILED : CMD_OK;
        if (c == 'j')
            r.as_json = true;
        else if (c == 'e')
            r.errors_only = true;
        else if (c == 'm' && iso_str_to_u64(iso_str_c(optarg), &max) && max > 0 && max <= 1000000)
            r.max = (size_t)max;
        else if (c == 'm')
            return cmd_fail(CMD_USAGE, "validate", "--max takes 1 to 1000000");
        else
            return cmd_usage("validate");
    }
    if (optind == argc)
        return cmd_fail(CMD_USAGE, "validate", "which file? (see isocenter validate --help)");
    iso_buf_init(&r.line, LINE_BYTES_MAX);
    for (; optind < argc; optind++)
        if (!report_file(&r, argv[optind]))
            code = CMD_FAILED;
    iso_buf_release(&r.line);
    return code;
}

const struct cmd cmd_validate = { "validate", "say what is wrong with DICOM files", run };
