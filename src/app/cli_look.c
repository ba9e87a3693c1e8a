#include "app/cli_look.h"

#include "app/asking.h"
#include "app/cli_out.h"
#include "app/cli_print.h"
#include "app/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
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
                     cli_text(gate, "state"), cli_text(status, "main"),
                     writes ? "possible" : "impossible", failover ? "possible" : "impossible",
                     cli_text(status, "reason"));
    if (strcmp(now, last) == 0)
        return;
    (void)str_copy(last, size, now);
    printf("%s %s\n", cli_text(status, "time"), now);
}

/* As many lines as the terminal shows, so that the first ones stay in sight. A line that is longer
 * than it is wide takes several; what colours it takes no room. */
static void write_screen(const char *text)
{
    struct winsize size;
    unsigned column = 0, row = 0;
    const char *c;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        size = (struct winsize){.ws_row = 24, .ws_col = 80}; /* not every terminal tells */
    for (c = text; *c && row + 1 < size.ws_row; c++) {
        if (*c == '\033')
            c += strcspn(c, "mHJ");
        else if (*c == '\n' || ++column > size.ws_col)
            row++;
        if (*c == '\n' || column > size.ws_col)
            column = *c != '\n';
    }
    (void)fwrite(text, 1, (size_t)(c - text), stdout);
    if (*c)
        (void)fputs("\033[0m", stdout); /* it may end in the middle of a colour */
}

/* away_ms: for how long no controller has answered; the picture is that old. */
static void draw(json_t *overview, int64_t away_ms)
{
    json_t *status = json_object_get(overview, "status");
    FILE *terminal = stdout;
    char *text = NULL;
    size_t n;

    stdout = open_memstream(&text, &n);
    if (!stdout) {
        stdout = terminal;
        return;
    }
    (void)fputs("\033[H\033[J", stdout); /* the upper left corner, and nothing below */
    if (away_ms)
        cli_paint(PAINT_BAD, 0, "NO CONTROLLER ANSWERS, for %lld s: so it was at %.19sZ",
                  (long long)(away_ms + 999) / 1000, cli_text(status, "time"));
    else
        cli_paint(PAINT_DIM, 0, "%.19sZ", cli_text(status, "time"));
    cli_paint(PAINT_DIM, 0, "  (Ctrl-C ends)");
    (void)fputs("\n\n", stdout);
    cli_print_status(overview);
    (void)fclose(stdout);
    stdout = terminal;
    write_screen(text);
    free(text);
}

int cli_watch(const struct cli_options *o)
{
    bool terminal = isatty(STDOUT_FILENO) != 0, told = false;
    json_t *last = NULL;
    int64_t seen_ms = 0;
    char line[600] = "";

    for (;;) {
        int status;
        json_t *overview = cli_fetch(o, "/api/v1/overview", told || (terminal && last), &status);

        told = !overview;
        if (overview) {
            json_decref(last);
            last = overview;
            seen_ms = cli_now_ms();
        }
        if (last && terminal)
            draw(last, overview ? 0 : cli_now_ms() - seen_ms);
        else if (overview)
            tell_change(overview, line, sizeof line);
        if (fflush(stdout) != 0) {
            json_decref(last);
            return EXIT_OK; /* nobody reads any more */
        }
        cli_sleep_ms(1000);
    }
}
