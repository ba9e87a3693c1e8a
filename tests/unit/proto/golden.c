#include "golden.h"

#include "base/alloc.h"

#include "../cmocka_test.h"

#include <jansson.h>

enum { LIMIT = 64 * 1024 * 1024 };

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void add_hex(struct buf *out, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2)
        buf_add_byte(out, (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1])));
    assert_int_equal(*hex, 0);
}

static void add_line(struct golden *g, const char *text)
{
    json_t *line = json_loads(text, 0, NULL);
    const char *dir = json_string_value(json_object_get(line, "dir"));
    const char *hex = json_string_value(json_object_get(line, "hex"));

    assert_non_null(line);
    if (dir && hex)
        add_hex(strcmp(dir, "c2s") == 0 ? &g->c2s : &g->s2c, hex);
    json_decref(line);
}

void golden_load(struct golden *g, const char *name)
{
    const char *folder = getenv("TEST_DATA");
    char path[512];
    char *line = NULL;
    size_t room = 0;
    FILE *file;

    assert_non_null(folder);
    assert_true(str_format(path, sizeof path, "%s/bolt/%s.jsonl", folder, name));
    file = fopen(path, "re");
    assert_non_null(file);
    buf_init(&g->c2s, LIMIT);
    buf_init(&g->s2c, LIMIT);
    while (getline(&line, &room, file) > 0)
        add_line(g, line);
    assert_true(g->c2s.n > 0 && !g->c2s.failed && !g->s2c.failed);
    free(line);
    fclose(file);
}

void golden_done(struct golden *g)
{
    buf_done(&g->c2s);
    buf_done(&g->s2c);
}

/* Starts reading one direction behind its handshake. */
static void start(struct bolt *b, enum bolt_side side, const struct buf *bytes, size_t handshake,
                  enum bolt_version version)
{
    assert_true(bytes->n >= handshake);
    bolt_init(b, side, version, LIMIT);
    bolt_feed(b, (struct str){bytes->p + handshake, bytes->n - handshake});
}

static void get_answer(struct bolt *server, struct arena *arena, struct golden_answer *a)
{
    struct value *rows = arena_alloc(arena, 64, sizeof *rows);
    size_t n = 0;

    assert_non_null(rows);
    for (;;) {
        assert_int_equal(bolt_next(server, arena, &a->last), BOLT_MESSAGE);
        if (a->last.signature != BOLT_RECORD)
            break;
        assert_true(n < 64);
        rows[n++] = a->last.fields[0];
    }
    a->rows.rows = rows;
    a->rows.n = n;
}

size_t golden_exchange(const struct golden *g, struct arena *arena, struct golden_answer *out,
                       size_t most)
{
    unsigned major = (uint8_t)g->s2c.p[3], minor = (uint8_t)g->s2c.p[2];
    enum bolt_version version = (enum bolt_version)(major << 8 | minor);
    struct bolt client, server;
    size_t n = 0;

    start(&server, BOLT_CLIENT, &g->s2c, BOLT_ANSWER_BYTES, version);
    start(&client, BOLT_SERVER, &g->c2s, BOLT_REQUEST_BYTES, version);
    while (bolt_next(&client, arena, &out[n].request) == BOLT_MESSAGE) {
        struct golden_answer *a = &out[n];

        assert_true(n + 1 < most);
        if (a->request.signature == BOLT_GOODBYE)
            break;
        get_answer(&server, arena, a);
        n++;
        if (a->request.signature == BOLT_RUN)
            a->query = a->request.fields[0].as.str;
        else if (n > 1)
            a->query = a[-1].query;
        if (a->last.signature != BOLT_SUCCESS)
            continue;
        a->rows.summary = &a->last.fields[0];
        a->rows.fields = a->request.signature == BOLT_PULL && n > 1
                             ? value_get(&a[-1].last.fields[0], "fields")
                             : NULL;
    }
    bolt_done(&client);
    bolt_done(&server);
    return n;
}

const struct golden_answer *golden_find(const struct golden_answer *answers, size_t n,
                                        const char *query, size_t nth)
{
    for (size_t i = 0; i < n; i++) {
        const struct golden_answer *a = &answers[i];
        bool told = a->request.signature == BOLT_PULL
                        ? a->last.signature != BOLT_IGNORED
                        : a->request.signature == BOLT_RUN && a->last.signature == BOLT_FAILURE;

        if (told && str_eq(a->query, query) && nth-- == 0)
            return a;
    }
    fail_msg("no answer to %s", query);
    return NULL;
}
