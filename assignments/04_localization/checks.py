"""Public checks of the localization assignment.

Vectors are y = [p_c, b_x, b_y, b_h, b_w, c_1 .. c_n]. Boxes in pixels are (x1, y1, x2, y2).
"""

from collections.abc import Iterator

import numpy as np

from keras_cv_course.grading import Array, Subject, check_of, compare

from .asking import (
    ask_decode,
    ask_encode,
    ask_gradient,
    ask_loss,
    build_head,
    see_gradient,
    see_head,
    see_threshold,
)
from .inputs import Case, draw_batch, draw_judged, draw_picture, draw_target, is_clear, telling
from .reference import decode, encode, is_right, loss, softmax
from .typical_mistakes import (
    correct_mistakes,
    decode_mistakes,
    empty_mistakes,
    encode_mistakes,
    loss_mistakes,
)

LEAST_OF_SURELY_WRONG = 5.0  # of the logarithm of what keeps a probability from 0: 0.006 and less
MOST_OF_SURELY_RIGHT = 0.02

# encode_target


@check_of(
    "encode_target",
    title="A picture with an object",
    points=2,
    hint="y = [p_c, b_x, b_y, b_h, b_w, c_1 .. c_n]: x and b_w are parts of the width, y and b_h of the height.",
)
def encode_object(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a picture that is wider than high."""

    def cases() -> Iterator[Case]:
        while True:
            picture = draw_picture(draw, (int(draw.integers(90, 110)), int(draw.integers(140, 180))), 5)
            yield picture, encode(picture), encode_mistakes(picture)

    picture, right, mistakes = telling(cases())
    compare.close(ask_encode(subject, picture), right, "encode_target", mistakes=mistakes)


@check_of(
    "encode_target",
    title="A picture without an object",
    hint="Where box is None, every number of y is 0.",
)
def encode_nothing(subject: Subject, draw: np.random.Generator) -> None:
    """Compare, after a picture with an object."""
    picture = draw_picture(draw, (100, 150), 4)
    _see_is_vector(ask_encode(subject, picture), 9)
    empty = (None, None, picture[2], 4)
    compare.close(ask_encode(subject, empty), encode(empty), "encode_target", mistakes=empty_mistakes(4))


def _see_is_vector(received: object, size: int) -> None:
    if not isinstance(received, Array) or received.values.shape != (size,) or not received.values.any():
        compare.close(received, np.ones(size, np.float32), "encode_target")


# decode_prediction


@check_of(
    "decode_prediction",
    title="Box and class",
    points=2,
    hint="x1 = (b_x - b_w / 2) * width, and so on; the class is the place of the largest of y[5:].",
)
def decode_object(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a picture that is wider than high."""

    def cases() -> Iterator[Case]:
        while True:
            size = (int(draw.integers(90, 110)), int(draw.integers(140, 180)))
            y = draw_target(draw, True, 5)
            y[0], y[5:] = draw.uniform(0.85, 0.95), softmax(draw.normal(0, 0.4, 5))
            box, class_id = decode(y, size)
            if 1 <= class_id <= 3 and y[1:5].max() < 0.7:
                yield (y, size), {"box": box, "class_id": class_id}, decode_mistakes(y, size)

    (y, size), right, mistakes = _telling_decoded(cases())
    compare.close(ask_decode(subject, y, size), right, "decode_prediction", mistakes=mistakes, rtol=1e-3)


def _telling_decoded(cases: Iterator[Case]) -> Case:
    """Give the first case in which mistakes are others than the right answer; two of them may give the same class."""
    return next(
        case
        for case in cases
        if all(
            not np.allclose(wrong["box"], case[1]["box"], rtol=0.01) or wrong["class_id"] != case[1]["class_id"]
            for wrong in case[2].values()
        )
    )


@check_of(
    "decode_prediction",
    title="Where p_c is below the threshold there is nothing",
    points=2,
    hint="Return (None, None) where y[0] is below the threshold, and box and class where it is at least that.",
)
def decode_threshold(subject: Subject, draw: np.random.Generator) -> None:
    """Use quarters and eighths, which float32 holds exactly."""
    # p_c, best class number, threshold
    asked = [
        (0.9, 0.9, 0.5),
        (0.2, 0.9, 0.5),
        (0.75, 0.6, 0.5),
        (0.9, 0.45, 0.5),
        (0.375, 0.9, 0.25),
        (0.625, 0.9, 0.75),
        (0.375, 0.9, 0.375),
    ]
    vectors = []
    for p, best, _ in asked:
        y = draw_target(draw, True, 3)
        y[0], y[5:] = p, np.where(y[5:] == 1, best, (1 - best) / 2)
        vectors.append(y)
    see_threshold(subject, vectors, [threshold for _, _, threshold in asked], (60, 90))


# localizer_head


@check_of(
    "localizer_head",
    title="Shape of its output, and its weights",
    hint="Dense(1), Dense(4) and Dense(num_classes), all on the features; then Concatenate.",
)
def head_structure(subject: Subject, draw: np.random.Generator) -> None:
    """Build it on some features."""
    build_head(subject, int(draw.integers(20, 40)), 3)


@check_of(
    "localizer_head",
    title="Values with given weights",
    points=2,
    hint="p_c has a sigmoid, the box no activation, the classes a softmax, in this order.",
)
def head_values(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for features of usual size."""
    see_head(subject, draw, 12, 3, scale=1.0)


# localization_loss


@check_of(
    "localization_loss",
    title="Pictures with an object",
    hint="-log(p_c), the sum of four squared errors, and -log of the right class's number.",
)
def loss_of_objects(subject: Subject, draw: np.random.Generator) -> None:
    """Compare where nothing is to be masked."""
    y_true, y_pred = draw_batch(draw, [True] * 5, 3)
    mistakes = {
        text: value
        for text, value in loss_mistakes(y_true, y_pred).items()
        if not np.allclose(value, loss(y_true, y_pred), rtol=0.01)
    }
    compare.close(ask_loss(subject, y_true, y_pred), loss(y_true, y_pred), "localization_loss", mistakes=mistakes)


@check_of(
    "localization_loss",
    title="Pictures with and without an object",
    points=2,
    hint="loss = logistic loss of p_c + p_c of y_true * (squared error + cross-entropy), for each picture.",
)
def loss_of_both(subject: Subject, draw: np.random.Generator) -> None:
    """Compare with targets in which the numbers that do not matter are anything."""

    def cases() -> Iterator[Case]:
        while True:
            batch = draw_batch(draw, [True, False, True, False, False, True], 4)
            yield batch, loss(*batch), loss_mistakes(*batch)

    batch, right, mistakes = telling(cases())
    compare.close(ask_loss(subject, *batch), right, "localization_loss", mistakes=mistakes)


@check_of(
    "localization_loss",
    title="What a step of training would change",
    hint="Multiply the errors of box and classes by y_true[:, 0]; use TensorFlow's functions.",
)
def loss_gradient(subject: Subject, draw: np.random.Generator) -> None:
    """Compare the gradient: nothing pulls at the box of an empty picture."""
    see_gradient(subject, *draw_batch(draw, [True, False, False, True], 3))


@check_of(
    "localization_loss",
    title="A network that is quite sure",
    hint="log(0) is minus infinity: tf.clip_by_value(p, 1e-7, 1 - 1e-7) keeps p from 0 and 1.",
)
def loss_of_sure(subject: Subject, draw: np.random.Generator) -> None:
    """Give probabilities of exactly 0 and 1: right ones, then wrong ones."""
    y_true = np.stack([draw_target(draw, there, 3) for there in (True, False, True, False)])
    y_true[:, 5:] = np.eye(3)[draw.integers(0, 3, 4)]
    y_pred = y_true.copy()
    y_pred[2:, 0] = 1 - y_true[2:, 0]
    y_pred[2:, 5:] = np.roll(y_true[2:, 5:], 1, axis=-1)
    received = ask_loss(subject, y_true, y_pred)
    if not isinstance(received, Array) or received.values.shape != (4,):
        compare.close(received, np.zeros(4, np.float32), "localization_loss")
    if not np.isfinite(received.values).all() or not np.isfinite(ask_gradient(subject, y_true, y_pred)).all():
        raise compare.Wrong(
            "The loss or its gradient is not finite where a probability is exactly 0 or 1: log(0) is minus infinity, "
            "and 0 times that is no number. Keep probabilities a little away from 0 and 1 before the logarithm."
        )
    values = received.values.astype(np.float64)
    if np.abs(values[:2]).max() > MOST_OF_SURELY_RIGHT:
        raise compare.Wrong(f"Sure and right: expected a loss of 0. Received: {np.abs(values[:2]).max():g}.")
    if values[2:].min() < LEAST_OF_SURELY_WRONG:
        raise compare.Wrong(
            f"Sure and wrong: expected a loss of more than {LEAST_OF_SURELY_WRONG:g}. Received: {values[2:].min():g}. "
            f"Move probabilities by less, such as 1e-7."
        )


# correct_at_iou


@check_of(
    "correct_at_iou",
    title="Found, of the right class, and in the right place",
    points=2,
    hint="An object: p_c >= 0.5, the same class, IoU >= iou_threshold. No object: p_c < 0.5.",
)
def correct_of_many(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a batch in which every mistake shows."""
    threshold = 0.6

    def cases() -> Iterator[Case]:
        while True:
            batch = draw_judged(draw, 40, 3)
            if is_clear(*batch, 0.5, threshold):
                mistakes = correct_mistakes(*batch, threshold)
                del mistakes["An IoU that equals the threshold is enough: compare with >=, not with >."]
                yield batch, is_right(*batch, threshold), mistakes

    batch, right, mistakes = telling(cases())
    received = subject.call("correct_at_iou", *batch, iou_threshold=threshold)
    compare.close(received, right, "correct_at_iou", mistakes=mistakes)


@check_of(
    "correct_at_iou",
    title="An IoU of exactly the threshold, and a p_c of exactly 0.5",
    hint="At least means >=: of p_c and of the IoU.",
)
def correct_at_threshold(subject: Subject, draw: np.random.Generator) -> None:
    """Use boxes of halves and quarters, of which one has half of the other's area."""
    y_true = np.float32([[1, 0.5, 0.5, 0.5, 0.5, 0, 1]] * 4)
    y_pred = np.float32(
        [
            [0.9, 0.5, 0.5, 0.5, 0.25, 0.2, 0.8],  # IoU 0.5
            [0.5, 0.5, 0.5, 0.5, 0.5, 0.2, 0.8],  # p_c 0.5
            [0.9, 0.5, 0.5, 0.25, 0.25, 0.2, 0.8],  # IoU 0.25
            [0.25, 0.5, 0.5, 0.5, 0.5, 0.2, 0.8],  # p_c 0.25
        ]
    )
    order = draw.permutation(4)
    right = np.array([True, True, False, False])
    mistakes = {
        "An IoU that equals the threshold is enough: compare with >=, not with >.": right & (np.arange(4) != 0),
        "A p_c of 0.5 is enough: compare with >=, not with >.": right & (np.arange(4) != 1),
        "At least the threshold is enough, for p_c and for the IoU: compare with >=, not with >.": np.zeros(4, bool),
    }
    received = subject.call("correct_at_iou", y_true, y_pred[order])
    named = {text: value[order] for text, value in mistakes.items()}
    compare.close(received, right[order], "correct_at_iou", mistakes=named)
