"""What is asked of a submission's whole network, and the mistakes that are told by name."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from keras_cv_course.grading import Model, Subject, compare

from .blocks import CLOSE, draw_block, see_block_training, see_block_values
from .reference import DrawnWeights, Network, Weight, count_weights
from .weights import kinds_of, see_weights, set_weights

_OTHER_STATISTICS = {
    True: "In training the batch norms must use the batch's statistics, not their moving ones.",
    False: "In use the batch norms must take their moving statistics, not the batch's.",
}


def build_network(subject: Subject, shape: tuple[int, int, int] | None = None, classes: int | None = None) -> Model:
    """Build the submission's network, and see what goes in and out.

    Args:
        subject: the submission.
        shape: (height, width, channels) of an image; None for the default.
        classes: number of classes; None for the default.
    """
    given = {"input_shape": shape, "classes": classes}
    try:
        model = subject.model("ResNet50", **{name: value for name, value in given.items() if value is not None})
    except compare.NotCompared as wrong:
        if "output size would be zero or negative" not in str(wrong):
            raise
        raise compare.NotCompared(
            f"{wrong}\nNothing is left of the map: stage 2 keeps the size, s=1.", wrong.raised
        ) from None
    _see_ends(model, shape or (64, 64, 3), classes or 6)
    return model


def _see_ends(model: Model, shape: tuple[int, int, int], classes: int) -> None:
    if model.inputs == ((None, 64, 64, 3),) and shape != (64, 64, 3):
        raise compare.Wrong(f"input_shape is not used: the input is (64, 64, 3) where {shape} was asked for.")
    if model.outputs == ((None, 6),) and classes != 6:
        raise compare.Wrong(f"classes is not used: there are 6 outputs where {classes} were asked for.")
    compare.equal(model.inputs, ((None, *shape),), "shape of ResNet50's input")
    if model.outputs == ((None, 1, 1, classes),):
        raise compare.Wrong(f"Flatten is missing before the dense layer: the output is (None, 1, 1, {classes}).")
    compare.equal(model.outputs, ((None, classes),), "shape of ResNet50's output")


def see_network_weights(model: Model) -> None:
    """See that the network for images of 64x64x3 and 6 classes has all layers with weights."""

    def weights_of(network: Network) -> Counter[Weight]:
        images = np.zeros((1, 44, 44, 3), np.float32)  # the same weights as for 64x64, counted sooner
        return count_weights(lambda weights: network(images, weights, False))

    right = Network(classes=6)
    expected = weights_of(right)
    kernels = Counter(kinds_of(model))
    for stage, count in enumerate(right.counts):
        width = 64 * 2**stage
        received = kernels["kernel", (3, 3, width, width)]
        if received != count:
            raise compare.Wrong(
                f"Stage {stage + 2}, whose filters are [{width}, {width}, {4 * width}]: expected {count} blocks with "
                f"f=3, 1 convolutional_block and {count - 1} identity_block. Received: {received}. Does each line "
                f"begin with X = ?"
            )
    mistakes = {
        "The dense layer gets four times as many numbers as it should: max pooling after stage 1, the stride of a "
        "stage, or average pooling at the end is missing.": weights_of(replace(right, last_pool=None)),
    }
    see_weights(model, expected, mistakes)


def draw_network(
    draw: np.random.Generator, channels: int
) -> tuple[tuple[int, int, int], int, DrawnWeights, np.ndarray]:
    """Draw a size of image, a number of classes, weights, and images.

    Stage 5 gives 2x2 positions for all these sizes, also without the zeros around the image: pooling them all is the
    same as pooling windows of 2x2, and each mistake gives a network that can be built.
    """
    height, width = (int(number) for number in draw.choice(np.arange(44, 61), 2, replace=False))
    shape, classes = (height, width, channels), int(draw.integers(7, 12))
    images = draw.uniform(0, 1, (4, *shape)) * draw.uniform(0.2, 1, (4, 1, 1, channels))
    return shape, classes, DrawnWeights(draw), images.astype(np.float32)


def network_mistakes(network: Network) -> Iterator[tuple[str, Network]]:
    """Give the network with each mistake that need not show in the shapes."""
    yield (
        "The outputs are not probabilities: the dense layer has activation='softmax'.",
        replace(network, activation="none"),
    )
    yield (
        "The outputs come from a sigmoid: classes that exclude each other need softmax.",
        replace(network, activation="sigmoid"),
    )
    yield "ZeroPadding2D((3, 3)) is missing before the first convolution.", replace(network, zeros=0)
    yield (
        "The first convolution pads by itself: ZeroPadding2D((3, 3)) before it, and padding='valid' in it.",
        replace(network, zeros=0, first_padded=True),
    )
    yield (
        "The first convolution pads once more: after ZeroPadding2D it has padding='valid', the default.",
        replace(network, first_padded=True),
    )
    yield "The ReLU of stage 1 is missing.", replace(network, first_activated=False)
    yield "Stage 1 ends with max pooling, not with average pooling.", replace(network, first_pool=np.mean)
    yield "The max pooling of stage 1 is missing.", replace(network, first_pool=None)
    yield "The network ends with average pooling, not with max pooling.", replace(network, last_pool=np.max)
    yield "The average pooling at the end is missing.", replace(network, last_pool=None)
    for stage in (3, 4, 5):
        strides = tuple(1 if number == stage - 2 else stride for number, stride in enumerate(network.strides))
        yield f"The convolutional_block of stage {stage} needs s=2.", replace(network, strides=strides)


def see_network_values(
    subject: Subject, draw: np.random.Generator, *, channels: int = 3, training: bool = False, named: bool = False
) -> None:
    """Compare the probabilities for images of a size that is drawn.

    Args:
        subject: the submission.
        draw: for sizes, weights and images.
        channels: of the images.
        training: compare in training instead of in use.
        named: work out what each mistake gives, which takes a second or two; once for a learner is enough.
    """
    shape, classes, weights, x = draw_network(draw, channels)
    network, name = Network(classes), "ResNet50 in training" if training else "ResNet50"
    model = build_network(subject, shape, classes)
    set_weights(subject, model, weights)
    received, expected = subject.predict(model, x, training=training), network(x, weights, training)
    try:
        compare.close(received, expected, name, **CLOSE)
    except compare.Wrong:
        mistakes = {text: mistaken(x, weights, training) for text, mistaken in network_mistakes(network) if named}
        mistakes[_OTHER_STATISTICS[training]] = network(x, weights, not training)
        compare.close(received, expected, name, mistakes=mistakes, **CLOSE)


def blame(subject: Subject, see: Callable[[], None]) -> None:
    """Compare the network; where it is wrong, say which of the submission's blocks is wrong already.

    What the network's own lines raise, no block is the cause of.
    """
    try:
        see()
    except compare.NotCompared as wrong:
        if wrong.raised is None or len(wrong.raised.frames) < 2:
            raise
        raise compare.NotCompared(f"{wrong}{_cause(subject) or _misfit(str(wrong))}") from None
    except compare.Wrong as wrong:
        raise compare.Wrong(f"{wrong}{_cause(subject)}") from None


def _misfit(message: str) -> str:
    """Say why blocks that are right by themselves cannot be joined."""
    if "Inputs have incompatible shapes" not in message:
        return ""
    return (
        "\nAll blocks of a stage have the same filters, and the first is a convolutional_block: an identity_block "
        "keeps the number of channels."
    )


def _cause(subject: Subject) -> str:
    draw = np.random.default_rng(0)  # a diagnosis, no points: it may be the same each time
    for case in (draw_block(draw, projects=False), draw_block(draw, projects=True, stride=2)):
        for step in (see_block_values, see_block_training):
            try:
                step(subject, draw, case)
            except compare.Wrong:
                return f"\nThe cause may be {case.function}, which does not give the right result by itself either."
    return ""
