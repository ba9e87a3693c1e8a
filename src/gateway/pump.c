#include "gateway/pump.h"

#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One session's share of a turn, so that a stream at full speed does not starve the others. */
enum { SHARE_BYTES = 256 * 1024 };

void pump_init(struct pump *p, struct peer *from, struct peer *to)
{
    *p = (struct pump){.from = from, .to = to};
}

void pump_done(struct pump *p)
{
    free(p->rest);
    p->rest = NULL;
}

void pump_abandon(struct pump *p)
{
    pump_done(p);
    p->ended = p->closed = true;
}

/* Sends up to n bytes. Returns how many the kernel took, or -errno (never -EAGAIN: that is 0). */
static ssize_t push(struct pump *p, const uint8_t *bytes, size_t n)
{
    ssize_t sent = send(p->to->fd, bytes, n, MSG_NOSIGNAL);

    if (sent >= 0)
        return sent;
    if (errno == EAGAIN) {
        p->to->writable = false;
        return 0;
    }
    return errno == EINTR ? 0 : -errno;
}

/* Returns 0 or -errno. */
static int push_rest(struct pump *p, size_t *moved)
{
    while (p->rest && p->to->writable) {
        ssize_t sent = push(p, p->rest + p->rest_at, p->rest_end - p->rest_at);

        if (sent < 0)
            return (int)sent;
        p->rest_at += (size_t)sent;
        *moved += (size_t)sent;
        if (p->rest_at == p->rest_end)
            pump_done(p);
    }
    return 0;
}

static void keep_rest(struct pump *p, const uint8_t *bytes, size_t n)
{
    assert(!p->rest && n);
    p->rest = xcalloc(1, n);
    memcpy(p->rest, bytes, n);
    p->rest_at = 0;
    p->rest_end = n;
}

/* Reads once, sends what it can. Returns 0 or -errno of the source in *from_err or of the sink. */
static int copy_once(struct pump *p, const struct pump_scratch *scratch, int *from_err,
                     size_t *moved)
{
    ssize_t got = recv(p->from->fd, scratch->p, scratch->size, 0);
    ssize_t sent;

    if (got < 0) {
        if (errno == EAGAIN)
            p->from->readable = false;
        else if (errno != EINTR)
            *from_err = errno;
        return 0;
    }
    if (got == 0) {
        p->ended = true;
        return 0;
    }
    /* A short read has emptied the socket, and the next byte will raise an edge; a FIN that was
     * announced already will not, so go on to read it. */
    if ((size_t)got < scratch->size && !p->from->ending)
        p->from->readable = false;
    sent = p->to->writable ? push(p, scratch->p, (size_t)got) : 0;
    if (sent < 0)
        return (int)sent;
    *moved += (size_t)sent;
    if (sent < got)
        keep_rest(p, scratch->p + sent, (size_t)(got - sent));
    return 0;
}

static struct pump_result result(enum pump_outcome outcome, int err, size_t moved)
{
    return (struct pump_result){.outcome = outcome, .err = err, .moved = moved};
}

struct pump_result pump_run(struct pump *p, const struct pump_scratch *scratch, bool may_read)
{
    size_t moved = 0;

    for (;;) {
        int err = push_rest(p, &moved);
        int from_err = 0;

        if (err)
            return result(PUMP_TO_FAILED, -err, moved);
        if (p->rest)
            return result(PUMP_WAITS, 0, moved);
        if (p->ended) {
            /* ENOTCONN: the sink has been reset; its own event says so. */
            if (!p->closed)
                (void)shutdown(p->to->fd, SHUT_WR);
            p->closed = true;
            return result(PUMP_WAITS, 0, moved);
        }
        if (!may_read || !p->from->readable)
            return result(PUMP_WAITS, 0, moved);
        if (moved >= SHARE_BYTES)
            return result(PUMP_HAS_MORE, 0, moved);
        err = copy_once(p, scratch, &from_err, &moved);
        if (err)
            return result(PUMP_TO_FAILED, -err, moved);
        if (from_err)
            return result(PUMP_FROM_FAILED, from_err, moved);
    }
}
