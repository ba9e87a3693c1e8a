#include "app/cli_ask.h"

#include "app/asking.h"
#include "app/cli_look.h"
#include "app/cli_out.h"
#include "app/run.h"
#include "base/alloc.h"
#include "io/kube_token.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

static const int64_t limit_ms = 15 * 1000;
enum { WAIT_LIMIT_MS = 60 * 1000, LOOK_MS = 100, RECORDED_SIZE = 200 };

static const char *text_of(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

/* ---- what became of it ---- */

/* The leader's own words about a refusal; NULL: none of late, or another controller leads. */
static const char *refusal_in(json_t *status, const char *since)
{
    json_t *decision;
    size_t i;

    json_array_foreach (json_object_get(status, "decisions"), i, decision)
        if (strcmp(text_of(decision, "at"), since) > 0 &&
            strcmp(text_of(decision, "effect"), "event") == 0 &&
            strstr(text_of(decision, "why"), "refused"))
            return text_of(decision, "why");
    return NULL;
}

static bool is_open(json_t *status)
{
    return json_is_object(json_object_get(status, "request")) || text_of(status, "transition")[0] ||
           strcmp(text_of(json_object_get(status, "gate"), "state"), "open") != 0;
}

static int tell_outcome(json_t *status, json_int_t epoch_before, const char *since, bool moves)
{
    const char *refusal = refusal_in(status, since);
    json_int_t epoch = json_integer_value(json_object_get(status, "epoch"));

    if (refusal)
        return cli_trouble(EXIT_REFUSED, "%s", refusal);
    if (moves && epoch == epoch_before)
        return cli_trouble(EXIT_REFUSED,
                           "it was refused or given up: `memgraph-controller explain` says why");
    cli_paint(PAINT_GOOD, 0, "done");
    printf(": %s (epoch %lld)\n", text_of(status, "reason"), (long long)epoch);
    return EXIT_OK;
}

/* moves: what is done begins an epoch. */
static int wait_served(const struct cli_options *o, json_t *before, bool moves)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000L * 1000};
    json_int_t epoch = json_integer_value(json_object_get(before, "epoch"));
    char since[40];

    (void)str_copy(since, sizeof since, text_of(before, "time"));
    for (int waited_ms = 0; waited_ms < WAIT_LIMIT_MS; waited_ms += LOOK_MS) {
        int result = EXIT_OK;
        json_t *status;

        (void)nanosleep(&pause, NULL);
        status = cli_fetch(o, "/api/v1/status", true, &result);
        if (status && !is_open(status)) {
            result = tell_outcome(status, epoch, since, moves);
            json_decref(status);
            return result;
        }
        json_decref(status);
    }
    return cli_trouble(EXIT_REFUSED, "not done within %d s; it may still be: see `status`",
                       WAIT_LIMIT_MS / 1000);
}

/* ---- asking ---- */

static int judge(long http, struct str answer)
{
    json_t *json = json_loadb(answer.n ? answer.p : "", answer.n, 0, NULL);
    char why[300];

    if (http == 202)
        printf("recorded: %s\n", text_of(json, "recorded"));
    else
        (void)cli_trouble(0, "refused (HTTP %ld): %s", http, asking_why(answer, why, sizeof why));
    (void)fflush(stdout);
    json_decref(json);
    return http == 202 ? EXIT_OK : EXIT_REFUSED;
}

/* POST /api/v1/admin/<action>; takes the body over. */
static int ask(const struct cli_options *o, const char *action, json_t *body)
{
    struct asking asking = {.urls = o->controllers, .method = "POST", .timeout_ms = limit_ms};
    char path[200], *text = json_dumps(body, JSON_COMPACT);
    struct kube_token token;
    struct buf answer;
    struct fail f;
    long http = 0;
    int result;

    json_decref(body);
    kube_token_init(&token, o->token_file ? o->token_file : "");
    asking.token = kube_token_get(&token);
    asking.token = asking.token ? asking.token + strlen("Bearer ") : NULL;
    asking.body = text;
    (void)str_format(path, sizeof path, "/api/v1/admin/%s", action);
    asking.path = path;
    buf_init(&answer, ANSWER_LIMIT);
    if (token.fail.kind != FAIL_NONE) {
        result = cli_trouble(EXIT_CONFIG, "the token: %s", token.fail.text);
    } else if ((f = asking_send(&asking, &http, &answer)).kind != FAIL_NONE) {
        result = cli_trouble(EXIT_NOBODY, "no controller answers: %s (--controller names others)",
                             f.text);
    } else {
        result = judge(http, buf_str(&answer));
    }
    buf_done(&answer);
    kube_token_done(&token);
    free(text);
    return result;
}

/* Asks, and waits until the leader has served it. */
static int ask_and_wait(const struct cli_options *o, const char *action, json_t *body, bool moves)
{
    int result;
    json_t *before = cli_fetch(o, "/api/v1/status", true, &result);

    result = ask(o, action, body);
    if (result == EXIT_OK && before && !o->no_wait)
        result = wait_served(o, before, moves);
    json_decref(before);
    return result;
}

int cli_switchover(const struct cli_options *o)
{
    return ask_and_wait(o, "switchover", o->to ? json_pack("{s:s}", "to", o->to) : json_object(),
                        true);
}

int cli_failover(const struct cli_options *o)
{
    if (!o->accept_data_loss)
        return cli_trouble(EXIT_TROUBLE, "a forced failover may lose acknowledged writes: say "
                                         "--accept-data-loss, or ask for a switchover");
    return ask_and_wait(o, "failover", json_pack("{s:b, s:s*}", "acceptDataLoss", 1, "to", o->to),
                        true);
}

int cli_rebuild(const struct cli_options *o)
{
    char action[200];

    (void)str_format(action, sizeof action, "rebuild/%s", o->pod);
    return ask_and_wait(o, action, json_object(), false);
}

int cli_degrade(const struct cli_options *o)
{
    return ask_and_wait(o, "degrade", json_object(), false);
}

int cli_refresh(const struct cli_options *o)
{
    return ask_and_wait(o, "refresh", json_object(), false);
}

/* Who asks, as the record takes it: visible letters without @. */
static json_t *user_json(const char *user)
{
    char name[64];

    (void)str_copy(name, sizeof name, user);
    for (char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '@')
            *c = '_';
    return json_string(name);
}

int cli_pause(const struct cli_options *o)
{
    const char *by = getenv("USER");
    json_t *body = json_object();

    if (o->limit)
        (void)json_object_set_new(body, "for", json_string(o->limit));
    if (by && by[0])
        (void)json_object_set_new(body, "by", user_json(by));
    return ask(o, "pause", body);
}

int cli_resume(const struct cli_options *o)
{
    return ask(o, "resume", json_object());
}
