/* plan: what the core wants of the world now: effects, the gate, and when to be asked again.
 *
 * Every effect carries the rule that asked for it and the reason in words: the same words go to the
 * log, the status page, Kubernetes Events and the traces of the tests. */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "core/view.h"

enum { EFFECTS_MAX = 32, UPSTREAMS_MAX = PODS_MAX };

struct effect {
    enum effect_kind kind;
    enum rule rule;
    int pod;                    /* whom it is sent to; -1: none */
    char run[RUN_SIZE];         /* the process decided on; empty: any */
    int target;                 /* REGISTER, DROP: the replica */
    enum mode mode;             /* REGISTER */
    char name[NAME_SIZE + 8];   /* DROP, REGISTER: the replica's name */
    char address[ADDRESS_SIZE]; /* REGISTER */
    const char *event;          /* EVENT: its reason, in CamelCase */
    int about;                  /* EVENT: a pod that it is about, too; -1: the StatefulSet alone */
    bool warning;               /* EVENT, and the level in the log */
    char why[WHY_SIZE];
};

/* Where the write gateway leads. */
struct gate {
    enum gate_state state;
    int pod;            /* OPEN, HOLD: T */
    char run[RUN_SIZE]; /* its process: another run is another route */
    char ip[NAME_SIZE];
    char why[WHY_SIZE];
};

/* Where the read gateway leads: the first that takes a connection. */
struct read_route {
    unsigned n;
    int pods[UPSTREAMS_MAX];
    char why[WHY_SIZE];
};

struct plan {
    unsigned n;
    struct effect effects[EFFECTS_MAX];
    struct record record; /* of the WRITE_RECORD among the effects */
    struct gate gate;
    struct read_route read;
    char state[32];        /* BOOTSTRAP, INITIAL_STATE, OPERATIONAL_STATE, UNKNOWN_STATE */
    char reason[WHY_SIZE]; /* the state in one sentence */
    bool failover_refused; /* the main is lost, and nobody may be main in its place */
    bool resign;           /* leadership is to be given up: others may see more */
    int64_t now_us;        /* when it was made */
    int64_t wake_us;       /* ask again at this time even when nothing happens; later than now */
};

void plan_init(struct plan *plan, const struct view *v);
/* Adds an effect; NULL when the list is full or the pod is spoken for in this round. */
struct effect *plan_add(struct plan *plan, const struct view *v, enum effect_kind kind,
                        enum rule rule, int pod, const char *fmt, ...) PRINTF_LIKE(6, 7);
/* A Kubernetes Event; plan_warn's is a warning, in the log, too. event: its reason, in CamelCase.
 * about: a pod; -1: none. */
void plan_tell(struct plan *plan, const struct view *v, enum rule rule, const char *event,
               int about, const char *fmt, ...) PRINTF_LIKE(6, 7);
void plan_warn(struct plan *plan, const struct view *v, enum rule rule, const char *event,
               int about, const char *fmt, ...) PRINTF_LIKE(6, 7);
/* A write of the record that starts from the present one; NULL when one is planned already. */
struct record *plan_write(struct plan *plan, const struct view *v, enum rule rule, const char *fmt,
                          ...) PRINTF_LIKE(4, 5);
bool plan_has_write(const struct plan *plan);
/* A time that has come already is no reason: what it may change was looked at just now. */
void plan_wake(struct plan *plan, int64_t at_us);
void plan_reason(struct plan *plan, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
