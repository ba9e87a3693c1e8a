/* world: a small world of pods, a record store and controllers, in virtual time, in which the tests
 * let the core's plans come true.
 *
 * It is no model of Memgraph (sim/ has one): it knows just enough to tell a right order of steps
 * from a wrong one: roles, runs, registrations, which writes a pod holds, lineage (an epoch counts
 * from its first commit on; a process that was restarted within an epoch and saw more of it taints
 * it). Every controller has a view of its own and folds results in as the program does. Times are
 * virtual microseconds. What breaks an invariant fails the test on the spot, with the trace. */
#ifndef TESTS_CORE_WORLD_H
#define TESTS_CORE_WORLD_H

#include "core/command.h"
#include "core/eligibility.h"
#include "core/gate.h"
#include "core/rules.h"

enum {
    WORLD_PODS = 4,
    WORLD_CONTROLLERS = 2,
    WORLD_OPS = 96,
    WORLD_TRACE = 65536,
    EVENTS_KEPT = 8
};

static const int64_t ms = 1000, second = 1000 * 1000;

/* A registration as the fake main keeps it. */
struct fake_row {
    int pod;
    char address[ADDRESS_SIZE];
    enum mode mode;
    bool dead;
    enum row_status status;
    int64_t ts;
    unsigned missed; /* heartbeats in a row */
};

struct fake_pod {
    bool exists, ready, terminating;
    bool running, mute; /* its process lives; it answers nobody */
    bool stuck;         /* as a replica it stays in recovery */
    unsigned starts, pods;
    char uid[NAME_SIZE];
    int64_t kubelet_at; /* terminating: the end of its grace; gone: the start of the next pod */
    char run[RUN_SIZE], ip[NAME_SIZE], database[RUN_SIZE];
    enum role role;
    int main_id;          /* as main: its own; as replica: of the main that it obeys */
    int epoch, new_epoch; /* of its last commit; of its next one, as main */
    int restarted_epoch;  /* within which its process was started */
    int tainted_epoch;    /* whose members it would refuse */
    uint64_t data;        /* the writes that it holds, a bit each */
    int64_t ldt;
    unsigned users; /* how often they were ensured */
    unsigned rows_n;
    struct fake_row rows[WORLD_PODS];
};

enum op_kind { OP_NONE, OP_COMMAND, OP_ASK, OP_WRITE, OP_READ, OP_CONNECT, OP_SETTLE, OP_DRAIN };

/* Something that ends later. */
struct op {
    enum op_kind kind;
    int64_t due_us, asked_us;
    int controller;
    unsigned life; /* of the controller that began it */
    struct effect effect;
    struct record record;
    unsigned version; /* of the record, on which a write builds */
    bool sent;        /* COMMAND: the process decided on was there */
};

struct controller {
    bool alive;
    unsigned life;
    struct view view;
    struct plan plan;
    unsigned version; /* of the record, as read */
    int64_t probe_at, rows_at, connect_at[WORLD_PODS];
    char link_run[WORLD_PODS][RUN_SIZE]; /* the process that its connection is to */
    unsigned tries[WORLD_PODS];
    enum gate_state worst_gate;         /* since world_forget */
    char gates[200];                    /* what the gate was since then: "open hold open" */
    char events[EVENTS_KEPT][WHY_SIZE]; /* what was told lately is not told again */
    unsigned events_n;
    bool exited;
};

/* Makes the next `count` commands of a kind to a pod end like this, without having been done. */
struct injection {
    enum effect_kind kind;
    int pod;
    enum outcome outcome;
    unsigned count;
};

struct world {
    int64_t now_us, heartbeat_at;
    struct settings settings;
    struct fake_pod pods[WORLD_PODS];
    unsigned pods_n;
    bool cut[WORLD_PODS][WORLD_PODS]; /* no packets between these two */
    bool unreachable[WORLD_PODS];     /* no packets between this one and the controllers */

    bool record_exists;
    struct record record;
    unsigned version;
    int leader; /* whom the lease names; -1: nobody */

    struct controller controllers[WORLD_CONTROLLERS];
    struct op ops[WORLD_OPS];
    int epochs, main_ids;
    unsigned writes_n;
    uint64_t acked;

    /* faults */
    int64_t settle_us; /* until a gateway does what it was told */
    struct injection injection;
    unsigned effects_n, record_writes_n;
    unsigned crash_at; /* the leader dies when it has begun this many effects; 0: never */
    bool crash_applies;
    unsigned conflict_at, lost_answer_at; /* the n-th write of the record */
    bool api_down;

    char trace[WORLD_TRACE];
};

/* world_memgraph.c: what the pods do. */
void fake_start(struct world *w, int pod);
void fake_stop(struct world *w, int pod);
void fake_wipe(struct world *w, int pod);      /* the volume of a pod that does not run */
void fake_lose_list(struct world *w, int pod); /* of its replicas, and its role with it */
bool fake_answers(const struct world *w, int pod);
enum outcome fake_command(struct world *w, const struct effect *e);
/* A commit on a main: bit is the write's own, 0 for a touch. */
enum outcome fake_commit(struct world *w, int pod, uint64_t bit);
void fake_heartbeats(struct world *w);
struct fake_row *fake_row(struct world *w, int main_pod, int pod);
unsigned fake_rows(const struct world *w, int pod, struct row rows[WORLD_PODS]);

/* world_controller.c: one controller. */
void controller_start(struct world *w, int id);
void controller_stop(struct world *w, int id);
void controller_wake(struct world *w, int id); /* timers that are due, then decisions */
int64_t controller_next(const struct world *w, int id);
void controller_end(struct world *w, struct op *op);
void controller_saw_pod(struct world *w, int id, int pod);
void controller_saw_record(struct world *w, int id);
void world_trace(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct op *world_begin(struct world *w, enum op_kind kind, int controller, int64_t takes_us);

/* world_kubelet.c: pods end and begin. */
/* Its preStop hook waits until a controller says that it may stop, or for the grace period. The
 * next pod starts a little later, after its init container. */
void world_delete(struct world *w, int pod, int64_t grace_us);
/* An operator's words in the record. */
void world_request(struct world *w, const char *text);
void world_pause(struct world *w, const char *text);
void kubelet_wake(struct world *w);
int64_t kubelet_next(const struct world *w);

/* world_check.c: what must hold. */
void check_fail(const struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void check_plan(const struct world *w, int id);
void check_command(const struct world *w, int id, const struct effect *e);
void check_write(const struct world *w, int id, const struct record *next);

/* world.c: for the stories. */
/* pods_n empty pods run as main, as new ones do; controller 0 is started and leads. Free with
 * world_free. */
struct world *world_new(unsigned pods_n);
void world_free(struct world *w);
/* Everything healthy: bootstrapped, all registered, ten writes done. The trace is empty. */
struct world *world_formed(unsigned pods_n);
void world_run(struct world *w, int64_t us);
typedef bool world_test_fn(const struct world *w);
/* Runs until the test holds; fails after the limit. Returns how long it took. */
int64_t world_until(struct world *w, world_test_fn *test, int64_t limit_us, const char *what);
void world_lead(struct world *w, int id); /* -1: nobody leads */
/* Another controller leads after a second: it knows nothing but what it reads. */
void world_take_over(struct world *w, int id);
void world_kill(struct world *w, int pod);
void world_start(struct world *w, int pod);
void world_ready(struct world *w, int pod, bool ready);
void world_replace(struct world *w, int pod, const char *ip); /* another pod of the same volume */
/* A client's write through a gateway. */
enum written { WRITTEN, WRITE_FAILED, WRITE_PARKED };
enum written world_write(struct world *w, int id);
void world_expect(struct world *w, const char *const *lines, size_t n);
#define WORLD_EXPECT(w, ...)                                                                       \
    do {                                                                                           \
        static const char *const lines_[] = {__VA_ARGS__};                                         \
        world_expect(w, lines_, ARRAY_LEN(lines_));                                                \
    } while (0)
void world_forget(struct world *w); /* the trace so far, and the worst gate */
const struct plan *world_plan(const struct world *w);
/* The record's `sync` as text. */
const char *world_sync(const struct world *w);
/* The words of the last Event. */
const char *world_event(const struct controller *c);
/* Tests to wait for. */
bool world_is_ready(const struct world *w); /* gate open, sync ready, everybody registered */
bool world_is_open(const struct world *w);  /* gate open on the leader */
bool world_is_unproven(const struct world *w);
bool world_is_closed(const struct world *w);
bool world_is_armed(const struct world *w); /* sync ready for S's present run, gate open */

#define SWITCHED(epoch, from, to, sync)                                                            \
    "O4 touch " #from, "O4 record " #epoch " switchover none:" sync, "EPOCH demote " #from,        \
        "EPOCH promote " #to, "EPOCH ensure_users " #to

#endif
