#include "sandbox/command.h"

#include "base/duration.h"
#include "sandbox/console.h"

#include <signal.h>
#include <stdarg.h>

struct context {
    struct sandbox *sb;
    struct str target, more; /* the words after the command's own */
    char *answer;
};

static bool PRINTF_LIKE(3, 4) say(struct context *c, bool ok, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(c->answer, COMMAND_ANSWER_SIZE, fmt, args);
    va_end(args);
    return ok;
}

/* NULL: the answer says why. */
static struct pod *pod_wanted(struct context *c)
{
    struct pod *pod = c->target.n ? sandbox_pod(c->sb, c->target) : NULL;

    if (!pod)
        (void)say(c, false, "no pod '%.*s' now", STR_ARGS(c->target));
    return pod;
}

static bool pod_do(struct context *c, bool (*what)(struct pod *pod), const char *done)
{
    struct pod *pod = pod_wanted(c);

    if (!pod)
        return false;
    if (!what(pod))
        return say(c, false, "%s: not possible while it is %s", pod->name,
                   pod->terminating ? "terminating" : pod_phase_name(pod->phase));
    return say(c, true, "%s: %s", pod->name, done);
}

static bool controller_do(struct context *c, struct controller *controller, int signo, bool hold)
{
    if (!controllers_signal(controller, signo, hold))
        return say(c, false, "%s does not run", controller->name);
    return say(c, true, "%s: sent %s", controller->name, strsignal(signo));
}

static bool do_kill(struct context *c)
{
    struct controller *controller = controllers_find(c->sb->controllers, c->target);

    if (controller)
        return controller_do(c, controller, SIGKILL, false);
    return pod_do(c, pod_kill, "killed");
}

static bool do_term(struct context *c)
{
    struct controller *controller = controllers_find(c->sb->controllers, c->target);

    if (!controller)
        return say(c, false, "no controller '%.*s'", STR_ARGS(c->target));
    return controller_do(c, controller, SIGTERM, true);
}

static bool freeze_set(struct context *c, bool frozen)
{
    struct controller *controller = controllers_find(c->sb->controllers, c->target);
    struct pod *pod;

    if (controller)
        return controller_do(c, controller, frozen ? SIGSTOP : SIGCONT, controller->held);
    pod = pod_wanted(c);
    if (!pod)
        return false;
    if (!pod_freeze(pod, frozen))
        return say(c, false, "%s is %s", pod->name,
                   pod->frozen ? "frozen already" : "not frozen, or does not run");
    return say(c, true, "%s: %s", pod->name, frozen ? "frozen" : "goes on");
}

static bool do_freeze(struct context *c)
{
    return freeze_set(c, true);
}

static bool do_thaw(struct context *c)
{
    return freeze_set(c, false);
}

static bool do_start(struct context *c)
{
    struct controller *controller = controllers_find(c->sb->controllers, c->target);

    if (!controller)
        return say(c, false, "no controller '%.*s'", STR_ARGS(c->target));
    if (!controllers_launch(controller))
        return say(c, false, "%s runs already, or cannot be started", controller->name);
    return say(c, true, "%s: started", controller->name);
}

static bool do_delete(struct context *c)
{
    struct kube_delete how = {.grace_s = -1};
    struct kube_key key = {.resource = KUBE_PODS, .ns = "default"};
    struct pod *pod = pod_wanted(c);
    struct kube_reply reply;
    char name[64];

    if (!pod)
        return false;
    if (c->more.n && (!str_to_int64(c->more, &how.grace_s) || how.grace_s < 0))
        return say(c, false, "the grace is a number of seconds");
    (void)str_copy(name, sizeof name, pod->name);
    key.name = name;
    reply = kube_store_delete(c->sb->store, &key, &how);
    json_decref(reply.body);
    return say(c, reply.status == 200, "%s: deleted (HTTP %u)", name, reply.status);
}

static bool do_wipe(struct context *c)
{
    return pod_do(c, pod_wipe, "stops, loses its volume's contents and starts again");
}

static bool do_restart(struct context *c)
{
    return pod_do(c, pod_restart, "sent SIGTERM, restarts in place");
}

static bool do_stop_pod(struct context *c)
{
    return pod_do(c, pod_stop, "stops and stays down");
}

static bool do_start_pod(struct context *c)
{
    return pod_do(c, pod_start, "starts again");
}

static bool api_slow(struct context *c)
{
    int64_t delay_ms;

    if (!duration_parse(c->more, &delay_ms))
        return say(c, false, "api slow DURATION, such as 300ms; 0 ends it");
    api_server_set_delay(c->sb->api, delay_ms * 1000);
    return say(c, true, "api: every request waits %lld ms", (long long)delay_ms);
}

static bool do_api(struct context *c)
{
    struct sandbox *sb = c->sb;
    struct fail why;

    if (str_eq(c->target, "up")) {
        if (!sandbox_api_up(sb, &why))
            return say(c, false, "%s", why.text);
        console_event("api", "up", CONSOLE_GOOD, "API server is up");
        return say(c, true, "api: up");
    }
    if (!sb->api)
        return say(c, false, "api: is down");
    if (str_eq(c->target, "down")) {
        sandbox_api_down(sb);
        console_event("api", "down", CONSOLE_BAD, "API server is down");
    } else if (str_eq(c->target, "freeze") || str_eq(c->target, "thaw")) {
        api_server_freeze(sb->api, str_eq(c->target, "freeze"));
    } else if (str_eq(c->target, "slow")) {
        return api_slow(c);
    } else if (str_eq(c->target, "compact")) {
        kube_store_compact(sb->store);
        api_server_wake(sb->api);
    } else {
        return say(c, false, "api down|up|freeze|thaw|slow DURATION|compact");
    }
    return say(c, true, "api: %.*s", STR_ARGS(c->target));
}

static bool do_scale(struct context *c)
{
    int64_t n;

    if (!str_to_int64(c->target, &n) || n < 0 || n > PODS_MAX)
        return say(c, false, "scale N: 0 to %d", PODS_MAX);
    pods_scale(c->sb->pods, (unsigned)n);
    return say(c, true, "%s: %lld replicas", c->sb->config.statefulset, (long long)n);
}

static bool do_record(struct context *c)
{
    json_t *record = sandbox_record(c->sb);
    char *text;

    if (!record)
        return say(c, false, "there is no record yet");
    text = json_dumps(record, JSON_COMPACT);
    (void)say(c, true, "%s", text ? text : "");
    free(text);
    return true;
}

static bool do_status(struct context *c)
{
    struct controller *controller;
    const struct pod *pod;

    c->answer[0] = 0;
    for (unsigned i = 0; i < PODS_MAX; i++) {
        if (!(pod = pods_at(c->sb->pods, i)))
            continue;
        (void)str_append(c->answer, COMMAND_ANSWER_SIZE, "%s %s%s%s pid %ld; ", pod->name, pod->ip,
                         pod->ready ? " ready" : " not ready", pod->frozen ? " frozen" : "",
                         (long)(pod->process ? process_pid(pod->process) : 0));
    }
    for (unsigned i = 0; (controller = controllers_at(c->sb->controllers, i)); i++)
        (void)str_append(c->answer, COMMAND_ANSWER_SIZE, "%s pid %ld; ", controller->name,
                         (long)(controller->process ? process_pid(controller->process) : 0));
    (void)str_append(c->answer, COMMAND_ANSWER_SIZE, "api %s", c->sb->api ? "up" : "down");
    return true;
}

static bool do_quit(struct context *c)
{
    sandbox_stop(c->sb);
    return say(c, true, "stopping");
}

static bool do_help(struct context *c);

static const struct {
    const char *name, *args, *help;
    bool (*run)(struct context *c);
} commands[] = {
    {"kill", "POD|controller-I", "SIGKILL; a POD is main, sync, async or a name", do_kill},
    {"delete", "POD [GRACE]", "deletes the pod: SIGTERM, then a new uid and a new address",
     do_delete},
    {"freeze", "POD|controller-I", "SIGSTOP", do_freeze},
    {"thaw", "POD|controller-I", "SIGCONT", do_thaw},
    {"restart", "POD", "SIGTERM, then a restart in place", do_restart},
    {"wipe", "POD", "a restart in place with an empty volume", do_wipe},
    {"stop-pod", "POD", "SIGTERM, and it stays down", do_stop_pod},
    {"start-pod", "POD", "ends stop-pod", do_start_pod},
    {"term", "controller-I", "SIGTERM, and it stays down", do_term},
    {"start", "controller-I", "starts it again", do_start},
    {"api", "down|up|freeze|thaw|slow T|compact", "troubles the API server", do_api},
    {"scale", "N", "changes the number of pods", do_scale},
    {"record", "", "the controller's record", do_record},
    {"status", "", "what runs where", do_status},
    {"help", "", "this list", do_help},
    {"quit", "", "stops everything", do_quit},
};

static bool do_help(struct context *c)
{
    c->answer[0] = 0;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        (void)str_append(c->answer, COMMAND_ANSWER_SIZE, "%s  %s%s%s: %s", i ? "\n" : "",
                         commands[i].name, *commands[i].args ? " " : "", commands[i].args,
                         commands[i].help);
    return true;
}

bool command_run(struct sandbox *sb, struct str line, char answer[COMMAND_ANSWER_SIZE])
{
    struct context c = {.sb = sb, .answer = answer};
    struct str rest = str_trim(line), name = str_cut(&rest, ' ');

    rest = str_trim(rest);
    c.target = str_cut(&rest, ' ');
    c.more = str_trim(rest);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (str_eq(name, commands[i].name))
            return commands[i].run(&c);
    return say(&c, false, "unknown command '%.*s'; try help", STR_ARGS(name));
}
