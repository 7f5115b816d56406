/* arc_recode.h: stored objects put into another transfer syntax, by rule, to save space.
 * Only where nothing is lost: the pixels of what is to be stored are decoded again and compared
 * before the object changes, and all other attributes pass unchanged (codec_object.h). The object
 * keeps its identity; its original transfer syntax, length and digests are kept in the index, and in
 * the Private Information of its file meta information, and the same bytes sent again are still
 * known as the same. An object that does not get smaller stays as it is. Until ten minutes after the
 * change the original bytes stay too, for who has just looked them up. */
#ifndef ARC_RECODE_H
#define ARC_RECODE_H

#include "arc.h"
#include "codec_object.h"

enum { ARC_RULES_MAX = 32 };

/* Which objects. The first rule that takes an object is the one that counts. Objects in a lossy
 * transfer syntax are taken by none, but for JPEG baseline by a rule of JPEG XL recompression. */
struct arc_rule {
    const char *modality;            /* NULL: any */
    const char *source_ae;           /* who sent it; NULL: anyone */
    const char *transfer_syntax_uid; /* into this one: see arc_rule_check */
    uint64_t    bytes_min;           /* smaller objects stay as they are */
    int64_t     after_s;             /* since the object arrived; 0: at once */
};

/* ISO_EINVAL unless the transfer syntax is one that we can encode, and lossless: what was lost could
 * not be compared. JPEG XL recompression of JPEG is lossless too. */
ISO_MUST_USE int arc_rule_check(const struct arc_rule *rule, struct iso_err *err);

enum arc_recoded {
    ARC_RECODED,
    ARC_NOT_SMALLER, /* it stays as it is */
    ARC_NOT_SUITED   /* no pixels, or such as cannot be put into that transfer syntax; or it has
                        changed meanwhile: it stays as it is, err says why */
};

/* Told about each object that a rule took, on the thread that does the work. */
struct arc_recode_news {
    iso_str          sop_instance_uid;
    iso_str          from_uid, to_uid;
    enum arc_recoded outcome;
    uint64_t         bytes_before, bytes_now;
    const char      *why; /* of ARC_NOT_SUITED */
};

struct arc_recode_config {
    const struct arc_rule *rules; /* copied; their strings must outlive the archive */
    size_t                 count;
    struct codec_pool     *pool;                                 /* may be NULL */
    void (*told)(void *ctx, const struct arc_recode_news *news); /* may be NULL */
    void *ctx;
};

/* Starts the thread that goes through the objects in the order of their arrival and remembers how far
 * it has come; other rules begin at the first object again. Once per archive; arc_close ends it. */
ISO_MUST_USE int arc_recode_start(struct arc *arc, const struct arc_recode_config *config,
                                  struct iso_err *err);

/* One object, now. Durable on return. ISO_ENOENT; ISO_ENOSPC, ISO_EIO, ISO_ENOMEM: try again later. */
ISO_MUST_USE int arc_recode(struct arc *arc, struct codec_pool *pool, iso_str sop_instance_uid,
                            iso_str to_uid, enum arc_recoded *outcome, struct iso_err *err);

struct arc_recode_stats {
    uint64_t objects;
    uint64_t bytes_before, bytes_now;
};

ISO_MUST_USE int arc_recode_stats(struct arc *arc, struct arc_recode_stats *out,
                                  struct iso_err *err);

/* How an object came, when it was encoded anew since. ISO_ENOENT: it is as it came. */
struct arc_origin {
    iso_str  transfer_syntax_uid; /* in the arena */
    uint64_t bytes;
    uint8_t  digest[ISO_SHA256_BYTES]; /* of its data set then */
    int64_t  recoded_us;
};
ISO_MUST_USE int arc_origin(struct arc *arc, int64_t instance, struct iso_arena *arena,
                            struct arc_origin *out, struct iso_err *err);

#endif
