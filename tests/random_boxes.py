"""Sets of true and found boxes for tests of metrics, drawn at random."""

from pathlib import Path

import numpy as np

from keras_cv_course.data.boxed_images import BoxedImage, BoxedImages
from keras_cv_course.detections import Detections

CLASSES = ("car", "bus", "tram")
SIZE = (200, 320)


def boxed(*pictures: list, class_names: tuple[str, ...] = CLASSES) -> BoxedImages:
    """Make a set of rows (class id, xyxy, flags...), a list for each picture."""
    return BoxedImages(
        Path("set"),
        tuple(
            BoxedImage(
                f"{number:03}.jpg",
                Path(f"{number:03}.jpg"),
                SIZE,
                np.array([row[1] for row in rows], np.float32).reshape(-1, 4),
                np.array([row[0] for row in rows], np.int64),
                tuple(frozenset(row[2:]) for row in rows),
            )
            for number, rows in enumerate(pictures)
        ),
        class_names,
        tuple(range(11, 11 + len(class_names))),
        "drawn",
    )


def detected(*rows: tuple, class_names: tuple[str, ...] = CLASSES) -> Detections:
    """Make what was found on a picture of rows (score, class id, xyxy)."""
    scores, class_ids, boxes = zip(*rows, strict=True) if rows else ((), (), ())
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(class_ids, np.int64),
        class_names,
        SIZE,
    )


def draw_pictures(
    seed: int, pictures: int = 12, flags: tuple[str, ...] = (), classes: int = len(CLASSES)
) -> tuple[list[Detections], BoxedImages]:
    """Draw objects of the first `classes` classes and what a middling detector finds: near boxes, copies, others.

    Corners are whole pixels, so that every arithmetic has the same areas; scores are tenths, so that many are equal.
    """
    draw = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(pictures):
        rows, boxes = [], []
        for _ in range(int(draw.integers(0, 7))):
            corner, sides = draw.integers(0, (200, 120)), draw.integers(8, 120, 2)
            box = np.minimum(np.concatenate([corner, corner + sides]), (SIZE[1], SIZE[0]) * 2)
            which, some = int(draw.integers(classes)), [flag for flag in flags if draw.random() < 0.3]
            rows.append((which, box.tolist(), *some))
            for _ in range(int(draw.integers(0, 3))):
                near = np.maximum(box + draw.integers(-8, 9, 4), 0)
                near[2:] = np.maximum(near[2:], near[:2] + 1)
                kind = which if draw.random() < 0.8 else int(draw.integers(len(CLASSES)))
                boxes.append((int(draw.integers(1, 11)) / 10, kind, near.tolist()))
        for _ in range(int(draw.integers(0, 3))):
            corner = draw.integers(0, (200, 120))
            box = [*corner.tolist(), *(corner + draw.integers(8, 100, 2)).tolist()]
            boxes.append((int(draw.integers(1, 11)) / 10, int(draw.integers(len(CLASSES))), box))
        truth.append(rows)
        found.append(detected(*(boxes[i] for i in draw.permutation(len(boxes)))))
    return found, boxed(*truth)
