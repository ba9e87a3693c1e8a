/* The model of Memgraph: the sequences of the live facts (2.2 and 1.3) that no recording in
 * tests/data/scenarios holds, or that deserve to be said in words. Virtual time. */
#include "../cmocka_test.h"

#include "trio.h"

static void test_h0_no_restart(void **state)
{
    struct fixture f;

    begin(&f, *state);
    write_one(f.t);
    wait_ready(f.t, "a");
    failover(&f, "");
    end(&f);
}

static void test_h1_restart_writes_failover(void **state)
{
    struct fixture f;

    begin(&f, *state);
    restart_s(&f);
    write_one(f.t);
    wait_ready(f.t, "a");
    failover(&f, "3");
    end(&f);
}

static void test_h1b_restart_without_a_commit(void **state)
{
    struct fixture f;

    begin(&f, *state);
    restart_s(&f);
    failover(&f, "");
    end(&f);
}

static void test_h3a_refresh_and_a_write(void **state)
{
    struct fixture f;

    begin(&f, *state);
    restart_s(&f);
    write_one(f.t);
    refresh(&f, true);
    failover(&f, "");
    end(&f);
}

static void test_h3b_refresh_without_a_write(void **state)
{
    struct fixture f;

    begin(&f, *state);
    restart_s(&f);
    write_one(f.t);
    wait_ready(f.t, "a");
    refresh(&f, false);
    failover(&f, "3");
    end(&f);
}

/* What counts as the write: an index does, one that exists already does not. */
static void test_h3m_what_counts(void **state)
{
    static const struct {
        const char *query, *expected;
    } CASES[] = {{"CREATE INDEX ON :X", ""},
                 {"MATCH (n) SET n.x = null", ""},
                 {"DROP INDEX ON :X", "3"},
                 {"MATCH (n) RETURN n", "3"}};

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct fixture f;

        begin(&f, *state);
        restart_s(&f);
        write_one(f.t);
        wait_ready(f.t, "a");
        refresh(&f, false);
        ok(f.t, CASES[i].query);
        wait_ready(f.t, "a");
        failover(&f, CASES[i].expected);
        end(&f);
    }
}

static void test_h4_epoch_while_s_is_down(void **state)
{
    struct fixture f;

    begin(&f, *state);
    cluster_kill(f.s);
    demote(f.t);
    promote(f.t);
    assert_string_equal(register_at(f.t, f.a, "ASYNC"), "");
    write_one(f.t);
    assert_true(cluster_start(f.s));
    assert_string_equal(register_at(f.t, f.s, f.mode), "");
    wait_ready(f.t, "s");
    write_one(f.t);
    wait_ready(f.t, "a");
    failover(&f, "");
    end(&f);
}

/* A restart of the tainted one after its promotion merges its history. */
static void test_h5_restart_of_the_promoted(void **state)
{
    struct fixture f;

    begin(&f, *state);
    restart_s(&f);
    write_one(f.t);
    wait_ready(f.t, "a");
    cluster_kill(f.t);
    promote(f.s);
    write_one(f.s);
    assert_string_equal(register_at(f.s, f.a, "ASYNC"), "3");
    restart(f.s);
    demote(f.s);
    promote(f.s);
    assert_string_equal(register_at(f.s, f.a, "ASYNC"), "");
    wait_ready(f.s, "a");
    assert_int_equal(count(f.a), count(f.s));
    end(&f);
}

static void test_h9_emptied_replica_is_clean(void **state)
{
    struct fixture f;

    begin(&f, *state);
    cluster_kill(f.s);
    cluster_wipe(f.s, false);
    cluster_wait(&f.c, 4000000);
    assert_true(cluster_start(f.s));
    wait_ready(f.t, "s");
    assert_int_equal(count(f.s), 1);
    write_one(f.t);
    wait_ready(f.t, "a");
    failover(&f, "");
    end(&f);
}

/* A main that restarted and wrote must never begin a new epoch; before its first write it may. */
static void test_h10_h11_tainted_main(void **state)
{
    for (int wrote = 0; wrote < 2; wrote++) {
        struct fixture f;

        begin(&f, *state);
        restart(f.t);
        wait_ready(f.t, "s");
        if (wrote) {
            write_one(f.t);
            wait_ready(f.t, "a");
        }
        demote(f.t);
        promote(f.t);
        assert_string_equal(register_at(f.t, f.s, f.mode), wrote ? "3" : "");
        assert_string_equal(register_at(f.t, f.a, "ASYNC"), wrote ? "3" : "");
        end(&f);
    }
}

/* The new epoch is only in memory until something is committed in it. */
static void test_h13_epoch_forgotten(void **state)
{
    for (int touched = 0; touched < 2; touched++) {
        struct fixture f;
        char before[MG_UUID_SIZE];

        begin(&f, "SYNC");
        (void)state;
        cluster_kill(f.s);
        refused(f.t, "CREATE (:Extra)", "At least one SYNC replica has not confirmed");
        cluster_kill(f.t);
        assert_true(cluster_start(f.s));
        str_copy(before, sizeof(before), mg_look(f.s->mg).epoch);
        promote(f.s);
        assert_string_not_equal(mg_look(f.s->mg).epoch, before);
        if (touched)
            ok(f.s, TOUCH);
        restart(f.s);
        assert_int_equal(!strcmp(mg_look(f.s->mg).epoch, before), !touched);
        write_one(f.s);
        assert_true(cluster_start(f.t));
        demote(f.t);
        assert_string_equal(register_at(f.s, f.t, "SYNC"), touched ? "3" : "");
        end(&f);
    }
}

/* A failed REGISTER leaves an entry that nothing wakes; DROP takes it away. */
static void test_zombie(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "SYNC");
    ok(f.t, "DROP REPLICA a");
    cluster_kill(f.a);
    assert_string_equal(register_at(f.t, f.a, "SYNC"), "5");
    assert_string_equal(status_of(f.t, "a", NULL, NULL), "zombie");
    write_one(f.t); /* it does not disturb */
    assert_string_equal(register_at(f.t, f.a, "SYNC"), "1");
    refused(f.t, "REGISTER REPLICA b ASYNC TO \"10.0.0.3\"", "Error: 2");
    assert_true(cluster_start(f.a));
    promote(f.a); /* it forgets the main that it had */
    demote(f.a);
    cluster_wait(&f.c, 5000000);
    assert_string_equal(status_of(f.t, "a", NULL, NULL), "zombie");
    restart(f.t); /* then it is a client, which the replica does not know */
    cluster_wait(&f.c, 5000000);
    assert_string_equal(status_of(f.t, "a", NULL, NULL), "invalid");
    ok(f.t, "DROP REPLICA a");
    assert_string_equal(register_at(f.t, f.a, "SYNC"), "");
    wait_ready(f.t, "a");
    end(&f);
}

/* The last REGISTER wins; an idle old main goes on showing what it lost. */
static void test_steal(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "SYNC");
    promote(f.s);
    ok(f.s, TOUCH);
    assert_string_equal(register_at(f.s, f.a, "ASYNC"), "");
    cluster_wait(&f.c, 10000000);
    assert_string_equal(status_of(f.t, "a", NULL, NULL), "ready");
    assert_string_equal(status_of(f.t, "s", NULL, NULL), "invalid"); /* no server there */
    refused(f.t, "CREATE (:Lost)", "At least one SYNC replica has not confirmed");
    cluster_wait(&f.c, 2000000);
    assert_string_equal(status_of(f.t, "a", NULL, NULL), "invalid");
    demote(f.t);
    assert_string_equal(register_at(f.s, f.t, "SYNC"), "3");
    end(&f);
}

static void test_sync_commits_strict_aborts(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "SYNC");
    cluster_kill(f.s);
    refused(f.t, "CREATE (:P)", "At least one SYNC replica has not confirmed");
    assert_int_equal(count(f.t), 2);
    end(&f);
    begin(&f, "STRICT_SYNC");
    cluster_kill(f.s);
    refused(f.t, "CREATE (:P)", "Transaction will be aborted on all instances.");
    assert_int_equal(count(f.t), 1);
    ok(f.t, "DROP REPLICA s");
    write_one(f.t);
    end(&f);
}

/* The main commits when all have voted, and says so although its last message is lost. */
static void test_lost_finish(void **state)
{
    struct fixture f;
    struct client *client;
    int64_t ts = 0;

    (void)state;
    begin(&f, "STRICT_SYNC");
    client = cluster_client(f.t, "", NULL, NULL);
    cluster_ask(client, "CREATE (:P)", NULL);
    cluster_wait(&f.c, 250); /* prepared; the commit is on its way */
    f.s->generation++;       /* every connection to S breaks */
    assert_true(cluster_answer(client, 20000000));
    assert_string_equal(client->message, "");
    assert_string_equal(status_of(f.t, "s", &ts, NULL), "ready");
    assert_int_equal(count(f.t), 2);
    assert_int_equal(count(f.s), 1);
    /* The next write finds out, and a heartbeat repairs. */
    refused(f.t, TOUCH, "has not confirmed");
    wait_ready(f.t, "s");
    assert_int_equal(count(f.s), 2);
    end(&f);
}

static void test_stale_ready(void **state)
{
    struct fixture f;
    int64_t behind = -1;

    (void)state;
    begin(&f, "SYNC");
    cluster_kill(f.s);
    cluster_wipe(f.s, false);
    assert_true(cluster_start(f.s));
    cluster_wait(&f.c, 8000000);
    assert_string_equal(status_of(f.t, "s", NULL, &behind), "ready");
    assert_int_equal(behind, 0);
    assert_int_equal(count(f.s), 0);
    refused(f.t, TOUCH, "has not confirmed");
    wait_ready(f.t, "s");
    assert_int_equal(count(f.s), 1);
    end(&f);
}

/* Main comes back with older data: behind is positive, and the first write hides it. */
static void test_lost_tail(void **state)
{
    struct fixture f;
    int64_t behind = 0;

    (void)state;
    begin(&f, "SYNC");
    cluster_backup(f.t);
    for (int i = 0; i < 3; i++)
        write_one(f.t);
    cluster_kill(f.t);
    cluster_restore(f.t);
    assert_true(cluster_start(f.t));
    assert_string_equal(status_of(f.t, "s", NULL, &behind), "ready");
    assert_true(behind > 0);
    ok(f.t, "CREATE (:Q)");
    status_of(f.t, "s", NULL, &behind);
    assert_int_equal(behind, 0);
    assert_int_equal(count(f.t), 2);
    assert_int_equal(count(f.s), 4);
    end(&f);
}

static void test_users_are_wiped(void **state)
{
    struct cluster c;
    struct node *t, *s;
    struct client *client;

    (void)state;
    cluster_init(&c);
    t = cluster_add(&c, "t", "10.0.0.1");
    s = cluster_add(&c, "s", "10.0.0.2");
    s->user = "admin";
    s->password = "secret";
    assert_true(cluster_start(t));
    assert_true(cluster_start(s));
    client = cluster_client(s, "wrong", "admin", "nonsense");
    client->asked_us = c.now_us;
    assert_true(cluster_answer(client, 1000000));
    assert_string_equal(client->message, "Authentication failure");
    assert_true(client->answered_us - client->asked_us >= 250000); /* bcrypt */
    client = cluster_client(s, "right", "admin", "secret");
    assert_true(cluster_answer(client, 1000000));
    cluster_ask(client, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000", NULL);
    assert_true(cluster_answer(client, 1000000));
    assert_string_equal(client->message, "");
    assert_string_equal(register_at(t, s, "SYNC"), "");
    assert_int_equal(mg_look(s->mg).users_n, 0);
    refused(s, "CREATE USER x IDENTIFIED BY 'y'", "Query forbidden on the replica!");
    cluster_done(&c);
}

/* An open transaction survives demote + promote, and not a demotion alone. */
static void test_open_transaction(void **state)
{
    for (int back = 0; back < 2; back++) {
        struct fixture f;
        struct client *client;

        (void)state;
        begin(&f, "SYNC");
        client = cluster_client(f.t, "tx", NULL, NULL);
        cluster_ask(client, "BEGIN (message)", NULL);
        assert_true(cluster_answer(client, 1000000));
        cluster_ask(client, "CREATE (:Late)", NULL);
        assert_true(cluster_answer(client, 1000000));
        demote(f.t);
        if (back)
            promote(f.t);
        cluster_ask(client, "COMMIT (message)", NULL);
        assert_true(cluster_answer(client, 1000000));
        assert_string_equal(client->message,
                            back ? "" : "Cannot commit because instance is not main anymore.");
        assert_int_equal(count(f.t), back ? 2 : 1);
        end(&f);
    }
}

/* While a SYNC replica hangs everything that begins a transaction stalls, 30 s, and what wants the
 * replication lock is told so at once. */
static void test_hanging_replica(void **state)
{
    struct fixture f;
    struct client *writer, *reader;
    int64_t begin_us;

    (void)state;
    begin(&f, "SYNC");
    cluster_kill(f.t);
    f.t->workers = 16;
    assert_true(cluster_start(f.t));
    wait_ready(f.t, "s");
    cluster_stop(f.s);
    begin_us = f.c.now_us;
    writer = cluster_client(f.t, "w", NULL, NULL);
    cluster_ask(writer, "CREATE (:P)", NULL);
    cluster_wait(&f.c, 100000);
    reader = cluster_client(f.t, "r", NULL, NULL);
    cluster_ask(reader, "RETURN 1", NULL);
    refused(f.t, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000",
            "Couldn't set role to replica!");
    refused(f.t, "DROP REPLICA a", "lack of unique access");
    assert_string_equal(register_at(f.t, f.a, "ASYNC"), "6");
    ok(f.t, "SHOW REPLICATION ROLE");
    assert_string_equal(status_of(f.t, "s", NULL, NULL), "replicating");
    assert_true(f.c.now_us - begin_us < 1000000);
    assert_true(cluster_answer(writer, 60000000));
    assert_true(f.c.now_us - begin_us >= 30000000);
    assert_non_null(strstr(writer->message, "has not confirmed"));
    assert_true(cluster_answer(reader, 1000));
    end(&f);
}

/* Two workers: two stalled queries keep everybody else out, but for the priority ones. */
static void test_worker_starvation(void **state)
{
    struct fixture f;
    struct client *others[3];

    (void)state;
    begin(&f, "SYNC");
    cluster_stop(f.s);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        const char *names[] = {"1", "2", "3"};

        others[i] = cluster_client(f.t, names[i], NULL, NULL);
        cluster_ask(others[i],
                    i == 0   ? "CREATE (:P)"
                    : i == 1 ? "RETURN 1"
                             : "SET REPLICATION ROLE TO REPLICA WITH PORT 10000",
                    NULL);
        cluster_wait(&f.c, 1000);
    }
    assert_false(cluster_answer(others[2], 20000000));
    ok(f.t, "SHOW REPLICATION ROLE");
    assert_true(cluster_answer(others[2], 60000000));
    end(&f);
}

/* 200 ms, or as long as it takes from the first bytes on an idle connection. */
static void test_promotion_and_poke(void **state)
{
    struct fixture f;
    struct client *client;
    int64_t begin_us;

    (void)state;
    begin(&f, "SYNC");
    begin_us = f.c.now_us;
    promote(f.s);
    assert_in_range(f.c.now_us - begin_us, 199000, 202000);
    demote(f.s);
    client = cluster_client(f.s, "", NULL, NULL);
    begin_us = f.c.now_us;
    cluster_ask(client, "SET REPLICATION ROLE TO MAIN", NULL);
    cluster_wait(&f.c, 300);
    mg_poke(f.s->mg, f.c.now_us);
    assert_true(cluster_answer(client, 1000000));
    assert_in_range(f.c.now_us - begin_us, 3000, 5000);
    end(&f);
}

/* PULL with a qid outside of a transaction kills the server. */
static void nothing(void *arg, const struct mg_reply *reply)
{
    (void)arg;
    (void)reply;
}

static void test_qid_crash(void **state)
{
    struct fixture f;
    struct mg_session *s;

    (void)state;
    begin(&f, "SYNC");
    s = mg_session_new(f.t->mg, nothing, NULL);
    mg_session_login(s, f.c.now_us, NULL);
    mg_session_run(s, f.c.now_us, str_of("RETURN 1"), NULL);
    mg_session_pull(s, f.c.now_us, -1, 0, false);
    assert_true(f.t->crashed);
    mg_session_free(s);
    end(&f);
}

/* A log of which the end is lost, anywhere, is read up to its last whole record; it goes on behind
 * that, and is read again. */
static void test_torn_log(void **state)
{
    enum { COMMITS = 3 };
    struct cluster c;
    struct node *n;
    size_t ends[COMMITS + 1] = {0}; /* of the records */

    (void)state;
    cluster_init(&c);
    n = cluster_add(&c, "t", "10.0.0.1");
    assert_true(cluster_start(n));
    for (size_t i = 1; i <= COMMITS; i++) {
        write_one(n);
        ends[i] = n->files[MG_FILE_WAL].n;
    }
    cluster_kill(n);
    cluster_backup(n);
    for (size_t cut = 0, whole = 0; cut <= ends[COMMITS]; cut++) {
        whole += whole < COMMITS && cut == ends[whole + 1];
        cluster_restore(n);
        n->files[MG_FILE_WAL].n = cut;
        assert_true(cluster_start(n));
        assert_int_equal(count(n), whole);
        write_one(n);
        restart(n);
        assert_int_equal(count(n), whole + 1);
        cluster_kill(n);
    }
    cluster_done(&c);
}

/* A main whose log does not reach back far enough sends all it has; lineage goes with it. */
static void test_snapshot_transfer(void **state)
{
    struct fixture f;
    struct client *reader;

    (void)state;
    begin(&f, "SYNC");
    write_one(f.t);
    wait_ready(f.t, "a");
    ok(f.t, "CREATE SNAPSHOT");
    cluster_kill(f.t);
    buf_clear(&f.t->files[MG_FILE_WAL]);
    assert_true(cluster_start(f.t));
    assert_int_equal(count(f.t), 2);
    cluster_kill(f.a);
    cluster_wipe(f.a, false);
    cluster_wait(&f.c, 4000000);
    assert_true(cluster_start(f.a));
    reader = cluster_client(f.a, "open", NULL, NULL);
    assert_true(cluster_answer(reader, 1000000));
    cluster_ask(reader, "BEGIN (message)", NULL);
    assert_true(cluster_answer(reader, 1000000));
    wait_ready(f.t, "a");
    assert_int_equal(count(f.a), 2);
    assert_string_equal(mg_look(f.a->mg).epoch, mg_look(f.t->mg).epoch);
    cluster_ask(reader, "COMMIT (message)", NULL); /* its data were replaced */
    assert_true(cluster_answer(reader, 1000000));
    assert_string_not_equal(reader->message, "");
    write_one(f.t);
    wait_ready(f.t, "a");
    restart(f.a);
    assert_int_equal(count(f.a), 3);
    end(&f);
}

/* Requests that nobody sane would send are refused, whatever their bytes. */
static void test_foreign_requests(void **state)
{
    struct fixture f;
    struct buf answer;

    (void)state;
    begin(&f, "SYNC");
    buf_init(&answer, 1 << 20);
    /* But for the kind 0, which anybody may send: it names a new main. */
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            const char bytes[] = {(char)0x94, 6, (char)(1 + a % 9), (char)b, (char)a, (char)b};
            bool served = mg_serve(f.s->mg, f.c.now_us, (struct str){bytes, sizeof(bytes)},
                                   &answer);

            (void)served;
            buf_clear(&answer);
        }
    buf_done(&answer);
    write_one(f.t);
    assert_int_equal(count(f.s), 2);
    end(&f);
}

static char sync_mode[] = "SYNC", strict_mode[] = "STRICT_SYNC";

#define BOTH(fn)                                                                                   \
    {#fn " SYNC", fn, NULL, NULL, sync_mode},                                                      \
    {                                                                                              \
#fn " STRICT_SYNC", fn, NULL, NULL, strict_mode                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH(test_h0_no_restart),
                                       BOTH(test_h1_restart_writes_failover),
                                       BOTH(test_h1b_restart_without_a_commit),
                                       BOTH(test_h3a_refresh_and_a_write),
                                       BOTH(test_h3b_refresh_without_a_write),
                                       BOTH(test_h3m_what_counts),
                                       BOTH(test_h4_epoch_while_s_is_down),
                                       BOTH(test_h5_restart_of_the_promoted),
                                       BOTH(test_h9_emptied_replica_is_clean),
                                       BOTH(test_h10_h11_tainted_main),
                                       cmocka_unit_test(test_h13_epoch_forgotten),
                                       cmocka_unit_test(test_zombie),
                                       cmocka_unit_test(test_steal),
                                       cmocka_unit_test(test_sync_commits_strict_aborts),
                                       cmocka_unit_test(test_lost_finish),
                                       cmocka_unit_test(test_stale_ready),
                                       cmocka_unit_test(test_lost_tail),
                                       cmocka_unit_test(test_users_are_wiped),
                                       cmocka_unit_test(test_open_transaction),
                                       cmocka_unit_test(test_hanging_replica),
                                       cmocka_unit_test(test_worker_starvation),
                                       cmocka_unit_test(test_promotion_and_poke),
                                       cmocka_unit_test(test_qid_crash),
                                       cmocka_unit_test(test_torn_log),
                                       cmocka_unit_test(test_snapshot_transfer),
                                       cmocka_unit_test(test_foreign_requests)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
