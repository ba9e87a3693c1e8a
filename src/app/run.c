#include "app/run.h"

#include "app/api.h"
#include "gateway/pipes.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *from_environment(const char *name)
{
    return getenv(name);
}

/* All that is wrong, a line each. */
static bool read_config(struct config *config)
{
    struct buf errors;
    struct str rest;
    bool ok;

    buf_init(&errors, 64 * 1024);
    ok = config_read(config, from_environment, &errors);
    rest = buf_str(&errors);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');

        fprintf(stderr, "memgraph-controller: %.*s\n", STR_ARGS(line));
    }
    buf_done(&errors);
    return ok;
}

int run_check_config(void)
{
    struct config config;

    if (!read_config(&config))
        return EXIT_CONFIG;
    for (size_t i = 0; i < config_count(); i++) {
        struct config_entry e = config_entry_at(i);
        const char *value = getenv(e.name);
        bool secret = strcmp(e.name, "MEMGRAPH_PASSWORD") == 0;

        printf("%s=%s\n", e.name, !value || !value[0] ? e.fallback : secret ? "***" : value);
    }
    return EXIT_OK;
}

static void on_signal(void *arg, int signo)
{
    log_event(LOG_INFO, "controller", "signal", "name", strsignal(signo), NULL);
    controller_stop(arg);
}

static int run(struct loop *loop, const struct config *config)
{
    struct loop_signal *term, *interrupt;
    struct controller *c;
    struct fail why = {0};
    struct api *api;
    int status;

    c = controller_new(loop, config, &why);
    api = c ? api_new(c, &why) : NULL;
    if (!api) {
        log_event(LOG_ERROR, "controller", "cannot start", "error", why.text, NULL);
        controller_free(c);
        return EXIT_CONFIG;
    }
    term = loop_signal_new(loop, SIGTERM, on_signal, c);
    interrupt = loop_signal_new(loop, SIGINT, on_signal, c);
    log_event(LOG_INFO, "controller", "started", "identity", config->pod, "statefulset",
              config->statefulset, "namespace", config->namespace_, NULL);
    loop_run(loop);
    status = c->exit_status;
    loop_signal_free(term);
    loop_signal_free(interrupt);
    api_free(api);
    controller_free(c);
    return status;
}

/* A client takes two descriptors, and so does a pipe of a worker. Should they run out, the probes
 * and the Kubernetes API would lack them as well, so the limit is raised as far as we may. */
static void raise_limit(const struct config *config)
{
    enum { OWN_DESCRIPTORS = 512 };
    int64_t gateways = (config->gateway ? 1 : 0) + (config->read_gateway ? 1 : 0);
    int64_t pipes = (int64_t)config_gateway_workers(config) * PIPES_MAX;
    rlim_t wanted = (rlim_t)(gateways * 2 * (config->max_connections + pipes) + OWN_DESCRIPTORS);
    char needs[32], has[32];
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return;
    (void)str_format(needs, sizeof needs, "%llu", (unsigned long long)wanted);
    (void)str_format(has, sizeof has, "%llu", (unsigned long long)limit.rlim_cur);
    log_event(
        LOG_WARN, "controller",
        "too few descriptors for GATEWAY_MAX_CONNECTIONS clients: raise the limit (ulimit -n) "
        "or lower the variable",
        "limit", has, "needed", needs, NULL);
}

/* A Secret may lack a key, and get it later: both files are read again when they are wanted. */
static void warn_if_missing(const char *variable, const char *path)
{
    if (path[0] && access(path, F_OK) != 0 && errno == ENOENT)
        log_event(LOG_WARN, "controller", "a file is not there: it counts as empty until it is",
                  "variable", variable, "path", path, NULL);
}

int run_controller(void)
{
    struct config config;
    struct loop *loop;
    int status;

    if (!read_config(&config))
        return EXIT_CONFIG;
    log_setup((enum log_level)config.log_level, (enum log_format)config.log_format);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_limit(&config);
    warn_if_missing("MEMGRAPH_USERS_FILE", config.users_file);
    warn_if_missing("ADMIN_TOKEN_FILE", config.admin_token_file);
    loop = loop_new();
    status = run(loop, &config);
    loop_free(loop);
    log_event(LOG_INFO, "controller", "stopped", NULL);
    return status;
}
