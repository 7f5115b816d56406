/* os_library.h: functions of a shared library that most runs of the program do without: it is loaded when
 * they are needed, as loading is a good part of a start. */
#ifndef OS_LIBRARY_H
#define OS_LIBRARY_H

#include "iso_err.h"

/* Loads the first of names (file names as in /etc/ld.so.cache; NULL ends the list) that is there and sets
 * out[i] to its function functions[i], in an array or a struct of count function pointers. It stays for the
 * life of the process. ISO_EUNSUPPORTED: there is none, or it lacks one of them. Any thread. */
ISO_MUST_USE int os_library_load(const char *const *names, const char *const *functions,
                                 size_t count, void **out, struct iso_err *err);

#endif
