/* Labels: written by the leader as the core wants them, and what they read as a fact. */
#include "app/labels.h"

#include "app/pods.h"

#include "desk.h"

static struct loop *loop;
static struct fake_api api;
static struct controller c;

static int setup(void **state)
{
    (void)state;
    loop = desk_setup(&c, &api, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_teardown(&c, &api);
    return 0;
}

static const char *label(const char *pod)
{
    json_t *object = fake_api_find(&api, "pods", pod);
    json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
    const char *text = json_string_value(json_object_get(labels, LABEL_ROLE));

    return text ? text : "";
}

static void put(const char *name, const char *uid, const char *text)
{
    json_t *pod = desk_pod(name, uid, "", true);

    (void)json_object_set_new(json_object_get(pod, "metadata"), "labels",
                              text[0] ? json_pack("{s:s}", LABEL_ROLE, text) : json_object());
    fake_api_put(&api, "pods", pod);
}

/* mg-0 is main, mg-1 its SYNC replica; we lead. */
static void serve(void)
{
    struct record r = {.main_run = "r0", .from = -1, .sync = SYNC_READY, .sync_run = "r1"};
    struct view *v = controller_view(&c);

    view_record(v, &r);
    view_link_up(v, 0);
    view_role(v, 0, ROLE_MAIN, "r0", v->now_us);
    view_leadership(v, true, INT64_MAX);
}

static bool step_until(const char *pod, const char *text)
{
    labels_follow(c.labels);
    return strcmp(label(pod), text) == 0;
}

static void test_the_leader_writes_them(void **state)
{
    (void)state;
    put("mg-0", "u0", "");
    put("mg-1", "u1", "main"); /* it was once */
    put("mg-2", "u2", "?");
    c.pods = pods_new(&c);
    WAIT_UNTIL(loop, c.view.pods_known);
    assert_int_equal(c.view.main_labels, 1U << 1);
    labels_follow(c.labels);
    desk_turn(loop);
    assert_int_equal(api.writes, 0); /* we do not lead, and nothing is known */
    serve();
    WAIT_UNTIL(loop, step_until("mg-0", "main") && step_until("mg-1", "sync") &&
                         step_until("mg-2", "async"));
    assert_int_equal(c.view.main_labels, 1U << 0);
    fake_api_delete(&api, "pods", "mg-0");
    WAIT_UNTIL(loop, !c.view.pods[0].exists);
    assert_int_equal(c.view.main_labels, 0);
}

/* The main moves: the answer alone makes it a fact, before any watch tells. */
static void test_the_old_main_loses_its_label(void **state)
{
    (void)state;
    put("mg-0", "u0", "main");
    put("mg-1", "u1", "sync");
    c.pods = pods_new(&c);
    WAIT_UNTIL(loop, c.view.pods_known);
    serve();
    api.holds_events = true;
    c.view.record.target = 1;
    c.view.record.transition = EPOCH_FAILOVER;
    labels_follow(c.labels);
    assert_int_equal(c.view.main_labels, 1U << 0);
    WAIT_UNTIL(loop, c.view.main_labels == 0);
    assert_string_equal(label("mg-0"), "");
    assert_string_equal(label("mg-1"), "sync"); /* not before it serves */
}

/* Another pod of that name: what was meant for the old one is refused, and done anew. */
static void test_another_pod_of_that_name(void **state)
{
    (void)state;
    put("mg-2", "u2", "");
    c.pods = pods_new(&c);
    WAIT_UNTIL(loop, c.view.pods_known);
    serve();
    api.holds_events = true;
    put("mg-2", "newer", "");
    labels_follow(c.labels);
    WAIT_UNTIL(loop, api.writes == 1);
    assert_string_equal(label("mg-2"), "");
    fake_api_release_events(&api);
    api.holds_events = false;
    WAIT_UNTIL(loop, step_until("mg-2", "async"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_leader_writes_them),
        TEST(the_old_main_loses_its_label),
        TEST(another_pod_of_that_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
