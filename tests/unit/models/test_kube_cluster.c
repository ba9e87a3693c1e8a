/* The cluster model: the StatefulSet controller, nodes, disruption budget and kubectl, against what
 * the sources of Kubernetes say. */
#include "kube_bed.h"

static int set_number(const struct bed *f, const char *member)
{
    const json_t *status = json_object_get(bed_object(f, KUBE_STATEFULSETS, "db"), "status");

    return (int)json_integer_value(json_object_get(status, member));
}

static const char *set_text(const struct bed *f, const char *member)
{
    return bed_text(bed_object(f, KUBE_STATEFULSETS, "db"), "status", member);
}

static void test_created_in_order(void **state)
{
    struct bed *f = *state;

    bed_begin(f, NULL, false, false);
    bed_run(f, 10 * SECOND);
    bed_expect_log(f, "0.0 start 0\n1.0 start 1\n2.0 start 2\n");
    assert_int_equal(set_number(f, "replicas"), 3);
    assert_int_equal(set_number(f, "readyReplicas"), 3);
    assert_int_equal(set_number(f, "updatedReplicas"), 3);
    assert_string_equal(set_text(f, "currentRevision"), set_text(f, "updateRevision"));
}

static void test_order_waits_for_ready(void **state)
{
    struct bed *f = *state;

    f->unready[1] = true;
    bed_begin(f, NULL, false, false);
    bed_run(f, 10 * SECOND);
    bed_expect_log(f, "0.0 start 0\n1.0 start 1\n");
    f->unready[1] = false;
    bed_run(f, SECOND);
    assert_non_null(kube_cluster_pod(f->cluster, 2));
}

static void test_parallel(void **state)
{
    struct bed *f = *state;
    struct kube_cluster_config config = {.replicas = 3, .parallel = true};

    f->unready[0] = true;
    bed_begin(f, &config, false, false);
    bed_run(f, 0);
    bed_expect_log(f, "0.0 start 0\n0.0 start 1\n0.0 start 2\n");
    assert_int_equal(bed_status(kube_cluster_scale(f->cluster, 1)), 200);
    bed_run(f, 0);
    bed_expect_log(f, "0.0 SIGTERM 1\n0.0 SIGTERM 2\n0.0 closed 1\n0.0 closed 2\n");
}

static void test_rolling_restart(void **state)
{
    struct bed *f = *state;
    char before[KUBE_NAME_SIZE];

    bed_begin_ready(f, false, true);
    (void)str_copy(before, sizeof before, set_text(f, "currentRevision"));
    assert_int_equal(bed_status(kube_cluster_rollout_restart(f->cluster)), 200);
    bed_run(f, SECOND / 2);
    assert_int_equal(bed_status(kube_cluster_rollout_restart(f->cluster)), 409);
    assert_string_equal(set_text(f, "currentRevision"), before);
    assert_string_not_equal(set_text(f, "updateRevision"), before);
    assert_int_equal(set_number(f, "updatedReplicas"), 1);
    bed_run(f, 10 * SECOND);
    bed_expect_log(f, "10.0 prestop 2\n10.0 SIGTERM 2\n10.0 closed 2\n10.0 start 2\n"
                      "11.0 prestop 1\n11.0 SIGTERM 1\n11.0 closed 1\n11.0 start 1\n"
                      "12.0 prestop 0\n12.0 SIGTERM 0\n12.0 closed 0\n12.0 start 0\n");
    assert_string_equal(set_text(f, "currentRevision"), set_text(f, "updateRevision"));
    assert_string_equal(kube_cluster_pod(f->cluster, 0)->revision, set_text(f, "updateRevision"));
}

static void test_rollback_midway(void **state)
{
    struct bed *f = *state;
    char before[KUBE_NAME_SIZE];

    bed_begin_ready(f, false, false);
    (void)str_copy(before, sizeof before, set_text(f, "currentRevision"));
    assert_int_equal(bed_status(kube_cluster_rollout_undo(f->cluster)), 404);
    assert_int_equal(bed_status(kube_cluster_annotate(f->cluster, "try", "1")), 200);
    bed_run(f, SECOND + SECOND / 2);
    bed_expect_log(f, "10.0 SIGTERM 2\n10.0 closed 2\n10.0 start 2\n"
                      "11.0 SIGTERM 1\n11.0 closed 1\n11.0 start 1\n");
    assert_int_equal(bed_status(kube_cluster_rollout_undo(f->cluster)), 200);
    bed_run(f, 10 * SECOND);
    /* Those that had changed, and only those, go back, when the one under way is Ready. */
    bed_expect_log(f, "12.0 SIGTERM 2\n12.0 closed 2\n12.0 start 2\n"
                      "13.0 SIGTERM 1\n13.0 closed 1\n13.0 start 1\n");
    assert_string_equal(set_text(f, "currentRevision"), before);
    assert_string_equal(set_text(f, "updateRevision"), before);
    /* And forward again. */
    assert_int_equal(bed_status(kube_cluster_rollout_undo(f->cluster)), 200);
    bed_run(f, 10 * SECOND);
    assert_string_not_equal(kube_cluster_pod(f->cluster, 0)->revision, before);
}

static void test_broken_rollout_stops(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, false);
    f->unready[2] = true;
    assert_int_equal(bed_status(kube_cluster_rollout_restart(f->cluster)), 200);
    bed_run(f, 100 * SECOND);
    bed_expect_log(f, "10.0 SIGTERM 2\n10.0 closed 2\n10.0 start 2\n");
    /* A known trap: going back does not help before somebody deletes the broken pod. */
    assert_int_equal(bed_status(kube_cluster_rollout_undo(f->cluster)), 200);
    bed_run(f, 100 * SECOND);
    bed_expect_log(f, "");
    f->unready[2] = false;
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    bed_run(f, 10 * SECOND);
    assert_int_equal(set_number(f, "readyReplicas"), 3);
}

static void test_scale(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, false);
    assert_int_equal(bed_status(kube_cluster_scale(f->cluster, 5)), 200);
    bed_run(f, 10 * SECOND);
    bed_expect_log(f, "10.0 start 3\n11.0 start 4\n");
    f->stubborn[4] = true;
    assert_int_equal(bed_status(kube_cluster_scale(f->cluster, 2)), 200);
    bed_run(f, 60 * SECOND);
    bed_expect_log(f,
                   "20.0 SIGTERM 4\n50.0 SIGKILL 4\n50.0 closed 4\n50.0 SIGTERM 3\n50.0 closed 3\n"
                   "50.0 SIGTERM 2\n50.0 closed 2\n");
    assert_int_equal(bed_status(kube_cluster_scale(f->cluster, 0)), 200);
    bed_run(f, SECOND);
    assert_null(kube_cluster_each(f->cluster, 0));
    assert_int_equal(set_number(f, "replicas"), 0);
    assert_int_equal(bed_status(kube_cluster_scale(f->cluster, 1)), 200);
    bed_run(f, 5 * SECOND);
    assert_true(kube_cluster_pod(f->cluster, 0)->ready);
}

/* What goes must be Ready, unless it is the first that is not: a rule of the real one. */
static void test_scale_down_of_the_unready(void **state)
{
    struct bed *f = *state;
    struct kube_cluster_config config = {.replicas = 5};

    bed_begin(f, &config, false, false);
    bed_run(f, 10 * SECOND);
    bed_log_clear(f);
    f->unready[3] = f->unready[4] = true;
    bed_run(f, 5 * SECOND);
    assert_int_equal(bed_status(kube_cluster_scale(f->cluster, 2)), 200);
    bed_run(f, 5 * SECOND);
    bed_expect_log(f, "");
    f->unready[3] = false;
    bed_run(f, 5 * SECOND);
    bed_expect_log(f, "21.0 SIGTERM 4\n21.0 closed 4\n21.0 SIGTERM 3\n21.0 closed 3\n"
                      "21.0 SIGTERM 2\n21.0 closed 2\n");
}

static void test_parallel_rolls_one_by_one(void **state)
{
    struct bed *f = *state;
    struct kube_cluster_config config = {.replicas = 3, .parallel = true};

    bed_begin(f, &config, false, false);
    bed_run(f, 5 * SECOND);
    bed_log_clear(f);
    f->unready[2] = true;
    assert_int_equal(bed_status(kube_cluster_rollout_restart(f->cluster)), 200);
    bed_run(f, 5 * SECOND);
    bed_expect_log(f, "5.0 SIGTERM 2\n5.0 closed 2\n5.0 start 2\n");
    f->unready[2] = false;
    bed_run(f, SECOND);
    bed_expect_log(f, "11.0 SIGTERM 1\n11.0 closed 1\n11.0 start 1\n");
}

static void test_eviction_honours_the_budget(void **state)
{
    struct bed *f = *state;
    struct kube_reply reply;

    bed_begin_ready(f, false, false);
    assert_int_equal(bed_status(kube_cluster_evict(f->cluster, "db-9")), 404);
    assert_int_equal(bed_status(kube_cluster_evict(f->cluster, "db-0")), 201);
    bed_run(f, SECOND / 2);
    bed_expect_log(f, "10.0 SIGTERM 0\n10.0 closed 0\n10.0 start 0\n");
    reply = kube_cluster_evict(f->cluster, "db-1");
    assert_int_equal(reply.status, 429);
    assert_string_equal(json_string_value(json_object_get(reply.body, "reason")),
                        "TooManyRequests");
    json_decref(reply.body);
    bed_run(f, SECOND);
    assert_int_equal(bed_status(kube_cluster_evict(f->cluster, "db-1")), 201);
    kube_cluster_hold(f->cluster, f->now_us, 1, true);
    bed_run(f, SECOND);
    assert_int_equal(bed_status(kube_cluster_evict(f->cluster, "db-1")),
                     201); /* Pending: no matter */
}

static void test_drain(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, false);
    f->unready[2] = true;
    bed_run(f, 5 * SECOND);
    kube_cluster_drain(f->cluster, f->now_us, 0);
    bed_run(f, 7 * SECOND);
    bed_expect_log(f, ""); /* db-2 is not Ready: the budget is used up */
    f->unready[2] = false;
    bed_run(f, 60 * SECOND);
    bed_expect_log(f, "25.0 SIGTERM 0\n25.0 closed 0\n"); /* the next one has no node */
    assert_int_equal(kube_cluster_pod(f->cluster, 0)->phase, KUBE_CLUSTER_PENDING);
    assert_string_equal(bed_text(bed_object(f, KUBE_PODS, "db-0"), "spec", "nodeName"), "");
    kube_cluster_uncordon(f->cluster, f->now_us, 0);
    bed_run(f, 2 * SECOND);
    assert_true(bed_object_ready(f, "db-0"));
}

/* The network of a node is gone: its pod stays Ready for 40 s, goes 5 min later, and its object
 * stays until the node is back; the process lives all the time. */
static void test_node_is_lost(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, false);
    f->unready[1] = true; /* nobody is there to tell */
    kube_cluster_node_set(f->cluster, f->now_us, 1, false);
    bed_run(f, 39 * SECOND);
    assert_true(bed_object_ready(f, "db-1"));
    bed_run(f, 2 * SECOND);
    assert_false(bed_object_ready(f, "db-1"));
    bed_run(f, 298 * SECOND);
    assert_string_equal(bed_text(bed_object(f, KUBE_PODS, "db-1"), "metadata", "deletionTimestamp"),
                        "");
    bed_run(f, 600 * SECOND);
    assert_string_not_equal(
        bed_text(bed_object(f, KUBE_PODS, "db-1"), "metadata", "deletionTimestamp"), "");
    bed_expect_log(f, "");
    kube_cluster_node_set(f->cluster, f->now_us, 1, true);
    bed_run(f, SECOND / 2);
    bed_expect_log(f, "949.0 SIGTERM 1\n949.0 closed 1\n949.0 start 1\n");
    f->unready[1] = false;
    bed_run(f, 2 * SECOND);
    kube_cluster_node_set(f->cluster, f->now_us, 1, false); /* a second time is as the first */
    bed_run(f, 39 * SECOND);
    assert_true(bed_object_ready(f, "db-1"));
    bed_run(f, 2 * SECOND);
    assert_false(bed_object_ready(f, "db-1"));
}

static void test_lost_node_and_force(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, false);
    kube_cluster_node_set(f->cluster, f->now_us, 0, false);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-0", 0)), 200);
    bed_run(f, 10 * SECOND);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-0", 0)), 200); /* and again */
    bed_run(f, 10 * SECOND);
    assert_true(kube_cluster_alive(kube_cluster_each(f->cluster, 0)));
    assert_int_equal(kube_cluster_pod(f->cluster, 0)->phase, KUBE_CLUSTER_PENDING);
    bed_expect_log(f, "20.0 closed 0\n"); /* the second one, which never ran */
    kube_cluster_node_set(f->cluster, f->now_us, 0, true);
    bed_expect_log(f, "30.0 SIGTERM 0\n30.0 closed 0\n30.0 start 0\n");
}

/* All of the node dies, and the same pod begins anew when it is back: other address, init too. */
static void test_node_loses_power(void **state)
{
    struct bed *f = *state;
    const struct kube_cluster_pod *pod;
    char ip[40];

    bed_begin_ready(f, true, false);
    pod = kube_cluster_pod(f->cluster, 2);
    (void)str_copy(ip, sizeof ip, pod->ip);
    kube_cluster_node_set(f->cluster, f->now_us, 2, false);
    bed_life_end(f, pod->id, 137);
    bed_run(f, 20 * SECOND);
    assert_true(bed_object_ready(f, "db-2"));
    bed_expect_log(f, "");
    kube_cluster_node_set(f->cluster, f->now_us, 2, true);
    bed_run(f, SECOND / 2);
    bed_expect_log(f, "30.0 init 2\n30.0 start 2\n");
    assert_ptr_equal(kube_cluster_pod(f->cluster, 2), pod);
    assert_string_not_equal(pod->ip, ip);
    assert_int_equal(pod->restarts, 1);
    assert_false(bed_object_ready(f, "db-2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_created_in_order, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_order_waits_for_ready, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_parallel, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_rolling_restart, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_rollback_midway, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_broken_rollout_stops, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_scale, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_scale_down_of_the_unready, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_parallel_rolls_one_by_one, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_eviction_honours_the_budget, bed_set_up,
                                        bed_tear_down),
        cmocka_unit_test_setup_teardown(test_drain, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_node_is_lost, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_lost_node_and_force, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_node_loses_power, bed_set_up, bed_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
