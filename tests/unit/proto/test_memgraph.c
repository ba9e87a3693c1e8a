/* Memgraph's administration: answers of a real server, the older forms, and what errors mean. */
#include "golden.h"

#include "proto/memgraph_text.h"

#include "../cmocka_test.h"

enum { LIMIT = 16 * 1024 * 1024, ANSWERS_MAX = 128 };

static const char client_error[] = "Memgraph.ClientError.MemgraphError.MemgraphError";
static const char transient_error[] = "Memgraph.TransientError.MemgraphError.MemgraphError";

/* A recorded connection, with all its answers. */
struct record {
    struct golden golden;
    struct arena arena;
    struct golden_answer answers[ANSWERS_MAX];
    size_t n;
};

static struct record *record_open(const char *name)
{
    static struct record r;

    golden_load(&r.golden, name);
    arena_init(&r.arena, LIMIT);
    r.n = golden_exchange(&r.golden, &r.arena, r.answers, ANSWERS_MAX);
    return &r;
}

static void record_close(struct record *r)
{
    golden_done(&r->golden);
    arena_done(&r->arena);
}

static const struct memgraph_rows *rows_of(struct record *r, const char *query, size_t nth)
{
    const struct golden_answer *a = golden_find(r->answers, r->n, query, nth);

    assert_int_equal(a->last.signature, BOLT_SUCCESS);
    return &a->rows;
}

static enum memgraph_error error_of(struct record *r, const char *query, size_t nth)
{
    const struct golden_answer *a = golden_find(r->answers, r->n, query, nth);
    struct str code, message;

    assert_int_equal(a->last.signature, BOLT_FAILURE);
    assert_true(value_get_str(&a->last.fields[0], "code", &code));
    assert_true(value_get_str(&a->last.fields[0], "message", &message));
    return memgraph_judge(code, message);
}

static void check_main(const char *name, int64_t vertices)
{
    struct record *r = record_open(name);
    struct memgraph_replica replicas[MEMGRAPH_REPLICAS_MAX];
    struct memgraph_storage storage;
    char version[MEMGRAPH_VERSION_SIZE], run_id[MEMGRAPH_UUID_SIZE];
    enum memgraph_role role;
    size_t n = 7;

    assert_int_equal(memgraph_read_role(rows_of(r, MEMGRAPH_SHOW_ROLE, 0), &role).kind, FAIL_NONE);
    assert_int_equal(role, MEMGRAPH_MAIN);
    assert_int_equal(
        memgraph_read_replicas(rows_of(r, MEMGRAPH_SHOW_REPLICAS, 0), replicas, &n).kind,
        FAIL_NONE);
    assert_int_equal(n, 0);
    assert_int_equal(memgraph_read_storage(rows_of(r, MEMGRAPH_SHOW_STORAGE, 0), &storage).kind,
                     FAIL_NONE);
    assert_true(storage.has_counts);
    assert_int_equal(storage.vertices, vertices);
    assert_int_equal(storage.edges, 0);
    assert_int_equal(strlen(storage.database_uuid), 36);
    assert_int_equal(memgraph_read_version(rows_of(r, MEMGRAPH_SHOW_VERSION, 0), version).kind,
                     FAIL_NONE);
    assert_string_equal(version, "3.6.1");
    memgraph_run_id(rows_of(r, MEMGRAPH_SHOW_VERSION, 0)->summary, run_id);
    assert_int_equal(strlen(run_id), 36);
    assert_int_equal(error_of(r, MEMGRAPH_PROMOTE, 0), MEMGRAPH_ROLE_NOT_SET);
    assert_int_equal(error_of(r, "SET REPLICATION ROLE TO REPLICA WITH PORT 65536", 0),
                     MEMGRAPH_OTHER);
    assert_int_equal(error_of(r, "REGISTER REPLICA x SYNC TO \"127.0.0.1:abc\"", 0),
                     MEMGRAPH_OTHER);
    assert_int_equal(error_of(r, "DROP REPLICA nosuch", 0), MEMGRAPH_NO_SUCH_REPLICA);
    /* An answer of one query is none to the others. */
    assert_int_equal(memgraph_read_role(rows_of(r, MEMGRAPH_SHOW_VERSION, 0), &role).kind,
                     FAIL_PROTOCOL);
    assert_int_equal(role, MEMGRAPH_ROLE_UNKNOWN);
    assert_int_equal(memgraph_read_version(rows_of(r, MEMGRAPH_SHOW_ROLE, 0), version).kind,
                     FAIL_PROTOCOL);
    assert_string_equal(version, "");
    assert_int_equal(
        memgraph_read_replicas(rows_of(r, MEMGRAPH_SHOW_VERSION, 0), replicas, &n).kind,
        FAIL_PROTOCOL);
    assert_int_equal(memgraph_read_storage(rows_of(r, MEMGRAPH_SHOW_REPLICAS, 0), &storage).kind,
                     FAIL_PROTOCOL);
    record_close(r);
}

static void test_answers_of_a_main(void **state)
{
    (void)state;
    check_main("admin_main_43", 8);
    check_main("admin_main_52", 8);
}

static void check_replica(const struct memgraph_replica *r, const char *name, const char *address,
                          enum memgraph_mode mode, bool has_data, enum memgraph_status status)
{
    assert_string_equal(r->name, name);
    assert_string_equal(r->address, address);
    assert_int_equal(r->mode, mode);
    assert_int_equal(r->has_data, has_data);
    assert_int_equal(r->status, status);
}

static void test_registered_replicas(void **state)
{
    struct record *r = record_open("register_drop");
    struct memgraph_replica out[MEMGRAPH_REPLICAS_MAX];
    size_t n;

    (void)state;
    assert_int_equal(memgraph_read_replicas(rows_of(r, MEMGRAPH_SHOW_REPLICAS, 0), out, &n).kind,
                     FAIL_NONE);
    assert_int_equal(n, 2);
    check_replica(&out[0], "m2", "127.0.98.2:10000", MEMGRAPH_SYNC, true, MEMGRAPH_READY);
    check_replica(&out[1], "m3", "127.0.98.3:10000", MEMGRAPH_ASYNC, true, MEMGRAPH_RECOVERY);
    assert_int_equal(out[0].behind, 0);
    assert_int_equal(out[0].ts, 131);
    assert_int_equal(out[1].behind, -131);
    assert_int_equal(out[1].ts, 0);
    assert_int_equal(memgraph_read_replicas(rows_of(r, MEMGRAPH_SHOW_REPLICAS, 1), out, &n).kind,
                     FAIL_NONE);
    assert_int_equal(n, 2);
    assert_int_equal(out[0].ts, 135); /* after a write, which m3 has missed */
    assert_int_equal(out[1].status, MEMGRAPH_INVALID);
    assert_int_equal(out[1].behind, -4);
    assert_int_equal(error_of(r, "REGISTER REPLICA m2 SYNC TO \"127.0.98.99:10000\"", 0),
                     MEMGRAPH_NAME_EXISTS);
    assert_int_equal(error_of(r, "REGISTER REPLICA other ASYNC TO \"127.0.98.2:10000\"", 0),
                     MEMGRAPH_ENDPOINT_EXISTS);
    assert_int_equal(error_of(r, "REGISTER REPLICA dead ASYNC TO \"127.0.98.99:10000\"", 0),
                     MEMGRAPH_UNREACHABLE);
    assert_int_equal(memgraph_read_replicas(rows_of(r, MEMGRAPH_SHOW_REPLICAS, 2), out, &n).kind,
                     FAIL_NONE);
    assert_int_equal(n, 3); /* the one that failed is there, without data */
    check_replica(&out[2], "dead", "127.0.98.99:10000", MEMGRAPH_ASYNC, false,
                  MEMGRAPH_STATUS_UNKNOWN);
    assert_int_equal(memgraph_read_replicas(rows_of(r, MEMGRAPH_SHOW_REPLICAS, 3), out, &n).kind,
                     FAIL_NONE);
    assert_int_equal(n, 1);
    record_close(r);
}

static void test_diverged_replica(void **state)
{
    struct record *r = record_open("register_error3");
    enum memgraph_error first = MEMGRAPH_OK, second = MEMGRAPH_OK;

    (void)state;
    for (size_t i = 0; i < r->n; i++)
        if (r->answers[i].last.signature == BOLT_FAILURE) {
            struct str code = {0}, message = {0};

            assert_true(value_get_str(&r->answers[i].last.fields[0], "code", &code));
            assert_true(value_get_str(&r->answers[i].last.fields[0], "message", &message));
            second = first ? memgraph_judge(code, message) : second;
            first = first ? first : memgraph_judge(code, message);
        }
    assert_int_equal(first, MEMGRAPH_DIVERGED_REPLICA);
    assert_int_equal(second, MEMGRAPH_NAME_EXISTS);
    record_close(r);
}

static void test_roles(void **state)
{
    struct record *r = record_open("set_role_replica");
    enum memgraph_role role;
    struct buf demote;

    (void)state;
    buf_init(&demote, 256);
    memgraph_demote_query(&demote, 10000);
    assert_int_equal(rows_of(r, demote.p, 0)->n, 0);
    assert_int_equal(error_of(r, demote.p, 1), MEMGRAPH_ROLE_NOT_SET);
    assert_int_equal(memgraph_read_role(rows_of(r, MEMGRAPH_SHOW_ROLE, 0), &role).kind, FAIL_NONE);
    assert_int_equal(role, MEMGRAPH_REPLICA);
    assert_int_equal(error_of(r, MEMGRAPH_SHOW_REPLICAS, 0), MEMGRAPH_WRONG_ROLE);
    assert_int_equal(rows_of(r, MEMGRAPH_PROMOTE, 0)->n, 0);
    for (size_t i = 0; i < r->n; i++) /* everything that is refused there has a meaning */
        if (r->answers[i].last.signature == BOLT_FAILURE) {
            struct str code = {0}, message = {0};
            enum memgraph_error e;

            assert_true(value_get_str(&r->answers[i].last.fields[0], "code", &code));
            assert_true(value_get_str(&r->answers[i].last.fields[0], "message", &message));
            e = memgraph_judge(code, message);
            assert_true(e == MEMGRAPH_WRONG_ROLE || e == MEMGRAPH_ROLE_NOT_SET);
        }
    buf_done(&demote);
    record_close(r);
}

/* The first and second refusal of a record: autocommit, then COMMIT. */
static void check_refusals(const char *name, enum memgraph_error expected)
{
    struct record *r = record_open(name);
    size_t found = 0;

    for (size_t i = 0; i < r->n; i++) {
        struct str code, message;

        if (r->answers[i].last.signature != BOLT_FAILURE)
            continue;
        assert_true(value_get_str(&r->answers[i].last.fields[0], "code", &code));
        assert_true(value_get_str(&r->answers[i].last.fields[0], "message", &message));
        assert_int_equal(memgraph_judge(code, message), expected);
        found++;
    }
    assert_int_equal(found, 2);
    record_close(r);
}

static void test_commits_that_were_not_confirmed(void **state)
{
    (void)state;
    check_refusals("sync_failure", MEMGRAPH_NOT_CONFIRMED);
    check_refusals("strict_sync_abort", MEMGRAPH_ABORTED);
    check_refusals("write_on_replica", MEMGRAPH_WRONG_ROLE);
}

/* Each kind, in each version's words. */
static void test_judge(void **state)
{
    static const struct {
        const char *code, *message;
        enum memgraph_error error;
    } cases[] = {
        {client_error, "Couldn't set replication role to main!", MEMGRAPH_ROLE_NOT_SET},
        {client_error, "Couldn't set role to replica!", MEMGRAPH_ROLE_NOT_SET},
        {client_error, "Couldn't register replica a. Error: 6", MEMGRAPH_BUSY},
        {client_error,
         "Failed to unregister replica due to lack of unique access over the cluster state. Please "
         "try again later on.",
         MEMGRAPH_BUSY},
        {client_error, "Multiple concurrent system queries are not supported.", MEMGRAPH_BUSY},
        {client_error, "Couldn't register replica a. Error: 1", MEMGRAPH_NAME_EXISTS},
        {client_error, "Couldn't register replica a. Error: 2", MEMGRAPH_ENDPOINT_EXISTS},
        {client_error, "Couldn't register replica a. Error: 3", MEMGRAPH_DIVERGED_REPLICA},
        {client_error, "Couldn't register replica a. Error: 4", MEMGRAPH_UNREACHABLE},
        {client_error, "Couldn't register replica a. Error: 5", MEMGRAPH_UNREACHABLE},
        {client_error, "Couldn't register replica a.", MEMGRAPH_NOT_REGISTERED}, /* 3.4 */
        {client_error, "Couldn't register replica a. Error: 7", MEMGRAPH_OTHER},
        {client_error, "Couldn't register replica a. Error: x", MEMGRAPH_OTHER},
        {client_error, "Couldn't register replica . Error: 1. Error: 6", MEMGRAPH_BUSY},
        {client_error, "Failed to unregister the replica a.", MEMGRAPH_NO_SUCH_REPLICA},
        {client_error, "Replica can't register another replica!", MEMGRAPH_WRONG_ROLE},
        {client_error,
         "Replica can't unregister a replica! Please rerun the query on main in "
         "order to unregister a replica from the cluster.",
         MEMGRAPH_WRONG_ROLE},
        {client_error, "Query forbidden on the replica!", MEMGRAPH_WRONG_ROLE},
        {client_error, "PeriodicCommit failed: Queries on replica shouldn't write.",
         MEMGRAPH_WRONG_ROLE},
        {transient_error, "Cannot commit because instance is not main anymore.",
         MEMGRAPH_WRONG_ROLE},
        {transient_error,
         "Failed to create a snapshot. Replica instances are not allowed to create them.",
         MEMGRAPH_WRONG_ROLE},
        /* 3.4 to 3.9, as read; 3.6.1, as seen; 3.10 and later */
        {transient_error,
         "Replication Exception: At least one SYNC replica has not confirmed committing last "
         "transaction. Check the status of the replicas using 'SHOW REPLICAS' query.",
         MEMGRAPH_NOT_CONFIRMED},
        {transient_error,
         "At least one SYNC replica has not confirmed committing last transaction.",
         MEMGRAPH_NOT_CONFIRMED},
        {client_error,
         "Replication Exception: Failed to replicate to SYNC replica 'r1': replica is not "
         "reachable or not in sync with the main. Replica will be recovered automatically. "
         "Transaction is still committed on the main instance and other alive replicas. Check the "
         "status of the replicas using 'SHOW REPLICAS' query.",
         MEMGRAPH_NOT_CONFIRMED},
        {client_error, "Replication Exception: something new", MEMGRAPH_NOT_CONFIRMED},
        {client_error, /* as 3.6.1 leaves the prefix out, others may */
         "Failed to replicate to SYNC replica 'r1': RPC communication error. Replica will be "
         "recovered automatically. Transaction is still committed on the main instance and other "
         "alive replicas.",
         MEMGRAPH_NOT_CONFIRMED},
        {client_error, /* nor is every end of it known */
         "Failed to replicate to SYNC replicas 'r1', 'r2' and 'r3': replicas have diverged from "
         "main.",
         MEMGRAPH_NOT_CONFIRMED},
        {client_error,
         "Failed to replicate to SYNC replica 'r1': replica is not reachable or not in sync with "
         "the main. Failed to replicate to STRICT_SYNC replica 'r2': RPC timeout while "
         "replicating. "
         "Replicas will be recovered automatically. Transaction was aborted.",
         MEMGRAPH_ABORTED},
        {client_error,
         "PeriodicCommit warning: At least one SYNC replica has not confirmed the commit.",
         MEMGRAPH_NOT_CONFIRMED},
        {client_error,
         "Replication Exception: At least one STRICT_SYNC replica has not confirmed committing "
         "last transaction. Transaction will be aborted on all instances. Check the status of the "
         "replicas using 'SHOW REPLICAS' query.",
         MEMGRAPH_ABORTED},
        {transient_error,
         "At least one STRICT_SYNC replica has not confirmed committing last transaction. "
         "Transaction will be aborted on all instances.",
         MEMGRAPH_ABORTED},
        {client_error,
         "Replication Exception: Failed to replicate to STRICT_SYNC replicas 'r1' and 'r2': RPC "
         "timeout while replicating. Replicas will be recovered automatically. Transaction was "
         "aborted on all instances. Check the status of the replicas using 'SHOW REPLICAS' query.",
         MEMGRAPH_ABORTED},
        {"Memgraph.ClientError.Security.Unauthenticated", "Authentication failure",
         MEMGRAPH_UNAUTHORISED},
        {"Memgraph.ClientError.Security.Unauthenticated", "other words", MEMGRAPH_UNAUTHORISED},
        {"", "Authentication failure", MEMGRAPH_UNAUTHORISED},
        {client_error,
         "You are not authorized to execute this query! Please contact your database "
         "administrator.",
         MEMGRAPH_UNAUTHORISED},
        {client_error,
         "User or role with name 'a' already exists. Use the SHOW USERS or SHOW ROLES query to "
         "list all users and roles. In addition you can rerun the current query with IF NOT "
         "EXISTS.",
         MEMGRAPH_EXISTS},
        {transient_error,
         "Cannot resolve conflicting transactions. Retry this transaction when the conflicting "
         "transaction is finished.",
         MEMGRAPH_TRANSIENT},
        {transient_error, "Cannot get shared access storage.", MEMGRAPH_TRANSIENT},
        {transient_error, "Transaction was asked to abort because of database shutdown.",
         MEMGRAPH_TRANSIENT},
        {client_error,
         "Write queries currently forbidden on the main instance. Either the cluster is in "
         "read-only mode, or a new main instance is being set up.",
         MEMGRAPH_TRANSIENT},
        {transient_error, "Couldn't parse string", MEMGRAPH_OTHER},
        {client_error, "Port number invalid!", MEMGRAPH_OTHER},
        {"Memgraph.ExecutionException", BOLT_VIOLATION_MESSAGE, MEMGRAPH_OTHER},
        {"", "", MEMGRAPH_OTHER},
    };
    unsigned long seen = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum memgraph_error e = memgraph_judge(str_of(cases[i].code), str_of(cases[i].message));

        if (e != cases[i].error)
            fail_msg("%s: %s, not %s", cases[i].message, memgraph_error_name(e),
                     memgraph_error_name(cases[i].error));
        seen |= 1UL << e;
    }
    for (int e = MEMGRAPH_OK + 1; e <= MEMGRAPH_OTHER; e++)
        assert_true(seen >> e & 1);
}

/* One row of SHOW REPLICAS with the given data_info. */
static struct fail read_data_info(struct value data, struct memgraph_replica *out)
{
    struct value names[] = {value_str("name"), value_str("socket_address"), value_str("sync_mode"),
                            value_str("system_info"), value_str("data_info")};
    struct value cells[] = {value_str("r_1"), value_str("10.0.0.2:10000"), value_str("strict_sync"),
                            value_null(), data};
    struct value fields = {.kind = VALUE_LIST, .as.list = {names, ARRAY_LEN(names)}};
    struct value row = {.kind = VALUE_LIST, .as.list = {cells, ARRAY_LEN(cells)}};
    struct memgraph_rows rows = {.fields = &fields, .rows = &row, .n = 1};
    struct memgraph_replica all[MEMGRAPH_REPLICAS_MAX];
    size_t n;
    struct fail f = memgraph_read_replicas(&rows, all, &n);

    assert_int_equal(n, f.kind ? 0 : 1);
    *out = all[0];
    return f;
}

static struct value state_map(struct value_entry *entries, const char *status)
{
    entries[0] = (struct value_entry){str_of("behind"), value_int(-4)};
    entries[1] = (struct value_entry){str_of("status"), value_str(status)};
    entries[2] = (struct value_entry){str_of("ts"), value_int(8)};
    return (struct value){.kind = VALUE_MAP, .as.map = {entries, 3}};
}

static void test_statuses(void **state)
{
    static const char *const words[] = {"ready",   "replicating", "recovery",
                                        "invalid", "diverged",    "something new"};
    struct memgraph_replica r;

    (void)state;
    for (int s = MEMGRAPH_READY; s <= MEMGRAPH_STATUS_UNKNOWN; s++) {
        struct value_entry entries[3], database;
        struct value data = {.kind = VALUE_MAP, .as.map = {&database, 1}};

        database = (struct value_entry){str_of("memgraph"), state_map(entries, words[s])};
        assert_int_equal(read_data_info(data, &r).kind, FAIL_NONE);
        check_replica(&r, "r_1", "10.0.0.2:10000", MEMGRAPH_STRICT_SYNC, true,
                      (enum memgraph_status)s);
        assert_int_equal(r.behind, -4);
        assert_int_equal(r.ts, 8);
        database.key = str_of("other"); /* the only one: ours */
        assert_int_equal(read_data_info(data, &r).kind, FAIL_NONE);
        assert_int_equal(r.ts, 8);
        entries[2].key = str_of("time");
        assert_int_equal(read_data_info(data, &r).kind, FAIL_PROTOCOL);
    }
}

static void test_data_info_as_text(void **state)
{
    static const char *const good[] = {
        "{memgraph: {behind: 0, status: \"ready\", ts: 12}}",
        "{\"memgraph\": {\"behind\": 0, \"status\": \"ready\", \"ts\": 12}}",
        " { memgraph : { ts : 12 , status : \"ready\" , behind : 0 } } ",
        "{o: {behind: 1, status: \"x\", ts: 1}, memgraph: {behind: 0, status: \"ready\", ts: 12}}",
    };
    static const char *const empty[] = {"", "{}", " { } "};
    static const char *const wrong[] = {
        "x",
        "{",
        "}{",
        "{memgraph}",
        "{memgraph: }",
        "{memgraph: {}}",
        "{memgraph: {behind: 0, status: \"ready\"}}",
        "{memgraph: {behind: 0, status: \"ready\", ts: x}}",
        "{memgraph: {behind: 0, status: \"ready, ts: 12}}",
        "{memgraph: {behind: 0, status: \"ready\", ts: 12}",
        "{memgraph: {behind: 0, status: \"ready\", ts: 12}}}",
        "{: {behind: 0, status: \"ready\", ts: 12}}",
        "{memgraph: {behind: 0, status: \"ready\", ts: 12, x}}",
        "{memgraph: {behind: 0, ts: 12, status: \"ready}}",
    };
    struct value_entry database = {str_of("memgraph"),
                                   value_str("{behind: -2, status: \"invalid\", ts: 4}")};
    struct value data = {.kind = VALUE_MAP, .as.map = {&database, 1}};
    struct memgraph_replica r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(read_data_info(value_str(good[i]), &r).kind, FAIL_NONE);
        assert_true(r.has_data);
        assert_int_equal(r.status, MEMGRAPH_READY);
        assert_int_equal(r.ts, 12);
        assert_int_equal(r.behind, 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        assert_int_equal(read_data_info(value_str(empty[i]), &r).kind, FAIL_NONE);
        assert_false(r.has_data);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (read_data_info(value_str(wrong[i]), &r).kind != FAIL_PROTOCOL)
            fail_msg("taken for data_info: %s", wrong[i]);
    assert_int_equal(read_data_info(value_null(), &r).kind, FAIL_NONE);
    assert_false(r.has_data);
    assert_int_equal(read_data_info(value_int(1), &r).kind, FAIL_PROTOCOL);
    assert_int_equal(read_data_info(data, &r).kind, FAIL_NONE); /* a map of texts */
    assert_int_equal(r.status, MEMGRAPH_INVALID);
    assert_int_equal(r.behind, -2);
}

static void test_rows_that_make_no_sense(void **state)
{
    struct value names[] = {value_str("name"), value_str("socket_address"), value_str("sync_mode"),
                            value_str("data_info")};
    struct value cells[] = {value_str("r"), value_str("a:1"), value_str("sync"), value_null()};
    struct value fields = {.kind = VALUE_LIST, .as.list = {names, 4}};
    struct value row = {.kind = VALUE_LIST, .as.list = {cells, 4}};
    struct memgraph_rows rows = {.fields = &fields, .rows = &row, .n = 1};
    struct memgraph_replica all[MEMGRAPH_REPLICAS_MAX];
    struct value many[MEMGRAPH_REPLICAS_MAX + 3];
    char long_name[MEMGRAPH_NAME_SIZE + 1] = "";
    size_t n;

    (void)state;
    assert_int_equal(memgraph_read_replicas(&rows, all, &n).kind, FAIL_NONE);
    cells[2] = value_str("semi_sync");
    assert_int_equal(memgraph_read_replicas(&rows, all, &n).kind, FAIL_PROTOCOL);
    cells[2] = value_str("sync");
    memset(long_name, 'x', MEMGRAPH_NAME_SIZE);
    cells[0] = value_str(long_name); /* none of ours: the others still count */
    assert_int_equal(memgraph_read_replicas(&rows, all, &n).kind, FAIL_NONE);
    assert_int_equal(n, 0);
    cells[0] = value_int(1);
    assert_int_equal(memgraph_read_replicas(&rows, all, &n).kind, FAIL_PROTOCOL);
    cells[0] = value_str("r");
    row.as.list.n = 3;
    assert_int_equal(memgraph_read_replicas(&rows, all, &n).kind, FAIL_PROTOCOL);
    row.as.list.n = 4;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = row;
    rows.rows = many;
    rows.n = ARRAY_LEN(many);
    assert_int_equal(memgraph_read_replicas(&rows, all, &n).kind, FAIL_NONE);
    assert_int_equal(n, MEMGRAPH_REPLICAS_MAX);
    rows.fields = NULL;
    assert_int_equal(memgraph_read_replicas(&rows, all, &n).kind, FAIL_PROTOCOL);
}

static void test_storage_forms(void **state)
{
    struct value names[] = {value_str("storage info"), value_str("value")};
    struct value vertices[] = {value_str("vertex_count"), value_int(5)};
    struct value edges[] = {value_str("edge_count"), value_int(6)};
    struct value memory[] = {value_str("memory_tracked"), value_str("37.50MiB")};
    struct value fields = {.kind = VALUE_LIST, .as.list = {names, 2}};
    struct value list[] = {{.kind = VALUE_LIST, .as.list = {memory, 2}},
                           {.kind = VALUE_LIST, .as.list = {vertices, 2}},
                           {.kind = VALUE_LIST, .as.list = {edges, 2}}};
    struct memgraph_rows rows = {.fields = &fields, .rows = list, .n = 3};
    struct memgraph_storage out;

    (void)state;
    assert_int_equal(memgraph_read_storage(&rows, &out).kind, FAIL_NONE);
    assert_true(out.has_counts && out.vertices == 5 && out.edges == 6);
    assert_string_equal(out.database_uuid, ""); /* before 3.5 */
    assert_int_equal(out.memory_bytes, 39321600);
    memory[1] = value_str("512B");
    assert_int_equal(memgraph_read_storage(&rows, &out).kind, FAIL_NONE);
    assert_int_equal(out.memory_bytes, 512);
    memory[1] = value_str("UNLIMITED");
    assert_int_equal(memgraph_read_storage(&rows, &out).kind, FAIL_NONE);
    assert_int_equal(out.memory_bytes, 0);
    rows.n = 1; /* of the instance, from 3.11 on */
    assert_int_equal(memgraph_read_storage(&rows, &out).kind, FAIL_NONE);
    assert_false(out.has_counts);
}

static void test_notifications(void **state)
{
    struct value_entry code = {str_of("code"), value_str("SyncReplicationFailure")};
    struct value notification = {.kind = VALUE_MAP, .as.map = {&code, 1}};
    struct value_entry list = {str_of("notifications"),
                               {.kind = VALUE_LIST, .as.list = {&notification, 1}}};
    struct value summary = {.kind = VALUE_MAP, .as.map = {&list, 1}};
    struct record *r = record_open("register_drop");
    char run_id[MEMGRAPH_UUID_SIZE];

    (void)state;
    assert_true(memgraph_sync_failed(&summary));
    code.value = value_str("RegisterReplica");
    assert_false(memgraph_sync_failed(&summary));
    assert_false(memgraph_sync_failed(NULL));
    assert_false(memgraph_sync_failed(rows_of(r, "CREATE (:W)", 0)->summary));
    memgraph_run_id(&summary, run_id);
    assert_string_equal(run_id, "");
    record_close(r);
}

static void test_queries(void **state)
{
    static const char *const wrong[] = {"",     "a b",  "a`b", "a\"b",    "a'b",
                                        "a\\b", "a\nb", "a;b", "\xC3\xA4"};
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    memgraph_demote_query(&out, 10000);
    assert_string_equal(out.p, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000");
    buf_clear(&out);
    assert_true(memgraph_register_query(&out, "mg_1", MEMGRAPH_STRICT_SYNC, "mg-1.mg:10000"));
    assert_string_equal(out.p, "REGISTER REPLICA mg_1 STRICT_SYNC TO \"mg-1.mg:10000\"");
    buf_clear(&out);
    assert_true(memgraph_register_query(&out, "mg-1", MEMGRAPH_ASYNC, "10.0.0.1:1"));
    assert_string_equal(out.p, "REGISTER REPLICA `mg-1` ASYNC TO \"10.0.0.1:1\"");
    buf_clear(&out);
    assert_true(memgraph_register_query(&out, "1a", MEMGRAPH_SYNC, "h"));
    assert_string_equal(out.p, "REGISTER REPLICA `1a` SYNC TO \"h\"");
    buf_clear(&out);
    assert_true(memgraph_drop_query(&out, "mg_1"));
    assert_string_equal(out.p, "DROP REPLICA mg_1");
    buf_clear(&out);
    assert_true(memgraph_user_query(&out, "mg-ctl", "it's \\ \"x\""));
    assert_string_equal(out.p,
                        "CREATE USER IF NOT EXISTS `mg-ctl` IDENTIFIED BY 'it\\'s \\\\ \"x\"'");
    buf_clear(&out);
    assert_true(memgraph_user_query(&out, "ann+db@example.com", "p"));
    assert_string_equal(out.p, "CREATE USER IF NOT EXISTS `ann+db@example.com` IDENTIFIED BY 'p'");
    buf_clear(&out);
    assert_false(memgraph_user_query(&out, "a:b", "p"));    /* name:password, elsewhere */
    assert_false(memgraph_drop_query(&out, "ann@example")); /* no replica's name */
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(memgraph_register_query(&out, wrong[i], MEMGRAPH_SYNC, "h:1"));
        assert_false(memgraph_register_query(&out, "a", MEMGRAPH_SYNC, wrong[i]));
        assert_false(memgraph_drop_query(&out, wrong[i]));
        assert_false(memgraph_user_query(&out, wrong[i], "p"));
    }
    assert_int_equal(out.n, 0);
    buf_done(&out);
}

static void test_versions_and_names(void **state)
{
    char name[MEMGRAPH_NAME_SIZE];

    (void)state;
    assert_true(memgraph_version_at_least("3.6.1", 3, 5));
    assert_true(memgraph_version_at_least("3.6.1-open-source", 3, 6));
    assert_true(memgraph_version_at_least("3.12.0", 3, 5));
    assert_true(memgraph_version_at_least("4.0", 3, 5));
    assert_false(memgraph_version_at_least("3.4.0", 3, 5));
    assert_false(memgraph_version_at_least("2.21", 3, 5));
    assert_false(memgraph_version_at_least("", 0, 0));
    assert_false(memgraph_version_at_least("3", 3, 0));
    assert_false(memgraph_version_at_least("v3.6", 3, 0));
    assert_true(memgraph_version_at_least("99999999999999999999.0", 3, 0));
    memgraph_replica_name("release-memgraph-1", name);
    assert_string_equal(name, "release_memgraph_1");
    memgraph_pod_name(name, name);
    assert_string_equal(name, "release-memgraph-1");
    assert_string_equal(memgraph_role_name(MEMGRAPH_REPLICA), "replica");
    assert_string_equal(memgraph_mode_name(MEMGRAPH_STRICT_SYNC), "strict_sync");
    assert_string_equal(memgraph_status_name(MEMGRAPH_DIVERGED), "diverged");
    assert_string_equal(memgraph_status_name(MEMGRAPH_STATUS_UNKNOWN), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_of_a_main),
        cmocka_unit_test(test_registered_replicas),
        cmocka_unit_test(test_diverged_replica),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_commits_that_were_not_confirmed),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_data_info_as_text),
        cmocka_unit_test(test_rows_that_make_no_sense),
        cmocka_unit_test(test_storage_forms),
        cmocka_unit_test(test_notifications),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_versions_and_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
