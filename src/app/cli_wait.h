/* cli_wait: what becomes of a request that was recorded. */
#ifndef APP_CLI_WAIT_H
#define APP_CLI_WAIT_H

#include "app/cli.h"

/* Waits until it was served or refused, says so, and returns the exit status. recorded: the request
 * as it stands in the record; action: switchover, failover, rebuild, degrade or refresh; pod: of a
 * rebuild, else NULL. Whoever answers may be a follower: the record itself says what became of it.
 */
int cli_wait(const struct cli_options *o, const char *recorded, const char *action,
             const char *pod);

#endif
