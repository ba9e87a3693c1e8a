/* Sessions: RUN, PULL, BEGIN, COMMIT and the rest, and what they wait for. */
#include "base/alloc.h"
#include "models/copy.h"
#include "models/memgraph_impl.h"

#include <assert.h>
#include <stdarg.h>

enum { FAILURE_SIZE = 2048 };

struct mg_session *mg_session_new(struct mg *mg, mg_reply_fn *reply, void *arg)
{
    struct mg_session *s = xcalloc(1, sizeof(*s));

    s->mg = mg;
    s->reply = reply;
    s->arg = arg;
    list_init(&s->waiting);
    list_init(&s->results);
    arena_init(&s->request, MG_ARENA_LIMIT);
    list_add_tail(&mg->sessions, &s->node);
    return s;
}

void mg_result_free(struct mg_result *result)
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

void mg_abort_all(struct mg_session *s)
{
    struct list *node;

    while ((node = list_pop(&s->results)))
        mg_result_free(CONTAINER_OF(node, struct mg_result, node));
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
    mg_abort_all(s);
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

void mg_reply_send(struct mg_session *s, const struct mg_reply *r)
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

    mg_reply_send(s, &r);
}

static void reply_failure(struct mg_session *s, const char *code, const char *text)
{
    struct mg_reply r = {.code = code, .message = text};

    mg_reply_send(s, &r);
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
            mg_result_free(s->pulled);
        s->pulled = NULL;
    } else {
        mg_abort_all(s);
    }
    reply_failure(s, code, text);
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
bool mg_txn_start(struct mg_session *s)
{
    if (s->mg->commit.phase != MG_COMMIT_NONE) {
        mg_wait(s, INT64_MAX);
        return false;
    }
    s->txn = graph_begin(s->mg->graph, s->mg->counter++);
    return true;
}

void mg_op_begin(struct mg_session *s, int64_t now_us, enum mg_op op)
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

void mg_op_go(struct mg_session *s)
{
    struct mg *mg = s->mg;

    mg_session_step(s);
    if (mg->changed)
        mg_settle(mg);
}

/* Explicit transactions. */

static void commit_step(struct mg_session *s)
{
    struct value metadata;

    if (mg_commit_waits(s))
        return;
    mg_abort_all(s); /* results that were not pulled */
    if (s->finish_message[0] && !mg_commit_noted(s)) {
        mg_reply_failure(s, MG_CLIENT_ERROR, "%s", s->finish_message);
        return;
    }
    metadata = value_map(&s->request, s->finish_message[0] ? 1 : 0);
    if (s->finish_message[0])
        metadata.as.map.entries[0] = (struct value_entry){str_of("notifications"),
                                                          mg_commit_notification(s, &s->request)};
    mg_reply_success(s, metadata);
}

static void begin_step(struct mg_session *s)
{
    if (!mg_txn_start(s))
        return;
    s->explicit_txn = true;
    s->next_qid = 0;
    mg_reply_success(s, value_map(&s->request, 0));
}

void mg_session_begin(struct mg_session *s, int64_t now_us)
{
    mg_op_begin(s, now_us, MG_OP_BEGIN);
    if (s->explicit_txn) {
        s->failed_txn = true;
        mg_reply_failure(s, MG_CLIENT_ERROR, "Nested transactions are not supported.");
        return;
    }
    mg_abort_all(s);
    mg_op_go(s);
}

void mg_session_commit(struct mg_session *s, int64_t now_us)
{
    mg_op_begin(s, now_us, MG_OP_COMMIT);
    if (!s->explicit_txn)
        mg_reply_failure(s, MG_CLIENT_ERROR, "No current transaction to commit.");
    else if (s->failed_txn)
        mg_reply_failure(s, MG_CLIENT_ERROR,
                         "Transaction can't be committed because there was a previous error. "
                         "Please invoke a rollback instead.");
    else
        mg_op_go(s);
}

void mg_session_rollback(struct mg_session *s, int64_t now_us)
{
    struct mg *mg = s->mg;

    mg_op_begin(s, now_us, MG_OP_COMMIT);
    if (!s->explicit_txn) {
        mg_reply_failure(s, MG_CLIENT_ERROR, "No current transaction to rollback.");
        return;
    }
    mg_abort_all(s);
    mg_reply_success(s, value_map(&s->request, 0));
    if (mg->changed)
        mg_settle(mg);
}

void mg_session_reset(struct mg_session *s, int64_t now_us)
{
    assert(s->op == MG_OP_NONE);
    s->mg->now_us = now_us;
    mg_abort_all(s);
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

    mg_op_begin(s, now_us, MG_OP_LOGIN);
    s->priority = true; /* even while all workers are stalled (live facts 1.6) */
    copy = arena_alloc(&s->request, 1, sizeof(*copy));
    assert(copy);
    *copy = credentials ? copy_to_arena(credentials, &s->request) : value_map(&s->request, 0);
    s->credentials = copy;
    mg_op_go(s);
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
        mg_run_step(s);
        break;
    case MG_OP_PULL:
        mg_pull_step(s);
        break;
    case MG_OP_BEGIN:
        begin_step(s);
        break;
    case MG_OP_COMMIT:
        commit_step(s);
        break;
    }
}
