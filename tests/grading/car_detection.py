"""A right solution of the car detection assignment, as source in parts, and the notebook around it."""

import json
from collections.abc import Callable
from pathlib import Path

from keras_cv_course.grading.results import QuestionResult, Result

GradeCells = Callable[..., Result]  # the code cells of a notebook, and perhaps a seed

IMPORTS = """\
import tensorflow as tf
"""

FILTER = """\
# GRADED FUNCTION: yolo_filter_boxes
def yolo_filter_boxes(boxes, box_confidence, box_class_probs, threshold=0.6):
    box_scores = box_confidence * box_class_probs
    best_classes = tf.math.argmax(box_scores, axis=-1)
    best_scores = tf.math.reduce_max(box_scores, axis=-1)
    mask = best_scores >= threshold
    return tf.boolean_mask(best_scores, mask), tf.boolean_mask(boxes, mask), tf.boolean_mask(best_classes, mask)
"""

IOU = """\
# GRADED FUNCTION: iou
def iou(box1, box2):
    left, top = max(box1[0], box2[0]), max(box1[1], box2[1])
    right, bottom = min(box1[2], box2[2]), min(box1[3], box2[3])
    width, height = max(right - left, 0), max(bottom - top, 0)
    intersection = width * height
    area1 = (box1[2] - box1[0]) * (box1[3] - box1[1])
    area2 = (box2[2] - box2[0]) * (box2[3] - box2[1])
    union = area1 + area2 - intersection
    return intersection / union
"""

SUPPRESSION = """\
# GRADED FUNCTION: yolo_non_max_suppression
def yolo_non_max_suppression(scores, boxes, classes, max_boxes=10, iou_threshold=0.5):
    boxes = tf.cast(boxes, tf.float32)
    scores = tf.cast(scores, tf.float32)
    chosen = []
    for label in tf.unique(classes)[0]:
        mask = classes == label
        best = tf.image.non_max_suppression(
            tf.boolean_mask(boxes, mask), tf.boolean_mask(scores, mask), max_boxes, iou_threshold=iou_threshold
        )
        chosen.append(tf.gather(tf.squeeze(tf.where(mask), axis=1), best))
    chosen = tf.concat(chosen, axis=0)
    order = tf.argsort(tf.gather(scores, chosen), direction="DESCENDING")
    chosen = tf.gather(chosen, order[:max_boxes])
    return tf.gather(scores, chosen), tf.gather(boxes, chosen), tf.gather(classes, chosen)
"""

EVAL = """\
# GRADED FUNCTION: yolo_eval
def yolo_eval(yolo_outputs, image_shape=(720.0, 1280.0), max_boxes=10, score_threshold=0.6, iou_threshold=0.5):
    box_xy, box_wh, box_confidence, box_class_probs = yolo_outputs
    boxes = yolo_boxes_to_corners(box_xy, box_wh)
    scores, boxes, classes = yolo_filter_boxes(boxes, box_confidence, box_class_probs, score_threshold)
    boxes = scale_boxes(boxes, image_shape)
    return yolo_non_max_suppression(scores, boxes, classes, max_boxes, iou_threshold)
"""

PARTS = {
    "imports": IMPORTS,
    "yolo_filter_boxes": FILTER,
    "iou": IOU,
    "yolo_non_max_suppression": SUPPRESSION,
    "yolo_eval": EVAL,
}


def changed(part: str, *replacements: tuple[str, str]) -> list[str]:
    """Give the cells with some text of one of them replaced, which must be there."""
    source = PARTS[part]
    for old, new in replacements:
        assert old in source, old
        source = source.replace(old, new)
    return [source if name == part else PARTS[name] for name in PARTS]


def write_notebook(path: Path, cells: list[str]) -> Path:
    """Write code cells as a notebook, with a text cell before them."""
    code = [
        {"cell_type": "code", "source": cell.splitlines(keepends=True), "metadata": {}, "outputs": []} for cell in cells
    ]
    text = {"cell_type": "markdown", "source": "# Car detection", "metadata": {}}
    path.write_text(json.dumps({"cells": [text, *code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def question_of(result: Result, function: str) -> QuestionResult:
    (found,) = [question for question in result.questions if question.function == function]
    return found
