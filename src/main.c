/* memgraph-controller: the program's sub-commands. */
#include "app/cli.h"
#include "app/cli_look.h"
#include "app/completion.h"
#include "app/config.h"
#include "app/controller.h"
#include "app/plugin.h"
#include "app/run.h"
#include "base/alloc.h"

#include <argp.h>
#include <errno.h>
#include <unistd.h>

const char *argp_program_version = "memgraph-controller " CONTROLLER_VERSION;

static const char before[] =
    "High availability for Memgraph on Kubernetes: keeps a main, a SYNC replica and ASYNC "
    "replicas, fails over without losing an acknowledged write, and carries clients through its "
    "gateways.\n\nInstalled as kubectl-memgraph_ha it is a plugin of kubectl (kubectl memgraph-ha "
    "status): it finds the controllers by their Service's label, and talks with them through the "
    "API server.";

static const char after[] =
    "COMMAND --help says more of a command, and what it means for clients.\n\n"
    "The controller is configured by environment variables: `check-config` lists them with their "
    "values, docs/reference.md explains them. The other commands know these: CONTROLLER_URL, "
    "ADMIN_TOKEN_FILE; `try` and `drill` also MEMGRAPH_USER and MEMGRAPH_PASSWORD; in a Memgraph "
    "pod also these, POD_NAME, POD_UID, INIT_TIMEOUT (60s) and PRESTOP_TIMEOUT_SECONDS (60).\n"
    "\n"
    "Exit status: 0 done, stopped cleanly, or the answer is yes; 1 wrong use, or `init`, "
    "`prestop` or `try` could not do their work; 2 wrong configuration; 3 the cluster is in a "
    "state that a "
    "person must look at; 4 the controller refused it, or the answer is no; 5 no controller "
    "answered; 6 it was asked for, and what became of it is not known: look at `status`.";

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
    {"output", KEY_OUTPUT, "FORMAT", 0, "status, explain, history: table, json or yaml", 0},
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
    completion_write();
    return EXIT_OK;
}

/* The command that takes this option alone (and others like it); 0: it is none of a command. */
static unsigned flag_of(int key)
{
    switch (key) {
    case KEY_CONTROLLER:
        return CLI_CONTROLLER;
    case KEY_TOKEN:
        return CLI_TOKEN;
    case KEY_OUTPUT:
        return CLI_OUTPUT;
    case KEY_NO_WAIT:
        return CLI_NO_WAIT;
    case KEY_TO:
        return CLI_TO;
    case KEY_ACCEPT:
        return CLI_ACCEPT;
    case KEY_FOR:
        return CLI_FOR;
    case KEY_DATA:
        return CLI_DATA;
    case KEY_WRITE:
    case KEY_TLS_CA:
        return CLI_TRY;
    case KEY_READ:
        return CLI_READ;
    case KEY_NAMESPACE:
    case KEY_CONTEXT:
    case KEY_KUBECONFIG:
    case KEY_SERVICE:
        return CLI_PLUGIN;
    default:
        return 0;
    }
}

struct arguments {
    const char *command;
    struct cli_options cli;
    unsigned options;         /* of single commands, that were given */
    bool is_plugin, is_named; /* of kubectl; controllers were named */
    struct plugin_options plugin;
    const char *typed; /* to be completed */
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

    arguments->options |= flag_of(key);
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
        return 0;
    case KEY_NO_WAIT:
        arguments->cli.no_wait = true;
        return 0;
    case KEY_TO:
        arguments->cli.to = arg;
        return 0;
    case KEY_ACCEPT:
        arguments->cli.accept_data_loss = true;
        return 0;
    case KEY_FOR:
        arguments->cli.limit = arg;
        return 0;
    case KEY_DATA:
        arguments->cli.data_directory = arg;
        return 0;
    case KEY_WRITE:
        arguments->cli.write = arg;
        return 0;
    case KEY_READ:
        arguments->cli.read = arg;
        return 0;
    case KEY_TLS_CA:
        arguments->cli.tls_ca = arg;
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

static const char *argument_of(const struct cli_command *c)
{
    return c->pod == MUST_POD         ? " POD"
           : c->pod == MAY_POD        ? " [POD]"
           : c->pod == MUST_DIRECTORY ? " DIR"
                                      : "";
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

        (void)str_format(name, sizeof name, "%s%s", c->name, argument_of(c));
        buf_printf(&doc, "  %-16s %s\n", name, c->help);
    }
    buf_printf(&doc, "\n%s", after);
    return buf_take(&doc);
}

static const struct cli_command *command_named(const char *name)
{
    for (size_t i = 0; i < cli_commands_n; i++)
        if (strcmp(name, cli_commands[i].name) == 0)
            return &cli_commands[i];
    return NULL;
}

/* The command whose own help is wanted: it is named beside --help. NULL: none. */
static const struct cli_command *help_wanted(int argc, char **argv)
{
    const struct cli_command *found = NULL;
    bool wanted = false;

    for (int i = 1; i < argc; i++) {
        wanted |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-?") == 0;
        found = found ? found : command_named(argv[i]);
    }
    return wanted ? found : NULL;
}

/* The help of one command: what it does, and its options alone. */
static int run_help(const struct cli_command *c, bool is_plugin)
{
    const char *program = is_plugin ? "kubectl memgraph-ha" : "memgraph-controller";
    unsigned flags = c->options | (is_plugin && c->asks ? (unsigned)CLI_PLUGIN : 0);
    struct argp_option own[ARRAY_LEN(options)] = {{0}};
    const struct argp argp = {.options = own, .doc = c->more};
    char name[] = "";
    size_t n = 0;

    for (size_t i = 0; options[i].name; i++)
        if (flag_of(options[i].key) & flags)
            own[n++] = options[i];
    printf("Usage: %s %s%s%s\n%s\n\n", program, c->name, argument_of(c), n ? " [OPTION...]" : "",
           c->help);
    argp_help(&argp, stdout, ARGP_HELP_LONG | ARGP_HELP_DOC, name);
    return EXIT_OK;
}

static const char *variable_or(const char *name, const char *fallback)
{
    const char *value = getenv(name);

    return value && value[0] ? value : fallback;
}

static int run_command(const struct cli_command *c, const struct arguments *arguments)
{
    static const unsigned harmless = CLI_CONTROLLER | CLI_TOKEN;
    const struct cli_options *o = &arguments->cli;
    bool must = c->pod == MUST_POD || c->pod == MUST_DIRECTORY;

    if ((c->pod == NO_POD && o->pod) || (must && !o->pod))
        return cli_trouble(EXIT_TROUBLE, "%s %s", c->name,
                           c->pod == NO_POD     ? "takes no argument"
                           : c->pod == MUST_POD ? "wants a pod's name"
                                                : "wants a directory");
    if (c->pod != MUST_DIRECTORY && o->pod && !cli_is_pod_name(o->pod))
        return cli_trouble(EXIT_TROUBLE, "'%s' is no pod's name", o->pod);
    if (arguments->options & CLI_PLUGIN)
        return cli_trouble(EXIT_TROUBLE, "--namespace, --context, --kubeconfig and --service are "
                                         "for kubectl memgraph-ha; here it is --controller URL");
    if (arguments->options & ~(c->options | harmless))
        return cli_trouble(EXIT_TROUBLE, "%s does not take that option; see %s --help", c->name,
                           c->name);
    return c->run(o);
}

static int run(const struct arguments *arguments)
{
    const char *name = arguments->command ? arguments->command : "run";
    const struct cli_command *c = command_named(name);

    if (c)
        return run_command(c, arguments);
    for (size_t i = 0; i < ARRAY_LEN(own_commands); i++) {
        if (strcmp(name, own_commands[i].name) != 0)
            continue;
        return arguments->cli.pod || arguments->options
                   ? cli_trouble(EXIT_TROUBLE, "%s takes no argument and no option", name)
                   : own_commands[i].run();
    }
    return cli_trouble(EXIT_TROUBLE, "unknown command '%s'; see --help", name);
}

/* With the controllers that kubectl finds, unless others were named. */
static int run_found(struct arguments *arguments, int (*body)(const struct arguments *arguments))
{
    char url[600];
    struct fail f;
    int status;

    if (arguments->is_named)
        return body(arguments);
    f = plugin_start(&arguments->plugin, url, sizeof url);
    if (f.kind != FAIL_NONE)
        return cli_trouble(EXIT_NOBODY, "%s", f.text);
    arguments->cli.controllers = url;
    status = body(arguments);
    arguments->cli.controllers = NULL;
    plugin_stop();
    return status;
}

/* As a plugin of kubectl. */
static int run_plugin(struct arguments *arguments)
{
    const struct cli_command *c;

    if (!arguments->command)
        arguments->command = "status";
    c = command_named(arguments->command);
    if (!c || !c->asks)
        return run(arguments);
    arguments->options &= ~(unsigned)CLI_PLUGIN;
    return run_found(arguments, run);
}

/* ---- completion ---- */

static int offer_pods(const struct arguments *arguments)
{
    int status;
    json_t *document = cli_fetch(&arguments->cli, "/api/v1/status", true, &status), *pod;
    size_t i;

    json_array_foreach (json_object_get(document, "pods"), i, pod)
        completion_offer(json_string_value(json_object_get(pod, "name")), arguments->typed);
    json_decref(document);
    return status;
}

static void offer_commands(const struct arguments *arguments)
{
    for (size_t i = 0; i < cli_commands_n; i++)
        if (cli_commands[i].asks || !arguments->is_plugin)
            completion_offer(cli_commands[i].name, arguments->typed);
    for (size_t i = 0; i < ARRAY_LEN(own_commands) && !arguments->is_plugin; i++)
        completion_offer(own_commands[i].name, arguments->typed);
}

static void offer_options(const struct arguments *arguments, const struct cli_command *c)
{
    unsigned flags = c ? c->options : ~0U;
    char name[40];

    flags = arguments->is_plugin ? flags | CLI_PLUGIN : flags & ~(unsigned)CLI_PLUGIN;
    completion_offer("--help", arguments->typed);
    for (size_t i = 0; options[i].name; i++) {
        (void)str_format(name, sizeof name, "--%s", options[i].name);
        if (flag_of(options[i].key) & flags)
            completion_offer(name, arguments->typed);
    }
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* `previous` is the word before the one that is being typed. */
static int complete(struct arguments *arguments, const char *previous)
{
    const struct cli_command *c = arguments->command ? command_named(arguments->command) : NULL;
    bool wants_pod = c && c->asks && c->pod != NO_POD && !arguments->cli.pod;

    if (is_one_of(previous, "-o", "--output")) {
        completion_offer("table", arguments->typed);
        completion_offer("json", arguments->typed);
        completion_offer("yaml", arguments->typed);
    } else if (arguments->typed[0] != '-' && (strcmp(previous, "--to") == 0 || wants_pod)) {
        return arguments->is_plugin ? run_found(arguments, offer_pods) : offer_pods(arguments);
    } else if (arguments->typed[0] != '-' && !arguments->command) {
        offer_commands(arguments);
    } else {
        offer_options(arguments, c);
    }
    return EXIT_OK;
}

/* argv[0], then the words so far, the last of which is being typed. What of them makes no sense is
 * not told. */
static int run_complete(const struct argp *argp, int argc, char **argv, struct arguments *arguments)
{
    arguments->typed = argc > 1 ? argv[argc - 1] : "";
    (void)argp_parse(argp, argc > 1 ? argc - 1 : 1, argv, ARGP_SILENT | ARGP_IN_ORDER, NULL,
                     arguments);
    return complete(arguments, argc > 2 ? argv[argc - 2] : "");
}

static bool is_called(const char *path, const char *prefix)
{
    const char *slash = strrchr(path, '/');

    return str_starts(str_of(slash ? slash + 1 : path), prefix);
}

/* What was written may still be in a buffer, and may not get out of it (a full disk). */
static void close_output(void)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
        return;
    (void)cli_trouble(0, "standard output: %s", strerror(errno));
    _exit(EXIT_TROUBLE);
}

int main(int argc, char **argv)
{
    char *doc = write_doc();
    const struct argp argp = {
        .options = options, .parser = parse, .args_doc = "[COMMAND [POD]]", .doc = doc};
    bool by_kubectl = argc > 0 && is_called(argv[0], "kubectl_complete-");
    struct arguments arguments = {
        .is_plugin = by_kubectl || (argc > 0 && is_called(argv[0], "kubectl-")),
        .cli = {.controllers = variable_or("CONTROLLER_URL", "http://127.0.0.1:8080"),
                .token_file = variable_or("ADMIN_TOKEN_FILE", NULL),
                .data_directory = "/var/lib/memgraph"}};
    const struct cli_command *helped = help_wanted(argc, argv);
    int status = EXIT_TROUBLE;

    argp_err_exit_status = EXIT_TROUBLE;
    (void)atexit(close_output);
    if (by_kubectl)
        status = run_complete(&argp, argc, argv, &arguments);
    else if (argc > 1 && strcmp(argv[1], "__complete") == 0)
        status = run_complete(&argp, argc - 1, argv + 1, &arguments);
    else if (helped)
        status = run_help(helped, arguments.is_plugin);
    else if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) == 0)
        status = arguments.is_plugin ? run_plugin(&arguments) : run(&arguments);
    free(doc);
    return status;
}
