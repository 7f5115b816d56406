/* dcm_deidentify_value.c: what is written instead: pseudonyms, UIDs, shifted dates, dummies. */
#include "dcm_deidentify_in.h"

#include "dcm_time.h"
#include "iso_hash.h"

#include <stdio.h>
#include <string.h>

int deidentify_digest(const struct dcm_deidentify_profile *profile, const char *purpose,
                      iso_str text, uint8_t digest[32], struct iso_err *err)
{
    struct iso_sha256 *hash;
    int                rc = iso_sha256_new(&hash, err);

    if (rc < 0)
        return rc;
    /* Twice around, so that a digest tells nothing about that of a longer text. */
    iso_sha256_add(hash, profile->key, sizeof profile->key);
    iso_sha256_add(hash, purpose, strlen(purpose) + 1);
    iso_sha256_add(hash, text.ptr, text.len);
    iso_sha256_take(hash, digest);
    iso_sha256_add(hash, profile->key, sizeof profile->key);
    iso_sha256_add(hash, digest, 32);
    iso_sha256_take(hash, digest);
    iso_sha256_free(hash);
    return ISO_OK;
}

int dcm_deidentify_key(iso_str text, uint8_t key[DCM_DEIDENTIFY_KEY_BYTES], struct iso_err *err)
{
    const struct dcm_deidentify_profile fixed = { .key = { 0 } };

    return deidentify_digest(&fixed, "key", text, key, err);
}

int dcm_deidentify_retain(struct dcm_deidentify_profile *profile, iso_str list, struct iso_err *err)
{
    const struct {
        const char *word;
        bool       *keep;
    } words[] = {
        { "uids", &profile->keep_uids },
        { "device", &profile->keep_device },
        { "institution", &profile->keep_institution },
        { "patient", &profile->keep_patient },
    };

    for (iso_str rest = list; rest.ptr != NULL && list.len > 0;) {
        iso_str word = iso_str_cut(&rest, ',');
        size_t  i    = 0;

        while (i < 4 && !iso_str_eq_c(word, words[i].word))
            i++;
        if (i == 4)
            return iso_fail(err, ISO_EINVAL,
                            "retain is a list of uids, device, institution, patient");
        *words[i].keep = true;
    }
    return ISO_OK;
}

int deidentify_pseudonym(const struct dcm_deidentify_profile *profile, iso_str id,
                         char out[DCM_DEIDENTIFY_PSEUDONYM_CHARS + 1], struct iso_err *err)
{
    uint8_t digest[32];
    int     rc = deidentify_digest(profile, "patient", id, digest, err);

    memcpy(out, "P-", 2);
    if (rc == ISO_OK)
        iso_hex(digest, (DCM_DEIDENTIFY_PSEUDONYM_CHARS - 2) / 2, out + 2);
    return rc;
}

int deidentify_days(const struct dcm_deidentify_profile *profile, iso_str id, int *days,
                    struct iso_err *err)
{
    uint8_t digest[32];
    int     rc = deidentify_digest(profile, "dates", id, digest, err);

    if (rc == ISO_OK)
        *days = 1 + (digest[0] | digest[1] << 8 | (digest[2] & 0x7f) << 16) % 3652;
    return rc;
}

int dcm_deidentify_uid(const struct dcm_deidentify_profile *profile, iso_str uid,
                       char out[DCM_UID_CHARS_MAX + 1], struct iso_err *err)
{
    uint8_t digest[32];

    if (uid.len <= DCM_UID_CHARS_MAX &&
        (uid.len == 0 || profile->keep_uids || dcm_uid_find(uid) != NULL)) {
        if (uid.len > 0)
            memcpy(out, uid.ptr, uid.len);
        out[uid.len] = '\0';
        return ISO_OK;
    }
    int rc = deidentify_digest(profile, "uid", uid, digest, err);
    if (rc == ISO_OK)
        dcm_uid_make(digest, out);
    return rc;
}

iso_bytes deidentify_dummy(enum dcm_vr vr)
{
    static const char zeros[8] = { 0 };

    switch (vr) {
    case DCM_VR_AS:
        return iso_bytes_of("000Y", 4);
    case DCM_VR_DA:
        return iso_bytes_of("19000101", 8);
    case DCM_VR_DT:
        return iso_bytes_of("19000101000000", 14);
    case DCM_VR_TM:
        return iso_bytes_of("000000", 6);
    case DCM_VR_DS:
    case DCM_VR_IS:
        return iso_bytes_of("0 ", 2);
    case DCM_VR_UR:
        return iso_bytes_of("about:removed", 13);
    case DCM_VR_UI:
        return iso_bytes_of("2.25.0", 6);
    case DCM_VR_SQ:
    case DCM_VR_NONE:
        return iso_bytes_of(zeros, 0);
    default:
        break;
    }
    if (dcm_vr_info(vr)->is_text)
        return iso_bytes_of("REMOVED", 7);
    return iso_bytes_of(zeros, dcm_vr_info(vr)->unit_bytes > 1 ? dcm_vr_info(vr)->unit_bytes : 2);
}

/* Padding of both ends. */
static iso_str trimmed(iso_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\0'))
        s = iso_str_sub(s, 1, s.len);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0'))
        s.len--;
    return s;
}

/* The values, each through `each`, joined again. */
typedef int each_fn(void *ctx, iso_str value, struct iso_buf *out, struct iso_err *err);

static int map_list(iso_str value, each_fn *each, void *ctx, struct iso_arena *arena,
                    iso_bytes *out, struct iso_err *err)
{
    struct iso_buf text;
    iso_str        rest = trimmed(value);
    int            rc   = ISO_OK;

    iso_buf_init(&text, 2 * DEIDENTIFY_VALUE_BYTES_MAX);
    for (bool first = true; rc == ISO_OK && rest.ptr != NULL; first = false) {
        iso_str one = trimmed(iso_str_cut(&rest, '\\'));

        if (!first)
            iso_buf_add_u8(&text, '\\');
        rc = each(ctx, one, &text, err);
    }
    if (rc == ISO_OK && !iso_buf_ok(&text))
        rc = iso_fail(err, ISO_ELIMIT, "a list too long to be de-identified");
    if (rc == ISO_OK) {
        *out = iso_arena_bytes(arena, iso_buf_bytes(&text));
        if (text.len > 0 && out->ptr == NULL)
            rc = iso_arena_fail(arena, err);
    }
    iso_buf_release(&text);
    return rc;
}

static int map_uid(void *ctx, iso_str value, struct iso_buf *out, struct iso_err *err)
{
    char uid[DCM_UID_CHARS_MAX + 1];
    int  rc = dcm_deidentify_uid(ctx, value, uid, err);

    if (rc == ISO_OK)
        (void)iso_buf_add_str(out, iso_str_c(uid));
    return rc;
}

int deidentify_uids(const struct dcm_deidentify_profile *profile, iso_str value,
                    struct iso_arena *arena, iso_bytes *out, struct iso_err *err)
{
    return map_list(value, map_uid, (void *)(uintptr_t)profile, arena, out, err);
}

/* ---- dates ---- */

/* Days since 1970-01-01 as YYYYMMDD; the year begins in March. */
static int32_t civil(int64_t day)
{
    int64_t z    = day + 719468;
    int64_t era  = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe  = z - era * 146097;
    int64_t yoe  = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy  = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp   = (5 * doy + 2) / 153;
    int64_t d    = doy - (153 * mp + 2) / 5 + 1;
    int64_t m    = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (m <= 2);

    return (int32_t)(year * 10000 + m * 100 + d);
}

struct shift {
    enum dcm_vr vr;
    int         days;
};

static bool add_shifted(const struct shift *shift, iso_str date, size_t digits, struct iso_buf *out)
{
    int32_t yyyymmdd;
    char    text[16];

    if (!dcm_date_parse(date, &yyyymmdd))
        return false;
    yyyymmdd = civil(dcm_date_time_join(yyyymmdd, 0) / 86400000000 - shift->days);
    if (yyyymmdd < 10000 || yyyymmdd > 99991231)
        return false;
    (void)snprintf(text, sizeof text, "%08d", (int)yyyymmdd);
    iso_buf_add(out, text, digits);
    return true;
}

/* What follows the date of a DT: digits, a fraction, an offset. Anything else could be a message. */
static bool rest_ok(iso_str rest)
{
    for (size_t i = 0; i < rest.len; i++)
        if (strchr("0123456789.+-", rest.ptr[i]) == NULL || rest.ptr[i] == '\0')
            return false;
    return rest.len <= 24;
}

static bool add_datetime(const struct shift *shift, iso_str value, struct iso_buf *out)
{
    char   date[9] = "00000101";
    size_t digits  = 0;

    while (digits < 8 && digits < value.len && value.ptr[digits] >= '0' && value.ptr[digits] <= '9')
        digits++;
    if (digits != 4 && digits != 6 && digits != 8)
        return false;
    memcpy(date, value.ptr, digits);
    iso_str rest = iso_str_sub(value, digits, value.len);
    if (!rest_ok(rest) || !add_shifted(shift, iso_str_of(date, 8), digits, out))
        return false;
    (void)iso_buf_add_str(out, rest);
    return true;
}

static int shift_one(void *ctx, iso_str value, struct iso_buf *out, struct iso_err *err)
{
    const struct shift *shift = ctx;
    struct dcm_span     span;
    bool                done = value.len == 0;

    (void)err;
    if (!done && shift->vr == DCM_VR_DA)
        done = add_shifted(shift, value, 8, out);
    if (!done && shift->vr == DCM_VR_DT)
        done = add_datetime(shift, value, out);
    if (!done && shift->vr == DCM_VR_TM && dcm_time_parse(value, &span)) {
        done = true;
        (void)iso_buf_add_str(out, value);
    }
    if (!done)
        (void)iso_buf_add(out, deidentify_dummy(shift->vr).ptr, deidentify_dummy(shift->vr).len);
    return ISO_OK;
}

int deidentify_dates(enum dcm_vr vr, iso_str value, int days, struct iso_arena *arena,
                     iso_bytes *out, struct iso_err *err)
{
    struct shift shift = { vr, days };

    return map_list(value, shift_one, &shift, arena, out, err);
}
