/* cli: the sub-commands that talk with a running controller, or act for one pod.
 *
 * They wait, print and return the exit status of the program; docs/reference.md lists them. */
#ifndef APP_CLI_H
#define APP_CLI_H

#include "app/cli_out.h"
#include "app/client.h"

/* Exit statuses beside those of app/run.h. */
enum {
    EXIT_REFUSED = 4, /* the controller refused it, or its answer is no */
    EXIT_NOBODY = 5,  /* no controller answered */
    EXIT_UNSURE = 6   /* it was asked for, and what became of it is not known */
};

enum {
    CLI_TO = 1,
    CLI_ACCEPT = 2,
    CLI_FOR = 4,
    CLI_DATA = 8,
    CLI_TRY = 16,
    CLI_OUTPUT = 32,
    CLI_NO_WAIT = 64,
    CLI_CONTROLLER = 128, /* these two do no harm elsewhere */
    CLI_TOKEN = 256,
    CLI_READ = 512,
    CLI_PLUGIN = 1024 /* of all commands that ask, as a plugin of kubectl */
};                    /* options of single commands */

/* What those have in common that look, and that ask for something. */
#define CLI_LOOK (CLI_CONTROLLER)
#define CLI_ASK  (CLI_CONTROLLER | CLI_TOKEN)

struct cli_options {
    const char *controllers; /* URLs, comma separated */
    const char *token_file;  /* NULL: none */
    const char *pod;         /* the argument, a pod or a directory; NULL: none */
    const char *to;          /* --to */
    const char *limit;       /* --for */
    bool accept_data_loss;
    const char *data_directory;
    enum cli_output output;
    bool no_wait;
    const char *write, *read; /* --write, --read: gateways (client.h); NULL: none */
    const char *tls_ca;       /* --tls-ca: a file; NULL: none */
};

struct cli_command {
    const char *name, *help;
    const char *more;                                       /* its own --help goes on so */
    enum { NO_POD, MAY_POD, MUST_POD, MUST_DIRECTORY } pod; /* its argument */
    unsigned options;                                       /* that it takes */
    int (*run)(const struct cli_options *o);
    bool asks; /* a controller, for a person: kubectl's plugin can do it */
};

/* All of them, in the order of the help. */
extern const struct cli_command cli_commands[];
extern const size_t cli_commands_n;

/* What the commands share: whom to connect to as a client does, with the user of the environment.
 */
struct client_target cli_client(const struct cli_options *o, const char *address);
/* A name that may stand in a URL's path as it is. NULL is none. */
bool cli_is_pod_name(const char *text) MUST_CHECK;
int64_t cli_now_ms(void);      /* of the monotonic clock */
void cli_sleep_ms(int64_t ms); /* a signal with a handler ends it early */
/* From now on the first SIGINT or SIGTERM ends nothing but what looks at cli_is_interrupted; the
 * second one ends the program. */
void cli_catch_interrupts(void);
bool cli_is_interrupted(void);
/* A message on standard error, and the status that belongs to it. */
int cli_trouble(int status, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
