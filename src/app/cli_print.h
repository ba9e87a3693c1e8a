/* cli_print: the controller's documents for people, on standard output. */
#ifndef APP_CLI_PRINT_H
#define APP_CLI_PRINT_H

#include <jansson.h>

/* Each returns the exit status. */
int cli_print_status(json_t *status);
int cli_print_history(json_t *status);
/* EXIT_REFUSED when a failover (or the rebuild asked about) would not be possible now. */
int cli_print_explanation(json_t *explanation);

#endif
