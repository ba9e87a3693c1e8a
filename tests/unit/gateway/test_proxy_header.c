/* The PROXY protocol: whole headers, headers cut at every byte, and nonsense. */
#include "gateway/proxy_header.h"

#include "../cmocka_test.h"

struct header {
    const char *bytes;
    size_t n;
    const char *origin; /* NULL: names nobody */
};

#define HEADER(text, origin)                                                                       \
    {                                                                                              \
        text, sizeof(text) - 1, origin                                                             \
    }
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static const struct header good[] = {
    HEADER("PROXY TCP4 192.0.2.1 192.0.2.2 5000 7687\r\n", "192.0.2.1 port 5000"),
    HEADER("PROXY TCP6 fd00::1 fd00::2 65535 0\r\n", "fd00::1 port 65535"),
    HEADER("PROXY UNKNOWN\r\n", NULL),
    HEADER("PROXY UNKNOWN ffff:f... and so on 65535 65535\r\n", NULL),
    HEADER(SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x13\x88\x1e\x07",
           "192.0.2.1 port 5000"),
    HEADER(SIGNATURE "\x21\x11\0\x10\xc0\0\x02\x01\xc0\0\x02\x02\x13\x88\x1e\x07\x04\0\x01x",
           "192.0.2.1 port 5000"), /* with an extension */
    HEADER(SIGNATURE
           "\x21\x21\0\x24\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xfd\0\0\0\0\0\0\0\0\0\0\0\0"
           "\0\0\x02\x13\x88\x1e\x07",
           "fd00::1 port 5000"),
    HEADER(SIGNATURE "\x20\x00\0\0", NULL),       /* LOCAL: a health check */
    HEADER(SIGNATURE "\x21\x31\0\x04path", NULL), /* a unix socket */
};

static const struct header bad[] = {
    HEADER("GET / HTTP/1.1\r\n", NULL),
    HEADER("\x60\x60\xb0\x17\0\0\0\0", NULL), /* Bolt's first bytes */
    HEADER("PROXY TCP4 192.0.2.1 192.0.2.2 5000 7687\n", NULL),
    HEADER("PROXY TCP4 192.0.2.1 192.0.2.2 5000 99999\r\n", NULL),
    HEADER("PROXY TCP4 fd00::1 fd00::2 5000 7687\r\n", NULL),
    HEADER("PROXY TCP5 192.0.2.1 192.0.2.2 5000 7687\r\n", NULL),
    HEADER("PROXY TCP4\r\n", NULL),
    HEADER("PROXY \r\n", NULL),
    HEADER(SIGNATURE "\x31\x11\0\0", NULL),                 /* a version 3 */
    HEADER(SIGNATURE "\x22\x11\0\0", NULL),                 /* an unknown command */
    HEADER(SIGNATURE "\x21\x11\0\x04\xc0\0\x02\x01", NULL), /* too short for its addresses */
    HEADER(SIGNATURE "\x21\x11\xff\xff", NULL),             /* longer than anybody needs */
};

static enum proxy_outcome parse(const struct header *h, size_t n, struct origin *o, size_t *used)
{
    return proxy_header_parse((const uint8_t *)h->bytes, n, o, used);
}

static void test_good_headers(void **state)
{
    char text[ORIGIN_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct origin o = {.port = 7};
        size_t used = 0;

        for (size_t n = 0; n < good[i].n; n++)
            assert_int_equal(parse(&good[i], n, &o, &used), PROXY_SHORT);
        assert_int_equal(parse(&good[i], good[i].n, &o, &used), PROXY_DONE);
        assert_int_equal(used, good[i].n);
        if (good[i].origin)
            assert_string_equal(origin_text(&o, text), good[i].origin);
        else
            assert_int_equal(o.port, 7);
    }
}

static void test_what_follows_is_not_touched(void **state)
{
    static const struct header h = HEADER("PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n", NULL);
    struct origin o;
    size_t used = 0;

    (void)state;
    assert_int_equal(parse(&h, h.n, &o, &used), PROXY_DONE);
    assert_int_equal(used, 15);
}

static void test_bad_headers(void **state)
{
    struct origin o;
    size_t used = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (parse(&bad[i], bad[i].n, &o, &used) != PROXY_WRONG)
            fail_msg("header %zu was taken", i);
}

static void test_endless_line(void **state)
{
    uint8_t line[200];
    struct origin o;
    size_t used = 0;

    (void)state;
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_int_equal(proxy_header_parse(line, 106, &o, &used), PROXY_SHORT);
    assert_int_equal(proxy_header_parse(line, 107, &o, &used), PROXY_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_headers),
        cmocka_unit_test(test_what_follows_is_not_touched),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_endless_line),
    };

    return cmocka_run_group_tests_name("proxy_header", tests, NULL, NULL);
}
