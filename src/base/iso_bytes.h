/* iso_bytes.h: borrowed bytes and text, passed by value; sizes that cannot wrap.
 * A view lives exactly as long as what it points into. Nothing here allocates. */
#ifndef ISO_BYTES_H
#define ISO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct iso_bytes {
    const uint8_t *ptr;
    size_t         len;
} iso_bytes;

/* Text, UTF-8 unless a contract says otherwise; not NUL-terminated, may hold any byte. */
typedef struct iso_str {
    const char *ptr;
    size_t      len;
} iso_str;

#define ISO_STR(literal) ((iso_str){ "" literal, sizeof(literal) - 1 })
/* Use with "%.*s"; at most 256 bytes, so that hostile text cannot flood a message. */
#define ISO_STR_ARG(s) (int)((s).len < 256 ? (s).len : 256), ((s).ptr != NULL ? (s).ptr : "")

static inline iso_bytes iso_bytes_of(const void *ptr, size_t len)
{
    return (iso_bytes){ (const uint8_t *)ptr, len };
}

static inline iso_str iso_str_of(const char *ptr, size_t len)
{
    return (iso_str){ ptr, len };
}

static inline iso_str iso_str_of_bytes(iso_bytes b)
{
    return (iso_str){ (const char *)b.ptr, b.len };
}

static inline iso_bytes iso_bytes_of_str(iso_str s)
{
    return (iso_bytes){ (const uint8_t *)s.ptr, s.len };
}

/* cstr may be NULL: the empty string. */
iso_str iso_str_c(const char *cstr);

bool iso_bytes_eq(iso_bytes a, iso_bytes b);
bool iso_str_eq(iso_str a, iso_str b);
bool iso_str_eq_c(iso_str a, const char *b);
/* ASCII letters compare without case; every other byte exactly. */
bool iso_str_eq_nocase(iso_str a, iso_str b);
bool iso_str_starts(iso_str s, iso_str prefix);
bool iso_str_ends(iso_str s, iso_str suffix);
/* memcmp order, the shorter first. */
int iso_str_cmp(iso_str a, iso_str b);

/* from and len are clipped to s. */
iso_str iso_str_sub(iso_str s, size_t from, size_t len);
/* Index of the first c at or after from; s.len when there is none. */
size_t iso_str_find(iso_str s, char c, size_t from);
/* Without leading and trailing spaces and tabs. */
iso_str iso_str_trim(iso_str s);
/* Cuts the part before the first sep off *rest and returns it; at the end *rest is empty and its
 * ptr NULL, which is how a loop knows: for (p = s; p.ptr != NULL;) part = iso_str_cut(&p, ','); */
iso_str iso_str_cut(iso_str *rest, char sep);

/* Decimal digits only, the whole of s, at most 20 of them; false (and *out untouched) otherwise. */
bool iso_str_to_u64(iso_str s, uint64_t *out);
/* An optional sign, then as above. */
bool iso_str_to_i64(iso_str s, int64_t *out);

/* False when the result does not fit; *out is then untouched. */
static inline bool iso_add(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

static inline bool iso_mul(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

/* A fact about our own code, on in debug, test and fuzz builds. Never for input. */
#ifdef NDEBUG
#define iso_assert(x) ((void)sizeof(x))
#else
#define iso_assert(x) ((x) ? (void)0 : __builtin_trap())
#endif

#endif
