/* record: the one memory that outlives a process, as a struct and as the strings of a ConfigMap.
 *
 * Source: docs/decisions.md, "The record". It is always written with the resourceVersion that was
 * read; that is the edges' business. Every change of a role, up or down, comes after a write of it.
 * Plain data: copy it with =. */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "base/fail.h"
#include "core/names.h"

#include <stdint.h>

enum {
    PODS_MAX = 16,     /* ordinals that the controller handles */
    RUN_SIZE = 40,     /* a run id or another UUID, with its NUL */
    UID_SIZE = 64,     /* of a pod, as Kubernetes writes it */
    REASON_SIZE = 120, /* why an epoch was begun; why a pod is rebuilt */
    HISTORY_MAX = 20,  /* transitions kept */
    HISTORY_SIZE = 640,
    NOTE_SIZE = 160, /* what others than the leader write: `paused`, `request` */
    ANSWER_SIZE = NOTE_SIZE + 160
};

/* Data of this pod are to be moved aside before its next start; see core/rebuild.h. */
struct rebuild_entry {
    char uid[UID_SIZE]; /* of the pod for which it was written; empty: no entry */
    char reason[REASON_SIZE];
};

struct record {
    int target;              /* ordinal of T, 0 or 1 */
    int64_t epoch;           /* grows by one with every epoch begun; 0: adopted, lineage unknown */
    char main_run[RUN_SIZE]; /* run id of T's process in which this epoch was begun */
    enum promoted promoted;
    char promoted_run[RUN_SIZE];
    int from; /* during a transition: the old main; -1: none */
    char from_run[RUN_SIZE];
    enum sync_state sync;
    char sync_run[RUN_SIZE];    /* of S, for READY, UNPROVEN, and NONE with REFUSED or DEGRADED */
    enum sync_why sync_why;     /* for NONE */
    int64_t sync_until_wall_us; /* for NONE with PLANNED: its end */
    enum epoch_kind transition;
    char reason[REASON_SIZE]; /* why the present epoch was begun */
    int64_t began_wall_us;    /* and when */
    char database[RUN_SIZE];  /* database_uuid of T, or empty */
    uint32_t fenced;          /* bit per ordinal */
    struct rebuild_entry rebuild[PODS_MAX];
    char paused[NOTE_SIZE];   /* see record_paused */
    char request[NOTE_SIZE];  /* see core/request.h */
    char answer[ANSWER_SIZE]; /* what became of the last one, for people: decides nothing */
    unsigned history_n;
    char history[HISTORY_MAX][HISTORY_SIZE]; /* JSON objects, oldest first */
};

/* "name-3" or "3" gives 3; false: no ordinal below PODS_MAX. */
bool record_parse_pod(struct str text, int *out) MUST_CHECK;

struct record_field {
    const char *key;
    const char *value;
};

/* Reads all keys but `history` (JSON: the edges fill history and history_n). Unknown keys are
 * ignored. PROTOCOL with the key and what is wrong with it: nothing is guessed from nonsense. */
struct fail record_decode(struct record *out, const struct record_field *fields, size_t n);

/* Calls emit once per key with its text, `history` included; key and value are valid during the
 * call. prefix is the StatefulSet's name: `fenced` and `from` name pods. */
typedef void record_emit_fn(void *arg, const char *key, const char *value);
void record_encode(const struct record *r, const char *prefix, record_emit_fn *emit, void *arg);

/* As in the ConfigMap: "ready:<run>", "none:failover" ... Returns out. */
const char *record_sync_text(const struct record *r, char *out, size_t size);
/* Is `sync` armed for this run of S? */
bool record_sync_is(const struct record *r, enum sync_state state, const char *run);
/* `none` by decision: T may serve alone (docs/decisions.md, "Gate of the write gateway"). */
bool record_alone_by_decision(const struct record *r, int64_t wall_us);
/* Adds an entry (a JSON object), forgetting the oldest when there are HISTORY_MAX. */
void record_add_history(struct record *r, const char *entry);
bool record_is_fenced(const struct record *r, int pod);
/* Who paused, since when and until when, for people. Returns out. */
const char *record_pause_words(const struct record *r, char out[NOTE_SIZE]);
/* Decisions are suspended now. A text that is not of record_pause_text's making pauses, too, and
 * for ever: somebody meant it. until_wall_us (may be NULL): INT64_MAX for ever. */
bool record_paused(const struct record *r, int64_t wall_us, int64_t *until_wall_us);
/* `paused` as <who>@<since>..<until>, milliseconds since 1970; until_wall_us 0: until resumed. */
const char *record_pause_text(const char *who, int64_t since_wall_us, int64_t until_wall_us,
                              char out[NOTE_SIZE]);
/* An entry of the list `rebuild` is there for this pod. */
bool record_is_rebuilt(const struct record *r, int pod);

#endif
