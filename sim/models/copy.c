#include "models/copy.h"

#include <assert.h>
#include <stdalign.h>

static size_t rounded(size_t n)
{
    return (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

size_t copy_size(const struct value *v)
{
    size_t n = 0;

    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
        return 0;
    case VALUE_BYTES:
    case VALUE_STRING:
        return rounded(v->as.str.n);
    case VALUE_LIST:
        n = rounded(v->as.list.n * sizeof(struct value));
        for (size_t i = 0; i < v->as.list.n; i++)
            n += copy_size(&v->as.list.items[i]);
        return n;
    case VALUE_MAP:
        n = rounded(v->as.map.n * sizeof(struct value_entry));
        for (size_t i = 0; i < v->as.map.n; i++)
            n += rounded(v->as.map.entries[i].key.n) + copy_size(&v->as.map.entries[i].value);
        return n;
    case VALUE_STRUCT:
        n = rounded(v->as.structure.n * sizeof(struct value));
        for (size_t i = 0; i < v->as.structure.n; i++)
            n += copy_size(&v->as.structure.fields[i]);
        return n;
    }
    return n;
}

static void *take(char **at, size_t n)
{
    void *p = *at;

    if (n) /* without a block there is nothing to move on in */
        *at += rounded(n);
    return p;
}

static struct str copy_str(struct str s, char **at)
{
    char *p = take(at, s.n);

    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct str){p, s.n};
}

static struct value *copy_items(const struct value *items, size_t n, char **at)
{
    struct value *out = take(at, n * sizeof(*out));

    for (size_t i = 0; i < n; i++)
        out[i] = copy_into(&items[i], at);
    return out;
}

struct value copy_into(const struct value *v, char **at)
{
    struct value out = *v;

    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
        break;
    case VALUE_BYTES:
    case VALUE_STRING:
        out.as.str = copy_str(v->as.str, at);
        break;
    case VALUE_LIST:
        out.as.list.items = copy_items(v->as.list.items, v->as.list.n, at);
        break;
    case VALUE_MAP:
        out.as.map.entries = take(at, v->as.map.n * sizeof(struct value_entry));
        for (size_t i = 0; i < v->as.map.n; i++) {
            out.as.map.entries[i].key = copy_str(v->as.map.entries[i].key, at);
            out.as.map.entries[i].value = copy_into(&v->as.map.entries[i].value, at);
        }
        break;
    case VALUE_STRUCT:
        if (v->as.structure.n)
            out.as.structure.fields = copy_items(v->as.structure.fields, v->as.structure.n, at);
        break;
    }
    return out;
}

struct value copy_to_arena(const struct value *v, struct arena *a)
{
    size_t n = copy_size(v);
    char *at = NULL;

    if (n) {
        at = arena_alloc(a, 1, n);
        assert(at);
    }
    return copy_into(v, &at);
}
