/* Several upstreams: the order of choice, the way past those that do not answer, and what happens
 * to sessions when the list changes. */
#include "gateway/choose.h"
#include "gateway/slots.h"
#include "rig.h"

#include "base/str.h"

#include <poll.h>
#include <unistd.h>

/* ---- choosing ---- */

static struct route route_of(enum gateway_balance balance, unsigned n)
{
    struct route r = {.given = {.kind = GATEWAY_FORWARD, .balance = balance, .upstreams = n}};

    for (unsigned i = 0; i < n; i++)
        r.slot[i] = 10 + i;
    return r;
}

static void test_ordinal(void **state)
{
    static struct shared shared;
    struct route r = route_of(GATEWAY_ORDINAL, 3);

    (void)state;
    assert_int_equal(choose_upstream(&r, &shared, 0), 0);
    assert_int_equal(choose_upstream(&r, &shared, 1), 1);
    assert_int_equal(choose_upstream(&r, &shared, 3), 2);
    assert_int_equal(choose_upstream(&r, &shared, 7), -1);
}

static void test_round_robin(void **state)
{
    static struct shared shared;
    struct route r = route_of(GATEWAY_ROUND_ROBIN, 3), none = route_of(GATEWAY_ROUND_ROBIN, 0);
    unsigned got[3] = {0};

    (void)state;
    for (int i = 0; i < 30; i++)
        got[choose_upstream(&r, &shared, 0)]++;
    assert_true(got[0] == 10 && got[1] == 10 && got[2] == 10);
    assert_int_equal(choose_upstream(&r, &shared, 2 | 4), 0); /* the one that is left */
    assert_int_equal(choose_upstream(&r, &shared, 7), -1);
    assert_int_equal(choose_upstream(&none, &shared, 0), -1);
}

static void test_least_connections(void **state)
{
    static struct shared shared;
    struct route r = route_of(GATEWAY_LEAST_CONNECTIONS, 3);

    (void)state;
    shared.sessions[10] = 5;
    shared.sessions[11] = 2;
    shared.sessions[12] = 3;
    assert_int_equal(choose_upstream(&r, &shared, 0), 1);
    assert_int_equal(choose_upstream(&r, &shared, 2), 2);
    assert_int_equal(choose_upstream(&r, &shared, 2 | 4), 0);
    assert_int_equal(choose_upstream(&r, &shared, 7), -1);
}

/* ---- slots ---- */

static void named(struct gateway_route *r, unsigned at, unsigned port, uint64_t process)
{
    (void)str_copy(r->upstream[at].host, sizeof r->upstream[at].host, "10.0.0.1");
    r->upstream[at].port = port;
    r->upstream[at].process = process;
}

static void test_slots_stay(void **state)
{
    static struct slots s;
    struct gateway_route r = {.upstreams = 2};
    unsigned first[2], second[2], other[2];

    (void)state;
    named(&r, 0, 1, 100);
    named(&r, 1, 2, 100);
    slots_assign(&s, &r, first);
    assert_int_not_equal(first[0], first[1]);
    named(&r, 0, 2, 100);
    named(&r, 1, 1, 101); /* another process at the first one's address */
    slots_assign(&s, &r, second);
    assert_int_equal(second[0], first[1]);
    assert_int_not_equal(second[1], first[0]);
    for (unsigned i = 0; i < 10 * SLOTS_MAX; i++) {
        named(&r, 1, 1, 1000 + i);
        slots_assign(&s, &r, other);
        assert_int_equal(other[0], first[1]);
        assert_int_not_equal(other[1], other[0]);
    }
}

/* ---- with sockets ---- */

static void start(struct rig *r, enum gateway_balance balance, unsigned upstreams,
                  struct gateway_route *route)
{
    rig_init(r);
    rig_start(r);
    *route = rig_route(r, 1, upstreams);
    route->balance = balance;
    route->exact = true;
    gateway_set_route(r->g, route);
    (void)rig_report(r, GATEWAY_IN_FORCE);
}

/* Which upstream has a connection waiting. */
static unsigned arrived(const struct rig *r, int *upstream)
{
    struct pollfd p[RIG_UPSTREAMS];

    for (int i = 0; i < RIG_UPSTREAMS; i++)
        p[i] = (struct pollfd){.fd = r->upstream[i], .events = POLLIN};
    assert_int_equal(poll(p, RIG_UPSTREAMS, RIG_LIMIT_MS), 1);
    for (unsigned i = 0; i < RIG_UPSTREAMS; i++) {
        if (!p[i].revents)
            continue;
        *upstream = rig_accept(r->upstream[i]);
        return i;
    }
    return RIG_UPSTREAMS;
}

static void test_spreads_over_workers(void **state)
{
    enum { N = 12 };
    struct rig r;
    struct gateway_route route;
    int client[N], upstream[N];
    unsigned got[RIG_UPSTREAMS] = {0};

    (void)state;
    start(&r, GATEWAY_ROUND_ROBIN, 3, &route);
    for (int i = 0; i < N; i++) {
        client[i] = rig_client(&r);
        got[arrived(&r, &upstream[i])]++;
    }
    assert_true(got[0] == 4 && got[1] == 4 && got[2] == 4);
    for (int i = 0; i < N; i++) {
        close(client[i]);
        close(upstream[i]);
    }
    rig_stop(&r);
}

static void test_least_connections_counts_what_is_there(void **state)
{
    enum { N = 9 };
    struct rig r;
    struct gateway_route route;
    int client[N + 1], upstream[N + 1];
    unsigned at[N + 1], got[RIG_UPSTREAMS] = {0};

    (void)state;
    start(&r, GATEWAY_LEAST_CONNECTIONS, 3, &route);
    for (int i = 0; i < N; i++) {
        client[i] = rig_client(&r);
        at[i] = arrived(&r, &upstream[i]);
        got[at[i]]++;
    }
    assert_true(got[0] == 3 && got[1] == 3 && got[2] == 3);
    rig_wait_counter(&r, &r.counters.sessions_active, N);
    rig_reset(client[4]); /* room on one of them */
    rig_wait_counter(&r, &r.counters.sessions_active, N - 1);
    client[N] = rig_client(&r);
    at[N] = arrived(&r, &upstream[N]);
    assert_int_equal(at[N], at[4]);
    for (int i = 0; i <= N; i++) {
        if (i != 4)
            close(client[i]);
        close(upstream[i]);
    }
    rig_stop(&r);
}

static void test_goes_past_the_dead(void **state)
{
    struct rig r;
    struct gateway_route route;
    int client, upstream, closed = rig_closed_port();

    (void)state;
    start(&r, GATEWAY_ROUND_ROBIN, 3, &route);
    route.upstream[0].port = route.upstream[1].port = rig_port_of(closed);
    gateway_set_route(r.g, &route);
    (void)rig_report(&r, GATEWAY_IN_FORCE);
    for (int i = 0; i < 6; i++) {
        client = rig_client(&r);
        assert_int_equal(arrived(&r, &upstream), 2);
        close(client);
        close(upstream);
    }
    close(closed);
    rig_stop(&r);
}

/* One replica leaves (it is about to become main): its sessions are cut before that is reported as
 * in force, and no other. */
static void test_only_sessions_of_who_left_are_cut(void **state)
{
    struct rig r;
    struct gateway_route route;
    int client[3], upstream[3];

    (void)state;
    start(&r, GATEWAY_ROUND_ROBIN, 3, &route);
    for (int i = 0; i < 3; i++) {
        client[i] = rig_client(&r);
        assert_int_equal(arrived(&r, &upstream[i]), i);
    }
    rig_wait_counter(&r, &r.counters.sessions_active, 3);
    route.upstream[1] = route.upstream[0]; /* the places of the others change, too */
    route.upstream[0] = route.upstream[2];
    route.upstreams = 2;
    gateway_set_route(r.g, &route);
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, 1);
    rig_expect_reset(client[1]);
    rig_expect_reset(upstream[1]);
    for (int i = 0; i < 3; i += 2) {
        rig_send(client[i], "still there");
        rig_expect(upstream[i], "still there");
    }
    route.upstream[0].process = 77; /* restarted behind the same address */
    gateway_set_route(r.g, &route);
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, 1);
    rig_expect_reset(client[2]);
    rig_send(client[0], "me too");
    rig_expect(upstream[0], "me too");
    for (int i = 0; i < 3; i++) {
        close(client[i]);
        close(upstream[i]);
    }
    rig_stop(&r);
}

static void test_empty_list_cuts_and_parks(void **state)
{
    struct rig r;
    struct gateway_route route, none;
    int client, upstream, next;

    (void)state;
    start(&r, GATEWAY_ORDINAL, 1, &route);
    rig_session(&r, &client, &upstream);
    none = route;
    none.kind = GATEWAY_PARK;
    none.upstreams = 0;
    gateway_set_route(r.g, &none);
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, 1);
    rig_expect_reset(client);
    close(client);
    close(upstream);
    next = rig_client(&r);
    rig_wait_counter(&r, &r.counters.parked, 1);
    gateway_set_route(r.g, &route);
    upstream = rig_accept(r.upstream[0]);
    rig_send(next, "hello");
    rig_expect(upstream, "hello");
    close(next);
    close(upstream);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinal),
        cmocka_unit_test(test_round_robin),
        cmocka_unit_test(test_least_connections),
        cmocka_unit_test(test_slots_stay),
        cmocka_unit_test(test_spreads_over_workers),
        cmocka_unit_test(test_least_connections_counts_what_is_there),
        cmocka_unit_test(test_goes_past_the_dead),
        cmocka_unit_test(test_only_sessions_of_who_left_are_cut),
        cmocka_unit_test(test_empty_list_cuts_and_parks),
    };

    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
