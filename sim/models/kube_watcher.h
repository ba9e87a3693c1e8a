/* kube_watcher: one watch on a kube_store: which lines its client gets, in order.
 *
 * It holds a place in the store's history and nothing else, so that a slow client costs no memory;
 * one that is slower than the history is ended by an ERROR line (410 Expired), as is one that
 * starts too early. An object that begins to match the label selector is ADDED, one that ceases to
 * is DELETED. The store must outlive it. Source: Kubernetes "API Concepts", captured streams. */
#ifndef MODELS_KUBE_WATCHER_H
#define MODELS_KUBE_WATCHER_H

#include "models/kube_selector.h"
#include "models/kube_store.h"

struct kube_watcher;

/* Takes over the selector. version 0: first all that is there now, as ADDED. */
struct kube_watcher *kube_watcher_new(struct kube_store *store, const struct kube_key *key,
                                      struct kube_selector *selector, uint64_t version);
void kube_watcher_free(struct kube_watcher *w); /* NULL is fine */
/* The next line, {"type", "object"}, for the caller to drop; NULL: nothing for now. */
json_t *kube_watcher_next(struct kube_watcher *w);
/* An ERROR line was given: no line follows. */
bool kube_watcher_ended(const struct kube_watcher *w);
/* A BOOKMARK line; NULL when nothing of this resource changed since the last line. Only after
 * kube_watcher_next has returned NULL. */
json_t *kube_watcher_bookmark(struct kube_watcher *w);

#endif
