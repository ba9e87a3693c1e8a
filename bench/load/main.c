/* load: the load generator of the gateway's benchmark, and the server behind the relays.
 *   load serve HOST PORT
 *   load bulk HOST PORT up|down STREAMS MIB       MiB of each stream
 *   load slow HOST PORT MIB
 *   load ping HOST PORT CONNECTIONS SIZE SECONDS
 *   load churn HOST PORT AT_ONCE SECONDS
 *   load crowd HOST PORT SESSIONS SECONDS SEED
 *   load idle HOST PORT CONNECTIONS               then commands on standard input, see idle.c */
#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int64_t microseconds(const char *seconds)
{
    return (int64_t)(strtod(seconds, NULL) * 1e6);
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static int run(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[1] : "";
    struct sockaddr_in at;

    if (argc <= 3)
        return 2;
    at = address_of(argv[2], argv[3]);
    if (argc == 4 && strcmp(what, "serve") == 0)
        return serve(&at);
    if (argc == 7 && strcmp(what, "bulk") == 0)
        return bulk(&at, number(argv[5]), (uint64_t)number(argv[6]) << 20,
                    strcmp(argv[4], "up") == 0);
    if (argc == 5 && strcmp(what, "slow") == 0)
        return slow(&at, (uint64_t)number(argv[4]) << 20);
    if (argc == 7 && strcmp(what, "ping") == 0)
        return ping(&at, number(argv[4]), number(argv[5]), microseconds(argv[6]));
    if (argc == 6 && strcmp(what, "churn") == 0)
        return churn(&at, number(argv[4]), microseconds(argv[5]));
    if (argc == 7 && strcmp(what, "crowd") == 0)
        return crowd(&at, number(argv[4]), microseconds(argv[5]), number(argv[6]));
    if (argc == 5 && strcmp(what, "idle") == 0)
        return idle(&at, number(argv[4]));
    return 2;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    int status;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    status = run(argc, argv);
    if (status == 2)
        fprintf(stderr, "load: wrong use; see the head of bench/load/main.c\n");
    return status;
}
