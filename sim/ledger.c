#include "sim/ledger.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>

void ledger_init(struct ledger *l)
{
    *l = (struct ledger){0};
}

void ledger_done(struct ledger *l)
{
    free(l->writes);
    free(l->epochs);
}

size_t ledger_begin(struct ledger *l, int64_t now_us)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 256;
        l->writes = xrealloc(l->writes, l->cap * sizeof(struct write));
    }
    l->writes[l->n] = (struct write){.sent_us = now_us};
    return l->n++;
}

static size_t last_epoch_of(const struct ledger *l, const char *run)
{
    size_t i = l->epochs_n;

    while (i > 0 && strcmp(l->epochs[i - 1].run, run) != 0)
        i--;
    return i;
}

/* Index + 1 is how last_epoch_of counts: 0 is "no epoch that we know". */
static bool note_ack(struct ledger *l, const struct write *w, size_t id, const char *run, int pod,
                     char why[WHY_TEXT_SIZE])
{
    size_t at = last_epoch_of(l, run);
    const struct ledger_epoch *newest = l->newest ? &l->epochs[l->newest - 1] : NULL;

    if (at >= l->newest) {
        l->newest = at;
        if (at && !l->epochs[at - 1].first_ack_us)
            l->epochs[at - 1].first_ack_us = w->ended_us;
        return true;
    }
    if (w->sent_us <= newest->first_ack_us)
        return true; /* it was under way when the other one took over */
    if (pod == newest->target)
        return true; /* the same pod, restarted: the gateway found that out before control did */
    (void)str_format(why, WHY_TEXT_SIZE,
                     "two mains: write %zu, sent at %.6f, was acknowledged by run %.8s, but %.8s "
                     "(epoch %lld) acknowledges since %.6f",
                     id, (double)w->sent_us / 1e6, run, newest->run, (long long)newest->epoch,
                     (double)newest->first_ack_us / 1e6);
    return false;
}

bool ledger_end(struct ledger *l, size_t id, int64_t now_us, enum write_outcome outcome,
                const char *run, int pod, char why[WHY_TEXT_SIZE])
{
    struct write *w = &l->writes[id];

    w->outcome = outcome;
    w->ended_us = now_us;
    (void)str_format(w->run, sizeof w->run, "%.7s", run);
    l->acknowledged += outcome == WRITE_ACKNOWLEDGED;
    l->refused += outcome == WRITE_REFUSED;
    l->unknown += outcome == WRITE_UNKNOWN;
    if (outcome != WRITE_ACKNOWLEDGED)
        return true;
    if (l->last_ack_us && now_us - l->last_ack_us > l->longest_gap_us)
        l->longest_gap_us = now_us - l->last_ack_us;
    l->last_ack_us = now_us;
    return note_ack(l, w, id, run, pod, why);
}

bool ledger_record(struct ledger *l, int64_t now_us, const struct record *r,
                   char why[WHY_TEXT_SIZE])
{
    const struct ledger_epoch *last = l->epochs_n ? &l->epochs[l->epochs_n - 1] : NULL;

    if (last && r->epoch < last->epoch) {
        (void)str_format(why, WHY_TEXT_SIZE, "the record's epoch fell from %lld to %lld",
                         (long long)last->epoch, (long long)r->epoch);
        return false;
    }
    if (last && r->epoch == last->epoch && strcmp(last->run, r->main_run) == 0)
        return true;
    if (l->epochs_n == l->epochs_cap) {
        l->epochs_cap = l->epochs_cap ? 2 * l->epochs_cap : 32;
        l->epochs = xrealloc(l->epochs, l->epochs_cap * sizeof(struct ledger_epoch));
    }
    assert(l->epochs);
    l->moves += l->epochs_n && l->epochs[l->epochs_n - 1].target != r->target;
    l->epochs[l->epochs_n] =
        (struct ledger_epoch){.epoch = r->epoch, .at_us = now_us, .target = r->target};
    (void)str_copy(l->epochs[l->epochs_n++].run, RUN_SIZE, r->main_run);
    return true;
}

static bool is_excused(struct ledger *l, const struct write *w)
{
    static const int64_t limit_us = 1000 * 1000;

    for (size_t i = 1; i < l->epochs_n; i++) {
        const struct ledger_epoch *before = &l->epochs[i - 1];
        struct ledger_epoch *e = &l->epochs[i];
        int64_t served_us = e->first_ack_us ? e->first_ack_us : e->at_us;

        if (e->excused || e->target == before->target || !w->run[0] ||
            strncmp(before->run, w->run, strlen(w->run)) != 0)
            continue;
        if (w->sent_us > served_us || w->ended_us < e->at_us - limit_us ||
            w->ended_us > served_us + limit_us)
            continue;
        e->excused = true;
        l->excused++;
        return true;
    }
    return false;
}

bool ledger_check(struct ledger *l, const unsigned *seen, size_t seen_n, char why[WHY_TEXT_SIZE])
{
    for (size_t id = 0; id < l->n || id < seen_n; id++) {
        unsigned times = id < seen_n ? seen[id] : 0;
        const struct write *w = id < l->n ? &l->writes[id] : NULL;

        why[0] = '\0';
        if (!w && !times)
            continue;
        if (!w)
            (void)str_format(why, WHY_TEXT_SIZE, "node %zu was never written", id);
        else if (times > 1)
            (void)str_format(why, WHY_TEXT_SIZE, "write %zu is there %u times", id, times);
        else if (w->outcome == WRITE_ACKNOWLEDGED && !times && !is_excused(l, w))
            (void)str_format(why, WHY_TEXT_SIZE,
                             "acknowledged write %zu is lost (sent %.6f, acknowledged %.6f by run "
                             "%s)",
                             id, (double)w->sent_us / 1e6, (double)w->ended_us / 1e6, w->run);
        else if (w->outcome == WRITE_REFUSED && times)
            (void)str_format(why, WHY_TEXT_SIZE,
                             "write %zu is there, though it was refused at %.6f by run %s", id,
                             (double)w->ended_us / 1e6, w->run);
        if (why[0])
            return false;
    }
    return true;
}
