// Attention in tiles. Lanes are (query, head) pairs that read one kv head, query by query, so the softmax runs
// down the registers and a query's bits don't depend on its lane. Scores are kept as [key][lane], outputs as
// [dimension][lane]: both products are the register tile, broadcasting K and V as they lie.

enum { HEAD_DIM_MOST = 256 };

typedef struct {
    float q[HEAD_DIM_MOST + VW][LANES]; // scaled queries
    float o[HEAD_DIM_MOST + VW][LANES]; // sums of values so far
    float s[CK_KEY_TILE][LANES];        // scores, then their exponentials
} attention_scratch;

/// s[key][·] = Σ_d K[key][d] · q[d][·]
INLINE void score_tile(int V, int64_t rows, int64_t dim, const float *k, int64_t stride, const float *q, float *s) {
#define CASE(R)                                                                                                        \
    case R: tile(R, V, TILE_STORE, dim, k, stride, 1, q, s, NULL, NULL); break;
    if (V == 1) {
        switch (rows) { TILE_CASES(MR1, CASE) }
    } else {
        switch (rows) { TILE_CASES(MR, CASE) }
    }
#undef CASE
}

/// o[d][·] = o[d][·] · keep + Σ_key V[key][d] · p[key][·]
INLINE void value_tile(int V, int64_t rows, int64_t keys, const float *v, int64_t stride, const float *p, float *o,
                       const vf *keep) {
#define CASE(R)                                                                                                        \
    case R: tile(R, V, TILE_CONTINUE, keys, v, 1, stride, p, o, keep, NULL); break;
    if (V == 1) {
        switch (rows) { TILE_CASES(MR1, CASE) }
    } else {
        switch (rows) { TILE_CASES(MR, CASE) }
    }
#undef CASE
}

/// Softmax of one tile of keys going on from the keys before: scores become exponentials against the new maximum;
/// returns in `keep` what earlier sums are to be multiplied by.
INLINE void soften(int V, int64_t keys, float *s, vf *top, vf *total, vf *keep) {
    UNROLL for (int v = 0; v < V; v++) {
        // The largest does not depend on the order, so four chains may share the work.
        vf high[4];
        UNROLL for (int c = 0; c < 4; c++) high[c] = top[v];
        int64_t j = 0;
        for (; j + 4 <= keys; j += 4) {
            UNROLL for (int c = 0; c < 4; c++) high[c] = larger(load(s + ((j + c) * V + v) * VW), high[c]);
        }
        for (; j < keys; j++) high[0] = larger(load(s + (j * V + v) * VW), high[0]);
        vf most = larger(larger(high[0], high[1]), larger(high[2], high[3]));
        keep[v] = exp_nonpositive(top[v] - most);
        top[v] = most;
    }
    vf sum[NV];
    UNROLL for (int v = 0; v < V; v++) sum[v] = splat(0);
    for (int64_t j = 0; j < keys; j++) {
        UNROLL for (int v = 0; v < V; v++) {
            vf p = exp_nonpositive(load(s + (j * V + v) * VW) - top[v]);
            store(s + (j * V + v) * VW, p);
            sum[v] += p;
        }
    }
    UNROLL for (int v = 0; v < V; v++) total[v] = fma_(total[v], keep[v], sum[v]);
}

/// Brings one head's part of rows start ..< end into the second-level cache: rows of keys and values lie too far apart
/// for the processor to foresee.
INLINE void fetch_rows(const float *x, int64_t stride, int64_t dim, int64_t start, int64_t end) {
    for (int64_t j = start; j < end; j++)
        for (int64_t d = 0; d < dim; d += LINE) __builtin_prefetch(x + j * stride + d, 0, 2);
}

/// Lanes first ..< first + count of kv head g in one segment; lane i is query i / group, head g·group + i mod group.
INLINE void attend(int V, const ck_attention_args *a, attention_scratch *scratch, const ck_segment *seg, int64_t g,
                   int64_t first, int64_t count) {
    int64_t group = a->heads / a->kv_heads, dim = a->head_dim;
    float *q = &scratch->q[0][0], *o = &scratch->o[0][0], *s = &scratch->s[0][0];
    // How many keys each lane sees. Idle lanes repeat the last one.
    vi visible[NV];
    int64_t most = 0, least = seg->k_count;
    UNROLL for (int v = 0; v < V; v++) {
        const float *row[VW];
        for (int i = 0; i < VW; i++) {
            int64_t lane = first + ck_min(v * VW + i, count - 1), query = lane / group;
            int64_t sees = seg->causal ? ck_max(0, query + 1 + seg->k_count - seg->q_count) : seg->k_count;
            sees = ck_min(sees, seg->k_count);
            visible[v][i] = (int32_t)sees;
            most = ck_max(most, sees);
            least = ck_min(least, sees);
            row[i] = a->q + (seg->q_start + query) * a->q_stride + (g * group + lane % group) * dim;
        }
        for (int64_t d = 0; d < dim; d += VW) {
            vu x[VW];
            for (int i = 0; i < VW; i++) x[i] = as_bits(load_up_to(row[i] + d, dim - d) * splat(a->scale));
            transpose(x);
            for (int i = 0; i < VW; i++) store(q + ((d + i) * V + v) * VW, as_float(x[i]));
        }
    }
    for (int64_t i = 0; i < dim * V; i++) store(o + i * VW, splat(0));
    vf top[NV], total[NV], keep[NV];
    UNROLL for (int v = 0; v < V; v++) {
        top[v] = splat(-__FLT_MAX__); // finite, so that a lane without keys makes no NaN
        total[v] = splat(0);
    }
    const float *keys = a->k + seg->k_start * a->kv_stride + g * dim;
    const float *values = a->v + seg->k_start * a->kv_stride + g * dim;
    const int64_t run_rows = V == 1 ? MR1 : MR;
    int64_t value_runs = ck_ceil_div(dim, run_rows);
    for (int64_t k0 = 0; k0 < most; k0 += CK_KEY_TILE) {
        int64_t n = ck_min(CK_KEY_TILE, most - k0), runs = ck_ceil_div(n, run_rows);
        for (int64_t i = 0; i < runs; i++) {
            int64_t j = run_start(n, runs, i), end = run_start(n, runs, i + 1);
            // With many lanes there is so much to do for each row that the fetches cost more than they save.
            if (V == 1) fetch_rows(values, a->kv_stride, dim, k0 + j, k0 + end);
            score_tile(V, end - j, dim, keys + (k0 + j) * a->kv_stride, a->kv_stride, q,
                       s + j * V * VW);
        }
        if (k0 + n > least) {
            for (int64_t j = 0; j < n; j++) {
                UNROLL for (int v = 0; v < V; v++) {
                    float *x = s + (j * V + v) * VW;
                    store(x, select((vi)((int32_t)(k0 + j)) < visible[v], load(x), splat(-__builtin_inff())));
                }
            }
        }
        soften(V, n, s, top, total, keep);
        int64_t next = ck_min(CK_KEY_TILE, most - k0 - n);
        for (int64_t i = 0; i < value_runs; i++) {
            int64_t d = run_start(dim, value_runs, i);
            fetch_rows(keys, a->kv_stride, dim, k0 + n + run_start(next, value_runs, i),
                       k0 + n + run_start(next, value_runs, i + 1));
            value_tile(V, run_start(dim, value_runs, i + 1) - d, n, values + k0 * a->kv_stride + d, a->kv_stride, s,
                       o + d * V * VW, keep);
        }
    }
    UNROLL for (int v = 0; v < V; v++) {
        int64_t lanes = ck_min(VW, count - v * VW);
        float sums[VW], tops[VW];
        store(sums, total[v]);
        store(tops, top[v]);
        vi none = visible[v] == 0;
        for (int64_t d = 0; d < dim; d += VW) {
            vu x[VW];
            for (int i = 0; i < VW; i++)
                x[i] = as_bits(select(none, splat(0), load(o + ((d + i) * V + v) * VW) / total[v]));
            transpose(x);
            vf lane[VW];
            UNROLL for (int i = 0; i < VW; i++) lane[i] = as_float(x[i]);
            for (int64_t i = 0; i < lanes; i++) {
                int64_t at = first + v * VW + i;
                store_up_to(a->out + (seg->q_start + at / group) * a->out_stride +
                                (g * group + at % group) * dim + d,
                            lane[i], dim - d);
            }
        }
        if (a->lse == NULL) continue;
        for (int64_t i = 0; i < lanes; i++) {
            int64_t at = first + v * VW + i;
            a->lse[(seg->q_start + at / group) * a->heads + g * group + at % group] =
                visible[v][i] == 0 ? -__builtin_inff() : tops[i] + __builtin_logf(sums[i]);
        }
    }
}

static void attend_wide(const ck_attention_args *a, attention_scratch *scratch, const ck_segment *seg, int64_t g,
                        int64_t first, int64_t count) {
    attend(NV, a, scratch, seg, g, first, count);
}
static void attend_narrow(const ck_attention_args *a, attention_scratch *scratch, const ck_segment *seg, int64_t g,
                          int64_t first, int64_t count) {
    attend(1, a, scratch, seg, g, first, count);
}

/// One task: up to LANES lanes of one kv head in one segment.
static void attention_task(void *context, int64_t task, int worker) {
    const ck_attention_job *job = context;
    const ck_attention_args *a = job->args;
    attention_scratch *scratch = ck_pool_worker_scratch(job->pool, worker, sizeof(attention_scratch));
    int64_t per_head = job->first_task[a->segment_count], g = task / per_head;
    task %= per_head;
    // The segment that holds the task: the last one that starts at or before it.
    int64_t low = 0, high = a->segment_count - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (job->first_task[middle] <= task) low = middle;
        else high = middle - 1;
    }
    const ck_segment *seg = &a->segments[low];
    int64_t lanes = seg->q_count * (a->heads / a->kv_heads), tiles = ck_ceil_div(lanes, LANES);
    task -= job->first_task[low];
    if (seg->causal) task = tiles - 1 - task; // the later queries see more: first come the largest
    int64_t first = task * LANES, count = ck_min(LANES, lanes - first);
    if (count > VW) attend_wide(a, scratch, seg, g, first, count);
    else attend_narrow(a, scratch, seg, g, first, count);
}
