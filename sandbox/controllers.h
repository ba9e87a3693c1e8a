/* controllers: the controller processes of the sandbox: `memgraph-controller run` with the
 * environment that a Deployment would give it, and started again when they end.
 *
 * Controller i is "controller-i" and has the address ADDRESSES(i+1): write gateway on port 7687,
 * read gateway on 7688, status page on 8080. Each line that it logs is given to on_line. */
#ifndef SANDBOX_CONTROLLERS_H
#define SANDBOX_CONTROLLERS_H

#include "io/loop.h"
#include "sandbox/process.h"

enum {
    CONTROLLERS_MAX = 8,
    CONTROLLERS_PORT_WRITE = 7687,
    CONTROLLERS_PORT_READ = 7688,
    CONTROLLERS_PORT_HTTP = 8080
};

struct controllers_config {
    struct loop *loop;
    const char *program;   /* memgraph-controller */
    const char *directory; /* logs/ is in it */
    const char *api_url, *token_file, *statefulset, *app;
    const char *const *env; /* more of KEY=VALUE, ended by NULL; these win */
    const char *addresses;  /* but for the last number: "127.20.2." */
    unsigned count;
    bool restart; /* those that end by themselves */
    bool wait;    /* none is started before controllers_launch */
    int64_t restart_delay_us;
    void (*on_line)(void *arg, const char *name, struct str line);
    void *arg;
};

struct controller {
    struct controllers *all;
    char name[32], ip[32];
    struct process *process; /* NULL: does not run */
    struct timer *timer;     /* of its next start */
    bool held;               /* ended by a command: not started again by itself */
};

struct controllers;
/* config is borrowed for their life. */
struct controllers *controllers_start(const struct controllers_config *config);
void controllers_free(struct controllers *cs); /* kills; NULL is fine */
/* NULL: no such. */
struct controller *controllers_at(struct controllers *cs, unsigned index);
struct controller *controllers_find(struct controllers *cs, struct str name);
/* False: it does not run, or runs already. */
bool controllers_signal(struct controller *c, int signo, bool hold);
bool controllers_launch(struct controller *c);
void controllers_stop_all(struct controllers *cs);
bool controllers_any_running(const struct controllers *cs);

#endif
