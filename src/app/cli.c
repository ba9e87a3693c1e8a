#include "app/cli.h"

#include "app/cli_ask.h"
#include "app/cli_drill.h"
#include "app/cli_look.h"
#include "app/cli_pod.h"
#include "app/install.h"
#include "app/run.h"
#include "app/try_out.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

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

int64_t cli_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cli_sleep_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
    (void)signo;
    interrupted = 1;
}

void cli_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool cli_is_interrupted(void)
{
    return interrupted != 0;
}

bool cli_is_pod_name(const char *text)
{
    static const char inside[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";

    return text && text[strspn(text, inside)] == '\0' && text[0] && text[0] != '.' &&
           text[0] != '-' && !strstr(text, "..");
}

static const char more_status[] =
    "Its first line is the answer: who is main, and whether the other one would take over now, "
    "with the reasons if not. Then what to know, and what a person could do. Needs no token.";
static const char more_watch[] = "Elsewhere than on a terminal: a line whenever something changes.";
static const char more_explain[] =
    "Every condition with its value and its age. Exit status 0: a failover (with POD: its "
    "rebuild) would be done by itself now; 4: it would not.";
static const char more_history[] =
    "The times are milliseconds since the loss was detected, or since it was decided if nothing "
    "was lost. `clients` is what the write gateways of all controllers felt of it.";
static const char more_switchover[] =
    "Nothing acknowledged is lost. Sessions of the write gateway are cut once, and clients wait "
    "for well under a second. Refused when the SYNC replica could not take over. Waits until it "
    "is done.";
static const char more_failover[] =
    "ACKNOWLEDGED WRITES MAY BE LOST: those that the new main lacks. For a main that is lost "
    "for good while no failover is possible (`explain` says why). While the main answers, ask "
    "for a switchover.";
static const char more_rebuild[] =
    "Its pod is deleted. Its data go to aside/ on its volume, replacing what an earlier rebuild "
    "has set aside there; then the main fills it. What it alone had is only there afterwards.";
static const char more_degrade[] =
    "Writes go on with the main alone, and its disk alone has them: NO FAILOVER is possible "
    "until the SYNC replica is back and has caught up. For one that stays away while writes "
    "fail.";
static const char more_refresh[] =
    "Sessions stay, and wait for well under a second. It lets a SYNC replica join again that "
    "was set aside by `degrade`. Once after a cluster was adopted it makes its lineage known.";
static const char more_pause[] =
    "NOBODY TAKES OVER if the main dies meanwhile. Clients are served as before, unless the main "
    "or the SYNC replica restarts: then they wait until `resume`.";
static const char more_drill[] =
    "The main moves to the SYNC replica and back, so sessions of the write gateway are cut "
    "twice. The client keeps one node with the label MemgraphControllerDrill, and removes it, "
    "also on Ctrl-C; the main then stays where it is.";

const struct cli_command cli_commands[] = {
    {"status", "the cluster at a glance", more_status, NO_POD, CLI_LOOK | CLI_OUTPUT, cli_status,
     true},
    {"watch", "the status, again every second", more_watch, NO_POD, CLI_LOOK, cli_watch, true},
    {"explain", "are writes acknowledged, who takes over, and why not", more_explain, MAY_POD,
     CLI_LOOK | CLI_OUTPUT, cli_explain, true},
    {"history", "the last 20 transitions and how long their phases took", more_history, NO_POD,
     CLI_LOOK | CLI_OUTPUT, cli_history, true},
    {"switchover", "move the main to the SYNC replica", more_switchover, NO_POD,
     CLI_ASK | CLI_TO | CLI_NO_WAIT, cli_switchover, true},
    {"failover", "make the other one main although writes may be lost", more_failover, NO_POD,
     CLI_ASK | CLI_ACCEPT | CLI_TO | CLI_NO_WAIT, cli_failover, true},
    {"rebuild", "fill a replica anew; its data are kept aside", more_rebuild, MUST_POD,
     CLI_ASK | CLI_NO_WAIT, cli_rebuild, true},
    {"degrade", "let the main serve without its SYNC replica", more_degrade, NO_POD,
     CLI_ASK | CLI_NO_WAIT, cli_degrade, true},
    {"refresh", "begin a new epoch on the same main", more_refresh, NO_POD, CLI_ASK | CLI_NO_WAIT,
     cli_refresh, true},
    {"pause", "decide nothing until resumed", more_pause, NO_POD, CLI_ASK | CLI_FOR, cli_pause,
     true},
    {"resume", "decide again", "", NO_POD, CLI_ASK, cli_resume, true},
    {"drill", "a real switchover and back, and the gap that a client saw", more_drill, NO_POD,
     CLI_ASK | CLI_TRY, cli_drill, true},
    {"prestop", "a pod's preStop hook: wait until it may stop", "", MAY_POD, CLI_CONTROLLER,
     cli_pod_prestop, false},
    {"init", "a pod's init container: move data aside if so decided", "", MAY_POD,
     CLI_CONTROLLER | CLI_DATA, cli_pod_init, false},
    {"install", "a pod's init container: copy this program there", "", MUST_DIRECTORY, 0,
     run_install, false},
    {"try", "write and read through the gateways, as a client does", "", NO_POD, CLI_TRY | CLI_READ,
     run_try, false},
};
const size_t cli_commands_n = ARRAY_LEN(cli_commands);
