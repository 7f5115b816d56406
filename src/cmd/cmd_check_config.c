/* cmd_check_config.c: `isocenter check-config`: is this configuration right, and what can be set? */
#include "cmd.h"
#include "cmd_config.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "usage: isocenter check-config [--config FILE] [--document]\n"
    "\n"
    "Reads the configuration as `isocenter serve` would, the environment included, and says\n"
    "whether it is right; the first mistake is told with its key.\n"
    "\n"
    "  --config FILE  the file to check; without it, the environment alone\n"
    "  --document     print every setting as a Markdown table instead\n";

static int document(void)
{
    struct iso_buf text;

    iso_buf_init(&text, 1 << 20);
    int rc = cmd_config_document(&text);
    if (rc == ISO_OK)
        (void)fwrite(text.ptr, 1, text.len, stdout);
    iso_buf_release(&text);
    return rc == ISO_OK ? CMD_OK : CMD_FAILED;
}

static int check(const char *file)
{
    static struct cmd_config config;
    struct iso_arena         arena;
    struct iso_err           err = { 0 };

    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK)
        (void)printf("ok: %zu peer%s, data in %s, listening on %s, HTTP %lld, DICOM %lld as %s\n",
                     config.peer_count, config.peer_count == 1 ? "" : "s", config.data,
                     config.listen, (long long)config.http_port, (long long)config.dicom_port,
                     config.aet);
    iso_arena_release(&arena);
    return rc == ISO_OK ? CMD_OK : cmd_fail(CMD_FAILED, "check-config", "%s", err.text);
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "document", no_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *file = NULL;
    int         c;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case 'd':
            return document();
        case 'h':
            (void)fputs(help, stdout);
            return CMD_OK;
        default:
            return cmd_usage("check-config");
        }
    }
    if (optind < argc)
        return cmd_usage("check-config");
    return check(file);
}

const struct cmd cmd_check_config = { "check-config", "check a configuration, or document it",
                                      run };
