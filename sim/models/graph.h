/* graph: the data of a simulated Memgraph: nodes, relationships, indexes, with snapshot isolation.
 *
 * Items keep versions. A transaction sees what was committed before its start, and its own writes;
 * writing what somebody else has written since, or is about to write, is a conflict (the first
 * writer wins), as in Memgraph. Old versions go when the oldest transaction that could see them has
 * ended. Time stamps come from the caller: this file knows no clock and no counter.
 *
 * What a transaction did is written down as operations on whole items (graph_txn_operations), in
 * PackStream, for the log, for replicas and for snapshots; graph_apply repeats them elsewhere.
 *
 * Values handed in are copied; values handed out are borrowed until the item is written again in
 * the same transaction, or the transaction ends. */
#ifndef MODELS_GRAPH_H
#define MODELS_GRAPH_H

#include "base/buf.h"
#include "proto/value.h"

struct graph;
struct graph_txn;
struct graph_version;

/* A node or a relationship. Read the first members only. */
struct graph_item {
    int64_t gid;
    struct graph_item *from, *to; /* ends of a relationship; NULL for a node */
    char *type;                   /* of a relationship */
    struct graph_item **edges;    /* of a node: both directions, all versions */
    size_t edges_n, edges_cap;
    struct graph_version *newest;
    bool in_garbage;
};

enum graph_result { GRAPH_OK, GRAPH_CONFLICT, GRAPH_GONE, GRAPH_HAS_EDGES };

struct graph *graph_new(void);
/* No transaction may be open. */
void graph_free(struct graph *g);
/* As Memgraph counts: with what is not committed yet, and what is not collected yet. */
int64_t graph_node_count(const struct graph *g);
int64_t graph_edge_count(const struct graph *g);

struct graph_txn *graph_begin(struct graph *g, int64_t start_ts);
/* Both end and free the transaction. */
void graph_commit(struct graph_txn *t, int64_t commit_ts);
void graph_abort(struct graph_txn *t);
bool graph_txn_wrote(const struct graph_txn *t);
void graph_txn_operations(const struct graph_txn *t, struct buf *out);

/* Nodes that the transaction sees, by gid: begin with *cursor 0; NULL after the last. */
struct graph_item *graph_next_node(struct graph_txn *t, int64_t *cursor);
bool graph_sees(const struct graph_txn *t, const struct graph_item *item);
/* List of strings; empty for a relationship. Never NULL; empty when the item is not seen. */
const struct value *graph_labels(const struct graph_txn *t, const struct graph_item *item);
const struct value *graph_props(const struct graph_txn *t, const struct graph_item *item);

struct graph_item *graph_create_node(struct graph_txn *t, const struct value *labels,
                                     const struct value *props);
enum graph_result graph_create_edge(struct graph_txn *t, struct graph_item *from,
                                    struct graph_item *to, struct str type,
                                    const struct value *props, struct graph_item **out) MUST_CHECK;
enum graph_result graph_set(struct graph_txn *t, struct graph_item *item,
                            const struct value *labels, const struct value *props) MUST_CHECK;
/* detach: relationships of a node go with it. *edges counts those that went. */
enum graph_result graph_delete(struct graph_txn *t, struct graph_item *item, bool detach,
                               int64_t *edges) MUST_CHECK;

/* Indexes and constraints are only names here: they are kept, replicated and listed. */
bool graph_has_schema(const struct graph *g, struct str name);
const char *graph_schema(const struct graph *g, size_t i); /* NULL after the last */
void graph_change_schema(struct graph_txn *t, struct str name, bool add);

/* Repeats operations and commits them. False: they do not fit (an item exists already or is
 * missing), and nothing has changed. */
bool graph_apply(struct graph *g, struct str operations, int64_t commit_ts) MUST_CHECK;
/* Operations that make the committed state out of an empty graph. */
void graph_dump(struct graph *g, struct buf *out);

#endif
