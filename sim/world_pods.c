/* world_pods: the machines under the cluster's model: what runs in its pods. */
#include "sim/world_impl.h"

#include "base/alloc.h"

#include <signal.h>

/* One incarnation of a pod: its network and its process. */
struct incarnation {
    struct world *world;
    unsigned ordinal;
    uint64_t id;
    struct host *host;
    struct memgraph_host *process;
    struct hook *init, *prestop;
    struct happening probed;
    bool probe_ok;
};

static void on_process_end(void *arg, int code)
{
    struct incarnation *in = arg;
    struct world *w = in->world;
    struct world_pod *pod = &w->pods[in->ordinal];

    if (pod->process == in->process)
        pod->process = NULL;
    in->process = NULL;
    if (w->ending)
        return;
    world_say(w, "%s ends with %d", host_name(in->host), code);
    kube_cluster_exited(w->cluster, clock_now_us(), in->id, code);
    world_cluster_asked(w);
}

static void on_probed(void *arg)
{
    struct incarnation *in = arg;

    kube_cluster_probed(in->world->cluster, clock_now_us(), in->id, in->probe_ok);
    world_cluster_asked(in->world);
}

static struct incarnation *incarnation_of(struct world *w, struct kube_cluster_pod *pod)
{
    struct incarnation *in = pod->host;

    if (!in) {
        in = xcalloc(1, sizeof *in);
        in->world = w;
        in->ordinal = pod->ordinal;
        in->id = pod->id;
        happening_init(&in->probed, NULL, on_probed, in);
        pod->host = in;
    }
    if (in->host && host_is_down(in->host)) { /* its machine has rebooted */
        host_free(in->host);
        in->host = NULL;
    }
    if (!in->host)
        in->host = host_new(pod->name, pod->ip);
    w->pods[pod->ordinal].host = in->host;
    return in;
}

/* ---- struct kube_cluster_host ---- */

static int64_t host_wall_us(void *arg)
{
    (void)arg;
    return process_wall_us();
}

static void on_init_done(void *arg, bool well)
{
    struct incarnation *in = arg;

    in->init = NULL;
    kube_cluster_exited(in->world->cluster, clock_now_us(), in->id, well ? 0 : 1);
    world_cluster_asked(in->world);
}

static void host_init(void *arg, struct kube_cluster_pod *pod)
{
    struct incarnation *in = incarnation_of(arg, pod);

    in->init = hook_init(arg, in->host, pod->ordinal, pod->uid, on_init_done, in);
}

static void on_prestop_done(void *arg, bool well)
{
    struct incarnation *in = arg;

    (void)well;
    in->prestop = NULL;
    kube_cluster_prestopped(in->world->cluster, clock_now_us(), in->id);
    world_cluster_asked(in->world);
}

static void host_prestop(void *arg, struct kube_cluster_pod *pod)
{
    struct incarnation *in = incarnation_of(arg, pod);

    hook_free(in->prestop);
    in->prestop = hook_prestop(arg, in->host, pod->ordinal, pod->uid, on_prestop_done, in);
}

static void host_start(void *arg, struct kube_cluster_pod *pod)
{
    struct world *w = arg;
    struct incarnation *in = incarnation_of(w, pod);
    struct world_pod *wp = &w->pods[pod->ordinal];
    struct memgraph_host_config config = {.host = in->host,
                                          .volume = &wp->volume,
                                          .model = w->config.model,
                                          .start_us = w->config.load_us,
                                          .on_end = on_process_end,
                                          .arg = in};

    config.model.seed = random_next(&w->random);
    in->process = memgraph_host_start(&config);
    wp->process = in->process;
    wp->id = pod->id;
}

/* A TCP probe of the Bolt port by the kubelet: a frozen process still passes it. */
static void host_probe(void *arg, struct kube_cluster_pod *pod)
{
    enum { PROBE_US = 500 };
    struct incarnation *in = incarnation_of(arg, pod);

    in->probe_ok = in->process && memgraph_host_open(in->process);
    happening_after(&in->probed, PROBE_US);
}

static void host_kill(void *arg, struct kube_cluster_pod *pod, int signo)
{
    struct incarnation *in = pod->host;

    if (in && in->process) {
        memgraph_host_signal(in->process, signo);
    } else if (in && in->init) {
        hook_free(in->init);
        in->init = NULL;
        kube_cluster_exited(((struct world *)arg)->cluster, clock_now_us(), in->id, 128 + signo);
    }
}

static void host_wipe(void *arg, unsigned ordinal)
{
    struct world *w = arg;

    world_say(w, "the volume of " WORLD_STATEFULSET "-%u is empty", ordinal);
    volume_wipe(&w->pods[ordinal].volume);
}

static void incarnation_free(struct incarnation *in)
{
    struct world_pod *pod = &in->world->pods[in->ordinal];

    memgraph_host_free(in->process);
    hook_free(in->init);
    hook_free(in->prestop);
    if (pod->host == in->host)
        pod->host = NULL;
    happening_cancel(&in->probed);
    host_free(in->host);
    free(in);
}

static void host_closed(void *arg, struct kube_cluster_pod *pod)
{
    (void)arg;
    if (pod->host)
        incarnation_free(pod->host);
    pod->host = NULL;
}

static void host_tell(void *arg, const struct kube_cluster_pod *pod, const char *what,
                      const char *text)
{
    world_say(arg, "%s: %s %s", pod->name, what, text);
}

struct kube_cluster_host world_pods_host(struct world *w)
{
    return (struct kube_cluster_host){.arg = w,
                                      .wall_us = host_wall_us,
                                      .init = w->config.init ? host_init : NULL,
                                      .prestop = w->config.prestop ? host_prestop : NULL,
                                      .start = host_start,
                                      .probe = host_probe,
                                      .kill = host_kill,
                                      .wipe = host_wipe,
                                      .closed = host_closed,
                                      .tell = host_tell};
}

void world_pods_init(struct world *w)
{
    for (unsigned i = 0; i < KUBE_CLUSTER_PODS_MAX; i++) {
        w->pods[i].world = w;
        volume_init(&w->pods[i].volume);
    }
}

void world_pods_done(struct world *w)
{
    struct kube_cluster_pod *pod;

    for (size_t i = 0; (pod = kube_cluster_each(w->cluster, i)); i++)
        host_closed(w, pod);
    for (unsigned i = 0; i < KUBE_CLUSTER_PODS_MAX; i++)
        volume_done(&w->pods[i].volume);
}

/* ---- what a story does to pods ---- */

void world_pod_signal(struct world *w, unsigned ordinal, int signo)
{
    struct world_pod *pod = &w->pods[ordinal];

    if (!pod->process)
        return;
    world_say(w, WORLD_STATEFULSET "-%u gets %s", ordinal, strsignal(signo));
    memgraph_host_signal(pod->process, signo);
}

/* Whatever runs there, of older incarnations too. */
static void kill_all(struct world *w, unsigned ordinal)
{
    struct kube_cluster_pod *pod;

    for (size_t i = 0; (pod = kube_cluster_each(w->cluster, i)); i++)
        if (pod->ordinal == ordinal)
            host_kill(w, pod, SIGKILL);
}

void world_node_crash(struct world *w, unsigned ordinal)
{
    struct world_pod *pod = &w->pods[ordinal];

    world_say(w, "the machine of " WORLD_STATEFULSET "-%u dies", ordinal);
    pod->crashed++;
    if (pod->host)
        host_set_down(pod->host, true); /* for good: the pod gets another address */
    kube_cluster_node_set(w->cluster, clock_now_us(), ordinal, false);
    kill_all(w, ordinal);
    volume_crash(&pod->volume, &w->random);
    world_cluster_asked(w);
}

void world_node_return(struct world *w, unsigned ordinal)
{
    world_say(w, "the machine of " WORLD_STATEFULSET "-%u is back", ordinal);
    kube_cluster_node_set(w->cluster, clock_now_us(), ordinal, true);
    world_cluster_asked(w);
}

const struct mg *world_model(const struct world *w, unsigned ordinal)
{
    return w->pods[ordinal].process ? memgraph_host_model(w->pods[ordinal].process) : NULL;
}

void world_rollout(struct world *w)
{
    json_decref(kube_cluster_rollout_restart(w->cluster).body);
    world_cluster_asked(w);
}

/* As `kubectl rollout status` sees it. */
bool world_is_rolled_out(const struct world *w)
{
    struct kube_key key = {KUBE_STATEFULSETS, WORLD_NAMESPACE, WORLD_STATEFULSET};
    json_t *status = json_object_get(kube_store_find(w->store, &key), "status");
    json_int_t updated = json_integer_value(json_object_get(status, "updatedReplicas"));
    json_int_t ready = json_integer_value(json_object_get(status, "readyReplicas"));

    return updated == (json_int_t)w->config.pods && ready == (json_int_t)w->config.pods;
}
