"""The contract: https://gradescope-autograders.readthedocs.io/en/latest/specs/."""

import json

import jsonschema
import pytest
from sample_results import SECRET, failed_result, mixed_result, perfect_result

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.formats.gradescope import results, to_json

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
TEST = {
    "type": "object",
    "required": ["score"],
    "properties": {
        "score": {"type": "number"},
        "max_score": {"type": "number"},
        "status": {"enum": ["passed", "failed"]},
        "name": {"type": "string"},
        "name_format": FORMAT,
        "number": {"type": "string"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "tags": {"type": "array", "items": {"type": "string"}},
        "visibility": VISIBILITY,
        "extra_data": {"type": "object"},
    },
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "required": ["score"],
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {"type": "array", "items": TEST},
        "leaderboard": {"type": "array"},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize("result", [mixed_result(), perfect_result()])
def test_keeps_the_contract(result):
    content = json.loads(to_json(result))
    jsonschema.validate(content, SCHEMA)
    assert content["score"] == pytest.approx(sum(test["score"] for test in content["tests"]))
    assert content["extra_data"]["seed"] == 7
    assert SECRET not in json.dumps(content)


def test_each_check_is_a_test_that_says_what_befell_it():
    tests = results(mixed_result())["tests"]
    assert [(test["number"], test["status"], test["score"], test["max_score"]) for test in tests] == [
        ("1.1", "passed", 1, 1),
        ("1.2", "failed", 0.5, 1),
        ("1.3", "passed", 2, 2),
        ("2.1", "failed", 0, 2),
        ("2.2", "failed", 0, 1),
    ]
    assert tests[1]["output"] == "expected 0.0\nreceived -0.25 <b>&"
    assert tests[1]["output_format"] == "text"  # so that no markup of a learner's is taken for the page's
    assert tests[2]["name"] == "iou: Fresh boxes (hidden)"
    assert tests[4]["output"] == "Code cell 3 raised NameError: name 'tff' is not defined."
    assert {test["visibility"] for test in tests} == {"visible"}  # a hidden test would hide the total


def test_a_failure_of_the_grader_is_no_score():
    with pytest.raises(GradingError, match="fell over"):
        results(failed_result())
