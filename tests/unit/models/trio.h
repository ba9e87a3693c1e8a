/* trio: a cluster of three simulated servers as most tests of the model begin with, and the steps
 * that they take. Each step fails the test when it does not go as it should. */
#ifndef TESTS_TRIO_H
#define TESTS_TRIO_H

#include "cluster.h"

struct fixture {
    struct cluster c;
    struct node *t, *s, *a; /* main, SYNC replica, ASYNC replica of the beginning */
    const char *mode;
};

#define TOUCH "CREATE (n:__mgctl) DELETE n"

/* A main with S registered in that mode and A as ASYNC, one node written, both ready. */
void begin(struct fixture *f, const char *mode);
/* The same with servers of that version. */
void begin_version(struct fixture *f, const char *mode, const char *version);
void end(struct fixture *f);

void ok(struct node *n, const char *query);
/* It fails, and that is part of what it says. */
void refused(struct node *n, const char *query, const char *why);
void write_one(struct node *n);
int64_t count(struct node *n); /* of nodes */
/* "" when it went well, else the last word of the error: its number. */
const char *register_at(struct node *n, const struct node *replica, const char *mode);
void demote(struct node *n);
void promote(struct node *n);
/* Status of a replica in SHOW REPLICAS ("" when it is not there, "zombie" without data), and its
 * numbers; NULL: not wanted. */
const char *status_of(struct node *n, const char *name, int64_t *ts, int64_t *behind);
void wait_ready(struct node *n, const char *name);
void restart(struct node *n);
void restart_s(struct fixture *f);
/* A new epoch on the main, with both replicas registered again. */
void refresh(struct fixture *f, bool touch);
/* The main dies, S takes over: how A and the old main are received (register_at). */
void failover(struct fixture *f, const char *expected);

#endif
