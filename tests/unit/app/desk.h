/* desk: a controller's parts on a test's desk: a loop, an API server, a configuration and an empty
 * view, with no rules that act on it (controller_step does nothing: it is not whole).
 *
 * The test makes the parts that it wants with their own x_new; desk_teardown and desk_clear free
 * them. */
#ifndef TESTS_DESK_H
#define TESTS_DESK_H

#include "app/controller.h"

#include "fake_api.h"

#include "../cmocka_test.h"

/* What most tests begin with: the loop, the API server (NULL: nobody is there), and the controller,
 * whose configuration `tune` (may be NULL) has changed before. And its end. */
struct loop *desk_setup(struct controller *c, struct fake_api *api,
                        void (*tune)(struct config *config));
void desk_teardown(struct controller *c, struct fake_api *api);

/* Its parts, for those who want several controllers, or something in between. */

/* The configuration that desks start with: StatefulSet mg in db, short times. */
void desk_config(struct config *config, const char *identity, unsigned api_port);
/* A controller without parts but its client of the API server. */
void desk_set(struct controller *c, struct loop *loop, const struct config *config);
void desk_clear(struct controller *c);

/* Turns the loop until the expression is true; fails the test after 5 s. */
void desk_turn(struct loop *loop);
#define WAIT_UNTIL(loop, expression)                                                               \
    do {                                                                                           \
        int64_t limit_us_ = loop_now_us(loop) + 5 * 1000 * 1000;                                   \
        while (!(expression) && loop_now_us(loop) < limit_us_)                                     \
            desk_turn(loop);                                                                       \
        assert_true(expression);                                                                   \
    } while (0)

/* Objects as an API server gives them. */
json_t *desk_lease(const char *holder, int duration_s);
json_t *desk_pod(const char *name, const char *uid, const char *ip, bool ready);
json_t *desk_configmap(json_t *data); /* takes data over */
/* pod 0 is main in run-a, the other proven in run-b. */
struct record desk_record(int64_t epoch);

#endif
