#include "proto/memgraph_text.h"

/* Length of the value that s begins with: up to a comma outside of quotes and braces. SIZE_MAX:
 * braces or quotes that do not match. */
static size_t value_length(struct str s)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (c == '{')
            depth++;
        else if (c == '}' && depth-- == 0)
            return SIZE_MAX;
        else if (c == ',' && depth == 0)
            return i;
    }
    return quoted || depth ? SIZE_MAX : s.n;
}

bool memgraph_text_next(struct str *body, struct str *key, struct str *value)
{
    struct str rest = str_trim(*body);
    size_t n;

    if (rest.n == 0) {
        *body = rest;
        return false;
    }
    *key = memgraph_text_unquote(str_trim(str_cut(&rest, ':')));
    n = value_length(rest);
    if (key->n == 0 || rest.n == 0 || n == SIZE_MAX)
        return false;
    *value = str_trim((struct str){rest.p, n});
    n += n < rest.n; /* the comma */
    *body = (struct str){rest.p + n, rest.n - n};
    return true;
}

bool memgraph_text_open(struct str map, struct str *body)
{
    map = str_trim(map);
    if (map.n < 2 || map.p[0] != '{' || map.p[map.n - 1] != '}')
        return false;
    *body = str_trim((struct str){map.p + 1, map.n - 2});
    return true;
}

struct str memgraph_text_unquote(struct str value)
{
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        return (struct str){value.p + 1, value.n - 2};
    return value;
}
