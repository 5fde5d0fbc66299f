"""Honest submissions that do not run as they should: what the learner reads, and what else keeps its points."""

from dataclasses import replace
from pathlib import Path

import pytest
from car_detection import EVAL, FILTER, IMPORTS, IOU, PARTS, SUPPRESSION, changed, write_notebook

from keras_cv_course.grading.assignment import Assignment
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer

NOISE = "import warnings\nprint('x' * 100000)\nwarnings.warn('careful')\nimport sys; print('!', file=sys.stderr)\n"
NOISY_IOU = IOU.replace(
    "    union =", "    print(box1, '\\n' * 1000); import warnings; warnings.warn('mind')\n    union ="
)
SLOW_IOU = IOU.replace("    union =", "    import time; time.sleep(0.05)\n    union =")
CHECKED_IOU = "from keras_cv_course.grading import check\n" + IOU + "check(iou)\n"
HELPERS = (
    "from keras_cv_course import scale_boxes, yolo_boxes_to_corners\nfrom keras_cv_course import yolo_head as head\n"
)
MAGIC = "%matplotlib inline\n!pip install nothing\n%%timeit\n" + IMPORTS + "?tf.constant\n"


def lost(result: Result) -> set[str]:
    return {question.function for question in result.questions if question.earned < question.points}


# name -> cells, functions that lose points, and what is told of the first of them
BROKEN: dict[str, tuple[list[str], set[str], list[str]]] = {
    "syntax error": (
        changed("iou", ("    union = area1", "    union = (area1")),
        {"iou"},
        [
            "There is no function iou.",
            "Code cell 3 raised SyntaxError in line 9:",
            "'(' was never closed",
            "union = (area1",
        ],
    ),
    "indentation": (
        changed("iou", ("    return intersection", "   return intersection")),
        {"iou"},
        ["Code cell 3 raised IndentationError in line 10:", "return intersection / union"],
    ),
    "missing function": (
        [IMPORTS, FILTER, SUPPRESSION, EVAL],
        {"iou"},
        ["There is no function iou."],
    ),
    "wrong name": (
        changed("iou", ("def iou(", "def IoU(")),
        {"iou"},
        ["There is no function iou. Is it IoU? Its name must be iou."],
    ),
    "an unfilled gap": (
        changed("iou", ("area1 + area2 - intersection", "None")),
        {"iou"},
        [
            "iou raised TypeError in line 10 of code cell 3: unsupported operand",
            "return intersection / union",
            "Something is None",
            "Hint: union = area of box1 + area of box2 - intersection.",
        ],
    ),
    "one argument less": (
        changed("iou", ("def iou(box1, box2)", "def iou(box1)")),
        {"iou"},
        ["iou raised TypeError: iou() takes 1 positional argument but 2 were given"],
    ),
    "a name that is not there": (
        changed("iou", ("/ union", "/ unoin")),
        {"iou"},
        ["iou raised NameError in line 10 of code cell 3: name 'unoin' is not defined"],
    ),
    "wrong shape": (
        changed(
            "yolo_filter_boxes",
            ("tf.boolean_mask(best_scores, mask)", "tf.boolean_mask(best_scores, mask)[:, tf.newaxis]"),
        ),
        {"yolo_filter_boxes", "yolo_eval"},
        ["scores of yolo_filter_boxes: expected the shape", "The values are right, only their shape is not."],
    ),
    "wrong dtype": (
        changed(
            "yolo_filter_boxes", ("tf.boolean_mask(best_classes", "tf.boolean_mask(tf.cast(best_classes, tf.float64)")
        ),
        {"yolo_filter_boxes", "yolo_eval"},
        ["classes of yolo_filter_boxes: expected whole numbers, such as int64. Received: a tensor of shape", "float64"],
    ),
    "half precision": (
        changed(
            "yolo_filter_boxes",
            ("return tf.boolean_mask(best_scores", "return tf.boolean_mask(tf.cast(best_scores, tf.bfloat16)"),
        ),
        {"yolo_filter_boxes"},
        ["values differ. The first is [0]: expected 0.", "of dtype bfloat16, which is too coarse"],
    ),
    "two results for three": (
        changed("yolo_filter_boxes", (", tf.boolean_mask(best_classes, mask)", "")),
        {"yolo_filter_boxes", "yolo_eval"},
        ["yolo_filter_boxes: expected 3 results: scores, boxes, classes. Received: a tuple of 2."],
    ),
    "a function that ends Python": (
        changed("iou", ("    union =", "    import sys; sys.exit(1)\n    union =")),
        {"iou"},
        ["iou wanted to end Python (SystemExit) in line 9 of code cell 3"],
    ),
    "a package that is not there": (
        ["import tensorflow as tf\nimport tensorflow_addons as tfa", *changed("iou", ("max(", "tfa.max("))[1:]],
        {"iou"},
        ["NameError", "Code cell 1 raised ModuleNotFoundError in line 2: "],
    ),
    "a shape that TensorFlow refuses": (
        changed(
            "yolo_filter_boxes", ("box_confidence * box_class_probs", "tf.matmul(box_confidence, box_class_probs)")
        ),
        {"yolo_filter_boxes", "yolo_eval"},
        ["yolo_filter_boxes raised InvalidArgumentError in line 3 of code cell 2", "tf.matmul(box_confidence"],
    ),
    "endless loop": (
        changed("iou", ("    union =", "    while True: pass\n    union =")),
        {"iou"},
        ["iou took longer than 2 seconds, at last in line 9 of code cell 3 (while True: pass)."],
    ),
    "memory": (
        changed("iou", ("    union =", "    hoard = [bytearray(10**8) for _ in range(100)]\n    union =")),
        {"iou"},
        ["iou used more than 2.0 GB of memory."],
    ),
    "an end without a word": (
        changed("iou", ("    union =", "    import os; os._exit(0)\n    union =")),
        {"iou"},
        ["iou ended itself"],
    ),
    "a cell that ends Python without a word": (
        [*PARTS.values(), "import os\nclass Trap:\n    os._exit(3)\n"],
        set(),
        [],
    ),
    "noise everywhere": ([NOISE, *changed("iou", (IOU, NOISE + NOISY_IOU))], set(), []),
    "slow": (changed("iou", (IOU, SLOW_IOU)), set(), []),
    "checks in the cell": (changed("iou", (IOU, CHECKED_IOU)), set(), []),
    "helpers from the package": ([HELPERS, *PARTS.values()], set(), []),
    "lines for Jupyter": ([MAGIC, *PARTS.values()], set(), []),
    "text after the end": ([*PARTS.values(), "this is not Python", "yolo_eval(None)  # never executed"], set(), []),
    "the last definition counts, and is wrong": (
        [*PARTS.values(), "def iou(box1, box2):\n    return 0.25\n"],
        {"iou"},
        ["iou is defined in line 2 of code cell 3 and again in line 1 of code cell 6: the last one was graded."],
    ),
    "the last definition counts": ([*changed("iou", ("max(right - left, 0)", "1")), IOU], set(), []),
    "a graded cell that raises after its function": (changed("iou", (IOU, IOU + "iou(1, 2)\n")), set(), []),
    "a graded cell without a mark": (changed("iou", ("# GRADED FUNCTION: iou\n", "")), set(), []),
}


def few_seconds(assignment: Assignment) -> Assignment:
    questions = [replace(each, limits=replace(each.limits, seconds=2.0)) for each in assignment.questions]
    return replace(assignment, questions=tuple(questions))


@pytest.mark.parametrize("name", BROKEN)
def test_feedback_says_where_and_what(
    server: WorkerServer, car_detection: Assignment, tmp_path: Path, name: str
) -> None:
    cells, losing, told = BROKEN[name]
    assignment = few_seconds(car_detection) if name == "endless loop" else car_detection
    result = grade(write_notebook(tmp_path / "learner.ipynb", cells), assignment, seed=4, server=server)
    feedback = show(result)
    print(feedback)
    assert lost(result) == losing, feedback
    assert all(text in feedback for text in told), feedback


def show(result: Result) -> str:
    lines = [result.problem]
    for question in result.questions:
        lines.append(f"{question.function} {question.earned:g}/{question.points:g} {question.problem}")
        lines += [
            f"  {check.status} {check.title}: {check.message}" for check in question.checks if check.status != "passed"
        ]
    return "\n".join(lines)
