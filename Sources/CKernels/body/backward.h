// Gradients of the operations of a row and of an element. Sums along a row have the 16 lanes of body/rows.h; sums down
// the rows (of weights and biases) are chains of CK_ROW_BLOCK rows whose results are added in ascending order.

/// dx of LayerNorm for one row, and the row's mean and 1 / √(var + ε) for the weight's gradient.
static void layer_norm_backward_row(const float *x, const float *w, const float *dy, float eps, float *dx,
                                    float *mean_out, float *scale_out, int64_t n) {
    float mean, scale;
    layer_norm_moments(x, eps, &mean, &scale, n);
    *mean_out = mean;
    *scale_out = scale;
    if (dx == NULL) return;
    // With g = dy · w and z the normalised row: dx = scale · (g − mean(g) − z · mean(g · z)).
    lanes16 total = zeros16(), projected = zeros16();
    for (int64_t i = 0; i < n; i += 16) {
        lanes16 t = load16(x + i, n - i, mean), g = load16(dy + i, n - i, 0), u = load16(w + i, n - i, 0);
        UNROLL for (int p = 0; p < PARTS; p++) {
            vf gw = g.part[p] * u.part[p];
            total.part[p] += gw;
            projected.part[p] = fma_(gw, (t.part[p] - splat(mean)) * splat(scale), projected.part[p]);
        }
    }
    vf mean_g = splat(sum16(total) / (float)n), mean_gz = splat(sum16(projected) / (float)n);
    for (int64_t i = 0; i < n; i += VW) {
        int64_t some = n - i;
        vf z = (load_up_to(x + i, some) - splat(mean)) * splat(scale);
        vf g = load_up_to(dy + i, some) * load_up_to(w + i, some);
        store_up_to(dx + i, fma_(-z, mean_gz, g - mean_g) * splat(scale), some);
    }
}

/// The same for RMSNorm, whose mean is none.
static void rms_norm_backward_row(const float *x, const float *w, const float *dy, float eps, float *dx,
                                  float *scale_out, int64_t n) {
    lanes16 sum = zeros16(), projected = zeros16();
    for (int64_t i = 0; i < n; i += 16) {
        lanes16 t = load16(x + i, n - i, 0), g = load16(dy + i, n - i, 0), u = load16(w + i, n - i, 0);
        UNROLL for (int p = 0; p < PARTS; p++) {
            sum.part[p] = fma_(t.part[p], t.part[p], sum.part[p]);
            projected.part[p] = fma_(g.part[p] * u.part[p], t.part[p], projected.part[p]);
        }
    }
    float scale = 1 / __builtin_sqrtf(sum16(sum) / (float)n + eps);
    *scale_out = scale;
    if (dx == NULL) return;
    // dx = scale · (g − z · mean(g · z)), z = x · scale.
    vf mean_gz = splat(sum16(projected) * scale / (float)n);
    for (int64_t i = 0; i < n; i += VW) {
        int64_t some = n - i;
        vf z = load_up_to(x + i, some) * splat(scale);
        vf g = load_up_to(dy + i, some) * load_up_to(w + i, some);
        store_up_to(dx + i, fma_(-z, mean_gz, g) * splat(scale), some);
    }
}

/// For `columns` ≤ 4·VW columns: db = Σ_r dy, and dw = Σ_r dy · (x − mean_r) · scale_r where x is given; added to what
/// is there if `accumulate`. A NULL result is not wanted; a NULL mean is zero.
INLINE void column_sums_of(int V, int64_t columns, const float *dy, int64_t lddy, const float *x, int64_t ldx,
                           const float *mean, const float *scale, int64_t rows, float *dw, float *db,
                           bool accumulate) {
    vf all_w[4], all_b[4];
    UNROLL for (int v = 0; v < V; v++) all_w[v] = all_b[v] = splat(0);
    for (int64_t r0 = 0; r0 < rows; r0 += CK_ROW_BLOCK) {
        int64_t end = ck_min(r0 + CK_ROW_BLOCK, rows);
        vf sum_w[4], sum_b[4];
        UNROLL for (int v = 0; v < V; v++) sum_w[v] = sum_b[v] = splat(0);
        for (int64_t r = r0; r < end; r++) {
            vf m = mean != NULL ? splat(mean[r]) : splat(0), s = scale != NULL ? splat(scale[r]) : splat(1);
            UNROLL for (int v = 0; v < V; v++) {
                int64_t some = columns - v * VW;
                vf g = load_up_to(dy + r * lddy + v * VW, some);
                sum_b[v] += g;
                if (dw != NULL) sum_w[v] = fma_(g, (load_up_to(x + r * ldx + v * VW, some) - m) * s, sum_w[v]);
            }
        }
        UNROLL for (int v = 0; v < V; v++) {
            all_w[v] = r0 == 0 ? sum_w[v] : all_w[v] + sum_w[v];
            all_b[v] = r0 == 0 ? sum_b[v] : all_b[v] + sum_b[v];
        }
    }
    UNROLL for (int v = 0; v < V; v++) {
        int64_t some = columns - v * VW;
        if (dw != NULL) store_up_to(dw + v * VW, accumulate ? load_up_to(dw + v * VW, some) + all_w[v] : all_w[v], some);
        if (db != NULL) store_up_to(db + v * VW, accumulate ? load_up_to(db + v * VW, some) + all_b[v] : all_b[v], some);
    }
}
static void column_sums_run(int64_t columns, const float *dy, int64_t lddy, const float *x, int64_t ldx,
                            const float *mean, const float *scale, int64_t rows, float *dw, float *db,
                            bool accumulate) {
    for (int64_t c = 0; c < columns; c += 4 * VW) {
        int64_t some = ck_min(4 * VW, columns - c);
        const float *from = x != NULL ? x + c : NULL;
        float *to_w = dw != NULL ? dw + c : NULL, *to_b = db != NULL ? db + c : NULL;
        switch (ck_ceil_div(some, VW)) {
        case 1: column_sums_of(1, some, dy + c, lddy, from, ldx, mean, scale, rows, to_w, to_b, accumulate); break;
        case 2: column_sums_of(2, some, dy + c, lddy, from, ldx, mean, scale, rows, to_w, to_b, accumulate); break;
        case 3: column_sums_of(3, some, dy + c, lddy, from, ldx, mean, scale, rows, to_w, to_b, accumulate); break;
        default: column_sums_of(4, some, dy + c, lddy, from, ldx, mean, scale, rows, to_w, to_b, accumulate); break;
        }
    }
}

INLINE vf sigmoid(vf x) { return splat(1) / (splat(1) + exp_any(-x)); }

static void silu_mul_backward_run(const float *gate, const float *up, const float *dy, float *dgate, float *dup,
                                  int64_t n) {
    for (int64_t i = 0; i < n; i += VW) {
        int64_t some = n - i;
        vf g = load_up_to(gate + i, some), u = load_up_to(up + i, some), d = load_up_to(dy + i, some);
        vf s = sigmoid(g);
        store_up_to(dup + i, d * (g * s), some);
        store_up_to(dgate + i, d * u * (s * fma_(g, splat(1) - s, splat(1))), some);
    }
}
static void quick_gelu_backward_run(const float *x, const float *dy, float *dx, int64_t n) {
    for (int64_t i = 0; i < n; i += VW) {
        int64_t some = n - i;
        vf z = splat(1.702f) * load_up_to(x + i, some), s = sigmoid(z);
        store_up_to(dx + i, load_up_to(dy + i, some) * (s * fma_(z, splat(1) - s, splat(1))), some);
    }
}
static void gelu_backward_run(const float *x, const float *dy, float *dx, int64_t n) {
    for (int64_t i = 0; i < n; i += VW) {
        int64_t some = n - i;
        vf t = load_up_to(x + i, some), e, below = normal_below(t, &e);
        // Φ(x) + x · φ(x), φ(x) = e^(−x²/2) / √(2π)
        store_up_to(dx + i, load_up_to(dy + i, some) * fma_(t, e * splat(0.3989422804f), below), some);
    }
}
static void scale_run(float factor, const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += VW) store_up_to(y + i, load_up_to(x + i, n - i) * splat(factor), n - i);
}
/// y += x
static void accumulate_run(const float *x, float *y, int64_t n) { add_run(y, x, y, n); }

/// Softmax with cross-entropy over one row of scores: returns −log p[target] and turns the scores into
/// (p − 1[target]) · scale.
static float cross_entropy_row(float *scores, int64_t target, float scale, int64_t n) {
    float top = maximum_run(scores, n), chosen = scores[target];
    lanes16 sum = zeros16();
    for (int64_t i = 0; i < n; i += 16) {
        lanes16 t = load16(scores + i, n - i, -__builtin_inff());
        UNROLL for (int p = 0; p < PARTS; p++) {
            vf e = exp_nonpositive(t.part[p] - splat(top));
            sum.part[p] += e;
            if (i + p * VW < n) store_up_to(scores + i + p * VW, e, n - i - p * VW);
        }
    }
    float total = sum16(sum);
    vf share = splat(scale / total);
    for (int64_t i = 0; i < n; i += VW) store_up_to(scores + i, load_up_to(scores + i, n - i) * share, n - i);
    scores[target] -= scale;
    return __builtin_logf(total) + top - chosen;
}

/// Packs one sliver of columns of x [k, columns]: [k][MRS], for a product with xᵀ.
static void pack_sliver_of_columns(void *context, int64_t s, int worker) {
    (void)worker;
    const ck_product_job *job = context;
    int64_t start = ck_sliver_start(job, s), columns = ck_sliver_start(job, s + 1) - start, k = job->k;
    float *to = job->packed + s * k * MRS;
    const float *from = job->x + start;
    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = 0; j < MRS; j += VW) {
            int64_t some = columns - j;
            store(to + i * MRS + j, some >= VW ? load(from + i * job->ldx + j)
                                               : some > 0 ? load_some(from + i * job->ldx + j, some) : splat(0));
        }
    }
}
