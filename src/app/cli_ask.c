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

/* What the record says became of this request; NULL: nothing yet, as far as this controller sees.
 */
static const char *answer_to(json_t *status, const char *request)
{
    const char *answer = text_of(json_object_get(status, "record"), "answer");
    size_t n = strlen(request);

    return strncmp(answer, request, n) == 0 && strncmp(answer + n, ": ", 2) == 0 ? answer + n + 2
                                                                                 : NULL;
}

static bool is_at_rest(json_t *status)
{
    return !text_of(status, "transition")[0] &&
           strcmp(text_of(json_object_get(status, "gate"), "state"), "open") == 0;
}

/* False: it is to be asked again. */
static bool tell_outcome(json_t *status, const char *request, int *result)
{
    const char *answer = answer_to(status, request);

    if (!answer)
        return false;
    if (strcmp(answer, "served") != 0) {
        *result = cli_trouble(EXIT_REFUSED, "%s", answer);
        return true;
    }
    if (!is_at_rest(status))
        return false;
    cli_paint(PAINT_GOOD, 0, "done");
    printf(": %s is main (epoch %lld)\n", text_of(status, "main"),
           (long long)json_integer_value(json_object_get(status, "epoch")));
    *result = EXIT_OK;
    return true;
}

static int wait_served(const struct cli_options *o, const char *request)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000L * 1000};

    for (int waited_ms = 0; waited_ms < WAIT_LIMIT_MS; waited_ms += LOOK_MS) {
        int result = EXIT_OK;
        json_t *status;
        bool told;

        (void)nanosleep(&pause, NULL);
        status = cli_fetch(o, "/api/v1/status", true, &result);
        told = status && tell_outcome(status, request, &result);
        json_decref(status);
        if (told)
            return result;
    }
    return cli_trouble(EXIT_REFUSED, "not done within %d s; it may still be: see `status`",
                       WAIT_LIMIT_MS / 1000);
}

/* ---- asking ---- */

static int judge(long http, struct str answer, char recorded[RECORDED_SIZE])
{
    json_t *json = json_loadb(answer.n ? answer.p : "", answer.n, 0, NULL);
    char why[600];

    (void)str_copy(recorded, RECORDED_SIZE, text_of(json, "recorded"));
    if (http == 202)
        printf("recorded: %s\n", recorded);
    else
        (void)cli_trouble(0, "refused (HTTP %ld): %s", http, asking_why(answer, why, sizeof why));
    (void)fflush(stdout);
    json_decref(json);
    return http == 202 ? EXIT_OK : EXIT_REFUSED;
}

/* POST /api/v1/admin/<action>; takes the body over. recorded: the request's text. */
static int ask(const struct cli_options *o, const char *action, json_t *body,
               char recorded[RECORDED_SIZE])
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
        result = judge(http, buf_str(&answer), recorded);
    }
    buf_done(&answer);
    kube_token_done(&token);
    free(text);
    return result;
}

/* Asks, and waits until the leader has served it. */
static int ask_and_wait(const struct cli_options *o, const char *action, json_t *body)
{
    char recorded[RECORDED_SIZE];
    int result = ask(o, action, body, recorded);

    return result == EXIT_OK && !o->no_wait ? wait_served(o, recorded) : result;
}

int cli_switchover(const struct cli_options *o)
{
    return ask_and_wait(o, "switchover", o->to ? json_pack("{s:s}", "to", o->to) : json_object());
}

int cli_failover(const struct cli_options *o)
{
    if (!o->accept_data_loss)
        return cli_trouble(EXIT_TROUBLE, "a forced failover may lose acknowledged writes: say "
                                         "--accept-data-loss, or ask for a switchover");
    return ask_and_wait(o, "failover", json_pack("{s:b, s:s*}", "acceptDataLoss", 1, "to", o->to));
}

int cli_rebuild(const struct cli_options *o)
{
    char action[200];

    (void)str_format(action, sizeof action, "rebuild/%s", o->pod);
    return ask_and_wait(o, action, json_object());
}

int cli_degrade(const struct cli_options *o)
{
    return ask_and_wait(o, "degrade", json_object());
}

int cli_refresh(const struct cli_options *o)
{
    return ask_and_wait(o, "refresh", json_object());
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
    char recorded[RECORDED_SIZE];

    if (o->limit)
        (void)json_object_set_new(body, "for", json_string(o->limit));
    if (by && by[0])
        (void)json_object_set_new(body, "by", user_json(by));
    return ask(o, "pause", body, recorded);
}

int cli_resume(const struct cli_options *o)
{
    char recorded[RECORDED_SIZE];

    return ask(o, "resume", json_object(), recorded);
}
