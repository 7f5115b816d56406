/* test.h: what every unit test includes, in the order cmocka wants it. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Text equality that prints both sides. */
#define assert_text(str, expected)                                                                 \
    do {                                                                                           \
        iso_str text_ = (str);                                                                     \
        assert_int_equal(text_.len, strlen(expected));                                             \
        assert_memory_equal(text_.ptr, expected, text_.len);                                       \
    } while (0)

#endif
