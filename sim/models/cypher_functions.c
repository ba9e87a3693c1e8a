/* Functions of values: a table of names. Aggregates are the projection's business. */
#include "models/cypher_ast.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

typedef struct value function_fn(struct run *r, const struct value *args, size_t n);

static struct value text_value(struct run *r, const char *text)
{
    struct str copy = arena_copy(r->arena, str_of(text));

    assert(copy.p);
    return value_str_n(copy);
}

static struct value fn_id(struct run *r, const struct value *args, size_t n)
{
    (void)n;
    if (!value_item(args))
        return args->kind == VALUE_NULL ? *args : run_complain(r, "'id' wants a node or an edge.");
    return value_int(value_item(args)->gid);
}

static struct value fn_labels(struct run *r, const struct value *args, size_t n)
{
    (void)n;
    if (!value_item(args))
        return args->kind == VALUE_NULL ? *args : run_complain(r, "'labels' wants a node.");
    return copy_to_arena(graph_labels(r->txn, value_item(args)), r->arena);
}

static struct value fn_type(struct run *r, const struct value *args, size_t n)
{
    (void)n;
    if (!value_item(args) || !value_item(args)->from)
        return args->kind == VALUE_NULL ? *args : run_complain(r, "'type' wants an edge.");
    return text_value(r, value_item(args)->type);
}

static struct value fn_properties(struct run *r, const struct value *args, size_t n)
{
    (void)n;
    return value_item(args) ? copy_to_arena(graph_props(r->txn, value_item(args)), r->arena)
                            : *args;
}

static struct value fn_keys(struct run *r, const struct value *args, size_t n)
{
    struct value map = fn_properties(r, args, n), out;

    if (map.kind != VALUE_MAP)
        return value_null();
    out = value_list(r->arena, map.as.map.n);
    for (size_t i = 0; i < map.as.map.n; i++)
        out.as.list.items[i] = value_str_n(map.as.map.entries[i].key);
    return out;
}

static struct value fn_size(struct run *r, const struct value *args, size_t n)
{
    (void)n;
    if (args->kind == VALUE_LIST)
        return value_int((int64_t)args->as.list.n);
    if (args->kind == VALUE_STRING)
        return value_int((int64_t)args->as.str.n);
    if (args->kind == VALUE_MAP)
        return value_int((int64_t)args->as.map.n);
    return args->kind == VALUE_NULL ? *args : run_complain(r, "'size' wants a list or a string.");
}

static struct value fn_head(struct run *r, const struct value *args, size_t n)
{
    (void)r;
    (void)n;
    return args->kind == VALUE_LIST && args->as.list.n ? args->as.list.items[0] : value_null();
}

static struct value fn_last(struct run *r, const struct value *args, size_t n)
{
    (void)r;
    (void)n;
    return args->kind == VALUE_LIST && args->as.list.n ? args->as.list.items[args->as.list.n - 1]
                                                       : value_null();
}

static struct value fn_range(struct run *r, const struct value *args, size_t n)
{
    enum { RANGE_MAX = 10000000 };
    struct value out;
    int64_t step = 1, count;

    if (n < 2 || args[0].kind != VALUE_INT || args[1].kind != VALUE_INT ||
        (n == 3 && args[2].kind != VALUE_INT))
        return run_complain(r, "'range' wants integers.");
    if (n == 3)
        step = args[2].as.integer;
    if (step == 0)
        return run_complain(r, "The step of a range cannot be 0.");
    if (__builtin_sub_overflow(args[1].as.integer, args[0].as.integer, &count))
        return run_complain(r, "The range is too long.");
    count = count / step + 1;
    if ((args[1].as.integer - args[0].as.integer < 0) != (step < 0) &&
        args[1].as.integer != args[0].as.integer)
        count = 0;
    if (count > RANGE_MAX)
        return run_complain(r, "The range is too long.");
    out = value_list(r->arena, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        out.as.list.items[i] = value_int(args[0].as.integer + i * step);
    return out;
}

static struct value fn_coalesce(struct run *r, const struct value *args, size_t n)
{
    (void)r;
    for (size_t i = 0; i < n; i++)
        if (args[i].kind != VALUE_NULL)
            return args[i];
    return value_null();
}

static struct value fn_to_string(struct run *r, const struct value *args, size_t n)
{
    char text[64];

    (void)n;
    if (args->kind == VALUE_STRING || args->kind == VALUE_NULL)
        return *args;
    if (args->kind == VALUE_INT)
        str_format(text, sizeof(text), "%" PRId64, args->as.integer);
    else if (args->kind == VALUE_FLOAT)
        str_format(text, sizeof(text), "%.17g", args->as.real);
    else if (args->kind == VALUE_BOOL)
        str_copy(text, sizeof(text), args->as.boolean ? "true" : "false");
    else
        return run_complain(r, "'toString' wants a number, a boolean or a string.");
    return text_value(r, text);
}

static struct value fn_to_integer(struct run *r, const struct value *args, size_t n)
{
    int64_t i;

    (void)n;
    if (args->kind == VALUE_INT || args->kind == VALUE_NULL)
        return *args;
    if (args->kind == VALUE_FLOAT && args->as.real > -9e18 && args->as.real < 9e18)
        return value_int((int64_t)args->as.real);
    if (args->kind == VALUE_BOOL)
        return value_int(args->as.boolean);
    if (args->kind == VALUE_STRING)
        return str_to_int64(str_trim(args->as.str), &i) ? value_int(i) : value_null();
    return run_complain(r, "'toInteger' wants a number, a boolean or a string.");
}

static struct value fn_to_float(struct run *r, const struct value *args, size_t n)
{
    char text[64], *end;
    double d;

    (void)n;
    if (args->kind == VALUE_FLOAT || args->kind == VALUE_NULL)
        return *args;
    if (args->kind == VALUE_INT)
        return value_float((double)args->as.integer);
    if (args->kind != VALUE_STRING || !str_copy_n(text, sizeof(text), args->as.str))
        return run_complain(r, "'toFloat' wants a number or a string.");
    d = strtod(text, &end);
    return end == text || *end ? value_null() : value_float(d);
}

static struct value fn_abs(struct run *r, const struct value *args, size_t n)
{
    (void)n;
    if (args->kind == VALUE_INT && args->as.integer != INT64_MIN)
        return value_int(args->as.integer < 0 ? -args->as.integer : args->as.integer);
    if (args->kind == VALUE_FLOAT)
        return value_float(args->as.real < 0 ? -args->as.real : args->as.real);
    return args->kind == VALUE_NULL ? *args : run_complain(r, "'abs' wants a number.");
}

static struct value change_case(struct run *r, const struct value *v, int (*change)(int))
{
    char *p;

    if (v->kind != VALUE_STRING)
        return v->kind == VALUE_NULL ? *v : run_complain(r, "A string was expected.");
    p = arena_alloc(r->arena, v->as.str.n + 1, 1);
    assert(p);
    for (size_t i = 0; i < v->as.str.n; i++)
        p[i] = (char)change((unsigned char)v->as.str.p[i]);
    return value_str_n((struct str){p, v->as.str.n});
}

static struct value fn_to_lower(struct run *r, const struct value *args, size_t n)
{
    (void)n;
    return change_case(r, args, tolower);
}

static struct value fn_to_upper(struct run *r, const struct value *args, size_t n)
{
    (void)n;
    return change_case(r, args, toupper);
}

static struct value fn_ends(const struct value *args, bool start)
{
    const struct graph_item *item = value_item(args);

    return item && item->from ? item_value(start ? item->from : item->to) : value_null();
}

static struct value fn_start_node(struct run *r, const struct value *args, size_t n)
{
    (void)r;
    (void)n;
    return fn_ends(args, true);
}

static struct value fn_end_node(struct run *r, const struct value *args, size_t n)
{
    (void)r;
    (void)n;
    return fn_ends(args, false);
}

static struct value fn_timestamp(struct run *r, const struct value *args, size_t n)
{
    (void)args;
    (void)n;
    return value_int(r->now_us);
}

struct value call_function(struct run *r, const struct expr *e, const struct value *args)
{
    static const struct {
        const char *name;
        size_t least, most;
        function_fn *fn;
    } TABLE[] = {{"id", 1, 1, fn_id},
                 {"labels", 1, 1, fn_labels},
                 {"type", 1, 1, fn_type},
                 {"properties", 1, 1, fn_properties},
                 {"keys", 1, 1, fn_keys},
                 {"size", 1, 1, fn_size},
                 {"length", 1, 1, fn_size},
                 {"head", 1, 1, fn_head},
                 {"last", 1, 1, fn_last},
                 {"range", 2, 3, fn_range},
                 {"coalesce", 1, SIZE_MAX, fn_coalesce},
                 {"toString", 1, 1, fn_to_string},
                 {"toInteger", 1, 1, fn_to_integer},
                 {"toFloat", 1, 1, fn_to_float},
                 {"abs", 1, 1, fn_abs},
                 {"toLower", 1, 1, fn_to_lower},
                 {"toUpper", 1, 1, fn_to_upper},
                 {"startNode", 1, 1, fn_start_node},
                 {"endNode", 1, 1, fn_end_node},
                 {"timestamp", 0, 0, fn_timestamp}};

    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++) {
        if (e->name.n != strlen(TABLE[i].name) ||
            strncasecmp(e->name.p, TABLE[i].name, e->name.n) != 0)
            continue;
        if (e->n < TABLE[i].least || e->n > TABLE[i].most)
            return run_complain(r, "'%s' got a wrong number of arguments.", TABLE[i].name);
        return TABLE[i].fn(r, args, e->n);
    }
    return run_complain(r, "Function '%.*s' doesn't exist.", STR_ARGS(e->name));
}
