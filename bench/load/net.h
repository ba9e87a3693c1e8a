/* net: what the parts of the load generator share: sockets, the byte pattern, time, a histogram.
 *
 * The load generator is a program of its own and shares no code with the gateway. Every connection
 * begins with a struct hello that tells the server (serve.c) what to do; relays pass it through.
 * What goes wrong with a connection is counted, what goes wrong with the machine ends the program.
 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK = 256 * 1024, PATTERN_PERIOD = 256 * 1024 + 4093 };

enum mode {
    MODE_ECHO = 'E', /* everything after the hello comes back */
    MODE_UP = 'U',   /* the server checks `bytes` of the pattern, then answers with 8 bytes */
    MODE_DOWN = 'D', /* the server sends `bytes` of the pattern, then the end */
    MODE_SLOW = 'S'  /* both at once, each reader pausing again and again */
};

struct hello {
    uint8_t mode;
    uint8_t unused[7];
    uint64_t bytes;
};

/* Ends the program with a message and errno. */
_Noreturn void die(const char *what);

int64_t now_us(void);
/* What this process has taken. */
int64_t cpu_us(void);
struct sockaddr_in address_of(const char *host, const char *port);
/* Non-blocking, without Nagle's delay. */
int listen_at(const struct sockaddr_in *at);
/* A non-blocking connect from one of many loopback addresses, so that ports do not run out. -1:
 * failed at once. */
int connect_to(const struct sockaddr_in *to, unsigned nth);
/* A connect that has come to its end, in blocking mode; -1: failed. */
int connect_now(const struct sockaddr_in *to, unsigned nth);
/* Blocking and whole; false: the connection failed or ended. */
bool send_all(int fd, const void *bytes, size_t n);
bool receive_all(int fd, void *bytes, size_t n);
void epoll_want(int epoll, int op, int fd, uint32_t events, uint64_t data);

/* CHUNK bytes of the pattern that begin at this place of a stream. */
const uint8_t *pattern_at(uint64_t at);
bool pattern_matches(uint64_t at, const uint8_t *bytes, size_t n);

/* Times in microseconds, to within 2 percent. A zeroed one is ready. */
enum { HISTOGRAM_SLOTS = 64 * 32 };
struct histogram {
    uint64_t slot[HISTOGRAM_SLOTS], count;
};
void histogram_add(struct histogram *h, uint64_t value);
uint64_t histogram_at(const struct histogram *h, double quantile);

/* The parts; each prints one line of JSON, and returns the program's exit status. */
int serve(const struct sockaddr_in *at);
int bulk(const struct sockaddr_in *to, unsigned streams, uint64_t bytes, bool up);
int slow(const struct sockaddr_in *to, uint64_t bytes);
/* The two halves of a slow session; true: every byte was right. */
bool slow_both_ways(int fd, uint64_t bytes);
int ping(const struct sockaddr_in *to, unsigned connections, size_t size, int64_t for_us);
int churn(const struct sockaddr_in *to, unsigned at_once, int64_t for_us);
int crowd(const struct sockaddr_in *to, unsigned sessions, int64_t for_us, uint64_t seed);
int idle(const struct sockaddr_in *to, unsigned connections);

#endif
