#include "app/metric.h"

static const double bounds[METRIC_BUCKETS - 1] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                  0.5,   1,    2.5,   5,    10,  30};

void metric_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metric_one(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    metric_head(out, name, type, help);
    buf_printf(out, "%s %.17g\n", name, value);
}

void metric_observe(struct metric_histogram *h, int64_t took_us)
{
    double seconds = (double)took_us / 1e6;
    int i = 0;

    while (i < METRIC_BUCKETS - 1 && seconds > bounds[i])
        i++;
    h->bucket[i]++;
    h->count++;
    h->sum_seconds += seconds;
}

void metric_histogram_write(struct buf *out, const char *name, const char *labels,
                            const struct metric_histogram *h)
{
    const char *comma = labels[0] ? "," : "";
    uint64_t sum = 0;

    for (int i = 0; i < METRIC_BUCKETS - 1; i++) {
        sum += h->bucket[i];
        buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma, bounds[i],
                   (unsigned long long)sum);
    }
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma,
               (unsigned long long)h->count);
    buf_printf(out, labels[0] ? "%s_sum{%s} %.9g\n" : "%s_sum%s %.9g\n", name, labels,
               h->sum_seconds);
    buf_printf(out, labels[0] ? "%s_count{%s} %llu\n" : "%s_count%s %llu\n", name, labels,
               (unsigned long long)h->count);
}
