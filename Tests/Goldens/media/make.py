"""Makes the pictures that the tests of VLMedia read, and what the reference implementations make of them.

    python Tests/Goldens/media/make.py

needs Pillow, numpy, scikit-image (for a photograph), transformers 4.57, and the system's libturbojpeg (for
subsamplings that Pillow cannot write). Writes files/*.{jpg,png,webp,gif,bmp,tif} and expected.json next to itself.

Pixels: Pillow decodes; its EXIF transposition is applied; whatever is transparent is pasted on white. Where Pillow
loses information (16-bit grey, 16-bit transparent colours) the expectation comes from the samples themselves.
Sums are CRC-32 of the bytes: RGB rows, or little-endian float32.
"""

import sys
import ctypes
import io
import json
import os
import random
import struct
import unittest.mock
import warnings
import zlib

import numpy as np
import skimage
from PIL import Image, ImageOps
from transformers import Qwen2VLImageProcessor
from transformers.models.qwen2_vl import image_processing_qwen2_vl

# qwen-vl-utils imports torchvision for its video readers, which are not used here.
for missing in ("torchvision", "torchvision.io", "torchvision.transforms"):
    sys.modules.setdefault(missing, unittest.mock.MagicMock())
from qwen_vl_utils import vision_process  # noqa: E402



def smart_resize(*arguments, factor=28, **limits):
    """No side becomes less than one factor: qwen-vl-utils sees to it when rounding, transformers when shrinking."""
    factor = arguments[2] if len(arguments) > 2 else factor
    sides = vision_process.smart_resize(*arguments, **({} if len(arguments) > 2 else {"factor": factor}), **limits)
    return tuple(max(factor, side) for side in sides)


image_processing_qwen2_vl.smart_resize = smart_resize
warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
FILES = os.path.join(HERE, "files")
PHOTO = Image.open(os.path.join(os.path.dirname(skimage.__file__), "data", "chelsea.png")).convert("RGB")
PHOTO.info.clear()
MIN_PIXELS, MAX_PIXELS = 3136, 50176  # small, so that some pictures are shrunk

os.makedirs(FILES, exist_ok=True)
for name in os.listdir(FILES):
    os.remove(os.path.join(FILES, name))
cases = []


def photo(width, height):
    """A piece of a photograph, resized so that it is not all one texture."""
    return PHOTO.crop((60, 20, 410, 280)).resize((width, height), Image.LANCZOS)


def noise(width, height, seed):
    """The bytes that the tests generate too: the top byte of a 64-bit congruential generator."""
    state, out = seed, bytearray()
    for _ in range(width * height * 3):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        out.append(state >> 56)
    return np.frombuffer(bytes(out), np.uint8).reshape(height, width, 3)


def exif(orientation, big=False):
    order = ">" if big else "<"
    return (b"MM" if big else b"II") + struct.pack(order + "HI", 42, 8) + struct.pack(order + "H", 2) + struct.pack(
        order + "HHIHH", 0x0100, 3, 1, 7, 0) + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(
        order + "I", 0)


def on_white(image):
    """Opaque RGB: what is transparent, in whatever way, on white."""
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.split()[3])
        return white, True
    return image.convert("RGB"), False


def values(frames, **limits):
    processor = Qwen2VLImageProcessor(**limits)
    if len(frames) == 1:
        # Said, because a picture of 1 or 3 rows is otherwise taken for one with its channels first.
        out = processor(images=[Image.fromarray(frames[0])], return_tensors="np", input_data_format="channels_last")
        return out["pixel_values"], out["image_grid_thw"][0].tolist()
    patches, grid = processor._preprocess(
        frames, do_resize=True, size=processor.size, resample=processor.resample, do_rescale=True,
        rescale_factor=processor.rescale_factor, do_normalize=True, image_mean=processor.image_mean,
        image_std=processor.image_std, patch_size=14, temporal_patch_size=2, merge_size=2, do_convert_rgb=True)
    return patches, list(grid)


def crc(array):
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def add(name, data, rgb=None, alpha=None, orientation=1):
    """Writes a file and notes what must come of it. `rgb` overrules Pillow."""
    with open(os.path.join(FILES, name), "wb") as file:
        file.write(data)
    image = Image.open(io.BytesIO(data))
    size = image.size
    if name.endswith(".tif") and orientation > 4:
        size = size[::-1]  # Pillow says the sides of the upright picture here
    seen = image.getexif().get(0x0112, 1)
    assert seen == orientation, (name, seen)
    # Pillow turns a TIFF when it loads it.
    turns = orientation != 1 and not name.endswith(".tif")
    upright, has_alpha = on_white(ImageOps.exif_transpose(image) if turns else image)
    upright = np.array(upright) if rgb is None else rgb
    has_alpha = has_alpha if alpha is None else alpha
    case = {"file": name, "format": {"jpg": "jpeg", "tif": "tiff"}.get(name.split(".")[-1], name.split(".")[-1]),
            "stored": list(size), "size": [upright.shape[1], upright.shape[0]], "orientation": orientation,
            "alpha": bool(has_alpha), "crc": crc(upright)}
    if upright.size <= 48:
        case["pixels"] = upright.reshape(-1).tolist()
    else:
        height, width = upright.shape[:2]
        case["samples"] = [[x, y] + upright[y, x].tolist() for y in (0, height // 2, height - 1)
                           for x in (0, width // 2, width - 1)]
    if max(size) / min(size) <= 200:
        pixel_values, grid = values([upright], min_pixels=MIN_PIXELS, max_pixels=MAX_PIXELS)
        resized = Image.fromarray(upright).resize((grid[2] * 14, grid[1] * 14), Image.BICUBIC)
        assert pixel_values.dtype == np.float32
        case.update(resized=list(resized.size), resizedCRC=crc(np.array(resized)), grid=grid,
                    valuesCRC=crc(pixel_values.astype("<f4")))
    cases.append(case)


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


# ---- PNG, written here so that every kind can be -------------------------------------------------------------------

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth, color, interlaced=False, palette=None, transparency=None, exif_data=None, exif_last=False):
    """`samples`: [height, width, channels] in the file's own depth."""
    height, width = samples.shape[:2]

    def rows(part):
        out = bytearray()
        for row in part:
            flat = row.reshape(-1)
            out.append(0)
            if depth == 16:
                out += flat.astype(">u2").tobytes()
            elif depth == 8:
                out += flat.astype(np.uint8).tobytes()
            else:
                bits = np.unpackbits(flat.astype(np.uint8)[:, None], axis=1)[:, 8 - depth:]
                out += np.packbits(bits.reshape(-1)).tobytes()
        return bytes(out)

    if interlaced:
        data = b""
        for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                               (0, 1, 1, 2)):
            part = samples[y0::dy, x0::dx]
            if part.size:
                data += rows(part)
    else:
        data = rows(samples)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
    if palette is not None:
        out += chunk(b"PLTE", bytes(palette))
    if transparency is not None:
        out += chunk(b"tRNS", bytes(transparency))
    if exif_data and not exif_last:
        out += chunk(b"eXIf", exif_data)
    out += chunk(b"IDAT", zlib.compress(data, 9))
    if exif_data and exif_last:
        out += chunk(b"eXIf", exif_data)
    return out + chunk(b"IEND", b"")


def blend(values, alpha):
    total = 255 * (255 - alpha.astype(np.int64)) + values.astype(np.int64) * alpha + 128
    return ((total + (total >> 8)) >> 8).astype(np.uint8)


def ramp(height, width, channels, top):
    """Smooth samples over the whole range, so that they compress."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    return ((x * (c + 1) * 3 + y * (5 - c)) * top // 97 % (top + 1)).astype(np.int64)


for depth in (1, 2, 4, 8, 16):
    for interlaced in (False, True):
        kind = f"{depth}{'i' if interlaced else ''}"
        top = (1 << depth) - 1
        grey = ramp(23, 37, 1, top)
        as8 = (grey >> 8 if depth == 16 else grey * (255 // min(top, 255))).astype(np.uint8)
        expected = np.repeat(as8, 3, axis=2)
        add(f"grey{kind}.png", png(grey, depth, 0, interlaced), rgb=expected if depth == 16 else None)
        if not interlaced:
            key = int(grey[11, 17, 0])
            keyed = np.where(grey == key, 255, expected).astype(np.uint8)
            add(f"grey{kind}-key.png", png(grey, depth, 0, transparency=struct.pack(">H", key)), rgb=keyed, alpha=True)
    if depth <= 8:
        entries = 1 << min(depth, 7)
        palette = [(i * 53 + c * 91) % 256 for i in range(entries) for c in range(3)]
        index = ramp(29, 31, 1, entries - 1)
        add(f"palette{depth}.png", png(index, depth, 3, palette=palette))
        add(f"palette{depth}-alpha.png",
            png(index, depth, 3, interlaced=True, palette=palette, transparency=[0, 128, 64, 200][:entries]))
    if depth >= 8:
        for color, channels, kind in ((2, 3, "rgb"), (4, 2, "grey-alpha"), (6, 4, "rgba")):
            samples = ramp(21, 33, channels, top)
            high = samples >> (depth - 8)
            for interlaced in (False, True):
                name = f"{kind}{depth}{'i' if interlaced else ''}.png"
                add(name, png(samples, depth, color, interlaced))
                model = high if color == 2 else blend(high[..., :-1], high[..., -1:])
                model = np.repeat(model, 3, axis=2) if channels == 2 else model
                assert cases[-1]["crc"] == crc(model.astype(np.uint8)), name
        key = [int(v) for v in ramp(21, 33, 3, top)[9, 9]]
        samples = ramp(21, 33, 3, top)
        keyed = np.where((samples == key).all(axis=2, keepdims=True), 255, samples >> (depth - 8)).astype(np.uint8)
        add(f"rgb{depth}-key.png", png(samples, depth, 2, transparency=struct.pack(">HHH", *key)), rgb=keyed, alpha=True)

# Every value under every alpha: the rounding of the blend.
grid = np.stack(np.meshgrid(np.arange(256), np.arange(256), indexing="ij"), axis=2)
add("blend.png", saved(Image.fromarray(np.stack(
    [grid[..., 1], 255 - grid[..., 1], grid[..., 1], grid[..., 0]], axis=2).astype(np.uint8), "RGBA"), "PNG", optimize=True))
for width, height in ((1, 1), (1, 3), (3, 1), (28, 28), (70, 350), (350, 70), (400, 2), (2, 400), (10, 300), (13, 14)):
    add(f"sides-{width}x{height}.png",
        saved(photo(width, height).quantize(8).convert("RGB") if width * height > 9000 else photo(width, height), "PNG",
              optimize=True))
add("too-long.png", saved(photo(402, 2), "PNG", optimize=True))

# ---- JPEG ----------------------------------------------------------------------------------------------------------

turbo = ctypes.CDLL("libturbojpeg.so.0")
turbo.tjInitCompress.restype = ctypes.c_void_p


def turbojpeg(array, pixel_format, subsampling, quality=75, flags=0):
    array = np.ascontiguousarray(array)
    handle = ctypes.c_void_p(turbo.tjInitCompress())
    out, size = ctypes.POINTER(ctypes.c_ubyte)(), ctypes.c_ulong(0)
    assert turbo.tjCompress2(handle, array.ctypes.data_as(ctypes.c_void_p), array.shape[1], 0, array.shape[0],
                             pixel_format, ctypes.byref(out), ctypes.byref(size), subsampling, quality, flags) == 0
    data = bytes(out[:size.value])
    turbo.tjDestroy(handle)
    return data


for name, subsampling in (("444", 0), ("422", 1), ("420", 2), ("grey", 3), ("440", 4), ("411", 5)):
    add(f"{name}.jpg", turbojpeg(np.array(photo(71, 53)), 0, subsampling))
    add(f"{name}-progressive.jpg", turbojpeg(np.array(photo(35, 67)), 0, subsampling, flags=16384))
restarts = saved(photo(70, 350), "JPEG", quality=60, restart_marker_blocks=3)
add("restarts-70x350.jpg", restarts)
add("sides-350x70.jpg", saved(photo(350, 70), "JPEG", quality=60))
add("one.jpg", saved(photo(1, 1), "JPEG"))
add("rgb-components.jpg", saved(photo(45, 31), "JPEG", quality=80, keep_rgb=True))
cmyk = np.dstack([np.array(photo(61, 43)), np.array(photo(61, 43).convert("L").transpose(Image.ROTATE_180))])
add("cmyk.jpg", saved(Image.fromarray(cmyk, "CMYK"), "JPEG", quality=85))
add("ycck-420.jpg", turbojpeg(cmyk, 11, 2))
add("ycck-progressive.jpg", turbojpeg(cmyk, 11, 0, flags=16384))
# Chroma sampled more finely than luma: legal, in no list of usual subsamplings, and all colours wrong.
odd = bytearray(turbojpeg(np.array(photo(48, 48)), 0, 2))
frame = odd.index(b"\xff\xc0")
odd[frame + 11], odd[frame + 14] = 0x11, 0x22
add("odd-subsampling.jpg", bytes(odd))
stray = bytearray(saved(photo(40, 30), "JPEG"))
add("stray-bytes.jpg", bytes(stray[:-2]) + b"\x12\x34\x56" + bytes(stray[-2:]))
tables = stray.index(b"\xff\xdb")
add("stray-bytes-early.jpg", bytes(stray[:tables]) + b"\x12\x34" + bytes(stray[tables:]))
add("trailing-bytes.jpg", bytes(stray) + b"appended by some program")

# ---- WebP ----------------------------------------------------------------------------------------------------------

alpha = Image.fromarray((ramp(47, 59, 1, 255)[..., 0]).astype(np.uint8), "L")
clear = photo(59, 47).copy()
clear.putalpha(alpha)
add("lossy.webp", saved(photo(71, 53), "WEBP", quality=60))
add("lossy-70x350.webp", saved(photo(70, 350), "WEBP", quality=30))
add("lossless.webp", saved(photo(31, 45), "WEBP", lossless=True))
add("lossy-alpha.webp", saved(clear, "WEBP", quality=60))
add("lossless-alpha.webp", saved(clear.resize((29, 23)), "WEBP", lossless=True, exact=True))
add("one.webp", saved(photo(1, 1), "WEBP"))
add("animated.webp", saved(photo(40, 30), "WEBP", save_all=True, quality=60,
                           append_images=[photo(40, 30).transpose(Image.ROTATE_180)], duration=100))
add("animated-alpha.webp", saved(clear.resize((33, 27)), "WEBP", save_all=True, quality=60,
                                 append_images=[clear.resize((33, 27)).transpose(Image.ROTATE_180)], duration=100))

# ---- GIF -----------------------------------------------------------------------------------------------------------

few = photo(61, 47).quantize(32)
many = photo(90, 71).quantize(256)  # more than 4096 codes: the table fills up
add("palette.gif", saved(few, "GIF", interlace=0))
add("interlaced.gif", saved(few, "GIF", interlace=1))
add("many-codes.gif", saved(many, "GIF"))
add("noise.gif", saved(Image.fromarray(noise(80, 80, 5)[..., 0], "L"), "GIF"))
add("black-white.gif", saved(photo(33, 21).convert("1"), "GIF"))
add("grey.gif", saved(photo(31, 29).convert("L"), "GIF"))
add("one.gif", saved(photo(1, 1).quantize(2), "GIF"))
add("flat.gif", saved(Image.new("P", (300, 200), 3), "GIF"))  # codes that are only being made
add("transparent.gif", saved(few, "GIF", transparency=7))
turned = [image.transpose(Image.ROTATE_180) for image in (few, few.transpose(Image.FLIP_LEFT_RIGHT))]
add("animated.gif", saved(few, "GIF", save_all=True, append_images=turned, duration=90, loop=0, comment=b"three frames"))


def gif(canvas, frame_box, indices, palette, local=False, transparent=None, tail=b"\x3b"):
    """A GIF of one frame whose codes are never packed: a clear code before each run of them."""
    bits = max(2, (len(palette) - 1).bit_length())
    table = b"".join(bytes(color) for color in palette) + bytes(3 * ((1 << bits) - len(palette)))
    out = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0 if local else 0x80 | bits - 1, 0, 0) + (b"" if local else table)
    if transparent is not None:
        out += b"\x21\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    out += b"\x2c" + struct.pack("<HHHHB", *frame_box, 0x80 | bits - 1 if local else 0) + (table if local else b"")
    codes = []
    for i, index in enumerate(indices):
        if i % ((1 << bits) - 2) == 0:
            codes.append(1 << bits)
        codes.append(index)
    codes.append((1 << bits) + 1)
    number = sum(code << (bits + 1) * i for i, code in enumerate(codes))
    data = number.to_bytes((len(codes) * (bits + 1) + 7) // 8, "little")
    out += bytes([bits])
    for start in range(0, len(data), 255):
        out += bytes([len(data[start:start + 255])]) + data[start:start + 255]
    return out + b"\0" + tail


colours = [(200, 30, 40), (20, 180, 60), (30, 60, 220), (250, 240, 10)]
indices = [(x * 3 + y) % 4 for y in range(9) for x in range(11)]
add("small-frame.gif", gif((30, 20), (5, 4, 11, 9), indices, colours))
add("small-frame-transparent.gif", gif((30, 20), (5, 4, 11, 9), indices, colours, transparent=2))
add("local-palette.gif", gif((11, 9), (0, 0, 11, 9), indices, colours, local=True))

# ---- BMP -----------------------------------------------------------------------------------------------------------

for name, image in (("1", photo(37, 23).convert("1")), ("8", photo(37, 23).quantize(200)), ("grey", photo(35, 23).convert("L")),
                    ("24", photo(37, 23)), ("32", clear.resize((27, 23)))):
    add(f"{name}.bmp", saved(image, "BMP"))


def bmp(width, height, bits, data, compression=0, palette=(), masks=b"", size=40):
    """`height` below 0 for rows from the top."""
    table = b"".join(bytes(color[::-1]) + (b"" if size == 12 else b"\0") for color in palette)
    if size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(data), 0, 0, len(palette), 0)
        header += masks + bytes(max(0, size - 40 - len(masks)))
    start = 14 + len(header) + len(table)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + table + data


def padded(rows):
    return b"".join(bytes(row) + bytes(-len(row) % 4) for row in rows)


sixteen = [(i * 17 % 256, i * 29 % 256, 255 - i * 13 % 256) for i in range(16)]
nibbles = [[(x * 7 + y * 3) % 256 for x in range(10)] for y in range(13)]
add("4.bmp", bmp(19, 13, 4, padded(nibbles), palette=sixteen))
add("4-top-down.bmp", bmp(19, -13, 4, padded(nibbles), palette=sixteen))
add("os2.bmp", bmp(19, 13, 4, padded(nibbles), palette=sixteen, size=12))
words = [[v for x in range(21) for v in struct.pack("<H", (x * 3001 + y * 1777) % 65536)] for y in range(9)]
add("555.bmp", bmp(21, 9, 16, padded(words)))
add("565.bmp", bmp(21, 9, 16, padded(words), 3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
add("555-masks.bmp", bmp(21, -9, 16, padded(words), 3, masks=struct.pack("<III", 0x7C00, 0x3E0, 0x1F), size=56))
quads = [[(x * 31 + y * 7) % 256 for x in range(4 * 17)] for y in range(11)]
for i, masks in enumerate(((0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0),
                           (0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
                           (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0))):
    add(f"32-masks{i}.bmp", bmp(17, 11, 32, padded(quads), 3, masks=struct.pack("<IIII", *masks), size=(56, 108, 124)[i % 3]))
add("32-plain.bmp", bmp(17, 11, 32, padded(quads)))
runs8 = (bytes([7, 3, 4, 5, 0, 4, 9, 8, 7, 6, 0, 0]) + bytes([0, 3, 1, 2, 3, 0, 12, 200, 0, 0]) + bytes([2, 9, 0, 2, 3, 1, 10, 40, 0, 0])
         + bytes([15, 77, 0, 1]))
add("rle8.bmp", bmp(15, 5, 8, runs8, 1, palette=[(i, 255 - i, i * 7 % 256) for i in range(256)]))
runs4 = (bytes([7, 0x3A, 4, 0x55, 0, 4, 0x98, 0x76, 0, 0]) + bytes([0, 5, 0x12, 0x34, 0x50, 0, 10, 0xEF, 0, 0]) + bytes([15, 0x0C, 0, 1]))
add("rle4.bmp", bmp(15, 3, 4, runs4, 2, palette=sixteen))

# ---- TIFF ----------------------------------------------------------------------------------------------------------


def tiff(samples, bits, photometric, big=False, tile=None, separate=False, rows_per_strip=7, extra=(), palette=None,
         orientation=1, deflate=False, more=()):
    """`samples`: [height, width, channels] in the file's own depth."""
    order = ">" if big else "<"
    height, width, channels = samples.shape

    def packed(part):
        out = bytearray()
        for row in part:
            flat = row.reshape(-1)
            if bits == 16:
                out += flat.astype(order + "u2").tobytes()
            elif bits == 8:
                out += flat.astype(np.uint8).tobytes()
            else:
                spread = np.unpackbits(flat.astype(np.uint8)[:, None], axis=1)[:, 8 - bits:]
                out += np.packbits(spread.reshape(-1)).tobytes()
        return zlib.compress(bytes(out)) if deflate else bytes(out)

    pieces = []
    for plane in np.split(samples, channels, axis=2) if separate else [samples]:
        if tile:
            for y in range(0, height, tile):
                for x in range(0, width, tile):
                    part = plane[y:y + tile, x:x + tile]
                    full = np.zeros((tile, tile, part.shape[2]), samples.dtype)
                    full[:part.shape[0], :part.shape[1]] = part
                    pieces.append(packed(full))
        else:
            pieces += [packed(plane[y:y + rows_per_strip]) for y in range(0, height, rows_per_strip)]
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * channels), (259, 3, [8 if deflate else 1]),
            (262, 3, [photometric]), (274, 3, [orientation]), (277, 3, [channels]), (284, 3, [2 if separate else 1])]
    if extra:
        tags.append((338, 3, list(extra)))
    if palette is not None:
        tags.append((320, 3, palette))
    offsets, counts = (324, 325) if tile else (273, 279)
    tags += [(322, 4, [tile]), (323, 4, [tile])] if tile else [(278, 4, [rows_per_strip])]
    tags += [(offsets, 4, [0] * len(pieces)), (counts, 4, [len(piece) for piece in pieces]), *more]
    tags.sort()
    data_at = 8 + 2 + 12 * len(tags) + 4
    blob = b""
    places = {}
    for tag, kind, numbers in tags:
        places[tag] = data_at + len(blob)
        size = {3: 2, 4: 4}[kind] * len(numbers)
        blob += bytes(size + size % 2) if size > 4 else b""
    at = data_at + len(blob)
    starts = [at + sum(len(piece) + len(piece) % 2 for piece in pieces[:i]) for i in range(len(pieces))]
    directory, blob = struct.pack(order + "H", len(tags)), b""
    for tag, kind, numbers in tags:
        numbers = starts if tag == offsets else numbers
        value = struct.pack(f"{order}{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        directory += struct.pack(order + "HHI", tag, kind, len(numbers))
        directory += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", places[tag])
        blob += value + bytes(len(value) % 2) if len(value) > 4 else b""
    out = (b"MM\0*" if big else b"II*\0") + struct.pack(order + "I", 8) + directory + bytes(4) + blob
    for i, piece in enumerate(pieces):  # the last one unpadded, so that every cut loses something
        out += piece + bytes(len(piece) % 2 if i + 1 < len(pieces) else 0)
    return out


for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
    add(f"rgb-{compression}.tif", saved(photo(41, 33), "TIFF", compression=compression))
add("grey-jpeg.tif", saved(photo(41, 33).convert("L"), "TIFF", compression="jpeg"))
add("predictor.tif", saved(photo(41, 33), "TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
for compression in ("group3", "group4", "tiff_ccitt", "tiff_lzw", "raw"):
    add(f"scan-{compression}.tif", saved(photo(83, 59).convert("1"), "TIFF", compression=compression))
add("palette.tif", saved(photo(41, 33).quantize(90), "TIFF"))
add("cmyk.tif", saved(Image.fromarray(cmyk, "CMYK"), "TIFF", compression="tiff_lzw"))
add("alpha.tif", saved(clear.resize((29, 23)), "TIFF", compression="tiff_lzw"))
add("grey-alpha.tif", saved(clear.resize((29, 23)).convert("LA"), "TIFF"))
add("pages.tif", saved(few.convert("RGB").resize((30, 20)), "TIFF", save_all=True,
                       append_images=[turned[0].convert("RGB")]))
for bits in (1, 2, 4, 8, 16):
    top = (1 << bits) - 1
    grey = ramp(19, 37, 1, top)
    as8 = (grey >> 8 if bits == 16 else grey * (255 // min(top, 255))).astype(np.uint8)
    for photometric in (0, 1):
        model = np.repeat(255 - as8 if photometric == 0 else as8, 3, axis=2)
        add(f"grey{bits}-{('white', 'black')[photometric]}.tif", tiff(grey, bits, photometric, big=bits == 4 or bits == 16 and photometric == 1),
            rgb=model if bits == 16 else None)
        assert cases[-1]["crc"] == crc(model), (bits, photometric)
    if bits <= 8:
        table = [v * 4099 % 65536 for v in range(3 << bits)]
        add(f"palette{bits}.tif", tiff(grey, bits, 3, palette=table, tile=16 if bits == 8 else None))
for bits, big in ((8, False), (16, False), (16, True)):
    rgb = ramp(35, 37, 3, (1 << bits) - 1)
    name = f"{bits}{'big' if big else ''}"
    add(f"rgb{name}.tif", tiff(rgb, bits, 2, big=big))
    add(f"rgb{name}-tiles.tif", tiff(rgb, bits, 2, big=big, tile=16, deflate=True),
        rgb=(rgb >> bits - 8).astype(np.uint8))
    add(f"rgb{name}-planes.tif", tiff(rgb, bits, 2, big=big, separate=True, deflate=True),
        rgb=(rgb >> bits - 8).astype(np.uint8))
    add(f"rgb{name}-plane-tiles.tif", tiff(rgb, bits, 2, big=big, separate=True, tile=32, deflate=True),
        rgb=(rgb >> bits - 8).astype(np.uint8))
    four = ramp(23, 31, 4, (1 << bits) - 1)
    for kind, extra in (("x", (0,)), ("premultiplied", (1,)), ("straight", (2,)), ("unsaid", ())):
        add(f"rgb{name}-{kind}.tif", tiff(four, bits, 2, big=big, extra=extra))
    add(f"cmyk{name}.tif", tiff(four, bits, 5, big=big))
for orientation in range(1, 9):
    samples = np.array(photo(19, 12)).astype(np.int64)
    add(f"turned{orientation}.tif", tiff(samples, 8, 2, big=orientation % 2 == 0, orientation=orientation),
        orientation=orientation)

# ---- Orientation ---------------------------------------------------------------------------------------------------

for orientation in range(1, 9):
    data = exif(orientation, big=orientation % 2 == 0)
    add(f"turned{orientation}.jpg", saved(photo(37, 21), "JPEG", quality=50, exif=b"Exif\0\0" + data),
        orientation=orientation)
    samples = np.array(photo(19, 12)) // 16 * 16
    add(f"turned{orientation}.png", png(samples, 8, 2, exif_data=data), orientation=orientation)
    add(f"turned{orientation}.webp", saved(photo(37, 21), "WEBP", quality=20, exif=data), orientation=orientation)
last = png(np.array(photo(5, 3)), 8, 2, exif_data=exif(6), exif_last=True)
add("turned-late.png", last, orientation=6)

# ---- Resizing, frames, sizes ---------------------------------------------------------------------------------------

resizes = []
for width, height, to_width, to_height, seed in (
        (1, 1, 28, 28, 1), (1, 1, 56, 84, 2), (17, 5, 17, 9, 3), (17, 5, 9, 5, 4), (17, 5, 17, 5, 5), (64, 48, 28, 28, 6),
        (28, 28, 84, 56, 7), (301, 199, 140, 84, 8), (301, 199, 1, 1, 9), (5, 400, 28, 56, 10), (400, 5, 56, 28, 11),
        (33, 47, 1120, 28, 12), (47, 33, 28, 1120, 13), (123, 217, 122, 218, 14), (640, 17, 21, 16, 15),
        (2, 2, 3, 3, 16), (97, 101, 96, 102, 17), (256, 256, 224, 224, 18), (500, 333, 504, 336, 19), (6, 6, 5, 31, 20),
        # The order of the passes changes where the height shrinks by twice as much as the width: just under, over.
        (100, 100, 80, 60, 21), (100, 100, 80, 59, 22), (60, 200, 28, 136, 23), (60, 200, 28, 135, 24),
        (30, 90, 30, 50, 25), (30, 90, 31, 89, 26), (30, 90, 56, 90, 27), (140, 90, 56, 91, 28)):
    resized = np.array(Image.fromarray(noise(width, height, seed)).resize((to_width, to_height), Image.BICUBIC))
    resizes.append({"from": [width, height], "to": [to_width, to_height], "seed": seed, "crc": crc(resized)})

# Hard edges overshoot, and must be clipped at both ends.
frames = []
for count, width, height in ((1, 60, 90), (2, 60, 90), (3, 64, 57), (5, 30, 100)):
    limits = {"min_pixels": 3136, "max_pixels": 28 * 28 * 9}
    pixel_values, grid_thw = values([noise(width, height, 100 + i) for i in range(count)], **limits)
    frames.append({"count": count, "size": [width, height], "minPixels": 3136, "maxPixels": 28 * 28 * 9,
                   "grid": grid_thw, "crc": crc(pixel_values.astype("<f4"))})

tables = []
for mean, std, scale in (([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711], 1 / 255),
                         ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], 0.00392156862745098), ([0, 0, 0], [1, 1, 1], 1.0),
                         ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 1 / 127.5)):
    image = np.repeat(np.arange(256, dtype=np.uint8).reshape(1, 256, 1), 3, axis=2)
    image = np.repeat(image, 28, axis=0)[:, :252]
    out = Qwen2VLImageProcessor(image_mean=mean, image_std=std, rescale_factor=scale)(
        images=[Image.fromarray(image)], return_tensors="np")["pixel_values"]
    tables.append({"mean": mean, "std": std, "scale": scale, "crc": crc(out.astype("<f4"))})

rng = random.Random(28)
sizes = []
fixed = [(70, 70), (350, 350), (1190, 1190), (14, 14), (42, 42), (1, 1), (1, 200), (200, 1), (10, 1000), (1000, 10), (13, 2600),
         (4000, 3000), (3000, 4000), (65535, 65535), (60000, 60000), (65535, 400), (28, 5600), (5600, 28), (16777216, 16777216)]
pairs = fixed + [(rng.randint(1, 10 ** rng.randint(1, 5)), rng.randint(1, 10 ** rng.randint(1, 5))) for _ in range(300)]
for height, width in pairs:
    low = rng.choice([3136, 3136, 1, 784, 256 * 784, 3136])
    high = max(low, rng.choice([12845056, 12845056, 1003520, 1280 * 784, 3136, 50176, 2 ** 62]))
    factor = rng.choice([28, 28, 28, 32, 14])
    try:
        result = list(smart_resize(height, width, factor, low, high))
    except ValueError:
        result = []
    sizes.append([height, width, factor, low, high] + result)

with open(os.path.join(HERE, "expected.json"), "w") as file:
    file.write("{\n")
    file.write(f'"minPixels": {MIN_PIXELS}, "maxPixels": {MAX_PIXELS},\n')
    for i, (name, items) in enumerate((("cases", cases), ("resizes", resizes), ("frames", frames), ("tables", tables),
                                       ("sizes", sizes))):
        file.write(f'"{name}": [\n' + ",\n".join(json.dumps(item) for item in items) + "\n]" + (",\n" if i < 4 else "\n"))
    file.write("}\n")
total = sum(os.path.getsize(os.path.join(FILES, name)) for name in os.listdir(FILES))
print(len(cases), "pictures,", total, "bytes")
