// Row and element operations: spread over the pool where there is enough to do, in place otherwise.
#include "kernels.h"
#include "range.h"

typedef struct {
    const ck_kernels *kernels;
    const float *x, *w, *b;
    float eps;
    float *y;
    int64_t n;
} norm_operands;

static void layer_norm_rows(const void *operands, int64_t start, int64_t end) {
    const norm_operands *o = operands;
    for (int64_t r = start; r < end; r++)
        o->kernels->layer_norm(o->x + r * o->n, o->w, o->b, o->eps, o->y + r * o->n, o->n);
}
void ck_layer_norm(ck_pool *pool, const float *x, const float *w, const float *b, float eps, float *y, int64_t rows,
                   int64_t n) {
    norm_operands o = {ck_active(), x, w, b, eps, y, n};
    over_range(pool, rows, n, layer_norm_rows, &o);
}

static void rms_norm_rows(const void *operands, int64_t start, int64_t end) {
    const norm_operands *o = operands;
    for (int64_t r = start; r < end; r++) o->kernels->rms_norm(o->x + r * o->n, o->w, o->eps, o->y + r * o->n, o->n);
}
void ck_rms_norm(ck_pool *pool, const float *x, const float *w, float eps, float *y, int64_t rows, int64_t n) {
    norm_operands o = {ck_active(), x, w, NULL, eps, y, n};
    over_range(pool, rows, n, rms_norm_rows, &o);
}

static void softmax_rows(const void *operands, int64_t start, int64_t end) {
    const norm_operands *o = operands;
    for (int64_t r = start; r < end; r++) o->kernels->softmax(o->x + r * o->n, o->y + r * o->n, o->n);
}
void ck_softmax(ck_pool *pool, const float *x, float *y, int64_t rows, int64_t n) {
    norm_operands o = {ck_active(), x, NULL, NULL, 0, y, n};
    over_range(pool, rows, n, softmax_rows, &o);
}

typedef struct {
    const ck_kernels *kernels;
    float *x;
    int64_t row_stride, heads, half;
    const float *cos, *sin;
} rotary_operands;

static void rotary_rows(const void *operands, int64_t start, int64_t end) {
    const rotary_operands *o = operands;
    for (int64_t r = start; r < end; r++)
        o->kernels->rotary(o->x + r * o->row_stride, o->heads, o->half, o->cos + r * o->half, o->sin + r * o->half);
}
void ck_rotary(ck_pool *pool, float *x, int64_t rows, int64_t row_stride, int64_t heads, int64_t head_dim,
               const float *cos, const float *sin) {
    rotary_operands o = {ck_active(), x, row_stride, heads, head_dim / 2, cos, sin};
    over_range(pool, rows, heads * head_dim, rotary_rows, &o);
}

typedef struct {
    const ck_kernels *kernels;
    const float *a, *b;
    float *y;
} element_operands;

static void silu_mul_range(const void *operands, int64_t start, int64_t end) {
    const element_operands *o = operands;
    o->kernels->silu_mul(o->a + start, o->b + start, o->y + start, end - start);
}
void ck_silu_mul(ck_pool *pool, const float *gate, const float *up, float *y, int64_t count) {
    element_operands o = {ck_active(), gate, up, y};
    over_range(pool, count, 1, silu_mul_range, &o);
}

static void quick_gelu_range(const void *operands, int64_t start, int64_t end) {
    const element_operands *o = operands;
    o->kernels->quick_gelu(o->a + start, o->y + start, end - start);
}
void ck_quick_gelu(ck_pool *pool, const float *x, float *y, int64_t count) {
    element_operands o = {ck_active(), x, NULL, y};
    over_range(pool, count, 1, quick_gelu_range, &o);
}

static void gelu_range(const void *operands, int64_t start, int64_t end) {
    const element_operands *o = operands;
    o->kernels->gelu(o->a + start, o->y + start, end - start);
}
void ck_gelu(ck_pool *pool, const float *x, float *y, int64_t count) {
    element_operands o = {ck_active(), x, NULL, y};
    over_range(pool, count, 1, gelu_range, &o);
}

static void add_range(const void *operands, int64_t start, int64_t end) {
    const element_operands *o = operands;
    o->kernels->add(o->a + start, o->b + start, o->y + start, end - start);
}
void ck_add(ck_pool *pool, const float *a, const float *b, float *y, int64_t count) {
    element_operands o = {ck_active(), a, b, y};
    over_range(pool, count, 1, add_range, &o);
}

typedef struct {
    const ck_kernels *kernels;
    const char *table;
    ck_dtype type;
    const int64_t *ids;
    float *y;
    int64_t n;
} embedding_operands;

static void embedding_rows(const void *operands, int64_t start, int64_t end) {
    const embedding_operands *o = operands;
    int64_t row_bytes = o->n * (o->type == CK_F32 ? 4 : 2);
    for (int64_t r = start; r < end; r++)
        o->kernels->to_f32(o->table + o->ids[r] * row_bytes, o->type, o->y + r * o->n, o->n);
}
void ck_embedding(ck_pool *pool, const void *table, ck_dtype type, const int64_t *ids, int64_t count, int64_t n,
                  float *y) {
    embedding_operands o = {ck_active(), table, type, ids, y, n};
    over_range(pool, count, n, embedding_rows, &o);
}

void ck_to_f32(const void *x, ck_dtype type, float *y, int64_t count) {
    if (count > 0) ck_active()->to_f32(x, type, y, count);
}

bool ck_all_finite(const float *x, int64_t count) { return ck_active()->all_finite(x, count); }
