/* run: the sub-commands that start the controller or look at its configuration. */
#ifndef APP_RUN_H
#define APP_RUN_H

/* Exit statuses of the program. */
enum { EXIT_OK = 0, EXIT_TROUBLE = 1, EXIT_CONFIG = 2, EXIT_UNKNOWN_STATE = 3 }; /* and app/cli.h */

/* The controller, until SIGTERM or SIGINT. Returns the exit status. */
int run_controller(void);
/* Reads the environment, says all that is wrong with it, or prints what would be used. */
int run_check_config(void);

#endif
