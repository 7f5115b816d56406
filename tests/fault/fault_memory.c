/* fault_memory.c: malloc and its kin by glibc's own names for them; threads count as memory, for that is what they lack
 * when they cannot be started. A place is the hash of the innermost callers, each as an offset in its module, so that it
 * is the same in the next run. */
#include "fault_memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

enum { MODULES_MAX = 128 };

struct module {
    uintptr_t from;
    uintptr_t to;
    uintptr_t base;
};

static struct fault_memory *control;
static bool                 forked;
static struct module        modules[MODULES_MAX];
static size_t               module_count;
static __thread bool        inside __attribute__((tls_model("initial-exec")));

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

void *malloc(size_t n) __attribute__((visibility("default")));
void *calloc(size_t count, size_t n) __attribute__((visibility("default")));
void *realloc(void *p, size_t n) __attribute__((visibility("default")));
void *memalign(size_t alignment, size_t n) __attribute__((visibility("default")));
void *aligned_alloc(size_t alignment, size_t n) __attribute__((visibility("default")));
int   posix_memalign(void **p, size_t alignment, size_t n) __attribute__((visibility("default")));
int   pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
    __attribute__((visibility("default")));

static int note_module(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    for (int i = 0; i < info->dlpi_phnum && module_count < MODULES_MAX; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t from      = info->dlpi_addr + p->p_vaddr;

        if (p->p_type == PT_LOAD && (p->p_flags & PF_X) != 0)
            modules[module_count++] = (struct module){ from, from + p->p_memsz, info->dlpi_addr };
    }
    return 0;
}

static uint64_t offset_of(uintptr_t pc)
{
    for (size_t i = 0; i < module_count; i++)
        if (pc >= modules[i].from && pc < modules[i].to)
            return (uint64_t)(i + 1) << 40 | (pc - modules[i].base);
    return 0;
}

struct walk {
    uint64_t at[FAULT_STACK];
    int      count;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *ctx)
{
    struct walk *w = ctx;

    if (w->count == FAULT_STACK)
        return _URC_END_OF_STACK;
    w->at[w->count++] = offset_of(_Unwind_GetIP(context));
    return _URC_NO_REASON;
}

/* True when it is new here. */
static bool note_place(uint64_t hash)
{
    for (size_t i = 0; i < FAULT_PLACES; i++) {
        _Atomic uint64_t *slot  = &control->place[(hash + i) % FAULT_PLACES];
        uint64_t          empty = 0;

        if (atomic_load(slot) == hash)
            return false;
        if (atomic_compare_exchange_strong(slot, &empty, hash)) {
            atomic_fetch_add(&control->places, 1);
            return true;
        }
        if (empty == hash)
            return false;
    }
    return false;
}

static uint64_t place_of(const struct walk *w)
{
    uint64_t hash  = 1469598103934665603u;
    int      first = 3; /* ours: the walk, decide, the call itself */
    int      depth = atomic_load(&control->depth);

    for (int i = first; i < w->count && i < first + depth; i++)
        hash = (hash ^ w->at[i]) * 1099511628211u;
    return hash | 1;
}

static bool decide(void)
{
    struct walk w    = { .count = 0 };
    bool        fail = false;
    int         mode = atomic_load(&control->mode);

    if (mode == FAULT_MEMORY_NTH) {
        long n    = atomic_fetch_add(&control->count, 1);
        long at   = atomic_load(&control->at);
        long span = atomic_load(&control->span);

        fail = n >= at && (span < 0 || n <= at + span);
        if (!fail)
            return false;
    }
    _Unwind_Backtrace(step, &w);
    bool fresh = note_place(place_of(&w));
    if (mode == FAULT_MEMORY_PLACE) {
        fail = fresh && atomic_compare_exchange_strong(&control->mode, &mode, FAULT_MEMORY_OFF);
        atomic_fetch_add(&control->count, 1);
    }
    if (fail) {
        memcpy(control->stack, w.at, sizeof w.at);
        atomic_fetch_add(&control->fired, 1);
    }
    return fail;
}

static bool __attribute__((noinline)) fails(void)
{
    if (control == NULL || forked || inside || atomic_load(&control->mode) == FAULT_MEMORY_OFF)
        return false;
    inside    = true;
    bool fail = decide();
    inside    = false;
    return fail;
}

void *malloc(size_t n)
{
    if (!fails())
        return __libc_malloc(n);
    errno = ENOMEM;
    return NULL;
}

void *calloc(size_t count, size_t n)
{
    if (!fails())
        return __libc_calloc(count, n);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *p, size_t n)
{
    if (n == 0 || !fails())
        return __libc_realloc(p, n);
    errno = ENOMEM;
    return NULL;
}

void *memalign(size_t alignment, size_t n)
{
    if (!fails())
        return __libc_memalign(alignment, n);
    errno = ENOMEM;
    return NULL;
}

void *aligned_alloc(size_t alignment, size_t n)
{
    if (!fails())
        return __libc_memalign(alignment, n);
    errno = ENOMEM;
    return NULL;
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
    void *got = fails() ? NULL : __libc_memalign(alignment, n);

    if (got == NULL)
        return ENOMEM;
    *p = got;
    return 0;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (real == NULL)
        real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(
            RTLD_NEXT, "pthread_create");
    return fails() ? EAGAIN : real(thread, attr, run, arg);
}

static void in_child(void)
{
    forked = true;
}

void fault_memory_use(struct fault_memory *block)
{
    struct walk w = { .count = 0 };

    module_count = 0;
    dl_iterate_phdr(note_module, NULL);
    _Unwind_Backtrace(step, &w); /* whatever it has to load, it loads now */
    pthread_atfork(NULL, NULL, in_child);
    control = block;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULT_MEMORY");
    int         fd   = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void       *block;

    if (fd < 0)
        return;
    block = mmap(NULL, sizeof(struct fault_memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (block != MAP_FAILED)
        fault_memory_use(block);
}
