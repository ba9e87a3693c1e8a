#include "sandbox/process.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_LIMIT = 64 * 1024 };

struct process {
    struct process_config config;
    pid_t pid;
    int pidfd, output; /* output: -1 when the child writes to its log itself */
    int log;
    struct loop_fd *exit_watch, *output_watch;
    struct buf line;
};

static void child_run(const struct process_config *config, int output, pid_t parent) NO_RETURN;

/* Our handlers are the loop's, and would swallow in the child what is meant to end it: signals are
 * blocked from before the fork until none of them is left. */
static void signals_reset(void)
{
    sigset_t none;

    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only calls that are safe after fork. */
static void child_run(const struct process_config *config, int output, pid_t parent)
{
    int nothing = open("/dev/null", O_RDONLY);
    size_t n = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127); /* the sandbox died before the line above */
    setpgid(0, 0);
    signals_reset();
    if ((config->namespace && setns(config->namespace, CLONE_NEWNET) != 0) ||
        dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0 || close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        _exit(127);
    while (config->env && config->env[n])
        n++;
    while (n) /* so that the first one of a name counts */
        putenv((char *)config->env[--n]);
    execv(config->argv[0], (char *const *)config->argv);
    dprintf(STDERR_FILENO, "cannot execute %s: %m\n", config->argv[0]);
    _exit(127);
}

static void lines_give(struct process *p)
{
    struct str rest = buf_str(&p->line), line;
    size_t used = 0;

    while (rest.n && memchr(rest.p, '\n', rest.n)) {
        line = str_cut(&rest, '\n');
        used += line.n + 1;
        p->config.on_line(p->config.arg, line);
    }
    buf_drop(&p->line, used);
    if (p->line.n == LINE_LIMIT || p->line.failed)
        buf_clear(&p->line); /* no line is as long as that */
}

/* False: nothing more for now, or ever. */
static bool output_read(struct process *p)
{
    char bytes[8192];
    ssize_t n = read(p->output, bytes, sizeof bytes);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            loop_fd_free(p->output_watch);
            p->output_watch = NULL;
        }
        return false;
    }
    (void)!write(p->log, bytes, (size_t)n);
    buf_add(&p->line, bytes, (size_t)n);
    lines_give(p);
    return true;
}

static void on_output(void *arg)
{
    output_read(arg);
}

static void on_pidfd(void *arg)
{
    struct process *p = arg;
    int status;

    if (waitpid(p->pid, &status, WNOHANG) != p->pid)
        return;
    loop_fd_free(p->exit_watch);
    p->exit_watch = NULL;
    while (p->output_watch && output_read(p))
        continue; /* its last words come before its end */
    p->config.on_exit(p->config.arg, status);
}

static void descriptors_close(struct process *p)
{
    if (p->output >= 0)
        close(p->output);
    if (p->pidfd >= 0)
        close(p->pidfd);
    if (p->log >= 0)
        close(p->log);
}

/* Never returns in the child. */
static pid_t child_fork(const struct process_config *config, int output)
{
    pid_t parent = getpid(), pid;
    sigset_t all, before;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        child_run(config, output, parent);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

struct process *process_start(const struct process_config *config, struct fail *why)
{
    struct process *p = xcalloc(1, sizeof *p);
    int ends[2] = {-1, -1};

    p->config = *config;
    p->output = p->pidfd = -1;
    buf_init(&p->line, LINE_LIMIT);
    p->log = open(config->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (p->log < 0 || (config->on_line && pipe2(ends, O_CLOEXEC) < 0) ||
        (p->pid = child_fork(config, config->on_line ? ends[1] : p->log)) < 0) {
        *why = fail_errno("start a process", errno);
        p->output = ends[0];
        if (ends[1] >= 0)
            close(ends[1]);
        descriptors_close(p);
        free(p);
        return NULL;
    }
    p->config.argv = p->config.env = NULL; /* the caller's, used up */
    p->config.log_file = NULL;
    p->pidfd = pidfd_open(p->pid, 0);
    assert(p->pidfd >= 0);
    p->exit_watch = loop_fd_new(config->loop, p->pidfd, on_pidfd, p);
    if (config->on_line) {
        close(ends[1]);
        p->output = ends[0];
        fcntl(p->output, F_SETFL, O_NONBLOCK); /* our end only: the child's writes must wait */
        p->output_watch = loop_fd_new(config->loop, p->output, on_output, p);
    }
    return p;
}

pid_t process_pid(const struct process *p)
{
    return p->pid;
}

void process_signal(struct process *p, int signo)
{
    if (p->exit_watch)
        pidfd_send_signal(p->pidfd, signo, NULL, 0);
}

void process_free(struct process *p)
{
    if (!p)
        return;
    if (p->exit_watch) {
        pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
        waitpid(p->pid, NULL, 0);
    }
    loop_fd_free(p->exit_watch);
    loop_fd_free(p->output_watch);
    descriptors_close(p);
    buf_done(&p->line);
    free(p);
}

const char *process_describe(int wait_status, char *out, size_t size)
{
    if (WIFSIGNALED(wait_status))
        (void)str_format(out, size, "signal %d (%s)", WTERMSIG(wait_status),
                         strsignal(WTERMSIG(wait_status)));
    else
        (void)str_format(out, size, "exit status %d", WEXITSTATUS(wait_status));
    return out;
}
