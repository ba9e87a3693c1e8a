/* WITH and RETURN: columns, groups and aggregates, DISTINCT, ORDER BY, SKIP, LIMIT. */
#include "base/alloc.h"
#include "models/cypher_ast.h"
#include "models/keys.h"

#include <assert.h>

struct sum {
    int64_t count;
    int64_t integer;
    double real;
    bool is_real;
    struct value extreme; /* of min and max */
    struct value *items;  /* of collect */
    size_t items_cap;
    struct keys *seen; /* DISTINCT */
};

struct group {
    struct value *row; /* its first */
    struct sum *sums;
};

/* Finds the aggregates in an expression. */
static void list_aggregates(const struct expr *e, const struct expr **out)
{
    if (e->kind == EXPR_AGGREGATE) {
        out[e->slot] = e;
        return;
    }
    for (size_t i = 0; i < e->n; i++)
        list_aggregates(e->args[i], out);
}

static bool has_aggregate(const struct expr *e)
{
    if (e->kind == EXPR_AGGREGATE)
        return true;
    for (size_t i = 0; i < e->n; i++)
        if (has_aggregate(e->args[i]))
            return true;
    return false;
}

static void sum_number(struct run *r, struct sum *s, const struct value *v)
{
    if (v->kind == VALUE_INT) {
        if (__builtin_add_overflow(s->integer, v->as.integer, &s->integer))
            run_complain(r, "Integer overflow.");
        s->real += (double)v->as.integer;
    } else if (v->kind == VALUE_FLOAT) {
        s->is_real = true;
        s->real += v->as.real;
    } else {
        run_complain(r, "Only numbers can be summed.");
    }
}

static void sum_item(struct run *r, struct sum *s, const struct value *v)
{
    size_t n = (size_t)s->count - 1;

    if (n == s->items_cap) {
        struct value *bigger = arena_alloc(r->arena, n ? n * 2 : 4, sizeof(*bigger));

        assert(bigger);
        if (n)
            memcpy(bigger, s->items, n * sizeof(*bigger));
        s->items = bigger;
        s->items_cap = n ? n * 2 : 4;
    }
    s->items[n] = *v;
}

static void sum_add(struct run *r, const struct expr *e, struct sum *s, const struct value *row)
{
    struct value v = e->n ? eval(r, e->args[0], row) : value_bool(true);

    if (v.kind == VALUE_NULL || run_failed(r))
        return;
    if (e->distinct) {
        bool fresh;

        if (!s->seen)
            s->seen = keys_new();
        keys_find_value(s->seen, &v, 1, &fresh);
        if (!fresh)
            return;
    }
    s->count++;
    switch (e->aggregate) {
    case AGG_COUNT:
        break;
    case AGG_SUM:
    case AGG_AVG:
        sum_number(r, s, &v);
        break;
    case AGG_MIN:
    case AGG_MAX:
        if (s->count == 1 || (value_order(&v, &s->extreme) < 0) == (e->aggregate == AGG_MIN))
            s->extreme = v;
        break;
    case AGG_COLLECT:
        sum_item(r, s, &v);
        break;
    }
}

static struct value sum_value(const struct expr *e, const struct sum *s)
{
    struct value list = {.kind = VALUE_LIST};

    switch (e->aggregate) {
    case AGG_COUNT:
        return value_int(s->count);
    case AGG_SUM:
        return s->is_real ? value_float(s->real) : value_int(s->integer);
    case AGG_AVG:
        return s->count ? value_float(s->real / (double)s->count) : value_null();
    case AGG_MIN:
    case AGG_MAX:
        return s->count ? s->extreme : value_null();
    case AGG_COLLECT:
        list.as.list.items = s->items;
        list.as.list.n = (size_t)s->count;
        return list;
    }
    return list;
}

static void project_row(struct run *r, const struct clause *c, struct value *row)
{
    struct value *values = arena_alloc(r->arena, c->columns_n, sizeof(*values));

    assert(values);
    for (size_t i = 0; i < c->columns_n; i++)
        values[i] = eval(r, c->columns[i].value, row);
    for (size_t i = 0; i < c->columns_n; i++)
        row[c->columns[i].slot] = values[i];
}

static struct group *group_of(struct run *r, const struct clause *c, struct keys *keys,
                              struct group **groups, struct value *row, struct value *scratch)
{
    size_t n = 0, at;
    bool fresh;

    for (size_t i = 0; i < c->columns_n; i++)
        if (!has_aggregate(c->columns[i].value))
            scratch[n++] = eval(r, c->columns[i].value, row);
    at = keys_find_value(keys, scratch, n, &fresh);
    if (fresh) {
        *groups = xrealloc(*groups, (at + 1) * sizeof(struct group));
        (*groups)[at].row = row;
        (*groups)[at].sums = xcalloc(c->aggregates_n, sizeof(struct sum));
    }
    return &(*groups)[at];
}

/* One row for each group; one for all, even of nothing, when there is no column to group by. */
static void project_groups(struct run *r, const struct clause *c, struct row_list *rows)
{
    const struct expr **aggregates = arena_alloc(r->arena, c->aggregates_n, sizeof(struct expr *));
    struct value *scratch = arena_alloc(r->arena, c->columns_n, sizeof(*scratch));
    struct value *results = arena_alloc(r->arena, c->aggregates_n, sizeof(*results));
    struct value *nothing = arena_alloc(r->arena, r->width + 1, sizeof(*nothing));
    struct keys *keys = keys_new();
    struct group *groups = NULL;
    struct row_list out = {0};
    bool keyed = false;
    size_t n;

    assert(aggregates && scratch && results && nothing);
    for (size_t i = 0; i < c->columns_n; i++) {
        list_aggregates(c->columns[i].value, aggregates);
        keyed |= !has_aggregate(c->columns[i].value);
    }
    if (!rows->n && !keyed)
        group_of(r, c, keys, &groups, nothing, scratch);
    for (size_t i = 0; i < rows->n && !run_failed(r); i++) {
        struct group *g = group_of(r, c, keys, &groups, rows->rows[i], scratch);

        for (size_t k = 0; k < c->aggregates_n; k++)
            sum_add(r, aggregates[k], &g->sums[k], rows->rows[i]);
    }
    n = keys_count(keys);
    assert(groups || !n);
    for (size_t i = 0; groups && i < n; i++) {
        for (size_t k = 0; k < c->aggregates_n; k++) {
            results[k] = sum_value(aggregates[k], &groups[i].sums[k]);
            keys_free(groups[i].sums[k].seen);
        }
        r->aggregates = results;
        project_row(r, c, groups[i].row);
        rows_add(r, &out, groups[i].row);
        free(groups[i].sums);
    }
    free(groups);
    keys_free(keys);
    *rows = out;
}

static void keep_distinct(struct run *r, const struct clause *c, struct row_list *rows)
{
    struct value *scratch = arena_alloc(r->arena, c->columns_n, sizeof(*scratch));
    struct keys *keys = keys_new();
    size_t n = 0;

    assert(scratch);
    for (size_t i = 0; i < rows->n; i++) {
        bool fresh;

        for (size_t k = 0; k < c->columns_n; k++)
            scratch[k] = rows->rows[i][c->columns[k].slot];
        keys_find_value(keys, scratch, c->columns_n, &fresh);
        if (fresh)
            rows->rows[n++] = rows->rows[i];
    }
    rows->n = n;
    keys_free(keys);
}

struct sortable {
    struct value *row;
    struct value *keys;
    size_t at; /* where it stood: equal rows keep their order */
};

static int compare_rows(const void *a, const void *b, void *arg)
{
    const struct sortable *x = a, *y = b;
    const struct clause *c = *(const struct clause *const *)arg;

    for (size_t i = 0; i < c->sort_n; i++) {
        int order = value_order(&x->keys[i], &y->keys[i]);

        if (order)
            return c->sort[i].descending ? -order : order;
    }
    return x->at < y->at ? -1 : 1;
}

static void sort_rows(struct run *r, const struct clause *c, struct row_list *rows)
{
    struct sortable *all = xcalloc(rows->n + 1, sizeof(*all));

    for (size_t i = 0; i < rows->n; i++) {
        all[i].row = rows->rows[i];
        all[i].at = i;
        all[i].keys = arena_alloc(r->arena, c->sort_n, sizeof(struct value));
        assert(all[i].keys);
        for (size_t k = 0; k < c->sort_n; k++)
            all[i].keys[k] = eval(r, c->sort[k].value, rows->rows[i]);
    }
    if (!run_failed(r))
        qsort_r(all, rows->n, sizeof(*all), compare_rows, &c);
    for (size_t i = 0; i < rows->n; i++)
        rows->rows[i] = all[i].row;
    free(all);
}

static bool row_limit(struct run *r, const struct expr *e, const char *what, size_t *out)
{
    struct value v = eval(r, e, NULL);

    if (run_failed(r))
        return false;
    if (v.kind != VALUE_INT || v.as.integer < 0) {
        run_complain(r, "%s must be a non-negative integer.", what);
        return false;
    }
    *out = (size_t)v.as.integer;
    return true;
}

bool project_clause(struct run *r, const struct clause *c, struct row_list *rows)
{
    size_t skip = 0, limit = SIZE_MAX, n = 0;

    if (c->aggregates_n)
        project_groups(r, c, rows);
    else
        for (size_t i = 0; i < rows->n && !run_failed(r); i++)
            project_row(r, c, rows->rows[i]);
    if (run_failed(r))
        return false;
    if (c->distinct)
        keep_distinct(r, c, rows);
    if (c->sort_n)
        sort_rows(r, c, rows);
    if (c->skip && !row_limit(r, c->skip, "Result of SKIP expression", &skip))
        return false;
    if (c->limit && !row_limit(r, c->limit, "Result of LIMIT expression", &limit))
        return false;
    for (size_t i = skip; i < rows->n && n < limit; i++) {
        struct value fits = c->where ? eval(r, c->where, rows->rows[i]) : value_bool(true);

        if (value_true(&fits))
            rows->rows[n++] = rows->rows[i];
    }
    rows->n = n;
    return !run_failed(r);
}
