/* The sandbox program: its command line, its signals, and the loop around everything. */
#include "base/duration.h"
#include "sandbox/console.h"
#include "sandbox/demo.h"
#include "sandbox/input.h"

#include <argp.h>
#include <libgen.h>
#include <signal.h>
#include <unistd.h>

enum {
    OPTION_NET = 256,
    OPTION_PODS,
    OPTION_CONTROLLERS,
    OPTION_DIR,
    OPTION_KEEP,
    OPTION_STATEFULSET,
    OPTION_APP,
    OPTION_MEMGRAPH,
    OPTION_CONTROLLER,
    OPTION_NO_RESTART,
    OPTION_CONTROLLERS_WAIT,
    OPTION_RESTART_DELAY,
    OPTION_NO_BACKOFF,
    OPTION_GRACE,
    OPTION_ENV,
    OPTION_INIT_HOOK,
    OPTION_STOP_HOOK,
    OPTION_READY_FILE,
    OPTION_CLIENT,
    OPTION_NO_CLIENT,
    OPTION_ORDERED,
    OPTION_INIT,
    OPTION_PRESTOP,
    OPTION_NETNS
};

static const struct argp_option options[] = {
    {"pods", OPTION_PODS, "N", 0, "Memgraph servers (default 3)", 0},
    {"controllers", OPTION_CONTROLLERS, "N", 0, "controller processes (default: demo 1, run 0)", 0},
    {"net", OPTION_NET, "B", 0, "addresses are 127.B.x.y; 1 to 254 (default 20)", 0},
    {"netns", OPTION_NETNS, NULL, 0, "a network namespace for each pod (as root)", 0},
    {"dir", OPTION_DIR, "DIR", 0, "volumes and logs (default: a new directory under /tmp)", 0},
    {"keep", OPTION_KEEP, NULL, 0, "leave the directory at the end", 0},
    {"statefulset", OPTION_STATEFULSET, "NAME", 0, "pods are NAME-0, NAME-1 ... (memgraph)", 0},
    {"app", OPTION_APP, "NAME", 0, "value of their label app.kubernetes.io/name (memgraph)", 0},
    {"memgraph", OPTION_MEMGRAPH, "PATH", 0, "the server (default: memgraph-sim beside me)", 0},
    {"controller", OPTION_CONTROLLER, "PATH", 0, "default: memgraph-controller beside me", 0},
    {"env", OPTION_ENV, "KEY=VALUE", 0, "for the controllers; may be given again", 0},
    {"no-controller-restart", OPTION_NO_RESTART, NULL, 0, "a controller that ends stays down", 0},
    {"controllers-wait", OPTION_CONTROLLERS_WAIT, NULL, 0, "they start by command only", 0},
    {"restart-delay", OPTION_RESTART_DELAY, "T", 0, "before a restart in place (1s)", 0},
    {"no-backoff", OPTION_NO_BACKOFF, NULL, 0, "the delay does not double after quick deaths", 0},
    {"grace", OPTION_GRACE, "SECONDS", 0, "a pod's time to stop, its hook's too (30)", 0},
    {"ordered", OPTION_ORDERED, NULL, 0, "pods are made one after the other (OrderedReady)", 0},
    {"init", OPTION_INIT, NULL, 0, "pods start with the controller's init (demo: default)", 0},
    {"prestop", OPTION_PRESTOP, NULL, 0, "and end with its prestop (demo: default)", 0},
    {"init-hook", OPTION_INIT_HOOK, "CMD", 0, "sh -c CMD as the init container", 0},
    {"stop-hook", OPTION_STOP_HOOK, "CMD", 0, "sh -c CMD as the preStop hook", 0},
    {"client", OPTION_CLIENT, NULL, 0, "write through the gateway all the time (demo: default)", 0},
    {"no-client", OPTION_NO_CLIENT, NULL, 0, "do not", 0},
    {"ready-file", OPTION_READY_FILE, "F", 0, "write the state to F when everything is started", 0},
    {0}};

static unsigned number_parse(struct argp_state *state, const char *text, unsigned max)
{
    int64_t n;

    if (!str_to_int64(str_of(text), &n) || n < 0 || n > max)
        argp_error(state, "'%s' is not a number from 0 to %u", text, max);
    return (unsigned)n;
}

static void env_add(struct argp_state *state, struct sandbox_config *config, const char *text)
{
    if (!strchr(text, '='))
        argp_error(state, "--env wants KEY=VALUE");
    if (config->env_count == SANDBOX_ENV_MAX)
        argp_error(state, "too many --env");
    config->env[config->env_count++] = text;
}

static void number_option(struct argp_state *state, struct sandbox_config *config, int key,
                          const char *arg)
{
    int64_t delay_ms;

    if (key == OPTION_PODS)
        config->pods = number_parse(state, arg, PODS_MAX);
    else if (key == OPTION_CONTROLLERS)
        config->controllers = number_parse(state, arg, CONTROLLERS_MAX);
    else if (key == OPTION_NET)
        config->net = number_parse(state, arg, 254);
    else if (key == OPTION_GRACE)
        config->grace_s = number_parse(state, arg, 3600);
    else if (duration_parse(str_of(arg), &delay_ms))
        config->restart_delay_us = delay_ms * 1000;
    else
        argp_error(state, "'%s' is not a duration such as 500ms", arg);
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
    struct sandbox_config *config = state->input;
    struct {
        int key;
        const char **to;
    } const texts[] = {
        {OPTION_DIR, &config->directory},
        {OPTION_STATEFULSET, &config->statefulset},
        {OPTION_APP, &config->app},
        {OPTION_MEMGRAPH, &config->memgraph},
        {OPTION_CONTROLLER, &config->controller},
        {OPTION_INIT_HOOK, &config->init_hook},
        {OPTION_STOP_HOOK, &config->stop_hook},
        {OPTION_READY_FILE, &config->ready_file},
    };
    struct {
        int key;
        bool *to;
    } const flags[] = {
        {OPTION_KEEP, &config->keep},
        {OPTION_NO_BACKOFF, &config->no_backoff},
        {OPTION_CONTROLLERS_WAIT, &config->controllers_wait},
        {OPTION_ORDERED, &config->ordered},
        {OPTION_INIT, &config->init},
        {OPTION_PRESTOP, &config->prestop},
        {OPTION_NETNS, &config->netns},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].key != key)
            continue;
        *texts[i].to = arg;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (flags[i].key != key)
            continue;
        *flags[i].to = true;
        return 0;
    }
    switch (key) {
    case OPTION_PODS:
    case OPTION_CONTROLLERS:
    case OPTION_NET:
    case OPTION_GRACE:
    case OPTION_RESTART_DELAY:
        number_option(state, config, key, arg);
        return 0;
    case OPTION_ENV:
        env_add(state, config, arg);
        return 0;
    case OPTION_NO_RESTART:
        config->restart_controllers = false;
        return 0;
    case OPTION_CLIENT:
    case OPTION_NO_CLIENT:
        config->client = key == OPTION_CLIENT;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* A program beside our own. */
static const char *beside_me(const char *name, char *out, size_t size)
{
    char me[512];
    ssize_t n = readlink("/proc/self/exe", me, sizeof me - 1);

    me[n > 0 ? n : 0] = 0;
    (void)str_format(out, size, "%s/%s", dirname(me), name);
    return out;
}

static bool program_check(const char *path, const char *option)
{
    if (access(path, X_OK) == 0)
        return true;
    fprintf(stderr, "sandbox: cannot run %s: %m (build it, or say %s PATH)\n", path, option);
    return false;
}

static void on_signal(void *arg, int signo)
{
    (void)signo;
    sandbox_stop(arg);
}

static int sandbox_run(const struct sandbox_config *config)
{
    struct sandbox sb = {0};
    struct loop_signal *interrupt, *terminate, *hangup;
    struct input *input;
    struct demo *demo;
    struct fail why;

    if (!sandbox_start(&sb, config, &why)) {
        fprintf(stderr, "sandbox: %s\n", why.text);
        sandbox_done(&sb);
        return 1;
    }
    interrupt = loop_signal_new(sb.loop, SIGINT, on_signal, &sb);
    terminate = loop_signal_new(sb.loop, SIGTERM, on_signal, &sb);
    hangup = loop_signal_new(sb.loop, SIGHUP, on_signal, &sb);
    input = input_start(&sb);
    demo = demo_start(&sb);
    loop_run(sb.loop);
    demo_free(demo);
    input_free(input);
    loop_signal_free(interrupt);
    loop_signal_free(terminate);
    loop_signal_free(hangup);
    sandbox_done(&sb);
    return 0;
}

int main(int argc, char **argv)
{
    static const char doc[] = "A whole cluster on loopback: a simulated Kubernetes API server, "
                              "simulated Memgraph servers "
                              "and the real controller.\vdemo (the default) tells people what "
                              "happens, run tells programs "
                              "(JSON lines). Commands are read from standard input; try help.";
    static const struct argp argp = {options, on_option, "[demo|run]", doc, NULL, NULL, NULL};
    char memgraph[600], controller[600];
    bool run = argc > 1 && strcmp(argv[1], "run") == 0;
    bool named = run || (argc > 1 && strcmp(argv[1], "demo") == 0);
    struct sandbox_config config = {
        .demo = !run,
        .client = !run,
        .init = !run,
        .prestop = !run,
        .restart_controllers = true,
        .net = 20,
        .pods = 3,
        .controllers = run ? 0 : 1,
        .statefulset = "memgraph",
        .app = "memgraph",
        .init_hook = "",
        .stop_hook = "",
        .grace_s = 30,
        .restart_delay_us = 1000000,
        .memgraph = beside_me("memgraph-sim", memgraph, sizeof memgraph),
        .controller = beside_me("memgraph-controller", controller, sizeof controller)};

    if (named) {
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    if (argp_parse(&argp, argc, argv, 0, NULL, &config) != 0)
        return 2;
    if (config.net == 0) {
        fprintf(stderr, "sandbox: --net is 1 to 254\n");
        return 2;
    }
    if (!program_check(config.memgraph, "--memgraph") ||
        (config.controllers && !program_check(config.controller, "--controller")))
        return 2;
    console_setup(config.demo ? CONSOLE_WORDS : CONSOLE_JSON);
    return sandbox_run(&config);
}
