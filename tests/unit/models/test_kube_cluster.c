/* The cluster model: the StatefulSet controller, kubelets, nodes and kubectl, against what a real
 * cluster did (tests/data/kubernetes) and what the sources of Kubernetes say. */
#include "models/kube_cluster.h"

#include "../kube_capture.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>

enum { PODS = KUBE_CLUSTER_PODS_MAX, LOG_SIZE = 8192, LIVES_MAX = 64 };

#define SECOND ((int64_t)1000000)

/* A process of the host: init container or server. */
struct life {
    uint64_t id;
    unsigned ordinal;
    bool runs, init;
};

struct fixture {
    struct kube_store *store;
    struct kube_cluster *cluster;
    int64_t now_us;
    uint64_t seen;      /* version of the store that is in `changes` */
    char log[LOG_SIZE]; /* what the host was asked, and when: "12.5 start 0\n" */
    char changes[LOG_SIZE];
    const char *watched; /* the pod whose changes are written there; NULL: none */
    struct life lives[LIVES_MAX];
    size_t lives_n;
    bool unready[PODS];  /* answers no */
    bool silent[PODS];   /* answers nothing */
    bool stubborn[PODS]; /* ignores SIGTERM */
    bool slow_hook;      /* the preStop hook is reported by the test */
    bool slow_init;      /* the init container's end is reported by the test */
    int init_code;
};

/* --- the host ------------------------------------------------------------------------------- */

static int64_t wall_us(void *arg)
{
    return 1795221600 * SECOND + ((struct fixture *)arg)->now_us;
}

static void note(struct fixture *f, const char *what, unsigned ordinal)
{
    assert_true(
        str_append(f->log, sizeof f->log, "%.1f %s %u\n", (double)f->now_us / 1e6, what, ordinal));
}

static void life_begin(struct fixture *f, const struct kube_cluster_pod *pod, bool init)
{
    for (size_t i = 0; i < f->lives_n; i++)
        if (f->lives[i].runs && f->lives[i].ordinal == pod->ordinal)
            fail_msg("two processes on the volume of %s", pod->name);
    assert_true(f->lives_n < LIVES_MAX);
    f->lives[f->lives_n++] = (struct life){pod->id, pod->ordinal, true, init};
    note(f, init ? "init" : "start", pod->ordinal);
}

static struct life *life_of(struct fixture *f, uint64_t id)
{
    for (size_t i = f->lives_n; i-- > 0;)
        if (f->lives[i].id == id && f->lives[i].runs)
            return &f->lives[i];
    return NULL;
}

static void life_end(struct fixture *f, uint64_t id, int code)
{
    struct life *life = life_of(f, id);

    assert_non_null(life);
    life->runs = false;
    kube_cluster_exited(f->cluster, f->now_us, id, code);
}

static void host_init(void *arg, struct kube_cluster_pod *pod)
{
    struct fixture *f = arg;

    life_begin(f, pod, true);
    if (!f->slow_init)
        life_end(f, pod->id, f->init_code); /* from within */
}

static void host_start(void *arg, struct kube_cluster_pod *pod)
{
    assert_true(*pod->ip);
    life_begin(arg, pod, false);
}

static void host_probe(void *arg, struct kube_cluster_pod *pod)
{
    struct fixture *f = arg;

    if (!f->silent[pod->ordinal])
        kube_cluster_probed(f->cluster, f->now_us, pod->id, !f->unready[pod->ordinal]);
}

static void host_prestop(void *arg, struct kube_cluster_pod *pod)
{
    struct fixture *f = arg;

    note(f, "prestop", pod->ordinal);
    if (!f->slow_hook)
        kube_cluster_prestopped(f->cluster, f->now_us, pod->id);
}

static void host_kill(void *arg, struct kube_cluster_pod *pod, int signo)
{
    struct fixture *f = arg;

    note(f, signo == SIGKILL ? "SIGKILL" : "SIGTERM", pod->ordinal);
    if (signo == SIGKILL || !f->stubborn[pod->ordinal])
        life_end(f, pod->id, signo == SIGKILL ? 137 : 0);
}

static void host_wipe(void *arg, unsigned ordinal)
{
    note(arg, "wipe", ordinal);
}

static void host_closed(void *arg, struct kube_cluster_pod *pod)
{
    struct fixture *f = arg;

    assert_null(life_of(f, pod->id));
    note(f, "closed", pod->ordinal);
}

/* --- what a watch would show ---------------------------------------------------------------- */

static const char *text_at(const json_t *object, const char *a, const char *b)
{
    const char *text = json_string_value(json_object_get(json_object_get(object, a), b));

    return text ? text : "";
}

/* One line about a pod's change: the type and what clients decide by. */
static void change_describe(char out[LOG_SIZE], const char *type, json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata");
    json_t *grace = json_object_get(metadata, "deletionGracePeriodSeconds");
    const json_t *containers = json_object_get(json_object_get(object, "status"),
                                               "containerStatuses");
    const json_t *state = json_object_get(json_array_get(containers, 0), "state");
    struct kube_pod pod;

    assert_int_equal(kube_read_pod(object, &pod).kind, FAIL_NONE);
    assert_true(
        str_append(out, LOG_SIZE, "%s %s%s%s%s%s%s", type, text_at(object, "status", "phase"),
                   *text_at(object, "spec", "nodeName") ? " bound" : "", *pod.ip ? " ip" : "",
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
    struct fixture *f = arg;
    const struct kube_change *change;
    bool expired;

    while ((change = kube_store_after(f->store, f->seen, &expired))) {
        f->seen = change->version;
        if (f->watched && change->resource == KUBE_PODS &&
            strcmp(text_at(change->object, "metadata", "name"), f->watched) == 0)
            change_describe(f->changes, types[change->type], change->object);
    }
    if (f->cluster)
        kube_cluster_wake(f->cluster, f->now_us);
}

/* --- driving it ----------------------------------------------------------------------------- */

static void run(struct fixture *f, int64_t us)
{
    int64_t end_us = f->now_us + us, due_us;

    while ((due_us = kube_cluster_deadline(f->cluster)) <= end_us) {
        f->now_us = due_us > f->now_us ? due_us : f->now_us;
        kube_cluster_tick(f->cluster, f->now_us);
    }
    f->now_us = end_us;
    kube_cluster_tick(f->cluster, f->now_us);
}

static void log_clear(struct fixture *f)
{
    f->log[0] = f->changes[0] = 0;
}

/* Makes the cluster; config NULL: three pods, started at once, with round numbers. */
static void begin(struct fixture *f, struct kube_cluster_config *config, bool init, bool hook)
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

static void begin_ready(struct fixture *f, bool init, bool hook)
{
    begin(f, NULL, init, hook);
    run(f, 10 * SECOND);
    for (unsigned i = 0; i < 3; i++)
        assert_true(kube_cluster_pod(f->cluster, i)->ready);
    log_clear(f);
}

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){0};
    f.store = kube_store_new(&(struct kube_store_config){
        .wall_us = wall_us, .on_change = on_change, .arg = &f, .seed = 1});
    f.seen = kube_store_version(f.store);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kube_cluster_free(f->cluster);
    kube_store_free(f->store);
    return 0;
}

static void expect_log(struct fixture *f, const char *wanted)
{
    assert_string_equal(f->log, wanted);
    f->log[0] = 0;
}

static unsigned drop(struct kube_reply reply)
{
    json_decref(reply.body);
    return reply.status;
}

static json_t *object_of(const struct fixture *f, enum kube_resource resource, const char *name)
{
    struct kube_key key = {resource, "default", name};

    return kube_store_find(f->store, &key);
}

static bool object_ready(const struct fixture *f, const char *name)
{
    struct kube_pod pod;

    assert_int_equal(kube_read_pod(object_of(f, KUBE_PODS, name), &pod).kind, FAIL_NONE);
    return pod.ready;
}

static int set_number(const struct fixture *f, const char *member)
{
    const json_t *status = json_object_get(object_of(f, KUBE_STATEFULSETS, "db"), "status");

    return (int)json_integer_value(json_object_get(status, member));
}

static const char *set_text(const struct fixture *f, const char *member)
{
    return text_at(object_of(f, KUBE_STATEFULSETS, "db"), "status", member);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_created_in_order(void **state)
{
    struct fixture *f = *state;

    begin(f, NULL, false, false);
    run(f, 10 * SECOND);
    expect_log(f, "0.0 start 0\n1.0 start 1\n2.0 start 2\n");
    assert_int_equal(set_number(f, "replicas"), 3);
    assert_int_equal(set_number(f, "readyReplicas"), 3);
    assert_int_equal(set_number(f, "updatedReplicas"), 3);
    assert_string_equal(set_text(f, "currentRevision"), set_text(f, "updateRevision"));
}

static void test_order_waits_for_ready(void **state)
{
    struct fixture *f = *state;

    f->unready[1] = true;
    begin(f, NULL, false, false);
    run(f, 10 * SECOND);
    expect_log(f, "0.0 start 0\n1.0 start 1\n");
    f->unready[1] = false;
    run(f, SECOND);
    assert_non_null(kube_cluster_pod(f->cluster, 2));
}

static void test_parallel(void **state)
{
    struct fixture *f = *state;
    struct kube_cluster_config config = {.replicas = 3, .parallel = true};

    f->unready[0] = true;
    begin(f, &config, false, false);
    run(f, 0);
    expect_log(f, "0.0 start 0\n0.0 start 1\n0.0 start 2\n");
    assert_int_equal(drop(kube_cluster_scale(f->cluster, 1)), 200);
    run(f, 0);
    expect_log(f, "0.0 SIGTERM 1\n0.0 SIGTERM 2\n0.0 closed 1\n0.0 closed 2\n");
}

/* The lines of the captured watch about one pod, from its first deletion until the next one of
 * that name is Ready. */
static void capture_changes(char out[LOG_SIZE])
{
    struct capture c = capture_load("10-watch-real-kubelet-lifecycle.resp");
    struct str rest = c.body;

    out[0] = 0;
    while (rest.n && !strstr(out, "ready running\nADDED") && !strstr(out, "ip ready running\n")) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        enum kube_event_type type;
        json_t *event, *object;

        if (!line.n)
            continue;
        assert_int_equal(kube_watch_line(line, &event, &type, &object).kind, FAIL_NONE);
        if (strcmp(text_at(object, "metadata", "name"), "web-2") == 0)
            change_describe(out, json_string_value(json_object_get(event, "type")), object);
        json_decref(event);
    }
    capture_done(&c);
}

static void test_delete_as_a_real_cluster(void **state)
{
    struct fixture *f = *state;
    char uid[KUBE_UID_SIZE], ip[40], wanted[LOG_SIZE];
    struct kube_cluster_pod *pod;

    begin_ready(f, false, false);
    pod = kube_cluster_pod(f->cluster, 2);
    (void)str_copy(uid, sizeof uid, pod->uid);
    (void)str_copy(ip, sizeof ip, pod->ip);
    f->watched = "db-2";
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    run(f, 5 * SECOND);
    expect_log(f, "10.0 SIGTERM 2\n10.0 closed 2\n10.0 start 2\n");
    capture_changes(wanted);
    assert_non_null(strstr(wanted, "DELETED"));
    assert_string_equal(f->changes, wanted);
    pod = kube_cluster_pod(f->cluster, 2);
    assert_true(pod->ready);
    assert_string_not_equal(pod->uid, uid);
    assert_string_not_equal(pod->ip, ip);
}

static void test_grace_ends_with_sigkill(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, false);
    f->stubborn[1] = true;
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-1", -1)), 200);
    run(f, 29 * SECOND);
    expect_log(f, "10.0 SIGTERM 1\n");
    assert_true(object_ready(f, "db-1")); /* as long as it answers */
    run(f, 2 * SECOND);
    expect_log(f, "40.0 SIGKILL 1\n40.0 closed 1\n40.0 start 1\n");
}

static void test_second_delete_shortens(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, false);
    f->stubborn[1] = true;
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-1", -1)), 200);
    run(f, SECOND);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-1", 3)), 200);
    run(f, 4 * SECOND);
    expect_log(f, "10.0 SIGTERM 1\n14.0 SIGKILL 1\n14.0 closed 1\n14.0 start 1\n");
}

/* By force: the object goes at once and the next one stands there, while the old process still
 * lives; the new one waits for the volume. */
static void test_delete_by_force(void **state)
{
    struct fixture *f = *state;
    struct kube_cluster_pod *old;

    begin_ready(f, false, false);
    f->stubborn[0] = true;
    f->watched = "db-0";
    old = kube_cluster_pod(f->cluster, 0);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-0", 0)), 200);
    run(f, SECOND);
    assert_string_equal(f->changes, "DELETED Running bound ip ready running\n"
                                    "ADDED Pending\n"
                                    "MODIFIED Pending bound\n"
                                    "MODIFIED Pending bound waiting\n");
    assert_true(old->removed);
    assert_ptr_equal(kube_cluster_each(f->cluster, 0), old);
    assert_int_equal(kube_cluster_pod(f->cluster, 0)->phase, KUBE_CLUSTER_PENDING);
    expect_log(f, "10.0 SIGTERM 0\n");
    run(f, 2 * SECOND);
    expect_log(f, "12.0 SIGKILL 0\n12.0 closed 0\n12.0 start 0\n");
}

static void test_hook_before_sigterm(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, true);
    f->slow_hook = true;
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    run(f, 7 * SECOND);
    expect_log(f, "10.0 prestop 2\n");
    kube_cluster_prestopped(f->cluster, f->now_us, kube_cluster_pod(f->cluster, 2)->id);
    expect_log(f, "17.0 SIGTERM 2\n17.0 closed 2\n17.0 start 2\n");
}

static void test_hook_is_bounded_by_the_grace(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, true);
    f->slow_hook = f->stubborn[2] = true;
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-2", 10)), 200);
    run(f, 15 * SECOND);
    expect_log(f, "10.0 prestop 2\n20.0 SIGTERM 2\n22.0 SIGKILL 2\n22.0 closed 2\n22.0 start 2\n");
}

static void test_hook_of_a_dying_process(void **state)
{
    struct fixture *f = *state;
    uint64_t id;

    begin_ready(f, false, true);
    f->slow_hook = true;
    id = kube_cluster_pod(f->cluster, 2)->id;
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    run(f, SECOND);
    life_end(f, id, 139);
    kube_cluster_prestopped(f->cluster, f->now_us, id); /* too late: ignored */
    expect_log(f, "10.0 prestop 2\n11.0 closed 2\n11.0 start 2\n");
}

static void test_restart_in_place_backs_off(void **state)
{
    struct fixture *f = *state;
    struct kube_cluster_config config = {.replicas = 1, .backoff_over_us = 100 * SECOND};
    const struct kube_cluster_pod *pod;
    char uid[KUBE_UID_SIZE];

    begin(f, &config, true, false);
    run(f, 5 * SECOND);
    pod = kube_cluster_pod(f->cluster, 0);
    (void)str_copy(uid, sizeof uid, pod->uid);
    log_clear(f);
    for (int i = 0; i < 4; i++) {
        life_end(f, pod->id, 137);
        assert_false(pod->ready);
        assert_int_equal(pod->phase, KUBE_CLUSTER_BACKOFF);
        run(f, 60 * SECOND);
    }
    /* At once (1 s), then 10, 20, 40 s after each death; the init container is not run again. */
    expect_log(f, "6.0 start 0\n75.0 start 0\n145.0 start 0\n225.0 start 0\n");
    run(f, 100 * SECOND);
    life_end(f, pod->id, 1);
    run(f, 2 * SECOND);
    expect_log(f, "346.0 start 0\n"); /* it had lived for long */
    assert_string_equal(pod->uid, uid);
    assert_int_equal(pod->restarts, 5);
    assert_ptr_equal(kube_cluster_pod(f->cluster, 0), pod);
}

static void test_init_is_tried_again(void **state)
{
    struct fixture *f = *state;
    struct kube_cluster_config config = {.replicas = 1, .backoff_over_us = 600 * SECOND};

    f->init_code = 1;
    begin(f, &config, true, false);
    run(f, 12 * SECOND);
    assert_string_equal(text_at(object_of(f, KUBE_PODS, "db-0"), "status", "phase"), "Pending");
    f->init_code = 0;
    run(f, 20 * SECOND);
    expect_log(f, "0.0 init 0\n1.0 init 0\n11.0 init 0\n31.0 init 0\n31.0 start 0\n");
    assert_true(kube_cluster_pod(f->cluster, 0)->restarts == 0);
}

static void test_deleted_while_init_runs(void **state)
{
    struct fixture *f = *state;

    f->slow_init = true;
    begin(f, NULL, true, true);
    run(f, SECOND);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-0", -1)), 200);
    run(f, 0);
    expect_log(f, "0.0 init 0\n1.0 SIGTERM 0\n1.0 closed 0\n1.0 init 0\n"); /* no hook */
}

static void test_readiness(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, false);
    f->unready[0] = true;
    run(f, 2 * SECOND);
    assert_true(object_ready(f, "db-0")); /* two failures are not enough */
    f->unready[0] = false;
    run(f, SECOND);
    f->silent[0] = true; /* no answer in a second is a failure, too */
    run(f, 5 * SECOND);
    assert_true(object_ready(f, "db-0"));
    run(f, SECOND);
    assert_false(object_ready(f, "db-0"));
    assert_int_equal(set_number(f, "readyReplicas"), 2);
    f->silent[0] = false;
    run(f, 2 * SECOND);
    assert_true(object_ready(f, "db-0"));
    expect_log(f, "");
}

static void test_rolling_restart(void **state)
{
    struct fixture *f = *state;
    char before[KUBE_NAME_SIZE];

    begin_ready(f, false, true);
    (void)str_copy(before, sizeof before, set_text(f, "currentRevision"));
    assert_int_equal(drop(kube_cluster_rollout_restart(f->cluster)), 200);
    run(f, SECOND / 2);
    assert_string_equal(set_text(f, "currentRevision"), before);
    assert_string_not_equal(set_text(f, "updateRevision"), before);
    assert_int_equal(set_number(f, "updatedReplicas"), 1);
    run(f, 10 * SECOND);
    expect_log(f, "10.0 prestop 2\n10.0 SIGTERM 2\n10.0 closed 2\n10.0 start 2\n"
                  "11.0 prestop 1\n11.0 SIGTERM 1\n11.0 closed 1\n11.0 start 1\n"
                  "12.0 prestop 0\n12.0 SIGTERM 0\n12.0 closed 0\n12.0 start 0\n");
    assert_string_equal(set_text(f, "currentRevision"), set_text(f, "updateRevision"));
    assert_string_equal(kube_cluster_pod(f->cluster, 0)->revision, set_text(f, "updateRevision"));
}

static void test_rollback_midway(void **state)
{
    struct fixture *f = *state;
    char before[KUBE_NAME_SIZE];

    begin_ready(f, false, false);
    (void)str_copy(before, sizeof before, set_text(f, "currentRevision"));
    assert_int_equal(drop(kube_cluster_rollout_undo(f->cluster)), 404);
    assert_int_equal(drop(kube_cluster_annotate(f->cluster, "try", "1")), 200);
    run(f, SECOND + SECOND / 2);
    expect_log(f, "10.0 SIGTERM 2\n10.0 closed 2\n10.0 start 2\n"
                  "11.0 SIGTERM 1\n11.0 closed 1\n11.0 start 1\n");
    assert_int_equal(drop(kube_cluster_rollout_undo(f->cluster)), 200);
    run(f, 10 * SECOND);
    /* Those that had changed, and only those, go back, when the one under way is Ready. */
    expect_log(f, "12.0 SIGTERM 2\n12.0 closed 2\n12.0 start 2\n"
                  "13.0 SIGTERM 1\n13.0 closed 1\n13.0 start 1\n");
    assert_string_equal(set_text(f, "currentRevision"), before);
    assert_string_equal(set_text(f, "updateRevision"), before);
    /* And forward again. */
    assert_int_equal(drop(kube_cluster_rollout_undo(f->cluster)), 200);
    run(f, 10 * SECOND);
    assert_string_not_equal(kube_cluster_pod(f->cluster, 0)->revision, before);
}

static void test_broken_rollout_stops(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, false);
    f->unready[2] = true;
    assert_int_equal(drop(kube_cluster_rollout_restart(f->cluster)), 200);
    run(f, 100 * SECOND);
    expect_log(f, "10.0 SIGTERM 2\n10.0 closed 2\n10.0 start 2\n");
    /* A known trap: going back does not help before somebody deletes the broken pod. */
    assert_int_equal(drop(kube_cluster_rollout_undo(f->cluster)), 200);
    run(f, 100 * SECOND);
    expect_log(f, "");
    f->unready[2] = false;
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    run(f, 10 * SECOND);
    assert_int_equal(set_number(f, "readyReplicas"), 3);
}

static void test_scale(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, false);
    assert_int_equal(drop(kube_cluster_scale(f->cluster, 5)), 200);
    run(f, 10 * SECOND);
    expect_log(f, "10.0 start 3\n11.0 start 4\n");
    f->stubborn[4] = true;
    assert_int_equal(drop(kube_cluster_scale(f->cluster, 2)), 200);
    run(f, 60 * SECOND);
    expect_log(f, "20.0 SIGTERM 4\n50.0 SIGKILL 4\n50.0 closed 4\n50.0 SIGTERM 3\n50.0 closed 3\n"
                  "50.0 SIGTERM 2\n50.0 closed 2\n");
    assert_int_equal(drop(kube_cluster_scale(f->cluster, 0)), 200);
    run(f, SECOND);
    assert_null(kube_cluster_each(f->cluster, 0));
    assert_int_equal(set_number(f, "replicas"), 0);
    assert_int_equal(drop(kube_cluster_scale(f->cluster, 1)), 200);
    run(f, 5 * SECOND);
    assert_true(kube_cluster_pod(f->cluster, 0)->ready);
}

static void test_eviction_honours_the_budget(void **state)
{
    struct fixture *f = *state;
    struct kube_reply reply;

    begin_ready(f, false, false);
    assert_int_equal(drop(kube_cluster_evict(f->cluster, "db-9")), 404);
    assert_int_equal(drop(kube_cluster_evict(f->cluster, "db-0")), 201);
    run(f, SECOND / 2);
    expect_log(f, "10.0 SIGTERM 0\n10.0 closed 0\n10.0 start 0\n");
    reply = kube_cluster_evict(f->cluster, "db-1");
    assert_int_equal(reply.status, 429);
    assert_string_equal(json_string_value(json_object_get(reply.body, "reason")),
                        "TooManyRequests");
    json_decref(reply.body);
    run(f, SECOND);
    assert_int_equal(drop(kube_cluster_evict(f->cluster, "db-1")), 201);
}

static void test_drain(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, false);
    f->unready[2] = true;
    run(f, 5 * SECOND);
    kube_cluster_drain(f->cluster, f->now_us, 0);
    run(f, 7 * SECOND);
    expect_log(f, ""); /* db-2 is not Ready: the budget is used up */
    f->unready[2] = false;
    run(f, 60 * SECOND);
    expect_log(f, "25.0 SIGTERM 0\n25.0 closed 0\n"); /* the next one has no node */
    assert_int_equal(kube_cluster_pod(f->cluster, 0)->phase, KUBE_CLUSTER_PENDING);
    assert_string_equal(text_at(object_of(f, KUBE_PODS, "db-0"), "spec", "nodeName"), "");
    kube_cluster_uncordon(f->cluster, f->now_us, 0);
    run(f, 2 * SECOND);
    assert_true(object_ready(f, "db-0"));
}

/* The network of a node is gone: its pod stays Ready for 40 s, goes 5 min later, and its object
 * stays until the node is back; the process lives all the time. */
static void test_node_is_lost(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, false);
    f->unready[1] = true; /* nobody is there to tell */
    kube_cluster_node_set(f->cluster, f->now_us, 1, false);
    run(f, 39 * SECOND);
    assert_true(object_ready(f, "db-1"));
    run(f, 2 * SECOND);
    assert_false(object_ready(f, "db-1"));
    run(f, 298 * SECOND);
    assert_string_equal(text_at(object_of(f, KUBE_PODS, "db-1"), "metadata", "deletionTimestamp"),
                        "");
    run(f, 600 * SECOND);
    assert_string_not_equal(
        text_at(object_of(f, KUBE_PODS, "db-1"), "metadata", "deletionTimestamp"), "");
    expect_log(f, "");
    kube_cluster_node_set(f->cluster, f->now_us, 1, true);
    run(f, SECOND / 2);
    expect_log(f, "949.0 SIGTERM 1\n949.0 closed 1\n949.0 start 1\n");
}

static void test_lost_node_and_force(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, false);
    kube_cluster_node_set(f->cluster, f->now_us, 0, false);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-0", 0)), 200);
    run(f, 10 * SECOND);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-0", 0)), 200); /* and again */
    run(f, 10 * SECOND);
    assert_true(kube_cluster_alive(kube_cluster_each(f->cluster, 0)));
    assert_int_equal(kube_cluster_pod(f->cluster, 0)->phase, KUBE_CLUSTER_PENDING);
    expect_log(f, "20.0 closed 0\n"); /* the second one, which never ran */
    kube_cluster_node_set(f->cluster, f->now_us, 0, true);
    expect_log(f, "30.0 SIGTERM 0\n30.0 closed 0\n30.0 start 0\n");
}

/* All of the node dies, and the same pod begins anew when it is back: other address, init too. */
static void test_node_loses_power(void **state)
{
    struct fixture *f = *state;
    const struct kube_cluster_pod *pod;
    char ip[40];

    begin_ready(f, true, false);
    pod = kube_cluster_pod(f->cluster, 2);
    (void)str_copy(ip, sizeof ip, pod->ip);
    kube_cluster_node_set(f->cluster, f->now_us, 2, false);
    life_end(f, pod->id, 137);
    run(f, 20 * SECOND);
    assert_true(object_ready(f, "db-2"));
    expect_log(f, "");
    kube_cluster_node_set(f->cluster, f->now_us, 2, true);
    run(f, SECOND / 2);
    expect_log(f, "30.0 init 2\n30.0 start 2\n");
    assert_ptr_equal(kube_cluster_pod(f->cluster, 2), pod);
    assert_string_not_equal(pod->ip, ip);
    assert_int_equal(pod->restarts, 1);
    assert_false(object_ready(f, "db-2"));
}

static void test_api_away(void **state)
{
    struct fixture *f = *state;
    const struct kube_cluster_pod *pod;

    begin_ready(f, false, false);
    pod = kube_cluster_pod(f->cluster, 0);
    kube_cluster_api_set(f->cluster, f->now_us, false);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    life_end(f, pod->id, 1);
    run(f, 10 * SECOND);
    expect_log(f, "11.0 start 0\n"); /* a kubelet needs no API for that */
    assert_int_equal(pod->restarts, 1);
    f->watched = "db-0";
    kube_cluster_api_set(f->cluster, f->now_us, true);
    expect_log(f, "20.0 SIGTERM 2\n20.0 closed 2\n20.0 start 2\n");
    assert_string_equal(f->changes, "MODIFIED Running bound ip ready running\n");
}

static void test_volume_lost(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, true, false);
    kube_cluster_volume_lose(f->cluster, 1);
    run(f, 5 * SECOND);
    expect_log(f, "");
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-1", -1)), 200);
    run(f, 2 * SECOND);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-1", -1)), 200);
    run(f, 2 * SECOND);
    expect_log(f, "15.0 SIGTERM 1\n15.0 closed 1\n15.0 wipe 1\n15.0 init 1\n15.0 start 1\n"
                  "17.0 SIGTERM 1\n17.0 closed 1\n17.0 init 1\n17.0 start 1\n"); /* once */
}

static void addresses(const struct fixture *f, char out[64])
{
    out[0] = 0;
    for (unsigned i = 0; i < 3; i++)
        (void)str_append(out, 64, "%s ", kube_cluster_pod(f->cluster, i)->ip);
}

static void test_addresses(void **state)
{
    struct fixture *f = *state;
    char text[64];

    begin_ready(f, false, false);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-0", -1)), 200);
    run(f, 5 * SECOND);
    addresses(f, text);
    assert_string_equal(text, "10.0.0.4 10.0.0.2 10.0.0.3 ");
    kube_cluster_address_set(f->cluster, KUBE_CLUSTER_ADDRESS_KEEP);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-0", -1)), 200);
    run(f, 5 * SECOND);
    addresses(f, text);
    assert_string_equal(text, "10.0.0.4 10.0.0.2 10.0.0.3 ");
    kube_cluster_address_set(f->cluster, KUBE_CLUSTER_ADDRESS_REUSE);
    assert_int_equal(drop(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    run(f, 5 * SECOND);
    addresses(f, text);
    assert_string_equal(text, "10.0.0.4 10.0.0.2 10.0.0.1 "); /* once db-0's */
}

static void test_hold_and_restart(void **state)
{
    struct fixture *f = *state;

    begin_ready(f, false, true);
    kube_cluster_hold(f->cluster, f->now_us, 0, true);
    assert_true(kube_cluster_restart(f->cluster, f->now_us, 0));
    assert_false(kube_cluster_restart(f->cluster, f->now_us, 0)); /* nothing runs */
    run(f, 100 * SECOND);
    expect_log(f, "10.0 SIGTERM 0\n");
    kube_cluster_hold(f->cluster, f->now_us, 0, false);
    expect_log(f, "110.0 start 0\n");
    f->stubborn[0] = true;
    assert_true(kube_cluster_restart(f->cluster, f->now_us, 0));
    run(f, 60 * SECOND);
    expect_log(f, "110.0 SIGTERM 0\n140.0 SIGKILL 0\n150.0 start 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_created_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order_waits_for_ready, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parallel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_delete_as_a_real_cluster, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_grace_ends_with_sigkill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_second_delete_shortens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_delete_by_force, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hook_before_sigterm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hook_is_bounded_by_the_grace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hook_of_a_dying_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_restart_in_place_backs_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_init_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deleted_while_init_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_readiness, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rolling_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rollback_midway, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_rollout_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_scale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_eviction_honours_the_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_node_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_node_and_force, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_node_loses_power, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_api_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_volume_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hold_and_restart, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
