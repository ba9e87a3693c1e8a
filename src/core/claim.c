#include "core/claim.h"

/* Time for a process to be taken for the pod's although Kubernetes shows no new container: who runs
 * Memgraph under a supervisor in its container has such. By then a kubelet has reported all its
 * pods anew (every minute), and one that is gone has cost them their readiness (40 s). */
static const int64_t limit_us = 100LL * 1000 * 1000;

static bool has_word(const char *text, const char *word, size_t n)
{
    for (const char *at = text; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");

        if (length == n && memcmp(at, word, n) == 0)
            return true;
        at += length;
    }
    return false;
}

/* What ran before is kept when nothing runs later: an id comes but once. */
void claim_note_instances(struct view *v, struct pod *p, const char *now)
{
    bool started = false;

    p->told = now != NULL;
    for (const char *at = now ? now : ""; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");

        started = started || !has_word(p->instances, at, length);
        at += length;
    }
    if (!started)
        return;
    p->started_at = v->now_us;
    (void)str_copy(p->instances, sizeof p->instances, now);
}

bool pod_claimed(const struct pod *p)
{
    return pod_up(p) && p->claim_run[0];
}

bool claim_takes(struct view *v, struct pod *p, const char *run, int64_t asked_us)
{
    bool known = pod_runs(p, run);

    if (known || !p->told || strcmp(p->confirmed_run, run) == 0) {
        if (!known || asked_us >= p->started_at)
            p->started_at = 0; /* the one that was seen to start is this one */
        p->claim_run[0] = p->confirmed_run[0] = '\0';
        return true;
    }
    if (strcmp(p->claim_run, run) != 0) {
        (void)str_copy(p->claim_run, sizeof p->claim_run, run);
        p->confirmed_run[0] = '\0';
        p->claim_since = v->now_us;
    }
    return false;
}

bool view_confirm(struct view *v, int pod, const struct pod_kube *seen, int64_t asked_us)
{
    struct pod *p = &v->pods[pod];

    if (!pod_claimed(p) || asked_us < p->claim_since || strcmp(p->uid, seen->uid) != 0 ||
        strcmp(p->ip, seen->ip) != 0)
        return false;
    claim_note_instances(v, p, seen->instances);
    if (p->told && !p->started_at && !(seen->ready && v->now_us - p->claim_since >= limit_us))
        return false;
    (void)str_copy(p->confirmed_run, sizeof p->confirmed_run, p->claim_run);
    return true;
}
