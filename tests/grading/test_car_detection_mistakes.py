"""Mistakes that people make in the car detection assignment: each is caught, and a message names it."""

import pytest
from car_detection import EVAL, FILTER, IOU, PARTS, SUPPRESSION, GradeCells, changed, question_of

FILTERS, SUPPRESSES = "yolo_filter_boxes", "yolo_non_max_suppression"
GATHERED = "return tf.gather(scores, chosen), tf.gather(boxes, chosen), tf.gather(classes, chosen)"
PER_CLASS = SUPPRESSION[SUPPRESSION.index("    chosen = []") : SUPPRESSION.index("    order =")]

# mistake -> function, what is replaced, and a part of the message that names it
MISTAKES: dict[str, tuple[str, list[tuple[str, str]], str]] = {
    "max and argmax over the wrong axis": (FILTERS, [("axis=-1", "axis=-2")], "along the wrong axis"),
    "argmax over the wrong axis": (
        FILTERS,
        [("argmax(box_scores, axis=-1)", "argmax(box_scores, axis=-2)")],
        "classes of",
    ),
    "argmax without an axis": (
        FILTERS,
        [("argmax(box_scores, axis=-1)", "argmax(box_scores)")],
        "line 7 of code cell 2",
    ),
    "> for >=": (FILTERS, [("best_scores >=", "best_scores >")], "with >=, not with >"),
    "< for >=": (FILTERS, [("best_scores >=", "best_scores <")], "below the threshold were kept"),
    "classes not masked": (
        FILTERS,
        [("tf.boolean_mask(best_classes, mask)", "best_classes")],
        "applied to the classes",
    ),
    "scores not masked": (FILTERS, [("tf.boolean_mask(best_scores, mask)", "best_scores")], "applied to the scores"),
    "boxes not masked": (FILTERS, [("tf.boolean_mask(boxes, mask)", "boxes")], "applied to the boxes"),
    "max and argmax swapped": (
        FILTERS,
        [("argmax", "ARG"), ("reduce_max", "argmax"), ("ARG", "reduce_max")],
        "in line 6 of code cell 2",
    ),
    "scores and classes returned in each other's place": (
        FILTERS,
        [
            ("return tf.boolean_mask(best_scores, mask)", "return tf.boolean_mask(best_classes, mask)"),
            ("tf.boolean_mask(best_classes, mask)\n", "tf.boolean_mask(best_scores, mask)\n"),
        ],
        "returned in another order",
    ),
    "confidence left out": (
        FILTERS,
        [("box_confidence * box_class_probs", "box_class_probs")],
        "confidence is left out",
    ),
    "mask of the confidence": (
        FILTERS,
        [("best_scores >=", "box_confidence[..., 0] >=")],
        "not for the confidence alone",
    ),
    "threshold ignored": (FILTERS, [(">= threshold", ">= 0.6")], "0.6 is always taken"),
    "classes as floats": (
        FILTERS,
        [("tf.boolean_mask(best_classes, mask)\n", "tf.cast(tf.boolean_mask(best_classes, mask), tf.float32)\n")],
        "expected whole numbers",
    ),
    "NumPy for tensors": (
        FILTERS,
        [
            ("return tf.boolean_mask(best_scores, mask)", "return tf.boolean_mask(best_scores, mask).numpy()"),
            ("tf.boolean_mask(boxes, mask)", "tf.boolean_mask(boxes, mask).numpy()"),
        ],
        "expected TensorFlow tensors, received a NumPy array",
    ),
    "return is missing": (FILTERS, [("    return ", "    result = ")], "Is its `return` missing?"),
    "intersection counted twice": ("iou", [("area1 + area2 - intersection", "area1 + area2")], "subtract it once"),
    "intersection not divided": ("iou", [("intersection / union", "intersection")], "divide it by the union"),
    "negative intersection": (
        "iou",
        [("max(right - left, 0), max(bottom - top, 0)", "right - left, bottom - top")],
        "must not be negative",
    ),
    "intersection of the area's absolute value": (
        "iou",
        [("max(right - left, 0), max(bottom - top, 0)", "abs(right - left), abs(bottom - top)")],
        "must not become a positive one",
    ),
    "only the width clipped": ("iou", [("max(bottom - top, 0)", "bottom - top")], "must not be negative"),
    "min and max swapped": (
        "iou",
        [
            ("left, top = max(box1[0], box2[0]), max(", "left, top = min(box1[0], box2[0]), min("),
            ("right, bottom = min(box1[2], box2[2]), min(", "right, bottom = max(box1[2], box2[2]), max("),
        ],
        "those of the hull",
    ),
    "height and width swapped in the areas": (
        "iou",
        [
            ("(box1[2] - box1[0]) * (box1[3] - box1[1])", "(box1[3] - box1[0]) * (box1[2] - box1[1])"),
            ("(box2[2] - box2[0]) * (box2[3] - box2[1])", "(box2[3] - box2[0]) * (box2[2] - box2[1])"),
        ],
        "width is x2 - x1 and height is y2 - y1",
    ),
    "x1, x2, y1, y2": (
        "iou",
        [("def iou(box1, box2):", "def iou(a, b):\n    box1, box2 = [(c[0], c[2], c[1], c[3]) for c in (a, b)]")],
        "the second number is y1, not x2",
    ),
    "a pixel more": (
        "iou",
        [("right - left, 0), max(bottom - top, 0)", "right - left + 1, 0), max(bottom - top + 1, 0)")]
        + [(f"(box{n}[{a}] - box{n}[{b}])", f"(box{n}[{a}] - box{n}[{b}] + 1)") for n in "12" for a, b in ("20", "31")],
        "without 1 more",
    ),
    "suppressed across classes": (
        SUPPRESSES,
        [(PER_CLASS, "    chosen = tf.image.non_max_suppression(boxes, scores, max_boxes, iou_threshold)\n")],
        "Boxes of another class were suppressed",
    ),
    "iou_threshold ignored": (SUPPRESSES, [(", iou_threshold=iou_threshold", "")], "iou_threshold is not used"),
    "max_boxes ignored": (
        SUPPRESSES,
        [("tf.boolean_mask(scores, mask), max_boxes", "tf.boolean_mask(scores, mask), 1000"), ("[:max_boxes]", "")],
        "max_boxes is not used",
    ),
    "max_boxes of each class": (SUPPRESSES, [("order[:max_boxes]", "order")], "for all classes together"),
    "not sorted": (
        SUPPRESSES,
        [("    chosen = tf.gather(chosen, order[:max_boxes])\n", "    chosen = chosen[:max_boxes]\n")],
        "in the order of their scores",
    ),
    "rising scores": (SUPPRESSES, [('direction="DESCENDING"', 'direction="ASCENDING"')], "in another order"),
    "not suppressed": (SUPPRESSES, [("iou_threshold=iou_threshold", "iou_threshold=1.0")], "Nothing was suppressed"),
    "all classes come back": (
        SUPPRESSES,
        [("tf.gather(classes, chosen)\n", "classes\n")],
        "classes are those of all boxes",
    ),
    "not scaled": ("yolo_eval", [("    boxes = scale_boxes(boxes, image_shape)\n", "")], "relative to the picture"),
    "height and width of the picture swapped": (
        "yolo_eval",
        [("scale_boxes(boxes, image_shape)", "scale_boxes(boxes, image_shape[::-1])")],
        "Height and width are swapped",
    ),
    "size of the picture ignored": (
        "yolo_eval",
        [("scale_boxes(boxes, image_shape)", "scale_boxes(boxes, (720.0, 1280.0))")],
        "image_shape is not used",
    ),
    "x before y": (
        "yolo_eval",
        [
            (
                "yolo_boxes_to_corners(box_xy, box_wh)",
                "tf.concat([box_xy - box_wh / 2, box_xy + box_wh / 2], axis=-1)",
            )
        ],
        "use yolo_boxes_to_corners",
    ),
    "centre and size": (
        "yolo_eval",
        [("yolo_boxes_to_corners(box_xy, box_wh)", "tf.concat([box_xy, box_wh], axis=-1)")],
        "still centre and size",
    ),
    "score_threshold lost": (
        "yolo_eval",
        [("box_class_probs, score_threshold)", "box_class_probs)")],
        "score_threshold does not reach its step",
    ),
    "iou_threshold lost": (
        "yolo_eval",
        [("max_boxes, iou_threshold)", "max_boxes)")],
        "iou_threshold does not reach its step",
    ),
    "max_boxes lost": (
        "yolo_eval",
        [("max_boxes, iou_threshold)", "iou_threshold=iou_threshold)")],
        "max_boxes does not reach its step",
    ),
    "thresholds swapped": (
        "yolo_eval",
        [
            ("box_class_probs, score_threshold)", "box_class_probs, iou_threshold)"),
            ("max_boxes, iou_threshold)", "max_boxes, score_threshold)"),
        ],
        "score_threshold and iou_threshold are swapped",
    ),
    "filtered boxes not used": (
        "yolo_eval",
        [("scores, boxes, classes = yolo_filter", "scores, _, classes = yolo_filter")],
        "yolo_eval",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_caught_and_named(grade_cells: GradeCells, mistake: str) -> None:
    function, replacements, named = MISTAKES[mistake]
    result = grade_cells(changed(function, *replacements))
    question = question_of(result, function)
    assert question.earned < question.points
    told = [check.message for check in question.checks if check.message]
    assert any(named in message for message in told), "\n---\n".join([*told, question.problem])
    others = [other for other in result.questions if other.function not in (function, "yolo_eval")]
    assert all(other.earned == other.points for other in others)  # it costs its own points only
    assert not any(check.message for check in question.checks if check.visibility == "hidden")


VECTORISED_IOU = """\
import numpy as np
def iou(box1, box2):
    a, b = np.array(box1, dtype=float), np.array(box2, dtype=float)
    sides = np.clip(np.minimum(a, b)[2:] - np.maximum(a, b)[:2], 0, None)
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - np.prod(sides)
    return np.prod(sides) / union
"""
TENSOR_IOU = """\
def iou(box1, box2):
    a, b = tf.constant(box1, tf.float32), tf.constant(box2, tf.float32)
    sides = tf.maximum(tf.minimum(a[2:], b[2:]) - tf.maximum(a[:2], b[:2]), 0.0)
    shared = tf.reduce_prod(sides)
    return shared / (tf.reduce_prod(a[2:] - a[:2]) + tf.reduce_prod(b[2:] - b[:2]) - shared)
"""
LOOPED_SUPPRESSION = """\
def overlap(a, b):
    return iou((a[1], a[0], a[3], a[2]), (b[1], b[0], b[3], b[2]))

def yolo_non_max_suppression(scores, boxes, classes, max_boxes=10, iou_threshold=0.5):
    kept = []
    for i in tf.argsort(scores, direction="DESCENDING").numpy():
        rivals = [j for j in kept if classes[i] == classes[j]]
        if all(overlap(boxes[i].numpy(), boxes[j].numpy()) <= iou_threshold for j in rivals):
            kept.append(i)
    kept = kept[:max_boxes]
    return tf.gather(scores, kept), tf.gather(boxes, kept), tf.gather(classes, kept)
"""
SHIFTED_SUPPRESSION = """\
def yolo_non_max_suppression(scores, boxes, classes, max_boxes=10, iou_threshold=0.5):
    # Boxes of each class are moved to a place of their own, so that one call does for all classes.
    size = tf.reduce_max(boxes) - tf.reduce_min(boxes) + 1.0
    moved = boxes + tf.cast(classes, tf.float32)[:, tf.newaxis] * size
    chosen = tf.image.non_max_suppression(moved, scores, max_boxes, iou_threshold)
    return [tf.gather(values, chosen) for values in (scores, boxes, classes)]
"""
TRACED_FILTER = """\
@tf.function
def yolo_filter_boxes(boxes, box_confidence, box_class_probs, threshold=0.6):
    scores = tf.reduce_max(box_confidence * box_class_probs, axis=-1)
    where = tf.where(scores >= threshold)
    classes = tf.argmax(box_class_probs, axis=-1, output_type=tf.int32)
    return tf.gather_nd(scores, where), tf.gather_nd(boxes, where), tf.gather_nd(classes, where)
"""
SCALED_FIRST_EVAL = EVAL.replace("    boxes = scale_boxes(boxes, image_shape)\n", "").replace(
    "yolo_boxes_to_corners(box_xy, box_wh)", "scale_boxes(yolo_boxes_to_corners(box_xy, box_wh), image_shape)"
)
RIGHT = {
    "the course's way": PARTS,
    "IoU in NumPy, suppression in a loop": {**PARTS, "iou": VECTORISED_IOU, SUPPRESSES: LOOPED_SUPPRESSION},
    "IoU of tensors, classes moved apart": {**PARTS, "iou": TENSOR_IOU, SUPPRESSES: SHIFTED_SUPPRESSION},
    "a traced function": {**PARTS, FILTERS: TRACED_FILTER},
    "scaled before filtering, which gives the same boxes": {**PARTS, "yolo_eval": SCALED_FIRST_EVAL},
    "all in one cell without marks": {
        "all": "".join([PARTS["imports"], FILTER, IOU, SUPPRESSION, EVAL]).replace("#", "# ")
    },
}


@pytest.mark.parametrize("solution", RIGHT)
@pytest.mark.parametrize("seed", [1, 2])
def test_right_solution_earns_all_points(grade_cells: GradeCells, solution: str, seed: int) -> None:
    result = grade_cells(list(RIGHT[solution].values()), seed)
    assert result.is_perfect, [check for question in result.questions for check in question.checks if check.message]
    assert result.earned == result.points > 0
    assert not any(question.problem for question in result.questions)
