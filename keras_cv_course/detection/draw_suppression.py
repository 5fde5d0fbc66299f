"""Non-max suppression as an animated picture: which box is picked, and which go because of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_cv_course.detection.draw import draw_labels, get_colors_for_classes
from keras_cv_course.detection.label_font import font_file
from keras_cv_course.detection.select_boxes_notes import suppression_steps
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError
from keras_cv_course.files import atomic_path

_WAITING, _GOING = (225, 225, 225), (235, 60, 50)
_COLOURS = 96  # of the picture's palette


def animate_suppression(
    path: str | Path,
    image: np.ndarray,
    candidates: Detections,
    score_threshold: float = 0.6,
    iou_threshold: float = 0.5,
    *,
    seconds: float = 1.5,
) -> None:
    """Draw the notes' non-max suppression step by step into a GIF that runs in a loop.

    Boxes that wait are light, those that are discarded red, those that are picked in their class's colour. A line below
    the picture says what happens.

    Args:
        path: the .gif file, written whole or not at all.
        image: uint8 (height, width, 3), RGB.
        candidates: the boxes of this picture before the suppression.
        score_threshold: a box goes if its score is at most this.
        iou_threshold: a box goes if its IoU with a picked one of its class is at least this.
        seconds: that each step is shown; the last one twice as long.

    Raises:
        DataContentError: another suffix, a picture of another size than the boxes are of, a threshold outside 0..1, or
            `seconds` that are not above 0.
    """
    if Path(path).suffix.lower() != ".gif":
        raise DataContentError(f"Expected the path of a .gif file. Received: {str(path)!r}.")
    if image.shape[:2] != tuple(candidates.image_size):
        raise DataContentError(
            f"Expected the image that the boxes are of, (height, width) {tuple(candidates.image_size)}. Received: "
            f"{image.shape[:2]}."
        )
    if not seconds > 0:
        raise DataContentError(f"Expected seconds above 0. Received: {seconds}.")
    frames = [
        frame.quantize(_COLOURS, dither=Image.Dither.NONE)
        for frame in _frames(image, candidates, score_threshold, iou_threshold)
    ]
    milliseconds = [round(1000 * seconds)] * (len(frames) - 1) + [round(2000 * seconds)]
    with atomic_path(path) as temporary:
        frames[0].save(temporary, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)


def _frames(
    image: np.ndarray, candidates: Detections, score_threshold: float, iou_threshold: float
) -> Iterator[Image.Image]:
    scores, names = candidates.scores, candidates.class_names
    palette = get_colors_for_classes(len(names))
    waiting = set(range(len(scores)))
    picked: list[int] = []

    def frame(caption: str, going: set[int]) -> Image.Image:
        # The first box is in front, and keeps its label longest.
        shown = [*picked, *sorted(going, key=lambda i: -scores[i]), *sorted(waiting - going, key=lambda i: -scores[i])]
        labels = [f"{names[candidates.class_ids[i]]} {scores[i]:.2f}" for i in shown]
        colours = [
            palette[candidates.class_ids[i]] if i in picked else _GOING if i in going else _WAITING for i in shown
        ]
        drawn = draw_labels(Image.fromarray(image), candidates.boxes[shown], labels, colours)
        return _with_caption(drawn, caption)

    yield frame(f"{len(waiting)} boxes", set())
    unlikely = set(np.flatnonzero(scores <= score_threshold).tolist())
    yield frame(f"Discard p_c <= {score_threshold:g}: {len(unlikely)}", unlikely)
    waiting -= unlikely
    for step in suppression_steps(scores, candidates.boxes, candidates.class_ids, score_threshold, iou_threshold):
        waiting.remove(step.picked)
        picked.append(step.picked)
        going = set(step.discarded.tolist())
        name = names[candidates.class_ids[step.picked]]
        caption = f"Pick the best {name}, {scores[step.picked]:.2f}; discard IoU >= {iou_threshold:g}: {len(going)}"
        yield frame(caption, going)
        waiting -= going
    yield frame(f"{len(picked)} boxes are left", set())


def _with_caption(picture: np.ndarray, caption: str) -> Image.Image:
    """Put a line of text below a picture."""
    height, width = picture.shape[:2]
    letters = max(11, round(0.03 * width))
    canvas = Image.new("RGB", (width, height + 2 * letters), "white")
    canvas.paste(Image.fromarray(picture))
    font = ImageFont.truetype(font_file(caption, bold=False), letters)
    ImageDraw.Draw(canvas).text((letters / 2, height + letters), caption, fill="black", font=font, anchor="lm")
    return canvas
