/* ledger: what clients were told of their writes, and what that allows to be true.
 *
 * Each write creates one node with an id of its own. The ledger also knows in which order pods
 * became main (from the record), so that it sees when two of them acknowledge at one time. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "core/record.h"

#include <stddef.h>

enum { WHY_TEXT_SIZE = 400 };

enum write_outcome {
    WRITE_PENDING,
    WRITE_ACKNOWLEDGED,
    WRITE_REFUSED, /* the server said that nothing was written */
    WRITE_UNKNOWN
};

struct write {
    enum write_outcome outcome;
    int64_t sent_us, ended_us;
    char run[8]; /* of the process that answered: the beginning of its run id */
};

struct ledger_epoch {
    int64_t epoch, at_us, first_ack_us; /* 0: none yet */
    bool excused;                       /* the one write of its finalize window is lost */
    int target;
    char run[RUN_SIZE];
};

struct ledger {
    struct write *writes; /* by id */
    size_t n, cap;
    size_t acknowledged, refused, unknown;
    unsigned moves; /* so often the main became another pod */
    struct ledger_epoch *epochs;
    size_t epochs_n, epochs_cap, newest; /* newest: index of the last that acknowledged */
    int64_t last_ack_us, longest_gap_us;
    unsigned excused; /* acknowledged writes that were lost in a finalize window */
};

void ledger_init(struct ledger *l);
void ledger_done(struct ledger *l);
/* A write begins: its id. */
size_t ledger_begin(struct ledger *l, int64_t now_us);
/* It ended; run and pod: of the process that answered, pod -1 when it has gone. False: another pod
 * acknowledges writes already, *why says which. */
bool ledger_end(struct ledger *l, size_t id, int64_t now_us, enum write_outcome outcome,
                const char *run, int pod, char why[WHY_TEXT_SIZE]);
/* The record changed. False: its epoch fell (*why). */
bool ledger_record(struct ledger *l, int64_t now_us, const struct record *r,
                   char why[WHY_TEXT_SIZE]);

/* Compares with the ids that the main holds at the end; seen[id]: how often. Excused, and counted,
 * is one write a move of the main: S had prepared it, and its last step did not reach S before it
 * was promoted. The former main acknowledged it all the same, at most PROOF_INTERVAL (1 s) before
 * the record named S, or a second after S began to serve (docs/decisions.md, "What the promises do
 * not cover"). */
bool ledger_check(struct ledger *l, const unsigned *seen, size_t seen_n, char why[WHY_TEXT_SIZE]);

#endif
