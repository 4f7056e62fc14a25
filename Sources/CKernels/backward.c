// Gradients of row and element operations: how the work is cut. The cut never changes a sum.
#include "range.h"

// Columns per task of sums down the rows: a kilobyte of each row.
enum { COLUMNS_PER_TASK = 256 };

typedef struct {
    const ck_kernels *kernels;
    const float *x, *w, *dy;
    float eps;
    float *dx, *dw, *db, *mean, *scale;
    bool accumulate;
    int64_t rows, n;
} norm_job;

static void layer_norm_backward_rows(const void *operands, int64_t start, int64_t end) {
    const norm_job *o = operands;
    for (int64_t r = start; r < end; r++)
        o->kernels->layer_norm_backward(o->x + r * o->n, o->w, o->dy + r * o->n, o->eps,
                                        o->dx != NULL ? o->dx + r * o->n : NULL, o->mean + r, o->scale + r, o->n);
}
static void rms_norm_backward_rows(const void *operands, int64_t start, int64_t end) {
    const norm_job *o = operands;
    for (int64_t r = start; r < end; r++)
        o->kernels->rms_norm_backward(o->x + r * o->n, o->w, o->dy + r * o->n, o->eps,
                                      o->dx != NULL ? o->dx + r * o->n : NULL, o->scale + r, o->n);
}
static void column_task(void *context, int64_t task, int worker) {
    (void)worker;
    const norm_job *o = context;
    int64_t c = task * COLUMNS_PER_TASK, columns = ck_min(COLUMNS_PER_TASK, o->n - c);
    o->kernels->column_sums(columns, o->dy + c, o->n, o->x != NULL ? o->x + c : NULL, o->n, o->mean, o->scale, o->rows,
                            o->dw != NULL ? o->dw + c : NULL, o->db != NULL ? o->db + c : NULL, o->accumulate);
}
static void column_sums(ck_pool *pool, norm_job *job) {
    if (job->dw == NULL && job->db == NULL) return;
    ck_parallel_for(pool, ck_ceil_div(job->n, COLUMNS_PER_TASK), column_task, job);
}

void ck_layer_norm_backward(ck_pool *pool, const float *x, const float *w, const float *dy, float eps, float *dx,
                            float *dw, float *db, bool accumulate, float *stats, int64_t rows, int64_t n) {
    norm_job o = {ck_active(), x, w, dy, eps, dx, dw, db, stats, stats + rows, accumulate, rows, n};
    over_range(pool, rows, n, layer_norm_backward_rows, &o);
    column_sums(pool, &o);
}
void ck_rms_norm_backward(ck_pool *pool, const float *x, const float *w, const float *dy, float eps, float *dx,
                          float *dw, bool accumulate, float *stats, int64_t rows, int64_t n) {
    norm_job o = {ck_active(), x, w, dy, eps, dx, dw, NULL, NULL, stats, accumulate, rows, n};
    over_range(pool, rows, n, rms_norm_backward_rows, &o);
    column_sums(pool, &o);
}
void ck_column_sums(ck_pool *pool, const float *dy, int64_t rows, int64_t n, float *db, bool accumulate) {
    norm_job o = {ck_active(), NULL, NULL, dy, 0, NULL, NULL, db, NULL, NULL, accumulate, rows, n};
    column_sums(pool, &o);
}

typedef struct {
    const ck_kernels *kernels;
    const float *a, *b, *dy;
    float *da, *db;
} element_job;

static void silu_mul_backward_range(const void *operands, int64_t start, int64_t end) {
    const element_job *o = operands;
    o->kernels->silu_mul_backward(o->a + start, o->b + start, o->dy + start, o->da + start, o->db + start, end - start);
}
void ck_silu_mul_backward(ck_pool *pool, const float *gate, const float *up, const float *dy, float *dgate, float *dup,
                          int64_t count) {
    element_job o = {ck_active(), gate, up, dy, dgate, dup};
    over_range(pool, count, 1, silu_mul_backward_range, &o);
}

static void quick_gelu_backward_range(const void *operands, int64_t start, int64_t end) {
    const element_job *o = operands;
    o->kernels->quick_gelu_backward(o->a + start, o->dy + start, o->da + start, end - start);
}
static void gelu_backward_range(const void *operands, int64_t start, int64_t end) {
    const element_job *o = operands;
    o->kernels->gelu_backward(o->a + start, o->dy + start, o->da + start, end - start);
}
static void copy_range(const void *operands, int64_t start, int64_t end) {
    const element_job *o = operands;
    o->kernels->to_f32(o->dy + start, CK_F32, o->da + start, end - start);
}
void ck_activation_backward(ck_pool *pool, ck_activation activation, const float *x, const float *dy, float *dx,
                            int64_t count) {
    element_job o = {ck_active(), x, NULL, dy, dx, NULL};
    switch (activation) {
    case CK_ACT_NONE: over_range(pool, count, 1, copy_range, &o); break;
    case CK_ACT_QUICK_GELU: over_range(pool, count, 1, quick_gelu_backward_range, &o); break;
    case CK_ACT_GELU: over_range(pool, count, 1, gelu_backward_range, &o); break;
    }
}

typedef struct {
    const ck_kernels *kernels;
    float factor;
    const float *x;
    float *y;
} scale_job;

static void scale_range(const void *operands, int64_t start, int64_t end) {
    const scale_job *o = operands;
    o->kernels->scale(o->factor, o->x + start, o->y + start, end - start);
}
void ck_scale(ck_pool *pool, float factor, const float *x, float *y, int64_t count) {
    scale_job o = {ck_active(), factor, x, y};
    over_range(pool, count, 1, scale_range, &o);
}

static void accumulate_range(const void *operands, int64_t start, int64_t end) {
    const element_job *o = operands;
    o->kernels->accumulate(o->a + start, o->da + start, end - start);
}
void ck_accumulate(ck_pool *pool, const float *x, float *y, int64_t count) {
    element_job o = {ck_active(), x, NULL, NULL, y, NULL};
    over_range(pool, count, 1, accumulate_range, &o);
}

typedef struct {
    const ck_kernels *kernels;
    const float *dy;
    const int64_t *ids, *order;
    int64_t count, n;
    float *table;
} embedding_job;

/// A run of equal ids belongs to whoever holds its first place.
static void embedding_backward_range(const void *operands, int64_t start, int64_t end) {
    const embedding_job *o = operands;
    int64_t i = start;
    while (i > 0 && i < o->count && o->ids[o->order[i]] == o->ids[o->order[i - 1]]) i++;
    while (i < end || (i > start && i < o->count && o->ids[o->order[i]] == o->ids[o->order[i - 1]])) {
        o->kernels->accumulate(o->dy + o->order[i] * o->n, o->table + o->ids[o->order[i]] * o->n, o->n);
        i++;
    }
}
void ck_embedding_backward(ck_pool *pool, const float *dy, const int64_t *ids, const int64_t *order, int64_t count,
                           int64_t n, float *table) {
    embedding_job o = {ck_active(), dy, ids, order, count, n, table};
    over_range(pool, count, n, embedding_backward_range, &o);
}

typedef struct {
    const ck_kernels *kernels;
    float *scores;
    const int64_t *targets;
    float scale;
    float *losses;
    int64_t n;
} loss_job;

static void cross_entropy_rows(const void *operands, int64_t start, int64_t end) {
    const loss_job *o = operands;
    for (int64_t r = start; r < end; r++)
        o->losses[r] = o->kernels->cross_entropy(o->scores + r * o->n, o->targets[r], o->scale, o->n);
}
void ck_cross_entropy(ck_pool *pool, float *scores, const int64_t *targets, float scale, float *losses, int64_t rows,
                      int64_t n) {
    loss_job o = {ck_active(), scores, targets, scale, losses, n};
    over_range(pool, rows, n, cross_entropy_rows, &o);
}
