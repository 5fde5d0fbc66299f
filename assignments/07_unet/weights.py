"""The weights of a submission's model: set and compared by what they are and by their shape, in whatever order."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from keras_cv_course.grading import Model, Subject, compare

from .reference import Weight, Weights

KINDS = ("kernel", "bias")
HE = 2.0  # variance times inputs of `he_normal`
TOLERANCE = 0.14  # of its standard deviation: half-way to Keras's own initializer, and 7 times what 1000 numbers vary


def kinds_of(model: Model) -> list[Weight]:
    """Tell of each weight what it is, and its shape.

    Raises:
        compare.Wrong: something else than what convolutions have.
    """
    kinds = [(weight.path.rsplit("/", 1)[-1], weight.shape) for weight in model.weights]
    for kind, shape in kinds:
        if kind not in KINDS:
            raise compare.Wrong(
                f"Expected the weights of convolutions: {' and '.join(KINDS)}. Received also: {kind} of shape {shape}."
                f"{' There is no batch norm in this network.' if kind == 'gamma' else ''}"
            )
    return kinds


def set_weights(subject: Subject, model: Model, weights: Weights) -> None:
    """Set all weights of a model, each by what it is and its shape."""
    subject.set_weights(model, [weights(*kind) for kind in kinds_of(model)])


def see_weights(model: Model, expected: Counter[Weight], mistakes: Mapping[str, Counter[Weight]]) -> None:
    """See that a model has the expected weights, in whatever order.

    Args:
        model: of the submission.
        expected: the weights it should have.
        mistakes: what to tell a learner -> the weights that a model with that mistake has.

    Raises:
        compare.Wrong: it has others.
    """
    received = Counter(kinds_of(model))
    if received == expected:
        return
    named = "".join(f"{mistake}\n" for mistake, weights in mistakes.items() if weights == received)
    kernels, wanted = (
        Counter({shape: count for (kind, shape), count in weights.items() if kind == "kernel"})
        for weights in (received, expected)
    )
    if kernels == wanted:
        raise compare.Wrong(f"{named}Each convolution has a bias, as it has by default.")
    different = sorted(shape for shape in {*kernels, *wanted} if kernels[shape] != wanted[shape])
    told = [f"{wanted[shape]} of {shape} expected, {kernels[shape]} received" for shape in different[:4]]
    raise compare.Wrong(f"{named}Shapes of the kernels: {'; '.join(told)}{'; ...' if len(different) > 4 else '.'}")


def see_initial_weights(subject: Subject, model: Model, transposed: tuple[int, ...] | None = None) -> None:
    """See that kernels begin as `he_normal` draws them; the one of shape `transposed` may begin in any way.

    Raises:
        compare.Wrong: they are larger or smaller.
    """
    for (kind, shape), values in zip(kinds_of(model), subject.weights(model), strict=True):
        if kind != "kernel" or shape == transposed:
            continue
        received, expected = float(values.std()), float(np.sqrt(HE / np.prod(shape[:-1])))
        if not abs(received / expected - 1) < TOLERANCE:
            raise compare.Wrong(
                f"The kernel of shape {shape} begins with numbers of another size: kernel_initializer='he_normal'. "
                f"Expected a standard deviation of about {expected:.3f}. Received: {received:.3f}."
            )
