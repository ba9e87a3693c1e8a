#include "sim/host_memgraph.h"

#include "base/alloc.h"
#include "sim/process.h"

#include <signal.h>

enum { BOLT_PORT = 7687 };

struct memgraph_host {
    struct memgraph_host_config config;
    struct loop *process;
    struct memgraph_server *server; /* NULL: it loads */
    struct happening load, term;
    bool open, silent_end;
    int code;
};

static void on_end(void *arg)
{
    struct memgraph_host *m = arg;

    memgraph_server_free(m->server);
    happening_cancel(&m->load);
    happening_cancel(&m->term);
    process_free(m->process);
    if (!m->silent_end)
        m->config.on_end(m->config.arg, m->code);
    free(m);
}

static void die(struct memgraph_host *m, int code)
{
    if (process_alive(m->process))
        m->code = code;
    process_kill(m->process);
}

static void persist(void *arg, enum mg_file file, bool append, struct str bytes)
{
    struct memgraph_host *m = arg;

    if (process_alive(m->process))
        volume_write(m->config.volume, clock_now_us(), file, append, bytes);
}

static void crash(void *arg, const char *why)
{
    (void)why;
    die(arg, 128 + SIGABRT);
}

static void on_open(void *arg, const struct fail *why)
{
    struct memgraph_host *m = arg;

    m->open = why->kind == FAIL_NONE;
}

static void on_load(void *arg)
{
    static const struct memgraph_server_events events = {
        .persist = persist, .crash = crash, .on_open = on_open};
    struct memgraph_host *m = arg;
    struct memgraph_server_config config = {
        .model = m->config.model, .bolt_address = host_ip(m->config.host), .bolt_port = BOLT_PORT};
    struct volume loaded; /* the model writes while it still reads */
    const char *why;

    volume_init(&loaded);
    volume_copy(&loaded, m->config.volume);
    for (int i = 0; i < MG_FILE_COUNT; i++)
        config.model.files[i] = buf_str(&loaded.files[i]);
    m->server = memgraph_server_new(m->process, &config, &events, m, &why);
    volume_done(&loaded);
    if (!m->server)
        die(m, 128 + SIGABRT);
}

static void on_term(void *arg)
{
    die(arg, 0);
}

struct memgraph_host *memgraph_host_start(const struct memgraph_host_config *config)
{
    struct memgraph_host *m = xcalloc(1, sizeof *m);
    struct process_config process = {
        .name = host_name(config->host), .host = config->host, .on_end = on_end, .arg = m};

    m->config = *config;
    m->process = process_new(&process);
    happening_init(&m->load, m->process, on_load, m);
    happening_init(&m->term, m->process, on_term, m);
    happening_after(&m->load, config->start_us);
    return m;
}

void memgraph_host_signal(struct memgraph_host *m, int signo)
{
    enum { SHUTDOWN_US = 5000 };

    if (signo == SIGKILL)
        die(m, 128 + SIGKILL);
    else if (signo == SIGSTOP || signo == SIGCONT)
        process_freeze(m->process, signo == SIGSTOP);
    else if (signo == SIGTERM && !happening_planned(&m->term))
        happening_after(&m->term, SHUTDOWN_US);
}

void memgraph_host_free(struct memgraph_host *m)
{
    if (!m)
        return;
    m->silent_end = true;
    process_kill(m->process);
}

bool memgraph_host_open(const struct memgraph_host *m)
{
    return m->open;
}

bool memgraph_host_frozen(const struct memgraph_host *m)
{
    return process_frozen(m->process);
}

const struct mg *memgraph_host_model(const struct memgraph_host *m)
{
    return m->server ? memgraph_server_model(m->server) : NULL;
}
