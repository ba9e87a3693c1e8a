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
    PODS_MAX = 16,    /* ordinals that the controller handles */
    RUN_SIZE = 40,    /* a run id or another UUID, with its NUL */
    HISTORY_MAX = 20, /* transitions kept */
    HISTORY_SIZE = 420,
    NOTE_SIZE = 512 /* texts that this version only carries along */
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
    char sync_run[RUN_SIZE];    /* of S, for READY, UNPROVEN, and NONE with REFUSED */
    enum sync_why sync_why;     /* for NONE */
    int64_t sync_until_wall_us; /* for NONE with PLANNED: its end */
    enum epoch_kind transition;
    char database[RUN_SIZE]; /* database_uuid of T, or empty */
    uint32_t fenced;         /* bit per ordinal */
    char rebuild[NOTE_SIZE];
    char paused[NOTE_SIZE];
    char request[NOTE_SIZE];
    unsigned history_n;
    char history[HISTORY_MAX][HISTORY_SIZE]; /* JSON objects, oldest first */
};

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

#endif
