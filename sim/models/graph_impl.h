/* graph_impl: what graph.c and graph_operations.c share. */
#ifndef MODELS_GRAPH_IMPL_H
#define MODELS_GRAPH_IMPL_H

#include "base/list.h"
#include "models/graph.h"

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

/* What the transaction sees of an item; NULL: nothing. */
const struct graph_version *graph_version_seen(const struct graph_txn *t,
                                               const struct graph_item *item);
/* Make an item with a gid that is free. */
struct graph_item *graph_put_node(struct graph_txn *t, int64_t gid, const struct value *labels,
                                  const struct value *props);
struct graph_item *graph_put_edge(struct graph_txn *t, int64_t gid, struct graph_item *from,
                                  struct graph_item *to, struct str type,
                                  const struct value *props);
void graph_schema_set(struct graph *g, struct str name, bool add);

#endif
