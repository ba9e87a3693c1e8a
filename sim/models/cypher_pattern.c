/* Patterns: (a:L {..})-[r:T {..}]->(b), ... */
#include "models/cypher_ast.h"

#include <assert.h>

/* The name that may stand here, and its slot: a known variable, or a new one. */
static bool parse_variable(struct parse *p, int *slot, bool *bound)
{
    struct str name = {0};

    if (p->lex.now.kind == LEX_WORD || p->lex.now.kind == LEX_QUOTED)
        lex_name(&p->lex, &name);
    *slot = name.n ? parse_lookup(p, name) : NO_SLOT;
    *bound = *slot != NO_SLOT;
    if (!*bound)
        *slot = (int)parse_declare(p, name);
    return true;
}

static bool parse_props(struct parse *p, struct expr **out)
{
    if (lex_is_sign(&p->lex, "{"))
        *out = parse_map(p);
    else if (p->lex.now.kind == LEX_PARAM)
        *out = parse_expr(p);
    return !parse_failed(p);
}

static bool parse_node(struct parse *p, struct node_pattern *node)
{
    *node = (struct node_pattern){0};
    if (!lex_sign(&p->lex, "("))
        return parse_error(p);
    if (!parse_variable(p, &node->slot, &node->bound) ||
        !parse_labels(p, &node->labels, &node->labels_n) || !parse_props(p, &node->props))
        return false;
    return lex_sign(&p->lex, ")") ? true : parse_error(p) != NULL;
}

static bool parse_types(struct parse *p, struct edge_pattern *edge)
{
    if (!lex_sign(&p->lex, ":"))
        return true;
    do {
        lex_sign(&p->lex, ":"); /* [:A|:B] is another way to write [:A|B] */
        edge->types = parse_grow(p, edge->types, edge->types_n, sizeof(struct str));
        if (!lex_name(&p->lex, &edge->types[edge->types_n++]))
            return parse_error(p);
    } while (lex_sign(&p->lex, "|"));
    return true;
}

static bool parse_edge(struct parse *p, struct edge_pattern *edge, bool matching)
{
    *edge = (struct edge_pattern){0};
    edge->left = lex_sign(&p->lex, "<-");
    if (!edge->left && !lex_sign(&p->lex, "-"))
        return parse_error(p);
    if (lex_sign(&p->lex, "[")) {
        if (!parse_variable(p, &edge->slot, &edge->bound) || !parse_types(p, edge) ||
            !parse_props(p, &edge->props))
            return false;
        if (!lex_sign(&p->lex, "]"))
            return parse_error(p);
    } else {
        edge->slot = (int)parse_declare(p, (struct str){0});
    }
    edge->right = lex_sign(&p->lex, "->");
    if (!edge->right && !lex_sign(&p->lex, "-"))
        return parse_error(p);
    if (!matching && edge->left == edge->right)
        return parse_complain(p, "Bidirectional relationship are not supported when creating an "
                                 "edge");
    if (!matching && edge->types_n != 1)
        return parse_complain(p, "A single relationship type must be specified when creating an "
                                 "edge.");
    return true;
}

static bool parse_path(struct parse *p, struct path_pattern *path, bool matching)
{
    size_t nodes = 0;

    *path = (struct path_pattern){0};
    for (;;) {
        path->nodes = parse_grow(p, path->nodes, nodes, sizeof(struct node_pattern));
        if (!parse_node(p, &path->nodes[nodes++]))
            return false;
        if (!lex_is_sign(&p->lex, "-") && !lex_is_sign(&p->lex, "<-"))
            return true;
        path->edges = parse_grow(p, path->edges, path->edges_n, sizeof(struct edge_pattern));
        if (!parse_edge(p, &path->edges[path->edges_n++], matching))
            return false;
    }
}

bool parse_paths(struct parse *p, struct clause *c, bool matching, bool many)
{
    do {
        c->paths = parse_grow(p, c->paths, c->paths_n, sizeof(struct path_pattern));
        if (!parse_path(p, &c->paths[c->paths_n++], matching))
            return false;
    } while (many && lex_sign(&p->lex, ","));
    return true;
}
