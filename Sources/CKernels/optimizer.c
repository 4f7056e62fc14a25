// The optimiser's passes over all parameters at once: one region of the pool, cut into chunks whose size depends on
// the tensors alone, so that results do not depend on the threads.
#include "kernels.h"

#include <math.h>

enum { CHUNK = 1 << 14 }; // elements: four streams of 64 KiB

typedef struct {
    const ck_kernels *kernels;
    const ck_adamw_tensor *tensors;
    int64_t count;
    const int64_t *first_task; // [count]: tasks of the tensors before each
    float gradient_scale;
    const float *const *spans;
    const int64_t *lengths;
    double *partial;
} optimizer_job;

/// Tasks of tensors of these lengths; fills first_task.
static int64_t lay_out(int64_t *first_task, int64_t count, int64_t (*length)(const optimizer_job *, int64_t),
                       const optimizer_job *job) {
    int64_t tasks = 0;
    for (int64_t t = 0; t < count; t++) {
        first_task[t] = tasks;
        tasks += ck_ceil_div(length(job, t), CHUNK);
    }
    return tasks;
}

/// The last tensor whose first task is not after `task`, among those that have tasks.
static int64_t tensor_of(const optimizer_job *job, int64_t task) {
    int64_t low = 0, high = job->count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (job->first_task[middle] <= task) low = middle;
        else high = middle;
    }
    return low;
}

static int64_t span_length(const optimizer_job *job, int64_t t) { return job->lengths[t]; }

static void squares_task(void *context, int64_t task, int worker) {
    (void)worker;
    const optimizer_job *job = context;
    int64_t t = tensor_of(job, task), start = (task - job->first_task[t]) * CHUNK;
    int64_t n = ck_min(CHUNK, job->lengths[t] - start);
    job->partial[task] = job->kernels->sum_of_squares(job->spans[t] + start, n);
}

double ck_sum_of_squares(ck_pool *pool, const float *const *spans, const int64_t *lengths, int64_t count) {
    ck_pool_acquire(pool);
    int64_t chunks = 0;
    for (int64_t t = 0; t < count; t++) chunks += ck_ceil_div(lengths[t], CHUNK);
    int64_t *first_task = ck_pool_shared_scratch(pool, (size_t)(count + chunks) * 8);
    optimizer_job job = {.kernels = ck_active(), .count = count, .first_task = first_task, .spans = spans,
                         .lengths = lengths, .partial = (double *)(first_task + count)};
    int64_t tasks = lay_out(first_task, count, span_length, &job);
    ck_pool_run(pool, tasks, squares_task, &job);
    double sum = 0;
    for (int64_t i = 0; i < tasks; i++) sum += job.partial[i];
    ck_pool_release(pool);
    return sum;
}

static int64_t parameter_length(const optimizer_job *job, int64_t t) { return job->tensors[t].count; }

static void adamw_task(void *context, int64_t task, int worker) {
    (void)worker;
    const optimizer_job *job = context;
    int64_t t = tensor_of(job, task), start = (task - job->first_task[t]) * CHUNK;
    const ck_adamw_tensor *x = &job->tensors[t];
    // Scalars in double, rounded once.
    double first = 1 - pow(x->beta1, (double)x->step), second = 1 - pow(x->beta2, (double)x->step);
    ck_adamw_constants c = {
        .gradient_scale = job->gradient_scale,
        .first_rest = (float)(1 - x->beta1),
        .second_kept = (float)x->beta2,
        .second_rest = (float)(1 - x->beta2),
        .second_correction = (float)(1 / sqrt(second)),
        .epsilon = (float)x->epsilon,
        .kept = (float)(1 - x->rate * x->decay),
        .step = (float)(x->rate / first),
    };
    job->kernels->adamw(x->parameter + start, x->gradient + start, x->first + start, x->second + start, &c,
                        ck_min(CHUNK, x->count - start));
}

void ck_adamw(ck_pool *pool, const ck_adamw_tensor *tensors, int64_t count, float gradient_scale) {
    ck_pool_acquire(pool);
    int64_t *first_task = ck_pool_shared_scratch(pool, (size_t)count * 8);
    optimizer_job job = {.kernels = ck_active(), .tensors = tensors, .count = count, .first_task = first_task,
                         .gradient_scale = gradient_scale};
    ck_pool_run(pool, lay_out(first_task, count, parameter_length, &job), adamw_task, &job);
    ck_pool_release(pool);
}
