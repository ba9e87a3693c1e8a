/* cli_print: the controller's documents for people, on standard output. */
#ifndef APP_CLI_PRINT_H
#define APP_CLI_PRINT_H

#include <jansson.h>

/* Of /api/v1/overview: the state in one sentence, what to know beside it, the pods. */
void cli_print_status(json_t *overview);
/* Of /api/v1/history, the newest first. */
void cli_print_history(json_t *history);
void cli_print_explanation(json_t *explanation);

#endif
