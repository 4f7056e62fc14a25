// Work over a range of rows or elements: spread over the pool where there is enough to do, in place otherwise.
#ifndef CK_RANGE_H
#define CK_RANGE_H

#include "kernels.h"

// Below this many elements a fork and join costs more than it saves.
enum { PARALLEL_ELEMENTS = 1 << 15, CHUNK_ELEMENTS = 1 << 14 };

typedef void (*range_body)(const void *operands, int64_t start, int64_t end);

typedef struct {
    range_body body;
    const void *operands;
    int64_t count, per_task;
} range_job;

static inline void range_task(void *context, int64_t index, int worker) {
    (void)worker;
    const range_job *job = context;
    int64_t start = index * job->per_task;
    job->body(job->operands, start, ck_min(start + job->per_task, job->count));
}

/// Runs `body` over [0, count), each of whose items is `size` elements long.
static inline void over_range(ck_pool *pool, int64_t count, int64_t size, range_body body, const void *operands) {
    if (count <= 0) return;
    if (count * size < PARALLEL_ELEMENTS || ck_pool_threads(pool) == 1) {
        body(operands, 0, count);
        return;
    }
    range_job job = {body, operands, count, ck_max(1, CHUNK_ELEMENTS / ck_max(1, size))};
    ck_parallel_for(pool, ck_ceil_div(count, job.per_task), range_task, &job);
}

#endif
