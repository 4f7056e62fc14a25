// Every operation in straightforward C.
#include "pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma STDC FP_CONTRACT OFF

static float element(const void *x, ck_dtype type, int64_t i) {
    if (type == CK_F32) return ((const float *)x)[i];
    uint16_t bits = ((const uint16_t *)x)[i];
    if (type == CK_F16) {
        _Float16 half;
        memcpy(&half, &bits, 2);
        return (float)half;
    }
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

static float exponential(float x) {
    if (x < -86.98f) return 0;
    if (x > 88.7228f) return INFINITY;
    if (x != x) return x;
    float t = fmaf(x, 0x1.715476p+0f, 0x1.8p23f), n = t - 0x1.8p23f;
    float r = fmaf(n, -0x1.62e43p-1f, x);
    r = fmaf(n, 0x1.05c61p-29f, r);
    float p = 0x1.6a23dp-10f;
    p = fmaf(p, r, 0x1.123a2p-7f);
    p = fmaf(p, r, 0x1.5558f2p-5f);
    p = fmaf(p, r, 0x1.555492p-3f);
    p = fmaf(p, r, 0x1.fffffcp-2f);
    p = fmaf(p, r, 1);
    p = fmaf(p, r, 1);
    return ldexpf(p, (int)n);
}

static float activate(float x, ck_activation activation) {
    switch (activation) {
    case CK_ACT_NONE: return x;
    case CK_ACT_QUICK_GELU: return x / (1 + exponential(-1.702f * x));
    case CK_ACT_GELU: return 0.5f * x * (1 + erff(x * 0.70710678f));
    }
    return x;
}

// MARK: Products

typedef struct {
    const float *x;
    int64_t m, k, ldx;
    const ck_linear_output *o;
    int64_t from;
} linear_job;

static void linear_column(void *context, int64_t j, int worker) {
    (void)worker;
    const linear_job *job = context;
    const ck_linear_output *o = job->o;
    for (int64_t i = 0; i < job->m; i++) {
        float sum = 0;
        for (int64_t k0 = 0; k0 < job->k; k0 += CK_K_BLOCK) {
            int64_t k1 = k0 + CK_K_BLOCK < job->k ? k0 + CK_K_BLOCK : job->k;
            float block = 0;
            for (int64_t k = k0; k < k1; k++)
                block = fmaf(job->x[i * job->ldx + k], element(o->weight, o->type, j * job->k + k), block);
            sum = k0 == 0 ? block : sum + block;
        }
        if (o->bias) sum += o->bias[j];
        sum = activate(sum, o->activation);
        if (o->residual) sum += o->residual[i * o->ldy + j];
        o->y[i * o->ldy + j] = sum;
    }
}

void ck_linear(ck_pool *pool, const float *x, int64_t m, int64_t k, int64_t ldx, const ck_linear_output *outputs,
               int count) {
    for (int i = 0; i < count; i++) {
        linear_job job = {x, m, k, ldx, &outputs[i], 0};
        ck_parallel_for(pool, outputs[i].n, linear_column, &job);
    }
}

void ck_matmul_nn(ck_pool *pool, const float *a, const void *b, ck_dtype b_type, float *c, int64_t m, int64_t k,
                  int64_t n, int64_t lda, int64_t ldb, int64_t ldc, bool accumulate) {
    (void)pool;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            float sum = 0;
            for (int64_t k0 = 0; k0 < k; k0 += CK_K_BLOCK) {
                int64_t k1 = k0 + CK_K_BLOCK < k ? k0 + CK_K_BLOCK : k;
                float block = 0;
                for (int64_t t = k0; t < k1; t++) block = fmaf(a[i * lda + t], element(b, b_type, t * ldb + j), block);
                sum = k0 == 0 ? block : sum + block;
            }
            c[i * ldc + j] = accumulate ? sum + c[i * ldc + j] : sum;
        }
}

// MARK: Attention

static void attention_head(void *context, int64_t head, int worker) {
    (void)worker;
    const ck_attention_args *a = context;
    int64_t group = a->heads / a->kv_heads, g = head / group, d = a->head_dim;
    for (int64_t s = 0; s < a->segment_count; s++) {
        ck_segment seg = a->segments[s];
        for (int64_t i = 0; i < seg.q_count; i++) {
            const float *q = a->q + (seg.q_start + i) * a->q_stride + head * d;
            float *out = a->out + (seg.q_start + i) * a->out_stride + head * d;
            int64_t visible = seg.causal ? i + 1 + seg.k_count - seg.q_count : seg.k_count;
            if (visible < 0) visible = 0;
            float m = -3.402823466e38f, l = 0, o[256] = {0}, p[CK_KEY_TILE];
            for (int64_t k0 = 0; k0 < visible; k0 += CK_KEY_TILE) {
                int64_t n = visible - k0 < CK_KEY_TILE ? visible - k0 : CK_KEY_TILE;
                float top = m, sum = 0;
                for (int64_t j = 0; j < n; j++) {
                    const float *k = a->k + (seg.k_start + k0 + j) * a->kv_stride + g * d;
                    float dot = 0;
                    for (int64_t e = 0; e < d; e++) dot = fmaf(k[e], q[e] * a->scale, dot);
                    p[j] = dot;
                    if (dot > top) top = dot;
                }
                float keep = exponential(m - top);
                for (int64_t j = 0; j < n; j++) {
                    p[j] = exponential(p[j] - top);
                    sum += p[j];
                }
                l = fmaf(l, keep, sum);
                for (int64_t e = 0; e < d; e++) {
                    float acc = o[e] * keep;
                    for (int64_t j = 0; j < n; j++)
                        acc = fmaf(a->v[(seg.k_start + k0 + j) * a->kv_stride + g * d + e], p[j], acc);
                    o[e] = acc;
                }
                m = top;
            }
            for (int64_t e = 0; e < d; e++) out[e] = visible > 0 ? o[e] / l : 0;
            if (a->lse) a->lse[(seg.q_start + i) * a->heads + head] = visible > 0 ? m + logf(l) : -INFINITY;
        }
    }
}

void ck_attention(ck_pool *pool, const ck_attention_args *args) {
    ck_parallel_for(pool, args->heads, attention_head, (void *)args);
}

// MARK: Rows

static float tree(float lane[16]) {
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

void ck_layer_norm(ck_pool *pool, const float *x, const float *w, const float *b, float eps, float *y, int64_t rows,
                   int64_t n) {
    (void)pool;
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        float lane[16] = {0};
        for (int64_t i = 0; i < n; i++) lane[i % 16] += x[i];
        float mean = tree(lane) / (float)n;
        memset(lane, 0, sizeof lane);
        for (int64_t i = 0; i < n; i++) lane[i % 16] = fmaf(x[i] - mean, x[i] - mean, lane[i % 16]);
        float scale = 1 / sqrtf(tree(lane) / (float)n + eps);
        for (int64_t i = 0; i < n; i++) {
            float z = (x[i] - mean) * scale;
            y[i] = b ? fmaf(z, w[i], b[i]) : z * w[i];
        }
    }
}

void ck_rms_norm(ck_pool *pool, const float *x, const float *w, float eps, float *y, int64_t rows, int64_t n) {
    (void)pool;
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        float lane[16] = {0};
        for (int64_t i = 0; i < n; i++) lane[i % 16] = fmaf(x[i], x[i], lane[i % 16]);
        float scale = 1 / sqrtf(tree(lane) / (float)n + eps);
        for (int64_t i = 0; i < n; i++) y[i] = x[i] * scale * w[i];
    }
}

void ck_rotary(ck_pool *pool, float *x, int64_t rows, int64_t row_stride, int64_t heads, int64_t head_dim,
               const float *cos, const float *sin) {
    (void)pool;
    int64_t d = head_dim / 2;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t h = 0; h < heads; h++)
            for (int64_t i = 0; i < d; i++) {
                float *p = x + r * row_stride + h * head_dim + i, a = p[0], b = p[d];
                p[0] = a * cos[r * d + i] - b * sin[r * d + i];
                p[d] = b * cos[r * d + i] + a * sin[r * d + i];
            }
}

void ck_silu_mul(ck_pool *pool, const float *gate, const float *up, float *y, int64_t count) {
    (void)pool;
    for (int64_t i = 0; i < count; i++) y[i] = gate[i] / (1 + exponential(-gate[i])) * up[i];
}
void ck_quick_gelu(ck_pool *pool, const float *x, float *y, int64_t count) {
    (void)pool;
    for (int64_t i = 0; i < count; i++) y[i] = activate(x[i], CK_ACT_QUICK_GELU);
}
void ck_gelu(ck_pool *pool, const float *x, float *y, int64_t count) {
    (void)pool;
    for (int64_t i = 0; i < count; i++) y[i] = activate(x[i], CK_ACT_GELU);
}
void ck_add(ck_pool *pool, const float *a, const float *b, float *y, int64_t count) {
    (void)pool;
    for (int64_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

void ck_softmax(ck_pool *pool, const float *x, float *y, int64_t rows, int64_t n) {
    (void)pool;
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        float top = -INFINITY, lane[16] = {0};
        for (int64_t i = 0; i < n; i++) top = x[i] > top ? x[i] : top;
        for (int64_t i = 0; i < n; i++) lane[i % 16] += y[i] = exponential(x[i] - top);
        float sum = tree(lane);
        for (int64_t i = 0; i < n; i++) y[i] /= sum;
    }
}

int64_t ck_argmax(const float *x, int64_t n) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++)
        if (x[i] == x[i] && (best < 0 || x[i] > x[best])) best = i;
    return best < 0 ? 0 : best;
}

int64_t ck_top_k(const float *x, int64_t n, int64_t k, int64_t *indices) {
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = kept;
        while (at > 0 && (x[i] > x[indices[at - 1]] || (x[indices[at - 1]] != x[indices[at - 1]] && x[i] == x[i])))
            at--;
        if (at >= k) continue;
        int64_t last = kept < k ? kept++ : k - 1;
        for (; last > at; last--) indices[last] = indices[last - 1];
        indices[at] = i;
    }
    return kept;
}

void ck_embedding(ck_pool *pool, const void *table, ck_dtype type, const int64_t *ids, int64_t count, int64_t n,
                  float *y) {
    (void)pool;
    for (int64_t r = 0; r < count; r++)
        for (int64_t i = 0; i < n; i++) y[r * n + i] = element(table, type, ids[r] * n + i);
}

void ck_to_f32(const void *x, ck_dtype type, float *y, int64_t count) {
    for (int64_t i = 0; i < count; i++) y[i] = element(x, type, i);
}

bool ck_all_finite(const float *x, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

// MARK: Ceilings

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double ck_peak_flops(ck_pool *pool, double seconds) {
    (void)pool;
    volatile float sink = 1;
    float x = sink, a[16] = {0};
    double start = seconds_now(), operations = 0;
    do {
        for (int i = 0; i < 1000; i++)
            for (int j = 0; j < 16; j++) a[j] = fmaf(a[j], x, 1e-9f);
        operations += 2 * 16 * 1000;
    } while (seconds_now() - start < seconds);
    for (int j = 0; j < 16; j++) sink = a[j];
    return operations / (seconds_now() - start);
}

double ck_peak_read(ck_pool *pool, const void *data, int64_t bytes, double seconds) {
    (void)pool;
    volatile uint64_t sink = 0;
    const uint64_t *words = data;
    double start = seconds_now(), total = 0;
    do {
        uint64_t sum = 0;
        for (int64_t i = 0; i < bytes / 8; i++) sum += words[i];
        sink = sum;
        total += (double)bytes;
    } while (seconds_now() - start < seconds);
    (void)sink;
    return total / (seconds_now() - start);
}
