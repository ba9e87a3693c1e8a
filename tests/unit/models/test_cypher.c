/* The small Cypher: each case runs its queries in order and compares the last rows. */
#include "../cmocka_test.h"

#include "models/cypher.h"

#include <string.h>

struct fixture {
    struct graph *g;
    int64_t ts;
};

/* Rows as text; or the failure, with ! in front. */
static void ask(struct graph_txn *t, const char *query, const struct value *params, struct buf *out)
{
    struct cypher_fail why = {.kind = CYPHER_OK};
    struct cypher_result result;
    struct cypher_query *q;
    struct arena arena;

    arena_init(&arena, SIZE_MAX);
    buf_clear(out);
    q = cypher_parse(&arena, str_of(query), &why);
    if (!q || !cypher_run(q, t, params, 42, &arena, &result, &why)) {
        assert_int_not_equal(why.kind, CYPHER_OK);
        buf_printf(out, "!%s", why.text);
    } else {
        for (size_t i = 0; i < result.n; i++)
            value_print(&result.rows[i], out);
    }
    arena_done(&arena);
}

static void run(struct fixture *f, const char *query, struct buf *out)
{
    struct graph_txn *t = graph_begin(f->g, ++f->ts);

    ask(t, query, NULL, out);
    if (out->n && out->p[0] == '!')
        graph_abort(t);
    else
        graph_commit(t, ++f->ts);
}

static const char PEOPLE[] = "CREATE (a:P {id:1, n:'ann', x:1.5}), (b:P:Q {id:2, n:'bob'}), "
                             "(c:P {id:3, n:'cyd', x:2}), (a)-[:KNOWS {w:1}]->(b), "
                             "(b)-[:KNOWS {w:2}]->(c), (c)-[:LIKES]->(a)";

struct expectation {
    const char *query, *rows;
};

static void check_all(const struct expectation *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fixture f = {.g = graph_new()};
        struct buf out;

        buf_init(&out, SIZE_MAX);
        run(&f, PEOPLE, &out);
        assert_int_equal(out.n, 0);
        /* A semicolon divides what is done first from what is asked. */
        for (const char *q = cases[i].query; q; q = strstr(q, "; ") ? strstr(q, "; ") + 2 : NULL) {
            char one[512];
            const char *end = strstr(q, "; ");

            str_copy_n(one, sizeof(one), (struct str){q, end ? (size_t)(end - q) : strlen(q)});
            run(&f, one, &out);
        }
        if (strncmp(out.n ? out.p : "", cases[i].rows, strlen(cases[i].rows)) != 0 ||
            (cases[i].rows[0] != '!' && out.n != strlen(cases[i].rows)))
            fail_msg("%s\n  expected %s\n  got      %s", cases[i].query, cases[i].rows,
                     out.n ? out.p : "nothing");
        buf_done(&out);
        graph_free(f.g);
    }
}

static void test_reading(void **state)
{
    static const struct expectation CASES[] = {
        {"RETURN 1", "[1]"},
        {"RETURN 1 + 2 * 3 - 4 / 2, 2 ^ 3, 7 % 4, 7.0 / 2", "[5, 8, 3, 3.5]"},
        {"RETURN 'a' + \"b\", [1, 2] + 3, {k: [1]}.k[0], [1, 2, 3][-1]",
         "[\"ab\", [1, 2, 3], 1, 3]"},
        {"RETURN 1 < 2 <= 2, 1 = 1.0, 1 <> 2, null = null, NOT true, true XOR true",
         "[true, true, true, null, false, false]"},
        {"RETURN null OR true, null AND false, null AND true", "[true, false, null]"},
        {"RETURN 2 IN [1, 2], 3 IN [1, null], 'abc' STARTS WITH 'ab', 'abc' ENDS WITH 'x', "
         "'abc' CONTAINS 'b'",
         "[true, null, true, false, true]"},
        {"RETURN size([1, 2]), coalesce(null, 5), toString(7), toInteger('8'), head([9]), range(1, "
         "3)",
         "[2, 5, \"7\", 8, 9, [1, 2, 3]]"},
        {"RETURN range(3, 1, -1), range(3, 1)", "[[3, 2, 1], []]"},
        {"MATCH (n) RETURN count(n), count(*), count(n.x), sum(n.x), max(n.id), min(n.n)",
         "[3, 3, 2, 3.5, 3, \"ann\"]"},
        {"MATCH (n:Nobody) RETURN count(n), collect(n.id), max(n.id)", "[0, [], null]"},
        {"MATCH (n:Q) RETURN n.id, labels(n), n.none", "[2, [\"P\", \"Q\"], null]"},
        {"MATCH (n {id: 2}) RETURN n.n", "[\"bob\"]"},
        {"MATCH (n) WHERE n.id > 1 AND NOT n.n = 'cyd' OR n.id IN [1] RETURN n.id ORDER BY n.id "
         "DESC",
         "[2][1]"},
        {"MATCH (n) RETURN n.n AS name ORDER BY name DESC SKIP 1 LIMIT 1", "[\"bob\"]"},
        {"MATCH (n) RETURN n.x IS NULL AS empty, count(*) AS c ORDER BY c", "[true, 1][false, 2]"},
        {"MATCH (n) RETURN count(*) + 1, sum(n.id) / count(n)", "[4, 2]"},
        {"UNWIND [1, 2, 1, null] AS i RETURN DISTINCT i", "[1][2][null]"},
        {"UNWIND [3, 1, 2] AS i WITH i ORDER BY i WHERE i > 1 RETURN collect(i)", "[[2, 3]]"},
        {"UNWIND [1, 1, 2] AS i RETURN count(DISTINCT i), collect(DISTINCT i), avg(i)",
         "[2, [1, 2], 1.33333]"},
        {"MATCH (a)-[r:KNOWS]->(b) RETURN a.id, r.w, b.id", "[1, 1, 2][2, 2, 3]"},
        {"MATCH (a {id: 2})<-[r]-(b) RETURN type(r), b.id", "[\"KNOWS\", 1]"},
        {"MATCH (a {id: 1})-[r]-(b) RETURN b.id ORDER BY b.id", "[2][3]"},
        {"MATCH (a)-[:KNOWS]->(b)-[:KNOWS|LIKES]->(c) RETURN a.id, c.id", "[1, 3][2, 1]"},
        {"MATCH (a {id: 1}), (b {id: 3}) RETURN a.n + b.n", "[\"anncyd\"]"},
        {"MATCH (a {id: 1}) OPTIONAL MATCH (a)-[:NONE]->(b) RETURN a.id, b", "[1, null]"},
        {"MATCH (n:P) WHERE n:Q RETURN n.id", "[2]"},
        {"RETURN 1 AS a, 2 AS b // comment", "[1, 2]"},
    };

    (void)state;
    check_all(CASES, ARRAY_LEN(CASES));
}

static void test_writing(void **state)
{
    static const struct expectation CASES[] = {
        {"CREATE (n:__mgctl) DELETE n; MATCH (n) RETURN count(n)", "[3]"},
        {"MATCH (n {id: 1}) SET n.x = n.x + 1, n:New; MATCH (n:New) RETURN n.x", "[2.5]"},
        {"MATCH (n {id: 1}) SET n += {y: 5, n: null}; MATCH (n {id: 1}) RETURN keys(n)",
         "[[\"id\", \"x\", \"y\"]]"},
        {"MATCH (n {id: 1}) SET n = {id: 9}; MATCH (n {id: 9}) RETURN properties(n)", "[{id: 9}]"},
        {"MATCH (n:Q) REMOVE n:Q, n.n; MATCH (n:P) RETURN collect(n.n), count(n)",
         "[[\"ann\", \"cyd\"], 3]"},
        {"MATCH (n {id: 1}) DELETE n; MATCH (n) RETURN count(n)", "[3]"},
        {"MATCH (n {id: 1}) DETACH DELETE n; MATCH (n)-[r]->(m) RETURN n.id, m.id", "[2, 3]"},
        {"MATCH ()-[r:LIKES]->() DELETE r; MATCH ()-[r]->() RETURN count(r)", "[2]"},
        {"MERGE (n:M {k: 1}) ON CREATE SET n.c = 1 ON MATCH SET n.c = 2; MATCH (n:M) RETURN n.c",
         "[1]"},
        {"MERGE (n:M {k: 1}); MERGE (n:M {k: 1}) ON MATCH SET n.c = 2; MATCH (n:M) RETURN n.c, "
         "count(*)",
         "[2, 1]"},
        {"UNWIND range(1, 3) AS i CREATE (n:U {i: i}) RETURN n.i", "[1][2][3]"},
        {"MATCH (a {id: 1}), (b {id: 3}) CREATE (b)<-[r:NEW {w: 7}]-(a) RETURN r.w, "
         "startNode(r).id, endNode(r).id",
         "[7, 1, 3]"},
        {"MATCH (n) SET n.z = n.id * 2 WITH n WHERE n.z > 2 RETURN sum(n.z)", "[10]"},
    };

    (void)state;
    check_all(CASES, ARRAY_LEN(CASES));
}

static void test_mistakes(void **state)
{
    static const struct expectation CASES[] = {
        {"FOO",
         "!Error on line 1 position 1. The underlying parsing error is mismatched input 'FOO'"},
        {"RETURN", "!Error on line 1"},
        {"RETURN (1", "!Error on line 1"},
        {"RETURN 'open", "!Error on line 1"},
        {"RETURN 1 1", "!Error on line 1"},
        {"MATCH (n) RETURN m", "!Unbound variable: m."},
        {"MATCH (n)", "!Query should either create or update something, or return results!"},
        {"MATCH (n) RETURN n LIMIT n.id", "!Unbound variable: n."},
        {"RETURN $p", "!Parameter $p not provided."},
        {"RETURN nosuch(1)", "!Function 'nosuch' doesn't exist."},
        {"RETURN 1 / 0", "!Division by zero."},
        {"RETURN 9223372036854775807 + 1", "!Integer overflow."},
        {"MATCH (n {id: 1}) DELETE n", "!Failed to remove node because of it's existing"},
        {"CREATE (a)-[:R]-(b)", "!Bidirectional"},
        {"MATCH (n) WHERE count(n) > 1 RETURN n", "!Aggregation functions are only allowed"},
    };

    (void)state;
    check_all(CASES, ARRAY_LEN(CASES));
}

/* A nest of brackets must not take the stack down. */
static void test_depth(void **state)
{
    struct fixture f = {.g = graph_new()};
    struct buf query, out;

    (void)state;
    buf_init(&query, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    buf_add_text(&query, "RETURN ");
    for (int i = 0; i < 100000; i++)
        buf_add_text(&query, "(");
    run(&f, query.p, &out);
    assert_string_equal(out.p, "!The query is nested too deeply.");
    buf_done(&query);
    buf_done(&out);
    graph_free(f.g);
}

static void test_parameters_and_nodes(void **state)
{
    struct value_entry entry = {str_of("p"), value_int(2)};
    struct value params = {.kind = VALUE_MAP};
    struct fixture f = {.g = graph_new()};
    struct graph_txn *t;
    struct buf out;

    (void)state;
    params.as.map.entries = &entry;
    params.as.map.n = 1;
    buf_init(&out, SIZE_MAX);
    run(&f, PEOPLE, &out);
    t = graph_begin(f.g, ++f.ts);
    ask(t, "MATCH (n {id: $p}) RETURN n, $p", &params, &out);
    assert_non_null(strstr(out.p, "2"));
    assert_non_null(strstr(out.p, "bob"));
    graph_abort(t);
    buf_done(&out);
    graph_free(f.g);
}

static void test_isolation(void **state)
{
    struct fixture f = {.g = graph_new()};
    struct graph_txn *a, *b;
    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    run(&f, PEOPLE, &out);
    a = graph_begin(f.g, ++f.ts);
    b = graph_begin(f.g, ++f.ts);
    ask(a, "MATCH (n {id: 1}) SET n.x = 10 RETURN n.x", NULL, &out);
    assert_string_equal(out.p, "[10]");
    ask(b, "MATCH (n {id: 1}) RETURN n.x", NULL, &out);
    assert_string_equal(out.p, "[1.5]");
    ask(b, "MATCH (n {id: 1}) SET n.x = 11", NULL, &out);
    assert_non_null(strstr(out.p, "!Cannot resolve conflicting transactions."));
    graph_abort(b);
    graph_commit(a, ++f.ts);
    /* One that began before the commit keeps seeing what was; a later writer conflicts. */
    run(&f, "MATCH (n {id: 1}) RETURN n.x", &out);
    assert_string_equal(out.p, "[10]");
    a = graph_begin(f.g, ++f.ts);
    run(&f, "MATCH (n) DETACH DELETE n", &out);
    ask(a, "MATCH (n) RETURN count(n)", NULL, &out);
    assert_string_equal(out.p, "[3]");
    ask(a, "MATCH (n {id: 1}) SET n.x = 12", NULL, &out);
    assert_non_null(strstr(out.p, "!Cannot resolve"));
    graph_abort(a);
    assert_int_equal(graph_node_count(f.g), 0);
    assert_int_equal(graph_edge_count(f.g), 0);
    buf_done(&out);
    graph_free(f.g);
}

/* What a transaction did can be repeated elsewhere; twice it does not fit. */
static void test_operations(void **state)
{
    struct fixture f = {.g = graph_new()};
    struct graph *other = graph_new(), *third = graph_new();
    struct graph_txn *t = graph_begin(f.g, ++f.ts);
    struct buf out, operations, dump, dump_other;

    (void)state;
    buf_init(&out, SIZE_MAX);
    buf_init(&operations, SIZE_MAX);
    buf_init(&dump, SIZE_MAX);
    buf_init(&dump_other, SIZE_MAX);
    ask(t, PEOPLE, NULL, &out);
    ask(t, "MATCH (n {id: 2}) DETACH DELETE n", NULL, &out);
    graph_txn_operations(t, &operations);
    graph_commit(t, 5);
    assert_true(graph_apply(other, buf_str(&operations), 5));
    assert_false(graph_apply(other, buf_str(&operations), 6));
    assert_int_equal(graph_node_count(other), 2);
    assert_int_equal(graph_edge_count(other), 1);
    graph_dump(f.g, &dump);
    graph_dump(other, &dump_other);
    assert_int_equal(dump.n, dump_other.n);
    assert_memory_equal(dump.p, dump_other.p, dump.n);
    assert_true(graph_apply(third, buf_str(&dump), 5));
    /* Every cut of the bytes is refused and changes nothing. */
    for (size_t n = 1; n < dump.n; n++) {
        struct graph *broken = graph_new();

        if (!graph_apply(broken, (struct str){dump.p, n}, 5))
            assert_int_equal(graph_node_count(broken), 0);
        graph_free(broken);
    }
    buf_done(&out);
    buf_done(&operations);
    buf_done(&dump);
    buf_done(&dump_other);
    graph_free(f.g);
    graph_free(other);
    graph_free(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading),
                                       cmocka_unit_test(test_writing),
                                       cmocka_unit_test(test_mistakes),
                                       cmocka_unit_test(test_depth),
                                       cmocka_unit_test(test_isolation),
                                       cmocka_unit_test(test_operations),
                                       cmocka_unit_test(test_parameters_and_nodes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
