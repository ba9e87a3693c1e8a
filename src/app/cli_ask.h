/* cli_ask: the sub-commands that ask for something: they tell what was recorded, and with it, when
 * they wait, what became of it. */
#ifndef APP_CLI_ASK_H
#define APP_CLI_ASK_H

#include "app/cli.h"

int cli_switchover(const struct cli_options *o);
int cli_failover(const struct cli_options *o);
int cli_rebuild(const struct cli_options *o);
int cli_degrade(const struct cli_options *o);
int cli_refresh(const struct cli_options *o);
int cli_pause(const struct cli_options *o);
int cli_resume(const struct cli_options *o);

#endif
