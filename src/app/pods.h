/* pods: the StatefulSet's pods as Kubernetes tells them, and a link to each that has an address. */
#ifndef APP_PODS_H
#define APP_PODS_H

#include "app/controller.h"

struct pods *pods_new(struct controller *c);
void pods_free(struct pods *p); /* the links too; NULL is fine */
/* Last time that the list was known to be true; 0: never. */
int64_t pods_fresh_us(const struct pods *p);

enum { PODS_PATH_SIZE = 512 };
/* The path of their list. */
void pods_path(const struct controller *c, char out[PODS_PATH_SIZE]);
/* The facts of one as the core takes them; they borrow from `seen`. */
struct pod_kube pods_facts(const struct kube_pod *seen);

/* Ordinal of the pod of that name, "<statefulset>-<ordinal>"; -1: it is none of ours. */
int pods_ordinal(const struct controller *c, const char *name);

/* Asks Kubernetes to delete the pod that is known by now (its uid is a precondition), with a grace
 * period of a second when it hangs, else with its own. */
void pods_delete(struct pods *p, int pod);

#endif
