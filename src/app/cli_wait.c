#include "app/cli_wait.h"

#include "app/cli_look.h"
#include "app/run.h"
#include "core/request.h"

#include <stdio.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,
    LIMIT_MS = 75 * 1000, /* the leader itself gives up after 60 s */
    GONE_MS = 5000,       /* neither open nor answered, for a controller that is behind */
    GATE_MS = 10 * 1000,  /* served, but the gate is still closed */
    TELL_MS = 2000
};

/* What is waited for, and how far it is. */
struct wait {
    const char *recorded, *action, *pod;
    int64_t gone_ms, served_ms; /* since when; 0: it is not */
};

static void tell_served(json_t *status, const struct wait *w)
{
    const char *main = cli_text(status, "main"), *s = cli_text(status, "syncReplica");
    long long epoch = json_integer_value(json_object_get(status, "epoch"));
    json_t *gate = json_object_get(status, "gate");

    cli_paint(PAINT_GOOD, 0, "done");
    if (w->pod)
        printf(": %s is filled anew; `status` shows when it is ready\n", w->pod);
    else if (strcmp(w->action, "degrade") == 0)
        printf(": %s serves alone (epoch %lld), and cannot be replaced until %s is back\n", main,
               epoch, s);
    else
        printf(": %s is main (epoch %lld)\n", main, epoch);
    (void)fflush(stdout);
    if (strcmp(cli_text(gate, "state"), "open") != 0)
        (void)cli_trouble(0, "but writes wait: %s", cli_text(gate, "why"));
}

/* For how long something has been so. */
static int64_t lasted_ms(int64_t *since_ms)
{
    if (!*since_ms)
        *since_ms = cli_now_ms();
    return cli_now_ms() - *since_ms;
}

/* Ctrl-C takes nothing back, which is not plain to everybody. */
static void tell_waiting(int64_t waited_ms, bool *told)
{
    if (*told || waited_ms < TELL_MS || !isatty(STDERR_FILENO))
        return;
    *told = true;
    (void)cli_trouble(0, "waiting for what becomes of it; Ctrl-C ends the waiting alone");
}

/* True: there is nothing more to wait for, and *result is the exit status. */
static bool is_over(json_t *status, struct wait *w, int *result)
{
    const char *answer = request_outcome(cli_text(json_object_get(status, "record"), "answer"),
                                         w->recorded);
    const char *open = cli_text(json_object_get(status, "request"), "text");
    bool serves = strcmp(cli_text(json_object_get(status, "gate"), "state"), "open") == 0;

    if (!answer && strcmp(open, w->recorded) == 0) {
        w->gone_ms = 0;
        return false;
    }
    if (!answer && lasted_ms(&w->gone_ms) < GONE_MS)
        return false;
    if (!answer) {
        *result = cli_trouble(EXIT_UNSURE,
                              "it is not open any more, and nothing is known of its end "
                              "here: `history` has what was done");
        return true;
    }
    if (strcmp(answer, "served") != 0) {
        *result = cli_trouble(EXIT_REFUSED, "%s", answer);
        return true;
    }
    if (cli_text(status, "transition")[0] || (!serves && lasted_ms(&w->served_ms) < GATE_MS))
        return false;
    tell_served(status, w);
    *result = EXIT_OK;
    return true;
}

int cli_wait(const struct cli_options *o, const char *recorded, const char *action, const char *pod)
{
    struct wait wait = {.recorded = recorded, .action = action, .pod = pod};
    int64_t start_ms = cli_now_ms(), waited_ms = 0;
    int result = EXIT_OK, answered = EXIT_OK;
    bool told = false, over = false;

    while (!over && waited_ms < LIMIT_MS && !cli_is_interrupted()) {
        json_t *status;

        cli_sleep_ms(LOOK_MS);
        status = cli_fetch(o, "/api/v1/status", true, &answered);
        over = status && is_over(status, &wait, &result);
        json_decref(status);
        waited_ms = cli_now_ms() - start_ms;
        tell_waiting(waited_ms, &told);
    }
    if (over)
        return result;
    if (cli_is_interrupted())
        return cli_trouble(EXIT_UNSURE,
                           "it is recorded, and will be done or refused: see `status`");
    return cli_trouble(EXIT_UNSURE, "it is recorded, and not done within %d s%s: see `status`",
                       LIMIT_MS / 1000, answered == EXIT_OK ? "" : "; no controller answers");
}
