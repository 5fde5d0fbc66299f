"""The loss of complete IoU and focal objectness against loops over float64 numbers."""

import math

import numpy as np
import tensorflow as tf
from raw_outputs import ANCHORS, noise
from test_yolo_loss import random_truth

from keras_cv_course.boxes import complete_iou
from keras_cv_course.detection.ciou_focal_loss import CIoUFocalLoss
from keras_cv_course.detection.targets import assign
from keras_cv_course.detection.yolo_loss import YoloLoss


def iou(a: np.ndarray, b: np.ndarray) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(across, 0) * max(down, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def penalties(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Give the part of the centres' distance, and v, that of the forms."""
    around = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    distance = ((a[0] + a[2]) / 2 - (b[0] + b[2]) / 2) ** 2 + ((a[1] + a[3]) / 2 - (b[1] + b[3]) / 2) ** 2
    angles = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b)]
    return distance / around, 4 / math.pi**2 * (angles[0] - angles[1]) ** 2


def random_boxes(count: int, seed: int) -> np.ndarray:
    corners = np.random.default_rng(seed).uniform(0, 1, (count, 4))
    return np.concatenate([corners[:, :2], corners[:, :2] + 0.05 + corners[:, 2:]], axis=1)


def test_complete_iou_is_that_of_the_paper() -> None:
    first, second = random_boxes(200, 0), random_boxes(200, 1)
    expected = []
    for a, b in zip(first, second, strict=True):
        overlap, (distance, form) = iou(a, b), penalties(a, b)
        expected.append(overlap - distance - form * form / (1 - overlap + form))
    np.testing.assert_allclose(complete_iou(first, second), expected, rtol=1e-9)
    np.testing.assert_allclose(complete_iou(first.astype("f4"), second.astype("f4")), expected, atol=1e-5)
    np.testing.assert_allclose(complete_iou(first, first), 1, rtol=1e-12)


def test_gradient_of_complete_iou_takes_a_as_a_constant() -> None:
    first, second = random_boxes(20, 2), random_boxes(20, 3)
    boxes = tf.Variable(first)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(complete_iou(boxes, second))
    found = tape.gradient(value, boxes).numpy()
    for a, b, gradient in zip(first, second, found, strict=True):
        weight = penalties(a, b)[1] / (1 - iou(a, b) + penalties(a, b)[1])
        for side in range(4):
            change = np.eye(4)[side] * 1e-6

            def at(box: np.ndarray, b: np.ndarray = b, weight: float = weight) -> float:
                distance, form = penalties(box, b)
                return iou(box, b) - distance - weight * form

            numeric = (at(a + change) - at(a - change)) / 2e-6
            np.testing.assert_allclose(gradient[side], numeric, atol=1e-6)  # what differences of 1e-6 leave


def test_parts_by_a_loop() -> None:
    classes, rows, cols = 2, 4, 6
    truth, raw = random_truth(3, 5, classes, 1), noise(3, rows, cols, classes)
    loss = CIoUFocalLoss(ANCHORS, object_scale=5, noobject_scale=2, coord_scale=3)
    measures = loss.measure(truth, raw)
    assigned = assign(np.pad(truth, [(0, 0), (0, 1), (0, 0)]), np.float32(ANCHORS), (rows, cols))
    for number, numbers in enumerate(raw.reshape(3, -1, 5 + classes).astype(float)):
        logistic = 1 / (1 + np.exp(-numbers))
        boxes = []
        for place, t in enumerate(numbers):
            cell, n = divmod(place, len(ANCHORS))
            x, y = (cell % cols + logistic[place, 0]) / cols, (cell // cols + logistic[place, 1]) / rows
            w, h = np.exp(t[2:4]) * ANCHORS[n] / [cols, rows]
            boxes.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        objects = [
            np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2, w * h])
            for x, y, w, h, _ in truth[number].astype(float)
        ]
        coordinates = objectness = 0.0
        for place, stands, thing in zip(
            np.asarray(assigned.place)[number], np.asarray(assigned.stands)[number], objects, strict=False
        ):
            if stands:
                overlap, (distance, form) = iou(boxes[place], thing), penalties(boxes[place], thing)
                ciou = overlap - distance - form**2 / (1 - overlap + form)
                coordinates += 3 * (2 - thing[4]) * 2.5 * (1 - ciou)
                p = logistic[place, 4]
                entropy = -overlap * np.log(p) - (1 - overlap) * np.log(1 - p)
                own = -sum(q * np.log(q) for q in (overlap, 1 - overlap) if q > 0)
                objectness += 5 * 2 * abs(overlap - p) * (entropy - own)
        taken = set(np.asarray(assigned.place)[number][np.asarray(assigned.exists)[number]].tolist())
        there = [thing for thing in objects if thing[4] > 0]
        no_object = sum(
            2 * 4 * logistic[place, 4] * -np.log(1 - logistic[place, 4])
            for place, box in enumerate(boxes)
            if place not in taken and all(iou(box, thing) <= 0.6 for thing in there)
        )
        for name, expected in (("coordinates", coordinates), ("objectness", objectness), ("no_object", no_object)):
            np.testing.assert_allclose(measures[name][0][number], expected, rtol=2e-5, err_msg=name)  # float32


def test_classes_and_recall_are_darknets() -> None:
    truth, raw = random_truth(3, 6, 2, 4), noise(3, 4, 5, 2)
    ours, darknet = (loss(ANCHORS).measure(truth, raw) for loss in (CIoUFocalLoss, YoloLoss))
    for name in ("classes", "recall", "average_iou"):
        np.testing.assert_array_equal(ours[name][0], darknet[name][0])
