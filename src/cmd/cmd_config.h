/* cmd_config.h: what a site can set, from one schema table that reads, checks and documents it.
 * Order of precedence: command line, environment (ISOCENTER_HTTP_PORT; ISOCENTER_HTTP_PORT_FILE
 * names a file that holds the value), configuration file, default. Loaded once, then read only. */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include "iso_arena.h"
#include "iso_buf.h"

enum { CMD_RULES_MAX = 32, CMD_PEERS_MAX = 256, CMD_PEER_SYNTAXES_MAX = 8, CMD_VOLUMES_MAX = 63 };

/* A DICOM application we may send to: C-MOVE destinations. */
struct cmd_peer {
    const char        *aet;
    const char        *host;
    uint16_t           port;
    const char *const *syntaxes; /* transfer syntaxes by UID, the best first; "": as stored */
    size_t             syntax_count;
};

/* Which stored objects are to be compressed, and into what; as struct arc_rule. */
struct cmd_rule {
    const char *modality;  /* NULL: any */
    const char *source_ae; /* NULL: any */
    const char *transfer_syntax_uid;
    int64_t     bytes_min;
    int64_t     after_s;
};

/* A folder for objects beside the data folder; as struct arc_volume_config. */
struct cmd_volume {
    const char *path;
    int64_t     warn_free_bytes;
    int64_t     stop_free_bytes;
};

/* What happens when a SOP instance arrives again with other content. */
enum cmd_conflict { CMD_KEEP_FIRST, CMD_REPLACE, CMD_REJECT };

enum cmd_flush { CMD_FLUSH_EACH, CMD_FLUSH_DEFERRED };

/* What happens when the quota is used up. */
enum cmd_recycle { CMD_RECYCLE_NONE, CMD_RECYCLE_BY_ARRIVAL, CMD_RECYCLE_BY_ACCESS };

struct cmd_config {
    const char *data;   /* folder */
    const char *listen; /* address */
    const char *aet;
    const char *ui; /* folder of the built web application */
    const char *viewer_extensions;
    const char *cors_origins;
    const char *public_hosts;
    int64_t     http_port; /* 0: the kernel picks */
    int64_t     dicom_port;
    int64_t     on_conflict; /* enum cmd_conflict */
    int64_t     removal_grace_s;
    int64_t     quota_bytes;
    int64_t     recycle; /* enum cmd_recycle */
    int64_t     recycle_below_free_bytes;
    int64_t     associations_max;
    int64_t     associations_per_host_max;
    int64_t     dimse_timeout_s;
    int64_t     pdu_bytes_max;
    int64_t     http_connections_max;
    int64_t     http_body_bytes_max;
    int64_t     query_results_max;
    int64_t     ingest_memory_bytes_max;
    int64_t     codec_workers; /* 0: as many as processors */
    int64_t     codec_memory_bytes_max;
    int64_t     codec_frame_ms_max;
    int64_t     scrub_mib_s;
    int64_t     scrub_rest_h;
    int64_t     cache_bytes;
    int64_t     warn_free_bytes; /* of the data folder's disk */
    int64_t     stop_free_bytes;
    int64_t     flush; /* enum cmd_flush */
    int64_t     flush_ms;
    int64_t     settle_s;
    int64_t     send_tries;
    bool        check_called_aet;
    bool        insecure; /* only ever from the command line */

    struct cmd_peer   peer[CMD_PEERS_MAX];
    size_t            peer_count;
    struct cmd_rule   rule[CMD_RULES_MAX];
    size_t            rule_count;
    struct cmd_volume volume[CMD_VOLUMES_MAX];
    size_t            volume_count;
};

/* All defaults. */
void cmd_config_init(struct cmd_config *config);
/* Transfer syntaxes from names (dcm_syntax_named, and "stored" for ""), as in a peer's list. *out is in
 * the arena. ISO_EINVAL: one is none. */
ISO_MUST_USE int cmd_config_syntaxes(const iso_str *names, size_t count, struct iso_arena *arena,
                                     const char *const **out, struct iso_err *err);
/* Reads the file (NULL: none; JSON, // and block comments allowed) and then the environment into
 * config. Strings are in the arena. Every mistake is an error with its key (and line): an unknown
 * key, a wrong type, a number out of range, an unknown word. */
ISO_MUST_USE int cmd_config_load(struct cmd_config *config, const char *file,
                                 struct iso_arena *arena, struct iso_err *err);
/* Sets one key from text, as the environment does; volumes: a JSON list. */
ISO_MUST_USE int cmd_config_set(struct cmd_config *config, const char *key, const char *value,
                                struct iso_arena *arena, struct iso_err *err);
/* The keys, what they mean, their defaults and environment names, as a Markdown table. */
int cmd_config_document(struct iso_buf *out);

#endif
