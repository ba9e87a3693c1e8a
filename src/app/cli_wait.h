/* cli_wait: what becomes of a request that was recorded. */
#ifndef APP_CLI_WAIT_H
#define APP_CLI_WAIT_H

#include "app/cli.h"

#include <stdint.h>

/* As the controller answered that took it. */
struct cli_asked {
    const char *action; /* switchover, failover, rebuild, degrade or refresh */
    const char *pod;    /* of a rebuild; NULL: none */
    char recorded[200]; /* as it stands in the record: no other request reads the same */
    char main[260];     /* of the record that it was written into */
    int64_t epoch;      /* of that record */
    char uid[64];       /* of the pod before; empty: not known */
};

/* For a rebuild, before it is asked for. */
void cli_wait_note_pod(const struct cli_options *o, struct cli_asked *asked);
/* Waits until it was served or refused, says so, and returns the exit status. Whoever answers may
 * be a follower, which does not know why the leader refuses, and may be a little behind: what was
 * done is told by what changed since the record that the request was written into. */
int cli_wait(const struct cli_options *o, const struct cli_asked *asked);

#endif
