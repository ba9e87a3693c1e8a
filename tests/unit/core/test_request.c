#include "core/rebuild.h"
#include "core/request.h"
#include "steady.h"

#include "../cmocka_test.h"

static struct view v;

static int set_up(void **state)
{
    (void)state;
    steady_view(&v);
    return 0;
}

static void test_every_request_reads_back(void **state)
{
    (void)state;
    for (int kind = REQUEST_SWITCHOVER; kind <= REQUEST_STOP; kind++) {
        struct request r = {(enum request_kind)kind, 1, 1764000000123000}, back;
        char text[NOTE_SIZE];

        assert_true(request_parse(str_of(request_text(&r, text)), &back));
        assert_memory_equal(&back, &r, sizeof r);
    }
}

static void test_what_a_person_may_write(void **state)
{
    struct request r;

    (void)state;
    assert_true(request_parse(str_of("switchover"), &r));
    assert_int_equal(r.kind, REQUEST_SWITCHOVER);
    assert_int_equal(r.pod, -1);
    assert_true(request_parse(str_of("rebuild:mg-2@17"), &r));
    assert_int_equal(r.pod, 2);
    assert_int_equal(r.at_wall_us, 17000);
    assert_true(request_parse(str_of(""), &r));
    assert_int_equal(r.kind, REQUEST_NONE);
    assert_false(request_parse(str_of("switch"), &r));
    assert_false(request_parse(str_of("rebuild"), &r));
    assert_false(request_parse(str_of("rebuild:x"), &r));
    assert_false(request_parse(str_of("stop:99"), &r));
    assert_false(request_parse(str_of("degrade@-1"), &r));
    assert_false(request_parse(str_of("degrade@9223372036854775807"), &r));
}

static void expect(enum request_kind kind, int pod, bool possible, const char *words)
{
    struct request r = {.kind = kind, .pod = pod};
    char why[WHY_SIZE];

    if (request_check(&v, &r, why) != possible || !strstr(why, words))
        fail_msg("%s: '%s', wanted '%s'", request_kind_name(kind), why, words);
}

static void test_what_stands_in_its_way(void **state)
{
    (void)state;
    expect(REQUEST_SWITCHOVER, -1, true, "holds every acknowledged write");
    expect(REQUEST_SWITCHOVER, 0, false, "main already");
    expect(REQUEST_SWITCHOVER, 2, false, "only mg-0 and mg-1");
    expect(REQUEST_REBUILD, 2, true, "");
    expect(REQUEST_REBUILD, 3, false, "no such pod");
    expect(REQUEST_DEGRADE, -1, true, "");
    expect(REQUEST_FAILOVER, -1, true, "acknowledged writes that it lacks are lost");
    expect(REQUEST_REFRESH, -1, true, "");
    expect(REQUEST_STOP, 0, true, "");
    expect(REQUEST_NONE, -1, false, "asks for nothing");
    v.pods[0].role = ROLE_REPLICA;
    expect(REQUEST_DEGRADE, -1, false, "does not answer as such");
    v.record.transition = EPOCH_REFRESH;
    expect(REQUEST_SWITCHOVER, -1, false, "a refresh is under way");
    (void)record_pause_text("me", 1, 0, v.record.paused);
    expect(REQUEST_FAILOVER, -1, false,
           "decisions are paused (by me since 1970-01-01T00:00:00Z): resume first");
    view_record(&v, NULL);
    expect(REQUEST_FAILOVER, -1, false, "no record");
}

static void test_whom_an_operator_may_force(void **state)
{
    (void)state;
    v.record.sync = SYNC_NONE;
    view_role(&v, 1, ROLE_MAIN, "r1b", v.now_us);
    expect(REQUEST_FAILOVER, 1, true, "mg-1 can take over");
    v.pods[1].role_at = 0;
    expect(REQUEST_FAILOVER, 1, false, "mg-1 has role unknown");
    view_role(&v, 1, ROLE_REPLICA, "r1b", v.now_us);
    v.pods[1].terminating = true;
    expect(REQUEST_FAILOVER, 1, false, "mg-1 is being terminated");
    v.pods[1].terminating = false;
    (void)str_copy(v.record.rebuild[1].uid, UID_SIZE, "r1");
    expect(REQUEST_FAILOVER, 1, false, "mg-1 waits to be rebuilt");
    v.record.rebuild[1].uid[0] = '\0';
    view_storage(&v, 1, 0, 0, "db", v.now_us);
    expect(REQUEST_FAILOVER, -1, false, "mg-1 is empty: everything would be lost");
    view_storage(&v, 0, 0, 0, "db", v.now_us);
    expect(REQUEST_FAILOVER, -1, true, "mg-1 can take over");
    view_storage(&v, 0, 5, 0, "db", v.now_us);
    expect(REQUEST_FAILOVER, 2, false, "only mg-0 and mg-1");
    expect(REQUEST_FAILOVER, 0, true, "mg-0 goes on");
    v.pods[0].role_at = 0;
    expect(REQUEST_FAILOVER, 0, false, "mg-0 does not answer");
    v.record.sync_why = SYNC_WHY_DEGRADED;
    expect(REQUEST_DEGRADE, -1, false, "the main serves alone already");
}

static void test_a_stop_ends_in_silence(void **state)
{
    struct plan plan;

    (void)state;
    (void)str_copy(v.record.request, NOTE_SIZE, "stop:2@1");
    view_derive(&v);
    v.now_us += INT64_C(60) * 1000 * 1000 - 1;
    plan_init(&plan, &v);
    assert_false(request_decide(&v, &plan));
    v.now_us++;
    plan_init(&plan, &v);
    assert_true(request_decide(&v, &plan));
    assert_int_equal(plan.n, 1); /* no Event */
    assert_true(plan_has_write(&plan));
    assert_string_equal(plan.record.request, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_request_reads_back),
        cmocka_unit_test(test_what_a_person_may_write),
        cmocka_unit_test_setup(test_what_stands_in_its_way, set_up),
        cmocka_unit_test_setup(test_whom_an_operator_may_force, set_up),
        cmocka_unit_test_setup(test_a_stop_ends_in_silence, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
