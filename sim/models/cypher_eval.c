/* Evaluating expressions over one row. */
#include "models/cypher_ast.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>

struct value run_complain(struct run *r, const char *fmt, ...)
{
    va_list args;

    if (!run_failed(r)) {
        r->fail->kind = CYPHER_CLIENT;
        va_start(args, fmt);
        vsnprintf(r->fail->text, sizeof(r->fail->text), fmt, args);
        va_end(args);
    }
    return value_null();
}

bool run_failed(const struct run *r)
{
    return r->fail->kind != CYPHER_OK;
}

bool run_check(struct run *r, enum graph_result result)
{
    switch (result) {
    case GRAPH_OK:
        return true;
    case GRAPH_CONFLICT:
        run_complain(r, "Cannot resolve conflicting transactions. Retry this transaction when the "
                        "conflicting transaction is finished. For more details, visit "
                        "https://memgraph.com/docs");
        r->fail->kind = CYPHER_TRANSIENT;
        return false;
    case GRAPH_GONE:
        run_complain(r, "Trying to set properties on a deleted node.");
        return false;
    case GRAPH_HAS_EDGES:
        run_complain(r, "Failed to remove node because of it's existing connections. Consider "
                        "using DETACH DELETE.");
        return false;
    }
    return false;
}

static struct value eval_property(struct run *r, const struct expr *e, const struct value *row)
{
    struct value of = eval(r, e->args[0], row);
    const struct graph_item *item = value_item(&of);
    const struct value *map = item ? graph_props(r->txn, item) : &of;

    if (of.kind == VALUE_NULL)
        return of;
    if (map->kind != VALUE_MAP)
        return run_complain(r, "Only nodes, edges, maps, temporal types and graphs have "
                               "properties to be looked-up.");
    for (size_t i = 0; i < map->as.map.n; i++)
        if (str_same(map->as.map.entries[i].key, e->name))
            return copy_to_arena(&map->as.map.entries[i].value, r->arena);
    return value_null();
}

static struct value eval_labels(struct run *r, const struct expr *e, const struct value *row)
{
    struct value of = eval(r, e->args[0], row);
    const struct graph_item *item = value_item(&of);

    if (!item)
        return of.kind == VALUE_NULL ? of : run_complain(r, "Only nodes have labels.");
    for (size_t i = 0; i < e->names_n; i++) {
        const struct value *labels = graph_labels(r->txn, item);
        size_t j = 0;

        while (j < labels->as.list.n && !str_same(labels->as.list.items[j].as.str, e->names[i]))
            j++;
        if (j == labels->as.list.n)
            return value_bool(false);
    }
    return value_bool(true);
}

static struct value eval_in(const struct value *a, const struct value *b)
{
    bool unknown = false;

    if (b->kind != VALUE_LIST)
        return value_null();
    for (size_t i = 0; i < b->as.list.n; i++) {
        int same = value_equal(a, &b->as.list.items[i]);

        if (same == 1)
            return value_bool(true);
        unknown |= same < 0;
    }
    return unknown ? value_null() : value_bool(false);
}

static struct value eval_text(enum expr_op op, const struct value *a, const struct value *b)
{
    struct str s = a->as.str, part = b->as.str;

    if (a->kind != VALUE_STRING || b->kind != VALUE_STRING)
        return value_null();
    if (part.n > s.n)
        return value_bool(false);
    if (op == OP_CONTAINS)
        return value_bool(part.n == 0 || memmem(s.p, s.n, part.p, part.n));
    if (part.n == 0)
        return value_bool(true);
    return value_bool(!memcmp(op == OP_STARTS ? s.p : s.p + s.n - part.n, part.p, part.n));
}

static struct value eval_compare(struct run *r, enum expr_op op, const struct value *a,
                                 const struct value *b)
{
    bool numbers = (a->kind == VALUE_INT || a->kind == VALUE_FLOAT) &&
                   (b->kind == VALUE_INT || b->kind == VALUE_FLOAT);
    int order;

    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
        return value_null();
    if (!numbers && a->kind != b->kind)
        return run_complain(r, "Invalid types for '%s'.", op == OP_LESS ? "<" : "comparison");
    order = value_order(a, b);
    if (op == OP_LESS || op == OP_LESS_EQUAL)
        return value_bool(order < 0 || (order == 0 && op == OP_LESS_EQUAL));
    return value_bool(order > 0 || (order == 0 && op == OP_GREATER_EQUAL));
}

static struct value join(struct run *r, const struct value *a, const struct value *b)
{
    char *p;

    if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
        p = arena_alloc(r->arena, a->as.str.n + b->as.str.n + 1, 1);
        assert(p);
        memcpy(p, a->as.str.p, a->as.str.n);
        memcpy(p + a->as.str.n, b->as.str.p, b->as.str.n);
        return value_str_n((struct str){p, a->as.str.n + b->as.str.n});
    }
    if (a->kind == VALUE_LIST || b->kind == VALUE_LIST) {
        const struct value *lists[] = {a, b};
        size_t n = (a->kind == VALUE_LIST ? a->as.list.n : 1) +
                   (b->kind == VALUE_LIST ? b->as.list.n : 1);
        struct value out = value_list(r->arena, n);

        n = 0;
        for (size_t k = 0; k < 2; k++)
            for (size_t i = 0; i < (lists[k]->kind == VALUE_LIST ? lists[k]->as.list.n : 1); i++)
                out.as.list.items[n++] = lists[k]->kind == VALUE_LIST ? lists[k]->as.list.items[i]
                                                                      : *lists[k];
        return out;
    }
    return run_complain(r, "Invalid types for '+'.");
}

static struct value eval_integers(struct run *r, enum expr_op op, int64_t a, int64_t b)
{
    int64_t out = 0;
    bool over = false;

    if ((op == OP_DIVIDE || op == OP_MODULO) && b == 0)
        return run_complain(r, "Division by zero.");
    if (op == OP_ADD)
        over = __builtin_add_overflow(a, b, &out);
    else if (op == OP_SUBTRACT)
        over = __builtin_sub_overflow(a, b, &out);
    else if (op == OP_MULTIPLY)
        over = __builtin_mul_overflow(a, b, &out);
    else if (b == -1) /* INT64_MIN / -1 */
        over = op == OP_DIVIDE && __builtin_sub_overflow(0, a, &out);
    else
        out = op == OP_DIVIDE ? a / b : a % b;
    return over ? run_complain(r, "Integer overflow.") : value_int(out);
}

static struct value eval_arithmetic(struct run *r, enum expr_op op, const struct value *a,
                                    const struct value *b)
{
    double x, y;

    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
        return value_null();
    if (a->kind == VALUE_INT && b->kind == VALUE_INT && op != OP_POWER)
        return eval_integers(r, op, a->as.integer, b->as.integer);
    if ((a->kind != VALUE_INT && a->kind != VALUE_FLOAT) ||
        (b->kind != VALUE_INT && b->kind != VALUE_FLOAT))
        return op == OP_ADD ? join(r, a, b) : run_complain(r, "Invalid types for arithmetic.");
    x = a->kind == VALUE_INT ? (double)a->as.integer : a->as.real;
    y = b->kind == VALUE_INT ? (double)b->as.integer : b->as.real;
    if (op == OP_ADD)
        return value_float(x + y);
    if (op == OP_SUBTRACT)
        return value_float(x - y);
    if (op == OP_MULTIPLY)
        return value_float(x * y);
    if (op == OP_DIVIDE)
        return value_float(x / y);
    return value_float(op == OP_MODULO ? fmod(x, y) : pow(x, y));
}

/* Three-valued: -1 is null. */
static int truth(struct run *r, const struct value *v)
{
    if (v->kind == VALUE_NULL)
        return -1;
    if (v->kind != VALUE_BOOL) {
        run_complain(r, "Invalid types for a logical operator.");
        return -1;
    }
    return v->as.boolean;
}

static struct value of_truth(int t)
{
    return t < 0 ? value_null() : value_bool(t);
}

static struct value eval_logic(struct run *r, const struct expr *e, const struct value *row)
{
    struct value left = eval(r, e->args[0], row), right;
    int a = truth(r, &left), b;

    if ((e->op == OP_AND && a == 0) || (e->op == OP_OR && a == 1))
        return value_bool(a);
    right = eval(r, e->args[1], row);
    b = truth(r, &right);
    if (e->op == OP_XOR)
        return a < 0 || b < 0 ? value_null() : value_bool(a != b);
    if (e->op == OP_AND)
        return b == 0 ? value_bool(false) : of_truth(a < 0 || b < 0 ? -1 : 1);
    return b == 1 ? value_bool(true) : of_truth(a < 0 || b < 0 ? -1 : 0);
}

static struct value eval_binary(struct run *r, const struct expr *e, const struct value *row)
{
    struct value a, b;
    int same;

    if (e->op == OP_OR || e->op == OP_XOR || e->op == OP_AND)
        return eval_logic(r, e, row);
    a = eval(r, e->args[0], row);
    b = eval(r, e->args[1], row);
    switch (e->op) {
    case OP_EQUAL:
    case OP_UNEQUAL:
        same = value_equal(&a, &b);
        return of_truth(same < 0 || e->op == OP_EQUAL ? same : !same);
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return eval_compare(r, e->op, &a, &b);
    case OP_IN:
        return eval_in(&a, &b);
    case OP_STARTS:
    case OP_ENDS:
    case OP_CONTAINS:
        return eval_text(e->op, &a, &b);
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_MODULO:
    case OP_POWER:
        return eval_arithmetic(r, e->op, &a, &b);
    case OP_OR:
    case OP_XOR:
    case OP_AND:
        break;
    }
    return value_null();
}

static struct value eval_index(struct run *r, const struct expr *e, const struct value *row)
{
    struct value of = eval(r, e->args[0], row), at = eval(r, e->args[1], row);
    int64_t i;

    if (of.kind == VALUE_MAP && at.kind == VALUE_STRING) {
        for (size_t k = 0; k < of.as.map.n; k++)
            if (str_same(of.as.map.entries[k].key, at.as.str))
                return of.as.map.entries[k].value;
        return value_null();
    }
    if (of.kind != VALUE_LIST || at.kind != VALUE_INT)
        return value_null();
    i = at.as.integer < 0 ? at.as.integer + (int64_t)of.as.list.n : at.as.integer;
    return i >= 0 && i < (int64_t)of.as.list.n ? of.as.list.items[i] : value_null();
}

static struct value eval_param(struct run *r, const struct expr *e)
{
    for (size_t i = 0; r->params && i < r->params->as.map.n; i++)
        if (str_same(r->params->as.map.entries[i].key, e->name))
            return r->params->as.map.entries[i].value;
    return run_complain(r, "Parameter $%.*s not provided.", STR_ARGS(e->name));
}

static struct value eval_many(struct run *r, const struct expr *e, const struct value *row)
{
    struct value out = e->kind == EXPR_MAP ? value_map(r->arena, e->n) : value_list(r->arena, e->n);

    for (size_t i = 0; i < e->n; i++) {
        struct value v = eval(r, e->args[i], row);

        if (e->kind == EXPR_MAP)
            out.as.map.entries[i] = (struct value_entry){e->names[i], v};
        else
            out.as.list.items[i] = v;
    }
    return out;
}

struct value eval(struct run *r, const struct expr *e, const struct value *row)
{
    struct value v;

    switch (e->kind) {
    case EXPR_LITERAL:
        return e->literal;
    case EXPR_PARAM:
        return eval_param(r, e);
    case EXPR_VARIABLE:
        return row[e->slot];
    case EXPR_PROPERTY:
        return eval_property(r, e, row);
    case EXPR_LABELS:
        return eval_labels(r, e, row);
    case EXPR_LIST:
    case EXPR_MAP:
        return eval_many(r, e, row);
    case EXPR_NOT:
        v = eval(r, e->args[0], row);
        return v.kind == VALUE_NULL ? v : of_truth(!truth(r, &v));
    case EXPR_NEGATE:
        v = eval(r, e->args[0], row);
        if (v.kind == VALUE_FLOAT)
            return value_float(-v.as.real);
        return v.kind == VALUE_INT    ? eval_integers(r, OP_SUBTRACT, 0, v.as.integer)
               : v.kind == VALUE_NULL ? v
                                      : run_complain(r, "Invalid types for unary minus.");
    case EXPR_IS_NULL:
        v = eval(r, e->args[0], row);
        return value_bool(v.kind == VALUE_NULL);
    case EXPR_BINARY:
        return eval_binary(r, e, row);
    case EXPR_INDEX:
        return eval_index(r, e, row);
    case EXPR_CALL:
        v = eval_many(r, e, row);
        return run_failed(r) ? value_null() : call_function(r, e, v.as.list.items);
    case EXPR_AGGREGATE:
        return r->aggregates[e->slot];
    }
    return value_null();
}
