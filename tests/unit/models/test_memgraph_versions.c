/* The model of Memgraph by version: one check for each line of sim/models/memgraph_version.h, each
 * with the last version that is without it and the first that has it. Virtual time. */
#include "../cmocka_test.h"

#include "trio.h"

static void test_versions_are_read(void **state)
{
    (void)state;
    assert_true(mg_features_of("3.12.0").bolt_4_4);
    assert_false(mg_features_of("3.11.0").bolt_4_4);
    assert_true(mg_features_of("4.0.0").sync_failure_noted);
    assert_false(mg_features_of("3.12.0").sync_failure_noted);
    assert_true(mg_features_of("3.6.1-open-source").log_by_epoch);
    assert_false(mg_features_of("newest").strict_sync);
}

/* One server of that version. */
static struct node *alone(struct cluster *c, const char *version)
{
    struct node *n;

    cluster_init(c);
    n = cluster_add(c, "t", "10.0.0.1");
    n->version = version;
    assert_true(cluster_start(n));
    return n;
}

static void test_strict_sync(void **state)
{
    struct cluster c;
    struct node *n = alone(&c, "3.4.0");

    (void)state;
    refused(n, "REGISTER REPLICA s STRICT_SYNC TO \"10.0.0.2\"",
            "mismatched input 'STRICT_SYNC' expecting {ASYNC, SYNC}");
    assert_true(n->clients[0].at_run);
    cluster_done(&c);
    n = alone(&c, "3.5.0");
    refused(n, "REGISTER REPLICA s STRICT_SYNC TO \"10.0.0.2\"", "Error: 5"); /* nobody there */
    cluster_done(&c);
}

static void test_register_numbers(void **state)
{
    struct cluster c;
    struct node *n = alone(&c, "3.4.0");

    (void)state;
    assert_null(cluster_query(n, "REGISTER REPLICA s SYNC TO \"10.0.0.2\""));
    assert_string_equal(cluster_error(n), "Couldn't register replica s.");
    assert_string_equal(status_of(n, "s", NULL, NULL), "zombie");
    assert_null(cluster_query(n, "REGISTER REPLICA s SYNC TO \"10.0.0.2\"")); /* it exists now */
    assert_string_equal(cluster_error(n), "Couldn't register replica s.");
    cluster_done(&c);
    n = alone(&c, "3.5.0");
    assert_null(cluster_query(n, "REGISTER REPLICA s SYNC TO \"10.0.0.2\""));
    assert_string_equal(cluster_error(n), "Couldn't register replica s. Error: 5");
    cluster_done(&c);
}

/* A replica is promoted and demoted without a commit, and comes back. */
static const char *after_empty_promotion(const char *version)
{
    struct fixture f;
    static char answer[8];

    begin_version(&f, "SYNC", version);
    ok(f.t, "DROP REPLICA s");
    promote(f.s);
    demote(f.s);
    str_copy(answer, sizeof(answer), register_at(f.t, f.s, "SYNC"));
    end(&f);
    return answer;
}

static void test_empty_promotion(void **state)
{
    (void)state;
    assert_string_equal(after_empty_promotion("3.4.0"), "s."); /* its error has no number */
    assert_string_equal(after_empty_promotion("3.5.0"), "");
    assert_string_equal(after_empty_promotion("3.12.0"), "");
}

/* Bug H: S restarted, got writes in the same epoch, and is promoted. */
static void check_bug_h(const char *version, const char *expected)
{
    struct fixture f;

    begin_version(&f, "SYNC", version);
    restart_s(&f);
    write_one(f.t);
    wait_ready(f.t, "a");
    failover(&f, expected);
    end(&f);
}

static void test_bug_h(void **state)
{
    (void)state;
    check_bug_h("3.4.0", "");
    check_bug_h("3.5.0", "3");
    check_bug_h("3.12.0", "3");
}

/* Bug W: A stayed up when the epoch changed, got writes in the new one, and restarts. */
static void check_bug_w(const char *version, const char *expected)
{
    struct fixture f;

    begin_version(&f, "SYNC", version);
    cluster_kill(f.t);
    promote(f.s);
    assert_string_equal(register_at(f.s, f.a, "ASYNC"), "");
    write_one(f.s);
    wait_ready(f.s, "a");
    assert_string_equal(mg_look(f.a->mg).epoch, mg_look(f.s->mg).epoch);
    cluster_kill(f.a);
    cluster_wait(&f.c, 4000000); /* three heartbeats are lost: it is looked at again */
    assert_true(cluster_start(f.a));
    cluster_wait(&f.c, 3000000);
    assert_string_equal(status_of(f.s, "a", NULL, NULL), expected);
    assert_int_equal(count(f.a), 2); /* though it has everything */
    end(&f);
}

static void test_bug_w(void **state)
{
    (void)state;
    check_bug_w("3.4.0", "diverged");
    check_bug_w("3.5.2", "diverged");
    check_bug_w("3.6.0", "ready");
}

/* Columns and rows of CREATE SNAPSHOT. */
static void check_snapshot_path(const char *version, size_t columns)
{
    struct cluster c;
    struct node *n = alone(&c, version);

    ok(n, "CREATE SNAPSHOT");
    assert_int_equal(json_array_size(n->clients[0].fields), columns);
    assert_int_equal(json_array_size(n->clients[0].rows), columns);
    cluster_done(&c);
}

static void test_snapshot_path(void **state)
{
    (void)state;
    check_snapshot_path("3.4.0", 0);
    check_snapshot_path("3.5.0", 1);
}

/* A replica's snapshot also keeps its history clean: no Bug H after a restart from it. */
static void test_replica_snapshots(void **state)
{
    struct fixture f;

    (void)state;
    begin_version(&f, "SYNC", "3.7.0");
    refused(f.s, "CREATE SNAPSHOT", "Replica instances are not allowed to create them.");
    end(&f);
    begin_version(&f, "SYNC", "3.8.0");
    ok(f.s, "CREATE SNAPSHOT");
    restart_s(&f);
    write_one(f.t);
    wait_ready(f.t, "a");
    failover(&f, "");
    end(&f);
}

static const json_t *storage_of(struct node *n, const char *query, const char *key)
{
    const json_t *rows = cluster_query(n, "%s", query);

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);

        if (!strcmp(json_string_value(json_array_get(row, 0)), key))
            return json_array_get(row, 1);
    }
    return NULL;
}

static void test_storage_info(void **state)
{
    static const char plain[] = "SHOW STORAGE INFO",
                      split[] = "SHOW STORAGE INFO ON CURRENT DATABASE";
    struct cluster c;
    struct node *n = alone(&c, "3.4.0");

    (void)state;
    assert_non_null(storage_of(n, plain, "vertex_count"));
    assert_null(storage_of(n, plain, "database_uuid"));
    cluster_done(&c);
    n = alone(&c, "3.5.0");
    assert_non_null(storage_of(n, plain, "database_uuid"));
    cluster_done(&c);
    n = alone(&c, "3.10.0");
    assert_non_null(storage_of(n, plain, "vertex_count"));
    assert_string_equal(json_string_value(storage_of(n, plain, "database_uuid")),
                        mg_look(n->mg).database_uuid);
    refused(n, split, "mismatched input 'ON' expecting <EOF>");
    cluster_done(&c);
    n = alone(&c, "3.11.0");
    write_one(n);
    assert_non_null(storage_of(n, plain, "global_storage_mode"));
    assert_null(storage_of(n, plain, "vertex_count"));
    assert_null(storage_of(n, plain, "database_uuid"));
    assert_int_equal(json_integer_value(storage_of(n, split, "vertex_count")), 1);
    assert_string_equal(json_string_value(storage_of(n, split, "database_uuid")),
                        mg_look(n->mg).database_uuid);
    assert_null(storage_of(n, split, "health"));
    refused(n, "SHOW STORAGE INFO ON CURRENT", "expecting CURRENT DATABASE");
    cluster_done(&c);
    n = alone(&c, "3.12.0");
    assert_string_equal(json_string_value(storage_of(n, split, "state")), "HOT");
    assert_string_equal(json_string_value(storage_of(n, split, "health")), "ready");
    cluster_done(&c);
}

/* The replication protocols of a main and a replica of these versions: do they go together? */
static bool go_together(const char *main_version, const char *replica_version)
{
    struct cluster c;
    struct node *t = alone(&c, main_version), *s = cluster_add(&c, "s", "10.0.0.2");
    bool went;

    s->version = replica_version;
    assert_true(cluster_start(s));
    demote(s);
    went = !strcmp(register_at(t, s, "SYNC"), "");
    if (went)
        write_one(t);
    assert_int_equal(count(s), went);
    cluster_done(&c);
    return went;
}

static void test_replication_protocols(void **state)
{
    (void)state;
    assert_true(go_together("3.4.0", "3.4.0"));
    assert_false(go_together("3.4.0", "3.5.0"));
    assert_false(go_together("3.4.0", "3.6.1"));
    assert_false(go_together("3.6.1", "3.4.0"));
    assert_true(go_together("3.5.0", "3.6.1")); /* replicas first */
    assert_false(go_together("3.6.1", "3.5.0"));
    assert_true(go_together("3.6.1", "3.12.0"));
    assert_true(go_together("3.12.0", "3.6.1"));
}

/* One write as autocommit, one with COMMIT; both fail. */
static void check_codes(const char *version, const char *mode, const char *autocommit)
{
    struct fixture f;
    struct client *client;

    begin_version(&f, mode, version);
    cluster_kill(f.s);
    client = cluster_client(f.t, "", NULL, NULL);
    refused(f.t, "CREATE (:P)", "replica");
    assert_string_equal(client->code, autocommit);
    refused(f.t, "CREATE INDEX ON :P(id)", "replica");
    assert_string_equal(client->code, autocommit);
    ok(f.t, "BEGIN (message)");
    ok(f.t, "CREATE (:P)");
    refused(f.t, "COMMIT (message)", "replica");
    assert_string_equal(client->code, "Memgraph.ClientError.MemgraphError.MemgraphError");
    end(&f);
}

static void test_codes(void **state)
{
    static const char transient[] = "Memgraph.TransientError.MemgraphError.MemgraphError",
                      client[] = "Memgraph.ClientError.MemgraphError.MemgraphError";

    (void)state;
    check_codes("3.4.0", "SYNC", transient);
    check_codes("3.7.2", "STRICT_SYNC", transient);
    check_codes("3.8.0", "SYNC", client);
    check_codes("3.12.0", "STRICT_SYNC", client);
}

static void check_multicommand(const char *version, const char *part)
{
    struct cluster c;
    struct node *n = alone(&c, version);

    ok(n, "BEGIN (message)");
    refused(n, "SHOW REPLICAS",
            "Managing replication is not allowed in multicommand transactions.");
    assert_non_null(strstr(cluster_error(n), part));
    cluster_done(&c);
}

static void test_multicommand(void **state)
{
    (void)state;
    check_multicommand("3.7.2", "also knwon as an auto committing transaction, in order to execute "
                                "this particular query. For");
    check_multicommand("3.8.0", "also known as an auto committing transaction, in order to execute "
                                "this particularquery. For");
}

#define PREFIX "Replication Exception: Failed to replicate to "
#define COMMITTED                                                                                  \
    " will be recovered automatically. Transaction is still committed on the main instance and "   \
    "other alive replicas."
#define ABORTED " will be recovered automatically. Transaction was aborted on all instances."
#define CHECK   " Check the status of the replicas using 'SHOW REPLICAS' query."

static void says(struct node *n, const char *query, const char *text)
{
    assert_null(cluster_query(n, "%s", query));
    assert_string_equal(cluster_error(n), text);
}

static void test_failures_are_named(void **state)
{
    struct fixture f;
    struct client *client;

    (void)state;
    begin_version(&f, "SYNC", "3.9.0");
    cluster_kill(f.s);
    says(f.t, TOUCH, "At least one SYNC replica has not confirmed committing last transaction.");
    end(&f);
    begin_version(&f, "SYNC", "3.10.0");
    cluster_kill(f.s);
    says(f.t, TOUCH, PREFIX "SYNC replica 's': RPC communication error. Replica" COMMITTED CHECK);
    says(f.t, TOUCH,
         PREFIX "SYNC replica 's': replica is not reachable or not in sync with the main. "
                "Replica" COMMITTED CHECK);
    ok(f.t, "DROP REPLICA a");
    assert_string_equal(register_at(f.t, f.a, "SYNC"), "");
    wait_ready(f.t, "a");
    cluster_kill(f.a);
    says(f.t, TOUCH,
         PREFIX
         "SYNC replica 's': replica is not reachable or not in sync with the main. Failed "
         "to replicate to SYNC replica 'a': RPC communication error. Replicas" COMMITTED CHECK);
    says(f.t, TOUCH,
         PREFIX "SYNC replicas 's' and 'a': replicas are not reachable or not in sync with the "
                "main. Replicas" COMMITTED CHECK);
    end(&f);
    begin_version(&f, "STRICT_SYNC", "3.12.0");
    cluster_kill(f.s);
    says(f.t, TOUCH,
         PREFIX "STRICT_SYNC replica 's': RPC communication error. Replica" ABORTED CHECK);
    end(&f);
    begin_version(&f, "SYNC", "3.12.0");
    client = cluster_client(f.t, "", NULL, NULL);
    cluster_stop(f.s);
    cluster_ask(client, TOUCH, NULL);
    assert_true(cluster_answer(client, 60000000));
    assert_non_null(strstr(client->message, PREFIX "SYNC replica 's': RPC timeout while "
                                                   "replicating. Replica" COMMITTED
                                                   " Main reached an RPC timeout while replicating "
                                                   "to [s]. One possible reason"));
    end(&f);
}

/* A diverged SYNC replica: the main restarted, so that its dead row became a real one. */
static void test_divergence_is_named(void **state)
{
    struct fixture f;

    (void)state;
    begin_version(&f, "SYNC", "3.12.0");
    ok(f.t, "DROP REPLICA s");
    promote(f.s);
    write_one(f.s);
    demote(f.s);
    assert_string_equal(register_at(f.t, f.s, "SYNC"), "3");
    restart(f.t);
    assert_string_equal(status_of(f.t, "s", NULL, NULL), "diverged");
    says(f.t, TOUCH,
         PREFIX "SYNC replica 's': replica has diverged from main. Replica" COMMITTED CHECK);
    end(&f);
}

/* How long a DROP or a demotion takes while a heartbeat hangs. */
static int64_t time_of(const char *version, const char *query)
{
    struct fixture f;
    int64_t begin_us;

    begin_version(&f, "SYNC", version);
    cluster_stop(f.a);
    cluster_wait(&f.c, 1500000);
    begin_us = f.c.now_us;
    ok(f.t, query);
    begin_us = f.c.now_us - begin_us;
    cluster_continue(f.a);
    cluster_wait(&f.c, 10000000); /* what comes late is nobody's any more */
    ok(f.t, "SHOW REPLICATION ROLE");
    end(&f);
    return begin_us;
}

static void test_calls_are_aborted(void **state)
{
    (void)state;
    assert_in_range(time_of("3.11.0", "DROP REPLICA a"), 3000000, 5000000);
    assert_in_range(time_of("3.12.0", "DROP REPLICA a"), 0, 1000);
    assert_in_range(time_of("3.11.0", "SET REPLICATION ROLE TO REPLICA WITH PORT 10000"), 3000000,
                    5000000);
    assert_in_range(time_of("3.12.0", "SET REPLICATION ROLE TO REPLICA WITH PORT 10000"), 0, 1000);
}

/* The notification in what the client was told last, or NULL. */
static const json_t *noted(struct node *n)
{
    const json_t *list = json_object_get(n->clients[0].metadata, "notifications");

    return json_array_get(list, 0);
}

static void test_sync_failure_is_noted(void **state)
{
    struct fixture f;

    (void)state;
    begin_version(&f, "SYNC", "3.13.0");
    ok(f.t, TOUCH);
    assert_null(noted(f.t));
    cluster_kill(f.s);
    ok(f.t, TOUCH);
    assert_string_equal(json_string_value(json_object_get(noted(f.t), "code")),
                        "SyncReplicationFailure");
    assert_string_equal(json_string_value(json_object_get(noted(f.t), "severity")), "WARNING");
    assert_non_null(strstr(json_string_value(json_object_get(noted(f.t), "title")),
                           "Failed to replicate to SYNC replica 's'"));
    ok(f.t, "BEGIN (message)");
    ok(f.t, "CREATE (:P)");
    assert_null(noted(f.t));
    ok(f.t, "COMMIT (message)");
    assert_string_equal(json_string_value(json_object_get(noted(f.t), "code")),
                        "SyncReplicationFailure");
    assert_int_equal(count(f.t), 2);
    end(&f);
    begin_version(&f, "STRICT_SYNC", "3.13.0");
    cluster_kill(f.s);
    refused(f.t, TOUCH, "Transaction was aborted on all instances.");
    end(&f);
}

/* Not a matter of version: DROP while the replica is being looked at, in each. */
static void check_drop(const char *version, unsigned percent, bool while_it_recovers, bool crash)
{
    struct fixture f;
    struct client *client;

    begin_version(&f, "SYNC", version);
    cluster_kill(f.t);
    f.t->drop_crash_percent = percent;
    assert_true(cluster_start(f.t));
    wait_ready(f.t, "a");
    cluster_kill(f.a);
    if (while_it_recovers)
        cluster_wait(&f.c, 4000000); /* invalid: a check follows the first heartbeat */
    assert_true(cluster_start(f.a));
    write_one(f.t);
    for (int i = 0; i < 2000 && while_it_recovers; i++) {
        if (!strcmp(status_of(f.t, "a", NULL, NULL), "recovery"))
            break;
        cluster_wait(&f.c, 500);
    }
    client = cluster_client(f.t, "", NULL, NULL);
    cluster_ask(client, "DROP REPLICA a", NULL);
    cluster_answer(client, 10000000);
    assert_int_equal(f.t->crashed, crash);
    assert_int_equal(client->waiting, crash);
    if (!crash)
        assert_string_equal(client->message, "");
    cluster_kill(f.t);
    assert_true(cluster_start(f.t)); /* the row was removed before it died */
    assert_string_equal(status_of(f.t, "a", NULL, NULL), "");
    end(&f);
}

static void test_drop_can_kill(void **state)
{
    (void)state;
    check_drop("3.6.1", 100, true, true);
    check_drop("3.12.0", 100, true, true);
    check_drop("3.6.1", 0, true, false);
    check_drop("3.6.1", 100, false, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_versions_are_read),
                                       cmocka_unit_test(test_strict_sync),
                                       cmocka_unit_test(test_register_numbers),
                                       cmocka_unit_test(test_empty_promotion),
                                       cmocka_unit_test(test_bug_h),
                                       cmocka_unit_test(test_bug_w),
                                       cmocka_unit_test(test_snapshot_path),
                                       cmocka_unit_test(test_replica_snapshots),
                                       cmocka_unit_test(test_storage_info),
                                       cmocka_unit_test(test_replication_protocols),
                                       cmocka_unit_test(test_codes),
                                       cmocka_unit_test(test_multicommand),
                                       cmocka_unit_test(test_failures_are_named),
                                       cmocka_unit_test(test_divergence_is_named),
                                       cmocka_unit_test(test_calls_are_aborted),
                                       cmocka_unit_test(test_sync_failure_is_noted),
                                       cmocka_unit_test(test_drop_can_kill)};

    return cmocka_run_group_tests_name("memgraph versions", tests, NULL, NULL);
}
