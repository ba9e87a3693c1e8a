#include "gateway/mailbox.h"

#include "../cmocka_test.h"

#include <poll.h>

enum { MAILS = 20000, WRITERS = 3 };

struct mail {
    struct list node;
    unsigned writer, number;
};

struct writer {
    struct mailbox *box;
    unsigned writer;
    struct mail mail[MAILS];
    pthread_t thread;
};

static bool readable(const struct mailbox *m, int wait_ms)
{
    struct pollfd p = {.fd = m->fd, .events = POLLIN};

    return poll(&p, 1, wait_ms) == 1;
}

static void test_readable_until_hushed(void **state)
{
    struct mailbox box;
    struct mail a = {0};

    (void)state;
    assert_int_equal(mailbox_init(&box), 0);
    assert_false(readable(&box, 0));
    mailbox_post(&box, &a.node);
    assert_true(readable(&box, 0));
    assert_ptr_equal(mailbox_take(&box), &a.node);
    assert_null(mailbox_take(&box));
    assert_true(readable(&box, 0));
    mailbox_hush(&box);
    assert_false(readable(&box, 0));
    mailbox_ring(&box);
    assert_true(readable(&box, 0));
    mailbox_done(&box);
}

static void *post_all(void *arg)
{
    struct writer *w = arg;

    for (unsigned i = 0; i < MAILS; i++) {
        w->mail[i] = (struct mail){.writer = w->writer, .number = i};
        mailbox_post(w->box, &w->mail[i].node);
    }
    return NULL;
}

static void test_nothing_is_lost_and_order_kept(void **state)
{
    static struct writer writer[WRITERS];
    struct mailbox box;
    unsigned next[WRITERS] = {0}, got = 0;

    (void)state;
    assert_int_equal(mailbox_init(&box), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        writer[i].box = &box;
        writer[i].writer = i;
        assert_int_equal(pthread_create(&writer[i].thread, NULL, post_all, &writer[i]), 0);
    }
    while (got < MAILS * WRITERS) {
        struct list *node;

        assert_true(readable(&box, 10000));
        mailbox_hush(&box);
        while ((node = mailbox_take(&box))) {
            struct mail *m = CONTAINER_OF(node, struct mail, node);

            assert_int_equal(m->number, next[m->writer]++);
            got++;
        }
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writer[i].thread, NULL);
    mailbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readable_until_hushed),
        cmocka_unit_test(test_nothing_is_lost_and_order_kept),
    };

    return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
