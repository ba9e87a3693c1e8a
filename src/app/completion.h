/* completion: bash completion, made from the tables of commands and options, so that it cannot
 * fall behind them. */
#ifndef APP_COMPLETION_H
#define APP_COMPLETION_H

#include <argp.h>

/* A script for `source <(memgraph-controller completion)`, on standard output. names: all commands,
 * a space between. */
void completion_write(const char *names, const struct argp_option *options);

#endif
