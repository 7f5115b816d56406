/* isocenter dump FILE…: what is in DICOM files, as text. */
#include "cmd.h"

#include "cmd_input.h"
#include "dcm_dump.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "usage: isocenter dump [options] FILE...\n\n"
                            "Prints the elements of DICOM files (\"-\": standard input). A damaged "
                            "file is printed up to the\n"
                            "damage.\n\n"
                            "  -w, --width N      characters of each value (64)\n"
                            "  -o, --offsets      where each element begins in the file\n"
                            "  -p, --no-private   standard elements only\n"
                            "      --help         this text\n";

enum { META_ARENA_BYTES = 8 << 20 };

static int write_stdout(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    (void)ctx;
    if (fwrite(ptr, 1, len, stdout) != len)
        return iso_fail(err, ISO_EIO, "standard output: %m");
    return ISO_OK;
}

static int dump_file(const char *path, const struct dcm_dump_options *options, struct iso_err *err)
{
    struct iso_sink    out    = { write_stdout, NULL };
    struct dcm_parser *parser = NULL;
    struct cmd_input   in;
    struct dcm_meta    meta;
    struct iso_source  rest;
    struct iso_arena   arena;
    int                rc = cmd_input_open(&in, path, err);

    if (rc < 0)
        return rc;
    iso_arena_init(&arena, META_ARENA_BYTES);
    rc = dcm_meta_read(cmd_input_source(&in), &arena, &meta, &rest, err);
    if (rc == ISO_OK)
        rc = dcm_dump_flat(&meta.group2, options, out, err);
    if (rc == ISO_OK) {
        (void)printf("# %s: data set at offset %llu, %s\n", path,
                     (unsigned long long)meta.data_offset, meta.syntax->name);
        rc = dcm_parser_new(&parser, rest, meta.syntax, meta.data_offset, err);
    }
    if (rc == ISO_OK)
        rc = dcm_dump(parser, options, out, err);
    dcm_parser_free(parser);
    iso_arena_release(&arena);
    cmd_input_close(&in);
    return rc;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = { { "width", required_argument, NULL, 'w' },
                                           { "offsets", no_argument, NULL, 'o' },
                                           { "no-private", no_argument, NULL, 'p' },
                                           { "help", no_argument, NULL, 'h' },
                                           { 0 } };
    struct dcm_dump_options    options = { 0 };
    int                        code    = CMD_OK;
    uint64_t                   width;
    int                        c;

    while ((c = getopt_long(argc, argv, "w:oph", longs, NULL)) != -1) {
        if (c == 'w' && iso_str_to_u64(iso_str_c(optarg), &width) && width > 0 && width <= 65536)
            options.value_chars_max = (size_t)width;
        else if (c == 'w')
            return cmd_fail(CMD_USAGE, "dump", "--width takes 1 to 65536");
        else if (c == 'o')
            options.offsets = true;
        else if (c == 'p')
            options.no_private = true;
        else if (c == 'h')
            return fputs(usage, stdout) < 0 ? CMD_FAILED : CMD_OK;
        else
            return cmd_usage("dump");
    }
    if (optind == argc)
        return cmd_fail(CMD_USAGE, "dump", "which file? (see isocenter dump --help)");
    for (; optind < argc; optind++) {
        struct iso_err err = { 0 };

        if (dump_file(argv[optind], &options, &err) < 0) {
            (void)fflush(stdout);
            code = cmd_fail(CMD_FAILED, "dump", "%s: %s", argv[optind], err.text);
        }
    }
    return code;
}

const struct cmd cmd_dump = { "dump", "show what is in DICOM files, as text", run };
