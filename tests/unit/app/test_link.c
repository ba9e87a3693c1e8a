/* A link: answers of a Bolt server become facts, and commands go only to the process meant. */
#include "app/link.h"

#include "app/confirm.h"
#include "app/users.h"

#include "../io/bolt_server.h"
#include "desk.h"

static struct loop *loop;
static struct controller c;
static struct bolt_server server;

/* What the server says of itself. */
static struct {
    const char *role, *run, *version;
    bool by_database;         /* 3.11 and later: counts only with ON CURRENT DATABASE */
    const struct value *rows; /* SHOW REPLICAS */
    size_t rows_n;
    const char *failure;      /* of commands */
    unsigned failures;        /* of the next ones; 0: of all */
    const char *notification; /* of every command that goes well */
    char log[512];            /* commands, a line each */
    bool commands_silent, roles_silent;
    char command[512]; /* the last one */
    unsigned roles, shows, versions, storages, commands;
} db;

static const char *const role_fields[] = {"replication role"};
static const char *const version_fields[] = {"version"};
static const char *const storage_fields[] = {"storage info", "value"};
static const char *const replica_fields[] = {"name", "socket_address", "sync_mode", "data_info"};

static bool answer_storage(const char *query, struct bolt_server_reply *out)
{
    static struct value counts[6];

    counts[0] = value_str("vertex_count"), counts[1] = value_int(7);
    counts[2] = value_str("edge_count"), counts[3] = value_int(3);
    counts[4] = value_str("database_uuid"), counts[5] = value_str("db-uuid");
    db.storages++;
    out->fields = storage_fields;
    out->fields_n = 2;
    out->rows = counts;
    out->rows_n = 3;
    if (db.by_database && !strstr(query, "ON CURRENT DATABASE")) {
        counts[0] = value_str("name"), counts[1] = value_str("memgraph");
        out->rows_n = 1;
    }
    return true;
}

static bool answer(void *arg, const char *query, struct bolt_server_reply *out)
{
    static struct value text;

    (void)arg;
    out->run_id = db.run;
    out->rows = &text;
    out->rows_n = out->fields_n = 1;
    if (strncmp(query, "SHOW STORAGE INFO", 17) == 0)
        return answer_storage(query, out);
    if (strcmp(query, "SHOW REPLICATION ROLE") == 0) {
        db.roles++;
        out->silent = db.roles_silent;
        out->fields = role_fields;
        text = value_str(db.role);
    } else if (strcmp(query, "SHOW VERSION") == 0) {
        db.versions++;
        out->fields = version_fields;
        text = value_str(db.version);
    } else if (strcmp(query, "SHOW REPLICAS") == 0) {
        db.shows++;
        out->fields = replica_fields;
        out->fields_n = 4;
        out->rows = db.rows;
        out->rows_n = db.rows_n;
        out->failure = strcmp(db.role, "main")
                           ? "Show replicas query should only be run on the main instance."
                           : NULL;
    } else {
        db.commands++;
        (void)str_copy(db.command, sizeof db.command, query);
        out->fields_n = out->rows_n = 0;
        (void)str_append(db.log, sizeof db.log, "%s\n", query);
        out->failure = db.failure;
        out->notification = db.notification;
        if (db.failures && --db.failures == 0)
            db.failure = NULL;
        out->silent = db.commands_silent;
    }
    return true;
}

static void with_a_user(struct config *config)
{
    config->promote_poke = 0;
    (void)str_copy(config->user, sizeof config->user, "u");
    (void)str_copy(config->password, sizeof config->password, "p");
}

static int setup(void **state)
{
    (void)state;
    loop = desk_setup(&c, NULL, with_a_user);
    memset(&db, 0, sizeof db);
    db.role = "main";
    db.run = "run-a";
    db.version = "3.6.1";
    server = (struct bolt_server){.reply = answer};
    bolt_server_start(&server, loop, 0);
    c.config.bolt_port = server.port;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    link_free(c.links[0]);
    bolt_server_stop(&server);
    desk_turn(loop);
    desk_teardown(&c, NULL);
    return 0;
}

static const struct pod *pod(void)
{
    return &c.view.pods[0];
}

/* Up, and both of its connections have shown their process. */
static void start(void)
{
    c.links[0] = link_new(&c, 0, "127.0.0.1");
    WAIT_UNTIL(loop, pod_up(pod()) && pod_role(pod()) != ROLE_UNKNOWN && db.roles >= 2 &&
                         pod()->version[0]);
}

static void target_is_ours(void)
{
    struct record r = {.epoch = 1, .main_run = "run-a", .from = -1};

    view_record(controller_view(&c), &r);
}

static struct effect effect_of(enum effect_kind kind)
{
    struct effect e = {.kind = kind, .rule = RULE_EPOCH, .pod = 0, .run = "run-a", .target = 1};

    e.mode = MODE_STRICT_SYNC;
    (void)str_copy(e.name, sizeof e.name, "mg-1");
    (void)str_copy(e.address, sizeof e.address, "10.0.0.2:10000");
    return e;
}

static void run_command(enum effect_kind kind, enum outcome wanted)
{
    struct effect e = effect_of(kind);
    uint64_t before = c.outcomes[wanted];

    link_command(c.links[0], &e);
    assert_int_equal(pod()->command, kind);
    assert_int_equal(c.outcomes[wanted], before); /* never inside the call */
    WAIT_UNTIL(loop, pod()->command == EFFECT_NONE);
    assert_int_equal(pod()->last_outcome, wanted);
    assert_int_equal(c.outcomes[wanted], before + 1);
}

static void test_answers_become_facts(void **state)
{
    unsigned roles;

    (void)state;
    start();
    assert_int_equal(pod_role(pod()), ROLE_MAIN);
    assert_string_equal(pod()->run, "run-a");
    assert_string_equal(pod()->version, "3.6.1");
    assert_true(pod()->can.strict_sync);
    WAIT_UNTIL(loop, db.roles >= 6);
    assert_int_equal(db.shows, 0); /* it is main, and not known as T */
    link_ask_storage(c.links[0]);
    WAIT_UNTIL(loop, pod()->storage_at);
    assert_int_equal(pod()->vertices, 7);
    assert_int_equal(pod()->edges, 3);
    assert_string_equal(pod()->database, "db-uuid");
    db.role = "replica";
    WAIT_UNTIL(loop, pod_role(pod()) == ROLE_REPLICA); /* by itself, every PROBE_INTERVAL */
    roles = db.roles;
    WAIT_UNTIL(loop, db.roles > roles + 2);
    assert_int_equal(db.versions, 1); /* once a process */
    db.run = "run-b";
    db.version = "3.4.0";
    WAIT_UNTIL(loop, strcmp(pod()->run, "run-b") == 0 && pod()->version[0]);
    assert_int_equal(pod()->storage_at, 0);
    assert_false(pod()->can.strict_sync);
}

static void test_newer_servers_count_by_database(void **state)
{
    (void)state;
    db.by_database = true;
    start();
    link_ask_storage(c.links[0]);
    WAIT_UNTIL(loop, pod()->storage_at);
    assert_int_equal(pod()->vertices, 7);
    assert_int_equal(db.storages, 2);
}

static void test_rows_of_the_target_become_facts(void **state)
{
    struct value rows[8];
    const struct row *row;
    unsigned shows;

    (void)state;
    rows[0] = value_str("mg_1"), rows[1] = value_str("10.0.0.2:10000");
    rows[2] = value_str("strict_sync");
    rows[3] = value_str("{memgraph: {behind: -4, status: \"replicating\", ts: 20}}");
    rows[4] = value_str("somebody"), rows[5] = value_str("10.0.0.9:10000");
    rows[6] = value_str("async"), rows[7] = value_str("");
    db.rows = rows;
    db.rows_n = 2;
    target_is_ours();
    start();
    WAIT_UNTIL(loop, c.view.rows_at);
    assert_int_equal(c.view.rows_pod, 0);
    assert_string_equal(c.view.rows_run, "run-a");
    assert_int_equal(c.view.rows_n, 2);
    row = view_row(&c.view, 1);
    assert_non_null(row);
    assert_string_equal(row->address, "10.0.0.2:10000");
    assert_int_equal(row->mode, MODE_STRICT_SYNC);
    assert_int_equal(row->status, ROW_REPLICATING);
    assert_true(row->has_data);
    assert_int_equal(row->ts, 20);
    assert_int_equal(row->behind, -4);
    assert_int_equal(c.view.rows[1].pod, -1);
    assert_int_equal(c.view.rows[1].mode, MODE_ASYNC);
    assert_false(c.view.rows[1].has_data);
    shows = db.shows;
    WAIT_UNTIL(loop, db.shows > shows + 2); /* by itself, every SYNC_WATCH_INTERVAL */
}

/* A replica has no list: that it refuses it means that its role is another now. */
static void test_refused_list_asks_for_the_role(void **state)
{
    (void)state;
    c.config.probe_interval_ms = 60 * 1000; /* so that no probe comes by itself */
    target_is_ours();
    start();
    WAIT_UNTIL(loop, c.view.rows_at);
    db.role = "replica";
    WAIT_UNTIL(loop, pod_role(pod()) == ROLE_REPLICA);
    assert_false(view_rows_known(&c.view)); /* what it had as a main is forgotten */
}

static void test_commands_say_what_was_decided(void **state)
{
    static const struct {
        enum effect_kind kind;
        const char *text;
    } cases[] = {{EFFECT_PROMOTE, "SET REPLICATION ROLE TO MAIN"},
                 {EFFECT_DEMOTE, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000"},
                 {EFFECT_TOUCH, "CREATE (n:__mgctl) DELETE n"},
                 {EFFECT_ENSURE_USERS, "CREATE USER IF NOT EXISTS u IDENTIFIED BY 'p'"},
                 {EFFECT_REGISTER, "REGISTER REPLICA mg_1 STRICT_SYNC TO \"10.0.0.2:10000\""},
                 {EFFECT_DROP, "DROP REPLICA `mg-1`"}};

    (void)state;
    start();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        run_command(cases[i].kind, OUTCOME_OK);
        assert_string_equal(db.command, cases[i].text);
    }
    assert_int_equal(db.commands, ARRAY_LEN(cases));
}

/* A query for each, in the file's order; one that fails keeps none of the others out. */
static void test_users_are_created_one_by_one(void **state)
{
    struct user *list = c.users->list;

    (void)state;
    c.users->n = 3;
    (void)str_copy(list[1].name, sizeof list[1].name, "ann");
    (void)str_copy(list[1].password, sizeof list[1].password, "a'b\\");
    (void)str_copy(list[2].name, sizeof list[2].name, "bob");
    (void)str_copy(list[2].password, sizeof list[2].password, "c");
    start();
    run_command(EFFECT_ENSURE_USERS, OUTCOME_OK);
    assert_string_equal(db.log, "CREATE USER IF NOT EXISTS u IDENTIFIED BY 'p'\n"
                                "CREATE USER IF NOT EXISTS ann IDENTIFIED BY 'a\\'b\\\\'\n"
                                "CREATE USER IF NOT EXISTS bob IDENTIFIED BY 'c'\n");
    db.log[0] = '\0';
    db.failure = "something else";
    db.failures = 2; /* the first two */
    run_command(EFFECT_ENSURE_USERS, OUTCOME_FAILED);
    assert_int_equal(db.commands, 6);
    assert_non_null(strstr(db.log, "bob"));
    c.users->n = 0;
    run_command(EFFECT_ENSURE_USERS, OUTCOME_FAILED); /* nobody to create: never asked for */
}

static void test_users_of_a_connection_that_breaks(void **state)
{
    struct effect e = effect_of(EFFECT_ENSURE_USERS);

    (void)state;
    c.users->n = 2;
    (void)str_copy(c.users->list[1].name, sizeof c.users->list[1].name, "ann");
    start();
    db.commands_silent = true;
    link_command(c.links[0], &e);
    WAIT_UNTIL(loop, db.commands == 1);
    bolt_server_stop(&server);
    WAIT_UNTIL(loop, pod()->command == EFFECT_NONE);
    assert_int_equal(pod()->last_outcome, OUTCOME_FAILED);
    assert_int_equal(db.commands, 1);
    bolt_server_start(&server, loop, 0);
}

static void test_command_for_another_process_is_stale(void **state)
{
    struct effect e = effect_of(EFFECT_PROMOTE);

    (void)state;
    start();
    (void)str_copy(e.run, sizeof e.run, "run-b");
    link_command(c.links[0], &e);
    WAIT_UNTIL(loop, pod()->command == EFFECT_NONE);
    assert_int_equal(pod()->last_outcome, OUTCOME_STALE);
    /* The probe's connection has seen another process, the commands' one has not. */
    (void)view_role(controller_view(&c), 0, ROLE_MAIN, "run-b", c.view.now_us);
    link_command(c.links[0], &e);
    WAIT_UNTIL(loop, pod()->command == EFFECT_NONE);
    assert_int_equal(pod()->last_outcome, OUTCOME_STALE);
    assert_int_equal(db.commands, 0);
}

static void test_command_without_a_connection_is_stale(void **state)
{
    struct effect e = effect_of(EFFECT_PROMOTE);

    (void)state;
    server.mood = BOLT_SERVER_IS_SILENT;
    c.links[0] = link_new(&c, 0, "127.0.0.1");
    link_command(c.links[0], &e);
    assert_int_equal(pod()->command, EFFECT_PROMOTE);
    WAIT_UNTIL(loop, pod()->command == EFFECT_NONE);
    assert_int_equal(pod()->last_outcome, OUTCOME_STALE);
}

static void test_errors_are_judged(void **state)
{
    static const struct {
        enum effect_kind kind;
        const char *words;
        enum outcome outcome;
    } cases[] = {
        {EFFECT_PROMOTE, "Couldn't set replication role to main!", OUTCOME_ROLE_NOT_SET},
        {EFFECT_REGISTER, "Couldn't register replica a. Error: 6", OUTCOME_BUSY},
        {EFFECT_TOUCH, "Multiple concurrent system queries are not supported.", OUTCOME_BUSY},
        {EFFECT_REGISTER, "Couldn't register replica a. Error: 1", OUTCOME_EXISTS},
        {EFFECT_REGISTER, "Couldn't register replica a. Error: 2", OUTCOME_EXISTS},
        {EFFECT_REGISTER, "Couldn't register replica a. Error: 3", OUTCOME_REFUSED},
        {EFFECT_REGISTER, "Couldn't register replica a. Error: 5", OUTCOME_UNREACHABLE},
        {EFFECT_TOUCH, "At least one SYNC replica has not confirmed committing last transaction.",
         OUTCOME_NOT_CONFIRMED},
        {EFFECT_DROP, "Failed to unregister the replica a.", OUTCOME_OK},
        {EFFECT_REGISTER, "Failed to unregister the replica a.", OUTCOME_FAILED},
        {EFFECT_REGISTER, "Replica can't register another replica!", OUTCOME_FAILED},
        {EFFECT_TOUCH, "words that nobody knows", OUTCOME_FAILED},
    };

    (void)state;
    start();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        db.failure = cases[i].words;
        run_command(cases[i].kind, cases[i].outcome);
    }
    db.failure = NULL;
    db.notification = "SyncReplicationFailure"; /* after 3.12: in a SUCCESS */
    run_command(EFFECT_TOUCH, OUTCOME_NOT_CONFIRMED);
    db.notification = "SomethingElse";
    run_command(EFFECT_TOUCH, OUTCOME_OK);
    db.notification = NULL;
    run_command(EFFECT_TOUCH, OUTCOME_OK); /* the connection has survived them all */
    assert_true(pod_up(pod()));
}

/* Before 3.5 a REGISTER that failed gives no reason: the rows tell some. */
static void test_rows_judge_a_nameless_failure(void **state)
{
    static const struct {
        const char *name, *address, *data;
        enum outcome outcome;
    } cases[] = {
        {"mg_1", "10.0.0.2:10000", "", OUTCOME_UNREACHABLE},
        {"mg_1", "10.0.0.2:10000", "{memgraph: {behind: 0, status: \"ready\", ts: 20}}",
         OUTCOME_EXISTS},
        {"other", "10.0.0.2:10000", "", OUTCOME_EXISTS},
        {"mg_2", "10.0.0.3:10000", "", OUTCOME_BUSY},
    };
    struct value rows[4];

    (void)state;
    start();
    db.failure = "Couldn't register replica mg_1.";
    run_command(EFFECT_REGISTER, OUTCOME_BUSY); /* no row at all */
    db.rows = rows;
    db.rows_n = 1;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        rows[0] = value_str(cases[i].name), rows[1] = value_str(cases[i].address);
        rows[2] = value_str("sync"), rows[3] = value_str(cases[i].data);
        run_command(EFFECT_REGISTER, cases[i].outcome);
    }
    db.rows = (const struct value[]){value_int(1), value_int(2), value_int(3), value_int(4)};
    run_command(EFFECT_REGISTER, OUTCOME_FAILED); /* rows that make no sense */
    db.role = "replica";
    run_command(EFFECT_REGISTER, OUTCOME_FAILED); /* no rows: its role has changed */
}

/* A command that hangs is none of the probes' business; it fails when the process goes. */
static void test_slow_command_delays_no_probe(void **state)
{
    struct effect e = effect_of(EFFECT_DEMOTE);
    unsigned roles;
    int64_t role_at;

    (void)state;
    start();
    db.commands_silent = true;
    link_command(c.links[0], &e);
    WAIT_UNTIL(loop, db.commands == 1);
    roles = db.roles;
    role_at = pod()->role_at;
    WAIT_UNTIL(loop, db.roles > roles + 3 && pod()->role_at > role_at);
    assert_int_equal(pod()->command, EFFECT_DEMOTE);
    link_ask_storage(c.links[0]); /* waits behind it, and harms nothing */
    bolt_server_stop(&server);
    WAIT_UNTIL(loop, pod()->command == EFFECT_NONE);
    assert_int_equal(pod()->last_outcome, OUTCOME_FAILED);
    WAIT_UNTIL(loop, pod()->link == LINK_DOWN && pod()->refusals >= REFUSED_IN_A_ROW);
}

/* What our own command may make silent does not hang; beside a touch it does. */
static void test_silence_that_we_caused(void **state)
{
    struct effect e = effect_of(EFFECT_DROP);
    int64_t until_us;

    (void)state;
    c.config.probe_timeout_ms = 20;
    start();
    db.commands_silent = db.roles_silent = true;
    link_command(c.links[0], &e);
    WAIT_UNTIL(loop, db.commands == 1);
    until_us = loop_now_us(loop) + 10 * c.config.probe_timeout_ms * 1000;
    WAIT_UNTIL(loop, loop_now_us(loop) > until_us);
    assert_int_equal(pod()->link, LINK_UP);
    assert_true(loop_now_us(loop) - pod()->asked_at > c.config.probe_timeout_ms * 1000);
    link_free(c.links[0]);
    db.roles_silent = db.commands_silent = false;
    c.links[0] = link_new(&c, 0, "127.0.0.1");
    WAIT_UNTIL(loop, pod()->link == LINK_UP && pod_role(pod()) != ROLE_UNKNOWN);
    desk_turn(loop);
    db.commands_silent = db.roles_silent = true;
    e.kind = EFFECT_TOUCH;
    link_command(c.links[0], &e);
    WAIT_UNTIL(loop, pod()->link == LINK_DOWN);
    assert_int_equal(pod()->link_fail, FAIL_TIMEOUT);
}

/* Another process answers the probes; the command's connection is to the one before, and breaks by
 * nothing: a machine that was switched off resets none. */
static void test_a_command_to_a_process_that_is_gone(void **state)
{
    struct effect e = effect_of(EFFECT_DROP);

    (void)state;
    start();
    db.commands_silent = true;
    link_command(c.links[0], &e);
    WAIT_UNTIL(loop, db.commands == 1);
    db.run = "run-b";
    WAIT_UNTIL(loop, pod()->command == EFFECT_NONE);
    assert_int_equal(pod()->last_outcome, OUTCOME_FAILED);
    assert_int_equal(pod()->link, LINK_UP);
}

static void test_freeing_a_link_fails_its_command(void **state)
{
    struct effect e = effect_of(EFFECT_DEMOTE);

    (void)state;
    start();
    db.commands_silent = true;
    link_command(c.links[0], &e);
    link_free(c.links[0]);
    c.links[0] = NULL;
    assert_int_equal(pod()->command, EFFECT_NONE);
    assert_int_equal(pod()->last_outcome, OUTCOME_FAILED);
    e.run[0] = 'x'; /* and one that waits to be called stale */
    c.links[0] = link_new(&c, 0, "127.0.0.1");
    link_command(c.links[0], &e);
    link_free(c.links[0]);
    c.links[0] = NULL;
    assert_int_equal(pod()->command, EFFECT_NONE);
    desk_turn(loop);
}

/* A restart in place: the link comes back by itself and tells the other run. */
static void test_restart_is_another_run(void **state)
{
    unsigned port = server.port;

    (void)state;
    start();
    bolt_server_stop(&server);
    WAIT_UNTIL(loop, pod()->link == LINK_DOWN);
    db.run = "run-b";
    server = (struct bolt_server){.reply = answer};
    bolt_server_start(&server, loop, port);
    WAIT_UNTIL(loop, pod_up(pod()) && strcmp(pod()->run, "run-b") == 0);
    db.roles = 0;
    WAIT_UNTIL(loop, pod_role(pod()) == ROLE_MAIN);
}

/* It is asked at the pace of the probes, and nothing that it says is the pod's before that. */
static void test_a_process_that_is_not_confirmed(void **state)
{
    struct pod_kube kube = {.ready = true, .uid = "u", .ip = "127.0.0.1", .instances = "c1"};
    int64_t since_us;
    unsigned roles;

    (void)state;
    c.confirm = confirm_new(&c); /* of an API server that is away */
    view_kube_pod(controller_view(&c), 0, &kube);
    c.links[0] = link_new(&c, 0, "127.0.0.1");
    WAIT_UNTIL(loop, pod_claimed(pod()) && db.roles >= 2);
    since_us = loop_now_us(loop);
    roles = db.roles;
    link_ask_storage(c.links[0]);
    WAIT_UNTIL(loop, db.roles >= roles + 5 && db.storages == 1);
    assert_true(loop_now_us(loop) - since_us >= 4 * c.config.probe_interval_ms * 1000);
    assert_int_equal(pod_role(pod()), ROLE_UNKNOWN);
    assert_string_equal(pod()->run, "");
    assert_string_equal(pod()->version, "");
    assert_int_equal(pod()->storage_at, 0);
    assert_true(view_confirm(controller_view(&c), 0, &kube, c.view.now_us));
    link_hurry(c.links[0]);
    WAIT_UNTIL(loop, pod_role(pod()) == ROLE_MAIN && pod()->version[0]);
    link_ask_storage(c.links[0]);
    WAIT_UNTIL(loop, pod()->storage_at);
    confirm_free(c.confirm);
    c.confirm = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(answers_become_facts),
        TEST(newer_servers_count_by_database),
        TEST(rows_of_the_target_become_facts),
        TEST(refused_list_asks_for_the_role),
        TEST(commands_say_what_was_decided),
        TEST(users_are_created_one_by_one),
        TEST(users_of_a_connection_that_breaks),
        TEST(command_for_another_process_is_stale),
        TEST(command_without_a_connection_is_stale),
        TEST(errors_are_judged),
        TEST(rows_judge_a_nameless_failure),
        TEST(slow_command_delays_no_probe),
        TEST(silence_that_we_caused),
        TEST(a_command_to_a_process_that_is_gone),
        TEST(freeing_a_link_fails_its_command),
        TEST(a_process_that_is_not_confirmed),
        TEST(restart_is_another_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
