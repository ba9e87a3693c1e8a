/* memgraph-sim: one process that behaves as a Memgraph server does to its clients, to other
 * simulated servers, and to whoever kills it. The model is sim/models/memgraph; here are its
 * sockets, its disk, its clock and its command line. docs/simulated-memgraph.md. */
#include "base/log.h"
#include "io/loop.h"
#include "sandbox/memgraph_disk.h"
#include "server/memgraph_server.h"

#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

struct options {
    const char *bolt_address, *data_directory, *log_file;
    int64_t bolt_port;
    struct mg_config config;
};

struct process {
    struct options options;
    struct loop *loop;
    struct memgraph_disk disk;
    struct memgraph_server *server;
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

static void persist(void *arg, enum mg_file file, bool append, struct str bytes)
{
    struct process *p = arg;

    memgraph_disk_write(&p->disk, file, append, bytes);
}

static void crash(void *arg, const char *why)
{
    (void)arg;
    log_event(LOG_ERROR, "memgraph-sim", "assertion failed", "why", why, NULL);
    abort();
}

static void on_open(void *arg, const struct fail *why)
{
    (void)arg;
    if (why->kind != FAIL_NONE)
        stop_badly("the Bolt port cannot be opened", why->text);
    log_event(LOG_INFO, "memgraph-sim", "Memgraph successfully started!", NULL);
}

static void on_signal(void *arg, int signo)
{
    (void)arg;
    (void)signo;
    log_event(LOG_INFO, "memgraph-sim", "Shutting down", NULL);
    _exit(0); /* everything that lasts was written when it happened */
}

static void start(struct process *p)
{
    static const struct memgraph_server_events events = {
        .persist = persist, .crash = crash, .on_open = on_open};
    struct memgraph_server_config config = {.bolt_address = p->options.bolt_address,
                                            .bolt_port = (unsigned)p->options.bolt_port};
    const char *why = NULL;

    if (!memgraph_disk_open(&p->disk, p->options.data_directory, &why))
        stop_badly("the data directory cannot be used", why);
    p->loop = loop_new();
    config.model = p->options.config;
    for (int i = 0; i < MG_FILE_COUNT; i++)
        config.model.files[i] = buf_str(&p->disk.files[i]);
    p->server = memgraph_server_new(p->loop, &config, &events, p, &why);
    if (!p->server)
        stop_badly("the recovery failed", why);
    memgraph_disk_forget(&p->disk);
    loop_signal_new(p->loop, SIGTERM, on_signal, p);
    loop_signal_new(p->loop, SIGINT, on_signal, p);
}

int main(int argc, char **argv)
{
    static struct process process;

    (void)argc;
    (void)signal(SIGPIPE, SIG_IGN);
    read_options(&process.options, argv);
    if (process.options.log_file && process.options.log_file[0] &&
        !freopen(process.options.log_file, "a", stderr))
        return 1;
    start(&process);
    loop_run(process.loop);
    return 0;
}
