"""From a picture of any size to a network's input, and boxes back again.

Two ways: the letterbox keeps the aspect ratio and fills the rest with grey, as Darknet's weights want it; stretching
does not, as in the course. Sizes are (height, width); boxes are xyxy in pixels.

Source of the letterbox: Darknet's image.c (letterbox_image, resize_image) for the pixels and region_layer.c
(correct_region_boxes) for the boxes, in the same float32 operations.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from keras_cv_course.errors import DataContentError

Size = tuple[int, int]  # (height, width)

GREY = 0.5


@dataclass(frozen=True)
class Placement:
    """Where a whole picture lies in a network's input.

    Attributes:
        image_size: (height, width) of the picture.
        input_size: (height, width) of the network's input.
        top: where the picture begins, in pixels of the input; may be half a pixel.
        left: the same across.
        height: of the picture in the input.
        width: of the picture in the input.
    """

    image_size: Size
    input_size: Size
    top: float
    left: float
    height: int
    width: int

    def boxes_to_image(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """Move boxes (..., 4) from pixels of the network's input to pixels of the picture, as float32.

        A box in the grey beside the picture lands outside of the picture: nothing is clipped.
        """
        return ((_checked_boxes(boxes_xyxy) - self._offset()) / self._scale()).astype(np.float32)

    def boxes_to_input(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """Move boxes (..., 4) from pixels of the picture to pixels of the network's input, as float32."""
        return (_checked_boxes(boxes_xyxy) * self._scale() + self._offset()).astype(np.float32)

    def _offset(self) -> np.ndarray:
        return np.array([self.left, self.top, self.left, self.top])

    def _scale(self) -> np.ndarray:
        """Pixels of the input for one of the picture, for x1, y1, x2, y2."""
        y, x = self.height / self.image_size[0], self.width / self.image_size[1]
        return np.array([x, y, x, y])


def letterbox(image: np.ndarray, input_size: Size) -> tuple[np.ndarray, Placement]:
    """Put a picture in the middle of a grey input, as large as fits, exactly as Darknet does.

    Where the grey has an odd height or width, Darknet puts the pixels at half of it rounded down and yet takes boxes
    back from the exact half; so does the placement.

    Args:
        image: uint8 (height, width, 3).
        input_size: (height, width) of the network's input.

    Returns:
        float32 (input_size[0], input_size[1], 3), 0..1, and the placement.

    Raises:
        DataContentError: no such picture, or a size below 1.
    """
    _check(image, input_size)
    placement = letterbox_placement(image.shape[:2], input_size)
    height, width = placement.height, placement.width
    boxed = np.full((*input_size, 3), GREY, np.float32)
    top, left = int(placement.top), int(placement.left)
    boxed[top : top + height, left : left + width] = _resize(image, (height, width))
    return boxed, placement


def letterbox_placement(image_size: Size, input_size: Size) -> Placement:
    """Tell where :func:`letterbox` puts a picture of a size."""
    (rows, columns), (input_rows, input_columns) = image_size, input_size
    # Whole-number divisions, as in C. Darknet makes nothing of a picture that is too narrow for a single pixel.
    if np.float32(input_columns) / np.float32(columns) < np.float32(input_rows) / np.float32(rows):
        height, width = max(1, rows * input_columns // columns), input_columns
    else:
        height, width = input_rows, max(1, columns * input_rows // rows)
    top, left = (input_rows - height) / 2, (input_columns - width) / 2
    return Placement((rows, columns), input_size, top, left, height, width)


def stretch(image: np.ndarray, input_size: Size) -> tuple[np.ndarray, Placement]:
    """Stretch a picture over the whole input, as the course does: Pillow's bicubic filter, then divided by 255.

    Arguments, results and errors as of :func:`letterbox`.
    """
    _check(image, input_size)
    height, width = input_size
    stretched = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.divide(np.asarray(stretched), np.float32(255), dtype=np.float32)
    return pixels, stretch_placement((image.shape[0], image.shape[1]), input_size)


def stretch_placement(image_size: Size, input_size: Size) -> Placement:
    """Tell where :func:`stretch` puts a picture of a size."""
    return Placement(image_size, input_size, 0.0, 0.0, *input_size)


def _resize(image: np.ndarray, size: Size) -> np.ndarray:
    """Resize as Darknet's resize_image: first pixels mix along the rows, then rows along the columns.

    Only the rows that the second step needs go through the first. uint8 (rows, columns, 3) -> float32 (*size, 3), 0..1.
    """
    upper, lower, vertical = _samples(image.shape[0], size[0])
    left, right, across = _samples(image.shape[1], size[1])
    # The last column is the picture's last whatever rounding did to its place; the last row is not, see below.
    left[-1], across[-1] = image.shape[1] - 1, 0

    needed, places = np.unique([upper, lower], return_inverse=True)
    upper, lower = places.reshape(2, -1)  # now rows of `needed`
    pixels = image[needed]  # (needed rows, columns, 3)
    across = np.repeat(across, 3)  # NumPy is slow over a last axis of 3: from here on, a row is size[1] * 3 numbers
    mixed = (1 - across) * _as_fractions(pixels.take(left, axis=1))  # (needed rows, size[1] * 3)
    mixed += across * _as_fractions(pixels.take(right, axis=1))

    vertical = vertical[:, None]
    resized = (1 - vertical) * mixed[upper]  # (size[0], size[1] * 3)
    # Darknet adds nothing to the last row: where rounding leaves it a little above the picture's last, it gets dark.
    resized[:-1] += vertical[:-1] * mixed[lower[:-1]]
    return resized.reshape(*size, 3)


def _samples(length: int, new_length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give for each new pixel the two old ones that it lies between, and the second one's share, float32.

    The first and the last new pixel lie on the first and the last old one.
    """
    step = np.float32(length - 1) / np.float32(max(1, new_length - 1))
    places = np.arange(new_length, dtype=np.float32) * step
    first = places.astype(np.int64)
    return first, np.minimum(first + 1, length - 1), places - first.astype(np.float32)


def _as_fractions(pixels: np.ndarray) -> np.ndarray:
    """Turn uint8 (rows, columns, 3) into float32 (rows, columns * 3), 0..1."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)


def _checked_boxes(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.ndim < 1 or boxes.shape[-1] != 4:
        raise DataContentError(f"Expected boxes of shape (..., 4) as x1, y1, x2, y2. Received: {boxes.shape}.")
    return boxes


def _check(image: np.ndarray, input_size: Size) -> None:
    if (
        not isinstance(image, np.ndarray)
        or image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] != 3
        or image.size == 0
    ):
        received = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise DataContentError(
            f"Expected a uint8 image of shape (height, width, 3), at least 1 x 1, received {received}. Read pictures "
            "with read_image."
        )
    if len(input_size) != 2 or min(input_size) < 1:
        raise DataContentError(f"Expected input_size as (height, width), each at least 1, received {input_size}.")
