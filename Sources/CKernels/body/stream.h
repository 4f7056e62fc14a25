// Products of a few rows: each weight is read once, in lines of a register from VW rows at a time, transposed in
// registers, and multiplied at once. The order of every sum is that of body/product.h.

enum { STREAM_ROWS = VW == 16 ? 4 : 2 };

/// LANES columns. `next` is where the columns that this thread reads after them begin.
INLINE void stream_columns(int M, ck_dtype type, const ck_product_job *job, const ck_product *p, int64_t n0,
                           const char *next) {
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
            // and lie in the second-level cache when they are read side by side. From there they are fetched one step
            // ahead; more steps of so many rows would not fit the first-level cache.
            const char *ahead = next + k * size * LANES;
            UNROLL for (int v = 0; v < NV; v++) {
                vu w[VW];
                UNROLL for (int i = 0; i < VW; i++) {
                    __builtin_prefetch(row[v][i] + (k + step) * size);
                    if ((v * VW + i) * 4 * VW % 64 == 0) __builtin_prefetch(ahead + (v * VW + i) * 4 * VW, 0, 2);
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

INLINE void stream_typed(ck_dtype type, const ck_product_job *job, const ck_product *p, int64_t n0, const char *next) {
    switch (job->m) {
    case 1: stream_columns(1, type, job, p, n0, next); break;
    case 2: stream_columns(2, type, job, p, n0, next); break;
#if VW == 16
    case 3: stream_columns(3, type, job, p, n0, next); break;
    case 4: stream_columns(4, type, job, p, n0, next); break;
#endif
    }
}

/// The weight that holds a group of LANES columns, and where the group begins in it.
INLINE const ck_product *stream_group(const ck_product_job *job, int64_t group, int64_t *n0) {
    const ck_product *p = job->products;
    while (p + 1 < job->products + job->count && group >= p[1].first_task) p++;
    *n0 = (group - p->first_task) * LANES;
    return p;
}

/// One task: a run of groups, then what is left of the others' runs. Weights are stored [n, k].
static void stream_task(void *context, int64_t index, int worker) {
    (void)worker;
    const ck_product_job *job = context;
    for (int64_t i = 0; i < job->run_count; i++) {
        ck_stream_run *run = &job->runs[(index + i) % job->run_count];
        for (;;) {
            int64_t group = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed), n0, next_n0;
            if (group >= run->end) break;
            const ck_product *p = stream_group(job, group, &n0);
            const ck_product *q = stream_group(job, ck_min(group + 1, run->end - 1), &next_n0);
            const char *next = at(q->weight, q->type, next_n0 * q->stride);
            switch (p->type) {
            case CK_F32: stream_typed(CK_F32, job, p, n0, next); break;
            case CK_BF16: stream_typed(CK_BF16, job, p, n0, next); break;
            case CK_F16: stream_typed(CK_F16, job, p, n0, next); break;
            }
        }
    }
}
