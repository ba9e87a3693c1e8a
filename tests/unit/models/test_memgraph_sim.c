/* The process memgraph-sim: real sockets on loopback, a real disk, real signals. And the recorded
 * conversations of tests/data/bolt, sent to it again: what it answers must be what Memgraph did. */
#include "../cmocka_test.h"

#include "../proto/golden.h"
#include "base/str.h"
#include "proto/bolt_encode.h"
#include "proto/bolt_session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_MS = 10000 };

struct server {
    char host[32], directory[96];
    const char *version;
    pid_t pid;
};

struct client {
    int fd;
    struct bolt_session session;
};

static char base[64]; /* temporary directory of this run */

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Addresses of this process: others may run the same test. */
static void server_init(struct server *s, unsigned number)
{
    unsigned pid = (unsigned)getpid();

    str_format(s->host, sizeof(s->host), "127.%u.%u.%u", 160 + (pid >> 8) % 64, pid % 256, number);
    str_format(s->directory, sizeof(s->directory), "%s/m%u", base, number);
    s->version = "3.6.1";
    s->pid = 0;
}

static int try_connect(const char *host, unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = LIMIT_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, host, &to.sin_addr), 1);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!connect(fd, (const struct sockaddr *)&to, sizeof(to)))
        return fd;
    close(fd);
    return -1;
}

static int must_connect(const char *host, unsigned port)
{
    int64_t until = now_ms() + LIMIT_MS;
    int fd;

    while ((fd = try_connect(host, port)) < 0) {
        if (now_ms() > until)
            fail_msg("%s:%u does not listen", host, port);
        poll(NULL, 0, 2);
    }
    return fd;
}

static const char *program(void)
{
    const char *path = getenv("MEMGRAPH_SIM");

    return path ? path : "./memgraph-sim";
}

static void server_start(struct server *s)
{
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        execl(program(), program(), "--bolt-address", s->host, "--bolt-port=7687",
              "--data-directory", s->directory, "--storage-wal-enabled=true",
              "--storage-snapshot-interval-sec", "300", "--log-level=TRACE", "--log-file=/dev/null",
              "--bolt-num-workers=8", "--memgraph-version", s->version, (char *)NULL);
        _exit(127);
    }
    close(must_connect(s->host, 7687));
}

/* Ends it with a signal; its wait status. */
static int server_end(struct server *s, int signo)
{
    int status = 0;

    if (s->pid <= 0)
        return 0;
    kill(s->pid, signo);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    s->pid = 0;
    return status;
}

static void send_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* closed: what was answered tells why */
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
}

/* Reads until there is an event. */
static enum bolt_session_event client_wait(struct client *c)
{
    enum bolt_session_event event;
    char bytes[65536];

    send_all(c->fd, buf_str(&c->session.out));
    buf_clear(&c->session.out);
    while ((event = bolt_session_next(&c->session)) == BOLT_SESSION_WAITS) {
        ssize_t n;

        send_all(c->fd, buf_str(&c->session.out));
        buf_clear(&c->session.out);
        n = recv(c->fd, bytes, sizeof(bytes), 0);
        if (n <= 0)
            return BOLT_SESSION_BROKEN;
        bolt_session_feed(&c->session, (struct str){bytes, (size_t)n});
    }
    return event;
}

static void client_open(struct client *c, const struct server *s)
{
    const struct bolt_session_config config = {
        .user_agent = "test/1", .user = "", .password = "", .answer_limit = 1 << 26};

    c->fd = must_connect(s->host, 7687);
    bolt_session_init(&c->session, &config);
    assert_int_equal(client_wait(c), BOLT_SESSION_UP);
}

static void client_close(struct client *c)
{
    bolt_session_done(&c->session);
    close(c->fd);
}

static const struct memgraph_rows *ask(struct client *c, const char *query)
{
    bolt_session_ask(&c->session, str_of(query));
    assert_int_equal(client_wait(c), BOLT_SESSION_ANSWER);
    return &c->session.rows;
}

static const struct memgraph_rows *must(struct client *c, const char *query)
{
    const struct memgraph_rows *rows = ask(c, query);

    if (c->session.error != MEMGRAPH_OK)
        fail_msg("%s: %s", query, c->session.message);
    return rows;
}

static int64_t count(struct client *c)
{
    const struct memgraph_rows *rows = must(c, "MATCH (n) RETURN count(n)");

    assert_int_equal(rows->n, 1);
    return rows->rows[0].as.list.items[0].as.integer;
}

static void must_register(struct client *c, const struct server *replica, const char *mode)
{
    char query[128];

    str_format(query, sizeof(query), "REGISTER REPLICA r %s TO \"%s:10000\"", mode, replica->host);
    must(c, query);
}

static void wait_status(struct client *c, enum memgraph_status status)
{
    int64_t until = now_ms() + LIMIT_MS;
    struct memgraph_replica replicas[MEMGRAPH_REPLICAS_MAX];
    size_t n;

    do {
        struct fail f = memgraph_read_replicas(must(c, "SHOW REPLICAS"), replicas, &n);

        assert_int_equal(f.kind, FAIL_NONE);
        assert_int_equal(n, 1);
        if (replicas[0].status == status)
            return;
        poll(NULL, 0, 10);
    } while (now_ms() < until);
    fail_msg("still %s", memgraph_status_name(replicas[0].status));
}

/* Writes, a replica, kill -9 of either, and what was acknowledged is there. */
static void test_replication_and_restarts(void **state)
{
    struct server *servers = *state;
    struct client main_client, replica;

    server_start(&servers[0]);
    server_start(&servers[1]);
    client_open(&main_client, &servers[0]);
    client_open(&replica, &servers[1]);
    must(&replica, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000");
    must_register(&main_client, &servers[1], "SYNC");
    must(&main_client, "CREATE (:P {id: 1})");
    assert_int_equal(count(&replica), 1);
    server_end(&servers[1], SIGKILL);
    client_close(&replica);
    ask(&main_client, "CREATE (:P {id: 2})");
    assert_int_equal(main_client.session.error, MEMGRAPH_NOT_CONFIRMED);
    assert_int_equal(count(&main_client), 2);
    server_start(&servers[1]);
    wait_status(&main_client, MEMGRAPH_READY);
    client_open(&replica, &servers[1]);
    assert_int_equal(count(&replica), 2);
    server_end(&servers[0], SIGKILL);
    client_close(&main_client);
    server_start(&servers[0]);
    client_open(&main_client, &servers[0]);
    assert_int_equal(count(&main_client), 2);
    wait_status(&main_client, MEMGRAPH_READY); /* the list lasts */
    must(&main_client, "CREATE (:P {id: 3})");
    assert_int_equal(count(&replica), 3);
    client_close(&main_client);
    client_close(&replica);
    assert_int_equal(server_end(&servers[0], SIGTERM), 0);
    assert_int_equal(server_end(&servers[1], SIGTERM), 0);
}

/* Bytes on an idle connection to the replication port cut a promotion short. */
static void test_poke(void **state)
{
    struct server *servers = *state;
    struct client c;
    int64_t begin;
    int idle;

    server_start(&servers[0]);
    client_open(&c, &servers[0]);
    must(&c, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000");
    begin = now_ms();
    must(&c, "SET REPLICATION ROLE TO MAIN");
    assert_true(now_ms() - begin >= 190);
    must(&c, "SET REPLICATION ROLE TO REPLICA WITH PORT 10000");
    idle = must_connect(servers[0].host, 10000);
    bolt_session_ask(&c.session, str_of("SET REPLICATION ROLE TO MAIN"));
    begin = now_ms();
    send_all(c.fd, buf_str(&c.session.out));
    buf_clear(&c.session.out);
    poll(NULL, 0, 1); /* it must come after the promotion has begun */
    send_all(idle, (struct str){"", 1});
    assert_int_equal(client_wait(&c), BOLT_SESSION_ANSWER);
    assert_true(now_ms() - begin < 150);
    close(idle);
    client_close(&c);
}

/* Two processes cannot have one data directory. */
static void test_directory_is_locked(void **state)
{
    struct server *servers = *state;
    struct server second = servers[1];
    int status;

    server_start(&servers[0]);
    str_copy(second.directory, sizeof(second.directory), servers[0].directory);
    second.pid = fork();
    if (second.pid == 0) {
        execl(program(), "memgraph-sim", "--bolt-address", second.host, "--data-directory",
              second.directory, "--log-file=/dev/null", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(second.pid, &status, 0), second.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* The recorded conversations. Messages in the server's bytes, of which `bytes` may end early. */

struct told {
    enum bolt_signature signature;
    char text[256]; /* code and message of a FAILURE, fields of a SUCCESS */
};

static size_t read_messages(struct str bytes, struct told *out, size_t most)
{
    struct bolt reader;
    struct bolt_message m;
    struct arena arena;
    enum bolt_version version = BOLT_1_0;
    size_t n = 0;

    if (bytes.n >= 4 && bytes.p[0] == 0 && bytes.p[1] == 0) {
        version = (enum bolt_version)(bytes.p[3] << 8 | bytes.p[2]);
        bytes.p += 4;
        bytes.n -= 4;
    }
    arena_init(&arena, 1 << 28);
    bolt_init(&reader, BOLT_CLIENT, version, 1 << 28);
    bolt_feed(&reader, bytes);
    while (n < most && bolt_next(&reader, &arena, &m) == BOLT_MESSAGE) {
        struct told *t = &out[n++];
        struct buf text;

        buf_init(&text, 4096);
        if (m.signature == BOLT_FAILURE)
            value_print(&m.fields[0], &text);
        else if (m.signature == BOLT_SUCCESS && value_get(&m.fields[0], "fields"))
            value_print(value_get(&m.fields[0], "fields"), &text);
        t->signature = m.signature;
        str_copy_n(t->text, sizeof(t->text), text.n ? buf_str(&text) : str_of(""));
        /* What the real grammar expects is left out here. */
        if (strstr(t->text, "The underlying parsing error"))
            *strstr(t->text, "The underlying parsing error") = '\0';
        buf_done(&text);
    }
    bolt_done(&reader);
    arena_done(&arena);
    return n;
}

enum { TOLD_MAX = 400 };

static void replay(struct server *s, const char *name)
{
    static struct told expected[TOLD_MAX], got[TOLD_MAX];
    struct golden g;
    struct buf answer;
    size_t expected_n, n = 0;
    int fd;

    server_start(s);
    golden_load(&g, name);
    expected_n = read_messages(buf_str(&g.s2c), expected, TOLD_MAX);
    buf_init(&answer, 1 << 26);
    fd = must_connect(s->host, 7687);
    send_all(fd, buf_str(&g.c2s));
    while (n < expected_n) {
        char bytes[65536];
        ssize_t r = recv(fd, bytes, sizeof(bytes), 0);

        if (r <= 0)
            break;
        buf_add(&answer, bytes, (size_t)r);
        n = read_messages(buf_str(&answer), got, TOLD_MAX);
    }
    for (size_t i = 0; i < expected_n; i++)
        if (i >= n || expected[i].signature != got[i].signature ||
            strcmp(expected[i].text, got[i].text) != 0)
            fail_msg("%s, message %zu: expected %s %s, got %s %s", name, i,
                     bolt_signature_name(expected[i].signature), expected[i].text,
                     i < n ? bolt_signature_name(got[i].signature) : "nothing",
                     i < n ? got[i].text : "");
    close(fd);
    buf_done(&answer);
    golden_done(&g);
    server_end(s, SIGKILL);
}

static void test_recorded_conversations(void **state)
{
    static const char *const NAMES[] = {"ack_failure_10",
                                        "begin_commit",
                                        "begin_two_queries",
                                        "discard",
                                        "empty_chunk",
                                        "empty_chunk_43",
                                        "failure_goodbye",
                                        "failure_ignored_reset",
                                        "failure_noop",
                                        "failure_noop_41",
                                        "goodbye",
                                        "handshake_10",
                                        "handshake_40",
                                        "handshake_41_10",
                                        "handshake_43",
                                        "handshake_44_43_41_10",
                                        "handshake_44_only",
                                        "handshake_52",
                                        "handshake_all_zero",
                                        "handshake_bad_magic",
                                        "handshake_driver5",
                                        "hello_extra_fields",
                                        "hello_no_user_agent_52",
                                        "hello_then_run_without_logon",
                                        "login_basic_nousers_10",
                                        "login_basic_nousers_43",
                                        "login_basic_nousers_52",
                                        "login_none_10",
                                        "login_none_40",
                                        "login_none_41",
                                        "login_none_43",
                                        "login_none_52",
                                        "logoff_52",
                                        "logon_unknown_scheme",
                                        "multicommand_replication",
                                        "noop_struct_43",
                                        "noop_struct_52",
                                        "oversized_chunking",
                                        "pipelined",
                                        "pull_in_idle",
                                        "pull_in_pieces",
                                        "pull_negative_n",
                                        "reset_before_logon",
                                        "reset_idle",
                                        "route_43",
                                        "route_52",
                                        "run_in_result",
                                        "set_role_replica",
                                        "tx_errors",
                                        "unknown_signature"};
    struct server *servers = *state;

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        replay(&servers[0], NAMES[i]);
}

/* A handshake that proposes one version (and no other): what the server answers, as is. */
static void shake(struct server *s, enum bolt_version proposed, const uint8_t expected[4])
{
    uint8_t request[BOLT_REQUEST_BYTES] = {0x60, 0x60, 0xB0, 0x17}, answer[4] = {0};
    int fd = must_connect(s->host, 7687);

    request[6] = (uint8_t)(proposed & 0xFF);
    request[7] = (uint8_t)(proposed >> 8);
    send_all(fd, (struct str){(const char *)request, sizeof(request)});
    assert_int_equal(recv(fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
    assert_memory_equal(answer, expected, sizeof(answer));
    close(fd);
}

/* Answers to HELLO, LOGON, LOGOFF, LOGON and something malformed. */
static size_t answers_to_logoff(struct server *s)
{
    struct told got[TOLD_MAX];
    struct buf out, in;
    size_t n = 0;
    int fd = must_connect(s->host, 7687);

    buf_init(&out, 4096);
    buf_init(&in, 65536);
    bolt_add_request(&out);
    bolt_encode_hello(&out, BOLT_5_2, "test/1", "", "");
    bolt_encode_logon(&out, "", "");
    bolt_encode_bare(&out, BOLT_LOGOFF);
    bolt_encode_logon(&out, "", "");
    bolt_encode_bare(&out, BOLT_PULL); /* malformed: the last answer, then it closes */
    send_all(fd, buf_str(&out));
    for (;;) {
        char bytes[4096];
        ssize_t r = recv(fd, bytes, sizeof(bytes), 0);

        if (r <= 0)
            break;
        buf_add(&in, bytes, (size_t)r);
    }
    n = read_messages(buf_str(&in), got, TOLD_MAX);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(got[i].signature, i + 1 == n ? BOLT_FAILURE : BOLT_SUCCESS);
    close(fd);
    buf_done(&out);
    buf_done(&in);
    return n;
}

/* What 3.12 does otherwise on the wire. */
static void test_bolt_of_3_12(void **state)
{
    struct server *servers = *state;

    servers[0].version = "3.11.0";
    server_start(&servers[0]);
    shake(&servers[0], BOLT_4_4, (const uint8_t[]){0, 0x86, 0xB1, 0x7F}); /* a FAILURE message */
    shake(&servers[0], BOLT_4_3, (const uint8_t[]){0, 0, 3, 4});
    assert_int_equal(answers_to_logoff(&servers[0]), 4);
    server_end(&servers[0], SIGKILL);
    servers[0].version = "3.12.0";
    server_start(&servers[0]);
    shake(&servers[0], BOLT_4_4, (const uint8_t[]){0, 0, 4, 4});
    shake(&servers[0], BOLT_5_2, (const uint8_t[]){0, 0, 2, 5});
    assert_int_equal(answers_to_logoff(&servers[0]), 5);
}

/* A PULL with a qid outside of a transaction takes the real server down, and this one. */
static void test_crash(void **state)
{
    struct server *servers = *state;
    struct golden g;
    char byte;
    int status, fd;

    server_start(&servers[0]);
    golden_load(&g, "qid_autocommit_crash");
    fd = must_connect(servers[0].host, 7687);
    send_all(fd, buf_str(&g.c2s));
    assert_int_equal(waitpid(servers[0].pid, &status, 0), servers[0].pid);
    servers[0].pid = 0;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    while (recv(fd, &byte, 1, 0) > 0)
        ;
    close(fd);
    golden_done(&g);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int set_up(void **state)
{
    static struct server servers[2];

    str_copy(base, sizeof(base), "/tmp/memgraph-sim-test-XXXXXX");
    assert_non_null(mkdtemp(base));
    server_init(&servers[0], 1);
    server_init(&servers[1], 2);
    *state = servers;
    return 0;
}

static int tear_down(void **state)
{
    struct server *servers = *state;

    server_end(&servers[0], SIGKILL);
    server_end(&servers[1], SIGKILL);
    return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replication_and_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_poke, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_directory_is_locked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_recorded_conversations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bolt_of_3_12, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_crash, set_up, tear_down)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
