/* http_route.c: patterns as a tree, one node for each segment. A request walks down with its path's
 * segments, the literal child first; a node lies at one depth, so no node is visited twice. */
#include "http_internal.h"

#include <string.h>

struct http_node {
    iso_str            literal; /* of a literal segment */
    struct http_node  *next;    /* sibling literal */
    struct http_node  *first;   /* literal children */
    struct http_node  *param;   /* the {name} child */
    struct http_node  *rest;    /* the {name...} child, a leaf */
    struct http_entry *by_method[HTTP_METHODS];
};

enum segment { SEGMENT_LITERAL, SEGMENT_PARAM, SEGMENT_REST, SEGMENT_BAD };

static enum segment segment_kind(iso_str text, iso_str *name)
{
    if (text.len == 0 || text.ptr[0] != '{')
        return memchr(text.ptr, '{', text.len) == NULL ? SEGMENT_LITERAL : SEGMENT_BAD;
    if (text.ptr[text.len - 1] != '}')
        return SEGMENT_BAD;
    *name = iso_str_sub(text, 1, text.len - 2);
    if (!iso_str_ends(*name, ISO_STR("...")))
        return name->len > 0 ? SEGMENT_PARAM : SEGMENT_BAD;
    *name = iso_str_sub(*name, 0, name->len - 3);
    return name->len > 0 ? SEGMENT_REST : SEGMENT_BAD;
}

static struct http_node *literal_child(const struct http_node *node, iso_str text)
{
    for (struct http_node *child = node->first; child != NULL; child = child->next)
        if (iso_str_eq(child->literal, text))
            return child;
    return NULL;
}

/* The child for one segment of a pattern, made when absent; NULL when memory is out. */
static struct http_node *child_for(struct http_node *node, enum segment kind, iso_str text,
                                   struct iso_arena *arena)
{
    struct http_node **slot = kind == SEGMENT_REST ? &node->rest : &node->param;

    if (kind == SEGMENT_LITERAL) {
        struct http_node *child = literal_child(node, text);
        if (child != NULL)
            return child;
        child = iso_arena_alloc(arena, sizeof *child);
        if (child != NULL) {
            child->literal = text;
            child->next    = node->first;
            node->first    = child;
        }
        return child;
    }
    if (*slot == NULL)
        *slot = iso_arena_alloc(arena, sizeof **slot);
    return *slot;
}

int http_tree_add(struct http_node **root, struct http_entry *entry, struct iso_arena *arena,
                  struct iso_err *err)
{
    const char *pattern = entry->route->pattern;
    iso_str     rest    = iso_str_c(pattern);
    size_t      depth   = 0;

    if (rest.len == 0 || rest.ptr[0] != '/')
        return iso_fail(err, ISO_EINVAL, "route %s: does not begin with '/'", pattern);
    if (*root == NULL)
        *root = iso_arena_alloc(arena, sizeof **root);
    struct http_node *node = *root;
    rest                   = iso_str_sub(rest, 1, rest.len);
    while (node != NULL && rest.ptr != NULL) {
        iso_str      text = iso_str_cut(&rest, '/');
        iso_str      name = ISO_STR("");
        enum segment kind = segment_kind(text, &name);

        if (kind == SEGMENT_BAD || (kind == SEGMENT_REST && rest.ptr != NULL) ||
            ++depth > HTTP_PATH_SEGMENTS_MAX)
            return iso_fail(err, ISO_EINVAL, "route %s: malformed pattern", pattern);
        if (kind != SEGMENT_LITERAL) {
            if (entry->name_count == HTTP_PATH_PARAMS_MAX)
                return iso_fail(err, ISO_EINVAL, "route %s: too many names", pattern);
            entry->names[entry->name_count++] = name;
        }
        node = child_for(node, kind, text, arena);
    }
    if (node == NULL)
        return iso_arena_fail(arena, err);
    if (node->by_method[entry->route->method] != NULL)
        return iso_fail(err, ISO_EINVAL, "route %s %s: there is one already",
                        http_method_name(entry->route->method), pattern);
    node->by_method[entry->route->method] = entry;
    return ISO_OK;
}

struct walk {
    enum http_method   method;
    iso_str            raw[HTTP_PATH_SEGMENTS_MAX]; /* from each segment on, as sent */
    iso_str            text[HTTP_PATH_SEGMENTS_MAX];
    size_t             count;
    struct iso_arena  *arena;
    struct http_match *match;
    struct iso_err    *err;
};

/* 1: this node answers; 0: not. */
static int settle(struct walk *w, const struct http_node *node)
{
    enum http_method method = w->method == HTTP_HEAD ? HTTP_GET : w->method;

    for (unsigned m = 0; m < HTTP_METHODS; m++)
        if (node->by_method[m] != NULL)
            w->match->allowed |= 1u << m;
    w->match->entry = node->by_method[method];
    return w->match->entry != NULL;
}

/* 1: found; 0: not below this node; negative: an error. */
static int descend(struct walk *w, const struct http_node *node, size_t at, size_t values)
{
    int rc = 0;

    if (at == w->count && settle(w, node))
        return 1;
    if (at < w->count) {
        const struct http_node *child = literal_child(node, w->text[at]);
        if (child != NULL)
            rc = descend(w, child, at + 1, values);
        if (rc == 0 && node->param != NULL && w->text[at].len > 0) {
            w->match->values[values] = w->text[at];
            rc                       = descend(w, node->param, at + 1, values + 1);
        }
    }
    /* The rest may be empty, but the '/' before it must be there: w->count counts it. */
    if (rc == 0 && node->rest != NULL && at < w->count && settle(w, node->rest)) {
        rc = http_percent_decode(w->raw[at], false, w->arena, &w->match->values[values], w->err);
        if (rc == ISO_OK && w->match->values[values].len > HTTP_PATH_PARAM_BYTES_MAX)
            rc = iso_fail(w->err, ISO_ELIMIT, "the path is too long");
        return rc < 0 ? rc : 1;
    }
    return rc;
}

int http_tree_find(const struct http_node *root, enum http_method method, iso_str path,
                   struct iso_arena *arena, struct http_match *match, struct iso_err *err)
{
    struct walk w    = { .method = method, .arena = arena, .match = match, .err = err };
    iso_str     rest = path;

    memset(match, 0, sizeof *match);
    if (path.len == 0 || path.ptr[0] != '/')
        return iso_fail(err, ISO_EFORMAT, "the path does not begin with '/'");
    rest = iso_str_sub(path, 1, path.len);
    while (rest.ptr != NULL && w.count < HTTP_PATH_SEGMENTS_MAX) {
        w.raw[w.count] = rest;
        iso_str raw    = iso_str_cut(&rest, '/');
        int     rc     = http_percent_decode(raw, false, arena, &w.text[w.count], err);
        if (rc < 0)
            return rc;
        if (w.text[w.count].len > HTTP_PATH_PARAM_BYTES_MAX)
            return iso_fail(err, ISO_ELIMIT, "a part of the path is longer than %d bytes",
                            HTTP_PATH_PARAM_BYTES_MAX);
        w.count++;
    }
    if (rest.ptr != NULL)
        return iso_fail(err, ISO_ELIMIT, "the path has more than %d parts", HTTP_PATH_SEGMENTS_MAX);
    int found = root != NULL ? descend(&w, root, 0, 0) : 0;
    if (found == 0 && match->allowed == 0 && root != NULL && w.count > 1 &&
        w.text[w.count - 1].len == 0 && w.text[w.count - 2].len > 0) {
        w.count--; /* a '/' too many at the end is forgiven */
        found = descend(&w, root, 0, 0);
    }
    return found < 0 ? found : ISO_OK;
}
