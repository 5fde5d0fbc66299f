"""Hidden checks of the localization assignment: other sizes and values, defaults, and what is easily forgotten."""

from collections.abc import Iterator

import numpy as np

from keras_cv_course.grading import Subject, check_of, compare

from .asking import ask_decode, ask_encode, ask_loss, see_head
from .inputs import Case, draw_batch, draw_judged, draw_picture, draw_target, is_clear, telling
from .reference import decode, encode, is_right, loss
from .typical_mistakes import correct_mistakes, decode_mistakes, encode_mistakes


@check_of("encode_target", title="Pictures higher than wide, the first and the last class")
def encode_others(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for both ends of the classes, and for a box at the edge of the picture."""
    height, width = int(draw.integers(200, 250)), int(draw.integers(80, 120))
    box, class_id, size, _ = draw_picture(draw, (height, width), 6)
    picture = (box, class_id, size, 6)
    compare.close(ask_encode(subject, picture), encode(picture), "encode_target", mistakes=encode_mistakes(picture))
    for class_id in (0, 2):
        edge = ((0.0, 0.0, float(width), height / 4), class_id, (height, width), 3)
        compare.close(ask_encode(subject, edge), encode(edge), "encode_target")


@check_of("decode_prediction", title="Other pictures, and the threshold by default")
def decode_others(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for pictures that are higher than wide, and decode what encode_target writes."""
    size = (int(draw.integers(200, 250)), int(draw.integers(80, 120)))
    for class_id in (0, 1):
        y = draw_target(draw, True, 2)
        y[0], y[5:] = 0.55, np.where(np.arange(2) == class_id, 0.7, 0.3)
        box, _ = decode(y, size)
        right = {"box": box, "class_id": class_id}
        mistakes = {text: wrong for text, wrong in decode_mistakes(y, size).items() if wrong["class_id"] == class_id}
        compare.close(ask_decode(subject, y, size), right, "decode_prediction", mistakes=mistakes, rtol=1e-3)
    y[0] = 0.45
    received = ask_decode(subject, y, size)
    if received != (None, None):
        raise compare.Wrong(
            f"p_c = 0.45, and no threshold is given: expected (None, None). Received: {compare.describe(received)}."
        )


@check_of("localizer_head", title="Other numbers of features and classes, and large values")
def head_of_others(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for features whose boxes lie far outside of the picture, and for many classes."""
    see_head(subject, draw, int(draw.integers(30, 50)), int(draw.integers(6, 12)), scale=8.0)


@check_of("localization_loss", title="Other numbers of pictures and classes")
def loss_of_others(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a batch of one, of empty pictures only, and of many classes."""
    for has_object, num_classes in (([True], 2), ([False] * 3, 3), ([True, False] * 8, 20)):
        batch = draw_batch(draw, has_object, num_classes)
        compare.close(ask_loss(subject, *batch), loss(*batch), "localization_loss")


@check_of("correct_at_iou", title="Other pictures, and the threshold by default")
def correct_by_default(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for more classes, with predictions whose height or width is negative among them."""

    def cases() -> Iterator[Case]:
        while True:
            y_true, y_pred = draw_judged(draw, 60, 5)
            y_pred[1::20, 3] *= -1
            if is_clear(y_true, y_pred, 0.5):
                mistakes = correct_mistakes(y_true, y_pred, 0.5)
                names = ("iou_threshold is not used: 0.5 is always taken.",)
                names += ("An IoU that equals the threshold is enough: compare with >=, not with >.",)
                kept = {text: value for text, value in mistakes.items() if text not in names}
                yield (y_true, y_pred), is_right(y_true, y_pred, 0.5), kept

    batch, right, mistakes = telling(cases())
    compare.close(subject.call("correct_at_iou", *batch), right, "correct_at_iou", mistakes=mistakes)
