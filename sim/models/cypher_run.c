#include "models/cypher_ast.h"

#include <assert.h>

void rows_add(struct run *r, struct row_list *list, struct value *row)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        struct value **bigger = arena_alloc(r->arena, cap, sizeof(struct value *));

        assert(bigger);
        if (list->n)
            memcpy(bigger, list->rows, list->n * sizeof(struct value *));
        list->rows = bigger;
        list->cap = cap;
    }
    list->rows[list->n++] = row;
}

struct value *row_copy(struct run *r, const struct value *row)
{
    struct value *copy = arena_alloc(r->arena, r->width + 1, sizeof(*copy));

    assert(copy);
    memcpy(copy, row, r->width * sizeof(*copy));
    return copy;
}

static bool unwind_clause(struct run *r, const struct clause *c, struct row_list *rows)
{
    struct row_list out = {0};

    for (size_t i = 0; i < rows->n; i++) {
        struct value list = eval(r, c->values[0], rows->rows[i]);

        if (!run_failed(r) && list.kind != VALUE_LIST && list.kind != VALUE_NULL)
            run_complain(r, "Argument of UNWIND must be a list, but '%s' was provided.", "it");
        if (run_failed(r))
            return false;
        for (size_t k = 0; list.kind == VALUE_LIST && k < list.as.list.n; k++) {
            struct value *row = row_copy(r, rows->rows[i]);

            row[c->slot] = list.as.list.items[k];
            rows_add(r, &out, row);
        }
    }
    *rows = out;
    return true;
}

static bool run_clause(struct run *r, const struct clause *c, struct row_list *rows)
{
    switch (c->kind) {
    case CLAUSE_MATCH:
        return match_clause(r, c, rows);
    case CLAUSE_CREATE:
    case CLAUSE_MERGE:
    case CLAUSE_SET:
    case CLAUSE_DELETE:
        return write_clause(r, c, rows);
    case CLAUSE_UNWIND:
        return unwind_clause(r, c, rows);
    case CLAUSE_WITH:
    case CLAUSE_RETURN:
        return project_clause(r, c, rows);
    }
    return false;
}

bool cypher_run(const struct cypher_query *q, struct graph_txn *t, const struct value *params,
                int64_t now_us, struct arena *arena, struct cypher_result *out,
                struct cypher_fail *why)
{
    struct run r = {.txn = t,
                    .params = params,
                    .arena = arena,
                    .stats = &out->stats,
                    .fail = why,
                    .width = q->width,
                    .now_us = now_us};
    struct row_list rows = {0};
    struct value *first = arena_alloc(arena, q->width + 1, sizeof(*first));

    assert(first);
    *out = (struct cypher_result){0};
    why->kind = CYPHER_OK;
    rows_add(&r, &rows, first);
    for (const struct clause *c = q->clauses; c; c = c->next)
        if (!run_clause(&r, c, &rows) || run_failed(&r)) {
            assert(run_failed(&r));
            return false;
        }
    if (!q->last)
        return true;
    out->n = rows.n;
    out->rows = arena_alloc(arena, rows.n + 1, sizeof(struct value));
    assert(out->rows);
    for (size_t i = 0; i < rows.n; i++) {
        out->rows[i] = value_list(arena, q->columns_n);
        for (size_t k = 0; k < q->columns_n; k++)
            out->rows[i].as.list.items[k] = value_shown(&r,
                                                        &rows.rows[i][q->last->columns[k].slot]);
    }
    return true;
}
