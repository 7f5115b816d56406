#include "test.h"

#include "cmd_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cmd_config config;
static struct iso_arena  arena;
static struct iso_err    err;

static int load(const char *text)
{
    char path[] = "/tmp/isocenter-config-XXXXXX";
    int  fd     = mkstemp(path);
    int  rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    iso_arena_release(&arena);
    iso_arena_init(&arena, 8 << 20);
    memset(&err, 0, sizeof err);
    cmd_config_init(&config);
    rc = cmd_config_load(&config, path, &arena, &err);
    (void)unlink(path);
    return rc;
}

static void defaults_are_the_contract(void **state)
{
    (void)state;
    assert_int_equal(load("{}"), ISO_OK);
    assert_string_equal(config.listen, "127.0.0.1");
    assert_string_equal(config.data, "./isocenter-data");
    assert_string_equal(config.aet, "ISOCENTER");
    assert_int_equal(config.http_port, 8042);
    assert_int_equal(config.dicom_port, 4242);
    assert_int_equal(config.on_conflict, CMD_KEEP_FIRST);
    assert_false(config.insecure);
}

static void comments_and_peers_are_read(void **state)
{
    (void)state;
    assert_int_equal(load("{ // a \"comment\"\n \"aet\": \"A//B\", /* more\n */ \"on_conflict\": "
                          "\"reject\", \"check_called_aet\": true,\n"
                          "\"peers\": [{\"aet\":\"WS1\",\"host\":\"127.0.0.1\",\"port\":104}] }"),
                     ISO_OK);
    assert_string_equal(config.aet, "A//B");
    assert_int_equal(config.on_conflict, CMD_REJECT);
    assert_true(config.check_called_aet);
    assert_int_equal(config.peer_count, 1);
    assert_string_equal(config.peer[0].host, "127.0.0.1");
    assert_int_equal(config.peer[0].port, 104);
}

static void every_mistake_names_its_key(void **state)
{
    static const char *const bad[][2] = {
        { "{\"http_prot\": 1}", "http_prot" },
        { "{\"http_port\": 70000}", "0 to 65535" },
        { "{\"http_port\": \"x\"}", "http_port must be a number" },
        { "{\"aet\": \"SEVENTEEN_LETTERS\"}", "1 to 16 characters" },
        { "{\"on_conflict\": \"maybe\"}", "keep-first" },
        { "{\"insecure\": true}", "insecure" },
        { "{\"peers\": [{\"aet\":\"A\"}]}", "peers[0]" },
        { "{\"peers\": [{\"aet\":\"A\",\"host\":\"h\",\"port\":0}]}", "peers[0]" },
        { "{\"aet\": \"A\",\n \"aet\": \"B\"}", "line 2" },
        { "{\n\n\"aet\" }", "line 3" },
        { "{\"volumes\": {}}", "volumes must be a list" },
        { "{\"volumes\": [{\"path\": \"here\"}]}", "begins with /" },
        { "{\"volumes\": [{\"path\": \"/a\"}, {\"pfad\": \"/b\"}]}", "volumes[1]" },
        { "{\"volumes\": [{\"path\": \"/a\", \"stop_free_bytes\": -2}]}", "not negative" },
        { "[]", "not a JSON object" },
        { "/*", "line" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(load(bad[i][0]) < 0);
        if (strstr(err.text, bad[i][1]) == NULL)
            fail_msg("%s: said \"%s\"", bad[i][0], err.text);
    }
}

static void the_environment_wins_over_the_file(void **state)
{
    (void)state;
    assert_int_equal(setenv("ISOCENTER_HTTP_PORT", "9", 1), 0);
    assert_int_equal(load("{\"http_port\": 8}"), ISO_OK);
    assert_int_equal(config.http_port, 9);
    assert_int_equal(setenv("ISOCENTER_HTTP_PORT", "nine", 1), 0);
    assert_int_equal(load("{}"), ISO_EINVAL);
    assert_non_null(strstr(err.text, "ISOCENTER_HTTP_PORT"));
    assert_int_equal(unsetenv("ISOCENTER_HTTP_PORT"), 0);
}

static void volumes_come_from_either(void **state)
{
    (void)state;
    assert_int_equal(load("{\"volumes\": [{\"path\": \"/a\"}, {\"path\": \"/b\", "
                          "\"warn_free_bytes\": 9, \"stop_free_bytes\": 8}], \"stop_free_bytes\": "
                          "7}"),
                     ISO_OK);
    assert_int_equal(config.volume_count, 2);
    assert_string_equal(config.volume[0].path, "/a");
    assert_int_equal(config.volume[0].stop_free_bytes, 7);
    assert_int_equal(config.volume[0].warn_free_bytes, 1 << 30);
    assert_string_equal(config.volume[1].path, "/b");
    assert_int_equal(config.volume[1].stop_free_bytes, 8);
    assert_int_equal(config.volume[1].warn_free_bytes, 9);
    assert_int_equal(setenv("ISOCENTER_VOLUMES", "[{\"path\": \"/c\"}]", 1), 0);
    assert_int_equal(load("{\"volumes\": [{\"path\": \"/a\"}]}"), ISO_OK);
    assert_int_equal(config.volume_count, 1);
    assert_string_equal(config.volume[0].path, "/c");
    assert_int_equal(setenv("ISOCENTER_VOLUMES", "/c", 1), 0);
    assert_int_equal(load("{}"), ISO_EINVAL);
    assert_non_null(strstr(err.text, "ISOCENTER_VOLUMES"));
    assert_int_equal(unsetenv("ISOCENTER_VOLUMES"), 0);
}

static void every_prefix_of_a_file_is_refused_or_read(void **state)
{
    const char *whole = "{\"aet\": \"AB\", \"peers\": [{\"aet\":\"W\",\"host\":\"h\",\"port\":1}]}";
    char        part[128];

    (void)state;
    for (size_t n = 0; n < strlen(whole); n++) {
        (void)snprintf(part, sizeof part, "%.*s", (int)n, whole);
        assert_int_equal(load(part), ISO_EFORMAT);
    }
    assert_int_equal(load(whole), ISO_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_contract),
        cmocka_unit_test(comments_and_peers_are_read),
        cmocka_unit_test(every_mistake_names_its_key),
        cmocka_unit_test(the_environment_wins_over_the_file),
        cmocka_unit_test(volumes_come_from_either),
        cmocka_unit_test(every_prefix_of_a_file_is_refused_or_read),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    iso_arena_release(&arena);
    return failed;
}
