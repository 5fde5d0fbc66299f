"""Calls a submission's functions, compares, and says more of the cause where it can be found."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_cv_course.grading import Array, Input, Model, Named, Subject, Tensor, compare

from .reference import Picture, gradient, sigmoid, softmax
from .typical_mistakes import THRESHOLD_MISTAKES, head_mistakes

# encode_target


def ask_encode(subject: Subject, picture: Picture) -> Any:
    """Call the submission."""
    return subject.call("encode_target", *picture)


# decode_prediction


def ask_decode(subject: Subject, y: np.ndarray, image_size: tuple[int, int], **threshold: float) -> Any:
    """Call the submission; a box of four numbers in a tuple or a list becomes an array."""
    received = subject.call("decode_prediction", y, image_size, **threshold)
    if not isinstance(received, tuple | list) or len(received) != 2:
        return received
    box, class_id = received
    numbers = [_number(side) for side in box] if isinstance(box, tuple | list) else []
    if len(numbers) == 4 and all(number is not None for number in numbers):
        box = Array(np.array(numbers, np.float64), "float64", "array")
    return box, class_id


def _number(value: Any) -> float | None:
    if isinstance(value, Array) and value.values.shape == () and value.values.dtype.kind in "if":
        return float(value.values)
    return float(value) if type(value) in (int, float) else None


def see_threshold(
    subject: Subject, vectors: Sequence[np.ndarray], thresholds: Sequence[float], image_size: tuple[int, int]
) -> None:
    """See which vectors are taken for an object.

    Args:
        subject: the submission.
        vectors: y of predictions.
        thresholds: one for each of them.
        image_size: (height, width) of the picture.

    Raises:
        compare.Wrong: a vector is taken for something else; the message names the mistake that explains all answers.
    """
    said = []
    for y, threshold in zip(vectors, thresholds, strict=True):
        received = ask_decode(subject, y, image_size, threshold=threshold)
        if not isinstance(received, tuple) or (received[0] is None) != (received[1] is None):
            raise compare.Wrong(
                f"decode_prediction: expected a box and a class, or (None, None). Received: "
                f"{_told(received)}. Is a gap not filled in?"
            )
        said.append(received[0] is not None)
    asked = [(float(y[0]), float(y[5:].max()), limit) for y, limit in zip(vectors, thresholds, strict=True)]
    right = [p >= threshold for p, _, threshold in asked]
    if said == right:
        return
    named = next(
        (text for text, decide in THRESHOLD_MISTAKES.items() if said == [decide(*numbers) for numbers in asked]), ""
    )
    (p, best, limit), there = next(
        (numbers, expected) for numbers, expected, one in zip(asked, right, said, strict=True) if expected != one
    )
    raise compare.Wrong(
        f"{named}{named and chr(10)}p_c = {p:g}, best class number {best:g}, threshold {limit:g}: expected "
        f"{'an object' if there else '(None, None)'}. Received: {'(None, None)' if there else 'an object'}."
    )


def _told(received: Any) -> str:
    if isinstance(received, tuple) and len(received) == 2:
        return f"{compare.describe(received[0])} and {compare.describe(received[1])}"
    return compare.describe(received)


# localizer_head


def build_head(subject: Subject, features: int, num_classes: int) -> Model:
    """Let the submission put its head on an input of so many features.

    Raises:
        compare.Wrong: it raised or gave no model, or its output has another shape, or its weights have.
    """
    received = subject.call("localizer_head", Input((features,)), num_classes)
    if isinstance(received, tuple | list):
        raise compare.Wrong(
            f"Expected one tensor of 5 + {num_classes} numbers for each picture. Received: "
            f"{compare.describe(received)}. Join the parts: Concatenate."
        )
    model = compare.is_model(received, "localizer_head")
    expected = (None, 5 + num_classes)
    if model.outputs != (expected,):
        told = model.outputs[0] if len(model.outputs) == 1 else model.outputs
        raise compare.Wrong(
            f"Output of localizer_head: expected {expected}: p_c, four numbers of the box, {num_classes} of the "
            f"classes. Received: {told}."
        )
    _see_kernels(model, features, num_classes)
    return model


def _see_kernels(model: Model, features: int, num_classes: int) -> None:
    """See that the layers are dense ones on the features: three of them, or one that is split."""
    shapes = sorted(weight.shape for weight in model.weights)
    sizes = [(1, 4, num_classes), (5 + num_classes,)]
    if shapes in [sorted(shape for units in each for shape in ((features, units), (units,))) for each in sizes]:
        return
    chained = any(len(shape) == 2 and shape[0] != features for shape in shapes)
    raise compare.Wrong(
        f"{'A layer does not stand on the features, but on what another one gives.' + chr(10) if chained else ''}"
        f"Expected dense layers of 1, 4 and {num_classes} units on the {features} features, each with a kernel and "
        f"a bias. Received weights of: {', '.join(map(str, shapes)) or 'none'}."
    )


def see_head(
    subject: Subject, draw: np.random.Generator, features: int, num_classes: int, *, scale: float, named: bool = True
) -> None:
    """Compare what the head gives with weights that are set, for features of about `scale`.

    Raises:
        compare.Wrong: something else; the message names the mistake where it is a known one.
    """
    model = build_head(subject, features, num_classes)
    kernel = draw.normal(0, 1 / np.sqrt(features), (features, 5 + num_classes)).astype(np.float32)
    bias = draw.normal(0, 0.5, 5 + num_classes).astype(np.float32)
    places = {1: slice(0, 1), 4: slice(1, 5), num_classes: slice(5, None), 5 + num_classes: slice(None)}
    shapes = [weight.shape for weight in model.weights]
    subject.set_weights(model, [(kernel if len(shape) == 2 else bias)[..., places[shape[-1]]] for shape in shapes])
    x = draw.normal(0, scale, (6, features)).astype(np.float32)
    logits = x.astype(np.float64) @ kernel + bias
    right = np.concatenate([sigmoid(logits[:, :1]), logits[:, 1:5], softmax(logits[:, 5:])], axis=-1)
    received = subject.predict(model, x)
    mistakes = head_mistakes(logits) if named else None
    compare.close(received, right.astype(np.float32), "localizer_head", mistakes=mistakes, rtol=1e-3, atol=1e-4)


# localization_loss


def ask_loss(subject: Subject, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
    """Call the submission with tensors."""
    return subject.call("localization_loss", Tensor(y_true), Tensor(y_pred))


def ask_gradient(subject: Subject, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Give the gradient of the sum of the submission's losses with respect to the prediction, (m, 5 + n).

    Raises:
        compare.Wrong: it raised, or there is no gradient of that shape.
    """
    try:
        received = subject.call("gradient_of", Named("localization_loss"), Tensor(y_true), Tensor(y_pred))
    except compare.NotCompared as wrong:
        text = str(wrong).replace("gradient_of raised", "localization_loss raised")
        raise compare.NotCompared(text, wrong.raised) from None
    if received is None:
        raise compare.Wrong(
            "The loss has no gradient, so nothing can be learned from it: use TensorFlow's functions, not NumPy's. Or "
            "is a gap not filled in?"
        )
    if not isinstance(received, Array) or received.values.shape != y_pred.shape:
        compare.close(received, np.zeros_like(y_pred), "gradient of localization_loss")
    return np.asarray(received.values, np.float64)


def see_gradient(subject: Subject, y_true: np.ndarray, y_pred: np.ndarray) -> None:
    """See that box and classes of empty pictures have no gradient, and that p_c and the box of others have the right.

    Raises:
        compare.Wrong: they have.
    """
    received, right = ask_gradient(subject, y_true, y_pred), gradient(y_true, y_pred)
    is_empty = y_true[:, 0] == 0
    if not np.isfinite(received).all():
        raise compare.Wrong("The gradient is not finite: training would end with weights that are no numbers.")
    if np.abs(received[is_empty, 1:]).max() > 1e-6:
        part = "box" if np.abs(received[is_empty, 1:5]).max() > 1e-6 else "classes"
        raise compare.Wrong(
            f"The gradient pulls at the {part} of empty pictures: where p_c of y_true is 0, nothing but p_c counts."
        )
    compare.close(
        Array(received[:, :5], "float64", "array"), right[:, :5], "gradient for p_c and the box", rtol=1e-3, atol=1e-4
    )
