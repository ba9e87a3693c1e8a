#include "core/names.h"

#include "../cmocka_test.h"

/* The texts are part of the record's format: all of them, as they must stay. */
static void test_words_of_the_record(void **state)
{
    static const char *const kinds[] = {"", "initial", "failover", "switchover", "refresh"};
    static const char *const ways[] = {"initial", "adopted", "switchover", "failover", "forced"};
    static const char *const whys[] = {"initial", "failover", "switchover", "refresh",
                                       "planned", "degraded", "dropped",    "stray",
                                       "refused", "forced",   "adopted"};
    enum epoch_kind kind;
    enum promoted way;
    enum sync_why why;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_string_equal(epoch_kind_name((enum epoch_kind)i), kinds[i]);
        assert_true(epoch_kind_parse(str_of(kinds[i]), &kind));
        assert_int_equal(kind, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        assert_string_equal(promoted_name((enum promoted)i), ways[i]);
        assert_true(promoted_parse(str_of(ways[i]), &way));
        assert_int_equal(way, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(whys); i++) {
        assert_string_equal(sync_why_name((enum sync_why)i), whys[i]);
        assert_true(sync_why_parse(str_of(whys[i]), &why));
        assert_int_equal(why, i);
    }
    assert_false(epoch_kind_parse(str_of("Failover"), &kind));
    assert_false(promoted_parse(str_of(""), &way));
    assert_false(sync_why_parse(str_of("refused:r1"), &why));
}

static void test_words_for_people(void **state)
{
    (void)state;
    assert_string_equal(role_name(ROLE_REPLICA), "replica");
    assert_string_equal(mode_name(MODE_STRICT_SYNC), "strict_sync");
    assert_string_equal(row_status_name(ROW_DIVERGED), "diverged");
    assert_string_equal(gate_state_name(GATE_HOLD), "hold");
    assert_string_equal(effect_kind_name(EFFECT_ASK_ROWS), "ask_replicas");
    assert_string_equal(outcome_name(OUTCOME_UNREACHABLE), "target_unreachable");
    assert_string_equal(rule_name(RULE_O7), "O7");
    assert_string_equal(rule_name(RULE_EPOCH), "EPOCH");
    assert_string_equal(role_name((enum role)77), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_the_record),
        cmocka_unit_test(test_words_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
