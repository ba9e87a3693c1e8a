/* Round trips: on connections that stay, and on new ones for each. Every answer is compared with
 * its question. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, WARM_UP_US = 200000, CHURN_SIZE = 64, QUIET_LIMIT_MS = 5000 };

struct talk {
    int fd;
    unsigned number;
    uint64_t asked; /* questions so far */
    int64_t asked_us;
    size_t come; /* bytes of the answer */
};

static struct histogram times;
static uint8_t chunk[CHUNK];

/* all: answers that came, the warm-up's included; the relay worked for them, too. */
static void tell(uint64_t answers, int64_t in_us, uint64_t all, uint64_t errors)
{
    printf("{\"per_s\":%.0f,\"p50_us\":%llu,\"p99_us\":%llu,\"all\":%llu,\"cpu_us\":%lld,"
           "\"errors\":%llu}\n",
           (double)answers / ((double)in_us / 1e6), (unsigned long long)histogram_at(&times, 0.5),
           (unsigned long long)histogram_at(&times, 0.99), (unsigned long long)all,
           (long long)cpu_us(), (unsigned long long)errors);
}

static const uint8_t *question(const struct talk *t)
{
    return pattern_at(t->number * 131u + t->asked * 7u);
}

static bool ask(struct talk *t, size_t size)
{
    t->asked++;
    t->come = 0;
    t->asked_us = now_us();
    return send(t->fd, question(t), size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* -1: wrong, or the connection is over; 0: more is to come; 1: the answer is there. */
static int hear(struct talk *t, size_t size)
{
    ssize_t got = recv(t->fd, chunk, CHUNK, 0);

    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got <= 0 || t->come + (size_t)got > size ||
        memcmp(chunk, question(t) + t->come, (size_t)got) != 0)
        return -1;
    t->come += (size_t)got;
    return t->come == size;
}

static void begin_ping(struct talk *t, const struct sockaddr_in *to, int epoll, size_t size)
{
    struct hello hello = {.mode = MODE_ECHO};

    t->fd = connect_now(to, t->number);
    if (t->fd < 0 || !send_all(t->fd, &hello, sizeof hello))
        die("connect");
    t->asked = 1;
    if (!send_all(t->fd, question(t), size) || !receive_all(t->fd, chunk, size) ||
        memcmp(chunk, question(t), size) != 0)
        die("first answer");
    if (fcntl(t->fd, F_SETFL, O_NONBLOCK) < 0)
        die("fcntl");
    epoll_want(epoll, EPOLL_CTL_ADD, t->fd, EPOLLIN, (uint64_t)(uintptr_t)t);
}

int ping(const struct sockaddr_in *to, unsigned connections, size_t size, int64_t for_us)
{
    struct talk *all = calloc(connections, sizeof *all);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS];
    uint64_t answers = 0, all_answers = connections, errors = 0;
    int64_t begin_us, end_us;

    for (unsigned i = 0; i < connections; i++) {
        all[i].number = i;
        begin_ping(&all[i], to, epoll, size);
    }
    begin_us = now_us() + WARM_UP_US;
    end_us = begin_us + for_us;
    for (unsigned i = 0; i < connections; i++)
        errors += !ask(&all[i], size);
    while (now_us() < end_us && !errors) {
        int n = epoll_wait(epoll, events, EVENTS, QUIET_LIMIT_MS);

        errors += n == 0;
        for (int i = 0; i < n && !errors; i++) {
            struct talk *t = events[i].data.ptr;
            int heard = hear(t, size);
            int64_t at_us;

            errors += heard < 0;
            if (heard <= 0)
                continue;
            all_answers++;
            at_us = now_us();
            if (at_us >= begin_us) {
                histogram_add(&times, (uint64_t)(at_us - t->asked_us));
                answers++;
            }
            errors += !ask(t, size);
        }
    }
    tell(answers, for_us, all_answers, errors);
    free(all);
    return errors != 0;
}

/* ---- churn ---- */

static bool begin_churn(struct talk *t, const struct sockaddr_in *to, int epoll)
{
    t->number += 1;
    t->asked = t->come = 0;
    t->asked_us = now_us();
    t->fd = connect_to(to, t->number);
    if (t->fd < 0)
        return false;
    epoll_want(epoll, EPOLL_CTL_ADD, t->fd, EPOLLIN | EPOLLOUT | (uint32_t)EPOLLET,
               (uint64_t)(uintptr_t)t);
    return true;
}

/* The hello and the question in one message. */
static bool ask_once(struct talk *t)
{
    uint8_t bytes[sizeof(struct hello) + CHURN_SIZE] = {MODE_ECHO};

    t->asked = 1;
    memcpy(bytes + sizeof(struct hello), question(t), CHURN_SIZE);
    return send(t->fd, bytes, sizeof bytes, MSG_NOSIGNAL) == (ssize_t)sizeof bytes;
}

/* As hear. */
static int step(struct talk *t, uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP))
        return -1;
    if (!t->asked && events & EPOLLOUT)
        return ask_once(t) ? 0 : -1;
    return t->asked && events & EPOLLIN ? hear(t, CHURN_SIZE) : 0;
}

int churn(const struct sockaddr_in *to, unsigned at_once, int64_t for_us)
{
    struct talk *all = calloc(at_once, sizeof *all);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS];
    uint64_t answers = 0, errors = 0;
    int64_t begin_us = now_us(), end_us = begin_us + for_us, at_us = begin_us;

    for (unsigned i = 0; i < at_once; i++) {
        all[i].number = i * 1000;
        errors += !begin_churn(&all[i], to, epoll);
    }
    while (at_us < end_us && errors < at_once) {
        int n = epoll_wait(epoll, events, EVENTS, QUIET_LIMIT_MS);

        errors += n == 0;
        for (int i = 0; i < n; i++) {
            struct talk *t = events[i].data.ptr;
            int heard = step(t, events[i].events);

            if (!heard)
                continue;
            if (heard < 0) {
                errors++;
            } else {
                histogram_add(&times, (uint64_t)(now_us() - t->asked_us));
                answers++;
            }
            close(t->fd);
            errors += !begin_churn(t, to, epoll);
        }
        at_us = now_us();
    }
    tell(answers, at_us - begin_us, answers, errors);
    free(all);
    return errors != 0;
}
