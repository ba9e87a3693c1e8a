#include "sim/world.h"

#include <signal.h>
#include <stdlib.h>

static bool failed_over(struct world *w)
{
    struct record r;

    return world_record(w, &r) && r.target == 1 && world_is_serving(w);
}

int main(int argc, char **argv)
{
    struct world_config config;
    struct world *w;

    world_config_init(&config, argc > 1 ? (uint64_t)strtoull(argv[1], NULL, 10) : 1);
    config.trace = argc > 2;
    w = world_new(&config);
    printf("serving: %d at %ld\n", world_until(w, world_is_serving, 30000000), clock_now_us());
    world_run(w, 1000000);
    world_pod_signal(w, 0, SIGKILL);
    printf("failed over: %d at %ld\n", world_until(w, failed_over, 60000000), clock_now_us());
    printf("events %lu\n", clock_count());
    world_free(w);
    return 0;
}
