"""Networks of the YOLOv2 family as tuples of layers, and the Keras model that such a tuple becomes.

The four kinds of layer are those of Darknet's cfg files, and a route counts layers as Darknet does. The model is made
of plain Keras layers with stable names: ``conv1``, ``conv1_bn``, ``conv1_leaky``, ``pool1``, ..., ``passthrough``,
``concat``, ``head``; a second passthrough would be ``passthrough2``.

Source: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 2016, sections 2 and 3, and Darknet's own code:
convolutional_layer.c, maxpool_layer.c, reorg_layer.c, route_layer.c, blas.c.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import keras
from keras import layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.passthrough import BLOCK, reorg, space_to_depth

Tensor = Any  # a symbolic or eager tensor of the current backend
Shape = tuple[int, int, int]  # (height, width, channels)
VariantName = Literal["course", "darknet", "darknet_gpu"]

LEAKY_SLOPE = 0.1
TRIAL_SIDE = 1024  # can be halved ten times


class Convolution(NamedTuple):
    """A convolution with stride 1 that keeps the size.

    Attributes:
        filters: channels of its output.
        size: side of the kernel, odd.
        normalized: followed by a batch norm, and without a bias of its own.
        leaky: followed by a leaky ReLU.
    """

    filters: int
    size: int
    normalized: bool = True
    leaky: bool = True


class MaxPool(NamedTuple):
    """The largest of 2 x 2 pixels; with stride 1 windows reach over the right and bottom edge, which does not count."""

    stride: int = 2


class Reorg(NamedTuple):
    """The passthrough: (height, width, channels) -> (height / 2, width / 2, 4 * channels), no number changed."""


class Route(NamedTuple):
    """The outputs of one or more earlier layers, joined along the channels.

    Attributes:
        sources: numbers of layers, the first is 0; negative ones count back from the route itself.
    """

    sources: tuple[int, ...]


Layer = Convolution | MaxPool | Reorg | Route


@dataclass(frozen=True)
class Variant:
    """How the same layers compute, which depends on where the weights come from.

    Attributes:
        passthrough: ``"space_to_depth"`` as `tf.nn.space_to_depth`, or ``"reorg"`` as Darknet's reorg layer, which is
            no permutation of the other.
        batch_norm_epsilon: what a batch norm adds to the variance.
    """

    passthrough: Literal["space_to_depth", "reorg"]
    batch_norm_epsilon: float


# Darknet's CPU code divides by sqrt(variance) + 1e-6 (blas.c, normalize_cpu). A Keras batch norm computes the same from
# a variance of v + 2e-6 sqrt(v) and this epsilon: their sum is the square of that divisor. Reading weights changes the
# variances so.
DARKNET_CPU_STD_OFFSET = 1e-6
DARKNET_CPU_EPSILON = DARKNET_CPU_STD_OFFSET**2

VARIANTS: dict[str, Variant] = {
    "course": Variant("space_to_depth", batch_norm_epsilon=1e-3),
    "darknet": Variant("reorg", batch_norm_epsilon=DARKNET_CPU_EPSILON),
    "darknet_gpu": Variant("reorg", batch_norm_epsilon=1e-5),  # blas_kernels.cu, normalize_kernel
}


def darknet_model(
    network_layers: Sequence[Layer],
    input_shape: Shape,
    *,
    name: str,
    variant: VariantName,
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """Build the Keras model that a network's layers describe.

    Args:
        network_layers: the last is the head, a linear convolution without batch norm.
        input_shape: (height, width, channels) of one image.
        name: the model's name.
        variant: whose arithmetic the model follows: see :class:`Variant`.
        batch_norm_momentum: share of the old moving statistics that a training step keeps. Short trainings want
            0.9: see docs/training.md.

    Returns:
        From float32 images (batch, height, width, channels) to the head's output (batch, rows, cols, filters).

    Raises:
        ModelError: an unknown variant, an input that is no multiple of the network's stride, or layers that do not fit
            together.
    """
    if variant not in VARIANTS:
        raise ModelError(f"variant must be one of {sorted(VARIANTS)}. Received: {variant!r}.")
    head = network_layers[-1]
    if not isinstance(head, Convolution) or head.normalized or head.leaky:
        raise ModelError(f"Expected as the last layer a linear convolution without batch norm. Received: {head}.")
    check_input_shape(input_shape)
    stride = network_stride(network_layers, input_shape[2])
    if input_shape[0] % stride or input_shape[1] % stride:
        raise ModelError(
            f"Height and width of the input must be multiples of {stride}, the side of an output cell. Received: "
            f"{input_shape[0]} x {input_shape[1]}."
        )

    builder = _Builder(VARIANTS[variant], batch_norm_momentum)
    x = inputs = keras.Input(input_shape, name="image")
    outputs: list[Tensor] = []
    for layer in network_layers[:-1]:
        x = builder.add(layer, x, outputs)
        outputs.append(x)
    return keras.Model(inputs, head_convolution(head.filters, x, head.size), name=name)


def widened(network_layers: Sequence[Layer], width: float) -> tuple[Layer, ...]:
    """Give the same layers with `width` times the filters; raise ModelError where that is no whole positive number."""
    for layer in network_layers:
        if isinstance(layer, Convolution) and not (layer.filters * width >= 1 and layer.filters * width % 1 == 0):
            raise ModelError(
                f"Expected a width that makes whole numbers of filters, such as 0.5. Received: {width}, which makes "
                f"{layer.filters * width} of {layer.filters}."
            )
    return tuple(
        layer._replace(filters=int(layer.filters * width)) if isinstance(layer, Convolution) else layer
        for layer in network_layers
    )


def trace_shapes(network_layers: Sequence[Layer], input_shape: Shape) -> list[Shape]:
    """Give the output shape of each layer; raise ModelError for the first that does not fit."""
    shapes: list[Shape] = []
    for number, layer in enumerate(network_layers):
        try:
            shapes.append(output_shape(layer, shapes, input_shape))
        except ModelError as error:
            raise ModelError(f"Layer {number}, {type(layer).__name__}: {error}") from error
    return shapes


def output_shape(layer: Layer, earlier: Sequence[Shape], input_shape: Shape) -> Shape:
    """Give the output shape of a layer.

    Args:
        layer: the layer.
        earlier: output shapes of all layers before it.
        input_shape: shape of the network's input.

    Raises:
        ModelError: the layer cannot work on that shape.
    """
    height, width, channels = earlier[-1] if earlier else input_shape
    match layer:
        case Convolution():
            return height, width, layer.filters
        case MaxPool(stride=1):
            return height, width, channels
        case MaxPool():
            if height % 2 or width % 2:
                raise ModelError(
                    f"expected an even height and width to halve. Received: {height} x {width}. Sides of the network's "
                    f"input must be multiples of its stride."
                )
            return height // 2, width // 2, channels
        case Reorg():
            if height % BLOCK or width % BLOCK or channels % BLOCK**2:
                raise ModelError(
                    f"expected a height and width that divide by {BLOCK} and channels that divide by {BLOCK**2}. "
                    f"Received: {height} x {width} x {channels}."
                )
            return height // BLOCK, width // BLOCK, channels * BLOCK**2
        case Route():
            sources = [earlier[number] for number in route_sources(layer, len(earlier))]
            if len({shape[:2] for shape in sources}) > 1:
                raise ModelError(
                    "expected maps of one height and width to join. Received: "
                    f"{', '.join(' x '.join(map(str, shape)) for shape in sources)}."
                )
            return *sources[0][:2], sum(shape[2] for shape in sources)


def route_sources(route: Route, position: int) -> list[int]:
    """Give the numbers of the layers that a route at `position` joins; raise ModelError where there is none."""
    numbers = [position + source if source < 0 else source for source in route.sources]
    if not numbers or not all(0 <= number < position for number in numbers):
        raise ModelError(f"expected one or more of the {position} layers before it. Received: {list(route.sources)}.")
    return numbers


def network_stride(network_layers: Sequence[Layer], channels: int) -> int:
    """Give the side of an output cell in pixels of the input: 32 for YOLOv2."""
    height, _, _ = trace_shapes(network_layers, (TRIAL_SIDE, TRIAL_SIDE, channels))[-1]
    return TRIAL_SIDE // height


def check_input_shape(input_shape: Sequence[int | None]) -> None:
    """Raise ModelError unless `input_shape` is (height, width, channels), each a positive number."""
    if len(input_shape) != 3 or not all(isinstance(size, int) and size > 0 for size in input_shape):
        raise ModelError(
            f"input_shape must be (height, width, channels), each a positive whole number: the passthrough regroups "
            f"pixels of a known size. Received: {tuple(input_shape)}."
        )


def convolution(layer: Convolution, x: Tensor, name: str, *, epsilon: float = 1e-3, momentum: float = 0.99) -> Tensor:
    """Apply a convolution with what follows it: layers `name`, and ``_bn`` and ``_leaky`` after it."""
    x = layers.Conv2D(
        layer.filters,
        layer.size,
        padding="same",
        use_bias=not layer.normalized,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    if layer.normalized:
        x = layers.BatchNormalization(epsilon=epsilon, momentum=momentum, name=f"{name}_bn")(x)
    return layers.LeakyReLU(LEAKY_SLOPE, name=f"{name}_leaky")(x) if layer.leaky else x


def head_convolution(filters: int, x: Tensor, size: int = 1) -> Tensor:
    """Apply the last convolution; in float32 also under a mixed-precision policy, because boxes are made of it."""
    return layers.Conv2D(filters, size, padding="same", dtype="float32", name="head")(x)


class _Builder:
    """Turns layers into Keras layers and counts them for their names."""

    def __init__(self, variant: Variant, batch_norm_momentum: float) -> None:
        self.variant = variant
        self.batch_norm_momentum = batch_norm_momentum
        self.counts = {"conv": 0, "pool": 0, "passthrough": 0, "concat": 0}

    def add(self, layer: Layer, x: Tensor, earlier: Sequence[Tensor]) -> Tensor:
        """Apply one layer to `x`, or to the outputs of `earlier` ones."""
        match layer:
            case Convolution():
                return self._convolution(layer, x)
            case MaxPool():
                # "same" pads only after, and what it pads never is the largest: Darknet's rule for windows of 2 x 2.
                return layers.MaxPooling2D(2, strides=layer.stride, padding="same", name=self._numbered("pool"))(x)
            case Reorg():
                name = self._numbered("passthrough")
                return (reorg if self.variant.passthrough == "reorg" else space_to_depth)(x, name)
            case Route():
                sources = [earlier[number] for number in route_sources(layer, len(earlier))]
                return sources[0] if len(sources) == 1 else layers.Concatenate(name=self._numbered("concat"))(sources)

    def _convolution(self, layer: Convolution, x: Tensor) -> Tensor:
        return convolution(
            layer, x, self._numbered("conv"), epsilon=self.variant.batch_norm_epsilon, momentum=self.batch_norm_momentum
        )

    def _numbered(self, kind: str) -> str:
        self.counts[kind] += 1
        number = self.counts[kind]
        return kind if number == 1 and kind in ("passthrough", "concat") else f"{kind}{number}"
