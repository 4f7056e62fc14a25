// Products of many rows: weights are packed block by block into cache, rows once, and a register tile runs over both.

/// Packs one sliver of rows: [k][MRS], so that a tile reads its rows' elements of one k side by side.
static void pack_sliver(void *context, int64_t s, int worker) {
    (void)worker;
    const ck_product_job *job = context;
    int64_t start = ck_sliver_start(job, s), rows = ck_sliver_start(job, s + 1) - start, k = job->k;
    float *to = job->packed + s * k * MRS;
    for (int64_t j = 0; j < MRS; j += VW) {
        const float *row[VW];
        UNROLL for (int i = 0; i < VW; i++) row[i] = job->x + (start + ck_min(j + i, rows - 1)) * job->ldx;
        for (int64_t i = 0; i < k; i += VW) {
            int64_t some = ck_min(VW, k - i);
            vu x[VW];
            if (some == VW) {
                UNROLL for (int r = 0; r < VW; r++) x[r] = as_bits(load(row[r] + i));
            } else {
                for (int r = 0; r < VW; r++) x[r] = as_bits(load_some(row[r] + i, some));
            }
            transpose(x);
            if (some == VW) {
                UNROLL for (int t = 0; t < VW; t++) store(to + (i + t) * MRS + j, as_float(x[t]));
            } else {
                for (int t = 0; t < some; t++) store(to + (i + t) * MRS + j, as_float(x[t]));
            }
        }
    }
}

/// VW words of 32 bits from each of VW rows, transposed. Rows that end sooner are read as if zeros followed.
INLINE void load_transposed(vu x[VW], const char *const row[VW], int64_t offset, int64_t bytes) {
    if (bytes >= 4 * VW) {
        UNROLL for (int r = 0; r < VW; r++) x[r] = *(const vu_any *)(row[r] + offset);
    } else {
        uint32_t words[VW][VW] = {{0}};
        for (int r = 0; r < VW; r++) __builtin_memcpy(words[r], row[r] + offset, (size_t)bytes);
        for (int r = 0; r < VW; r++) x[r] = *(const vu_any *)words[r];
    }
    transpose(x);
}

/// Packs columns n0 ..< n0 + LANES of rows k0 ..< k0 + count of Wᵀ as float32 [count][LANES]. Columns past the last
/// repeat it. `to` has room for CK_K_BLOCK rows.
INLINE void pack_transposed(const ck_product *p, ck_dtype type, int64_t n0, int64_t k0, int64_t count, float *to) {
    enum { AHEAD = 1024 }; // bytes further along each row
    int64_t size = type == CK_F32 ? 4 : 2, step = type == CK_F32 ? VW : 2 * VW;
    for (int v = 0; v < NV; v++) {
        const char *row[VW];
        UNROLL for (int i = 0; i < VW; i++) {
            int64_t n = ck_min(n0 + v * VW + i, p->n - 1);
            row[i] = (const char *)p->weight + (n * p->stride + k0) * size;
        }
        for (int64_t k = 0; k < count; k += step) {
            vu x[VW];
            UNROLL for (int i = 0; i < VW; i++) __builtin_prefetch(row[i] + k * size + AHEAD);
            load_transposed(x, row, k * size, (count - k) * size);
            float *out = to + k * LANES + v * VW;
            UNROLL for (int t = 0; t < VW; t++) {
                if (type == CK_F32) {
                    store(out + t * LANES, as_float(x[t]));
                } else {
                    store(out + 2 * t * LANES, even_of_pair(x[t], type));
                    store(out + (2 * t + 1) * LANES, odd_of_pair(x[t], type));
                }
            }
        }
    }
}

/// The same for a weight that is stored [k, n]; columns past the last are zeros.
static void pack_straight(const ck_product *p, int64_t n0, int64_t k0, int64_t count, float *to) {
    for (int64_t k = 0; k < count; k++)
        for (int v = 0; v < NV; v++) {
            int64_t n = n0 + v * VW, left = p->n - n;
            const void *from = at(p->weight, p->type, (k0 + k) * p->stride + n);
            store(to + k * LANES + v * VW, left > 0 ? load_typed_up_to(from, p->type, left) : splat(0));
        }
}

static void pack_panel(const ck_product *p, int64_t n0, int64_t k0, int64_t count, float *to) {
    if (!p->transposed) {
        pack_straight(p, n0, k0, count, to);
        return;
    }
    switch (p->type) {
    case CK_F32: pack_transposed(p, CK_F32, n0, k0, count, to); break;
    case CK_BF16: pack_transposed(p, CK_BF16, n0, k0, count, to); break;
    case CK_F16: pack_transposed(p, CK_F16, n0, k0, count, to); break;
    }
}

/// A tile of a product: one block of k.
static void product_tile(int64_t rows, bool first, int64_t count, const float *a, const float *b, float *c,
                         const float *ahead) {
    switch (rows) {
#define CASE(R)                                                                                                        \
    case R:                                                                                                            \
        if (first) tile(R, NV, TILE_STORE, count, a, 1, MRS, b, c, NULL, ahead);                                              \
        else tile(R, NV, TILE_ADD, count, a, 1, MRS, b, c, NULL, ahead);                                                      \
        break;
        TILE_CASES(MR, CASE)
#undef CASE
    }
}

INLINE void finish_as(ck_activation activation, const ck_product *p, const float *sums, int64_t rows, int64_t row,
                      int64_t n0) {
    for (int v = 0; v < NV && n0 + v * VW < p->n; v++) {
        int64_t n = n0 + v * VW, some = p->n - n;
        vf bias = p->bias != NULL ? load_up_to(p->bias + n, some) : splat(0);
        for (int64_t r = 0; r < rows; r++) {
            vf x = load(sums + r * LANES + v * VW);
            if (p->bias != NULL) x += bias;
            x = activate(x, activation);
            int64_t place = (row + r) * p->ldy + n;
            if (p->residual != NULL) x += load_up_to(p->residual + place, some);
            store_up_to(p->y + place, x, some);
        }
    }
}

/// Bias, activation and residual on finished sums [rows][LANES], to y.
static void finish_tile(const ck_product *p, const float *sums, int64_t rows, int64_t row, int64_t n0) {
    switch (p->activation) {
    case CK_ACT_NONE: finish_as(CK_ACT_NONE, p, sums, rows, row, n0); break;
    case CK_ACT_QUICK_GELU: finish_as(CK_ACT_QUICK_GELU, p, sums, rows, row, n0); break;
    case CK_ACT_GELU: finish_as(CK_ACT_GELU, p, sums, rows, row, n0); break;
    }
}

/// One task: `width` columns of one weight times `slivers_per_task` slivers, over all of k.
static void product_task(void *context, int64_t task, int worker) {
    const ck_product_job *job = context;
    const ck_product *p = job->products;
    while (p + 1 < job->products + job->count && task >= p[1].first_task) p++;
    task -= p->first_task;
    int64_t first_sliver = task % job->row_tasks * job->slivers_per_task;
    int64_t last_sliver = ck_min(first_sliver + job->slivers_per_task, job->slivers);
    int64_t n0 = task / job->row_tasks * p->width, panels = ck_ceil_div(ck_min(p->width, p->n - n0), LANES);

    enum { PANEL = CK_K_BLOCK * LANES, TILE = MR * LANES };
    int64_t packed_floats = panels * PANEL;
    int64_t sums_floats = (last_sliver - first_sliver) * panels * TILE;
    float *weights = ck_pool_worker_scratch(job->pool, worker, (size_t)(packed_floats + sums_floats) * 4);
    float *sums = weights + packed_floats;

    for (int64_t k0 = 0; k0 < job->k; k0 += CK_K_BLOCK) {
        int64_t count = ck_min(CK_K_BLOCK, job->k - k0);
        bool first = k0 == 0, last = k0 + count == job->k;
        for (int64_t j = 0; j < panels; j++) pack_panel(p, n0 + j * LANES, k0, count, weights + j * PANEL);
        for (int64_t s = first_sliver; s < last_sliver; s++) {
            int64_t row = ck_sliver_start(job, s), rows = ck_sliver_start(job, s + 1) - row;
            const float *a = job->packed + (s * job->k + k0) * MRS;
            // The rows that come next lie far away: fetch them while these are worked on.
            const float *next = s + 1 < last_sliver ? a + job->k * MRS
                                                    : job->packed + (first_sliver * job->k + k0 + count) * MRS;
            for (int64_t j = 0; j < panels; j++) {
                // Where k is one block, the sums never leave the first-level cache.
                float *c = first && last ? sums : sums + ((s - first_sliver) * panels + j) * TILE;
                product_tile(rows, first, count, a, weights + j * PANEL, c, next + j * (CK_K_BLOCK / STEPS * LINE));
                if (last) finish_tile(p, c, rows, row, n0 + j * LANES);
            }
        }
    }
}
