/* What a client brings along before it has a session: PROXY headers, the rate limit; and the limit
 * for those who wait. */
#include "gateway/arrival.h"
#include "rig.h"

#include "base/str.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- PROXY header ---- */

static void start_with_header(struct rig *r)
{
    rig_init(r);
    r->config.tell_sessions = true;
    assert_true(networks_parse(&r->config.proxy_from, str_of("127.0.0.0/8")));
    rig_start(r);
    rig_forward(r, 1, false);
}

static void expect_named(struct rig *r, const char *client)
{
    struct gateway_report report = rig_report(r, GATEWAY_SESSION_OVER);

    if (!strstr(report.why.text, client))
        fail_msg("'%s' is not in '%s'", client, report.why.text);
}

static void test_header_names_the_client(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    start_with_header(&r);
    client = rig_client(&r);
    rig_send(client, "PROXY TCP4 192.0.2.1 192.0.2.2 5000 7687\r\nhello");
    upstream = rig_accept(r.upstream[0]);
    rig_expect(upstream, "hello"); /* and nothing of the header */
    close(client);
    rig_expect_end(upstream);
    close(upstream);
    expect_named(&r, "192.0.2.1 port 5000");
    rig_stop(&r);
}

static void test_header_comes_byte_by_byte(void **state)
{
    static const char header[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x02\x13"
        "\x88\x1e\x07";
    struct rig r;
    int client, upstream;

    (void)state;
    start_with_header(&r);
    client = rig_client(&r);
    for (size_t i = 0; i + 1 < sizeof header; i++) {
        assert_int_equal(send(client, header + i, 1, MSG_NOSIGNAL), 1);
        (void)poll(NULL, 0, 1); /* so that most of the bytes come alone */
    }
    rig_send(client, "hello");
    upstream = rig_accept(r.upstream[0]);
    rig_expect(upstream, "hello");
    rig_reset(client);
    rig_expect_reset(upstream);
    close(upstream);
    expect_named(&r, "192.0.2.7 port 5000");
    rig_stop(&r);
}

static void test_malformed_header_is_reset_and_counted(void **state)
{
    struct rig r;
    int client;

    (void)state;
    start_with_header(&r);
    client = rig_client(&r);
    rig_send(client, "\x60\x60\xb0\x17"); /* Bolt without a header */
    rig_expect_reset(client);
    close(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_PROXY], 1);
    client = rig_client(&r);
    rig_send(client, "PROXY TCP4 192.0.2.1"); /* and never the rest */
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    rig_expect_reset(client);
    close(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_PROXY], 2);
    client = rig_client(&r); /* says goodbye at once: a port scan, or a health check */
    close(client);
    rig_wait_counter(&r, &r.counters.accepted_total, 3);
    rig_stop(&r);
    assert_int_equal(r.counters.refused[GATEWAY_REFUSED_PROXY], 2);
}

static void test_header_in_time(void **state)
{
    struct rig r;
    int client;

    (void)state;
    rig_init(&r);
    r.config.session_timeout_ms = 100;
    assert_true(networks_parse(&r.config.proxy_from, str_of("127.0.0.1")));
    rig_start(&r);
    rig_forward(&r, 1, false);
    client = rig_client(&r);
    rig_send(client, "PROXY ");
    rig_expect_reset(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_TIMEOUT], 1);
    close(client);
    rig_stop(&r);
}

static void test_others_send_no_header(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    assert_true(networks_parse(&r.config.proxy_from, str_of("10.0.0.0/8")));
    rig_start(&r);
    rig_forward(&r, 1, false);
    client = rig_client(&r);
    upstream = rig_accept(r.upstream[0]);
    rig_send(client, "PROXY TCP4 192.0.2.1 192.0.2.2 5000 7687\r\n");
    rig_expect(upstream, "PROXY TCP4 192.0.2.1 192.0.2.2 5000 7687\r\n");
    close(client);
    close(upstream);
    rig_stop(&r);
}

/* ---- rate ---- */

static void test_rate_limit_counts_the_client_behind_the_header(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.rate_per_s = 1;
    r.config.rate_burst = 2;
    assert_true(networks_parse(&r.config.proxy_from, str_of("127.0.0.1")));
    rig_start(&r);
    rig_forward(&r, 1, false);
    for (int i = 0; i < 6; i++) {
        char header[80];

        (void)str_format(header, sizeof header, "PROXY TCP4 192.0.2.%d 192.0.2.9 5000 1\r\n",
                         i % 2);
        client = rig_client(&r);
        rig_send(client, header);
        if (i < 4) {
            upstream = rig_accept(r.upstream[0]);
            close(upstream);
            rig_expect_end(client);
        } else {
            rig_expect_reset(client);
        }
        close(client);
    }
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_RATE], 2);
    rig_stop(&r);
}

static void test_parking_has_its_own_limit(void **state)
{
    struct rig r;
    int client[3];

    (void)state;
    rig_init(&r);
    r.config.max_parked = 2;
    rig_start(&r);
    rig_set(&r, 1, GATEWAY_PARK);
    for (int i = 0; i < 2; i++)
        client[i] = rig_client(&r);
    rig_wait_counter(&r, &r.counters.parked, 2);
    client[2] = rig_client(&r);
    rig_expect_reset(client[2]);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_PARKED], 1);
    rig_reset(client[0]);
    rig_wait_counter(&r, &r.counters.parked, 1);
    client[0] = rig_client(&r);
    rig_wait_counter(&r, &r.counters.parked, 2);
    for (int i = 0; i < 3; i++)
        close(client[i]);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_names_the_client),
        cmocka_unit_test(test_header_comes_byte_by_byte),
        cmocka_unit_test(test_malformed_header_is_reset_and_counted),
        cmocka_unit_test(test_header_in_time),
        cmocka_unit_test(test_others_send_no_header),
        cmocka_unit_test(test_rate_limit_counts_the_client_behind_the_header),
        cmocka_unit_test(test_parking_has_its_own_limit),
    };

    return cmocka_run_group_tests_name("arrival", tests, NULL, NULL);
}
