"""Public checks of the residual networks assignment.

A model is compared by what it computes with weights that are set, never by its layers: their names, their order and
the way they were put together are the learner's own. The two revisions of the course differ in `training`: in one the
blocks take it, in the other Keras finds out itself. Both are right: nothing here depends on which one a submission
follows.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from keras_cv_course.grading import Input, Subject, check_of, compare

from .blocks import draw_block, see_block_training, see_block_values
from .network import blame, build_network, see_network_values, see_network_weights
from .reference import BATCH_NORM
from .weights import see_weights

PARAMETERS = 23_600_006  # of ResNet50 for 64x64x3 and 6 classes

_SWAPPED = "F1 and F2 are swapped: filters are in the order of the convolutions."
_ALWAYS_THREE = "The middle kernel is 3x3 whatever f is."


# identity_block


@check_of(
    "identity_block",
    title="Shapes of its output and its weights",
    hint="Kernels of 1x1, f x f, 1x1 with F1, F2, F3 filters, a batch norm after each; the shortcut has no weights.",
)
def identity_shapes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a kernel of five rows and columns."""
    case = draw_block(draw, projects=False, size=5)
    first, second, third = case.block.filters
    mistakes = {
        _SWAPPED: case.weights(filters=(second, first, third)),
        _ALWAYS_THREE: case.weights(size=3),
        "The shortcut has a convolution: that is convolutional_block's. Here the input itself is added.": case.weights(
            projects=True
        ),
    }
    see_weights(case.build(subject), case.weights(), mistakes)


@check_of(
    "identity_block",
    title="Values with given weights",
    points=2,
    hint="Convolution, batch norm, ReLU, twice; convolution, batch norm; add the input; ReLU.",
)
def identity_values(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in use."""
    see_block_values(subject, draw, draw_block(draw, projects=False))


@check_of("identity_block", title="Values while training", hint="The batch norms alone behave differently in training.")
def identity_training(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in training."""
    see_block_training(subject, draw, draw_block(draw, projects=False))


# convolutional_block


@check_of(
    "convolutional_block",
    title="Shapes of its output and its weights",
    hint="The stride s divides height and width; the shortcut has a 1x1 convolution with F3 filters and a batch norm.",
)
def convolutional_shapes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a stride of 3, and for the default of 2.

    The kernel is such that no padding leaves another shape than the stride twice, and more than one position, which
    could be added to any number of them.
    """
    case = draw_block(draw, projects=True, size=2, stride=3)
    first, second, third = case.block.filters

    mistakes = {
        _SWAPPED: case.weights(filters=(second, first, third)),
        _ALWAYS_THREE: case.weights(size=3),
        "A batch norm of F3 channels is missing: the shortcut has one, too.": case.weights()
        - Counter({(kind, (third,)): 1 for kind in BATCH_NORM}),
    }
    see_weights(case.build(subject), case.weights(), mistakes)
    by_default = replace(case, block=replace(case.block, stride=2))
    model = subject.model(case.function, Input(case.shape), *case.arguments[:2])
    compare.equal(model.outputs, ((None, *by_default.output),), "shape of the output without s, whose default is 2")


@check_of(
    "convolutional_block",
    title="Values with given weights",
    points=2,
    hint="The stride s is in the first convolution and in the shortcut's. Convolution and batch norm there, no ReLU.",
)
def convolutional_values(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in use."""
    see_block_values(subject, draw, draw_block(draw, projects=True, stride=2))


@check_of(
    "convolutional_block", title="Values while training", hint="The batch norms alone behave differently in training."
)
def convolutional_training(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in training."""
    see_block_training(subject, draw, draw_block(draw, projects=True, stride=2))


# ResNet50


@check_of(
    "ResNet50",
    title="Input, output and number of parameters",
    hint="Blocks in stages 2 to 5: 3, 4, 6, 3. Return Model(inputs=X_input, outputs=X).",
)
def network_shapes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare the network that the defaults give."""

    def see() -> None:
        model = build_network(subject)
        see_network_weights(model)
        compare.equal(model.parameters, PARAMETERS, "number of parameters")

    blame(subject, see)


@check_of(
    "ResNet50",
    title="Probabilities with given weights",
    points=2,
    hint="Stage 2 keeps the size (s=1), stages 3, 4 and 5 halve it (s=2).",
)
def network_values(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in use."""
    blame(subject, lambda: see_network_values(subject, draw, named=True))


@check_of("ResNet50", title="Probabilities while training", hint="Let the blocks' batch norms know when they train.")
def network_training(subject: Subject, draw: np.random.Generator) -> None:
    """Compare in training."""
    blame(subject, lambda: see_network_values(subject, draw, training=True))
