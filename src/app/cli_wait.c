#include "app/cli_wait.h"

#include "app/cli_look.h"
#include "app/run.h"

#include <stdio.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,
    LIMIT_MS = 75 * 1000, /* the leader itself gives up after 60 s */
    CLOSED_MS = 3000,     /* for the leader's reason, or a follower that is behind */
    GATE_MS = 10 * 1000,  /* done, but the gate is still closed */
    TELL_MS = 2000
};

enum verdict {
    VERDICT_OPEN,    /* it is in the record, or an epoch is being begun */
    VERDICT_DONE,    /* what it asked for has come about */
    VERDICT_REFUSED, /* the leader said so */
    VERDICT_CLOSED   /* it is not in the record, and nothing came of it */
};

static const char *text_of(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

/* The leader's own words about the refusal of this request; NULL: none. */
static const char *refusal_in(json_t *status, const char *recorded)
{
    json_t *decision;
    size_t i;

    json_array_foreach (json_object_get(status, "decisions"), i, decision)
        if (strcmp(text_of(decision, "effect"), "event") == 0 &&
            strstr(text_of(decision, "why"), recorded) &&
            strstr(text_of(decision, "why"), " was refused: "))
            return text_of(decision, "why");
    return NULL;
}

static bool is_rebuilt(json_t *status, const char *pod)
{
    json_t *entry;
    size_t i;

    json_array_foreach (json_object_get(status, "rebuild"), i, entry)
        if (strcmp(text_of(entry, "pod"), pod) == 0)
            return true;
    return false;
}

/* Empty: it is not there, or not known. */
static const char *uid_of(json_t *status, const char *name)
{
    json_t *pod;
    size_t i;

    json_array_foreach (json_object_get(status, "pods"), i, pod)
        if (strcmp(text_of(pod, "name"), name) == 0)
            return text_of(json_object_get(pod, "kubernetes"), "uid");
    return "";
}

void cli_wait_note_pod(const struct cli_options *o, struct cli_asked *asked)
{
    int status;
    json_t *document = cli_fetch(o, "/api/v1/status", true, &status);

    (void)str_copy(asked->uid, sizeof asked->uid, uid_of(document, asked->pod));
    json_decref(document);
}

/* Its pod is deleted for it: soon there is another one. */
static bool is_another(json_t *status, const struct cli_asked *a)
{
    const char *uid = uid_of(status, a->pod);

    return a->uid[0] && uid[0] && strcmp(uid, a->uid) != 0;
}

static bool is_done(json_t *status, const struct cli_asked *a)
{
    if (a->pod)
        return is_rebuilt(status, a->pod) || is_another(status, a);
    if (strcmp(a->action, "switchover") == 0)
        return strcmp(text_of(status, "main"), a->main) != 0;
    return json_integer_value(json_object_get(status, "epoch")) > a->epoch;
}

static enum verdict judge(json_t *status, const struct cli_asked *a)
{
    const char *open = text_of(json_object_get(status, "request"), "text");

    if (refusal_in(status, a->recorded))
        return VERDICT_REFUSED;
    if (strcmp(open, a->recorded) == 0 || text_of(status, "transition")[0])
        return VERDICT_OPEN;
    return is_done(status, a) ? VERDICT_DONE : VERDICT_CLOSED;
}

static void tell_done(json_t *status, const struct cli_asked *a)
{
    const char *main = text_of(status, "main"), *s = text_of(status, "syncReplica");
    json_t *gate = json_object_get(status, "gate");

    cli_paint(PAINT_GOOD, 0, "done");
    if (a->pod && is_rebuilt(status, a->pod))
        printf(": %s is being filled anew; `status` shows when it is ready\n", a->pod);
    else if (a->pod)
        printf(": %s was filled anew\n", a->pod);
    else if (strcmp(a->action, "degrade") == 0)
        printf(": %s serves alone (epoch %lld), and cannot be replaced until %s is back\n", main,
               (long long)json_integer_value(json_object_get(status, "epoch")), s);
    else
        printf(": %s is main (epoch %lld)\n", main,
               (long long)json_integer_value(json_object_get(status, "epoch")));
    (void)fflush(stdout);
    if (strcmp(text_of(gate, "state"), "open") != 0)
        (void)cli_trouble(0, "but writes wait: %s", text_of(gate, "why"));
}

/* Ctrl-C takes nothing back, which is not plain to everybody. */
static void tell_waiting(int64_t waited_ms, bool *told)
{
    if (*told || waited_ms < TELL_MS || !isatty(STDERR_FILENO))
        return;
    *told = true;
    (void)cli_trouble(0, "waiting for what becomes of it; Ctrl-C ends the waiting alone");
}

/* How long things have been as they are. */
struct since {
    enum verdict verdict;
    int64_t ms;
};

/* True: there is nothing more to wait for, and *result is the exit status. */
static bool is_over(json_t *status, const struct cli_asked *a, struct since *since, int *result)
{
    bool open = strcmp(text_of(json_object_get(status, "gate"), "state"), "open") == 0;
    enum verdict verdict = judge(status, a);

    if (verdict != since->verdict)
        *since = (struct since){verdict, cli_now_ms()};
    switch (verdict) {
    case VERDICT_OPEN:
        return false;
    case VERDICT_REFUSED:
        *result = cli_trouble(EXIT_REFUSED, "%s", refusal_in(status, a->recorded));
        return true;
    case VERDICT_CLOSED:
        if (cli_now_ms() - since->ms < CLOSED_MS)
            return false;
        *result = cli_trouble(EXIT_REFUSED, "the leader refused it or gave it up; its log and the "
                                            "Event RequestRefused say why");
        return true;
    case VERDICT_DONE:
        if (!open && cli_now_ms() - since->ms < GATE_MS)
            return false;
        tell_done(status, a);
        *result = EXIT_OK;
        return true;
    }
    return false;
}

int cli_wait(const struct cli_options *o, const struct cli_asked *asked)
{
    struct since since = {VERDICT_OPEN, 0};
    int64_t start_ms = cli_now_ms(), waited_ms = 0;
    bool told = false, over = false;
    int result = EXIT_OK, answered = EXIT_OK;

    while (!over && waited_ms < LIMIT_MS && !cli_is_interrupted()) {
        json_t *status;

        cli_sleep_ms(LOOK_MS);
        status = cli_fetch(o, "/api/v1/status", true, &answered);
        over = status && is_over(status, asked, &since, &result);
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
