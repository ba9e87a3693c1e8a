/* CREATE, MERGE, SET, REMOVE, DELETE. */
#include "models/cypher_ast.h"

#include <assert.h>

static struct value label_list(struct run *r, const struct str *labels, size_t n)
{
    struct value out = value_list(r->arena, n);
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool twice = false;

        for (size_t k = 0; k < kept; k++)
            twice |= str_same(out.as.list.items[k].as.str, labels[i]);
        if (!twice)
            out.as.list.items[kept++] = value_str_n(labels[i]);
    }
    out.as.list.n = kept;
    return out;
}

static bool eval_props(struct run *r, const struct expr *e, const struct value *row,
                       struct value *out)
{
    struct value map = e ? eval(r, e, row) : value_map(r->arena, 0);

    if (run_failed(r))
        return false;
    if (map.kind != VALUE_MAP) {
        run_complain(r, "Properties must be a map.");
        return false;
    }
    *out = props_of(r, &map);
    return true;
}

static bool create_node(struct run *r, const struct node_pattern *n, struct value *row)
{
    struct value labels, props;

    if (value_item(&row[n->slot]))
        return true; /* known from before */
    if (n->bound) {
        run_complain(r, "Cannot create a relationship of a node that is null.");
        return false;
    }
    labels = label_list(r, n->labels, n->labels_n);
    if (!eval_props(r, n->props, row, &props))
        return false;
    row[n->slot] = item_value(graph_create_node(r->txn, &labels, &props));
    r->stats->nodes_created++;
    r->stats->labels_added += (int64_t)labels.as.list.n;
    return true;
}

static bool create_edge(struct run *r, const struct path_pattern *p, size_t i, struct value *row)
{
    const struct edge_pattern *e = &p->edges[i];
    struct graph_item *left = value_item(&row[p->nodes[i].slot]);
    struct graph_item *right = value_item(&row[p->nodes[i + 1].slot]);
    struct graph_item *edge = NULL;
    struct value props;

    if (!eval_props(r, e->props, row, &props) ||
        !run_check(r, graph_create_edge(r->txn, e->left ? right : left, e->left ? left : right,
                                        e->types[0], &props, &edge)))
        return false;
    row[e->slot] = item_value(edge);
    r->stats->edges_created++;
    return true;
}

static bool create_paths(struct run *r, const struct clause *c, struct value *row)
{
    for (size_t k = 0; k < c->paths_n; k++) {
        const struct path_pattern *p = &c->paths[k];

        for (size_t i = 0; i <= p->edges_n; i++)
            if (!create_node(r, &p->nodes[i], row))
                return false;
        for (size_t i = 0; i < p->edges_n; i++)
            if (!create_edge(r, p, i, row))
                return false;
    }
    return true;
}

/* SET and REMOVE. */

static struct value merged(struct run *r, const struct value *a, const struct value *b)
{
    struct value out = value_map(r->arena, a->as.map.n + b->as.map.n);
    size_t n = 0;

    for (size_t i = 0; i < a->as.map.n; i++) {
        size_t k = 0;

        while (k < b->as.map.n && !str_same(b->as.map.entries[k].key, a->as.map.entries[i].key))
            k++;
        if (k == b->as.map.n)
            out.as.map.entries[n++] = a->as.map.entries[i];
    }
    for (size_t i = 0; i < b->as.map.n; i++)
        out.as.map.entries[n++] = b->as.map.entries[i];
    out.as.map.n = n;
    return props_of(r, &out);
}

static bool set_labels(struct run *r, const struct set_item *set, struct graph_item *item)
{
    const struct value *old = graph_labels(r->txn, item);
    struct value labels = value_list(r->arena, old->as.list.n + set->labels_n);
    struct value props = copy_to_arena(graph_props(r->txn, item), r->arena);
    size_t n = 0, i;

    for (i = 0; i < old->as.list.n; i++) {
        bool named = false;

        for (size_t k = 0; k < set->labels_n; k++)
            named |= str_same(old->as.list.items[i].as.str, set->labels[k]);
        if (!named || set->kind == SET_LABELS)
            labels.as.list.items[n++] = copy_to_arena(&old->as.list.items[i], r->arena);
    }
    for (i = 0; set->kind == SET_LABELS && i < set->labels_n; i++) {
        bool there = false;

        for (size_t k = 0; k < n; k++)
            there |= str_same(labels.as.list.items[k].as.str, set->labels[i]);
        if (!there)
            labels.as.list.items[n++] = value_str_n(set->labels[i]);
    }
    labels.as.list.n = n;
    if (n > old->as.list.n)
        r->stats->labels_added += (int64_t)(n - old->as.list.n);
    else
        r->stats->labels_removed += (int64_t)(old->as.list.n - n);
    return run_check(r, graph_set(r->txn, item, &labels, &props));
}

/* What SET's right side adds to, or puts in place of, the properties. */
static bool set_change(struct run *r, const struct set_item *set, const struct value *row,
                       struct value *out)
{
    struct value v = set->value ? eval(r, set->value, row) : value_null();

    if (run_failed(r))
        return false;
    if (set->kind == SET_PROPERTY || set->kind == SET_REMOVE) {
        if (value_item(&v)) {
            run_complain(r, "A node or an edge cannot be used as a property value.");
            return false;
        }
        *out = value_map(r->arena, 1);
        out->as.map.entries[0] = (struct value_entry){set->key, v};
        return true;
    }
    if (value_item(&v))
        v = copy_to_arena(graph_props(r->txn, value_item(&v)), r->arena);
    if (v.kind != VALUE_MAP) {
        run_complain(r, "Properties can only be set from a map, a node or an edge.");
        return false;
    }
    *out = v;
    return true;
}

static bool set_one(struct run *r, const struct set_item *set, const struct value *row)
{
    struct graph_item *item = value_item(&row[set->slot]);
    struct value change, props, labels;

    if (!item) {
        if (row[set->slot].kind != VALUE_NULL)
            run_complain(r, "Properties can only be set on edges and vertices.");
        return row[set->slot].kind == VALUE_NULL;
    }
    if (set->kind == SET_LABELS || set->kind == SET_REMOVE_LABELS)
        return set_labels(r, set, item);
    if (!set_change(r, set, row, &change))
        return false;
    props = set->kind == SET_REPLACE ? props_of(r, &change)
                                     : merged(r, graph_props(r->txn, item), &change);
    /* Copies, as the version that they stand in goes when it is ours. */
    props = copy_to_arena(&props, r->arena);
    labels = copy_to_arena(graph_labels(r->txn, item), r->arena);
    if (!run_check(r, graph_set(r->txn, item, &labels, &props)))
        return false;
    r->stats->properties_set += (int64_t)change.as.map.n;
    return true;
}

static bool set_all(struct run *r, const struct set_item *sets, size_t n, const struct value *row)
{
    for (size_t i = 0; i < n; i++)
        if (!set_one(r, &sets[i], row))
            return false;
    return true;
}

static bool merge_row(struct run *r, const struct clause *c, struct value *row,
                      struct row_list *out)
{
    size_t before = out->n;

    if (!match_paths(r, c, row_copy(r, row), out))
        return false;
    for (size_t i = before; i < out->n; i++)
        if (!set_all(r, c->on_match, c->on_match_n, out->rows[i]))
            return false;
    if (out->n > before)
        return true;
    if (!create_paths(r, c, row) || !set_all(r, c->on_create, c->on_create_n, row))
        return false;
    rows_add(r, out, row);
    return true;
}

static bool delete_row(struct run *r, const struct clause *c, const struct value *row)
{
    for (size_t i = 0; i < c->values_n; i++) {
        struct value v = eval(r, c->values[i], row);
        struct graph_item *item = value_item(&v);
        bool node = item && !item->from;

        if (run_failed(r))
            return false;
        if (!item && v.kind != VALUE_NULL) {
            run_complain(r, "Only edges, vertices and paths can be deleted.");
            return false;
        }
        if (!item || !graph_sees(r->txn, item))
            continue;
        if (!run_check(r, graph_delete(r->txn, item, c->detach, &r->stats->edges_deleted)))
            return false;
        r->stats->nodes_deleted += node;
    }
    return true;
}

bool write_clause(struct run *r, const struct clause *c, struct row_list *rows)
{
    struct row_list out = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < rows->n; i++) {
        if (c->kind == CLAUSE_CREATE)
            ok = create_paths(r, c, rows->rows[i]);
        else if (c->kind == CLAUSE_MERGE)
            ok = merge_row(r, c, rows->rows[i], &out);
        else if (c->kind == CLAUSE_SET)
            ok = set_all(r, c->sets, c->sets_n, rows->rows[i]);
        else
            ok = delete_row(r, c, rows->rows[i]);
    }
    if (c->kind == CLAUSE_MERGE)
        *rows = out;
    return ok;
}
