/* process: a simulated process of an operating system: its event loop (io/loop.h), and its life.
 *
 * Whatever it owns (timers, connections, requests) hangs on its loop. A killed process says nothing
 * more from that moment on, also when it is killed in the middle of its own callback; right after
 * that callback its owner is called to free what it had, which resets its connections. */
#ifndef SIM_PROCESS_H
#define SIM_PROCESS_H

#include "io/loop.h"
#include "sim/clock.h"

struct host;

struct process_config {
    const char *name;
    struct host *host; /* on which it runs */
    /* It has died, or called loop_stop: free all that hangs on the loop, and the loop. */
    void (*on_end)(void *arg);
    void *arg;
};

struct loop *process_new(const struct process_config *config);
/* As loop_free, for on_end and for the end of a simulation. */
void process_free(struct loop *p);
void process_kill(struct loop *p);
/* SIGSTOP and SIGCONT: what is due meanwhile happens after it, in its order. */
void process_freeze(struct loop *p, bool frozen);
bool process_alive(const struct loop *p);
bool process_frozen(const struct loop *p);
const char *process_name(const struct loop *p);
struct host *process_host(const struct loop *p);
/* Wall clock of the world. */
int64_t process_wall_us(void);
/* Its wall clock jumps. */
void process_shift_wall(struct loop *p, int64_t by_us);
/* It dies when it is about to say its n-th word (a write to a connection, a request) from now; 0:
 * never. For "the leader dies between any two effects". */
void process_kill_at_output(struct loop *p, uint64_t n);
uint64_t process_outputs(const struct loop *p);
/* The process that runs now; NULL: the world itself. */
struct loop *process_current(void);
/* Runs fn as that process (NULL: as the world). */
void process_run(struct loop *p, void (*fn)(void *arg), void *arg);

/* For the other parts of the simulated io. False: it is dead, so nothing leaves it any more. */
bool process_says(struct loop *p);
/* False: it is dead, or frozen and keeps this for later. */
bool process_may_run(struct loop *p, struct happening *h);
/* Descriptors for loop_fd_new: the simulated gateway's. */
int process_fd_new(struct loop *p);
void process_fd_ring(int fd);
void process_fd_free(int fd);

#endif
