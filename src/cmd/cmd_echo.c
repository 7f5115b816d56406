/* cmd_echo.c: `isocenter echo`: is a DICOM peer there, and does it talk to us?   PS3.4 Annex A */
#include "cmd_scu.h"

#include "os_clock.h"

#include <stdio.h>

static const char help[] =
    "usage: isocenter echo [--aet US] [--call THEM] [--count N] HOST PORT\n"
    "\n"
    "Asks a DICOM peer for an answer (C-ECHO) and says how long it took.\n"
    "\n" CMD_SCU_HELP "  --count N      so many times over one association (1)\n";

static int echo(const struct cmd_scu *peer, uint64_t count)
{
    static const char *const transfers[]  = { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", NULL };
    const struct ul_proposal verification = { .abstract_syntax = "1.2.840.10008.1.1",
                                              .transfers       = transfers };
    struct dimse_scu        *scu          = NULL;
    struct dimse_result      result       = { 0 };
    struct iso_err           err          = { 0 };
    char                     text[256];

    int code = cmd_scu_open(peer, &verification, 1, &scu);
    if (code != CMD_OK)
        return code;
    for (uint64_t i = 0; i < count && code == CMD_OK; i++) {
        int64_t begin = os_now_us();
        int     rc    = dimse_scu_echo(scu, &result, &err);
        cmd_status_text(&result, text, sizeof text);
        if (rc < 0)
            code = cmd_fail(CMD_FAILED, "echo", "%s:%u: %s", peer->host, peer->port, err.text);
        else if (result.status != DIMSE_SUCCESS)
            code = cmd_fail(CMD_FAILED, "echo", "%s:%u answered with %s", peer->host, peer->port,
                            text);
        else
            (void)printf("%s at %s:%u answered in %.2f ms\n", peer->call, peer->host, peer->port,
                         (double)(os_now_us() - begin) / 1000);
    }
    dimse_scu_close(scu);
    return code;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        CMD_SCU_OPTIONS,
        { "count", required_argument, NULL, 'n' },
        { NULL, 0, NULL, 0 },
    };
    struct cmd_scu peer;
    uint64_t       count = 1;
    int            c, code;

    if (cmd_scu_wants_help(argc, argv, help))
        return CMD_OK;
    cmd_scu_init(&peer, "echo");
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (cmd_scu_option(&peer, c, &code)) {
            if (code != CMD_OK)
                return code;
        } else if (c == 'n') {
            if (!iso_str_to_u64(iso_str_c(optarg), &count) || count == 0)
                return cmd_fail(CMD_USAGE, "echo", "--count takes a number from 1");
        } else {
            return cmd_usage("echo");
        }
    }
    code = cmd_scu_target(&peer, argc, argv);
    if (code != CMD_OK)
        return code;
    if (optind < argc)
        return cmd_usage("echo");
    return echo(&peer, count);
}

const struct cmd cmd_echo = { "echo", "ask a DICOM peer for an answer (C-ECHO)", run };
