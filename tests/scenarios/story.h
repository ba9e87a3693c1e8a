/* story: a named failure on a simulated cluster, told step by step, with the exact trace of what
 * the controllers decided.
 *
 * A story sets up its cluster (struct world_config), begins it with clients under way, does things
 * to it (sim/world.h, sim/api.h, sim/net.h), and says what must come of that and within what time.
 * The rules of sim/check.h hold after every step. In the end everything must be as it should be,
 * and every acknowledged write there. To add a story: a function in one of the stories_*.c, and its
 * line in the table at the end of that file. */
#ifndef TESTS_STORY_H
#define TESTS_STORY_H

#include "sim/check.h"
#include "sim/console.h"
#include "sim/load.h"
#include "sim/person.h"
#include "sim/process.h"
#include "sim/world_impl.h"

#include <signal.h>

#define MS(n)      ((int64_t)(n)*1000)
#define SECONDS(n) ((int64_t)(n)*1000 * 1000)

struct story {
    const char *name;
    struct world_config config;
    struct load_config clients;
    struct world *world;
    struct ledger ledger;
    struct check check;
    struct load *load;
    struct person *person;
    struct console *console;
    struct buf trace;
    unsigned told[WORLD_CONTROLLERS_MAX], starts[WORLD_CONTROLLERS_MAX];
};

/* Defaults: three pods, one controller with a lease of 3 s, two writers. Change s->config and
 * s->clients, then story_begin. */
void story_init(struct story *s, const char *name);
/* Forms the cluster and starts the clients; the trace begins after that. */
void story_begin(struct story *s);
/* The same in two parts: nothing has happened yet; and the rest. */
void story_open(struct story *s);
void story_form(struct story *s);
/* Runs for so long. */
void story_run(struct story *s, int64_t for_us);
/* Runs until it holds; fails when it does not within the limit. */
typedef bool story_condition_fn(struct story *s);
void story_until(struct story *s, const char *what, story_condition_fn *condition,
                 int64_t limit_us);
/* Fails unless the trace since the last call is this: "rule effect pod", separated by ", ". */
void story_expect(struct story *s, const char *trace);
/* The same, once everything is as it should be again (within 30 s). */
void story_expect_until_converged(struct story *s, const char *trace);
void story_forget_trace(struct story *s);
void story_require(struct story *s, bool holds, const char *what);
/* A person asks a pod itself, as user "admin"; password NULL: as nobody. */
void story_ask_pod(struct story *s, unsigned pod, const char *password, const char *query);
void story_hang_up(struct story *s);
/* The same, until it is answered. */
void story_tell_pod(struct story *s, unsigned pod, const char *query);
/* S dies, and stays away until kube_cluster_hold lets it come back. */
void story_lose_sync(struct story *s);
/* Nothing failed: nobody was refused, sessions were cut only when the main moved. */
void story_require_smooth(struct story *s);
/* Everything as it should be, the data compared, all freed. */
void story_end(struct story *s);
/* Only frees. */
void story_free(struct story *s);

/* Pieces of traces, of three pods of which pod-0 is the main in the beginning. */
/* S is promoted. */
#define TRACE_PROMOTION "O4 write_record, EPOCH promote 1, EPOCH touch 1, EPOCH write_record"
/* And the ASYNC replica is registered. */
#define TRACE_FAILOVER TRACE_PROMOTION ", O7 register 1"
/* The main hands over; it stays, or it is about to stop. */
#define TRACE_SWITCHOVER                                                                           \
    "O4 write_record, EPOCH demote 0, EPOCH promote 1, EPOCH register 1, EPOCH register 1, "       \
    "EPOCH touch 1, EPOCH write_record"
#define TRACE_SWITCHOVER_ALONE                                                                     \
    "O4 write_record, EPOCH demote 0, EPOCH promote 1, EPOCH register 1, EPOCH touch 1, "          \
    "EPOCH write_record"
/* A new epoch on the main, with S and the ASYNC replica, or without S. */
#define TRACE_REFRESH(main)                                                                        \
    "O6 write_record, EPOCH demote " main ", EPOCH promote " main ", EPOCH register " main         \
    ", EPOCH register " main ", EPOCH touch " main ", EPOCH write_record"
#define TRACE_REFRESH_ALONE(main)                                                                  \
    "O6 write_record, EPOCH demote " main ", EPOCH promote " main ", EPOCH register " main         \
    ", EPOCH touch " main ", EPOCH write_record"
/* A replica that was away catches up as an ASYNC one, then it joins. */
#define TRACE_JOINS(main) "O7 register " main ", " TRACE_REFRESH(main)
/* The old main is demoted and catches up, is fenced no more, and joins. */
#define TRACE_OLD_MAIN_RETURNS "O1 demote 0, O7 register 1, O1 write_record, " TRACE_REFRESH("1")

/* Conditions. */
bool story_converged(struct story *s);
bool story_main_is_1(struct story *s);
bool story_writes_go_on(struct story *s); /* a write was acknowledged in the last 50 ms */
bool story_is_answered(struct story *s);  /* what a person asked a pod */
bool story_is_denied(struct story *s);    /* the person */
bool story_refuses(struct story *s);      /* the leader says that it may not fail over */

/* For tables of stories. */
struct story_entry {
    const char *name;
    void (*tell)(const char *name);
};
extern const struct story_entry stories_failures[], stories_network[], stories_planned[],
    stories_hands[], stories_crash_points[];

#endif
