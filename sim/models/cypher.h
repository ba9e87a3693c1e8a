/* cypher: a small Cypher over a graph: enough for writers, readers and checkers of a test.
 *
 * MATCH (OPTIONAL, WHERE), CREATE, MERGE, SET, REMOVE, DELETE, UNWIND, WITH, RETURN (DISTINCT,
 * ORDER BY, SKIP, LIMIT), nodes and relationships, expressions, parameters, the usual functions and
 * aggregates. No paths as values, no variable-length relationships, no procedures, no UNION.
 * Queries run to their end at once; rows stay in the caller's arena. */
#ifndef MODELS_CYPHER_H
#define MODELS_CYPHER_H

#include "models/graph.h"

struct cypher_query;

/* TRANSIENT: Memgraph's TransientError; all others are its ClientError. */
enum cypher_failure { CYPHER_OK, CYPHER_CLIENT, CYPHER_TRANSIENT };

struct cypher_fail {
    enum cypher_failure kind;
    char text[1024];
};

struct cypher_stats {
    int64_t nodes_created, nodes_deleted, edges_created, edges_deleted;
    int64_t labels_added, labels_removed, properties_set;
};

struct cypher_result {
    struct value *rows; /* each a list, as wide as there are columns */
    size_t n;
    struct cypher_stats stats;
};

/* NULL: *why says what is wrong. The text must live as long as the arena. */
struct cypher_query *cypher_parse(struct arena *arena, struct str text, struct cypher_fail *why);
bool cypher_writes(const struct cypher_query *q);
/* "r", "w" or "rw", as Memgraph's summary says it. */
const char *cypher_type(const struct cypher_query *q);
size_t cypher_column_count(const struct cypher_query *q);
struct str cypher_column(const struct cypher_query *q, size_t i);
/* False: *why says what went wrong; the transaction must be aborted then. */
bool cypher_run(const struct cypher_query *q, struct graph_txn *t, const struct value *params,
                int64_t now_us, struct arena *arena, struct cypher_result *out,
                struct cypher_fail *why) MUST_CHECK;

#endif
