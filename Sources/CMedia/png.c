// Reading PNG with libpng. libpng reports errors by longjmp; every setjmp is here, so no jump crosses a Swift frame.
#include "cmedia.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct cm_png {
  png_structp reader;
  png_infop info;
  const uint8_t *bytes;
  size_t count, offset;
  char *message;  // where the error now being reported goes
  size_t message_size;
  uint8_t *rows;  // the unconverted samples: one row, or all rows when interlaced
  png_bytep *row_pointers;
  cm_png_header header;
};

static void on_error(png_structp reader, png_const_charp text) {
  cm_png *png = png_get_error_ptr(reader);
  if (png->message_size > 0) {
    strncpy(png->message, text, png->message_size - 1);
    png->message[png->message_size - 1] = 0;
  }
  png_longjmp(reader, 1);
}

static void on_warning(png_structp reader, png_const_charp text) {
  (void)reader;
  (void)text;
}

static void read_bytes(png_structp reader, png_bytep to, size_t count) {
  cm_png *png = png_get_io_ptr(reader);
  if (count > png->count - png->offset) png_error(reader, "the file ends too early");
  memcpy(to, png->bytes + png->offset, count);
  png->offset += count;
}

cm_png *cm_png_open(const uint8_t *bytes, size_t count, cm_png_header *header, char *message, size_t message_size) {
  cm_png *png = calloc(1, sizeof *png);
  if (png == NULL) return NULL;
  png->bytes = bytes;
  png->count = count;
  png->message = message;
  png->message_size = message_size;
  png->reader = png_create_read_struct(PNG_LIBPNG_VER_STRING, png, on_error, on_warning);
  if (png->reader != NULL) png->info = png_create_info_struct(png->reader);
  if (png->info == NULL) {
    cm_png_close(png);
    return NULL;
  }
  if (setjmp(png_jmpbuf(png->reader))) {
    cm_png_close(png);
    return NULL;
  }
  // The caller limits sizes once the header is known; libpng's own limit would only word it worse.
  png_set_user_limits(png->reader, 0x7fffffff, 0x7fffffff);
  // Text and colour profiles are compressed, so could be bombs, and none of them is used.
  static const png_byte unused[] = "iCCP\0zTXt\0iTXt\0tEXt\0sPLT\0hIST";
  png_set_keep_unknown_chunks(png->reader, PNG_HANDLE_CHUNK_NEVER, unused, 6);
  png_set_read_fn(png->reader, png, read_bytes);
  png_read_info(png->reader, png->info);

  header->width = png_get_image_width(png->reader, png->info);
  header->height = png_get_image_height(png->reader, png->info);
  header->bit_depth = png_get_bit_depth(png->reader, png->info);
  header->color_type = png_get_color_type(png->reader, png->info);
  header->interlaced = png_get_interlace_type(png->reader, png->info) != PNG_INTERLACE_NONE;
  header->has_alpha = (header->color_type & PNG_COLOR_MASK_ALPHA) != 0
      || png_get_valid(png->reader, png->info, PNG_INFO_tRNS) != 0;
  png->header = *header;
  return png;
}

void cm_png_close(cm_png *png) {
  if (png == NULL) return;
  png_destroy_read_struct(&png->reader, &png->info, NULL);
  free(png->rows);
  free(png->row_pointers);
  free(png);
}

const uint8_t *cm_png_exif(cm_png *png, size_t *count) {
  png_uint_32 size = 0;
  png_bytep exif = NULL;
  *count = 0;
  if (png_get_eXIf_1(png->reader, png->info, &size, &exif) == 0) return NULL;
  *count = size;
  return exif;
}

/// How samples become RGB on white.
struct conversion {
  uint8_t color_type;
  int wide;             // samples are two bytes, big-endian
  unsigned scale;       // grey of fewer than 8 bits: to 0...255
  int keyed;            // one colour (grey or RGB) is transparent
  unsigned key[3];      // that colour, in the file's own depth
  int entries;          // of the palette
  uint8_t palette[256][3];  // already composited
};

static inline uint8_t on_white(unsigned value, unsigned alpha) {
  unsigned sum = 255 * (255 - alpha) + value * alpha + 128;
  return (uint8_t)((sum + (sum >> 8)) >> 8);
}

/// Converts one row; -1 if an index lies outside the palette.
static int convert_row(const struct conversion *c, const uint8_t *in, uint8_t *out, size_t width) {
  const size_t step = c->wide ? 2 : 1;  // 16-bit samples: the first byte is the high one, and it is what is kept
#define SAMPLE(i) (c->wide ? (unsigned)in[2 * (i)] << 8 | in[2 * (i) + 1] : in[i])
  switch (c->color_type) {
    case PNG_COLOR_TYPE_PALETTE:
      for (size_t x = 0; x < width; x++) {
        if (in[x] >= c->entries) return -1;
        memcpy(out + 3 * x, c->palette[in[x]], 3);
      }
      return 0;
    case PNG_COLOR_TYPE_GRAY:
      for (size_t x = 0; x < width; x++, in += step, out += 3) {
        const int clear = c->keyed && SAMPLE(0) == c->key[0];
        out[0] = out[1] = out[2] = clear ? 255 : (uint8_t)(in[0] * c->scale);
      }
      return 0;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      for (size_t x = 0; x < width; x++, in += 2 * step, out += 3)
        out[0] = out[1] = out[2] = on_white(in[0], in[step]);
      return 0;
    case PNG_COLOR_TYPE_RGB:
      for (size_t x = 0; x < width; x++, in += 3 * step, out += 3) {
        const int clear =
            c->keyed && SAMPLE(0) == c->key[0] && SAMPLE(1) == c->key[1] && SAMPLE(2) == c->key[2];
        for (int i = 0; i < 3; i++) out[i] = clear ? 255 : in[i * step];
      }
      return 0;
    default:  // RGB with alpha
      for (size_t x = 0; x < width; x++, in += 4 * step, out += 3)
        for (int i = 0; i < 3; i++) out[i] = on_white(in[i * step], in[3 * step]);
      return 0;
  }
#undef SAMPLE
}

/// Gathers palette and transparency. -1: the palette is missing.
static int prepare_conversion(cm_png *png, struct conversion *c) {
  memset(c, 0, sizeof *c);
  const unsigned depth = png->header.bit_depth;
  c->color_type = png->header.color_type;
  c->wide = depth == 16;
  c->scale = depth >= 8 ? 1 : 255 / ((1u << depth) - 1);

  png_bytep alphas = NULL;
  int alpha_count = 0;
  png_color_16p key = NULL;
  const int has_transparency =
      png_get_valid(png->reader, png->info, PNG_INFO_tRNS)
      && png_get_tRNS(png->reader, png->info, &alphas, &alpha_count, &key) != 0;
  if (c->color_type == PNG_COLOR_TYPE_PALETTE) {
    png_colorp colors = NULL;
    if (png_get_PLTE(png->reader, png->info, &colors, &c->entries) == 0) return -1;
    for (int i = 0; i < c->entries; i++) {
      const unsigned alpha = has_transparency && i < alpha_count ? alphas[i] : 255;
      c->palette[i][0] = on_white(colors[i].red, alpha);
      c->palette[i][1] = on_white(colors[i].green, alpha);
      c->palette[i][2] = on_white(colors[i].blue, alpha);
    }
  } else if (has_transparency && key != NULL && (c->color_type & PNG_COLOR_MASK_ALPHA) == 0) {
    const unsigned mask = (1u << depth) - 1;
    const int grey = c->color_type == PNG_COLOR_TYPE_GRAY;
    c->keyed = 1;
    c->key[0] = (grey ? key->gray : key->red) & mask;
    c->key[1] = key->green & mask;
    c->key[2] = key->blue & mask;
  }
  return 0;
}

int cm_png_read(cm_png *png, uint8_t *rgb, char *message, size_t message_size) {
  png->message = message;
  png->message_size = message_size;
  if (setjmp(png_jmpbuf(png->reader))) return -1;

  png_set_packing(png->reader);  // samples of fewer than 8 bits: one a byte
  const int passes = png_set_interlace_handling(png->reader);
  png_read_update_info(png->reader, png->info);
  const size_t row_bytes = png_get_rowbytes(png->reader, png->info);
  const size_t width = png->header.width, height = png->header.height;

  struct conversion conversion;
  if (prepare_conversion(png, &conversion) != 0) png_error(png->reader, "the palette is missing");

  const size_t rows_kept = passes > 1 ? height : 1;
  png->rows = calloc(rows_kept, row_bytes);
  if (png->rows == NULL) png_error(png->reader, "out of memory");
  if (passes > 1) {
    png->row_pointers = malloc(height * sizeof *png->row_pointers);
    if (png->row_pointers == NULL) png_error(png->reader, "out of memory");
    for (size_t y = 0; y < height; y++) png->row_pointers[y] = png->rows + y * row_bytes;
    png_read_image(png->reader, png->row_pointers);
  }
  for (size_t y = 0; y < height; y++) {
    const uint8_t *row = png->rows;
    if (passes > 1) row = png->row_pointers[y];
    else png_read_row(png->reader, png->rows, NULL);
    if (convert_row(&conversion, row, rgb + y * width * 3, width) != 0)
      png_error(png->reader, "a pixel's index lies outside the palette");
  }
  png_read_end(png->reader, png->info);
  return 0;
}

// libpng's simplified writer reports errors by its result, not by a jump.
static int describe(png_image *image, size_t width, size_t height) {
  memset(image, 0, sizeof *image);
  if (width == 0 || height == 0 || width > 0x7fffffff / 3 || height > 0x7fffffff) return -1;
  image->version = PNG_IMAGE_VERSION;
  image->width = (png_uint_32)width;
  image->height = (png_uint_32)height;
  image->format = PNG_FORMAT_RGB;
  return 0;
}

size_t cm_png_bound(size_t width, size_t height) {
  png_image image;
  // In libpng's 32-bit bound, 24 bytes of head and a filter byte per row come on top of the pixels.
  if (describe(&image, width, height) != 0 || width * 3 + 1 > 0x7fffffff / height) return 0;
  return PNG_IMAGE_PNG_SIZE_MAX(image);
}

int cm_png_write(const uint8_t *rgb, size_t width, size_t height, uint8_t *bytes, size_t *count) {
  png_image image;
  if (describe(&image, width, height) != 0) return -1;
  png_alloc_size_t size = *count;
  if (png_image_write_to_memory(&image, bytes, &size, 0, rgb, 0, NULL) == 0) return -1;
  *count = size;
  return 0;
}
