/* The server behind the relays: does with every connection what its hello asks. One thread, but for
 * slow sessions, which have one each. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, SEND_SHARE = 1024 * 1024 };

struct client {
    struct hello hello;
    size_t greeted;   /* bytes of the hello that have come */
    uint64_t at;      /* place in the stream */
    uint8_t *pending; /* an echo that did not fit: bytes from pending_at to pending_end */
    size_t pending_at, pending_end;
    bool wrong;
};

struct server {
    int epoll, listener;
    struct client **client; /* by descriptor */
    size_t capacity;
    uint8_t chunk[CHUNK];
};

struct slow_client {
    int fd;
    uint64_t bytes;
};

static void drop(struct server *s, int fd)
{
    free(s->client[fd]->pending);
    free(s->client[fd]);
    s->client[fd] = NULL;
    close(fd);
}

static void greet(struct server *s)
{
    int fd;

    while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if ((size_t)fd >= s->capacity) {
            s->client = realloc(s->client, ((size_t)fd + 1024) * sizeof(struct client *));
            s->capacity = (size_t)fd + 1024;
        }
        s->client[fd] = calloc(1, sizeof **s->client);
        epoll_want(s->epoll, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)fd);
    }
}

static void *run_slow(void *arg)
{
    struct slow_client *c = arg;

    (void)slow_both_ways(c->fd, c->bytes); /* the client, too, sees when bytes are wrong */
    close(c->fd);
    free(c);
    return NULL;
}

/* The descriptor leaves the loop for a thread of its own. */
static void hand_over(struct server *s, int fd)
{
    struct slow_client *c = calloc(1, sizeof *c);
    pthread_t thread;

    *c = (struct slow_client){fd, s->client[fd]->hello.bytes};
    epoll_want(s->epoll, EPOLL_CTL_DEL, fd, 0, 0);
    free(s->client[fd]);
    s->client[fd] = NULL;
    if (fcntl(fd, F_SETFL, 0) < 0 || pthread_create(&thread, NULL, run_slow, c) != 0)
        die("thread");
    pthread_detach(thread);
}

/* Returns false when the connection is over. */
static bool echo(struct server *s, int fd, const uint8_t *bytes, size_t n)
{
    struct client *c = s->client[fd];
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN)
        return false;
    if (sent < 0)
        sent = 0;
    if ((size_t)sent == n)
        return true;
    c->pending = malloc(n - (size_t)sent);
    memcpy(c->pending, bytes + sent, n - (size_t)sent);
    c->pending_at = 0;
    c->pending_end = n - (size_t)sent;
    epoll_want(s->epoll, EPOLL_CTL_MOD, fd, EPOLLOUT, (uint64_t)fd);
    return true;
}

static bool echo_pending(struct server *s, int fd)
{
    struct client *c = s->client[fd];
    ssize_t sent = send(fd, c->pending + c->pending_at, c->pending_end - c->pending_at,
                        MSG_NOSIGNAL);

    if (sent < 0)
        return errno == EAGAIN;
    c->pending_at += (size_t)sent;
    if (c->pending_at < c->pending_end)
        return true;
    free(c->pending);
    c->pending = NULL;
    epoll_want(s->epoll, EPOLL_CTL_MOD, fd, EPOLLIN, (uint64_t)fd);
    return true;
}

static bool check_upload(struct client *c, int fd, const uint8_t *bytes, size_t n)
{
    uint64_t verdict;

    if (!pattern_matches(c->at, bytes, n))
        c->wrong = true;
    c->at += n;
    if (c->at < c->hello.bytes)
        return true;
    verdict = c->wrong || c->at > c->hello.bytes ? 0 : c->at;
    return send(fd, &verdict, sizeof verdict, MSG_NOSIGNAL) == sizeof verdict;
}

static bool send_download(struct client *c, int fd)
{
    for (size_t share = 0; share < SEND_SHARE && c->at < c->hello.bytes;) {
        uint64_t left = c->hello.bytes - c->at;
        ssize_t sent = send(fd, pattern_at(c->at), left < CHUNK ? (size_t)left : CHUNK,
                            MSG_NOSIGNAL);

        if (sent < 0)
            return errno == EAGAIN;
        c->at += (uint64_t)sent;
        share += (size_t)sent;
    }
    return c->at < c->hello.bytes; /* closing is the end of the stream */
}

/* The rest of the hello out of what has come. Returns how many bytes it took. */
static size_t take_hello(struct client *c, const uint8_t *bytes, size_t n)
{
    size_t wanted = sizeof c->hello - c->greeted;

    if (n < wanted)
        wanted = n;
    memcpy((uint8_t *)&c->hello + c->greeted, bytes, wanted);
    c->greeted += wanted;
    return wanted;
}

static bool on_readable(struct server *s, int fd)
{
    struct client *c = s->client[fd];
    size_t wanted = sizeof c->hello - c->greeted;
    ssize_t got;
    size_t used = 0;

    /* A slow session's thread wants all that follows the hello for itself. */
    got = recv(fd, s->chunk, wanted ? sizeof c->hello + 4096 : CHUNK, wanted ? MSG_PEEK : 0);
    if (got < 0)
        return errno == EAGAIN;
    if (got == 0)
        return false;
    if (wanted) {
        used = take_hello(c, s->chunk, (size_t)got);
        if (c->greeted < sizeof c->hello || c->hello.mode == MODE_SLOW)
            got = (ssize_t)used;
        if (recv(fd, s->chunk, (size_t)got, 0) != got)
            return false;
        if (c->greeted < sizeof c->hello)
            return true;
    }
    switch ((enum mode)c->hello.mode) {
    case MODE_ECHO:
        return (size_t)got == used || echo(s, fd, s->chunk + used, (size_t)got - used);
    case MODE_UP:
        return (size_t)got == used || check_upload(c, fd, s->chunk + used, (size_t)got - used);
    case MODE_DOWN:
        epoll_want(s->epoll, EPOLL_CTL_MOD, fd, EPOLLOUT, (uint64_t)fd);
        return true;
    case MODE_SLOW:
        hand_over(s, fd);
        return true;
    }
    return false;
}

static void on_event(struct server *s, int fd, uint32_t events)
{
    struct client *c = s->client[fd];
    bool goes_on;

    if (events & EPOLLOUT)
        goes_on = c->pending ? echo_pending(s, fd) : send_download(c, fd);
    else
        goes_on = on_readable(s, fd);
    if (!goes_on)
        drop(s, fd);
}

int serve(const struct sockaddr_in *at)
{
    static struct server s;
    struct epoll_event events[EVENTS];

    s.epoll = epoll_create1(EPOLL_CLOEXEC);
    s.listener = listen_at(at);
    epoll_want(s.epoll, EPOLL_CTL_ADD, s.listener, EPOLLIN, (uint64_t)s.listener);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(s.epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            int fd = (int)events[i].data.u64;

            if (fd == s.listener)
                greet(&s);
            else
                on_event(&s, fd, events[i].events);
        }
    }
}
