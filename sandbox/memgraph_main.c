/* memgraph-sim: one process that behaves as a Memgraph server does to its clients, to other
 * simulated servers, and to whoever kills it. The model is sim/models/memgraph; here are its
 * sockets, its disk, its clock and its command line. docs/simulated-memgraph.md. */
#include "base/log.h"
#include "io/loop.h"
#include "models/memgraph.h"
#include "sandbox/memgraph_bolt.h"
#include "sandbox/memgraph_disk.h"
#include "sandbox/memgraph_rpc.h"

#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

struct options {
    const char *bolt_address, *data_directory, *log_file;
    int64_t bolt_port;
    struct mg_config config;
};

struct server {
    struct options options;
    struct loop *loop;
    struct timer *timer;
    struct memgraph_disk disk;
    struct memgraph_rpc *rpc;
    struct memgraph_bolt *bolt;
    struct mg *mg;
    bool open; /* Bolt listens */
};

static void stop_badly(const char *what, const char *why)
{
    log_event(LOG_ERROR, "memgraph-sim", what, "why", why, NULL);
    _exit(1);
}

/* Command line, in gflags' habits: --name=value, --name value, --name and --noname. */

static bool option_value(char **argv, int *i, const char *name, const char **out)
{
    struct str arg = str_of(argv[*i]);
    size_t n = strlen(name);

    if (arg.n < n + 2 || memcmp(arg.p, "--", 2) != 0 || memcmp(arg.p + 2, name, n) != 0)
        return false;
    if (arg.p[n + 2] == '=') {
        *out = arg.p + n + 3;
        return true;
    }
    if (arg.p[n + 2] != '\0' || !argv[*i + 1])
        return false;
    *out = argv[++*i];
    return true;
}

/* Flags of the real server that change nothing here. */
static bool option_ignored(char **argv, int *i)
{
    static const char *const PREFIXES[] = {
        "--storage-",  "--replication-", "--data-recovery-", "--telemetry-", "--also-log-to-stderr",
        "--log-level", "--query-",       "--monitoring-",    "--metrics-",   "--memory-limit"};

    for (size_t k = 0; k < ARRAY_LEN(PREFIXES); k++) {
        if (strncmp(argv[*i], PREFIXES[k], strlen(PREFIXES[k])) != 0)
            continue;
        if (!strchr(argv[*i], '=') && argv[*i + 1] && argv[*i + 1][0] != '-')
            ++*i;
        return true;
    }
    return false;
}

static int64_t number(const char *text, int64_t least, int64_t most)
{
    int64_t n;

    if (!str_to_int64(str_of(text), &n) || n < least || n > most)
        stop_badly("bad number on the command line", text);
    return n;
}

static void read_option(struct options *o, char **argv, int *i)
{
    const char *value;

    if (option_value(argv, i, "bolt-address", &value))
        o->bolt_address = value;
    else if (option_value(argv, i, "bolt-port", &value))
        o->bolt_port = number(value, 1, 65535);
    else if (option_value(argv, i, "data-directory", &value))
        o->data_directory = value;
    else if (option_value(argv, i, "log-file", &value))
        o->log_file = value;
    else if (option_value(argv, i, "memgraph-version", &value))
        str_copy(o->config.version, sizeof(o->config.version), value);
    else if (option_value(argv, i, "bolt-server-name-for-init", &value))
        str_copy(o->config.server_name, sizeof(o->config.server_name), value);
    else if (option_value(argv, i, "bolt-num-workers", &value))
        o->config.workers = (unsigned)number(value, 1, 10000);
    else if (option_value(argv, i, "password-encryption-algorithm", &value))
        o->config.bcrypt_us = strcmp(value, "bcrypt") == 0 ? o->config.bcrypt_us : 1000;
    else if (!option_ignored(argv, i))
        stop_badly("unknown flag", argv[*i]);
}

static void read_options(struct options *o, char **argv)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    *o = (struct options){
        .bolt_address = "127.0.0.1", .bolt_port = 7687, .data_directory = "mg_data"};
    mg_config_init(&o->config);
    o->config.workers = cpus > 0 ? (unsigned)cpus : 1;
    if (getenv("MEMGRAPH_BOLT_PORT"))
        o->bolt_port = number(getenv("MEMGRAPH_BOLT_PORT"), 1, 65535);
    for (int i = 1; argv[i]; i++)
        read_option(o, argv, &i);
    str_copy(o->config.data_directory, sizeof(o->config.data_directory), o->data_directory);
    o->config.user = getenv("MEMGRAPH_USER");
    o->config.password = getenv("MEMGRAPH_PASSWORD");
    if (getrandom(&o->config.seed, sizeof(o->config.seed), 0) != sizeof(o->config.seed))
        stop_badly("no random numbers", "getrandom");
}

/* After anything that went into the model: Bolt opens when it may, and the timer is set anew. */
static void after(void *arg)
{
    struct server *s = arg;
    int64_t at, now_us = loop_now_us(s->loop);

    if (!s->open && mg_ready(s->mg)) {
        int rc = memgraph_bolt_listen(s->bolt, s->options.bolt_address,
                                      (unsigned)s->options.bolt_port);

        if (rc)
            stop_badly("the Bolt port cannot be opened", strerror(-rc));
        s->open = true;
        log_event(LOG_INFO, "memgraph-sim", "Memgraph successfully started!", NULL);
    }
    at = mg_deadline(s->mg);
    if (at == INT64_MAX)
        timer_stop(s->timer);
    else
        timer_start(s->timer, at > now_us ? at - now_us : 0);
}

static void on_timer(void *arg)
{
    struct server *s = arg;

    mg_tick(s->mg, loop_now_us(s->loop));
    after(s);
}

/* What the model asks of the world. */

static bool host_listen(void *arg, unsigned port)
{
    struct server *s = arg;

    return memgraph_rpc_listen(s->rpc, port);
}

static void host_unlisten(void *arg)
{
    struct server *s = arg;

    memgraph_rpc_unlisten(s->rpc);
}

static void host_call(void *arg, uint64_t call, unsigned link, const char *address,
                      struct str request, int64_t timeout_us)
{
    struct server *s = arg;

    memgraph_rpc_call(s->rpc, call, link, address, request, timeout_us);
}

static void host_link_close(void *arg, unsigned link)
{
    struct server *s = arg;

    memgraph_rpc_close(s->rpc, link);
}

static void host_persist(void *arg, enum mg_file file, bool append, struct str bytes)
{
    struct server *s = arg;

    memgraph_disk_write(&s->disk, file, append, bytes);
}

static void host_crash(void *arg, const char *why)
{
    (void)arg;
    log_event(LOG_ERROR, "memgraph-sim", "assertion failed", "why", why, NULL);
    abort();
}

/* What the world says to the model. */

static void on_answer(void *arg, uint64_t call, bool ok, struct str bytes)
{
    struct server *s = arg;

    mg_answer(s->mg, loop_now_us(s->loop), call, ok, bytes);
    after(s);
}

static bool on_request(void *arg, struct str request, struct buf *answer)
{
    struct server *s = arg;
    bool ok;

    mg_poke(s->mg, loop_now_us(s->loop));
    ok = mg_serve(s->mg, loop_now_us(s->loop), request, answer);
    after(s);
    return ok;
}

static void on_poke(void *arg)
{
    struct server *s = arg;

    mg_poke(s->mg, loop_now_us(s->loop));
    after(s);
}

static void on_signal(void *arg, int signo)
{
    (void)arg;
    (void)signo;
    log_event(LOG_INFO, "memgraph-sim", "Shutting down", NULL);
    _exit(0); /* everything that lasts was written when it happened */
}

static void start(struct server *s)
{
    static const struct memgraph_rpc_events EVENTS = {
        .on_answer = on_answer, .on_request = on_request, .on_poke = on_poke};
    const struct mg_host host = {.arg = s,
                                 .listen = host_listen,
                                 .unlisten = host_unlisten,
                                 .call = host_call,
                                 .link_close = host_link_close,
                                 .persist = host_persist,
                                 .crash = host_crash};
    const char *why = NULL;

    if (!memgraph_disk_open(&s->disk, s->options.data_directory, &why))
        stop_badly("the data directory cannot be used", why);
    s->loop = loop_new();
    s->timer = timer_new(s->loop, on_timer, s);
    s->rpc = memgraph_rpc_new(s->loop, s->options.bolt_address, &EVENTS, s);
    for (int i = 0; i < MG_FILE_COUNT; i++)
        s->options.config.files[i] = buf_str(&s->disk.files[i]);
    s->mg = mg_new(&s->options.config, &host, loop_now_us(s->loop), &why);
    if (!s->mg)
        stop_badly("the recovery failed", why);
    memgraph_disk_forget(&s->disk);
    s->bolt = memgraph_bolt_new(s->loop, s->mg, after, s);
    loop_signal_new(s->loop, SIGTERM, on_signal, s);
    loop_signal_new(s->loop, SIGINT, on_signal, s);
    after(s);
}

int main(int argc, char **argv)
{
    static struct server server;

    (void)argc;
    (void)signal(SIGPIPE, SIG_IGN);
    read_options(&server.options, argv);
    if (server.options.log_file && server.options.log_file[0] &&
        !freopen(server.options.log_file, "a", stderr))
        return 1;
    start(&server);
    loop_run(server.loop);
    return 0;
}
