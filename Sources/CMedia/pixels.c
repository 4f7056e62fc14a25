// Byte loops over whole pictures.
#include "cmedia.h"

#include <string.h>

/// round(value / 255) for value in 0...255*255, without a division.
static inline unsigned divide_by_255(unsigned value) {
  value += 128;
  return (value + (value >> 8)) >> 8;
}

void cm_rgba_on_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels) {
  for (size_t i = 0; i < pixels; i++) {
    const unsigned alpha = rgba[4 * i + 3];
    for (int c = 0; c < 3; c++)
      rgb[3 * i + c] = (uint8_t)divide_by_255(255 * (255 - alpha) + rgba[4 * i + c] * alpha);
  }
}

void cm_inverted_cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t pixels) {
  for (size_t i = 0; i < pixels; i++) {
    const unsigned light = cmyk[4 * i + 3];  // 255 - K
    for (int c = 0; c < 3; c++)
      // light * ink / 255 never exceeds light, so there is nothing to clamp.
      rgb[3 * i + c] = (uint8_t)(light - divide_by_255((255u - cmyk[4 * i + c]) * light));
  }
}

void cm_orient(
    const uint8_t *src, size_t width, size_t height, int orientation, uint8_t *dst, size_t first, size_t last) {
  // The source pixel of dst (x, y) is start + x * right + y * down, in pixels.
  const ptrdiff_t w = (ptrdiff_t)width, h = (ptrdiff_t)height;
  ptrdiff_t start = 0, right = 1, down = w;
  switch (orientation) {
    case 2: start = w - 1; right = -1; break;
    case 3: start = w * h - 1; right = -1; down = -w; break;
    case 4: start = w * (h - 1); down = -w; break;
    case 5: right = w; down = 1; break;
    case 6: start = w * (h - 1); right = -w; down = 1; break;
    case 7: start = w * h - 1; right = -w; down = -1; break;
    case 8: start = w - 1; right = w; down = -1; break;
    default: break;
  }
  const size_t columns = orientation >= 5 ? height : width;
  // In tiles: when sides are exchanged, one of the two pictures is walked against its rows.
  const size_t tile = 32;
  for (size_t y0 = first; y0 < last; y0 += tile) {
    const size_t y1 = y0 + tile < last ? y0 + tile : last;
    for (size_t x0 = 0; x0 < columns; x0 += tile) {
      const size_t x1 = x0 + tile < columns ? x0 + tile : columns;
      for (size_t y = y0; y < y1; y++) {
        const uint8_t *in = src + 3 * (start + (ptrdiff_t)x0 * right + (ptrdiff_t)y * down);
        uint8_t *out = dst + 3 * (y * columns + x0);
        for (size_t x = x0; x < x1; x++, in += 3 * right, out += 3) {
          out[0] = in[0];
          out[1] = in[1];
          out[2] = in[2];
        }
      }
    }
  }
}

void cm_patch(
    const uint8_t *src, size_t src_stride, size_t patch, const float *table, float *out, size_t channel_stride) {
  for (size_t y = 0; y < patch; y++) {
    const uint8_t *row = src + y * src_stride;
    float *to = out + y * patch;
    for (size_t x = 0; x < patch; x++) {
      to[x] = table[row[3 * x]];
      to[x + channel_stride] = table[256 + row[3 * x + 1]];
      to[x + 2 * channel_stride] = table[512 + row[3 * x + 2]];
    }
  }
}
