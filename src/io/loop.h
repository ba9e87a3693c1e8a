/* loop: the control thread's event loop (libuv inside), its clock and its timers.
 *
 * One thread, one loop. The clock is monotonic. Everything that the app needs of time goes through
 * here, so that the simulator can put virtual time in its place. A program with a loop ignores
 * SIGPIPE: a peer that went away is an error of the write, not the end of us. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/attrs.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct uv_loop_s;

struct loop *loop_new(void);
/* Everything that lives on the loop was freed before. NULL is fine. */
void loop_free(struct loop *loop);
/* Until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* Monotonic microseconds; refreshed at each call. */
int64_t loop_now_us(struct loop *loop);
/* Wall clock, microseconds since 1970: for people and for Kubernetes, never for decisions. */
int64_t loop_wall_us(struct loop *loop);
/* For the parts of io/ only. */
struct uv_loop_s *loop_uv(struct loop *loop);

/* A one-shot timer, owned by the caller, who may stop or start it again at any time, also in its
 * own callback. Precise to about 0.1 ms; 0 means: next turn of the loop. Timers that are due in the
 * same turn are called in the order of their deadlines. */
struct timer;
typedef void timer_fn(void *arg);
struct timer *timer_new(struct loop *loop, timer_fn *fn, void *arg);
void timer_start(struct timer *timer, int64_t after_us);
void timer_stop(struct timer *timer);
bool timer_active(const struct timer *timer);
void timer_free(struct timer *timer); /* NULL is fine; the callback will not run any more */

/* Calls fn when fd can be read. For foreign descriptors (eventfd of the gateway, signal pipes). */
struct loop_fd;
struct loop_fd *loop_fd_new(struct loop *loop, int fd, timer_fn *on_readable, void *arg);
void loop_fd_free(struct loop_fd *watch);

/* SIGTERM, SIGINT and the like, delivered on the loop. */
struct loop_signal;
typedef void loop_signal_fn(void *arg, int signo);
struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_signal_fn *fn, void *arg);
void loop_signal_free(struct loop_signal *signal);

#endif
