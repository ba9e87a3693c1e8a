#include "models/kube_cluster_impl.h"

void kubelet_probe_begin(struct kube_cluster *c, struct kubelet_pod *p)
{
    p->failures = 0;
    p->probe_at = c->now_us + c->config.probe_delay_us;
}

void kubelet_probe_end(struct kubelet_pod *p)
{
    p->probing = p->probe_answered = false;
    p->probe_at = p->probe_until = NEVER;
}

static void ready_set(struct kube_cluster *c, struct kubelet_pod *p, bool ready)
{
    if (p->seen.ready == ready)
        return;
    p->seen.ready = ready;
    p->dirty = true;
    kube_cluster_stamp(c, p->ready_since);
    kube_cluster_tell(c, p, ready ? "ready" : "not-ready", ready ? "is Ready" : "is not Ready");
}

static void answer_take(struct kube_cluster *c, struct kubelet_pod *p)
{
    bool ok = p->probe_answered && p->probe_answer;

    p->probing = p->probe_answered = false;
    p->probe_until = NEVER;
    p->failures = ok ? 0 : p->failures + 1;
    if (ok || p->failures >= c->config.probe_failures)
        ready_set(c, p, ok);
    p->probe_at = c->now_us +
                  (p->seen.ready ? c->config.probe_ready_us : c->config.probe_unready_us);
}

void kubelet_probe_step(struct kube_cluster *c, struct kubelet_pod *p)
{
    if (!p->probing && p->probe_at <= c->now_us) {
        p->probe_at = NEVER;
        p->probing = true;
        p->probe_until = c->now_us + c->config.probe_timeout_us;
        c->host.probe(c->host.arg, &p->seen);
    }
    if (p->probing && (p->probe_answered || p->probe_until <= c->now_us))
        answer_take(c, p);
}

int64_t kubelet_probe_deadline(const struct kubelet_pod *p)
{
    return p->probing ? p->probe_until : p->probe_at;
}
