// Attention: the tasks of a call, one per tile of lanes of each kv head of each segment.
#include "kernels.h"

#include <string.h>

void ck_attention(ck_pool *pool, const ck_attention_args *args) {
    if (args->segment_count <= 0 || args->heads <= 0) return;
    const ck_kernels *kernels = ck_active();
    int64_t group = args->heads / args->kv_heads, most = 0;
    for (int64_t s = 0; s < args->segment_count; s++) most = ck_max(most, args->segments[s].q_count * group);
    // One decoded token has as few lanes as a kv head has heads. Where wide registers are worked off in two halves,
    // lanes that are not there cost as much as others.
    if (kernels->narrow != NULL && most <= kernels->narrow->width) kernels = kernels->narrow;
    ck_pool_acquire(pool);
    int64_t *first_task = ck_pool_shared_scratch(pool, (size_t)(args->segment_count + 1) * sizeof(int64_t));
    int64_t tasks = 0;
    for (int64_t s = 0; s < args->segment_count; s++) {
        first_task[s] = tasks;
        tasks += ck_ceil_div(args->segments[s].q_count * group, kernels->lanes);
    }
    first_task[args->segment_count] = tasks;
    ck_attention_job job = {.args = args, .pool = pool, .first_task = first_task};
    ck_pool_run(pool, tasks * args->kv_heads, kernels->attention_task, &job);
    ck_pool_release(pool);
}

void ck_attention_backward(ck_pool *pool, const ck_attention_backward_args *args) {
    const ck_attention_args *forward = &args->forward;
    if (forward->segment_count <= 0 || forward->heads <= 0) return;
    ck_attention_backward_job job = {.args = args, .pool = pool};
    ck_pool_acquire(pool);
    ck_pool_run(pool, forward->segment_count * forward->kv_heads, ck_active()->attention_backward_task, &job);
    ck_pool_release(pool);
}
