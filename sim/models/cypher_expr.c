/* Expressions: from the loosest operator to the tightest. */
#include "models/cypher_ast.h"

#include <assert.h>
#include <errno.h>
#include <strings.h>

enum { DEPTH_MAX = 200 };

static struct expr *expr_new(struct parse *p, enum expr_kind kind)
{
    struct expr *e = arena_alloc(p->arena, 1, sizeof(*e));

    assert(e);
    e->kind = kind;
    return e;
}

static bool add_arg(struct parse *p, struct expr *e, struct expr *arg)
{
    if (!arg)
        return false;
    e->args = parse_grow(p, e->args, e->n, sizeof(struct expr *));
    e->args[e->n++] = arg;
    return true;
}

static struct expr *unary(struct parse *p, enum expr_kind kind, struct expr *arg)
{
    struct expr *e = expr_new(p, kind);

    return add_arg(p, e, arg) ? e : NULL;
}

static struct expr *binary(struct parse *p, enum expr_op op, struct expr *a, struct expr *b)
{
    struct expr *e = expr_new(p, EXPR_BINARY);

    e->op = op;
    return add_arg(p, e, a) && add_arg(p, e, b) ? e : NULL;
}

static struct expr *literal(struct parse *p, struct value v)
{
    struct expr *e = expr_new(p, EXPR_LITERAL);

    e->literal = v;
    return e;
}

static struct expr *parse_number(struct parse *p)
{
    char text[64];
    struct expr *e;

    if (!str_copy_n(text, sizeof(text), p->lex.now.text))
        return parse_error(p);
    errno = 0;
    e = literal(p, p->lex.now.kind == LEX_FLOAT
                       ? value_float(strtod(text, NULL))
                       : value_int(strtoll(text, NULL, strchr(text, 'x') ? 16 : 10)));
    if (errno)
        return parse_error(p);
    lex_next(&p->lex);
    return e;
}

/* Comma-separated up to the closing sign. */
static bool parse_args(struct parse *p, struct expr *e, const char *close)
{
    if (lex_sign(&p->lex, close))
        return true;
    do {
        if (!add_arg(p, e, parse_expr(p)))
            return false;
    } while (lex_sign(&p->lex, ","));
    if (lex_sign(&p->lex, close))
        return true;
    parse_error(p);
    return false;
}

struct expr *parse_map(struct parse *p)
{
    struct expr *e = expr_new(p, EXPR_MAP);

    if (!lex_sign(&p->lex, "{"))
        return parse_error(p);
    if (lex_sign(&p->lex, "}"))
        return e;
    do {
        e->names = parse_grow(p, e->names, e->names_n, sizeof(struct str));
        if (!lex_name(&p->lex, &e->names[e->names_n++]) || !lex_sign(&p->lex, ":"))
            return parse_error(p);
        if (!add_arg(p, e, parse_expr(p)))
            return NULL;
    } while (lex_sign(&p->lex, ","));
    return lex_sign(&p->lex, "}") ? e : parse_error(p);
}

static bool find_aggregate(struct str name, enum aggregate *out)
{
    static const char *const NAMES[] = {"count", "sum", "min", "max", "avg", "collect"};

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (name.n == strlen(NAMES[i]) && !strncasecmp(name.p, NAMES[i], name.n)) {
            *out = (enum aggregate)i;
            return true;
        }
    return false;
}

static struct expr *parse_call(struct parse *p, struct str name)
{
    struct expr *e = expr_new(p, EXPR_CALL);

    e->name = name;
    if (!find_aggregate(name, &e->aggregate))
        return parse_args(p, e, ")") ? e : NULL;
    if (!p->aggregates_allowed)
        return parse_complain(p, "Aggregation functions are only allowed in WITH and RETURN.");
    e->kind = EXPR_AGGREGATE;
    e->slot = p->aggregates_n++;
    p->aggregates_allowed = false; /* not inside of one another */
    if (e->aggregate == AGG_COUNT && lex_sign(&p->lex, "*")) {
        p->aggregates_allowed = true;
        return lex_sign(&p->lex, ")") ? e : parse_error(p);
    }
    e->distinct = lex_word(&p->lex, "DISTINCT");
    if (!parse_args(p, e, ")"))
        return NULL;
    p->aggregates_allowed = true;
    if (e->n != 1)
        return parse_complain(p, "'%.*s' requires exactly one argument.", STR_ARGS(name));
    return e;
}

static struct expr *parse_named(struct parse *p)
{
    struct str name;
    struct expr *e;
    int slot;

    if (lex_word(&p->lex, "true"))
        return literal(p, value_bool(true));
    if (lex_word(&p->lex, "false"))
        return literal(p, value_bool(false));
    if (lex_word(&p->lex, "null"))
        return literal(p, value_null());
    if (!lex_name(&p->lex, &name))
        return parse_error(p);
    if (lex_sign(&p->lex, "("))
        return parse_call(p, name);
    slot = parse_lookup(p, name);
    if (slot == NO_SLOT)
        return parse_complain(p, "Unbound variable: %.*s.", STR_ARGS(name));
    e = expr_new(p, EXPR_VARIABLE);
    e->name = name;
    e->slot = (size_t)slot;
    return e;
}

static struct expr *parse_atom(struct parse *p)
{
    struct expr *e;

    switch (p->lex.now.kind) {
    case LEX_INTEGER:
    case LEX_FLOAT:
        return parse_number(p);
    case LEX_STRING:
        e = literal(p, value_str_n(p->lex.now.text));
        lex_next(&p->lex);
        return e;
    case LEX_PARAM:
        e = expr_new(p, EXPR_PARAM);
        e->name = p->lex.now.text;
        lex_next(&p->lex);
        return e;
    case LEX_WORD:
    case LEX_QUOTED:
        return parse_named(p);
    case LEX_SIGN:
        if (lex_is_sign(&p->lex, "{"))
            return parse_map(p);
        if (lex_sign(&p->lex, "[")) {
            e = expr_new(p, EXPR_LIST);
            return parse_args(p, e, "]") ? e : NULL;
        }
        if (lex_sign(&p->lex, "(")) {
            e = parse_expr(p);
            return !e || lex_sign(&p->lex, ")") ? e : parse_error(p);
        }
        return parse_error(p);
    case LEX_END:
    case LEX_BAD:
        return parse_error(p);
    }
    return parse_error(p);
}

static struct expr *parse_postfix(struct parse *p)
{
    struct expr *e = parse_atom(p);

    while (e) {
        if (lex_sign(&p->lex, ".")) {
            e = unary(p, EXPR_PROPERTY, e);
            if (!lex_name(&p->lex, &e->name))
                return parse_error(p);
        } else if (lex_sign(&p->lex, "[")) {
            e = unary(p, EXPR_INDEX, e);
            if (!add_arg(p, e, parse_expr(p)))
                return NULL;
            if (!lex_sign(&p->lex, "]"))
                return parse_error(p);
        } else if (lex_is_sign(&p->lex, ":") && e->kind == EXPR_VARIABLE) {
            e = unary(p, EXPR_LABELS, e);
            if (!parse_labels(p, &e->names, &e->names_n))
                return NULL;
        } else {
            break;
        }
    }
    return e;
}

static struct expr *parse_sign(struct parse *p)
{
    struct expr *e;

    if (++p->depth > DEPTH_MAX)
        return parse_complain(p, "The query is nested too deeply.");
    if (lex_sign(&p->lex, "-")) {
        e = parse_sign(p);
        e = e ? unary(p, EXPR_NEGATE, e) : NULL;
    } else if (lex_sign(&p->lex, "+")) {
        e = parse_sign(p);
    } else {
        e = parse_postfix(p);
    }
    p->depth--;
    return e;
}

static struct expr *parse_power(struct parse *p)
{
    struct expr *e = parse_sign(p);

    while (e && lex_sign(&p->lex, "^"))
        e = binary(p, OP_POWER, e, parse_sign(p));
    return e;
}

static struct expr *parse_product(struct parse *p)
{
    struct expr *e = parse_power(p);

    for (;;) {
        enum expr_op op = lex_is_sign(&p->lex, "*")   ? OP_MULTIPLY
                          : lex_is_sign(&p->lex, "/") ? OP_DIVIDE
                                                      : OP_MODULO;

        if (!e || (op == OP_MODULO && !lex_is_sign(&p->lex, "%")))
            return e;
        lex_next(&p->lex);
        e = binary(p, op, e, parse_power(p));
    }
}

static struct expr *parse_sum(struct parse *p)
{
    struct expr *e = parse_product(p);

    while (e && (lex_is_sign(&p->lex, "+") || lex_is_sign(&p->lex, "-"))) {
        enum expr_op op = lex_is_sign(&p->lex, "+") ? OP_ADD : OP_SUBTRACT;

        lex_next(&p->lex);
        e = binary(p, op, e, parse_product(p));
    }
    return e;
}

static bool find_comparison(const struct parse *p, enum expr_op *out)
{
    static const char *const SIGNS[] = {"=", "<>", "<", "<=", ">", ">="};

    for (size_t i = 0; i < ARRAY_LEN(SIGNS); i++)
        if (lex_is_sign(&p->lex, SIGNS[i])) {
            *out = (enum expr_op)(OP_EQUAL + i);
            return true;
        }
    return false;
}

/* IS [NOT] NULL, IN, STARTS WITH, ENDS WITH, CONTAINS; e as it is when none stands here. */
static struct expr *parse_words(struct parse *p, struct expr *e)
{
    if (lex_word(&p->lex, "IS")) {
        bool not = lex_word(&p->lex, "NOT");

        if (!lex_word(&p->lex, "NULL"))
            return parse_error(p);
        e = unary(p, EXPR_IS_NULL, e);
        return not ? unary(p, EXPR_NOT, e) : e;
    }
    if (lex_word(&p->lex, "IN"))
        return binary(p, OP_IN, e, parse_sum(p));
    if (lex_word(&p->lex, "CONTAINS"))
        return binary(p, OP_CONTAINS, e, parse_sum(p));
    if (lex_is_word(&p->lex, "STARTS") || lex_is_word(&p->lex, "ENDS")) {
        enum expr_op op = lex_is_word(&p->lex, "STARTS") ? OP_STARTS : OP_ENDS;

        lex_next(&p->lex);
        return lex_word(&p->lex, "WITH") ? binary(p, op, e, parse_sum(p)) : parse_error(p);
    }
    return e;
}

static struct expr *parse_comparison(struct parse *p)
{
    struct expr *e = parse_sum(p);
    struct expr *all = NULL;
    enum expr_op op;

    e = e ? parse_words(p, e) : NULL;
    while (e && find_comparison(p, &op)) { /* a < b < c means a < b AND b < c */
        struct expr *right;

        lex_next(&p->lex);
        right = parse_sum(p);
        right = right ? parse_words(p, right) : NULL;
        if (!right)
            return NULL;
        e = binary(p, op, e, right);
        all = all ? binary(p, OP_AND, all, e) : e;
        e = right;
    }
    return all && e ? all : e;
}

static struct expr *parse_not(struct parse *p)
{
    struct expr *e;

    if (!lex_word(&p->lex, "NOT"))
        return parse_comparison(p);
    if (++p->depth > DEPTH_MAX)
        return parse_complain(p, "The query is nested too deeply.");
    e = parse_not(p);
    p->depth--;
    return e ? unary(p, EXPR_NOT, e) : NULL;
}

static struct expr *parse_and(struct parse *p)
{
    struct expr *e = parse_not(p);

    while (e && lex_word(&p->lex, "AND"))
        e = binary(p, OP_AND, e, parse_not(p));
    return e;
}

static struct expr *parse_xor(struct parse *p)
{
    struct expr *e = parse_and(p);

    while (e && lex_word(&p->lex, "XOR"))
        e = binary(p, OP_XOR, e, parse_and(p));
    return e;
}

struct expr *parse_expr(struct parse *p)
{
    struct expr *e;

    if (++p->depth > DEPTH_MAX)
        return parse_complain(p, "The query is nested too deeply.");
    e = parse_xor(p);
    while (e && lex_word(&p->lex, "OR"))
        e = binary(p, OP_OR, e, parse_xor(p));
    p->depth--;
    return e;
}
