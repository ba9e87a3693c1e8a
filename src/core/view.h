/* view: everything that the controller knows, as one flat struct, and the ways in which a fact
 * enters it.
 *
 * Source: docs/decisions.md, "Facts". The rules are pure functions of this struct: no clock, no
 * pointer, nothing hidden; copy it with =, print it, compare it. The edges call the view_*
 * functions below when something was seen, and set `now_us` before they ask for decisions. All
 * times are monotonic microseconds, 0 means never. A fact is as old as the question that it
 * answers: its time is when the question was sent. */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

#include "core/record.h"

enum {
    NAME_SIZE = 64,
    ADDRESS_SIZE = 272,
    ROWS_MAX = 32,
    WHY_SIZE = 240,
    REFUSED_IN_A_ROW = 3,
    INSTANCES_SIZE = 400
};

enum durability { DURABILITY_REQUIRED, DURABILITY_PREFERRED };
enum planned_restart { PLANNED_DEGRADE, PLANNED_BLOCK };
enum rebuild_policy { REBUILD_SAFE, REBUILD_MANUAL };
enum replication_mode { REPLICATION_AUTO, REPLICATION_SYNC, REPLICATION_STRICT_SYNC };

/* What the operator set; read once at start. */
struct settings {
    char name[NAME_SIZE];      /* the StatefulSet; its pods are <name>-<ordinal> */
    char domain[ADDRESS_SIZE]; /* behind a pod's name for an address by name; empty: by IP */
    unsigned replication_port;
    enum replication_mode replication_mode;
    enum durability durability;
    enum planned_restart planned_restart;
    enum rebuild_policy rebuild_policy;
    bool has_users; /* database users must exist on a new main */
    bool read_fallback_main;
    int64_t read_max_lag; /* logical timestamps */
    unsigned probe_failures;
    int64_t probe_timeout_us;
    int64_t sync_watch_us, hold_timeout_us, hold_drain_us, refresh_timeout_us;
    int64_t replica_heal_us, proof_interval_us, reconcile_us;
    int64_t sync_loss_us;     /* DURABILITY=preferred: T goes on without S after this */
    int64_t planned_limit_us; /* T serves alone for a planned restart at most so long */
    int64_t switchover_drain_us, switchover_timeout_us;
    int64_t catchup_behind;
};

/* A replica as the main shows it. */
struct row {
    int pod; /* ordinal; -1: none of our pods */
    char name[NAME_SIZE + 8];
    char address[ADDRESS_SIZE];
    enum mode mode;
    bool has_data; /* false: a dead row, left behind by a REGISTER that failed */
    enum row_status status;
    int64_t ts, behind;
};

/* What the version of a pod knows. */
struct abilities {
    bool strict_sync;
    bool sync_fails; /* SYNC answers a write that S did not confirm with an error */
};

enum link_state { LINK_UNTRIED, LINK_UP, LINK_DOWN };

struct pod {
    /* Kubernetes */
    bool exists, ready, terminating;
    char uid[UID_SIZE];
    char ip[NAME_SIZE];
    int64_t kube_at;
    char ready_run[RUN_SIZE]; /* the process that was Ready last */
    int64_t unready_at;       /* since when it is not Ready; 0: it is */
    int64_t terminating_at;   /* since when it is terminating; 0: it is not */
    int64_t deleted_at;       /* when we last asked Kubernetes to delete it */
    /* whose process answers at its address: see core/claim.h */
    bool told;                      /* Kubernetes tells which containers run */
    char instances[INSTANCES_SIZE]; /* those which ran last, their ids */
    int64_t started_at; /* when one of them was first seen that no process was taken for yet */
    char claim_run[RUN_SIZE]; /* a process that answers and is not taken for the pod's */
    int64_t claim_since;
    char confirmed_run[RUN_SIZE]; /* it is the pod's, says Kubernetes: its next answer counts */
    /* the controller's own connection for probes */
    enum link_state link;
    int64_t link_at; /* since when it is up, or down */
    enum fail_kind link_fail;
    unsigned refusals, timeouts; /* failed attempts in a row */
    char link_text[160];
    int64_t probe_us;    /* how long the last probe took */
    int64_t asked_at;    /* a question is not answered since; 0: none is open */
    int64_t deserted_at; /* when a gateway last found nobody listening at its address */
    /* Memgraph */
    enum role role;
    int64_t role_at;
    char run[RUN_SIZE];     /* of the process that answered last */
    char main_in[RUN_SIZE]; /* run in which it last said that it is main */
    char version[RUN_SIZE];
    struct abilities can;
    int64_t storage_at;
    int64_t vertices, edges;
    char database[RUN_SIZE];
    /* our commands to it: one at a time */
    enum effect_kind command; /* under way; EFFECT_NONE: idle */
    int command_target;       /* REGISTER, DROP: which replica */
    int64_t command_epoch;    /* the epoch that it helps to begin; -1: none */
    int64_t changed_at;       /* when the last command that may have changed it ended */
    int64_t retry_at;         /* no command before */
    unsigned failures;        /* of commands, in a row */
    enum outcome last_outcome;
    /* its registration on T */
    int64_t register_at; /* when REGISTER of it was last answered with success */
    int64_t register_retry_at;
    unsigned register_failures;
    char refused_run[RUN_SIZE]; /* this run of it was refused as diverged by T's present one */
    char healed_run[RUN_SIZE];  /* this run was dropped and registered once to heal it */
    int64_t
        invalid_since;  /* its row has read invalid, and come no nearer, while it answers, since */
    int64_t invalid_ts; /* and where it stands since then */
    int64_t reads_at;   /* when its row was last good enough for readers */
    bool row_bad;       /* T last showed it as neither serving nor nearly caught up */
};

/* What this leader did in the present epoch: facts that live in memory only. */
struct epoch_work {
    int64_t epoch; /* of which it speaks */
    bool promoted; /* X was promoted by us, or needed no promotion (initial) */
    bool users;
    bool s_done;          /* REGISTER of S was answered, one way or the other */
    char s_run[RUN_SIZE]; /* S's run id, read before REGISTER */
    int64_t s_registered_at;
    bool s_registered;   /* REGISTER of S answered success in this epoch */
    bool s_incomparable; /* REGISTER of S did not tell in this epoch who of the pair has more */
    uint32_t tried;      /* the A whose REGISTER was answered, one way or the other */
    bool touched;        /* the touch ended */
    bool touch_clean;    /* it was confirmed */
    int64_t touch_ts;    /* T's last durable timestamp as first seen after the touch; 0: not yet */
    int64_t detected_at, decided_at, recorded_at, fenced_at, promoted_at, touched_at;
};

struct view {
    int64_t now_us, wall_us;
    struct settings settings;
    struct pod pods[PODS_MAX];
    bool pods_known;      /* Kubernetes has given a whole list */
    uint32_t main_labels; /* pods that carry the label of a main, a bit each */

    bool record_known; /* read at least once: record or its absence is a fact */
    bool record_exists;
    bool record_broken; /* it is there and makes no sense: record_why */
    char record_why[WHY_SIZE];
    struct record record;
    bool writing; /* a write of the record is under way */
    int64_t write_started_at, write_retry_at;
    unsigned write_failures;

    /* Somebody else changed who is to be main, or we began to lead: roles that were asked for
     * before may be from before that. */
    int64_t roles_since;

    bool leader;
    int64_t leader_until_us; /* no effect after this */
    int64_t led_until_us;    /* somebody leads, as far as its lease was seen to be renewed */

    /* SHOW REPLICAS on T */
    int rows_pod; /* whose answer it is */
    char rows_run[RUN_SIZE];
    int64_t rows_at;
    int64_t rows_changed_at; /* when our last REGISTER or DROP on T ended */
    unsigned rows_n;
    struct row rows[ROWS_MAX];

    /* derived from the above at every step, see view_derive */
    int64_t s_lost_since;
    int64_t s_row_lost_since;         /* T has S in the sync mode, and shows it as lost */
    int64_t s_best_behind, s_best_at; /* catching up: the best `behind` and when it came */
    int64_t unproven_since;
    bool doubt; /* STRICT_SYNC: T showed S as lost, and the record does not say so yet */

    /* switchover */
    int64_t switch_since;    /* the gate is closed for one since; 0: none is prepared */
    int64_t switch_retry_at; /* after one that was given up */
    unsigned switch_failures;
    int64_t target_since; /* the record names this main since, as far as we saw */
    char request_seen[NOTE_SIZE];
    int64_t request_at; /* when that request was first seen */

    /* touches outside of an epoch's beginning (O7) */
    int64_t touch_at;     /* when the last one was sent */
    int64_t touch_ok_at;  /* when the last confirmed one was sent; in this epoch */
    int64_t touch_end_at; /* when that one was answered */
    int64_t touch_ldt;    /* where it leaves T's last durable timestamp, if nobody else wrote */

    struct epoch_work work;
    int64_t refresh_retry_at;
    unsigned refresh_failures;

    /* what this controller's own gateways do by now: the write gateway's state that is in force in
     * all its workers, with the read gateway's route beside it; a hold has ended reading from the
     * main, too, when drained */
    bool gate_settled, gate_drained;
    enum gate_state gate_in_force;
    enum gate_state gate_seen; /* that state as of gate_settled_at */
    int64_t gate_settled_at;   /* since when it is in force everywhere; 0: it is not */
};

void view_init(struct view *v, const struct settings *settings);
const char *view_pod_name(const struct view *v, int pod, char out[NAME_SIZE + 8]);

/* Questions about one pod. */
bool pod_up(const struct pod *p);
/* It is this process that answered last (an empty run id is nobody's). */
bool pod_runs(const struct pod *p, const char *run);
/* REGISTER of this process of it was refused as diverged. */
bool pod_refused(const struct pod *p);
/* REGISTER of this process of it has failed so often that a person should look. */
bool pod_is_unregistrable(const struct pod *p);
/* The main shows the replica as one that has what it was sent: ready or replicating. */
bool row_serves(const struct row *row);
/* Its role, only when the answer is younger than its link, than our last command to it and than any
 * sign of another process. */
enum role pod_role(const struct pod *p);
/* A process answers that is not taken for the pod's. */
bool pod_claimed(const struct pod *p);
/* Its process is gone, or hangs for long: `why` in words. */
bool view_lost(const struct view *v, int pod, char why[WHY_SIZE]);
/* Its role was asked for since somebody else last changed who is to be main. */
bool view_role_fresh(const struct view *v, int pod);
/* A SYNC replica of T which keeps it from acknowledging writes, as it does not confirm them; NULL:
 * none, as far as T's list is known. */
const struct row *view_unconfirming(const struct view *v);
/* The other of the pair. */
int view_s(const struct view *v);
/* T's row for a pod, of T's present run; NULL: no such row, or nothing known. */
const struct row *view_row(const struct view *v, int pod);
/* SHOW REPLICAS of T's present run was answered, asked after `since_us` and after our last change
 * of its registrations. */
bool view_rows_fresh(const struct view *v, int64_t since_us);
/* It was answered over its present link at all, though maybe before our last change. */
bool view_rows_known(const struct view *v);
/* host:port under which a pod is registered; empty when it has no address yet. */
void view_address(const struct view *v, int pod, char out[ADDRESS_SIZE]);
/* The mode of S: SYNC or STRICT_SYNC. */
enum mode view_sync_mode(const struct view *v);
/* That is the mode which the operator asked for. why: what is in its place, and why. */
bool view_mode_fits(const struct view *v, char why[WHY_SIZE]);
/* A leader whose lease is certain. */
bool view_leading(const struct view *v);
/* Last durable timestamp of T, from any row (ts - behind). False: not known. */
bool view_ldt(const struct view *v, int64_t *out);

/* Facts that come in. */
struct pod_kube {
    bool ready, terminating;
    const char *uid, *ip;
    /* The ids of its containers that run, a space between. NULL: Kubernetes does not tell, and
     * whoever answers at the pod's address is the pod. */
    const char *instances;
};
void view_kube_pod(struct view *v, int pod, const struct pod_kube *seen); /* NULL: it is gone */
/* What Kubernetes said of the pod, and that no other has its address, when asked at that time.
 * True: the process that claims the pod is its own, as its next answer will show. */
bool view_confirm(struct view *v, int pod, const struct pod_kube *seen, int64_t asked_us);
void view_link_up(struct view *v, int pod);
/* There is nothing to connect to (no address), or another address is being tried. */
void view_link_none(struct view *v, int pod);
void view_link_down(struct view *v, int pod, enum fail_kind kind, const char *text);
/* A gateway found nobody listening at its address: what the pod said before does not count. */
void view_deserted(struct view *v, int pod);
/* This process stood still, and has missed who knows what: what T said before does not count. (What
 * replicas are read through may be old anyhow.) */
void view_stalled(struct view *v);
/* A question was sent over the connection for probes; its answer, or that there will be none. */
void view_asked(struct view *v, int pod);
void view_answered(struct view *v, int pod);
/* The probe's answer. False: it is not taken for the pod's yet, ask Kubernetes for the pods. */
bool view_role(struct view *v, int pod, enum role role, const char *run, int64_t asked_us);
void view_version(struct view *v, int pod, const char *version, struct abilities can);
void view_storage(struct view *v, int pod, int64_t vertices, int64_t edges, const char *database,
                  int64_t asked_us);
/* rows: `pod` of each is filled here from its name. */
void view_rows(struct view *v, int pod, const char *run, const struct row *rows, unsigned n,
               int64_t asked_us);
/* The record as it was read, or as our write of it succeeded. NULL: there is none. */
void view_record(struct view *v, const struct record *r);
void view_write_started(struct view *v);
/* The record is to be read again before the next decision: who knows what it says now? */
void view_write_failed(struct view *v, enum fail_kind kind);
void view_record_broken(struct view *v, const char *why);
/* Kubernetes was asked to delete a pod. */
void view_delete_started(struct view *v, int pod);
void view_leadership(struct view *v, bool leader, int64_t until_us);
/* Until when the lease of whoever holds it lasts, as it was seen; 0: nobody holds it. */
void view_lease(struct view *v, int64_t until_us);
/* What follows from the facts and the time: to be called before decisions are asked for. */
void view_derive(struct view *v);

#endif
