#include "core/claim.h"

#include <assert.h>

void view_kube_pod(struct view *v, int pod, const struct pod_kube *seen)
{
    struct pod *p = &v->pods[pod];

    assert(pod >= 0 && pod < PODS_MAX);
    p->kube_at = v->now_us;
    if (!seen) {
        p->exists = p->ready = p->terminating = false;
        p->terminating_at = 0;
        p->deleted_at = 0;
        p->uid[0] = p->ip[0] = p->instances[0] = '\0';
        p->told = false;
        p->started_at = 0;
        return;
    }
    if (p->exists && seen->ready)
        p->unready_at = 0;
    else if (!p->exists || p->ready)
        p->unready_at = v->now_us;
    p->exists = true;
    p->ready = seen->ready;
    if (seen->terminating != p->terminating)
        p->terminating_at = seen->terminating ? v->now_us : 0;
    p->terminating = seen->terminating;
    (void)str_copy(p->uid, sizeof p->uid, seen->uid);
    (void)str_copy(p->ip, sizeof p->ip, seen->ip);
    claim_note_instances(v, p, seen->instances);
}

static void set_link(struct view *v, int pod, enum link_state state)
{
    struct pod *p = &v->pods[pod];

    p->link = state;
    p->link_at = v->now_us;
    p->asked_at = 0;
    p->link_fail = FAIL_NONE;
    p->refusals = p->timeouts = 0;
    p->link_text[0] = '\0';
    p->claim_run[0] = p->confirmed_run[0] = '\0';
}

/* That it logs us on is no answer to a probe: the time-outs count on until there is one. */
void view_link_up(struct view *v, int pod)
{
    unsigned timeouts = v->pods[pod].timeouts;

    set_link(v, pod, LINK_UP);
    v->pods[pod].timeouts = timeouts;
}

void view_deserted(struct view *v, int pod)
{
    v->pods[pod].deserted_at = v->now_us;
}

void view_stalled(struct view *v)
{
    if (v->record_exists)
        view_deserted(v, v->record.target);
}

void view_asked(struct view *v, int pod)
{
    if (!v->pods[pod].asked_at)
        v->pods[pod].asked_at = v->now_us;
}

void view_answered(struct view *v, int pod)
{
    v->pods[pod].asked_at = 0;
}

void view_link_none(struct view *v, int pod)
{
    set_link(v, pod, LINK_UNTRIED);
}

void view_link_down(struct view *v, int pod, enum fail_kind kind, const char *text)
{
    struct pod *p = &v->pods[pod];

    if (p->link != LINK_DOWN) {
        bool broke = p->link == LINK_UP; /* the break itself is no refused connection yet */

        p->link = LINK_DOWN;
        p->link_at = v->now_us;
        p->refusals = 0;
        if (broke && kind == FAIL_REFUSED)
            kind = FAIL_NONE;
    }
    if (kind == FAIL_REFUSED) {
        p->refusals++;
        p->timeouts = 0;
    } else if (kind == FAIL_TIMEOUT || kind == FAIL_UNREACHABLE) {
        p->timeouts++;
        p->refusals = 0;
    }
    p->link_fail = kind == FAIL_NONE ? FAIL_REFUSED : kind;
    (void)str_copy(p->link_text, sizeof p->link_text, text);
}

/* Another process of T, or another T, may take whom the last one refused. */
static void forget_refusals(struct view *v)
{
    for (int i = 0; i < PODS_MAX; i++)
        v->pods[i].refused_run[0] = '\0';
}

static void new_target(struct view *v)
{
    forget_refusals(v);
    v->target_since = v->now_us;
    v->switch_retry_at = 0;
    v->switch_failures = 0;
    for (int i = 0; i < PODS_MAX; i++)
        v->pods[i].row_bad = false;
}

bool view_role(struct view *v, int pod, enum role role, const char *run, int64_t asked_us)
{
    struct pod *p = &v->pods[pod];

    p->timeouts = 0;
    if (!claim_takes(v, p, run, asked_us))
        return false;
    if (strcmp(p->run, run) != 0) {
        (void)str_copy(p->run, sizeof p->run, run);
        p->storage_at = 0;
        p->database[0] = p->version[0] = '\0';
        p->register_failures = 0;
        p->register_retry_at = 0;
        p->row_bad = false;
        if (v->record_exists && pod == v->record.target)
            forget_refusals(v);
    }
    p->role = role;
    p->role_at = asked_us;
    if (role != ROLE_MAIN && pod == v->rows_pod)
        v->rows_at = 0; /* a list that it shows later, as main again, is another one */
    if (role == ROLE_MAIN)
        (void)str_copy(p->main_in, sizeof p->main_in, run);
    p->probe_us = v->now_us - asked_us;
    return true;
}

void view_version(struct view *v, int pod, const char *version, struct abilities can)
{
    (void)str_copy(v->pods[pod].version, sizeof v->pods[pod].version, version);
    v->pods[pod].can = can;
}

void view_storage(struct view *v, int pod, int64_t vertices, int64_t edges, const char *database,
                  int64_t asked_us)
{
    struct pod *p = &v->pods[pod];

    p->storage_at = asked_us;
    p->vertices = vertices;
    p->edges = edges;
    (void)str_copy(p->database, sizeof p->database, database);
}

/* "name_with_underscores_3" names our pod 3 when the rest is our name with - as _. */
static int pod_of_row(const struct view *v, const char *name)
{
    for (int i = 0; i < PODS_MAX; i++) {
        char ours[NAME_SIZE + 8];

        view_pod_name(v, i, ours);
        for (char *c = ours; *c; c++)
            if (*c == '-')
                *c = '_';
        if (strcmp(ours, name) == 0)
            return i;
    }
    return -1;
}

void view_rows(struct view *v, int pod, const char *run, const struct row *rows, unsigned n,
               int64_t asked_us)
{
    assert(n <= ROWS_MAX);
    v->rows_pod = pod;
    (void)str_copy(v->rows_run, sizeof v->rows_run, run);
    v->rows_at = asked_us;
    v->rows_n = n;
    for (unsigned i = 0; i < n; i++) {
        v->rows[i] = rows[i];
        v->rows[i].pod = pod_of_row(v, rows[i].name);
    }
    if (v->work.touched && !v->work.touch_ts && pod == v->record.target &&
        asked_us >= v->work.touched_at)
        (void)view_ldt(v, &v->work.touch_ts);
}

/* A new epoch, or a new leader: what was done before does not count. */
static void forget_work(struct view *v)
{
    const struct record *r = &v->record;

    v->work = (struct epoch_work){.epoch = r->epoch, .recorded_at = v->now_us};
    if (r->transition != EPOCH_NONE)
        v->work.decided_at = v->write_started_at;
    if (r->transition == EPOCH_FAILOVER && r->from >= 0 && v->pods[r->from].link == LINK_DOWN)
        v->work.detected_at = v->pods[r->from].link_at;
    v->touch_ok_at = v->touch_end_at = v->touch_at = 0;
    v->doubt = false;
}

void view_write_started(struct view *v)
{
    assert(!v->writing);
    v->writing = true;
    v->write_started_at = v->now_us;
}

void view_write_failed(struct view *v, enum fail_kind kind)
{
    int64_t wait_us = (int64_t)50000 << (v->write_failures < 6 ? v->write_failures : 6);

    v->writing = false;
    v->write_failures++;
    /* Somebody else decided; or it was written and the answer was lost: read it first. */
    v->record_known = false;
    if (kind != FAIL_CONFLICT)
        v->write_retry_at = v->now_us + wait_us;
}

/* A refresh that ended without a proven S is not tried again at once: 5 s, doubled up to 5 min; at
 * the first forming of a cluster 0.5 s, doubled up to 30 s. */
static void note_refresh(struct view *v, const struct record *now)
{
    bool initial = now->sync == SYNC_NONE && now->sync_why == SYNC_WHY_INITIAL;
    int64_t pause_us = initial ? 500 * 1000 : 5 * 1000 * 1000;
    int64_t most_us = initial ? 30 * 1000 * 1000 : 300 * 1000 * 1000;

    if (now->sync == SYNC_READY) {
        v->refresh_failures = 0;
        v->refresh_retry_at = 0;
    }
    if (v->record.transition == EPOCH_NONE || now->sync == SYNC_READY ||
        (now->transition != EPOCH_NONE && now->epoch == v->record.epoch))
        return;
    if (v->record.transition != EPOCH_REFRESH && v->record.transition != EPOCH_INITIAL)
        return; /* a failover leaves S for later */
    if (!initial && !v->work.s_done)
        return; /* S was not there: nothing failed */
    for (unsigned i = 0; i < v->refresh_failures && pause_us < most_us; i++)
        pause_us *= 2;
    v->refresh_failures++;
    v->refresh_retry_at = v->now_us + (pause_us < most_us ? pause_us : most_us);
}

/* Another controller moved the main, or began or ended an epoch. */
static bool changed_by_others(const struct view *v, const struct record *r)
{
    if (v->writing)
        return false;
    return !r || !v->record_exists || r->epoch != v->record.epoch ||
           r->target != v->record.target || r->transition != v->record.transition;
}

void view_record(struct view *v, const struct record *r)
{
    if (changed_by_others(v, r))
        v->roles_since = v->now_us;
    if (r && v->record_exists && v->leader)
        note_refresh(v, r);
    if (r && (!v->record_exists || r->target != v->record.target))
        new_target(v);
    v->record_known = true;
    v->record_broken = false;
    v->record_exists = r != NULL;
    if (v->writing) /* our own write succeeded; a read after one that failed ends no pause */
        v->write_failures = 0, v->write_retry_at = 0;
    v->writing = false;
    v->record = r ? *r : (struct record){.from = -1};
    if (v->work.epoch != v->record.epoch)
        forget_work(v);
}

void view_record_broken(struct view *v, const char *why)
{
    v->record_known = true;
    v->record_broken = true;
    (void)str_copy(v->record_why, sizeof v->record_why, why);
}

void view_delete_started(struct view *v, int pod)
{
    v->pods[pod].deleted_at = v->now_us;
}

void view_leadership(struct view *v, bool leader, int64_t until_us)
{
    if (leader && !v->leader) { /* somebody else may have acted meanwhile */
        forget_work(v);
        v->roles_since = v->now_us;
        for (int i = 0; i < PODS_MAX; i++)
            v->pods[i].command_epoch = -1;
    }
    v->leader = leader;
    v->leader_until_us = until_us;
}

void view_lease(struct view *v, int64_t until_us)
{
    v->led_until_us = until_us;
}
