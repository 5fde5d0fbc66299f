"""Calls a submission's functions, compares, and says more of the cause where it can be found."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_cv_course.grading import Subject, Tensor, compare

from .reference import Boxes, Picture, box_iou, corners, suppress


def ask_filter(subject: Subject, boxes: Any, confidence: Any, probabilities: Any, **threshold: float) -> Any:
    """Call the submission with tensors."""
    return subject.call("yolo_filter_boxes", Tensor(boxes), Tensor(confidence), Tensor(probabilities), **threshold)


def see_filter(
    subject: Subject,
    inputs: tuple[np.ndarray, np.ndarray, np.ndarray],
    right: Boxes,
    mistakes: Mapping[str, Boxes],
    **threshold: float,
) -> None:
    """Call the submission and compare.

    Raises:
        compare.Wrong: it is not right; where it would be with the arguments in the order of the course's older
            revision, the message says so.
    """
    boxes, confidence, probabilities = inputs

    def in_older_order() -> None:
        compare.close(ask_filter(subject, confidence, boxes, probabilities, **threshold), right, "yolo_filter_boxes")

    try:
        compare.close(ask_filter(subject, *inputs, **threshold), right, "yolo_filter_boxes", mistakes=mistakes)
    except compare.Wrong as wrong:
        if not _is_right(in_older_order):
            raise
        raise type(wrong)(
            f"The arguments are in the order of the course's older revision: here it is boxes, box_confidence, "
            f"box_class_probs.\n{wrong}"
        ) from None


def _is_right(compared: Callable[[], None]) -> bool:
    try:
        compared()
    except compare.Wrong:
        return False
    return True


def ask_iou(subject: Subject, first: np.ndarray, second: np.ndarray, mistakes: dict[str, float]) -> None:
    """Call the submission with tuples, as the course does, and compare."""
    a, b = tuple(map(float, first)), tuple(map(float, second))
    received = subject.call("iou", a, b)
    name = f"iou({_told(a)}, {_told(b)})"
    compare.close(received, box_iou(first, second), name, mistakes=mistakes)


def _told(box: tuple[float, ...]) -> str:
    return f"({', '.join(f'{side:g}' for side in box)})"


def ask_suppression(subject: Subject, found: Boxes, **limits: float) -> Any:
    """Call the submission with tensors."""
    arguments = [Tensor(found[name]) for name in ("scores", "boxes", "classes")]
    return subject.call("yolo_non_max_suppression", *arguments, **limits)


def ask_eval(subject: Subject, picture: Picture, mistakes: Mapping[str, Boxes], *settings: str) -> None:
    """Call the submission with tensors and the settings that are named, and compare."""
    keywords = {name: getattr(picture, name) for name in settings}

    def compared(outputs: tuple[np.ndarray, ...], mistakes: Mapping[str, Boxes]) -> None:
        received = subject.call("yolo_eval", tuple(map(Tensor, outputs)), picture.image_shape, **keywords)
        compare.close(received, picture.evaluate(), "yolo_eval", mistakes=mistakes, atol=0.01)  # of pixels

    try:
        compared(picture.outputs, mistakes)
    except compare.Wrong as wrong:
        box_xy, box_wh, confidence, probabilities = picture.outputs
        if _is_right(lambda: compared((confidence, box_xy, box_wh, probabilities), {})):
            raise type(wrong)(
                f"yolo_outputs is in the order of the course's older revision: here it is box_xy, box_wh, "
                f"box_confidence, box_class_probs.\n{wrong}"
            ) from None
        raise type(wrong)(f"{wrong}{_cause(subject, picture, isinstance(wrong, compare.NotCompared))}") from None


def _cause(subject: Subject, picture: Picture, has_raised: bool) -> str:
    """Say which of the submission's own functions, which `yolo_eval` calls, is wrong already."""
    boxes = corners(picture.box_xy, picture.box_wh)
    found = picture.filtered()

    def filtered() -> None:
        threshold = picture.score_threshold
        received = ask_filter(subject, boxes, picture.confidence, picture.probabilities, threshold=threshold)
        compare.close(received, found, "yolo_filter_boxes")

    def suppressed() -> None:
        limits = {"max_boxes": picture.max_boxes, "iou_threshold": picture.iou_threshold}
        right = suppress(found, picture.max_boxes, picture.iou_threshold)
        compare.close(ask_suppression(subject, found, **limits), right, "yolo_non_max_suppression")

    steps: dict[str, Callable[[], None]] = {"yolo_filter_boxes": filtered, "yolo_non_max_suppression": suppressed}
    for name, step in steps.items():
        if not _is_right(step):
            return f"\nThe cause may be {name}, which does not give the right result for this picture either."
    if has_raised:
        return (
            f"\n{' and '.join(steps)} are right for this picture: look at what yolo_eval passes from one to the other."
        )
    return ""
