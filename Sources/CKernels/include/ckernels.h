// The contract of the kernels: everything numeric that is hot, in C.
//
// Activations are float32, contiguous and row-major unless a stride is an argument. Weights are float32,
// bfloat16 or float16 and are read where they lie; no kernel ever converts a whole weight.
//
// The order of every sum is part of the contract, so that results are the same bits
//   - for every number of threads,
//   - for every way a batch of rows is cut (one row alone, or among others), and
//   - for every instruction set (AVX-512, AVX2+FMA, NEON, plain C).
// Products: each output is a chain of fused multiply-adds in ascending k inside blocks of CK_K_BLOCK, each block
// starting from zero; block sums are added in ascending order; then the bias, the activation, the residual.
// Reductions over a row (norms, softmax): element i goes to lane i mod 16, each lane in ascending order; the 16
// lanes are then added pairwise: (l, l+8), (l, l+4), (l, l+2), (l, l+1).
// Attention: keys in tiles of CK_KEY_TILE counted from the first key of the segment, in ascending order.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CK_K_BLOCK = 512, CK_KEY_TILE = 64, CK_ROW_BLOCK = 512 };

// MARK: Instruction sets

typedef enum { CK_ISA_PLAIN = 0, CK_ISA_NEON = 1, CK_ISA_AVX2 = 2, CK_ISA_AVX512 = 3 } ck_isa;

/// The instruction set in use: the best this machine runs, or the one that the environment variable
/// `VLM_ISA` (`plain`, `neon`, `avx2`, `avx512`) names; a value that cannot be followed is passed over here.
ck_isa ck_isa_current(void);
/// The name of an instruction set, as `VLM_ISA` spells it.
const char *ck_isa_name(ck_isa isa);
/// Whether this machine (and this build) can run an instruction set.
bool ck_isa_available(ck_isa isa);
/// Uses another instruction set from now on; false (and no change) where the machine can't run it. For tests.
bool ck_isa_select(ck_isa isa);

// MARK: Threads

/// A pool of threads. The caller's thread takes part in the work, so a pool of 1 starts none.
typedef struct ck_pool ck_pool;
/// Makes a pool in which `threads` threads (at least 1) work, the caller's included; NULL if threads cannot start.
ck_pool *ck_pool_create(int threads);
void ck_pool_destroy(ck_pool *pool);
int ck_pool_threads(const ck_pool *pool);
typedef void (*ck_task)(void *context, int64_t index, int worker);
/// Calls `task` for every index in [0, count), spread over the pool (worker in [0, threads)), and returns when all
/// are done. Callers on several threads take turns. A task must not call back into the same pool.
void ck_parallel_for(ck_pool *pool, int64_t count, ck_task task, void *context);

/// The number of processors that this process may run on (its affinity mask, and the CPU quota of its control group
/// where that is smaller), at least 1.
int ck_available_processors(void);
/// Asks the C allocator to give free memory back to the system.
void ck_trim_memory(void);

// MARK: Products

typedef enum { CK_F32 = 0, CK_BF16 = 1, CK_F16 = 2 } ck_dtype;
typedef enum { CK_ACT_NONE = 0, CK_ACT_QUICK_GELU = 1, CK_ACT_GELU = 2 } ck_activation;

/// One linear map of a group that shares its input.
typedef struct {
    const void *weight;       // [n, k] row-major, of `type`, aligned to its element (files need not align more)
    ck_dtype type;
    int64_t n;                // outputs
    const float *bias;        // [n] or NULL
    ck_activation activation; // applied after the bias
    const float *residual;    // [m, n] with row stride ldy, added last; NULL, or may be y itself
    float *y;                 // [m, n], row stride ldy
    int64_t ldy;
} ck_linear_output;

/// y_j = act_j(x · W_jᵀ + b_j) + residual_j for each of `count` maps. x is [m, k] with row stride ldx.
/// Any m ≥ 0, n ≥ 1, k ≥ 1. One row to a few rows stream the weights once; many rows go through register tiles.
void ck_linear(ck_pool *pool, const float *x, int64_t m, int64_t k, int64_t ldx, const ck_linear_output *outputs,
               int count);

/// c = a · b, a [m, k] (row stride lda), b [k, n] float32 (row stride ldb), c [m, n] (row stride ldc), added to c
/// if `accumulate`. Same order of sums as ck_linear. (Gradients need it: dX = dY · W.)
void ck_matmul_nn(ck_pool *pool, const float *a, const void *b, ck_dtype b_type, float *c, int64_t m, int64_t k,
                  int64_t n, int64_t lda, int64_t ldb, int64_t ldc, bool accumulate);

/// c = aᵀ · b, a [k, m] (row stride lda), b [k, n] (row stride ldb), c [m, n] (row stride ldc), added to c if
/// `accumulate`. Same order of sums. (Gradients need it: dW = dYᵀ · X.)
void ck_matmul_tn(ck_pool *pool, const float *a, const float *b, float *c, int64_t m, int64_t k, int64_t n, int64_t lda,
                  int64_t ldb, int64_t ldc, bool accumulate);

// MARK: Attention

/// A run of queries and the keys they see. Rows are counted in the q and in the k/v matrices.
typedef struct {
    int64_t q_start, q_count, k_start, k_count;
    bool causal; // query i sees keys j with j ≤ i + (k_count − q_count); otherwise it sees all of the segment
} ck_segment;

typedef struct {
    const float *q;           // row r, head h at q + r·q_stride + h·head_dim
    const float *k, *v;       // row r, kv head g at k + r·kv_stride + g·head_dim
    float *out;               // row r, head h at out + r·out_stride + h·head_dim
    float *lse;               // NULL, or [q rows, heads]: log of the softmax's denominator plus its maximum
    int64_t q_stride, kv_stride, out_stride;
    int64_t heads, kv_heads, head_dim; // head h reads kv head h / (heads / kv_heads); head_dim ≤ 256, any value
    float scale;
    const ck_segment *segments;
    int64_t segment_count;
} ck_attention_args;

/// out = softmax(scale · q · kᵀ) · v per head inside each segment, in tiles, never a queries × keys matrix.
/// Serves the encoder (full, per image), prefill (causal, grouped heads) and one decoding query alike, to the bit.
void ck_attention(ck_pool *pool, const ck_attention_args *args);

typedef struct {
    ck_attention_args forward; // as it ran, with out and lse; no row may lie in two segments
    const float *dout;         // row r, head h at dout + r·dout_stride + h·head_dim
    float *dq;                 // rows as q's, with the stride dq_stride
    float *dk, *dv;            // rows as k's and v's, with the stride dkv_stride
    int64_t dout_stride, dq_stride, dkv_stride;
} ck_attention_backward_args;

/// The gradients of attention, written for every row that lies in a segment. Each element of dq is one chain over the
/// keys, of dk and dv one chain over the queries (and their heads), in ascending order.
void ck_attention_backward(ck_pool *pool, const ck_attention_backward_args *args);

// MARK: Row operations (all pointers may alias where input and output have one shape)

/// y = (x − mean) / sqrt(var + eps) · w + b over rows of n; b may be NULL.
void ck_layer_norm(ck_pool *pool, const float *x, const float *w, const float *b, float eps, float *y, int64_t rows,
                   int64_t n);
/// y = x / sqrt(mean(x²) + eps) · w over rows of n.
void ck_rms_norm(ck_pool *pool, const float *x, const float *w, float eps, float *y, int64_t rows, int64_t n);
/// Rotates halves in place: for each row r and head h, with d = head_dim/2,
/// (a, b) = (x[i], x[i+d]) → (a·cos − b·sin, b·cos + a·sin), cos and sin [rows, d].
void ck_rotary(ck_pool *pool, float *x, int64_t rows, int64_t row_stride, int64_t heads, int64_t head_dim,
               const float *cos, const float *sin);
/// y = silu(gate) · up, element by element.
void ck_silu_mul(ck_pool *pool, const float *gate, const float *up, float *y, int64_t count);
/// y = x · sigmoid(1.702 x).
void ck_quick_gelu(ck_pool *pool, const float *x, float *y, int64_t count);
/// y = x · ½ (1 + erf(x/√2)).
void ck_gelu(ck_pool *pool, const float *x, float *y, int64_t count);
/// y = a + b.
void ck_add(ck_pool *pool, const float *a, const float *b, float *y, int64_t count);
/// Softmax over rows of n.
void ck_softmax(ck_pool *pool, const float *x, float *y, int64_t rows, int64_t n);
/// The index of the largest element, the first of equals; NaN never wins. n ≥ 1.
int64_t ck_argmax(const float *x, int64_t n);
/// The k largest elements' indices, largest first, ties by lower index; writes min(k, n) and returns how many.
int64_t ck_top_k(const float *x, int64_t n, int64_t k, int64_t *indices);
/// Rows `ids` of a table [rows, n] as float32.
void ck_embedding(ck_pool *pool, const void *table, ck_dtype type, const int64_t *ids, int64_t count, int64_t n,
                  float *y);
/// Exact conversion to float32.
void ck_to_f32(const void *x, ck_dtype type, float *y, int64_t count);
/// Whether every element is finite.
bool ck_all_finite(const float *x, int64_t count);

// MARK: Gradients of row operations. Sums down the rows go in blocks of CK_ROW_BLOCK rows, added in ascending order.

/// LayerNorm: dx [rows, n] (NULL if not wanted) is written; dw and db [n] (NULL if not wanted) are written, or added to if
/// `accumulate`. `stats` has room for 2 · rows floats.
void ck_layer_norm_backward(ck_pool *pool, const float *x, const float *w, const float *dy, float eps, float *dx,
                            float *dw, float *db, bool accumulate, float *stats, int64_t rows, int64_t n);
/// The same for RMSNorm; `stats` has room for `rows` floats.
void ck_rms_norm_backward(ck_pool *pool, const float *x, const float *w, const float *dy, float eps, float *dx,
                          float *dw, bool accumulate, float *stats, int64_t rows, int64_t n);
/// db[j] = Σ_r dy[r][j], or added to it: a bias's gradient.
void ck_column_sums(ck_pool *pool, const float *dy, int64_t rows, int64_t n, float *db, bool accumulate);
void ck_silu_mul_backward(ck_pool *pool, const float *gate, const float *up, const float *dy, float *dgate, float *dup,
                          int64_t count);
/// dx = dy · the activation's derivative at x. x is what went into the activation.
void ck_activation_backward(ck_pool *pool, ck_activation activation, const float *x, const float *dy, float *dx,
                            int64_t count);
/// y = x · factor.
void ck_scale(ck_pool *pool, float factor, const float *x, float *y, int64_t count);
/// y += x.
void ck_accumulate(ck_pool *pool, const float *x, float *y, int64_t count);
/// Adds row i of dy [count, n] to row ids[i] of a table's gradient, in ascending i for every row. `order` lists 0 ..< count
/// sorted by id, then by place.
void ck_embedding_backward(ck_pool *pool, const float *dy, const int64_t *ids, const int64_t *order, int64_t count,
                           int64_t n, float *table);
/// Softmax and cross-entropy of rows of scores [rows, n]: losses[r] = −log softmax(scores[r])[targets[r]], and the scores
/// become their gradients times `scale`. Every target must be a column.
void ck_cross_entropy(ck_pool *pool, float *scores, const int64_t *targets, float scale, float *losses, int64_t rows,
                      int64_t n);

// MARK: The optimiser

/// Σ x² over `count` runs of float32, in double. The order of the additions depends on the lengths alone.
double ck_sum_of_squares(ck_pool *pool, const float *const *spans, const int64_t *lengths, int64_t count);

/// One parameter that AdamW moves, with its moments; all float32, `count` elements each.
typedef struct {
    float *parameter;
    const float *gradient;
    float *first, *second;
    int64_t count;
    int64_t step; // how many this parameter has taken, this one included
    double rate, decay, beta1, beta2, epsilon;
} ck_adamw_tensor;

/// A step of AdamW with decoupled decay for all tensors, with gradients times `gradient_scale`:
/// p ← p (1 − rate·decay) − rate · m̂ / (√v̂ + ε). One pass over memory.
void ck_adamw(ck_pool *pool, const ck_adamw_tensor *tensors, int64_t count, float gradient_scale);

// MARK: Checksums

/// Continues the CRC-32C of what came before (0 at first) with more bytes.
uint32_t ck_crc32c(uint32_t crc, const void *bytes, int64_t count);

// MARK: This machine's ceilings

/// float32 fused multiply-adds at full width on every thread for about `seconds`: FLOP/s (2 per FMA).
double ck_peak_flops(ck_pool *pool, double seconds);
/// Streaming reads of [data, data+bytes) by every thread, repeated for about `seconds`: the median pass's bytes/s.
double ck_peak_read(ck_pool *pool, const void *data, int64_t bytes, double seconds);

#ifdef __cplusplus
}
#endif
#endif
