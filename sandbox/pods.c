#include "sandbox/pods.h"

#include "base/alloc.h"
#include "sandbox/console.h"
#include "sandbox/volume.h"

#include <signal.h>

enum {
    BACKOFF_MAX_US = 10 * 1000000, /* also: a life as long as this is no quick death */
    PROBE_DELAY_US = 10 * 1000,
    PROBE_UNREADY_US = 50 * 1000,
    PROBE_READY_US = 1000 * 1000,
    PROBE_FAILURES = 2
};

struct pods {
    const struct pods_config *config;
    struct pod_config pod_config; /* with our callback */
    struct kube_cluster *cluster;
    struct timer *timer; /* of the cluster's deadline */
    bool held[PODS_MAX];
    bool stopping;
};

static struct pod *pod_of(const struct pods *ps, struct kube_cluster_pod *seen)
{
    if (!seen->host)
        seen->host = pod_new(&ps->pod_config, ps->cluster, seen);
    return seen->host;
}

/* ---- what the cluster asks for ---- */

static int64_t host_wall_us(void *arg)
{
    return loop_wall_us(((struct pods *)arg)->config->pod.loop);
}

static void host_init(void *arg, struct kube_cluster_pod *seen)
{
    pod_init(pod_of(arg, seen));
}

static void host_start(void *arg, struct kube_cluster_pod *seen)
{
    pod_start(pod_of(arg, seen));
}

static void host_probe(void *arg, struct kube_cluster_pod *seen)
{
    pod_ask(pod_of(arg, seen));
}

static void host_prestop(void *arg, struct kube_cluster_pod *seen)
{
    pod_prestop(pod_of(arg, seen));
}

static void host_kill(void *arg, struct kube_cluster_pod *seen, int signo)
{
    pod_signal(pod_of(arg, seen), signo);
}

static void host_wipe(void *arg, unsigned ordinal)
{
    const struct pods *ps = arg;
    char path[POD_PATH_SIZE];

    (void)str_format(path, sizeof path, "%s/volumes/%s-%u", ps->config->pod.directory,
                     ps->config->statefulset, ordinal);
    if (volume_empty(path) != 0)
        console_event("sandbox", "error", CONSOLE_BAD, "cannot empty %s", path);
}

static void host_closed(void *arg, struct kube_cluster_pod *seen)
{
    (void)arg;
    pod_free(seen->host);
}

static enum console_tone tone_of(const char *what)
{
    static const struct {
        const char *what;
        enum console_tone tone;
    } tones[] = {
        {"ready", CONSOLE_GOOD},      {"not-ready", CONSOLE_BAD}, {"backoff", CONSOLE_QUIET},
        {"init-failed", CONSOLE_BAD}, {"killed", CONSOLE_BAD},    {"hook-late", CONSOLE_BAD},
        {"node-lost", CONSOLE_BAD},
    };

    for (size_t i = 0; i < ARRAY_LEN(tones); i++)
        if (strcmp(tones[i].what, what) == 0)
            return tones[i].tone;
    return CONSOLE_PLAIN;
}

static void host_tell(void *arg, const struct kube_cluster_pod *seen, const char *what,
                      const char *text)
{
    const struct pods *ps = arg;

    if (!ps->stopping)
        console_event(seen->name, what, tone_of(what), "%s", text);
}

/* ---- driving it ---- */

static int64_t now_us(const struct pods *ps)
{
    return loop_now_us(ps->config->pod.loop);
}

void pods_wake(struct pods *ps)
{
    int64_t due_us, now = now_us(ps);

    if (ps->stopping)
        return;
    kube_cluster_wake(ps->cluster, now);
    due_us = kube_cluster_deadline(ps->cluster);
    if (due_us == INT64_MAX)
        timer_stop(ps->timer);
    else
        timer_start(ps->timer, due_us > now ? due_us - now : 0);
}

void pods_start(struct pods *ps)
{
    kube_cluster_tick(ps->cluster, now_us(ps));
    pods_wake(ps);
}

static void on_timer(void *arg)
{
    pods_start(arg);
}

static void on_reported(void *arg)
{
    pods_wake(arg);
}

static struct kube_cluster *cluster_make(struct pods *ps)
{
    const struct pods_config *own = ps->config;
    const struct pod_config *pod = &own->pod;
    bool hook = *pod->stop_hook || pod->prestop;
    const struct kube_cluster_host host = {.arg = ps,
                                           .wall_us = host_wall_us,
                                           .init = *pod->init_hook || pod->init ? host_init : NULL,
                                           .start = host_start,
                                           .probe = host_probe,
                                           .prestop = hook ? host_prestop : NULL,
                                           .kill = host_kill,
                                           .wipe = host_wipe,
                                           .closed = host_closed,
                                           .tell = host_tell};
    struct kube_cluster_config config;

    kube_cluster_config_init(&config);
    config.store = own->store;
    config.ns = "default";
    config.statefulset = own->statefulset;
    config.app = own->app;
    config.replicas = own->replicas;
    config.parallel = own->parallel;
    config.network = own->addresses;
    config.grace_s = own->grace_s;
    config.notice_us = config.start_us = 0;
    config.restart_us = own->restart_delay_us;
    config.backoff_us = own->no_backoff ? 0 : 2 * own->restart_delay_us;
    config.backoff_max_us = config.backoff_over_us = BACKOFF_MAX_US;
    config.probe_delay_us = PROBE_DELAY_US;
    config.probe_unready_us = PROBE_UNREADY_US;
    config.probe_ready_us = PROBE_READY_US;
    config.probe_failures = PROBE_FAILURES;
    return kube_cluster_new(&config, &host, now_us(ps));
}

struct pods *pods_new(const struct pods_config *config)
{
    struct pods *ps = xcalloc(1, sizeof *ps);

    ps->config = config;
    ps->pod_config = config->pod;
    ps->pod_config.reported = on_reported;
    ps->pod_config.arg = ps;
    ps->timer = timer_new(config->pod.loop, on_timer, ps);
    ps->cluster = cluster_make(ps);
    return ps;
}

void pods_free(struct pods *ps)
{
    const struct kube_cluster_pod *seen;

    if (!ps)
        return;
    for (size_t i = 0; (seen = kube_cluster_each(ps->cluster, i)); i++)
        pod_free(seen->host);
    kube_cluster_free(ps->cluster);
    timer_free(ps->timer);
    free(ps);
}

struct kube_cluster *pods_cluster(struct pods *ps)
{
    return ps->cluster;
}

struct pod *pods_at(const struct pods *ps, unsigned ordinal)
{
    struct kube_cluster_pod *seen = ordinal < PODS_MAX ? kube_cluster_pod(ps->cluster, ordinal)
                                                       : NULL;

    return seen ? pod_of(ps, seen) : NULL;
}

struct pod *pods_find(const struct pods *ps, struct str name)
{
    for (unsigned i = 0; i < PODS_MAX; i++) {
        struct pod *pod = pods_at(ps, i);

        if (pod && str_eq(name, pod->seen->name))
            return pod;
    }
    return NULL;
}

const char *pods_phase(const struct pods *ps, const struct pod *pod)
{
    bool down = ps->held[pod->seen->ordinal] && pod->seen->phase == KUBE_CLUSTER_BACKOFF;

    return down ? "down" : kube_cluster_phase_name(pod->seen->phase);
}

bool pods_hold(struct pods *ps, struct pod *pod, bool held)
{
    unsigned ordinal = pod->seen->ordinal;

    if (ps->held[ordinal] == held)
        return false;
    ps->held[ordinal] = held;
    kube_cluster_hold(ps->cluster, now_us(ps), ordinal, held);
    if (held)
        (void)kube_cluster_restart(ps->cluster, now_us(ps), ordinal);
    pods_wake(ps);
    return true;
}

void pods_stop_all(struct pods *ps)
{
    const struct kube_cluster_pod *seen;

    ps->stopping = true;
    timer_stop(ps->timer);
    for (unsigned i = 0; i < PODS_MAX; i++)
        kube_cluster_hold(ps->cluster, now_us(ps), i, true);
    for (size_t i = 0; (seen = kube_cluster_each(ps->cluster, i)); i++) {
        struct pod *pod = seen->host;

        if (pod)
            pod_signal(pod, pod->frozen ? SIGKILL : SIGTERM);
    }
}

bool pods_any_running(const struct pods *ps)
{
    const struct kube_cluster_pod *seen;

    for (size_t i = 0; (seen = kube_cluster_each(ps->cluster, i)); i++)
        if (kube_cluster_alive(seen))
            return true;
    return false;
}
