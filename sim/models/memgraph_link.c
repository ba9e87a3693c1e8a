/* A main's side of its replicas: calls one after the other, heartbeats, checks, recovery (facts 3).
 */
#include "base/alloc.h"
#include "models/memgraph_impl.h"

#include <assert.h>

static const int64_t TIMEOUT_US[MG_RPC_COUNT] = {
    [MG_RPC_SWAP] = MG_SWAP_TIMEOUT_US,       [MG_RPC_SYSTEM] = MG_SYSTEM_TIMEOUT_US,
    [MG_RPC_BEAT] = MG_BEAT_TIMEOUT_US,       [MG_RPC_CHECK] = MG_CHECK_TIMEOUT_US,
    [MG_RPC_PREPARE] = MG_PREPARE_TIMEOUT_US, [MG_RPC_FINISH] = MG_FINISH_TIMEOUT_US,
    [MG_RPC_WAL] = MG_WAL_TIMEOUT_US,         [MG_RPC_SNAPSHOT] = MG_SNAPSHOT_TIMEOUT_US};

struct mg_replica *mg_replica_add(struct mg *mg, const char *name, const char *address,
                                  enum mg_mode mode)
{
    struct mg_replica *r = xcalloc(1, sizeof(*r));

    r->mg = mg;
    str_copy(r->name, sizeof(r->name), name);
    str_copy(r->address, sizeof(r->address), address);
    r->mode = mode;
    r->zombie = true;
    r->behind = true;
    r->status = MG_MAYBE_BEHIND;
    r->link = mg->next_link++;
    r->beat_at = mg->now_us + MG_BEAT_PERIOD_US;
    list_init(&r->calls);
    list_add_tail(&mg->replicas, &r->node);
    return r;
}

struct mg_replica *mg_replica_find(struct mg *mg, const char *name)
{
    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        if (!strcmp(r->name, name))
            return r;
    }
    return NULL;
}

static void call_free(struct mg_call *call)
{
    list_remove(&call->node);
    free(call->bytes);
    free(call);
}

bool mg_replica_idle(const struct mg_replica *r)
{
    return list_empty(&r->calls);
}

void mg_replica_quiet(struct mg_replica *r)
{
    const struct list *first = r->calls.next;

    LIST_FOR_EACH (node, &r->calls) {
        if (node != first || r->mg->features.calls_aborted)
            call_free(CONTAINER_OF(node, struct mg_call, node));
    }
}

bool mg_replica_recovers(const struct mg_replica *r)
{
    const struct mg_call *call;

    if (list_empty(&r->calls))
        return false;
    call = CONTAINER_OF(r->calls.next, struct mg_call, node);
    return call->rpc == MG_RPC_CHECK || call->rpc == MG_RPC_WAL || call->rpc == MG_RPC_SNAPSHOT;
}

void mg_replica_remove(struct mg_replica *r)
{
    assert(mg_replica_idle(r));
    r->mg->host.link_close(r->mg->host.arg, r->link);
    list_remove(&r->node);
    free(r);
}

static void call_start(struct mg_replica *r)
{
    struct mg_call *call = CONTAINER_OF(r->calls.next, struct mg_call, node);

    call->expires_us = r->mg->now_us + TIMEOUT_US[call->rpc];
    r->mg->host.call(r->mg->host.arg, call->id, r->link, r->address,
                     (struct str){call->bytes, call->n}, TIMEOUT_US[call->rpc]);
}

void mg_send(struct mg_replica *r, enum mg_rpc rpc, const struct value *fields, size_t n,
             int64_t ts, bool for_commit)
{
    struct mg_call *call = xcalloc(1, sizeof(*call));
    struct value all[8] = {value_int(mg_wire_of(&r->mg->features)), value_int(rpc)};
    struct value list = {.kind = VALUE_LIST};
    bool first = list_empty(&r->calls);
    struct buf bytes;

    assert(n + 2 <= ARRAY_LEN(all));
    for (size_t i = 0; i < n; i++)
        all[i + 2] = fields[i];
    list.as.list.items = all;
    list.as.list.n = n + 2;
    buf_init(&bytes, SIZE_MAX);
    value_encode(&list, &bytes);
    call->id = ++r->mg->next_call;
    call->rpc = rpc;
    call->ts = ts;
    call->for_commit = for_commit;
    call->n = bytes.n;
    call->bytes = buf_take(&bytes);
    list_add_tail(&r->calls, &call->node);
    if (first)
        call_start(r);
}

static bool queued(const struct mg_replica *r, enum mg_rpc rpc)
{
    LIST_FOR_EACH (node, &r->calls) {
        if (CONTAINER_OF(node, struct mg_call, node)->rpc == rpc)
            return true;
    }
    return false;
}

void mg_send_swap(struct mg_replica *r)
{
    struct value uuid = value_str(r->mg->main_uuid);

    mg_send(r, MG_RPC_SWAP, &uuid, 1, 0, false);
}

void mg_send_system(struct mg_replica *r)
{
    struct value f[] = {value_str(r->mg->main_uuid), value_str(r->mg->database_uuid)};

    mg_send(r, MG_RPC_SYSTEM, f, ARRAY_LEN(f), 0, false);
}

void mg_send_check(struct mg_replica *r)
{
    struct value f[] = {value_str(r->mg->main_uuid), value_str(r->mg->database_uuid)};

    if (!queued(r, MG_RPC_CHECK))
        mg_send(r, MG_RPC_CHECK, f, ARRAY_LEN(f), 0, false);
}

/* Heartbeats. */

int64_t mg_beat_deadline(const struct mg *mg)
{
    int64_t at = INT64_MAX;

    LIST_FOR_EACH (node, &mg->replicas) {
        const struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        if (!r->zombie && r->beat_at < at)
            at = r->beat_at;
    }
    return at;
}

void mg_beat_due(struct mg *mg)
{
    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        if (r->zombie || r->beat_at > mg->now_us)
            continue;
        r->beat_at = mg->now_us + MG_BEAT_PERIOD_US;
        if (!queued(r, MG_RPC_BEAT) && mg->change.kind != MG_DEMOTING && mg->change.replica != r)
            mg_send(r, MG_RPC_BEAT, NULL, 0, 0, false);
    }
}

static void beat_answered(struct mg_replica *r, bool ok)
{
    if (!ok) {
        if (++r->beats_lost >= MG_BEATS_LOST) {
            r->status = MG_MAYBE_BEHIND;
            r->behind = true;
        }
        return;
    }
    r->beats_lost = 0;
    if (r->behind)
        mg_send_system(r);
    if (r->status == MG_RECOVERY && r->recovery_failed)
        r->status = MG_MAYBE_BEHIND;
    if (r->status == MG_MAYBE_BEHIND)
        mg_send_check(r);
}

/* Recovery. */

enum { WAL_STEP_BYTES = 1 << 20 };

/* The records after ts, if the log reaches back so far: from there, or -1. */
static int64_t log_after(const struct mg *mg, int64_t ts)
{
    size_t low = 0, high = mg->records_n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (mg->records[middle].ts > ts)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == mg->records_n || mg->records[low].previous_ts > ts)
        return -1;
    return (int64_t)low;
}

static void recovery_step(struct mg_replica *r)
{
    struct mg *mg = r->mg;
    int64_t first = log_after(mg, r->ts);
    struct value f[2] = {value_str(mg->main_uuid)};
    struct arena arena;
    struct buf bytes;

    arena_init(&arena, SIZE_MAX);
    buf_init(&bytes, SIZE_MAX);
    if (first < 0) {
        mg_snapshot_encode(mg, &bytes);
        f[1] = (struct value){.kind = VALUE_BYTES};
        f[1].as.str = buf_str(&bytes);
        mg_send(r, MG_RPC_SNAPSHOT, f, 2, 0, false);
    } else {
        size_t n = 0, size = 0, left = mg->records_n - (size_t)first;

        while (n < left && size < WAL_STEP_BYTES)
            size += mg->records[(size_t)first + n++].n;
        f[1] = value_list(&arena, n);
        for (size_t i = 0; i < n; i++) {
            f[1].as.list.items[i] = (struct value){.kind = VALUE_BYTES};
            f[1].as.list.items[i].as.str = mg_record_bytes(mg, &mg->records[(size_t)first + i]);
        }
        mg_send(r, MG_RPC_WAL, f, 2, 0, false);
    }
    buf_done(&bytes);
    arena_done(&arena);
}

/* In step with us: but while a commit is under way it is not one of those who get it. */
static void settle_status(struct mg_replica *r)
{
    if (r->ts < r->mg->ldt || r->mg->commit.phase != MG_COMMIT_NONE)
        r->status = MG_MAYBE_BEHIND;
    else
        r->status = MG_READY;
}

static void recovery_answered(struct mg_replica *r, bool ok, int64_t ts)
{
    if (r->status != MG_RECOVERY) /* heartbeats were lost meanwhile */
        return;
    if (!ok || ts <= r->ts) {
        r->recovery_failed = true;
        return;
    }
    r->ts = ts;
    if (r->ts < r->recovery_goal)
        recovery_step(r);
    else
        settle_status(r);
}

/* The epoch check (facts 5.5). */
static bool diverged(const struct mg *mg, struct str epoch, int64_t ts)
{
    if (ts == 0 || str_eq(epoch, mg->epoch))
        return false;
    for (size_t i = 0; i < mg->history_n; i++) {
        size_t at = mg->features.history_forward ? i : mg->history_n - 1 - i;

        if (str_eq(epoch, mg->history[at].id))
            return mg->history[at].ts < ts;
    }
    return true;
}

static void check_answered(struct mg_replica *r, bool ok, const struct value *answer)
{
    struct str epoch;

    if (!ok) {
        r->status = MG_MAYBE_BEHIND;
        return;
    }
    if (answer->as.list.n < 3 || answer->as.list.items[1].kind != VALUE_STRING ||
        answer->as.list.items[2].kind != VALUE_INT) { /* refused */
        r->behind = true;
        return;
    }
    epoch = answer->as.list.items[1].as.str;
    r->ts = answer->as.list.items[2].as.integer;
    if (diverged(r->mg, epoch, r->ts)) {
        r->status = MG_DIVERGED;
    } else if (r->ts >= r->mg->ldt) {
        settle_status(r);
    } else {
        r->status = MG_RECOVERY;
        r->recovery_failed = false;
        r->recovery_goal = r->mg->ldt;
        recovery_step(r);
    }
}

/* What an answer, or that there is none, means to a commit. */
static enum mg_reason reason_of(const struct mg *mg, const struct mg_call *call, bool ok,
                                bool accepted)
{
    if (accepted)
        return MG_CONFIRMED;
    if (ok)
        return MG_NOT_IN_STEP;
    return mg->now_us >= call->expires_us ? MG_TIMED_OUT : MG_RPC_BROKE;
}

static void dispatch(struct mg_replica *r, const struct mg_call *call, bool ok,
                     const struct value *answer)
{
    const struct mg_change *change = &r->mg->change;
    bool accepted = ok && answer->as.list.items[0].as.boolean;
    int64_t ts = accepted && answer->as.list.n > 1 && answer->as.list.items[1].kind == VALUE_INT
                     ? answer->as.list.items[1].as.integer
                     : 0;

    if (change->kind == MG_DEMOTING || (change->kind == MG_DROPPING && change->replica == r))
        return; /* it is being taken away: nothing follows */
    switch (call->rpc) {
    case MG_RPC_BEAT:
        beat_answered(r, ok);
        break;
    case MG_RPC_SYSTEM:
        r->behind = !accepted;
        break;
    case MG_RPC_CHECK:
        check_answered(r, ok, answer);
        r->starting = false;
        break;
    case MG_RPC_WAL:
    case MG_RPC_SNAPSHOT:
        recovery_answered(r, accepted, ts);
        break;
    case MG_RPC_PREPARE:
        if (!call->for_commit) { /* ASYNC */
            if (accepted)
                r->ts = call->ts;
            if (r->status == MG_REPLICATING)
                r->status = accepted ? MG_READY : MG_MAYBE_BEHIND;
        }
        break;
    case MG_RPC_SWAP:
    case MG_RPC_FINISH:
    case MG_RPC_COUNT:
        break;
    }
    if (change->kind == MG_REGISTERING && change->replica == r)
        mg_register_answered(r, call->rpc, accepted);
    if (call->for_commit)
        mg_commit_answered(r, call->rpc, reason_of(r->mg, call, ok, accepted));
}

static struct mg_replica *find_call(struct mg *mg, uint64_t id, struct mg_call **out)
{
    LIST_FOR_EACH (node, &mg->replicas) {
        struct mg_replica *r = CONTAINER_OF(node, struct mg_replica, node);

        if (list_empty(&r->calls))
            continue;
        *out = CONTAINER_OF(r->calls.next, struct mg_call, node);
        if ((*out)->id == id)
            return r;
    }
    return NULL;
}

void mg_answer(struct mg *mg, int64_t now_us, uint64_t call, bool ok, struct str bytes)
{
    struct rd rd = rd_of(bytes.p, bytes.n);
    struct mg_call *c = NULL;
    struct mg_replica *r;
    struct value answer;
    struct arena arena;

    if (mg->dead)
        return;
    mg->now_us = now_us;
    r = find_call(mg, call, &c);
    if (!r)
        return;
    arena_init(&arena, SIZE_MAX);
    ok = ok && value_decode(&rd, &arena, &answer) && answer.kind == VALUE_LIST &&
         answer.as.list.n > 0 && answer.as.list.items[0].kind == VALUE_BOOL;
    list_remove(&c->node);
    if (!list_empty(&r->calls))
        call_start(r);
    dispatch(r, c, ok, &answer);
    free(c->bytes);
    free(c);
    arena_done(&arena);
    mg_changed(mg);
    mg_settle(mg);
}
