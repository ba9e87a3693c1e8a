/* events: Kubernetes Events about the StatefulSet and its pods, for those who describe them with
 * kubectl. The same words
 * are not posted twice within five minutes, and no more than 25 at once and one more every 10 s:
 * the log has all of them. */
#ifndef APP_EVENTS_H
#define APP_EVENTS_H

#include "app/controller.h"

struct events *events_new(struct controller *c);
void events_free(struct events *e); /* NULL is fine */
/* The uid of the StatefulSet, as one of its pods has it; empty: it has none. */
void events_saw_owner(struct events *e, const char *uid);
/* about: a pod that it is about, beside the StatefulSet; -1: none. True: it is news. */
bool events_post(struct events *e, const char *reason, bool warning, const char *text, int about);

#endif
