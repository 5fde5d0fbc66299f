"""Residual networks: ResNet18 to ResNet152 from one description.

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015 (table 1), with the stride in the
first convolution of a block, as in the paper's own version 1 and in the course. The stem follows the course: the
max-pool has no padding, so a 64x64 picture passes 32 -> 15 -> 15 -> 8 -> 4 -> 2.

Layer names are stable: ``stem_conv``, ``stage2_block1_conv1``, ``stage2_block1_shortcut``, ..., ``stage5_block3_out``,
``predictions``. The course's own functions are in `resnet_course.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
from keras import layers

from keras_cv_course.errors import ModelError

Tensor = Any  # a symbolic or eager tensor of the current backend, or a NumPy array
MakeInitializer = Callable[[], Any]  # called once for each convolution

STEM_FILTERS = 64
STAGE_FILTERS = (64, 128, 256, 512)
BOTTLENECK_EXPANSION = 4


@dataclass(frozen=True)
class ResNetDescription:
    """What sets one member of the family apart.

    Attributes:
        blocks: number of residual blocks in stages 2, 3, 4 and 5.
        bottleneck: 1x1, 3x3, 1x1 convolutions in each block; else two 3x3.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool


RESNETS = {
    18: ResNetDescription((2, 2, 2, 2), bottleneck=False),
    34: ResNetDescription((3, 4, 6, 3), bottleneck=False),
    50: ResNetDescription((3, 4, 6, 3), bottleneck=True),
    101: ResNetDescription((3, 4, 23, 3), bottleneck=True),
    152: ResNetDescription((3, 8, 36, 3), bottleneck=True),
}


class Convolution(NamedTuple):
    """One convolution of a residual block's main path."""

    filters: int
    kernel_size: int
    stride: int = 1


class BlockStyle(NamedTuple):
    """What all convolutions and batch norms of a network share.

    Attributes:
        identity_initializer: makes the kernel initializer of each convolution in a block that keeps its shape.
        projection_initializer: makes the one of each convolution in a block that changes it, and of the stem.
        batch_norm_momentum: share of the old moving statistics that a training step keeps.
        last_gamma: initial scale of the last batch norm in each main path. With ``"zeros"`` every block starts as
            its shortcut, which speeds the first epochs up (Goyal et al., 2017, section 5.1).
        training: passed on to each batch norm. None leaves it to Keras: True inside ``fit``, else False.
    """

    identity_initializer: MakeInitializer
    projection_initializer: MakeInitializer
    batch_norm_momentum: float = 0.99
    last_gamma: str = "ones"
    training: bool | None = None


def residual_block(
    x: Tensor, main_path: Sequence[Convolution], style: BlockStyle, *, project: bool, name: str | None = None
) -> Tensor:
    """Add what a few convolutions compute to their own input.

    Args:
        x: (batch, height, width, channels).
        main_path: the convolutions; each is followed by a batch norm, all but the last also by a ReLU.
        style: initializers, batch norm, training flag.
        project: pass the shortcut through a 1x1 convolution and a batch norm, which a change of size or of
            channels needs.
        name: prefix of the layer names; None leaves the names to Keras.

    Returns:
        (batch, height / stride rounded up, width / stride rounded up, filters of the last convolution).
    """
    initializer = style.projection_initializer if project else style.identity_initializer

    def conv_bn(x: Tensor, conv: Convolution, suffix: str, gamma: str = "ones") -> Tensor:
        x = layers.Conv2D(
            conv.filters,
            conv.kernel_size,
            strides=conv.stride,
            padding="valid" if conv.kernel_size == 1 else "same",
            kernel_initializer=initializer(),
            name=_joined(name, suffix),
        )(x)
        norm = layers.BatchNormalization(
            axis=3,
            momentum=style.batch_norm_momentum,
            gamma_initializer=gamma,
            name=_joined(name, f"{suffix}_bn"),
        )
        return norm(x, training=style.training)

    shortcut = x
    for number, conv in enumerate(main_path, start=1):
        last = number == len(main_path)
        x = conv_bn(x, conv, f"conv{number}", gamma=style.last_gamma if last else "ones")
        if not last:
            x = layers.Activation("relu", name=_joined(name, f"conv{number}_relu"))(x)
    if project:
        stride = 1
        for conv in main_path:
            stride *= conv.stride
        shortcut = conv_bn(shortcut, Convolution(main_path[-1].filters, 1, stride), "shortcut")
    x = layers.Add(name=_joined(name, "add"))([x, shortcut])
    return layers.Activation("relu", name=_joined(name, "out"))(x)


def resnet_stages(x: Tensor, depth: int, style: BlockStyle) -> dict[str, Tensor]:
    """Run a ResNet without its head.

    Args:
        x: images (batch, height, width, channels).
        depth: 18, 34, 50, 101 or 152.
        style: initializers, batch norm, training flag.

    Returns:
        The output of each stage by name, in order: ``stem`` (1/4 of the input's size), ``stage2`` (the same),
        ``stage3`` (1/8), ``stage4`` (1/16), ``stage5`` (1/32).
    """
    description = describe_resnet(depth)
    x = layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = layers.Conv2D(STEM_FILTERS, 7, strides=2, kernel_initializer=style.projection_initializer(), name="stem_conv")(
        x
    )
    norm = layers.BatchNormalization(axis=3, momentum=style.batch_norm_momentum, name="stem_bn")
    x = layers.Activation("relu", name="stem_relu")(norm(x, training=style.training))
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)

    stages = {"stem": x}
    for stage, (filters, blocks) in enumerate(zip(STAGE_FILTERS, description.blocks, strict=True), start=2):
        for block in range(1, blocks + 1):
            first = block == 1
            stride = 2 if first and stage > 2 else 1
            path = bottleneck(3, (filters, filters, filters * BOTTLENECK_EXPANSION), stride)
            if not description.bottleneck:
                path = (Convolution(filters, 3, stride), Convolution(filters, 3))
            # The first block of stage 2 keeps size and, in the shallow members, channels too.
            project = first and (stride > 1 or x.shape[-1] != path[-1].filters)
            x = residual_block(x, path, style, project=project, name=f"stage{stage}_block{block}")
        stages[f"stage{stage}"] = x
    return stages


def resnet(
    depth: int,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    batch_norm_momentum: float = 0.99,
    name: str | None = None,
) -> keras.Model:
    """Build a ResNet for any input size.

    Args:
        depth: 18, 34, 50, 101 or 152.
        input_shape: (height, width, channels) of one image; None for a size that may vary.
        classes: number of classes; not used without the top.
        include_top: end in global average pooling and a softmax (batch, classes); else in the feature map of
            stage 5. The other stages are the outputs of the layers named ``stem_pool`` and
            ``stage<s>_block<last>_out``; :func:`stage_outputs` gives them by name.
        batch_norm_momentum: share of the old moving statistics that a training step keeps. Short trainings want
            0.9: see docs/training.md.
        name: the model's name.

    Raises:
        ModelError: an unknown depth, fewer than one class, or an input too small.
    """
    check_input_shape(input_shape, smallest=5)
    style = BlockStyle(
        identity_initializer=keras.initializers.HeNormal,
        projection_initializer=keras.initializers.HeNormal,
        batch_norm_momentum=batch_norm_momentum,
        last_gamma="zeros",
    )
    inputs = keras.Input(input_shape, name="image")
    x = resnet_stages(inputs, depth, style)["stage5"]
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = softmax_head(x, classes, keras.initializers.GlorotUniform())
    return keras.Model(inputs, x, name=name or f"resnet{depth}")


def ResNet18(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Build ResNet-18; arguments and errors as of :func:`resnet`."""
    return resnet(18, input_shape, classes, include_top=include_top, batch_norm_momentum=batch_norm_momentum)


def ResNet34(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Build ResNet-34; arguments and errors as of :func:`resnet`."""
    return resnet(34, input_shape, classes, include_top=include_top, batch_norm_momentum=batch_norm_momentum)


def ResNet101(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Build ResNet-101; arguments and errors as of :func:`resnet`."""
    return resnet(101, input_shape, classes, include_top=include_top, batch_norm_momentum=batch_norm_momentum)


def ResNet152(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Build ResNet-152; arguments and errors as of :func:`resnet`."""
    return resnet(152, input_shape, classes, include_top=include_top, batch_norm_momentum=batch_norm_momentum)


def stage_outputs(model: keras.Model) -> dict[str, Tensor]:
    """Give the symbolic output of each stage of a model built here, by name: ``stem``, ``stage2`` ... ``stage5``.

    Raises:
        ModelError: the model has not the layer names of this file.
    """
    outputs = {layer.name: layer.output for layer in model.layers}
    stages = {}
    for name, output in outputs.items():
        if name == "stem_pool":
            stages["stem"] = output
        if name.startswith("stage") and name.endswith("_out"):
            stages[name.partition("_")[0]] = output  # the last block of a stage comes last
    if list(stages) != ["stem", "stage2", "stage3", "stage4", "stage5"]:
        raise ModelError(
            f"stage_outputs needs a ResNet of this package with its stem and stages 2 to 5. Received: model "
            f"{model.name!r} with stages {list(stages)}. Build it with keras_cv_course.resnet or ResNet50."
        )
    return stages


def describe_resnet(depth: int) -> ResNetDescription:
    """Look up one member of the family; raise ModelError for a depth that has none."""
    if depth not in RESNETS:
        raise ModelError(f"depth must be one of {sorted(RESNETS)}. Received: {depth!r}.")
    return RESNETS[depth]


def bottleneck(kernel_size: int, filters: Sequence[int], stride: int) -> tuple[Convolution, ...]:
    """Give the 1x1, kxk, 1x1 main path of a bottleneck block, the stride in its first convolution."""
    first, second, third = filters
    return (Convolution(first, 1, stride), Convolution(second, kernel_size), Convolution(third, 1))


def softmax_head(x: Tensor, classes: int, initializer: Any) -> Tensor:
    """Turn features (batch, n) into probabilities (batch, classes); raise ModelError for no classes."""
    if not isinstance(classes, int) or classes < 1:
        raise ModelError(f"classes must be a whole number of at least 1. Received: {classes!r}.")
    # float32 also under a mixed-precision policy: a softmax in 16 bits loses small probabilities.
    return layers.Dense(
        classes, activation="softmax", kernel_initializer=initializer, dtype="float32", name="predictions"
    )(x)


def check_input_shape(input_shape: Sequence[int | None], smallest: int) -> None:
    """Raise ModelError unless `input_shape` is (height, width, channels) with at least `smallest` pixels a side."""
    if len(input_shape) != 3:
        raise ModelError(f"input_shape must be (height, width, channels). Received: {tuple(input_shape)}.")
    if any(size is not None and size < smallest for size in input_shape[:2]):
        raise ModelError(
            f"input_shape must be at least {smallest} pixels high and wide, or stage 5 leaves the head too little. "
            f"Received: {tuple(input_shape)}."
        )


def _joined(prefix: str | None, suffix: str) -> str | None:
    return f"{prefix}_{suffix}" if prefix else None
