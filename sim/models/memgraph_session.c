/* Sessions: RUN, PULL, BEGIN, COMMIT and the rest, and what they wait for. */
#include "base/alloc.h"
#include "models/copy.h"
#include "models/memgraph_impl.h"

#include <assert.h>
#include <stdarg.h>

enum { ARENA_LIMIT = 1 << 30, FAILURE_SIZE = 2048 };

struct mg_session *mg_session_new(struct mg *mg, mg_reply_fn *reply, void *arg)
{
    struct mg_session *s = xcalloc(1, sizeof(*s));

    s->mg = mg;
    s->reply = reply;
    s->arg = arg;
    list_init(&s->waiting);
    list_init(&s->results);
    arena_init(&s->request, ARENA_LIMIT);
    list_add_tail(&mg->sessions, &s->node);
    return s;
}

static void result_free(struct mg_result *result)
{
    list_remove(&result->node);
    arena_done(&result->arena);
    free(result);
}

void mg_system_release(struct mg_session *s)
{
    if (s->mg->system == s) {
        s->mg->system = NULL;
        mg_changed(s->mg);
    }
}

static void abort_all(struct mg_session *s)
{
    struct list *node;

    while ((node = list_pop(&s->results)))
        result_free(CONTAINER_OF(node, struct mg_result, node));
    s->pulled = NULL;
    if (s->txn)
        graph_abort(s->txn);
    s->txn = NULL;
    s->explicit_txn = s->failed_txn = false;
    mg_system_release(s);
}

static void worker_release(struct mg_session *s)
{
    if (!s->has_worker)
        return;
    s->has_worker = false;
    if (s->mg->busy_workers-- == s->mg->config.workers)
        mg_changed(s->mg);
}

void mg_session_free(struct mg_session *s)
{
    struct mg *mg;

    if (!s)
        return;
    mg = s->mg;
    abort_all(s);
    worker_release(s);
    if (mg->commit.session == s)
        mg->commit.session = NULL;
    if (mg->change.session == s)
        mg->change.session = NULL;
    list_remove(&s->waiting);
    list_remove(&s->node);
    arena_done(&s->request);
    free(s);
    if (mg->changed)
        mg_settle(mg);
}

bool mg_session_busy(const struct mg_session *s)
{
    return s->op != MG_OP_NONE;
}

bool mg_session_has_result(const struct mg_session *s)
{
    return !list_empty(&s->results);
}

/* Replies: the last thing that is done with a session, which may be gone after. */

static void reply(struct mg_session *s, const struct mg_reply *r)
{
    s->op = MG_OP_NONE;
    s->stage = 0;
    s->pulled = NULL;
    list_remove(&s->waiting);
    worker_release(s);
    s->reply(s->arg, r);
}

void mg_reply_success(struct mg_session *s, struct value metadata)
{
    struct mg_reply r = {.metadata = metadata};

    reply(s, &r);
}

static void reply_failure(struct mg_session *s, const char *code, const char *text)
{
    struct mg_reply r = {.code = code, .message = text};

    reply(s, &r);
}

void mg_reply_failure(struct mg_session *s, const char *code, const char *fmt, ...)
{
    char text[FAILURE_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    reply_failure(s, code, text);
}

void mg_query_failed(struct mg_session *s, const char *code, const char *fmt, ...)
{
    char text[FAILURE_SIZE];
    va_list args;

    va_start(args, fmt); /* first: what it names may stand in the result */
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (s->explicit_txn) {
        s->failed_txn = true;
        if (s->pulled)
            result_free(s->pulled);
        s->pulled = NULL;
    } else {
        abort_all(s);
    }
    reply_failure(s, code, text);
}

void mg_notify(struct mg_session *s, struct mg_result *result, const char *code,
               const char *severity, const char *fmt, ...)
{
    static const char *const KEYS[] = {"code", "description", "severity", "title"};
    char text[512];
    struct value values[4], list;
    va_list args;

    (void)s;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    values[0] = value_str(code);
    values[1] = value_str("");
    values[2] = value_str(severity);
    values[3] = value_str_n(arena_copy(&result->arena, str_of(text)));
    list = value_list(&result->arena, 1);
    list.as.list.items[0] = value_map(&result->arena, ARRAY_LEN(KEYS));
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++)
        list.as.list.items[0].as.map.entries[i] = (struct value_entry){str_of(KEYS[i]), values[i]};
    result->notification = list;
}

/* Waiting. */

void mg_wait(struct mg_session *s, int64_t until_us)
{
    s->wake_at = until_us;
    if (list_empty(&s->waiting))
        list_add_tail(&s->mg->waiting, &s->waiting);
}

static bool worker_take(struct mg_session *s)
{
    if (s->priority || s->has_worker)
        return true;
    if (s->mg->busy_workers >= s->mg->config.workers)
        return false;
    s->mg->busy_workers++;
    s->has_worker = true;
    return true;
}

/* New transactions wait for a commit that is under way (the engine lock, facts 4.2). */
static bool txn_start(struct mg_session *s)
{
    if (s->mg->commit.phase != MG_COMMIT_NONE) {
        mg_wait(s, INT64_MAX);
        return false;
    }
    s->txn = graph_begin(s->mg->graph, s->mg->counter++);
    return true;
}

/* RUN. */

static struct value fields_of(struct mg_session *s, const struct mg_result *result);

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

static void run_step(struct mg_session *s)
{
    struct mg_result *result = s->pulled;
    struct mg *mg = s->mg;
    struct value metadata;

    assert(result);
    if (result->query && !s->txn && !txn_start(s))
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

    arena_init(&result->arena, ARENA_LIMIT);
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
    const char *refusal;

    if (!admin_parse(&result->arena, query, &result->admin, &why) && why.kind == CYPHER_OK)
        result->query = cypher_parse(&result->arena, query, &why);
    if (why.kind != CYPHER_OK) {
        mg_query_failed(s, MG_CLIENT_ERROR, "%s", why.text);
        return false;
    }
    refusal = result->query ? NULL : mg_admin_refusal(s, &result->admin);
    if (!refusal && !s->mg->is_main &&
        (result->query ? cypher_writes(result->query) : result->admin.kind == ADMIN_SCHEMA))
        refusal = "Write queries are forbidden on the replica instance. Replica instances accept "
                  "only read queries, while the main instance accepts read and write queries. "
                  "Please retry your query on the main instance.";
    if (refusal)
        mg_query_failed(s, MG_CLIENT_ERROR, "%s", refusal);
    return !refusal;
}

static void begin_op(struct mg_session *s, int64_t now_us, enum mg_op op)
{
    assert(s->op == MG_OP_NONE);
    s->mg->now_us = now_us;
    s->op = op;
    s->stage = 0;
    s->finish = MG_FINISH_NONE;
    s->finish_message[0] = '\0';
    s->priority = false;
    arena_reset(&s->request);
}

static void go(struct mg_session *s)
{
    struct mg *mg = s->mg;

    mg_session_step(s);
    if (mg->changed)
        mg_settle(mg);
}

void mg_session_run(struct mg_session *s, int64_t now_us, struct str query,
                    const struct value *params)
{
    struct mg *mg = s->mg;

    begin_op(s, now_us, MG_OP_RUN);
    if (!s->explicit_txn)
        abort_all(s);
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
    go(s);
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
    result_free(result);
    reply(s, &r);
}

static void reply_more(struct mg_session *s, struct mg_result *result, size_t n)
{
    struct mg_reply r = {.rows_n = s->discard ? 0 : n};
    struct value map = value_map(&s->request, 2);

    map.as.map.entries[0] = (struct value_entry){str_of("has_more"), value_bool(true)};
    map.as.map.entries[1] = (struct value_entry){str_of("run_id"), value_str(s->mg->run_id)};
    r.metadata = map;
    r.rows = take_rows(s, result, n);
    reply(s, &r);
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
    if (cypher_run(result->query, s->mg->graph, s->txn, &result->params, s->mg->now_us,
                   &result->arena, &result->out, &why))
        return true;
    mg_query_failed(s, why.kind == CYPHER_TRANSIENT ? MG_TRANSIENT_ERROR : MG_CLIENT_ERROR, "%s",
                    why.text);
    return false;
}

/* An autocommit query is at its end: it commits, and then the client gets the rest. */
static void pull_commit(struct mg_session *s, struct mg_result *result)
{
    if (s->finish == MG_FINISH_NONE && !mg_commit_begin(s)) {
        mg_wait(s, INT64_MAX);
        return;
    }
    if (s->finish == MG_FINISH_UNDER_WAY) {
        mg_wait(s, INT64_MAX);
        return;
    }
    if (s->finish_message[0])
        mg_query_failed(s, s->finish_replication ? MG_TRANSIENT_ERROR : MG_CLIENT_ERROR, "%s",
                        s->finish_message);
    else
        mg_reply_summary(s, result);
}

static void pull_step(struct mg_session *s)
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
    begin_op(s, now_us, MG_OP_PULL);
    if (qid >= 0 && !s->explicit_txn) { /* an assertion of the real server (facts 1.4) */
        s->mg->dead = true;
        s->mg->host.crash(s->mg->host.arg, "PULL with a qid outside of a transaction");
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
    go(s);
}

/* Explicit transactions. */

static void commit_step(struct mg_session *s)
{
    char message[sizeof(s->finish_message)];

    if (s->finish == MG_FINISH_NONE && !mg_commit_begin(s)) {
        mg_wait(s, INT64_MAX);
        return;
    }
    if (s->finish == MG_FINISH_UNDER_WAY) {
        mg_wait(s, INT64_MAX);
        return;
    }
    str_copy(message, sizeof(message), s->finish_message);
    abort_all(s); /* results that were not pulled */
    if (message[0])
        mg_reply_failure(s, MG_CLIENT_ERROR, "%s", message);
    else
        mg_reply_success(s, value_map(&s->request, 0));
}

static void begin_step(struct mg_session *s)
{
    if (!txn_start(s))
        return;
    s->explicit_txn = true;
    s->next_qid = 0;
    mg_reply_success(s, value_map(&s->request, 0));
}

void mg_session_begin(struct mg_session *s, int64_t now_us)
{
    begin_op(s, now_us, MG_OP_BEGIN);
    if (s->explicit_txn) {
        s->failed_txn = true;
        mg_reply_failure(s, MG_CLIENT_ERROR, "Nested transactions are not supported.");
        return;
    }
    abort_all(s);
    go(s);
}

void mg_session_commit(struct mg_session *s, int64_t now_us)
{
    begin_op(s, now_us, MG_OP_COMMIT);
    if (!s->explicit_txn)
        mg_reply_failure(s, MG_CLIENT_ERROR, "No current transaction to commit.");
    else if (s->failed_txn)
        mg_reply_failure(s, MG_CLIENT_ERROR,
                         "Transaction can't be committed because there was a previous error. "
                         "Please invoke a rollback instead.");
    else
        go(s);
}

void mg_session_rollback(struct mg_session *s, int64_t now_us)
{
    struct mg *mg = s->mg;

    begin_op(s, now_us, MG_OP_COMMIT);
    if (!s->explicit_txn) {
        mg_reply_failure(s, MG_CLIENT_ERROR, "No current transaction to rollback.");
        return;
    }
    abort_all(s);
    mg_reply_success(s, value_map(&s->request, 0));
    if (mg->changed)
        mg_settle(mg);
}

void mg_session_reset(struct mg_session *s, int64_t now_us)
{
    assert(s->op == MG_OP_NONE);
    s->mg->now_us = now_us;
    abort_all(s);
    if (s->mg->changed)
        mg_settle(s->mg);
}

/* Logging on costs a hash of the password, when there are users. */

static void login_step(struct mg_session *s)
{
    struct str scheme = str_of("none"), user = str_of(""), password = str_of("");
    const struct mg *mg = s->mg;

    value_get_str(s->credentials, "scheme", &scheme);
    value_get_str(s->credentials, "principal", &user);
    value_get_str(s->credentials, "credentials", &password);
    if (!str_eq(scheme, "none") && !str_eq(scheme, "basic")) {
        mg_reply_failure(s, MG_AUTH_ERROR, "Authentication failure");
        return;
    }
    if (mg->users_n && str_eq(scheme, "basic") && user.n && !s->stage) {
        s->stage = 1;
        mg_wait(s, mg->now_us + mg->config.bcrypt_us);
        return;
    }
    if (s->stage && mg->now_us < s->wake_at) {
        mg_wait(s, s->wake_at);
        return;
    }
    if (mg->users_n && (!str_eq(scheme, "basic") || !mg_user_check(mg, user, password))) {
        mg_reply_failure(s, MG_AUTH_ERROR, "Authentication failure");
        return;
    }
    str_copy_n(s->user, sizeof(s->user), mg->users_n ? user : str_of(""));
    mg_reply_success(s, value_null());
}

void mg_session_login(struct mg_session *s, int64_t now_us, const struct value *credentials)
{
    struct value *copy;

    begin_op(s, now_us, MG_OP_LOGIN);
    s->priority = true; /* even while all workers are stalled (live facts 1.6) */
    copy = arena_alloc(&s->request, 1, sizeof(*copy));
    assert(copy);
    *copy = credentials ? copy_to_arena(credentials, &s->request) : value_map(&s->request, 0);
    s->credentials = copy;
    go(s);
}

void mg_session_step(struct mg_session *s)
{
    if (s->mg->dead)
        return;
    if (!worker_take(s)) {
        mg_wait(s, INT64_MAX);
        return;
    }
    switch (s->op) {
    case MG_OP_NONE:
        break;
    case MG_OP_LOGIN:
        login_step(s);
        break;
    case MG_OP_RUN:
        run_step(s);
        break;
    case MG_OP_PULL:
        pull_step(s);
        break;
    case MG_OP_BEGIN:
        begin_step(s);
        break;
    case MG_OP_COMMIT:
        commit_step(s);
        break;
    }
}

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
        out = value_list(&s->request, TABLE[i].n);
        for (size_t k = 0; k < TABLE[i].n; k++)
            out.as.list.items[k] = value_str(TABLE[i].many ? TABLE[i].many[k]
                                             : k           ? TABLE[i].two
                                                           : TABLE[i].one);
        return out;
    }
    return value_list(&s->request, 0);
}
