/* The log on standard error, when nobody reads that: the test's own pipe. */
#include "base/log.h"

#include "../cmocka_test.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIPE_PAGES = 4, TIME_LIMIT_S = 30 }; /* a write that waits fails the test */

static int saved, reader;
static char text[64 * 1024];

static int set_up(void **state)
{
    int fd[2];

    (void)state;
    (void)alarm(TIME_LIMIT_S);
    saved = dup(STDERR_FILENO);
    if (saved < 0 || pipe(fd) < 0 || fcntl(fd[1], F_SETPIPE_SZ, PIPE_PAGES * PIPE_BUF) < 0 ||
        fcntl(fd[0], F_SETFL, O_NONBLOCK) < 0 || dup2(fd[1], STDERR_FILENO) < 0)
        return -1;
    close(fd[1]);
    reader = fd[0];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)dup2(saved, STDERR_FILENO);
    close(saved);
    close(reader);
    (void)alarm(0);
    return 0;
}

/* What is there, as lines. */
static unsigned read_lines(void)
{
    ssize_t got = read(reader, text, sizeof text - 1);
    unsigned lines = 0;

    text[got > 0 ? got : 0] = '\0';
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    return lines;
}

static void test_nobody_waits_for_the_reader(void **state)
{
    enum { LINES = 1000 };
    const char *told;
    unsigned there;

    (void)state;
    for (int i = 0; i < LINES; i++)
        log_event(LOG_INFO, "test", "a line that is to be read", NULL);
    there = read_lines();
    assert_in_range(there, 1, LINES - 1);
    log_event(LOG_INFO, "test", "the reader is back", NULL);
    assert_int_equal(read_lines(), 2);
    assert_non_null(strstr(text, "the reader is back"));
    told = strstr(text, "lines=");
    assert_non_null(told);
    assert_int_equal(strtoul(told + strlen("lines="), NULL, 10), LINES - there);
    log_event(LOG_INFO, "test", "it is told once", NULL);
    assert_int_equal(read_lines(), 1);
}

/* A pipe of one page is full with one line: there is never room for what tells of the others. */
static void test_what_was_lost_is_told_when_there_is_room(void **state)
{
    (void)state;
    assert_true(fcntl(reader, F_SETPIPE_SZ, PIPE_BUF) >= 0);
    for (int i = 0; i < 10; i++)
        log_event(LOG_INFO, "test", "a line that is to be read", NULL);
    assert_int_equal(read_lines(), 1);
    log_event(LOG_INFO, "test", "the only one with room", NULL);
    assert_int_equal(read_lines(), 1);
    assert_true(fcntl(reader, F_SETPIPE_SZ, PIPE_PAGES * PIPE_BUF) >= 0);
    log_event(LOG_INFO, "test", "the reader is back", NULL);
    assert_int_equal(read_lines(), 2);
    assert_non_null(strstr(text, " lines=9\n"));
}

static void test_a_long_line_is_cut_short(void **state)
{
    static char much[2 * PIPE_BUF];

    (void)state;
    memset(much, 'x', sizeof much - 1);
    log_event(LOG_INFO, "test", much, NULL);
    assert_int_equal(read_lines(), 1);
    assert_int_equal(strlen(text), PIPE_BUF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody_waits_for_the_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_lost_is_told_when_there_is_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_line_is_cut_short, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
