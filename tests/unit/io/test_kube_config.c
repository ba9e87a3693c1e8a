#include "io/kube_client.h"

#include "../cmocka_test.h"

#include <unistd.h>

static struct kube_config config;
static struct fail why;

static int setup(void **state)
{
    (void)state;
    config = (struct kube_config){0};
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
    return 0;
}

static void test_neither(void **state)
{
    (void)state;
    assert_false(kube_config_complete(&config, &why));
    assert_non_null(strstr(why.text, "KUBE_API_URL"));
    setenv("KUBERNETES_SERVICE_HOST", "", 1);
    assert_false(kube_config_complete(&config, &why));
}

static void test_in_cluster(void **state)
{
    (void)state;
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "6443", 1);
    str_copy(config.token_file, sizeof(config.token_file), "/token");
    assert_true(kube_config_complete(&config, &why));
    assert_string_equal(config.api_url, "https://10.0.0.1:6443");
    assert_string_equal(config.token_file, "/token");
    assert_string_equal(config.user_agent, "memgraph-controller");
    assert_true(config.timeout_us > 0 && config.watch_timeout_us > 0);
}

static void test_in_cluster_v6(void **state)
{
    (void)state;
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    str_copy(config.token_file, sizeof(config.token_file), "/token");
    assert_true(kube_config_complete(&config, &why));
    assert_string_equal(config.api_url, "https://[fd00::1]:443");
}

/* In a pod without a ServiceAccount token: better said at once than found out by a 403. */
static void test_in_cluster_without_token(void **state)
{
    (void)state;
    if (access("/var/run/secrets/kubernetes.io/serviceaccount/token", R_OK) == 0)
        return; /* this test runs in a pod that has one */
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    assert_false(kube_config_complete(&config, &why));
    assert_non_null(strstr(why.text, "KUBE_TOKEN_FILE"));
}

static void test_given(void **state)
{
    (void)state;
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    str_copy(config.api_url, sizeof(config.api_url), "http://127.0.0.1:8001");
    str_copy(config.user_agent, sizeof(config.user_agent), "me");
    config.timeout_us = 1;
    config.watch_timeout_us = 2;
    assert_true(kube_config_complete(&config, &why));
    assert_int_equal(why.kind, FAIL_NONE);
    assert_string_equal(config.api_url, "http://127.0.0.1:8001");
    assert_string_equal(config.token_file, ""); /* no token in clear */
    assert_string_equal(config.user_agent, "me");
    assert_int_equal(config.timeout_us, 1);
    assert_int_equal(config.watch_timeout_us, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_neither, setup),
        cmocka_unit_test_setup(test_in_cluster, setup),
        cmocka_unit_test_setup(test_in_cluster_v6, setup),
        cmocka_unit_test_setup(test_in_cluster_without_token, setup),
        cmocka_unit_test_setup(test_given, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
