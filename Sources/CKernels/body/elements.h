// Element by element, searches, and the loops that measure the machine.

static void silu_mul_run(const float *gate, const float *up, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += VW)
        store_up_to(y + i, silu(load_up_to(gate + i, n - i)) * load_up_to(up + i, n - i), n - i);
}
static void quick_gelu_run(const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += VW) store_up_to(y + i, quick_gelu(load_up_to(x + i, n - i)), n - i);
}
static void gelu_run(const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += VW) store_up_to(y + i, gelu(load_up_to(x + i, n - i)), n - i);
}
static void add_run(const float *a, const float *b, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += VW)
        store_up_to(y + i, load_up_to(a + i, n - i) + load_up_to(b + i, n - i), n - i);
}
INLINE void to_f32_as(ck_dtype type, const void *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i += VW) store_up_to(y + i, load_typed_up_to(at(x, type, i), type, n - i), n - i);
}
static void to_f32_run(const void *x, ck_dtype type, float *y, int64_t n) {
    switch (type) {
    case CK_F32: __builtin_memcpy(y, x, (size_t)n * 4); break;
    case CK_BF16: to_f32_as(CK_BF16, x, y, n); break;
    case CK_F16: to_f32_as(CK_F16, x, y, n); break;
    }
}

static bool all_finite_run(const float *x, int64_t n) {
    // The largest magnitude, as bits: infinity and NaN have all bits of the exponent set.
    for (int64_t i = 0; i < n; i += 4096) {
        int64_t end = ck_min(i + 4096, n);
        vu most = (vu)(0);
        for (int64_t j = i; j < end; j += VW) {
            vu bits = as_bits(load_up_to(x + j, end - j)) & 0x7fffffff;
            vu larger_bits = (vu)(bits > most);
            most = (larger_bits & bits) | (~larger_bits & most);
        }
        for (int l = 0; l < VW; l++)
            if (most[l] >= 0x7f800000) return false;
    }
    return true;
}

static float maximum_run(const float *x, int64_t n) {
    const float low = -__builtin_inff();
    vf top[4];
    UNROLL for (int c = 0; c < 4; c++) top[c] = splat(low);
    int64_t i = 0;
    for (; i + 4 * VW <= n; i += 4 * VW) {
        UNROLL for (int c = 0; c < 4; c++) top[c] = larger(load(x + i + c * VW), top[c]);
    }
    vf most = larger(larger(top[0], top[1]), larger(top[2], top[3]));
    float result = low;
    for (int l = 0; l < VW; l++)
        if (most[l] > result) result = most[l];
    for (; i < n; i++)
        if (x[i] > result) result = x[i];
    return result;
}

/// Whether any lane of a mask is set.
INLINE bool any(vi mask) { return __builtin_reduce_or(mask) != 0; }

static int64_t first_above_run(const float *x, int64_t n, float bound) {
    int64_t i = 0;
    while (i + 4 * VW <= n) {
        vi hit = (vi)(0);
        UNROLL for (int c = 0; c < 4; c++) hit |= load(x + i + c * VW) > splat(bound);
        if (any(hit)) break;
        i += 4 * VW;
    }
    while (i < n && !(x[i] > bound)) i++;
    return i;
}

static int64_t first_equal_run(const float *x, int64_t n, float value) {
    int64_t i = 0;
    while (i + 4 * VW <= n) {
        vi hit = (vi)(0);
        UNROLL for (int c = 0; c < 4; c++) hit |= load(x + i + c * VW) == splat(value);
        if (any(hit)) break;
        i += 4 * VW;
    }
    while (i < n && x[i] != value) i++;
    return i;
}

/// Independent chains of fused multiply-adds, enough to fill the pipes.
static double fma_burst_run(int64_t rounds) {
    enum { CHAINS = 12 };
    volatile float source[2] = {0.999999f, 1e-9f};
    vf x = splat(source[0]), y = splat(source[1]), sum[CHAINS];
    UNROLL for (int c = 0; c < CHAINS; c++) sum[c] = splat((float)c);
    for (int64_t i = 0; i < rounds; i++) {
        UNROLL for (int c = 0; c < CHAINS; c++) sum[c] = fma_(sum[c], x, y);
    }
    vf all = splat(0);
    UNROLL for (int c = 0; c < CHAINS; c++) all += sum[c];
    source[0] = all[0];
    return 2.0 * CHAINS * VW * (double)rounds;
}

/// Reads whole registers; what they hold only has to reach the result.
static uint64_t read_all_run(const void *p, int64_t bytes) {
    const char *from = p;
    vu mix[4];
    UNROLL for (int c = 0; c < 4; c++) mix[c] = (vu)(0);
    for (int64_t i = 0; i + 16 * VW <= bytes; i += 16 * VW) {
        UNROLL for (int c = 0; c < 4; c++) mix[c] ^= *(const vu_any *)(from + i + c * 4 * VW);
    }
    vu all = mix[0] ^ mix[1] ^ mix[2] ^ mix[3];
    uint64_t result = 0;
    for (int l = 0; l < VW; l++) result ^= all[l];
    return result;
}
