/* What a transaction did, as operations: each a list of its code and fields. */
#include "models/graph_impl.h"

enum {
    OP_NODE_CREATE,
    OP_NODE_SET,
    OP_NODE_DELETE,
    OP_EDGE_CREATE,
    OP_EDGE_SET,
    OP_EDGE_DELETE,
    OP_SCHEMA
};

/* More than a transaction may ever leave out; keeps a broken peer from making us allocate. */
enum { GID_GAP_MAX = 1 << 24 };

static const struct value EMPTY_LIST = {.kind = VALUE_LIST};

static void add_op(struct buf *out, struct value *fields, size_t n)
{
    struct value list = {.kind = VALUE_LIST};

    list.as.list.items = fields;
    list.as.list.n = n;
    value_encode(&list, out);
}

static void add_node_op(struct buf *out, int op, const struct graph_item *item,
                        const struct graph_version *v)
{
    struct value f[] = {value_int(op), value_int(item->gid), v->labels, v->props};

    add_op(out, f, op == OP_NODE_DELETE ? 2 : 4);
}

static void add_edge_op(struct buf *out, int op, const struct graph_item *item,
                        const struct graph_version *v)
{
    struct value create[] = {value_int(op),
                             value_int(item->gid),
                             value_int(item->from->gid),
                             value_int(item->to->gid),
                             value_str(item->type),
                             v->props};
    struct value change[] = {value_int(op), value_int(item->gid), v->props};

    if (op == OP_EDGE_CREATE)
        add_op(out, create, 6);
    else
        add_op(out, change, op == OP_EDGE_DELETE ? 2 : 3);
}

static void add_schema_op(struct buf *out, const char *name, bool add)
{
    struct value f[] = {value_int(OP_SCHEMA), value_str(name), value_bool(add)};

    add_op(out, f, 3);
}

/* Something of a kind is created (or set) before it is used and deleted after. An item that came
 * and went within the transaction is named twice: it counts as a write and its gid is used up. */
void graph_txn_operations(const struct graph_txn *t, struct buf *out)
{
    for (int edges = 0; edges < 2; edges++)
        for (size_t i = 0; i < t->written_n; i++) {
            const struct graph_item *item = t->written[i];
            bool create = !item->newest->older;

            if ((item->from != NULL) != edges || (item->newest->dead && !create))
                continue;
            if (edges)
                add_edge_op(out, create ? OP_EDGE_CREATE : OP_EDGE_SET, item, item->newest);
            else
                add_node_op(out, create ? OP_NODE_CREATE : OP_NODE_SET, item, item->newest);
        }
    for (int edges = 1; edges >= 0; edges--)
        for (size_t i = 0; i < t->written_n; i++) {
            const struct graph_item *item = t->written[i];

            if ((item->from != NULL) != edges || !item->newest->dead)
                continue;
            if (edges)
                add_edge_op(out, OP_EDGE_DELETE, item, item->newest);
            else
                add_node_op(out, OP_NODE_DELETE, item, item->newest);
        }
    if (t->schema_name)
        add_schema_op(out, t->schema_name, t->schema_add);
}

static struct graph_item *table_get(struct graph_item **table, int64_t next, const struct value *v)
{
    if (v->kind != VALUE_INT || v->as.integer < 0 || v->as.integer >= next)
        return NULL;
    return table[v->as.integer];
}

/* A gid that can be created: free, and not absurdly far away. */
static bool gid_free(struct graph_item **table, int64_t next, const struct value *v)
{
    return v->kind == VALUE_INT && v->as.integer >= 0 && v->as.integer < next + GID_GAP_MAX &&
           !table_get(table, next, v);
}

static bool apply_node(struct graph_txn *t, int64_t op, const struct value *f, size_t n)
{
    struct graph *g = t->g;
    struct graph_item *item = table_get(g->nodes, g->next_node, &f[1]);
    int64_t edges = 0;

    if (op == OP_NODE_DELETE)
        return n == 2 && item && graph_delete(t, item, true, &edges) == GRAPH_OK;
    if (n != 4 || f[2].kind != VALUE_LIST || f[3].kind != VALUE_MAP)
        return false;
    if (op == OP_NODE_SET)
        return item && graph_set(t, item, &f[2], &f[3]) == GRAPH_OK;
    if (!gid_free(g->nodes, g->next_node, &f[1]))
        return false;
    graph_put_node(t, f[1].as.integer, &f[2], &f[3]);
    return true;
}

static bool apply_edge(struct graph_txn *t, int64_t op, const struct value *f, size_t n)
{
    struct graph *g = t->g;
    struct graph_item *item = table_get(g->edges, g->next_edge, &f[1]);
    struct graph_item *from, *to;
    int64_t edges = 0;

    if (op == OP_EDGE_DELETE)
        return n == 2 && item && graph_delete(t, item, false, &edges) == GRAPH_OK;
    if (op == OP_EDGE_SET)
        return n == 3 && item && f[2].kind == VALUE_MAP &&
               graph_set(t, item, &EMPTY_LIST, &f[2]) == GRAPH_OK;
    if (n != 6 || f[4].kind != VALUE_STRING || f[5].kind != VALUE_MAP)
        return false;
    from = table_get(g->nodes, g->next_node, &f[2]);
    to = table_get(g->nodes, g->next_node, &f[3]);
    if (!from || !to || !gid_free(g->edges, g->next_edge, &f[1]))
        return false;
    graph_put_edge(t, f[1].as.integer, from, to, f[4].as.str, &f[5]);
    return true;
}

static bool apply_one(struct graph_txn *t, const struct value *v)
{
    const struct value *f;
    size_t n;

    if (v->kind != VALUE_LIST || v->as.list.n < 2 || v->as.list.items[0].kind != VALUE_INT)
        return false;
    f = v->as.list.items;
    n = v->as.list.n;
    if (f[0].as.integer >= OP_NODE_CREATE && f[0].as.integer <= OP_NODE_DELETE)
        return apply_node(t, f[0].as.integer, f, n);
    if (f[0].as.integer >= OP_EDGE_CREATE && f[0].as.integer <= OP_EDGE_DELETE)
        return apply_edge(t, f[0].as.integer, f, n);
    if (f[0].as.integer != OP_SCHEMA || n != 3 || f[1].kind != VALUE_STRING ||
        f[2].kind != VALUE_BOOL)
        return false;
    graph_schema_set(t->g, f[1].as.str, f[2].as.boolean);
    return true;
}

bool graph_apply(struct graph *g, struct str operations, int64_t commit_ts)
{
    struct graph_txn *t = graph_begin(g, INT64_MAX);
    struct rd r = rd_of(operations.p, operations.n);
    struct arena arena;
    struct value v;
    bool ok = true;

    arena_init(&arena, SIZE_MAX);
    while (ok && r.left) {
        ok = value_decode(&r, &arena, &v) && apply_one(t, &v);
        arena_reset(&arena);
    }
    arena_done(&arena);
    if (ok)
        graph_commit(t, commit_ts);
    else
        graph_abort(t);
    return ok;
}

void graph_dump(struct graph *g, struct buf *out)
{
    struct graph_txn *t = graph_begin(g, INT64_MAX);

    for (int64_t i = 0; i < g->next_node; i++)
        if (g->nodes[i] && graph_sees(t, g->nodes[i]))
            add_node_op(out, OP_NODE_CREATE, g->nodes[i], graph_version_seen(t, g->nodes[i]));
    for (int64_t i = 0; i < g->next_edge; i++)
        if (g->edges[i] && graph_sees(t, g->edges[i]))
            add_edge_op(out, OP_EDGE_CREATE, g->edges[i], graph_version_seen(t, g->edges[i]));
    for (size_t i = 0; i < g->schema_n; i++)
        add_schema_op(out, g->schema[i], true);
    graph_abort(t);
}
