#include "app/cli_ask.h"

#include "app/asking.h"
#include "app/cli_wait.h"
#include "app/run.h"
#include "base/alloc.h"
#include "base/duration.h"
#include "core/record.h"
#include "io/kube_token.h"

#include <jansson.h>
#include <stdio.h>

static const int64_t limit_ms = 15 * 1000;
enum { RECORDED_SIZE = 200 };

static int judge(long http, struct str answer, char recorded[RECORDED_SIZE])
{
    json_t *json = json_loadb(answer.n ? answer.p : "", answer.n, 0, NULL);
    char why[600];
    bool is_ours;

    is_ours = json_object_get(json, "error") != NULL; /* a proxy's words have none */
    (void)str_copy(recorded, RECORDED_SIZE, cli_text(json, "recorded"));
    json_decref(json);
    if (http == 202)
        return EXIT_OK;
    if (http == 401)
        return cli_trouble(EXIT_REFUSED,
                           "refused: no admin token, or a wrong one; --token-file FILE "
                           "(else ADMIN_TOKEN_FILE) names it");
    if (http == 502 || http == 504 || (http == 503 && !is_ours))
        return cli_trouble(EXIT_UNSURE, "it may have been recorded all the same (HTTP %ld): %s",
                           http, asking_why(answer, why, sizeof why));
    return cli_trouble(EXIT_REFUSED, "refused (HTTP %ld): %s", http,
                       asking_why(answer, why, sizeof why));
}

static int tell_failure(const struct fail *f)
{
    if (f->kind == FAIL_GONE)
        return cli_trouble(EXIT_UNSURE,
                           "%s: it may have been recorded all the same; `status` shows an "
                           "open request, `history` what was done",
                           f->text);
    return cli_trouble(EXIT_NOBODY, "no controller answers: %s (--controller names others)",
                       f->text);
}

/* POST /api/v1/admin/<action>, with the pod behind it; takes the body over. recorded: what now
 * stands in the record. */
static int ask(const struct cli_options *o, const char *action, json_t *body,
               char recorded[RECORDED_SIZE])
{
    struct asking asking = {
        .urls = o->controllers, .method = "POST", .timeout_ms = limit_ms, .once = true};
    char path[400], *text = json_dumps(body, JSON_COMPACT);
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
    (void)str_format(path, sizeof path, "/api/v1/admin/%s%s%s", action, o->pod ? "/" : "",
                     o->pod ? o->pod : "");
    asking.path = path;
    buf_init(&answer, ANSWER_LIMIT);
    if (token.fail.kind != FAIL_NONE)
        result = cli_trouble(EXIT_CONFIG, "the token: %s", token.fail.text);
    else if ((f = asking_send(&asking, &http, &answer)).kind != FAIL_NONE)
        result = tell_failure(&f);
    else
        result = judge(http, buf_str(&answer), recorded);
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

    if (result != EXIT_OK)
        return result;
    printf("recorded: %s\n", recorded);
    (void)fflush(stdout);
    return o->no_wait ? EXIT_OK : cli_wait(o, recorded, action, o->pod);
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
    return ask_and_wait(o, "rebuild", json_object());
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
    char recorded[RECORDED_SIZE];
    const char *by = getenv("USER");
    struct record record = {0};
    char words[NOTE_SIZE];
    json_t *body;
    int64_t for_ms;
    int result;

    if (o->limit && (!duration_parse(str_of(o->limit), &for_ms) || for_ms == 0))
        return cli_trouble(EXIT_TROUBLE, "'%s': wanted a duration such as 30m, 1h or 1h30m",
                           o->limit);
    body = json_object();
    if (o->limit)
        (void)json_object_set_new(body, "for", json_string(o->limit));
    if (by && by[0])
        (void)json_object_set_new(body, "by", user_json(by));
    result = ask(o, "pause", body, recorded);
    if (result != EXIT_OK)
        return result;
    (void)str_copy(record.paused, sizeof record.paused, recorded);
    printf("paused %s: nobody takes over if the main dies; `resume` ends it\n",
           record_pause_words(&record, words));
    return EXIT_OK;
}

int cli_resume(const struct cli_options *o)
{
    char recorded[RECORDED_SIZE];
    int result = ask(o, "resume", json_object(), recorded);

    if (result == EXIT_OK)
        printf("resumed\n");
    return result;
}
