#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CPlatform.h"

#include <sys/mman.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <pthread.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#endif

// Eight tables: eight bytes a step. The polynomial is 0x1EDC6F41, here bit-reversed.
static uint32_t table[8][256];

__attribute__((constructor)) static void fill_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++) table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 0xFF];
}

uint32_t mr_crc32c_portable(uint32_t seed, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    uint32_t crc = ~seed;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        word ^= crc;
        crc = table[7][word & 0xFF] ^ table[6][(word >> 8) & 0xFF] ^ table[5][(word >> 16) & 0xFF] ^
              table[4][(word >> 24) & 0xFF] ^ table[3][(word >> 32) & 0xFF] ^ table[2][(word >> 40) & 0xFF] ^
              table[1][(word >> 48) & 0xFF] ^ table[0][word >> 56];
        p += 8;
        length -= 8;
    }
    while (length--) crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
// Multiplies a 32-bit CRC by x^(8*bytes) modulo the polynomial, as four table look-ups; made once for each stride.
enum { LONG_STRIDE = 4096, SHORT_STRIDE = 256 };
static uint32_t shift_long[4][256], shift_short[4][256];

static uint32_t shift_by_zeros(uint32_t crc, size_t bytes) {
    while (bytes--) crc = (crc >> 8) ^ table[0][crc & 0xFF];
    return crc;
}

// Constructors run in no promised order, so this one fills the first tables itself.
__attribute__((constructor)) static void fill_shifts(void) {
    fill_table();
    uint32_t bit_long[32], bit_short[32];
    for (int bit = 0; bit < 32; bit++) {
        bit_long[bit] = shift_by_zeros(1u << bit, LONG_STRIDE);
        bit_short[bit] = shift_by_zeros(1u << bit, SHORT_STRIDE);
    }
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t value = 0; value < 256; value++) {
            uint32_t l = 0, s = 0;
            for (int bit = 0; bit < 8; bit++)
                if (value >> bit & 1) {
                    l ^= bit_long[byte * 8 + bit];
                    s ^= bit_short[byte * 8 + bit];
                }
            shift_long[byte][value] = l;
            shift_short[byte][value] = s;
        }
}

static inline uint32_t shifted(const uint32_t by[4][256], uint32_t crc) {
    return by[0][crc & 0xFF] ^ by[1][(crc >> 8) & 0xFF] ^ by[2][(crc >> 16) & 0xFF] ^ by[3][crc >> 24];
}

// The instruction has a latency of three cycles and a throughput of one: three independent streams fill it.
__attribute__((target("sse4.2"))) static uint64_t three_streams(
    uint64_t crc, const uint8_t *p, size_t stride, const uint32_t by[4][256]) {
    uint64_t second = 0, third = 0, a, b, c;
    for (size_t i = 0; i < stride; i += 8) {
        memcpy(&a, p + i, 8);
        memcpy(&b, p + stride + i, 8);
        memcpy(&c, p + 2 * stride + i, 8);
        crc = _mm_crc32_u64(crc, a);
        second = _mm_crc32_u64(second, b);
        third = _mm_crc32_u64(third, c);
    }
    crc = shifted(by, (uint32_t)crc) ^ second;
    return shifted(by, (uint32_t)crc) ^ third;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t seed, const uint8_t *p, size_t length) {
    uint64_t crc = ~seed;
    while (length >= 3 * LONG_STRIDE) {
        crc = three_streams(crc, p, LONG_STRIDE, shift_long);
        p += 3 * LONG_STRIDE;
        length -= 3 * LONG_STRIDE;
    }
    while (length >= 3 * SHORT_STRIDE) {
        crc = three_streams(crc, p, SHORT_STRIDE, shift_short);
        p += 3 * SHORT_STRIDE;
        length -= 3 * SHORT_STRIDE;
    }
    for (; length >= 8; p += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = _mm_crc32_u64(crc, word);
    }
    while (length--) crc = _mm_crc32_u8((uint32_t)crc, *p++);
    return ~(uint32_t)crc;
}
#endif

#if defined(__x86_64__)
// Carry-less multiplication of 64 bytes at once (Gopal et al., "Fast CRC Computation Using PCLMULQDQ", reflected): a
// lane moves on by D bits when its halves are multiplied by x^(D+32) and x^(D-32) modulo the polynomial, bit-reversed.
#define WIDE __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.2")))
static const uint64_t by_2048[2] = {0xdcb17aa4, 0xb9e02b86};
static const uint64_t by_512[2] = {0x740eef02, 0x9e4addf8};
static const uint64_t by_128[2] = {0xf20c0dfe, 0x14cd00bd6};

WIDE static inline __m512i all_lanes(const uint64_t k[2]) {
    return _mm512_broadcast_i32x4(_mm_set_epi64x((long long)k[1], (long long)k[0]));
}
WIDE static inline __m512i moved_onto(__m512i value, __m512i k, __m512i next) {
    __m512i low = _mm512_clmulepi64_epi128(value, k, 0x00), high = _mm512_clmulepi64_epi128(value, k, 0x11);
    return _mm512_ternarylogic_epi64(low, high, next, 0x96);
}
WIDE static inline __m128i lane_onto(__m128i value, __m128i next) {
    __m128i k = _mm_set_epi64x((long long)by_128[1], (long long)by_128[0]);
    __m128i low = _mm_clmulepi64_si128(value, k, 0x00), high = _mm_clmulepi64_si128(value, k, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// Below this many bytes the set-up costs more than it gains.
enum { WIDE_LEAST = 512 };

WIDE static uint32_t crc32c_wide(uint32_t seed, const uint8_t *p, size_t length) {
    __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64);
    __m512i c = _mm512_loadu_si512(p + 128), d = _mm512_loadu_si512(p + 192);
    a = _mm512_xor_si512(a, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~seed)));
    p += 256;
    length -= 256;
    __m512i k = all_lanes(by_2048);
    while (length >= 256) {
        a = moved_onto(a, k, _mm512_loadu_si512(p));
        b = moved_onto(b, k, _mm512_loadu_si512(p + 64));
        c = moved_onto(c, k, _mm512_loadu_si512(p + 128));
        d = moved_onto(d, k, _mm512_loadu_si512(p + 192));
        p += 256;
        length -= 256;
    }
    k = all_lanes(by_512);
    d = moved_onto(moved_onto(moved_onto(a, k, b), k, c), k, d);
    for (; length >= 64; p += 64, length -= 64) d = moved_onto(d, k, _mm512_loadu_si512(p));
    __m128i lane = lane_onto(_mm512_extracti32x4_epi32(d, 0), _mm512_extracti32x4_epi32(d, 1));
    lane = lane_onto(lane, _mm512_extracti32x4_epi32(d, 2));
    lane = lane_onto(lane, _mm512_extracti32x4_epi32(d, 3));
    // What is left is as long as two words: the instruction divides them.
    uint64_t words[2];
    _mm_storeu_si128((__m128i *)words, lane);
    uint64_t crc = _mm_crc32_u64(_mm_crc32_u64(0, words[0]), words[1]);
    return crc32c_sse42(~(uint32_t)crc, p, length);
}

static int has_wide;
__attribute__((constructor)) static void look_for_wide(void) {
    __builtin_cpu_init();
    has_wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
}
#endif

uint32_t mr_crc32c(uint32_t seed, const void *bytes, size_t length) {
#if defined(__x86_64__)
    if (has_wide && length >= WIDE_LEAST) return crc32c_wide(seed, bytes, length);
    if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(seed, bytes, length);
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
    const uint8_t *p = bytes;
    uint32_t crc = ~seed;
    for (; length >= 8; p += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
    }
    while (length--) crc = __crc32cb(crc, *p++);
    return ~crc;
#endif
    return mr_crc32c_portable(seed, bytes, length);
}

void *mr_mutex_make(void) {
    pthread_mutex_t *mutex = malloc(sizeof *mutex);
    if (mutex != NULL && pthread_mutex_init(mutex, NULL) != 0) {
        free(mutex);
        mutex = NULL;
    }
    return mutex;
}

// A wrong answer means a destroyed or overwritten mutex: memory is corrupt, and nothing sensible can follow.
void mr_mutex_lock(void *mutex) {
    if (pthread_mutex_lock(mutex) != 0) __builtin_trap();
}

void mr_mutex_unlock(void *mutex) {
    if (pthread_mutex_unlock(mutex) != 0) __builtin_trap();
}

void mr_mutex_free(void *mutex) {
    pthread_mutex_destroy(mutex);
    free(mutex);
}

int mr_open(const char *path, int flags, uint32_t mode) {
    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
}

int mr_open_linked(const char *path, int flags) { return open(path, flags | O_CLOEXEC); }

int mr_open_directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

int mr_preallocate(int fd, int64_t length) {
#if defined(__linux__)
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, length);
#else
    fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, length, 0};
    return fcntl(fd, F_PREALLOCATE, &store);
#endif
}

int mr_fdatasync(int fd) {
#if defined(__APPLE__)
    return fcntl(fd, F_FULLFSYNC);
#else
    return fdatasync(fd);
#endif
}

int mr_lock_exclusive(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }

void mr_name_thread(const char *name) {
#if defined(__linux__)
    pthread_setname_np(pthread_self(), name);
#else
    pthread_setname_np(name);
#endif
}

uint32_t mr_thread_stripe(void) {
    static uint32_t next;
    static _Thread_local uint32_t mine;
    if (mine == 0) mine = __atomic_add_fetch(&next, 1, __ATOMIC_RELAXED);
    return mine;
}

uint64_t mr_thread_id(void) {
#if defined(__linux__)
    return (uint64_t)syscall(SYS_gettid);
#else
    uint64_t id = 0;
    pthread_threadid_np(NULL, &id);
    return id;
#endif
}

int64_t mr_thread_waits(void) {
#if defined(__linux__)
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
#else
    static _Thread_local int64_t calls;
    return ++calls;
#endif
}

void mr_thread_name(const char *name) {
#if defined(__linux__)
    char cut[16];
    strncpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
#else
    pthread_setname_np(name);
#endif
}

extern char **environ;
char *const *mr_environment(void) { return environ; }

int64_t mr_process_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t mr_peak_resident_bytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
    return usage.ru_maxrss;
#else
    return usage.ru_maxrss * 1024;
#endif
}

int64_t mr_resident_bytes(void) {
#if defined(__linux__)
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t count = read(fd, text, sizeof text - 1);
    close(fd);
    if (count <= 0) return 0;
    text[count] = 0;
    long total = 0, resident = 0;
    if (sscanf(text, "%ld %ld", &total, &resident) != 2) return 0;
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
#else
    return 0;
#endif
}

static int control_address(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return 0;
}

static int control_socket(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

int mr_control_listen(const char *path) {
    struct sockaddr_un address;
    if (control_address(path, &address) < 0) return -1;
    int fd = control_socket();
    if (fd < 0) return -1;
    unlink(path);
    mode_t before = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(before);
    if (bound < 0 || listen(fd, 16) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

int mr_control_connect(const char *path) {
    struct sockaddr_un address;
    if (control_address(path, &address) < 0) return -1;
    int fd = control_socket();
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

int mr_socket_time_limit(int fd, int milliseconds) {
    struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = (milliseconds % 1000) * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0) return -1;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int mr_terminal_columns(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static int termination_writer = -1;

// Only what is allowed in a handler.
static void termination_arrived(int number) {
    (void)number;
    int reason = errno;
    char byte = 1;
    // A full pipe has more than enough of them.
    ssize_t written = write(termination_writer, &byte, 1);
    (void)written;
    errno = reason;
}

int mr_termination_pipe(void) {
    int ends[2];
    if (pipe(ends) < 0) return -1;
    for (int i = 0; i < 2; i++) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    termination_writer = ends[1];
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = termination_arrived;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0) return -1;
    return ends[0];
}

int mr_termination_wait(int fd) {
    char byte;
    ssize_t got;
    do {
        got = read(fd, &byte, 1);
    } while (got < 0 && errno == EINTR);
    return got == 1;
}

void *mr_zeroed(size_t bytes, size_t huge) {
    // Memory fresh from the kernel is zero: calloc knows, and does not touch it.
    char *start = calloc(1, bytes);
#ifdef MADV_HUGEPAGE
    if (start && huge) {
        uintptr_t first = ((uintptr_t)start + huge - 1) & ~(uintptr_t)(huge - 1);
        uintptr_t end = ((uintptr_t)start + bytes) & ~(uintptr_t)(huge - 1);
        if (first < end) madvise((void *)first, end - first, MADV_HUGEPAGE);
    }
#endif
    return start;
}
