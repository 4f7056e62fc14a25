// What this machine can do at most, measured: the yardsticks of every benchmark.
#include "kernels.h"

#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { PASSES_MOST = 4096 };
typedef struct {
    const ck_kernels *kernels;
    const char *data;
    int64_t bytes, per_task;
    double operations;
    _Atomic uint64_t result;
} measurement;

static void burst_task(void *context, int64_t index, int worker) {
    (void)worker;
    measurement *m = context;
    double operations = m->kernels->fma_burst(100000);
    if (index == 0) m->operations = operations;
}

double ck_peak_flops(ck_pool *pool, double seconds) {
    measurement m = {.kernels = ck_active()};
    double rates[PASSES_MOST], start = now();
    int passes = 0, tasks = ck_pool_threads(pool) * 8;
    do {
        double before = now();
        ck_parallel_for(pool, tasks, burst_task, &m);
        rates[passes++] = m.operations * tasks / (now() - before);
    } while (passes < PASSES_MOST && now() - start < seconds);
    qsort(rates, (size_t)passes, sizeof rates[0], ascending);
    return rates[passes / 2];
}

static void read_task(void *context, int64_t index, int worker) {
    (void)worker;
    measurement *m = context;
    int64_t from = index * m->per_task;
    m->result ^= m->kernels->read_all(m->data + from, ck_min(m->per_task, m->bytes - from));
}

double ck_peak_read(ck_pool *pool, const void *data, int64_t bytes, double seconds) {
    // One run of memory per thread: pieces dealt out alternately are read up to a fifth slower.
    int64_t pages = ck_ceil_div(bytes, 4096), per_task = ck_ceil_div(pages, ck_pool_threads(pool)) * 4096;
    measurement m = {.kernels = ck_active(), .data = data, .bytes = bytes, .per_task = per_task};
    double rates[PASSES_MOST], start = now();
    int passes = 0;
    do {
        double before = now();
        ck_parallel_for(pool, ck_ceil_div(bytes, m.per_task), read_task, &m);
        rates[passes++] = (double)bytes / (now() - before);
    } while (passes < PASSES_MOST && now() - start < seconds);
    qsort(rates, (size_t)passes, sizeof rates[0], ascending);
    return rates[passes / 2];
}
