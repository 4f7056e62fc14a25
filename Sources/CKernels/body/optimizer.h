// What a training step does to all of its parameters: the norm of the gradient, and AdamW.

typedef double vd __attribute__((ext_vector_type(VW)));

/// Σ x², in double. A float32's square is exact there, so only the additions round; they have 16 lanes everywhere
/// (element i goes to lane i mod 16, in ascending order), which are added pairwise.
static double sum_of_squares_run(const float *x, int64_t n) {
    vd sum[PARTS];
    UNROLL for (int p = 0; p < PARTS; p++) sum[p] = (vd)(0);
    for (int64_t i = 0; i < n; i += 16) {
        lanes16 t = load16(x + i, n - i, 0);
        UNROLL for (int p = 0; p < PARTS; p++) {
            vd wide = __builtin_convertvector(t.part[p], vd);
            sum[p] += wide * wide;
        }
    }
    double lane[16];
    UNROLL for (int p = 0; p < PARTS; p++)
        for (int l = 0; l < VW; l++) lane[p * VW + l] = sum[p][l];
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

/// One step for n elements of one parameter, everything in one pass: four streams are read, three written.
static void adamw_run(float *p, const float *g, float *m, float *v, const ck_adamw_constants *c, int64_t n) {
    for (int64_t i = 0; i < n; i += VW) {
        int64_t left = n - i;
        vf gradient = load_up_to(g + i, left) * splat(c->gradient_scale);
        vf first = load_up_to(m + i, left), second = load_up_to(v + i, left);
        first = fma_(gradient - first, splat(c->first_rest), first);
        second = fma_(gradient * gradient, splat(c->second_rest), second * splat(c->second_kept));
        vf size = fma_(__builtin_elementwise_sqrt(second), splat(c->second_correction), splat(c->epsilon));
        vf kept = load_up_to(p + i, left) * splat(c->kept);
        store_up_to(p + i, fma_(first / size, splat(-c->step), kept), left);
        store_up_to(m + i, first, left);
        store_up_to(v + i, second, left);
    }
}
