"""What a mistake in the car detection assignment costs, and what is told of it.

That each mistake is caught and named is tested with the lists of all assignments, in tests/assignments/.
"""

import pytest
from car_detection import PARTS, GradeCells, changed, question_of

MISTAKES = {  # function -> what is replaced
    "yolo_filter_boxes": ("best_scores >=", "best_scores <"),
    "iou": ("intersection / union", "intersection"),
    "yolo_non_max_suppression": ("iou_threshold=iou_threshold", "iou_threshold=1.0"),
    "yolo_eval": ("    boxes = scale_boxes(boxes, image_shape)\n", ""),
}


@pytest.mark.parametrize("function", MISTAKES)
def test_mistake_costs_its_own_points_only_and_hidden_checks_tell_nothing(
    grade_cells: GradeCells, function: str
) -> None:
    result = grade_cells(changed(function, MISTAKES[function]))
    question = question_of(result, function)
    assert question.earned < question.points
    others = [other for other in result.questions if other.function not in (function, "yolo_eval")]
    assert all(other.earned == other.points for other in others)
    hidden = [check for check in question.checks if check.visibility == "hidden"]
    assert not any(check.message for check in hidden)


def test_mistake_in_a_step_is_named_as_the_cause_in_the_whole(grade_cells: GradeCells) -> None:
    suppression = "yolo_non_max_suppression"
    result = grade_cells(changed(suppression, MISTAKES[suppression]))
    told = [check.message for check in question_of(result, "yolo_eval").checks if check.message]
    assert told
    assert all(f"The cause may be {suppression}" in message for message in told)


@pytest.mark.parametrize("seed", [1, 2])
def test_right_solution_in_one_cell_without_marks_earns_all_points(grade_cells: GradeCells, seed: int) -> None:
    result = grade_cells(["".join(PARTS.values()).replace("# GRADED FUNCTION", "# my function")], seed)
    assert result.is_perfect, [check for question in result.questions for check in question.checks if check.message]
    assert result.earned == result.points > 0
