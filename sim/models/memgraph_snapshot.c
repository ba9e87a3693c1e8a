/* Snapshots: all data and the lineage at one moment: [epoch, last timestamp, its epoch, [[epoch,
 * ts] ...], operations]. */
#include "models/memgraph_impl.h"

void mg_snapshot_encode(struct mg *mg, struct buf *out)
{
    struct value fields[5] = {value_str(mg->epoch), value_int(mg->ldt), value_str(mg->ldt_epoch)};
    struct value list = {.kind = VALUE_LIST};
    struct arena arena;
    struct buf dump;

    list.as.list.items = fields;
    list.as.list.n = ARRAY_LEN(fields);
    arena_init(&arena, SIZE_MAX);
    buf_init(&dump, SIZE_MAX);
    graph_dump(mg->graph, &dump);
    fields[3] = value_list(&arena, mg->history_n);
    for (size_t i = 0; i < mg->history_n; i++) {
        struct value entry = value_list(&arena, 2);

        entry.as.list.items[0] = value_str(mg->history[i].id);
        entry.as.list.items[1] = value_int(mg->history[i].ts);
        fields[3].as.list.items[i] = entry;
    }
    fields[4] = (struct value){.kind = VALUE_BYTES};
    fields[4].as.str = buf_str(&dump);
    value_encode(&list, out);
    buf_done(&dump);
    arena_done(&arena);
}

struct snapshot_parts {
    char epoch[MG_UUID_SIZE], ldt_epoch[MG_UUID_SIZE];
    int64_t ldt;
    const struct value *history;
    struct str operations;
};

static bool history_entry(const struct value *entry, char id[MG_UUID_SIZE], int64_t *ts)
{
    return entry->kind == VALUE_LIST && mg_item_text(entry, 0, id, MG_UUID_SIZE) &&
           mg_item_int(entry, 1, ts);
}

static bool snapshot_decode(struct str bytes, struct arena *arena, struct snapshot_parts *out)
{
    struct rd r = rd_of(bytes.p, bytes.n);
    struct value v;
    char id[MG_UUID_SIZE];
    int64_t ts;

    if (!value_decode(&r, arena, &v) || v.kind != VALUE_LIST || v.as.list.n != 5 ||
        !mg_item_text(&v, 0, out->epoch, sizeof(out->epoch)) || !mg_item_int(&v, 1, &out->ldt) ||
        !mg_item_text(&v, 2, out->ldt_epoch, sizeof(out->ldt_epoch)) ||
        v.as.list.items[3].kind != VALUE_LIST || v.as.list.items[4].kind != VALUE_BYTES)
        return false;
    out->history = &v.as.list.items[3];
    out->operations = v.as.list.items[4].as.str;
    for (size_t i = 0; i < out->history->as.list.n; i++)
        if (!history_entry(&out->history->as.list.items[i], id, &ts))
            return false;
    return true;
}

/* Transactions that are open cannot go on over other data. */
static void abort_transactions(struct mg *mg)
{
    LIST_FOR_EACH (node, &mg->sessions) {
        struct mg_session *s = CONTAINER_OF(node, struct mg_session, node);

        if (!s->txn)
            continue;
        graph_abort(s->txn);
        s->txn = NULL;
        s->failed_txn = s->explicit_txn;
    }
}

static void snapshot_take(struct mg *mg, const struct snapshot_parts *parts, struct graph *graph)
{
    char id[MG_UUID_SIZE];
    int64_t ts;

    abort_transactions(mg);
    graph_free(mg->graph);
    mg->graph = graph;
    mg->ldt = parts->ldt;
    str_copy(mg->epoch, sizeof(mg->epoch), parts->epoch);
    str_copy(mg->ldt_epoch, sizeof(mg->ldt_epoch), parts->ldt_epoch);
    mg->history_n = 0;
    for (size_t i = 0; i < parts->history->as.list.n; i++)
        if (history_entry(&parts->history->as.list.items[i], id, &ts))
            mg_history_add(mg, id, ts);
    mg->records_n = 0;
    mg->log_epoch[0] = '\0';
    buf_clear(&mg->wal);
    if (mg->counter <= mg->ldt)
        mg->counter = mg->ldt + 1;
}

bool mg_snapshot_load(struct mg *mg, struct str bytes)
{
    struct graph *graph = graph_new();
    struct snapshot_parts parts;
    struct arena arena;
    bool ok;

    arena_init(&arena, SIZE_MAX);
    ok = snapshot_decode(bytes, &arena, &parts) && graph_apply(graph, parts.operations, parts.ldt);
    if (ok)
        snapshot_take(mg, &parts, graph);
    else
        graph_free(graph);
    arena_done(&arena);
    return ok;
}
