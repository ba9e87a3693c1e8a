/* load: clients of a simulated cluster: each a process on a host of its own that speaks to a
 * gateway, or straight to a pod, through the program's own Bolt client. */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "sim/ledger.h"
#include "sim/world.h"

enum client_kind {
    CLIENT_WRITER, /* one node a write, through a write gateway */
    CLIENT_BANK,   /* transfers between accounts whose sum is constant */
    CLIENT_READER, /* the bank's sum, and a count, through a read gateway */
    CLIENT_DIRECT, /* reads from a pod, past the gateways */
    CLIENT_KINDS
};

enum { LOAD_CLIENTS_MAX = 8 };

struct load_config {
    uint64_t seed;
    unsigned clients[CLIENT_KINDS];
    int64_t think_us; /* between two requests, on average */
};

struct load;
struct load *load_new(struct world *w, struct ledger *ledger, const struct load_config *config);
void load_free(struct load *l); /* NULL is fine */
/* No new request; those under way go on. */
void load_stop(struct load *l);
bool load_idle(const struct load *l);
struct host *load_host(const struct load *l, unsigned i); /* NULL: there are fewer clients */
/* What went wrong; NULL: nothing. */
const char *load_violation(const struct load *l);
/* Reads all ids through a write gateway, and compares. The answer is there when load_verified. */
void load_verify(struct load *l);
bool load_verified(const struct load *l);

#endif
