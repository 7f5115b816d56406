/* isocenter json FILE: a DICOM file in the DICOM JSON or XML model, and back. */
#include "cmd.h"

#include "cmd_input.h"
#include "dcm_json.h"
#include "dcm_xml.h"
#include "os_file.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: isocenter json [options] FILE\n"
    "       isocenter json --to-dicom --out OUT.dcm [--xml] FILE\n\n"
    "Writes a DICOM file (\"-\": standard input) as DICOM JSON (PS3.18 Annex F), or the other way\n"
    "round. Values left in the file come out as BulkDataURI \"?offset=N&length=N\".\n\n"
    "  -x, --xml           the Native DICOM Model in XML instead (PS3.19 A.1)\n"
    "  -a, --all           everything inline, pixel data too\n"
    "  -d, --to-dicom      FILE is JSON (or XML): write a DICOM file, explicit VR little endian\n"
    "  -O, --out FILE      where to; must not exist [standard output, but not for --to-dicom]\n"
    "      --help          this text\n";

enum {
    HEADER_BYTES_MAX = 256 << 20, /* without --all */
    TEXT_BYTES_MAX   = 1 << 30
};

#define ARENA_BYTES_MAX ((size_t)4 << 30)

struct request {
    const char *path;
    const char *out;
    bool        xml, all, to_dicom;
};

/* Where the value lies in the file that is being described. */
static int bulk_uri(void *ctx, const struct dcm_element *el, iso_str path, struct iso_buf *uri,
                    struct iso_err *err)
{
    (void)ctx;
    (void)path;
    (void)err;
    return iso_buf_printf(uri, "?offset=%llu&length=%llu", (unsigned long long)el->offset,
                          (unsigned long long)el->bytes);
}

static int write_model(const struct request *req, const struct dcm_dataset *ds,
                       struct iso_arena *arena, struct iso_buf *out, struct iso_err *err)
{
    const struct dcm_json_options options = { .bulk_uri = bulk_uri };
    struct iso_json               json;
    int                           rc;

    if (req->xml)
        return dcm_xml_write(ds, &options, arena, out, err);
    iso_json_init(&json, out);
    rc = dcm_json_write(ds, &options, arena, &json, err);
    if (rc < 0)
        return rc;
    iso_buf_add_u8(out, '\n');
    return iso_json_end(&json, err);
}

/* Opens --out for the result; standard output when there is none. */
static int open_out(const struct request *req, int *fd, struct iso_err *err)
{
    *fd = 1;
    return req->out != NULL ? os_open(OS_CWD, req->out, OS_CREATE, fd, err) : ISO_OK;
}

static int from_dicom(const struct request *req, struct cmd_input *in, struct iso_arena *arena,
                      struct iso_buf *out, struct iso_err *err)
{
    struct dcm_tree_options options = { .keep_all = req->all };
    struct dcm_parser      *parser  = NULL;
    struct iso_source       rest;
    struct dcm_meta         meta;
    struct dcm_dataset      ds;
    int                     rc = dcm_meta_read(cmd_input_source(in), arena, &meta, &rest, err);

    if (rc < 0)
        return rc;
    options.keep_all = options.keep_all || meta.syntax->deflated; /* has no offsets in the file */
    rc               = dcm_parser_new(&parser, rest, meta.syntax, meta.data_offset, err);
    if (rc == ISO_OK)
        rc = dcm_parser_tree(parser, &options, arena, &ds, err);
    if (rc == ISO_OK)
        rc = write_model(req, &ds, arena, out, err);
    dcm_parser_free(parser);
    return rc;
}

static int to_dicom(const struct request *req, struct cmd_input *in, struct iso_arena *arena,
                    struct iso_buf *out, struct iso_err *err)
{
    struct dcm_dataset *ds    = NULL;
    size_t              count = 1;
    struct dcm_dataset  one;
    struct iso_buf      text;
    int                 rc;

    iso_buf_init(&text, TEXT_BYTES_MAX);
    rc = cmd_input_read_all(in, &text, err);
    if (rc == ISO_OK && req->xml) {
        rc = dcm_xml_read(iso_buf_bytes(&text), arena, &one, NULL, NULL, err);
        ds = &one;
    } else if (rc == ISO_OK) {
        rc = dcm_json_read(iso_buf_bytes(&text), arena, &ds, &count, NULL, NULL, err);
    }
    if (rc == ISO_OK && count != 1)
        rc = iso_fail(err, ISO_EINVAL, "%zu data sets: a DICOM file holds one", count);
    if (rc == ISO_OK)
        rc = dcm_meta_write(
            dcm_get_ascii(ds, DCM_SOP_CLASS_UID), dcm_get_ascii(ds, DCM_SOP_INSTANCE_UID),
            iso_str_c(DCM_EXPLICIT_LE->uid), iso_str_of("", 0), iso_buf_sink(out), err);
    if (rc == ISO_OK)
        rc = dcm_write(ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(out), err);
    iso_buf_release(&text);
    return rc;
}

static int convert(const struct request *req, struct iso_err *err)
{
    struct cmd_input in;
    struct iso_arena arena;
    struct iso_buf   out;
    int              fd = 1;
    int              rc = cmd_input_open(&in, req->path, err);

    if (rc < 0)
        return rc;
    iso_buf_init(&out, TEXT_BYTES_MAX);
    iso_arena_init(&arena, req->all || req->to_dicom ? ARENA_BYTES_MAX : HEADER_BYTES_MAX);
    rc = req->to_dicom ? to_dicom(req, &in, &arena, &out, err)
                       : from_dicom(req, &in, &arena, &out, err);
    if (rc < 0)
        rc = iso_wrap(err, rc, "%s", req->path);
    if (rc == ISO_OK)
        rc = open_out(req, &fd, err);
    if (rc == ISO_OK)
        rc = os_write(fd, out.ptr, out.len, err);
    if (fd != 1)
        os_close(fd);
    iso_arena_release(&arena);
    iso_buf_release(&out);
    cmd_input_close(&in);
    return rc;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {
        { "xml", no_argument, NULL, 'x' },      { "all", no_argument, NULL, 'a' },
        { "to-dicom", no_argument, NULL, 'd' }, { "out", required_argument, NULL, 'O' },
        { "help", no_argument, NULL, 'h' },     { 0 }
    };
    struct request req = { 0 };
    struct iso_err err = { 0 };
    int            c;

    while ((c = getopt_long(argc, argv, "xadO:h", longs, NULL)) != -1) {
        if (c == 'h')
            return fputs(usage, stdout) < 0 ? CMD_FAILED : CMD_OK;
        if (c == 'x')
            req.xml = true;
        else if (c == 'a')
            req.all = true;
        else if (c == 'd')
            req.to_dicom = true;
        else if (c == 'O')
            req.out = optarg;
        else
            return cmd_usage("json");
    }
    if (optind != argc - 1)
        return cmd_fail(CMD_USAGE, "json", "one file, please (see isocenter json --help)");
    if (req.to_dicom && req.out == NULL)
        return cmd_fail(CMD_USAGE, "json", "--to-dicom needs --out FILE");
    req.path = argv[optind];
    return convert(&req, &err) < 0 ? cmd_fail(CMD_FAILED, "json", "%s", err.text) : CMD_OK;
}

const struct cmd cmd_json = { "json", "a DICOM file as DICOM JSON or XML, and back", run };
