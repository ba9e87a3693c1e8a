#include "sandbox/controllers.h"

#include "base/alloc.h"
#include "sandbox/console.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>

enum { ENV_MAX = 64, TEXTS_MAX = 16, ENV_SIZE = 640 };

struct controllers {
    const struct controllers_config *config;
    unsigned count;
    bool stopping;
    struct controller controller[CONTROLLERS_MAX];
};

/* The environment of one process, while it is being started. */
struct environment {
    char text[TEXTS_MAX][ENV_SIZE]; /* of ours */
    size_t texts;
    const char *list[ENV_MAX + 1];
    size_t n;
};

static void PRINTF_LIKE(2, 3) env_add(struct environment *env, const char *fmt, ...)
{
    va_list args;

    assert(env->texts < TEXTS_MAX && env->n < ENV_MAX);
    va_start(args, fmt);
    vsnprintf(env->text[env->texts], ENV_SIZE, fmt, args);
    va_end(args);
    env->list[env->n++] = env->text[env->texts++];
}

static void environment_fill(struct environment *env, const struct controller *c)
{
    const struct controllers_config *config = c->all->config;

    /* The first one of a name counts. */
    for (size_t i = 0; config->env[i]; i++)
        env->list[env->n++] = config->env[i];
    env_add(env, "KUBE_API_URL=%s", config->api_url);
    env_add(env, "KUBE_TOKEN_FILE=%s", config->token_file);
    env_add(env, "NAMESPACE=default");
    env_add(env, "STATEFULSET_NAME=%s", config->statefulset);
    env_add(env, "APP_NAME=%s", config->app);
    env_add(env, "POD_NAME=%s", c->name);
    env_add(env, "GATEWAY_ENABLED=true");
    env_add(env, "GATEWAY_BIND_ADDRESS=%s:%d", c->ip, CONTROLLERS_PORT_WRITE);
    env_add(env, "ENABLE_READ_GATEWAY=true");
    env_add(env, "GATEWAY_READ_BIND_ADDRESS=%s:%d", c->ip, CONTROLLERS_PORT_READ);
    env_add(env, "HTTP_PORT=%d", CONTROLLERS_PORT_HTTP);
    env_add(env, "HTTP_BIND_ADDRESS=%s", c->ip);
    env_add(env, "ADMIN_TOKEN_FILE=%s", config->token_file);
    env_add(env, "LOG_FORMAT=json");
    env_add(env, "SHUTDOWN_GRACE=100ms");
}

static void on_line(void *arg, struct str line)
{
    const struct controller *c = arg;
    const struct controllers_config *config = c->all->config;

    config->on_line(config->arg, c->name, line);
}

static void on_exit_of(void *arg, int status)
{
    struct controller *c = arg;
    const struct controllers_config *config = c->all->config;
    bool again = config->restart && !c->held && !c->all->stopping;
    char text[80];

    console_event(c->name, "ended", c->held ? CONSOLE_PLAIN : CONSOLE_BAD,
                  "process %ld ended: %s%s", (long)process_pid(c->process),
                  process_describe(status, text, sizeof text), again ? ", starts again soon" : "");
    process_free(c->process);
    c->process = NULL;
    if (again)
        timer_start(c->timer, config->restart_delay_us);
}

bool controllers_launch(struct controller *c)
{
    const struct controllers_config *config = c->all->config;
    const char *const argv[] = {config->program, "run", NULL};
    struct environment *env;
    char log[512];
    struct process_config process = {.loop = config->loop,
                                     .argv = argv,
                                     .log_file = log,
                                     .on_exit = on_exit_of,
                                     .on_line = on_line,
                                     .arg = c};
    struct fail why;

    if (c->process)
        return false;
    timer_stop(c->timer);
    c->held = false;
    env = xcalloc(1, sizeof *env);
    environment_fill(env, c);
    process.env = env->list;
    (void)str_format(log, sizeof log, "%s/logs/%s.log", config->directory, c->name);
    c->process = process_start(&process, &why);
    free(env);
    if (!c->process) {
        console_event(c->name, "error", CONSOLE_BAD, "%s", why.text);
        timer_start(c->timer, config->restart_delay_us);
        return false;
    }
    console_event(c->name, "started", CONSOLE_PLAIN, "process %ld on %s",
                  (long)process_pid(c->process), c->ip);
    return true;
}

static void on_timer(void *arg)
{
    (void)controllers_launch(arg);
}

struct controllers *controllers_start(const struct controllers_config *config)
{
    struct controllers *cs = xcalloc(1, sizeof *cs);

    cs->config = config;
    cs->count = config->count;
    for (unsigned i = 0; i < cs->count; i++) {
        struct controller *c = &cs->controller[i];

        c->all = cs;
        (void)str_format(c->name, sizeof c->name, "controller-%u", i);
        (void)str_format(c->ip, sizeof c->ip, "%s%u", config->addresses, i + 1);
        c->timer = timer_new(config->loop, on_timer, c);
        if (!config->wait)
            (void)controllers_launch(c);
    }
    return cs;
}

void controllers_free(struct controllers *cs)
{
    if (!cs)
        return;
    for (unsigned i = 0; i < cs->count; i++) {
        process_free(cs->controller[i].process);
        timer_free(cs->controller[i].timer);
    }
    free(cs);
}

struct controller *controllers_at(struct controllers *cs, unsigned index)
{
    return index < cs->count ? &cs->controller[index] : NULL;
}

struct controller *controllers_find(struct controllers *cs, struct str name)
{
    for (unsigned i = 0; i < cs->count; i++)
        if (str_eq(name, cs->controller[i].name))
            return &cs->controller[i];
    return NULL;
}

bool controllers_signal(struct controller *c, int signo, bool hold)
{
    if (!c->process)
        return false;
    c->held = hold;
    process_signal(c->process, signo);
    return true;
}

void controllers_stop_all(struct controllers *cs)
{
    cs->stopping = true;
    for (unsigned i = 0; i < cs->count; i++) {
        timer_stop(cs->controller[i].timer);
        if (cs->controller[i].process) {
            process_signal(cs->controller[i].process, SIGTERM);
            process_signal(cs->controller[i].process, SIGCONT);
        }
    }
}

bool controllers_any_running(const struct controllers *cs)
{
    for (unsigned i = 0; i < cs->count; i++)
        if (cs->controller[i].process)
            return true;
    return false;
}
