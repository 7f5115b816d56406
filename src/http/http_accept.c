/* http_accept.c: one cursor over the text; the ranges are then put in order of preference. */
#include "http_accept.h"

#include <string.h>

struct cursor {
    iso_str           text;
    size_t            at;
    struct iso_arena *arena;
};

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->text.len && (c->text.ptr[c->at] == ' ' || c->text.ptr[c->at] == '\t'))
        c->at++;
}

static bool at_char(const struct cursor *c, char want)
{
    return c->at < c->text.len && c->text.ptr[c->at] == want;
}

/* A token, and '/' too where unquoted values may hold it. */
static iso_str take_token(struct cursor *c, bool slash)
{
    size_t from = c->at;

    while (c->at < c->text.len &&
           (is_token(c->text.ptr[c->at]) ||
            (slash && strchr("/:", c->text.ptr[c->at]) != NULL && c->text.ptr[c->at] != '\0')))
        c->at++;
    return iso_str_sub(c->text, from, c->at - from);
}

static int take_lower(struct cursor *c, bool slash, iso_str *out, struct iso_err *err)
{
    iso_str token = take_token(c, slash);

    if (token.len == 0)
        return iso_fail(err, ISO_EFORMAT, "media type: a name is missing at %zu", c->at);
    char *lower = iso_arena_alloc(c->arena, token.len);
    if (lower == NULL)
        return iso_arena_fail(c->arena, err);
    for (size_t i = 0; i < token.len; i++) {
        lower[i] = token.ptr[i];
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] | 0x20);
    }
    *out = iso_str_of(lower, token.len);
    return ISO_OK;
}

/* A quoted-string (RFC 9110 §5.6.4), without its quotes and escapes. */
static int take_quoted(struct cursor *c, iso_str *out, struct iso_err *err)
{
    size_t from = ++c->at;
    char  *text = NULL;
    size_t n    = 0;

    while (c->at < c->text.len && c->text.ptr[c->at] != '"') {
        if (c->text.ptr[c->at] == '\\' && text == NULL) {
            text = iso_arena_alloc(c->arena, c->text.len - from);
            if (text == NULL)
                return iso_arena_fail(c->arena, err);
            n = c->at - from;
            memcpy(text, c->text.ptr + from, n);
        }
        if (c->text.ptr[c->at] == '\\' && ++c->at == c->text.len)
            break;
        if (text != NULL)
            text[n++] = c->text.ptr[c->at];
        c->at++;
    }
    if (c->at >= c->text.len)
        return iso_fail(err, ISO_EFORMAT, "media type: a quote is not closed");
    *out = text != NULL ? iso_str_of(text, n) : iso_str_sub(c->text, from, c->at - from);
    c->at++;
    return ISO_OK;
}

/* "0", "0.5", ".2", "1.000" as thousandths.   RFC 9110 §12.4.2 */
static bool parse_q(iso_str s, unsigned *q)
{
    iso_str  rest  = s;
    iso_str  whole = iso_str_cut(&rest, '.');
    uint64_t units = 0;
    unsigned part  = 0;

    if (s.len == 0 || whole.len > 1 || rest.len > 3 ||
        (whole.len == 1 && !iso_str_to_u64(whole, &units)))
        return false;
    for (size_t i = 0; i < 3; i++) {
        int c = i < rest.len ? rest.ptr[i] : '0';
        if (c < '0' || c > '9')
            return false;
        part = part * 10 + (unsigned)(c - '0');
    }
    if (units > 1 || (units == 1 && part > 0))
        return false;
    *q = (unsigned)units * 1000 + part;
    return true;
}

/* ";name=value"... up to a ',' or the end. What follows q belongs to no media type. */
static int take_params(struct cursor *c, struct http_media *out, struct iso_err *err)
{
    struct http_param params[HTTP_MEDIA_PARAMS_MAX];
    size_t            count  = 0;
    bool              seen_q = false;
    int               rc     = ISO_OK;

    for (skip_blanks(c); at_char(c, ';'); skip_blanks(c)) {
        struct http_param param = { .value = ISO_STR("") };

        c->at++;
        skip_blanks(c);
        if (c->at == c->text.len || at_char(c, ';') || at_char(c, ','))
            continue; /* an empty parameter, as some send at the end */
        rc = take_lower(c, false, &param.name, err);
        skip_blanks(c);
        if (rc == ISO_OK && at_char(c, '=')) {
            c->at++;
            skip_blanks(c);
            if (at_char(c, '"'))
                rc = take_quoted(c, &param.value, err);
            else
                param.value = take_token(c, true);
        }
        if (rc < 0)
            return rc;
        if (iso_str_eq_c(param.name, "q")) {
            if (!parse_q(param.value, &out->q))
                return iso_fail(err, ISO_EFORMAT, "media type: q is not a number from 0 to 1");
            seen_q = true;
        } else if (!seen_q) {
            if (count == HTTP_MEDIA_PARAMS_MAX)
                return iso_fail(err, ISO_ELIMIT, "media type: more than %d parameters",
                                HTTP_MEDIA_PARAMS_MAX);
            params[count++] = param;
        }
    }
    if (count > 0) {
        struct http_param *copy = iso_arena_array(c->arena, count, sizeof *copy);
        if (copy == NULL)
            return iso_arena_fail(c->arena, err);
        memcpy(copy, params, count * sizeof *copy);
        out->params      = copy;
        out->param_count = count;
    }
    return ISO_OK;
}

static int take_media(struct cursor *c, struct http_media *out, struct iso_err *err)
{
    struct http_media media = { .q = 1000 };

    skip_blanks(c);
    int rc = take_lower(c, true, &media.type, err);
    if (rc < 0)
        return rc;
    if (iso_str_eq_c(media.type, "*"))
        media.type = ISO_STR("*/*"); /* java.net's "*; q=.2" */
    size_t slash = iso_str_find(media.type, '/', 0);
    if (slash == 0 || slash + 1 >= media.type.len ||
        iso_str_find(media.type, '/', slash + 1) < media.type.len)
        return iso_fail(err, ISO_EFORMAT, "media type: '%.*s' is not type/subtype",
                        ISO_STR_ARG(media.type));
    rc = take_params(c, &media, err);
    if (rc == ISO_OK)
        *out = media;
    return rc;
}

int http_media_parse(iso_str text, struct iso_arena *arena, struct http_media *out,
                     struct iso_err *err)
{
    struct cursor     c = { text, 0, arena };
    struct http_media media;
    int               rc = take_media(&c, &media, err);

    if (rc < 0)
        return rc;
    if (c.at < text.len)
        return iso_fail(err, ISO_EFORMAT, "media type: unexpected text at %zu", c.at);
    *out = media;
    return ISO_OK;
}

iso_str http_media_param(const struct http_media *media, const char *name)
{
    for (size_t i = 0; i < media->param_count; i++)
        if (iso_str_eq_c(media->params[i].name, name))
            return media->params[i].value;
    return ISO_STR("");
}

/* 0: any type, 1: "image/" and any, 2 and more: exact, and the more parameters the closer. */
static size_t closeness(const struct http_media *range)
{
    if (iso_str_eq_c(range->type, "*/*"))
        return 0;
    if (iso_str_ends(range->type, ISO_STR("/*")))
        return 1;
    return 2 + range->param_count;
}

static bool before(const struct http_media *a, const struct http_media *b)
{
    size_t ca = closeness(a) < 2 ? closeness(a) : 2;
    size_t cb = closeness(b) < 2 ? closeness(b) : 2;

    return a->q != b->q ? a->q > b->q : ca > cb;
}

int http_accept_parse(iso_str text, struct iso_arena *arena, struct http_accept *out,
                      struct iso_err *err)
{
    struct cursor      c      = { text, 0, arena };
    struct http_media *ranges = NULL;
    size_t             count  = 0;
    size_t             cap    = 0;

    for (;;) {
        struct http_media media = { .type = ISO_STR("*/*"), .q = 1000 };

        while (skip_blanks(&c), at_char(&c, ','))
            c.at++;
        if (c.at == text.len && count > 0)
            break;
        int rc = c.at == text.len ? ISO_OK : take_media(&c, &media, err);
        if (rc < 0)
            return rc;
        if (c.at < text.len && !at_char(&c, ','))
            return iso_fail(err, ISO_EFORMAT, "accept: unexpected text at %zu", c.at);
        if (count == HTTP_ACCEPT_RANGES_MAX)
            return iso_fail(err, ISO_ELIMIT, "accept: more than %d media types",
                            HTTP_ACCEPT_RANGES_MAX);
        if (count == cap) {
            ranges = iso_arena_grow(arena, ranges, count, count + 1, sizeof *ranges, &cap);
            if (ranges == NULL)
                return iso_arena_fail(arena, err);
        }
        size_t at = count++;
        for (; at > 0 && before(&media, &ranges[at - 1]); at--)
            ranges[at] = ranges[at - 1];
        ranges[at] = media;
    }
    *out = (struct http_accept){ ranges, count };
    return ISO_OK;
}

static bool type_admits(iso_str range, iso_str type)
{
    if (range.len == 0 || iso_str_eq_c(range, "*/*") || iso_str_eq_c(range, "*"))
        return true;
    if (iso_str_ends(range, ISO_STR("/*"))) {
        iso_str family = iso_str_sub(range, 0, range.len - 1);
        return iso_str_eq_nocase(family, iso_str_sub(type, 0, family.len));
    }
    return iso_str_eq_nocase(range, type);
}

bool http_media_admits(const struct http_media *range, const struct http_offer *offer)
{
    iso_str syntax = http_media_param(range, "transfer-syntax");

    if (!type_admits(range->type, iso_str_c(offer->type)))
        return false;
    if (offer->part_type != NULL &&
        !type_admits(http_media_param(range, "type"), iso_str_c(offer->part_type)))
        return false;
    return syntax.len == 0 || iso_str_eq_c(syntax, "*") || offer->transfer_syntax == NULL ||
           iso_str_eq_c(syntax, offer->transfer_syntax);
}

static bool refused(const struct http_accept *accept, const struct http_media *by,
                    const struct http_offer *offer)
{
    for (size_t i = 0; i < accept->count; i++) {
        const struct http_media *range = &accept->ranges[i];
        if (range->q == 0 && closeness(range) > closeness(by) && http_media_admits(range, offer))
            return true;
    }
    return false;
}

int http_accept_pick(const struct http_accept *accept, const struct http_offer *offers,
                     size_t count, const struct http_media **range)
{
    for (size_t r = 0; r < accept->count && accept->ranges[r].q > 0; r++) {
        for (size_t i = 0; i < count; i++) {
            if (http_media_admits(&accept->ranges[r], &offers[i]) &&
                !refused(accept, &accept->ranges[r], &offers[i])) {
                if (range != NULL)
                    *range = &accept->ranges[r];
                return (int)i;
            }
        }
    }
    return -1;
}

bool http_accepts_gzip(iso_str accept_encoding)
{
    int named = -1;
    int any   = -1;

    for (iso_str rest = accept_encoding; rest.ptr != NULL;) {
        iso_str  params = iso_str_cut(&rest, ',');
        iso_str  coding = iso_str_trim(iso_str_cut(&params, ';'));
        unsigned q      = 1000;

        params = iso_str_trim(params);
        if (params.len >= 2 && (params.ptr[0] == 'q' || params.ptr[0] == 'Q') &&
            params.ptr[1] == '=' && !parse_q(iso_str_sub(params, 2, params.len), &q))
            q = 0;
        if (iso_str_eq_nocase(coding, ISO_STR("gzip")) ||
            iso_str_eq_nocase(coding, ISO_STR("x-gzip")))
            named = q > 0;
        else if (iso_str_eq_c(coding, "*"))
            any = q > 0;
    }
    return named >= 0 ? named > 0 : any > 0;
}
