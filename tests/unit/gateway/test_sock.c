#include "gateway/sock.h"
#include "rig.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_addresses(void **state)
{
    struct sock_address a;

    (void)state;
    assert_true(sock_address_parse(&a, "10.1.2.3", 7687));
    assert_int_equal(a.any.sa_family, AF_INET);
    assert_int_equal(a.size, sizeof(struct sockaddr_in));
    assert_true(sock_address_parse(&a, "fd00::1", 7687));
    assert_int_equal(a.any.sa_family, AF_INET6);
    assert_false(sock_address_parse(&a, "memgraph-0", 7687));
    assert_int_equal(a.size, 0);
    assert_false(sock_address_parse(&a, "", 7687));
    assert_false(sock_address_parse(&a, "10.1.2.3", 65536));
    assert_int_equal(a.size, 0);
    assert_true(sock_connect(&a, &(struct sock_options){0}) < 0);
}

static void test_free_address(void **state)
{
    int taken = rig_listen(1);
    struct sock_address a;
    unsigned port = rig_port_of(taken);
    int fd;

    (void)state;
    assert_true(sock_address_parse(&a, "127.0.0.1", port));
    assert_int_equal(sock_address_free(&a), -EADDRINUSE);
    close(taken);
    assert_int_equal(sock_address_free(&a), 0);
    fd = sock_listen(&a, &(struct sock_options){0});
    assert_true(fd >= 0);
    assert_int_equal(sock_port(fd), port);
    assert_int_equal(sock_address_free(&a), -EADDRINUSE); /* SO_REUSEPORT or not */
    close(fd);
}

static void test_reset(void **state)
{
    int listener = rig_listen(1);
    int client = rig_connect(rig_port_of(listener));
    int server = rig_accept(listener);

    (void)state;
    assert_int_equal(sock_error(client), 0);
    sock_reset(server);
    rig_expect_reset(client);
    close(server);
    close(client);
    close(listener);
}

static void congestion_of(int fd, char name[16])
{
    socklen_t size = 16;

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
}

/* reno is in every kernel, and for everybody. */
static void test_congestion_control(void **state)
{
    struct sock_options o = {0};
    struct sock_address a;
    char system[16], name[16];
    int fd = rig_listen(1);

    (void)state;
    congestion_of(fd, system);
    sock_choose_congestion(&o, str_of("none-such, reno"));
    assert_string_equal(o.congestion, strcmp(system, "reno") == 0 ? "" : "reno");
    assert_true(sock_address_parse(&a, "127.0.0.1", rig_port_of(fd)));
    close(fd);
    fd = sock_listen(&a, &o);
    assert_true(fd >= 0);
    congestion_of(fd, name);
    assert_string_equal(name, "reno");
    close(fd);
    sock_choose_congestion(&o, str_of(system)); /* nothing to do */
    assert_string_equal(o.congestion, "");
    sock_choose_congestion(&o, str_of("none-such"));
    assert_string_equal(o.congestion, "");
    sock_choose_congestion(&o, str_of(""));
    assert_string_equal(o.congestion, "");
}

static void test_whose_error(void **state)
{
    (void)state;
    assert_true(sock_error_is_ours(EMFILE));
    assert_true(sock_error_is_ours(ENFILE));
    assert_false(sock_error_is_ours(ECONNREFUSED));
    assert_false(sock_error_is_ours(ETIMEDOUT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),   cmocka_unit_test(test_free_address),
        cmocka_unit_test(test_reset),       cmocka_unit_test(test_congestion_control),
        cmocka_unit_test(test_whose_error),
    };

    return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
