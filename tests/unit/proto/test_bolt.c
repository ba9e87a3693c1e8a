/* Everything that a real Memgraph and its clients sent each other (tests/data/bolt), read on both
 * sides, in all pieces, and written again. */
#include "golden.h"

#include "proto/bolt_encode.h"

#include "../cmocka_test.h"

enum { LIMIT = 64 * 1024 * 1024 };

/* One letter a message; a number behind a letter repeats it. Requests: (H)ELLO (L)OGON LOGO(F)F
 * (R)UN (P)ULL (D)ISCARD (B)EGIN (C)OMMIT R(O)LLBACK RESET (X) ROU(T)E (N)OOP (A)CK_FAILURE
 * (G)OODBYE. Answers: (S)UCCESS (r)ECORD (I)GNORED (F)AILURE. "!": malformed, as Memgraph found
 * too (it answered FAILURE and closed). The letters come from a reader in another language and were
 * compared with what each record is about. */
static const struct story {
    const char *name;
    enum bolt_version version; /* NONE: no handshake; the answer is a FAILURE */
    const char *requests, *answers;
} stories[] = {
    {"ack_failure_10", BOLT_1_0, "HRRARP", "SFISSrS"},
    {"admin_main_43", BOLT_4_3,
     "HRPRPRPRPRPRPRPXRPXRPXRPXRPRPRPRPRPRPRPXRPXRPXRPXRPXRPXRPXRPXRPXRPXG",
     "SSrS4r16SSrSSrSSr7SFISFISFISFIS4rS8r12SFISSFSFISFISSFSFISFISSFSSFSSFS"},
    {"admin_main_52", BOLT_5_2,
     "HLRPRPRPRPRPRPRPXRPXRPXRPXRPRPRPRPRPRPRPXRPXRPXRPXRPXRPXRPXRPXRPXRPXG",
     "SSSrS4r16SSrSSrSSr7SFISFISFISFIS4rS8r12SFISSFSFISFISSFSFISFISSFSSFSSFS"},
    {"auth_logon_wrong_then_wait", BOLT_5_2, "HL", "SF"},
    {"auth_none_10", BOLT_1_0, "H", "F"},
    {"auth_none_43", BOLT_4_3, "H", "F"},
    {"auth_none_52", BOLT_5_2, "HL", "SF"},
    {"auth_right_10", BOLT_1_0, "HRP!", "SSrSF"},
    {"auth_right_43", BOLT_4_3, "HRPG", "SSrS"},
    {"auth_right_52", BOLT_5_2, "HLRPG", "SSSrS"},
    {"auth_wrong_10", BOLT_1_0, "H", "F"},
    {"auth_wrong_43", BOLT_4_3, "H", "F"},
    {"auth_wrong_52", BOLT_5_2, "HL", "SF"},
    {"begin_commit", BOLT_5_2, "HLBRPCBRPO", "S4rS6"},
    {"begin_two_queries", BOLT_5_2, "HLBRPPRPC", "S4rSrrSSrSS"},
    {"big_record_1mb", BOLT_5_2, "HLRPG", "SSSrS"},
    {"big_result_1mb", BOLT_5_2, "HLRPG", "SSSr20000S"},
    {"discard", BOLT_5_2, "HLRDRPD", "S5rSS"},
    {"empty_chunk", BOLT_5_2, "HL!", "SSF"},
    {"empty_chunk_43", BOLT_4_3, "H!", "SF"},
    {"failure_goodbye", BOLT_5_2, "HLRG", "SSFI"},
    {"failure_ignored_reset", BOLT_5_2, "HLRRPXRP", "SSFIISSrS"},
    {"failure_noop", BOLT_5_2, "HLRNX", "SSFIS"},
    {"failure_noop_41", BOLT_4_1, "HRNX", "SFS"},
    {"goodbye", BOLT_5_2, "HLG", "SS"},
    {"handshake_10", BOLT_1_0, "", ""},
    {"handshake_40", BOLT_4_0, "", ""},
    {"handshake_41_10", BOLT_4_1, "", ""},
    {"handshake_43", BOLT_4_3, "", ""},
    {"handshake_44_43_41_10", BOLT_4_3, "", ""},
    {"handshake_44_only", BOLT_NONE, "", "F"},
    {"handshake_51_53_only", BOLT_NONE, "", "F"},
    {"handshake_52", BOLT_5_2, "", ""},
    {"handshake_52_44_43_41", BOLT_5_2, "", ""},
    {"handshake_all_zero", BOLT_NONE, "", "F"},
    {"handshake_bad_magic", BOLT_NONE, "", "F"},
    {"handshake_driver5", BOLT_5_2, "", ""},
    {"handshake_http_get", BOLT_NONE, "", "F"},
    {"handshake_range_44_42", BOLT_4_3, "", ""},
    {"handshake_range_58_50", BOLT_5_2, "", ""},
    {"handshake_short", BOLT_NONE, "", ""},
    {"handshake_unsupported_60", BOLT_NONE, "", "F"},
    {"hello_extra_fields", BOLT_5_2, "HLRP", "SSSrS"},
    {"hello_no_user_agent_52", BOLT_5_2, "H", "F"},
    {"hello_then_run_without_logon", BOLT_5_2, "HR", "SF"},
    {"login_basic_nousers_10", BOLT_1_0, "HRP!", "SSrSF"},
    {"login_basic_nousers_43", BOLT_4_3, "HRPG", "SSrS"},
    {"login_basic_nousers_52", BOLT_5_2, "HLRPG", "SSSrS"},
    {"login_none_10", BOLT_1_0, "HRP!", "SSrSF"},
    {"login_none_40", BOLT_4_0, "HRPG", "SSrS"},
    {"login_none_41", BOLT_4_1, "HRPG", "SSrS"},
    {"login_none_43", BOLT_4_3, "HRPG", "SSrS"},
    {"login_none_52", BOLT_5_2, "HLRPG", "SSSrS"},
    {"logoff_52", BOLT_5_2, "HLFLRP", "S4rS"},
    {"logon_unknown_scheme", BOLT_5_2, "HL", "SF"},
    {"multicommand_replication", BOLT_5_2, "HLBRPX", "SSSFIS"},
    {"neo4j_driver_session", BOLT_5_2, "HLRPRPBRPCRPXBRPOG", "SSSrSSrS5FIS5"},
    {"noop_struct_43", BOLT_4_3, "HNRP", "SSrS"},
    {"noop_struct_52", BOLT_5_2, "HLNRP", "SSSrS"},
    {"notifications", BOLT_5_2, "HLRPRPRPRPRPRPRPG", "S15rrrS"},
    {"oversized_chunking", BOLT_5_2, "HLRP", "SSSrS"},
    {"pipelined", BOLT_5_2, "HLRPXRP", "SSSrSSSrS"},
    {"pull_in_idle", BOLT_5_2, "HLP", "SSF"},
    {"pull_in_pieces", BOLT_5_2, "HLRPPP", "SSSrrSrrSrS"},
    {"pull_negative_n", BOLT_5_2, "HLRPX", "SSSFS"},
    {"qid_autocommit_crash", BOLT_5_2, "HLRP", "SSS"},
    {"register_drop", BOLT_5_2, "HLRPRPRPRPRPRPXRPXRPXRPRPRPRPG", "S7rrS4rrSSFSSFSSFSSrrrS6rS"},
    {"register_error3", BOLT_5_2, "HLRPXRPRPXRPRPG", "SSSFSSrSSFS5"},
    {"reset_before_logon", BOLT_5_2, "HX", "SF"},
    {"reset_idle", BOLT_5_2, "HLXRPXBRPXRP", "S4rS7rS"},
    {"route_43", BOLT_4_3, "HTX", "SFS"},
    {"route_52", BOLT_5_2, "HLTX", "SSFS"},
    {"run_in_result", BOLT_5_2, "HLRR", "SSSF"},
    {"set_role_replica", BOLT_5_2, "HLRPRPXRPRPXRPXRPXRPXRPXRPXRPXRPRPRPXRPRPRPRPG",
     "S5FSSrSSFSSFSSFSFISFISFISSFSSrS4FSSrS4rSSrS"},
    {"strict_sync_abort", BOLT_5_2, "HLRPXBRPCXRPRP", "SSSFS4FSSr4SSrS"},
    {"sync_failure", BOLT_5_2, "HLRPXBRPCXRPRP", "SSSFS4FSSr4SSrS"},
    {"tx_errors", BOLT_5_2, "HLCXOXBBX", "SSFSFSSFS"},
    {"unknown_signature", BOLT_5_2, "HL!", "SSF"},
    {"values_10", BOLT_1_0, "HRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRP!",
     "SSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSSF"},
    {"values_43", BOLT_4_3, "HRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPG",
     "SSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSS"},
    {"values_52", BOLT_5_2, "HLRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPRPG",
     "SSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSrSSS"},
    {"write_on_replica", BOLT_5_2, "HLRPXBRPXRP", "SSFISSFISSrS"},
};

static char letter(enum bolt_side side, enum bolt_signature signature)
{
    switch (signature) {
    case BOLT_NOOP:
        return 'N';
    case BOLT_HELLO:
        return 'H';
    case BOLT_GOODBYE:
        return 'G';
    case BOLT_ACK_FAILURE:
        return 'A';
    case BOLT_RESET:
        return 'X';
    case BOLT_RUN:
        return 'R';
    case BOLT_BEGIN:
        return 'B';
    case BOLT_COMMIT:
        return 'C';
    case BOLT_ROLLBACK:
        return 'O';
    case BOLT_DISCARD:
        return 'D';
    case BOLT_PULL:
        return 'P';
    case BOLT_ROUTE:
        return 'T';
    case BOLT_LOGON:
        return 'L';
    case BOLT_LOGOFF:
        return 'F';
    case BOLT_SUCCESS:
        return 'S';
    case BOLT_RECORD:
        return 'r';
    case BOLT_IGNORED:
        return 'I';
    case BOLT_FAILURE:
        return 'F';
    }
    fail_msg("side %d gave a message without a name", (int)side);
    return '?';
}

/* Letters as they come, written short. */
struct letters {
    char text[256];
    char last;
    size_t count;
};

static void letters_flush(struct letters *l)
{
    if (l->count > 3)
        assert_true(str_append(l->text, sizeof l->text, "%c%zu", l->last, l->count));
    else
        for (size_t i = 0; i < l->count; i++)
            assert_true(str_append(l->text, sizeof l->text, "%c", l->last));
    l->count = 0;
}

static void letters_add(struct letters *l, char c)
{
    if (l->count && l->last != c)
        letters_flush(l);
    l->last = c;
    l->count++;
}

/* Takes all messages that are there; each is also written again. False: malformed. */
static bool take(struct bolt *b, struct arena *arena, struct letters *letters, struct buf *again)
{
    struct bolt_message m;

    for (;;) {
        switch (bolt_next(b, arena, &m)) {
        case BOLT_INCOMPLETE:
            return true;
        case BOLT_MALFORMED:
            assert_int_equal(b->why.kind, FAIL_PROTOCOL);
            letters_add(letters, '!');
            return false;
        case BOLT_MESSAGE:
            letters_add(letters, letter(b->side, m.signature));
            bolt_encode(again, m.signature, m.fields, m.n);
            arena_reset(arena);
            break;
        }
    }
}

/* Takes the chunks' heads away: messages, each with a mark behind it. Where Memgraph cuts a message
 * into chunks is its own affair (where its output buffer was full). */
static void strip_chunks(struct str bytes, struct buf *out)
{
    size_t at = 0;

    buf_init(out, LIMIT);
    while (at + 2 <= bytes.n) {
        size_t n = (size_t)(uint8_t)bytes.p[at] << 8 | (uint8_t)bytes.p[at + 1];

        at += 2;
        buf_add_str(out, n ? (struct str){bytes.p + at, n} : str_of("|end|"));
        at += n;
    }
    assert_false(out->failed);
}

static void check_same(struct str again, struct str bytes, bool all)
{
    struct buf ours, theirs;

    strip_chunks(again, &ours);
    strip_chunks(bytes, &theirs);
    assert_true(ours.n <= theirs.n);
    if (all)
        assert_int_equal(ours.n, theirs.n);
    assert_memory_equal(ours.p ? ours.p : "", theirs.p ? theirs.p : "", ours.n);
    buf_done(&ours);
    buf_done(&theirs);
}

/* Reads `bytes` in pieces of `step` and compares. */
static void check_side(enum bolt_side side, enum bolt_version version, struct str bytes,
                       size_t step, const char *expected)
{
    struct letters letters = {0};
    struct arena arena;
    struct buf again;
    struct bolt b;
    bool sound = true;

    bolt_init(&b, side, version ? version : BOLT_5_2, LIMIT);
    arena_init(&arena, LIMIT);
    buf_init(&again, LIMIT);
    for (size_t at = 0; at < bytes.n && sound; at += step) {
        size_t n = bytes.n - at < step ? bytes.n - at : step;

        bolt_feed(&b, (struct str){bytes.p + at, n});
        sound = take(&b, &arena, &letters, &again);
    }
    letters_flush(&letters);
    assert_string_equal(letters.text, expected);
    check_same(buf_str(&again), bytes, sound);
    bolt_done(&b);
    arena_done(&arena);
    buf_done(&again);
}

static void check_story(const struct story *story, size_t step)
{
    static const enum bolt_version spoken[] = {BOLT_1_0, BOLT_4_0, BOLT_4_1, BOLT_4_3, BOLT_5_2};
    struct golden g;
    struct str requests, answers;
    struct buf answer;

    golden_load(&g, story->name);
    requests = buf_str(&g.c2s);
    answers = buf_str(&g.s2c);
    buf_init(&answer, 64);
    if (requests.n >= BOLT_REQUEST_BYTES)
        assert_int_equal(bolt_choose((const uint8_t *)requests.p, spoken, ARRAY_LEN(spoken)),
                         story->version);
    if (story->version) {
        bolt_add_answer(&answer, story->version);
        assert_memory_equal(answer.p, answers.p, BOLT_ANSWER_BYTES);
        answers = (struct str){answers.p + BOLT_ANSWER_BYTES, answers.n - BOLT_ANSWER_BYTES};
        requests = (struct str){requests.p + BOLT_REQUEST_BYTES, requests.n - BOLT_REQUEST_BYTES};
        check_side(BOLT_SERVER, story->version, requests, step, story->requests);
    }
    check_side(BOLT_CLIENT, story->version, answers, step, story->answers);
    buf_done(&answer);
    golden_done(&g);
}

static void test_records_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stories); i++)
        check_story(&stories[i], SIZE_MAX / 2);
}

static void test_records_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stories); i++)
        check_story(&stories[i], 1);
}

static void test_records_in_odd_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stories); i++)
        check_story(&stories[i], 7);
}

/* A WebSocket upgrade is answered over HTTP: no handshake of ours. */
static void test_websocket_is_no_handshake(void **state)
{
    static const enum bolt_version spoken[] = {BOLT_5_2};
    struct golden g;

    (void)state;
    golden_load(&g, "handshake_websocket");
    assert_int_equal(bolt_choose((const uint8_t *)g.c2s.p, spoken, 1), BOLT_NONE);
    assert_int_equal(bolt_read_answer((const uint8_t *)g.s2c.p), BOLT_NONE);
    golden_done(&g);
}

static void test_handshake(void **state)
{
    static const enum bolt_version newest[] = {BOLT_1_0, BOLT_4_4, BOLT_4_3, BOLT_5_2};
    static const struct {
        uint8_t proposals[16];
        enum bolt_version chosen;
    } cases[] = {
        {{0, 0, 4, 4}, BOLT_4_4},
        {{0, 2, 4, 4}, BOLT_4_4},
        {{0, 1, 5, 4, 0, 0, 2, 5}, BOLT_4_4},             /* the client's order wins */
        {{0, 255, 8, 5}, BOLT_5_2},                       /* a range never leaves its major */
        {{0, 5, 8, 5}, BOLT_NONE},                        /* 5.8 to 5.3 */
        {{0, 0, 0, 1}, BOLT_1_0},                         /* minor 0 is exact */
        {{0, 0, 1, 255, 0, 0, 3, 4}, BOLT_4_3},           /* a manifest matches nothing */
        {{0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 2, 5}, BOLT_NONE} /* zeros end the search */
    };
    static const uint8_t expected[] = {0x60, 0x60, 0xB0, 0x17, 0, 0, 2, 5, 0, 0,
                                       4,    4,    0,    0,    3, 4, 0, 0, 1, 4};
    struct buf request;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t bytes[BOLT_REQUEST_BYTES] = {0x60, 0x60, 0xB0, 0x17};

        memcpy(bytes + 4, cases[i].proposals, 16);
        assert_int_equal(bolt_choose(bytes, newest, ARRAY_LEN(newest)), cases[i].chosen);
        bytes[3]++;
        assert_int_equal(bolt_choose(bytes, newest, ARRAY_LEN(newest)), BOLT_NONE);
    }
    buf_init(&request, 64);
    bolt_add_request(&request);
    assert_int_equal(request.n, sizeof expected);
    assert_memory_equal(request.p, expected, sizeof expected);
    buf_done(&request);
    assert_int_equal(bolt_read_answer((const uint8_t[]){0, 0, 4, 4}), BOLT_4_4);
    assert_int_equal(bolt_read_answer((const uint8_t[]){0, 0, 0, 1}), BOLT_NONE); /* not offered */
    assert_int_equal(bolt_read_answer((const uint8_t[]){0, 1, 2, 5}), BOLT_NONE);
    assert_string_equal(bolt_version_name(BOLT_4_1), "4.1");
}

/* What the encoders write, against the bytes of facts 1.7 and of a real client. */
static void check_bytes(struct buf *out, const char *expected_hex)
{
    char hex[512] = "";

    for (size_t i = 0; i < out->n; i++)
        assert_true(str_append(hex, sizeof hex, "%02x", (unsigned char)out->p[i]));
    assert_string_equal(hex, expected_hex);
    buf_clear(out);
}

static void test_encoders(void **state)
{
    struct value main_text = value_str("main");
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    bolt_encode_hello(&out, BOLT_5_2, "x/1", "", "");
    check_bytes(&out, "0012b101a18a757365725f6167656e7483782f310000");
    bolt_encode_hello(&out, BOLT_4_3, "x/1", "", "");
    check_bytes(&out, "001eb101a28a757365725f6167656e7483782f3186736368656d65846e6f6e650000");
    bolt_encode_hello(&out, BOLT_1_0, "x/1", "", "");
    check_bytes(&out, "0013b20183782f31a186736368656d65846e6f6e650000");
    bolt_encode_logon(&out, "", "");
    check_bytes(&out, "000fb16aa186736368656d65846e6f6e650000");
    bolt_encode_logon(&out, "u", "p");
    check_bytes(&out, "002ab16aa386736368656d6585626173696389"
                      "7072696e636970616c81758b63726564656e7469616c7381700000");
    bolt_encode_run(&out, BOLT_5_2, str_of("SHOW REPLICATION ROLE"), NULL, NULL);
    check_bytes(&out, "001bb310d01553484f57205245504c49434154494f4e20524f4c45a0a00000");
    bolt_encode_run(&out, BOLT_1_0, str_of("x"), NULL, NULL);
    check_bytes(&out, "0005b2108178a00000");
    bolt_encode_pull(&out, BOLT_5_2, -1, -1);
    check_bytes(&out, "0006b13fa1816eff0000");
    bolt_encode_pull(&out, BOLT_5_2, -5, -5);
    check_bytes(&out, "0006b13fa1816eff0000");
    bolt_encode_pull(&out, BOLT_1_0, -1, -1);
    check_bytes(&out, "0002b03f0000");
    bolt_encode_discard(&out, BOLT_4_0, 2, 1);
    check_bytes(&out, "000bb12fa2816e028371696401"
                      "0000");
    bolt_encode_begin(&out, NULL);
    check_bytes(&out, "0003b111a00000");
    bolt_encode_success(&out, NULL);
    check_bytes(&out, "0003b170a00000");
    bolt_encode_record(&out, &main_text, 1);
    check_bytes(&out, "0008b17191846d61696e0000");
    bolt_encode_failure(&out, "c", "m");
    check_bytes(&out, "0014b17fa284636f6465"
                      "8163"
                      "876d657373616765"
                      "816d"
                      "0000");
    bolt_encode_ignored(&out);
    check_bytes(&out, "0002b07e0000");
    bolt_encode_bare(&out, BOLT_RESET);
    check_bytes(&out, "0002b00f0000");
    buf_done(&out);
}

/* A message around the size of one and two chunks comes out as it went in. */
static void test_chunk_borders(void **state)
{
    /* A message of 65535 bytes has a text of 65529, one of 131070 a text of 131062. */
    static const size_t sizes[] = {0,     1,      65528,  65529,  65530, 65535,
                                   65536, 131061, 131062, 131063, 200000};
    struct arena arena;
    struct buf text, out;

    (void)state;
    arena_init(&arena, LIMIT);
    buf_init(&text, LIMIT);
    buf_init(&out, LIMIT);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct bolt_message m;
        struct buf plain;
        struct value v;
        struct bolt b;
        size_t n;

        buf_clear(&text);
        buf_clear(&out);
        for (size_t k = 0; k < sizes[i]; k++)
            buf_add_byte(&text, (uint8_t)(k * 7 + k / 251));
        v = value_str_n(buf_str(&text));
        buf_add_byte(&out, 0); /* a message need not begin the buffer */
        bolt_encode_record(&out, &v, 1);
        strip_chunks((struct str){out.p + 1, out.n - 1}, &plain);
        n = plain.n - strlen("|end|");
        assert_int_equal(out.n, 1 + n + 2 * ((n + 65534) / 65535) + 2); /* no chunk too many */
        buf_done(&plain);
        bolt_encode_ignored(&out);
        bolt_init(&b, BOLT_CLIENT, BOLT_5_2, LIMIT);
        bolt_feed(&b, (struct str){out.p + 1, out.n - 1});
        assert_int_equal(bolt_next(&b, &arena, &m), BOLT_MESSAGE);
        assert_int_equal(m.signature, BOLT_RECORD);
        assert_true(str_same(m.fields[0].as.list.items[0].as.str, buf_str(&text)));
        assert_int_equal(bolt_next(&b, &arena, &m), BOLT_MESSAGE);
        assert_int_equal(m.signature, BOLT_IGNORED);
        assert_int_equal(bolt_next(&b, &arena, &m), BOLT_INCOMPLETE);
        bolt_done(&b);
        arena_reset(&arena);
    }
    arena_done(&arena);
    buf_done(&text);
    buf_done(&out);
}

static void test_encoding_over_the_limit_fails_once(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 8; limit++) {
        struct buf out;

        buf_init(&out, limit);
        bolt_encode_bare(&out, BOLT_RESET);
        assert_int_equal(out.failed, limit < 6);
        buf_done(&out);
    }
}

static enum bolt_next read_one(enum bolt_side side, enum bolt_version version, const void *p,
                               size_t n, size_t limit, size_t arena_limit, struct fail *why)
{
    struct bolt_message m;
    struct arena arena;
    enum bolt_next next;
    struct bolt b;

    arena_init(&arena, arena_limit);
    bolt_init(&b, side, version, limit);
    bolt_feed(&b, (struct str){p, n});
    next = bolt_next(&b, &arena, &m);
    if (next == BOLT_MALFORMED)
        assert_int_equal(bolt_next(&b, &arena, &m), BOLT_MALFORMED); /* for good */
    *why = b.why;
    bolt_done(&b);
    arena_done(&arena);
    return next;
}

#define READ(side, version, why, ...)                                                              \
    read_one(side, version, (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__},  \
             LIMIT, LIMIT, why)

static void test_malformed(void **state)
{
    struct fail why;

    (void)state;
    /* RESET, as a server reads it: first as it should be */
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 2, 0xB0, 0x0F, 0, 0), BOLT_MESSAGE);
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 1, 0xB0, 0, 1, 0x0F, 0, 0), BOLT_MESSAGE);
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 2, 0xB0, 0x0F, 0), BOLT_INCOMPLETE);
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 2, 0xB1, 0x0F, 0, 0), BOLT_MALFORMED);
    assert_string_equal(why.text, "a message with a wrong number of fields");
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 2, 0xA0, 0x0F, 0, 0), BOLT_MALFORMED);
    assert_string_equal(why.text, "not a message");
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 1, 0xB0, 0, 0), BOLT_MALFORMED);
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 3, 0xB0, 0x0F, 1, 0, 0), BOLT_MALFORMED);
    assert_string_equal(why.text, "bytes behind the end of a message");
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 0), BOLT_MALFORMED);
    assert_int_equal(READ(BOLT_CLIENT, BOLT_5_2, &why, 0, 0), BOLT_INCOMPLETE);
    /* not in this version, or not to this side */
    assert_int_equal(READ(BOLT_SERVER, BOLT_4_3, &why, 0, 2, 0xB0, 0x6B, 0, 0), BOLT_MALFORMED);
    assert_int_equal(READ(BOLT_SERVER, BOLT_4_0, &why, 0, 2, 0xB0, 0x00, 0, 0), BOLT_MALFORMED);
    assert_int_equal(READ(BOLT_SERVER, BOLT_1_0, &why, 0, 2, 0xB0, 0x3F, 0, 0), BOLT_MESSAGE);
    assert_int_equal(READ(BOLT_SERVER, BOLT_4_0, &why, 0, 2, 0xB0, 0x3F, 0, 0), BOLT_MALFORMED);
    assert_int_equal(READ(BOLT_CLIENT, BOLT_5_2, &why, 0, 2, 0xB0, 0x0F, 0, 0), BOLT_MALFORMED);
    assert_int_equal(READ(BOLT_SERVER, BOLT_5_2, &why, 0, 3, 0xB1, 0x70, 0xA0, 0, 0),
                     BOLT_MALFORMED);
    /* a value that is none */
    assert_int_equal(READ(BOLT_CLIENT, BOLT_5_2, &why, 0, 3, 0xB1, 0x70, 0xC7, 0, 0),
                     BOLT_MALFORMED);
    assert_string_equal(why.text, "a malformed value");
}

static void test_messages_before_the_bad_one_come_first(void **state)
{
    static const uint8_t bytes[] = {0, 2, 0xB0, 0x0F, 0, 0, 0, 0, 0, 2, 0xB0, 0x0F, 0, 0};
    struct bolt_message m;
    struct arena arena;
    struct bolt b;

    (void)state;
    arena_init(&arena, LIMIT);
    bolt_init(&b, BOLT_SERVER, BOLT_5_2, LIMIT);
    bolt_feed(&b, (struct str){(const char *)bytes, sizeof bytes});
    assert_int_equal(bolt_next(&b, &arena, &m), BOLT_MESSAGE);
    assert_int_equal(bolt_next(&b, &arena, &m), BOLT_MALFORMED);
    bolt_feed(&b, (struct str){(const char *)bytes, sizeof bytes});
    assert_int_equal(bolt_next(&b, &arena, &m), BOLT_MALFORMED);
    bolt_done(&b);
    arena_done(&arena);
}

/* What follows a malformed message is not read, however good it looks. */
static void test_malformed_stays(void **state)
{
    static const uint8_t bytes[] = {0, 2, 0xB1, 0x0F, 0, 0, 0, 2, 0xB0, 0x0F, 0, 0};
    struct bolt_message m;
    struct arena arena;
    struct bolt b;

    (void)state;
    arena_init(&arena, LIMIT);
    bolt_init(&b, BOLT_SERVER, BOLT_5_2, LIMIT);
    bolt_feed(&b, (struct str){(const char *)bytes, sizeof bytes});
    assert_int_equal(bolt_next(&b, &arena, &m), BOLT_MALFORMED);
    assert_int_equal(bolt_next(&b, &arena, &m), BOLT_MALFORMED);
    bolt_done(&b);
    arena_done(&arena);
}

static void test_limits(void **state)
{
    static const uint8_t record[] = {0, 8, 0xB1, 0x71, 0x91, 0x84, 'm', 'a', 'i', 'n', 0, 0};
    struct fail why;

    (void)state;
    assert_int_equal(read_one(BOLT_CLIENT, BOLT_5_2, record, sizeof record, 12, LIMIT, &why),
                     BOLT_MESSAGE);
    assert_int_equal(read_one(BOLT_CLIENT, BOLT_5_2, record, sizeof record, 11, LIMIT, &why),
                     BOLT_MALFORMED);
    assert_string_equal(why.text, "more bytes than the limit");
    assert_int_equal(read_one(BOLT_CLIENT, BOLT_5_2, record, sizeof record, LIMIT, 32, &why),
                     BOLT_MALFORMED);
    assert_string_equal(why.text, "a message over the limit of memory");
    /* a list that promises 4 billion items has not got them */
    assert_int_equal(
        READ(BOLT_CLIENT, BOLT_5_2, &why, 0, 8, 0xB1, 0x71, 0xD6, 255, 255, 255, 255, 1, 0, 0),
        BOLT_MALFORMED);
    assert_string_equal(why.text, "a malformed value");
}

/* Whatever is cut off or changed, the reader neither crashes nor goes on for ever, and a message
 * that it gives has the fields that its kind must have. */
static void test_truncated_and_mutated(void **state)
{
    static const char *const names[] = {"values_52", "set_role_replica", "notifications"};
    uint64_t random = 88172645463325252U;
    struct arena arena;

    (void)state;
    arena_init(&arena, 1024 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct golden g;

        golden_load(&g, names[i]);
        for (unsigned round = 0; round < 300; round++) {
            struct bolt_message m;
            struct bolt b;
            struct buf copy;

            buf_init(&copy, LIMIT);
            buf_add(&copy, g.s2c.p + BOLT_ANSWER_BYTES,
                    (g.s2c.n < 9000 ? g.s2c.n : 9000) - BOLT_ANSWER_BYTES);
            for (unsigned k = 0; k < 1 + round % 5; k++) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                copy.p[random % copy.n] = (char)(random >> 32);
            }
            bolt_init(&b, BOLT_CLIENT, BOLT_5_2, 1024 * 1024);
            bolt_feed(&b, (struct str){copy.p, copy.n - random % 50});
            while (bolt_next(&b, &arena, &m) == BOLT_MESSAGE)
                assert_int_equal(m.n, m.signature == BOLT_IGNORED ? 0 : 1);
            bolt_done(&b);
            buf_done(&copy);
            arena_reset(&arena);
        }
        golden_done(&g);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_whole),
        cmocka_unit_test(test_records_byte_by_byte),
        cmocka_unit_test(test_records_in_odd_pieces),
        cmocka_unit_test(test_websocket_is_no_handshake),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_encoders),
        cmocka_unit_test(test_chunk_borders),
        cmocka_unit_test(test_encoding_over_the_limit_fails_once),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_messages_before_the_bad_one_come_first),
        cmocka_unit_test(test_malformed_stays),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_truncated_and_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
