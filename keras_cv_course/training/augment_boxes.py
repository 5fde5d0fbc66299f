"""Random changes to pictures with boxes, for whole batches inside `tf.data`; the boxes move with the pixels.

Each picture shows a window of its source, larger or smaller, of another aspect ratio, mirrored, in other colours; a
part of the pictures are mosaics, four such windows around a point. Every draw is stateless, as in :mod:`.augment`.

Sources: jitter, hue, saturation and exposure as in Darknet's cfg files of YOLOv2; the mosaic from Bochkovskiy, Wang and
Liao, "YOLOv4: Optimal Speed and Accuracy of Object Detection", 2020, section 3.3.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from keras_cv_course.boxes import xywh_to_xyxy, xyxy_to_xywh
from keras_cv_course.data.letterbox import GREY
from keras_cv_course.detection.targets import TRUTH_COLUMNS
from keras_cv_course.errors import RunError

_TILES = 4
_MOSAIC_ZOOM = 0.7  # at which each of the four pictures is shown, before `zoom` changes it


@dataclass(frozen=True)
class BoxAugmentation:
    """How far each random change may go. Factors are drawn evenly in the logarithm; 0 switches a change off.

    Attributes:
        flip: mirror half of the pictures left to right.
        zoom: largest factor minus one, both in and out.
        aspect: largest factor minus one by which the aspect ratio changes, both ways.
        hue: turn of the colours to either side, as a share of the full circle.
        saturation: largest factor minus one, both ways.
        exposure: largest factor minus one of the brightness, both ways.
        mosaic: share of the pictures that are mosaics, 0 to 1.
        least_left: share of a box's area that must stay within its window, 0 to 1; else the box goes.
    """

    flip: bool = True
    zoom: float = 0.5
    aspect: float = 0.3
    hue: float = 0.03
    saturation: float = 0.5
    exposure: float = 0.5
    mosaic: float = 0.0
    least_left: float = 0.3

    def __post_init__(self) -> None:
        """Refuse ranges that cannot be."""
        for field in ("zoom", "aspect", "hue", "saturation", "exposure"):
            if getattr(self, field) < 0:
                raise RunError(
                    f"BoxAugmentation.{field} must not be negative. Received: {getattr(self, field)}. "
                    f"Use 0 to switch it off."
                )
        for field in ("mosaic", "least_left"):
            if not 0 <= getattr(self, field) <= 1:
                raise RunError(f"BoxAugmentation.{field} must be from 0 to 1. Received: {getattr(self, field)}.")


class Views(NamedTuple):
    """What n windows show: which part of each source, and where it stands on its picture.

    Attributes:
        origin: float32 (n, 2), x and y of the window's left upper corner, parts of the source; it may lie outside.
        extent: float32 (n, 2), the window's width and height, parts of the source.
        mirror: bool (n,), shown mirrored left to right.
        corner: float32 (2,), x and y at which the window begins on the picture, parts of the picture.
        share: float32 (2,), width and height of the window, parts of the picture.
    """

    origin: tf.Tensor
    extent: tf.Tensor
    mirror: tf.Tensor
    corner: tf.Tensor
    share: tf.Tensor


def augment_boxes(
    images: tf.Tensor,
    truth: tf.Tensor,
    others: tuple[tf.Tensor, tf.Tensor],
    size: tf.Tensor,
    augmentation: BoxAugmentation,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Change each picture of a batch in its own way; the first ones become mosaics.

    Args:
        images: uint8 (n, height, width, 3).
        truth: float32 (n, rows, 5), as of :func:`~keras_cv_course.detection.targets.encode_truth`.
        others: the same of further pictures (3 * mosaics, ...): those beside the first of `images` on mosaics.
        size: int32 (2,), height and width of the results.
        augmentation: the ranges.
        seed: int (2,); equal seeds give equal results.

    Returns:
        float32 (n, *size, 3), values 0..1, grey where a window reaches beyond its source, and their truth, float32
        (n, 4 * rows, 5), or (n, rows, 5) where the augmentation has no mosaics.
    """
    seeds = tf.unstack(tf.random.split(seed, 4))
    mosaics = tf.shape(others[0])[0] // (_TILES - 1)
    whole = _draw_views(tf.shape(images)[0] - mosaics, augmentation, seeds[0], tf.zeros(2), tf.ones(2), 1.0)
    pixels, rows = show(images[mosaics:], truth[mosaics:], whole, size, augmentation.least_left)
    if augmentation.mosaic:
        tiled, tiled_rows = _mosaics(
            tf.concat([images[:mosaics], others[0]], axis=0),
            tf.concat([truth[:mosaics], others[1]], axis=0),
            size,
            augmentation,
            (seeds[1], seeds[2]),
        )
        pixels = tf.concat([tiled, pixels], axis=0)
        padding = tf.zeros((tf.shape(rows)[0], (_TILES - 1) * tf.shape(rows)[1], TRUTH_COLUMNS))
        rows = tf.concat([tiled_rows, tf.concat([rows, padding], axis=1)], axis=0)
    return _change_colours(pixels, augmentation, seeds[3]), rows


def _mosaics(
    images: tf.Tensor,
    truth: tf.Tensor,
    size: tf.Tensor,
    augmentation: BoxAugmentation,
    seeds: tuple[tf.Tensor, tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Put 4 n pictures into n mosaics around one point, which is the batch's; pixels as of :func:`show`."""
    count = tf.shape(images)[0] // _TILES
    centre = tf.random.stateless_uniform((2,), seeds[0], 0.35, 0.65)  # y, x
    middle = tf.cast(tf.round(centre * tf.cast(size, tf.float32)), tf.int32)
    parts = tf.cast(middle, tf.float32) / tf.cast(size, tf.float32)
    shown = []
    for number, tile_seed in enumerate(tf.unstack(tf.random.split(seeds[1], _TILES))):
        second = [bool(number // 2), bool(number % 2)]  # below the centre, to the right of it
        pixels = tf.where(second, size - middle, middle)
        corner = tf.where(second, parts, 0.0)[::-1]  # x, y
        share = tf.where(second, 1 - parts, parts)[::-1]
        views = _draw_views(count, augmentation, tile_seed, corner, share, _MOSAIC_ZOOM)
        tile = slice(number * count, (number + 1) * count)
        shown.append(show(images[tile], truth[tile], views, pixels, augmentation.least_left))
    (a, b, c, d), rows = zip(*shown, strict=True)
    return tf.concat([tf.concat([a, b], axis=2), tf.concat([c, d], axis=2)], axis=1), tf.concat(rows, axis=1)


def _draw_views(
    count: tf.Tensor, augmentation: BoxAugmentation, seed: tf.Tensor, corner: tf.Tensor, share: tf.Tensor, zoom: float
) -> Views:
    """Draw windows of which no more lies outside of the source than must."""
    draws = tf.random.stateless_uniform((5, count), seed, -1.0, 1.0)
    size = zoom * tf.exp(draws[0] * math.log1p(augmentation.zoom))
    aspect = tf.exp(draws[1] * math.log1p(augmentation.aspect) / 2)
    extent = share / tf.stack([size * aspect, size / aspect], axis=1)  # (count, 2)
    origin = (1 - extent) * (tf.transpose(draws[2:4]) + 1) / 2
    return Views(origin, extent, (draws[4] < 0) & augmentation.flip, corner, share)


def show(
    images: tf.Tensor, truth: tf.Tensor, views: Views, size: tf.Tensor, least_left: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Give what windows show, and where the objects are.

    Args:
        images: uint8 (n, height, width, 3), the sources.
        truth: float32 (n, rows, 5), their objects.
        views: n windows.
        size: int32 (2,), height and width of a window in pixels.
        least_left: share of a box's area that must lie in the window.

    Returns:
        float32 (n, *size, 3), values 0..255, and float32 (n, rows, 5), parts of the picture on which the windows stand;
        what is not to be seen has become zeros.
    """
    source = tf.cast(tf.shape(images)[1:3], tf.float32)[::-1]  # width, height
    shown = tf.cast(size, tf.float32)[::-1]
    # The middle of the window's first and last pixel, in parts of the distance between those of the source's.
    step = views.extent / shown
    first = ((views.origin + step / 2) * source - 0.5) / (source - 1)
    last = ((views.origin + views.extent - step / 2) * source - 0.5) / (source - 1)
    (x1, y1), (x2, y2) = (tf.unstack(_on_edge(place), axis=1) for place in (first, last))
    left, right = tf.where(views.mirror, x2, x1), tf.where(views.mirror, x1, x2)
    pixels = tf.image.crop_and_resize(
        images,
        tf.stack([y1, left, y2, right], axis=1),
        tf.range(tf.shape(images)[0]),
        size,
        extrapolation_value=255 * GREY,
    )
    return pixels, _move(truth, views, least_left)


def _on_edge(place: tf.Tensor) -> tf.Tensor:
    """Put what rounding left beside the source's edge, where all is grey, onto it."""
    return tf.where(tf.abs(place - tf.round(tf.clip_by_value(place, 0.0, 1.0))) < 1e-5, tf.round(place), place)


def _move(truth: tf.Tensor, views: Views, least_left: float) -> tf.Tensor:
    """Move rows (n, rows, 5) into windows, on the picture on which these stand."""
    origin, extent = (tf.tile(part, (1, 2))[:, None] for part in (views.origin, views.extent))  # (n, 1, 4)
    boxes = (xywh_to_xyxy(truth[..., :4]) - origin) / extent  # parts of the window
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    mirror = views.mirror[:, None]
    boxes = tf.stack([tf.where(mirror, 1 - x2, x1), y1, tf.where(mirror, 1 - x1, x2), y2], axis=-1)
    inside = tf.clip_by_value(boxes, 0.0, 1.0)
    area, left = (tf.reduce_prod(some[..., 2:] - some[..., :2], axis=-1) for some in (boxes, inside))
    kept = (left > 0) & (left >= least_left * area)
    on_picture = tf.tile(views.corner, (2,)) + inside * tf.tile(views.share, (2,))
    rows = tf.concat([xyxy_to_xywh(on_picture), truth[..., 4:]], axis=-1)
    return tf.where(kept[..., None], rows, 0.0)


def _change_colours(pixels: tf.Tensor, augmentation: BoxAugmentation, seed: tf.Tensor) -> tf.Tensor:
    """Turn hue, saturation and exposure of pictures (n, h, w, 3), 0..255, by one matrix for each; give 0..1.

    The hue turns around the grey axis, the saturation is the distance from it.
    """
    count, height, width = tf.unstack(tf.shape(pixels)[:3])
    hue, saturation, exposure = tf.unstack(tf.random.stateless_uniform((3, count, 1, 1), seed, -1.0, 1.0))
    angle = hue * (2 * math.pi * augmentation.hue)
    factor = tf.exp(saturation * math.log1p(augmentation.saturation))
    grey = tf.ones((3, 3)) / 3
    across = tf.constant([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    turned = tf.cos(angle) * (tf.eye(3) - grey) + tf.sin(angle) * across  # (n, 3, 3)
    matrix = (grey + factor * turned) * tf.exp(exposure * math.log1p(augmentation.exposure)) / 255
    changed = tf.reshape(pixels, (count, height * width, 3)) @ tf.transpose(matrix, (0, 2, 1))
    return tf.reshape(tf.clip_by_value(changed, 0.0, 1.0), (count, height, width, 3))
