// The register tile that products and attention share: up to MR rows by NV registers of outputs, or up to MR1 by one
// register, each output a chain of fused multiply-adds in ascending order. Lanes are outputs, so no sum ever crosses a
// register.

typedef enum {
    TILE_STORE,     // c = Σ
    TILE_ADD,       // c = c + Σ
    TILE_CONTINUE,  // c = the chain that starts from c · scale
} tile_end;

enum { STEPS = 4, LINE = 16 }; // steps per turn of the loop, floats per cache line
enum { TILE_ROWS = MR1 > MR ? MR1 : MR };

/// One step of the chains: sum[r][·] += a[r] · b[·], where row r is a[r / 3][r % 3 · a_row].
INLINE void tile_step(int R, int V, const float *const *a, int64_t a_row, int64_t offset, const float *b,
                      vf sum[TILE_ROWS][NV]) {
    vf y[NV];
    UNROLL for (int v = 0; v < V; v++) y[v] = load(b + v * VW);
    UNROLL for (int r = 0; r < R; r++) {
        vf x = splat(a[r / 3][r % 3 * a_row + offset]);
        UNROLL for (int v = 0; v < V; v++) sum[r][v] = fma_(x, y[v], sum[r][v]);
    }
}

/// c[r][·] from Σ_i a[r·a_row + i·a_step] · b[i][·] for r < R; rows of b and c are V registers long. What lies at
/// `ahead`, a line for every few steps, is brought into the second-level cache along the way.
INLINE void tile(int R, int V, tile_end end, int64_t count, const float *a, int64_t a_row, int64_t a_step,
                 const float *b, float *c, const vf *scale, const float *ahead) {
    vf sum[TILE_ROWS][NV];
    UNROLL for (int r = 0; r < R; r++) {
        UNROLL for (int v = 0; v < V; v++)
            sum[r][v] = end == TILE_CONTINUE ? load(c + (r * V + v) * VW) * scale[v] : splat(0);
    }
    if (end == TILE_ADD) {
        UNROLL for (int r = 0; r < R * V * VW; r += LINE) __builtin_prefetch(c + r, 1, 3);
    }
    // A pointer for every three rows: their offsets 0, 1 and 2 strides are addressing modes. The compiler would
    // rather keep a pointer per row, more than there are registers, so it must not see how they are related.
    enum { GROUPS = (TILE_ROWS + 2) / 3 };
    const float *rows[GROUPS];
    UNROLL for (int g = 0; g < GROUPS; g++) rows[g] = a + (a_row == 1 ? 3 * g : g * 3 * a_row);
    int64_t i = 0;
    for (; i + STEPS <= count; i += STEPS) {
        if (a_row != 1) {
            UNROLL for (int g = 0; g < (R + 2) / 3; g++) __asm__("" : "+r"(rows[g]));
        }
        if (ahead != NULL) {
            __builtin_prefetch(ahead, 0, 2);
            ahead += LINE;
        }
        UNROLL for (int u = 0; u < STEPS; u++) tile_step(R, V, rows, a_row, u * a_step, b + u * V * VW, sum);
        UNROLL for (int g = 0; g < GROUPS; g++) rows[g] += STEPS * a_step;
        b += STEPS * V * VW;
    }
    for (; i < count; i++) {
        tile_step(R, V, rows, a_row, 0, b, sum);
        UNROLL for (int g = 0; g < GROUPS; g++) rows[g] += a_step;
        b += V * VW;
    }
    UNROLL for (int r = 0; r < R; r++) {
        UNROLL for (int v = 0; v < V; v++) {
            float *out = c + (r * V + v) * VW;
            store(out, end == TILE_ADD ? load(out) + sum[r][v] : sum[r][v]);
        }
    }
}

// One case for each number of rows, so that every tile's sums are in registers.
#define TILE_CASES_4(C) C(1) C(2) C(3) C(4)
#define TILE_CASES_6(C) TILE_CASES_4(C) C(5) C(6)
#define TILE_CASES_12(C) TILE_CASES_6(C) C(7) C(8) C(9) C(10) C(11) C(12)
#define TILE_CASES_14(C) TILE_CASES_12(C) C(13) C(14)
#define TILE_CASES_OF(N, C) TILE_CASES_##N(C)
#define TILE_CASES(N, C) TILE_CASES_OF(N, C)

/// Cuts n into the fewest runs of at most `most`, of nearly one length: the start of run i.
INLINE int64_t run_start(int64_t n, int64_t runs, int64_t i) { return i * n / runs; }
