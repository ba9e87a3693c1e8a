#include "app/cli_look.h"

#include "app/asking.h"
#include "app/cli_out.h"
#include "app/cli_print.h"
#include "app/run.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const int64_t limit_ms = 15 * 1000;

json_t *cli_fetch(const struct cli_options *o, const char *path, bool quiet, int *status)
{
    struct asking asking = {
        .urls = o->controllers, .method = "GET", .path = path, .timeout_ms = limit_ms};
    json_t *document = NULL;
    struct buf answer;
    struct fail f;
    long http = 0;
    char why[600];

    buf_init(&answer, ANSWER_LIMIT);
    f = asking_send(&asking, &http, &answer);
    if (f.kind == FAIL_NONE && http == 200)
        document = json_loadb(answer.n ? answer.p : "", answer.n, 0, NULL);
    if (f.kind == FAIL_NONE && !document && http < 400)
        f = fail_make(FAIL_PROTOCOL, "who answers is no controller (HTTP %ld)", http);
    else if (f.kind == FAIL_NONE && http >= 500) /* of a proxy before it */
        f = fail_make(FAIL_UNREACHABLE, "%s", asking_why(buf_str(&answer), why, sizeof why));
    *status = document ? EXIT_OK : f.kind != FAIL_NONE ? EXIT_NOBODY : EXIT_REFUSED;
    if (!document && !quiet && f.kind != FAIL_NONE)
        (void)cli_trouble(0, "no controller answers: %s (--controller names others)", f.text);
    else if (!document && !quiet)
        (void)cli_trouble(0, "refused (HTTP %ld): %s", http,
                          asking_why(buf_str(&answer), why, sizeof why));
    buf_done(&answer);
    return document;
}

static int look(const struct cli_options *o, const char *path, void (*print)(json_t *document))
{
    int status;
    json_t *document = cli_fetch(o, path, false, &status);

    if (document && o->output == OUTPUT_TABLE)
        print(document);
    else if (document)
        cli_write_document(document, o->output);
    json_decref(document);
    return status;
}

int cli_status(const struct cli_options *o)
{
    return o->output == OUTPUT_TABLE ? look(o, "/api/v1/overview", cli_print_status)
                                     : look(o, "/api/v1/status", NULL);
}

int cli_history(const struct cli_options *o)
{
    return look(o, "/api/v1/history", cli_print_history);
}

int cli_explain(const struct cli_options *o)
{
    char path[200];
    json_t *document, *asked;
    int status;

    (void)str_format(path, sizeof path, "/api/v1/explain%s%s", o->pod ? "?pod=" : "",
                     o->pod ? o->pod : "");
    document = cli_fetch(o, path, false, &status);
    if (!document)
        return status;
    if (o->output == OUTPUT_TABLE)
        cli_print_explanation(document);
    else
        cli_write_document(document, o->output);
    asked = o->pod ? json_object_get(json_object_get(document, "rebuild"), o->pod)
                   : json_object_get(document, "failover");
    status = json_is_true(json_object_get(asked, "possible")) ? EXIT_OK : EXIT_REFUSED;
    json_decref(document);
    return status;
}

/* ---- watch ---- */

static const char *text_of(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

static bool is_possible(json_t *explain, const char *what)
{
    return json_is_true(json_object_get(json_object_get(explain, what), "possible"));
}

/* Without a terminal: a line whenever something changes. */
static void tell_change(json_t *overview, char *last, size_t size)
{
    json_t *status = json_object_get(overview, "status");
    json_t *gate = json_object_get(status, "gate");
    json_t *explain = json_object_get(overview, "explain");
    bool writes = is_possible(explain, "writes"), failover = is_possible(explain, "failover");
    char now[600];

    (void)str_format(now, sizeof now, "gate=%s main=%s writes=%s failover=%s: %s",
                     text_of(gate, "state"), text_of(status, "main"),
                     writes ? "possible" : "impossible", failover ? "possible" : "impossible",
                     text_of(status, "reason"));
    if (strcmp(now, last) == 0)
        return;
    (void)str_copy(last, size, now);
    printf("%s %s\n", text_of(status, "time"), now);
}

static void draw(json_t *overview)
{
    json_t *status = json_object_get(overview, "status");

    (void)fputs("\033[H\033[J", stdout); /* the upper left corner, and nothing below */
    cli_paint(PAINT_DIM, 0, "%s  (Ctrl-C ends)", text_of(status, "time"));
    (void)fputs("\n\n", stdout);
    cli_print_status(overview);
}

int cli_watch(const struct cli_options *o)
{
    const struct timespec pause = {.tv_sec = 1};
    bool terminal = isatty(STDOUT_FILENO) != 0, told = false;
    char last[600] = "";

    for (;;) {
        int status;
        json_t *overview = cli_fetch(o, "/api/v1/overview", told, &status);

        told = !overview;
        if (overview && terminal)
            draw(overview);
        else if (overview)
            tell_change(overview, last, sizeof last);
        json_decref(overview);
        if (fflush(stdout) != 0)
            return EXIT_OK; /* nobody reads any more */
        (void)nanosleep(&pause, NULL);
    }
}
