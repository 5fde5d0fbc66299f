"""Calls a submission's functions, compares, and says more of the cause where it can be found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_cv_course.grading import Array, Subject, Tensor, compare

from .reference import Boxes, Pair, Picture, box_iou, corners, suppress

IMPOSSIBLE = 10.0  # no score is as high: with this threshold no box may stay
LEAST_AGREEING = 2  # wrong answers: a single one may agree with a mistake by chance


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
            revision, or where it does not use the threshold, the message says so.
    """
    boxes, confidence, probabilities = inputs

    def compared(arguments: tuple[np.ndarray, ...], mistakes: Mapping[str, Boxes]) -> None:
        compare.close(ask_filter(subject, *arguments, **threshold), right, "yolo_filter_boxes", mistakes=mistakes)

    try:
        compared(inputs, mistakes)
    except compare.Wrong as wrong:
        if _is_right(lambda: compared((confidence, boxes, probabilities), {})):
            raise type(wrong)(
                f"The arguments are in the order of the course's older revision: here it is boxes, box_confidence, "
                f"box_class_probs.\n{wrong}"
            ) from None
        if not threshold or not right["scores"].size or isinstance(wrong, compare.NotCompared):
            raise
        compared(inputs, {**_without_threshold(subject, inputs, **threshold), **mistakes})
        raise  # it gives something else when it is asked again


def _without_threshold(
    subject: Subject, inputs: tuple[np.ndarray, np.ndarray, np.ndarray], threshold: float
) -> dict[str, Boxes]:
    """Tell what a submission that does not use the threshold gives: what it gives where no box may stay."""
    try:
        received = ask_filter(subject, *inputs, threshold=IMPOSSIBLE)
    except compare.NotCompared:
        return {}
    if not isinstance(received, tuple | list) or len(received) != 3:
        return {}
    if not all(isinstance(part, Array) and part.values.size for part in received):
        return {}
    text = f"The threshold that is given is not used: the same boxes stay for {threshold:g} and for {IMPOSSIBLE:g}."
    return {text: dict(zip(("scores", "boxes", "classes"), (part.values for part in received), strict=True))}


def _is_right(compared: Callable[[], None]) -> bool:
    try:
        compared()
    except compare.Wrong:
        return False
    return True


def ask_iou(
    subject: Subject, pairs: Sequence[Pair], mistakes: Callable[[Pair], dict[str, float]], *, rtol: float = 1e-4
) -> None:
    """Call the submission with tuples, as the course does, and compare.

    Args:
        subject: the submission.
        pairs: of boxes.
        mistakes: what to tell a learner -> what a function with that mistake gives for a pair.
        rtol: largest difference, relative to the right value.

    Raises:
        compare.Wrong: an answer is wrong. Where one mistake explains all wrong answers, at least two of them, or where
            all answers are the same, the message begins with that.
    """
    received, wrong = [], []
    for pair in pairs:
        a, b = (tuple(map(float, box)) for box in pair)
        received.append(subject.call("iou", a, b))
        try:
            compare.close(received[-1], box_iou(*pair), f"iou({_told(a)}, {_told(b)})", rtol=rtol)
        except compare.Wrong as difference:
            wrong.append((pair, received[-1], difference))
    if not wrong:
        return
    explained = [mistakes(pair) for pair, _, _ in wrong]
    for mistake in explained[0] if len(wrong) >= LEAST_AGREEING else ():
        if all(_is_near(answer, values[mistake]) for (_, answer, _), values in zip(wrong, explained, strict=True)):
            raise compare.Wrong(f"{mistake}\n{wrong[0][2]}")
    raise compare.Wrong(f"{_constant(received, pairs)}{wrong[0][2]}")


def _is_near(received: Any, value: float) -> bool:
    return _is_right(lambda: compare.close(received, value, "iou"))


def _constant(received: Sequence[Any], pairs: Sequence[Pair]) -> str:
    """Say that all answers are the same number, where the right ones are not."""
    numbers = [
        answer.values[()] if isinstance(answer, Array) and answer.values.shape == () else answer for answer in received
    ]
    if type(numbers[0]) is bool or not isinstance(numbers[0], int | float | np.integer | np.floating):
        return ""
    first = float(numbers[0])
    if len({box_iou(*pair) for pair in pairs}) == 1 or not all(_is_near(answer, first) for answer in received):
        return ""
    why = (
        "is the division // instead of /, or is there a number in place of the result?"
        if first == 0
        else ("is there a number in place of the result?")
    )
    return f"The result is {first:.6g} for all {len(pairs)} pairs of boxes that were tried: {why}\n"


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
        cause = _cause(subject, picture, wrong)
        if not cause:
            raise
        raise type(wrong)(f"{wrong}{cause}") from None


def see_eval_tensors(subject: Subject, picture: Picture) -> None:
    """See that tensors come back, and say where the suppression by itself already gives something else.

    Raises:
        compare.Wrong: something else does.
    """
    limits = {"max_boxes": picture.max_boxes, "iou_threshold": picture.iou_threshold}
    name = "yolo_non_max_suppression"
    try:
        received = subject.call("yolo_eval", tuple(map(Tensor, picture.outputs)), picture.image_shape)
        compare.are_tensors(received, 3, "yolo_eval")
    except compare.NotCompared:
        raise
    except compare.Wrong as wrong:
        if _is_right(lambda: compare.are_tensors(ask_suppression(subject, picture.filtered(), **limits), 3, name)):
            raise
        raise compare.Wrong(f"{wrong}\nThe cause may be {name}, which does not give tensors either.") from None


def _cause(subject: Subject, picture: Picture, wrong: compare.Wrong) -> str:
    """Say which of the submission's own functions, which `yolo_eval` calls, is wrong already.

    Of what `yolo_eval` raised they are a cause only where it came from a function that was called, or where one of them
    raises the same by itself.
    """
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

    has_raised = isinstance(wrong, compare.NotCompared)
    is_own = has_raised and (wrong.raised is None or len(wrong.raised.frames) < 2)
    steps: dict[str, Callable[[], None]] = {"yolo_filter_boxes": filtered, "yolo_non_max_suppression": suppressed}
    for name, step in steps.items():
        try:
            step()
        except compare.Wrong as of_step:
            if not is_own or _is_same_error(wrong, of_step):
                return f"\nThe cause may be {name}, which does not give the right result for this picture either."
    if has_raised and not is_own:
        return (
            f"\n{' and '.join(steps)} are right for this picture: look at what yolo_eval passes from one to the other."
        )
    return ""


def _is_same_error(wrong: compare.Wrong, other: compare.Wrong) -> bool:
    """Say whether two calls raised the same, in the same line as far as the lines are known."""
    first, second = (getattr(each, "raised", None) for each in (wrong, other))
    if first is None or second is None or (first.type, first.message) != (second.type, second.message):
        return False
    return not second.frames or first.frames[-1:] == second.frames[-1:]
