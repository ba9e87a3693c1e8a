/* election: the Lease that decides which controller replica leads. core/lease.h decides; this part
 * reads, watches and writes the object. */
#ifndef APP_ELECTION_H
#define APP_ELECTION_H

#include "app/controller.h"

struct election *election_new(struct controller *c);
void election_free(struct election *e); /* NULL is fine */
/* Gives the lease up, so that another replica may take it at once; done runs when that is written,
 * or failed, or was not needed. We lead no more from the call on. */
void election_release(struct election *e, timer_fn *done, void *arg);
/* Gives the lease up and leaves it to others for one duration. No effect when it is not held. */
void election_resign(struct election *e);
/* Who leads as far as is known; empty: nobody. */
const char *election_holder(const struct election *e);

#endif
