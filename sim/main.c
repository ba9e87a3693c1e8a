/* sim: random runs of the whole program on a virtual world. docs/simulator.md. */
#include "sim/run.h"

#include <argp.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct options {
    int64_t seeds, from, jobs, minutes;
    enum run_profile profile;
    const char *profile_name;
    bool trace;
};

/* What a job tells its parent. */
struct report {
    uint64_t seeds, failures, happenings, writes, acknowledged, excused, faults, persons;
    int64_t simulated_us;
};

/* A write lost in a finalize window needs a coincidence of milliseconds. */
enum { SEEDS_PER_EXCUSE = 5000 };

static const struct argp_option argp_options[] = {
    {"seeds", 'n', "N", 0, "how many (default 100)", 0},
    {"from", 'f', "SEED", 0, "the first one (default 1)", 0},
    {"jobs", 'j', "N", 0, "processes (default: one a CPU)", 0},
    {"minutes", 'm', "N", 0, "begin no seed after this time", 0},
    {"profile", 'p', "NAME", 0, "default, quiet", 0},
    {"trace", 't', NULL, 0, "everything in words (one job)", 0},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    int64_t *number = key == 'n'   ? &o->seeds
                      : key == 'f' ? &o->from
                      : key == 'j' ? &o->jobs
                      : key == 'm' ? &o->minutes
                                   : NULL;

    if (number && (!str_to_int64(str_of(arg), number) || *number < 1))
        argp_error(state, "'%s': wanted a number from 1 on", arg);
    else if (key == 'p' && !run_profile_parse(arg, &o->profile))
        argp_error(state, "'%s': no such profile", arg);
    else if (key == 'p')
        o->profile_name = arg;
    else if (key == 't')
        o->trace = true;
    else if (!number)
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static char running[160]; /* the line that tells of it, but for what went wrong */

/* An assertion of the program is a finding like any other. */
static void on_abort(int signo)
{
    static const char assertion[] = "assertion\n", memory[] = "memory\n";

    (void)!write(STDOUT_FILENO, running, strlen(running));
    if (signo == SIGABRT)
        (void)!write(STDOUT_FILENO, assertion, sizeof assertion - 1);
    else
        (void)!write(STDOUT_FILENO, memory, sizeof memory - 1);
    _exit(1);
}

static void run_job(const struct options *o, int64_t first, double until_s, struct report *report)
{
    for (int64_t i = first; i < o->seeds && now_s() < until_s; i += o->jobs) {
        struct run_result result;
        uint64_t seed = (uint64_t)(o->from + i);

        (void)str_format(running, sizeof running,
                         "FAILED  sim --seeds 1 --from %llu --profile %s --trace   # it died: ",
                         (unsigned long long)seed, o->profile_name);
        run_seed(seed, o->profile, o->trace, &result);
        report->seeds++;
        report->failures += result.failed;
        report->happenings += result.happenings;
        report->writes += result.writes;
        report->acknowledged += result.acknowledged;
        report->excused += result.excused;
        report->faults += result.faults;
        report->persons += result.decisions > 0;
        report->simulated_us += result.simulated_us;
        if (result.failed) {
            printf("FAILED  sim --seeds 1 --from %llu --profile %s --trace   # %s\n",
                   (unsigned long long)seed, o->profile_name, result.why);
            (void)fflush(stdout);
        }
    }
}

/* A job that dies takes its report with it: its parent says so. */
static int start_job(const struct options *o, int64_t first, double until_s, int *reports)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        struct report report = {0};

        run_job(o, first, until_s, &report);
        _exit(write(ends[1], &report, sizeof report) == sizeof report ? 0 : 1);
    }
    close(ends[1]);
    *reports = ends[0];
    return 0;
}

static void add(struct report *sum, const struct report *one)
{
    sum->seeds += one->seeds;
    sum->failures += one->failures;
    sum->happenings += one->happenings;
    sum->writes += one->writes;
    sum->acknowledged += one->acknowledged;
    sum->excused += one->excused;
    sum->faults += one->faults;
    sum->persons += one->persons;
    sum->simulated_us += one->simulated_us;
}

static bool run_jobs(const struct options *o, double until_s, struct report *sum)
{
    int *reports = calloc((size_t)o->jobs, sizeof *reports);
    bool whole = reports != NULL;

    for (int64_t j = 0; whole && j < o->jobs; j++)
        whole = start_job(o, j, until_s, &reports[j]) == 0;
    for (int64_t j = 0; whole && j < o->jobs; j++) {
        struct report one = {0};
        int status = 0;

        whole = read(reports[j], &one, sizeof one) == sizeof one;
        (void)wait(&status);
        add(sum, &one);
    }
    free(reports);
    return whole;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        argp_options, parse, NULL, "Random runs of the controller on a virtual world.",
        NULL,         NULL,  NULL};
    struct options o = {.seeds = 100,
                        .from = 1,
                        .jobs = sysconf(_SC_NPROCESSORS_ONLN),
                        .minutes = INT32_MAX,
                        .profile_name = "default"};
    struct report sum = {0};
    double began_s = now_s(), took_s;
    bool whole = true, excused;

    /* A world is built and freed again and again: its memory is kept. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 28);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 28);
    (void)mallopt(M_TOP_PAD, 1 << 24);
    (void)signal(SIGABRT, on_abort);
    (void)signal(SIGSEGV, on_abort);
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    if (o.trace)
        o.jobs = 1;
    (void)fflush(stdout);
    if (o.jobs == 1)
        run_job(&o, 0, began_s + 60.0 * (double)o.minutes, &sum);
    else
        whole = run_jobs(&o, began_s + 60.0 * (double)o.minutes, &sum);
    took_s = now_s() - began_s;
    printf("%llu seeds, %llu failures%s: %.0f seeds a minute, %.1f simulated hours, %llu faults, "
           "%llu of %llu writes acknowledged, %llu lost in a finalize window, a person in %llu, "
           "%.1f million happenings\n",
           (unsigned long long)sum.seeds, (unsigned long long)sum.failures,
           whole ? "" : ", A JOB DIED", (double)sum.seeds * 60 / took_s,
           (double)sum.simulated_us / 3.6e9, (unsigned long long)sum.faults,
           (unsigned long long)sum.acknowledged, (unsigned long long)sum.writes,
           (unsigned long long)sum.excused, (unsigned long long)sum.persons,
           (double)sum.happenings / 1e6);
    excused = sum.excused > 1 + sum.seeds / SEEDS_PER_EXCUSE;
    if (excused)
        printf(
            "FAILED  sim   # more writes are lost in finalize windows than coincidences explain\n");
    return whole && !sum.failures && !excused ? 0 : 1;
}
