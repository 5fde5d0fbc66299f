"""JPEG pixels against stb_image, the decoder in Darknet.

``stb_image.npz`` holds small JPEGs and what stb_image 2.27 made of them, as ``NAME.jpg`` and ``NAME.pixels``. Pillow
wrote the files; "440", "411" and "410 tall" are such files with other sampling factors in their header.
"""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from keras_cv_course.data.darknet_jpeg import read_jpeg_as_darknet
from keras_cv_course.data.image_files import read_image
from keras_cv_course.data.letterbox import letterbox
from keras_cv_course.errors import ImageFileError

with np.load(Path(__file__).with_name("stb_image.npz")) as arrays:
    STB = {name.removesuffix(".jpg"): arrays[name].tobytes() for name in arrays if name.endswith(".jpg")}
    STB_PIXELS = {name: arrays[f"{name}.pixels"] for name in STB}

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))


def saved(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", STB)
def test_every_sampling_of_the_chroma(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(STB[name])
    pixels = read_jpeg_as_darknet(tmp_path / "a.jpg")
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, STB_PIXELS[name])


def test_a_photo_gives_the_input_that_the_c_program_saw(real_data: Path) -> None:
    photo = real_data / "darknet" / "dog.jpg"
    with np.load(real_data / "darknet" / "yolov2-thin.golden.npz") as golden:
        expected = golden["letterboxed_input"]
    pixels = read_jpeg_as_darknet(photo)
    np.testing.assert_array_equal(letterbox(pixels, (160, 224))[0], expected)
    # Pillow's pixels are near, and not the same: why this reader is there.
    difference = np.abs(pixels.astype(int) - read_image(photo))
    assert 1 <= difference.max() <= 3


def test_grey_with_sampling_factors_of_its_own(tmp_path: Path) -> None:
    plain = bytearray(STB["grey"])
    factors = plain.index(b"\xff\xc0") + 11
    assert plain[factors] == 0x11
    plain[factors] = 0x22  # means nothing where there is one colour
    (tmp_path / "a.jpg").write_bytes(plain)
    np.testing.assert_array_equal(read_jpeg_as_darknet(tmp_path / "a.jpg"), STB_PIXELS["grey"])


def with_adobe_rgb(content: bytes) -> bytes:
    """Put Adobe's segment in the place of JFIF's, with the transform for RGB."""
    length = int.from_bytes(content[4:6], "big")
    return content[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64" + bytes(5) + content[4 + length :]


def second_scan(content: bytes) -> bytes:
    """Name only one of three colours in the scan."""
    place = content.index(b"\xff\xda")
    return content[: place + 2] + b"\x00\x08\x01\x01\x00\x00\x3f\x00" + content[place + 14 :]


BAD_FILES = [
    ("empty", b"", "starts with b''"),
    ("png", saved(NOISE, "PNG"), "starts with b'\\x89PNG"),
    ("progressive", saved(NOISE, progressive=True), "progressive"),
    ("cmyk", saved(NOISE.convert("CMYK")), "4 colours"),
    ("rgb by adobe", with_adobe_rgb(STB["444"]), "its colours are RGB"),
    ("rgb by name", saved(NOISE, keep_rgb=True), "its colours are RGB"),
    ("colours apart", second_scan(STB["444"]), "one after the other"),
    ("12 bits", STB["444"].replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "12 bits"),
    ("no pixels", STB["grey"].replace(b"\x08\x00\x15\x00\x1d", b"\x08\x00\x00\x00\x1d"), "0 pixels"),
    ("too large", STB["grey"].replace(b"\x08\x00\x15\x00\x1d", b"\x08\xff\xff\xff\xff"), "100,000,000"),
    ("headers alone", STB["444"][: STB["444"].index(b"\xff\xda")], "problem"),
    ("truncated", STB["444"][:-300], "truncated"),
    ("truncated at a restart", STB["420 restarts"][: STB["420 restarts"].index(b"\xff\xd0")], "truncated"),
]


@pytest.mark.parametrize(("content", "problem"), [file[1:] for file in BAD_FILES], ids=[file[0] for file in BAD_FILES])
def test_bad_files(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageFileError, match=r"a\.jpg: expected a whole sequential JPEG.*read_image") as caught:
        read_jpeg_as_darknet(tmp_path / "a.jpg")
    assert problem in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match="No such file"):
        read_jpeg_as_darknet(tmp_path / "a.jpg")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "a.jpg"


@given(data=st.data(), name=st.sampled_from(["grey", "444", "420 restarts"]))
def test_a_damaged_file_gives_a_picture_or_an_image_file_error(scratch: Path, data: st.DataObject, name: str) -> None:
    content = bytearray(STB[name])
    changes = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for position, value in data.draw(st.lists(changes, min_size=1, max_size=8)):
        content[position] = value
    # A height or width of tens of thousands is possible, and slow; the limit has a test of its own.
    frame = content.find(b"\xff\xc0")
    if frame >= 0:
        content[frame + 5] = content[frame + 7] = 0
    scratch.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        pixels = read_jpeg_as_darknet(scratch)
    except ImageFileError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
