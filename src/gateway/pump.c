#include "gateway/pump.h"

#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One session's share of a turn, so that a stream at full speed does not starve the others (a
 * splice costs a tenth of a copy); and what makes a pump change its way: reads in a row that fill
 * the buffer, or splices in a row that bring less than CALM_BYTES. */
enum {
    COPY_SHARE_BYTES = 256 * 1024,
    SPLICE_SHARE_BYTES = 1024 * 1024,
    STREAK = 4,
    CALM_BYTES = 16 * 1024
};

void pump_init(struct pump *p, struct peer *from, struct peer *to)
{
    *p = (struct pump){.from = from, .to = to};
}

static void free_rest(struct pump *p)
{
    free(p->rest);
    p->rest = NULL;
}

void pump_done(struct pump *p, struct pump_tools *tools)
{
    free_rest(p);
    if (p->piped)
        pipes_discard(&tools->pipes, &p->pipe);
    p->piped = 0;
}

void pump_abandon(struct pump *p, struct pump_tools *tools)
{
    pump_done(p, tools);
    p->ended = p->closed = true;
}

/* True while the pump holds bytes of its own. */
static bool holds_bytes(const struct pump *p)
{
    return p->rest || p->piped;
}

/* ---- copying ---- */

/* How many bytes the sink took, or -errno (never -EAGAIN: that is 0). */
static ssize_t push(struct pump *p, const uint8_t *bytes, size_t n)
{
    ssize_t sent = peer_send(p->to, bytes, n);

    return sent == -EAGAIN ? 0 : sent;
}

/* Returns 0 or -errno. */
static int push_rest(struct pump *p, size_t *moved)
{
    while (p->rest && p->to->writable) {
        ssize_t sent = push(p, p->rest + p->rest_at, p->rest_end - p->rest_at);

        if (sent < 0)
            return (int)sent;
        p->rest_at += (uint32_t)sent;
        *moved += (size_t)sent;
        if (p->rest_at == p->rest_end)
            free_rest(p);
    }
    return 0;
}

static void keep_rest(struct pump *p, const uint8_t *bytes, size_t n)
{
    assert(!p->rest && n && n <= UINT32_MAX);
    p->rest = xcalloc(1, n);
    memcpy(p->rest, bytes, n);
    p->rest_at = 0;
    p->rest_end = (uint32_t)n;
}

/* Changes the way of moving after STREAK reads in a row that speak for it. */
static void weigh(struct pump *p, bool other_way_is_better)
{
    p->streak = other_way_is_better ? (uint8_t)(p->streak + 1) : 0;
    if (p->streak < STREAK)
        return;
    p->splicing = !p->splicing;
    p->streak = 0;
}

/* Reads once, sends what it can. Returns 0 or -errno of the source in *from_err or of the sink. */
static int copy_once(struct pump *p, const struct pump_tools *tools, int *from_err, size_t *moved)
{
    ssize_t got = peer_receive(p->from, tools->scratch, tools->size);
    ssize_t sent;

    if (got < 0) {
        if (got != -EAGAIN)
            *from_err = (int)-got;
        return 0;
    }
    if (got == 0) {
        p->ended = true;
        return 0;
    }
    if (!p->from->tls && !p->to->tls)
        weigh(p, (size_t)got == tools->size);
    sent = p->to->writable ? push(p, tools->scratch, (size_t)got) : 0;
    if (sent < 0)
        return (int)sent;
    *moved += (size_t)sent;
    if (sent < got)
        keep_rest(p, tools->scratch + sent, (size_t)(got - sent));
    return 0;
}

/* ---- splicing ---- */

/* Returns 0 or -errno. */
static int push_pipe(struct pump *p, struct pump_tools *tools, size_t *moved)
{
    while (p->piped && p->to->writable) {
        ssize_t sent = splice(p->pipe.out, NULL, p->to->fd, NULL, p->piped,
                              SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

        if (sent < 0 && errno == EAGAIN)
            p->to->writable = false; /* the pipe is not empty, so it is the sink that is full */
        else if (sent < 0 && errno != EINTR)
            return -errno;
        if (sent <= 0)
            continue;
        p->piped -= (uint32_t)sent;
        *moved += (size_t)sent;
        if (!p->piped)
            pipes_give(&tools->pipes, &p->pipe);
    }
    return 0;
}

/* Fills an empty pipe once. */
static void fill_pipe(struct pump *p, struct pump_tools *tools, int *from_err)
{
    ssize_t got = splice(p->from->fd, NULL, p->pipe.in, NULL, SPLICE_SHARE_BYTES,
                         SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    int err = errno;

    if (got > 0) {
        p->piped = (uint32_t)got;
        weigh(p, got < CALM_BYTES);
        return;
    }
    pipes_give(&tools->pipes, &p->pipe);
    if (got == 0)
        p->ended = true;
    else if (err == EAGAIN)
        p->from->readable = false; /* the pipe is empty, so it is the source that has nothing */
    else if (err != EINTR)
        *from_err = err;
}

/* ---- both ---- */

/* The process was stopped in the middle of this turn: the worker has to look around first. The
 * coarse clock (of the last tick) costs nothing beside a read. */
static bool is_turn_too_old(const struct pump_tools *tools)
{
    struct timespec t;

    if (!tools->read_until_us)
        return false;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 > tools->read_until_us;
}

static struct pump_result result(enum pump_outcome outcome, int err, size_t moved)
{
    return (struct pump_result){.outcome = outcome, .err = err, .moved = moved};
}

struct pump_result pump_run(struct pump *p, struct pump_tools *tools, bool may_read)
{
    size_t moved = 0, share = COPY_SHARE_BYTES;

    for (;;) {
        int err = p->piped ? push_pipe(p, tools, &moved) : push_rest(p, &moved);
        int from_err = 0;

        if (err)
            return result(PUMP_TO_FAILED, -err, moved);
        if (holds_bytes(p))
            return result(PUMP_WAITS, 0, moved);
        if (p->ended) {
            if (!p->closed && p->to->writable)
                p->closed = peer_end(p->to);
            return result(PUMP_WAITS, 0, moved);
        }
        if (!may_read || !p->from->readable || is_turn_too_old(tools))
            return result(PUMP_WAITS, 0, moved);
        if (moved >= share)
            return result(PUMP_HAS_MORE, 0, moved);
        if (p->splicing && pipes_take(&tools->pipes, &p->pipe, tools->now_us)) {
            share = SPLICE_SHARE_BYTES;
            fill_pipe(p, tools, &from_err);
        } else {
            err = copy_once(p, tools, &from_err, &moved);
        }
        if (err)
            return result(PUMP_TO_FAILED, -err, moved);
        if (from_err)
            return result(PUMP_FROM_FAILED, from_err, moved);
    }
}
