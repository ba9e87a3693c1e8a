/* A few seconds of everything at once: clients that talk, end and reset, routes, holds, dead and
 * resetting upstreams. Upstreams echo. Every client checks every byte that comes back, and an
 * orderly end may come only after the last one.
 *
 * The seed is printed; SOAK_SEED=<n> repeats a run, as far as threads can be repeated. */
#include "rig.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 32, ECHOES = 128, SOAK_MS = 3000 };

static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % below;
}

static void make_nonblocking(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

/* ---- upstreams: one thread echoes on two listeners ---- */

struct echo {
    int fd; /* -1: free */
    uint8_t bytes[4096];
    size_t at, end;
    bool ended;
};

struct upstreams {
    const int *listener;
    atomic_bool stop;
    uint64_t seed;
    struct echo echo[ECHOES];
    pthread_t thread;
};

static void take_connections(struct upstreams *u, int listener)
{
    for (int i = 0; i < ECHOES; i++) {
        struct echo *e = &u->echo[i];

        if (e->fd >= 0)
            continue;
        e->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (e->fd < 0)
            return;
        e->at = e->end = 0;
        e->ended = false;
    }
}

/* True: the connection is over. */
static bool echo_run(struct echo *e)
{
    ssize_t n;

    if (e->at == e->end && !e->ended) {
        n = recv(e->fd, e->bytes, sizeof e->bytes, 0);
        if (n < 0)
            return errno != EAGAIN;
        e->at = 0;
        e->end = (size_t)n;
        e->ended = n == 0;
    }
    if (e->at < e->end) {
        n = send(e->fd, e->bytes + e->at, e->end - e->at, MSG_NOSIGNAL);
        if (n < 0)
            return errno != EAGAIN;
        e->at += (size_t)n;
    }
    return e->ended && e->at == e->end;
}

static void *run_upstreams(void *arg)
{
    struct upstreams *u = arg;

    while (!atomic_load(&u->stop)) {
        struct pollfd p[ECHOES + 2];
        nfds_t n = 0;

        for (int i = 0; i < 2; i++)
            p[n++] = (struct pollfd){.fd = u->listener[i], .events = POLLIN};
        for (int i = 0; i < ECHOES; i++)
            if (u->echo[i].fd >= 0)
                p[n++] = (struct pollfd){.fd = u->echo[i].fd,
                                         .events = u->echo[i].at < u->echo[i].end ? POLLOUT
                                                                                  : POLLIN};
        (void)poll(p, n, 5);
        take_connections(u, u->listener[0]);
        take_connections(u, u->listener[1]);
        for (int i = 0; i < ECHOES; i++) {
            struct echo *e = &u->echo[i];

            if (e->fd < 0)
                continue;
            if (draw(&u->seed, 20000) == 0)
                rig_reset(e->fd);
            else if (echo_run(e))
                close(e->fd);
            else
                continue;
            e->fd = -1;
        }
    }
    for (int i = 0; i < ECHOES; i++)
        if (u->echo[i].fd >= 0)
            close(u->echo[i].fd);
    return NULL;
}

/* ---- clients ---- */

struct client {
    int fd; /* -1: none */
    uint64_t id, sent, received;
    bool ended;
};

struct soak {
    struct rig rig;
    struct client client[CLIENTS];
    uint64_t seed, next_id, generation;
    int dead; /* a port that refuses */
    unsigned completed, broken;
    uint64_t checked;
};

static void forget(struct soak *s, struct client *c, unsigned *counter)
{
    (void)s;
    close(c->fd);
    c->fd = -1;
    if (counter)
        ++*counter;
}

static void client_open(struct soak *s, struct client *c)
{
    *c = (struct client){.fd = rig_client(&s->rig), .id = s->next_id++};
    make_nonblocking(c->fd);
}

static void client_send(struct soak *s, struct client *c)
{
    uint8_t bytes[8000];
    size_t n = (size_t)draw(&s->seed, sizeof bytes) + 1;
    ssize_t sent;

    if (c->ended)
        return;
    for (size_t i = 0; i < n; i++)
        bytes[i] = rig_byte(c->id, c->sent + i);
    sent = send(c->fd, bytes, n, MSG_NOSIGNAL);
    if (sent > 0)
        c->sent += (uint64_t)sent;
    else if (errno != EAGAIN)
        forget(s, c, &s->broken);
}

static void client_receive(struct soak *s, struct client *c)
{
    uint8_t bytes[16000];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

    for (ssize_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], rig_byte(c->id, c->received++));
    if (n > 0) {
        s->checked += (uint64_t)n;
    } else if (n == 0) {
        assert_true(c->ended);
        assert_int_equal(c->received, c->sent);
        forget(s, c, &s->completed);
    } else if (errno != EAGAIN) {
        forget(s, c, &s->broken);
    }
}

static void client_act(struct soak *s, struct client *c)
{
    uint64_t action = draw(&s->seed, 100);

    if (c->fd < 0) {
        client_open(s, c);
    } else if (action < 45) {
        client_send(s, c);
    } else if (action < 95) {
        client_receive(s, c);
    } else if (action < 99) {
        c->ended = true;
        if (shutdown(c->fd, SHUT_WR) < 0)
            forget(s, c, &s->broken);
    } else {
        rig_reset(c->fd);
        c->fd = -1;
    }
}

/* ---- control ---- */

static void change_route(struct soak *s)
{
    struct gateway_route route = rig_route(&s->rig, s->generation, 2);
    uint64_t action = draw(&s->seed, 100);

    if (action < 25)
        route.generation = ++s->generation;
    else if (action < 30)
        route = (struct gateway_route){.generation = ++s->generation, .kind = GATEWAY_PARK};
    else if (action < 32)
        route = (struct gateway_route){.generation = ++s->generation, .kind = GATEWAY_REFUSE};
    else if (action < 60)
        route.hold = true;
    else if (action < 65)
        route.upstream[0].port = rig_port_of(s->dead);
    else if (action < 70) {
        route.generation = ++s->generation;
        route.upstream[0].port = rig_port_of(s->dead);
        route.upstreams = 1;
    }
    if (draw(&s->seed, 2))
        route.upstream[0] = route.upstream[route.upstreams > 1 ? 1 : 0];
    gateway_set_route(s->rig.g, &route);
    if (draw(&s->seed, 3) == 0)
        (void)rig_report(&s->rig, GATEWAY_IN_FORCE);
}

/* Everybody ends; whoever was not cut gets the rest of the echo first. */
static void finish(struct soak *s)
{
    struct gateway_route route = rig_route(&s->rig, s->generation, 2);

    route.hold = false;
    gateway_set_route(s->rig.g, &route);
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &s->client[i];

        if (c->fd < 0)
            continue;
        c->ended = true;
        if (shutdown(c->fd, SHUT_WR) < 0)
            forget(s, c, &s->broken);
        while (c->fd >= 0) {
            struct pollfd p = {.fd = c->fd, .events = POLLIN};

            assert_int_equal(poll(&p, 1, RIG_LIMIT_MS), 1);
            client_receive(s, c);
        }
    }
    rig_wait_counter(&s->rig, &s->rig.counters.sessions_active, 0);
    rig_wait_counter(&s->rig, &s->rig.counters.parked, 0);
}

static void soak(uint64_t seed)
{
    static struct soak s;
    static struct upstreams u;
    int64_t until_us = rig_now_us() + SOAK_MS * 1000;
    unsigned before;

    s = (struct soak){.seed = seed, .dead = rig_closed_port()};
    rig_init(&s.rig);
    s.rig.config.buffer_size = 4096;
    s.rig.config.hold_drain_ms = 3;
    s.rig.config.hold_timeout_ms = 40;
    s.rig.config.max_connections = CLIENTS - 4;
    u = (struct upstreams){.listener = s.rig.upstream, .seed = seed + 1};
    for (int i = 0; i < ECHOES; i++)
        u.echo[i].fd = -1;
    make_nonblocking(s.rig.upstream[0]);
    make_nonblocking(s.rig.upstream[1]);
    for (int i = 0; i < CLIENTS; i++)
        s.client[i].fd = -1;
    before = rig_open_fds();
    rig_start(&s.rig);
    assert_int_equal(pthread_create(&u.thread, NULL, run_upstreams, &u), 0);
    while (rig_now_us() < until_us) {
        client_act(&s, &s.client[draw(&s.seed, CLIENTS)]);
        if (draw(&s.seed, 300) == 0)
            change_route(&s);
        if (draw(&s.seed, 50) == 0)
            rig_drop_reports(&s.rig);
    }
    finish(&s);
    gateway_read_counters(s.rig.g, &s.rig.counters);
    gateway_stop(s.rig.g);
    s.rig.g = NULL;
    atomic_store(&u.stop, true);
    pthread_join(u.thread, NULL);
    assert_int_equal(rig_open_fds(), before);
    (void)printf("# %u ended in order, %u broken, %llu bytes checked, %llu accepted, generation "
                 "%llu\n",
                 s.completed, s.broken, (unsigned long long)s.checked,
                 (unsigned long long)s.rig.counters.accepted_total,
                 (unsigned long long)s.generation);
    assert_true(s.completed > 0 && s.broken > 0 && s.checked > 0);
    close(s.dead);
    rig_stop(&s.rig);
}

static void test_soak(void **state)
{
    const char *given = getenv("SOAK_SEED");
    int64_t seed = rig_now_us();

    (void)state;
    assert_true(!given || str_to_int64(str_of(given), &seed));
    (void)printf("# SOAK_SEED=%lld\n", (long long)seed);
    (void)fflush(stdout);
    soak((uint64_t)seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_soak),
    };

    return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
