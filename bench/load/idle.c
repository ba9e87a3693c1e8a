/* Connections that stay idle, and what becomes of them when the relay cuts them all.
 *
 * After "ready" it reads commands, a line each: "check" sends a question on every connection;
 * "cut" waits until every one is over, and asks a question on a new one as soon as the first is.
 * Times that it prints are of the monotonic clock. */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, SIZE = 64, LIMIT_US = 10 * 1000 * 1000 };

struct crowd {
    struct sockaddr_in to;
    int *fd;
    unsigned n;
    int epoll;
};

/* One question and its answer, waiting for it. */
static bool exchange(int fd, unsigned number)
{
    uint8_t answer[SIZE];

    return send_all(fd, pattern_at(number), SIZE) && receive_all(fd, answer, SIZE) &&
           pattern_matches(number, answer, SIZE);
}

static int newcomer(const struct crowd *c, unsigned number)
{
    struct hello hello = {.mode = MODE_ECHO};
    int fd = connect_now(&c->to, number);

    if (fd >= 0 && send_all(fd, &hello, sizeof hello) && exchange(fd, number))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void check(const struct crowd *c)
{
    unsigned errors = 0;

    for (unsigned i = 0; i < c->n; i++)
        errors += !exchange(c->fd[i], i);
    printf("{\"errors\":%u}\n", errors);
}

/* The first connection after the cut may come before the relay forwards again: it is tried anew. */
static int64_t serve_next(const struct crowd *c, unsigned *tries)
{
    for (*tries = 1; *tries < 1000; ++*tries) {
        int fd = newcomer(c, *tries);

        if (fd >= 0) {
            close(fd);
            return now_us();
        }
    }
    return 0;
}

static void wait_for_cut(const struct crowd *c)
{
    struct epoll_event events[EVENTS];
    unsigned reset = 0, ended = 0, tries = 0;
    int64_t first_us = 0, last_us = 0, served_us = 0, until_us = now_us() + LIMIT_US;

    while (reset + ended < c->n && now_us() < until_us) {
        int n = epoll_wait(c->epoll, events, EVENTS, 100);

        for (int i = 0; i < n; i++) {
            char byte;
            int fd = (int)events[i].data.u64;

            if (recv(fd, &byte, 1, MSG_DONTWAIT) < 0)
                reset++;
            else
                ended++;
            epoll_want(c->epoll, EPOLL_CTL_DEL, fd, 0, 0);
            last_us = now_us();
        }
        if (n > 0 && !first_us) {
            first_us = last_us;
            served_us = serve_next(c, &tries);
        }
    }
    printf("{\"reset\":%u,\"ended\":%u,\"left\":%u,\"tries\":%u,\"first_us\":%lld,"
           "\"served_us\":%lld,\"last_us\":%lld}\n",
           reset, ended, c->n - reset - ended, tries, (long long)first_us, (long long)served_us,
           (long long)last_us);
}

int idle(const struct sockaddr_in *to, unsigned connections)
{
    struct crowd c = {.to = *to, .n = connections};
    char line[64];

    c.fd = calloc(connections, sizeof *c.fd);
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < connections; i++) {
        c.fd[i] = newcomer(&c, i);
        if (c.fd[i] < 0)
            die("connect");
        epoll_want(c.epoll, EPOLL_CTL_ADD, c.fd[i], EPOLLIN | EPOLLRDHUP, (uint64_t)c.fd[i]);
    }
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "check\n") == 0)
            check(&c);
        else if (strcmp(line, "cut\n") == 0)
            wait_for_cut(&c);
        fflush(stdout);
    }
    return 0;
}
