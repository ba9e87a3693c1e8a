#include "models/kube_cluster_impl.h"

#include <signal.h>

void kubelet_stop_begin(struct kube_cluster *c, struct kubelet_pod *p, int64_t grace_us)
{
    if (p->seen.terminating) {
        if (p->kill_at != NEVER) /* else SIGKILL was sent */
            p->kill_at = earlier(p->kill_at, c->now_us + grace_us);
        return;
    }
    p->seen.terminating = true;
    p->start_at = NEVER;
    kube_cluster_tell(c, p, "terminating", "is deleted: grace %lld s",
                      (long long)(grace_us / 1000000));
    if (!p->alive) {
        /* An exit that was not dealt with yet ends it, too. */
        if (!p->exited)
            p->seen.phase = KUBE_CLUSTER_ENDED;
        return;
    }
    p->kill_at = c->now_us + grace_us;
    if (p->seen.phase == KUBE_CLUSTER_RUNNING && c->host.prestop) {
        p->hooking = true;
        p->hook_done = false;
        c->host.prestop(c->host.arg, &p->seen);
    } else {
        c->host.kill(c->host.arg, &p->seen, SIGTERM);
    }
}

/* After a hook there is always a little time between SIGTERM and SIGKILL. */
static void hook_end(struct kube_cluster *c, struct kubelet_pod *p)
{
    p->hooking = false;
    if (p->kill_at < c->now_us + FORCED_GRACE_US)
        p->kill_at = c->now_us + FORCED_GRACE_US;
    c->host.kill(c->host.arg, &p->seen, SIGTERM);
}

void kubelet_stop_step(struct kube_cluster *c, struct kubelet_pod *p)
{
    if (!p->alive)
        return;
    if (p->hooking && p->kill_at <= c->now_us)
        kube_cluster_tell(c, p, "hook-late", "grace is over before the preStop hook is done");
    if (p->hooking && (p->hook_done || p->kill_at <= c->now_us))
        hook_end(c, p);
    if (p->kill_at > c->now_us)
        return;
    p->kill_at = NEVER;
    kube_cluster_tell(c, p, "killed", "grace is over: SIGKILL");
    c->host.kill(c->host.arg, &p->seen, SIGKILL);
}

bool kube_cluster_restart(struct kube_cluster *c, int64_t now_us, unsigned ordinal)
{
    struct kubelet_pod *p = (struct kubelet_pod *)kube_cluster_pod(c, ordinal);

    if (!p || !p->alive || p->seen.terminating || p->seen.phase != KUBE_CLUSTER_RUNNING)
        return false;
    p->kill_at = now_us + 1000000 * c->config.grace_s;
    c->host.kill(c->host.arg, &p->seen, SIGTERM);
    kube_cluster_tick(c, now_us);
    return true;
}
