/* memgraph-controller: the program's sub-commands. */
#include "app/config.h"
#include "app/run.h"

#include <argp.h>

const char *argp_program_version = "memgraph-controller 0.1.0";

static const char doc[] =
    "High availability for Memgraph on Kubernetes: keeps a main, a SYNC replica and ASYNC "
    "replicas, "
    "fails over without losing an acknowledged write, and carries clients through its gateways."
    "\v"
    "Commands:\n"
    "  run           the controller (default)\n"
    "  check-config  read the environment, say what is wrong with it, print what would be used\n"
    "  version       print the version\n"
    "\n"
    "It is configured by environment variables: `check-config` lists them with their values, "
    "docs/reference.md explains them.\n"
    "\n"
    "Exit status: 0 stopped cleanly, 1 wrong use, 2 wrong configuration, 3 the cluster is in a "
    "state "
    "that a person must look at.\n";

struct arguments {
    const char *command;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        if (arguments->command)
            argp_error(state, "one command only; '%s' is too much", arg);
        arguments->command = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {.parser = parse, .args_doc = "[COMMAND]", .doc = doc};
    struct arguments arguments = {0};
    struct str command;

    argp_err_exit_status = EXIT_TROUBLE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return EXIT_TROUBLE;
    command = str_of(arguments.command ? arguments.command : "run");
    if (str_eq(command, "run"))
        return run_controller();
    if (str_eq(command, "check-config"))
        return run_check_config();
    if (str_eq(command, "version")) {
        puts(argp_program_version);
        return EXIT_OK;
    }
    fprintf(stderr, "memgraph-controller: unknown command '%s' (run, check-config, version)\n",
            arguments.command);
    return EXIT_TROUBLE;
}
