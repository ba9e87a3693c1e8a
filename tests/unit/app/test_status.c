/* The status page and the metrics hold what docs/reference.md promises; no metric is missing there.
 */
#include "app/status.h"

#include "app/election.h"
#include "app/link.h"
#include "app/metrics.h"
#include "app/pods.h"
#include "app/routes.h"
#include "app/state.h"
#include "app/transitions.h"

#include "desk.h"

static struct loop *loop;
static struct fake_api api;
static struct controller c;
static char docs[256 * 1024];

static int read_docs(void **state)
{
    FILE *f = fopen(getenv("DOCS_REFERENCE"), "r");

    (void)state;
    assert_non_null(f);
    docs[fread(docs, 1, sizeof docs - 1, f)] = '\0';
    (void)fclose(f);
    return 0;
}

static void with_readers(struct config *config)
{
    config->read_gateway = true;
    config->bolt_port = 1; /* refuses */
}

static int setup(void **state)
{
    struct fail why;

    (void)state;
    loop = desk_setup(&c, &api, with_readers);
    c.routes = routes_new(&c, &why);
    assert_non_null(c.routes);
    c.state = state_new(&c);
    c.pods = pods_new(&c);
    c.election = election_new(&c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    desk_teardown(&c, &api);
    return 0;
}

/* Three pods, of which mg-0 is T and shows the others, and a record. */
static void fill(void)
{
    static const struct row rows[] = {{.name = "mg_1",
                                       .address = "127.0.0.3:10000",
                                       .mode = MODE_STRICT_SYNC,
                                       .has_data = true,
                                       .status = ROW_READY,
                                       .ts = 10,
                                       .behind = -2},
                                      {.name = "mg_2", .address = "x:1", .mode = MODE_ASYNC}};
    struct record r = {.epoch = 3,
                       .main_run = "run-0",
                       .promoted_run = "run-0",
                       .from = -1,
                       .sync = SYNC_READY,
                       .sync_run = "run-1",
                       .database = "db"};
    struct view *v;

    fake_api_put(&api, "pods", desk_pod("mg-0", "u0", "127.0.0.2", true));
    fake_api_put(&api, "pods", desk_pod("mg-1", "u1", "127.0.0.3", true));
    fake_api_put(&api, "pods", desk_pod("mg-2", "u2", "127.0.0.4", false));
    WAIT_UNTIL(loop, c.view.pods[2].exists && view_leading(controller_view(&c)));
    for (int i = 0; i < 3; i++) { /* from here on the test says what they are */
        link_free(c.links[i]);
        c.links[i] = NULL;
    }
    v = controller_view(&c);
    record_add_history(&r, "{\"kind\":\"initial\"}");
    view_record(v, &r);
    for (int i = 0; i < 3; i++) {
        char run[16];

        (void)str_format(run, sizeof run, "run-%d", i);
        view_link_up(v, i);
        view_role(v, i, i ? ROLE_REPLICA : ROLE_MAIN, run, v->now_us);
        view_version(v, i, "3.6.1", (struct abilities){true, true});
        view_storage(v, i, 5, 6, "db", v->now_us);
    }
    view_rows(v, 0, "run-0", rows, ARRAY_LEN(rows), v->now_us);
    plan_init(&c.plan, v);
    c.plan.gate.state = GATE_OPEN;
    c.plan.gate.pod = 0;
    c.plan.read = (struct read_route){.n = 2, .pods = {2, 1}};
    c.decisions_n = 2;
    c.decisions[0] = (struct decision){1, RULE_O6, EFFECT_WRITE_RECORD, -1, "first"};
    c.decisions[1] = (struct decision){2, RULE_EPOCH, EFFECT_TOUCH, 0, "second"};
}

/* Each `word` in backticks of the first column of the table behind a heading; NULL at its end. */
static const char *next_word(const char **at, char *out, size_t size)
{
    const char *p = *at, *end;

    for (;;) {
        const char *line_end = strchr(p, '\n');

        if (*p == '\n') /* begin of a line */
            p++;
        if (*p == '`') {
            end = strchr(p + 1, '`');
            assert_non_null(end);
            assert_true(str_copy_n(out, size, (struct str){p + 1, (size_t)(end - p - 1)}));
            *at = end + 1;
            return out;
        }
        if (p != *at && *p == '|' && p[-1] != '\n') /* the first column is over */
            p = line_end;
        else
            p++;
        if (!p || !*p || (p[-1] == '\n' && *p != '|'))
            return NULL;
    }
}

static const char *table(const char *heading)
{
    const char *at = strstr(docs, heading);

    assert_non_null(at);
    at = strstr(at, "|---");
    assert_non_null(at);
    return strchr(at, '\n');
}

static json_t *at(json_t *object, const char *a, const char *b)
{
    object = json_object_get(object, a);
    return b ? json_object_get(object, b) : object;
}

static const char *text_at(json_t *object, const char *a, const char *b)
{
    return json_string_value(at(object, a, b));
}

static void test_status_has_what_is_documented(void **state)
{
    const char *page = table("### `/status`");
    char word[64];
    unsigned words = 0;
    json_t *status;

    (void)state;
    fill();
    status = status_json(&c);
    while (next_word(&page, word, sizeof word)) {
        bool list = strlen(word) > 2 && strcmp(word + strlen(word) - 2, "[]") == 0;

        if (list)
            word[strlen(word) - 2] = '\0';
        if (!json_object_get(status, word))
            fail_msg("/status has no %s", word);
        assert_true(!list || json_is_array(json_object_get(status, word)));
        words++;
    }
    assert_true(words >= 16);
    json_decref(status);
}

static void test_status_says_what_is_known(void **state)
{
    json_t *status, *pod;

    (void)state;
    fill();
    status = status_json(&c);
    assert_string_equal(text_at(status, "phase", NULL), "OPERATIONAL");
    assert_string_equal(text_at(status, "main", NULL), "mg-0");
    assert_string_equal(text_at(status, "syncReplica", NULL), "mg-1");
    assert_string_equal(text_at(status, "sync", NULL), "ready:run-1");
    assert_int_equal(json_integer_value(at(status, "epoch", NULL)), 3);
    assert_string_equal(text_at(status, "leadership", "identity"), "me");
    assert_string_equal(text_at(status, "leadership", "holder"), "me");
    assert_true(json_is_true(at(status, "leadership", "leader")));
    assert_true(json_integer_value(at(status, "leadership", "certainForMs")) > 0);
    assert_string_equal(text_at(status, "gate", "state"), "open");
    assert_string_equal(text_at(status, "gate", "pod"), "mg-0");
    assert_string_equal(json_string_value(json_array_get(at(status, "readers", NULL), 0)), "mg-2");
    assert_string_equal(text_at(status, "record", "sync"), "ready:run-1");
    assert_int_equal(json_array_size(at(status, "record", "history")), 1);
    assert_int_equal(json_array_size(at(status, "pods", NULL)), 3);
    pod = json_array_get(at(status, "pods", NULL), 1);
    assert_string_equal(text_at(pod, "topology", NULL), "sync");
    assert_string_equal(text_at(pod, "kubernetes", "uid"), "u1");
    assert_true(json_is_true(at(pod, "kubernetes", "ready")));
    assert_string_equal(text_at(pod, "link", "state"), "up");
    assert_string_equal(text_at(pod, "memgraph", "role"), "replica");
    assert_string_equal(text_at(pod, "memgraph", "run"), "run-1");
    assert_int_equal(json_integer_value(at(pod, "memgraph", "vertices")), 5);
    assert_int_equal(json_integer_value(at(pod, "registration", "behind")), -2);
    assert_string_equal(text_at(pod, "registration", "status"), "ready");
    pod = json_array_get(at(status, "pods", NULL), 2);
    assert_string_equal(text_at(pod, "topology", NULL), "async");
    assert_string_equal(text_at(pod, "registration", "status"), "dead");
    /* newest first */
    pod = json_array_get(at(status, "decisions", NULL), 0);
    assert_string_equal(text_at(pod, "why", NULL), "second");
    assert_string_equal(text_at(pod, "pod", NULL), "mg-0");
    assert_true(json_is_integer(at(status, "kubernetesAgeMs", NULL)));
    assert_true(json_is_object(at(status, "gateways", "write")));
    json_decref(status);
}

/* The value of a metric line, labels included; -1: no such line. */
static double value_of(const struct buf *page, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = page->p; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
        if (strncmp(p, name, n) == 0 && p[n] == ' ')
            return strtod(p + n, NULL);
    return -1;
}

/* What was decided for a while: by plan, by a person. */
static void test_status_says_what_was_decided(void **state)
{
    struct record r;
    struct buf out;
    json_t *status;

    (void)state;
    fill();
    r = c.view.record;
    r.sync = SYNC_NONE;
    r.sync_why = SYNC_WHY_PLANNED;
    r.sync_until_wall_us = c.view.wall_us + 60LL * 1000 * 1000;
    (void)record_pause_text("ann", c.view.wall_us, c.view.wall_us + 1000 * 1000, r.paused);
    (void)str_copy(r.request, sizeof r.request, "rebuild:2@1500");
    (void)str_copy(r.rebuild[2].uid, sizeof r.rebuild[2].uid, "u2");
    (void)str_copy(r.rebuild[2].reason, sizeof r.rebuild[2].reason, "diverged");
    view_record(controller_view(&c), &r);
    status = status_json(&c);
    assert_true(json_is_true(at(status, "degraded", NULL)));
    assert_true(json_is_string(at(status, "plannedUntil", NULL)));
    assert_string_equal(text_at(status, "paused", "text"), r.paused);
    assert_true(json_is_string(at(status, "paused", "until")));
    assert_string_equal(text_at(status, "request", "kind"), "rebuild");
    assert_string_equal(text_at(status, "request", "pod"), "mg-2");
    assert_string_equal(text_at(status, "request", "at"), "1970-01-01T00:00:01.500000Z");
    assert_string_equal(text_at(json_array_get(at(status, "rebuild", NULL), 0), "pod", NULL),
                        "mg-2");
    json_decref(status);
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
    assert_true(value_of(&out, "memgraph_controller_degraded") == 1);
    assert_true(value_of(&out, "memgraph_controller_paused") == 1);
    assert_true(value_of(&out, "memgraph_controller_request_open") == 1);
    assert_true(value_of(&out, "memgraph_controller_rebuilds_open") == 1);
    buf_done(&out);
    c.view.wall_us += 2LL * 1000 * 1000; /* the pause is over, the plan is not */
    status = status_json(&c);
    assert_true(json_is_null(at(status, "paused", NULL)));
    assert_true(json_is_true(at(status, "degraded", NULL)));
    json_decref(status);
    c.view.wall_us += 60LL * 1000 * 1000;
    status = status_json(&c);
    assert_true(json_is_false(at(status, "degraded", NULL)));
    json_decref(status);
}

static void test_status_without_a_record(void **state)
{
    json_t *status = status_json(&c);

    (void)state;
    assert_string_equal(text_at(status, "phase", NULL), "BOOTSTRAP");
    assert_true(json_is_null(at(status, "main", NULL)));
    assert_true(json_is_null(at(status, "record", NULL)));
    assert_true(json_is_null(at(status, "kubernetesAgeMs", NULL)));
    assert_int_equal(json_array_size(at(status, "pods", NULL)), 0);
    json_decref(status);
}

/* What servers say may be no UTF-8, or cut in the middle of a letter: a "?" instead of it. */
static void test_odd_texts_hide_nothing(void **state)
{
    json_t *status, *pod;
    char *text;

    (void)state;
    fill();
    (void)str_copy(c.view.pods[1].link_text, sizeof c.view.pods[1].link_text, "broken \xc3");
    (void)str_copy(c.view.pods[1].version, sizeof c.view.pods[1].version, "\xff");
    (void)str_copy(c.view.rows[0].address, sizeof c.view.rows[0].address, "\xfe:1");
    (void)str_copy(c.plan.reason, sizeof c.plan.reason, "because \xe2\x82");
    (void)str_copy(c.view.pods[0].link_text, sizeof c.view.pods[0].link_text, "\xc3\xa4");
    (void)str_copy(c.plan.gate.why, sizeof c.plan.gate.why, "\xff");
    (void)str_copy(c.decisions[1].why, sizeof c.decisions[1].why, "\xff");
    status = status_json(&c);
    assert_non_null(status);
    assert_int_equal(json_array_size(at(status, "pods", NULL)), 3);
    pod = json_array_get(at(status, "pods", NULL), 0);
    assert_string_equal(text_at(pod, "link", "error"), "\xc3\xa4"); /* a letter stays */
    pod = json_array_get(at(status, "pods", NULL), 1);
    assert_string_equal(text_at(pod, "link", "error"), "broken ?");
    assert_string_equal(text_at(pod, "memgraph", "version"), "?");
    assert_string_equal(text_at(pod, "registration", "address"), "?:1");
    assert_string_equal(text_at(status, "reason", NULL), "because ??");
    assert_string_equal(text_at(status, "gate", "why"), "?");
    assert_int_equal(json_array_size(at(status, "decisions", NULL)), 2);
    text = json_dumps(status, 0);
    assert_non_null(text);
    free(text);
    json_decref(status);
}

/* ---- metrics ---- */

/* A failover that is led here, from its first step to its entry in the history; and a refusal. */
static void fail_over(void)
{
    struct record r = c.view.record;

    transitions_follow(c.transitions);
    r.epoch = 4;
    r.transition = EPOCH_FAILOVER;
    r.from = 0;
    r.target = 1;
    view_link_down(controller_view(&c), 0, FAIL_REFUSED, "refused");
    view_record(&c.view, &r);
    transitions_follow(c.transitions);
    r.transition = EPOCH_NONE;
    r.from = -1;
    record_add_history(&r, "{\"epoch\":4,\"kind\":\"failover\",\"at\":1700000000500,\"ms\":{"
                           "\"decide\":7,\"record\":0,\"fence\":0,\"open\":400}}");
    view_record(&c.view, &r);
    transitions_follow(c.transitions);
    transitions_follow(c.transitions); /* counted once */
}

static void test_metrics_are_those_documented(void **state)
{
    const char *page = table("## Metrics");
    struct buf out;
    char word[80], line[160];
    unsigned documented = 0, written = 0;

    (void)state;
    fill();
    fail_over();
    view_rows(controller_view(&c), 1, "run-1", c.view.rows, c.view.rows_n, c.view.now_us);
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
    while (next_word(&page, word, sizeof word)) {
        (void)str_format(line, sizeof line, "\n# TYPE %s ", word);
        if (!strstr(out.p, line))
            fail_msg("/metrics has no %s", word);
        (void)str_format(line, sizeof line, "\n%s", word);
        if (!strstr(out.p, line))
            fail_msg("%s has no value", word);
        documented++;
    }
    for (const char *p = out.p; (p = strstr(p, "# TYPE ")) != NULL; p++)
        written++;
    assert_int_equal(written, documented); /* and none more */
    assert_true(documented >= 20);
    buf_done(&out);
}

static void test_metrics_count_what_is_known(void **state)
{
    struct buf out;

    (void)state;
    fill();
    c.outcomes[OUTCOME_BUSY] = 7;
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
    assert_true(value_of(&out, "memgraph_cluster_pods") == 3);
    assert_true(value_of(&out, "memgraph_cluster_pods_healthy") == 2);
    assert_true(value_of(&out, "memgraph_controller_is_leader") == 1);
    assert_true(value_of(&out, "memgraph_controller_epoch") == 3);
    assert_true(value_of(&out, "memgraph_controller_sync_ready") == 1);
    assert_true(value_of(&out, "memgraph_controller_gate_open") == 1);
    assert_true(value_of(&out, "memgraph_controller_failover_possible") == 1);
    assert_true(value_of(&out, "memgraph_controller_failover_condition{condition=\"decisions are "
                               "not paused\"}") == 1);
    assert_true(value_of(&out, "memgraph_replica_status{pod=\"mg-2\",mode=\"async\",status="
                               "\"dead\"}") == 1);
    assert_true(value_of(&out, "memgraph_pod_edges{pod=\"mg-1\"}") == 6);
    assert_true(value_of(&out, "memgraph_controller_command_outcomes_total{outcome=\"busy\"}") ==
                7);
    assert_true(value_of(&out, "memgraph_pod_main{pod=\"mg-0\"}") == 1);
    assert_true(value_of(&out, "memgraph_pod_main{pod=\"mg-1\"}") == 0);
    assert_true(value_of(&out, "memgraph_pod_up{pod=\"mg-2\"}") == 1);
    assert_true(value_of(&out, "memgraph_replica_behind{pod=\"mg-1\",mode=\"strict_sync\"}") == -2);
    assert_true(value_of(&out, "memgraph_replica_ready{pod=\"mg-1\",mode=\"strict_sync\"}") == 1);
    assert_true(value_of(&out, "memgraph_replica_ready{pod=\"mg-2\",mode=\"async\"}") == 0);
    assert_true(value_of(&out, "memgraph_gateway_sessions_total{gateway=\"read\"}") == 0);
    assert_true(value_of(&out, "memgraph_gateway_connections_max{gateway=\"read\"}") == 1000);
    assert_true(value_of(&out, "process_start_time_seconds") > 1.7e9);
    assert_true(value_of(&out, "process_cpu_seconds_total") > 0);
    assert_true(value_of(&out, "process_resident_memory_bytes") > 1e6);
    buf_done(&out);
}

#define FAILOVERS(from, to, reason, result)                                                        \
    "memgraph_controller_failovers_total{from=\"mg-" #from "\",to=\"mg-" #to "\",reason=\"" reason \
    "\",result=\"" result "\"}"
#define LAST(kind) "memgraph_controller_last_transition_timestamp_seconds{kind=\"" kind "\"}"

static void test_metrics_of_a_failover(void **state)
{
    struct buf out;

    (void)state;
    fill();
    fail_over();
    transitions_refused(c.transitions);
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
#define PHASE "memgraph_controller_transition_phase_seconds"
    assert_true(value_of(&out, FAILOVERS(0, 1, "process gone", "done")) == 1);
    assert_true(value_of(&out, FAILOVERS(1, 0, "process gone", "done")) == 0);
    assert_true(value_of(&out, FAILOVERS(0, 1, "forced", "done")) == 0);
    /* its S is the old main now */
    assert_true(value_of(&out, FAILOVERS(1, 0, "it is connected", "refused")) == 1);
    assert_true(value_of(&out, FAILOVERS(0, 1, "it is connected", "refused")) == 0);
    assert_true(value_of(&out, "memgraph_controller_transitions_total{kind=\"failover\"}") == 1);
    assert_true(value_of(&out, "memgraph_controller_transitions_total{kind=\"initial\"}") == 0);
    assert_true(value_of(&out, PHASE "_bucket{kind=\"failover\",phase=\"decide\",le=\"0.005\"}") ==
                0);
    assert_true(value_of(&out, PHASE "_bucket{kind=\"failover\",phase=\"decide\",le=\"0.01\"}") ==
                1);
    assert_true(value_of(&out, PHASE "_bucket{kind=\"failover\",phase=\"open\",le=\"0.25\"}") == 0);
    assert_true(value_of(&out, PHASE "_bucket{kind=\"failover\",phase=\"open\",le=\"+Inf\"}") == 1);
    assert_true(value_of(&out, PHASE "_sum{kind=\"failover\",phase=\"open\"}") == 0.4);
    assert_true(value_of(&out, PHASE "_count{kind=\"failover\",phase=\"fence\"}") == 0);
    assert_true(value_of(&out, PHASE "_count{kind=\"failover\",phase=\"record\"}") == 1);
#undef PHASE
    assert_true(value_of(&out, LAST("failover")) == 1700000000.5);
    assert_true(value_of(&out, LAST("initial")) == 0);
    buf_done(&out);
}

/* Before the first: what is not there yet has no increase. */
static void test_counters_are_there_from_the_start(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
    assert_true(value_of(&out, FAILOVERS(0, 1, "process gone", "done")) == 0);
    assert_true(value_of(&out, FAILOVERS(1, 0, "pod gone", "done")) == 0);
    assert_true(value_of(&out, FAILOVERS(0, 1, "it is connected", "refused")) == 0);
    assert_true(value_of(&out, FAILOVERS(0, 1, "decided otherwise", "refused")) == 0);
    assert_true(value_of(&out, "memgraph_controller_transitions_total{kind=\"failover\"}") == 0);
    assert_true(value_of(&out, "memgraph_controller_transition_phase_seconds_bucket{kind="
                               "\"failover\",phase=\"open\",le=\"+Inf\"}") == 0);
    assert_true(value_of(&out, "memgraph_gateway_connections_rejected_total{gateway=\"write\","
                               "reason=\"limit\"}") == 0);
    buf_done(&out);
}

/* A failover that another replica has led is in the record; what this one counts is its own. */
static void test_metrics_of_anothers_failover(void **state)
{
    struct record r;
    struct buf out;

    (void)state;
    fill();
    view_leadership(controller_view(&c), false, 0);
    transitions_follow(c.transitions);
    r = c.view.record;
    r.epoch++;
    record_add_history(&r, "{\"epoch\":4,\"kind\":\"failover\",\"at\":1700000000500,\"ms\":{}}");
    record_add_history(&r, "{\"epoch\":5,\"kind\":\"refresh\",\"at\":1700000001000,\"ms\":{}}");
    view_record(controller_view(&c), &r);
    transitions_follow(c.transitions);
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
    assert_true(value_of(&out, LAST("failover")) == 1700000000.5);
    assert_true(value_of(&out, LAST("refresh")) == 1700000001);
    assert_true(value_of(&out, "memgraph_controller_transitions_total{kind=\"failover\"}") == 0);
    buf_done(&out);
}

/* The old main died while it handed over: what was planned became a failover. */
static void test_metrics_of_a_switchover_that_became_one(void **state)
{
    struct record r;
    struct buf out;

    (void)state;
    fill();
    transitions_follow(c.transitions);
    r = c.view.record;
    r.epoch = 4;
    r.transition = EPOCH_SWITCHOVER;
    r.from = 0;
    r.target = 1;
    view_record(controller_view(&c), &r);
    transitions_follow(c.transitions);
    view_link_down(controller_view(&c), 0, FAIL_REFUSED, "refused");
    transitions_follow(c.transitions);
    r.transition = EPOCH_NONE;
    r.from = -1;
    record_add_history(&r, "{\"epoch\":4,\"kind\":\"failover\",\"at\":1,\"ms\":{}}");
    view_record(&c.view, &r);
    transitions_follow(c.transitions);
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
    assert_true(value_of(&out, FAILOVERS(0, 1, "process gone", "done")) == 1);
    buf_done(&out);
}

/* An operator lets the main go on as it is, after a failover: nobody failed over to it. */
static void test_a_main_that_is_forced_to_go_on_is_no_failover(void **state)
{
    struct record r;
    struct buf out;

    (void)state;
    fill();
    fail_over();
    r = c.view.record;
    r.epoch = 5;
    r.transition = EPOCH_FAILOVER;
    r.promoted = PROMOTED_FORCED;
    view_record(controller_view(&c), &r);
    transitions_follow(c.transitions);
    r.transition = EPOCH_NONE;
    record_add_history(&r, "{\"epoch\":5,\"kind\":\"failover\",\"at\":1,\"ms\":{}}");
    view_record(controller_view(&c), &r);
    transitions_follow(c.transitions);
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
    assert_true(value_of(&out, FAILOVERS(0, 1, "process gone", "done")) == 1);
    assert_true(value_of(&out, FAILOVERS(0, 1, "forced", "done")) == 0);
    assert_true(value_of(&out, "memgraph_controller_transitions_total{kind=\"failover\"}") == 2);
    buf_done(&out);
}

/* A pod that is down has no probe that took some time; who never heard of the API server has been
 * waiting for it since its start. */
static void test_metrics_of_what_is_not_known(void **state)
{
    struct buf out;

    (void)state;
    fill();
    view_link_down(controller_view(&c), 1, FAIL_TIMEOUT, "hangs");
    c.started_us -= 100LL * 1000 * 1000;
    c.plan.failover_refused = true;
    pods_free(c.pods);
    c.pods = pods_new(&c); /* hears nothing before the loop turns */
    buf_init(&out, 1 << 20);
    metrics_write(&c, &out);
    assert_non_null(strstr(out.p, "\nmemgraph_pod_probe_seconds{pod=\"mg-0\"} "));
    assert_null(strstr(out.p, "\nmemgraph_pod_probe_seconds{pod=\"mg-1\"} "));
    assert_true(value_of(&out, "memgraph_controller_kubernetes_age_seconds") >= 100);
    assert_true(value_of(&out, "memgraph_controller_failover_refused") == 1);
    buf_done(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(status_has_what_is_documented),
        TEST(status_says_what_is_known),
        TEST(status_says_what_was_decided),
        TEST(status_without_a_record),
        TEST(odd_texts_hide_nothing),
        TEST(metrics_are_those_documented),
        TEST(metrics_count_what_is_known),
        TEST(metrics_of_a_failover),
        TEST(counters_are_there_from_the_start),
        TEST(metrics_of_anothers_failover),
        TEST(a_main_that_is_forced_to_go_on_is_no_failover),
        TEST(metrics_of_what_is_not_known),
        TEST(metrics_of_a_switchover_that_became_one),
    };

    return cmocka_run_group_tests(tests, read_docs, NULL);
}
