#include "models/cypher_ast.h"

#include <assert.h>
#include <stdarg.h>

void *parse_grow(struct parse *p, void *array, size_t n, size_t size)
{
    void *bigger;

    if (n & (n - 1) || (n == 0 && array))
        return array; /* not at a power of two: there is room */
    bigger = arena_alloc(p->arena, n ? n * 2 : 1, size);
    assert(bigger);
    if (n)
        memcpy(bigger, array, n * size);
    return bigger;
}

bool parse_failed(const struct parse *p)
{
    return p->fail->kind != CYPHER_OK;
}

void *parse_complain(struct parse *p, const char *fmt, ...)
{
    va_list args;

    if (parse_failed(p))
        return NULL;
    p->fail->kind = CYPHER_CLIENT;
    va_start(args, fmt);
    vsnprintf(p->fail->text, sizeof(p->fail->text), fmt, args);
    va_end(args);
    return NULL;
}

void *parse_error(struct parse *p)
{
    static const char STATEMENTS[] =
        "{ADD, ALTER, ANALYZE, CALL, CHECK, CLEAR, DATA, DEMOTE, DENY, DISABLE, DROP, DUMP, EDGE, "
        "ENABLE, FORCE, FOREACH, FREE, GRANT, LOAD, LOCK, RECOVER, REGISTER, RENAME, REVOKE, "
        "START, STOP, STORAGE, TERMINATE, UNLOCK, UNREGISTER, UPDATE, USE, USING, YIELD, CREATE, "
        "DELETE, DETACH, EXPLAIN, MATCH, MERGE, OPTIONAL, PROFILE, REMOVE, RETURN, SET, SHOW, "
        "UNWIND, WITH}";
    size_t line, column;

    lex_position(&p->lex, p->lex.now.begin, &line, &column);
    return parse_complain(p,
                          "Error on line %zu position %zu. The underlying parsing error is "
                          "mismatched input '%.*s' expecting %s",
                          line, p->lex.now.begin ? column : 1, STR_ARGS(p->lex.now.text),
                          p->lex.now.begin ? "something else" : STATEMENTS);
}

int parse_lookup(const struct parse *p, struct str name)
{
    for (size_t i = p->scope_n; i-- > 0;)
        if (str_same(p->scope[i].name, name))
            return (int)p->scope[i].slot;
    return NO_SLOT;
}

size_t parse_declare(struct parse *p, struct str name)
{
    if (name.n) {
        p->scope = parse_grow(p, p->scope, p->scope_n, sizeof(struct variable));
        p->scope[p->scope_n++] = (struct variable){name, p->width};
    }
    return p->width++;
}

bool parse_labels(struct parse *p, struct str **labels, size_t *n)
{
    while (lex_sign(&p->lex, ":")) {
        *labels = parse_grow(p, *labels, *n, sizeof(struct str));
        if (!lex_name(&p->lex, &(*labels)[(*n)++])) {
            parse_error(p);
            return false;
        }
    }
    return true;
}

/* SET and REMOVE. */

static bool parse_set_item(struct parse *p, struct set_item *item, bool remove)
{
    struct str name;
    int slot;

    if (!lex_name(&p->lex, &name))
        return parse_error(p);
    slot = parse_lookup(p, name);
    if (slot == NO_SLOT)
        return parse_complain(p, "Unbound variable: %.*s.", STR_ARGS(name));
    item->slot = (size_t)slot;
    if (lex_is_sign(&p->lex, ":")) {
        item->kind = remove ? SET_REMOVE_LABELS : SET_LABELS;
        return parse_labels(p, &item->labels, &item->labels_n);
    }
    if (lex_sign(&p->lex, ".")) {
        item->kind = remove ? SET_REMOVE : SET_PROPERTY;
        if (!lex_name(&p->lex, &item->key))
            return parse_error(p);
        if (remove)
            return true;
        if (!lex_sign(&p->lex, "="))
            return parse_error(p);
    } else if (!remove && lex_sign(&p->lex, "+=")) {
        item->kind = SET_MERGE;
    } else if (!remove && lex_sign(&p->lex, "=")) {
        item->kind = SET_REPLACE;
    } else {
        return parse_error(p);
    }
    item->value = parse_expr(p);
    return item->value != NULL;
}

static bool parse_sets(struct parse *p, struct set_item **items, size_t *n, bool remove)
{
    do {
        *items = parse_grow(p, *items, *n, sizeof(struct set_item));
        (*items)[*n] = (struct set_item){0};
        if (!parse_set_item(p, &(*items)[(*n)++], remove))
            return false;
    } while (lex_sign(&p->lex, ","));
    return true;
}

/* WITH and RETURN. */

static struct str text_since(const struct parse *p, size_t begin)
{
    struct str text = {p->lex.query.p + begin, p->lex.now.begin - begin};

    return str_trim(text);
}

static bool parse_column(struct parse *p, struct clause *c)
{
    size_t begin = p->lex.now.begin;
    struct column column = {0};

    column.value = parse_expr(p);
    if (!column.value)
        return false;
    column.name = text_since(p, begin);
    if (lex_word(&p->lex, "AS")) {
        if (!lex_name(&p->lex, &column.name))
            return parse_error(p);
    } else if (c->kind == CLAUSE_WITH && column.value->kind != EXPR_VARIABLE) {
        return parse_complain(p, "Only variables can be non-aliased in WITH.");
    }
    c->columns = parse_grow(p, c->columns, c->columns_n, sizeof(struct column));
    c->columns[c->columns_n++] = column;
    return true;
}

/* RETURN *: all variables that are known, by name. */
static bool parse_star(struct parse *p, struct clause *c)
{
    for (size_t i = 0; i < p->scope_n; i++) {
        struct expr *e = arena_alloc(p->arena, 1, sizeof(*e));

        assert(e);
        e->kind = EXPR_VARIABLE;
        e->slot = p->scope[i].slot;
        c->columns = parse_grow(p, c->columns, c->columns_n, sizeof(struct column));
        c->columns[c->columns_n++] = (struct column){.name = p->scope[i].name, .value = e};
    }
    return c->columns_n ? true : parse_error(p) != NULL;
}

/* A key that is written like a column means the column (so that aggregates can be sorted by). */
static bool parse_sort_key(struct parse *p, struct clause *c)
{
    struct lex back = p->lex;
    struct sort_key key = {0};

    for (size_t i = 0; i < c->columns_n && !key.value; i++) {
        struct str name = c->columns[i].name, rest;
        struct expr *e;

        rest = (struct str){back.query.p + back.now.begin, back.query.n - back.now.begin};
        if (rest.n < name.n || memcmp(rest.p, name.p, name.n) != 0)
            continue;
        while (p->lex.now.kind != LEX_END && p->lex.now.end < back.now.begin + name.n)
            lex_next(&p->lex);
        if (p->lex.now.end != back.now.begin + name.n) {
            p->lex = back;
            continue;
        }
        lex_next(&p->lex);
        if (lex_is_sign(&p->lex, ".") || lex_is_sign(&p->lex, "[") || lex_is_sign(&p->lex, "+") ||
            lex_is_sign(&p->lex, "-") || lex_is_sign(&p->lex, "*") || lex_is_sign(&p->lex, "/")) {
            p->lex = back;
            continue;
        }
        e = arena_alloc(p->arena, 1, sizeof(*e));
        assert(e);
        e->kind = EXPR_VARIABLE;
        e->slot = c->columns[i].slot;
        key.value = e;
    }
    if (!key.value)
        key.value = parse_expr(p);
    if (!key.value)
        return false;
    key.descending = lex_word(&p->lex, "DESC") || lex_word(&p->lex, "DESCENDING");
    if (!key.descending && !lex_word(&p->lex, "ASC"))
        lex_word(&p->lex, "ASCENDING");
    c->sort = parse_grow(p, c->sort, c->sort_n, sizeof(struct sort_key));
    c->sort[c->sort_n++] = key;
    return true;
}

static bool parse_order(struct parse *p, struct clause *c)
{
    size_t known = p->scope_n;

    if (lex_word(&p->lex, "ORDER")) {
        if (!lex_word(&p->lex, "BY"))
            return parse_error(p);
        do {
            if (!parse_sort_key(p, c))
                return false;
        } while (lex_sign(&p->lex, ","));
    }
    p->scope_n = 0; /* no row is at hand there */
    if (lex_word(&p->lex, "SKIP"))
        c->skip = parse_expr(p);
    if (lex_word(&p->lex, "LIMIT"))
        c->limit = parse_expr(p);
    p->scope_n = known;
    return !parse_failed(p);
}

static bool parse_projection(struct parse *p, struct clause *c)
{
    size_t old_n = p->scope_n;

    c->distinct = lex_word(&p->lex, "DISTINCT");
    p->aggregates_allowed = true;
    p->aggregates_n = 0;
    if (lex_sign(&p->lex, "*")) {
        if (!parse_star(p, c))
            return false;
    } else {
        do {
            if (!parse_column(p, c))
                return false;
        } while (lex_sign(&p->lex, ","));
    }
    p->aggregates_allowed = false;
    c->aggregates_n = p->aggregates_n;
    for (size_t i = 0; i < c->columns_n; i++)
        c->columns[i].slot = parse_declare(p, c->columns[i].name);
    if (!parse_order(p, c))
        return false;
    /* From here on only the columns are known. */
    p->scope_n -= old_n;
    memmove(p->scope, p->scope + old_n, p->scope_n * sizeof(struct variable));
    if (c->kind == CLAUSE_WITH && lex_word(&p->lex, "WHERE") && !(c->where = parse_expr(p)))
        return false;
    return true;
}

/* Clauses. */

static bool parse_match(struct parse *p, struct clause *c)
{
    if (!parse_paths(p, c, true, true))
        return false;
    return !lex_word(&p->lex, "WHERE") || (c->where = parse_expr(p));
}

static bool parse_merge(struct parse *p, struct clause *c)
{
    if (!parse_paths(p, c, false, false))
        return false;
    while (lex_word(&p->lex, "ON")) {
        bool create = lex_word(&p->lex, "CREATE");

        if ((!create && !lex_word(&p->lex, "MATCH")) || !lex_word(&p->lex, "SET"))
            return parse_error(p);
        if (!(create ? parse_sets(p, &c->on_create, &c->on_create_n, false)
                     : parse_sets(p, &c->on_match, &c->on_match_n, false)))
            return false;
    }
    return true;
}

static bool parse_delete(struct parse *p, struct clause *c)
{
    do {
        struct expr *e = parse_expr(p);

        if (!e)
            return false;
        c->values = parse_grow(p, c->values, c->values_n, sizeof(struct expr *));
        c->values[c->values_n++] = e;
    } while (lex_sign(&p->lex, ","));
    return true;
}

static bool parse_unwind(struct parse *p, struct clause *c)
{
    struct str name;

    c->values = parse_grow(p, NULL, 0, sizeof(struct expr *));
    c->values[0] = parse_expr(p);
    c->values_n = 1;
    if (!c->values[0])
        return false;
    if (!lex_word(&p->lex, "AS") || !lex_name(&p->lex, &name))
        return parse_error(p);
    c->slot = parse_declare(p, name);
    return true;
}

static bool parse_clause(struct parse *p, struct clause *c)
{
    struct lex *l = &p->lex;

    c->optional = lex_word(l, "OPTIONAL");
    if (lex_word(l, "MATCH"))
        return c->kind = CLAUSE_MATCH, parse_match(p, c);
    if (c->optional)
        return parse_error(p);
    if (lex_word(l, "CREATE"))
        return c->kind = CLAUSE_CREATE, parse_paths(p, c, false, true);
    if (lex_word(l, "MERGE"))
        return c->kind = CLAUSE_MERGE, parse_merge(p, c);
    if (lex_word(l, "SET"))
        return c->kind = CLAUSE_SET, parse_sets(p, &c->sets, &c->sets_n, false);
    if (lex_word(l, "REMOVE"))
        return c->kind = CLAUSE_SET, parse_sets(p, &c->sets, &c->sets_n, true);
    if (lex_word(l, "UNWIND"))
        return c->kind = CLAUSE_UNWIND, parse_unwind(p, c);
    if (lex_word(l, "WITH"))
        return c->kind = CLAUSE_WITH, parse_projection(p, c);
    if (lex_word(l, "RETURN"))
        return c->kind = CLAUSE_RETURN, parse_projection(p, c);
    c->detach = lex_word(l, "DETACH");
    if (lex_word(l, "DELETE"))
        return c->kind = CLAUSE_DELETE, parse_delete(p, c);
    return parse_error(p);
}

static void note_clause(struct cypher_query *q, const struct clause *c)
{
    switch (c->kind) {
    case CLAUSE_MATCH:
        q->reads = true;
        break;
    case CLAUSE_MERGE:
        q->reads = true;
        q->writes = true;
        break;
    case CLAUSE_CREATE:
        for (size_t i = 0; i < c->paths_n; i++)
            q->reads |= c->paths[i].edges_n > 0;
        q->writes = true;
        break;
    case CLAUSE_SET:
    case CLAUSE_DELETE:
        q->writes = true;
        break;
    case CLAUSE_UNWIND:
    case CLAUSE_WITH:
        break;
    case CLAUSE_RETURN:
        q->last = c;
        q->columns_n = c->columns_n;
        break;
    }
}

struct cypher_query *cypher_parse(struct arena *arena, struct str text, struct cypher_fail *why)
{
    struct cypher_query *q = arena_alloc(arena, 1, sizeof(*q));
    struct parse p = {.arena = arena, .fail = why};
    struct clause **end = &q->clauses;
    const struct clause *last = NULL;

    assert(q);
    why->kind = CYPHER_OK;
    lex_init(&p.lex, text, arena);
    do {
        struct clause *c = arena_alloc(arena, 1, sizeof(*c));

        assert(c);
        if (!parse_clause(&p, c))
            return NULL;
        note_clause(q, c);
        *end = c;
        end = &c->next;
        last = c;
        lex_sign(&p.lex, ";");
    } while (p.lex.now.kind != LEX_END && last->kind != CLAUSE_RETURN);
    if (p.lex.now.kind != LEX_END)
        return parse_error(&p);
    if (!q->writes && last->kind != CLAUSE_RETURN)
        return parse_complain(&p, "Query should either create or update something, or return "
                                  "results!");
    q->width = p.width;
    return q;
}

bool cypher_writes(const struct cypher_query *q)
{
    return q->writes;
}

const char *cypher_type(const struct cypher_query *q)
{
    if (q->writes)
        return q->reads ? "rw" : "w";
    return q->reads ? "r" : "rw";
}

size_t cypher_column_count(const struct cypher_query *q)
{
    return q->columns_n;
}

struct str cypher_column(const struct cypher_query *q, size_t i)
{
    return q->last->columns[i].name;
}
