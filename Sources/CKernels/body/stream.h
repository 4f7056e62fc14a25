// Products of a few rows: each weight is read once, in lines of a register from VW rows at a time, transposed in
// registers, and multiplied at once. The order of every sum is that of body/product.h.

enum { STREAM_ROWS = VW == 16 ? 4 : 2 };
enum { STREAM_AHEAD = 1024 };

INLINE void stream_columns(int M, ck_dtype type, const ck_product_job *job, const ck_product *p, int64_t n0) {
    int64_t size = type == CK_F32 ? 4 : 2, step = type == CK_F32 ? VW : 2 * VW;
    const char *row[NV][VW];
    UNROLL for (int i = 0; i < LANES; i++)
        row[i / VW][i % VW] = (const char *)p->weight + ck_min(n0 + i, p->n - 1) * p->stride * size;
    vf total[STREAM_ROWS][NV];
    UNROLL for (int m = 0; m < M; m++) {
        UNROLL for (int v = 0; v < NV; v++) total[m][v] = splat(0);
    }
    for (int64_t k0 = 0; k0 < job->k; k0 += CK_K_BLOCK) {
        int64_t end = ck_min(k0 + CK_K_BLOCK, job->k), k = k0;
        vf sum[STREAM_ROWS][NV];
        UNROLL for (int m = 0; m < M; m++) {
            UNROLL for (int v = 0; v < NV; v++) sum[m][v] = splat(0);
        }
        for (; k + step <= end; k += step) {
            // The rows that come next are one run of memory: fetched in order, they stream at the memory's own speed,
            // and lie in the second-level cache when they are read side by side.
            const char *next = row[0][0] + LANES * p->stride * size + k * size * LANES;
            UNROLL for (int v = 0; v < NV; v++) {
                vu w[VW];
                UNROLL for (int i = 0; i < VW; i++) {
                    __builtin_prefetch(row[v][i] + k * size + STREAM_AHEAD);
                    __builtin_prefetch(next + (v * VW + i) * 64, 0, 2);
                }
                UNROLL for (int i = 0; i < VW; i++) w[i] = *(const vu_any *)(row[v][i] + k * size);
                transpose(w);
                UNROLL for (int t = 0; t < VW; t++) {
                    UNROLL for (int m = 0; m < M; m++) {
                        const float *x = job->x + m * job->ldx + k;
                        if (type == CK_F32) {
                            sum[m][v] = fma_(splat(x[t]), as_float(w[t]), sum[m][v]);
                        } else {
                            sum[m][v] = fma_(splat(x[2 * t]), even_of_pair(w[t], type), sum[m][v]);
                            sum[m][v] = fma_(splat(x[2 * t + 1]), odd_of_pair(w[t], type), sum[m][v]);
                        }
                    }
                }
            }
        }
        if (k < end) {
            UNROLL for (int v = 0; v < NV; v++) {
                vu w[VW];
                load_transposed(w, row[v], k * size, (end - k) * size);
                float wide[2 * VW][VW];
                UNROLL for (int t = 0; t < VW; t++) {
                    if (type == CK_F32) {
                        store(wide[t], as_float(w[t]));
                    } else {
                        store(wide[2 * t], even_of_pair(w[t], type));
                        store(wide[2 * t + 1], odd_of_pair(w[t], type));
                    }
                }
                for (int64_t t = k; t < end; t++) {
                    UNROLL for (int m = 0; m < M; m++)
                        sum[m][v] = fma_(splat(job->x[m * job->ldx + t]), load(wide[t - k]), sum[m][v]);
                }
            }
        }
        UNROLL for (int m = 0; m < M; m++) {
            UNROLL for (int v = 0; v < NV; v++) total[m][v] = k0 == 0 ? sum[m][v] : total[m][v] + sum[m][v];
        }
    }
    float sums[STREAM_ROWS * LANES];
    UNROLL for (int m = 0; m < M; m++) {
        UNROLL for (int v = 0; v < NV; v++) store(sums + m * LANES + v * VW, total[m][v]);
    }
    finish_tile(p, sums, M, 0, n0);
}

INLINE void stream_typed(ck_dtype type, const ck_product_job *job, const ck_product *p, int64_t n0, int64_t n1) {
    for (int64_t n = n0; n < n1; n += LANES) {
        switch (job->m) {
        case 1: stream_columns(1, type, job, p, n); break;
        case 2: stream_columns(2, type, job, p, n); break;
#if VW == 16
        case 3: stream_columns(3, type, job, p, n); break;
        case 4: stream_columns(4, type, job, p, n); break;
#endif
        }
    }
}

/// One task: `width` columns of one weight, which is stored [n, k].
static void stream_task(void *context, int64_t task, int worker) {
    (void)worker;
    const ck_product_job *job = context;
    const ck_product *p = job->products;
    while (p + 1 < job->products + job->count && task >= p[1].first_task) p++;
    int64_t n0 = (task - p->first_task) * p->width, n1 = ck_min(n0 + p->width, p->n);
    switch (p->type) {
    case CK_F32: stream_typed(CK_F32, job, p, n0, n1); break;
    case CK_BF16: stream_typed(CK_BF16, job, p, n0, n1); break;
    case CK_F16: stream_typed(CK_F16, job, p, n0, n1); break;
    }
}
