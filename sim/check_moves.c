/* Who becomes main might be promoted, by the record before that (docs/decisions.md, "S may be
 * promoted when", O3, "Compare", "Requests"). */
#include "sim/check_impl.h"

/* S, in the run that was proven. */
static bool may_be_promoted(const struct record *before, const struct record *r)
{
    return record_sync_is(before, SYNC_READY, r->main_run) && !record_is_rebuilt(before, r->target);
}

/* The old main of a move that is not over; or the other of a pair that is being compared. */
static bool is_named_by_from(const struct record *before, const struct record *r)
{
    return (before->transition == EPOCH_FAILOVER || before->transition == EPOCH_SWITCHOVER) &&
           before->from == r->target;
}

/* The process that it was: the main never moved. */
static bool goes_back(const struct record *before, const struct record *r)
{
    return is_named_by_from(before, r) && before->from_run[0] &&
           strcmp(before->from_run, r->main_run) == 0;
}

/* Compared, it was refused as diverged: it holds more. There is no way back from that. */
static bool holds_more(const struct record *before, const struct record *r)
{
    return is_named_by_from(before, r) && before->transition == EPOCH_SWITCHOVER &&
           !before->from_run[0] && r->from < 0;
}

/* In another process than before T begins, to be compared with the other. */
static bool compares(const struct record *before, const struct record *r)
{
    return r->from == 1 - r->target && !r->from_run[0] &&
           strcmp(before->main_run, r->main_run) != 0;
}

static const char *forbids_failover(const struct record *before, const struct record *r)
{
    bool moves = r->target != before->target;

    if (r->promoted == PROMOTED_FORCED)
        return str_starts(str_of(before->request), "failover") ||
                       (!moves && before->promoted == PROMOTED_FORCED)
                   ? NULL
                   : "nobody forces it";
    if (!moves)
        return before->transition == EPOCH_FAILOVER ? NULL : "it is the main already";
    return may_be_promoted(before, r) || goes_back(before, r) ? NULL : "it may not be promoted";
}

static const char *forbids_switchover(const struct record *before, const struct record *r)
{
    if (r->target == before->target)
        return before->transition == EPOCH_SWITCHOVER || compares(before, r)
                   ? NULL
                   : "it is the main already";
    return may_be_promoted(before, r) || goes_back(before, r) || holds_more(before, r)
               ? NULL
               : "it may not be promoted";
}

static const char *forbids(const struct record *before, const struct record *r)
{
    switch (r->transition) {
    case EPOCH_FAILOVER:
        return forbids_failover(before, r);
    case EPOCH_SWITCHOVER:
        return forbids_switchover(before, r);
    case EPOCH_INITIAL:
    case EPOCH_REFRESH:
        return r->target == before->target ? NULL : "the main moves without a reason";
    case EPOCH_NONE:
        break;
    }
    return "it is not announced";
}

void check_moves(struct check *c, const struct record *r)
{
    const struct record *before = &c->record;
    char sync[RUN_SIZE + 40];
    const char *why = NULL;

    if (!before->main_run[0] || c->record_may_fall)
        return;
    if (r->epoch != before->epoch)
        why = r->epoch == before->epoch + 1 ? forbids(before, r) : "an epoch is left out";
    else if (r->target != before->target)
        why = "it is no new epoch";
    if (why)
        check_break(c,
                    "epoch %lld (%s) on pod %d in run %.8s: %s; before it, epoch %lld (%s) on pod "
                    "%d, from %d, sync=%s",
                    (long long)r->epoch, epoch_kind_name(r->transition), r->target, r->main_run,
                    why, (long long)before->epoch, epoch_kind_name(before->transition),
                    before->target, before->from, record_sync_text(before, sync, sizeof sync));
}
