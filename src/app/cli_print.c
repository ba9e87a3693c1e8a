#include "app/cli_print.h"

#include "app/cli.h"
#include "app/run.h"

#include <stdio.h>
#include <string.h>

static const char *text(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

static void line(const char *name, const char *value)
{
    if (value[0])
        printf("%-10s %s\n", name, value);
}

static void print_pod(json_t *pod)
{
    json_t *registration = json_object_get(pod, "registration");
    json_t *kubernetes = json_object_get(pod, "kubernetes");

    printf("%-20s %-9s %-8s %-6s %-11s %-12s", text(pod, "name"), text(pod, "topology"),
           text(json_object_get(pod, "memgraph"), "role"),
           json_is_true(json_object_get(kubernetes, "terminating")) ? "ends"
           : json_is_true(json_object_get(kubernetes, "ready"))     ? "yes"
                                                                    : "no",
           text(json_object_get(pod, "link"), "state"), text(registration, "status"));
    if (json_object_get(registration, "behind"))
        printf(" %lld", (long long)json_integer_value(json_object_get(registration, "behind")));
    putchar('\n');
}

int cli_print_status(json_t *status)
{
    json_t *gate = json_object_get(status, "gate"), *pod;
    char value[400];
    size_t i;

    line("state", text(status, "state"));
    line("reason", text(status, "reason"));
    line("main", text(status, "main"));
    line("sync", text(status, "sync"));
    line("until", text(status, "plannedUntil"));
    line("epoch", (str_format(value, sizeof value, "%lld",
                              (long long)json_integer_value(json_object_get(status, "epoch"))),
                   value));
    line("transition", text(status, "transition"));
    (void)str_format(value, sizeof value, "%s: %s", text(gate, "state"), text(gate, "why"));
    line("gate", value);
    line("leader", text(json_object_get(status, "leadership"), "holder"));
    line("paused", text(json_object_get(status, "paused"), "by"));
    line("request", text(json_object_get(status, "request"), "text"));
    printf("\n%-20s %-9s %-8s %-6s %-11s %-12s %s\n", "POD", "TOPOLOGY", "ROLE", "READY", "LINK",
           "REGISTERED", "BEHIND");
    json_array_foreach (json_object_get(status, "pods"), i, pod)
        print_pod(pod);
    return EXIT_OK;
}

int cli_print_history(json_t *status)
{
    json_t *history = json_object_get(json_object_get(status, "record"), "history"), *entry;
    size_t i;

    json_array_foreach (history, i, entry) {
        json_t *phases = json_object_get(entry, "ms"), *ms;
        const char *phase;

        printf("%s  %-10s %s%s%s  %s\n", text(entry, "at"), text(entry, "kind"),
               text(entry, "from"), text(entry, "from")[0] ? " -> " : "", text(entry, "to"),
               text(entry, "why"));
        printf("   ");
        json_object_foreach (phases, phase, ms)
            printf(" %s %lld ms", phase, (long long)json_integer_value(ms));
        putchar('\n');
    }
    return EXIT_OK;
}

static bool print_one(const char *what, json_t *explanation)
{
    bool possible = json_is_true(json_object_get(explanation, "possible"));
    json_t *condition;
    size_t i;

    printf("%s: %s: %s\n", what, possible ? "yes" : "NO", text(explanation, "answer"));
    json_array_foreach (json_object_get(explanation, "conditions"), i, condition) {
        json_t *age = json_object_get(condition, "ageMs");

        printf("  [%s] %s: %s", json_is_true(json_object_get(condition, "holds")) ? "x" : " ",
               text(condition, "name"), text(condition, "value"));
        if (json_is_integer(age))
            printf(" (%.1f s ago)", (double)json_integer_value(age) / 1000);
        putchar('\n');
    }
    return possible;
}

int cli_print_explanation(json_t *explanation)
{
    json_t *rebuild = json_object_get(explanation, "rebuild"), *one;
    json_t *failover = json_object_get(explanation, "failover");
    bool yes = true;
    const char *pod;
    char what[200];

    if (failover) {
        yes = print_one("failover", failover);
        (void)print_one("switchover", json_object_get(explanation, "switchover"));
    }
    json_object_foreach (rebuild, pod, one) {
        bool possible;

        (void)str_format(what, sizeof what, "rebuild of %s", pod);
        possible = print_one(what, one);
        yes = failover ? yes : possible;
    }
    return yes ? EXIT_OK : EXIT_REFUSED;
}
