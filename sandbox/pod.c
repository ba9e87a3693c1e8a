#include "sandbox/pod.h"

#include "base/alloc.h"
#include "sandbox/console.h"
#include "sandbox/pod_object.h"
#include "sandbox/probe.h"
#include "sandbox/volume.h"

#include <signal.h>
#include <sys/wait.h>

enum {
    BACKOFF_MAX_US = 10 * 1000000, /* also: a life as long as this is no quick death */
    HOOK_ENV_MAX = 8
};

static void launch(struct pod *pod);

const char *pod_phase_name(enum pod_phase phase)
{
    switch (phase) {
    case POD_INIT:
        return "init";
    case POD_RUNNING:
        return "running";
    case POD_BACKOFF:
        return "backoff";
    case POD_DOWN:
        return "down";
    case POD_GONE:
        return "gone";
    }
    return "";
}

static void time_now(const struct pod *pod, char out[40])
{
    kube_format_time(loop_wall_us(pod->config->loop), out, 40);
}

static struct kube_key key_of(const struct pod *pod)
{
    return (struct kube_key){KUBE_PODS, "default", pod->name};
}

static void status_write(struct pod *pod)
{
    struct kube_key key = key_of(pod);
    int last = pod->last_status;
    struct pod_status st = {
        .ip = pod->ip,
        .started = pod->phase == POD_RUNNING ? pod->started : NULL,
        .waiting = pod->phase == POD_INIT ? "PodInitializing" : "CrashLoopBackOff",
        .since = pod->since,
        .initialized = pod->phase != POD_INIT,
        .ready = pod->ready,
        .restarts = pod->restarts,
        .has_last = last >= 0,
        .last_code = last >= 0 && WIFEXITED(last) ? WEXITSTATUS(last) : 0,
        .last_signal = last >= 0 && WIFSIGNALED(last) ? WTERMSIG(last) : 0,
        .pid = pod->process ? process_pid(pod->process) : 0,
    };
    json_t *patch = json_pack("{s:o}", "status", pod_object_status(&st));

    json_decref(kube_store_patch(pod->config->store, &key, KUBE_PART_WHOLE, patch).body);
    json_decref(patch);
}

static void ready_set(struct pod *pod, bool ready)
{
    if (pod->ready == ready)
        return;
    pod->ready = ready;
    time_now(pod, pod->since);
}

static void on_probe(void *arg, bool ready)
{
    struct pod *pod = arg;

    ready_set(pod, ready);
    status_write(pod);
    console_event(pod->name, ready ? "ready" : "not-ready", ready ? CONSOLE_GOOD : CONSOLE_BAD,
                  ready ? "is Ready" : "is not Ready");
}

/* Nothing runs any more, and the object is to go. */
static void finish(struct pod *pod)
{
    struct kube_key key = key_of(pod);
    const struct kube_delete now = {.grace_s = 0};

    timer_stop(pod->timer);
    pod->phase = POD_GONE;
    console_event(pod->name, "gone", CONSOLE_PLAIN, "is gone (uid %.8s)", pod->uid);
    json_decref(kube_store_delete(pod->config->store, &key, &now).body);
}

static int64_t backoff_next_us(struct pod *pod)
{
    int64_t delay_us = pod->config->restart_delay_us;

    if (pod->config->no_backoff)
        return delay_us;
    if (loop_now_us(pod->config->loop) - pod->launched_us >= BACKOFF_MAX_US)
        pod->quick_deaths = 0;
    for (unsigned i = 0; i < pod->quick_deaths && delay_us < BACKOFF_MAX_US; i++)
        delay_us *= 2;
    pod->quick_deaths++;
    return delay_us < BACKOFF_MAX_US ? delay_us : BACKOFF_MAX_US;
}

static void relaunch_later(struct pod *pod)
{
    int64_t delay_us = pod->empty ? 0 : backoff_next_us(pod);

    pod->phase = POD_BACKOFF;
    timer_start(pod->timer, delay_us);
    console_event(pod->name, "backoff", CONSOLE_QUIET, "starts again in %.1f s",
                  (double)delay_us / 1e6);
}

static void process_drop(struct pod *pod, int status)
{
    process_free(pod->process);
    probe_free(pod->probe);
    pod->process = NULL;
    pod->probe = NULL;
    pod->last_status = status;
    pod->frozen = false;
    ready_set(pod, false);
    if (!pod->terminating)
        timer_stop(pod->timer);
}

static void on_server_exit(void *arg, int status)
{
    struct pod *pod = arg;
    char text[80];

    console_event(pod->name, "died", pod->terminating ? CONSOLE_PLAIN : CONSOLE_BAD,
                  "process %ld ended: %s", (long)process_pid(pod->process),
                  process_describe(status, text, sizeof text));
    process_drop(pod, status);
    if (pod->terminating) {
        if (!pod->hook)
            finish(pod);
        return;
    }
    if (pod->held)
        pod->phase = POD_DOWN;
    else
        relaunch_later(pod);
    status_write(pod);
}

static void on_init_exit(void *arg, int status)
{
    struct pod *pod = arg;
    char text[80];

    process_drop(pod, status);
    if (pod->terminating) {
        finish(pod);
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        pod->last_status = -1;
        launch(pod);
        return;
    }
    console_event(pod->name, "init-failed", CONSOLE_BAD, "init hook: %s",
                  process_describe(status, text, sizeof text));
    timer_start(pod->timer, backoff_next_us(pod));
}

static struct process *hook_start(struct pod *pod, const char *command,
                                  void (*on_exit)(void *arg, int status))
{
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    char text[HOOK_ENV_MAX][POD_PATH_SIZE + 32];
    const char *const env[] = {text[0], text[1], text[2], text[3], text[4], NULL};
    const struct process_config config = {.loop = pod->config->loop,
                                          .argv = argv,
                                          .env = env,
                                          .log_file = pod->log,
                                          .on_exit = on_exit,
                                          .arg = pod};
    struct process *process;
    struct fail why;

    (void)str_format(text[0], sizeof text[0], "POD_NAME=%s", pod->name);
    (void)str_format(text[1], sizeof text[1], "POD_UID=%s", pod->uid);
    (void)str_format(text[2], sizeof text[2], "POD_IP=%s", pod->ip);
    (void)str_format(text[3], sizeof text[3], "NAMESPACE=default");
    (void)str_format(text[4], sizeof text[4], "DATA_DIRECTORY=%s", pod->volume);
    process = process_start(&config, &why);
    if (!process)
        console_event(pod->name, "error", CONSOLE_BAD, "hook: %s", why.text);
    return process;
}

static void init_run(struct pod *pod)
{
    pod->phase = POD_INIT;
    pod->process = hook_start(pod, pod->config->init_hook, on_init_exit);
    if (!pod->process)
        timer_start(pod->timer, backoff_next_us(pod));
}

static void launch(struct pod *pod)
{
    char server_log[POD_PATH_SIZE + 16];
    const char *const argv[] = {
        pod->config->memgraph, "--bolt-address", pod->ip,      "--bolt-port", "7687",
        "--data-directory",    pod->volume,      "--log-file", server_log,    NULL};
    const struct process_config config = {.loop = pod->config->loop,
                                          .argv = argv,
                                          .log_file = pod->log,
                                          .on_exit = on_server_exit,
                                          .arg = pod};
    struct fail why;

    (void)str_format(server_log, sizeof server_log, "%.*s.server.log",
                     (int)(strlen(pod->log) - strlen(".log")), pod->log);
    if (pod->empty && volume_empty(pod->volume) == 0)
        console_event(pod->name, "wiped", CONSOLE_PLAIN, "volume is empty now");
    pod->empty = false;
    pod->launched_us = loop_now_us(config.loop);
    pod->process = process_start(&config, &why);
    if (!pod->process) {
        console_event(pod->name, "error", CONSOLE_BAD, "%s", why.text);
        relaunch_later(pod);
        status_write(pod);
        return;
    }
    pod->phase = POD_RUNNING;
    time_now(pod, pod->started);
    status_write(pod);
    pod->probe = probe_start(config.loop, pod->ip, POD_BOLT_PORT, on_probe, pod);
    console_event(pod->name, "started", CONSOLE_PLAIN, "process %ld on %s:%d",
                  (long)process_pid(pod->process), pod->ip, POD_BOLT_PORT);
}

static void on_timer(void *arg)
{
    struct pod *pod = arg;

    if (pod->process || pod->hook) {
        console_event(pod->name, "killed", CONSOLE_BAD, "grace is over: SIGKILL");
        if (pod->process)
            process_signal(pod->process, SIGKILL);
        if (pod->hook)
            process_signal(pod->hook, SIGKILL);
    } else if (pod->phase == POD_INIT) {
        init_run(pod);
    } else {
        pod->restarts++;
        launch(pod);
    }
}

struct pod *pod_new(const struct pod_config *config, unsigned ordinal, const char *ip,
                    const char *owner_uid, struct fail *why)
{
    struct pod *pod = xcalloc(1, sizeof *pod);
    struct kube_reply reply;
    struct kube_meta meta;
    struct kube_key key;
    json_t *object;

    pod->config = config;
    pod->ordinal = ordinal;
    pod->last_status = -1;
    (void)str_format(pod->name, sizeof pod->name, "%s-%u", config->statefulset, ordinal);
    (void)str_copy(pod->ip, sizeof pod->ip, ip);
    (void)str_format(pod->volume, sizeof pod->volume, "%s/volumes/%s", config->directory,
                     pod->name);
    (void)str_format(pod->log, sizeof pod->log, "%s/logs/%s.log", config->directory, pod->name);
    time_now(pod, pod->since);
    key = key_of(pod);
    object = pod_object_make(pod->name, config->statefulset, config->app, owner_uid, "sandbox",
                             config->grace_s);
    reply = kube_store_create(config->store, &key, object);
    json_decref(object);
    *why = kube_judge(reply.status, reply.body);
    if (why->kind == FAIL_NONE)
        *why = kube_read_meta(reply.body, &meta);
    json_decref(reply.body);
    if (why->kind == FAIL_NONE && volume_make(pod->volume) != 0)
        *why = fail_make(FAIL_DENIED, "cannot make %s", pod->volume);
    if (why->kind != FAIL_NONE) {
        free(pod);
        return NULL;
    }
    (void)str_copy(pod->uid, sizeof pod->uid, meta.uid);
    console_event(pod->name, "created", CONSOLE_PLAIN, "created (uid %.8s, %s)", pod->uid, pod->ip);
    pod->timer = timer_new(config->loop, on_timer, pod);
    if (*config->init_hook)
        init_run(pod);
    else
        launch(pod);
    return pod;
}

void pod_free(struct pod *pod)
{
    if (!pod)
        return;
    process_free(pod->process);
    process_free(pod->hook);
    probe_free(pod->probe);
    timer_free(pod->timer);
    free(pod);
}

static void on_stop_hook_exit(void *arg, int status)
{
    struct pod *pod = arg;
    char text[80];

    process_free(pod->hook);
    pod->hook = NULL;
    console_event(pod->name, "stop-hook", CONSOLE_QUIET, "stop hook: %s",
                  process_describe(status, text, sizeof text));
    if (pod->process)
        process_signal(pod->process, SIGTERM);
    else
        finish(pod);
}

void pod_terminate(struct pod *pod, int64_t grace_s)
{
    if (pod->terminating && grace_s * 1000000 >= pod->grace_us)
        return;
    pod->grace_us = grace_s * 1000000;
    if (pod->terminating) {
        timer_start(pod->timer, pod->grace_us);
        return;
    }
    pod->terminating = true;
    console_event(pod->name, "terminating", CONSOLE_PLAIN, "is deleted: grace %lld s",
                  (long long)grace_s);
    if (!pod->process) {
        finish(pod);
        return;
    }
    timer_start(pod->timer, pod->grace_us);
    if (*pod->config->stop_hook && pod->phase == POD_RUNNING)
        pod->hook = hook_start(pod, pod->config->stop_hook, on_stop_hook_exit);
    if (!pod->hook)
        process_signal(pod->process, SIGTERM);
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
    if (pod->phase != POD_RUNNING || pod->frozen == frozen)
        return false;
    pod->frozen = frozen;
    process_signal(pod->process, frozen ? SIGSTOP : SIGCONT);
    console_event(pod->name, frozen ? "frozen" : "thawed", CONSOLE_BAD,
                  frozen ? "is frozen (SIGSTOP)" : "goes on (SIGCONT)");
    return true;
}

/* SIGTERM now, SIGKILL when its grace is over. */
static bool end_gently(struct pod *pod)
{
    if (pod->phase != POD_RUNNING || pod->terminating)
        return false;
    timer_start(pod->timer, pod->config->grace_s * 1000000);
    process_signal(pod->process, SIGTERM);
    return true;
}

bool pod_restart(struct pod *pod)
{
    return end_gently(pod);
}

bool pod_stop(struct pod *pod)
{
    if (pod->terminating || pod->held)
        return false;
    pod->held = true;
    if (pod->phase != POD_BACKOFF)
        return end_gently(pod);
    timer_stop(pod->timer);
    pod->phase = POD_DOWN;
    return true;
}

bool pod_start(struct pod *pod)
{
    if (!pod->held)
        return false;
    pod->held = false;
    if (pod->phase == POD_DOWN)
        timer_start(pod->timer, 0);
    return true;
}

bool pod_wipe(struct pod *pod)
{
    if (pod->terminating || pod->phase == POD_INIT)
        return false;
    pod->empty = true;
    if (pod->phase == POD_RUNNING)
        return end_gently(pod);
    if (pod->phase == POD_BACKOFF)
        timer_start(pod->timer, 0);
    return true;
}
