// Linear maps and matrix products: how the work is cut into tasks. The cut never changes a sum.
#include "kernels.h"

#include <stdatomic.h>
#include <string.h>

// Packed rows of one pass stay below this for each thread, in the last-level cache rather than in memory; with fewer
// rows in a pass, many threads would lack work.
enum { PACKED_BYTES_PER_THREAD = 8 << 20, PACKED_BYTES_MOST = 128 << 20, PRODUCTS_MOST = 16 };
// A task's packed weights (CK_K_BLOCK rows of this many columns) and sums share the second-level cache.
enum { WIDTH_MOST = 256, ROWS_PER_TASK = 448, ROWS_PER_TASK_LEAST = 112, TASKS_PER_THREAD = 4 };

/// Gives every product its tasks of `width` columns (a multiple of `lanes`, balanced) times `row_tasks`.
static int64_t assign_tasks(ck_product *products, int count, int64_t width, int64_t lanes, int64_t row_tasks) {
    int64_t tasks = 0;
    for (int i = 0; i < count; i++) {
        int64_t runs = ck_ceil_div(products[i].n, width);
        products[i].width = ck_ceil_div(ck_ceil_div(products[i].n, lanes), runs) * lanes;
        products[i].first_task = tasks;
        tasks += ck_ceil_div(products[i].n, products[i].width) * row_tasks;
    }
    return tasks;
}

/// A few rows: every weight is read once, by each thread in one run of memory.
static void run_stream(const ck_kernels *kernels, ck_product_job *job, ck_product *products) {
    int64_t groups = assign_tasks(products, job->count, kernels->lanes, kernels->lanes, 1);
    job->run_count = ck_min(ck_pool_threads(job->pool), groups);
    job->runs = ck_pool_shared_scratch(job->pool, (size_t)job->run_count * sizeof(ck_stream_run));
    for (int64_t i = 0; i < job->run_count; i++) {
        atomic_init(&job->runs[i].next, groups * i / job->run_count);
        job->runs[i].end = groups * (i + 1) / job->run_count;
    }
    ck_pool_run(job->pool, job->run_count, kernels->stream_task, job);
}

/// Many rows: they are packed once, then tasks run over blocks of weights and rows.
static void run_tiles(const ck_kernels *kernels, ck_product_job *job, ck_product *products) {
    int64_t rows_left = job->m, threads = ck_pool_threads(job->pool), tile_rows = kernels->tile_rows;
    int64_t row_bytes = ck_ceil_div(job->k * kernels->packed_stride * 4, tile_rows);
    int64_t packed_bytes = ck_min(PACKED_BYTES_MOST, PACKED_BYTES_PER_THREAD * ck_max(2, threads));
    int64_t pass_rows = ck_max(tile_rows, packed_bytes / row_bytes);
    int64_t passes = ck_ceil_div(rows_left, pass_rows);
    for (int64_t pass = 0; pass < passes; pass++) {
        job->m = ck_ceil_div(rows_left, passes - pass);
        rows_left -= job->m;
        job->slivers = ck_ceil_div(job->m, tile_rows);
        job->packed = ck_pool_shared_scratch(
            job->pool, (size_t)(job->slivers * job->k * kernels->packed_stride + kernels->packed_stride) * 4);
        ck_pool_run(job->pool, job->slivers, job->x_transposed ? kernels->pack_sliver_of_columns : kernels->pack_sliver, job);

        // Smaller tasks until there are enough to go round; narrower first, as fewer rows repack weights more.
        int64_t width = WIDTH_MOST, rows = ROWS_PER_TASK, tasks;
        for (;;) {
            job->row_tasks = ck_ceil_div(job->slivers * tile_rows, rows);
            job->slivers_per_task = ck_ceil_div(job->slivers, job->row_tasks);
            job->row_tasks = ck_ceil_div(job->slivers, job->slivers_per_task);
            tasks = assign_tasks(products, job->count, width, kernels->lanes, job->row_tasks);
            if (threads == 1 || tasks >= threads * TASKS_PER_THREAD) break;
            if (width / 2 >= kernels->lanes && (width > WIDTH_MOST / 2 || rows <= ROWS_PER_TASK_LEAST)) width /= 2;
            else if (rows > ROWS_PER_TASK_LEAST) rows /= 2;
            else break;
        }
        ck_pool_run(job->pool, tasks, kernels->product_task, job);
        job->x += job->x_transposed ? job->m : job->m * job->ldx;
        for (int i = 0; i < job->count; i++) {
            ck_product *p = &products[i];
            p->y += job->m * p->ldy;
            if (p->residual != NULL) p->residual += job->m * p->ldy;
        }
    }
}

void ck_linear(ck_pool *pool, const float *x, int64_t m, int64_t k, int64_t ldx, const ck_linear_output *outputs,
               int count) {
    if (m <= 0) return;
    const ck_kernels *kernels = ck_active();
    for (int start = 0; start < count; start += PRODUCTS_MOST) {
        ck_product products[PRODUCTS_MOST];
        int group = count - start < PRODUCTS_MOST ? count - start : PRODUCTS_MOST;
        for (int i = 0; i < group; i++) {
            const ck_linear_output *o = &outputs[start + i];
            products[i] = (ck_product){.weight = o->weight,
                                       .type = o->type,
                                       .transposed = true,
                                       .stride = k,
                                       .n = o->n,
                                       .bias = o->bias,
                                       .activation = o->activation,
                                       .residual = o->residual,
                                       .y = o->y,
                                       .ldy = o->ldy};
        }
        ck_product_job job = {
            .pool = pool, .x = x, .m = m, .k = k, .ldx = ldx, .products = products, .count = group};
        ck_pool_acquire(pool);
        if (m <= kernels->stream_rows) run_stream(kernels, &job, products);
        else run_tiles(kernels, &job, products);
        ck_pool_release(pool);
    }
}

/// c = a·b, or aᵀ·b, with b as it lies in memory; added to what is there if `accumulate`.
static void matmul(ck_pool *pool, const float *a, bool a_transposed, const void *b, ck_dtype b_type, float *c, int64_t m,
                   int64_t k, int64_t n, int64_t lda, int64_t ldb, int64_t ldc, bool accumulate) {
    if (m <= 0) return;
    if (k <= 0) { // a sum of nothing: zero, or what was there
        for (int64_t row = 0; row < m && !accumulate; row++) memset(c + row * ldc, 0, (size_t)n * 4);
        return;
    }
    ck_product product = {.weight = b,
                          .type = b_type,
                          .transposed = false,
                          .stride = ldb,
                          .n = n,
                          .residual = accumulate ? c : NULL,
                          .y = c,
                          .ldy = ldc};
    ck_product_job job = {.pool = pool,
                          .x = a,
                          .m = m,
                          .k = k,
                          .ldx = lda,
                          .x_transposed = a_transposed,
                          .products = &product,
                          .count = 1};
    ck_pool_acquire(pool);
    run_tiles(ck_active(), &job, &product);
    ck_pool_release(pool);
}

void ck_matmul_nn(ck_pool *pool, const float *a, const void *b, ck_dtype b_type, float *c, int64_t m, int64_t k,
                  int64_t n, int64_t lda, int64_t ldb, int64_t ldc, bool accumulate) {
    matmul(pool, a, false, b, b_type, c, m, k, n, lda, ldb, ldc, accumulate);
}

void ck_matmul_tn(ck_pool *pool, const float *a, const float *b, float *c, int64_t m, int64_t k, int64_t n, int64_t lda,
                  int64_t ldb, int64_t ldc, bool accumulate) {
    matmul(pool, a, true, b, CK_F32, c, m, k, n, lda, ldb, ldc, accumulate);
}
