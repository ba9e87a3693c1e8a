/* Whose process is it that answers at a pod's address? */
#include "steady.h"

#include "../cmocka_test.h"

static const int64_t ms = 1000, second = 1000 * 1000;
static struct view v;
static struct pod_kube s = {.ready = true, .uid = "r1", .ip = "10.0.0.2", .instances = "c1"};

static struct pod *p(void)
{
    return &v.pods[1];
}

/* The process of S is known, and its container. */
static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    s = (struct pod_kube){.ready = true, .uid = "r1", .ip = "10.0.0.2", .instances = "c1"};
    v.now_us += ms;
    view_kube_pod(&v, 1, &s);
    v.now_us += ms;
    assert_true(view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us));
    assert_int_equal(p()->started_at, 0);
    return 0;
}

static bool answers(const char *run)
{
    v.now_us += ms;
    return view_role(&v, 1, ROLE_MAIN, run, v.now_us);
}

static void comes_back(void)
{
    view_link_down(&v, 1, FAIL_REFUSED, "gone");
    v.now_us += ms;
    view_link_up(&v, 1);
}

static bool confirmed(const char *instances)
{
    s.instances = instances;
    v.now_us += ms;
    return view_confirm(&v, 1, &s, v.now_us);
}

static void test_a_process_without_a_new_container(void **state)
{
    (void)state;
    comes_back();
    assert_false(answers("x"));
    assert_true(pod_claimed(p()));
    assert_int_equal(pod_role(p()), ROLE_UNKNOWN);
    assert_true(pod_runs(p(), "r1")); /* no rule sees the other one */
    assert_false(confirmed("c1"));
    assert_false(answers("x"));
    assert_true(answers("r1")); /* it was there all the time */
    assert_false(pod_claimed(p()));
}

/* Its machine died and is back: our connection has not noticed, another one of ours has. */
static void test_what_was_known_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(pod_role(p()), ROLE_REPLICA);
    assert_false(answers("x"));
    assert_int_equal(pod_role(p()), ROLE_UNKNOWN);
    assert_true(view_rows_fresh(&v, 0));
    v.record.target = 1;
    steady_rows(&v, ROW_READY, ROW_READY);
    v.rows_pod = 1;
    (void)str_copy(v.rows_run, sizeof v.rows_run, "r1");
    assert_false(view_rows_fresh(&v, 0));
    assert_true(answers("r1"));
    assert_true(view_rows_fresh(&v, 0));
}

static void test_a_process_of_a_new_container(void **state)
{
    (void)state;
    comes_back();
    assert_false(answers("r1b"));
    assert_true(confirmed("c2"));
    assert_true(answers("r1b"));
    assert_false(pod_claimed(p()));
    assert_int_equal(pod_role(p()), ROLE_MAIN);
    comes_back();
    assert_false(answers("x")); /* one process a container */
    assert_false(confirmed("c2"));
}

/* That a container started is not enough: its process may be dead, and another pod have the
 * address. */
static void test_kubernetes_is_asked_after_the_answer(void **state)
{
    int64_t asked_us;

    (void)state;
    comes_back();
    s.instances = "c2";
    view_kube_pod(&v, 1, &s);
    asked_us = v.now_us;
    assert_false(answers("r1b"));
    assert_false(view_confirm(&v, 1, &s, asked_us));
    assert_true(confirmed("c2"));
    assert_true(answers("r1b"));
}

static void test_it_is_that_pod_at_that_address(void **state)
{
    (void)state;
    comes_back();
    assert_false(answers("r1b"));
    s.uid = "another";
    assert_false(confirmed("c2"));
    s.uid = "r1";
    s.ip = "10.0.0.9";
    assert_false(confirmed("c2"));
    s.ip = "10.0.0.2";
    assert_true(confirmed("c2"));
}

static void test_what_is_confirmed_is_one_process(void **state)
{
    (void)state;
    comes_back();
    assert_false(answers("r1b"));
    assert_true(confirmed("c2"));
    assert_false(answers("x"));
    assert_false(answers("r1b"));
    assert_true(confirmed("c2")); /* no process was taken for c2 yet */
    assert_false(answers("x"));
}

static void test_another_connection_begins_anew(void **state)
{
    (void)state;
    comes_back();
    assert_false(answers("r1b"));
    assert_true(confirmed("c2"));
    comes_back();
    assert_false(confirmed("c2")); /* nobody answered over this one */
    assert_false(answers("r1b"));
    assert_true(confirmed("c2"));
    view_link_none(&v, 1);
    view_link_up(&v, 1);
    assert_false(answers("r1b"));
}

/* Its start was told late: the process that answers since is the container's. */
static void test_a_container_that_is_told_late(void **state)
{
    (void)state;
    s.instances = "c2";
    v.now_us += ms;
    view_kube_pod(&v, 1, &s);
    assert_true(view_role(&v, 1, ROLE_REPLICA, "r1", v.now_us - ms)); /* asked before */
    assert_int_not_equal(p()->started_at, 0);
    assert_true(answers("r1"));
    assert_int_equal(p()->started_at, 0);
    comes_back();
    assert_false(answers("x"));
    assert_false(confirmed("c2"));
}

static void test_ids_are_remembered(void **state)
{
    (void)state;
    comes_back();
    s.instances = "";
    view_kube_pod(&v, 1, &s);
    assert_false(answers("x"));
    assert_false(confirmed(""));
    assert_false(confirmed("c1")); /* an old list */
    assert_true(confirmed("sidecar c1"));
    assert_true(answers("x"));
    assert_false(answers("y"));
    assert_false(confirmed("c1")); /* one less */
}

static void test_a_pod_that_is_gone_is_forgotten(void **state)
{
    (void)state;
    s.instances = "c2";
    view_kube_pod(&v, 1, &s);
    view_kube_pod(&v, 1, NULL);
    s.instances = "";
    view_kube_pod(&v, 1, &s); /* another one, that has not started yet */
    comes_back();
    assert_false(answers("x"));
    assert_false(confirmed(""));
    assert_true(confirmed("c1"));
}

static void test_kubernetes_does_not_tell(void **state)
{
    (void)state;
    comes_back();
    s.instances = NULL;
    view_kube_pod(&v, 1, &s);
    assert_true(answers("r1b"));
}

/* A supervisor in the container started it: there is never a new container. */
static void test_a_pod_that_stays_ready_for_long(void **state)
{
    (void)state;
    comes_back();
    assert_false(answers("r1b"));
    v.now_us += 99 * second;
    assert_false(confirmed("c1"));
    v.now_us += second;
    s.ready = false; /* its node does not report */
    assert_false(confirmed("c1"));
    s.ready = true;
    assert_true(confirmed("c1"));
    assert_true(answers("r1b"));
}

static void test_the_known_process_is_lost_after_a_while(void **state)
{
    char why[WHY_SIZE];

    (void)state;
    comes_back();
    assert_false(answers("x"));
    assert_false(view_lost(&v, 1, why));
    v.now_us = p()->claim_since + v.settings.probe_timeout_us * v.settings.probe_failures - 1;
    assert_false(view_lost(&v, 1, why));
    v.now_us++;
    assert_true(view_lost(&v, 1, why));
    assert_string_equal(why, "another process answers at its address");
    p()->run[0] = '\0'; /* there was no known process */
    assert_false(view_lost(&v, 1, why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_process_without_a_new_container, set_up),
        cmocka_unit_test_setup(test_what_was_known_does_not_count, set_up),
        cmocka_unit_test_setup(test_a_process_of_a_new_container, set_up),
        cmocka_unit_test_setup(test_kubernetes_is_asked_after_the_answer, set_up),
        cmocka_unit_test_setup(test_it_is_that_pod_at_that_address, set_up),
        cmocka_unit_test_setup(test_what_is_confirmed_is_one_process, set_up),
        cmocka_unit_test_setup(test_another_connection_begins_anew, set_up),
        cmocka_unit_test_setup(test_a_container_that_is_told_late, set_up),
        cmocka_unit_test_setup(test_ids_are_remembered, set_up),
        cmocka_unit_test_setup(test_a_pod_that_is_gone_is_forgotten, set_up),
        cmocka_unit_test_setup(test_kubernetes_does_not_tell, set_up),
        cmocka_unit_test_setup(test_a_pod_that_stays_ready_for_long, set_up),
        cmocka_unit_test_setup(test_the_known_process_is_lost_after_a_while, set_up),
    };

    return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
