#include "os_library.h"

#include <dlfcn.h>
#include <pthread.h>

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

int os_library_need(struct os_library *l, struct iso_err *err)
{
    static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER; /* a leaf, held while it loads */
    int                    rc = ISO_OK;

    if (atomic_load_explicit(&l->loaded, memory_order_acquire))
        return ISO_OK;
    (void)pthread_mutex_lock(&mu);
    if (!atomic_load_explicit(&l->loaded, memory_order_relaxed)) {
        const char *const names[] = { l->name, NULL };

        rc = os_library_load(names, l->functions, l->count, l->out, err);
        atomic_store_explicit(&l->loaded, rc >= 0, memory_order_release);
    }
    (void)pthread_mutex_unlock(&mu);
    return rc;
}
