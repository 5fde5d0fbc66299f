"""The feature pyramid: maps of every size that all know what the deepest knows.

Source: Lin, Dollar, Girshick, He, Hariharan and Belongie, "Feature Pyramid Networks for Object Detection", 2017.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from keras import layers

from keras_cv_course.errors import ModelError

Tensor = Any


def feature_pyramid(stages: Sequence[Tensor], filters: int, *, coarsest: bool = False) -> list[Tensor]:
    """Add to each map of a backbone, made equally deep, the one above it, twice as large.

    The layers are ``fpn_inner1``, ``fpn_output1``, ... from the finest on.

    Args:
        stages: maps (batch, h, w, channels) from fine to coarse, each half as high and wide as the one before.
        filters: channels of every map of the pyramid.
        coarsest: add one more map, every second place of the last.

    Returns:
        The maps (batch, h, w, filters), from fine to coarse.

    Raises:
        ModelError: maps whose sizes are no halves.
    """
    sizes = [tuple(stage.shape[1:3]) for stage in stages]
    if any(fine != (2 * coarse[0], 2 * coarse[1]) for fine, coarse in itertools.pairwise(sizes)):
        raise ModelError(
            f"Expected maps that are each half as high and wide as the one before. Received: {sizes}. "
            "Take pictures of a multiple of the coarsest stride."
        )
    inner = [layers.Conv2D(filters, 1, name=f"fpn_inner{number}")(x) for number, x in enumerate(stages, start=1)]
    merged = [inner[-1]]
    for number in range(len(inner) - 1, 0, -1):
        above = layers.UpSampling2D(2, interpolation="nearest", name=f"fpn_up{number}")(merged[0])
        merged.insert(0, layers.Add(name=f"fpn_sum{number}")([inner[number - 1], above]))
    maps = [
        layers.Conv2D(filters, 3, padding="same", name=f"fpn_output{number}")(x)
        for number, x in enumerate(merged, start=1)
    ]
    if coarsest:
        maps.append(layers.MaxPooling2D(1, strides=2, padding="same", name="fpn_coarsest")(maps[-1]))
    return maps
