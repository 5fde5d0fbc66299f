"""The weights of a submission's model: set and compared by what they are and by their shape, in whatever order."""

from collections import Counter
from collections.abc import Mapping

from keras_cv_course.grading import Model, Subject, compare

from .reference import BATCH_NORM, Weight, Weights

KINDS = ("kernel", "bias", *BATCH_NORM)


def kinds_of(model: Model) -> list[Weight]:
    """Tell of each weight what it is, and its shape.

    Raises:
        compare.Wrong: something else than what convolutions, batch norms and dense layers have.
    """
    kinds = [(weight.path.rsplit("/", 1)[-1], weight.shape) for weight in model.weights]
    for kind, shape in kinds:
        if kind not in KINDS:
            raise compare.Wrong(
                f"Expected the weights of convolutions, batch norms and dense layers: {', '.join(KINDS)}. Received "
                f"also: {kind} of shape {shape}."
            )
    return kinds


def set_weights(subject: Subject, model: Model, weights: Weights) -> None:
    """Set all weights of a model, each by what it is and its shape."""
    subject.set_weights(model, [weights(kind, shape) for kind, shape in kinds_of(model)])


def see_weights(model: Model, expected: Counter[Weight], mistakes: Mapping[str, Counter[Weight]]) -> None:
    """See that a model has the expected weights, in whatever order.

    Args:
        model: of the submission.
        expected: the weights it should have.
        mistakes: what to tell a learner -> the weights that a model with that mistake has.

    Raises:
        compare.Wrong: it has others; the message tells kernels first, then biases, then batch norms.
    """
    received = Counter(kinds_of(model))
    if received == expected:
        return
    named = "".join(f"{mistake}\n" for mistake, weights in mistakes.items() if weights == received)
    kernels, wanted = _of_kind(received, "kernel"), _of_kind(expected, "kernel")
    biases, norms, wanted_norms = _of_kind(received, "bias"), _of_kind(received, "gamma"), _of_kind(expected, "gamma")
    if kernels != wanted:
        difference = f"Shapes of the kernels: {_difference(kernels, wanted)}"
    elif biases != _of_kind(expected, "bias"):
        difference = (
            f"{biases.total()} of the {kernels.total()} layers with a kernel have a bias: all have one by default."
        )
    elif norms.total() == wanted_norms.total() and norms != wanted_norms:
        difference = (
            f"A batch norm has one number for each channel: axis=3. Their sizes: {_difference(norms, wanted_norms)}"
        )
    else:
        difference = (
            f"Expected {wanted_norms.total()} batch norms, one after each convolution. Received: {norms.total()}."
        )
    raise compare.Wrong(named + difference)


def _of_kind(weights: Counter[Weight], kind: str) -> Counter[tuple[int, ...]]:
    return Counter({shape: count for (found, shape), count in weights.items() if found == kind})


def _difference(received: Counter[tuple[int, ...]], expected: Counter[tuple[int, ...]]) -> str:
    different = sorted(shape for shape in {*received, *expected} if received[shape] != expected[shape])
    told = [f"{expected[shape]} of {shape} expected, {received[shape]} received" for shape in different[:4]]
    return "; ".join(told) + ("; ..." if len(different) > 4 else ".")
