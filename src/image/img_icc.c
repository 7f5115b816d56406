#include "img_icc.h"

#include "iso_reader.h"
#include "os_library.h"

#include <lcms2.h>
#include <string.h>

enum {
    HEAD_BYTES       = 128,
    ENTRY_BYTES      = 12,
    TAGS_MAX         = 100,
    CURVE_POINTS_MAX = 1 << 14,
    GRID_MAX         = 64,
    TABLE_POINTS_MAX = 4096
};

#define SIG(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* ---- checking ---- */

static bool is_xyz(iso_bytes tag)
{
    return tag.len >= 20 && iso_u32be(tag.ptr) == SIG('X', 'Y', 'Z', ' ');
}

static bool is_curve(iso_bytes tag)
{
    static const uint8_t params[] = { 1, 3, 4, 5, 7 };

    if (tag.len < 12)
        return false;
    if (iso_u32be(tag.ptr) == SIG('c', 'u', 'r', 'v')) {
        uint32_t count = iso_u32be(tag.ptr + 8);
        return count <= CURVE_POINTS_MAX && tag.len >= 12 + 2 * (size_t)count;
    }
    if (iso_u32be(tag.ptr) == SIG('p', 'a', 'r', 'a')) {
        uint16_t kind = iso_u16be(tag.ptr + 8);
        return kind < sizeof params && tag.len >= 12 + 4 * (size_t)params[kind];
    }
    return false;
}

static bool is_matrix(iso_bytes tag)
{
    return tag.len >= 8 + 4 * 9 && iso_u32be(tag.ptr) == SIG('s', 'f', '3', '2');
}

/* Three colours in, three out. */
static bool is_table(iso_bytes tag)
{
    uint32_t kind = tag.len >= 52 ? iso_u32be(tag.ptr) : 0;
    size_t   grid, points;

    if (kind == 0 || tag.ptr[8] != 3 || tag.ptr[9] != 3)
        return false;
    grid = tag.ptr[10];
    if (grid < 2 || grid > GRID_MAX)
        return false;
    points = grid * grid * grid;
    if (kind == SIG('m', 'f', 't', '1'))
        return tag.len >= 48 + 3 * (256 + points + 256);
    if (kind == SIG('m', 'f', 't', '2')) {
        size_t in = iso_u16be(tag.ptr + 48), out = iso_u16be(tag.ptr + 50);
        return in >= 2 && out >= 2 && in <= TABLE_POINTS_MAX && out <= TABLE_POINTS_MAX &&
               tag.len >= 52 + 2 * 3 * (in + points + out);
    }
    return false;
}

/* What a profile may be made of. */
static const struct part {
    uint32_t sig;
    bool (*fits)(iso_bytes tag);
    bool of_matrix; /* needed for, and only for, a matrix with curves */
} parts[] = {
    { SIG('r', 'X', 'Y', 'Z'), is_xyz, true },     { SIG('g', 'X', 'Y', 'Z'), is_xyz, true },
    { SIG('b', 'X', 'Y', 'Z'), is_xyz, true },     { SIG('r', 'T', 'R', 'C'), is_curve, true },
    { SIG('g', 'T', 'R', 'C'), is_curve, true },   { SIG('b', 'T', 'R', 'C'), is_curve, true },
    { SIG('A', '2', 'B', '0'), is_table, false },  { SIG('w', 't', 'p', 't'), is_xyz, false },
    { SIG('c', 'h', 'a', 'd'), is_matrix, false },
};

enum { PARTS = sizeof parts / sizeof *parts, TABLE_PART = 6 };

/* The first tag of that name; empty: none, or not within the profile. */
static iso_bytes find_tag(iso_bytes profile, uint32_t sig)
{
    uint32_t count = iso_u32be(profile.ptr + HEAD_BYTES);

    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry  = profile.ptr + HEAD_BYTES + 4 + i * ENTRY_BYTES;
        size_t         offset = iso_u32be(entry + 4);
        size_t         bytes  = iso_u32be(entry + 8);

        if (iso_u32be(entry) != sig)
            continue;
        if (offset > profile.len || bytes > profile.len - offset)
            break;
        return iso_bytes_of(profile.ptr + offset, bytes);
    }
    return iso_bytes_of(NULL, 0);
}

static int check_head(iso_bytes p, struct iso_err *err)
{
    if (p.len > IMG_ICC_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a colour profile of %zu bytes", p.len);
    if (p.len < HEAD_BYTES + 4 || iso_u32be(p.ptr + 36) != SIG('a', 'c', 's', 'p') ||
        iso_u32be(p.ptr) > p.len || iso_u32be(p.ptr + HEAD_BYTES) > TAGS_MAX ||
        p.len < HEAD_BYTES + 4 + (size_t)iso_u32be(p.ptr + HEAD_BYTES) * ENTRY_BYTES)
        return iso_fail(err, ISO_EFORMAT, "what should be a colour profile is none");
    uint32_t kind = iso_u32be(p.ptr + 12), pcs = iso_u32be(p.ptr + 20);
    if (iso_u32be(p.ptr + 16) != SIG('R', 'G', 'B', ' ') || p.ptr[8] < 2 || p.ptr[8] > 4 ||
        (kind != SIG('m', 'n', 't', 'r') && kind != SIG('s', 'c', 'n', 'r') &&
         kind != SIG('p', 'r', 't', 'r') && kind != SIG('s', 'p', 'a', 'c')) ||
        (pcs != SIG('X', 'Y', 'Z', ' ') && pcs != SIG('L', 'a', 'b', ' ')))
        return iso_fail(err, ISO_EUNSUPPORTED, "a colour profile that is not of an RGB device");
    return ISO_OK;
}

/* A head of known fields only, then the tags one after the other. */
static int build(iso_bytes old, const iso_bytes tag[PARTS], struct iso_buf *out,
                 struct iso_err *err)
{
    static const uint8_t d50[12]          = { 0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d };
    uint8_t              head[HEAD_BYTES] = { 0 };
    uint32_t             count            = 0, bytes;

    for (size_t i = 0; i < PARTS; i++)
        count += tag[i].len > 0;
    bytes = HEAD_BYTES + 4 + count * ENTRY_BYTES;
    for (size_t i = 0; i < PARTS; i++)
        bytes += (uint32_t)(tag[i].len + 3) & ~3u;
    memcpy(head + 8, old.ptr + 8, 16); /* version, class, colours, connection space */
    memcpy(head + 36, "acsp", 4);
    head[67] = old.ptr[67] <= 3 ? old.ptr[67] : 0; /* intent */
    memcpy(head + 68, d50, sizeof d50);
    iso_put_u32be(head, bytes);
    iso_buf_add(out, head, sizeof head);
    iso_buf_add_u32be(out, count);
    bytes = HEAD_BYTES + 4 + count * ENTRY_BYTES;
    for (size_t i = 0; i < PARTS; i++)
        if (tag[i].len > 0) {
            iso_buf_add_u32be(out, parts[i].sig);
            iso_buf_add_u32be(out, bytes);
            iso_buf_add_u32be(out, (uint32_t)tag[i].len);
            bytes += (uint32_t)(tag[i].len + 3) & ~3u;
        }
    for (size_t i = 0; i < PARTS; i++) {
        iso_buf_add(out, tag[i].ptr, tag[i].len);
        iso_buf_add(out, "\0\0\0", (4 - tag[i].len % 4) % 4);
    }
    return iso_buf_check(out, err);
}

int img_icc_check(iso_bytes p, struct iso_buf *out, struct iso_err *err)
{
    const iso_bytes none = { 0 };
    iso_bytes       tag[PARTS];
    bool            matrix = true;
    int             rc     = check_head(p, err);

    if (rc < 0)
        return rc;
    matrix = iso_u32be(p.ptr + 20) == SIG('X', 'Y', 'Z', ' ');
    for (size_t i = 0; i < PARTS; i++) {
        tag[i] = find_tag(p, parts[i].sig);
        if (tag[i].len > 0 && !parts[i].fits(tag[i]))
            tag[i] = none;
        if (parts[i].of_matrix && tag[i].len == 0)
            matrix = false;
    }
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i].of_matrix && !matrix)
            tag[i] = none;
    if (matrix)
        tag[TABLE_PART] = none;
    else if (tag[TABLE_PART].len == 0)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "a colour profile with neither matrix and curves nor a table of 8 or 16 "
                        "bits");
    return build(p, tag, out, err);
}

/* ---- the library, loaded when it is needed ---- */

#define CALLS(X)                                                                                   \
    X(BuildGamma)                                                                                  \
    X(BuildParametricToneCurve)                                                                    \
    X(CloseProfile)                                                                                \
    X(CreateContext)                                                                               \
    X(CreateRGBProfileTHR)                                                                         \
    X(CreateTransformTHR)                                                                          \
    X(Create_sRGBProfileTHR)                                                                       \
    X(DeleteContext)                                                                               \
    X(DeleteTransform)                                                                             \
    X(DoTransform)                                                                                 \
    X(FreeToneCurve)                                                                               \
    X(OpenProfileFromMemTHR)                                                                       \
    X(SaveProfileToMem)
#define FIELD(name) __typeof__(cms##name) *name;
#define TEXT(name)  "cms" #name,

OS_LIBRARY(cms, "liblcms2.so.2", CALLS, FIELD, TEXT);

/* ---- colour spaces ---- */

/* IEC 61966-2-1; Adobe RGB (1998) §4.3; ISO 22028-2 §5 */
static cmsHPROFILE open_space(cmsContext lcms, enum img_icc_space space)
{
    static const cmsCIExyY       d65     = { 0.3127, 0.3290, 1 };
    static const cmsCIExyY       d50     = { 0.3457, 0.3585, 1 };
    static const cmsCIExyYTRIPLE adobe   = { { 0.64, 0.33, 1 },
                                             { 0.21, 0.71, 1 },
                                             { 0.15, 0.06, 1 } };
    static const cmsCIExyYTRIPLE romm    = { { 0.7347, 0.2653, 1 },
                                             { 0.1596, 0.8404, 1 },
                                             { 0.0366, 0.0001, 1 } };
    static const double          curve[] = { 1.8, 1, 0, 1.0 / 16, 0.03125 };
    cmsToneCurve                *tone;
    cmsHPROFILE                  made = NULL;

    if (space == IMG_ICC_SRGB)
        return cms.Create_sRGBProfileTHR(lcms);
    tone = space == IMG_ICC_ADOBE_RGB ? cms.BuildGamma(lcms, 563.0 / 256)
                                      : cms.BuildParametricToneCurve(lcms, 4, curve);
    if (tone != NULL)
        made = cms.CreateRGBProfileTHR(lcms, space == IMG_ICC_ADOBE_RGB ? &d65 : &d50,
                                       space == IMG_ICC_ADOBE_RGB ? &adobe : &romm,
                                       (cmsToneCurve *[]){ tone, tone, tone });
    cms.FreeToneCurve(tone);
    return made;
}

int img_icc_profile(enum img_icc_space space, struct iso_buf *out, struct iso_err *err)
{
    int rc = os_library_need(&cms_library, err);

    if (rc < 0)
        return rc;
    cmsContext      lcms    = cms.CreateContext(NULL, NULL);
    cmsHPROFILE     profile = lcms != NULL ? open_space(lcms, space) : NULL;
    cmsUInt32Number bytes   = 0;

    if (profile == NULL || !cms.SaveProfileToMem(profile, NULL, &bytes))
        rc = iso_fail(err, ISO_ENOMEM, "out of memory");
    else
        rc = iso_buf_reserve(out, bytes) < 0 ? iso_buf_check(out, err) : ISO_OK;
    if (rc == ISO_OK && !cms.SaveProfileToMem(profile, out->ptr + out->len, &bytes))
        rc = iso_fail(err, ISO_EIO, "colour profile: the library failed");
    if (rc == ISO_OK) {
        memset(out->ptr + out->len + 24, 0, 12); /* the time when it was made */
        out->len += bytes;
    }
    if (profile != NULL)
        cms.CloseProfile(profile);
    if (lcms != NULL)
        cms.DeleteContext(lcms);
    return rc;
}

int img_icc_convert(struct img_picture *picture, iso_bytes from, enum img_icc_space to,
                    struct iso_err *err)
{
    int rc = os_library_need(&cms_library, err);

    if (rc < 0)
        return rc;
    cmsContext    lcms = cms.CreateContext(NULL, NULL);
    cmsHPROFILE   in = NULL, out = NULL;
    cmsHTRANSFORM transform = NULL;

    rc = img_picture_rgb(picture, err);
    if (rc == ISO_OK && lcms != NULL) {
        in  = cms.OpenProfileFromMemTHR(lcms, from.ptr, (cmsUInt32Number)from.len);
        out = open_space(lcms, to);
    }
    if (in != NULL && out != NULL)
        transform = cms.CreateTransformTHR(lcms, in, TYPE_RGB_8, out, TYPE_RGB_8,
                                           INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_NOCACHE);
    if (rc == ISO_OK && transform == NULL)
        rc = iso_fail(err, ISO_EFORMAT, "the colour profile cannot be applied");
    for (uint32_t y = 0; rc == ISO_OK && y < picture->height; y++) {
        uint8_t *row = picture->pixels + 3 * (size_t)y * picture->width;
        cms.DoTransform(transform, row, row, picture->width);
    }
    if (transform != NULL)
        cms.DeleteTransform(transform);
    if (in != NULL)
        cms.CloseProfile(in);
    if (out != NULL)
        cms.CloseProfile(out);
    if (lcms != NULL)
        cms.DeleteContext(lcms);
    return rc;
}
