import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from keras_cv_course.data import image_files
from keras_cv_course.data.image_files import crop_and_resize, read_image, resize_image
from keras_cv_course.errors import DataContentError, ImageFileError

WHITE = (255, 255, 255)

# Two halves of one colour each, 32 pixels wide, so that a lossy codec's blocks hold one colour only.
LEFT, RIGHT = (200, 90, 40), (20, 60, 180)
HALVES = np.zeros((32, 64, 3), np.uint8)
HALVES[:, :32], HALVES[:, 32:] = LEFT, RIGHT

GREY_LEFT, GREY_RIGHT = (60, 60, 60), (210, 210, 210)
GREY = np.full((32, 64), 60, np.uint8)
GREY[:, 32:] = 210

# Lossy codecs move a flat colour by a level or two (rounding of YCbCr and of the DC coefficient).
LOSSY = 4

# Without chroma subsampling, which would blend the colours where the halves meet.
FINE = {"quality": 95, "subsampling": 0}


def halves(mode: str, left: object, right: object) -> Image.Image:
    image = Image.new(mode, (64, 32), left)
    image.paste(right, (32, 0, 64, 32))
    return image


def paletted(**info: object) -> Image.Image:
    image = halves("P", 0, 1)
    image.putpalette(LEFT + RIGHT)
    image.info.update(info)
    return image


def palette_and_alpha() -> Image.Image:
    image = paletted()
    image.putalpha(halves("L", 255, 0))
    return image


def deep_grey(dtype: type, left: float, right: float) -> Image.Image:
    values = np.full((32, 64), left, dtype)
    values[:, 32:] = right
    return Image.fromarray(values)


def blend(colour: tuple[int, ...], alpha: int) -> tuple[int, ...]:
    """The colour with `alpha` of 255 over white."""
    return tuple(round((c * alpha + 255 * (255 - alpha)) / 255) for c in colour)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def animated(format: str) -> bytes:
    first, second = Image.fromarray(HALVES), Image.fromarray(255 - HALVES)
    return saved(first, format, save_all=True, append_images=[second], **ANIMATION_OPTIONS.get(format, {}))


ANIMATION_OPTIONS = {"WEBP": {"lossless": True}, "MPO": FINE}


def twelve_bit_tiff() -> bytes:
    """A 2 x 1 TIFF of 12-bit grey values 0x400 and 0xC00, which Pillow can read and not write."""
    entries = [
        (256, 2),  # width
        (257, 1),  # height
        (258, 12),  # bits per sample
        (259, 1),  # no compression
        (262, 1),  # black is zero
        (273, 8),  # offset of the pixels
        (277, 1),  # one sample per pixel
        (278, 1),  # rows per strip
        (279, 3),  # bytes in the strip
    ]
    pixels = bytes([0x40, 0x0C, 0x00, 0])  # 12 + 12 bits and one byte of padding
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries
    )
    return b"II*\0" + struct.pack("<I", 12) + pixels + directory + b"\0\0\0\0"


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


RGB = Image.fromarray(HALVES)
CLEAR = blend(RIGHT, 64)

# name, file contents, left and right colour, tolerance in levels
FORMATS: list[tuple[str, Callable[[], bytes], tuple[int, ...], tuple[int, ...], int]] = [
    ("png rgb", lambda: saved(RGB, "PNG"), LEFT, RIGHT, 0),
    ("jpeg rgb", lambda: saved(RGB, "JPEG", **FINE), LEFT, RIGHT, LOSSY),
    ("jpeg progressive", lambda: saved(RGB, "JPEG", **FINE, progressive=True), LEFT, RIGHT, LOSSY),
    ("webp lossless", lambda: saved(RGB, "WEBP", lossless=True), LEFT, RIGHT, 0),
    ("webp lossy", lambda: saved(Image.fromarray(GREY), "WEBP", quality=95), GREY_LEFT, GREY_RIGHT, LOSSY),
    ("bmp", lambda: saved(RGB, "BMP"), LEFT, RIGHT, 0),
    ("tiff", lambda: saved(RGB, "TIFF"), LEFT, RIGHT, 0),
    ("tiff lzw", lambda: saved(RGB, "TIFF", compression="tiff_lzw"), LEFT, RIGHT, 0),
    ("ppm", lambda: saved(RGB, "PPM"), LEFT, RIGHT, 0),
    ("gif", lambda: saved(paletted(), "GIF"), LEFT, RIGHT, 0),
    # Alpha, over white; 1 level for the order of rounding.
    ("png rgba", lambda: saved(halves("RGBA", (*LEFT, 255), (*RIGHT, 64)), "PNG"), LEFT, CLEAR, 1),
    ("png rgba clear", lambda: saved(halves("RGBA", (*LEFT, 255), (*RIGHT, 0)), "PNG"), LEFT, WHITE, 0),
    ("png la", lambda: saved(halves("LA", (60, 255), (210, 64)), "PNG"), GREY_LEFT, blend(GREY_RIGHT, 64), 1),
    (
        "webp rgba",
        lambda: saved(halves("RGBA", (*LEFT, 255), (*RIGHT, 64)), "WEBP", lossless=True),
        LEFT,
        CLEAR,
        1,
    ),
    ("tiff pa", lambda: saved(palette_and_alpha(), "TIFF"), LEFT, WHITE, 0),
    ("png rgb one clear colour", lambda: saved(RGB, "PNG", transparency=RIGHT), LEFT, WHITE, 0),
    (
        "png grey one clear grey",
        lambda: saved(Image.fromarray(GREY), "PNG", transparency=210),
        GREY_LEFT,
        WHITE,
        0,
    ),
    ("png palette", lambda: saved(paletted(), "PNG"), LEFT, RIGHT, 0),
    ("png palette, one clear", lambda: saved(paletted(), "PNG", transparency=1), LEFT, WHITE, 0),
    ("png palette, alphas", lambda: saved(paletted(), "PNG", transparency=b"\xff\x40"), LEFT, CLEAR, 1),
    ("gif palette, one clear", lambda: saved(paletted(), "GIF", transparency=1), LEFT, WHITE, 0),
    # Grey and black-and-white.
    ("png grey", lambda: saved(Image.fromarray(GREY), "PNG"), GREY_LEFT, GREY_RIGHT, 0),
    ("jpeg grey", lambda: saved(Image.fromarray(GREY), "JPEG", **FINE), GREY_LEFT, GREY_RIGHT, LOSSY),
    ("png 1 bit", lambda: saved(halves("1", 0, 1), "PNG"), (0, 0, 0), WHITE, 0),
    ("tiff fax", lambda: saved(halves("1", 0, 1), "TIFF", compression="group4"), (0, 0, 0), WHITE, 0),
    # Deep grey: v of 16 bits is v / 257 of 8, rounded.
    ("png 16", lambda: saved(deep_grey(np.uint16, 60 * 257, 65535), "PNG"), GREY_LEFT, WHITE, 0),
    ("png 16 dark", lambda: saved(deep_grey(np.uint16, 255, 60 * 257), "PNG"), (1, 1, 1), GREY_LEFT, 0),
    (
        "png 16 one clear grey",
        lambda: saved(deep_grey(np.uint16, 60 * 257, 1000), "PNG", transparency=1000),
        GREY_LEFT,
        WHITE,
        0,
    ),
    ("tiff 16", lambda: saved(deep_grey(np.uint16, 60 * 257, 210 * 257), "TIFF"), GREY_LEFT, GREY_RIGHT, 0),
    (
        "tiff 16 white is zero",
        lambda: saved(deep_grey(np.uint16, 195 * 257, 45 * 257), "TIFF", tiffinfo={262: 0}),
        GREY_LEFT,
        GREY_RIGHT,
        0,
    ),
    ("tiff 32", lambda: saved(deep_grey(np.int32, 60 * 257, 210 * 257), "TIFF"), GREY_LEFT, GREY_RIGHT, 0),
    ("pgm 16", lambda: saved(deep_grey(np.int32, 60 * 257, 65535), "PPM"), GREY_LEFT, WHITE, 0),
    ("tiff 12", twelve_bit_tiff, (64, 64, 64), (191, 191, 191), 0),  # 255 * 1024 / 4095, 255 * 3072 / 4095
    ("tiff float", lambda: saved(deep_grey(np.float32, 60 / 255, 1.0), "TIFF"), GREY_LEFT, WHITE, 0),
    # CMYK: Pillow's plain formula without profiles, 255 - (c + k), so the round trip is exact before JPEG.
    ("jpeg cmyk adobe", lambda: saved(RGB.convert("CMYK"), "JPEG", **FINE), LEFT, RIGHT, LOSSY),
    ("tiff cmyk", lambda: saved(RGB.convert("CMYK"), "TIFF"), LEFT, RIGHT, 0),
    # The first picture of several.
    ("gif animated", lambda: animated("GIF"), LEFT, RIGHT, 0),
    ("webp animated", lambda: animated("WEBP"), LEFT, RIGHT, 0),
    ("apng", lambda: animated("PNG"), LEFT, RIGHT, 0),
    ("tiff of 2 pages", lambda: animated("TIFF"), LEFT, RIGHT, 0),
    ("mpo", lambda: animated("MPO"), LEFT, RIGHT, LOSSY),  # a JPEG of several pictures, as phones write it
]


@pytest.mark.parametrize(
    ("contents", "left", "right", "tolerance"), [f[1:] for f in FORMATS], ids=[f[0] for f in FORMATS]
)
def test_formats(tmp_path, contents, left, right, tolerance):
    path = tmp_path / "picture"
    path.write_bytes(contents())
    image = read_image(path)
    assert image.dtype == np.uint8
    half = image.shape[1] // 2
    expected = np.empty_like(image)
    expected[:, :half], expected[:, half:] = left, right
    np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=tolerance)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, format, orientation):
    # Four corners of different grey; what the file holds is the upright picture turned the other way.
    upright = np.kron(np.array([[0, 80], [160, 240], [40, 200]], np.uint8), np.ones((16, 16), np.uint8))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # shown after a clockwise turn, so stored counter-clockwise
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = Image.fromarray(upright)
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    path = tmp_path / "turned"
    path.write_bytes(saved(stored.convert("RGB"), format, exif=exif))
    np.testing.assert_allclose(read_image(path)[..., 0].astype(int), upright.astype(int), atol=LOSSY)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_exif_orientation_of_deep_grey(tmp_path, format):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = tmp_path / "deep"
    path.write_bytes(saved(Image.fromarray(np.array([[0, 257, 514]], np.uint16)), format, exif=exif))
    assert read_image(path)[..., 0].tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2)])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_small_and_narrow_sizes(tmp_path, size, format):
    path = tmp_path / "picture"
    path.write_bytes(saved(Image.new("RGB", (size[1], size[0]), "white"), format))
    assert read_image(path).tolist() == np.full((*size, 3), 255).tolist()


def test_accepts_a_string_and_gives_a_writable_array(tmp_path):
    RGB.save(tmp_path / "picture.png")
    image = read_image(str(tmp_path / "picture.png"))
    image[:] = 0


PNG = saved(RGB, "PNG")
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))

# name, file contents, what the message says
BAD_FILES: list[tuple[str, bytes, str]] = [
    ("empty", b"", "an empty file"),
    ("text", b"not a picture", "starts with b'not a pi'"),
    ("eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "starts with b'%!PS-Ado'"),
    ("signature only", PNG[:8], "PNG"),
    ("truncated png", saved(NOISE, "PNG")[:-200], "truncated"),
    ("truncated jpeg", saved(NOISE, "JPEG")[:-200], "truncated"),
    ("truncated webp", saved(NOISE, "WEBP")[:-200], "truncated"),
    ("truncated gif", saved(NOISE, "GIF")[:-200], "truncated"),
    ("truncated tiff", saved(NOISE, "TIFF")[:-200], "truncated"),
    ("truncated bmp", saved(NOISE, "BMP")[:-200], "truncated"),
    ("png of width 0", png_header(0, 10), "at least 1 x 1"),
    ("png of height 0", png_header(10, 0), "at least 1 x 1"),
    ("a little too large", png_header(10_001, 10_000), "received 10001 x 10000"),
    ("absurdly large", png_header(60_000, 60_000), "at most 100,000,000 pixels"),
    ("float over 1", saved(deep_grey(np.float32, 0, 255), "TIFF"), "from 0 to 1, received 0 to 255"),
    ("float below 0", saved(deep_grey(np.float32, -0.5, 1), "TIFF"), "from 0 to 1, received -0.5 to 1"),
    ("float nan", saved(deep_grey(np.float32, 0, np.nan), "TIFF"), "received nan to nan"),
    ("32 bits", saved(deep_grey(np.int32, 0, 70_000), "TIFF"), "from 0 to 65535, received 0 to 70000"),
]


@pytest.mark.parametrize(("contents", "problem"), [b[1:] for b in BAD_FILES], ids=[b[0] for b in BAD_FILES])
def test_bad_files(tmp_path, contents, problem):
    path = tmp_path / "picture.png"
    path.write_bytes(contents)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageFileError) as caught:
            read_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert problem in message
    assert "expected" in message
    assert "received" in message


def test_the_largest_allowed_size_gets_past_the_check_without_a_warning(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png_header(10_000, 10_000))  # over the size at which Pillow warns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageFileError, match="truncated"):
            read_image(path)


def test_missing_file(tmp_path):
    with pytest.raises(ImageFileError, match=r"nothing\.png: .*No such file"):
        read_image(tmp_path / "nothing.png")


def test_folder(tmp_path):
    with pytest.raises(ImageFileError, match=r"received: Is a directory"):
        read_image(tmp_path)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root may read everything, so that a test run by root must stop being root for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_unreadable_file(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(PNG)
    path.chmod(0)
    with as_ordinary_user(), pytest.raises(ImageFileError, match=r"secret\.png: .*Permission denied"):
        read_image(path)


def test_damaged_exif_does_not_cost_the_picture(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(saved(RGB, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(path).shape == HALVES.shape


ENCODED = {
    "png": saved(NOISE, "PNG"),
    "jpeg": saved(NOISE, "JPEG"),
    "jpeg progressive": saved(NOISE, "JPEG", progressive=True),
}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "picture"


@given(contents=st.binary(max_size=200), start=st.sampled_from([b"", *(e[:40] for e in ENCODED.values())]))
def test_random_bytes_give_a_picture_or_an_image_file_error(scratch, contents, start):
    scratch.write_bytes(start + contents)
    read_or_reject(scratch)


@given(data=st.data(), name=st.sampled_from(sorted(ENCODED)))
def test_a_truncated_picture_is_whole_or_rejected(scratch, data, name):
    scratch.write_bytes(ENCODED[name])
    whole = read_image(scratch)
    kept = data.draw(st.integers(0, len(ENCODED[name]) - 1))
    scratch.write_bytes(ENCODED[name][:kept])
    image = read_or_reject(scratch)
    if image is not None:  # only a checksum or end marker is missing
        np.testing.assert_array_equal(image, whole)


@given(data=st.data(), name=st.sampled_from(sorted(ENCODED)))
def test_a_corrupted_picture_gives_a_picture_or_an_image_file_error(scratch, data, name):
    contents = bytearray(ENCODED[name])
    changes = st.tuples(st.integers(0, len(contents) - 1), st.integers(0, 255))
    for position, value in data.draw(st.lists(changes, min_size=1, max_size=8)):
        contents[position] = value
    scratch.write_bytes(contents)
    read_or_reject(scratch)


def read_or_reject(path: Path) -> np.ndarray | None:
    try:
        image = read_image(path)
    except ImageFileError:
        return None
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.size > 0
    return image


def test_resize_takes_height_then_width():
    assert resize_image(HALVES, (10, 7)).shape == (10, 7, 3)
    assert resize_image(HALVES, (10, 7)).dtype == np.uint8


def test_resize_keeps_a_picture_of_the_right_size():
    np.testing.assert_array_equal(resize_image(HALVES, (32, 64)), HALVES)


def test_resize_stretches():
    shrunk = resize_image(HALVES, (64, 64))
    assert tuple(shrunk[32, 5]) == LEFT
    assert tuple(shrunk[32, 58]) == RIGHT


def test_resize_averages_when_shrinking():
    # A checkerboard is grey from afar; without anti-aliasing every new pixel would be black or white.
    board = np.indices((640, 640)).sum(axis=0) % 2 * 255
    board = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    np.testing.assert_allclose(resize_image(board, (64, 64)).astype(int), 127.5, atol=2)


def test_resize_one_pixel():
    assert resize_image(np.full((1, 1, 3), 7, np.uint8), (3, 2)).tolist() == np.full((3, 2, 3), 7).tolist()


def numbered(rows: int, columns: int) -> np.ndarray:
    """An image whose pixels say where they are: red the row, green the column."""
    image = np.zeros((rows, columns, 3), np.uint8)
    image[..., 0], image[..., 1] = np.indices((rows, columns))
    return image


# The image's size, the size wanted, and the rows and columns that shall be left, by hand.
CROPS = [
    ((4, 10), (4, 4), slice(0, 4), slice(3, 7)),
    ((10, 4), (4, 4), slice(3, 7), slice(0, 4)),
    ((4, 9), (4, 4), slice(0, 4), slice(2, 6)),  # 5 columns go: 2 on the left, 3 on the right
    ((6, 20), (3, 4), slice(0, 6), slice(6, 14)),
    ((20, 6), (4, 3), slice(6, 14), slice(0, 6)),
    ((30, 40), (64, 64), slice(0, 30), slice(5, 35)),
    ((1, 50), (1, 1), slice(0, 1), slice(24, 25)),
    ((3, 50), (100, 1), slice(0, 3), slice(24, 25)),  # 0.03 columns would have the ratio
    ((50, 3), (1, 100), slice(24, 25), slice(0, 3)),
]


@pytest.mark.parametrize(("image_size", "size", "rows", "columns"), CROPS)
def test_crop_keeps_the_middle(image_size, size, rows, columns):
    image = numbered(*image_size)
    np.testing.assert_array_equal(crop_and_resize(image, size), resize_image(image[rows, columns], size))


@pytest.mark.parametrize(("image_size", "size"), [((32, 64), (32, 64)), ((32, 64), (7, 14)), ((10, 15), (100, 150))])
def test_crop_leaves_a_picture_of_the_right_ratio_whole(image_size, size):
    image = numbered(*image_size)
    np.testing.assert_array_equal(crop_and_resize(image, size), resize_image(image, size))


SIDES = st.integers(1, 60)


@given(rows=SIDES, columns=SIDES, height=SIDES, width=SIDES)
def test_crop_is_in_the_middle_and_as_large_as_can_be(rows, columns, height, width):
    cropped = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_files, "resize_image", lambda image, size: cropped.append(image))
        crop_and_resize(numbered(rows, columns), (height, width))
    (part,) = cropped
    for axis, whole, other in [(0, rows, columns * height / width), (1, columns, rows * width / height)]:
        kept = part.shape[axis]
        assert kept == whole or abs(kept - other) <= 0.5 or kept == 1 > other
        before = int(part[0, 0, axis])
        assert before == (whole - kept) // 2
    assert rows == part.shape[0] or columns == part.shape[1]


@pytest.mark.parametrize("function", [resize_image, crop_and_resize])
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_resizing_rejects_other_arrays(function, image):
    with pytest.raises(DataContentError, match=r"received (float32|uint8) of shape \("):
        function(image, (2, 2))


@pytest.mark.parametrize("function", [resize_image, crop_and_resize])
@pytest.mark.parametrize("size", [(0, 4), (4, 0), (-1, 4)])
def test_resizing_rejects_empty_sizes(function, size):
    with pytest.raises(DataContentError, match=r"received \("):
        function(np.zeros((4, 4, 3), np.uint8), size)
