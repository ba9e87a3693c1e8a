#include "app/process.h"

#include "app/metric.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
}

/* The second number of statm, in pages (proc(5)); 0: not known. */
static long resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char line[128];
    long pages = 0;
    char *end;

    if (!f)
        return 0;
    if (fgets(line, sizeof line, f)) {
        (void)strtol(line, &end, 10);
        pages = strtol(end, NULL, 10);
    }
    (void)fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

void process_write(struct buf *out, int64_t started_wall_us)
{
    metric_one(out, "process_start_time_seconds", "gauge",
               "Start time of the process since unix epoch in seconds.",
               (double)started_wall_us / 1e6);
    metric_one(out, "process_cpu_seconds_total", "counter",
               "Total user and system CPU time spent in seconds.", cpu_seconds());
    metric_one(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
               (double)resident_bytes());
}
