/* Queries of a session: RUN understands them, PULL executes them. */
#include "base/alloc.h"
#include "models/copy.h"
#include "models/memgraph_impl.h"

#include <assert.h>
#include <stdarg.h>

static struct value fields_of(struct mg_session *s, const struct mg_result *result)
{
    static const char *const REPLICAS[] = {"name", "socket_address", "sync_mode", "system_info",
                                           "data_info"};
    static const char *const SNAPSHOTS[] = {"path", "timestamp", "creation_time", "size"};
    static const char *const INDEXES[] = {"index type", "label", "property", "count"};
    static const char *const CONSTRAINTS[] = {"constraint type", "label", "properties",
                                              "data_type"};
    static const struct {
        enum admin_kind kind;
        size_t n;
        const char *const *many;
        const char *one, *two;
    } TABLE[] = {{ADMIN_SHOW_ROLE, 1, NULL, "replication role", NULL},
                 {ADMIN_SHOW_REPLICAS, 5, REPLICAS, NULL, NULL},
                 {ADMIN_SHOW_VERSION, 1, NULL, "version", NULL},
                 {ADMIN_SHOW_STORAGE, 2, NULL, "storage info", "value"},
                 {ADMIN_SHOW_USERS, 1, NULL, "user", NULL},
                 {ADMIN_SHOW_CURRENT_USER, 1, NULL, "user", NULL},
                 {ADMIN_SHOW_INDEXES, 4, INDEXES, NULL, NULL},
                 {ADMIN_SHOW_CONSTRAINTS, 4, CONSTRAINTS, NULL, NULL},
                 {ADMIN_SHOW_SNAPSHOTS, 4, SNAPSHOTS, NULL, NULL},
                 {ADMIN_SHOW_BUILD, 2, NULL, "build info", "value"},
                 {ADMIN_SHOW_LICENSE, 2, NULL, "license info", "value"},
                 {ADMIN_CREATE_SNAPSHOT, 1, NULL, "path", NULL}};
    struct value out;

    if (result->query) {
        out = value_list(&s->request, cypher_column_count(result->query));
        for (size_t i = 0; i < out.as.list.n; i++) {
            struct value name = value_str_n(cypher_column(result->query, i));

            out.as.list.items[i] = copy_to_arena(&name, &s->request);
        }
        return out;
    }
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++) {
        if (TABLE[i].kind != result->admin.kind)
            continue;
        if (TABLE[i].kind == ADMIN_CREATE_SNAPSHOT && !s->mg->features.snapshot_path)
            break;
        out = value_list(&s->request, TABLE[i].n);
        for (size_t k = 0; k < TABLE[i].n; k++)
            out.as.list.items[k] = value_str(TABLE[i].many ? TABLE[i].many[k]
                                             : k           ? TABLE[i].two
                                                           : TABLE[i].one);
        return out;
    }
    return value_list(&s->request, 0);
}

/* RUN. */

static bool is_priority(const struct admin *a)
{
    return a->kind == ADMIN_SHOW_ROLE || a->kind == ADMIN_SHOW_REPLICAS ||
           a->kind == ADMIN_SHOW_VERSION;
}

/* Queries that share the lock of system queries. */
static bool is_system(const struct admin *a)
{
    return (a->kind >= ADMIN_SET_MAIN && a->kind <= ADMIN_DROP_USER);
}

void mg_run_step(struct mg_session *s)
{
    struct mg_result *result = s->pulled;
    struct mg *mg = s->mg;
    struct value metadata;

    assert(result);
    if (result->query && !s->txn && !mg_txn_start(s))
        return;
    if (is_system(&result->admin) && mg->system != s) {
        if (mg->system && !s->stage) {
            s->stage = 1;
            mg_wait(s, mg->now_us + MG_LOCK_WAIT_US);
            return;
        }
        if (mg->system && mg->now_us < s->wake_at) {
            mg_wait(s, s->wake_at);
            return;
        }
        if (mg->system) {
            mg_query_failed(s, MG_CLIENT_ERROR,
                            "Multiple concurrent system queries are not supported.");
            return;
        }
        mg->system = s;
    }
    metadata = value_map(&s->request, s->explicit_txn ? 2 : 1);
    metadata.as.map.entries[0] = (struct value_entry){str_of("fields"), fields_of(s, result)};
    if (s->explicit_txn)
        metadata.as.map.entries[1] = (struct value_entry){str_of("qid"), value_int(result->qid)};
    mg_reply_success(s, metadata);
}

static struct mg_result *result_new(struct mg_session *s, const struct value *params)
{
    struct mg_result *result = xcalloc(1, sizeof(*result));

    arena_init(&result->arena, MG_ARENA_LIMIT);
    result->qid = s->explicit_txn ? s->next_qid++ : -1;
    if (params)
        result->params = copy_to_arena(params, &result->arena);
    list_add_tail(&s->results, &result->node);
    return result;
}

/* Understands the query. False: it was refused, and the client knows. */
static bool run_parse(struct mg_session *s, struct mg_result *result, struct str text)
{
    struct cypher_fail why = {.kind = CYPHER_OK};
    struct str query = arena_copy(&result->arena, text);

    if (!admin_parse(&result->arena, query, &s->mg->features, &result->admin, &why) &&
        why.kind == CYPHER_OK)
        result->query = cypher_parse(&result->arena, query, &why);
    if (why.kind != CYPHER_OK || (!result->query && !mg_admin_allowed(s, &result->admin, &why))) {
        mg_query_failed(s, MG_CLIENT_ERROR, "%s", why.text);
        return false;
    }
    if (s->mg->is_main ||
        !(result->query ? cypher_writes(result->query) : result->admin.kind == ADMIN_SCHEMA))
        return true;
    mg_query_failed(s, MG_CLIENT_ERROR,
                    "Write queries are forbidden on the replica instance. Replica instances accept "
                    "only read queries, while the main instance accepts read and write queries. "
                    "Please retry your query on the main instance.");
    return false;
}

void mg_session_run(struct mg_session *s, int64_t now_us, struct str query,
                    const struct value *params)
{
    struct mg *mg = s->mg;

    mg_op_begin(s, now_us, MG_OP_RUN);
    if (!s->explicit_txn)
        mg_abort_all(s);
    if (s->failed_txn) {
        mg_reply_failure(s, MG_CLIENT_ERROR,
                         "Transaction can't be committed because there was a previous error. "
                         "Please invoke a rollback instead.");
        return;
    }
    s->pulled = result_new(s, params);
    if (!run_parse(s, s->pulled, query)) {
        if (mg->changed)
            mg_settle(mg);
        return;
    }
    s->priority = is_priority(&s->pulled->admin);
    mg_op_go(s);
}

/* PULL. */

static struct value stats_of(struct mg_session *s, const struct cypher_stats *stats)
{
    static const char *const KEYS[] = {
        "labels-added",   "labels-removed",        "nodes-created",        "nodes-deleted",
        "properties-set", "relationships-created", "relationships-deleted"};
    const int64_t values[] = {stats->labels_added,  stats->labels_removed, stats->nodes_created,
                              stats->nodes_deleted, stats->properties_set, stats->edges_created,
                              stats->edges_deleted};
    struct value map = value_map(&s->request, ARRAY_LEN(KEYS));

    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++)
        map.as.map.entries[i] = (struct value_entry){str_of(KEYS[i]), value_int(values[i])};
    return map;
}

static struct value summary_of(struct mg_session *s, const struct mg_result *result)
{
    const struct cypher_query *q = result->query;
    struct value map = value_map(&s->request, 11);
    struct value_entry *e = map.as.map.entries;
    size_t n = 0;

    e[n++] = (struct value_entry){str_of("cost_estimate"), value_float(0)};
    e[n++] = (struct value_entry){str_of("db"), value_str("memgraph")};
    e[n++] = (struct value_entry){str_of("has_more"), value_bool(false)};
    if (result->notification.kind == VALUE_LIST)
        e[n++] = (struct value_entry){str_of("notifications"),
                                      copy_to_arena(&result->notification, &s->request)};
    if (q)
        e[n++] = (struct value_entry){str_of("number_of_hops"), value_int(0)};
    e[n++] = (struct value_entry){str_of("parsing_time"), value_float(0.00005)};
    if (q)
        e[n++] = (struct value_entry){str_of("plan_execution_time"), value_float(0.00005)};
    e[n++] = (struct value_entry){str_of("planning_time"), value_float(0.00005)};
    e[n++] = (struct value_entry){str_of("run_id"), value_str(s->mg->run_id)};
    if (q && cypher_writes(q))
        e[n++] = (struct value_entry){str_of("stats"), stats_of(s, &result->out.stats)};
    e[n++] = (struct value_entry){str_of("type"),
                                  value_str(q                                    ? cypher_type(q)
                                            : result->admin.kind == ADMIN_SCHEMA ? "w"
                                                                                 : "rw")};
    map.as.map.n = n;
    return map;
}

/* Rows of the reply are copied: the result that they stand in may be gone with it. */
static const struct value *take_rows(struct mg_session *s, struct mg_result *result, size_t n)
{
    struct value list = {.kind = VALUE_LIST};

    if (!n)
        return NULL;
    list.as.list.items = result->out.rows + result->next;
    list.as.list.n = s->discard ? 0 : n;
    result->next += n;
    return copy_to_arena(&list, &s->request).as.list.items;
}

void mg_reply_summary(struct mg_session *s, struct mg_result *result)
{
    size_t left = result->out.n - result->next;
    struct mg_reply r = {.rows_n = s->discard ? 0 : left};

    r.rows = take_rows(s, result, left);
    r.metadata = summary_of(s, result);
    if (!s->explicit_txn)
        mg_system_release(s);
    mg_result_free(result);
    mg_reply_send(s, &r);
}

static void reply_more(struct mg_session *s, struct mg_result *result, size_t n)
{
    struct mg_reply r = {.rows_n = s->discard ? 0 : n};
    struct value map = value_map(&s->request, 2);

    map.as.map.entries[0] = (struct value_entry){str_of("has_more"), value_bool(true)};
    map.as.map.entries[1] = (struct value_entry){str_of("run_id"), value_str(s->mg->run_id)};
    r.metadata = map;
    r.rows = take_rows(s, result, n);
    mg_reply_send(s, &r);
}

static bool execute(struct mg_session *s, struct mg_result *result)
{
    struct cypher_fail why;

    result->executed = true;
    if (!s->txn) { /* a snapshot from a main has replaced the data */
        mg_query_failed(s, MG_TRANSIENT_ERROR,
                        "Transaction was asked to abort because of database shutdown.");
        return false;
    }
    if (cypher_run(result->query, s->txn, &result->params, s->mg->now_us, &result->arena,
                   &result->out, &why))
        return true;
    mg_query_failed(s, why.kind == CYPHER_TRANSIENT ? MG_TRANSIENT_ERROR : MG_CLIENT_ERROR, "%s",
                    why.text);
    return false;
}

/* An autocommit query is at its end: it commits, and then the client gets the rest. */
static void pull_commit(struct mg_session *s, struct mg_result *result)
{
    if (mg_commit_waits(s))
        return;
    mg_commit_reply(s, result);
}

void mg_pull_step(struct mg_session *s)
{
    struct mg_result *result = s->pulled;
    size_t left;

    assert(result);
    if (!result->query) {
        mg_admin_step(s, result);
        return;
    }
    if (!result->executed && !execute(s, result))
        return;
    left = result->out.n - result->next;
    if (s->pull_n >= 0 && (uint64_t)s->pull_n < left)
        reply_more(s, result, (size_t)s->pull_n);
    else if (s->explicit_txn)
        mg_reply_summary(s, result);
    else
        pull_commit(s, result);
}

void mg_session_pull(struct mg_session *s, int64_t now_us, int64_t n, int64_t qid, bool discard)
{
    mg_op_begin(s, now_us, MG_OP_PULL);
    if (qid >= 0 && !s->explicit_txn) { /* an assertion of the real server (facts 1.4) */
        mg_die(s->mg, "PULL with a qid outside of a transaction");
        return;
    }
    if (n < -1) {
        mg_query_failed(s, MG_CLIENT_ERROR,
                        "Invalid arguments sent: n - Cannot fetch negative number of results!");
        return;
    }
    s->pull_n = n;
    s->discard = discard;
    LIST_FOR_EACH (node, &s->results) {
        struct mg_result *result = CONTAINER_OF(node, struct mg_result, node);

        if (qid < 0 || result->qid == qid)
            s->pulled = result; /* without a qid the last one */
    }
    if (!s->pulled) {
        mg_query_failed(s, MG_CLIENT_ERROR, "There is no such result to pull from.");
        return;
    }
    s->priority = is_priority(&s->pulled->admin);
    mg_op_go(s);
}

struct value mg_notification(struct arena *a, const char *code, const char *severity,
                             const char *text)
{
    static const char *const KEYS[] = {"code", "description", "severity", "title"};
    struct value values[] = {value_str(code), value_str(""), value_str(severity),
                             value_str_n(arena_copy(a, str_of(text)))};
    struct value list = value_list(a, 1);

    list.as.list.items[0] = value_map(a, ARRAY_LEN(KEYS));
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++)
        list.as.list.items[0].as.map.entries[i] = (struct value_entry){str_of(KEYS[i]), values[i]};
    return list;
}

void mg_notify(struct mg_result *result, const char *code, const char *severity, const char *fmt,
               ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    result->notification = mg_notification(&result->arena, code, severity, text);
}
