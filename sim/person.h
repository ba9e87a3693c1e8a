/* person: an operator of a simulated cluster: asks through the admin routes, as curl would. In the
 * liveness phase one who looks now and then whether the controller says that a person must decide,
 * and then does what it says. */
#ifndef SIM_PERSON_H
#define SIM_PERSON_H

#include "sim/world.h"

#define PERSON_TOKEN "sim-token"
/* A file with that token, for ADMIN_TOKEN_FILE; made at the first call. */
const char *person_token_file(void);

/* POST /api/v1/admin/<what> to some controller; the answer goes into the trace. body: or NULL. */
void person_asks(struct world *w, const char *what, const char *body);

struct person;
/* Looks every `every_us` from now on. */
struct person *person_new(struct world *w, int64_t every_us);
void person_free(struct person *p); /* NULL is fine */
/* How often they had to decide something. */
unsigned person_decisions(const struct person *p);

#endif
