/* volume: the disk under one simulated Memgraph, in memory: its files, and how much of its log has
 * really reached the disk.
 *
 * A process that dies keeps all that it wrote: the operating system has it. A machine that dies may
 * lose the end of the log that was not flushed yet. */
#ifndef SIM_VOLUME_H
#define SIM_VOLUME_H

#include "models/memgraph.h"
#include "sim/random.h"

enum { VOLUME_CUTS = 16 };

struct volume {
    struct buf files[MG_FILE_COUNT];
    /* Lengths of the log at which it may end after a crash of the machine; the first is flushed. */
    size_t cuts[VOLUME_CUTS];
    unsigned cuts_n;
    int64_t flushed_us;
    char aside[64];  /* token of the order by which data were moved aside last */
    bool in_the_way; /* they must not be overwritten, said the init container: a person looks */
};

void volume_init(struct volume *v);
void volume_done(struct volume *v);
void volume_write(struct volume *v, int64_t now_us, enum mg_file file, bool append,
                  struct str bytes);
/* The machine crashed. */
void volume_crash(struct volume *v, struct random *r);
/* An empty one was put in its place. */
void volume_wipe(struct volume *v);
/* The init container's orders (src/app/aside.h). False: an older generation must not go. */
bool volume_move_data(struct volume *v, const char *token, bool may_overwrite) MUST_CHECK;
void volume_move_replication(struct volume *v);
/* A person looked at what is aside, and removes it. */
void volume_remove_aside(struct volume *v);
/* A copy, for a backup that is restored later. */
void volume_copy(struct volume *to, const struct volume *from);

#endif
