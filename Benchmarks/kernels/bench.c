// The kernels' own bench: what each hot kernel reaches on this machine, next to the machine's ceilings measured in
// the same run. Build and run with `make -C Benchmarks/kernels run` (or `./bench linear`, `stream`, `attention`,
// `decode`, `rows`, `pool`; VLM_ISA chooses an instruction set, THREADS the threads).
//
// Every line is the median of repeated calls. GFLOP/s count 2 per multiply-add and are shown as a share of
// ck_peak_flops; GB/s count each weight once and are shown as a share of ck_peak_read over the same mapping. Both
// ceilings are measured again right before and after each line and averaged, since neighbours come and go.
#define _GNU_SOURCE
#include "ckernels.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static ck_pool *pool;
static double peak_flops, peak_read;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef void (*body)(void *context, int64_t round);

static const void *mapped;
static int64_t mapped_bytes;

static void measure_ceilings(double weight) {
    peak_flops = (1 - weight) * peak_flops + weight * ck_peak_flops(pool, 0.03);
    if (mapped != NULL) peak_read = (1 - weight) * peak_read + weight * ck_peak_read(pool, mapped, mapped_bytes, 0.1);
}

/// The median seconds of a call, over at least 5 calls and about 0.4 s; refreshes the ceilings.
static double median(body run, void *context) {
    enum { MOST = 2000 };
    double times[MOST], start = now();
    int count = 0;
    measure_ceilings(1);
    run(context, 0);
    while (count < MOST && (count < 5 || now() - start < 0.4)) {
        double before = now();
        run(context, count);
        times[count++] = now() - before;
    }
    measure_ceilings(0.5);
    qsort(times, (size_t)count, sizeof times[0], ascending);
    return times[count / 2];
}

static void *memory(int64_t bytes) {
    enum { HUGE = 2 << 20 };
    void *p = NULL;
    if (posix_memalign(&p, HUGE, (size_t)(bytes + HUGE - 1) / HUGE * HUGE) != 0) exit(1);
    madvise(p, (size_t)bytes, MADV_HUGEPAGE);
    memset(p, 0, (size_t)bytes);
    return p;
}

static float *values(int64_t count) {
    float *p = memory(count * 4);
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        p[i] = (float)(int32_t)state * 0x1p-32f;
    }
    return p;
}

/// bfloat16 weights in a mapped file, as a checkpoint is.
static uint16_t *mapped_weights(int64_t count) {
    char path[] = "./bench-weights-XXXXXX";
    int file = mkstemp(path);
    if (file < 0) exit(1);
    unlink(path);
    enum { CHUNK = 1 << 20 };
    static uint16_t chunk[CHUNK];
    uint32_t state = 7;
    for (int64_t at = 0; at < count; at += CHUNK) {
        for (int i = 0; i < CHUNK; i++) {
            state = state * 1664525 + 1013904223;
            float x = (float)(int32_t)state * 0x1p-32f;
            uint32_t bits;
            memcpy(&bits, &x, 4);
            chunk[i] = (uint16_t)(bits >> 16);
        }
        if (write(file, chunk, sizeof chunk) != (ssize_t)sizeof chunk) exit(1);
    }
    fsync(file);
    void *p = mmap(NULL, (size_t)count * 2, PROT_READ, MAP_SHARED, file, 0);
    if (p == MAP_FAILED) exit(1);
    madvise(p, (size_t)count * 2, MADV_HUGEPAGE);
    close(file);
    return p;
}

// MARK: Products

typedef struct {
    const float *x;
    const uint16_t *weights;
    int64_t weight_count, m, k;
    int count;
    int64_t n[4];
    ck_activation activation;
    bool residual;
    float *y[4];
} linear_case;

static void run_linear(void *context, int64_t round) {
    linear_case *c = context;
    ck_linear_output outputs[4];
    int64_t total = 0;
    for (int i = 0; i < c->count; i++) total += c->n[i] * c->k;
    // Another copy of the weights each time, as another layer would be.
    int64_t copies = c->weight_count / total;
    const uint16_t *w = c->weights + round % copies * total;
    for (int i = 0; i < c->count; i++) {
        outputs[i] = (ck_linear_output){.weight = w,
                                        .type = CK_BF16,
                                        .n = c->n[i],
                                        .activation = c->activation,
                                        .residual = c->residual ? c->y[i] : NULL,
                                        .y = c->y[i],
                                        .ldy = c->n[i]};
        w += c->n[i] * c->k;
    }
    ck_linear(pool, c->x, c->m, c->k, c->k, outputs, c->count);
}

static void linear_line(linear_case c, const char *name) {
    double weights = 0;
    for (int i = 0; i < c.count; i++) weights += (double)c.n[i] * (double)c.k;
    double t = median(run_linear, &c);
    double flops = 2 * weights * (double)c.m / t, read = weights * 2 / t;
    printf("%-22s m %5ld k %5ld n %6ld  %8.3f ms  %7.1f GFLOP/s %5.1f %%   %6.1f GB/s %5.1f %%\n", name, c.m, c.k,
           (int64_t)(weights / (double)c.k), t * 1e3, flops * 1e-9, 100 * flops / peak_flops, read * 1e-9,
           100 * read / peak_read);
    fflush(stdout);
}

static void bench_linear(const uint16_t *weights, int64_t weight_count, bool few) {
    float *x = values(6400 * 5120), *y = memory((int64_t)2048 * 17920 * 4);
    linear_case base = {.x = x, .weights = weights, .weight_count = weight_count, .count = 1};
#define LINE(NAME, M_, K_, ...)                                                                                        \
    do {                                                                                                               \
        linear_case c = base;                                                                                          \
        int64_t ns[] = {__VA_ARGS__}, offset = 0;                                                                      \
        c.m = M_, c.k = K_, c.count = (int)(sizeof ns / sizeof *ns);                                                   \
        for (int i = 0; i < c.count; i++) {                                                                            \
            c.n[i] = ns[i];                                                                                            \
            c.y[i] = y + offset;                                                                                       \
            offset += ns[i] * c.m;                                                                                     \
        }                                                                                                              \
        linear_line(c, NAME);                                                                                          \
    } while (0)
    if (few) {
        int64_t rows[] = {1, 2, 3, 4, 5, 8, 12, 16, 32, 64, 128};
        for (int i = 0; i < 11; i++) {
            int64_t m = rows[i];
            LINE("q, k, v", m, 1536, 1536, 256, 256);
            LINE("attention out", m, 1536, 1536);
            LINE("gate, up", m, 1536, 8960, 8960);
            LINE("down", m, 8960, 1536);
            if (m <= 4) LINE("logits", m, 1536, 151936);
        }
    } else {
        int64_t rows[] = {512, 2048};
        for (int i = 0; i < 2; i++) {
            int64_t m = rows[i];
            LINE("q, k, v", m, 1536, 1536, 256, 256);
            LINE("attention out", m, 1536, 1536);
            LINE("gate, up", m, 1536, 8960, 8960);
            LINE("down", m, 8960, 1536);
        }
        LINE("vision qkv", 6400, 1280, 3840);
        LINE("vision out", 6400, 1280, 1280);
        LINE("vision fc1", 6400, 1280, 5120);
        LINE("vision fc2", 6400, 5120, 1280);
        LINE("merger 1", 1600, 5120, 5120);
        LINE("merger 2", 1600, 5120, 1536);
        LINE("patch embedding", 6400, 1176, 1280);
        base.activation = CK_ACT_QUICK_GELU;
        LINE("vision fc1, quick-gelu", 6400, 1280, 5120);
        base.activation = CK_ACT_NONE;
        base.residual = true;
        LINE("vision fc2, residual", 6400, 5120, 1280);
    }
}

// MARK: Attention

static void run_attention(void *context, int64_t round) {
    (void)round;
    ck_attention(pool, context);
}

static void attention_line(const char *name, int64_t queries, int64_t keys, int64_t heads, int64_t kv_heads,
                           int64_t dim, bool causal) {
    // The encoder's q, k and v lie side by side in one matrix, as its fused projection leaves them; the text model's
    // keys and values in a cache each.
    bool fused = heads == kv_heads;
    int64_t kv_stride = fused ? 3 * heads * dim : kv_heads * dim, q_stride = fused ? kv_stride : heads * dim;
    float *q = values((queries > keys ? queries : keys) * q_stride), *out = memory(queries * heads * dim * 4);
    float *k = fused ? q + heads * dim : values(keys * kv_stride), *v = fused ? k + heads * dim : values(keys * kv_stride);
    ck_segment segment = {0, queries, 0, keys, causal};
    ck_attention_args args = {.q = q,
                              .k = k,
                              .v = v,
                              .out = out,
                              .q_stride = q_stride,
                              .kv_stride = kv_stride,
                              .out_stride = heads * dim,
                              .heads = heads,
                              .kv_heads = kv_heads,
                              .head_dim = dim,
                              .scale = (float)(1 / sqrt((double)dim)),
                              .segments = &segment,
                              .segment_count = 1};
    double t = median(run_attention, &args);
    double pairs = causal ? (double)queries * (double)keys - (double)queries * (double)(queries - 1) / 2
                          : (double)queries * (double)keys;
    double flops = 4 * pairs * (double)(heads * dim) / t;
    printf("%-22s q %5ld k %5ld heads %ld/%ld of %ld  %8.3f ms  %7.1f GFLOP/s %5.1f %%\n", name, queries, keys, heads,
           kv_heads, dim, t * 1e3, flops * 1e-9, 100 * flops / peak_flops);
    fflush(stdout);
    free(q), free(out);
    if (!fused) free(k), free(v);
}

// MARK: Rows

typedef struct {
    float *x, *w, *y, *z;
    int64_t rows, n;
} rows_case;
static void run_layer_norm(void *context, int64_t round) {
    (void)round;
    rows_case *c = context;
    ck_layer_norm(pool, c->x, c->w, c->w, 1e-6f, c->y, c->rows, c->n);
}
static void run_rms_norm(void *context, int64_t round) {
    (void)round;
    rows_case *c = context;
    ck_rms_norm(pool, c->x, c->w, 1e-6f, c->y, c->rows, c->n);
}
static void run_silu_mul(void *context, int64_t round) {
    (void)round;
    rows_case *c = context;
    ck_silu_mul(pool, c->x, c->z, c->y, c->rows * c->n);
}
static void run_quick_gelu(void *context, int64_t round) {
    (void)round;
    rows_case *c = context;
    ck_quick_gelu(pool, c->x, c->y, c->rows * c->n);
}
static void run_gelu(void *context, int64_t round) {
    (void)round;
    rows_case *c = context;
    ck_gelu(pool, c->x, c->y, c->rows * c->n);
}
static void run_softmax(void *context, int64_t round) {
    (void)round;
    rows_case *c = context;
    ck_softmax(pool, c->x, c->y, c->rows, c->n);
}
static void run_argmax(void *context, int64_t round) {
    (void)round;
    rows_case *c = context;
    c->y[0] = (float)ck_argmax(c->x, c->n);
}
static void run_top_k(void *context, int64_t round) {
    (void)round;
    rows_case *c = context;
    ck_top_k(c->x, c->n, 50, (int64_t *)c->y);
}

static void rows_line(const char *name, body run, int64_t rows, int64_t n) {
    rows_case c = {values(rows * n), values(n), memory(rows * n * 4 + 400), values(rows * n), rows, n};
    double t = median(run, &c);
    printf("%-22s rows %5ld n %6ld  %9.2f us  %6.2f Gelement/s\n", name, rows, n, t * 1e6,
           (double)(rows * n) / t * 1e-9);
    free(c.x), free(c.w), free(c.y), free(c.z);
}

// MARK: The pool

static void nothing(void *context, int64_t index, int worker) { (void)context, (void)index, (void)worker; }
static void run_region(void *context, int64_t round) {
    (void)context, (void)round;
    for (int i = 0; i < 100; i++) ck_parallel_for(pool, 2, nothing, NULL);
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "all";
    bool all = strcmp(what, "all") == 0;
    const char *wanted = getenv("THREADS");
    pool = ck_pool_create(wanted ? atoi(wanted) : ck_available_processors());
    const int64_t weight_count = 512 << 20;
    uint16_t *weights = NULL;
    measure_ceilings(1);
    printf("%s, %d threads: %.1f GFLOP/s\n", ck_isa_name(ck_isa_current()), ck_pool_threads(pool), peak_flops * 1e-9);
    if (all || !strcmp(what, "linear") || !strcmp(what, "stream")) {
        weights = mapped_weights(weight_count);
        mapped = weights, mapped_bytes = weight_count * 2;
        measure_ceilings(1);
        printf("reads of a mapped file: %.1f GB/s\n", peak_read * 1e-9);
    }
    if (all || !strcmp(what, "linear")) bench_linear(weights, weight_count, false);
    if (all || !strcmp(what, "stream")) bench_linear(weights, weight_count, true);
    if (all || !strcmp(what, "attention")) {
        attention_line("vision", 6400, 6400, 16, 16, 80, false);
        attention_line("vision", 1024, 1024, 16, 16, 80, false);
        attention_line("vision window", 64, 64, 16, 16, 80, false);
        attention_line("prefill", 2048, 2048, 12, 2, 128, true);
        attention_line("prefill", 512, 512, 12, 2, 128, true);
        attention_line("prefill after 4096", 512, 4608, 12, 2, 128, true);
    }
    if (all || !strcmp(what, "decode")) {
        attention_line("decode", 1, 512, 12, 2, 128, true);
        attention_line("decode", 1, 4096, 12, 2, 128, true);
        attention_line("decode", 1, 4096, 28, 4, 128, true);
        attention_line("decode", 1, 32768, 12, 2, 128, true);
    }
    if (all || !strcmp(what, "rows")) {
        rows_line("layer norm", run_layer_norm, 6400, 1280);
        rows_line("rms norm", run_rms_norm, 2048, 1536);
        rows_line("rms norm", run_rms_norm, 1, 1536);
        rows_line("silu · up", run_silu_mul, 2048, 8960);
        rows_line("silu · up", run_silu_mul, 1, 8960);
        rows_line("quick gelu", run_quick_gelu, 6400, 5120);
        rows_line("gelu", run_gelu, 1600, 5120);
        rows_line("softmax", run_softmax, 1, 151936);
        rows_line("argmax", run_argmax, 1, 151936);
        rows_line("top 50", run_top_k, 1, 151936);
    }
    if (all || !strcmp(what, "pool"))
        printf("fork and join: %.2f us\n", median(run_region, NULL) * 1e6 / 100);
    ck_pool_destroy(pool);
    return 0;
}
