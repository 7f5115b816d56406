/* A state says what may come next; one bit per open level says whether it is an object. */
#include "iso_json_read.h"

#include "iso_utf8.h"

#include <string.h>

enum state {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* after '[' */
    WANT_KEY,          /* after ',' */
    WANT_KEY_OR_END,   /* after '{' */
    WANT_COMMA_OR_END,
    DONE
};

void iso_json_reader_init(struct iso_json_reader *r, iso_str text, struct iso_arena *arena)
{
    *r = (struct iso_json_reader){ .ptr = text.ptr, .len = text.len, .arena = arena };
}

static int bad(const struct iso_json_reader *r, const char *what, struct iso_err *err)
{
    return iso_fail(err, ISO_EFORMAT, "JSON, offset %zu: %s", r->at, what);
}

static void skip_blanks(struct iso_json_reader *r)
{
    while (r->at < r->len && (r->ptr[r->at] == ' ' || r->ptr[r->at] == '\t' ||
                              r->ptr[r->at] == '\n' || r->ptr[r->at] == '\r'))
        r->at++;
}

static bool in_object(const struct iso_json_reader *r)
{
    unsigned level = r->depth - 1;

    return (r->is_object[level / 64] >> (level % 64) & 1) != 0;
}

static void after_value(struct iso_json_reader *r)
{
    r->state = r->depth == 0 ? DONE : WANT_COMMA_OR_END;
}

static int open_level(struct iso_json_reader *r, bool object, struct iso_err *err)
{
    uint64_t bit = (uint64_t)1 << (r->depth % 64);

    if (r->depth == ISO_JSON_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, "JSON, offset %zu: nested deeper than %d", r->at,
                        ISO_JSON_DEPTH_MAX);
    if (object)
        r->is_object[r->depth / 64] |= bit;
    else
        r->is_object[r->depth / 64] &= ~bit;
    r->depth++;
    r->at++;
    r->state = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return ISO_OK;
}

static int hex4(const char *p, uint32_t *out)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int  d = c >= '0' && c <= '9'   ? c - '0'
                 : c >= 'a' && c <= 'f' ? c - 'a' + 10
                 : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                        : -1;
        if (d < 0)
            return -1;
        v = v << 4 | (uint32_t)d;
    }
    *out = v;
    return 0;
}

/* The escape at s (after its backslash); consumed characters, 0 when it is none. A lone surrogate
 * becomes U+FFFD. */
static size_t unescape(iso_str s, char out[4], size_t *out_len)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[]   = "\"\\/\b\f\n\r\t";
    uint32_t          scalar, low;
    size_t            used = 5;

    if (s.len == 0)
        return 0;
    const char *simple = s.ptr[0] != '\0' ? strchr(from, s.ptr[0]) : NULL;
    if (simple != NULL) {
        out[0]   = to[simple - from];
        *out_len = 1;
        return 1;
    }
    if (s.ptr[0] != 'u' || s.len < 5 || hex4(s.ptr + 1, &scalar) < 0)
        return 0;
    if (scalar >= 0xd800 && scalar <= 0xdbff && s.len >= 11 && s.ptr[5] == '\\' &&
        s.ptr[6] == 'u' && hex4(s.ptr + 7, &low) == 0 && low >= 0xdc00 && low <= 0xdfff) {
        scalar = 0x10000 + ((scalar - 0xd800) << 10) + (low - 0xdc00);
        used   = 11;
    }
    *out_len = iso_utf8_put(scalar, out);
    if (*out_len == 0)
        *out_len = iso_utf8_put(0xfffd, out);
    return used;
}

static int copy_unescaped(struct iso_json_reader *r, iso_str raw, struct iso_err *err)
{
    char  *out = iso_arena_alloc(r->arena, raw.len);
    size_t n   = 0;

    if (out == NULL)
        return iso_arena_fail(r->arena, err);
    for (size_t i = 0; i < raw.len;) {
        size_t bytes;

        if (raw.ptr[i] != '\\') {
            out[n++] = raw.ptr[i++];
            continue;
        }
        size_t used = unescape(iso_str_sub(raw, i + 1, raw.len), out + n, &bytes);
        n += bytes;
        i += 1 + used;
    }
    r->text = iso_str_of(out, n);
    return ISO_OK;
}

/* From the opening quote past the closing one; text is set unless keep is false. */
static int read_string(struct iso_json_reader *r, bool keep, struct iso_err *err)
{
    size_t start       = ++r->at;
    bool   has_escapes = false;

    while (r->at < r->len && r->ptr[r->at] != '"') {
        char   out[4];
        size_t bytes;
        size_t used = 1;

        if ((unsigned char)r->ptr[r->at] < 0x20)
            return bad(r, "control character in a string", err);
        if (r->ptr[r->at] == '\\') {
            used = unescape(iso_str_of(r->ptr + r->at + 1, r->len - r->at - 1), out, &bytes);
            if (used == 0)
                return bad(r, "bad escape", err);
            used++;
            has_escapes = true;
        } else if ((unsigned char)r->ptr[r->at] >= 0x80) {
            used = iso_utf8_len(iso_bytes_of(r->ptr + r->at, r->len - r->at));
            if (used == 0)
                return bad(r, "not UTF-8", err);
        }
        r->at += used;
    }
    if (r->at >= r->len)
        return bad(r, "the text ends inside a string", err);
    r->text = iso_str_of(r->ptr + start, r->at - start);
    r->at++;
    return keep && has_escapes ? copy_unescaped(r, r->text, err) : ISO_OK;
}

static size_t digits_at(const struct iso_json_reader *r, size_t at)
{
    size_t n = 0;

    while (at + n < r->len && r->ptr[at + n] >= '0' && r->ptr[at + n] <= '9')
        n++;
    return n;
}

static int read_number(struct iso_json_reader *r, struct iso_err *err)
{
    size_t at = r->at;
    size_t n;

    at += r->ptr[at] == '-' ? 1 : 0;
    n = digits_at(r, at);
    if (n == 0 || (n > 1 && r->ptr[at] == '0'))
        return bad(r, "no value", err);
    at += n;
    if (at < r->len && r->ptr[at] == '.') {
        n = digits_at(r, ++at);
        if (n == 0)
            return bad(r, "no digit after the point", err);
        at += n;
    }
    if (at < r->len && (r->ptr[at] == 'e' || r->ptr[at] == 'E')) {
        at++;
        at += at < r->len && (r->ptr[at] == '+' || r->ptr[at] == '-') ? 1 : 0;
        n = digits_at(r, at);
        if (n == 0)
            return bad(r, "no digit in the exponent", err);
        at += n;
    }
    r->text = iso_str_of(r->ptr + r->at, at - r->at);
    r->at   = at;
    return ISO_OK;
}

static bool take_word(struct iso_json_reader *r, iso_str word)
{
    if (!iso_str_starts(iso_str_of(r->ptr + r->at, r->len - r->at), word))
        return false;
    r->at += word.len;
    return true;
}

static int read_value(struct iso_json_reader *r, bool keep, enum iso_json_token *token,
                      struct iso_err *err)
{
    int rc = ISO_OK;

    if (r->ptr[r->at] == '{') {
        *token = ISO_JSON_OBJECT;
        return open_level(r, true, err);
    }
    if (r->ptr[r->at] == '[') {
        *token = ISO_JSON_ARRAY;
        return open_level(r, false, err);
    }
    if (r->ptr[r->at] == '"') {
        *token = ISO_JSON_STRING;
        rc     = read_string(r, keep, err);
    } else if (take_word(r, ISO_STR("true"))) {
        *token = ISO_JSON_TRUE;
    } else if (take_word(r, ISO_STR("false"))) {
        *token = ISO_JSON_FALSE;
    } else if (take_word(r, ISO_STR("null"))) {
        *token = ISO_JSON_NULL;
    } else {
        *token = ISO_JSON_NUMBER;
        rc     = read_number(r, err);
    }
    if (rc == ISO_OK)
        after_value(r);
    return rc;
}

static int read_key(struct iso_json_reader *r, bool keep, struct iso_err *err)
{
    int rc;

    if (r->ptr[r->at] != '"')
        return bad(r, "a key was expected", err);
    rc = read_string(r, keep, err);
    if (rc < 0)
        return rc;
    skip_blanks(r);
    if (r->at >= r->len || r->ptr[r->at] != ':')
        return bad(r, "':' was expected", err);
    r->at++;
    r->state = WANT_VALUE;
    return ISO_OK;
}

static int next(struct iso_json_reader *r, bool keep, enum iso_json_token *token,
                struct iso_err *err)
{
    skip_blanks(r);
    if (r->state == DONE) {
        *token = ISO_JSON_END;
        return r->at == r->len ? ISO_OK : bad(r, "something follows the value", err);
    }
    if (r->at >= r->len)
        return bad(r, "the text ends too early", err);
    char c = r->ptr[r->at];

    if (r->state != WANT_VALUE && r->state != WANT_KEY && (c == '}' || c == ']')) {
        if ((c == '}') != in_object(r))
            return bad(r, "the wrong bracket closes", err);
        *token = c == '}' ? ISO_JSON_OBJECT_END : ISO_JSON_ARRAY_END;
        r->depth--;
        r->at++;
        after_value(r);
        return ISO_OK;
    }
    if (r->state == WANT_COMMA_OR_END) {
        if (c != ',')
            return bad(r, "',' was expected", err);
        r->at++;
        skip_blanks(r);
        if (r->at >= r->len)
            return bad(r, "the text ends too early", err);
        r->state = in_object(r) ? WANT_KEY : WANT_VALUE;
    }
    if (r->state == WANT_KEY || r->state == WANT_KEY_OR_END) {
        *token = ISO_JSON_KEY;
        return read_key(r, keep, err);
    }
    return read_value(r, keep, token, err);
}

int iso_json_next(struct iso_json_reader *r, enum iso_json_token *token, struct iso_err *err)
{
    return next(r, true, token, err);
}

int iso_json_skip(struct iso_json_reader *r, struct iso_err *err)
{
    unsigned            depth = r->depth;
    enum iso_json_token token;
    int                 rc;

    do { /* each turn consumes a token */
        rc = next(r, false, &token, err);
    } while (rc == ISO_OK && r->depth > depth);
    return rc;
}
