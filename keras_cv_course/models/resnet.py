"""Residual networks: ResNet18 to ResNet152 from one description.

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015 (table 1), with the stride in the
first convolution of a block, as in the paper's own version 1 and in the course. The stem follows the course: the
max-pool has no padding, so a 64x64 picture passes 32 -> 15 -> 15 -> 8 -> 4 -> 2. The variant "torchvision" computes
what PyTorch's weights were trained for (torchvision/models/resnet.py); there it is 32 -> 16 -> 16 -> 8 -> 4 -> 2.

Layer names are stable: ``stem_conv``, ``stage2_block1_conv1``, ``stage2_block1_shortcut``, ..., ``stage5_block3_out``,
``predictions``. The course's own functions are in `resnet_course.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import keras
from keras import layers

from keras_cv_course.errors import ModelError

Tensor = Any  # a symbolic or eager tensor of the current backend, or a NumPy array
MakeInitializer = Callable[[], Any]  # called once for each convolution
VariantName = Literal["paper", "torchvision"]

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


@dataclass(frozen=True)
class Variant:
    """How the same description becomes layers, where implementations differ.

    Attributes:
        stride_in_3x3: a bottleneck block that halves the size does so in its 3x3 convolution ("version 1.5"); else in
            its first 1x1 convolution, which then never sees three of four pixels.
        symmetric_padding: windows with stride 2 have as much padding before as after, the stem's max-pool included;
            else the convolutions follow TensorFlow's rule, which pads an even size only after, and the pool has none.
        conv_bias: convolutions have a bias, although the batch norm behind them subtracts it again.
        batch_norm_epsilon: what a batch norm adds to the variance.
    """

    stride_in_3x3: bool
    symmetric_padding: bool
    conv_bias: bool
    batch_norm_epsilon: float


VARIANTS: dict[str, Variant] = {
    "paper": Variant(stride_in_3x3=False, symmetric_padding=False, conv_bias=True, batch_norm_epsilon=1e-3),
    "torchvision": Variant(stride_in_3x3=True, symmetric_padding=True, conv_bias=False, batch_norm_epsilon=1e-5),
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
        variant: biases, padding, epsilon and the place of a block's stride.
    """

    identity_initializer: MakeInitializer
    projection_initializer: MakeInitializer
    batch_norm_momentum: float = 0.99
    last_gamma: str = "ones"
    training: bool | None = None
    variant: Variant = VARIANTS["paper"]


def residual_block(
    x: Tensor, main_path: Sequence[Convolution], style: BlockStyle, *, project: bool, name: str | None = None
) -> Tensor:
    """Add what a few convolutions compute to their own input.

    Args:
        x: (batch, height, width, channels).
        main_path: the convolutions; each is followed by a batch norm, all but the last also by a ReLU.
        style: initializers, batch norm, training flag, variant.
        project: pass the shortcut through a 1x1 convolution and a batch norm, which a change of size or of
            channels needs.
        name: prefix of the layer names; None leaves the names to Keras.

    Returns:
        (batch, height / stride rounded up, width / stride rounded up, filters of the last convolution).
    """
    initializer = style.projection_initializer if project else style.identity_initializer

    def conv_bn(x: Tensor, conv: Convolution, suffix: str, gamma: str = "ones") -> Tensor:
        padding = "valid" if conv.kernel_size == 1 else "same"
        if style.variant.symmetric_padding and padding == "same" and conv.stride > 1:
            x = layers.ZeroPadding2D(conv.kernel_size // 2, name=_joined(name, f"{suffix}_pad"))(x)
            padding = "valid"
        x = layers.Conv2D(
            conv.filters,
            conv.kernel_size,
            strides=conv.stride,
            padding=padding,
            use_bias=style.variant.conv_bias,
            kernel_initializer=initializer(),
            name=_joined(name, suffix),
        )(x)
        norm = layers.BatchNormalization(
            axis=3,
            momentum=style.batch_norm_momentum,
            epsilon=style.variant.batch_norm_epsilon,
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
        style: initializers, batch norm, training flag, variant.

    Returns:
        The output of each stage by name, in order: ``stem`` (1/4 of the input's size), ``stage2`` (the same),
        ``stage3`` (1/8), ``stage4`` (1/16), ``stage5`` (1/32).
    """
    description = describe_resnet(depth)
    x = layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = layers.Conv2D(
        STEM_FILTERS,
        7,
        strides=2,
        use_bias=style.variant.conv_bias,
        kernel_initializer=style.projection_initializer(),
        name="stem_conv",
    )(x)
    norm = layers.BatchNormalization(
        axis=3,
        momentum=style.batch_norm_momentum,
        epsilon=style.variant.batch_norm_epsilon,
        name="stem_bn",
    )
    x = layers.Activation("relu", name="stem_relu")(norm(x, training=style.training))
    if style.variant.symmetric_padding:
        # PyTorch pads its max-pool with -inf. After a ReLU no window has a maximum below 0, so zeros do the same.
        x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)

    stages = {"stem": x}
    for stage, (filters, blocks) in enumerate(zip(STAGE_FILTERS, description.blocks, strict=True), start=2):
        for block in range(1, blocks + 1):
            first = block == 1
            stride = 2 if first and stage > 2 else 1
            widths = (filters, filters, filters * BOTTLENECK_EXPANSION)
            path = bottleneck(3, widths, stride, stride_in_middle=style.variant.stride_in_3x3)
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
    variant: VariantName = "paper",
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
        variant: ``"paper"``, or ``"torchvision"`` for what torchvision's models of the same depth compute, which
            PyTorch's weights need: see :class:`Variant`. The layer names are the same.
        name: the model's name.

    Raises:
        ModelError: an unknown depth or variant, fewer than one class, or an input too small.
    """
    if variant not in VARIANTS:
        raise ModelError(f"variant must be one of {sorted(VARIANTS)}. Received: {variant!r}.")
    # A padded max-pool leaves a pixel of any input.
    check_input_shape(input_shape, smallest=1 if VARIANTS[variant].symmetric_padding else 5)
    style = BlockStyle(
        identity_initializer=keras.initializers.HeNormal,
        projection_initializer=keras.initializers.HeNormal,
        batch_norm_momentum=batch_norm_momentum,
        last_gamma="zeros",
        variant=VARIANTS[variant],
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
    variant: VariantName = "paper",
) -> keras.Model:
    """Build ResNet-18; arguments and errors as of :func:`resnet`."""
    return resnet(
        18,
        input_shape,
        classes,
        include_top=include_top,
        batch_norm_momentum=batch_norm_momentum,
        variant=variant,
    )


def ResNet34(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    batch_norm_momentum: float = 0.99,
    variant: VariantName = "paper",
) -> keras.Model:
    """Build ResNet-34; arguments and errors as of :func:`resnet`."""
    return resnet(
        34,
        input_shape,
        classes,
        include_top=include_top,
        batch_norm_momentum=batch_norm_momentum,
        variant=variant,
    )


def ResNet101(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    batch_norm_momentum: float = 0.99,
    variant: VariantName = "paper",
) -> keras.Model:
    """Build ResNet-101; arguments and errors as of :func:`resnet`."""
    return resnet(
        101,
        input_shape,
        classes,
        include_top=include_top,
        batch_norm_momentum=batch_norm_momentum,
        variant=variant,
    )


def ResNet152(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    batch_norm_momentum: float = 0.99,
    variant: VariantName = "paper",
) -> keras.Model:
    """Build ResNet-152; arguments and errors as of :func:`resnet`."""
    return resnet(
        152,
        input_shape,
        classes,
        include_top=include_top,
        batch_norm_momentum=batch_norm_momentum,
        variant=variant,
    )


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


def bottleneck(
    kernel_size: int, filters: Sequence[int], stride: int, *, stride_in_middle: bool = False
) -> tuple[Convolution, ...]:
    """Give the 1x1, kxk, 1x1 main path of a bottleneck block, the stride in its first or its middle convolution."""
    first, second, third = filters
    outer, middle = (1, stride) if stride_in_middle else (stride, 1)
    return (Convolution(first, 1, outer), Convolution(second, kernel_size, middle), Convolution(third, 1))


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
