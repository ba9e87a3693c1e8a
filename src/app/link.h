/* link: the controller's two Bolt connections to one pod.
 *
 * One is for probes (role, the main's list of replicas, version) and one for commands and for
 * questions that may stall behind a commit, so that a slow command never stands before a probe. A
 * command goes only over a connection that has itself shown the run id decided on. Facts go into
 * the view, then controller_step is called. */
#ifndef APP_LINK_H
#define APP_LINK_H

#include "app/controller.h"

struct link *link_new(struct controller *c, int pod, const char *ip);
void link_free(struct link *l); /* NULL is fine; a command under way counts as failed */
const char *link_ip(const struct link *l);

/* Questions; a repeated one while it is under way is asked once more after it. */
void link_ask_role(struct link *l);
void link_ask_rows(struct link *l);
void link_ask_storage(struct link *l);
/* Memory that Memgraph accounts for, as the last answer about storage told it; 0: not known. */
int64_t link_memory_bytes(const struct link *l);
/* Something speaks against the pod: the next probe is due at once. While the connection is down its
 * attempts keep their own pace (0, 5, 20 ms ...), which tells a process that is gone from one that
 * is not. */
void link_hurry(struct link *l);
/* Something speaks for the pod: the next attempt to connect is due at once. */
void link_retry(struct link *l);
/* Starts the command of an effect; command_done follows, never from inside this call. */
void link_command(struct link *l, const struct effect *effect);
/* Keep idle connections to its replication port for the next promotion, or drop them. */
void link_keep_poke(struct link *l, bool keep);

#endif
