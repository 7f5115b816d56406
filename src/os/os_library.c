#include "os_library.h"

#include <dlfcn.h>

int os_library_load(const char *const *names, const char *const *functions, size_t count,
                    void **out, struct iso_err *err)
{
    void *library = NULL;

    for (size_t i = 0; library == NULL && names[i] != NULL; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the library %s is not installed", names[0]);
    for (size_t i = 0; i < count; i++) {
        out[i] = dlsym(library, functions[i]);
        if (out[i] == NULL)
            return iso_fail(err, ISO_EUNSUPPORTED, "the library %s has no %s", names[0],
                            functions[i]);
    }
    return ISO_OK;
}
