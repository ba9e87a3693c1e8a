/* Data that are moved aside: once for each token, one generation, and killed at every step. */
#include "app/aside.h"

#include "../cmocka_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);
int __wrap_rmdir(const char *path);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_remove(const char *path);
int __wrap_remove(const char *path);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

static int steps_left = -1; /* the process is killed before a step; -1: never */
static unsigned fsyncs;

static void step(void)
{
    if (steps_left == 0)
        _exit(9);
    if (steps_left > 0)
        steps_left--;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    step();
    return __real_mkdir(path, mode);
}

int __wrap_rmdir(const char *path)
{
    step();
    return __real_rmdir(path);
}

int __wrap_rename(const char *from, const char *to)
{
    step();
    return __real_rename(from, to);
}

int __wrap_remove(const char *path)
{
    step();
    return __real_remove(path);
}

int __wrap_fsync(int fd)
{
    step();
    fsyncs++;
    return __real_fsync(fd);
}

/* ---- a data directory ---- */

static char root[PATH_MAX];

static const char *at(const char *name)
{
    static char path[2 * PATH_MAX];

    (void)str_format(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(at(name), "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    (void)fclose(f);
}

static bool holds(const char *name, const char *text)
{
    char found[100] = "";
    FILE *f = fopen(at(name), "r");

    if (!f)
        return false;
    (void)!fread(found, 1, sizeof found - 1, f);
    (void)fclose(f);
    return strcmp(found, text) == 0;
}

static bool there(const char *name)
{
    struct stat seen;

    return lstat(at(name), &seen) == 0;
}

/* As Memgraph leaves it; `mark` tells one filling from another. */
static void fill(const char *mark)
{
    static const char *const directories[] = {"snapshots", "wal", "replication", "auth"};

    for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
        char name[100];

        assert_true(mkdir(at(directories[i]), 0750) == 0 || there(directories[i]));
        (void)str_format(name, sizeof name, "%s/file", directories[i]);
        put(name, mark);
    }
}

static int remove_one(const char *path, const struct stat *seen, int type, struct FTW *where)
{
    (void)seen;
    (void)type;
    (void)where;
    return __real_remove(path);
}

static int setup(void **state)
{
    (void)state;
    steps_left = -1;
    (void)str_copy(root, sizeof root, "/tmp/test_aside.XXXXXX");
    assert_non_null(mkdtemp(root));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    steps_left = -1;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct fail order(bool data, const char *token, bool may_overwrite, bool *acted)
{
    struct aside_order o = {data, true, may_overwrite, token};

    return aside_carry_out(root, &o, acted);
}

static void assert_done(bool data, const char *token, bool may_overwrite, bool expected)
{
    bool acted;
    struct fail f = order(data, token, may_overwrite, &acted);

    assert_string_equal(f.text, "");
    assert_int_equal(f.kind, FAIL_NONE);
    assert_int_equal(acted, expected);
}

static void test_data_go_aside_once(void **state)
{
    (void)state;
    fill("one");
    fsyncs = 0;
    assert_done(true, "uid-1", false, true);
    assert_true(fsyncs >= 8);
    assert_false(there("snapshots") || there("wal") || there("replication"));
    assert_true(holds("aside/uid-1/snapshots/file", "one"));
    assert_true(holds("aside/uid-1/wal/file", "one"));
    assert_true(holds("aside/uid-1/replication/file", "one"));
    assert_true(holds("auth/file", "one"));
    fill("two"); /* Memgraph was started, and its pod starts again */
    assert_done(true, "uid-1", false, false);
    assert_true(holds("wal/file", "two"));
}

static void test_second_generation_needs_a_person(void **state)
{
    bool acted;

    (void)state;
    fill("one");
    assert_done(true, "uid-1", false, true);
    fill("two");
    assert_int_equal(order(true, "uid-2", false, &acted).kind, FAIL_DENIED);
    assert_true(holds("wal/file", "two"));
    assert_true(holds("aside/uid-1/wal/file", "one"));
    assert_false(there("aside/uid-2"));
    assert_done(true, "uid-2", true, true);
    assert_false(there("aside/uid-1"));
    assert_true(holds("aside/uid-2/wal/file", "two"));
}

static void test_replication_alone(void **state)
{
    (void)state;
    fill("one");
    assert_done(false, "uid-1", false, true);
    assert_true(there("snapshots") && there("wal"));
    assert_false(there("replication"));
    assert_true(holds("aside/replication-uid-1/replication/file", "one"));
    fill("two");
    assert_done(false, "uid-1", false, false);
    assert_true(holds("replication/file", "two"));
    assert_done(false, "uid-2", false, true); /* an old one makes room */
    assert_false(there("aside/replication-uid-1"));
    assert_true(holds("aside/replication-uid-2/replication/file", "two"));
    fill("three"); /* and stands in no rebuild's way, nor is it touched by one */
    assert_done(true, "uid-3", false, true);
    assert_true(holds("aside/replication-uid-2/replication/file", "two"));
    fill("four");
    assert_done(false, "uid-4", false, true);
    assert_true(holds("aside/uid-3/wal/file", "three"));
}

static void test_nothing_to_do(void **state)
{
    struct aside_order none = {.token = ""};
    bool acted = true;

    (void)state;
    fill("one");
    assert_int_equal(aside_carry_out(root, &none, &acted).kind, FAIL_NONE);
    assert_false(acted || there("aside"));
    teardown(NULL);
    setup(NULL); /* an empty volume */
    assert_done(true, "uid-1", false, true);
    assert_true(there("aside/uid-1/done"));
}

static void test_tokens(void **state)
{
    static const char *const wrong[] = {"", ".", "..", "a/b", "../x", "replication-x", "a b"};

    (void)state;
    fill("one");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        bool acted;

        assert_int_equal(order(true, wrong[i], true, &acted).kind, FAIL_PROTOCOL);
        assert_false(acted || there("aside"));
    }
}

static void test_trouble_is_said(void **state)
{
    struct aside_order o = {true, true, false, "uid-1"};
    struct fail f;
    bool acted;

    (void)state;
    f = aside_carry_out("/nonexistent/data", &o, &acted);
    assert_int_not_equal(f.kind, FAIL_NONE);
    assert_non_null(strstr(f.text, "/nonexistent/data"));
    fill("one");
    assert_int_equal(mkdir(at("aside"), 0750), 0);
    assert_int_equal(mkdir(at("aside/uid-1"), 0750), 0);
    assert_int_equal(mkdir(at("aside/uid-1/wal"), 0750), 0);
    put("aside/uid-1/wal/file", "zero"); /* both hold something: which one is the right one? */
    f = order(true, "uid-1", true, &acted);
    assert_int_equal(f.kind, FAIL_PROTOCOL);
    assert_true(holds("wal/file", "one") && holds("aside/uid-1/wal/file", "zero"));
}

/* Nothing of a filling is lost: each of its files is in its place, or aside. */
static bool nothing_lost(const char *mark, const char *aside, bool data)
{
    static const char *const names[] = {"replication/file", "wal/file", "snapshots/file"};

    for (size_t i = 0; i < (data ? ARRAY_LEN(names) : 1); i++) {
        char moved[200];

        (void)str_format(moved, sizeof moved, "aside/%s/%s", aside, names[i]);
        if (holds(names[i], mark) == holds(moved, mark))
            return false;
    }
    return true;
}

/* In a process of its own, killed before the n-th step. True: it came to its end before. */
static bool ends_within(int n, bool data, bool may_overwrite)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        bool acted;

        steps_left = n;
        _exit(order(data, "uid-2", may_overwrite, &acted).kind == FAIL_NONE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9));
    return WEXITSTATUS(status) == 0;
}

static void kill_everywhere(bool data, const char *aside, bool overwrites)
{
    bool ended = false;
    int n;

    for (n = 0; !ended; n++) {
        if (overwrites) {
            fill("one");
            assert_done(data, "uid-1", false, true);
        }
        fill("two");
        ended = ends_within(n, data, overwrites);
        assert_true(nothing_lost("two", aside, data));
        /* Killed once more, two steps further, then left alone. */
        (void)ends_within(2, data, overwrites);
        assert_true(nothing_lost("two", aside, data));
        assert_true(ends_within(1000, data, overwrites));
        assert_true(nothing_lost("two", aside, data));
        assert_false(there("replication"));
        assert_int_equal(there("wal"), !data);
        assert_done(data, "uid-2", overwrites, false);
        teardown(NULL);
        setup(NULL);
    }
    assert_true(n > (data ? 9 : 5)); /* there were steps to die at */
}

static void test_killed_at_every_step(void **state)
{
    (void)state;
    kill_everywhere(true, "uid-2", false);
    kill_everywhere(true, "uid-2", true);
    kill_everywhere(false, "replication-uid-2", false);
    kill_everywhere(false, "replication-uid-2", true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(data_go_aside_once),
        TEST(second_generation_needs_a_person),
        TEST(replication_alone),
        TEST(nothing_to_do),
        TEST(tokens),
        TEST(trouble_is_said),
        TEST(killed_at_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
