#include "cmd_archive.h"

#include "cmd_running.h"
#include "os_file.h"

#include <stdio.h>
#include <string.h>

void cmd_archive_config(const struct cmd_config *config, struct arc_config *with,
                        struct arc_volume_config volumes[CMD_VOLUMES_MAX])
{
    static const enum arc_conflict policy[] = {
        [CMD_KEEP_FIRST] = ARC_KEEP_FIRST,
        [CMD_REPLACE]    = ARC_REPLACE,
        [CMD_REJECT]     = ARC_REJECT,
    };
    static const enum arc_recycle recycle[] = {
        [CMD_RECYCLE_NONE]       = ARC_RECYCLE_NONE,
        [CMD_RECYCLE_BY_ARRIVAL] = ARC_RECYCLE_BY_ARRIVAL,
        [CMD_RECYCLE_BY_ACCESS]  = ARC_RECYCLE_BY_ACCESS,
    };

    for (size_t i = 0; i < config->volume_count; i++)
        volumes[i] = (struct arc_volume_config){
            .path            = config->volume[i].path,
            .warn_free_bytes = (uint64_t)config->volume[i].warn_free_bytes,
            .stop_free_bytes = (uint64_t)config->volume[i].stop_free_bytes,
        };
    arc_config_init(with);
    with->folder                   = config->data;
    with->on_conflict              = policy[config->on_conflict];
    with->receive_bytes_max        = (uint64_t)config->ingest_memory_bytes_max;
    with->warn_free_bytes          = (uint64_t)config->warn_free_bytes;
    with->free_bytes_min           = (uint64_t)config->stop_free_bytes;
    with->flush_ms                 = config->flush == CMD_FLUSH_DEFERRED ? config->flush_ms : 0;
    with->volumes                  = volumes;
    with->volume_count             = config->volume_count;
    with->removal_grace_s          = config->removal_grace_s;
    with->quota_bytes              = (uint64_t)config->quota_bytes;
    with->recycle                  = recycle[config->recycle];
    with->recycle_below_free_bytes = (uint64_t)config->recycle_below_free_bytes;
}

int cmd_archive_open(const struct cmd_config *config, struct arc **arc, struct iso_err *err)
{
    struct arc_volume_config volumes[CMD_VOLUMES_MAX];
    struct arc_config        with;

    cmd_archive_config(config, &with, volumes);
    return arc_open(&with, arc, err);
}

/* The server that holds the folder. */
static int server_of(const struct cmd_config *config, char base[CMD_BASE_BYTES],
                     struct iso_err *err)
{
    struct os_address http;
    int               rc = cmd_running_read(config->data, &http, err);

    if (rc < 0)
        return iso_wrap(err, rc, "%s is in use, and no server has left its address there",
                        config->data);
    bool six = strchr(http.host, ':') != NULL;
    (void)snprintf(base, CMD_BASE_BYTES, "http://%s%s%s:%u/dicom-web", six ? "[" : "", http.host,
                   six ? "]" : "", http.port);
    return ISO_OK;
}

int cmd_archive_reach(const struct cmd_config *config, struct arc **arc, char base[CMD_BASE_BYTES],
                      struct iso_err *err)
{
    int rc = cmd_archive_open(config, arc, err);

    if (rc != ISO_EBUSY)
        return rc;
    *arc = NULL;
    return server_of(config, base, err);
}

int cmd_archive_care(const struct cmd_config *config, struct arc **arc, char base[CMD_BASE_BYTES],
                     struct iso_err *err)
{
    struct arc_volume_config volumes[CMD_VOLUMES_MAX];
    struct arc_config        with;
    struct os_stat           st;
    int                      rc = os_stat(OS_CWD, config->data, &st, err);

    cmd_archive_config(config, &with, volumes);
    with.care = true;
    if (rc >= 0)
        rc = arc_open(&with, arc, err);
    if (rc != ISO_EBUSY)
        return rc;
    *arc = NULL;
    return server_of(config, base, err);
}
