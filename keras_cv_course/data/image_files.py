"""One picture file as an array, whatever camera, scanner or web page it came from.

Models see pictures as uint8 arrays of shape (height, width, 3), red-green-blue, the way a viewer shows them.
Every other way to store a picture (palette, alpha, CMYK, 16 bits, a camera held sideways) becomes that here.
What cannot is an :class:`~keras_cv_course.errors.ImageFileError`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from keras_cv_course.errors import DataContentError, ImageFileError

MAX_PIXELS = 100_000_000

# A fixed list, because Pillow also knows formats that are programs: it hands an EPS file to Ghostscript.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")

# TIFF tags
_IMAGE_WIDTH = 256
_IMAGE_LENGTH = 257
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0

# EXIF
_ORIENTATION = 274
_ON_ITS_SIDE = (5, 6, 7, 8)


def read_image(path: str | Path) -> np.ndarray:
    """Read one picture as RGB.

    The EXIF orientation is applied. Transparent pixels are laid over white. Of an animation or a file with
    several pages, the first picture is read. Colours become RGB as Pillow converts them, without colour
    profiles; CMYK JPEGs are taken as Adobe writes them, inverted. Grey of more than 8 bits is scaled, not
    clipped: white, which becomes 255, is 65535 in 16-bit files and in 32-bit integer TIFFs, 4095 in 12-bit
    TIFFs, 1.0 in float TIFFs.

    Args:
        path: a file in one of `FORMATS`, of at most `MAX_PIXELS` pixels.

    Returns:
        uint8 array of shape (height, width, 3), in the order red, green, blue.

    Raises:
        ImageFileError: the file is missing, unreadable, empty, truncated, damaged, not a picture, too large,
            or holds grey values outside 0..white.
    """
    with _opened(Path(path)) as image:
        return _to_rgb(image, Path(path))


def read_image_size(path: str | Path) -> tuple[int, int]:
    """Read how large a picture is, from the beginning of its file.

    Args:
        path: a file in one of `FORMATS`, of at most `MAX_PIXELS` pixels.

    Returns:
        (height, width) of what :func:`read_image` gives. Only a PNG whose orientation stands behind its pixels, which
        are not read, is seen unturned.

    Raises:
        ImageFileError: the file is missing, unreadable, empty, not a picture, or too large. One that is truncated or
            damaged further on is not noticed.
    """
    with _opened(Path(path)) as image:
        # `image.getexif()` of a PNG would decode it.
        turned = Image.Image.getexif(image).get(_ORIENTATION) in _ON_ITS_SIDE
        height, width = image.height, image.width
        if isinstance(image, TiffImageFile):  # some versions of Pillow have turned its size already
            height, width = image.tag_v2[_IMAGE_LENGTH], image.tag_v2[_IMAGE_WIDTH]
        return (width, height) if turned else (height, width)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture, and make whatever goes wrong with it an ImageFileError."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ImageFileError(
            f"{path}: expected a readable picture file, received: {error.strerror}. Check the path and its permissions."
        ) from error

    # What Pillow warns of is an error below (size) or does not touch the pixels (metadata it cannot read).
    with file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=FORMATS) as image:
                pixels = image.width * image.height
                if pixels > MAX_PIXELS:
                    raise _too_large(path, f"{image.width} x {image.height}")
                yield image
        except ImageFileError:
            raise
        except Image.DecompressionBombError as error:
            raise _too_large(path, str(error)) from error
        except Image.UnidentifiedImageError as error:
            file.seek(0)
            start = file.read(8)
            received = f"a file that starts with {start!r}" if start else "an empty file"
            raise ImageFileError(
                f"{path}: expected a picture ({', '.join(FORMATS)}) of at least 1 x 1 pixels, "
                f"received {received}. Save the picture again as PNG or JPEG."
            ) from error
        except Exception as error:  # Pillow's decoders raise nearly any type on a damaged file
            raise ImageFileError(
                f"{path}: expected a whole picture, received one that is truncated or damaged ({error}). "
                "Copy or download the file again."
            ) from error


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Stretch a picture to `size`; its aspect ratio is not kept, as in the course's 64 x 64 inputs.

    Bilinear; when shrinking, each new pixel averages the whole area it covers, so a photo does not alias.

    Args:
        image: uint8 array of shape (height, width, 3).
        size: the new (height, width), each at least 1.

    Returns:
        uint8 array of shape (size[0], size[1], 3).

    Raises:
        DataContentError: `image` or `size` is not as described.
    """
    _check_image_and_size(image, size)
    height, width = size
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def crop_and_resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a picture to `size` without stretching it: what is too long is cut off, as much on both sides.

    The largest part in the middle that has the aspect ratio of `size`, to the nearest whole pixel and at least one,
    goes through :func:`resize_image`. Where an odd number of pixels is cut off, the side with the larger index loses
    one more. Arguments, result and errors as of
    :func:`resize_image`.
    """
    _check_image_and_size(image, size)
    height, width = size
    rows, columns = image.shape[:2]
    kept_rows = min(rows, max(1, round(columns * height / width)))
    kept_columns = min(columns, max(1, round(rows * width / height)))
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return resize_image(image[top : top + kept_rows, left : left + kept_columns], size)


def _check_image_and_size(image: np.ndarray, size: tuple[int, int]) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataContentError(
            "Expected a uint8 image of shape (height, width, 3), at least 1 x 1, "
            f"received {image.dtype} of shape {image.shape}. Read pictures with read_image."
        )
    if min(size) < 1:
        raise DataContentError(f"Expected size as (height, width), each at least 1, received {size}.")


def _too_large(path: Path, received: str) -> ImageFileError:
    return ImageFileError(
        f"{path}: too large: expected at most {MAX_PIXELS:,} pixels, received {received}. Shrink it first."
    )


def _to_rgb(image: Image.Image, path: Path) -> np.ndarray:
    tags = dict(image.tag_v2) if isinstance(image, TiffImageFile) else {}
    upright = ImageOps.exif_transpose(image)
    if upright.mode == "F" or upright.mode.startswith("I"):
        upright = _deep_grey_to_8_bits(upright, tags, path)
    if upright.has_transparency_data:
        paper = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(paper, upright.convert("RGBA"))
    return np.array(upright.convert("RGB"))


def _deep_grey_to_8_bits(image: Image.Image, tags: dict[int, Any], path: Path) -> Image.Image:
    if image.mode == "F":
        white = 1.0
    elif tags.get(_BITS_PER_SAMPLE) == (12,):
        white = 4095.0
    else:  # older Pillow read 16 bits as 32-bit integers, and wrote them so: such TIFFs hold 0..65535
        white = 65535.0

    grey = np.array(image, dtype=np.float32)
    if not (grey.min() >= 0 and grey.max() <= white):  # written so that NaN fails
        raise ImageFileError(
            f"{path}: expected grey values from 0 to {white:g}, received {grey.min():g} to {grey.max():g}. "
            "Scale the values, or save the picture as 8-bit PNG."
        )
    # Pillow applies these two to 8 bits only.
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        grey = white - grey
    if "transparency" in image.info:
        grey[grey == image.info["transparency"]] = white

    return Image.fromarray(np.rint(grey * (255 / white)).astype(np.uint8))
