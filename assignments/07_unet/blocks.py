"""What is asked of a submission's blocks, and the mistakes that are told by name."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_cv_course.grading import Input, Model, Subject, compare

from .reference import Down, DrawnWeights, Up, Weight, Weights, count_weights
from .weights import see_weights, set_weights

# Float32 in another order of summation.
CLOSE = {"rtol": 1e-3, "atol": 1e-4}


# conv_block


@dataclass(frozen=True)
class DownCase:
    """A level of the way down to ask a submission for.

    Attributes:
        block: the right one.
        shape: (height, width, channels) of its input.
    """

    block: Down
    shape: tuple[int, int, int]

    @property
    def outputs(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """(height, width, channels) of what the next level gets, and of what goes across."""
        height, width, _ = self.shape
        across = (height, width, self.block.filters)
        return ((height // 2, width // 2, self.block.filters) if self.block.pooled else across), across

    def build(self, subject: Subject, **keywords: Any) -> tuple[Model, Model]:
        """Build the submission's block on a symbolic input, and see what shapes it gives.

        Raises:
            compare.Wrong: it raised, or gives something else.
        """
        received = subject.call("conv_block", Input(self.shape), self.block.filters, **keywords)
        if not isinstance(received, tuple | list) or len(received) != 2:
            raise compare.Wrong(
                f"conv_block: expected two tensors, (next_layer, skip_connection). Received: "
                f"{compare.describe(received)}.{' Is a gap not filled in?' if received is None else ''}"
            )
        models = [compare.is_model(part, "conv_block") for part in received]
        below, across = models
        swapped = tuple(((None, *shape),) for shape in self.outputs[::-1])
        if self.block.pooled and (below.outputs, across.outputs) == swapped:
            raise compare.Wrong("The two results are swapped: return next_layer, skip_connection.")
        self._see_shape(across, self.outputs[1], "skip_connection")
        self._see_shape(below, self.outputs[0], "next_layer")
        return below, across

    def draw_images(self, draw: np.random.Generator) -> np.ndarray:
        """Draw a batch of inputs of either sign."""
        return draw.normal(0, 1, (3, *self.shape)).astype(np.float32)

    def weights(self, **changes: Any) -> Counter[Weight]:
        """Count the weights that the block has, or would have with these changes."""
        block = replace(self.block, **changes)
        return count_weights(lambda weights: block(np.zeros((1, *self.shape), np.float32), weights))

    def _see_shape(self, model: Model, expected: tuple[int, int, int], name: str) -> None:
        height, width, filters = expected
        reasons = {
            (height - 2, width - 2, filters): "A convolution loses the border: padding='same' in both.",
            (height - 4, width - 4, filters): "The convolutions lose the border: padding='same' in both.",
            (2 * height, 2 * width, filters): "There is no pooling: MaxPooling2D(2) where max_pooling is True.",
            (height // 2, width // 2, filters): "max_pooling=False is not heeded: the map keeps its size then."
            if name == "next_layer"
            else "The map that goes across is pooled: skip_connection is the map before the pooling.",
            (2 * height - 1, 2 * width - 1, filters): "The pooling has a stride of 1: its windows lie one beside the "
            "other, MaxPooling2D(2).",
            (height, width, 2 * filters): "Both convolutions have n_filters filters: doubling them is the network's "
            "affair.",
        }
        if model.outputs != ((None, *expected),):
            received = model.outputs[0] if len(model.outputs) == 1 else model.outputs
            reason = reasons.get(tuple(size or 0 for size in received[1:]), "") if len(model.outputs) == 1 else ""
            raise compare.Wrong(
                f"{reason}{reason and chr(10)}Shape of {name}: expected {(None, *expected)}. Received: {received}."
            )


def draw_down(draw: np.random.Generator, *, pooled: bool = True) -> DownCase:
    """Draw sizes of which no two are equal; height and width are even."""
    channels, filters = (int(number) for number in draw.choice(np.arange(3, 9), 2, replace=False))
    height, width = (int(number) for number in draw.choice([12, 14, 16, 18], 2, replace=False))
    return DownCase(Down(filters, pooled), (height, width, channels))


def see_down_weights(subject: Subject, case: DownCase, **keywords: Any) -> None:
    """See shapes of results and weights."""
    mistakes = {
        "There is one convolution: the block has two, one after the other.": case.weights(count=1),
        "The kernels are 1x1: both convolutions have kernels of 3x3.": case.weights(size=1),
        "The kernels are 5x5: both convolutions have kernels of 3x3.": case.weights(size=5),
    }
    below, across = case.build(subject, **keywords)
    see_weights(across, case.weights(), mistakes)
    see_weights(below, case.weights(), {"next_layer goes through more than skip_connection does.": Counter()})


def down_mistakes(case: DownCase, x: np.ndarray, weights: Weights) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Give both results with each mistake that does not show in the shapes."""
    block = case.block
    mistakes = {
        "The first convolution has no ReLU: activation='relu'.": replace(block, activated=(False, True)),
        "The second convolution has no ReLU: activation='relu'.": replace(block, activated=(True, False)),
        "Neither convolution has a ReLU: activation='relu' in both.": replace(block, activated=(False, False)),
        "The pooling takes the mean: it takes the largest of each window, MaxPooling2D.": replace(
            block, reduce=np.mean
        ),
    }
    return {text: mistaken(x, weights) for text, mistaken in mistakes.items()}


def see_down_values(subject: Subject, draw: np.random.Generator, case: DownCase, **keywords: Any) -> None:
    """Compare both results in use, with weights that are set."""
    below, across = case.build(subject, **keywords)
    see_weights(across, case.weights(), {})
    weights, x = DrawnWeights(draw), case.draw_images(draw)
    right, mistakes = case.block(x, weights), down_mistakes(case, x, weights)
    for number, (model, name) in reversed(list(enumerate(((below, "next_layer"), (across, "skip_connection"))))):
        set_weights(subject, model, weights)
        named = {text: wrong[number] for text, wrong in mistakes.items()}
        compare.close(subject.predict(model, x), right[number], name, mistakes=named, **CLOSE)


# upsampling_block


@dataclass(frozen=True)
class UpCase:
    """A level of the way up to ask a submission for.

    Attributes:
        block: the right one.
        below: (height, width, channels) of the map from below.
        across: of the map that comes across, twice as high and wide.
    """

    block: Up
    below: tuple[int, int, int]
    across: tuple[int, int, int]

    def build(self, subject: Subject) -> Model:
        """Build the submission's block on two symbolic inputs, and see what shape it gives.

        Raises:
            compare.Wrong: it raised, or gives something else.
        """
        inputs = Input(self.below), Input(self.across)
        try:
            model = subject.model("upsampling_block", *inputs, self.block.filters)
        except compare.NotCompared as wrong:
            raise compare.NotCompared(f"{wrong}{self._why(str(wrong))}", wrong.raised) from None
        expected = (None, *self.across[:2], self.block.filters)
        if model.outputs == ((None, *self.below[:2], self.block.filters),):
            raise compare.Wrong(
                f"The map keeps the size that it has below: the transposed convolution has strides=2. Expected the "
                f"output {expected}."
            )
        compare.equal(model.outputs, (expected,), "shape of upsampling_block's output")
        return model

    def draw_maps(self, draw: np.random.Generator) -> list[np.ndarray]:
        """Draw a batch of both maps, of either sign."""
        return [draw.normal(0, 1, (3, *shape)).astype(np.float32) for shape in (self.below, self.across)]

    def weights(self, **changes: Any) -> Counter[Weight]:
        """Count the weights that the block has, or would have with these changes."""
        block = replace(self.block, **changes)
        maps = [np.zeros((1, *shape), np.float32) for shape in (self.below, self.across)]
        return count_weights(lambda weights: block(*maps, weights))

    def _why(self, message: str) -> str:
        """Say why the two maps cannot be joined, from the shapes that an error tells."""
        if "Concatenate" not in message and "incompatible shapes" not in message and "Inputs have" not in message:
            return ""
        low, high = str(self.below[:2])[1:-1], (2 * self.below[0] + 1, 2 * self.below[1] + 1)
        if str(high)[1:-1] in message:
            return "\nThe transposed convolution gives one row and column too many: padding='same'."
        if f"(None, {low}, " in message:
            return "\nWhat comes from below has not grown: Conv2DTranspose with strides=2 comes first."
        return "\nThe two maps are joined along their channels, the last axis: concatenate([up, contractive_input])."


def draw_up(draw: np.random.Generator) -> UpCase:
    """Draw sizes of which no two are equal."""
    below, across, filters = (int(number) for number in draw.choice(np.arange(3, 10), 3, replace=False))
    height, width = (int(number) for number in draw.choice([4, 5, 6, 7], 2, replace=False))
    return UpCase(Up(filters), (height, width, below), (2 * height, 2 * width, across))


def see_up_weights(subject: Subject, case: UpCase) -> None:
    """See the shapes of the result and the weights."""
    below, across, filters = case.below[2], case.across[2], case.block.filters
    right = case.weights()
    resized = right - Counter({("kernel", (3, 3, filters, below)): 1, ("bias", (filters,)): 1})
    joined = resized - Counter({("kernel", (3, 3, filters + across, filters)): 1})
    mistakes = {
        "The map that comes across is not used: join the two, concatenate([up, contractive_input]).": case.weights(
            order="up alone"
        ),
        "There is one convolution after the maps are joined: the block has two.": case.weights(count=1),
        "The kernel of the transposed convolution is 2x2: it is 3x3 here.": case.weights(transposed_size=2),
        "The map from below is joined as it is, only resized: a transposed convolution with n_filters filters comes "
        "first.": joined + Counter({("kernel", (3, 3, below + across, filters)): 1}),
        "The map is resized and convolved: here one layer does both, Conv2DTranspose.": resized
        + Counter({("kernel", (3, 3, below, filters)): 1, ("bias", (filters,)): 1}),
    }
    see_weights(case.build(subject), right, mistakes)


def see_up_values(subject: Subject, draw: np.random.Generator, case: UpCase) -> None:
    """Compare in use, with weights that are set, whichever map is joined to the other."""
    model = case.build(subject)
    see_weights(model, case.weights(), {})
    weights, maps = DrawnWeights(draw), case.draw_maps(draw)
    set_weights(subject, model, weights)
    received = subject.predict(model, maps)
    orders = case.block, replace(case.block, order="across first")
    if not any(is_close(received, block(*maps, weights)) for block in orders):
        named = [(text, wrong(*maps, weights)) for block in orders for text, wrong in _up_mistakes(block)]
        mistakes = {text: values for text, values in named if is_close(received, values)}
        compare.close(received, case.block(*maps, weights), "upsampling_block", mistakes=mistakes, **CLOSE)


def _up_mistakes(block: Up) -> Iterator[tuple[str, Up]]:
    """Give the block with each mistake that does not show in the shapes."""
    yield (
        "The transposed convolution has a ReLU: it has no activation.",
        replace(block, transposed_activated=True),
    )
    yield "The first convolution has no ReLU: activation='relu'.", replace(block, activated=(False, True))
    yield "The second convolution has no ReLU: activation='relu'.", replace(block, activated=(True, False))
    yield "Neither convolution has a ReLU: activation='relu' in both.", replace(block, activated=(False, False))


def is_close(received: Any, expected: np.ndarray) -> bool:
    """Say whether a result is that one."""
    try:
        compare.close(received, expected, "", **CLOSE)
    except compare.Wrong:
        return False
    return True
