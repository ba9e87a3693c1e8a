/* memgraph-controller: the program's sub-commands. */
#include "app/cli.h"
#include "app/completion.h"
#include "app/config.h"
#include "app/controller.h"
#include "app/plugin.h"
#include "app/run.h"
#include "base/alloc.h"

#include <argp.h>

const char *argp_program_version = "memgraph-controller " CONTROLLER_VERSION;

static const char before[] =
    "High availability for Memgraph on Kubernetes: keeps a main, a SYNC replica and ASYNC "
    "replicas, fails over without losing an acknowledged write, and carries clients through its "
    "gateways.\n\nInstalled as kubectl-memgraph_ha it is a plugin of kubectl (kubectl memgraph-ha "
    "status): it finds the controllers by their Service's label, and talks with them through the "
    "API server.";

static const char after[] =
    "The controller is configured by environment variables: `check-config` lists them with their "
    "values, docs/reference.md explains them. The other commands know these: CONTROLLER_URL, "
    "ADMIN_TOKEN_FILE; in a Memgraph pod also POD_NAME, POD_UID, INIT_TIMEOUT (60s), "
    "MEMGRAPH_USER, MEMGRAPH_PASSWORD and PRESTOP_TIMEOUT_SECONDS (60).\n"
    "\n"
    "Exit status: 0 done, stopped cleanly, or the answer is yes; 1 wrong use, or `init` and "
    "`prestop` could not do their work; 2 wrong configuration; 3 the cluster is in a state that a "
    "person must look at; 4 the controller refused it, or the answer is no; 5 no controller "
    "answered.";

static int run_version(void)
{
    return puts(argp_program_version) >= 0 ? EXIT_OK : EXIT_TROUBLE;
}

static int run_completion(void);

static const struct {
    const char *name, *help;
    int (*run)(void);
} own_commands[] = {
    {"run", "the controller (default)", run_controller},
    {"check-config", "say what is wrong with the environment, or what it sets", run_check_config},
    {"completion", "bash completion: source <(memgraph-controller completion)", run_completion},
    {"version", "print the version", run_version},
};

enum {
    KEY_CONTROLLER = 'c',
    KEY_TOKEN = 't',
    KEY_TO = 256,
    KEY_ACCEPT,
    KEY_FOR,
    KEY_DATA,
    KEY_WRITE,
    KEY_READ,
    KEY_TLS_CA,
    KEY_NO_WAIT,
    KEY_CONTEXT,
    KEY_KUBECONFIG,
    KEY_SERVICE,
    KEY_NAMESPACE = 'n',
    KEY_OUTPUT = 'o'
};

static const struct argp_option options[] = {
    {"controller", KEY_CONTROLLER, "URL", 0,
     "controllers to talk to, comma separated; CONTROLLER_URL, else http://127.0.0.1:8080", 0},
    {"token-file", KEY_TOKEN, "FILE", 0, "token of the admin routes; else ADMIN_TOKEN_FILE", 0},
    {"output", KEY_OUTPUT, "FORMAT", 0,
     "status, explain, history: table, json or yaml (watch: table)", 0},
    {"no-wait", KEY_NO_WAIT, NULL, 0,
     "requests: do not wait until the leader has served or refused them", 0},
    {"to", KEY_TO, "POD", 0, "switchover, failover: the pod that shall be main", 0},
    {"accept-data-loss", KEY_ACCEPT, NULL, 0, "failover: acknowledged writes may be lost", 0},
    {"for", KEY_FOR, "DURATION", 0, "pause: no longer than this, such as 1h", 0},
    {"data-directory", KEY_DATA, "DIR", 0, "init: Memgraph's data; else /var/lib/memgraph", 0},
    {"write", KEY_WRITE, "HOST:PORT", 0, "try, drill: the gateway for reads and writes", 0},
    {"read", KEY_READ, "HOST:PORT", 0, "try: the gateway for reads", 0},
    {"tls-ca", KEY_TLS_CA, "FILE", 0,
     "try, drill: whom to believe (PEM) where --write or --read begins with bolt+s://", 0},
    {"namespace", KEY_NAMESPACE, "NAME", 0, "as a plugin of kubectl: where the controllers are", 1},
    {"context", KEY_CONTEXT, "NAME", 0, "as a plugin: the context of the kubeconfig", 1},
    {"kubeconfig", KEY_KUBECONFIG, "FILE", 0, "as a plugin: the kubeconfig", 1},
    {"service", KEY_SERVICE, "NAME", 0, "as a plugin: the controllers' Service, of several", 1},
    {0}};

static int run_completion(void)
{
    struct buf names;

    buf_init(&names, 4096);
    for (size_t i = 0; i < cli_commands_n; i++)
        buf_printf(&names, "%s ", cli_commands[i].name);
    for (size_t i = 0; i < ARRAY_LEN(own_commands); i++)
        buf_printf(&names, "%s%s", i ? " " : "", own_commands[i].name);
    completion_write(names.p, options);
    buf_done(&names);
    return EXIT_OK;
}

struct arguments {
    const char *command;
    struct cli_options cli;
    unsigned options;         /* of single commands, that were given */
    bool is_plugin, is_named; /* of kubectl; controllers were named */
    struct plugin_options plugin;
};

static error_t parse_plugin(int key, const char *arg, struct plugin_options *plugin)
{
    switch (key) {
    case KEY_NAMESPACE:
        plugin->namespace_ = arg;
        return 0;
    case KEY_CONTEXT:
        plugin->context = arg;
        return 0;
    case KEY_KUBECONFIG:
        plugin->kubeconfig = arg;
        return 0;
    case KEY_SERVICE:
        plugin->service = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case KEY_CONTROLLER:
        arguments->cli.controllers = arg;
        arguments->is_named = true;
        return 0;
    case KEY_TOKEN:
        arguments->cli.token_file = arg;
        return 0;
    case KEY_OUTPUT:
        if (!cli_output_parse(arg, &arguments->cli.output))
            argp_error(state, "'%s': wanted table, json or yaml", arg);
        arguments->options |= CLI_OUTPUT;
        return 0;
    case KEY_NO_WAIT:
        arguments->cli.no_wait = true;
        arguments->options |= CLI_NO_WAIT;
        return 0;
    case KEY_TO:
        arguments->cli.to = arg;
        arguments->options |= CLI_TO;
        return 0;
    case KEY_ACCEPT:
        arguments->cli.accept_data_loss = true;
        arguments->options |= CLI_ACCEPT;
        return 0;
    case KEY_FOR:
        arguments->cli.limit = arg;
        arguments->options |= CLI_FOR;
        return 0;
    case KEY_DATA:
        arguments->cli.data_directory = arg;
        arguments->options |= CLI_DATA;
        return 0;
    case KEY_WRITE:
        arguments->cli.write = arg;
        arguments->options |= CLI_TRY;
        return 0;
    case KEY_READ:
        arguments->cli.read = arg;
        arguments->options |= CLI_TRY;
        return 0;
    case KEY_TLS_CA:
        arguments->cli.tls_ca = arg;
        arguments->options |= CLI_TRY;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->cli.pod)
            argp_error(state, "'%s' is too much", arg);
        *(arguments->command ? &arguments->cli.pod : &arguments->command) = arg;
        return 0;
    default:
        return parse_plugin(key, arg, &arguments->plugin);
    }
}

/* The list of commands stands between what is said before and after the options. */
static char *write_doc(void)
{
    struct buf doc;

    buf_init(&doc, 64 * 1024);
    buf_printf(&doc, "%s\vCommands:\n", before);
    for (size_t i = 0; i < ARRAY_LEN(own_commands); i++)
        buf_printf(&doc, "  %-16s %s\n", own_commands[i].name, own_commands[i].help);
    for (size_t i = 0; i < cli_commands_n; i++) {
        const struct cli_command *c = &cli_commands[i];
        char name[40];

        (void)str_format(name, sizeof name, "%s%s", c->name,
                         c->pod == MUST_POD         ? " POD"
                         : c->pod == MAY_POD        ? " [POD]"
                         : c->pod == MUST_DIRECTORY ? " DIR"
                                                    : "");
        buf_printf(&doc, "  %-16s %s\n", name, c->help);
    }
    buf_printf(&doc, "\n%s", after);
    return buf_take(&doc);
}

static const char *variable_or(const char *name, const char *fallback)
{
    const char *value = getenv(name);

    return value && value[0] ? value : fallback;
}

static int run_command(const struct cli_command *c, const struct arguments *arguments)
{
    bool must = c->pod == MUST_POD || c->pod == MUST_DIRECTORY;

    if ((c->pod == NO_POD && arguments->cli.pod) || (must && !arguments->cli.pod))
        return cli_trouble(EXIT_TROUBLE, "%s %s", c->name,
                           c->pod == NO_POD     ? "takes no argument"
                           : c->pod == MUST_POD ? "wants a pod's name"
                                                : "wants a directory");
    if (arguments->options & ~c->options)
        return cli_trouble(EXIT_TROUBLE, "%s does not take that option; see --help", c->name);
    return c->run(&arguments->cli);
}

static int run(const struct arguments *arguments)
{
    struct str command = str_of(arguments->command ? arguments->command : "run");

    for (size_t i = 0; i < cli_commands_n; i++)
        if (str_eq(command, cli_commands[i].name))
            return run_command(&cli_commands[i], arguments);
    if (arguments->cli.pod || arguments->options)
        return cli_trouble(EXIT_TROUBLE, "'%.*s' takes no argument and no such option",
                           STR_ARGS(command));
    for (size_t i = 0; i < ARRAY_LEN(own_commands); i++)
        if (str_eq(command, own_commands[i].name))
            return own_commands[i].run();
    return cli_trouble(EXIT_TROUBLE, "unknown command '%.*s'; see --help", STR_ARGS(command));
}

static bool asks_a_controller(const struct arguments *arguments)
{
    for (size_t i = 0; i < cli_commands_n; i++)
        if (str_eq(str_of(arguments->command), cli_commands[i].name))
            return cli_commands[i].asks;
    return false;
}

/* As a plugin of kubectl: the same, with the controllers that kubectl finds. */
static int run_plugin(struct arguments *arguments)
{
    char url[600];
    struct fail f;
    int status;

    if (!arguments->command)
        arguments->command = "status";
    if (arguments->is_named || !asks_a_controller(arguments))
        return run(arguments);
    f = plugin_start(&arguments->plugin, url, sizeof url);
    if (f.kind != FAIL_NONE)
        return cli_trouble(EXIT_NOBODY, "%s", f.text);
    arguments->cli.controllers = url;
    status = run(arguments);
    arguments->cli.controllers = NULL;
    plugin_stop();
    return status;
}

static bool is_plugin_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return str_starts(str_of(slash ? slash + 1 : path), "kubectl-");
}

int main(int argc, char **argv)
{
    char *doc = write_doc();
    const struct argp argp = {
        .options = options, .parser = parse, .args_doc = "[COMMAND [POD]]", .doc = doc};
    struct arguments arguments = {
        .is_plugin = argc > 0 && is_plugin_name(argv[0]),
        .cli = {.controllers = variable_or("CONTROLLER_URL", "http://127.0.0.1:8080"),
                .token_file = variable_or("ADMIN_TOKEN_FILE", NULL),
                .data_directory = "/var/lib/memgraph"}};
    int status = EXIT_TROUBLE;

    argp_err_exit_status = EXIT_TROUBLE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) == 0)
        status = arguments.is_plugin ? run_plugin(&arguments) : run(&arguments);
    free(doc);
    return status;
}
