"""`kcc detect --method sliding-window`: its options, and the classifier that they name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_cv_course.cli.console import err, note
from keras_cv_course.errors import RunError

if TYPE_CHECKING:
    import numpy as np

    from keras_cv_course.detections import Detections

    Detect = Callable[[Iterator[np.ndarray]], Iterator[Detections]]

Background = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="Sliding windows: the classes that stand for no object; '' for none. [dim]Default: the one that is named "
        "background, nothing or the like[/]",
    ),
]
WindowHeights = Annotated[
    str | None,
    typer.Option(
        metavar="PIXELS,...",
        help="Sliding windows: heights in the picture, such as 64,96,128. [dim]Default: from the classifier's own on, "
        "each 1.4 times the one before[/]",
    ),
]
Stride = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Sliding windows: pixels from one to the next, where a window is as large as the classifier takes it. "
        "[dim]Default: that of its convolutions; without these a quarter of the window[/]",
    ),
]


@dataclass(frozen=True)
class Settings:
    """The options that say what counts as found."""

    score: float
    iou: float
    max_boxes: int | None
    classes: tuple[str, ...] | None


def check_method(method: str, weights: str | None, of_yolo: Mapping[str, Any], of_windows: Mapping[str, Any]) -> None:
    """Refuse weights and options of the other method; raise RunError."""
    from keras_cv_course.pretrained import window_classifiers

    if method == "yolo" and weights in window_classifiers():
        raise RunError(f"{weights} is a classifier of windows. Add --method sliding-window.")
    others = of_windows if method == "yolo" else of_yolo
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise RunError(f"{given[0]} means nothing with --method {method}. Leave it out, or choose the other method.")


def load_windows(
    weights: str, background: str | None, window_heights: str | None, stride: int | None, settings: Settings
) -> tuple["Detect", dict[str, Any]]:
    """Load the classifier, and give the function that finds objects with it, and facts for the JSON file."""
    from keras_cv_course.detection.predict import find_classes
    from keras_cv_course.detection.sliding_windows import check_window_heights, choose_sliding, detect_windows
    from keras_cv_course.models.window_classifier import load_window_classifier

    heights = _parse_heights(window_heights)
    names = None if background is None else tuple(name.strip() for name in background.split(",") if name.strip())
    with err.status("Loading the classifier ..."):
        classifier = load_window_classifier(weights, names)
        way = choose_sliding(classifier, None if stride is None else (stride, stride))
    if heights is not None:
        check_window_heights(classifier, heights)
    if settings.classes is not None:
        find_classes(settings.classes, classifier.class_names)
    apart = f"{classifier.window[0]} x {classifier.window[1]} windows, {way.stride[0]} x {way.stride[1]} pixels apart"
    note(f"{apart}, " + ("by convolutions." if way.by_crops is None else f"cut out one by one: {way.by_crops}"))

    def find(images: Iterator["np.ndarray"]) -> Iterator["Detections"]:
        return detect_windows(
            classifier,
            images,
            window_heights=heights,
            stride=way.stride,
            score_threshold=settings.score,
            iou_threshold=settings.iou,
            max_boxes=settings.max_boxes,
            classes=settings.classes,
        )

    facts = {"background": classifier.background, "window_heights": heights, "stride": way.stride}
    return find, {**facts, "by_convolutions": way.by_crops is None}


def _parse_heights(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        heights = [int(part) for part in text.split(",")]
    except ValueError:
        heights = []
    if not heights or min(heights) < 1:
        raise RunError(f"Expected heights in pixels after --window-heights, such as 64,96. Received: {text!r}.")
    return heights
