/* Commits on a main (facts 4): to the log, to the replicas, into memory, to the client.
 *
 * SYNC: one phase; a replica that does not confirm makes the client's answer an error, the commit
 * stays. STRICT_SYNC: prepared everywhere first; one that does not confirm aborts all. With both
 * kinds together the SYNC ones are prepared and never finished, as in Memgraph (facts 4.4). */
#include "models/memgraph_impl.h"

#include <assert.h>

/* confirmed: by all that had to. */
static void finish(struct mg *mg, bool confirmed, bool committed)
{
    struct mg_session *s = mg->commit.session;

    mg->commit.phase = MG_COMMIT_NONE;
    mg->commit.txn = NULL;
    if (s) {
        s->finish = MG_FINISH_DONE;
        s->finish_replication = !confirmed;
        s->finish_committed = committed;
        if (!confirmed)
            mg_unconfirmed_text(mg, !committed, s->finish_message, sizeof(s->finish_message));
    }
    mg_changed(mg);
}

static void log_commit(struct mg *mg)
{
    mg_log(mg, buf_str(&mg->commit.record), mg->commit.ts, mg->ldt);
}

/* Makes it visible, hands it to the ASYNC replicas, and answers. */
static void conclude(struct mg *mg)
{
    struct mg_commit *c = &mg->commit;

    graph_commit(c->txn, c->ts);
    mg->commits++;
    finish(mg, !c->sync_failed || c->strict, true);
}

static void send_prepare(struct mg_replica *r, bool two_phases, bool for_commit,
                         int64_t previous_ts)
{
    struct mg *mg = r->mg;
    struct value f[5] = {value_str(mg->main_uuid), value_bool(two_phases), value_int(previous_ts),
                         value_int(mg->commit.ts)};

    f[4] = (struct value){.kind = VALUE_BYTES};
    f[4].as.str = buf_str(&mg->commit.record);
    mg_send(r, MG_RPC_PREPARE, f, ARRAY_LEN(f), mg->commit.ts, for_commit);
    mg->commit.waiting += for_commit;
}

static void send_async(struct mg *mg, int64_t previous_ts)
{
    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        if (r->mode == MG_ASYNC && r->commit.in && r->status == MG_REPLICATING)
            send_prepare(r, false, false, previous_ts);
    }
}

static void send_finish(struct mg *mg, bool commit)
{
    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);
        struct value f[] = {value_str(mg->main_uuid), value_int(mg->commit.ts), value_bool(commit)};

        if (r->mode != MG_STRICT_SYNC || !r->commit.in || r->commit.failed)
            continue;
        mg_send(r, MG_RPC_FINISH, f, ARRAY_LEN(f), mg->commit.ts, true);
        mg->commit.waiting++;
    }
}

/* Whether the last message arrives makes no difference to what the main says and believes: the
 * lost finish of facts 4.5. */
static void finished(struct mg *mg)
{
    bool aborted = mg->commit.strict_failed;

    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        if (r->mode != MG_STRICT_SYNC || !r->commit.in || r->commit.failed)
            continue;
        if (r->status == MG_REPLICATING)
            r->status = MG_READY;
        if (!aborted)
            r->ts = mg->commit.ts;
    }
    if (!aborted) {
        conclude(mg);
        return;
    }
    graph_abort(mg->commit.txn);
    finish(mg, false, false);
}

static void prepared(struct mg *mg)
{
    struct mg_commit *c = &mg->commit;
    int64_t previous_ts = mg->ldt;

    if (!c->strict) {
        send_async(mg, mg->records_n ? mg->records[mg->records_n - 1].previous_ts : 0);
        conclude(mg);
        return;
    }
    c->phase = MG_COMMIT_FINISHING;
    if (!c->strict_failed) {
        log_commit(mg);
        send_async(mg, previous_ts);
    }
    send_finish(mg, !c->strict_failed);
    if (!c->waiting)
        finished(mg);
}

void mg_commit_answered(struct mg_replica *r, enum mg_rpc rpc, enum mg_reason reason)
{
    struct mg *mg = r->mg;
    struct mg_commit *c = &mg->commit;
    bool ok = reason == MG_CONFIRMED;

    assert(c->phase != MG_COMMIT_NONE && c->waiting > 0);
    if (rpc == MG_RPC_PREPARE) {
        r->commit.failed = !ok;
        r->commit.reason = reason;
        if (!ok)
            r->status = MG_MAYBE_BEHIND;
        else if (!c->strict) {
            r->ts = c->ts;
            if (r->status == MG_REPLICATING)
                r->status = MG_READY;
        }
        c->strict_failed |= !ok && r->mode == MG_STRICT_SYNC;
        c->sync_failed |= !ok && r->mode == MG_SYNC;
    }
    if (--c->waiting)
        return;
    if (c->phase == MG_COMMIT_PREPARING)
        prepared(mg);
    else
        finished(mg);
}

/* Who takes part: those that are ready. One that still works at the last commit falls behind. */
static void enlist(struct mg *mg)
{
    struct mg_commit *c = &mg->commit;

    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        r->commit.in = !r->zombie && r->status == MG_READY;
        r->commit.failed = false;
        r->commit.reason = MG_CONFIRMED;
        if (r->zombie)
            continue;
        if (!r->commit.in)
            r->commit.reason = r->status == MG_DIVERGED ? MG_HAS_DIVERGED : MG_NOT_IN_STEP;
        if (r->commit.in)
            r->status = MG_REPLICATING;
        else if (r->status == MG_REPLICATING)
            r->status = MG_MAYBE_BEHIND;
        else if (r->status == MG_MAYBE_BEHIND && mg_replica_idle(r))
            mg_send_check(r);
        c->strict |= r->mode == MG_STRICT_SYNC;
        c->strict_failed |= r->mode == MG_STRICT_SYNC && !r->commit.in;
        c->sync_failed |= r->mode == MG_SYNC && !r->commit.in;
    }
}

static void replicate(struct mg *mg)
{
    struct mg_commit *c = &mg->commit;
    int64_t previous_ts = mg->ldt;

    enlist(mg);
    c->phase = MG_COMMIT_PREPARING;
    if (!c->strict)
        log_commit(mg); /* before anybody else has it; a crash now leaves it on us alone */
    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        if (!r->commit.in || r->mode == MG_ASYNC)
            continue;
        if (c->strict_failed) { /* given up at once: these have seen nothing of it */
            if (r->mode == MG_STRICT_SYNC)
                r->status = MG_READY;
            r->commit.failed = true;
            continue;
        }
        send_prepare(r, c->strict, true, previous_ts);
    }
    if (!c->waiting)
        prepared(mg);
}

bool mg_commit_begin(struct mg_session *s)
{
    struct mg *mg = s->mg;
    struct graph_txn *txn = s->txn;
    struct buf operations;

    s->finish_message[0] = '\0';
    s->finish_replication = false;
    if (!txn || !graph_txn_wrote(txn)) {
        if (txn)
            graph_abort(txn);
        s->txn = NULL;
        s->finish = MG_FINISH_DONE;
        return true;
    }
    if (mg->commit.phase != MG_COMMIT_NONE || mg->exclusive)
        return false;
    s->txn = NULL;
    if (!mg->is_main) {
        graph_abort(txn);
        s->finish = MG_FINISH_DONE;
        str_copy(s->finish_message, sizeof(s->finish_message),
                 "Cannot commit because instance is not main anymore.");
        return true;
    }
    s->finish = MG_FINISH_UNDER_WAY;
    mg->commit.session = s;
    mg->commit.txn = txn;
    mg->commit.ts = mg->counter++;
    mg->commit.strict = mg->commit.strict_failed = mg->commit.sync_failed = false;
    mg->commit.waiting = 0;
    if (mg->analytical) {
        conclude(mg);
        return true;
    }
    buf_init(&operations, SIZE_MAX);
    graph_txn_operations(txn, &operations);
    buf_clear(&mg->commit.record);
    mg_record_encode(&mg->commit.record, mg->epoch, mg->commit.ts, mg->ldt, buf_str(&operations));
    buf_done(&operations);
    replicate(mg);
    return true;
}

bool mg_commit_waits(struct mg_session *s)
{
    bool blocked = s->finish == MG_FINISH_NONE && !mg_commit_begin(s);

    if (!blocked && s->finish != MG_FINISH_UNDER_WAY)
        return false;
    mg_wait(s, INT64_MAX);
    return true;
}

bool mg_commit_noted(const struct mg_session *s)
{
    return s->mg->features.sync_failure_noted && s->finish_replication && s->finish_committed;
}

struct value mg_commit_notification(const struct mg_session *s, struct arena *a)
{
    return mg_notification(a, "SyncReplicationFailure", "WARNING", s->finish_message);
}

void mg_commit_reply(struct mg_session *s, struct mg_result *result)
{
    bool transient = s->finish_replication && !s->mg->features.plain_client_error;

    if (s->finish_message[0] && !mg_commit_noted(s)) {
        mg_query_failed(s, transient ? MG_TRANSIENT_ERROR : MG_CLIENT_ERROR, "%s",
                        s->finish_message);
        return;
    }
    if (s->finish_message[0])
        result->notification = mg_commit_notification(s, &result->arena);
    mg_reply_summary(s, result);
}
