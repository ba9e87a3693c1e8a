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

static bool not_possible(struct context *c, const struct pod *pod)
{
    return say(c, false, "%s: not possible while it is %s", pod->seen->name,
               pod->seen->terminating ? "terminating" : pods_phase(c->sb->pods, pod));
}

static bool pod_do(struct context *c, bool (*what)(struct pod *pod), const char *done)
{
    struct pod *pod = pod_wanted(c);

    if (!pod)
        return false;
    if (!what(pod))
        return not_possible(c, pod);
    return say(c, true, "%s: %s", pod->seen->name, done);
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
        return say(c, false, "%s is %s", pod->seen->name,
                   pod->frozen ? "frozen already" : "not frozen, or does not run");
    return say(c, true, "%s: %s", pod->seen->name, frozen ? "frozen" : "goes on");
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

/* What kubectl does needs the API server. */
static bool kubectl_can(struct context *c)
{
    return c->sb->api || say(c, false, "api: is down");
}

/* Tells the answer of the API server, and lets the cluster look at what was written. */
static bool kubectl_done(struct context *c, const char *name, const char *done,
                         struct kube_reply reply)
{
    bool ok = reply.status < 300;
    const char *message = json_string_value(json_object_get(reply.body, "message"));

    (void)say(c, ok, "%s: %s (HTTP %u)", name,
              ok        ? done
              : message ? message
                        : "refused",
              reply.status);
    json_decref(reply.body);
    pods_wake(c->sb->pods);
    return ok;
}

static bool do_delete(struct context *c)
{
    struct pod *pod = pod_wanted(c);
    struct str grace = c->more;
    int64_t grace_s = -1;

    if (!pod || !kubectl_can(c))
        return false;
    if (str_starts(grace, "grace "))
        (void)str_cut(&grace, ' ');
    if (grace.n && (!str_to_int64(str_trim(grace), &grace_s) || grace_s < 0))
        return say(c, false, "the grace is a number of seconds");
    return kubectl_done(c, pod->seen->name, "deleted",
                        kube_cluster_delete(pods_cluster(c->sb->pods), pod->seen->name, grace_s));
}

static bool do_evict(struct context *c)
{
    struct pod *pod = pod_wanted(c);

    return pod && kubectl_can(c) &&
           kubectl_done(c, pod->seen->name, "evicted",
                        kube_cluster_evict(pods_cluster(c->sb->pods), pod->seen->name));
}

static bool do_rollout(struct context *c)
{
    struct kube_cluster *cluster = pods_cluster(c->sb->pods);
    const char *name = c->sb->config.statefulset;

    if (!kubectl_can(c))
        return false;
    if (str_eq(c->target, "restart"))
        return kubectl_done(c, name, "restarted", kube_cluster_rollout_restart(cluster));
    if (str_eq(c->target, "undo"))
        return kubectl_done(c, name, "rolled back", kube_cluster_rollout_undo(cluster));
    return say(c, false, "rollout restart|undo");
}

/* The node of a pod: what is done to it, and by whom it is named. */
static bool node_do(struct context *c, const char *done,
                    void (*what)(struct kube_cluster *cluster, int64_t now_us, unsigned node))
{
    struct pod *pod = pod_wanted(c);
    char name[KUBE_NAME_SIZE];

    if (!pod)
        return false;
    (void)str_copy(name, sizeof name, pod->seen->name);
    what(pods_cluster(c->sb->pods), loop_now_us(c->sb->loop), pod->seen->ordinal);
    pods_wake(c->sb->pods);
    return say(c, true, "node of %s: %s", name, done);
}

static void node_lose(struct kube_cluster *cluster, int64_t now_us, unsigned node)
{
    kube_cluster_node_set(cluster, now_us, node, false);
}

static void node_return(struct kube_cluster *cluster, int64_t now_us, unsigned node)
{
    kube_cluster_node_set(cluster, now_us, node, true);
}

static bool do_drain(struct context *c)
{
    return kubectl_can(c) && node_do(c, "cordoned, its pod is evicted", kube_cluster_drain);
}

static bool do_uncordon(struct context *c)
{
    return kubectl_can(c) && node_do(c, "takes pods again", kube_cluster_uncordon);
}

static bool do_node(struct context *c)
{
    struct str action = c->target;

    c->target = c->more;
    if (str_eq(action, "down"))
        return node_do(c, "its kubelet is silent", node_lose);
    if (str_eq(action, "up"))
        return node_do(c, "its kubelet is back", node_return);
    return say(c, false, "node down|up POD");
}

static bool in_place(struct context *c, const char *done, bool wipe)
{
    struct pod *pod = pod_wanted(c);
    struct kube_cluster *cluster = pods_cluster(c->sb->pods);

    if (!pod)
        return false;
    if (pod->seen->terminating || (!wipe && pod->seen->phase != KUBE_CLUSTER_RUNNING))
        return not_possible(c, pod);
    if (wipe)
        kube_cluster_volume_lose(cluster, pod->seen->ordinal);
    (void)kube_cluster_restart(cluster, loop_now_us(c->sb->loop), pod->seen->ordinal);
    pods_wake(c->sb->pods);
    return say(c, true, "%s: %s", pod->seen->name, done);
}

static bool do_wipe(struct context *c)
{
    return in_place(c, "stops, loses its volume's contents and starts again", true);
}

static bool do_restart(struct context *c)
{
    return in_place(c, "sent SIGTERM, restarts in place", false);
}

static bool hold_set(struct context *c, bool held, const char *done)
{
    struct pod *pod = pod_wanted(c);

    if (!pod)
        return false;
    if (pod->seen->terminating || !pods_hold(c->sb->pods, pod, held))
        return not_possible(c, pod);
    return say(c, true, "%s: %s", pod->seen->name, done);
}

static bool do_stop_pod(struct context *c)
{
    return hold_set(c, true, "stops and stays down");
}

static bool do_start_pod(struct context *c)
{
    return hold_set(c, false, "starts again");
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
        sandbox_api_freeze(sb, str_eq(c->target, "freeze"));
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
    char text[40];

    if (!str_to_int64(c->target, &n) || n < 0 || n > PODS_MAX)
        return say(c, false, "scale N: 0 to %d", PODS_MAX);
    if (!kubectl_can(c))
        return false;
    (void)str_format(text, sizeof text, "%lld replicas", (long long)n);
    return kubectl_done(c, c->sb->config.statefulset, text,
                        kube_cluster_scale(pods_cluster(c->sb->pods), (unsigned)n));
}

/* Who is cut off: a set as of network.h. False: the answer says why. */
static bool nodes_wanted(struct context *c, struct str name, unsigned *out)
{
    const struct pod *pod;

    if (str_eq(name, "all")) {
        *out = NETWORK_ALL;
        return true;
    }
    if (str_eq(name, "controllers")) {
        *out = 1U << NETWORK_CONTROLLERS;
        return true;
    }
    c->target = name;
    pod = pod_wanted(c);
    *out = pod ? 1U << pod->seen->ordinal : 0;
    return pod != NULL;
}

static bool network_do(struct context *c, const char *done,
                       bool (*what)(struct network *n, unsigned a, unsigned b))
{
    struct str one = c->target, other = c->more;
    unsigned a, b;

    if (!c->sb->network)
        return say(c, false, "pods have no network of their own: this needs --netns, and root");
    if (!nodes_wanted(c, one, &a) || !nodes_wanted(c, other, &b))
        return false;
    if (a == b && (a & (a - 1)) == 0)
        return say(c, false, "%.*s is %.*s", STR_ARGS(one), STR_ARGS(other));
    if (!what(c->sb->network, a, b))
        return say(c, false, "ip failed: see standard error");
    console_event("network", done, CONSOLE_BAD, "%.*s and %.*s: %s", STR_ARGS(one), STR_ARGS(other),
                  done);
    return say(c, true, "%.*s and %.*s: %s", STR_ARGS(one), STR_ARGS(other), done);
}

static bool do_partition(struct context *c)
{
    return network_do(c, "cut", network_partition);
}

static bool do_heal(struct context *c)
{
    if (!c->target.n)
        c->target = str_of("all");
    if (!c->more.n)
        c->more = str_of("all");
    return network_do(c, "healed", network_heal);
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

static const char *node_name(const struct context *c, unsigned node, char out[KUBE_NAME_SIZE])
{
    if (node == NETWORK_CONTROLLERS)
        return "controllers";
    (void)str_format(out, KUBE_NAME_SIZE, "%s-%u", c->sb->config.statefulset, node);
    return out;
}

static void cuts_tell(struct context *c)
{
    char one[KUBE_NAME_SIZE], other[KUBE_NAME_SIZE];

    for (unsigned a = 0; a < NETWORK_NODES; a++)
        for (unsigned b = a + 1; b < NETWORK_NODES; b++)
            if (network_is_cut(c->sb->network, a, b))
                (void)str_append(c->answer, COMMAND_ANSWER_SIZE, "; cut: %s %s",
                                 node_name(c, a, one), node_name(c, b, other));
}

static bool do_status(struct context *c)
{
    struct controller *controller;
    const struct pod *pod;

    c->answer[0] = 0;
    for (unsigned i = 0; i < PODS_MAX; i++) {
        if (!(pod = pods_at(c->sb->pods, i)))
            continue;
        (void)str_append(c->answer, COMMAND_ANSWER_SIZE, "%s %s%s%s pid %ld; ", pod->seen->name,
                         pod->seen->ip, pod->seen->ready ? " ready" : " not ready",
                         pod->frozen ? " frozen" : "",
                         (long)(pod->process ? process_pid(pod->process) : 0));
    }
    for (unsigned i = 0; (controller = controllers_at(c->sb->controllers, i)); i++)
        (void)str_append(c->answer, COMMAND_ANSWER_SIZE, "%s pid %ld; ", controller->name,
                         (long)(controller->process ? process_pid(controller->process) : 0));
    (void)str_append(c->answer, COMMAND_ANSWER_SIZE, "api %s", c->sb->api ? "up" : "down");
    if (c->sb->network)
        cuts_tell(c);
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
    {"delete", "POD [GRACE]", "kubectl delete pod; 0: by force. A new uid and address follow",
     do_delete},
    {"evict", "POD", "kubectl's eviction: one pod may be missing at a time", do_evict},
    {"rollout", "restart|undo", "a rolling restart; back to what was before", do_rollout},
    {"drain", "POD", "cordons the pod's node, and evicts it", do_drain},
    {"uncordon", "POD", "its node takes pods again", do_uncordon},
    {"node", "down|up POD", "the kubelet of its node falls silent, is back", do_node},
    {"freeze", "POD|controller-I", "SIGSTOP", do_freeze},
    {"thaw", "POD|controller-I", "SIGCONT", do_thaw},
    {"restart", "POD", "SIGTERM, then a restart in place", do_restart},
    {"wipe", "POD", "a restart in place with an empty volume", do_wipe},
    {"stop-pod", "POD", "SIGTERM, and it stays down", do_stop_pod},
    {"start-pod", "POD", "ends stop-pod", do_start_pod},
    {"term", "controller-I", "SIGTERM, and it stays down", do_term},
    {"start", "controller-I", "starts it again", do_start},
    {"api", "down|up|freeze|thaw|slow T|compact", "troubles the API server", do_api},
    {"partition", "A B", "no packet passes; each a POD, controllers or all (--netns)",
     do_partition},
    {"heal", "[A [B]]", "ends it", do_heal},
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
