/* api: the virtual Kubernetes API server: io/http_client.h over the models kube_rest and
 * kube_watcher, with faults. One server, on a host of the virtual network. */
#ifndef SIM_API_H
#define SIM_API_H

#include "models/kube_store.h"
#include "sim/net.h"

enum api_mode {
    API_SERVES,
    API_REFUSES, /* nobody listens */
    API_SILENT   /* takes requests, does nothing, answers nothing */
};

void api_reset(uint64_t seed, struct host *host, struct kube_store *store);
void api_set_mode(enum api_mode mode); /* other than SERVES: its streams break, too */
/* Each request takes so much longer: before it is done, and before its answer is sent. */
void api_set_slow(int64_t before_us, int64_t after_us);
/* So many of a hundred requests get a 503, and of so many the answer is lost though it was done. */
void api_set_errors(unsigned percent, unsigned lost_percent);
/* Watches stay open and say nothing; what they held back comes when this ends. */
void api_set_stale(bool stale);
/* All watch streams end with a reset. */
void api_break_streams(void);
/* etcd compacts: watches from before that answer 410. */
void api_compact(void);
/* The store has changed: for its on_change. */
void api_changed(void);
/* Requests other than GET that were done; for traces. */
typedef void api_seen_fn(void *arg, const char *client, const char *method, const char *path,
                         unsigned status);
void api_watch_writes(api_seen_fn *seen, void *arg);

#endif
