/* Many sessions of mixed traffic: exchanges of all sizes with pauses, uploads, downloads,
 * half-closed ends, resets in the middle. A reset by the relay is counted and the session begins
 * anew; a wrong byte, or an orderly end before its time, is an error. */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, TICK_MS = 10, PAUSE_MOST_US = 400000, STUCK_US = 60 * 1000 * 1000 };

struct member {
    int fd; /* -1: none */
    struct hello hello;
    size_t hello_sent;
    bool connected, ended; /* ended: we have shut down */
    uint64_t to_send, sent, to_receive, received;
    uint64_t verdict;
    unsigned exchanges; /* ECHO: that are left */
    int64_t wake_us;    /* 0: not pausing */
    int64_t moved_us;
};

struct crowd {
    struct sockaddr_in to;
    struct member *all;
    unsigned n;
    int epoll;
    uint64_t random;
    uint64_t finished, resets_by_us, cuts, refused, wrong, early_ends, stuck, bytes;
};

static uint64_t draw(struct crowd *c, uint64_t below)
{
    c->random = c->random * 6364136223846793005u + 1442695040888963407u;
    return (c->random >> 33) % below;
}

/* Small ones mostly, big ones now and then. */
static uint64_t draw_size(struct crowd *c)
{
    switch (draw(c, 10)) {
    case 0:
        return 1 + draw(c, 2 * 1024 * 1024);
    case 1:
    case 2:
        return 1 + draw(c, 100000);
    default:
        return 1 + draw(c, 2000);
    }
}

static void next_exchange(struct crowd *c, struct member *m)
{
    m->to_send = m->to_receive = m->sent + draw_size(c);
    m->exchanges--;
}

static void begin(struct crowd *c, struct member *m)
{
    uint64_t kind = draw(c, 10);

    *m = (struct member){.moved_us = now_us()};
    m->hello.bytes = 1 + draw(c, 4 * 1024 * 1024);
    if (kind == 0) {
        m->hello.mode = MODE_UP;
        m->to_send = m->hello.bytes;
        m->to_receive = sizeof m->verdict;
    } else if (kind == 1) {
        m->hello.mode = MODE_DOWN;
        m->to_receive = m->hello.bytes;
    } else {
        m->hello.mode = MODE_ECHO;
        m->exchanges = 1 + (unsigned)draw(c, 20);
        next_exchange(c, m);
    }
    m->fd = connect_to(&c->to, (unsigned)draw(c, 64));
    if (m->fd >= 0)
        epoll_want(c->epoll, EPOLL_CTL_ADD, m->fd, EPOLLIN | EPOLLOUT | (uint32_t)EPOLLET,
                   (uint64_t)(uintptr_t)m);
    else
        m->wake_us = m->moved_us + 1 + (int64_t)draw(c, 20000);
}

/* The next session of this member begins a little later. */
static void leave(struct crowd *c, struct member *m, bool reset)
{
    struct linger at_once = {.l_onoff = 1};

    if (reset)
        (void)setsockopt(m->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(m->fd);
    m->fd = -1;
    m->wake_us = now_us() + 1 + (int64_t)draw(c, 20000);
}

static void lost(struct crowd *c, struct member *m)
{
    c->cuts += m->connected;
    c->refused += !m->connected;
    leave(c, m, false);
}

/* False: the connection is gone. */
static bool send_more(struct member *m)
{
    while (m->hello_sent < sizeof m->hello) {
        ssize_t sent = send(m->fd, (const uint8_t *)&m->hello + m->hello_sent,
                            sizeof m->hello - m->hello_sent, MSG_NOSIGNAL);

        if (sent < 0)
            return errno == EAGAIN;
        m->hello_sent += (size_t)sent;
    }
    while (m->sent < m->to_send) {
        uint64_t left = m->to_send - m->sent;
        ssize_t sent = send(m->fd, pattern_at(m->sent), left < CHUNK ? (size_t)left : CHUNK,
                            MSG_NOSIGNAL);

        if (sent < 0)
            return errno == EAGAIN;
        m->sent += (uint64_t)sent;
        m->moved_us = now_us();
    }
    return true;
}

static bool right(struct member *m, const uint8_t *bytes, size_t n)
{
    if (m->received + n > m->to_receive)
        return false;
    if (m->hello.mode != MODE_UP)
        return pattern_matches(m->received, bytes, n);
    memcpy((uint8_t *)&m->verdict + m->received, bytes, n);
    return m->received + n < sizeof m->verdict || m->verdict == m->hello.bytes;
}

/* False: the connection is over, and that is accounted for. */
static bool receive_more(struct crowd *c, struct member *m)
{
    static uint8_t chunk[CHUNK];

    for (;;) {
        ssize_t got = recv(m->fd, chunk, sizeof chunk, 0);

        if (got < 0 && errno == EAGAIN)
            return true;
        if (got < 0) {
            lost(c, m);
            return false;
        }
        if (got == 0) {
            if (m->received == m->to_receive && (m->ended || m->hello.mode != MODE_ECHO))
                c->finished++;
            else
                c->early_ends++;
            leave(c, m, false);
            return false;
        }
        if (!right(m, chunk, (size_t)got)) {
            c->wrong++;
            leave(c, m, true);
            return false;
        }
        m->received += (uint64_t)got;
        c->bytes += (uint64_t)got;
        m->moved_us = now_us();
    }
}

/* All of this exchange has come. What next? */
static void after_exchange(struct crowd *c, struct member *m)
{
    if (m->hello.mode == MODE_DOWN || m->ended)
        return; /* the end is still to come */
    if (m->hello.mode == MODE_ECHO && m->exchanges) {
        m->wake_us = now_us() + 1 + (int64_t)draw(c, PAUSE_MOST_US);
        return;
    }
    switch (draw(c, 3)) {
    case 0:
        c->resets_by_us++;
        leave(c, m, true);
        return;
    case 1:
        c->finished++;
        leave(c, m, false);
        return;
    default:
        m->ended = true;
        if (shutdown(m->fd, SHUT_WR) < 0)
            lost(c, m);
    }
}

static void run(struct crowd *c, struct member *m)
{
    if (m->fd < 0 || m->wake_us)
        return;
    if (!send_more(m)) {
        lost(c, m);
        return;
    }
    if (!receive_more(c, m))
        return;
    if (draw(c, 20000) == 0) {
        c->resets_by_us++;
        leave(c, m, true);
    } else if (m->sent == m->to_send && m->received == m->to_receive) {
        after_exchange(c, m);
    }
}

static void on_event(struct crowd *c, struct member *m, uint32_t events)
{
    if (m->fd < 0)
        return;
    if (events & (EPOLLERR | EPOLLHUP) && !m->connected) {
        lost(c, m);
        return;
    }
    if (events & EPOLLOUT)
        m->connected = true;
    if (m->wake_us && events & EPOLLERR)
        lost(c, m);
    else if (m->connected)
        run(c, m);
}

/* Pauses that are over; and sessions in which nothing has moved for a long time. */
static void tick(struct crowd *c, int64_t at_us)
{
    for (unsigned i = 0; i < c->n; i++) {
        struct member *m = &c->all[i];

        if (m->wake_us && at_us >= m->wake_us) {
            m->wake_us = 0;
            m->moved_us = at_us;
            if (m->fd < 0) {
                begin(c, m);
            } else {
                next_exchange(c, m);
                run(c, m);
            }
        } else if (!m->wake_us && at_us - m->moved_us > STUCK_US) {
            c->stuck++;
            leave(c, m, true);
        }
    }
}

int crowd(const struct sockaddr_in *to, unsigned sessions, int64_t for_us, uint64_t seed)
{
    struct crowd c = {.to = *to, .n = sessions, .random = seed};
    struct epoll_event events[EVENTS];
    int64_t until_us = now_us() + for_us, at_us;
    int64_t tick_us = 0;

    c.all = calloc(sessions, sizeof *c.all);
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < sessions; i++)
        begin(&c, &c.all[i]);
    while ((at_us = now_us()) < until_us) {
        int n = epoll_wait(c.epoll, events, EVENTS, TICK_MS);

        for (int i = 0; i < n; i++)
            on_event(&c, events[i].data.ptr, events[i].events);
        if (at_us - tick_us >= TICK_MS * 1000) {
            tick(&c, at_us);
            tick_us = at_us;
        }
    }
    printf("{\"finished\":%llu,\"cuts\":%llu,\"refused\":%llu,\"resets\":%llu,\"mib\":%llu,"
           "\"wrong\":%llu,\"early_ends\":%llu,\"stuck\":%llu}\n",
           (unsigned long long)c.finished, (unsigned long long)c.cuts,
           (unsigned long long)c.refused, (unsigned long long)c.resets_by_us,
           (unsigned long long)(c.bytes >> 20), (unsigned long long)c.wrong,
           (unsigned long long)c.early_ends, (unsigned long long)c.stuck);
    return c.wrong || c.early_ends || c.stuck;
}
