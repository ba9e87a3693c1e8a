#include "kube_bed.h"

#include <signal.h>

/* --- the host ------------------------------------------------------------------------------- */

static int64_t wall_us(void *arg)
{
    return 1795221600 * SECOND + ((struct bed *)arg)->now_us;
}

static void note(struct bed *f, const char *what, unsigned ordinal)
{
    assert_true(
        str_append(f->log, sizeof f->log, "%.1f %s %u\n", (double)f->now_us / 1e6, what, ordinal));
}

static void life_begin(struct bed *f, const struct kube_cluster_pod *pod, bool init)
{
    for (size_t i = 0; i < f->lives_n; i++)
        if (f->lives[i].runs && f->lives[i].ordinal == pod->ordinal)
            fail_msg("two processes on the volume of %s", pod->name);
    assert_true(f->lives_n < LIVES_MAX);
    f->lives[f->lives_n++] = (struct life){pod->id, pod->ordinal, true, init};
    note(f, init ? "init" : "start", pod->ordinal);
}

static struct life *life_of(struct bed *f, uint64_t id)
{
    for (size_t i = f->lives_n; i-- > 0;)
        if (f->lives[i].id == id && f->lives[i].runs)
            return &f->lives[i];
    return NULL;
}

void bed_life_end(struct bed *f, uint64_t id, int code)
{
    struct life *life = life_of(f, id);

    assert_non_null(life);
    life->runs = false;
    kube_cluster_exited(f->cluster, f->now_us, id, code);
}

static void host_init(void *arg, struct kube_cluster_pod *pod)
{
    struct bed *f = arg;

    life_begin(f, pod, true);
    if (!f->slow_init)
        bed_life_end(f, pod->id, f->init_code); /* from within */
}

static void host_start(void *arg, struct kube_cluster_pod *pod)
{
    assert_true(*pod->ip);
    life_begin(arg, pod, false);
}

static void host_probe(void *arg, struct kube_cluster_pod *pod)
{
    struct bed *f = arg;

    if (!f->silent[pod->ordinal])
        kube_cluster_probed(f->cluster, f->now_us, pod->id, !f->unready[pod->ordinal]);
}

static void host_prestop(void *arg, struct kube_cluster_pod *pod)
{
    struct bed *f = arg;

    note(f, "prestop", pod->ordinal);
    if (!f->slow_hook)
        kube_cluster_prestopped(f->cluster, f->now_us, pod->id);
}

static void host_kill(void *arg, struct kube_cluster_pod *pod, int signo)
{
    struct bed *f = arg;

    note(f, signo == SIGKILL ? "SIGKILL" : "SIGTERM", pod->ordinal);
    if (signo == SIGKILL || !f->stubborn[pod->ordinal])
        bed_life_end(f, pod->id, signo == SIGKILL ? 137 : 0);
}

static void host_wipe(void *arg, unsigned ordinal)
{
    note(arg, "wipe", ordinal);
}

static void host_closed(void *arg, struct kube_cluster_pod *pod)
{
    struct bed *f = arg;

    assert_null(life_of(f, pod->id));
    note(f, "closed", pod->ordinal);
}

/* --- what a watch would show ---------------------------------------------------------------- */

const char *bed_text(const json_t *object, const char *a, const char *b)
{
    const char *text = json_string_value(json_object_get(json_object_get(object, a), b));

    return text ? text : "";
}

void bed_describe(char out[LOG_SIZE], const char *type, json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata");
    json_t *grace = json_object_get(metadata, "deletionGracePeriodSeconds");
    const json_t *containers = json_object_get(json_object_get(object, "status"),
                                               "containerStatuses");
    const json_t *state = json_object_get(json_array_get(containers, 0), "state");
    struct kube_pod pod;

    assert_int_equal(kube_read_pod(object, &pod).kind, FAIL_NONE);
    assert_true(
        str_append(out, LOG_SIZE, "%s %s%s%s%s%s%s", type, bed_text(object, "status", "phase"),
                   *bed_text(object, "spec", "nodeName") ? " bound" : "", *pod.ip ? " ip" : "",
                   pod.ready ? " ready" : "", pod.terminating ? " terminating" : "",
                   json_object_get(state, "running")      ? " running"
                   : json_object_get(state, "terminated") ? " terminated"
                   : json_object_get(state, "waiting")    ? " waiting"
                                                          : ""));
    if (grace)
        assert_true(
            str_append(out, LOG_SIZE, " grace %s", json_integer_value(grace) ? "yes" : "0"));
    assert_true(str_append(out, LOG_SIZE, "\n"));
}

static void on_change(void *arg)
{
    static const char *const types[] = {
        [KUBE_ADDED] = "ADDED", [KUBE_MODIFIED] = "MODIFIED", [KUBE_DELETED] = "DELETED"};
    struct bed *f = arg;
    const struct kube_change *change;
    bool expired;

    while ((change = kube_store_after(f->store, f->seen, &expired))) {
        f->seen = change->version;
        if (f->watched && change->resource == KUBE_PODS &&
            strcmp(bed_text(change->object, "metadata", "name"), f->watched) == 0)
            bed_describe(f->changes, types[change->type], change->object);
    }
    if (f->cluster)
        kube_cluster_wake(f->cluster, f->now_us);
}

/* --- driving it ----------------------------------------------------------------------------- */

void bed_run(struct bed *f, int64_t us)
{
    int64_t end_us = f->now_us + us, due_us;

    while ((due_us = kube_cluster_deadline(f->cluster)) <= end_us) {
        f->now_us = due_us > f->now_us ? due_us : f->now_us;
        kube_cluster_tick(f->cluster, f->now_us);
    }
    f->now_us = end_us;
    kube_cluster_tick(f->cluster, f->now_us);
}

void bed_log_clear(struct bed *f)
{
    f->log[0] = f->changes[0] = 0;
}

void bed_begin(struct bed *f, struct kube_cluster_config *config, bool init, bool hook)
{
    struct kube_cluster_host host = {.arg = f,
                                     .wall_us = wall_us,
                                     .init = init ? host_init : NULL,
                                     .start = host_start,
                                     .probe = host_probe,
                                     .prestop = hook ? host_prestop : NULL,
                                     .kill = host_kill,
                                     .wipe = host_wipe,
                                     .closed = host_closed};
    struct kube_cluster_config own;

    kube_cluster_config_init(&own);
    own.notice_us = own.start_us = 0;
    own.probe_delay_us = own.probe_ready_us = own.probe_unready_us = SECOND;
    if (config) {
        own.replicas = config->replicas;
        own.parallel = config->parallel;
        own.address = config->address;
        own.node_eviction_us = config->node_eviction_us;
        own.backoff_over_us = config->backoff_over_us;
    }
    own.store = f->store;
    own.ns = "default";
    own.statefulset = own.app = "db";
    own.network = "10.0.0.";
    f->cluster = kube_cluster_new(&own, &host, f->now_us);
}

void bed_begin_ready(struct bed *f, bool init, bool hook)
{
    bed_begin(f, NULL, init, hook);
    bed_run(f, 10 * SECOND);
    for (unsigned i = 0; i < 3; i++)
        assert_true(kube_cluster_pod(f->cluster, i)->ready);
    bed_log_clear(f);
}

int bed_set_up(void **state)
{
    static struct bed f;

    f = (struct bed){0};
    f.store = kube_store_new(&(struct kube_store_config){
        .wall_us = wall_us, .on_change = on_change, .arg = &f, .seed = 1});
    f.seen = kube_store_version(f.store);
    *state = &f;
    return 0;
}

int bed_tear_down(void **state)
{
    struct bed *f = *state;

    kube_cluster_free(f->cluster);
    kube_store_free(f->store);
    return 0;
}

void bed_expect_log(struct bed *f, const char *wanted)
{
    assert_string_equal(f->log, wanted);
    f->log[0] = 0;
}

unsigned bed_status(struct kube_reply reply)
{
    json_decref(reply.body);
    return reply.status;
}

json_t *bed_object(const struct bed *f, enum kube_resource resource, const char *name)
{
    struct kube_key key = {resource, "default", name};

    return kube_store_find(f->store, &key);
}

bool bed_object_ready(const struct bed *f, const char *name)
{
    struct kube_pod pod;

    assert_int_equal(kube_read_pod(bed_object(f, KUBE_PODS, name), &pod).kind, FAIL_NONE);
    return pod.ready;
}
