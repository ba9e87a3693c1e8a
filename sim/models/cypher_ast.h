/* cypher_ast: what the parser makes and the interpreter reads; private to cypher_*.c.
 *
 * All of it lives in the arena of the query. Each variable has a slot in the row: a projection
 * (WITH, RETURN) gives its columns new slots, so old ones stay readable for ORDER BY. */
#ifndef MODELS_CYPHER_AST_H
#define MODELS_CYPHER_AST_H

#include "models/copy.h"
#include "models/cypher.h"
#include "models/cypher_lex.h"

enum expr_kind {
    EXPR_LITERAL,
    EXPR_PARAM,
    EXPR_VARIABLE,
    EXPR_PROPERTY, /* args[0].name */
    EXPR_LABELS,   /* args[0]:names */
    EXPR_LIST,
    EXPR_MAP, /* names and args */
    EXPR_NOT,
    EXPR_NEGATE,
    EXPR_IS_NULL,
    EXPR_BINARY,
    EXPR_INDEX,
    EXPR_CALL,     /* a function of one value */
    EXPR_AGGREGATE /* count, sum, min, max, avg, collect; count(*) has no args */
};

enum expr_op {
    OP_OR,
    OP_XOR,
    OP_AND,
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_IN,
    OP_STARTS,
    OP_ENDS,
    OP_CONTAINS,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_MODULO,
    OP_POWER
};

enum aggregate { AGG_COUNT, AGG_SUM, AGG_MIN, AGG_MAX, AGG_AVG, AGG_COLLECT };

struct expr {
    enum expr_kind kind;
    enum expr_op op;
    enum aggregate aggregate;
    bool distinct;
    struct str name;
    size_t slot; /* of a variable, or of an aggregate among those of its projection */
    struct value literal;
    struct expr **args;
    size_t n;
    struct str *names;
    size_t names_n;
};

enum { NO_SLOT = -1 };

struct node_pattern {
    int slot;   /* never NO_SLOT: nameless ones have one too */
    bool bound; /* the variable stood in an earlier clause or pattern */
    struct str *labels;
    size_t labels_n;
    struct expr *props; /* a map or a parameter; or NULL */
};

struct edge_pattern {
    int slot;
    bool bound;
    bool left, right; /* <-[]-, -[]->; neither or both: any direction */
    struct str *types;
    size_t types_n;
    struct expr *props;
};

/* nodes[0] edges[0] nodes[1] edges[1] ... */
struct path_pattern {
    struct node_pattern *nodes;
    struct edge_pattern *edges;
    size_t edges_n;
};

enum set_kind { SET_PROPERTY, SET_REPLACE, SET_MERGE, SET_LABELS, SET_REMOVE, SET_REMOVE_LABELS };

struct set_item {
    enum set_kind kind;
    size_t slot;
    struct str key;
    struct expr *value;
    struct str *labels;
    size_t labels_n;
};

struct column {
    struct str name;
    struct expr *value;
    size_t slot;
};

struct sort_key {
    struct expr *value;
    bool descending;
};

enum clause_kind {
    CLAUSE_MATCH,
    CLAUSE_CREATE,
    CLAUSE_MERGE,
    CLAUSE_SET, /* and REMOVE */
    CLAUSE_DELETE,
    CLAUSE_UNWIND,
    CLAUSE_WITH,
    CLAUSE_RETURN
};

struct clause {
    struct clause *next;
    enum clause_kind kind;
    bool optional, detach, distinct;
    struct path_pattern *paths;
    size_t paths_n;
    struct expr *where;
    struct set_item *sets, *on_create, *on_match;
    size_t sets_n, on_create_n, on_match_n;
    struct expr **values; /* DELETE; UNWIND has one */
    size_t values_n;
    size_t slot; /* UNWIND */
    struct column *columns;
    size_t columns_n;
    size_t aggregates_n;
    struct sort_key *sort;
    size_t sort_n;
    struct expr *skip, *limit;
};

struct variable {
    struct str name;
    size_t slot;
};

struct cypher_query {
    struct clause *clauses;
    size_t width; /* slots of a row */
    bool reads, writes;
    const struct clause *last; /* RETURN, or NULL */
    size_t columns_n;
};

/* The parser's state. */
struct parse {
    struct lex lex;
    struct arena *arena;
    struct cypher_fail *fail;
    struct variable *scope;
    size_t scope_n;
    size_t width;
    /* While the columns of a projection are read: aggregates are allowed and counted. */
    bool aggregates_allowed;
    size_t aggregates_n;
    unsigned depth;
};

/* Makes room for one more in an array that grows in the arena (sizes double). */
void *parse_grow(struct parse *p, void *array, size_t n, size_t size);
bool parse_failed(const struct parse *p);
/* Says that the token at hand cannot be here. Returns NULL. */
void *parse_error(struct parse *p);
void *parse_complain(struct parse *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The slot of a variable, or NO_SLOT. */
int parse_lookup(const struct parse *p, struct str name);
size_t parse_declare(struct parse *p, struct str name);
/* The expression that begins here; NULL after an error. */
struct expr *parse_expr(struct parse *p);
struct expr *parse_map(struct parse *p);
/* :A:B ...; false after an error. */
bool parse_labels(struct parse *p, struct str **labels, size_t *n);
/* Patterns of MATCH, CREATE and MERGE. */
bool parse_paths(struct parse *p, struct clause *c, bool matching, bool many);

/* Running. */
struct run {
    struct graph_txn *txn;
    const struct value *params;
    struct arena *arena;
    struct cypher_stats *stats;
    struct cypher_fail *fail;
    size_t width;
    const struct value *aggregates; /* of the group at hand */
    int64_t now_us;
};

struct row_list {
    struct value **rows; /* each of width values */
    size_t n, cap;
};

void rows_add(struct run *r, struct row_list *list, struct value *row);
struct value *row_copy(struct run *r, const struct value *row);

struct value eval(struct run *r, const struct expr *e, const struct value *row);
struct value call_function(struct run *r, const struct expr *e, const struct value *args);
/* Fails the query; returns null. */
struct value run_complain(struct run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool run_failed(const struct run *r);
/* Judges what the graph said. False: the query has failed. */
bool run_check(struct run *r, enum graph_result result);

/* Nodes and relationships in rows; NULL for anything else. */
struct value item_value(struct graph_item *item);
struct graph_item *value_item(const struct value *v);
bool value_true(const struct value *v);
/* Order of values as Memgraph sorts them: null last. */
int value_order(const struct value *a, const struct value *b);
/* Equality: 1, 0, or -1 for "not known" (null). */
int value_equal(const struct value *a, const struct value *b);
/* Bytes that are the same for the same value. */
void value_key(const struct value *v, struct buf *out);
/* Sorted by key, without nulls: as properties are kept. */
struct value props_of(struct run *r, const struct value *map);
/* A node or relationship as Bolt 5 shows it, all else as it is. */
struct value value_shown(struct run *r, const struct value *v);

bool match_clause(struct run *r, const struct clause *c, struct row_list *rows);
/* All rows in which the paths match, beginning with one row. */
bool match_paths(struct run *r, const struct clause *c, struct value *row, struct row_list *out);
bool project_clause(struct run *r, const struct clause *c, struct row_list *rows);
bool write_clause(struct run *r, const struct clause *c, struct row_list *rows);

#endif
