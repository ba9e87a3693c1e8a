#include "core/view.h"

#include <assert.h>

void view_init(struct view *v, const struct settings *settings)
{
    memset(v, 0, sizeof *v);
    v->settings = *settings;
    v->record.from = -1;
    v->rows_pod = -1;
    for (int i = 0; i < PODS_MAX; i++)
        v->pods[i].command_target = -1, v->pods[i].command_epoch = -1;
}

const char *view_pod_name(const struct view *v, int pod, char out[NAME_SIZE + 8])
{
    (void)str_format(out, NAME_SIZE + 8, "%s-%d", v->settings.name, pod);
    return out;
}

bool pod_up(const struct pod *p)
{
    return p->link == LINK_UP;
}

bool pod_runs(const struct pod *p, const char *run)
{
    return run[0] && strcmp(p->run, run) == 0;
}

bool pod_refused(const struct pod *p)
{
    return pod_runs(p, p->refused_run);
}

bool pod_is_unregistrable(const struct pod *p)
{
    static const unsigned in_a_row = 3;

    return p->register_failures >= in_a_row;
}

bool row_serves(const struct row *row)
{
    return row->status == ROW_READY || row->status == ROW_REPLICATING;
}

enum role pod_role(const struct pod *p)
{
    bool fresh = p->role_at && p->role_at >= p->link_at && p->role_at >= p->changed_at;
    bool same = !pod_claimed(p) && p->role_at >= p->started_at && p->role_at >= p->deserted_at;

    return pod_up(p) && fresh && same ? p->role : ROLE_UNKNOWN;
}

bool view_lost(const struct view *v, int pod, char why[WHY_SIZE])
{
    const struct pod *p = &v->pods[pod];

    if (pod_claimed(p) && p->run[0] &&
        v->now_us - p->claim_since >= v->settings.probe_timeout_us * v->settings.probe_failures) {
        (void)str_copy(why, WHY_SIZE, "another process answers at its address");
        return true;
    }
    if (pod_up(p))
        return false;
    if (v->pods_known && !p->exists) {
        (void)str_copy(why, WHY_SIZE, "its pod does not exist");
        return true;
    }
    if (p->link != LINK_DOWN)
        return false;
    /* The words stay the same as it goes on: they end up in Events, each told once. */
    if (p->refusals >= REFUSED_IN_A_ROW) {
        (void)str_format(why, WHY_SIZE, "%u connections in a row refused: its process is gone",
                         (unsigned)REFUSED_IN_A_ROW);
        return true;
    }
    if (p->timeouts >= v->settings.probe_failures && p->link_fail == FAIL_UNREACHABLE) {
        (void)str_format(why, WHY_SIZE, "its address cannot be reached, %u times in a row",
                         v->settings.probe_failures);
        return true;
    }
    if (p->timeouts >= v->settings.probe_failures) {
        (void)str_format(why, WHY_SIZE, "no answer to %u probes in a row: it hangs",
                         v->settings.probe_failures);
        return true;
    }
    return false;
}

bool view_role_fresh(const struct view *v, int pod)
{
    return v->pods[pod].role_at >= v->roles_since;
}

int view_s(const struct view *v)
{
    return 1 - v->record.target;
}

static bool rows_are_ts(const struct view *v)
{
    int t = v->record.target;

    return v->record_exists && v->rows_pod == t && pod_up(&v->pods[t]) &&
           !pod_claimed(&v->pods[t]) && strcmp(v->rows_run, v->pods[t].run) == 0;
}

const struct row *view_row(const struct view *v, int pod)
{
    if (!view_rows_fresh(v, 0))
        return NULL;
    for (unsigned i = 0; i < v->rows_n; i++)
        if (v->rows[i].pod == pod)
            return &v->rows[i];
    return NULL;
}

bool view_rows_fresh(const struct view *v, int64_t since_us)
{
    return rows_are_ts(v) && v->rows_at && v->rows_at >= since_us &&
           v->rows_at >= v->rows_changed_at;
}

bool view_rows_known(const struct view *v)
{
    return rows_are_ts(v) && v->rows_at && v->rows_at >= v->pods[v->record.target].link_at;
}

void view_address(const struct view *v, int pod, char out[ADDRESS_SIZE])
{
    const struct pod *p = &v->pods[pod];

    out[0] = '\0';
    if (v->settings.domain[0])
        (void)str_format(out, ADDRESS_SIZE, "%s-%d.%s:%u", v->settings.name, pod,
                         v->settings.domain, v->settings.replication_port);
    else if (p->ip[0])
        (void)str_format(out, ADDRESS_SIZE, "%s:%u", p->ip, v->settings.replication_port);
}

static bool know_strict(const struct view *v)
{
    return v->pods[0].can.strict_sync && v->pods[1].can.strict_sync;
}

/* One of the pair acknowledges in SYNC mode what its replica did not confirm (Memgraph after 3.12):
 * then nobody could vouch for S. */
static bool acknowledges_alone(const struct view *v)
{
    for (int i = 0; i < 2; i++)
        if (v->pods[i].version[0] && !v->pods[i].can.sync_fails)
            return true;
    return false;
}

enum mode view_sync_mode(const struct view *v)
{
    switch (v->settings.replication_mode) {
    case REPLICATION_SYNC:
        return acknowledges_alone(v) && know_strict(v) ? MODE_STRICT_SYNC : MODE_SYNC;
    case REPLICATION_STRICT_SYNC:
        return MODE_STRICT_SYNC;
    case REPLICATION_AUTO:
        break;
    }
    return know_strict(v) ? MODE_STRICT_SYNC : MODE_SYNC;
}

bool view_mode_fits(const struct view *v, char why[WHY_SIZE])
{
    enum replication_mode wanted = v->settings.replication_mode;

    for (int i = 0; i < 2; i++) {
        const struct pod *p = &v->pods[i];

        if (!p->version[0])
            continue;
        if (wanted == REPLICATION_STRICT_SYNC && !p->can.strict_sync) {
            (void)str_format(why, WHY_SIZE,
                             "REPLICATION_MODE is strict_sync, and Memgraph %s of %s-%d does not "
                             "know it: set auto or sync, or upgrade",
                             p->version, v->settings.name, i);
            return false;
        }
        if (wanted == REPLICATION_SYNC && !p->can.sync_fails) {
            (void)str_format(
                why, WHY_SIZE,
                "REPLICATION_MODE is sync, and Memgraph %s of %s-%d acknowledges in it "
                "what its replica did not confirm: STRICT_SYNC takes its place",
                p->version, v->settings.name, i);
            return false;
        }
    }
    return true;
}

bool view_leading(const struct view *v)
{
    return v->leader && v->now_us < v->leader_until_us;
}

bool view_ldt(const struct view *v, int64_t *out)
{
    if (!view_rows_fresh(v, 0))
        return false;
    for (unsigned i = 0; i < v->rows_n; i++) {
        if (v->rows[i].has_data) {
            *out = v->rows[i].ts - v->rows[i].behind;
            return true;
        }
    }
    return false;
}

const struct row *view_unconfirming(const struct view *v)
{
    unsigned n = view_rows_known(v) ? v->rows_n : 0;

    for (unsigned i = 0; i < n; i++) {
        const struct row *row = &v->rows[i];
        bool fails = row->mode == MODE_STRICT_SYNC ||
                     (row->mode == MODE_SYNC && v->pods[v->record.target].can.sync_fails);

        /* A dead row does not count: a REGISTER that failed has left it behind. */
        if (fails && row->has_data && !row_serves(row))
            return row;
    }
    return NULL;
}
