// Norms, softmax and the rotary embedding of one row. A sum has 16 lanes on every machine: element i goes to lane
// i mod 16, in ascending order, and the lanes are added pairwise.

enum { PARTS = 16 / VW };
typedef struct {
    vf part[PARTS];
} lanes16;

INLINE lanes16 zeros16(void) {
    lanes16 x;
    UNROLL for (int p = 0; p < PARTS; p++) x.part[p] = splat(0);
    return x;
}
/// Up to 16 elements of n, then `filler`.
INLINE lanes16 load16(const float *p, int64_t n, float filler) {
    lanes16 x;
    if (n >= 16) {
        UNROLL for (int i = 0; i < PARTS; i++) x.part[i] = load(p + i * VW);
        return x;
    }
    float all[16];
    for (int i = 0; i < 16; i++) all[i] = i < n ? p[i] : filler;
    UNROLL for (int i = 0; i < PARTS; i++) x.part[i] = load(all + i * VW);
    return x;
}
INLINE float sum16(lanes16 x) {
    float lane[16];
    UNROLL for (int p = 0; p < PARTS; p++) store(lane + p * VW, x.part[p]);
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

/// A row's mean and 1 / √(var + ε).
static void layer_norm_moments(const float *x, float eps, float *mean_out, float *scale_out, int64_t n) {
    lanes16 sum = zeros16();
    for (int64_t i = 0; i < n; i += 16) {
        lanes16 t = load16(x + i, n - i, 0);
        UNROLL for (int p = 0; p < PARTS; p++) sum.part[p] += t.part[p];
    }
    float mean = sum16(sum) / (float)n;
    sum = zeros16();
    for (int64_t i = 0; i < n; i += 16) {
        lanes16 t = load16(x + i, n - i, mean);
        UNROLL for (int p = 0; p < PARTS; p++) {
            vf d = t.part[p] - splat(mean);
            sum.part[p] = fma_(d, d, sum.part[p]);
        }
    }
    *mean_out = mean;
    *scale_out = 1 / __builtin_sqrtf(sum16(sum) / (float)n + eps);
}

static void layer_norm_row(const float *x, const float *w, const float *b, float eps, float *y, int64_t n) {
    float mean, factor;
    layer_norm_moments(x, eps, &mean, &factor, n);
    vf scale = splat(factor);
    for (int64_t i = 0; i < n; i += VW) {
        vf z = (load_up_to(x + i, n - i) - splat(mean)) * scale, g = load_up_to(w + i, n - i);
        store_up_to(y + i, b != NULL ? fma_(z, g, load_up_to(b + i, n - i)) : z * g, n - i);
    }
}

static void rms_norm_row(const float *x, const float *w, float eps, float *y, int64_t n) {
    lanes16 sum = zeros16();
    for (int64_t i = 0; i < n; i += 16) {
        lanes16 t = load16(x + i, n - i, 0);
        UNROLL for (int p = 0; p < PARTS; p++) sum.part[p] = fma_(t.part[p], t.part[p], sum.part[p]);
    }
    vf scale = splat(1 / __builtin_sqrtf(sum16(sum) / (float)n + eps));
    for (int64_t i = 0; i < n; i += VW)
        store_up_to(y + i, load_up_to(x + i, n - i) * scale * load_up_to(w + i, n - i), n - i);
}

static float maximum_run(const float *x, int64_t n);

static void softmax_row(const float *x, float *y, int64_t n) {
    float top = maximum_run(x, n);
    lanes16 sum = zeros16();
    for (int64_t i = 0; i < n; i += 16) {
        lanes16 t = load16(x + i, n - i, -__builtin_inff());
        UNROLL for (int p = 0; p < PARTS; p++) {
            vf e = exp_nonpositive(t.part[p] - splat(top));
            sum.part[p] += e;
            if (i + p * VW < n) store_up_to(y + i + p * VW, e, n - i - p * VW);
        }
    }
    vf total = splat(sum16(sum));
    for (int64_t i = 0; i < n; i += VW) store_up_to(y + i, load_up_to(y + i, n - i) / total, n - i);
}

/// The heads of one row; `half` is half of the head's dimension. Products and sums are rounded one by one, as
/// x · cos + rotate_half(x) · sin is in separate operations.
static void rotary_row(float *x, int64_t heads, int64_t half, const float *cos, const float *sin) {
    for (int64_t h = 0; h < heads; h++, x += 2 * half) {
        for (int64_t i = 0; i < half; i += VW) {
            int64_t n = half - i;
            vf a = load_up_to(x + i, n), b = load_up_to(x + half + i, n);
            vf c = load_up_to(cos + i, n), s = load_up_to(sin + i, n);
            vf first = a * c - b * s, second = b * c + a * s;
            store_up_to(x + i, first, n);
            store_up_to(x + half + i, second, n);
        }
    }
}
