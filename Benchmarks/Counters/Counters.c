#include "Counters.h"

#include <stddef.h>

#if defined(__linux__) && defined(__GLIBC__)
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Allocations: these stand in front of the C library's.

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static _Atomic int64_t allocations;

static void count(void) { atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed); }

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}
void *calloc(size_t items, size_t size) {
    count();
    return __libc_calloc(items, size);
}
void *realloc(void *block, size_t size) {
    count();
    return __libc_realloc(block, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}
void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void **block, size_t alignment, size_t size) {
    count();
    void *made = __libc_memalign(alignment, size);
    if (!made) return ENOMEM;
    *block = made;
    return 0;
}

int64_t counted_allocations(void) { return atomic_load_explicit(&allocations, memory_order_relaxed); }

// Instructions: the processor's own counter, of this process and the threads that it starts from now on.

static int instruction_counter(void) {
    struct perf_event_attr event;
    memset(&event, 0, sizeof event);
    event.type = PERF_TYPE_HARDWARE;
    event.size = sizeof event;
    event.config = PERF_COUNT_HW_INSTRUCTIONS;
    event.exclude_kernel = 1;
    event.exclude_hv = 1;
    event.inherit = 1;
    return (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

int64_t counted_instructions(void) {
    static _Atomic int counter = -2;
    if (atomic_load(&counter) == -2) atomic_store(&counter, instruction_counter());
    int64_t value;
    int descriptor = atomic_load(&counter);
    if (descriptor < 0 || read(descriptor, &value, sizeof value) != sizeof value) return -1;
    return value;
}

// Memory: the kernel keeps the most that was resident since it was last told to forget it.

bool forget_peak_memory(void) {
    int descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    bool is_done = write(descriptor, "5", 1) == 1;
    close(descriptor);
    return is_done;
}

int64_t peak_memory(void) {
    FILE *status = fopen("/proc/self/status", "re");
    if (!status) return -1;
    char line[256];
    long long kilobytes = -1;
    while (kilobytes < 0 && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %lld kB", &kilobytes);
    fclose(status);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
}
#else
int64_t counted_allocations(void) { return -1; }
int64_t counted_instructions(void) { return -1; }
bool forget_peak_memory(void) { return false; }
int64_t peak_memory(void) { return -1; }
#endif
