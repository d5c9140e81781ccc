// SPDX-License-Identifier: Apache-2.0
//
// The JVM lives off SIGSEGV (null checks, safepoints, stack banging), so this handler takes a signal only when it
// comes from the thread that runs guarded work, and hands all others on to whoever was there before, with everything
// that came along. It is installed once, at the first guarded work, and touches no thread-local storage: that may
// allocate on first use, which no signal handler may.
#include "fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>

#include "block.h"
#include "control.h"
#include "cuda_api.h"
#include "memory.h"

namespace standin {

namespace {

constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr int SIGNAL_COUNT = sizeof SIGNALS / sizeof SIGNALS[0];
constexpr size_t SIGNAL_STACK = 64 << 10;

struct sigaction before[SIGNAL_COUNT];
std::atomic<bool> armed{false};
pthread_t worker;
sigjmp_buf landing;

// What the handler or fail() leaves for guarded() to read after the jump.
int caught_signal;
void* caught_address;
bool caught_address_known;
bool caught_write;
int failure;
char failure_text[1000];

bool is_write(void* context) {
#if defined(__x86_64__) && defined(__linux__)
    return (static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
    (void)context;
    return false;
#endif
}

void hand_on(int at, int signal_number, siginfo_t* info, void* context) {
    const struct sigaction& handler = before[at];
    if ((handler.sa_flags & SA_SIGINFO) != 0) {
        handler.sa_sigaction(signal_number, info, context);
    } else if (handler.sa_handler == SIG_DFL || handler.sa_handler == SIG_IGN) {
        // The instruction runs again on return, and then ends the process, as it would have without this library.
        signal(signal_number, SIG_DFL);
    } else {
        handler.sa_handler(signal_number);
    }
}

void on_signal(int signal_number, siginfo_t* info, void* context) {
    if (armed.load(std::memory_order_acquire) && pthread_equal(worker, pthread_self())) {
        armed.store(false, std::memory_order_release);
        caught_signal = signal_number;
        caught_address = info->si_addr;
        caught_address_known = info->si_code > 0 && info->si_code != SI_KERNEL;
        caught_write = is_write(context);
        siglongjmp(landing, 1);
    }
    if (signal_number == SIGSEGV && in_arena(reinterpret_cast<uintptr_t>(info->si_addr))) {
        static const char text[] = "darien-standin: host code touched device memory, or pinned memory after its end\n";
        const ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
        (void)ignored;
    }
    for (int at = 0; at < SIGNAL_COUNT; at++) {
        if (SIGNALS[at] == signal_number) {
            hand_on(at, signal_number, info, context);
        }
    }
}

void install() {
    static bool installed = false;
    if (installed || control.guard == 0) {
        return;
    }
    installed = true;
    in_arena(0);  // which reserves the arenas: not a thing to do in a handler
    for (int at = 0; at < SIGNAL_COUNT; at++) {
        // The handler that is there runs inside ours, and so under our mask and flags: they must be its own. All but
        // the stack: a fiber that has run over the end of its stack has no room for a signal.
        sigaction(SIGNALS[at], nullptr, &before[at]);
        struct sigaction ours = before[at];
        ours.sa_flags = (before[at].sa_flags & ~SA_RESETHAND) | SA_SIGINFO | SA_ONSTACK;
        ours.sa_sigaction = on_signal;
        sigaction(SIGNALS[at], &ours, nullptr);
    }
}

// A stack for the handler, for as long as the work runs. A thread that has one keeps it.
class SignalStack {
public:
    SignalStack() {
        if (control.guard == 0) {
            return;
        }
        static char* const stack = static_cast<char*>(
            mmap(nullptr, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        stack_t ours = {};
        ours.ss_sp = stack;
        ours.ss_size = SIGNAL_STACK;
        sigaltstack(nullptr, &theirs);
        set = stack != MAP_FAILED && (theirs.ss_flags & SS_DISABLE) != 0 && sigaltstack(&ours, nullptr) == 0;
    }
    ~SignalStack() {
        if (set) {
            sigaltstack(&theirs, nullptr);
        }
    }

private:
    stack_t theirs = {};
    bool set = false;
};

Fault explain() {
    if (failure != 0) {
        return {failure, failure_text};
    }
    if (caught_signal == SIGFPE) {
        return {CUDA_ERROR_LAUNCH_FAILED, "an integer division by zero, or one that overflows"};
    }
    if (caught_signal == SIGILL) {
        return {CUDA_ERROR_ILLEGAL_INSTRUCTION, "an illegal instruction"};
    }
    if (stack_overflowed(caught_address)) {
        return {CUDA_ERROR_LAUNCH_FAILED, "local variables that don't fit the stack of 128 KiB"};
    }
    std::string what = caught_write ? "a write to " : "a read of ";
    what += caught_address_known ? describe(reinterpret_cast<uintptr_t>(caught_address)) : "an address that can't be one";
    return {CUDA_ERROR_ILLEGAL_ADDRESS, what};
}

}  // namespace

bool guarded(void (*body)(void*), void* argument, Fault& fault) {
    install();
    SignalStack stack;
    failure = 0;
    caught_signal = 0;
    worker = pthread_self();
    if (sigsetjmp(landing, 1) == 0) {
        armed.store(true, std::memory_order_release);
        body(argument);
        armed.store(false, std::memory_order_release);
        return true;
    }
    armed.store(false, std::memory_order_release);
    fault = explain();
    return false;
}

void fail(int error, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure_text, sizeof failure_text, format, arguments);
    va_end(arguments);
    failure = error;
    siglongjmp(landing, 1);
}

}  // namespace standin
