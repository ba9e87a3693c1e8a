/* The cluster model: how kubelets start, restart and end pods, against what a real one did
 * (tests/data/kubernetes) and what its source says. */
#include "kube_bed.h"

#include "../kube_capture.h"

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
        if (strcmp(bed_text(object, "metadata", "name"), "web-2") == 0)
            bed_describe(out, json_string_value(json_object_get(event, "type")), object);
        json_decref(event);
    }
    capture_done(&c);
}

static void test_delete_as_a_real_cluster(void **state)
{
    struct bed *f = *state;
    char uid[KUBE_UID_SIZE], ip[40], wanted[LOG_SIZE];
    struct kube_cluster_pod *pod;

    bed_begin_ready(f, false, false);
    pod = kube_cluster_pod(f->cluster, 2);
    (void)str_copy(uid, sizeof uid, pod->uid);
    (void)str_copy(ip, sizeof ip, pod->ip);
    f->watched = "db-2";
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    bed_run(f, 5 * SECOND);
    bed_expect_log(f, "10.0 SIGTERM 2\n10.0 closed 2\n10.0 start 2\n");
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
    struct bed *f = *state;

    bed_begin_ready(f, false, false);
    f->stubborn[1] = true;
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-1", -1)), 200);
    bed_run(f, 29 * SECOND);
    bed_expect_log(f, "10.0 SIGTERM 1\n");
    assert_true(bed_object_ready(f, "db-1")); /* as long as it answers */
    bed_run(f, 2 * SECOND);
    bed_expect_log(f, "40.0 SIGKILL 1\n40.0 closed 1\n40.0 start 1\n");
}

static void test_second_delete_shortens(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, false);
    f->stubborn[1] = true;
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-1", -1)), 200);
    bed_run(f, SECOND);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-1", 3)), 200);
    bed_run(f, 4 * SECOND);
    bed_expect_log(f, "10.0 SIGTERM 1\n14.0 SIGKILL 1\n14.0 closed 1\n14.0 start 1\n");
}

/* By force: the object goes at once and the next one stands there, while the old process still
 * lives; the new one waits for the volume. */
static void test_delete_by_force(void **state)
{
    struct bed *f = *state;
    struct kube_cluster_pod *old;

    bed_begin_ready(f, false, false);
    f->stubborn[0] = true;
    f->watched = "db-0";
    old = kube_cluster_pod(f->cluster, 0);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-0", 0)), 200);
    bed_run(f, SECOND);
    assert_string_equal(f->changes, "DELETED Running bound ip ready running\n"
                                    "ADDED Pending\n"
                                    "MODIFIED Pending bound\n"
                                    "MODIFIED Pending bound waiting\n");
    assert_true(old->removed);
    assert_ptr_equal(kube_cluster_each(f->cluster, 0), old);
    assert_int_equal(kube_cluster_pod(f->cluster, 0)->phase, KUBE_CLUSTER_PENDING);
    bed_expect_log(f, "10.0 SIGTERM 0\n");
    bed_run(f, 2 * SECOND);
    bed_expect_log(f, "12.0 SIGKILL 0\n12.0 closed 0\n12.0 start 0\n");
}

static void test_hook_before_sigterm(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, true);
    f->slow_hook = true;
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    bed_run(f, 7 * SECOND);
    bed_expect_log(f, "10.0 prestop 2\n");
    kube_cluster_prestopped(f->cluster, f->now_us, kube_cluster_pod(f->cluster, 2)->id);
    bed_expect_log(f, "17.0 SIGTERM 2\n17.0 closed 2\n17.0 start 2\n");
}

static void test_hook_is_bounded_by_the_grace(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, true);
    f->slow_hook = f->stubborn[2] = true;
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-2", 10)), 200);
    bed_run(f, 15 * SECOND);
    bed_expect_log(f,
                   "10.0 prestop 2\n20.0 SIGTERM 2\n22.0 SIGKILL 2\n22.0 closed 2\n22.0 start 2\n");
}

static void test_hook_of_a_dying_process(void **state)
{
    struct bed *f = *state;
    uint64_t id;

    bed_begin_ready(f, false, true);
    f->slow_hook = true;
    id = kube_cluster_pod(f->cluster, 2)->id;
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    bed_run(f, SECOND);
    bed_life_end(f, id, 139);
    kube_cluster_prestopped(f->cluster, f->now_us, id); /* too late: ignored */
    bed_expect_log(f, "10.0 prestop 2\n11.0 closed 2\n11.0 start 2\n");
}

static void test_restart_in_place_backs_off(void **state)
{
    struct bed *f = *state;
    struct kube_cluster_config config = {.replicas = 1, .backoff_over_us = 100 * SECOND};
    const struct kube_cluster_pod *pod;
    char uid[KUBE_UID_SIZE];

    bed_begin(f, &config, true, false);
    bed_run(f, 5 * SECOND);
    pod = kube_cluster_pod(f->cluster, 0);
    (void)str_copy(uid, sizeof uid, pod->uid);
    bed_log_clear(f);
    for (int i = 0; i < 4; i++) {
        bed_life_end(f, pod->id, 137);
        assert_false(pod->ready);
        assert_int_equal(pod->phase, KUBE_CLUSTER_BACKOFF);
        bed_run(f, 60 * SECOND);
    }
    /* At once (1 s), then 10, 20, 40 s after each death; the init container is not run again. */
    bed_expect_log(f, "6.0 start 0\n75.0 start 0\n145.0 start 0\n225.0 start 0\n");
    bed_run(f, 100 * SECOND);
    bed_life_end(f, pod->id, 1);
    bed_run(f, 2 * SECOND);
    bed_expect_log(f, "346.0 start 0\n"); /* it had lived for long */
    assert_string_equal(pod->uid, uid);
    assert_int_equal(pod->restarts, 5);
    assert_ptr_equal(kube_cluster_pod(f->cluster, 0), pod);
}

static void test_init_is_tried_again(void **state)
{
    struct bed *f = *state;
    struct kube_cluster_config config = {.replicas = 1, .backoff_over_us = 600 * SECOND};

    f->init_code = 1;
    bed_begin(f, &config, true, false);
    bed_run(f, 12 * SECOND);
    assert_string_equal(bed_text(bed_object(f, KUBE_PODS, "db-0"), "status", "phase"), "Pending");
    f->init_code = 0;
    bed_run(f, 20 * SECOND);
    bed_expect_log(f, "0.0 init 0\n1.0 init 0\n11.0 init 0\n31.0 init 0\n31.0 start 0\n");
    assert_int_equal(kube_cluster_pod(f->cluster, 0)->restarts, 0);
    bed_log_clear(f);
    bed_life_end(f, kube_cluster_pod(f->cluster, 0)->id, 1);
    bed_run(f, SECOND);
    bed_expect_log(f, "33.0 start 0\n"); /* the init container's failures do not count any more */
}

static void test_deleted_while_init_runs(void **state)
{
    struct bed *f = *state;

    f->slow_init = true;
    bed_begin(f, NULL, true, true);
    bed_run(f, SECOND);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-0", -1)), 200);
    bed_run(f, 0);
    bed_expect_log(f, "0.0 init 0\n1.0 SIGTERM 0\n1.0 closed 0\n1.0 init 0\n"); /* no hook */
}

static void test_readiness(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, false);
    f->unready[0] = true;
    bed_run(f, 2 * SECOND);
    assert_true(bed_object_ready(f, "db-0")); /* two failures are not enough */
    f->unready[0] = false;
    bed_run(f, SECOND);
    f->silent[0] = true; /* no answer in a second is a failure, too */
    bed_run(f, 5 * SECOND);
    assert_true(bed_object_ready(f, "db-0"));
    bed_run(f, SECOND);
    assert_false(bed_object_ready(f, "db-0"));
    f->silent[0] = false;
    bed_run(f, 2 * SECOND);
    assert_true(bed_object_ready(f, "db-0"));
    bed_expect_log(f, "");
}

static void test_api_away(void **state)
{
    struct bed *f = *state;
    const struct kube_cluster_pod *pod;

    bed_begin_ready(f, false, false);
    pod = kube_cluster_pod(f->cluster, 0);
    kube_cluster_api_set(f->cluster, f->now_us, false);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    bed_life_end(f, pod->id, 1);
    bed_run(f, 10 * SECOND);
    bed_expect_log(f, "11.0 start 0\n"); /* a kubelet needs no API for that */
    assert_int_equal(pod->restarts, 1);
    f->watched = "db-0";
    kube_cluster_api_set(f->cluster, f->now_us, true);
    bed_expect_log(f, "20.0 SIGTERM 2\n20.0 closed 2\n20.0 start 2\n");
    assert_string_equal(f->changes, "MODIFIED Running bound ip ready running\n");
}

/* A pod that ends meanwhile has its object until the API server is back. */
static void test_api_away_at_the_end_of_a_pod(void **state)
{
    struct bed *f = *state;
    uint64_t id;

    bed_begin_ready(f, false, false);
    f->stubborn[2] = true;
    id = kube_cluster_pod(f->cluster, 2)->id;
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    bed_run(f, SECOND);
    kube_cluster_api_set(f->cluster, f->now_us, false);
    bed_life_end(f, id, 0);
    bed_run(f, 10 * SECOND);
    assert_true(bed_object_ready(f, "db-2"));
    assert_int_equal(kube_cluster_pod(f->cluster, 2)->phase, KUBE_CLUSTER_ENDED);
    kube_cluster_api_set(f->cluster, f->now_us, true);
    bed_expect_log(f, "10.0 SIGTERM 2\n21.0 closed 2\n21.0 start 2\n");
}

static void test_volume_lost(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, true, false);
    kube_cluster_volume_lose(f->cluster, 1);
    bed_run(f, 5 * SECOND);
    bed_expect_log(f, "");
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-1", -1)), 200);
    bed_run(f, 2 * SECOND);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-1", -1)), 200);
    bed_run(f, 2 * SECOND);
    bed_expect_log(f, "15.0 SIGTERM 1\n15.0 closed 1\n15.0 wipe 1\n15.0 init 1\n15.0 start 1\n"
                      "17.0 SIGTERM 1\n17.0 closed 1\n17.0 init 1\n17.0 start 1\n"); /* once */
}

static void addresses(const struct bed *f, char out[64])
{
    out[0] = 0;
    for (unsigned i = 0; i < 3; i++)
        (void)str_append(out, 64, "%s ", kube_cluster_pod(f->cluster, i)->ip);
}

static void test_addresses(void **state)
{
    struct bed *f = *state;
    char text[64];

    bed_begin_ready(f, false, false);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-0", -1)), 200);
    bed_run(f, 5 * SECOND);
    addresses(f, text);
    assert_string_equal(text, "10.0.0.4 10.0.0.2 10.0.0.3 ");
    kube_cluster_address_set(f->cluster, KUBE_CLUSTER_ADDRESS_KEEP);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-0", -1)), 200);
    bed_run(f, 5 * SECOND);
    addresses(f, text);
    assert_string_equal(text, "10.0.0.4 10.0.0.2 10.0.0.3 ");
    kube_cluster_address_set(f->cluster, KUBE_CLUSTER_ADDRESS_REUSE);
    assert_int_equal(bed_status(kube_cluster_delete(f->cluster, "db-2", -1)), 200);
    bed_run(f, 5 * SECOND);
    addresses(f, text);
    assert_string_equal(text, "10.0.0.4 10.0.0.2 10.0.0.1 "); /* once db-0's */
}

static void test_hold_and_restart(void **state)
{
    struct bed *f = *state;

    bed_begin_ready(f, false, true);
    kube_cluster_hold(f->cluster, f->now_us, 0, true);
    assert_true(kube_cluster_restart(f->cluster, f->now_us, 0));
    assert_false(kube_cluster_restart(f->cluster, f->now_us, 0)); /* nothing runs */
    bed_run(f, 100 * SECOND);
    bed_expect_log(f, "10.0 SIGTERM 0\n");
    kube_cluster_hold(f->cluster, f->now_us, 0, false);
    bed_expect_log(f, "110.0 start 0\n");
    f->stubborn[0] = true;
    assert_true(kube_cluster_restart(f->cluster, f->now_us, 0));
    bed_run(f, 60 * SECOND);
    bed_expect_log(f, "110.0 SIGTERM 0\n140.0 SIGKILL 0\n150.0 start 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delete_as_a_real_cluster, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_grace_ends_with_sigkill, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_second_delete_shortens, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_delete_by_force, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_hook_before_sigterm, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_hook_is_bounded_by_the_grace, bed_set_up,
                                        bed_tear_down),
        cmocka_unit_test_setup_teardown(test_hook_of_a_dying_process, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_restart_in_place_backs_off, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_init_is_tried_again, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_deleted_while_init_runs, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_readiness, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_api_away, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_api_away_at_the_end_of_a_pod, bed_set_up,
                                        bed_tear_down),
        cmocka_unit_test_setup_teardown(test_volume_lost, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_addresses, bed_set_up, bed_tear_down),
        cmocka_unit_test_setup_teardown(test_hold_and_restart, bed_set_up, bed_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
