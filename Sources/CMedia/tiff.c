// Reading TIFF with libtiff: the kinds of picture that scanners, cameras and editors write; whatever else a TIFF may hold
// is refused by name. Only the codecs listed here run, so the others cannot be reached by a hostile file.
#include "cmedia.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

struct cm_tiff {
  TIFF *reader;
  const uint8_t *bytes;
  size_t count, offset;
  char *message;  // where the first complaint goes
  size_t message_size;
  int reading;   // whether pixels are being read: then a warning means damage
  int failed;
  int guessed;   // whether libtiff has made up what further samples are
  cm_tiff_header header;
};

static void complain(cm_tiff *tiff, const char *text) {
  if (tiff->failed) return;
  tiff->failed = 1;
  if (tiff->message_size > 0) snprintf(tiff->message, tiff->message_size, "%s", text);
}

static int on_error(TIFF *reader, void *context, const char *module, const char *format, va_list arguments) {
  (void)reader;
  (void)module;
  char text[160];
  vsnprintf(text, sizeof text, format, arguments);
  complain(context, text);
  return 1;
}

static int on_warning(TIFF *reader, void *context, const char *module, const char *format, va_list arguments) {
  cm_tiff *tiff = context;
  if (strstr(format, "ExtraSamples") != NULL) tiff->guessed = 1;
  // A tag that says one chroma subsampling where the JPEG says another: the JPEG is right, and used.
  if (tiff->reading && strstr(format, "subsampling") == NULL) return on_error(reader, context, module, format, arguments);
  return 1;
}

// The file's bytes as libtiff reads them: nothing is mapped or written.
static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t wanted) {
  cm_tiff *tiff = handle;
  size_t left = tiff->count - tiff->offset;
  size_t got = (size_t)wanted < left ? (size_t)wanted : left;
  memcpy(to, tiff->bytes + tiff->offset, got);
  tiff->offset += got;
  return (tmsize_t)got;
}

static tmsize_t write_bytes(thandle_t handle, void *from, tmsize_t count) {
  (void)handle;
  (void)from;
  (void)count;
  return -1;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
  cm_tiff *tiff = handle;
  const toff_t base = whence == SEEK_CUR ? tiff->offset : whence == SEEK_END ? tiff->count : 0;
  const toff_t to = base + offset;
  if (to > tiff->count) return (toff_t)-1;
  tiff->offset = to;
  return to;
}

static int close_bytes(thandle_t handle) {
  (void)handle;
  return 0;
}

static toff_t size_of_bytes(thandle_t handle) { return ((cm_tiff *)handle)->count; }

static const char *codec_problem(uint16_t compression) {
  switch (compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_CCITTRLE:
    case COMPRESSION_CCITTFAX3:
    case COMPRESSION_CCITTFAX4:
    case COMPRESSION_LZW:
    case COMPRESSION_JPEG:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
    case COMPRESSION_PACKBITS: return NULL;
    default: return "unsupported: its compression";
  }
}

/// Reads the tags that matter; NULL, or what keeps the picture from being read.
static const char *read_header(cm_tiff *tiff) {
  TIFF *reader = tiff->reader;
  cm_tiff_header *header = &tiff->header;
  uint16_t compression, planar, format, extra_count = 0, ink = INKSET_CMYK, *extra = NULL;
  uint32_t kind = 0, rows = 0, columns = 0;
  void *ignored = NULL;
  if (!TIFFGetField(reader, TIFFTAG_IMAGEWIDTH, &header->width) || !TIFFGetField(reader, TIFFTAG_IMAGELENGTH, &header->height))
    return "its size is missing";
  if (!TIFFGetField(reader, TIFFTAG_PHOTOMETRIC, &header->photometric)) return "its kind of colour is missing";
  TIFFGetFieldDefaulted(reader, TIFFTAG_COMPRESSION, &compression);
  TIFFGetFieldDefaulted(reader, TIFFTAG_BITSPERSAMPLE, &header->bits);
  TIFFGetFieldDefaulted(reader, TIFFTAG_SAMPLESPERPIXEL, &header->samples);
  TIFFGetFieldDefaulted(reader, TIFFTAG_PLANARCONFIG, &planar);
  TIFFGetFieldDefaulted(reader, TIFFTAG_SAMPLEFORMAT, &format);
  TIFFGetFieldDefaulted(reader, TIFFTAG_ORIENTATION, &header->orientation);
  TIFFGetFieldDefaulted(reader, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
  TIFFGetFieldDefaulted(reader, TIFFTAG_SUBFILETYPE, &kind);
  header->separate = planar == PLANARCONFIG_SEPARATE;
  header->tiled = TIFFIsTiled(reader) != 0;

  if ((kind & FILETYPE_REDUCEDIMAGE) != 0 || TIFFGetField(reader, 50706 /* DNGVersion */, &extra_count, &ignored))
    return "unsupported: it is a camera raw file, whose first picture is a thumbnail or unfinished";
  if (codec_problem(compression) != NULL) return codec_problem(compression);
  if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) return "unsupported: its samples are not whole numbers";
  const unsigned bits = header->bits;
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16) return "unsupported: its samples have an odd depth";

  unsigned colours;
  switch (header->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK: colours = 1; break;
    case PHOTOMETRIC_PALETTE:
      colours = 1;
      if (bits > 8) return "unsupported: its palette is larger than 256 colours";
      break;
    case PHOTOMETRIC_RGB: colours = 3; break;
    case PHOTOMETRIC_SEPARATED:
      colours = 4;
      TIFFGetFieldDefaulted(reader, TIFFTAG_INKSET, &ink);
      if (ink != INKSET_CMYK) return "unsupported: its inks are not cyan, magenta, yellow and black";
      break;
    case PHOTOMETRIC_YCBCR:
      colours = 3;
      // libtiff turns JPEG's YCbCr into RGB as libjpeg does; others would need a conversion of their own.
      if (compression != COMPRESSION_JPEG || header->separate) return "unsupported: its YCbCr samples are not in JPEG";
      TIFFSetField(reader, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      break;
    default: return "unsupported: its kind of colour";
  }
  if (header->samples < colours || header->samples > colours + 8) return "its samples do not fit its kind of colour";
  if (bits < 8 && (header->samples > 1 || (compression == COMPRESSION_JPEG)))
    return "unsupported: several samples a pixel of fewer than 8 bits";
  if (compression == COMPRESSION_JPEG && bits != 8) return "unsupported: JPEG of other than 8 bits";
  // Alpha comes first among the further samples, if there is any. A fourth one that nothing is said about is alpha, too.
  header->alpha = CM_TIFF_OPAQUE;
  if (header->photometric == PHOTOMETRIC_RGB && header->samples == 4 && (extra_count == 0 || tiff->guessed)) header->alpha = CM_TIFF_STRAIGHT;
  else if (header->samples > colours && colours != 4 && header->photometric != PHOTOMETRIC_PALETTE && extra_count > 0
           && extra != NULL) {
    if (extra[0] == EXTRASAMPLE_ASSOCALPHA) header->alpha = CM_TIFF_PREMULTIPLIED;
    if (extra[0] == EXTRASAMPLE_UNASSALPHA) header->alpha = CM_TIFF_STRAIGHT;
  }
  header->channels = (uint16_t)(colours + (header->alpha != CM_TIFF_OPAQUE));
  if (header->tiled) {
    TIFFGetField(reader, TIFFTAG_TILEWIDTH, &columns);
    TIFFGetField(reader, TIFFTAG_TILELENGTH, &rows);
    if (columns == 0 || rows == 0 || columns > 65536 || rows > 65536) return "its tiles have an impossible size";
  }
  return NULL;
}

cm_tiff *cm_tiff_open(const uint8_t *bytes, size_t count, cm_tiff_header *header, char *message, size_t message_size) {
  if (message_size > 0) message[0] = 0;
  cm_tiff *tiff = calloc(1, sizeof *tiff);
  if (tiff == NULL) return NULL;
  tiff->bytes = bytes;
  tiff->count = count;
  tiff->message = message;
  tiff->message_size = message_size;
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (options == NULL) {
    free(tiff);
    return NULL;
  }
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, tiff);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, tiff);
  // A row of the largest picture with eight samples of two bytes is a thirtieth of this; so is any honest directory.
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)1 << 28);
  tiff->reader = TIFFClientOpenExt(
      "memory", "rm", tiff, read_bytes, write_bytes, seek, close_bytes, size_of_bytes, NULL, NULL, options);
  TIFFOpenOptionsFree(options);
  const char *problem = tiff->reader == NULL ? "it has no directory" : read_header(tiff);
  if (problem != NULL) {
    complain(tiff, problem);
    cm_tiff_close(tiff);
    return NULL;
  }
  tiff->failed = 0;
  *header = tiff->header;
  return tiff;
}

void cm_tiff_close(cm_tiff *tiff) {
  if (tiff == NULL) return;
  if (tiff->reader != NULL) TIFFClose(tiff->reader);
  free(tiff);
}

/// `pixels` of `samples` samples, of which the first `channels` are kept, as bytes: 16-bit samples by their high byte,
/// small grey ones spread over 0...255, small palette indices as they are.
static void unpack(const cm_tiff_header *h, const uint8_t *raw, size_t pixels, unsigned samples, unsigned channels, uint8_t *out) {
  if (h->bits == 16) {
    const uint16_t *wide = (const uint16_t *)raw;  // libtiff has swapped them to the machine's order
    for (size_t x = 0; x < pixels; x++)
      for (unsigned c = 0; c < channels; c++) out[x * channels + c] = (uint8_t)(wide[x * samples + c] >> 8);
  } else if (h->bits == 8) {
    for (size_t x = 0; x < pixels; x++)
      for (unsigned c = 0; c < channels; c++) out[x * channels + c] = raw[x * samples + c];
  } else {
    const unsigned bits = h->bits, top = (1u << bits) - 1, per_byte = 8 / bits;
    const unsigned scale = h->photometric == PHOTOMETRIC_PALETTE ? 1 : 255 / top;
    for (size_t x = 0; x < pixels; x++)
      out[x] = (uint8_t)((raw[x / per_byte] >> (8 - bits * (x % per_byte + 1)) & top) * scale);
  }
}

/// Divides by alpha what was multiplied with it, as Pillow does.
static uint8_t straightened(unsigned value, unsigned alpha) {
  const unsigned result = alpha == 0 ? 0 : value * 255 / alpha;
  return (uint8_t)(result > 255 ? 255 : result);
}

/// Pixels of `channels` bytes as RGB on white. A palette has a colour for every index of its depth.
static void convert(const cm_tiff_header *h, const uint8_t (*palette)[3], const uint8_t *in, size_t pixels, uint8_t *rgb) {
  const unsigned channels = h->channels;
  switch (h->photometric) {
    case PHOTOMETRIC_PALETTE:
      for (size_t x = 0; x < pixels; x++) memcpy(rgb + 3 * x, palette[in[x]], 3);
      return;
    case PHOTOMETRIC_SEPARATED:
      for (size_t x = 0; x < pixels; x++, rgb += 3) {
        uint8_t inverted[4];
        for (int c = 0; c < 4; c++) inverted[c] = (uint8_t)(255 - in[4 * x + c]);
        cm_inverted_cmyk_to_rgb(inverted, rgb, 1);
      }
      return;
    default: break;
  }
  const int grey = h->photometric == PHOTOMETRIC_MINISWHITE || h->photometric == PHOTOMETRIC_MINISBLACK;
  const uint8_t flip = h->photometric == PHOTOMETRIC_MINISWHITE ? 255 : 0;
  for (size_t x = 0; x < pixels; x++, in += channels, rgb += 3) {
    uint8_t rgba[4] = {in[0] ^ flip, in[grey ? 0 : 1] ^ flip, in[grey ? 0 : 2] ^ flip, 255};
    if (h->alpha == CM_TIFF_OPAQUE) {
      memcpy(rgb, rgba, 3);
      continue;
    }
    rgba[3] = in[channels - 1];
    if (h->alpha == CM_TIFF_PREMULTIPLIED)
      for (int c = 0; c < 3; c++) rgba[c] = straightened(rgba[c], rgba[3]);
    cm_rgba_on_white(rgba, rgb, 1);
  }
}

/// One plane of samples (all of them where they lie together) to `put`, row by row or tile by tile.
struct target {
  uint8_t *rgb;      // the picture, when the samples lie together
  uint8_t *planes;   // [height][width][channels], when they do not
  const uint8_t (*palette)[3];
  uint8_t *row;      // unpacked bytes of a row or a tile's row
};

static void put(const cm_tiff *tiff, const struct target *to, const uint8_t *raw, uint32_t x, uint32_t y, size_t pixels, unsigned plane) {
  const cm_tiff_header *h = &tiff->header;
  if (to->planes == NULL) {
    unpack(h, raw, pixels, h->samples, h->channels, to->row);
    convert(h, to->palette, to->row, pixels, to->rgb + ((size_t)y * h->width + x) * 3);
    return;
  }
  unpack(h, raw, pixels, 1, 1, to->row);
  uint8_t *out = to->planes + ((size_t)y * h->width + x) * h->channels + plane;
  for (size_t i = 0; i < pixels; i++) out[i * h->channels] = to->row[i];
}

static int read_rows(cm_tiff *tiff, const struct target *to, uint8_t *raw, unsigned plane) {
  for (uint32_t y = 0; y < tiff->header.height; y++) {
    if (TIFFReadScanline(tiff->reader, raw, y, (uint16_t)plane) != 1 || tiff->failed) return -1;
    put(tiff, to, raw, 0, y, tiff->header.width, plane);
  }
  return 0;
}

static int read_tiles(cm_tiff *tiff, const struct target *to, uint8_t *raw, unsigned plane) {
  const cm_tiff_header *h = &tiff->header;
  uint32_t columns = 0, rows = 0;
  TIFFGetField(tiff->reader, TIFFTAG_TILEWIDTH, &columns);
  TIFFGetField(tiff->reader, TIFFTAG_TILELENGTH, &rows);
  const size_t row_bytes = (size_t)TIFFTileRowSize(tiff->reader);
  for (uint32_t y = 0; y < h->height; y += rows) {
    for (uint32_t x = 0; x < h->width; x += columns) {
      if (TIFFReadTile(tiff->reader, raw, x, y, 0, (uint16_t)plane) < 0 || tiff->failed) return -1;
      const uint32_t wide = h->width - x < columns ? h->width - x : columns;
      const uint32_t high = h->height - y < rows ? h->height - y : rows;
      for (uint32_t row = 0; row < high; row++) put(tiff, to, raw + row * row_bytes, x, y + row, wide, plane);
    }
  }
  return 0;
}

/// The colours of a palette, by the high byte of each; -1 if it is missing.
static int read_palette(cm_tiff *tiff, uint8_t (*palette)[3]) {
  uint16_t *red = NULL, *green = NULL, *blue = NULL;
  if (TIFFGetField(tiff->reader, TIFFTAG_COLORMAP, &red, &green, &blue) != 1) return -1;
  for (unsigned i = 0; i < 1u << tiff->header.bits; i++) {
    palette[i][0] = (uint8_t)(red[i] >> 8);
    palette[i][1] = (uint8_t)(green[i] >> 8);
    palette[i][2] = (uint8_t)(blue[i] >> 8);
  }
  return 0;
}

int cm_tiff_read(cm_tiff *tiff, uint8_t *rgb, char *message, size_t message_size) {
  const cm_tiff_header *h = &tiff->header;
  tiff->message = message;
  tiff->message_size = message_size;
  tiff->reading = 1;
  if (message_size > 0) message[0] = 0;
  uint8_t palette[256][3] = {{0}};
  if (h->photometric == PHOTOMETRIC_PALETTE && read_palette(tiff, palette) != 0) {
    complain(tiff, "the palette is missing");
    return -1;
  }
  const tmsize_t unit = h->tiled ? TIFFTileSize(tiff->reader) : TIFFScanlineSize(tiff->reader);
  const size_t longest = h->tiled ? (size_t)TIFFTileRowSize(tiff->reader) : (size_t)unit;
  const unsigned held = h->separate ? 1 : h->samples;
  // What libtiff calls a row must hold what the header calls one.
  if (unit <= 0 || unit > (tmsize_t)1 << 28 || longest * 8 < (size_t)(h->tiled ? 1 : h->width) * held * h->bits) {
    complain(tiff, "its rows have an impossible size");
    return -1;
  }
  struct target to = {.rgb = rgb, .palette = (const uint8_t(*)[3])palette};
  uint8_t *raw = calloc(1, (size_t)unit);
  to.row = malloc(longest * 8 + 8);
  if (h->separate) to.planes = malloc((size_t)h->width * h->height * h->channels);
  int status = -1;
  if (raw == NULL || to.row == NULL || (h->separate && to.planes == NULL)) {
    complain(tiff, "out of memory");
  } else {
    status = 0;
    for (unsigned plane = 0; plane < (h->separate ? h->channels : 1u) && status == 0; plane++)
      status = h->tiled ? read_tiles(tiff, &to, raw, plane) : read_rows(tiff, &to, raw, plane);
    if (status == 0 && h->separate)
      convert(h, to.palette, to.planes, (size_t)h->width * h->height, rgb);
    if (status != 0) complain(tiff, "the picture data ends too early");
  }
  free(raw);
  free(to.row);
  free(to.planes);
  return status;
}
