// The two passes of a separable resampling in 22-bit fixed point. The arithmetic is exact in 32-bit integers, so the
// result does not depend on the instruction set or on how rows are shared among threads.
#include "cmedia.h"

#include <string.h>

// One body per pass; the loader picks the widest instruction set the processor has.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define CM_CLONES __attribute__((target_clones("avx512bw", "avx2", "default")))
#else
#define CM_CLONES
#endif
#define CM_INLINE static inline __attribute__((always_inline))

typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int32_t i32x16 __attribute__((vector_size(64)));

/// Sixteen rows of sixteen bytes become sixteen columns: four rounds of interleaving halves.
CM_INLINE void transpose16(u8x16 m[16]) {
  for (int round = 0; round < 4; round++) {
    u8x16 next[16];
    for (int i = 0; i < 8; i++) {
      next[2 * i] = __builtin_shufflevector(
          m[i], m[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(
          m[i], m[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    memcpy(m, next, sizeof next);
  }
}

/// Sums to bytes. By pointer, since passing 64-byte vectors by value would tie the ABI to AVX-512.
CM_INLINE void clip8(const i32x16 *sum, u8x16 *out) {
  const i32x16 zero = {0};
  const i32x16 top = zero + 255;
  *out = __builtin_convertvector(
      __builtin_elementwise_min(__builtin_elementwise_max(*sum >> CM_COEFFICIENT_BITS, zero), top), u8x16);
}

CM_CLONES
void cm_resample_row_block(
    const uint8_t *src, size_t src_width, uint8_t *dst, size_t dst_width, size_t rows, const int32_t *firsts,
    const int32_t *counts, const int32_t *coefficients, size_t taps, uint8_t *scratch) {
  const size_t src_bytes = src_width * 3, dst_bytes = dst_width * 3;

  // Turn the rows into columns of sixteen bytes, so that one vector holds the same sample of every row.
  for (size_t at = 0; at < src_bytes; at += 16) {
    u8x16 m[16];
    const size_t wide = src_bytes - at < 16 ? src_bytes - at : 16;
    for (size_t r = 0; r < 16; r++) {
      const uint8_t *row = src + (r < rows ? r : 0) * src_bytes + at;
      if (wide == 16) {
        memcpy(&m[r], row, 16);
      } else {
        m[r] = (u8x16){0};
        memcpy(&m[r], row, wide);
      }
    }
    transpose16(m);
    memcpy(scratch + at * 16, m, sizeof m);
  }

  u8x16 columns[18];  // finished columns of the output that are not stored yet: at most 15 + 3
  size_t held = 0, stored = 0;
  for (size_t x = 0; x < dst_width; x++) {
    const int32_t *k = coefficients + x * taps;
    const uint8_t *in = scratch + (size_t)firsts[x] * 48;
    i32x16 r = {0}, g, b;
    r = r + (1 << (CM_COEFFICIENT_BITS - 1));
    g = b = r;
    for (int32_t t = 0; t < counts[x]; t++, in += 48) {
      u8x16 red, green, blue;
      memcpy(&red, in, 16);
      memcpy(&green, in + 16, 16);
      memcpy(&blue, in + 32, 16);
      r += __builtin_convertvector(red, i32x16) * k[t];
      g += __builtin_convertvector(green, i32x16) * k[t];
      b += __builtin_convertvector(blue, i32x16) * k[t];
    }
    clip8(&r, &columns[held]);
    clip8(&g, &columns[held + 1]);
    clip8(&b, &columns[held + 2]);
    held += 3;
    if (held < 16 && x + 1 < dst_width) continue;

    // Back to rows. The last time there may be fewer than sixteen columns, or up to two more than sixteen.
    while (held >= 16 || (x + 1 == dst_width && held > 0)) {
      const size_t wide = held < 16 ? held : 16;
      u8x16 m[16];
      for (size_t i = 0; i < 16; i++) m[i] = i < wide ? columns[i] : (u8x16){0};
      transpose16(m);
      for (size_t row = 0; row < rows; row++) {
        uint8_t *to = dst + row * dst_bytes + stored;
        if (wide == 16) memcpy(to, &m[row], 16);
        else memcpy(to, &m[row], wide);
      }
      stored += wide;
      for (size_t i = wide; i < held; i++) columns[i - wide] = columns[i];
      held -= wide;
    }
  }
}

CM_CLONES
void cm_resample_column_row(
    const uint8_t *src, size_t row_bytes, uint8_t *dst, const int32_t *coefficients, size_t count) {
  size_t at = 0;
  for (; at + 64 <= row_bytes; at += 64) {
    i32x16 sums[4];
    for (int i = 0; i < 4; i++) sums[i] = (i32x16){0} + (1 << (CM_COEFFICIENT_BITS - 1));
    const uint8_t *in = src + at;
    for (size_t t = 0; t < count; t++, in += row_bytes)
      for (int i = 0; i < 4; i++) {
        u8x16 samples;
        memcpy(&samples, in + 16 * i, 16);
        sums[i] += __builtin_convertvector(samples, i32x16) * coefficients[t];
      }
    for (int i = 0; i < 4; i++) {
      u8x16 result;
      clip8(&sums[i], &result);
      memcpy(dst + at + 16 * i, &result, 16);
    }
  }
  for (; at < row_bytes; at++) {
    int32_t sum = 1 << (CM_COEFFICIENT_BITS - 1);
    for (size_t t = 0; t < count; t++) sum += src[t * row_bytes + at] * coefficients[t];
    sum >>= CM_COEFFICIENT_BITS;
    dst[at] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
  }
}
