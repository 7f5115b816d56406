/* dcm_fold.c: text as it is compared. ASCII takes the short way; the rest goes through ICU: NFKC with
 * case folding, then diacritics off. Only marks that are an accent or optional vowel point come off
 * (Latin, Greek, Cyrillic, Hebrew, Arabic): in Thai, Devanagari or Japanese a mark is a letter.
 *
 * Sound codes are our own, in the manner of Soundex but for names of many languages: consonants by
 * where they are spoken, a vowel only at the front, doubles once, no limit of four. Spellings that
 * sound alike somewhere get one code: Meyer Maier, Schmidt Schmitt Smith, Jansen Janssen, Philip
 * Filip, Catherine Kathryn, Yusuf Jusuf. Words in other scripts than Latin are their own code. */
#include "dcm_match.h"

#include "iso_utf8.h"
#include "os_library.h"

#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

enum { FOLD_BYTES_MAX = 1 << 20 }; /* of text that is worth comparing */

/* ---- ICU, loaded when there is a name beyond ASCII; its functions have its version in their names ---- */

#define CALLS(X)                                                                                   \
    X(strFromUTF8WithSub, u_strFromUTF8WithSub)                                                    \
    X(strToUTF8WithSub, u_strToUTF8WithSub)                                                        \
    X(getNFCInstance, unorm2_getNFCInstance)                                                       \
    X(getNFDInstance, unorm2_getNFDInstance)                                                       \
    X(getNFKCCasefoldInstance, unorm2_getNFKCCasefoldInstance)                                     \
    X(normalize, unorm2_normalize)
#define FIELD(name, function) __typeof__(function) *name;
#define TEXT(name, function)  QUOTED(function),
#define QUOTED(function)      #function

OS_LIBRARY(icu, "libicuuc.so." U_ICU_VERSION_SHORT, CALLS, FIELD, TEXT);

static bool is_separator(char c)
{
    return c == '^' || c == '=' || c == '\\';
}

/* Spaces around separators and ends go, runs of them become one. In place; ASCII bytes only. */
static size_t tidy(char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        bool blank = s[i] == ' ' || s[i] == '\t' || s[i] == '\0';

        if (blank && (n == 0 || is_separator(s[n - 1]) || s[n - 1] == ' '))
            continue;
        if (is_separator(s[i]) && n > 0 && s[n - 1] == ' ')
            n--;
        s[n++] = blank ? ' ' : s[i];
    }
    return n > 0 && s[n - 1] == ' ' ? n - 1 : n;
}

/* Letters that stand for others and have no decomposition in Unicode. */
static const struct {
    UChar       from;
    const char *to;
} plain_letters[] = {
    { 0xe6, "ae" }, { 0xf8, "o" },  { 0xf0, "d" },   { 0xfe, "th" }, { 0x111, "d" },
    { 0x131, "i" }, { 0x142, "l" }, { 0x153, "oe" }, { 0x127, "h" }, { 0x167, "t" },
};

static bool is_accent(UChar c)
{
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x591 && c <= 0x5c7) || (c >= 0x64b && c <= 0x652) ||
           c == 0x670;
}

/* Full-width forms of our separators are letters of a name, not separators. */
static void protect(UChar *s, int32_t len)
{
    for (int32_t i = 0; i < len; i++)
        if (s[i] == 0xff1d)
            s[i] = '-';
        else if (s[i] == 0xff3e || s[i] == 0xff3c)
            s[i] = ' ';
}

/* Writes at most 2 units for each that is read. */
static int32_t strip(const UChar *in, int32_t len, UChar *out)
{
    int32_t n = 0;

    for (int32_t i = 0; i < len; i++) {
        const char *to = NULL;

        if (is_accent(in[i]))
            continue;
        for (size_t k = 0; k < sizeof plain_letters / sizeof plain_letters[0]; k++)
            if (plain_letters[k].from == in[i])
                to = plain_letters[k].to;
        if (to == NULL)
            out[n++] = in[i];
        else
            for (; *to != '\0'; to++)
                out[n++] = (UChar)*to;
    }
    return n;
}

/* A normaliser's result in the arena; NULL when it failed or memory is out. */
static UChar *normalize(const UNormalizer2 *with, const UChar *in, int32_t len, int32_t *out_len,
                        struct iso_arena *arena)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t    need   = icu.normalize(with, in, len, NULL, 0, &status);

    if (U_FAILURE(status) && status != U_BUFFER_OVERFLOW_ERROR)
        return NULL;
    UChar *out = iso_arena_array(arena, (size_t)need + 1, sizeof *out);
    if (out == NULL)
        return NULL;
    status   = U_ZERO_ERROR;
    *out_len = icu.normalize(with, in, len, out, need + 1, &status);
    return U_SUCCESS(status) ? out : NULL;
}

static iso_str fold_unicode(iso_str utf8, struct iso_arena *arena)
{
    const iso_str nothing = iso_str_of(NULL, 0);
    UErrorCode    status  = U_ZERO_ERROR;

    if (os_library_need(&icu_library, NULL) < 0)
        return nothing;
    const UNormalizer2 *fold = icu.getNFKCCasefoldInstance(&status);
    const UNormalizer2 *nfd  = icu.getNFDInstance(&status);
    const UNormalizer2 *nfc  = icu.getNFCInstance(&status);
    UChar              *a    = iso_arena_array(arena, utf8.len + 1, sizeof *a);
    UChar              *b;
    int32_t             len;
    int32_t             bytes;

    if (U_FAILURE(status) || a == NULL)
        return nothing;
    (void)icu.strFromUTF8WithSub(a, (int32_t)utf8.len + 1, &len, utf8.ptr, (int32_t)utf8.len,
                                 0xfffd, NULL, &status);
    if (U_FAILURE(status))
        return nothing;
    protect(a, len);
    a = normalize(fold, a, len, &len, arena);
    a = a != NULL ? normalize(nfd, a, len, &len, arena) : NULL;
    b = a != NULL ? iso_arena_array(arena, (size_t)len * 2 + 1, sizeof *b) : NULL;
    if (b == NULL)
        return nothing;
    len       = strip(a, len, b);
    a         = normalize(nfc, b, len, &len, arena);
    char *out = a != NULL ? iso_arena_alloc(arena, (size_t)len * 3 + 1) : NULL;
    if (out == NULL)
        return nothing;
    (void)icu.strToUTF8WithSub(out, len * 3 + 1, &bytes, a, len, 0xfffd, NULL, &status);
    return U_SUCCESS(status) ? iso_str_of(out, tidy(out, (size_t)bytes)) : nothing;
}

iso_str dcm_fold(iso_str utf8, struct iso_arena *arena)
{
    char *out;

    utf8 = iso_str_sub(utf8, 0, FOLD_BYTES_MAX);
    for (size_t i = 0; i < utf8.len; i++)
        if ((unsigned char)utf8.ptr[i] >= 0x80)
            return fold_unicode(utf8, arena);
    out = iso_arena_alloc(arena, utf8.len);
    if (out == NULL)
        return iso_str_of(NULL, 0);
    for (size_t i = 0; i < utf8.len; i++) {
        char c = utf8.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return iso_str_of(out, tidy(out, utf8.len));
}

/* ---- sounds ----------------------------------------------------------------------------------- */

static char at(iso_str w, size_t i)
{
    return i < w.len ? w.ptr[i] : '\0';
}

static bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* The sound of letter i, '\0' for none; *used letters make it. */
static char sound_at(iso_str w, size_t i, size_t *used)
{
    char c    = w.ptr[i];
    char next = at(w, i + 1);

    *used = 1;
    switch (c) {
    case 'p':
        if (next == 'h') {
            *used = 2;
            return 'F';
        }
        return 'P';
    case 'b':
        return 'P';
    case 'f':
    case 'v':
    case 'w': /* Wagner is spoken with a v, and Iwanow is Ivanov */
        return 'F';
    case 's':
        if (next == 'c' && at(w, i + 2) == 'h')
            *used = 3;
        return 'S';
    case 'c':
        if (next == 'z' || (next == 'h' && i > 0 && !one_of(at(w, i + 2), "rlnm")))
            *used = 2;
        else
            return one_of(next, "eiy") ? 'S' : 'K';
        return 'S';
    case 'z':
    case 'x':
        return 'S';
    case 't':
        if (one_of(next, "zs")) { /* tz is one s, Schulz Schultz */
            *used = 2;
            return 'S';
        }
        return 'T';
    case 'd':
        if (next == 't')
            *used = 2;
        return 'T';
    case 'g':
    case 'k':
    case 'q':
        return 'K';
    case 'j':
        return 'J';
    case 'l':
        return 'L';
    case 'm':
    case 'n':
        return 'N';
    case 'r':
        return 'R';
    default: /* vowels, h, and y inside a word */
        return '\0';
    }
}

static bool is_latin_word(iso_str w)
{
    for (size_t i = 0; i < w.len; i++)
        if ((unsigned char)w.ptr[i] >= 0x80)
            return false;
    return true;
}

/* At most w.len bytes to out. */
static size_t word_code(iso_str w, char *out)
{
    size_t n = 0;

    if (!is_latin_word(w)) {
        memcpy(out, w.ptr, w.len);
        return w.len;
    }
    for (size_t i = 0; i < w.len;) {
        size_t used;
        char   sound = sound_at(w, i, &used);

        if (i == 0 && w.ptr[0] == 'y')
            sound = 'J';
        else if (i == 0 && one_of(w.ptr[0], "aeiou"))
            sound = 'A';
        else if (w.ptr[i] >= '0' && w.ptr[i] <= '9')
            sound = w.ptr[i];
        if (sound != '\0' && (n == 0 || out[n - 1] != sound))
            out[n++] = sound;
        i += used;
    }
    if (n == 0 && w.len > 0) /* "h", "ouh" */
        out[n++] = 'H';
    return n;
}

static bool ends_word(char c)
{
    return c == ' ' || c == '-' || c == '\'' || c == '.' || c == ',' || c == '*' || c == '?' ||
           is_separator(c);
}

iso_str dcm_phonetic(iso_str folded, struct iso_arena *arena)
{
    char  *out  = iso_arena_alloc(arena, folded.len * 2 + 1);
    size_t n    = 0;
    size_t from = 0;

    if (out == NULL)
        return iso_str_of(NULL, 0);
    for (size_t i = 0; i <= folded.len; i++) {
        if (i < folded.len && !ends_word(folded.ptr[i]))
            continue;
        if (i > from) {
            if (n > 0)
                out[n++] = ' ';
            n += word_code(iso_str_sub(folded, from, i - from), out + n);
        }
        from = i + 1;
    }
    return iso_str_of(out, n);
}
