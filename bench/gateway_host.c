/* gateway-host: the gateway alone, for the benchmark.
 *   gateway-host PORT UPSTREAM_PORT WORKERS
 * Prints "ready". Then a line on standard input is a command: "cut" begins a new generation of the
 * route and prints when (monotonic clock, microseconds), how long until every worker followed it,
 * and how many sessions it cut; "fds" prints how many descriptors are open. */
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

static void obey(struct gateway *g, struct gateway_route *route, const char *line)
{
    if (strcmp(line, "cut\n") == 0) {
        int64_t began_us = now_us();
        struct gateway_report report;

        route->generation++;
        gateway_set_route(g, route);
        report = wait_in_force(g);
        printf("{\"at_us\":%lld,\"in_force_us\":%lld,\"cut\":%u}\n", (long long)began_us,
               (long long)(now_us() - began_us), report.cut);
    } else if (strcmp(line, "fds\n") == 0) {
        printf("{\"fds\":%u}\n", open_fds());
    }
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
    struct gateway_route route = {.generation = 1, .kind = GATEWAY_FORWARD, .upstreams = 1};
    struct rlimit limit;
    struct fail why = {0};
    struct gateway *g;
    char line[64];

    if (argc != 4) {
        fprintf(stderr, "gateway-host PORT UPSTREAM_PORT WORKERS\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    config.bind_port = (unsigned)strtoul(argv[1], NULL, 10);
    config.workers = (unsigned)strtoul(argv[3], NULL, 10);
    (void)str_copy(route.upstream[0].host, sizeof route.upstream[0].host, "127.0.0.1");
    route.upstream[0].port = (unsigned)strtoul(argv[2], NULL, 10);
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
        obey(g, &route, line);
        (void)fflush(stdout);
    }
    gateway_stop(g);
    return 0;
}
