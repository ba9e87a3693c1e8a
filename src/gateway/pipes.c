#include "gateway/pipes.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

/* Less than this is one of the tiny pipes. When one cannot be had, the next try comes later. KEPT
 * are those that wait for their next borrower. */
enum { LEAST_BYTES = 64 * 1024, PAUSE_US = 100 * 1000, KEPT = 4 };

static void close_both(const struct pipe *pipe)
{
    close(pipe->in);
    close(pipe->out);
}

void pipes_done(struct pipes *p)
{
    assert(p->n_made == p->n_free);
    while (p->n_free)
        close_both(&p->free[--p->n_free]);
    p->n_made = 0;
}

static bool make(struct pipe *out)
{
    int fd[2];

    if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) < 0)
        return false;
    *out = (struct pipe){.in = fd[1], .out = fd[0]};
    /* More room is welcome, and not needed. */
    if (fcntl(out->in, F_SETPIPE_SZ, PIPE_BYTES) < 0 &&
        fcntl(out->in, F_GETPIPE_SZ) < LEAST_BYTES) {
        close_both(out);
        return false;
    }
    return true;
}

bool pipes_take(struct pipes *p, struct pipe *out, int64_t now_us)
{
    if (p->n_free) {
        *out = p->free[--p->n_free];
        return true;
    }
    if (p->n_made == PIPES_MAX || now_us < p->again_us)
        return false;
    if (!make(out)) {
        p->again_us = now_us + PAUSE_US;
        return false;
    }
    p->n_made++;
    return true;
}

void pipes_give(struct pipes *p, const struct pipe *pipe)
{
    assert(p->n_free < p->n_made);
    if (p->n_free == KEPT)
        pipes_discard(p, pipe);
    else
        p->free[p->n_free++] = *pipe;
}

void pipes_discard(struct pipes *p, const struct pipe *pipe)
{
    assert(p->n_free < p->n_made);
    p->n_made--;
    close_both(pipe);
}
