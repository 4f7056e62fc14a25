// Attention's gradient in the tiles of the forward pass: probabilities are computed again from the scores and the
// logarithm of their sum, so nothing of the size queries × keys is kept. Lanes are (query, head) pairs as in
// body/attention.h. Every element of dq is one chain over the keys, of dk and dv one chain over the lanes, in ascending
// order, so the result does not depend on the width of the lanes.

enum { DIM_PANELS = (HEAD_DIM_MOST + LANES - 1) / LANES };

typedef struct {
    float q[HEAD_DIM_MOST + VW][LANES];    // scaled queries
    float dout[HEAD_DIM_MOST + VW][LANES];
    float out[HEAD_DIM_MOST + VW][LANES];
    float dq[HEAD_DIM_MOST + VW][LANES];
    float q_rows[DIM_PANELS][LANES][LANES];  // the same as q, [lane][dimension], in panels of LANES dimensions
    float dout_rows[DIM_PANELS][LANES][LANES];
    float p[CK_KEY_TILE][LANES];  // probabilities
    float ds[CK_KEY_TILE][LANES]; // gradients of the scores
} backward_scratch;

/// c[r][·] = Σ_i a[r·a_row + i] · b[i][·], or c going on, for any number of rows.
INLINE void rows_of_tiles(int V, tile_end end, int64_t rows, int64_t count, const float *a, int64_t a_row, int64_t a_step,
                          const float *b, float *c) {
    vf one[NV];
    UNROLL for (int v = 0; v < V; v++) one[v] = splat(1);
    int64_t runs = ck_ceil_div(rows, MR);
    for (int64_t i = 0; i < runs; i++) {
        int64_t r = run_start(rows, runs, i);
        switch (run_start(rows, runs, i + 1) - r) {
#define CASE(R)                                                                                                        \
    case R: tile(R, V, end, count, a + r * a_row, a_row, a_step, b, c + r * V * VW, one, NULL); break;
            TILE_CASES(MR, CASE)
#undef CASE
        }
    }
}
static void scores_of(int64_t rows, int64_t dim, const float *a, int64_t stride, const float *b, float *c) {
    rows_of_tiles(NV, TILE_STORE, rows, dim, a, stride, 1, b, c);
}
static void continue_keys(int64_t dim, int64_t keys, const float *a, int64_t stride, const float *b, float *c) {
    rows_of_tiles(NV, TILE_CONTINUE, dim, keys, a, 1, stride, b, c);
}
static void continue_lanes(bool wide, int64_t keys, int64_t lanes, const float *a, const float *b, float *c) {
    if (wide) rows_of_tiles(NV, TILE_CONTINUE, keys, lanes, a, LANES, 1, b, c);
    else rows_of_tiles(1, TILE_CONTINUE, keys, lanes, a, LANES, 1, b, c);
}

/// Rows of a matrix as [dimension][lane] and, if `rows` is given, as [panel][lane][dimension], times `scale`.
INLINE void gather_lanes(const float *const row[LANES], int64_t dim, float scale, float *columns, float *rows) {
    for (int v = 0; v < NV; v++) {
        for (int64_t d = 0; d < dim; d += VW) {
            vu x[VW];
            for (int i = 0; i < VW; i++) {
                vf t = load_up_to(row[v * VW + i] + d, dim - d) * splat(scale);
                x[i] = as_bits(t);
                if (rows != NULL) {
                    int64_t panel = d / LANES, width = dim - panel * LANES > VW ? LANES : VW;
                    store(rows + panel * LANES * LANES + (v * VW + i) * width + d % LANES, t);
                }
            }
            transpose(x);
            for (int i = 0; i < VW; i++) store(columns + ((d + i) * NV + v) * VW, as_float(x[i]));
        }
    }
}

/// One task: one kv head of one segment.
static void attention_backward_task(void *context, int64_t task, int worker) {
    const ck_attention_backward_job *job = context;
    const ck_attention_backward_args *b = job->args;
    const ck_attention_args *a = &b->forward;
    const ck_segment *seg = &a->segments[task / a->kv_heads];
    int64_t g = task % a->kv_heads, group = a->heads / a->kv_heads, dim = a->head_dim, keys = seg->k_count;
    int64_t panels = ck_ceil_div(dim, LANES), padded = keys * LANES * panels;
    backward_scratch *scratch =
        ck_pool_worker_scratch(job->pool, worker, sizeof(backward_scratch) + (size_t)padded * 2 * 4);
    float *dk = (float *)(scratch + 1), *dv = dk + padded; // [panel][key][dimension]
    __builtin_memset(dk, 0, (size_t)padded * 2 * 4);
    const float *k_rows = a->k + seg->k_start * a->kv_stride + g * dim;
    const float *v_rows = a->v + seg->k_start * a->kv_stride + g * dim;
    int64_t lanes = seg->q_count * group;
    for (int64_t first = 0; first < lanes; first += LANES) {
        int64_t count = ck_min(LANES, lanes - first), most = 0, least = keys;
        const float *q_row[LANES], *dout_row[LANES], *out_row[LANES];
        float lse[LANES] __attribute__((aligned(4 * VW)));
        vi visible[NV];
        for (int i = 0; i < LANES; i++) {
            int64_t lane = first + ck_min(i, count - 1), query = lane / group, head = g * group + lane % group;
            int64_t sees = seg->causal ? ck_max(0, query + 1 + keys - seg->q_count) : keys;
            sees = ck_min(sees, keys);
            visible[i / VW][i % VW] = (int32_t)sees;
            most = ck_max(most, sees);
            least = ck_min(least, sees);
            int64_t row = seg->q_start + query;
            q_row[i] = a->q + row * a->q_stride + head * dim;
            dout_row[i] = b->dout + row * b->dout_stride + head * dim;
            out_row[i] = a->out + row * a->out_stride + head * dim;
            lse[i] = a->lse[row * a->heads + head];
        }
        gather_lanes(q_row, dim, a->scale, &scratch->q[0][0], &scratch->q_rows[0][0][0]);
        gather_lanes(dout_row, dim, 1, &scratch->dout[0][0], &scratch->dout_rows[0][0][0]);
        gather_lanes(out_row, dim, 1, &scratch->out[0][0], NULL);
        // Σ_key p · dp equals dout · out.
        vf delta[NV];
        UNROLL for (int v = 0; v < NV; v++) delta[v] = splat(0);
        for (int64_t d = 0; d < dim; d++) {
            UNROLL for (int v = 0; v < NV; v++)
                delta[v] = fma_(load(&scratch->dout[d][v * VW]), load(&scratch->out[d][v * VW]), delta[v]);
        }
        __builtin_memset(scratch->dq, 0, (size_t)dim * LANES * 4);
        for (int64_t k0 = 0; k0 < most; k0 += CK_KEY_TILE) {
            int64_t n = ck_min(CK_KEY_TILE, most - k0);
            scores_of(n, dim, k_rows + k0 * a->kv_stride, a->kv_stride, &scratch->q[0][0], &scratch->p[0][0]);
            scores_of(n, dim, v_rows + k0 * a->kv_stride, a->kv_stride, &scratch->dout[0][0], &scratch->ds[0][0]);
            bool masked = k0 + n > least;
            for (int64_t j = 0; j < n; j++) {
                UNROLL for (int v = 0; v < NV; v++) {
                    vf p = exp_nonpositive(load(&scratch->p[j][v * VW]) - load(lse + v * VW));
                    if (masked) p = select((vi)((int32_t)(k0 + j)) < visible[v], p, splat(0));
                    store(&scratch->p[j][v * VW], p);
                    store(&scratch->ds[j][v * VW], p * (load(&scratch->ds[j][v * VW]) - delta[v]));
                }
            }
            continue_keys(dim, n, k_rows + k0 * a->kv_stride, a->kv_stride, &scratch->ds[0][0], &scratch->dq[0][0]);
            for (int64_t panel = 0; panel < panels; panel++) {
                bool wide = dim - panel * LANES > VW;
                int64_t at = panel * keys * LANES + k0 * (wide ? LANES : VW);
                continue_lanes(wide, n, count, &scratch->ds[0][0], &scratch->q_rows[panel][0][0], dk + at);
                continue_lanes(wide, n, count, &scratch->p[0][0], &scratch->dout_rows[panel][0][0], dv + at);
            }
        }
        for (int v = 0; v < NV; v++) {
            int64_t some = ck_min(VW, count - v * VW);
            for (int64_t d = 0; d < dim; d += VW) {
                vu x[VW];
                for (int i = 0; i < VW; i++)
                    x[i] = as_bits(load(&scratch->dq[d + i][v * VW]) * splat(a->scale));
                transpose(x);
                vf lane[VW];
                UNROLL for (int i = 0; i < VW; i++) lane[i] = as_float(x[i]);
                for (int64_t i = 0; i < some; i++) {
                    int64_t at = first + v * VW + i;
                    store_up_to(b->dq + (seg->q_start + at / group) * b->dq_stride + (g * group + at % group) * dim + d,
                                lane[i], dim - d);
                }
            }
        }
    }
    for (int64_t panel = 0; panel < panels; panel++) {
        int64_t left = dim - panel * LANES, width = left > VW ? LANES : VW;
        for (int64_t j = 0; j < keys; j++) {
            int64_t to = (seg->k_start + j) * b->dkv_stride + g * dim + panel * LANES;
            for (int64_t d = 0; d < ck_min(left, LANES); d += VW) {
                int64_t from = panel * keys * LANES + j * width + d;
                store_up_to(b->dk + to + d, load(dk + from), left - d);
                store_up_to(b->dv + to + d, load(dv + from), left - d);
            }
        }
    }
}
