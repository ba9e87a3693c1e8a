#include "app/cli_print.h"

#include "app/cli_out.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static long long number(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool is_true(json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

enum { WORDS_SIZE = 400, ID_SIZE = 36, ID_KEPT = 8 };

static bool is_id(const char *c)
{
    for (int i = 0; i < ID_SIZE; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? c[i] != '-' : !isxdigit((unsigned char)c[i]))
            return false;
    }
    return true;
}

/* Words with ids of processes cut to their first letters: these are for programs. */
static const char *words(json_t *object, const char *key, char out[WORDS_SIZE])
{
    size_t n = 0;

    for (const char *c = cli_text(object, key); *c && n + ID_KEPT < WORDS_SIZE - 1;) {
        bool id = is_id(c);
        size_t kept = id ? ID_KEPT : 1;

        memcpy(out + n, c, kept);
        n += kept;
        c += id ? ID_SIZE : 1;
    }
    out[n] = '\0';
    return out;
}

/* ---- status ---- */

static void line(enum paint paint, const char *name, const char *value)
{
    if (!value[0])
        return;
    cli_paint(PAINT_DIM, 11, "%s", name);
    cli_paint(paint, 0, "%s", value);
    (void)putchar('\n');
}

static void print_why_not(json_t *failover)
{
    char why[WORDS_SIZE];
    json_t *condition;
    bool any = false;
    size_t i;

    json_array_foreach (json_object_get(failover, "conditions"), i, condition) {
        if (is_true(condition, "holds"))
            continue;
        printf("why not: %s\n", words(condition, "value", why));
        any = true;
    }
    if (!any)
        printf("why not: %s\n", words(failover, "answer", why));
}

static void print_main(json_t *status, bool possible)
{
    cli_paint(possible ? PAINT_GOOD : PAINT_WARN, 0, "%s is main; %s would take over now: %s",
              cli_text(status, "main"), cli_text(status, "syncReplica"), possible ? "yes" : "NO");
}

/* The main is there, and does not acknowledge: S is away, and one command would help. */
static void print_writes_fail(json_t *status, const char *why)
{
    const char *s = cli_text(status, "syncReplica");

    cli_paint(PAINT_BAD, 0, "writes FAIL: %s", why);
    if (s[0] && strncmp(why, s, strlen(s)) == 0 && why[strlen(s)] == ' ')
        printf("\nwhat helps: %s comes back, or `memgraph-controller degrade`: %s serves alone", s,
               cli_text(status, "main"));
    (void)putchar('\n');
}

static void print_sentence(json_t *status, json_t *explain)
{
    json_t *gate = json_object_get(status, "gate"), *writes = json_object_get(explain, "writes");
    json_t *failover = json_object_get(explain, "failover");
    bool possible = is_true(failover, "possible"),
         open = strcmp(cli_text(gate, "state"), "open") == 0;

    if (!cli_text(status, "main")[0]) {
        cli_paint(PAINT_BAD, 0, "there is no main yet: %s", cli_text(status, "reason"));
    } else if (!open) {
        cli_paint(PAINT_BAD, 0, "writes wait: %s", cli_text(gate, "why"));
    } else {
        if (!is_true(writes, "possible"))
            print_writes_fail(status, cli_text(writes, "answer"));
        print_main(status, possible);
    }
    (void)putchar('\n');
    if (!possible)
        print_why_not(failover);
    (void)putchar('\n');
}

/* A line of what was put together. */
static void line_of(enum paint paint, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void line_of(enum paint paint, const char *name, const char *fmt, ...)
{
    char value[500];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    line(paint, name, value);
}

static json_t *pod_named(json_t *status, const char *name)
{
    json_t *pod;
    size_t i;

    json_array_foreach (json_object_get(status, "pods"), i, pod)
        if (strcmp(cli_text(pod, "name"), name) == 0)
            return pod;
    return NULL;
}

/* The main is gone, and nobody takes over: what a person can do. */
static void print_way_out(json_t *status, json_t *failover)
{
    const char *main = cli_text(status, "main");
    json_t *link = json_object_get(pod_named(status, main), "link");

    if (!main[0] || strcmp(cli_text(link, "state"), "down") != 0 || is_true(failover, "possible") ||
        cli_text(status, "transition")[0] || json_is_object(json_object_get(status, "paused")))
        return;
    line_of(PAINT_WARN, "what helps",
            "%s comes back: it has every acknowledged write. Only if it never will: "
            "`memgraph-controller failover --accept-data-loss`",
            main);
}

static bool is_led(json_t *failover)
{
    json_t *condition;
    size_t i;

    json_array_foreach (json_object_get(failover, "conditions"), i, condition)
        if (strcmp(cli_text(condition, "name"), "somebody leads") == 0)
            return is_true(condition, "holds");
    return true;
}

/* Who answers may be a follower, and may not hear of the API server. */
static void print_leader(json_t *status, json_t *failover)
{
    json_t *leadership = json_object_get(status, "leadership");
    const char *holder = cli_text(leadership, "holder"),
               *identity = cli_text(leadership, "identity");

    if (strcmp(holder, identity) == 0)
        line(PAINT_PLAIN, "leader", holder);
    else
        line_of(PAINT_PLAIN, "leader", "%s (%s answers)", holder[0] ? holder : "nobody", identity);
    if (!is_led(failover))
        line_of(PAINT_WARN, "kubernetes",
                "heard %lld s ago: nothing is decided until somebody leads",
                number(status, "kubernetesAgeMs") / 1000);
}

static void print_request(json_t *request)
{
    const char *pod = cli_text(request, "pod");

    if (json_is_object(request))
        line_of(PAINT_WARN, "request", "%s%s%s, since %.19sZ", cli_text(request, "kind"),
                pod[0] ? " " : "", pod, cli_text(request, "at"));
}

/* Those that are being filled anew, and those whose data do not fit. */
static void print_rebuilds(json_t *status, json_t *explain)
{
    json_t *rebuild, *one, *first;
    const char *name;
    size_t i;

    json_array_foreach (json_object_get(status, "rebuild"), i, rebuild)
        line_of(PAINT_WARN, "rebuild", "%s is being filled anew (%s)", cli_text(rebuild, "pod"),
                cli_text(rebuild, "reason"));
    json_object_foreach (json_object_get(explain, "rebuild"), name, one) {
        const char *answer = cli_text(one, "answer");

        first = json_array_get(json_object_get(one, "conditions"), 0);
        if (!is_true(first, "holds"))
            continue;
        line_of(PAINT_WARN, "rebuild", "%s (%s)%s%s%s", answer, cli_text(first, "value"),
                strstr(answer, "a person") ? ": `memgraph-controller rebuild " : "",
                strstr(answer, "a person") ? name : "", strstr(answer, "a person") ? "`" : "");
    }
}

static void print_lines(json_t *status, json_t *explain)
{
    json_t *gate = json_object_get(status, "gate");
    bool unknown = strcmp(cli_text(status, "state"), "UNKNOWN_STATE") == 0;
    bool leads = is_true(json_object_get(status, "leadership"), "leader");

    print_way_out(status, json_object_get(explain, "failover"));
    line(unknown ? PAINT_BAD : PAINT_PLAIN, "state", cli_text(status, "state"));
    if (leads || unknown) /* a follower's is that it follows */
        line(unknown ? PAINT_BAD : PAINT_PLAIN, "reason", cli_text(status, "reason"));
    line(PAINT_BOLD, "main", cli_text(status, "main"));
    line(PAINT_PLAIN, "sync", cli_text(status, "sync"));
    if (is_true(status, "degraded"))
        line_of(PAINT_WARN, "alone", "%s serves alone by decision%s%.19s: nobody can take over",
                cli_text(status, "main"), cli_text(status, "plannedUntil")[0] ? " until " : "",
                cli_text(status, "plannedUntil"));
    line_of(PAINT_PLAIN, "epoch", "%lld", number(status, "epoch"));
    line(PAINT_WARN, "transition", cli_text(status, "transition"));
    line_of(PAINT_PLAIN, "gate", "%s: %s", cli_text(gate, "state"), cli_text(gate, "why"));
    print_leader(status, json_object_get(explain, "failover"));
    line(PAINT_WARN, "paused", cli_text(json_object_get(status, "paused"), "words"));
    print_request(json_object_get(status, "request"));
    print_rebuilds(status, explain);
}

static void print_gateway(const char *name, json_t *g)
{
    if (json_is_object(g))
        line_of(PAINT_PLAIN, name, "%lld sessions, %lld waiting, %lld kB in, %lld kB out",
                number(g, "active"), number(g, "parked"), number(g, "bytesUp") / 1000,
                number(g, "bytesDown") / 1000);
}

static void print_pod(json_t *pod, int width)
{
    json_t *registration = json_object_get(pod, "registration");
    json_t *kubernetes = json_object_get(pod, "kubernetes");
    json_t *memgraph = json_object_get(pod, "memgraph");
    const char *topology = cli_text(pod, "topology"), *role = cli_text(memgraph, "role");
    const char *link = cli_text(json_object_get(pod, "link"), "state");
    const char *ready = is_true(kubernetes, "terminating") ? "ends"
                        : is_true(kubernetes, "ready")     ? "yes"
                                                           : "no";
    bool fits = strcmp(topology, "main") == 0 ? strcmp(role, "main") == 0
                                              : strcmp(role, "replica") == 0;
    const char *registered = cli_text(registration, "status")[0] ? cli_text(registration, "status")
                             : strcmp(topology, "main") == 0     ? ""
                                                                 : "none";
    bool serves = strcmp(registered, "ready") == 0 || strcmp(registered, "replicating") == 0;

    cli_paint(PAINT_BOLD, width, "%s", cli_text(pod, "name"));
    cli_paint(PAINT_PLAIN, 10, "%s", topology);
    cli_paint(fits ? PAINT_PLAIN : PAINT_BAD, 9, "%s", role);
    cli_paint(strcmp(ready, "yes") == 0 ? PAINT_GOOD : PAINT_WARN, 7, "%s", ready);
    cli_paint(strcmp(link, "up") == 0 ? PAINT_GOOD : PAINT_BAD, 12, "%s", link);
    cli_paint(serves ? PAINT_GOOD : PAINT_WARN, 13, "%s", registered);
    if (json_object_get(registration, "behind"))
        cli_paint(PAINT_PLAIN, 8, "%lld", number(registration, "behind"));
    else
        cli_paint(PAINT_PLAIN, 8, "%s", "");
    printf("%s\n", cli_text(memgraph, "version"));
}

void cli_print_status(json_t *overview)
{
    json_t *status = json_object_get(overview, "status"), *pod;
    json_t *gateways = json_object_get(status, "gateways");
    int width = 12;
    size_t i;

    print_sentence(status, json_object_get(overview, "explain"));
    print_lines(status, json_object_get(overview, "explain"));
    print_gateway("write", json_object_get(gateways, "write"));
    print_gateway("read", json_object_get(gateways, "read"));
    json_array_foreach (json_object_get(status, "pods"), i, pod)
        if ((int)strlen(cli_text(pod, "name")) + 2 > width)
            width = (int)strlen(cli_text(pod, "name")) + 2;
    (void)putchar('\n');
    cli_paint(PAINT_DIM, 0, "%-*s%-10s%-9s%-7s%-12s%-13s%-8s%s", width, "POD", "TOPOLOGY", "ROLE",
              "READY", "LINK", "REGISTERED", "BEHIND", "VERSION");
    (void)putchar('\n');
    json_array_foreach (json_object_get(status, "pods"), i, pod)
        print_pod(pod, width);
}

/* ---- history ---- */

/* What the record has, and as far as whoever answers was there, what its gateway did. */
static void print_phases(json_t *entry, json_t *clients)
{
    json_t *felt = json_object_get(clients, "ms"), *ms;
    const char *phase;

    printf("  ");
    json_object_foreach (json_object_get(entry, "ms"), phase, ms)
        if (json_integer_value(ms) > 0)
            printf("  %s %lld ms", phase, (long long)json_integer_value(ms));
    if (json_is_integer(json_object_get(felt, "route")))
        printf("  route %lld ms", number(felt, "route"));
    if (json_is_integer(json_object_get(felt, "firstAnswer")))
        printf("  first answer %lld ms", number(felt, "firstAnswer"));
    (void)putchar('\n');
    if (json_is_object(clients))
        printf("    clients: writes waited %lld ms, %lld sessions cut, at most %lld waited\n",
               number(clients, "shutMs"), number(clients, "sessionsCut"),
               number(clients, "parkedMost"));
}

void cli_print_history(json_t *history)
{
    json_t *entry;
    size_t i;

    if (json_array_size(json_object_get(history, "transitions")) == 0)
        printf("no transition so far\n");
    json_array_foreach (json_object_get(history, "transitions"), i, entry) {
        const char *from = cli_text(entry, "from");

        cli_paint(PAINT_DIM, 0, "%.23sZ", cli_text(entry, "at"));
        cli_paint(PAINT_BOLD, 0, "  %s", cli_text(entry, "kind"));
        printf("  %s%s%s  %s\n", from, from[0] ? " -> " : "", cli_text(entry, "to"),
               cli_text(entry, "why"));
        print_phases(entry, json_object_get(entry, "clients"));
    }
}

/* ---- explain ---- */

static void print_one(const char *what, json_t *explanation)
{
    bool possible = is_true(explanation, "possible");
    char value[WORDS_SIZE];
    json_t *condition;
    size_t i;

    printf("%s: ", what);
    cli_paint(possible ? PAINT_GOOD : PAINT_WARN, 0, "%s", possible ? "yes" : "NO");
    printf(": %s\n", words(explanation, "answer", value));
    json_array_foreach (json_object_get(explanation, "conditions"), i, condition) {
        json_t *age = json_object_get(condition, "ageMs");
        bool holds = is_true(condition, "holds");

        printf("  ");
        cli_paint(holds ? PAINT_GOOD : PAINT_WARN, 0, "[%s]", holds ? "x" : " ");
        printf(" %s: %s", cli_text(condition, "name"), words(condition, "value", value));
        if (json_is_integer(age))
            cli_paint(PAINT_DIM, 0, " (%.1f s ago)", (double)json_integer_value(age) / 1000);
        (void)putchar('\n');
    }
}

void cli_print_explanation(json_t *explanation)
{
    json_t *one;
    const char *pod;
    char what[200];
    bool whole = json_object_get(explanation, "failover") != NULL; /* not of one pod */

    if (whole) {
        print_one("writes", json_object_get(explanation, "writes"));
        print_one("failover", json_object_get(explanation, "failover"));
        print_one("switchover", json_object_get(explanation, "switchover"));
    }
    json_object_foreach (json_object_get(explanation, "rebuild"), pod, one) {
        json_t *needed = json_array_get(json_object_get(one, "conditions"), 0);

        (void)str_format(what, sizeof what, "rebuild of %s", pod);
        if (whole && needed && !is_true(needed, "holds")) /* shortly: nobody asks for it */
            printf("%s: no need is known: %s\n", what, cli_text(needed, "value"));
        else
            print_one(what, one);
    }
}
