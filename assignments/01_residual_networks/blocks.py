"""What is asked of a submission's blocks, and the mistakes that are told by name."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_cv_course.grading import Input, Model, Named, Subject, compare

from .reference import Block, DrawnWeights, Weight, count_weights, initial_weights
from .weights import kinds_of, set_weights

# Float32 in another order of summation; in training the batch's statistics amplify it.
CLOSE = {"rtol": 1e-3, "atol": 3e-4}

_BATCH_STATISTICS = "In use the batch norms must take their moving statistics, not the batch's."
_MOVING_STATISTICS = "In training the batch norms must use the batch's statistics, not their moving ones."
_NOT_PASSED_ON = (
    "training={} does not reach all batch norms: pass the argument on, "
    "BatchNormalization(axis=3)(X, training=training)."
)
_SHAPE = re.compile(r"[(\[](?:None, |\d+, )?(\d+), (\d+), (\d+)[)\]]")  # of one image, in an error message


@dataclass(frozen=True)
class BlockCase:
    """A block to ask a submission for.

    Attributes:
        block: the right one.
        shape: (height, width, channels) of its input.
    """

    block: Block
    shape: tuple[int, int, int]

    @property
    def function(self) -> str:
        """The graded function."""
        return "convolutional_block" if self.block.projects else "identity_block"

    @property
    def output(self) -> tuple[int, int, int]:
        """(height, width, channels) of its output."""
        return self._output(self.block.stride)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the function gets after `X`."""
        stride = (self.block.stride,) if self.block.projects else ()
        return (self.block.size, list(self.block.filters), *stride)

    def ask(self, subject: Subject, x: Any, **keywords: Any) -> Any:
        """Call the submission's function.

        Raises:
            compare.Wrong: it raised; where two shapes do not fit, the message says why.
        """
        try:
            return subject.call(self.function, x, *self.arguments, **keywords)
        except compare.NotCompared as wrong:
            raise compare.NotCompared(f"{wrong}{self._why(str(wrong))}", wrong.raised) from None

    def build(self, subject: Subject, **keywords: Any) -> Model:
        """Build the submission's block on a symbolic input."""
        model = compare.is_model(self.ask(subject, Input(self.shape), **keywords), self.function)
        received, expected = model.outputs, ((None, *self.output),)
        if self.block.projects and received != expected:
            for stride in (1, 2):
                if received == ((None, *self._output(stride)),):
                    raise compare.Wrong(
                        f"The stride s={self.block.stride} is not used: expected the output {expected[0]}, received "
                        f"{received[0]}, as with s={stride}."
                    )
        compare.equal(received, expected, f"shape of {self.function}'s output")
        return model

    def weights(self, **changes: Any) -> Counter[Weight]:
        """Count the weights that the block has, or would have with these changes."""
        block = replace(self.block, **changes)
        return count_weights(lambda weights: block(np.zeros((1, *self.shape), np.float32), weights, False))

    def draw_images(self, draw: np.random.Generator) -> np.ndarray:
        """Draw a batch of inputs of either sign."""
        return draw.normal(0, 1, (3, *self.shape)).astype(np.float32)

    def _output(self, stride: int) -> tuple[int, int, int]:
        height, width = (-(-length // stride) for length in self.shape[:2])
        return height, width, self.block.filters[2]

    def _why(self, message: str) -> str:
        """Say why main path and shortcut cannot be added, from the shapes that an error tells."""
        if "incompatible with the layer" in message:  # a single path does not go on
            return ""
        if "input_shape=[None, " in message or ", None] (not a list" in message:
            return "\nOne of the two that are added is still None: is a gap not filled in?"
        shapes = [tuple(map(int, found)) for found in _SHAPE.findall(message)][-2:]
        first, _, last = self.block.filters
        smaller = (self.output[0] - self.block.size + 1, self.output[1] - self.block.size + 1, last)
        twice = self._output(self.block.stride**2)
        reasons: dict[tuple[int, ...], str] = {
            smaller: "A convolution with a kernel of f x f loses the border of its input: only the middle one has "
            "such a kernel, and padding='same'.",
        }
        if self.block.projects:
            reasons |= {
                self._output(1): "One of the two paths keeps every position: the stride s belongs to the first "
                "convolution of the main path and to the shortcut's.",
                twice: "One of the two paths has the stride twice. The shortcut begins at the block's input, and the "
                "main path has the stride in its first convolution alone.",
                self.shape: "The shortcut is the input itself: it needs a 1x1 convolution with F3 filters and the "
                "stride s, and a batch norm.",
            }
        else:
            reasons[*self.shape[:2], first] = (
                "The shortcut is not the block's input but what the first convolution gives: save X before it."
            )
        others = [shape for shape in shapes if shape != self.output]
        if others and others[0][:2] == self.output[:2]:
            reasons.setdefault(others[0], f"Both paths need F3 channels where they are added: here F3 is {last}.")
        return "".join(f"\n{reasons[shape]}" for shape in others[:1] if shape in reasons)


def draw_block(draw: np.random.Generator, *, projects: bool, size: int = 3, stride: int = 1) -> BlockCase:
    """Draw sizes that all differ, so that no two kernels of the main path have the same shape."""
    channels, *filters = (int(number) for number in draw.choice(np.arange(3, 10), 4, replace=False))
    if not projects:
        filters[2] = channels
    # With these lengths no two of the mistakes in a stride give the same shape, nor, as one is even, the same values.
    height, width = (int(number) for number in draw.permutation([14, draw.choice((13, 15))]))
    return BlockCase(Block(size, (filters[0], filters[1], filters[2]), stride, projects), (height, width, channels))


def block_mistakes(block: Block) -> dict[str, Block]:
    """Give the block with each mistake that does not show in the shapes."""
    mistakes = {
        "The last ReLU is missing: it comes after the addition.": replace(block, last_activated=False),
        "The shortcut is not added.": replace(block, join="main alone"),
        "The main path is added to itself: save X in X_shortcut before the first convolution, and add that.": replace(
            block, join="main twice"
        ),
        "The shortcut is added before the last batch norm: first the batch norm, then the addition.": replace(
            block, join="before the batch norm"
        ),
        "The last ReLU comes before the addition: first add, then the ReLU.": replace(
            block, join="after a ReLU", last_activated=False
        ),
        "The third batch norm is followed by a ReLU: the only one there comes after the addition.": replace(
            block, join="after a ReLU"
        ),
        "The ReLU after the first batch norm is missing.": replace(block, activated=(False, True)),
        "The ReLU after the second batch norm is missing.": replace(block, activated=(True, False)),
        "The ReLUs after the first and the second batch norm are missing.": replace(block, activated=(False, False)),
        "ReLU and batch norm are in the wrong order: the batch norm comes first.": replace(block, activated_first=True),
        "The batch norms have an epsilon of their own: leave it out, for Keras's default of 0.001.": replace(
            block, epsilon=1e-5
        ),
        "The shortcut has a ReLU: nothing but the addition comes between it and the last ReLU.": replace(
            block, shortcut_activated=True
        ),
    }
    if block.stride > 1:
        where = "The stride s is in the {} convolution of the main path: it belongs to the first."
        mistakes |= {
            where.format("second"): replace(block, strides=(1, block.stride, 1)),
            where.format("third"): replace(block, strides=(1, 1, block.stride)),
        }
    return mistakes


def with_training(call: Callable[..., Any], function: str, training: bool) -> tuple[Any, bool]:
    """Call a block with `training`, or without where it does not take it; tell whether it does."""
    try:
        return call(training=training), True
    except compare.NotCompared as wrong:
        if f"{function}() got an unexpected keyword argument 'training'" not in str(wrong):
            raise
    return call(), False


def see_block_values(subject: Subject, draw: np.random.Generator, case: BlockCase) -> None:
    """Compare in use: with weights that are set, and the moving statistics."""
    model = case.build(subject)
    weights = DrawnWeights(draw)
    set_weights(subject, model, weights)
    x = case.draw_images(draw)
    mistakes = {text: block(x, weights, False) for text, block in block_mistakes(case.block).items()}
    mistakes[_BATCH_STATISTICS] = case.block(x, weights, True)
    received = subject.predict(model, x)
    compare.close(received, case.block(x, weights, False), case.function, mistakes=mistakes, **CLOSE)


def see_block_training(subject: Subject, draw: np.random.Generator, case: BlockCase) -> None:
    """Compare in training: a model that is being trained, then the block called on numbers with `training`."""
    see_initializer(subject, case)
    weights, x = DrawnWeights(draw), case.draw_images(draw)
    model = case.build(subject)
    set_weights(subject, model, weights)
    compare.close(
        subject.predict(model, x, training=True),
        case.block(x, weights, True),
        f"{case.function} in training",
        mistakes={_MOVING_STATISTICS: case.block(x, weights, False)},
        **CLOSE,
    )
    for training in (False, True):
        try:
            see_call_on_numbers(subject, draw, case, training=training)
        except compare.NotCompared:
            raise
        except compare.Wrong as wrong:  # the model was right, so this is about `training`
            raise compare.Wrong(f"{_NOT_PASSED_ON.format(training)}\n{wrong}") from None


def see_initializer(subject: Subject, case: BlockCase) -> None:
    """See that the kernels come from the initializer that a block is given, and the rest from Keras's defaults."""
    model = case.build(subject, initializer=Named("Waves"))
    for (kind, shape), values in zip(kinds_of(model), subject.weights(model), strict=True):
        if np.allclose(values, initial_weights(kind, shape), atol=1e-4):
            continue
        if kind == "kernel":
            raise compare.Wrong(
                f"The kernel of shape {shape} does not come from the initializer that was given: "
                f"kernel_initializer=initializer(seed=0)."
            )
        raise compare.Wrong(
            f"The {kind} of shape {shape} does not begin as Keras's default: give no initializer for it."
        )


def see_call_on_numbers(subject: Subject, draw: np.random.Generator, case: BlockCase, *, training: bool) -> None:
    """Call a block on numbers, as one tries it out, with kernels from an initializer that is given."""
    x = case.draw_images(draw)
    received, takes_training = with_training(
        lambda **keyword: case.ask(subject, x, initializer=Named("Waves"), **keyword), case.function, training
    )
    if training and not takes_training:  # the revision in which Keras alone decides, and numbers mean use
        return
    expected = case.block(x, initial_weights, training)
    compare.close(
        received,
        expected,
        f"{case.function} on numbers, training={training}",
        rtol=1e-3,
        atol=1e-4 * max(float(np.abs(expected).max()), 1),  # these kernels make numbers of any size
    )
