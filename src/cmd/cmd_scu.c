/* cmd_scu.c: the shared half of the commands that talk to a peer. */
#include "cmd_scu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cmd_scu_init(struct cmd_scu *scu, const char *name)
{
    *scu = (struct cmd_scu){
        .name = name, .aet = "ISOCENTER", .call = "ANY-SCP", .timeout_ms = 60000
    };
}

static bool title_ok(const char *title)
{
    size_t len = strlen(title);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)title[i] < 0x20 || (unsigned char)title[i] > 0x7e || title[i] == '\\')
            return false;
    return len >= 1 && len <= UL_AE_BYTES_MAX;
}

bool cmd_scu_option(struct cmd_scu *scu, int c, int *code)
{
    uint64_t seconds;

    *code = CMD_OK;
    switch (c) {
    case 'a':
    case 'c':
        if (!title_ok(optarg))
            *code = cmd_fail(CMD_USAGE, scu->name, "'%s' is no AE title: 1 to 16 ASCII characters",
                             optarg);
        *(c == 'a' ? &scu->aet : &scu->call) = optarg;
        return true;
    case 't':
        if (!iso_str_to_u64(iso_str_c(optarg), &seconds) || seconds < 1 || seconds > 86400)
            *code = cmd_fail(CMD_USAGE, scu->name, "--timeout takes 1 to 86400 seconds");
        else
            scu->timeout_ms = (int64_t)seconds * 1000;
        return true;
    default:
        return false;
    }
}

int cmd_scu_target(struct cmd_scu *scu, int argc, char **argv)
{
    uint64_t port;

    if (argc - optind < 2) {
        (void)cmd_fail(CMD_USAGE, scu->name, "HOST and PORT of the peer are missing");
        return cmd_usage(scu->name);
    }
    scu->host = argv[optind];
    if (!iso_str_to_u64(iso_str_c(argv[optind + 1]), &port) || port < 1 || port > 65535)
        return cmd_fail(CMD_USAGE, scu->name, "'%s' is no port: HOST PORT, 1 to 65535",
                        argv[optind + 1]);
    scu->port = (uint16_t)port;
    optind += 2;
    return CMD_OK;
}

bool cmd_scu_wants_help(int argc, char **argv, const char *help)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(help, stdout);
            return true;
        }
    }
    return false;
}

struct ul_config cmd_scu_config(const struct cmd_scu *scu)
{
    return (struct ul_config){ .io_ms = scu->timeout_ms, .idle_ms = scu->timeout_ms };
}

int cmd_scu_explain(const struct cmd_scu *scu, int rc, const struct ul_reject *rejected,
                    const struct iso_err *err)
{
    if (rc == ISO_EREFUSED && rejected->result != 0) {
        if (rejected->source == UL_REJECT_USER && rejected->reason == UL_REJECT_USER_CALLED_AE)
            return cmd_fail(CMD_FAILED, scu->name,
                            "%s:%u does not call itself %s: give its AE title with --call",
                            scu->host, scu->port, scu->call);
        if (rejected->source == UL_REJECT_USER && rejected->reason == UL_REJECT_USER_CALLING_AE)
            return cmd_fail(CMD_FAILED, scu->name,
                            "%s:%u does not know %s: register it there, or use --aet", scu->host,
                            scu->port, scu->aet);
        return cmd_fail(CMD_FAILED, scu->name, "%s:%u rejected the association (%s): %s", scu->host,
                        scu->port, ul_reject_text(rejected),
                        rejected->result == UL_REJECT_TRANSIENT ? "try again later"
                                                                : "ask its administrator");
    }
    if (rc == ISO_EREFUSED)
        return cmd_fail(CMD_FAILED, scu->name, "nothing listens at %s:%u: is the peer running?",
                        scu->host, scu->port);
    if (rc == ISO_ETIMEOUT)
        return cmd_fail(CMD_FAILED, scu->name,
                        "%s:%u did not answer within %lld s: check host, port and firewalls, or "
                        "raise --timeout",
                        scu->host, scu->port, (long long)(scu->timeout_ms / 1000));
    return cmd_fail(CMD_FAILED, scu->name, "%s:%u: %s", scu->host, scu->port, err->text);
}

int cmd_scu_open(const struct cmd_scu *scu, const struct ul_proposal *proposals, size_t count,
                 struct dimse_scu **out)
{
    struct ul_config  config  = cmd_scu_config(scu);
    struct ul_request request = {
        .calling_ae     = scu->aet,
        .called_ae      = scu->call,
        .proposals      = proposals,
        .proposal_count = count,
    };
    struct ul_reject rejected = { 0 };
    struct iso_err   err      = { 0 };

    int rc = dimse_scu_open(scu->host, scu->port, &config, &request, out, &rejected, &err);
    return rc == ISO_OK ? CMD_OK : cmd_scu_explain(scu, rc, &rejected, &err);
}

void cmd_status_text(const struct dimse_result *result, char *out, size_t cap)
{
    static const struct {
        uint16_t    status;
        const char *text;
    } names[] = {
        { DIMSE_SUCCESS, "success" },
        { DIMSE_CANCEL, "cancelled" },
        { DIMSE_PROCESSING_FAILURE, "processing failure" },
        { DIMSE_DUPLICATE_SOP_INSTANCE, "duplicate SOP instance" },
        { DIMSE_INVALID_SOP_INSTANCE, "invalid SOP instance" },
        { DIMSE_SOP_CLASS_NOT_SUPPORTED, "SOP class not supported" },
        { DIMSE_NOT_AUTHORIZED, "not authorized" },
        { DIMSE_UNRECOGNIZED_OPERATION, "unrecognized operation" },
        { DIMSE_STORE_OUT_OF_RESOURCES, "out of resources: try again later" },
        { DIMSE_QUERY_CANNOT_COUNT, "cannot count the matches" },
        { DIMSE_QUERY_CANNOT_SUBOPERATE, "cannot send to the destination" },
        { DIMSE_QUERY_DESTINATION_UNKNOWN, "move destination unknown: configure it at the peer" },
        { DIMSE_STORE_CLASS_MISMATCH, "does not match the SOP class" },
        { DIMSE_QUERY_SUBOPERATIONS_FAILED, "not everything went well" },
        { DIMSE_STORE_CANNOT_UNDERSTAND, "cannot understand" },
    };
    const char *text = "";

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == result->status)
            text = names[i].text;
    (void)snprintf(out, cap, "status 0x%04x%s%s%s%s%s", result->status, *text != '\0' ? " (" : "",
                   text, *text != '\0' ? ")" : "", result->comment[0] != '\0' ? ": " : "",
                   result->comment);
}
