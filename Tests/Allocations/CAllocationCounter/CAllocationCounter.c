#define _GNU_SOURCE
#include "CAllocationCounter.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

static __thread bool isCounting;
static __thread uint64_t allocations, retains, releases, accesses;

uint64_t CAllocationCounter_allocations(void) { return allocations; }
uint64_t CAllocationCounter_retains(void) { return retains; }
uint64_t CAllocationCounter_releases(void) { return releases; }
uint64_t CAllocationCounter_accesses(void) { return accesses; }
void CAllocationCounter_end(void) { isCounting = false; }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)

bool CAllocationCounter_isThere(void) { return true; }

// ------------------------------------------------------------------------------------------- the allocator

// These stand in front of glibc's for the whole test program; memory is glibc's own, so free is as well.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t length) {
    if (isCounting) allocations++;
    return __libc_malloc(length);
}

void *calloc(size_t count, size_t length) {
    if (isCounting) allocations++;
    return __libc_calloc(count, length);
}

void *realloc(void *memory, size_t length) {
    if (isCounting) allocations++;
    return __libc_realloc(memory, length);
}

void *memalign(size_t alignment, size_t length) {
    if (isCounting) allocations++;
    return __libc_memalign(alignment, length);
}

void *aligned_alloc(size_t alignment, size_t length) { return memalign(alignment, length); }

int posix_memalign(void **memory, size_t alignment, size_t length) {
    void *found = memalign(alignment, length);
    if (!found) return ENOMEM;
    *memory = found;
    return 0;
}

// ------------------------------------------------------------------------------------------ Swift's runtime

// These stand in front of the runtime's: what the compiler has put into our own code comes here. (The runtime's hooks
// for instruments cannot be used: in 6.3.1 they mistake short strings for objects.)

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

void *swift_retain(void *object) {
    static void *(*real)(void *);
    if (!real) real = (void *(*)(void *))next("swift_retain");
    if (isCounting) retains++;
    return real(object);
}

void swift_release(void *object) {
    static void (*real)(void *);
    if (!real) real = (void (*)(void *))next("swift_release");
    if (isCounting) releases++;
    real(object);
}

void *swift_retain_n(void *object, uint32_t count) {
    static void *(*real)(void *, uint32_t);
    if (!real) real = (void *(*)(void *, uint32_t))next("swift_retain_n");
    if (isCounting) retains += count;
    return real(object, count);
}

void swift_release_n(void *object, uint32_t count) {
    static void (*real)(void *, uint32_t);
    if (!real) real = (void (*)(void *, uint32_t))next("swift_release_n");
    if (isCounting) releases += count;
    real(object, count);
}

void *swift_bridgeObjectRetain(void *object) {
    static void *(*real)(void *);
    if (!real) real = (void *(*)(void *))next("swift_bridgeObjectRetain");
    if (isCounting) retains++;
    return real(object);
}

void swift_bridgeObjectRelease(void *object) {
    static void (*real)(void *);
    if (!real) real = (void (*)(void *))next("swift_bridgeObjectRelease");
    if (isCounting) releases++;
    real(object);
}

void swift_beginAccess(void *variable, void *buffer, uintptr_t flags, void *counter) {
    static void (*real)(void *, void *, uintptr_t, void *);
    if (!real) real = (void (*)(void *, void *, uintptr_t, void *))next("swift_beginAccess");
    if (isCounting) accesses++;
    real(variable, buffer, flags, counter);
}

void CAllocationCounter_begin(void) { isCounting = true; }

#else

bool CAllocationCounter_isThere(void) { return false; }
void CAllocationCounter_begin(void) { isCounting = true; }

#endif
