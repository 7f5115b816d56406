/* os_library.h: functions of a shared library that most runs of the program do without: it is loaded when
 * they are needed, as loading is a good part of a start. */
#ifndef OS_LIBRARY_H
#define OS_LIBRARY_H

#include "iso_err.h"

#include <stdatomic.h>

/* Loads the first of names (file names as in /etc/ld.so.cache; NULL ends the list) that is there and sets
 * out[i] to its function functions[i], in an array or a struct of count function pointers. It stays for the
 * life of the process. ISO_EUNSUPPORTED: there is none, or it lacks one of them. Any thread. */
ISO_MUST_USE int os_library_load(const char *const *names, const char *const *functions,
                                 size_t count, void **out, struct iso_err *err);

/* The same, once for the process, and without a lock afterwards. */
struct os_library {
    const char        *name;
    const char *const *functions;
    size_t             count;
    void             **out;
    atomic_bool        loaded;
};
ISO_MUST_USE int os_library_need(struct os_library *library, struct iso_err *err);

/* A library as a struct of its functions: calls(X) is a list of X(name), FIELD and TEXT make
 * a field and its name as a text of each. Defines static `object` and static struct os_library `object`_library. */
#define OS_LIBRARY(object, file, calls, FIELD, TEXT)                                               \
    static struct {                                                                                \
        calls(FIELD)                                                                               \
    } object;                                                                                      \
    static const char *const object##_calls[] = { calls(TEXT) };                                   \
    static struct os_library object##_library = { file, object##_calls,                            \
                                                  sizeof object##_calls / sizeof(char *),          \
                                                  (void **)&object, false }

#endif
