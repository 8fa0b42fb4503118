// Notes which thread a trap happened on, where a parent process can read it.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CPlatform.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

enum { SIGNALS = 6, SIGNAL_STACK = 64 * 1024 };
static const int signals[SIGNALS] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
static struct sigaction before[SIGNALS];
static __thread uint32_t *volatile word;
static __thread int is_prepared;

// Only stores and async-signal-safe calls. Returning repeats the faulting instruction under the former handler.
static void on_trap(int number, siginfo_t *info, void *context) {
    (void)context;
    uint32_t *w = word;
    if (w) __atomic_store_n(w, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < SIGNALS; i++)
        if (signals[i] == number) sigaction(number, &before[i], NULL);
    // Sent by somebody (abort(3) among them) rather than caused by an instruction: nothing repeats it.
    if (info->si_code <= 0) raise(number);
}

void mr_blame_install(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], &action, &before[i]);
}

void mr_blame_thread(uint32_t *w) {
    if (!is_prepared && w) {
        is_prepared = 1;
        // Lives as long as the thread's process: lanes do not end before it does.
        stack_t stack = {.ss_sp = malloc(SIGNAL_STACK), .ss_size = SIGNAL_STACK, .ss_flags = 0};
        if (stack.ss_sp) sigaltstack(&stack, NULL);
        // A trap whose signal is blocked kills without running the handler.
        sigset_t set;
        sigemptyset(&set);
        for (int i = 0; i < SIGNALS; i++) sigaddset(&set, signals[i]);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    }
    word = w;
}

void mr_die_with_parent(void) {
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    // It may have died before the call.
    if (getppid() == 1) raise(SIGTERM);
#endif
}

int mr_exit_reason(int status) {
    if (WIFSIGNALED(status)) return -WTERMSIG(status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

void mr_kill_self(void) { kill(getpid(), SIGKILL); }
