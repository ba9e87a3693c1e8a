/* Streams at full speed in one direction, and one session with slow readers on both ends. Every
 * byte is checked where it arrives. */
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

enum { STREAMS_MAX = 256, SHARE = 1024 * 1024 };

struct stream {
    int fd;
    uint64_t at;
    bool over, wrong;
};

static uint8_t chunk[CHUNK];

static bool send_some(struct stream *s, uint64_t bytes)
{
    for (size_t share = 0; share < SHARE && s->at < bytes;) {
        uint64_t left = bytes - s->at;
        ssize_t sent = send(s->fd, pattern_at(s->at), left < CHUNK ? (size_t)left : CHUNK,
                            MSG_NOSIGNAL);

        if (sent < 0)
            return errno == EAGAIN;
        s->at += (uint64_t)sent;
        share += (size_t)sent;
    }
    return true;
}

/* The stream is over when this returns false. */
static bool take_some(struct stream *s, uint64_t bytes)
{
    for (size_t share = 0; share < SHARE;) {
        ssize_t got = recv(s->fd, chunk, CHUNK, 0);

        if (got < 0 && errno == EAGAIN)
            return true;
        if (got <= 0) {
            s->wrong = s->wrong || got < 0 || s->at != bytes;
            return false;
        }
        if (!pattern_matches(s->at, chunk, (size_t)got))
            s->wrong = true;
        s->at += (uint64_t)got;
        share += (size_t)got;
    }
    return true;
}

/* The server's word on an upload. */
static bool verdict_is_good(const struct stream *s, uint64_t bytes)
{
    uint64_t verdict = 0;

    return recv(s->fd, &verdict, sizeof verdict, 0) == sizeof verdict && verdict == bytes;
}

static void on_event(struct stream *s, int epoll, uint64_t bytes, bool up, uint32_t events)
{
    if (up && s->at < bytes && events & EPOLLOUT) {
        if (!send_some(s, bytes))
            s->over = s->wrong = true;
        else if (s->at == bytes)
            epoll_want(epoll, EPOLL_CTL_MOD, s->fd, EPOLLIN, (uint64_t)(uintptr_t)s);
    } else if (up) {
        s->over = true;
        s->wrong = !verdict_is_good(s, bytes);
    } else if (!take_some(s, bytes)) {
        s->over = true;
    }
}

int bulk(const struct sockaddr_in *to, unsigned streams, uint64_t bytes, bool up)
{
    static struct stream all[STREAMS_MAX];
    struct hello hello = {.mode = up ? MODE_UP : MODE_DOWN, .bytes = bytes};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    unsigned left = streams, errors = 0;
    struct epoll_event events[16];
    int64_t began_us = now_us();

    for (unsigned i = 0; i < streams; i++) {
        all[i].fd = connect_now(to, i);
        if (all[i].fd < 0 || !send_all(all[i].fd, &hello, sizeof hello) ||
            fcntl(all[i].fd, F_SETFL, O_NONBLOCK) < 0)
            die("connect");
        epoll_want(epoll, EPOLL_CTL_ADD, all[i].fd, up ? EPOLLOUT : EPOLLIN,
                   (uint64_t)(uintptr_t)&all[i]);
    }
    while (left) {
        int n = epoll_wait(epoll, events, 16, 30000);

        if (n == 0) {
            errno = ETIMEDOUT;
            die("nothing moves");
        }
        for (int i = 0; i < n; i++) {
            struct stream *s = events[i].data.ptr;

            on_event(s, epoll, bytes, up, events[i].events);
            if (!s->over)
                continue;
            close(s->fd);
            errors += s->wrong;
            left--;
        }
    }
    printf("{\"mib_per_s\":%.1f,\"cpu_us\":%lld,\"errors\":%u}\n",
           (double)bytes * streams / 1048576.0 / ((double)(now_us() - began_us) / 1e6),
           (long long)cpu_us(), errors);
    return errors != 0;
}

/* ---- slow ---- */

struct half {
    int fd;
    uint64_t bytes;
};

static void *write_half(void *arg)
{
    struct half *h = arg;

    for (uint64_t at = 0; at < h->bytes;) {
        uint64_t left = h->bytes - at;
        size_t n = left < CHUNK ? (size_t)left : CHUNK;

        if (!send_all(h->fd, pattern_at(at), n))
            return h;
        at += n;
    }
    return shutdown(h->fd, SHUT_WR) < 0 ? h : NULL;
}

bool slow_both_ways(int fd, uint64_t bytes)
{
    enum { BURST = 4 * 1024 * 1024, PAUSE_US = 10000 };
    uint8_t *buffer = malloc(CHUNK);
    struct half half = {fd, bytes};
    uint64_t at = 0, rest_at = BURST;
    bool right = true;
    pthread_t writer;
    ssize_t got;
    void *failed;

    (void)pattern_at(0); /* made before there are two threads */
    if (pthread_create(&writer, NULL, write_half, &half) != 0)
        die("thread");
    while ((got = recv(fd, buffer, CHUNK, 0)) > 0) {
        right = right && pattern_matches(at, buffer, (size_t)got);
        at += (uint64_t)got;
        if (at >= rest_at) {
            usleep(PAUSE_US); /* the reader's slowness is the load, nothing is waited for */
            rest_at += BURST;
        }
    }
    pthread_join(writer, &failed);
    free(buffer);
    return right && got == 0 && !failed && at == bytes;
}

int slow(const struct sockaddr_in *to, uint64_t bytes)
{
    struct hello hello = {.mode = MODE_SLOW, .bytes = bytes};
    int64_t began_us = now_us();
    int fd = connect_now(to, 0);
    bool right;

    if (fd < 0 || !send_all(fd, &hello, sizeof hello))
        die("connect");
    right = slow_both_ways(fd, bytes);
    printf("{\"seconds\":%.2f,\"errors\":%d}\n", (double)(now_us() - began_us) / 1e6, !right);
    return !right;
}
