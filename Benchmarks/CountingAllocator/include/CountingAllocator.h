// Counts what the benchmark executable allocates, by standing in front of the C library's allocator.
#ifndef COUNTING_ALLOCATOR_H
#define COUNTING_ALLOCATOR_H

#include <stdint.h>

/// Allocations of the whole process so far, or -1 where they cannot be counted (anything but Linux with glibc).
int64_t counted_allocations(void);

#endif
