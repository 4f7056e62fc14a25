// The parts of VLMedia that are C: a PNG reader whose longjmps stay inside C, and the byte loops of picture work.
//
// Pictures are 8-bit interleaved RGB, rows top to bottom without padding unless a stride is passed.
#ifndef CMEDIA_H
#define CMEDIA_H

#include <stddef.h>
#include <stdint.h>

// ---- PNG ----------------------------------------------------------------------------------------------------------

/// A PNG being read from memory. The bytes must outlive it.
typedef struct cm_png cm_png;

/// What a PNG's header says.
typedef struct {
  uint32_t width, height;
  uint8_t bit_depth;   // 1, 2, 4, 8 or 16
  uint8_t color_type;  // libpng's PNG_COLOR_TYPE_*
  uint8_t interlaced;  // 0 or 1
  uint8_t has_alpha;   // an alpha channel or a tRNS chunk
} cm_png_header;

/// Reads everything before the picture data. NULL: `message` (of `message_size` bytes) says why.
cm_png *cm_png_open(const uint8_t *bytes, size_t count, cm_png_header *header, char *message, size_t message_size);

/// Reads the picture into `rgb` (width * height * 3 bytes) with transparency composited on white, and the rest of
/// the file. 0: done; otherwise `message` says why not.
int cm_png_read(cm_png *png, uint8_t *rgb, char *message, size_t message_size);

/// The eXIf chunk (valid until cm_png_close), NULL if none was met so far.
const uint8_t *cm_png_exif(cm_png *png, size_t *count);

/// Frees the reader.
void cm_png_close(cm_png *png);

/// The most bytes that a PNG of this size can take; 0 if it is too large to write.
size_t cm_png_bound(size_t width, size_t height);

/// Writes `rgb` as a PNG of 8 bits to `bytes`, which has room for `*count`; then `*count` is what it took. 0: done.
int cm_png_write(const uint8_t *rgb, size_t width, size_t height, uint8_t *bytes, size_t *count);

// ---- TIFF ---------------------------------------------------------------------------------------------------------

/// A TIFF being read from memory, its first picture. The bytes must outlive it.
typedef struct cm_tiff cm_tiff;

/// How transparency is stored: not at all, beside the colours, or multiplied into them.
enum { CM_TIFF_OPAQUE, CM_TIFF_STRAIGHT, CM_TIFF_PREMULTIPLIED };

/// What a TIFF's first directory says.
typedef struct {
  uint32_t width, height;
  uint16_t bits;         // per sample: 1, 2, 4, 8 or 16
  uint16_t samples;      // per pixel, as stored
  uint16_t channels;     // per pixel, of those that are used
  uint16_t photometric;  // libtiff's PHOTOMETRIC_*
  uint16_t orientation;  // as in EXIF
  uint8_t alpha;         // CM_TIFF_*
  uint8_t separate;      // whether each sample has a plane of its own
  uint8_t tiled;
} cm_tiff_header;

/// Reads the first directory. NULL: `message` (of `message_size` bytes) says why; it starts with `unsupported: ` for a
/// well-formed TIFF of a kind that is not read.
cm_tiff *cm_tiff_open(const uint8_t *bytes, size_t count, cm_tiff_header *header, char *message, size_t message_size);

/// Reads the picture into `rgb` (width * height * 3 bytes), transparency composited on white. 0: done; otherwise
/// `message` says why not.
int cm_tiff_read(cm_tiff *tiff, uint8_t *rgb, char *message, size_t message_size);

/// Frees the reader.
void cm_tiff_close(cm_tiff *tiff);

// ---- Pixels -------------------------------------------------------------------------------------------------------

/// RGBA composited on white: c -> round((255 * (255 - a) + c * a) / 255), the rounding of Pillow's paste.
void cm_rgba_on_white(const uint8_t *rgba, uint8_t *rgb, size_t pixels);

/// Inverted CMYK (as Adobe stores it in JPEG) to RGB: each channel round(c * k / 255), clamped the way Pillow does.
void cm_inverted_cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t pixels);

/// Rows [first, last) of the picture that results from applying EXIF `orientation` (1...8) to `src` of width * height.
void cm_orient(
    const uint8_t *src, size_t width, size_t height, int orientation, uint8_t *dst, size_t first, size_t last);

// ---- Resampling ---------------------------------------------------------------------------------------------------

/// Fixed-point bits of a resampling coefficient.
#define CM_COEFFICIENT_BITS 22

/// Rows handled together by cm_resample_row_block.
#define CM_ROW_BLOCK 16

/// Horizontal pass over `rows` (1...CM_ROW_BLOCK) rows: out[x] = clip8((2^21 + sum over t < counts[x] of
/// in[firsts[x] + t] * coefficients[x * taps + t]) >> 22) for each of the three channels.
/// `scratch` has room for (src_width * 3 + 16) * CM_ROW_BLOCK bytes.
void cm_resample_row_block(
    const uint8_t *src, size_t src_width, uint8_t *dst, size_t dst_width, size_t rows, const int32_t *firsts,
    const int32_t *counts, const int32_t *coefficients, size_t taps, uint8_t *scratch);

/// Vertical pass for one output row of `row_bytes` bytes: the sum over `count` input rows that start at `src`.
void cm_resample_column_row(
    const uint8_t *src, size_t row_bytes, uint8_t *dst, const int32_t *coefficients, size_t count);

// ---- Patches ------------------------------------------------------------------------------------------------------

/// One patch of one frame: for each channel c, rows * columns table values go to out[c * channel_stride...].
/// `src` points at the patch's first pixel, `src_stride` is the picture's row in bytes, `table` is [3][256].
void cm_patch(
    const uint8_t *src, size_t src_stride, size_t patch, const float *table, float *out, size_t channel_stride);

#endif
