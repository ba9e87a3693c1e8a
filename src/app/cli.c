#include "app/cli.h"

#include "app/asking.h"
#include "app/cli_pod.h"
#include "app/cli_print.h"
#include "app/install.h"
#include "app/run.h"
#include "app/try_out.h"
#include "base/alloc.h"
#include "io/kube_token.h"

#include <stdarg.h>
#include <stdio.h>

static const int64_t limit_ms = 15 * 1000;

int cli_trouble(int status, const char *fmt, ...)
{
    va_list args;

    (void)fputs("memgraph-controller: ", stderr);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return status;
}

/* ---- what is only looked at ---- */

/* Asks for a document and hands it to print, whose status it returns. */
static int look(const struct cli_options *o, const char *path, int (*print)(json_t *document))
{
    struct asking asking = {
        .urls = o->controllers, .method = "GET", .path = path, .timeout_ms = limit_ms};
    struct buf answer;
    struct fail f;
    json_t *document;
    long status = 0;
    char why[300];
    int result;

    buf_init(&answer, ANSWER_LIMIT);
    f = asking_send(&asking, &status, &answer);
    document = f.kind == FAIL_NONE && status == 200 ? json_loadb(answer.p, answer.n, 0, NULL)
                                                    : NULL;
    if (f.kind != FAIL_NONE)
        result = cli_trouble(EXIT_NOBODY, "no controller answers: %s (--controller names others)",
                             f.text);
    else if (document)
        result = print(document);
    else
        result = cli_trouble(EXIT_REFUSED, "%s", asking_why(buf_str(&answer), why, sizeof why));
    json_decref(document);
    buf_done(&answer);
    return result;
}

static int run_status(const struct cli_options *o)
{
    return look(o, "/api/v1/status", cli_print_status);
}

static int run_history(const struct cli_options *o)
{
    return look(o, "/api/v1/status", cli_print_history);
}

static int run_explain(const struct cli_options *o)
{
    char path[200];

    (void)str_format(path, sizeof path, "/api/v1/explain%s%s", o->pod ? "?pod=" : "",
                     o->pod ? o->pod : "");
    return look(o, path, cli_print_explanation);
}

/* ---- what is asked for ---- */

static int judge(long status, struct str answer)
{
    json_t *json = json_loadb(answer.n ? answer.p : "", answer.n, 0, NULL);
    const char *recorded = json_string_value(json_object_get(json, "recorded"));
    char why[300];

    if (status == 202)
        printf("recorded: %s (`memgraph-controller status` tells what becomes of it)\n",
               recorded ? recorded : "");
    else
        (void)cli_trouble(0, "refused (HTTP %ld): %s", status, asking_why(answer, why, sizeof why));
    json_decref(json);
    return status == 202 ? EXIT_OK : EXIT_REFUSED;
}

/* POST /api/v1/admin/<action>; takes the body over. */
static int ask(const struct cli_options *o, const char *action, json_t *body)
{
    struct asking asking = {.urls = o->controllers, .method = "POST", .timeout_ms = limit_ms};
    char path[200], *text = json_dumps(body, JSON_COMPACT);
    struct kube_token token;
    struct buf answer;
    struct fail f;
    long status = 0;
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
    } else if ((f = asking_send(&asking, &status, &answer)).kind != FAIL_NONE) {
        result = cli_trouble(EXIT_NOBODY, "no controller answers: %s (--controller names others)",
                             f.text);
    } else {
        result = judge(status, buf_str(&answer));
    }
    buf_done(&answer);
    kube_token_done(&token);
    free(text);
    return result;
}

static int run_switchover(const struct cli_options *o)
{
    return ask(o, "switchover", o->to ? json_pack("{s:s}", "to", o->to) : json_object());
}

static int run_failover(const struct cli_options *o)
{
    if (!o->accept_data_loss)
        return cli_trouble(EXIT_TROUBLE, "a forced failover may lose acknowledged writes: say "
                                         "--accept-data-loss, or ask for a switchover");
    return ask(o, "failover", json_pack("{s:b, s:s*}", "acceptDataLoss", 1, "to", o->to));
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

static int run_pause(const struct cli_options *o)
{
    const char *by = getenv("USER");
    json_t *body = json_object();

    if (o->limit)
        (void)json_object_set_new(body, "for", json_string(o->limit));
    if (by && by[0])
        (void)json_object_set_new(body, "by", user_json(by));
    return ask(o, "pause", body);
}

static int run_resume(const struct cli_options *o)
{
    return ask(o, "resume", json_object());
}

static int run_rebuild(const struct cli_options *o)
{
    char action[200];

    (void)str_format(action, sizeof action, "rebuild/%s", o->pod);
    return ask(o, action, json_object());
}

static int run_degrade(const struct cli_options *o)
{
    return ask(o, "degrade", json_object());
}

static int run_refresh(const struct cli_options *o)
{
    return ask(o, "refresh", json_object());
}

static int run_install(const struct cli_options *o)
{
    struct fail f = install_self(o->pod);

    return f.kind == FAIL_NONE ? EXIT_OK : cli_trouble(EXIT_TROUBLE, "install: %s", f.text);
}

static int run_try(const struct cli_options *o)
{
    static const int64_t limit_us = 60 * 1000000;
    struct try_out t = {o->write, o->read, getenv("MEMGRAPH_USER"), getenv("MEMGRAPH_PASSWORD"),
                        limit_us};
    struct fail f;

    if (!t.write)
        return cli_trouble(EXIT_TROUBLE, "try wants --write HOST:PORT");
    f = try_out_run(&t);
    return f.kind == FAIL_NONE ? EXIT_OK : cli_trouble(EXIT_TROUBLE, "try: %s", f.text);
}

const struct cli_command cli_commands[] = {
    {"status", "the cluster in a few lines", NO_POD, 0, run_status},
    {"explain", "what would happen if the main died now, and why not", MAY_POD, 0, run_explain},
    {"history", "the last 20 epochs", NO_POD, 0, run_history},
    {"switchover", "move the main to the SYNC replica", NO_POD, CLI_TO, run_switchover},
    {"failover", "make the other of the pair main (or --to POD) although writes may be lost", NO_POD,
     CLI_ACCEPT | CLI_TO, run_failover},
    {"rebuild", "fill a replica anew; its data are kept aside", MUST_POD, 0, run_rebuild},
    {"degrade", "let the main serve without its SYNC replica", NO_POD, 0, run_degrade},
    {"refresh", "begin a new epoch on the same main", NO_POD, 0, run_refresh},
    {"pause", "decide nothing until resumed", NO_POD, CLI_FOR, run_pause},
    {"resume", "decide again", NO_POD, 0, run_resume},
    {"prestop", "a pod's preStop hook: wait until it may stop", MAY_POD, 0, cli_pod_prestop},
    {"init", "a pod's init container: move data aside if so decided", MAY_POD, CLI_DATA,
     cli_pod_init},
    {"install", "a pod's init container: copy this program to where the hook finds it",
     MUST_DIRECTORY, 0, run_install},
    {"try", "write and read through the gateways, as a client does", NO_POD, CLI_TRY, run_try},
};
const size_t cli_commands_n = ARRAY_LEN(cli_commands);
