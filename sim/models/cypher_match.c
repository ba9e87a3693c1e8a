/* MATCH: every way in which the patterns fit, one element after the other. */
#include "models/cypher_ast.h"

#include <assert.h>

struct matching {
    struct run *run;
    const struct clause *clause;
    struct value *row; /* being filled */
    struct row_list *out;
};

static bool match_from(struct matching *m, size_t path, size_t step);

static bool has_labels(struct run *r, const struct graph_item *item, const struct node_pattern *n)
{
    const struct value *labels = graph_labels(r->txn, item);

    for (size_t i = 0; i < n->labels_n; i++) {
        size_t j = 0;

        while (j < labels->as.list.n && !str_same(labels->as.list.items[j].as.str, n->labels[i]))
            j++;
        if (j == labels->as.list.n)
            return false;
    }
    return true;
}

static bool has_props(struct run *r, const struct graph_item *item, const struct expr *wanted,
                      const struct value *row)
{
    struct value map;

    if (!wanted)
        return true;
    map = eval(r, wanted, row);
    if (map.kind != VALUE_MAP) {
        run_complain(r, "Properties must be a map.");
        return false;
    }
    for (size_t i = 0; i < map.as.map.n; i++) {
        const struct value *props = graph_props(r->txn, item);
        size_t j = 0;

        while (j < props->as.map.n &&
               !str_same(props->as.map.entries[j].key, map.as.map.entries[i].key))
            j++;
        if (j == props->as.map.n ||
            value_equal(&props->as.map.entries[j].value, &map.as.map.entries[i].value) != 1)
            return false;
    }
    return true;
}

/* The node fits: goes on behind it. False: the query has failed. */
static bool try_node(struct matching *m, size_t path, size_t step, struct graph_item *item)
{
    const struct node_pattern *n = &m->clause->paths[path].nodes[step];

    if (!graph_sees(m->run->txn, item) || !has_labels(m->run, item, n) ||
        !has_props(m->run, item, n->props, m->row))
        return !run_failed(m->run);
    m->row[n->slot] = item_value(item);
    return match_from(m, path, step);
}

static bool edge_used(const struct matching *m, size_t path, size_t step,
                      const struct graph_item *edge)
{
    for (size_t p = 0; p <= path; p++)
        for (size_t i = 0; i < m->clause->paths[p].edges_n; i++) {
            if (p == path && i >= step)
                break;
            if (value_item(&m->row[m->clause->paths[p].edges[i].slot]) == edge)
                return true;
        }
    return false;
}

static bool edge_fits(struct matching *m, const struct edge_pattern *e,
                      const struct graph_item *edge)
{
    bool typed = e->types_n == 0;

    for (size_t i = 0; i < e->types_n; i++)
        typed |= str_eq(e->types[i], edge->type);
    return typed && graph_sees(m->run->txn, edge) && has_props(m->run, edge, e->props, m->row);
}

static bool try_edge(struct matching *m, size_t path, size_t step, struct graph_item *edge)
{
    const struct path_pattern *p = &m->clause->paths[path];
    const struct edge_pattern *e = &p->edges[step];
    struct graph_item *at = value_item(&m->row[p->nodes[step].slot]);
    const struct node_pattern *next = &p->nodes[step + 1];
    bool any = e->left == e->right;

    if (e->bound && value_item(&m->row[e->slot]) != edge)
        return true;
    if (!edge_fits(m, e, edge) || edge_used(m, path, step, edge))
        return !run_failed(m->run);
    for (int right = 1; right >= 0; right--) {
        struct graph_item *other = right ? edge->to : edge->from;
        struct value kept;

        if ((right ? edge->from : edge->to) != at || (!any && e->right != right) ||
            (!right && any && edge->from == edge->to))
            continue;
        if (next->bound && value_item(&m->row[next->slot]) != other)
            continue;
        kept = m->row[e->slot];
        m->row[e->slot] = item_value(edge);
        if (!try_node(m, path, step + 1, other))
            return false;
        m->row[e->slot] = kept;
    }
    return true;
}

/* Behind node `step` of a path: its next relationship, the next path, or a row that is complete. */
static bool match_from(struct matching *m, size_t path, size_t step)
{
    const struct path_pattern *p = &m->clause->paths[path];
    struct graph_item *at = value_item(&m->row[p->nodes[step].slot]);
    const struct node_pattern *first;
    struct graph_item *item;
    int64_t cursor = 0;

    if (step < p->edges_n) {
        for (size_t i = 0; i < at->edges_n; i++)
            if (!try_edge(m, path, step, at->edges[i]))
                return false;
        return true;
    }
    if (++path == m->clause->paths_n) {
        rows_add(m->run, m->out, row_copy(m->run, m->row));
        return true;
    }
    first = &m->clause->paths[path].nodes[0];
    if (first->bound) {
        item = value_item(&m->row[first->slot]);
        return !item || try_node(m, path, 0, item);
    }
    while ((item = graph_next_node(m->run->txn, &cursor)))
        if (!try_node(m, path, 0, item))
            return false;
    return true;
}

bool match_paths(struct run *r, const struct clause *c, struct value *row, struct row_list *out)
{
    struct matching m = {.run = r, .clause = c, .row = row, .out = out};
    const struct node_pattern *first = &c->paths[0].nodes[0];
    struct graph_item *item;
    int64_t cursor = 0;

    if (first->bound) {
        item = value_item(&row[first->slot]);
        return !item || try_node(&m, 0, 0, item);
    }
    while ((item = graph_next_node(r->txn, &cursor)))
        if (!try_node(&m, 0, 0, item))
            return false;
    return true;
}

static void clear_new(const struct clause *c, struct value *row)
{
    for (size_t p = 0; p < c->paths_n; p++) {
        for (size_t i = 0; i <= c->paths[p].edges_n; i++)
            if (!c->paths[p].nodes[i].bound)
                row[c->paths[p].nodes[i].slot] = value_null();
        for (size_t i = 0; i < c->paths[p].edges_n; i++)
            if (!c->paths[p].edges[i].bound)
                row[c->paths[p].edges[i].slot] = value_null();
    }
}

bool match_clause(struct run *r, const struct clause *c, struct row_list *rows)
{
    struct row_list out = {0};

    for (size_t i = 0; i < rows->n; i++) {
        struct row_list found = {0};
        size_t kept = 0;

        if (!match_paths(r, c, rows->rows[i], &found))
            return false;
        for (size_t k = 0; k < found.n; k++) {
            struct value fits = c->where ? eval(r, c->where, found.rows[k]) : value_bool(true);

            if (run_failed(r))
                return false;
            if (!value_true(&fits))
                continue;
            rows_add(r, &out, found.rows[k]);
            kept++;
        }
        if (!kept && c->optional) {
            clear_new(c, rows->rows[i]);
            rows_add(r, &out, rows->rows[i]);
        }
    }
    *rows = out;
    return true;
}
