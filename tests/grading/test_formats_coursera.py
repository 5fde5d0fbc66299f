"""The contract: https://github.com/coursera/programming-assignments-demo/blob/master/custom-graders/v2/README.md."""

import json
from dataclasses import replace

import jsonschema
import pytest
from sample_results import SECRET, failed_result, mixed_result, perfect_result

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.formats.coursera import FEEDBACK_BYTES, feedback, to_json

SCHEMA = {
    "type": "object",
    "required": ["fractionalScore", "feedback"],
    "properties": {
        "fractionalScore": {"type": "number", "minimum": 0, "maximum": 1},
        "feedback": {"type": "string"},
        "feedbackType": {"enum": ["HTML", "TXT"]},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("result", "functions", "score"),
    [
        (mixed_result(), None, 0.5),
        (mixed_result(), ["iou"], 0.875),
        (mixed_result(), ["yolo_head"], 0),
        (perfect_result(), None, 1),
    ],
)
def test_keeps_the_contract(result, functions, score):
    content = json.loads(to_json(result, functions))
    jsonschema.validate(content, SCHEMA)
    assert content["fractionalScore"] == score
    assert SECRET not in content["feedback"]


def test_a_part_speaks_of_its_own_questions():
    text = feedback(mixed_result(), ["iou"])["feedback"]
    assert "3.5 of 4 points" in text
    assert "yolo_head" not in text


def test_feedback_ends_where_coursera_would_cut_it():
    question = mixed_result().questions[0]
    check = replace(question.checks[1], message="ü" * FEEDBACK_BYTES)
    content = feedback(replace(mixed_result(), questions=(replace(question, checks=(check,)),)))["feedback"]
    assert FEEDBACK_BYTES - 4 <= len(content.encode()) <= FEEDBACK_BYTES
    assert content.endswith("too long to be shown)\n")


@pytest.mark.parametrize(("result", "functions"), [(failed_result(), None), (mixed_result(), ["unknown"])])
def test_a_failure_of_the_grader_is_no_score(result, functions):
    with pytest.raises(GradingError):
        feedback(result, functions)
