/* A replica's side: what it does with the requests of mains (facts 5.3, 5.6, 5.9, 4.5). */
#include "models/memgraph_impl.h"

#include <assert.h>

void mg_prepared_drop(struct mg *mg)
{
    mg->prepared.held = false;
    buf_clear(&mg->prepared.record);
}

static void answer_list(struct buf *out, struct value *items, size_t n)
{
    struct value list = {.kind = VALUE_LIST};

    list.as.list.items = items;
    list.as.list.n = n;
    value_encode(&list, out);
}

static void answer_bool(struct buf *out, bool ok)
{
    struct value v = value_bool(ok);

    answer_list(out, &v, 1);
}

/* After something was (or was not) applied: how far we are now. */
static void answer_ts(struct buf *out, const struct mg *mg, bool ok)
{
    struct value v[] = {value_bool(ok), value_int(mg->ldt)};

    answer_list(out, v, 2);
}

static bool is_kind(const struct value *args, size_t n, size_t i, enum value_kind kind)
{
    return i < n && args[i].kind == kind;
}

/* Only the main that was accepted last may do this. */
static bool from_our_main(const struct mg *mg, const struct value *args, size_t n)
{
    return is_kind(args, n, 0, VALUE_STRING) && str_eq(args[0].as.str, mg->main_uuid);
}

static bool serve_swap(struct mg *mg, const struct value *args, size_t n)
{
    if (!is_kind(args, n, 0, VALUE_STRING) ||
        !str_copy_n(mg->main_uuid, sizeof(mg->main_uuid), args[0].as.str))
        return false;
    mg_persist_replication(mg);
    return true;
}

/* A main without a licence sends an empty list of users: ours are wiped. An empty database takes
 * over the main's UUID. */
static bool serve_system(struct mg *mg, const struct value *args, size_t n)
{
    if (!from_our_main(mg, args, n) || !is_kind(args, n, 1, VALUE_STRING))
        return false;
    if (mg->users_n) {
        mg->users_n = 0;
        mg_persist_users(mg);
    }
    if (mg->ldt == 0 && !str_eq(args[1].as.str, mg->database_uuid)) {
        str_copy_n(mg->database_uuid, sizeof(mg->database_uuid), args[1].as.str);
        mg_persist_database(mg);
    }
    return true;
}

static void serve_check(struct mg *mg, const struct value *args, size_t n, struct buf *out)
{
    const char *epoch = mg->features.commit_epoch ? mg->ldt_epoch : mg->epoch;
    struct value answer[] = {value_bool(true), value_str(epoch), value_int(mg->ldt)};

    if (from_our_main(mg, args, n) && is_kind(args, n, 1, VALUE_STRING) &&
        str_eq(args[1].as.str, mg->database_uuid))
        answer_list(out, answer, ARRAY_LEN(answer));
    else
        answer_bool(out, false);
}

static bool serve_prepare(struct mg *mg, const struct value *args, size_t n)
{
    int64_t ts;

    if (!from_our_main(mg, args, n) || !is_kind(args, n, 1, VALUE_BOOL) ||
        !is_kind(args, n, 2, VALUE_INT) || !is_kind(args, n, 3, VALUE_INT) ||
        !is_kind(args, n, 4, VALUE_BYTES))
        return false;
    mg_prepared_drop(mg); /* left over from a main that never finished it */
    if (args[2].as.integer > mg->ldt)
        return false; /* something is missing here in between */
    if (!args[1].as.boolean)
        return mg_record_apply(mg, args[4].as.str, &ts);
    buf_add_str(&mg->prepared.record, args[4].as.str);
    mg->prepared.ts = args[3].as.integer;
    mg->prepared.held = true;
    return true;
}

static bool serve_finish(struct mg *mg, const struct value *args, size_t n)
{
    bool ok = true;
    int64_t ts;

    if (!from_our_main(mg, args, n) || !is_kind(args, n, 1, VALUE_INT) ||
        !is_kind(args, n, 2, VALUE_BOOL) || !mg->prepared.held ||
        mg->prepared.ts != args[1].as.integer)
        return false;
    if (args[2].as.boolean)
        ok = mg_record_apply(mg, buf_str(&mg->prepared.record), &ts);
    mg_prepared_drop(mg);
    return ok;
}

static bool serve_wal(struct mg *mg, const struct value *args, size_t n)
{
    int64_t ts;

    if (!from_our_main(mg, args, n) || !is_kind(args, n, 1, VALUE_LIST))
        return false;
    mg_prepared_drop(mg);
    for (size_t i = 0; i < args[1].as.list.n; i++)
        if (args[1].as.list.items[i].kind != VALUE_BYTES ||
            !mg_record_apply(mg, args[1].as.list.items[i].as.str, &ts))
            return false;
    return true;
}

static bool serve_snapshot(struct mg *mg, const struct value *args, size_t n)
{
    struct str bytes;
    struct buf frame;

    if (!from_our_main(mg, args, n) || !is_kind(args, n, 1, VALUE_BYTES))
        return false;
    mg_prepared_drop(mg);
    bytes = args[1].as.str;
    if (!mg_snapshot_load(mg, bytes))
        return false;
    buf_init(&frame, SIZE_MAX);
    buf_add_be32(&frame, (uint32_t)bytes.n);
    buf_add_str(&frame, bytes);
    mg->host.persist(mg->host.arg, MG_FILE_SNAPSHOT, false, buf_str(&frame));
    mg->host.persist(mg->host.arg, MG_FILE_WAL, false, (struct str){0});
    buf_done(&frame);
    return true;
}

static void serve(struct mg *mg, int64_t rpc, const struct value *args, size_t n, struct buf *out)
{
    switch ((enum mg_rpc)rpc) {
    case MG_RPC_SWAP:
        answer_bool(out, serve_swap(mg, args, n));
        break;
    case MG_RPC_SYSTEM:
        answer_bool(out, serve_system(mg, args, n));
        break;
    case MG_RPC_BEAT: /* from anybody: no main UUID is checked */
        answer_bool(out, true);
        break;
    case MG_RPC_CHECK:
        serve_check(mg, args, n, out);
        break;
    case MG_RPC_PREPARE:
        answer_bool(out, serve_prepare(mg, args, n));
        break;
    case MG_RPC_FINISH:
        answer_bool(out, serve_finish(mg, args, n));
        break;
    case MG_RPC_WAL:
        answer_ts(out, mg, serve_wal(mg, args, n));
        break;
    case MG_RPC_SNAPSHOT:
        answer_ts(out, mg, serve_snapshot(mg, args, n));
        break;
    case MG_RPC_COUNT:
        break;
    }
}

/* [replication protocol, kind, arguments ...] */
static bool is_request(const struct mg *mg, const struct value *v)
{
    const struct value *item = v->as.list.items;

    return v->kind == VALUE_LIST && is_kind(item, v->as.list.n, 0, VALUE_INT) &&
           is_kind(item, v->as.list.n, 1, VALUE_INT) &&
           mg_wire_understood(&mg->features, item[0].as.integer) && item[1].as.integer >= 0 &&
           item[1].as.integer < MG_RPC_COUNT;
}

bool mg_serve(struct mg *mg, int64_t now_us, struct str request, struct buf *answer)
{
    struct rd r = rd_of(request.p, request.n);
    struct arena arena;
    struct value v;
    bool ok;

    if (mg->dead || mg->is_main || !mg->listening || mg->change.kind == MG_PROMOTING)
        return false;
    mg->now_us = now_us;
    arena_init(&arena, SIZE_MAX);
    ok = value_decode(&r, &arena, &v) && is_request(mg, &v);
    if (ok)
        serve(mg, v.as.list.items[1].as.integer, v.as.list.items + 2, v.as.list.n - 2, answer);
    arena_done(&arena);
    return ok;
}
