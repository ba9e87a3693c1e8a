/* Addresses of clients and lists of networks. */
#include "gateway/network.h"

#include "../cmocka_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

static struct origin at(const char *ip)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(5000)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(5000)};
    struct origin o;

    if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1) {
        assert_true(origin_of_sockaddr(&o, (const struct sockaddr *)&v4));
    } else {
        assert_int_equal(inet_pton(AF_INET6, ip, &v6.sin6_addr), 1);
        assert_true(origin_of_sockaddr(&o, (const struct sockaddr *)&v6));
    }
    return o;
}

static bool within(const char *list, const char *ip)
{
    struct networks n;
    struct origin o = at(ip);

    assert_true(networks_parse(&n, str_of(list)));
    return networks_have(&n, &o);
}

static void test_text(void **state)
{
    char text[ORIGIN_TEXT_SIZE];
    struct origin o = at("10.1.2.3");

    (void)state;
    assert_string_equal(origin_text(&o, text), "10.1.2.3 port 5000");
    o = at("fd00::7");
    assert_string_equal(origin_text(&o, text), "fd00::7 port 5000");
}

static void test_membership(void **state)
{
    (void)state;
    assert_false(within("", "10.0.0.1"));
    assert_true(within("10.0.0.0/8", "10.255.0.1"));
    assert_false(within("10.0.0.0/8", "11.0.0.1"));
    assert_true(within(" 192.168.1.1 , 10.0.0.0/8", "10.0.0.1"));
    assert_true(within("192.168.1.1", "192.168.1.1"));
    assert_false(within("192.168.1.1", "192.168.1.2"));
    assert_true(within("192.168.1.0/30", "192.168.1.3"));
    assert_false(within("192.168.1.0/30", "192.168.1.4"));
    assert_true(within("0.0.0.0/0", "1.2.3.4"));
    assert_false(within("0.0.0.0/0", "fd00::1"));
    assert_true(within("fd00::/8", "fd12::1"));
    assert_false(within("fd00::/8", "fe80::1"));
    assert_true(within("::/0", "1.2.3.4")); /* IPv4 is a part of IPv6 here */
}

static void test_what_is_no_list(void **state)
{
    static const char *const wrong[] = {"10.0.0.0/33",   "10.0.0/8",    "fd00::/129", "example.com",
                                        "10.0.0.1,,::1", "10.0.0.0/-1", "10.0.0.0/x"};
    struct networks n;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (networks_parse(&n, str_of(wrong[i])))
            fail_msg("'%s' was taken", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_membership),
        cmocka_unit_test(test_what_is_no_list),
    };

    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
