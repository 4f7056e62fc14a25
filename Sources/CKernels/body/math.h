// Elementary functions, lane by lane, with one sequence of operations on every instruction set.

/// exp's polynomial on r = x − n·ln 2, and n biased into the bits of a float: 1 + r + r²·q(r), q the minimax
/// polynomial of degree 4 on |r| ≤ ½ ln 2 (relative error 3e-9, so the result is rounding only).
INLINE vf exp_parts(vf x, float bias, vf *scale) {
    // Adding 1.5·2^23 rounds to an integer and leaves it in the low bits, where a shift makes it an exponent.
    const float magic = 0x1.8p23f + bias;
    vf t = fma_(x, splat(0x1.715476p+0f), splat(magic));
    vf n = t - splat(magic);
    vf r = fma_(n, splat(-0x1.62e43p-1f), x);
    r = fma_(n, splat(0x1.05c61p-29f), r);
    vf p = splat(0x1.6a23dp-10f);
    p = fma_(p, r, splat(0x1.123a2p-7f));
    p = fma_(p, r, splat(0x1.5558f2p-5f));
    p = fma_(p, r, splat(0x1.555492p-3f));
    p = fma_(p, r, splat(0x1.fffffcp-2f));
    p = fma_(p, r, splat(1));
    *scale = as_float(as_bits(t) << 23);
    return fma_(p, r, splat(1));
}

/// e^x to 1 ulp for x ≤ 0; exactly 0 below −86.98, where results come near the subnormals. NaN stays NaN.
INLINE vf exp_nonpositive(vf x) {
    vf scale, p = exp_parts(x, 127, &scale);
    return select(x < splat(-86.98f), splat(0), p * scale);
}

/// e^x for any x: the same bits as exp_nonpositive where that applies, infinity above float32's range.
INLINE vf exp_any(vf x) {
    vf scale, p = exp_parts(x, 126, &scale);
    vf y = (p * scale) * splat(2); // 2^128 is no float32, 2^127 is
    y = select(x < splat(-86.98f), splat(0), y);
    return select(x > splat(88.72283f), splat(__builtin_inff()), y);
}

/// x · sigmoid(x)
INLINE vf silu(vf x) { return x / (splat(1) + exp_any(-x)); }
/// x · sigmoid(1.702 x)
INLINE vf quick_gelu(vf x) { return x / (splat(1) + exp_any(splat(-1.702f) * x)); }

/// Φ(x), the normal distribution below x, and e^(−x²/2). With a = |x|, Φ(−a) = e^(−a²/2) · R(a),
/// R(a) = ½ erfcx(a/√2) = t·q(t), t = 1/(1 + a/4): q is the minimax polynomial of degree 9 for 0 ≤ a ≤ 13.4 (relative
/// error 8e-9).
INLINE vf normal_below(vf x, vf *density) {
    vf a = select(x < splat(0), -x, x);
    a = select(a > splat(14), splat(14), a);
    vf square = a * a;
    vf rest = fma_(a, a, -square); // what rounding a² lost, given back to first order
    vf e = exp_nonpositive(splat(-0.5f) * square);
    e = fma_(e, splat(-0.5f) * rest, e);
    *density = e;
    vf t = splat(1) / fma_(a, splat(0.25f), splat(1));
    vf q = splat(0x1.08cf02p-6f);
    q = fma_(q, t, splat(-0x1.ef3c1ep-5f));
    q = fma_(q, t, splat(0x1.787506p-5f));
    q = fma_(q, t, splat(0x1.29b0d8p-5f));
    q = fma_(q, t, splat(0x1.7f2306p-8f));
    q = fma_(q, t, splat(0x1.72c95ep-4f));
    q = fma_(q, t, splat(0x1.21224cp-4f));
    q = fma_(q, t, splat(0x1.888b84p-4f));
    q = fma_(q, t, splat(0x1.975a5ep-4f));
    q = fma_(q, t, splat(0x1.9893a4p-4f));
    vf tail = e * (t * q);
    return select(x < splat(0), tail, splat(1) - tail);
}

/// x · Φ(x)
INLINE vf gelu(vf x) {
    vf density;
    return x * normal_below(x, &density);
}

INLINE vf activate(vf x, ck_activation activation) {
    switch (activation) {
    case CK_ACT_NONE: return x;
    case CK_ACT_QUICK_GELU: return quick_gelu(x);
    case CK_ACT_GELU: return gelu(x);
    }
    return x;
}
