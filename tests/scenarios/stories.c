/* stories: all of them, or the one that is named. STORY_TRACE=1 tells everything in words. */
#include "tests/scenarios/story.h"

#include "tests/unit/cmocka_test.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STORIES_MAX = 100 };

/* In a process of its own: the simulated world is one in each, and one that failed is not tidy. */
static void run_story(void **state)
{
    const struct story_entry *entry = *state;
    int status = 0;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        entry->tell(entry->name);
        (void)fflush(stdout);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static size_t add(struct CMUnitTest *tests, size_t n, const struct story_entry *entries,
                  const char *only)
{
    for (; entries->name; entries++) {
        const union {
            const struct story_entry *in;
            void *out; /* read only */
        } entry = {.in = entries};

        if (only && strcmp(only, entries->name) != 0)
            continue;
        tests[n++] = (struct CMUnitTest){
            .name = entries->name, .test_func = run_story, .initial_state = entry.out};
    }
    return n;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[STORIES_MAX];
    const char *only = argc > 1 ? argv[1] : NULL;
    size_t n = add(tests, 0, stories_failures, only);

    n = add(tests, n, stories_network, only);
    n = add(tests, n, stories_planned, only);
    n = add(tests, n, stories_hands, only);
    n = add(tests, n, stories_crash_points, only);
    if (!n) {
        (void)fprintf(stderr, "no story '%s'\n", only);
        return 2;
    }
    return _cmocka_run_group_tests("stories", tests, n, NULL, NULL);
}
