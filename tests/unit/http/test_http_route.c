#include "http_internal.h"
#include "test.h"

#include <string.h>

static struct iso_arena  arena;
static struct http_node *root;

static int nothing(struct http_request *req, void *ctx, struct iso_err *err)
{
    (void)req;
    (void)ctx;
    (void)err;
    return ISO_OK;
}

static const struct http_route routes[] = {
    { .method = HTTP_GET, .pattern = "/", .handler = nothing },
    { .method = HTTP_GET, .pattern = "/studies", .handler = nothing },
    { .method = HTTP_POST, .pattern = "/studies", .handler = nothing },
    { .method = HTTP_POST, .pattern = "/studies/{study}", .handler = nothing },
    { .method = HTTP_GET, .pattern = "/studies/{s}", .handler = nothing },
    { .method = HTTP_POST, .pattern = "/studies/find", .handler = nothing },
    { .method  = HTTP_GET,
      .pattern = "/studies/{study}/series/{series}/frames/{f}",
      .handler = nothing },
    { .method = HTTP_GET, .pattern = "/ui/{path...}", .handler = nothing },
    { .method = HTTP_GET, .pattern = "/ui/exact", .handler = nothing },
};

enum { ROUTES = sizeof routes / sizeof routes[0] };

static struct http_entry entries[ROUTES];

static int set_up(void **state)
{
    struct iso_err err = { 0 };

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < ROUTES; i++) {
        entries[i].route = &routes[i];
        if (http_tree_add(&root, &entries[i], &arena, &err) < 0)
            fail_msg("%s", err.text);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

static int find(enum http_method method, const char *path, struct http_match *match)
{
    struct iso_err err = { 0 };
    return http_tree_find(root, method, iso_str_c(path), &arena, match, &err);
}

static long index_of(enum http_method method, const char *path)
{
    struct http_match match;

    assert_int_equal(find(method, path, &match), ISO_OK);
    return match.entry != NULL ? match.entry - entries : -1;
}

static void the_closest_pattern_wins(void **state)
{
    (void)state;
    assert_int_equal(index_of(HTTP_GET, "/"), 0);
    assert_int_equal(index_of(HTTP_GET, "/studies"), 1);
    assert_int_equal(index_of(HTTP_HEAD, "/studies"), 1);
    assert_int_equal(index_of(HTTP_GET, "/studies/"), 1);
    assert_int_equal(index_of(HTTP_POST, "/studies/1.2"), 3);
    assert_int_equal(index_of(HTTP_POST, "/studies/find"), 5);
    assert_int_equal(index_of(HTTP_GET, "/studies/find"), 4); /* falls back to {s} */
    assert_int_equal(index_of(HTTP_GET, "/stud%69es"), 1);
    assert_int_equal(index_of(HTTP_GET, "/ui/"), 7);
    assert_int_equal(index_of(HTTP_GET, "/ui/a/b/c"), 7);
    assert_int_equal(index_of(HTTP_GET, "/ui/exact"), 8);
    assert_int_equal(index_of(HTTP_GET, "/ui"), -1);
    assert_int_equal(index_of(HTTP_GET, "/studies//series/2/frames/3"), -1);
    assert_int_equal(index_of(HTTP_GET, "//"), -1);
    assert_int_equal(index_of(HTTP_GET, "/nothing"), -1);
}

static void values_come_in_order(void **state)
{
    struct http_match match;

    (void)state;
    assert_int_equal(find(HTTP_GET, "/studies/1%2F2/series/3/frames/1,2", &match), ISO_OK);
    assert_ptr_equal(match.entry, &entries[6]);
    assert_text(match.values[0], "1/2");
    assert_text(match.values[1], "3");
    assert_text(match.values[2], "1,2");
    assert_int_equal(find(HTTP_GET, "/ui/a%20b/c", &match), ISO_OK);
    assert_text(match.values[0], "a b/c");
}

static void allowed_methods_are_told(void **state)
{
    struct http_match match;

    (void)state;
    assert_int_equal(find(HTTP_DELETE, "/studies", &match), ISO_OK);
    assert_null(match.entry);
    assert_int_equal(match.allowed, 1u << HTTP_GET | 1u << HTTP_POST);
}

static void bad_paths_are_refused(void **state)
{
    struct http_match match;
    char              deep[3 * HTTP_PATH_SEGMENTS_MAX];

    (void)state;
    assert_int_equal(find(HTTP_GET, "", &match), ISO_EFORMAT);
    assert_int_equal(find(HTTP_GET, "studies", &match), ISO_EFORMAT);
    assert_int_equal(find(HTTP_GET, "/studies/%0", &match), ISO_EFORMAT);
    assert_int_equal(find(HTTP_GET, "/studies/%00", &match), ISO_EFORMAT);
    memset(deep, '/', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(find(HTTP_GET, deep, &match), ISO_ELIMIT);
}

static void bad_patterns_are_refused(void **state)
{
    static const char *const bad[] = { "",      "x",         "/{}",    "/{a",
                                       "/a{b}", "/{a...}/b", "/{...}", "/studies" };
    struct iso_err           err   = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        static struct http_route route;
        struct http_entry        entry = { .route = &route };
        route = (struct http_route){ .method = HTTP_GET, .pattern = bad[i], .handler = nothing };
        assert_int_equal(http_tree_add(&root, &entry, &arena, &err), ISO_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closest_pattern_wins), cmocka_unit_test(values_come_in_order),
        cmocka_unit_test(allowed_methods_are_told), cmocka_unit_test(bad_paths_are_refused),
        cmocka_unit_test(bad_patterns_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
