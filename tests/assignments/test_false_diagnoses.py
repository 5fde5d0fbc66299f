"""What is told of a mistake does not name another one."""

from pathlib import Path

import pytest
from assignment_lessons import FOLDERS, read

from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer

CASES = {  # what was written: assignment, function that is asked, function -> what becomes what, what must not be told
    "always 0": ("03", "iou", {"iou": ("intersection / union", "0")}, ["y1, not x2", "The union"]),
    "// for /": ("03", "iou", {"iou": ("intersection / union", "intersection // union")}, ["y1, not x2", "The union"]),
    "the smaller area": (
        "03",
        "iou",
        {"iou": ("intersection / union", "intersection / min(area1, area2)")},
        ["first box's area", "second box's area"],
    ),
    "a fixed threshold": (
        "03",
        "yolo_filter_boxes",
        {"yolo_filter_boxes": (">= threshold", ">= 0.6")},
        ["compare with >="],
    ),
    "rounded scores": (
        "03",
        "yolo_filter_boxes",
        {"yolo_filter_boxes": ("best_scores >= threshold", "tf.round(best_scores) >= threshold")},
        ["compare with >=", "is not used"],
    ),
    "a gap beside a return": (
        "03",
        "yolo_filter_boxes",
        {"yolo_filter_boxes": ("classes = tf.boolean_mask(best_classes, mask)", "classes = None")},
        ["`return`", "Use TensorFlow's functions"],
    ),
    "one class alone": (
        "03",
        "yolo_non_max_suppression",
        {
            "yolo_non_max_suppression": (
                "chosen.append(tf.cast(kept, tf.int64))",
                "chosen.append(tf.cast(kept, tf.int64))\n        break",
            )
        },
        ["order of their scores"],
    ),
    "the threshold turned around": (
        "03",
        "yolo_non_max_suppression",
        {"yolo_non_max_suppression": ("iou_threshold=iou_threshold", "iou_threshold=1 - iou_threshold")},
        ["Nothing was suppressed", "is not used"],
    ),
    "one threshold for both": (
        "03",
        "yolo_eval",
        {"yolo_eval": ("max_boxes, iou_threshold)", "max_boxes, score_threshold)")},
        ["are swapped"],
    ),
    "nothing filtered": (
        "03",
        "yolo_eval",
        {"yolo_eval": ("box_class_probs, score_threshold)", "box_class_probs, 0.0)")},
        ["gets iou_threshold", "are swapped"],
    ),
    "f in the third convolution": (
        "01",
        "identity_block",
        {"identity_block": ("Conv2D(F3, kernel_size=1", "Conv2D(F3, kernel_size=f")},
        ["The middle convolution loses"],
    ),
    "one batch norm for two": (
        "01",
        "identity_block",
        {
            "identity_block": (
                "    X = Conv2D(F3, kernel_size=1",
                "    n = BatchNormalization()\n    X = n(Conv2D(F3 + 1, 1)(n(X)))\n    X = Conv2D(F3, kernel_size=1",
            )
        },
        ["F3 channels"],
    ),
    "biases that begin at 1": (
        "01",
        "identity_block",
        {"identity_block": ("Conv2D(F3, kernel_size=1", "Conv2D(F3, bias_initializer='ones', kernel_size=1")},
        ["does not reach all batch norms"],
    ),
    "the larger of two heights": (
        "05",
        "eye_aspect_ratio",
        {"eye_aspect_ratio": ("(height1 + height2) / (2 * width)", "np.maximum(height1, height2) / width")},
        ["Only the height", "tilted", "halved", "brackets"],
    ),
    "a weight for the points": (
        "05",
        "landmark_loss",
        {"landmark_loss": ("has_face * of_points", "0.5 * has_face * of_points")},
        ["number of coordinates", "not squared", "no root", "count in pictures without a face"],
    ),
    "a pixel's other corner": (
        "05",
        "decode_heatmaps",
        {"decode_heatmaps": ("column + 0.5, row + 0.5", "column + 1.0, row + 1.0")},
        ["at 0.5, not at 0", "the centres of pixels", "are mixed up"],
    ),
    "the overlap's threshold turned around": (
        "06",
        "notes_non_max_suppression",
        {"notes_non_max_suppression": ("overlaps < iou_threshold", "overlaps < 1 - iou_threshold")},
        ["Nothing was suppressed", "is not used", "are swapped"],
    ),
    "kernels of a fixed size": (
        "06",
        "to_fully_convolutional",
        {"to_fully_convolutional": ("map_shape[:2], activation", "(5, 5), activation")},
        ["not one of 1x1"],
    ),
    "a picture of zeros": (
        "06",
        "classify_windows",
        {"classify_windows": ("classify(crops)", "classify(0 * crops)")},
        ["again and again", "divided by 255", "window_corners"],
    ),
    "a map that is twice as fine": (
        "08",
        "roi_align",
        {"roi_align": ("spatial_scale - 0.5", "spatial_scale * 2 - 0.5")},
        ["are rounded", "width and height", "half", "The cause may be"],
    ),
    "the larger area for the union": (
        "08",
        "mask_iou",
        {
            "mask_iou": (
                "np.maximum(union, 1)",
                "np.maximum(np.maximum(rows1.sum(axis=1)[:, np.newaxis], rows2.sum(axis=1)), 1)",
            )
        },
        ["twice", "Dice", "the smaller area", "first mask", "second mask", "neither"],
    ),
    "the mask's threshold turned around": (
        "08",
        "paste_mask",
        {"paste_mask": ("values >= threshold", "values >= 1 - threshold")},
        ["is not used", "below the threshold", "whole box", "comes before", "The cause may be"],
    ),
    "an error in yolo_eval's own line, beside a wrong function": (
        "03",
        "yolo_eval",
        {
            "yolo_eval": ("box_confidence, box_class_probs = yolo_outputs", "box_confidence = yolo_outputs"),
            "yolo_filter_boxes": (">= threshold", "< threshold"),
        },
        ["The cause may be", "are right for this picture"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_another_mistake_is_not_named(case: str, tmp_path: Path, server: WorkerServer) -> None:
    number, asked, changes, others = CASES[case]
    lesson = read(next(folder for folder in FOLDERS if folder.name.startswith(number)))
    solutions = {cell.function: cell.solution for cell in lesson.cells}
    for function, (old, _) in changes.items():
        assert solutions[function].count(old) == 1
    instead = {function: solutions[function].replace(*change) for function, change in changes.items()}
    path = lesson.write_notebook(tmp_path / "learner.ipynb", solved=True, instead=instead)
    (question,) = grade(path, lesson.readable(asked), seed=1, server=server).questions
    told = "\n".join(check.message for check in question.checks)
    assert told
    assert [sentence for sentence in others if sentence in told] == []
