/* rig: a gateway on loopback with the test as its clients, its upstreams and its control.
 *
 * All sockets of the test block, for at most RIG_LIMIT_MS: what does not come in that time is a
 * failed check. The gateway works in its own threads meanwhile. */
#ifndef TESTS_GATEWAY_RIG_H
#define TESTS_GATEWAY_RIG_H

#include "gateway/gateway.h"

#include "../cmocka_test.h"

#include <pthread.h>

enum { RIG_LIMIT_MS = 10000, RIG_UPSTREAMS = 3 };

struct rig {
    struct gateway_config config; /* change it before rig_start */
    struct gateway *g;
    int upstream[RIG_UPSTREAMS]; /* listening */
    struct gateway_counters counters;
    unsigned seen[8]; /* reports by kind, also those that rig_report passed over */
};

void rig_init(struct rig *r);
void rig_start(struct rig *r);
void rig_stop(struct rig *r);

/* Control. */
struct gateway_route rig_route(const struct rig *r, uint64_t generation, unsigned upstreams);
/* FORWARD to the first upstream, in force before it returns. */
void rig_forward(struct rig *r, uint64_t generation, bool hold);
void rig_set(struct rig *r, uint64_t generation, enum gateway_route_kind kind);
/* The next report of this kind; those before it are counted and dropped. */
struct gateway_report rig_report(struct rig *r, enum gateway_report_kind kind);
/* Takes every report that is there now. */
void rig_drop_reports(struct rig *r);
/* Reads the counters until *counter (a member of r->counters) has this value. */
void rig_wait_counter(struct rig *r, const uint64_t *counter, uint64_t value);

/* Sockets. */
int rig_listen(int backlog);
unsigned rig_port_of(int fd);
/* A port of loopback on which nobody listens; the descriptor keeps it so. */
int rig_closed_port(void);
int rig_connect(unsigned port);
int rig_client(const struct rig *r);
int rig_accept(int listener);
/* A client and the upstream's end of its session. */
void rig_session(struct rig *r, int *client, int *upstream);
void rig_send(int fd, const char *text);
void rig_expect(int fd, const char *text);
void rig_expect_end(int fd);
void rig_expect_reset(int fd);
/* Nothing comes for a moment. */
void rig_expect_silence(int fd);
void rig_reset(int fd);

int64_t rig_now_us(void);
unsigned rig_open_fds(void);
unsigned rig_open_sockets(void); /* without the pipes that workers keep */
/* A byte stream that both ends can compute. */
uint8_t rig_byte(uint64_t stream, uint64_t at);

/* One end of such a stream in a thread of its own. */
struct rig_stream {
    uint64_t id, bytes;
    size_t chunk; /* of one call, at most 64 KiB */
    pthread_t thread;
    int fd;
    bool then_end; /* the writer shuts down, the reader expects the end */
};
void rig_stream_write(struct rig_stream *s);
void rig_stream_check(struct rig_stream *s);
/* Fails unless every byte went, or came, and was right. */
void rig_stream_join(struct rig_stream *s);

#endif
