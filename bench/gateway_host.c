/* gateway-host: the gateway alone, for the benchmark and the soak.
 *   gateway-host PORT UPSTREAM_PORT WORKERS [SECOND_UPSTREAM_PORT]
 * GATEWAY_TCP_CONGESTION as of the controller (empty: the system's). Prints "ready". Then a line on
 * standard input is a command, answered with a line of JSON: cut            a new generation, to
 * the same upstream forward N      a new generation, to the first (0) or second (1) upstream park
 * a new generation, to nobody hold, release  the same generation, with and without hold stats
 * counters, and how many descriptors are open The answer to a route says when it was given
 * (monotonic clock, microseconds), how long until every worker followed it, and how many sessions
 * it cut. */
#include "base/str.h"
#include "gateway/gateway.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct gateway_report wait_in_force(struct gateway *g)
{
    struct gateway_report report;

    for (;;) {
        struct pollfd p = {.fd = gateway_fd(g), .events = POLLIN};

        while (gateway_next_report(g, &report))
            if (report.kind == GATEWAY_IN_FORCE)
                return report;
        (void)poll(&p, 1, -1);
    }
}

static unsigned open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static void set_route(struct gateway *g, const struct gateway_route *route)
{
    int64_t began_us = now_us();
    struct gateway_report report;

    gateway_set_route(g, route);
    report = wait_in_force(g);
    printf("{\"at_us\":%lld,\"in_force_us\":%lld,\"cut\":%u}\n", (long long)began_us,
           (long long)(now_us() - began_us), report.cut);
}

static void print_stats(const struct gateway *g)
{
    struct gateway_counters n;

    gateway_read_counters(g, &n);
    printf(
        "{\"fds\":%u,\"active\":%llu,\"parked\":%llu,\"sessions\":%llu,\"upstream_errors\":%llu}\n",
        open_fds(), (unsigned long long)n.sessions_active, (unsigned long long)n.parked,
        (unsigned long long)n.sessions_total, (unsigned long long)n.upstream_errors);
}

static void obey(struct gateway *g, struct gateway_route *route, const unsigned *port,
                 const char *line)
{
    if (strcmp(line, "stats\n") == 0) {
        print_stats(g);
        return;
    }
    route->hold = strcmp(line, "hold\n") == 0;
    if (strcmp(line, "hold\n") != 0 && strcmp(line, "release\n") != 0)
        route->generation++;
    if (strcmp(line, "park\n") == 0)
        route->kind = GATEWAY_PARK;
    else if (strcmp(line, "forward 0\n") == 0 || strcmp(line, "forward 1\n") == 0)
        route->kind = GATEWAY_FORWARD;
    if (strncmp(line, "forward ", 8) == 0)
        route->upstream[0].port = port[line[8] == '1'];
    set_route(g, route);
}

int main(int argc, char **argv)
{
    struct gateway_config config = {.bind_host = "127.0.0.1",
                                    .max_connections = 9500,
                                    .buffer_size = 64 * 1024,
                                    .hold_timeout_ms = 5000,
                                    .hold_drain_ms = 30,
                                    .connect_timeout_ms = 2000,
                                    .session_timeout_ms = 30000};
    const char *congestion = getenv("GATEWAY_TCP_CONGESTION");
    struct gateway_route route = {.generation = 1, .kind = GATEWAY_FORWARD, .upstreams = 1};
    struct rlimit limit;
    struct fail why = {0};
    struct gateway *g;
    unsigned port[2];
    char line[64];

    if (argc != 4 && argc != 5) {
        fprintf(stderr, "gateway-host PORT UPSTREAM_PORT WORKERS [SECOND_UPSTREAM_PORT]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    config.bind_port = (unsigned)strtoul(argv[1], NULL, 10);
    (void)str_copy(config.congestion, sizeof config.congestion,
                   congestion ? congestion : "cubic,reno");
    config.workers = (unsigned)strtoul(argv[3], NULL, 10);
    (void)str_copy(route.upstream[0].host, sizeof route.upstream[0].host, "127.0.0.1");
    port[0] = (unsigned)strtoul(argv[2], NULL, 10);
    port[1] = argc == 5 ? (unsigned)strtoul(argv[4], NULL, 10) : port[0];
    route.upstream[0].port = port[0];
    g = gateway_start(&config, &why);
    if (!g) {
        fprintf(stderr, "gateway-host: %s\n", why.text);
        return 1;
    }
    gateway_set_route(g, &route);
    (void)wait_in_force(g);
    puts("ready");
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        obey(g, &route, port, line);
        (void)fflush(stdout);
    }
    gateway_stop(g);
    return 0;
}
