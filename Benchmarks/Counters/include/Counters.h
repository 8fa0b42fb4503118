// What the benchmark executable counts of itself beside time.
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/// Allocations of the whole process so far, or -1 where they cannot be counted (anything but Linux with glibc).
int64_t counted_allocations(void);

/// Instructions outside the kernel, of the thread that asked first and of the threads it started since; -1 where the
/// machine does not say. The first call starts the counting.
int64_t counted_instructions(void);

/// From now on the peak is that of what comes. False where it stays that of the whole process.
bool forget_peak_memory(void);
/// The most bytes that were resident since; -1 where that is not known.
int64_t peak_memory(void);

#endif
