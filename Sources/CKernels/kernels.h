// What a compiled body offers, and the jobs that the drivers hand to it. One table per instruction set; the drivers
// (linear.c, attention.c, rows.c, …) are compiled once and know vectors only through it.
#ifndef CK_KERNELS_H
#define CK_KERNELS_H

#include "ckernels.h"
#include "pool.h"

// MARK: Products (body/product.h, body/stream.h)

/// A run of groups of columns that one thread streams through in memory's order; who has finished its own run takes
/// groups from the others'.
typedef struct {
    _Atomic int64_t next;
    int64_t end;
} __attribute__((aligned(128))) ck_stream_run;

/// One weight matrix and where its product goes.
typedef struct {
    const void *weight;
    ck_dtype type;
    bool transposed;        // weight is [n, k] with row stride `stride`; else [k, n] with row stride `stride`
    int64_t stride, n;
    const float *bias;
    ck_activation activation;
    const float *residual;  // same rows and stride as y
    float *y;
    int64_t ldy;
    int64_t width;          // columns per task
    int64_t first_task;     // tasks of the outputs before this one
} ck_product;

/// m rows times a group of weights. Rows are cut into `slivers` runs of at most the table's `tile_rows`, all of
/// nearly one length; a task takes some columns of one weight and `slivers_per_task` of them.
typedef struct {
    ck_pool *pool;
    const float *x;          // [m, k], row stride ldx
    int64_t m, k, ldx;
    bool x_transposed;       // x is [k, m] instead
    float *packed;           // slivers, each [k][packed_stride]
    int64_t slivers, slivers_per_task, row_tasks;
    const ck_product *products;
    int count;
    ck_stream_run *runs;     // a few rows only: one per task
    int64_t run_count;
} ck_product_job;

/// Where sliver s starts: m/slivers rows each, the first m mod slivers of them one more.
static inline int64_t ck_sliver_start(const ck_product_job *job, int64_t s) {
    int64_t base = job->m / job->slivers, more = job->m % job->slivers;
    return s * base + (s < more ? s : more);
}

// MARK: Attention (body/attention.h)

typedef struct {
    const ck_attention_args *args;
    ck_pool *pool;
    const int64_t *first_task; // [segments + 1]: tasks before each segment, per kv head
} ck_attention_job;

typedef struct {
    const ck_attention_backward_args *args;
    ck_pool *pool;
} ck_attention_backward_job;

// MARK: The optimiser (body/optimizer.h)

/// AdamW's scalars for one parameter and step, rounded to float32 once.
typedef struct {
    float gradient_scale, first_rest, second_kept, second_rest, second_correction, epsilon, kept, step;
} ck_adamw_constants;

// MARK: The table

typedef struct ck_kernels {
    ck_isa isa;
    const struct ck_kernels *narrow; // for work that fills no more than its registers, half as wide; may be NULL
    int width, lanes, tile_rows, packed_stride, stream_rows;

    void (*pack_sliver)(void *product_job, int64_t sliver, int worker);
    void (*product_task)(void *product_job, int64_t task, int worker);
    void (*stream_task)(void *product_job, int64_t run, int worker);
    void (*attention_task)(void *attention_job, int64_t task, int worker);

    void (*layer_norm)(const float *x, const float *w, const float *b, float eps, float *y, int64_t n);
    void (*rms_norm)(const float *x, const float *w, float eps, float *y, int64_t n);
    void (*softmax)(const float *x, float *y, int64_t n);
    void (*rotary)(float *x, int64_t heads, int64_t half, const float *cos, const float *sin);
    void (*silu_mul)(const float *gate, const float *up, float *y, int64_t n);
    void (*quick_gelu)(const float *x, float *y, int64_t n);
    void (*gelu)(const float *x, float *y, int64_t n);
    void (*add)(const float *a, const float *b, float *y, int64_t n);
    void (*to_f32)(const void *x, ck_dtype type, float *y, int64_t n);
    bool (*all_finite)(const float *x, int64_t n);
    float (*maximum)(const float *x, int64_t n); // of those that are not NaN; −infinity if there are none
    int64_t (*first_above)(const float *x, int64_t n, float bound);  // n if there is none
    int64_t (*first_equal)(const float *x, int64_t n, float value);

    // Gradients (body/backward.h, body/attention_backward.h)
    void (*pack_sliver_of_columns)(void *product_job, int64_t sliver, int worker);
    void (*attention_backward_task)(void *attention_backward_job, int64_t task, int worker);
    void (*layer_norm_backward)(const float *x, const float *w, const float *dy, float eps, float *dx, float *mean,
                                float *scale, int64_t n);
    void (*rms_norm_backward)(const float *x, const float *w, const float *dy, float eps, float *dx, float *scale,
                              int64_t n);
    void (*column_sums)(int64_t columns, const float *dy, int64_t lddy, const float *x, int64_t ldx, const float *mean,
                        const float *scale, int64_t rows, float *dw, float *db, bool accumulate);
    void (*silu_mul_backward)(const float *gate, const float *up, const float *dy, float *dgate, float *dup, int64_t n);
    void (*quick_gelu_backward)(const float *x, const float *dy, float *dx, int64_t n);
    void (*gelu_backward)(const float *x, const float *dy, float *dx, int64_t n);
    void (*scale)(float factor, const float *x, float *y, int64_t n);
    void (*accumulate)(const float *x, float *y, int64_t n);
    float (*cross_entropy)(float *scores, int64_t target, float scale, int64_t n);
    double (*sum_of_squares)(const float *x, int64_t n);
    void (*adamw)(float *p, const float *g, float *m, float *v, const ck_adamw_constants *c, int64_t n);

    double (*fma_burst)(int64_t rounds); // returns the floating-point operations it did
    uint64_t (*read_all)(const void *p, int64_t bytes);
} ck_kernels;

/// The table in use.
const ck_kernels *ck_active(void);

extern const ck_kernels ck_kernels_plain;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2, ck_kernels_avx512;
#elif defined(__aarch64__)
extern const ck_kernels ck_kernels_neon;
#endif

static inline int64_t ck_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ck_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t ck_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

#endif
