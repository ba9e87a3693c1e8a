/* metric: lines of Prometheus' text format, and the histograms of the control thread. */
#ifndef APP_METRIC_H
#define APP_METRIC_H

#include "base/buf.h"

/* HELP and TYPE; type: gauge, counter or histogram. */
void metric_head(struct buf *out, const char *name, const char *type, const char *help);
/* A metric without labels, whole. */
void metric_one(struct buf *out, const char *name, const char *type, const char *help,
                double value);

enum { METRIC_BUCKETS = 13 }; /* the last one is +Inf */
struct metric_histogram {
    uint64_t bucket[METRIC_BUCKETS], count;
    double sum_seconds;
};

void metric_observe(struct metric_histogram *h, int64_t took_us);
/* Its lines. labels: without braces, empty for none. */
void metric_histogram_write(struct buf *out, const char *name, const char *labels,
                            const struct metric_histogram *h);

#endif
