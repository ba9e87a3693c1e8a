/* Users beside MEMGRAPH_USER: what a file may hold, and that it is read again. */
#include "app/users.h"

#include "../cmocka_test.h"

#include <stdio.h>
#include <unistd.h>

static char path[] = "/tmp/test_users.XXXXXX";

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    (void)fclose(f);
}

static int setup(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void test_without_a_file(void **state)
{
    struct users *none = users_new("", "", ""), *one = users_new("u", "p", "");

    (void)state;
    assert_int_equal(users_read(none).kind, FAIL_NONE);
    assert_int_equal(none->n, 0);
    assert_int_equal(users_read(one).kind, FAIL_NONE);
    assert_int_equal(one->n, 1);
    assert_string_equal(one->list[0].password, "p");
    users_free(none);
    users_free(one);
}

static void test_file_is_read_again(void **state)
{
    struct users *u = users_new("own", "p", path);

    (void)state;
    write_file("ann:a:b'c\\\n\nbob: d \n");
    assert_int_equal(users_read(u).kind, FAIL_NONE);
    assert_int_equal(u->n, 3);
    assert_string_equal(u->list[0].name, "own");
    assert_string_equal(u->list[1].name, "ann");
    assert_string_equal(u->list[1].password, "a:b'c\\");
    assert_string_equal(u->list[2].password, " d ");
    write_file("cid@example.com:e"); /* without a line's end */
    assert_int_equal(users_read(u).kind, FAIL_NONE);
    assert_int_equal(u->n, 2);
    assert_string_equal(u->list[0].name, "own");
    assert_string_equal(u->list[1].name, "cid@example.com");
    write_file("nonsense\n"); /* the last ones stay */
    assert_int_equal(users_read(u).kind, FAIL_PROTOCOL);
    assert_int_equal(u->n, 2);
    assert_string_equal(u->list[1].name, "cid@example.com");
    users_free(u);
}

static void test_what_makes_no_sense_is_said_without_the_password(void **state)
{
    static const struct {
        const char *text, *said;
    } cases[] = {{"ann", "line 1"},
                 {"ann:", "line 1: wanted a password"},
                 {":secret", "line 1: wanted name"},
                 {"ok:x\n\nbob;DROP:secret\n", "line 3"},
                 {"b`:secret", "letters, digits and _ . - + @"},
                 {"ann:secret\nann:secret", "line 2: this user is there twice"},
                 {"own:secret", "twice"},
                 {"ann:sec\tret", "control characters"}};
    struct users *u = users_new("own", "p", path);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fail why;

        write_file(cases[i].text);
        why = users_read(u);
        assert_int_equal(why.kind, FAIL_PROTOCOL);
        assert_non_null(strstr(why.text, cases[i].said));
        assert_null(strstr(why.text, "secret"));
    }
    users_free(u);
}

static void test_a_file_may_come_later(void **state)
{
    struct users *u = users_new("own", "p", path), *nobody = users_new("", "", path);

    (void)state;
    unlink(path);
    assert_int_equal(users_read(u).kind, FAIL_GONE);
    assert_int_equal(u->n, 1);
    write_file("ann:a\n");
    assert_int_equal(users_read(u).kind, FAIL_NONE);
    assert_int_equal(u->n, 2);
    unlink(path); /* taken away again: the last ones stay */
    assert_int_equal(users_read(u).kind, FAIL_GONE);
    assert_int_equal(u->n, 2);
    users_free(u);

    /* They would lock us out: the first user has all rights. */
    write_file("ann:a\n");
    assert_int_equal(users_read(nobody).kind, FAIL_PROTOCOL);
    assert_int_equal(nobody->n, 0);
    write_file("\n");
    assert_int_equal(users_read(nobody).kind, FAIL_NONE);
    users_free(nobody);
}

static void test_limits(void **state)
{
    struct users *u = users_new("own", "p", path);
    struct buf text;
    struct fail why;

    (void)state;
    buf_init(&text, 1 << 20);
    for (unsigned i = 1; i < USERS_MAX; i++)
        buf_printf(&text, "u%u:p\n", i);
    write_file(text.p);
    assert_int_equal(users_read(u).kind, FAIL_NONE);
    assert_int_equal(u->n, USERS_MAX);
    buf_add_text(&text, "more:p\n");
    write_file(text.p);
    why = users_read(u);
    assert_non_null(strstr(why.text, "line 64: too many users"));
    buf_clear(&text);
    buf_printf(&text, "ann:%0*d\n", USER_PASSWORD_SIZE, 0);
    write_file(text.p);
    assert_int_equal(users_read(u).kind, FAIL_PROTOCOL);
    buf_done(&text);
    unlink(path);
    why = users_read(u);
    assert_int_equal(why.kind, FAIL_GONE);
    assert_non_null(strstr(why.text, path));
    users_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_file),
        cmocka_unit_test(test_file_is_read_again),
        cmocka_unit_test(test_what_makes_no_sense_is_said_without_the_password),
        cmocka_unit_test(test_a_file_may_come_later),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
