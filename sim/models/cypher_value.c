/* Values in rows: nodes and relationships, equality, order, keys, and how they are shown. */
#include "models/cypher_ast.h"

#include <assert.h>

/* In a row a node or relationship is a structure without fields whose pointer is the item: nothing
 * is allocated for it, and it stays good for as long as the transaction. */
enum { TAG_ITEM = 0x7E };

struct value item_value(struct graph_item *item)
{
    struct value v = {.kind = VALUE_STRUCT};

    v.as.structure.tag = TAG_ITEM;
    v.as.structure.fields = (struct value *)(void *)item;
    return v;
}

struct graph_item *value_item(const struct value *v)
{
    if (v->kind != VALUE_STRUCT || v->as.structure.tag != TAG_ITEM || v->as.structure.n)
        return NULL;
    return (struct graph_item *)(void *)v->as.structure.fields;
}

bool value_true(const struct value *v)
{
    return v->kind == VALUE_BOOL && v->as.boolean;
}

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

static double as_float(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->as.integer : v->as.real;
}

static int compare_numbers(const struct value *a, const struct value *b)
{
    double x, y;

    if (a->kind == VALUE_INT && b->kind == VALUE_INT)
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    x = as_float(a);
    y = as_float(b);
    return (x > y) - (x < y);
}

static int compare_bytes(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

int value_order(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
        return (a->kind == VALUE_NULL) - (b->kind == VALUE_NULL);
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b);
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    switch (a->kind) {
    case VALUE_BOOL:
        return a->as.boolean - b->as.boolean;
    case VALUE_STRING:
    case VALUE_BYTES:
        return compare_bytes(a->as.str, b->as.str);
    case VALUE_LIST:
        for (size_t i = 0; i < a->as.list.n && i < b->as.list.n; i++) {
            int order = value_order(&a->as.list.items[i], &b->as.list.items[i]);

            if (order)
                return order;
        }
        return (a->as.list.n > b->as.list.n) - (a->as.list.n < b->as.list.n);
    case VALUE_STRUCT:
        if (value_item(a) && value_item(b))
            return (value_item(a)->gid > value_item(b)->gid) -
                   (value_item(a)->gid < value_item(b)->gid);
        return 0;
    case VALUE_NULL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_MAP:
        break;
    }
    return 0;
}

static int equal_lists(const struct value *a, const struct value *b)
{
    int all = 1;

    if (a->as.list.n != b->as.list.n)
        return 0;
    for (size_t i = 0; i < a->as.list.n; i++) {
        int one = value_equal(&a->as.list.items[i], &b->as.list.items[i]);

        if (one == 0)
            return 0;
        if (one < 0)
            all = -1;
    }
    return all;
}

static int equal_maps(const struct value *a, const struct value *b)
{
    if (a->as.map.n != b->as.map.n)
        return 0;
    for (size_t i = 0; i < a->as.map.n; i++) {
        const struct value_entry *e = &a->as.map.entries[i];
        size_t j = 0;

        while (j < b->as.map.n && !str_same(b->as.map.entries[j].key, e->key))
            j++;
        if (j == b->as.map.n || value_equal(&e->value, &b->as.map.entries[j].value) != 1)
            return 0;
    }
    return 1;
}

int value_equal(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
        return -1;
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b) == 0;
    if (a->kind != b->kind)
        return 0;
    if (a->kind == VALUE_LIST)
        return equal_lists(a, b);
    if (a->kind == VALUE_MAP)
        return equal_maps(a, b);
    if (a->kind == VALUE_STRUCT)
        return value_item(a) && value_item(a) == value_item(b);
    return value_order(a, b) == 0;
}

void value_key(const struct value *v, struct buf *out)
{
    const struct graph_item *item = value_item(v);
    struct value whole;

    if (item) {
        buf_add_byte(out, item->from ? 'r' : 'n');
        buf_add_be64(out, (uint64_t)item->gid);
    } else if (v->kind == VALUE_LIST) {
        buf_add_byte(out, '[');
        for (size_t i = 0; i < v->as.list.n; i++)
            value_key(&v->as.list.items[i], out);
        buf_add_byte(out, ']');
    } else if (v->kind == VALUE_FLOAT && v->as.real >= -9e15 && v->as.real <= 9e15 &&
               v->as.real == (double)(int64_t)v->as.real) {
        whole = value_int((int64_t)v->as.real); /* 1.0 and 1 are one group */
        value_encode(&whole, out);
    } else {
        value_encode(v, out);
    }
}

static int entry_order(const void *a, const void *b)
{
    const struct value_entry *x = a, *y = b;

    return compare_bytes(x->key, y->key);
}

struct value props_of(struct run *r, const struct value *map)
{
    struct value out = value_map(r->arena, map->as.map.n);
    size_t n = 0;

    for (size_t i = 0; i < map->as.map.n; i++)
        if (map->as.map.entries[i].value.kind != VALUE_NULL)
            out.as.map.entries[n++] = map->as.map.entries[i];
    out.as.map.n = n;
    if (n > 1)
        qsort(out.as.map.entries, n, sizeof(struct value_entry), entry_order);
    return out;
}

static struct value shown_id(struct run *r, int64_t gid)
{
    char text[24];
    struct str copy;

    str_format(text, sizeof(text), "%lld", (long long)gid);
    copy = arena_copy(r->arena, str_of(text));
    assert(copy.p);
    return value_str_n(copy);
}

static struct value shown_item(struct run *r, const struct graph_item *item)
{
    struct value out = {.kind = VALUE_STRUCT};
    struct value *f = arena_alloc(r->arena, 8, sizeof(*f));
    struct value props = copy_to_arena(graph_props(r->txn, item), r->arena);

    assert(f);
    out.as.structure.fields = f;
    f[0] = value_int(item->gid);
    if (!item->from) {
        out.as.structure.tag = 'N';
        out.as.structure.n = 4;
        f[1] = copy_to_arena(graph_labels(r->txn, item), r->arena);
        f[2] = props;
        f[3] = shown_id(r, item->gid);
        return out;
    }
    out.as.structure.tag = 'R';
    out.as.structure.n = 8;
    f[1] = value_int(item->from->gid);
    f[2] = value_int(item->to->gid);
    f[3] = value_str_n(arena_copy(r->arena, str_of(item->type)));
    f[4] = props;
    f[5] = shown_id(r, item->gid);
    f[6] = shown_id(r, item->from->gid);
    f[7] = shown_id(r, item->to->gid);
    return out;
}

struct value value_shown(struct run *r, const struct value *v)
{
    struct value out = *v;

    if (value_item(v))
        return shown_item(r, value_item(v));
    if (v->kind == VALUE_LIST) {
        out = value_list(r->arena, v->as.list.n);
        for (size_t i = 0; i < v->as.list.n; i++)
            out.as.list.items[i] = value_shown(r, &v->as.list.items[i]);
    } else if (v->kind == VALUE_MAP) {
        out = value_map(r->arena, v->as.map.n);
        for (size_t i = 0; i < v->as.map.n; i++) {
            out.as.map.entries[i].key = v->as.map.entries[i].key;
            out.as.map.entries[i].value = value_shown(r, &v->as.map.entries[i].value);
        }
    }
    return out;
}
