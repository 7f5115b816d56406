#include "test.h"

#include "os_clock.h"
#include "os_file.h"
#include "os_socket.h"
#include "os_thread.h"

#include <string.h>

struct server {
    int      listener;
    uint64_t received;
};

static void drain(void *arg)
{
    struct server    *server = arg;
    struct os_address peer;
    char              chunk[4096];
    int64_t           n;
    int               fd;

    if (os_accept(server->listener, os_now_ms() + 5000, &fd, &peer, NULL) < 0)
        return;
    while ((n = os_receive(fd, chunk, sizeof chunk, os_now_ms() + 5000, NULL)) > 0)
        server->received += (uint64_t)n;
    os_close(fd);
}

static void all_parts_arrive(void **state)
{
    static uint8_t    big[1 << 20];
    struct iso_err    err    = { 0 };
    struct server     server = { 0 };
    struct os_address bound;
    struct os_thread  thread;
    const iso_bytes   parts[] = { { (const uint8_t *)"", 0 },
                                  { (const uint8_t *)"abc", 3 },
                                  { big, sizeof big },
                                  { (const uint8_t *)"", 0 } };
    char              byte;
    int               fd;

    (void)state;
    assert_int_equal(os_listen("127.0.0.1", 0, &server.listener, &bound, &err), ISO_OK);
    assert_string_equal(bound.host, "127.0.0.1");
    assert_int_equal(os_thread_start(&thread, "drain", 0, drain, &server, &err), ISO_OK);
    assert_int_equal(os_connect("localhost", bound.port, os_now_ms() + 5000, &fd, &err), ISO_OK);
    assert_int_equal(os_send(fd, parts, 4, os_now_ms() + 5000, &err), ISO_OK);
    assert_int_equal(os_receive(fd, &byte, 1, os_now_ms() + 20, &err), ISO_ETIMEOUT);
    os_socket_linger(fd, os_now_ms() + 5000);
    os_close(fd);
    os_thread_join(&thread);
    assert_int_equal(server.received, 3 + sizeof big);
    os_close(server.listener);
    assert_int_equal(os_connect("127.0.0.1", bound.port, os_now_ms() + 5000, &fd, &err),
                     ISO_EREFUSED);
}

static void loopback_is_told_apart(void **state)
{
    (void)state;
    assert_true(os_is_loopback("127.3.2.1"));
    assert_true(os_is_loopback("::1"));
    assert_true(os_is_loopback("localhost"));
    assert_false(os_is_loopback("0.0.0.0"));
    assert_false(os_is_loopback("10.0.0.1"));
    assert_false(os_is_loopback("127.evil.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_arrive),
        cmocka_unit_test(loopback_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
