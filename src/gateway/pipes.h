/* pipes: the kernel's pipes through which a worker splices, kept for the next one who needs one.
 *
 * A pipe is borrowed only while it holds bytes, so a worker in whose sessions nothing jams needs
 * one. There are at most PIPES_MAX of them, so memory and descriptors stay bounded, and few are
 * kept when they are not in use. A user without privileges may have 16,384 pages in pipes
 * (pipe-user-pages-soft: 64 pipes of our size), then gets smaller ones, and at last tiny ones:
 * those are given back at once, and whoever asks has to copy instead. */
#ifndef GATEWAY_PIPES_H
#define GATEWAY_PIPES_H

#include "base/attrs.h"

#include <stdbool.h>
#include <stdint.h>

enum { PIPES_MAX = 16, PIPE_BYTES = 1024 * 1024 };

struct pipe {
    int in, out; /* write to in, read from out; non-blocking */
};

struct pipes {
    struct pipe free[PIPES_MAX];
    unsigned n_free, n_made;
    int64_t again_us; /* no attempt to make one before this moment */
};

/* A zeroed struct pipes is ready. */
void pipes_done(struct pipes *p);
/* An empty pipe, the borrower's until pipes_give or pipes_discard. False: there is none to have. */
bool pipes_take(struct pipes *p, struct pipe *out, int64_t now_us) MUST_CHECK;
/* Back, empty. */
void pipes_give(struct pipes *p, const struct pipe *pipe);
/* Back, with bytes in it that nobody wants. */
void pipes_discard(struct pipes *p, const struct pipe *pipe);

#endif
