#include "core/record.h"

#include "../cmocka_test.h"

struct strings {
    unsigned n;
    struct record_field fields[20];
    char keys[20][24], values[20][HISTORY_MAX * (HISTORY_SIZE + 1)];
};

static void keep(void *arg, const char *key, const char *value)
{
    struct strings *s = arg;
    unsigned i = s->n++;

    assert_true(i < ARRAY_LEN(s->fields));
    assert_true(str_copy(s->keys[i], sizeof s->keys[i], key));
    assert_true(str_copy(s->values[i], sizeof s->values[i], value));
    s->fields[i] = (struct record_field){s->keys[i], s->values[i]};
}

static const char *value_of(const struct strings *s, const char *key)
{
    for (unsigned i = 0; i < s->n; i++)
        if (strcmp(s->keys[i], key) == 0)
            return s->values[i];
    fail_msg("no key %s", key);
    return NULL;
}

static struct strings strings;

static struct record full(void)
{
    return (struct record){.target = 1,
                           .epoch = 9007199254740993,
                           .main_run = "run-of-main",
                           .promoted = PROMOTED_FAILOVER,
                           .promoted_run = "run-of-main",
                           .from = 0,
                           .from_run = "run-of-old",
                           .sync = SYNC_UNPROVEN,
                           .sync_run = "run-of-s",
                           .transition = EPOCH_FAILOVER,
                           .database = "db-uuid",
                           .fenced = 1U << 0 | 1U << 15,
                           .reason = "it is lost, and so on",
                           .began_wall_us = 1764000000123000,
                           .rebuild = {[2] = {"uid", "diverged"}, [7] = {"u-7", "a:b"}},
                           .paused = "by hand",
                           .request = "{}",
                           .answer = "degrade@1: refused: why \"so\""};
}

static void test_every_key_reads_back(void **state)
{
    struct record r = full(), back;

    (void)state;
    strings.n = 0;
    record_encode(&r, "my-graph-7", keep, &strings);
    assert_int_equal(strings.n, 16);
    assert_string_equal(value_of(&strings, "targetMainIndex"), "1");
    assert_string_equal(value_of(&strings, "epoch"), "9007199254740993");
    assert_string_equal(value_of(&strings, "mainRun"), "run-of-main");
    assert_string_equal(value_of(&strings, "promoted"), "failover:run-of-main");
    assert_string_equal(value_of(&strings, "from"), "my-graph-7-0:run-of-old");
    assert_string_equal(value_of(&strings, "sync"), "unproven:run-of-s");
    assert_string_equal(value_of(&strings, "transition"), "failover");
    assert_string_equal(value_of(&strings, "fenced"), "my-graph-7-0,my-graph-7-15");
    assert_string_equal(value_of(&strings, "rebuild"),
                        "my-graph-7-2:uid:diverged,my-graph-7-7:u-7:a:b");
    assert_string_equal(value_of(&strings, "began"), "1764000000123");
    assert_string_equal(value_of(&strings, "history"), "[]");
    assert_int_equal(record_decode(&back, strings.fields, strings.n).kind, FAIL_NONE);
    assert_memory_equal(&back, &r, sizeof r);
}

/* It is for people: whatever somebody has written there stops nothing. */
static void test_a_long_answer_is_cut(void **state)
{
    struct record r = full(), back;
    char longer[2 * ANSWER_SIZE];

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    strings.n = 0;
    record_encode(&r, "mg", keep, &strings);
    for (unsigned i = 0; i < strings.n; i++)
        if (strcmp(strings.fields[i].key, "answer") == 0)
            strings.fields[i].value = longer;
    assert_int_equal(record_decode(&back, strings.fields, strings.n).kind, FAIL_NONE);
    assert_int_equal(strlen(back.answer), ANSWER_SIZE - 1);
}

static void test_every_sync_reads_back(void **state)
{
    struct record r = full(), back;
    char text[RUN_SIZE + 40], again[RUN_SIZE + 40];

    (void)state;
    for (int why = SYNC_WHY_INITIAL; why <= SYNC_WHY_ADOPTED; why++) {
        r.sync = SYNC_NONE;
        r.sync_why = (enum sync_why)why;
        memset(r.sync_run, 0, sizeof r.sync_run);
        if (why == SYNC_WHY_REFUSED || why == SYNC_WHY_DEGRADED)
            (void)str_copy(r.sync_run, sizeof r.sync_run, "r9");
        r.sync_until_wall_us = why == SYNC_WHY_PLANNED ? 1234567890123456 : 0;
        strings.n = 0;
        record_encode(&r, "mg", keep, &strings);
        assert_int_equal(record_decode(&back, strings.fields, strings.n).kind, FAIL_NONE);
        assert_memory_equal(&back, &r, sizeof r);
        assert_string_equal(record_sync_text(&back, text, sizeof text),
                            record_sync_text(&r, again, sizeof again));
    }
    r.sync_why = SYNC_WHY_REFUSED;
    (void)str_copy(r.sync_run, sizeof r.sync_run, "r9");
    assert_string_equal(record_sync_text(&r, text, sizeof text), "none:refused:r9");
    r.sync_why = SYNC_WHY_PLANNED;
    r.sync_until_wall_us = 12;
    assert_string_equal(record_sync_text(&r, text, sizeof text), "none:planned:12");
}

static void test_a_pause_reads_back(void **state)
{
    struct record r = full();
    int64_t until_us;

    (void)state;
    assert_true(record_paused(&r, 1000000, &until_us)); /* somebody's own words: for ever */
    assert_int_equal(until_us, INT64_MAX);
    r.paused[0] = '\0';
    assert_false(record_paused(&r, 1000000, NULL));
    record_pause_text("me..too@home", 5000, 0, r.paused);
    assert_string_equal(r.paused, "me..too@home@5..");
    assert_true(record_paused(&r, INT64_MAX, NULL));
    record_pause_text("me", 5000, 9000, r.paused);
    assert_string_equal(r.paused, "me@5..9");
    assert_true(record_paused(&r, 8999, &until_us));
    assert_int_equal(until_us, 9000);
    assert_false(record_paused(&r, 9000, NULL));
    (void)str_copy(r.paused, sizeof r.paused, "x@y..9000"); /* no time of ours */
    assert_true(record_paused(&r, INT64_MAX, NULL));
    (void)str_copy(r.paused, sizeof r.paused, "x@1..-9223372036854775807"); /* no time of ours */
    assert_true(record_paused(&r, 9000, &until_us));
    assert_int_equal(until_us, INT64_MAX);
}

static void test_a_pause_in_words(void **state)
{
    struct record r = full();
    char words[NOTE_SIZE];

    (void)state;
    record_pause_text("me@home", INT64_C(1795637190251000), INT64_C(1795640790251000), r.paused);
    assert_string_equal(record_pause_words(&r, words),
                        "by me@home since 2026-11-25T20:06:30Z until 2026-11-25T21:06:30Z");
    record_pause_text("me", INT64_C(1795637190251000), 0, r.paused);
    assert_string_equal(record_pause_words(&r, words), "by me since 2026-11-25T20:06:30Z");
    record_pause_text("me", INT64_C(951782399000000), INT64_C(4102444799000000), r.paused);
    assert_string_equal(record_pause_words(&r, words), /* around a leap day */
                        "by me since 2000-02-28T23:59:59Z until 2099-12-31T23:59:59Z");
    record_pause_text("me", INT64_C(951868799000000), 0, r.paused);
    assert_string_equal(record_pause_words(&r, words), "by me since 2000-02-29T23:59:59Z");
    (void)str_copy(r.paused, sizeof r.paused, "do not touch");
    assert_string_equal(record_pause_words(&r, words), "do not touch");
}

/* Changes one key of a good record; expects the error to name it. */
static void refuse(const char *key, const char *value)
{
    struct record r = full(), back;
    struct fail f;

    strings.n = 0;
    record_encode(&r, "mg", keep, &strings);
    for (unsigned i = 0; i < strings.n; i++)
        if (strcmp(strings.keys[i], key) == 0)
            strings.fields[i].value = value;
    f = record_decode(&back, strings.fields, strings.n);
    if (f.kind != FAIL_PROTOCOL)
        fail_msg("%s = '%s' was taken", key, value);
    if (strncmp(f.text, key, strlen(key)) != 0)
        fail_msg("%s = '%s': the error is '%s'", key, value, f.text);
}

static void test_nonsense_is_refused(void **state)
{
    static const char long_run[] = "0123456789012345678901234567890123456789";
    static const struct record_field wrong[] = {
        {"targetMainIndex", ""},
        {"targetMainIndex", "2"},
        {"targetMainIndex", "-1"},
        {"targetMainIndex", "mg-0"},
        {"epoch", ""},
        {"epoch", "-1"},
        {"epoch", "1.5"},
        {"epoch", "99999999999999999999"},
        {"mainRun", long_run},
        {"promoted", ""},
        {"promoted", "luck:r1"},
        {"from", "mg-16:r1"},
        {"from", "mg:r1"},
        {"from", ":"},
        {"rebuild", "mg-2"},
        {"rebuild", "mg-2::why"},
        {"rebuild", "mg-2:../x:why"},
        {"rebuild", "mg-2:..:why"},
        {"rebuild", "mg-99:uid:why"},
        {"began", "-1"},
        {"began", "now"},
        {"began", "9223372036854775807"}, /* in microseconds it would overflow */
        {"sync", ""},
        {"sync", "ready"},
        {"sync", "ready:"},
        {"sync", "unproven:"},
        {"sync", "none"},
        {"sync", "none:because"},
        {"sync", "none:planned:soon"},
        {"sync", "maybe:r1"},
        {"transition", "rollback"},
        {"transition", "none"},
        {"fenced", "mg"},
        {"fenced", "mg-0,,mg-1"},
        {"fenced", "mg-99"},
        {"database", long_run},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        refuse(wrong[i].key, wrong[i].value);
}

static void test_missing_keys_are_refused(void **state)
{
    static const char *const needed[] = {"targetMainIndex", "epoch", "mainRun", "promoted", "sync"};
    struct record r = full(), back;

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(needed); k++) {
        struct fail f;

        strings.n = 0;
        record_encode(&r, "mg", keep, &strings);
        for (unsigned i = 0; i < strings.n; i++)
            if (strcmp(strings.keys[i], needed[k]) == 0)
                strings.fields[i].key = "else";
        f = record_decode(&back, strings.fields, strings.n);
        assert_int_equal(f.kind, FAIL_PROTOCOL);
        assert_non_null(strstr(f.text, needed[k]));
    }
}

static void test_others_keys_are_nobody_s_business(void **state)
{
    const struct record_field fields[] = {
        {"epoch", "0"},           {"targetMainIndex", "0"},   {"mainRun", "r0"},
        {"sync", "none:adopted"}, {"promoted", "adopted:r0"}, {"color", "blue"}};
    struct record back;

    (void)state;
    assert_int_equal(record_decode(&back, fields, ARRAY_LEN(fields)).kind, FAIL_NONE);
    assert_int_equal(back.from, -1);
    assert_int_equal(back.transition, EPOCH_NONE);
    assert_int_equal(back.fenced, 0);
}

static void test_alone_by_decision(void **state)
{
    static const bool alone[] = {
        [SYNC_WHY_INITIAL] = false, [SYNC_WHY_FAILOVER] = true, [SYNC_WHY_SWITCHOVER] = false,
        [SYNC_WHY_REFRESH] = false, [SYNC_WHY_PLANNED] = true,  [SYNC_WHY_DEGRADED] = true,
        [SYNC_WHY_DROPPED] = false, [SYNC_WHY_STRAY] = false,   [SYNC_WHY_REFUSED] = false,
        [SYNC_WHY_FORCED] = true,   [SYNC_WHY_ADOPTED] = true};
    struct record r = full();

    (void)state;
    assert_false(record_alone_by_decision(&r, 0));
    r.sync = SYNC_NONE;
    for (size_t i = 0; i < ARRAY_LEN(alone); i++) {
        r.sync_why = (enum sync_why)i;
        if (record_alone_by_decision(&r, 0) != alone[i])
            fail_msg("none:%s", sync_why_name(r.sync_why));
    }
    r.sync_why = SYNC_WHY_PLANNED;
    r.sync_until_wall_us = 100;
    assert_true(record_alone_by_decision(&r, 99));
    assert_false(record_alone_by_decision(&r, 100));
}

static void test_sync_is_of_one_run(void **state)
{
    struct record r = full();

    (void)state;
    assert_true(record_sync_is(&r, SYNC_UNPROVEN, "run-of-s"));
    assert_false(record_sync_is(&r, SYNC_READY, "run-of-s"));
    assert_false(record_sync_is(&r, SYNC_UNPROVEN, "run-of-t"));
    r.sync_run[0] = '\0';
    assert_false(record_sync_is(&r, SYNC_UNPROVEN, ""));
}

static void test_history_forgets_the_oldest(void **state)
{
    struct record r = full();
    char entry[32];

    (void)state;
    for (int i = 0; i < HISTORY_MAX + 3; i++) {
        (void)str_format(entry, sizeof entry, "{\"epoch\":%d}", i);
        record_add_history(&r, entry);
    }
    assert_int_equal(r.history_n, HISTORY_MAX);
    assert_string_equal(r.history[0], "{\"epoch\":3}");
    assert_string_equal(r.history[HISTORY_MAX - 1], "{\"epoch\":22}");
    strings.n = 0;
    record_encode(&r, "mg", keep, &strings);
    assert_memory_equal(value_of(&strings, "history"), "[{\"epoch\":3},{\"epoch\":4},", 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_reads_back),
        cmocka_unit_test(test_a_long_answer_is_cut),
        cmocka_unit_test(test_every_sync_reads_back),
        cmocka_unit_test(test_a_pause_reads_back),
        cmocka_unit_test(test_a_pause_in_words),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_missing_keys_are_refused),
        cmocka_unit_test(test_others_keys_are_nobody_s_business),
        cmocka_unit_test(test_alone_by_decision),
        cmocka_unit_test(test_sync_is_of_one_run),
        cmocka_unit_test(test_history_forgets_the_oldest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
