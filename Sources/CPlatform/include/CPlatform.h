// What Swift cannot call, or cannot call fast: checksum instructions, variadic and macro system calls.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli) of `length` bytes, continuing `seed` (0 to start). Picks AVX-512, SSE4.2, ARMv8 or a table at
/// run time.
uint32_t mr_crc32c(uint32_t seed, const void *bytes, size_t length);
/// The portable table path, so that a test can hold the two against each other.
uint32_t mr_crc32c_portable(uint32_t seed, const void *bytes, size_t length);

/// A plain pthread mutex on the heap; NULL when there is no memory for it. Freed unlocked.
void *mr_mutex_make(void);
void mr_mutex_lock(void *mutex);
void mr_mutex_unlock(void *mutex);
void mr_mutex_free(void *mutex);

/// open(2) with O_CLOEXEC and O_NOFOLLOW; -1 and errno on failure. Retries nothing.
int mr_open(const char *path, int flags, uint32_t mode);
/// The same for a file that exists, with symbolic links followed.
int mr_open_linked(const char *path, int flags);
/// Opens a directory for fsync(2); a symbolic link to one is followed.
int mr_open_directory(const char *path);
/// Reserves `length` bytes of room from the start of the file without changing its size; -1 and errno on failure.
int mr_preallocate(int fd, int64_t length);
/// fdatasync(2); on macOS fcntl(F_FULLFSYNC).
int mr_fdatasync(int fd);
/// Takes an exclusive advisory lock without waiting; -1 and errno EWOULDBLOCK when another process holds it.
int mr_lock_exclusive(int fd);
/// Names the calling thread for debuggers and `top -H`; at most 15 bytes.
void mr_name_thread(const char *name);
/// A small number that stays with the calling thread, given out in order of first use: picks a stripe of a counter.
uint32_t mr_thread_stripe(void);
/// The kernel's id of the calling thread (glibc's pthread_self is folded across awaits by the optimiser).
uint64_t mr_thread_id(void);
/// How often the calling thread went to sleep to wait for something; always one more where the system does not count.
int64_t mr_thread_waits(void);
/// Names the calling thread for debuggers; Linux cuts it to 15 bytes.
void mr_thread_name(const char *name);
/// The environment: null-terminated, borrowed until it is changed.
char *const *mr_environment(void);
/// CPU time of the whole process in nanoseconds, and its peak resident set in bytes.
int64_t mr_process_cpu_ns(void);
int64_t mr_peak_resident_bytes(void);
/// Bytes resident now; 0 where that cannot be told.
int64_t mr_resident_bytes(void);

/// A listening stream socket in the file system, mode 0600; an older socket file at the path is replaced. -1 and errno.
int mr_control_listen(const char *path);
/// Connects to one; -1 and errno.
int mr_control_connect(const char *path);
/// Bounds how long a read or write on a socket may take.
int mr_socket_time_limit(int fd, int milliseconds);

/// Columns of the terminal behind a descriptor; 0 when it is none.
int mr_terminal_columns(int fd);

/// From now on SIGTERM and SIGINT are bytes in a pipe, whichever thread they arrive on. Its end to read; -1 and errno.
/// Once in a process.
int mr_termination_pipe(void);
/// Waits for the next of these bytes; 0 when there will be none.
int mr_termination_wait(int fd);

/// The signals of a trap (SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT) first set the word of the thread that
/// trapped (`mr_blame_thread`) to 1, then do what they did before.
void mr_blame_install(void);
/// The word in a shared page that a trap of the calling thread sets; NULL for none. The first call on a thread gives it
/// a stack of its own for signals, so that the overflow of the usual one is noted, too.
void mr_blame_thread(uint32_t *word);
/// The calling process gets SIGTERM when its parent dies. Does nothing where the system cannot.
void mr_die_with_parent(void);
/// Kills this process, with no handler having a say.
void mr_kill_self(void);
/// Decodes a status of waitpid(2): the exit code, or minus the signal that ended the process.
int mr_exit_reason(int status);

/// Asks for the cache line of an address that will be read and written soon. Never faults.
static inline void mr_prefetch(const void *address) { __builtin_prefetch(address, 1); }
/// Zeroed memory for `free`, with huge pages asked for where `huge` is their size and not 0. NULL when there is none.
void *mr_zeroed(size_t bytes, size_t huge);

#endif
