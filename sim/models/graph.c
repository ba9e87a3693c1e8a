#include "models/graph.h"

#include "base/alloc.h"
#include "models/copy.h"
#include "models/graph_impl.h"

#include <assert.h>

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

const struct graph_version *graph_version_seen(const struct graph_txn *t,
                                               const struct graph_item *item)
{
    const struct graph_version *v = item->newest;

    while (v && v->owner != t && (v->owner || v->ts >= t->start_ts))
        v = v->older;
    return v && !v->dead ? v : NULL;
}

bool graph_sees(const struct graph_txn *t, const struct graph_item *item)
{
    return graph_version_seen(t, item) != NULL;
}

const struct value *graph_labels(const struct graph_txn *t, const struct graph_item *item)
{
    const struct graph_version *v = graph_version_seen(t, item);

    return v ? &v->labels : &EMPTY_LIST;
}

const struct value *graph_props(const struct graph_txn *t, const struct graph_item *item)
{
    const struct graph_version *v = graph_version_seen(t, item);

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

void graph_schema_set(struct graph *g, struct str name, bool add)
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
        graph_schema_set(t->g, str_of(t->schema_name), t->schema_add);
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

struct graph_item *graph_put_node(struct graph_txn *t, int64_t gid, const struct value *labels,
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

struct graph_item *graph_put_edge(struct graph_txn *t, int64_t gid, struct graph_item *from,
                                  struct graph_item *to, struct str type, const struct value *props)
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
    return graph_put_node(t, t->g->next_node, labels, props);
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
        *out = graph_put_edge(t, t->g->next_edge, from, to, type, props);
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
