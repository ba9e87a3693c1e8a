/* process: one child process: started, signalled, and its end noticed (by a pidfd, so that no
 * signal ever goes to a stranger with the same number).
 *
 * The child has a process group of its own (Ctrl-C in the terminal is the sandbox's alone) and dies
 * with the sandbox (PR_SET_PDEATHSIG). Its output goes to a log file; on_line, when given, gets
 * each line of it, too. Callbacks run from the loop; on_exit once, last, and in it the process may
 * be freed. */
#ifndef SANDBOX_PROCESS_H
#define SANDBOX_PROCESS_H

#include "base/fail.h"
#include "io/loop.h"

#include <sys/types.h>

struct process_config {
    struct loop *loop;
    const char *const *argv; /* argv[0]: the program's path */
    const char *const
        *env;             /* added to our own environment, the first one of a name; NULL: nothing */
    const char *log_file; /* appended to */
    int namespace;        /* the network namespace that it runs in; 0: ours */
    void (*on_exit)(void *arg, int wait_status);
    void (*on_line)(void *arg, struct str line); /* may be NULL */
    void *arg;
};

struct process;
/* NULL: *why. Texts are copied or used up here. A program that cannot be executed ends with 127. */
struct process *process_start(const struct process_config *config, struct fail *why);
pid_t process_pid(const struct process *p);
void process_signal(struct process *p, int signo);
/* A process that still runs is killed and waited for; on_exit is not called. NULL is fine. */
void process_free(struct process *p);
/* "exit status 3", "signal 9 (Killed)". Returns out. */
const char *process_describe(int wait_status, char *out, size_t size);

#endif
