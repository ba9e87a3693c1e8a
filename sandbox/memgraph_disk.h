/* memgraph_disk: the data directory of a simulated Memgraph: one file in each of the folders wal/,
 * snapshots/, replication/, auth/ and databases/, so that tests may wipe or copy them apart.
 *
 * Writes reach the OS before they return, and no farther: a kill -9 keeps them, as with Memgraph's
 * default of not syncing each commit. Files are replaced by a rename. A write that fails ends the
 * process: a simulated server with a broken disk is of no use. */
#ifndef SANDBOX_MEMGRAPH_DISK_H
#define SANDBOX_MEMGRAPH_DISK_H

#include "models/memgraph.h"

struct memgraph_disk {
    char directory[256];
    int lock_fd, wal_fd;
    struct buf files[MG_FILE_COUNT]; /* as they were at memgraph_disk_open */
};

/* Makes what is missing and reads the files. False: *why says what failed (the directory is in use
 * by another process, for example). */
bool memgraph_disk_open(struct memgraph_disk *disk, const char *directory, const char **why);
void memgraph_disk_close(struct memgraph_disk *disk);
void memgraph_disk_write(struct memgraph_disk *disk, enum mg_file file, bool append,
                         struct str bytes);
/* Frees what was read: the model has it now. */
void memgraph_disk_forget(struct memgraph_disk *disk);

#endif
