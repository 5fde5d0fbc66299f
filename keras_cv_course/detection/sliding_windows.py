"""Objects found by a classifier that looks at every window of a picture, small and large ones.

The plain algorithm cuts every window out and classifies it. The convolutional form computes all windows of a picture
at once and gives the same numbers in a part of the time. Both look at windows of one size; several sizes come from a
pyramid: the same picture, smaller and smaller.

Source: Sermanet et al., "OverFeat: Integrated Recognition, Localization and Detection using Convolutional Networks",
2014.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np

from keras_cv_course.boxes import clip_xyxy, scale_xyxy, xywh_to_xyxy
from keras_cv_course.data.image_files import resize_image
from keras_cv_course.detection.predict import IOU_THRESHOLD, SCORE_THRESHOLD, check_several, find_classes
from keras_cv_course.detection.select_boxes import SelectedBoxes, check_limits, non_max_suppression
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError, ModelError
from keras_cv_course.models.classifier import require_finite
from keras_cv_course.models.window_classifier import WindowClassifier

PYRAMID_STEP = 2**0.5

_MOST_ENLARGED = 4  # times; what is smaller than that shows a classifier nothing, and its pictures fill the memory
_CROPS_AT_ONCE = 256
_PIXELS_AT_ONCE = 2**21  # more go through the convolutions in strips, which bounds the memory


class WindowOutputs(NamedTuple):
    """What a classifier says of the windows of one size of a picture.

    Attributes:
        probabilities: float32 (rows, cols, classes).
        boxes: float32 (rows, cols, 4), xyxy in pixels of the picture: the windows, or the boxes that the model gives
            beside the classes.
    """

    probabilities: np.ndarray
    boxes: np.ndarray


def classify_crops(classifier: WindowClassifier, image: np.ndarray, stride: tuple[int, int]) -> WindowOutputs:
    """Cut out and classify every window of a picture: the plain algorithm.

    Args:
        classifier: the model, with all that its use needs.
        image: uint8 (height, width, 3).
        stride: pixels from a window to the next, down and across.

    Returns:
        Of the windows that fit into the picture, whose top left corners are at multiples of the stride.

    Raises:
        DataContentError: no such image, a stride below 1, or a picture smaller than a window.
    """
    rows, cols = (
        last // step + 1 for last, step in zip(_last_corner(classifier, image), _check_stride(stride), strict=True)
    )
    crops = np.lib.stride_tricks.sliding_window_view(image, classifier.window, axis=(0, 1))  # (y, x, 3, height, width)
    crops = crops[:: stride[0], :: stride[1]].transpose(0, 1, 3, 4, 2)  # (rows, cols, height, width, 3), a view
    places = np.arange(rows * cols)
    pieces = []
    for start in range(0, len(places), _CROPS_AT_ONCE):
        row, col = np.divmod(places[start : start + _CROPS_AT_ONCE], cols)
        pieces.append(_as_list(classifier.model.predict_on_batch(classifier.prepare(crops[row, col]))))
    outputs = [np.concatenate(parts).reshape(rows, cols, -1) for parts in zip(*pieces, strict=True)]
    return _with_boxes(outputs, classifier.window, stride)


def classify_convolutions(
    classifier: WindowClassifier, image: np.ndarray, stride: tuple[int, int] | None = None
) -> WindowOutputs:
    """Classify every window of a picture at once: what :func:`classify_crops` gives, up to float32's rounding.

    Args:
        classifier: the model, with all that its use needs.
        image: uint8 (height, width, 3).
        stride: multiples of the convolutions' own stride; None for that itself.

    Raises:
        ModelError: a layer of the model does not allow it, or the stride is none of the convolutions' multiples.
        DataContentError: no such image, a stride below 1, or a picture smaller than a window.
    """
    own, (height, width) = classifier.fully_convolutional.stride, classifier.window
    stride = own if stride is None else stride
    if not _is_multiple(_check_stride(stride), own):
        raise ModelError(f"Expected a stride of multiples of {own}, the convolutions' own. Received: {stride}.")
    rows, cols = (last // step + 1 for last, step in zip(_last_corner(classifier, image), own, strict=True))
    used_width = width + (cols - 1) * own[1]
    at_once = max(1, (_PIXELS_AT_ONCE // used_width - height) // own[0] + 1)  # rows of windows
    strips = []
    for row in range(0, rows, at_once):
        top, bottom = row * own[0], (min(row + at_once, rows) - 1) * own[0] + height
        strip = classifier.prepare(image[top:bottom, :used_width])
        # Not by `predict`, which would trace a graph for every size of strip.
        found = _as_list(classifier.fully_convolutional.model(strip[None], training=False))
        strips.append([keras.ops.convert_to_numpy(output)[0] for output in found])
    outputs = [np.concatenate(parts) for parts in zip(*strips, strict=True)]  # each (rows, cols, numbers)
    down, across = stride[0] // own[0], stride[1] // own[1]
    return _with_boxes([output[::down, ::across] for output in outputs], classifier.window, stride)


class Sliding(NamedTuple):
    """How windows are classified.

    Attributes:
        stride: pixels of the model's window from one to the next, down and across.
        by_crops: why they are cut out one by one; None where convolutions compute them all at once.
    """

    stride: tuple[int, int]
    by_crops: str | None


def choose_sliding(classifier: WindowClassifier, stride: tuple[int, int] | None = None) -> Sliding:
    """Choose convolutions wherever the model and the stride allow them.

    Args:
        classifier: the model, with all that its use needs.
        stride: what is wanted; None for the convolutions' own, or for a quarter of the window where there are none.

    Raises:
        DataContentError: a stride below 1.
    """
    height, width = classifier.window
    try:
        own = classifier.fully_convolutional.stride
    except ModelError as error:
        return Sliding(_check_stride(stride or (max(1, height // 4), max(1, width // 4))), str(error))
    stride = _check_stride(stride or own)
    if _is_multiple(stride, own):
        return Sliding(stride, None)
    return Sliding(
        stride, f"the convolutions' own stride is {own[0]} x {own[1]}, and no part of {stride[0]} x {stride[1]}"
    )


def detect_windows(
    classifier: WindowClassifier,
    images: Iterable[np.ndarray],
    *,
    window_heights: Sequence[int] | None = None,
    stride: tuple[int, int] | None = None,
    score_threshold: float = SCORE_THRESHOLD,
    iou_threshold: float = IOU_THRESHOLD,
    max_boxes: int | None = None,
    classes: Sequence[str] | None = None,
) -> Iterator[Detections]:
    """Find objects on pictures of any sizes by classifying their windows.

    A window counts for its most likely class, and not where that stands for no object. Of the boxes that are left, the
    best of each class suppress their neighbours, those of other sizes of window too.

    Args:
        classifier: the model, with all that its use needs.
        images: uint8 (height, width, 3), RGB.
        window_heights: of the windows, in pixels of the picture, each at least a quarter of the model's own; those that
            do not fit into a picture find nothing on it. None for a pyramid of windows: from the model's own on, each
            `PYRAMID_STEP` times the one before, as long as they fit; of a picture that is smaller, the largest that
            fits.
        stride: as of :func:`choose_sliding`, in pixels of the model's window.
        score_threshold: least probability of the class, from 0 to 1.
        iou_threshold: a box goes if its IoU with a better one of its class is more than this; 1 keeps all.
        max_boxes: keep only so many of the best on a picture; None for all.
        classes: names of the classes to keep; None for all.

    Yields:
        For each picture, in their order, what was found on it, the best score first. Boxes are cut off at the picture's
        edges.

    Raises:
        DataContentError: a threshold outside 0..1; `max_boxes` or `stride` below 1; no height, or one out of range; an
            unknown class; or an image that is none.
        ModelError: a model whose numbers are not finite.
    """
    check_limits(score_threshold, iou_threshold, max_boxes)
    check_several(images, "detect_windows(classifier, [image])")
    if window_heights is not None:
        check_window_heights(classifier, window_heights)
    sliding = choose_sliding(classifier, stride)
    names = classifier.class_names
    wanted = np.arange(len(names)) if classes is None else find_classes(classes, names)
    wanted = np.setdiff1d(wanted, [names.index(name) for name in classifier.background])

    def find(image: np.ndarray) -> Detections:
        levels = [_nothing()]
        for level in _pyramid(classifier, image, window_heights):
            likely = _likely_windows(classifier, level, sliding, score_threshold, wanted)
            factors = (image.shape[0] / level.shape[0], image.shape[1] / level.shape[1])
            levels.append(likely._replace(boxes=clip_xyxy(scale_xyxy(likely.boxes, factors), image.shape[:2])))
        boxes, scores, class_ids = (np.concatenate(parts) for parts in zip(*levels, strict=True))
        kept = non_max_suppression(boxes, scores, class_ids, iou_threshold, max_boxes)
        return Detections(boxes[kept], scores[kept], class_ids[kept], names, image.shape[:2])

    return (find(image) for image in images)


def check_window_heights(classifier: WindowClassifier, window_heights: Sequence[int]) -> None:
    """Raise DataContentError for none, or where one is no number or would enlarge a picture too much."""
    least = classifier.window[0] / _MOST_ENLARGED
    if len(window_heights) == 0 or not all(least <= height < math.inf for height in window_heights):
        raise DataContentError(
            f"Expected window_heights in pixels, each at least {least:g}: a picture is enlarged up to {_MOST_ENLARGED} "
            f"times for windows of {classifier.window[0]}. Received: {window_heights}."
        )


def _pyramid(
    classifier: WindowClassifier, image: np.ndarray, window_heights: Sequence[int] | None
) -> Iterator[np.ndarray]:
    """Give the picture in the sizes in which the model's window is as large as is wanted."""
    _check_image(image)
    (height, width), (rows, cols) = classifier.window, image.shape[:2]
    largest = min(rows, cols * height / width)  # height of a window of the model's shape
    heights: Sequence[float]
    if window_heights is not None:
        heights = window_heights
    else:
        steps = int(np.log(max(largest / height, 1)) / np.log(PYRAMID_STEP) + 1e-6)
        heights = [min(height * PYRAMID_STEP**step, largest) for step in range(steps + 1)]
    for one in heights:
        if one <= largest:
            size = (max(height, round(rows * height / one)), max(width, round(cols * height / one)))
            yield image if size == (rows, cols) else resize_image(image, size)


def _likely_windows(
    classifier: WindowClassifier, image: np.ndarray, sliding: Sliding, score_threshold: float, wanted: np.ndarray
) -> SelectedBoxes:
    """Give the boxes of windows of the wanted classes, in the order of the grid."""
    classify = classify_convolutions if sliding.by_crops is None else classify_crops
    probabilities, boxes = classify(classifier, image, sliding.stride)
    require_finite(classifier.origin, probabilities, boxes)
    class_ids = probabilities.argmax(axis=-1)  # (rows, cols)
    scores = probabilities.max(axis=-1)
    # In float32, as the scores are.
    likely = (scores >= np.float32(score_threshold)) & np.isin(class_ids, wanted)
    return SelectedBoxes(boxes[likely], scores[likely].clip(0, 1), class_ids[likely])


def _nothing() -> SelectedBoxes:
    return SelectedBoxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def _last_corner(classifier: WindowClassifier, image: np.ndarray) -> tuple[int, int]:
    """Give the largest (y, x) at which a window fits."""
    _check_image(image)
    (rows, cols), (height, width) = image.shape[:2], classifier.window
    if rows < height or cols < width:
        raise DataContentError(
            f"Expected a picture of at least {height} x {width}, a window. Received: {rows} x {cols}."
        )
    return rows - height, cols - width


def _check_image(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataContentError(
            f"Expected images uint8 (height, width, 3), at least 1 x 1. Received: {image.dtype} {image.shape}."
        )


def _check_stride(stride: tuple[int, int]) -> tuple[int, int]:
    if min(stride) < 1:
        raise DataContentError(f"Expected a stride of at least 1 pixel. Received: {stride}.")
    return stride


def _is_multiple(stride: tuple[int, int], own: tuple[int, int]) -> bool:
    return stride[0] % own[0] == 0 and stride[1] % own[1] == 0


def _as_list(outputs: np.ndarray | list[np.ndarray]) -> list[np.ndarray]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _with_boxes(outputs: list[np.ndarray], window: tuple[int, int], stride: tuple[int, int]) -> WindowOutputs:
    """Add the windows to probabilities (rows, cols, classes), or put in their place what the model says of them."""
    probabilities, *parts = outputs
    rows, cols = probabilities.shape[:2]
    corners = np.stack(
        np.meshgrid(np.arange(cols) * stride[1], np.arange(rows) * stride[0]), axis=-1
    )  # (rows, cols, 2)
    boxes = scale_xyxy(_boxes_in_window(parts[0]) if parts else np.array([0, 0, 1, 1], np.float32), window)
    boxes = boxes + np.tile(corners, 2)
    return WindowOutputs(probabilities, boxes.astype(np.float32))


def _boxes_in_window(xywh: np.ndarray) -> np.ndarray:
    """Turn what a model says of boxes into corners in order, as parts of the window."""
    return xywh_to_xyxy(np.concatenate([xywh[..., :2], np.maximum(xywh[..., 2:], 0)], axis=-1))
