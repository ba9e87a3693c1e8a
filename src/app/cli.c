#include "app/cli.h"

#include "app/cli_ask.h"
#include "app/cli_drill.h"
#include "app/cli_look.h"
#include "app/cli_pod.h"
#include "app/install.h"
#include "app/run.h"
#include "app/try_out.h"

#include <stdarg.h>
#include <stdio.h>

int cli_trouble(int status, const char *fmt, ...)
{
    va_list args;

    (void)fputs("memgraph-controller: ", stderr);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return status;
}

static int run_install(const struct cli_options *o)
{
    struct fail f = install_self(o->pod);

    return f.kind == FAIL_NONE ? EXIT_OK : cli_trouble(EXIT_TROUBLE, "install: %s", f.text);
}

struct client_target cli_client(const struct cli_options *o, const char *address)
{
    return (struct client_target){.address = address,
                                  .user = getenv("MEMGRAPH_USER"),
                                  .password = getenv("MEMGRAPH_PASSWORD"),
                                  .ca_path = o->tls_ca};
}

static int run_try(const struct cli_options *o)
{
    static const int64_t limit_us = 60 * 1000000;
    struct try_out t = {cli_client(o, o->write), o->read, limit_us};
    struct fail f;

    if (!o->write)
        return cli_trouble(EXIT_TROUBLE, "try wants --write HOST:PORT");
    f = try_out_run(&t);
    return f.kind == FAIL_NONE ? EXIT_OK : cli_trouble(EXIT_TROUBLE, "try: %s", f.text);
}

const struct cli_command cli_commands[] = {
    {"status", "the cluster at a glance", NO_POD, CLI_OUTPUT, cli_status, true},
    {"watch", "the same, again every second", NO_POD, CLI_OUTPUT, cli_watch, true},
    {"explain", "what would happen if the main died now, and why not", MAY_POD, CLI_OUTPUT,
     cli_explain, true},
    {"history", "the last 20 transitions and how long their phases took", NO_POD, CLI_OUTPUT,
     cli_history, true},
    {"switchover", "move the main to the SYNC replica", NO_POD, CLI_TO | CLI_NO_WAIT,
     cli_switchover, true},
    {"failover", "make the other of the pair main (or --to POD) although writes may be lost",
     NO_POD, CLI_ACCEPT | CLI_TO | CLI_NO_WAIT, cli_failover, true},
    {"rebuild", "fill a replica anew; its data are kept aside", MUST_POD, CLI_NO_WAIT, cli_rebuild,
     true},
    {"degrade", "let the main serve without its SYNC replica", NO_POD, CLI_NO_WAIT, cli_degrade,
     true},
    {"refresh", "begin a new epoch on the same main", NO_POD, CLI_NO_WAIT, cli_refresh, true},
    {"pause", "decide nothing until resumed", NO_POD, CLI_FOR, cli_pause, true},
    {"resume", "decide again", NO_POD, 0, cli_resume, true},
    {"drill", "a real switchover and back, and the gap that a client saw", NO_POD, CLI_TRY,
     cli_drill, true},
    {"prestop", "a pod's preStop hook: wait until it may stop", MAY_POD, 0, cli_pod_prestop, false},
    {"init", "a pod's init container: move data aside if so decided", MAY_POD, CLI_DATA,
     cli_pod_init, false},
    {"install", "a pod's init container: copy this program to where the hook finds it",
     MUST_DIRECTORY, 0, run_install, false},
    {"try", "write and read through the gateways, as a client does", NO_POD, CLI_TRY, run_try,
     false},
};
const size_t cli_commands_n = ARRAY_LEN(cli_commands);
