#include "steady.h"

void steady_settings(struct settings *s)
{
    *s = (struct settings){.name = "mg",
                           .replication_port = 10000,
                           .has_users = true,
                           .read_fallback_main = true,
                           .read_max_lag = 1000,
                           .probe_failures = 3,
                           .probe_timeout_us = 1000 * 1000,
                           .sync_watch_us = 100 * 1000,
                           .hold_timeout_us = 5 * 1000 * 1000,
                           .hold_drain_us = 30 * 1000,
                           .refresh_timeout_us = 5 * 1000 * 1000,
                           .replica_heal_us = 15 * 1000 * 1000,
                           .proof_interval_us = 1000 * 1000,
                           .sync_loss_us = 5 * 1000 * 1000,
                           .planned_limit_us = INT64_C(300) * 1000 * 1000,
                           .switchover_timeout_us = 10 * 1000 * 1000,
                           .reconcile_us = 10 * 1000 * 1000,
                           .catchup_behind = 1000};
}

void steady_rows(struct view *v, enum row_status s, enum row_status a)
{
    const struct row rows[] = {{.name = "mg_1",
                                .address = "10.0.0.2:10000",
                                .mode = MODE_STRICT_SYNC,
                                .has_data = true,
                                .status = s,
                                .ts = 10},
                               {.name = "mg_2",
                                .address = "10.0.0.3:10000",
                                .mode = MODE_ASYNC,
                                .has_data = true,
                                .status = a,
                                .ts = 10}};

    view_rows(v, 0, v->pods[0].run, rows, ARRAY_LEN(rows), v->now_us);
}

void steady_view(struct view *v)
{
    struct record r = {.epoch = 3,
                       .main_run = "r0",
                       .promoted_run = "r0",
                       .from = -1,
                       .sync = SYNC_READY,
                       .sync_run = "r1",
                       .database = "db"};
    struct settings settings;

    steady_settings(&settings);
    view_init(v, &settings);
    v->now_us = v->wall_us = steady_us;
    v->pods_known = true;
    for (int i = 0; i < 3; i++) {
        char ip[NAME_SIZE], run[RUN_SIZE];

        (void)str_format(ip, sizeof ip, "10.0.0.%d", i + 1);
        (void)str_format(run, sizeof run, "r%d", i);
        view_kube_pod(v, i, &(struct pod_kube){.ready = true, .uid = run, .ip = ip});
        view_link_up(v, i);
        view_role(v, i, i ? ROLE_REPLICA : ROLE_MAIN, run, v->now_us);
        view_version(v, i, "3.6.1", (struct abilities){true, true});
        view_storage(v, i, 5, 0, "db", v->now_us);
    }
    view_record(v, &r);
    view_leadership(v, true, INT64_MAX / 2);
    steady_rows(v, ROW_READY, ROW_READY);
    v->touch_ldt = 10; /* nobody wrote since the last touch */
    view_derive(v);
}
