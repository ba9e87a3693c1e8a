/* PackStream values: every marker, both ways; what is cut off or lies is refused. */
#include "proto/value.h"

#include "golden.h"

#include "base/alloc.h"

#include "../cmocka_test.h"

#include <math.h>

enum { LIMIT = 4 * 1024 * 1024 };

static bool decode(struct arena *a, const void *p, size_t n, struct value *out)
{
    struct rd r = rd_of(p, n);

    return value_decode(&r, a, out) && r.left == 0;
}

/* The value's bytes, as hex (its first 20). */
static const char *hex_of(const struct value *v)
{
    static char hex[64];
    struct buf out;

    buf_init(&out, LIMIT);
    value_encode(v, &out);
    hex[0] = '\0';
    for (size_t i = 0; i < out.n && i < 20; i++)
        assert_true(str_append(hex, sizeof hex, "%02x", (unsigned char)out.p[i]));
    buf_done(&out);
    return hex;
}

/* Encodes, compares, decodes what was encoded, prints it. */
static void check(struct value v, const char *hex, const char *printed)
{
    struct arena a;
    struct buf bytes, text;
    struct value back;

    arena_init(&a, LIMIT);
    buf_init(&bytes, LIMIT);
    buf_init(&text, LIMIT);
    assert_string_equal(hex_of(&v), hex);
    value_encode(&v, &bytes);
    assert_true(decode(&a, bytes.p, bytes.n, &back));
    assert_int_equal(back.kind, v.kind);
    value_print(&back, &text);
    assert_string_equal(text.p, printed);
    for (size_t n = 0; n < bytes.n; n++) /* no part of it is a value */
        assert_false(decode(&a, bytes.p, n, &back));
    arena_done(&a);
    buf_done(&bytes);
    buf_done(&text);
}

static void test_scalars(void **state)
{
    struct value bytes = value_str("\x01\xff");

    (void)state;
    bytes.kind = VALUE_BYTES;
    check(value_null(), "c0", "null");
    check(value_bool(true), "c3", "true");
    check(value_bool(false), "c2", "false");
    check(value_float(1.5), "c13ff8000000000000", "1.5");
    check(value_float(-INFINITY), "c1fff0000000000000", "-inf");
    check(value_str(""), "80", "\"\"");
    check(value_str("a\"\\\n\x01"), "8561225c0a01", "\"a\\\"\\\\\\n\\x01\"");
    check(value_str("sixteen_bytes_xx"), "d0107369787465656e5f62797465735f7878",
          "\"sixteen_bytes_xx\"");
    check(bytes, "cc0201ff", "0x01ff");
}

static void test_integers_take_the_shortest_form(void **state)
{
    static const struct {
        int64_t i;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {127, "7f"},
        {-1, "ff"},
        {-16, "f0"},
        {-17, "c8ef"},
        {-128, "c880"},
        {128, "c90080"},
        {-129, "c9ff7f"},
        {32767, "c97fff"},
        {-32768, "c98000"},
        {32768, "ca00008000"},
        {INT32_MIN, "ca80000000"},
        {INT32_MAX, "ca7fffffff"},
        {(int64_t)INT32_MAX + 1, "cb0000000080000000"},
        {(int64_t)INT32_MIN - 1, "cbffffffff7fffffff"},
        {INT64_MAX, "cb7fffffffffffffff"},
        {INT64_MIN, "cb8000000000000000"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char printed[32];

        assert_true(str_format(printed, sizeof printed, "%lld", (long long)cases[i].i));
        check(value_int(cases[i].i), cases[i].hex, printed);
    }
}

static void test_sizes(void **state)
{
    static const struct {
        size_t n;
        const char *string, *list;
    } cases[] = {{15, "8f", "9f"},
                 {16, "d010", "d410"},
                 {255, "d0ff", "d4ff"},
                 {256, "d10100", "d50100"},
                 {65535, "d1ffff", "d5ffff"},
                 {65536, "d200010000", "d600010000"}};
    struct arena a;

    (void)state;
    arena_init(&a, LIMIT * 4);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = xcalloc(cases[i].n, 1);
        struct value list = value_list(&a, cases[i].n); /* zeroed: nulls */
        struct value string = value_str_n((struct str){text, cases[i].n});
        struct value back;
        struct buf out;

        assert_memory_equal(hex_of(&string), cases[i].string, strlen(cases[i].string));
        assert_memory_equal(hex_of(&list), cases[i].list, strlen(cases[i].list));
        buf_init(&out, LIMIT);
        value_encode(&list, &out);
        assert_true(decode(&a, out.p, out.n, &back));
        assert_int_equal(back.as.list.n, cases[i].n);
        buf_clear(&out);
        value_encode(&string, &out);
        assert_true(decode(&a, out.p, out.n, &back));
        assert_true(str_same(back.as.str, string.as.str));
        buf_clear(&out);
        string.kind = VALUE_BYTES; /* has no tiny form */
        value_encode(&string, &out);
        assert_int_equal((uint8_t)out.p[0], cases[i].n < 256     ? 0xCC
                                            : cases[i].n < 65536 ? 0xCD
                                                                 : 0xCE);
        assert_true(decode(&a, out.p, out.n, &back));
        assert_int_equal(back.kind, VALUE_BYTES);
        buf_done(&out);
        free(text);
        arena_reset(&a);
    }
    arena_done(&a);
}

static void test_nested(void **state)
{
    struct arena a;
    struct value map, list, point;

    (void)state;
    arena_init(&a, LIMIT);
    list = value_list(&a, 2);
    list.as.list.items[0] = value_int(1);
    list.as.list.items[1] = value_str("x");
    point = (struct value){.kind = VALUE_STRUCT, .as.structure = {list.as.list.items, 2, 0x58}};
    map = value_map(&a, 2);
    map.as.map.entries[0] = (struct value_entry){str_of("a"), list};
    map.as.map.entries[1] = (struct value_entry){str_of("b"), point};
    check(map,
          "a2816192018178"
          "8162"
          "b258018178",
          "{a: [1, \"x\"], b: <58: 1, \"x\">}");
    arena_done(&a);
}

static void test_maps_of_every_size(void **state)
{
    static const size_t sizes[] = {0, 15, 16, 255, 256, 70000};
    static const uint8_t markers[] = {0xA0, 0xAF, 0xD8, 0xD8, 0xD9, 0xDA};
    struct arena a;

    (void)state;
    arena_init(&a, (size_t)64 * 1024 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct value map = value_map(&a, sizes[i]), back;
        struct buf out;

        buf_init(&out, LIMIT);
        value_encode(&map, &out);
        assert_int_equal((uint8_t)out.p[0], markers[i]);
        assert_true(decode(&a, out.p, out.n, &back));
        assert_int_equal(back.as.map.n, sizes[i]);
        buf_done(&out);
    }
    arena_done(&a);
}

static void test_look_ups(void **state)
{
    struct arena a;
    struct value map, other = value_int(1);
    struct str text = str_of("kept");
    int64_t number = 7;

    (void)state;
    arena_init(&a, LIMIT);
    map = value_map(&a, 2);
    map.as.map.entries[0] = (struct value_entry){str_of("n"), value_int(5)};
    map.as.map.entries[1] = (struct value_entry){str_of("s"), value_str("t")};
    assert_null(value_get(&map, "x"));
    assert_null(value_get(&other, "n"));
    assert_null(value_get(NULL, "n"));
    assert_false(value_get_int(&map, "s", &number));
    assert_false(value_get_str(&map, "n", &text));
    assert_int_equal(number, 7);
    assert_true(str_eq(text, "kept"));
    assert_true(value_get_int(&map, "n", &number));
    assert_true(value_get_str(&map, "s", &text));
    assert_int_equal(number, 5);
    assert_true(str_eq(text, "t"));
    arena_done(&a);
}

/* Longer forms than needed are read all the same. */
static void test_other_forms(void **state)
{
    static const uint8_t wide_int[] = {0xCB, 0, 0, 0, 0, 0, 0, 0, 5};
    static const uint8_t wide_string[] = {0xD2, 0, 0, 0, 1, 'x'};
    static const uint8_t wide_key[] = {0xD9, 0, 1, 0xD1, 0, 1, 'k', 5};
    static const uint8_t struct_8[] = {0xDC, 1, 0x4E, 5};
    static const uint8_t struct_16[] = {0xDD, 0, 1, 0x4E, 5};
    struct value v;
    struct arena a;
    int64_t five = 0;

    (void)state;
    arena_init(&a, LIMIT);
    assert_true(decode(&a, wide_int, sizeof wide_int, &v));
    assert_int_equal(v.as.integer, 5);
    assert_true(decode(&a, wide_string, sizeof wide_string, &v));
    assert_true(str_eq(v.as.str, "x"));
    assert_true(decode(&a, wide_key, sizeof wide_key, &v));
    assert_true(value_get_int(&v, "k", &five));
    assert_int_equal(five, 5);
    assert_true(decode(&a, struct_8, sizeof struct_8, &v));
    assert_int_equal(v.as.structure.tag, 0x4E);
    assert_true(decode(&a, struct_16, sizeof struct_16, &v));
    assert_int_equal(v.as.structure.fields[0].as.integer, 5);
    arena_done(&a);
}

static void test_markers_that_mean_nothing(void **state)
{
    static const uint8_t wrong[] = {0xC4, 0xC5, 0xC6, 0xC7, 0xCF, 0xD3, 0xD7,
                                    0xDB, 0xDE, 0xDF, 0xE0, 0xE8, 0xEF};
    struct arena a;
    struct value v;

    (void)state;
    arena_init(&a, LIMIT);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint8_t bytes[16] = {wrong[i]};
        struct rd r = rd_of(bytes, sizeof bytes);

        assert_false(value_decode(&r, &a, &v));
        assert_true(r.failed);
    }
    assert_false(decode(&a, "\xA1\x01\x01", 3, &v)); /* a key that is no string */
    arena_done(&a);
}

/* Counts that the rest of the input cannot hold allocate nothing; a full arena is told apart. */
static void test_limits(void **state)
{
    static const uint8_t lists[] = {0xD6, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0};
    static const uint8_t maps[] = {0xDA, 0, 0, 0, 2, 0x81, 'a', 0};
    uint8_t deep[VALUE_MAX_DEPTH + 1];
    struct arena a;
    struct value v;
    struct rd r;

    (void)state;
    arena_init(&a, LIMIT);
    r = rd_of(lists, sizeof lists);
    assert_false(value_decode(&r, &a, &v));
    assert_true(r.failed);
    assert_int_equal(a.used, 0);
    r = rd_of(maps, sizeof maps);
    assert_false(value_decode(&r, &a, &v));
    assert_true(r.failed);
    assert_int_equal(a.used, 0);
    memset(deep, 0x91, sizeof deep);
    deep[VALUE_MAX_DEPTH] = 0;
    assert_false(decode(&a, deep, sizeof deep, &v));
    assert_true(decode(&a, deep + 1, sizeof deep - 1, &v));
    arena_done(&a);
    arena_init(&a, 16);
    r = rd_of("\x8F"
              "fifteen letters",
              16);
    assert_true(value_decode(&r, &a, &v));
    r = rd_of("\x8F"
              "fifteen letters",
              16);
    assert_false(value_decode(&r, &a, &v));
    assert_false(r.failed);
    arena_done(&a);
}

/* What a real server sent for queries that make every type: the beginning of the query, the row. */
struct sample {
    const char *query, *row;
};

static void check_samples(const char *name, const struct sample *samples, size_t n)
{
    static struct golden_answer answers[128];
    struct golden g;
    struct arena a;
    struct buf text;
    size_t count, found = 0;

    golden_load(&g, name);
    arena_init(&a, LIMIT);
    buf_init(&text, LIMIT);
    count = golden_exchange(&g, &a, answers, ARRAY_LEN(answers));
    for (size_t i = 0; i < count; i++) {
        if (answers[i].rows.n == 0)
            continue;
        for (size_t k = 0; k < n; k++) {
            if (!str_starts(answers[i].query, samples[k].query))
                continue;
            assert_int_equal(answers[i].rows.n, 1);
            buf_clear(&text);
            value_print(&answers[i].rows.rows[0], &text);
            assert_string_equal(text.p, samples[k].row);
            found++;
        }
    }
    assert_int_equal(found, n);
    buf_done(&text);
    arena_done(&a);
    golden_done(&g);
}

static const struct sample any_version[] = {
    {"RETURN null AS n", "[null, true, false]"},
    {"RETURN [0,1,127",
     "[[0, 1, 127, -16, -17, -128, 128, -129, 32767, 32768, -32769, 2147483647, 2147483648, "
     "-2147483649, 9223372036854775807, -9223372036854775807]]"},
    {"RETURN [0.0", "[[0, 1.5, -2.25, 1e+300]]"},
    {"RETURN [\"\"", "[[\"\", \"a\", \"fifteen_bytes_x\", \"sixteen_bytes_xx\", \"äöü€😀\"]]"},
    {"RETURN [] AS e", "[[], [1, \"a\", null, [2]]]"},
    {"RETURN range(1,16)", "[[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]]"},
    {"RETURN {} AS m", "[{}, {a: 1, b: {c: [true]}}]"},
    {"RETURN date(", "[<44: 19782>]"},
    {"RETURN localTime(", "[<74: 45296123456000>]"},
    {"RETURN localDateTime(", "[<64: 1709210096, 123456000>]"},
    {"RETURN duration(", "[<45: 0, 1, 7384, 500000000>]"},
    {"RETURN point(",
     "[<58: 7203, 1, 2>, <59: 9157, 1, 2, 3>, <58: 4326, 13.4, 52.5>, <59: 4979, 13.4, 52.5, 30>]"},
    {"RETURN $a,$b", "[null, true, -5000000000, 2.5, {k: [1, \"x\"]}]"},
};

/* Nodes, relationships, paths, times with a zone: with element ids and in UTC from 5.x on. */
static const struct sample before_5[] = {
    {"MATCH (a:A)-[r]->(b) RETURN", "[<4e: 2, [\"A\", \"B\"], {s: \"v\", x: 1}>, "
                                    "<52: 1, 2, 3, \"R\", {w: 2.5}>, <4e: 3, [\"C\"], {}>]"},
    {"MATCH p=(a:A)", "[<50: [<4e: 2, [\"A\", \"B\"], {s: \"v\", x: 1}>, <4e: 3, [\"C\"], {}>], "
                      "[<72: 1, \"R\", {w: 2.5}>], [1, 1]>]"},
    {"RETURN datetime(\"2024-02-29T12:34:56+02:00\")", "[<46: 1709210096, 0, 7200>]"},
    {"RETURN datetime(\"2024-02-29T12:34:56[", "[<66: 1709210096, 0, \"Europe/Berlin\">]"},
};
static const struct sample from_5[] = {
    {"MATCH (a:A)-[r]->(b) RETURN",
     "[<4e: 0, [\"A\", \"B\"], {s: \"v\", x: 1}, \"0\">, "
     "<52: 0, 0, 1, \"R\", {w: 2.5}, \"0\", \"0\", \"1\">, <4e: 1, [\"C\"], {}, \"1\">]"},
    {"RETURN datetime(\"2024-02-29T12:34:56+02:00\")", "[<49: 1709202896, 0, 7200>]"},
    {"RETURN datetime(\"2024-02-29T12:34:56[", "[<69: 1709206496, 0, \"Europe/Berlin\">]"},
};

static void test_values_of_a_server(void **state)
{
    (void)state;
    check_samples("values_10", any_version, ARRAY_LEN(any_version));
    check_samples("values_43", any_version, ARRAY_LEN(any_version));
    check_samples("values_43", before_5, ARRAY_LEN(before_5));
    check_samples("values_52", any_version, ARRAY_LEN(any_version));
    check_samples("values_52", from_5, ARRAY_LEN(from_5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_integers_take_the_shortest_form),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_maps_of_every_size),
        cmocka_unit_test(test_look_ups),
        cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_markers_that_mean_nothing),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_values_of_a_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
