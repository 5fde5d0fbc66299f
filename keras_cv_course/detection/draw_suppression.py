"""Non-max suppression as an animated picture: which box is picked, and which go because of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_cv_course.detection.draw import draw_labels
from keras_cv_course.detection.label_font import font_file
from keras_cv_course.detection.select_boxes_notes import suppression_steps
from keras_cv_course.detections import Detections
from keras_cv_course.errors import DataContentError
from keras_cv_course.files import atomic_path

_WAITING, _PICKED, _DISCARDED = (225, 225, 225), (60, 210, 90), (235, 60, 50)


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

    Boxes that wait are light, those that are discarded red, those that are picked green. A line below the picture says
    what happens. Labels are scores, with the class where there are several.

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
    drawn = list(_frames(image, candidates, score_threshold, iou_threshold))
    # One palette for all, so that what stays is the same from frame to frame.
    palette = Image.fromarray(np.concatenate([np.array(frame) for frame in drawn])).quantize(256)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in drawn]
    milliseconds = [round(1000 * seconds)] * (len(frames) - 1) + [round(2000 * seconds)]
    with atomic_path(path) as temporary:
        frames[0].save(temporary, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)


def _frames(
    image: np.ndarray, candidates: Detections, score_threshold: float, iou_threshold: float
) -> Iterator[Image.Image]:
    scores = candidates.scores
    names = [candidates.class_names[number] for number in candidates.class_ids]
    several = len(set(names)) > 1
    labels = [f"{name} {score:.2f}" if several else f"{score:.2f}" for name, score in zip(names, scores, strict=True)]
    waiting = set(range(len(scores)))
    picked: list[int] = []

    def frame(caption: str, discarded: set[int]) -> Image.Image:
        # The first box is in front, and keeps its label longest.
        by_score = sorted(waiting | discarded, key=lambda index: -scores[index])
        shown = [*picked, *sorted(by_score, key=lambda index: index not in discarded)]
        colours = [_PICKED] * len(picked) + [_DISCARDED] * len(discarded) + [_WAITING] * (len(waiting - discarded))
        drawn = draw_labels(Image.fromarray(image), candidates.boxes[shown], [labels[i] for i in shown], colours)
        return _with_caption(drawn, caption)

    yield frame(f"{len(waiting)} boxes", set())
    unlikely = set(np.flatnonzero(scores <= score_threshold).tolist())
    yield frame(f"Discard p_c <= {score_threshold:g}: {len(unlikely)}", unlikely)
    waiting -= unlikely
    for step in suppression_steps(scores, candidates.boxes, candidates.class_ids, score_threshold, iou_threshold):
        waiting.remove(step.picked)
        picked.append(step.picked)
        discarded = set(step.discarded.tolist())
        best = f"{names[step.picked]}, {scores[step.picked]:.2f}"
        yield frame(f"Pick the best {best}; discard IoU >= {iou_threshold:g}: {len(discarded)}", discarded)
        waiting -= discarded
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
