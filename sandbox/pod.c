#include "sandbox/pod.h"

#include "base/alloc.h"
#include "sandbox/console.h"
#include "sandbox/probe.h"
#include "sandbox/volume.h"

#include <signal.h>
#include <sys/wait.h>

enum { CODE_NOT_STARTED = 128, HELPER_TEXTS = 6, ENV_SIZE = POD_PATH_SIZE + 32 };

static int64_t now_us(const struct pod *pod)
{
    return loop_now_us(pod->config->loop);
}

/* Reports may be the end of the pod. */
static void report_exit(struct pod *pod, int code)
{
    const struct pod_config *config = pod->config;

    kube_cluster_exited(pod->cluster, now_us(pod), pod->seen->id, code);
    config->reported(config->arg);
}

static void report_probe(struct pod *pod, bool good)
{
    const struct pod_config *config = pod->config;

    kube_cluster_probed(pod->cluster, now_us(pod), pod->seen->id, good);
    config->reported(config->arg);
}

static void report_prestop(struct pod *pod)
{
    const struct pod_config *config = pod->config;

    kube_cluster_prestopped(pod->cluster, now_us(pod), pod->seen->id);
    config->reported(config->arg);
}

/* As Kubernetes tells the end of a container. */
static int exit_code(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static void process_drop(struct pod *pod)
{
    process_free(pod->process);
    probe_free(pod->probe);
    pod->process = NULL;
    pod->probe = NULL;
    pod->frozen = false;
}

static void on_exit_of(void *arg, int status)
{
    struct pod *pod = arg;
    bool init = pod->seen->phase == KUBE_CLUSTER_INIT;
    char text[80];

    if (!init)
        console_event(pod->seen->name, "died", pod->seen->terminating ? CONSOLE_PLAIN : CONSOLE_BAD,
                      "process %ld ended: %s", (long)process_pid(pod->process),
                      process_describe(status, text, sizeof text));
    process_drop(pod);
    report_exit(pod, exit_code(status));
}

/* False: the pod has no network, and nothing can be started. */
static bool place_take(struct pod *pod)
{
    const struct kube_cluster_pod *seen = pod->seen;

    if (!pod->config->network || (pod->place && strcmp(network_address(pod->place), seen->ip) == 0))
        return true;
    network_leave(pod->place); /* a pod that its node has begun anew has another address */
    pod->place = network_join(pod->config->network, seen->ordinal, seen->ip);
    if (!pod->place)
        console_event(seen->name, "error", CONSOLE_BAD, "cannot make its network namespace");
    return pod->place != NULL;
}

static int namespace_of(const struct pod *pod)
{
    return pod->place ? network_namespace(pod->place) : 0;
}

/* Starts an init container or a hook: a shell command, or a sub-command of the controller, with
 * what a pod's manifest would put into its environment. */
static struct process *helper_start(struct pod *pod, const char *shell, const char *command,
                                    void (*on_exit)(void *arg, int status))
{
    const struct kube_cluster_pod *seen = pod->seen;
    const char *const by_shell[] = {"/bin/sh", "-c", shell, NULL};
    const char *const by_controller[] = {pod->config->controller, command,
                                         strcmp(command, "init") == 0 ? "--data-directory" : NULL,
                                         pod->volume, NULL};
    char text[HELPER_TEXTS][ENV_SIZE];
    const char *env[HELPER_TEXTS + POD_ENV_MAX + 1];
    const struct process_config config = {.loop = pod->config->loop,
                                          .argv = *shell ? by_shell : by_controller,
                                          .env = env,
                                          .log_file = pod->log,
                                          .namespace = namespace_of(pod),
                                          .on_exit = on_exit,
                                          .arg = pod};
    struct process *process;
    struct fail why;
    size_t n = 0;

    (void)str_format(text[0], ENV_SIZE, "POD_NAME=%s", seen->name);
    (void)str_format(text[1], ENV_SIZE, "POD_UID=%s", seen->uid);
    (void)str_format(text[2], ENV_SIZE, "POD_IP=%s", seen->ip);
    (void)str_format(text[3], ENV_SIZE, "NAMESPACE=default");
    (void)str_format(text[4], ENV_SIZE, "DATA_DIRECTORY=%s", pod->volume);
    (void)str_format(text[5], ENV_SIZE, "CONTROLLER_URL=%s", pod->config->controllers);
    for (; n < HELPER_TEXTS; n++)
        env[n] = text[n];
    for (size_t i = 0; pod->config->env[i]; i++)
        env[n++] = pod->config->env[i];
    env[n] = NULL;
    process = process_start(&config, &why);
    if (!process)
        console_event(seen->name, "error", CONSOLE_BAD, "%s: %s", config.argv[0], why.text);
    return process;
}

/* A process that could not be started has ended. */
static void started_check(struct pod *pod)
{
    if (!pod->process)
        report_exit(pod, CODE_NOT_STARTED);
}

void pod_init(struct pod *pod)
{
    if (place_take(pod))
        pod->process = helper_start(pod, pod->config->init_hook, "init", on_exit_of);
    started_check(pod);
}

/* What a real Memgraph takes, and the chart gives it: a value stands behind "=", as newer versions
 * take nothing else for flags that are true or false. */
static struct process *server_start(struct pod *pod, struct fail *why)
{
    char address[64], directory[POD_PATH_SIZE + 32], log_file[POD_PATH_SIZE + 32];
    const char *const argv[] = {pod->config->memgraph,
                                address,
                                "--bolt-port=7687",
                                "--bolt-num-workers=64",
                                directory,
                                log_file,
                                "--log-level=INFO",
                                "--data-recovery-on-startup=true",
                                "--replication-restore-state-on-startup=true",
                                "--storage-wal-enabled=true",
                                "--storage-wal-file-flush-every-n-tx=1",
                                "--storage-snapshot-interval-sec=300",
                                "--storage-snapshot-on-exit=false",
                                "--telemetry-enabled=false",
                                NULL};
    const struct process_config config = {.loop = pod->config->loop,
                                          .argv = argv,
                                          .log_file = pod->log,
                                          .namespace = namespace_of(pod),
                                          .on_exit = on_exit_of,
                                          .arg = pod};

    (void)str_format(address, sizeof address, "--bolt-address=%s", pod->seen->ip);
    (void)str_format(directory, sizeof directory, "--data-directory=%s", pod->volume);
    (void)str_format(log_file, sizeof log_file, "--log-file=%.*s.server.log",
                     (int)(strlen(pod->log) - strlen(".log")), pod->log);
    return process_start(&config, why);
}

void pod_start(struct pod *pod)
{
    const struct kube_cluster_pod *seen = pod->seen;
    struct fail why = fail_make(FAIL_DENIED, "no network");

    if (place_take(pod))
        pod->process = server_start(pod, &why);
    if (pod->process)
        console_event(seen->name, "started", CONSOLE_PLAIN, "process %ld on %s:%d",
                      (long)process_pid(pod->process), seen->ip, POD_BOLT_PORT);
    else
        console_event(seen->name, "error", CONSOLE_BAD, "%s", why.text);
    started_check(pod);
}

static void on_probe(void *arg, bool good)
{
    struct pod *pod = arg;

    probe_free(pod->probe);
    pod->probe = NULL;
    report_probe(pod, good);
}

void pod_ask(struct pod *pod)
{
    probe_free(pod->probe); /* one without an answer in time */
    pod->probe = probe_start(pod->config->loop, pod->config->kubelet, pod->seen->ip, POD_BOLT_PORT,
                             on_probe, pod);
    if (!pod->probe)
        report_probe(pod, false);
}

static void on_hook_exit(void *arg, int status)
{
    struct pod *pod = arg;
    char text[80];

    process_free(pod->hook);
    pod->hook = NULL;
    console_event(pod->seen->name, "prestop", CONSOLE_QUIET, "preStop hook: %s",
                  process_describe(status, text, sizeof text));
    report_prestop(pod);
}

void pod_prestop(struct pod *pod)
{
    pod->hook = helper_start(pod, pod->config->stop_hook, "prestop", on_hook_exit);
    if (!pod->hook)
        report_prestop(pod);
}

void pod_signal(struct pod *pod, int signo)
{
    if (pod->process)
        process_signal(pod->process, signo);
}

struct pod *pod_new(const struct pod_config *config, struct kube_cluster *cluster,
                    struct kube_cluster_pod *seen)
{
    struct pod *pod = xcalloc(1, sizeof *pod);

    pod->config = config;
    pod->cluster = cluster;
    pod->seen = seen;
    (void)str_format(pod->volume, sizeof pod->volume, "%s/volumes/%s", config->directory,
                     seen->name);
    (void)str_format(pod->log, sizeof pod->log, "%s/logs/%s.log", config->directory, seen->name);
    if (volume_make(pod->volume) != 0)
        console_event(seen->name, "error", CONSOLE_BAD, "cannot make %s", pod->volume);
    return pod;
}

void pod_free(struct pod *pod)
{
    if (!pod)
        return;
    process_drop(pod);
    process_free(pod->hook);
    network_leave(pod->place);
    free(pod);
}

bool pod_kill(struct pod *pod)
{
    if (!pod->process)
        return false;
    process_signal(pod->process, SIGKILL);
    return true;
}

bool pod_freeze(struct pod *pod, bool frozen)
{
    if (!pod->process || pod->seen->phase != KUBE_CLUSTER_RUNNING || pod->frozen == frozen)
        return false;
    pod->frozen = frozen;
    process_signal(pod->process, frozen ? SIGSTOP : SIGCONT);
    console_event(pod->seen->name, frozen ? "frozen" : "thawed", CONSOLE_BAD,
                  frozen ? "is frozen (SIGSTOP)" : "goes on (SIGCONT)");
    return true;
}
