#include "models/graph.h"

#include "base/alloc.h"
#include "base/list.h"
#include "models/copy.h"

#include <assert.h>

struct graph_version {
    struct graph_version *older;
    struct graph_txn *owner; /* NULL: committed at ts */
    int64_t ts;
    bool dead;
    struct value labels, props;
};

struct graph {
    struct graph_item **nodes, **edges; /* by gid, with holes */
    int64_t next_node, next_edge;       /* gids given next */
    size_t nodes_cap, edges_cap;
    int64_t node_count, edge_count;
    struct list active; /* transactions, the oldest first */
    struct graph_item **garbage;
    size_t garbage_n, garbage_cap;
    char **schema;
    size_t schema_n;
};

struct graph_txn {
    struct list node; /* in active */
    struct graph *g;
    int64_t start_ts;
    struct graph_item **written;
    size_t written_n, written_cap;
    char *schema_name; /* a change of the schema stands alone in its transaction */
    bool schema_add;
};

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
static const struct value EMPTY_MAP = {.kind = VALUE_MAP};

struct graph *graph_new(void)
{
    struct graph *g = xcalloc(1, sizeof(*g));

    list_init(&g->active);
    return g;
}

static void push(struct graph_item ***items, size_t *n, size_t *cap, struct graph_item *item)
{
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 8;
        *items = xrealloc(*items, *cap * sizeof(struct graph_item *));
    }
    (*items)[(*n)++] = item;
}

static void item_free(struct graph_item *item)
{
    while (item->newest) {
        struct graph_version *older = item->newest->older;

        free(item->newest);
        item->newest = older;
    }
    free(item->edges);
    free(item->type);
    free(item);
}

void graph_free(struct graph *g)
{
    assert(list_empty(&g->active));
    for (int64_t i = 0; i < g->next_node; i++)
        if (g->nodes[i])
            item_free(g->nodes[i]);
    for (int64_t i = 0; i < g->next_edge; i++)
        if (g->edges[i])
            item_free(g->edges[i]);
    for (size_t i = 0; i < g->schema_n; i++)
        free(g->schema[i]);
    free(g->schema);
    free(g->nodes);
    free(g->edges);
    free(g->garbage);
    free(g);
}

int64_t graph_node_count(const struct graph *g)
{
    return g->node_count;
}

int64_t graph_edge_count(const struct graph *g)
{
    return g->edge_count;
}

/* Versions. */

static struct graph_version *version_new(struct graph_txn *owner, const struct value *labels,
                                         const struct value *props)
{
    size_t room = copy_size(labels) + copy_size(props);
    struct graph_version *v = xcalloc(1, sizeof(*v) + room);
    char *at = (char *)(v + 1);

    v->owner = owner;
    v->labels = copy_into(labels, &at);
    v->props = copy_into(props, &at);
    assert(at <= (char *)(v + 1) + room);
    return v;
}

static const struct graph_version *version_seen(const struct graph_txn *t,
                                                const struct graph_item *item)
{
    const struct graph_version *v = item->newest;

    while (v && v->owner != t && (v->owner || v->ts >= t->start_ts))
        v = v->older;
    return v && !v->dead ? v : NULL;
}

bool graph_sees(const struct graph_txn *t, const struct graph_item *item)
{
    return version_seen(t, item) != NULL;
}

const struct value *graph_labels(const struct graph_txn *t, const struct graph_item *item)
{
    const struct graph_version *v = version_seen(t, item);

    return v ? &v->labels : &EMPTY_LIST;
}

const struct value *graph_props(const struct graph_txn *t, const struct graph_item *item)
{
    const struct graph_version *v = version_seen(t, item);

    return v ? &v->props : &EMPTY_MAP;
}

static enum graph_result writable(const struct graph_txn *t, const struct graph_item *item)
{
    const struct graph_version *v = item->newest;

    if (!v) /* its creation was aborted */
        return GRAPH_GONE;
    if (v->owner != t && (v->owner || v->ts >= t->start_ts))
        return GRAPH_CONFLICT;
    return v->dead ? GRAPH_GONE : GRAPH_OK;
}

/* Puts a version of ours on top, in place of one that is ours already. */
static void version_put(struct graph_txn *t, struct graph_item *item, struct graph_version *v)
{
    struct graph_version *old = item->newest;

    if (old && old->owner == t) {
        v->older = old->older;
        free(old);
    } else {
        v->older = old;
        push(&t->written, &t->written_n, &t->written_cap, item);
    }
    item->newest = v;
}

/* Transactions. */

struct graph_txn *graph_begin(struct graph *g, int64_t start_ts)
{
    struct graph_txn *t = xcalloc(1, sizeof(*t));

    t->g = g;
    t->start_ts = start_ts;
    list_add_tail(&g->active, &t->node);
    return t;
}

bool graph_txn_wrote(const struct graph_txn *t)
{
    return t->written_n > 0 || t->schema_name;
}

static void edge_unlink(struct graph_item *node, const struct graph_item *edge)
{
    for (size_t i = 0; i < node->edges_n; i++)
        if (node->edges[i] == edge)
            node->edges[i--] = node->edges[--node->edges_n];
}

static void item_remove(struct graph *g, struct graph_item *item)
{
    if (item->from) {
        edge_unlink(item->from, item);
        edge_unlink(item->to, item);
        g->edges[item->gid] = NULL;
        g->edge_count--;
    } else {
        g->nodes[item->gid] = NULL;
        g->node_count--;
    }
    item_free(item);
}

/* Drops the versions of an item that nobody can see; true: the whole item went. */
static bool item_trim(struct graph *g, struct graph_item *item, int64_t oldest_start)
{
    struct graph_version *v = item->newest;

    if (!v) {
        item_remove(g, item);
        return true;
    }
    while (v && (v->owner || v->ts >= oldest_start))
        v = v->older;
    if (!v)
        return false;
    while (v->older) {
        struct graph_version *older = v->older;

        v->older = older->older;
        free(older);
    }
    if (v->dead && v == item->newest) {
        item_remove(g, item);
        return true;
    }
    return false;
}

static void collect(struct graph *g, bool edges, int64_t oldest_start)
{
    size_t kept = 0;

    for (size_t i = 0; i < g->garbage_n; i++) {
        struct graph_item *item = g->garbage[i];

        if ((item->from != NULL) != edges) {
            g->garbage[kept++] = item;
            continue;
        }
        if (item_trim(g, item, oldest_start))
            continue;
        item->in_garbage = item->newest->older || item->newest->dead;
        if (item->in_garbage)
            g->garbage[kept++] = item;
    }
    g->garbage_n = kept;
}

static void txn_end(struct graph_txn *t)
{
    struct graph *g = t->g;
    bool oldest = g->active.next == &t->node;
    int64_t oldest_start = INT64_MAX;

    for (size_t i = 0; i < t->written_n; i++)
        if (!t->written[i]->in_garbage) {
            t->written[i]->in_garbage = true;
            push(&g->garbage, &g->garbage_n, &g->garbage_cap, t->written[i]);
        }
    list_remove(&t->node);
    if (oldest && g->garbage_n) {
        if (!list_empty(&g->active))
            oldest_start = CONTAINER_OF(g->active.next, struct graph_txn, node)->start_ts;
        collect(g, true, oldest_start); /* relationships before the nodes that they point to */
        collect(g, false, oldest_start);
    }
    free(t->written);
    free(t->schema_name);
    free(t);
}

static void schema_change(struct graph *g, struct str name, bool add)
{
    for (size_t i = 0; i < g->schema_n; i++)
        if (str_eq(name, g->schema[i])) {
            if (!add) {
                free(g->schema[i]);
                memmove(g->schema + i, g->schema + i + 1, (--g->schema_n - i) * sizeof(char *));
            }
            return;
        }
    if (add) {
        g->schema = xrealloc(g->schema, (g->schema_n + 1) * sizeof(char *));
        g->schema[g->schema_n++] = xstrndup(name.p, name.n);
    }
}

void graph_commit(struct graph_txn *t, int64_t commit_ts)
{
    for (size_t i = 0; i < t->written_n; i++) {
        t->written[i]->newest->owner = NULL;
        t->written[i]->newest->ts = commit_ts;
    }
    if (t->schema_name)
        schema_change(t->g, str_of(t->schema_name), t->schema_add);
    txn_end(t);
}

void graph_abort(struct graph_txn *t)
{
    for (size_t i = 0; i < t->written_n; i++) {
        struct graph_version *v = t->written[i]->newest;

        assert(v->owner == t);
        t->written[i]->newest = v->older;
        free(v);
    }
    txn_end(t);
}

/* Reading and writing. */

struct graph_item *graph_next_node(struct graph_txn *t, int64_t *cursor)
{
    while (*cursor < t->g->next_node) {
        struct graph_item *item = t->g->nodes[(*cursor)++];

        if (item && graph_sees(t, item))
            return item;
    }
    return NULL;
}

static void table_reach(struct graph_item ***table, size_t *cap, int64_t *next, int64_t gid)
{
    size_t old = *cap;

    if ((size_t)gid >= *cap) {
        while ((size_t)gid >= *cap)
            *cap = *cap ? *cap * 2 : 64;
        *table = xrealloc(*table, *cap * sizeof(struct graph_item *));
        memset(*table + old, 0, (*cap - old) * sizeof(struct graph_item *));
    }
    if (gid >= *next)
        *next = gid + 1;
}

static struct graph_item *node_put(struct graph_txn *t, int64_t gid, const struct value *labels,
                                   const struct value *props)
{
    struct graph *g = t->g;
    struct graph_item *item = xcalloc(1, sizeof(*item));

    item->gid = gid;
    table_reach(&g->nodes, &g->nodes_cap, &g->next_node, gid);
    g->nodes[gid] = item;
    g->node_count++;
    version_put(t, item, version_new(t, labels, props));
    return item;
}

static struct graph_item *edge_put(struct graph_txn *t, int64_t gid, struct graph_item *from,
                                   struct graph_item *to, struct str type,
                                   const struct value *props)
{
    struct graph *g = t->g;
    struct graph_item *item = xcalloc(1, sizeof(*item));

    item->gid = gid;
    item->from = from;
    item->to = to;
    item->type = xstrndup(type.p, type.n);
    table_reach(&g->edges, &g->edges_cap, &g->next_edge, gid);
    g->edges[gid] = item;
    g->edge_count++;
    push(&from->edges, &from->edges_n, &from->edges_cap, item);
    if (to != from)
        push(&to->edges, &to->edges_n, &to->edges_cap, item);
    version_put(t, item, version_new(t, &EMPTY_LIST, props));
    return item;
}

struct graph_item *graph_create_node(struct graph_txn *t, const struct value *labels,
                                     const struct value *props)
{
    return node_put(t, t->g->next_node, labels, props);
}

enum graph_result graph_create_edge(struct graph_txn *t, struct graph_item *from,
                                    struct graph_item *to, struct str type,
                                    const struct value *props, struct graph_item **out)
{
    /* The ends are written too, so that nobody can delete them meanwhile. */
    enum graph_result r = graph_set(t, from, graph_labels(t, from), graph_props(t, from));

    if (r == GRAPH_OK)
        r = graph_set(t, to, graph_labels(t, to), graph_props(t, to));
    if (r == GRAPH_OK)
        *out = edge_put(t, t->g->next_edge, from, to, type, props);
    return r;
}

enum graph_result graph_set(struct graph_txn *t, struct graph_item *item,
                            const struct value *labels, const struct value *props)
{
    enum graph_result r = writable(t, item);

    if (r == GRAPH_OK)
        version_put(t, item, version_new(t, labels, props));
    return r;
}

static enum graph_result kill(struct graph_txn *t, struct graph_item *item)
{
    enum graph_result r = writable(t, item);
    struct graph_version *v;

    if (r != GRAPH_OK)
        return r;
    v = version_new(t, graph_labels(t, item), graph_props(t, item));
    v->dead = true;
    version_put(t, item, v);
    return GRAPH_OK;
}

enum graph_result graph_delete(struct graph_txn *t, struct graph_item *item, bool detach,
                               int64_t *edges)
{
    enum graph_result r;

    if (item->from) {
        r = kill(t, item);
        *edges += r == GRAPH_OK;
        return r == GRAPH_GONE ? GRAPH_OK : r;
    }
    for (size_t i = 0; i < item->edges_n; i++) {
        if (!graph_sees(t, item->edges[i]))
            continue;
        if (!detach)
            return GRAPH_HAS_EDGES;
        r = kill(t, item->edges[i]);
        if (r != GRAPH_OK)
            return r;
        *edges += 1;
    }
    return kill(t, item);
}

bool graph_has_schema(const struct graph *g, struct str name)
{
    for (size_t i = 0; i < g->schema_n; i++)
        if (str_eq(name, g->schema[i]))
            return true;
    return false;
}

const char *graph_schema(const struct graph *g, size_t i)
{
    return i < g->schema_n ? g->schema[i] : NULL;
}

void graph_change_schema(struct graph_txn *t, struct str name, bool add)
{
    assert(!t->schema_name);
    t->schema_name = xstrndup(name.p, name.n);
    t->schema_add = add;
}

/* Operations: each a list of its code and fields. */

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
    node_put(t, f[1].as.integer, &f[2], &f[3]);
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
    edge_put(t, f[1].as.integer, from, to, f[4].as.str, &f[5]);
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
    schema_change(t->g, f[1].as.str, f[2].as.boolean);
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
            add_node_op(out, OP_NODE_CREATE, g->nodes[i], version_seen(t, g->nodes[i]));
    for (int64_t i = 0; i < g->next_edge; i++)
        if (g->edges[i] && graph_sees(t, g->edges[i]))
            add_edge_op(out, OP_EDGE_CREATE, g->edges[i], version_seen(t, g->edges[i]));
    for (size_t i = 0; i < g->schema_n; i++)
        add_schema_op(out, g->schema[i], true);
    graph_abort(t);
}
