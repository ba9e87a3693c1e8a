/* The small parts that everything stands on: slices, buffers, reader, durations, arena, list. */
#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/duration.h"
#include "base/fail.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rd.h"
#include "base/time_text.h"

#include "../cmocka_test.h"

#include <errno.h>
#include <stdalign.h>
#include <unistd.h>

static void test_str_cut_and_trim(void **state)
{
    struct str rest = str_of(" a ,b,,c");

    (void)state;
    assert_true(str_eq(str_trim(str_cut(&rest, ',')), "a"));
    assert_true(str_eq(str_cut(&rest, ','), "b"));
    assert_true(str_eq(str_cut(&rest, ','), ""));
    assert_true(str_eq(str_cut(&rest, ','), "c"));
    assert_int_equal(rest.n, 0);
}

static void test_str_numbers(void **state)
{
    static const char *const wrong[] = {
        "", "-", "1x", " 1", "+1", "9223372036854775808", "-9223372036854775809", "1.0"};
    int64_t v = 7;

    (void)state;
    assert_true(str_to_int64(str_of("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    assert_true(str_to_int64(str_of("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_true(str_to_int64(str_of("0"), &v));
    assert_int_equal(v, 0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(str_to_int64(str_of(wrong[i]), &v));
}

static void test_str_copy_says_when_it_cuts(void **state)
{
    char four[4];

    (void)state;
    assert_true(str_copy(four, sizeof four, "abc"));
    assert_false(str_copy(four, sizeof four, "abcd"));
    assert_string_equal(four, "abc");
    assert_true(str_format(four, sizeof four, "%d", 12));
    assert_false(str_append(four, sizeof four, "%d", 34));
    assert_string_equal(four, "123");
}

static void test_buf_stops_at_its_limit(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    buf_add_text(&b, "12345678");
    assert_false(b.failed);
    buf_add_be32(&b, 1);
    assert_true(b.failed);
    assert_true(str_eq(buf_str(&b), "12345678"));
    buf_add_byte(&b, 'x'); /* would fit, but the buffer has failed */
    assert_int_equal(b.n, 8);
    buf_clear(&b);
    buf_printf(&b, "%s-%d", "ab", 7);
    assert_true(str_eq(buf_str(&b), "ab-7"));
    buf_drop(&b, 3);
    assert_true(str_eq(buf_str(&b), "7"));
    buf_done(&b);
}

static void test_rd_never_reads_past_the_end(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5};
    struct rd r = rd_of(bytes, sizeof bytes);

    (void)state;
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_be32(&r), 0x02030405);
    assert_false(r.failed);
    assert_int_equal(rd_be16(&r), 0);
    assert_true(r.failed);
    r = rd_of(bytes, sizeof bytes);
    assert_int_equal(rd_bytes(&r, 6).n, 0);
    assert_true(r.failed);
    assert_int_equal(rd_u8(&r), 0); /* sticky */
}

static void test_moments(void **state)
{
    char out[TIME_TEXT_SIZE];

    (void)state;
    assert_string_equal(time_text(0, 0, out, sizeof out), "1970-01-01T00:00:00Z");
    assert_string_equal(time_text(INT64_C(1709210096789012), 3, out, sizeof out),
                        "2024-02-29T12:34:56.789Z");
    assert_string_equal(time_text(INT64_C(1709210096789012), 6, out, sizeof out),
                        "2024-02-29T12:34:56.789012Z");
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {{"30s", 30000},  {"500ms", 500},    {"5m", 300000},
                 {"1h", 3600000}, {"1m30s", 90000},  {"0", 0},
                 {"0s", 0},       {"1s500ms", 1500}, {"2h5m", 7500000}};
    static const char *const wrong[] = {"",     "30",    "s",  "30 s",         "-5s",
                                        "1.5s", "30sec", "5M", "99999999999h", "s30"};
    int64_t ms;
    char text[32];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        assert_true(duration_parse(str_of(right[i].text), &ms));
        assert_true(ms == right[i].ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(duration_parse(str_of(wrong[i]), &ms));
    assert_string_equal(duration_format(90250, text, sizeof text), "1m30s250ms");
    assert_string_equal(duration_format(0, text, sizeof text), "0s");
}

static void test_arena_is_bounded_and_aligned(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 8192);
    assert_non_null(arena_alloc(&a, 1, 1));
    assert_int_equal((uintptr_t)arena_alloc(&a, 1, 3) % alignof(max_align_t), 0);
    assert_true(str_eq(arena_copy(&a, str_of("hello")), "hello"));
    assert_non_null(arena_alloc(&a, 5000, 1));
    assert_null(arena_alloc(&a, 5000, 1));
    assert_null(arena_alloc(&a, SIZE_MAX / 2, 4));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 5000, 1));
    arena_done(&a);
}

static void test_list(void **state)
{
    struct item {
        int n;
        struct list node;
    } items[3] = {{.n = 1}, {.n = 2}, {.n = 3}};
    struct list l;
    int sum = 0;

    (void)state;
    list_init(&l);
    for (int i = 0; i < 3; i++)
        list_add_tail(&l, &items[i].node);
    LIST_FOR_EACH (node, &l) {
        struct item *item = CONTAINER_OF(node, struct item, node);

        sum = sum * 10 + item->n;
        if (item->n == 2)
            list_remove(node);
    }
    assert_int_equal(sum, 123);
    assert_ptr_equal(list_pop(&l), &items[0].node);
    assert_ptr_equal(list_pop(&l), &items[2].node);
    assert_null(list_pop(&l));
}

static void test_fail_kinds(void **state)
{
    struct fail f = fail_errno("connect", ECONNREFUSED);

    (void)state;
    assert_int_equal(f.kind, FAIL_REFUSED);
    assert_string_equal(f.text, "connect: Connection refused");
    assert_int_equal(fail_kind_errno(EHOSTUNREACH), FAIL_UNREACHABLE);
    assert_int_equal(fail_kind_errno(ENOENT), FAIL_GONE);
    assert_int_equal(fail_kind_errno(ETIMEDOUT), FAIL_TIMEOUT);
    assert_int_equal(fail_kind_errno(EMFILE), FAIL_BUSY); /* ours: no sign that the other hangs */
    assert_string_equal(fail_kind_name(FAIL_GONE), "gone");
}

/* One line of log as it goes to standard error. */
static char *logged(enum log_format format)
{
    static char line[512];
    int saved = dup(STDERR_FILENO), ends[2];
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_setup(LOG_INFO, format);
    log_event(LOG_DEBUG, "test", "not seen", NULL);
    log_event(LOG_WARN, "test", "two words", "plain", "a-1", "quoted", "x \"y\"\n", "empty", "",
              NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    n = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    assert_true(n > 0);
    line[n] = '\0';
    log_setup(LOG_INFO, LOG_LOGFMT);
    return line;
}

static void test_log_lines(void **state)
{
    char *line;

    (void)state;
    line = strchr(logged(LOG_LOGFMT), ' ');
    assert_string_equal(line, " level=warn module=test msg=\"two words\" plain=a-1 "
                              "quoted=\"x \\\"y\\\"\\n\" empty=\"\"\n");
    line = strchr(logged(LOG_JSON), ',');
    assert_string_equal(line, ",\"level\":\"warn\",\"module\":\"test\",\"msg\":\"two words\","
                              "\"plain\":\"a-1\",\"quoted\":\"x \\\"y\\\"\\n\",\"empty\":\"\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str_cut_and_trim),
        cmocka_unit_test(test_str_numbers),
        cmocka_unit_test(test_str_copy_says_when_it_cuts),
        cmocka_unit_test(test_buf_stops_at_its_limit),
        cmocka_unit_test(test_rd_never_reads_past_the_end),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_arena_is_bounded_and_aligned),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_fail_kinds),
        cmocka_unit_test(test_log_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
