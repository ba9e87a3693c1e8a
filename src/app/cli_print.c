#include "app/cli_print.h"

#include "app/cli_out.h"

#include <stdio.h>
#include <string.h>

static const char *text(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

static long long number(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool is_true(json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
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
    json_t *condition;
    bool any = false;
    size_t i;

    json_array_foreach (json_object_get(failover, "conditions"), i, condition) {
        if (is_true(condition, "holds"))
            continue;
        printf("why not: %s\n", text(condition, "value"));
        any = true;
    }
    if (!any)
        printf("why not: %s\n", text(failover, "answer"));
}

static void print_main(json_t *status, bool possible)
{
    cli_paint(possible ? PAINT_GOOD : PAINT_WARN, 0, "%s is main; %s would take over now: %s",
              text(status, "main"), text(status, "syncReplica"), possible ? "yes" : "NO");
}

/* The main is there, and does not acknowledge: S is away, and one command would help. */
static void print_writes_fail(json_t *status, const char *why)
{
    const char *s = text(status, "syncReplica");

    cli_paint(PAINT_BAD, 0, "writes FAIL: %s", why);
    if (strncmp(why, s, strlen(s)) == 0)
        printf("\nwhat helps: %s comes back, or `memgraph-controller degrade`: %s serves alone", s,
               text(status, "main"));
    (void)putchar('\n');
}

static void print_sentence(json_t *status, json_t *explain)
{
    json_t *gate = json_object_get(status, "gate"), *writes = json_object_get(explain, "writes");
    json_t *failover = json_object_get(explain, "failover");
    bool possible = is_true(failover, "possible"), open = strcmp(text(gate, "state"), "open") == 0;

    if (!text(status, "main")[0]) {
        cli_paint(PAINT_BAD, 0, "there is no main yet: %s", text(status, "reason"));
    } else if (!open) {
        cli_paint(PAINT_BAD, 0, "writes wait: %s", text(gate, "why"));
    } else {
        if (!is_true(writes, "possible"))
            print_writes_fail(status, text(writes, "answer"));
        print_main(status, possible);
    }
    (void)putchar('\n');
    if (!possible)
        print_why_not(failover);
    (void)putchar('\n');
}

static void print_lines(json_t *status)
{
    json_t *gate = json_object_get(status, "gate"), *rebuild;
    char value[400];
    size_t i;

    line(PAINT_PLAIN, "state", text(status, "state"));
    line(PAINT_PLAIN, "reason", text(status, "reason"));
    line(PAINT_BOLD, "main", text(status, "main"));
    line(PAINT_PLAIN, "sync", text(status, "sync"));
    line(PAINT_WARN, "alone till", text(status, "plannedUntil"));
    (void)str_format(value, sizeof value, "%lld", number(status, "epoch"));
    line(PAINT_PLAIN, "epoch", value);
    line(PAINT_WARN, "transition", text(status, "transition"));
    (void)str_format(value, sizeof value, "%s: %s", text(gate, "state"), text(gate, "why"));
    line(PAINT_PLAIN, "gate", value);
    line(PAINT_PLAIN, "leader", text(json_object_get(status, "leadership"), "holder"));
    line(PAINT_WARN, "paused", text(json_object_get(status, "paused"), "words"));
    line(PAINT_WARN, "request", text(json_object_get(status, "request"), "text"));
    json_array_foreach (json_object_get(status, "rebuild"), i, rebuild) {
        (void)str_format(value, sizeof value, "%s: %s", text(rebuild, "pod"),
                         text(rebuild, "reason"));
        line(PAINT_WARN, "rebuild", value);
    }
}

static void print_gateway(const char *name, json_t *g)
{
    char value[200];

    if (!json_is_object(g))
        return;
    (void)str_format(value, sizeof value, "%lld sessions, %lld waiting, %lld kB in, %lld kB out",
                     number(g, "active"), number(g, "parked"), number(g, "bytesUp") / 1000,
                     number(g, "bytesDown") / 1000);
    line(PAINT_PLAIN, name, value);
}

static void print_pod(json_t *pod, int width)
{
    json_t *registration = json_object_get(pod, "registration");
    json_t *kubernetes = json_object_get(pod, "kubernetes");
    json_t *memgraph = json_object_get(pod, "memgraph");
    const char *topology = text(pod, "topology"), *role = text(memgraph, "role");
    const char *link = text(json_object_get(pod, "link"), "state");
    const char *ready = is_true(kubernetes, "terminating") ? "ends"
                        : is_true(kubernetes, "ready")     ? "yes"
                                                           : "no";
    bool fits = strcmp(topology, "main") == 0 ? strcmp(role, "main") == 0
                                              : strcmp(role, "replica") == 0;
    const char *registered = text(registration, "status");
    bool serves = strcmp(registered, "ready") == 0 || strcmp(registered, "replicating") == 0;

    cli_paint(PAINT_BOLD, width, "%s", text(pod, "name"));
    cli_paint(PAINT_PLAIN, 10, "%s", topology);
    cli_paint(fits ? PAINT_PLAIN : PAINT_BAD, 9, "%s", role);
    cli_paint(strcmp(ready, "yes") == 0 ? PAINT_GOOD : PAINT_WARN, 7, "%s", ready);
    cli_paint(strcmp(link, "up") == 0 ? PAINT_GOOD : PAINT_BAD, 12, "%s", link);
    cli_paint(serves ? PAINT_GOOD : PAINT_WARN, 13, "%s", registered);
    if (json_object_get(registration, "behind"))
        cli_paint(PAINT_PLAIN, 8, "%lld", number(registration, "behind"));
    else
        cli_paint(PAINT_PLAIN, 8, "%s", "");
    printf("%s\n", text(memgraph, "version"));
}

void cli_print_status(json_t *overview)
{
    json_t *status = json_object_get(overview, "status"), *pod;
    json_t *gateways = json_object_get(status, "gateways");
    int width = 12;
    size_t i;

    print_sentence(status, json_object_get(overview, "explain"));
    print_lines(status);
    print_gateway("write", json_object_get(gateways, "write"));
    print_gateway("read", json_object_get(gateways, "read"));
    json_array_foreach (json_object_get(status, "pods"), i, pod)
        if ((int)strlen(text(pod, "name")) + 2 > width)
            width = (int)strlen(text(pod, "name")) + 2;
    (void)putchar('\n');
    cli_paint(PAINT_DIM, 0, "%-*s%-10s%-9s%-7s%-12s%-13s%-8s%s", width, "POD", "TOPOLOGY", "ROLE",
              "READY", "LINK", "REGISTERED", "BEHIND", "VERSION");
    (void)putchar('\n');
    json_array_foreach (json_object_get(status, "pods"), i, pod)
        print_pod(pod, width);
}

/* ---- history ---- */

static void print_phases(json_t *entry, json_t *clients)
{
    json_t *felt = json_object_get(clients, "ms"), *ms;
    const char *phase;

    printf("  ");
    json_object_foreach (json_object_get(entry, "ms"), phase, ms)
        if (json_integer_value(ms) > 0)
            printf("  %s %lld ms", phase, (long long)json_integer_value(ms));
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

    json_array_foreach (json_object_get(history, "transitions"), i, entry) {
        const char *from = text(entry, "from");

        cli_paint(PAINT_DIM, 0, "%s", text(entry, "at"));
        cli_paint(PAINT_BOLD, 0, "  %s", text(entry, "kind"));
        printf("  %s%s%s  %s\n", from, from[0] ? " -> " : "", text(entry, "to"),
               text(entry, "why"));
        print_phases(entry, json_object_get(entry, "clients"));
    }
}

/* ---- explain ---- */

static void print_one(const char *what, json_t *explanation)
{
    bool possible = is_true(explanation, "possible");
    json_t *condition;
    size_t i;

    printf("%s: ", what);
    cli_paint(possible ? PAINT_GOOD : PAINT_WARN, 0, "%s", possible ? "yes" : "NO");
    printf(": %s\n", text(explanation, "answer"));
    json_array_foreach (json_object_get(explanation, "conditions"), i, condition) {
        json_t *age = json_object_get(condition, "ageMs");
        bool holds = is_true(condition, "holds");

        printf("  ");
        cli_paint(holds ? PAINT_GOOD : PAINT_WARN, 0, "[%s]", holds ? "x" : " ");
        printf(" %s: %s", text(condition, "name"), text(condition, "value"));
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

    if (json_object_get(explanation, "failover")) {
        print_one("writes", json_object_get(explanation, "writes"));
        print_one("failover", json_object_get(explanation, "failover"));
        print_one("switchover", json_object_get(explanation, "switchover"));
    }
    json_object_foreach (json_object_get(explanation, "rebuild"), pod, one) {
        (void)str_format(what, sizeof what, "rebuild of %s", pod);
        print_one(what, one);
    }
}
