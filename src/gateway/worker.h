/* worker: one thread of a gateway, with its own epoll, its own listening socket and its own
 * sessions. A session lives and dies in one worker.
 *
 * Control calls worker_start and worker_stop and posts orders to `mail`; everything else belongs to
 * the worker's thread. Shared with other threads are: the configuration (constant), the mailboxes,
 * the tally (one writer) and struct shared. */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "gateway/deadlines.h"
#include "gateway/mailbox.h"
#include "gateway/messages.h"
#include "gateway/pump.h"
#include "gateway/shared.h"
#include "gateway/tally.h"

struct worker {
    const struct gateway_config *config;
    struct mailbox *reports; /* to control */
    struct shared *shared;
    struct ssl_ctx_st *tls; /* ours; NULL: clients are not spoken to in TLS */
    struct mailbox mail;    /* from control */
    struct tally tally;
    pthread_t thread;

    int epoll, listener, timer; /* listener -1: no longer */
    int64_t timer_us;           /* when the timer fires; INT64_MAX: not */
    struct source listener_source, mail_source, timer_source;
    bool stopping, accepting;
    int64_t now_us; /* read once a turn */

    struct route route;
    uint64_t outdated;      /* routes up to this change were given before we stood still */
    bool drained;           /* the second stage of a hold: nothing is read from upstreams */
    uint64_t hold_change;   /* the change whose DRAINED is owed; 0: none */
    uint64_t opened_change; /* with which this generation, or its last end of a hold, came */
    bool first_byte_told;   /* since then */
    struct failure_gate failures;

    /* Every session is in the list of its state, and follows the route's generation. */
    struct list arriving, parked, connecting, flowing;
    struct list busy;  /* sessions that had their share of the turn and have more to do */
    struct list ended; /* for session_bury: events at hand may still point at them */
    struct deadlines deadlines;
    struct deadline drain, hold_end, accept_again;
    struct deadline pulse; /* with a stall limit: a turn comes at least so often */
    struct pump_tools tools;
};

/* Takes the listener and the share of tls (NULL: none) over, also when it fails. config, reports
 * and shared outlive the worker. NULL: -errno in *err. */
struct worker *worker_start(const struct gateway_config *config, struct shared *shared,
                            int listener, struct ssl_ctx_st *tls, struct mailbox *reports,
                            int *err);
/* Cuts every session, joins the thread and frees. */
void worker_stop(struct worker *w);

/* For the other files of the worker's thread. */

/* Watches for everything, edge-triggered. 0 or -errno. */
int worker_watch(struct worker *w, int fd, struct source *source) MUST_CHECK;
/* Stops accepting for a moment: there are no descriptors, or no memory for them (a positive errno).
 */
void worker_pause_accepting(struct worker *w, int err);
/* Sends one worker's part of a report. */
void worker_tell(struct worker *w, uint64_t change, struct gateway_report report);
/* An upstream of the route failed: reports it if that was not done just before. err: a positive
 * errno, `doing` what. */
void worker_tell_failure(struct worker *w, unsigned upstream, const char *doing, int err);

#endif
