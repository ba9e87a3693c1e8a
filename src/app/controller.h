/* controller: the view, the plan, and the parts that join them with the world.
 *
 * One thread, one step function: every part that has seen something folds it into the view (through
 * view_* and command_*) and calls controller_step, which asks the core what to do and hands the
 * effects to the parts. Nothing here decides. The parts belong to the controller and live as long
 * as it does; they find each other through it. */
#ifndef APP_CONTROLLER_H
#define APP_CONTROLLER_H

#include "app/config.h"
#include "base/fail.h"
#include "core/plan.h"
#include "io/kube_client.h"
#include "io/loop.h"

struct controller;
struct pods;
struct state;
struct election;
struct routes;
struct events;
struct labels;
struct prestop;
struct felt;
struct flights;
struct transitions;
struct pulse;
struct link;
struct users;

#define CONTROLLER_VERSION "0.1.0"

/* The last decisions, for the status page. */
enum { DECISIONS_MAX = 32 };
struct decision {
    int64_t wall_us;
    enum rule rule;
    enum effect_kind kind;
    int pod;
    char why[WHY_SIZE];
};

struct controller {
    struct loop *loop;
    struct config config;
    struct kube_client *kube;
    struct users *users;
    struct view view;
    struct plan plan; /* of the last step */
    struct timer *wake, *grace;
    bool whole; /* all parts are there */
    bool stepping, again;
    bool stalled;    /* the main is to be asked, as this process stood still */
    bool stopping;   /* no leader any more; sessions go on for SHUTDOWN_GRACE */
    bool heard;      /* the API server gave pods and record at least once */
    int exit_status; /* of the program, once the loop was stopped */
    int64_t started_us, started_wall_us;

    struct pods *pods;
    struct confirm *confirm;
    struct link *links[PODS_MAX];
    struct state *state;
    struct election *election;
    struct routes *routes;
    struct events *events;
    struct labels *labels;
    struct prestop *prestop;
    struct flights *flights;
    struct felt *felt;
    struct transitions *transitions;
    struct pulse *pulse;

    unsigned decisions_n; /* ever */
    struct decision decisions[DECISIONS_MAX];
    char last_reason[WHY_SIZE];
    enum gate_state last_gate;
    bool sync_row_ready; /* S takes part, and the main shows it as ready */
    uint64_t steps, effects_by_kind[EFFECT_EXIT + 1], outcomes[OUTCOME_FAILED + 1];
};

/* NULL: *why says what to do about it. */
struct controller *controller_new(struct loop *loop, const struct config *config, struct fail *why);
void controller_free(struct controller *c); /* NULL is fine */
/* The view with its clock set: call before folding facts into it. Finds out when this process stood
 * still. */
struct view *controller_view(struct controller *c);
/* This process, or a gateway's worker, stood still: what the main said before does not count. */
void controller_stalled(struct controller *c);
/* Something was folded into the view: decide anew. */
void controller_step(struct controller *c);
/* A clean stop: the lease is released, sessions go on for SHUTDOWN_GRACE, then the loop ends. */
void controller_stop(struct controller *c);
/* A watch of the API server stopped working, or works again: one line of log each. */
void controller_tell_watch(const char *what, bool *deaf, const struct fail *why);
/* The same for requests that are sent again and again. */
void controller_tell_request(const char *what, bool *failing, const struct fail *why);
/* Can this replica serve clients? why: in words, either way. */
bool controller_ready(const struct controller *c, char why[WHY_SIZE]);

#endif
