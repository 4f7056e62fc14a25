// The vector types of one instruction set, and the few operations that every body is written with.
//
// An isa_*.c file defines, before it includes body/all.h:
//   VW            float32 lanes in a register
//   NV            registers side by side in a tile: a tile is LANES = NV · VW outputs wide
//   MR            rows of a register tile, so that MR · NV sums, NV operands and a broadcast fit the registers
//   MR1           rows of a tile that is one register wide
//   MRS           MR rounded up to a whole register: the stride of packed rows
//   NARROW        the table of half as wide registers, where the machine has those too, or NULL
//   HALF_CONVERTS 1 where the machine converts float16 itself
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

enum { LANES = NV * VW };

typedef float vf __attribute__((ext_vector_type(VW)));
typedef int32_t vi __attribute__((ext_vector_type(VW)));
typedef uint32_t vu __attribute__((ext_vector_type(VW)));
typedef uint16_t vh __attribute__((ext_vector_type(VW)));
// The same at any address.
typedef vf vf_any __attribute__((aligned(4), may_alias));
typedef vu vu_any __attribute__((aligned(1), may_alias));
typedef vh vh_any __attribute__((aligned(1), may_alias));

INLINE vf load(const float *p) { return *(const vf_any *)p; }
INLINE void store(float *p, vf x) { *(vf_any *)p = x; }
INLINE vf splat(float x) { return (vf)(x); }
INLINE vf fma_(vf a, vf b, vf c) { return __builtin_elementwise_fma(a, b, c); }
INLINE vf as_float(vu x) { return __builtin_bit_cast(vf, x); }
INLINE vu as_bits(vf x) { return __builtin_bit_cast(vu, x); }
/// a where the mask is set, else b.
INLINE vf select(vi mask, vf a, vf b) { return mask ? a : b; }
/// The larger; b where either is NaN.
INLINE vf larger(vf a, vf b) { return select(a > b, a, b); }

/// The first n < VW elements at p, then zeros.
INLINE vf load_some(const float *p, int64_t n) {
    float all[VW] __attribute__((aligned(4 * VW))) = {0};
    for (int64_t i = 0; i < n; i++) all[i] = p[i];
    return *(const vf *)all;
}
INLINE void store_some(float *p, vf x, int64_t n) {
    float all[VW] __attribute__((aligned(4 * VW)));
    *(vf *)all = x;
    for (int64_t i = 0; i < n; i++) p[i] = all[i];
}
INLINE vf load_up_to(const float *p, int64_t n) { return n >= VW ? load(p) : load_some(p, n); }
INLINE void store_up_to(float *p, vf x, int64_t n) {
    if (n >= VW) store(p, x);
    else store_some(p, x, n);
}

// MARK: Narrow elements

/// float16 in the low halves of 32-bit lanes, as float32.
INLINE vf half_to_float(vu x) {
#if HALF_CONVERTS
    typedef _Float16 vhalf __attribute__((ext_vector_type(VW)));
    return __builtin_convertvector(__builtin_bit_cast(vhalf, __builtin_convertvector(x, vh)), vf);
#else
    // The exponent moves from bias 15 to 127 by one exact product, which also makes subnormals right.
    vu magnitude = (x & 0x7fff) << 13, sign = (x & 0x8000) << 16;
    vu scaled = as_bits(as_float(magnitude) * splat(0x1p112f));
    vu special = magnitude | 0x7f800000 | (vu)((vi)((x & 0x3ff) != 0) & 0x400000);
    return as_float(((vu)((x & 0x7c00) == 0x7c00) & special) | (~(vu)((x & 0x7c00) == 0x7c00) & scaled) | sign);
#endif
}
/// The even and the odd elements of lanes that hold pairs of 16-bit weights.
INLINE vf even_of_pair(vu x, ck_dtype type) {
    return type == CK_BF16 ? as_float(x << 16) : half_to_float(x & 0xffff);
}
INLINE vf odd_of_pair(vu x, ck_dtype type) {
    return type == CK_BF16 ? as_float(x & 0xffff0000) : half_to_float(x >> 16);
}
/// VW consecutive elements of any type.
INLINE vf load_typed(const void *p, ck_dtype type) {
    if (type == CK_F32) return load(p);
    vu wide = __builtin_convertvector(*(const vh_any *)p, vu);
    return type == CK_BF16 ? as_float(wide << 16) : half_to_float(wide);
}
INLINE vf load_typed_up_to(const void *p, ck_dtype type, int64_t n) {
    if (n >= VW) return load_typed(p, type);
    uint32_t all[VW] __attribute__((aligned(4))) = {0};
    __builtin_memcpy(all, p, (size_t)n * (type == CK_F32 ? 4 : 2));
    return load_typed(all, type);
}
INLINE const void *at(const void *p, ck_dtype type, int64_t index) {
    return (const char *)p + index * (type == CK_F32 ? 4 : 2);
}

// MARK: Transposition

#if VW == 16
#define LOW32(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH32(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW64(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH64(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define EVEN128(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD128(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
#elif VW == 8
#define LOW32(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH32(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW64(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH64(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define EVEN128(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define ODD128(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#else
#define LOW32(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH32(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW64(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define HIGH64(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif

/// Transposes VW rows of VW lanes in registers: first inside 128-bit quarters, then the quarters themselves.
INLINE void transpose(vu x[VW]) {
    vu t[VW], u[VW];
    UNROLL for (int i = 0; i < VW; i += 2) {
        t[i] = LOW32(x[i], x[i + 1]);
        t[i + 1] = HIGH32(x[i], x[i + 1]);
    }
    UNROLL for (int i = 0; i < VW; i += 4) {
        u[i] = LOW64(t[i], t[i + 2]);
        u[i + 1] = HIGH64(t[i], t[i + 2]);
        u[i + 2] = LOW64(t[i + 1], t[i + 3]);
        u[i + 3] = HIGH64(t[i + 1], t[i + 3]);
    }
#if VW == 16
    UNROLL for (int i = 0; i < 4; i++) {
        t[i] = EVEN128(u[i], u[i + 4]);
        t[i + 4] = ODD128(u[i], u[i + 4]);
        t[i + 8] = EVEN128(u[i + 8], u[i + 12]);
        t[i + 12] = ODD128(u[i + 8], u[i + 12]);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        x[i] = EVEN128(t[i], t[i + 8]);
        x[i + 8] = ODD128(t[i], t[i + 8]);
        x[i + 4] = EVEN128(t[i + 4], t[i + 12]);
        x[i + 12] = ODD128(t[i + 4], t[i + 12]);
    }
#elif VW == 8
    UNROLL for (int i = 0; i < 4; i++) {
        x[i] = EVEN128(u[i], u[i + 4]);
        x[i + 4] = ODD128(u[i], u[i + 4]);
    }
#else
    UNROLL for (int i = 0; i < 4; i++) x[i] = u[i];
#endif
}
